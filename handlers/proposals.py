"""From corrections to changes of the lexicon: what to add, what it mends, what else it touches.

A proposal only adds rules with a longer phrase that outweighs the words which were read wrongly.
It is tried on the corrected messages and on everything that customers said before.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from handlers.context import Ctx
from handlers.words import POLARITY, short
from nlp.labels import CONCERNS, INTENTS
from nlp.lexicon import Lexicon
from nlp.normalise import plain
from nlp.reading import Reading
from storage import corrections
from storage.corrections import Correction

HISTORY = 5000  # wordings, the newest
EXAMPLES = 3
NEAR, FAR = 2, 6  # letters beside the words that were read wrongly
_BREAK = re.compile(r"[\s，。！？；：、,.!?;:()（）|…*\"“”~～]")


@dataclass(frozen=True, slots=True)
class Rule:
    """A lexicon rule as it stands in a file."""

    kind: str
    words: tuple[str, ...]
    code: str = ""
    polarity: int = 0


Teach = Callable[[Sequence[Rule]], Lexicon]
"""The lexicon in use with these rules beside its own."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Corrections of one rule that want the same."""

    made: tuple[Correction, ...]

    @property
    def number(self) -> int:
        """That of its first correction: it stays when other clusters are settled."""
        return self.first.seq

    @property
    def first(self) -> Correction:
        return self.made[0]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(c.id for c in self.made)

    @property
    def title(self) -> str:
        """价格（担心）→ 不是"""
        c = self.first
        right = _concern(c.right_code, c.right_polarity) if c.right_code else "不是"
        return f"{read_as(c)} → {right}"


@dataclass(frozen=True, slots=True)
class Change:
    """A stored message that would be read otherwise."""

    text: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What these rules do: corrections that they mend, and messages that they change besides."""

    rules: tuple[Rule, ...]
    mended: int
    of: int
    seen: int  # stored wordings
    changes: tuple[Change, ...] = field(repr=False)

    @property
    def useful(self) -> bool:
        return self.mended > 0


def read_as(c: Correction) -> str:
    """What was read: 价格（担心）, 意图 试驾, H级信号, 标签 理性型."""
    names = {"concern": lambda: _concern(c.code, c.polarity), "signal": lambda: f"{c.code}级信号",
             "intent": lambda: f"意图 {INTENTS.get(c.code, c.code)}"}  # fmt: skip
    return names.get(c.kind, lambda: f"标签 {c.code}")()


def _concern(code: str, polarity: int) -> str:
    return f"{CONCERNS.get(code, code)}（{POLARITY[polarity]}）"


def clusters(made: Iterable[Correction]) -> list[Cluster]:
    """Those corrected most often first."""
    groups: dict[tuple[object, ...], list[Correction]] = {}
    for c in made:
        key = (c.kind, c.code, c.polarity, c.rule, c.right_code, c.right_polarity)
        groups.setdefault(key, []).append(c)
    return [Cluster(tuple(g)) for g in sorted(groups.values(), key=lambda g: -len(g))]


def propose(cluster: Cluster, teach: Teach, history: Sequence[str], ctx: Ctx) -> Trial | None:
    """The change that mends most and touches least; None where rules cannot help."""
    tried = [trial(cluster, rules, teach, history, ctx) for rules in _candidates(cluster)]
    useful = [t for t in tried if t.useful]
    return min(useful, key=lambda t: (-t.mended, len(t.changes)), default=None)


def _candidates(cluster: Cluster) -> Iterator[tuple[Rule, ...]]:
    """A phrase that is little longer than the words first, then one as long as its clause."""
    seen: set[tuple[Rule, ...]] = set()
    for reach in (NEAR, FAR):
        phrases = tuple(dict.fromkeys(p for c in cluster.made if (p := phrase(c, reach))))
        rules = tuple(_rules(cluster.first, phrases)) if phrases else ()
        if rules and rules not in seen:
            seen.add(rules)
            yield rules


def phrase(c: Correction, reach: int) -> str:
    """The words that were read wrongly with what stands beside them in their clause; "" when
    nothing does, and then no longer phrase can outweigh them."""
    start = c.text.find(c.evidence)
    if start < 0 or not c.evidence.strip():
        return ""
    end = start + len(c.evidence)
    before, after = _BREAK.split(c.text[:start])[-1], _BREAK.split(c.text[end:])[0]
    found = before[max(0, len(before) - reach) :] + c.evidence + after[:reach]
    return found if _BREAK.search(found) is None and len(found) > len(c.evidence) else ""


def _rules(c: Correction, phrases: tuple[str, ...]) -> Iterator[Rule]:
    if c.kind in ("intent", "signal"):
        yield Rule("eclipse", phrases)
    elif c.kind == "concern" and c.right_code != c.code:
        yield Rule("shadow", phrases)
    if c.kind == "concern" and c.right_code:
        kind = "cue" if c.right_polarity else "topic"
        yield Rule(kind, phrases, c.right_code, c.right_polarity)


# Trying it


def trial(
    cluster: Cluster, rules: tuple[Rule, ...], teach: Teach, history: Sequence[str], ctx: Ctx
) -> Trial:
    """Before and after: only texts that hold one of the phrases can be read otherwise."""
    after = replace(ctx, lexicon=teach(rules))
    mended = sum(_right(c, after.read(c.text)) for c in cluster.made)
    phrases = [plain(word) for rule in rules for word in rule.words]
    own = {c.text for c in cluster.made}
    touched = [t for t in history if t not in own and any(p in plain(t) for p in phrases)]
    changes = [Change(t, said(ctx.read(t)), said(after.read(t))) for t in touched]
    return Trial(rules, mended, len(cluster.made), len(history),
                 tuple(c for c in changes if c.before != c.after))  # fmt: skip


def _right(c: Correction, reading: Reading) -> bool:
    if c.kind == "intent":
        return reading.intent(c.code) is None
    if c.kind == "signal":
        return all(s.level != c.code for s in reading.signals)
    found = {x.code: x.polarity for x in reading.concerns}
    if c.right_code != c.code and c.code in found:
        return False
    return not c.right_code or found.get(c.right_code) == c.right_polarity


def said(reading: Reading) -> str:
    """What a message is read as, in one line."""
    parts = [_concern(c.code, c.polarity) for c in reading.concerns]
    parts += [INTENTS[i.code] for i in reading.intents if not i.negated]
    return "、".join([*parts, *(f"{s.level}级" for s in reading.signals)]) or "无"


def fired(history: Iterable[str], ctx: Ctx) -> Counter[str]:
    """In how many stored wordings each rule is heard now."""
    return Counter(rule for text in history for rule in ctx.read(text).rules)


def history(ctx: Ctx) -> list[str]:
    return corrections.history(ctx.db, HISTORY)


def described(t: Trial) -> list[str]:
    """A trial in words: the rules, what they mend, what else changes, with examples."""
    lines = [f"加规则：{_rule(rule)}" for rule in t.rules]
    lines.append(f"更正里读对：0/{t.of} → {t.mended}/{t.of}")
    lines.append(
        f"历史 {t.seen} 种说法里，另有 {len(t.changes)} 种读法会变" + "：" * bool(t.changes)
    )
    lines += [f"  “{short(c.text, 30)}”：{c.before} → {c.after}" for c in t.changes[:EXAMPLES]]
    return lines


def _rule(rule: Rule) -> str:
    names = {"shadow": "这几个字不算关注点", "eclipse": "这几个字不算意图或信号"}
    meaning = names.get(rule.kind) or f"读作{_concern(rule.code, rule.polarity)}"
    return f"“{'”“'.join(rule.words)}”{meaning}"
