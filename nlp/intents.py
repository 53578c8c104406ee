"""Intents, signals, speech act, and for whom the customer asks."""

import re
from collections.abc import Sequence

from nlp.clauses import Clause, index
from nlp.concerns import EITHER, Finding
from nlp.match import Hit
from nlp.normalise import Normal
from nlp.reading import Intent, Signal

NEVER_NEGATED = (
    "opt_out",
    "complaint",
    "lost",
    "delay",
    "cool_off",
    "cancel_order",
    "greeting",
    "thanks",
    "chitchat",
)
TIERS = ("high", "mid", "low")
MAY = re.compile("能|可以")  # 定金能退吗 is asked before it is paid
OTHERS = re.compile("朋友|同事|邻居|亲戚|别人|有人|谁|人家|群友")  # who bought, if not the customer


def find(
    original: str, normal: Normal, hits: Sequence[Hit], ends: list[int], clauses: Sequence[Clause]
) -> list[Intent]:
    """One intent of each code: its longest words, or the first said without a negation."""
    best: dict[str, tuple[bool, int, Hit]] = {}  # said without a denial, how long, where
    for hit in hits:
        code, size = hit.rule.code, hit.end - hit.start
        held = best.get(code)
        if held and held[0] and held[1] >= size:
            continue
        clause = clauses[index(ends, hit.start)]
        if code == "lost" and OTHERS.search(normal.text, clause.start, hit.start):
            continue
        meant = code in NEVER_NEGATED or not _denied(normal.text, hit, clause)
        if held is None or (meant, size) > held[:2]:
            best[code] = meant, size, hit
    if "opt_out" in best and _order_back(best["opt_out"][2], hits):
        del best["opt_out"]
    if "lost" in best and "order" in best and _overlap(best["lost"][2], best["order"][2]):
        del best["order"]  # 定了理想 is an order, but not here
    return [_intent(original, normal, hit, not meant) for meant, _, hit in best.values()]


def _overlap(a: Hit, b: Hit) -> bool:
    return a.start < b.end and b.start < a.end


TAKEN_BACK = 2  # characters of 退订, which may mean the messages or the order


def _order_back(hit: Hit, hits: Sequence[Hit]) -> bool:
    """退订 with an order in sight takes back the order: 我要退订，定金能退吗."""
    if hit.end - hit.start != TAKEN_BACK:
        return False
    return any(h.rule.code in ("deposit", "cancel_order") and not _overlap(h, hit) for h in hits)


def _intent(original: str, normal: Normal, hit: Hit, denied: bool) -> Intent:
    start, end = normal.span(hit.start, hit.end)
    return Intent(
        hit.rule.code, hit.rule.strength, denied, original[start:end], (start, end), hit.rule.name
    )


SPECS = frozenset((
    "range", "battery", "energy", "power", "handling", "comfort", "space", "exterior", "interior",
    "config", "smart", "safety", "quality",
))  # fmt: skip


def asked(
    original: str, normal: Normal, findings: Sequence[Finding], found: Sequence[Intent]
) -> list[Intent]:
    """A question about what the car is like asks for its facts, whatever the words."""
    if any(i.code == "ask_spec" for i in found):
        return []
    about = next((f for f in findings if f.asked and f.code in SPECS), None)
    if about is None:
        return []
    start, end = normal.span(about.start, about.end)
    return [Intent("ask_spec", 0.5, False, original[start:end], (start, end), "spec.asked")]


DENIALS = (
    "不想", "不要", "不用", "不需要", "不考虑", "先不", "暂时不", "没空", "没时间", "没想",
    "没打算", "不打算", "不准备", "别", "不方便", "去不了", "不能", "懒得", "没兴趣", "不必",
    "无需", "没必要", "用不着", "不太想", "来不了", "不走", "不办", "不做", "不愿意", "不愿",
    "不去", "不会", "不接受",
)  # fmt: skip
UNDENIED = re.compile(
    "能不能|可不可以|要不要|是不是|会不会|不是不|想不想|用不用|需不需要|不能不|不得不|别忘|难道|就不能"
)


DENIED = re.compile("(?:不|没|没有)$|" + "|".join(DENIALS))


def _denied(text: str, hit: Hit, clause: Clause) -> bool:
    before = text[max(clause.start, hit.start - 6) : hit.start]
    if UNDENIED.search(text, max(clause.start, hit.start - 6), hit.start + 1):
        return False
    if DENIED.search(before):
        return True
    after = text[hit.end : min(clause.end, hit.end + 4)]
    return after.startswith(
        ("不了", "就不", "就算了", "先不", "不用", "不考虑", "不需要", "去不了", "就免了")
    )


def signals(
    original: str, normal: Normal, hits: Sequence[Hit], ends: list[int], clauses: Sequence[Clause]
) -> list[Signal]:
    found: dict[str, Signal] = {}
    for hit in hits:
        if hit.rule.name in found:
            continue
        clause = clauses[index(ends, hit.start)]
        if hit.rule.tier != "low" and _denied(normal.text, hit, clause):
            continue
        start, end = normal.span(hit.start, hit.end)
        found[hit.rule.name] = Signal(
            hit.rule.name.removeprefix("signal."),
            hit.rule.tier,
            hit.rule.level,
            original[start:end],
            (start, end),
        )
    return sorted(found.values(), key=lambda s: (TIERS.index(s.tier), s.span))


def tier(found: Sequence[Signal], intents: Sequence[Intent]) -> str:
    """The strongest signal, unless the customer says in so many words that it can wait."""
    names = {s.name for s in found}
    codes = {i.code for i in intents if not i.negated}
    if "opt_out" in codes or "end" in names or "lost" in codes:
        return "low"
    if any(i.code == "cancel_order" and not MAY.search(i.evidence) for i in intents):
        found = [s for s in found if s.name != "order_now"]
    tiers = {s.tier for s in found}
    if "low" in tiers and not names & {"order_now", "test_drive", "stock"}:
        return "low"
    return next((t for t in TIERS if t in tiers), "none")


def speech_act(text: str, hits: Sequence[Hit], clauses: Sequence[Clause]) -> str:
    """Refusal, then condition, question and requirement; a question at the end outranks an if."""
    if not clauses:
        return "statement"
    acts: dict[str, list[Hit]] = {}
    for hit in hits:
        acts.setdefault(hit.rule.value, []).append(hit)
    last = clauses[-1]
    ending = text[last.start : last.end]
    asks_last = (
        "?" in last.mark
        or ending.endswith(("不", "没"))
        or EITHER.search(ending)
        or any(h.start >= last.start for h in acts.get("question", ()))
    )
    asks = bool(asks_last) or "question" in acts or any("?" in c.mark for c in clauses)
    if "condition" in acts and not asks_last:
        return "condition"
    if "refusal" in acts and not asks_last:
        return "refusal"
    if asks:
        return "question"
    return "requirement" if "requirement" in acts else "statement"
