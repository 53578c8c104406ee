"""What caused what, in words: for `tag --explain`."""

from nlp import labels
from nlp.reading import Reading, Span


def underline(reading: Reading) -> str:
    """The text, and below it one line for each finding with the words that say so."""
    lines = [f"「{reading.text}」"]
    lines += [
        _line(
            f"关注 {labels.CONCERNS[c.code]}（{labels.POLARITIES[c.polarity]}）",
            c.evidence,
            c.span,
            c.rule,
        )
        for c in reading.concerns
    ]
    lines += [
        _line(
            f"意图 {'不' if i.negated else ''}{labels.INTENTS[i.code]}", i.evidence, i.span, i.rule
        )
        for i in reading.intents
    ]
    lines += [
        _line(f"信息 {labels.SLOTS[s.kind]} = {s.value}", s.text, s.span, "") for s in reading.slots
    ]
    lines += [
        _line(f"信号 {s.level} 级（{labels.TIERS[s.tier]}）", s.evidence, s.span, s.name)
        for s in reading.signals
    ]
    about = f"，替{reading.about}问" if reading.about else ""
    act, tier = labels.SPEECH_ACTS[reading.speech_act], labels.TIERS[reading.tier_signal]
    return "\n".join([*lines, f"语气 {act}，意向信号 {tier}{about}"])


def _line(what: str, evidence: str, span: Span, rule: str) -> str:
    why = f"  规则 {rule}" if rule else ""
    return f"  {what} ← “{evidence}” [{span[0]},{span[1]}){why}"
