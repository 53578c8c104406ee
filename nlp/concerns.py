"""From the hits in each clause to concerns: what it is about, and whether the customer is happy."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from nlp import polarity
from nlp.clauses import Clause
from nlp.match import Hit, outermost, widest

DEGREE = (
    "有那么一点", "有点儿", "有一点", "有点", "有些", "非常", "特别", "比较", "确实", "实在",
    "相当", "稍微", "略微", "还是", "真的", "超级", "过于", "太", "很", "挺", "真", "好", "超",
    "更", "最", "偏", "蛮", "略", "稍",
)  # fmt: skip


FAINT = 0.5  # topics weaker than this need somebody to ask about them or judge them
NAMING = frozenset(("topic", "cue", "ask"))
# 征信不好能贷吗 asks what to do about a trouble; the trouble itself is stated.
FOLLOWS = re.compile("(?:还|也|的话|了)?(?:能|可以|怎么办|咋办|影响)")
STORY = 28  # characters; longer messages are stories in which much is named in passing
WINDED, TELLING = 24, 10  # in longer clauses a judging word is mostly about something else
EITHER = re.compile("([\u4e00-\u9fff])[不没]\\1(?!起|动)")  # 猛不猛, 能不能
BRIEF = 12  # characters in a clause that is about one thing


class Finding(NamedTuple):
    """One thing that one clause says; several are weighed into a concern."""

    code: str
    polarity: float
    start: int
    end: int
    rule: str
    weight: float
    faint: bool = False
    asked: bool = False


@dataclass(slots=True)
class _Clause:
    """The hits of one clause by kind."""

    clause: Clause
    told: bool  # part of a long story rather than of a chat
    hits: dict[str, list[Hit]]

    def of(self, kind: str) -> Sequence[Hit]:
        return self.hits.get(kind, ())

    @property
    def size(self) -> int:
        return self.clause.end - self.clause.start

    def reach(self) -> polarity.Reach:
        if self.told:
            return polarity.TOLD
        return polarity.SHORT if self.size <= BRIEF else polarity.LONG

    def judging(self) -> list[Hit]:
        return [h for kind in polarity.JUDGING for h in self.of(kind)]


def find(text: str, clauses: Sequence[Clause], hits: Sequence[Hit]) -> list[Finding]:
    """All findings of a message, clause by clause; a clause without a topic speaks of the last."""
    kinds = {h.rule.kind for h in hits}
    if NAMING.isdisjoint(kinds) or ("foreign" in kinds and "home" not in kinds):
        return []
    found: list[Finding] = []
    for part in _by_clause(clauses, hits):
        if not NAMING.isdisjoint(part.hits):
            found.extend(_of_clause(text, part))
    if "mock" in kinds and "mishap" in kinds:
        found = [f._replace(polarity=-abs(f.polarity)) for f in found]
    return _plain(found, len(text))


def _plain(found: list[Finding], size: int) -> list[Finding]:
    """Without the faint ones, where something plainer is said; a question of its own counts."""
    codes = {f.code for f in found if not f.faint}
    if not codes:
        return found
    return [f for f in found if not f.faint or (f.asked and size <= STORY) or f.code in codes]


def _by_clause(clauses: Sequence[Clause], hits: Sequence[Hit]) -> list[_Clause]:
    told = clauses[-1].end > STORY if clauses else False
    parts = [_Clause(c, told, {}) for c in clauses]
    rest = iter(parts)
    part = next(rest, None)
    for hit in sorted(hits, key=attrgetter("start")):
        while part and hit.start >= part.clause.end:
            part = next(rest, None)
        if part is None:
            break
        part.hits.setdefault(hit.rule.kind, []).append(hit)
    return parts


def _of_clause(text: str, part: _Clause) -> list[Finding]:
    asking = _asking(text, part)
    cues = [_cue(text, part, hit, asking) for hit in widest(part.of("cue"))]
    cues = _unasked(_owned(text, cues, part), part.of("ask")) if cues else cues
    topics = [
        _topic(text, part, hit, asking)
        for hit in outermost(widest(part.of("topic")))
        if not any(
            c.code == hit.rule.code and c.start <= hit.start and hit.end <= c.end for c in cues
        )
    ]
    topics = [t for t in topics if not t.faint or t.polarity or asking or part.of("asked")]
    asks = [Finding(h.rule.code, 0.0, h.start, h.end, h.rule.name, 0.9) for h in part.of("ask")]
    return _undismissed(text, part, cues + topics + asks)


# Of these a story gives figures and reports; only plain cues are feelings about them.
WEIGHED = frozenset(("price", "energy", "power", "safety"))
PRICED = frozenset(("cost", "finance", "tradein", "service", "resale"))
FEES = ("费", "油钱", "充电")


def _owned(text: str, cues: list[Finding], part: _Clause) -> list[Finding]:
    """保养费贵不贵 is about what the upkeep costs, not about the price of the car."""
    topics = part.of("topic")
    if not any(h.rule.code in PRICED or text.endswith(FEES, 0, h.end) for h in topics):
        return cues
    return [c for c in cues if c.code != "price" or c.rule not in ("price.dear", "price.cheap")]


def _unasked(cues: list[Finding], asks: Sequence[Hit]) -> list[Finding]:
    """便宜点 asks for it and does not praise."""
    return [
        c for c in cues
        if not any(
            a.rule.code == c.code and a.start < c.end and c.start < a.end
            and a.end - a.start >= c.end - c.start
            for a in asks
        )
    ]  # fmt: skip


def _asking(text: str, part: _Clause) -> bool:
    """A question asks; it does not judge. 怎么这么贵 judges all the same."""
    if part.of("rhetorical"):
        return False
    clause = text[part.clause.start : part.clause.end]
    ends = "?" in part.clause.mark or clause.endswith(("吗", "么", "不", "没", "吗啊"))
    return ends or bool(part.of("asks")) or EITHER.search(clause) is not None


def _cue(text: str, part: _Clause, hit: Hit, asking: bool) -> Finding:
    sign = float(hit.rule.polarity)
    start = hit.start
    if polarity.negated(text, hit.start, part.clause.start):
        sign = -sign * 0.8
        start = max(part.clause.start, hit.start - 1)
    else:
        start = _with_degree(text, hit.start, part.clause.start)
    if part.of("supposed") or part.size > (TELLING if part.told else WINDED):
        sign = 0.0
    if part.told and start == hit.start and hit.rule.code in WEIGHED:
        sign = 0.0  # 贵 without 太 or 有点 compares more often than it complains
    if asking and not FOLLOWS.match(text, hit.end, part.clause.end):
        sign = 0.0
    return Finding(hit.rule.code, sign, start, hit.end, hit.rule.name, 1.0)


def _with_degree(text: str, start: int, least: int) -> int:
    for word in DEGREE:
        if start - len(word) >= least and text.startswith(word, start - len(word)):
            return start - len(word)
    return start


def _topic(text: str, part: _Clause, hit: Hit, asking: bool) -> Finding:
    rule = hit.rule
    faint = rule.strength < FAINT
    if asking:
        return Finding(rule.code, 0.0, hit.start, hit.end, rule.name, 0.7, faint, True)
    taken = [h for h in part.of("cue") if h.rule.code != "family"]
    free = [h for h in part.judging() if not any(t.start <= h.start < t.end for t in taken)]
    found = polarity.verdicts(text, part.clause, free, rule.scale)
    vague = part.of("supposed") or (part.told and rule.code in WEIGHED)
    verdict = None if vague else polarity.judge(hit, found, part.reach())
    if verdict is None and part.of("worry"):
        worry = part.of("worry")[0]
        sign = 0.5 if polarity.negated(text, worry.start, part.clause.start) else -0.8
        verdict = sign, worry
    if verdict is None:
        return Finding(rule.code, 0.0, hit.start, hit.end, rule.name, 0.6, faint)
    sign, other = verdict
    return Finding(
        rule.code, sign, min(hit.start, other.start), max(hit.end, other.end), rule.name, 0.8
    )


DISMISSED = re.compile("不(?:是问题|是事|重要|在乎|在意|关心|考虑|担心|怕|用)|无所谓")


def _undismissed(text: str, part: _Clause, found: list[Finding]) -> list[Finding]:
    """价格不是问题, 不担心续航: named, but explicitly not what holds the customer back."""
    if not DISMISSED.search(text, part.clause.start, part.clause.end):
        return found
    return [f for f in found if not _dismissed(text, part.clause, f)]


def _dismissed(text: str, clause: Clause, finding: Finding) -> bool:
    before = text[max(clause.start, finding.start - 4) : finding.end]
    after = text[finding.start : min(clause.end, finding.end + 6)]
    if any(w in before for w in ("不担心", "不考虑", "不在乎", "不在意", "不关心", "不怕", "不用")):
        return True
    return any(w in after for w in ("不是问题", "不是事", "不重要", "无所谓", "不在乎", "不在意"))
