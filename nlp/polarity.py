"""Whether a clause is pleased or displeased with the thing it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlp import clauses
from nlp.clauses import Clause
from nlp.match import Hit, Rule, widest
from nlp.normalise import Normal, plain

if TYPE_CHECKING:
    from nlp.lexicon import Lexicon

JUDGING = ("good", "bad", "up", "down")


def negated(text: str, at: int, start: int) -> bool:
    """Whether a negation governs what begins at `at`: 不, 没, 没那么 … but not 不是不."""
    if not NEGATING.search(text, max(start, at - 6), at):
        return False
    before = text[max(start, at - 6) : at]
    if before.endswith(AFFIRMED) or before.endswith(OPEN):
        return False
    trimmed = before
    for word in DEGREES:
        if trimmed.endswith(word):
            trimmed = trimmed.removesuffix(word)
            break
    return trimmed.endswith(NEGATIONS) and not trimmed.endswith(OPEN)


OPEN = ("不是不", "要不", "是不是", "有没有")  # neither yes nor no
NEGATING = re.compile("[不没别未无非]")  # one of these is in every negation
AFFIRMED = ("是不", "会不", "不是不", "不能不", "没有不", "不会不")
NEGATIONS = (
    "不", "没", "没有", "别", "未", "无", "并非", "不是", "不会", "并不", "不算", "不怎么",
    "没那么", "没啥", "没什么", "毫无", "谈不上", "算不上", "从不", "绝不", "不再", "不觉得",
    "没觉得", "没说", "没嫌", "不是说", "不见得", "不够", "没多", "不咋",
)  # fmt: skip
DEGREES = (
    "那么", "这么", "太", "很", "是很", "非常", "特别", "怎么", "多", "有多", "算", "会", "能",
    "是", "觉得", "感觉", "有", "够", "再", "敢", "得", "好", "想象中", "想象的", "想的", "什么",
    "大",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reach:
    """How many characters may lie between a topic and the words that judge it."""

    after: int
    before: int
    size: int  # for 大, 高, 少 behind the topic, which judge so many other things


SIGNS = {
    "high": {"good": 1.0, "bad": -1.0, "up": 0.7, "down": -0.7},
    "low": {"good": 1.0, "bad": -1.0, "up": -0.7, "down": 0.7},
    "": {"good": 1.0, "bad": -1.0},
}
WIDE = Reach(30, 30, 12)  # somebody asked about this very part
SHORT = Reach(6, 2, 3)  # a clause of chat length speaks of one thing
LONG = Reach(2, 1, 1)
TOLD = Reach(2, 0, -1)  # a story names much in passing


def judge(topic: Hit, found: Sequence[tuple[Hit, float]], reach: Reach) -> tuple[float, Hit] | None:
    """The judgement nearest to a topic: behind it first, else right before it."""
    best: tuple[float, float, Hit] | None = None
    for hit, weight in found:
        far = _distance(topic, hit, reach)
        if far is not None and (best is None or far < best[0]):
            best = far, weight, hit
    return (best[1], best[2]) if best else None


def _distance(topic: Hit, hit: Hit, reach: Reach) -> float | None:
    sized = hit.rule.kind in ("up", "down")
    if hit.start >= topic.end:
        gap = hit.start - topic.end
        return gap if gap <= (reach.size if sized else reach.after) else None
    gap = topic.start - hit.end
    most = min(reach.before, 1) if sized else reach.before
    return gap * 2 + 3 if 0 <= gap <= most else None


def verdicts(text: str, clause: Clause, hits: Sequence[Hit], scale: str) -> list[tuple[Hit, float]]:
    """The words of a clause that judge, each with its sign; more is good or bad by `scale`."""
    signs = SIGNS[scale]
    found = [
        (h, signs[h.rule.kind] * h.rule.strength) for h in widest(hits) if h.rule.kind in signs
    ]
    return [(h, -w if negated(text, h.start, clause.start) else w) for h, w in found]


# Parts of which less is better; for all others 大, 高, 快 please.
LOW = (
    "油耗",
    "价",
    "噪",
    "费",
    "气味",
    "味道",
    "故障",
    "异响",
    "毛病",
    "差价",
    "能耗",
    "电耗",
    "重量",
    "耗油",
    "胎噪",
    "风噪",
    "声音",
    "转弯半径",
    "时间",
    "侧倾",
    "震动",
    "抖动",
    "重心",
    "振动",
)


def of_aspect(lexicon: Lexicon, text: str, aspect: str) -> int | None:
    """1, -1, 0, or None when the text does not judge that part."""
    normal, name = Normal.of(text).text, plain(aspect)
    parts = clauses.split(normal)
    hits = lexicon.hits(normal, [c.end for c in parts])
    at = normal.find(name) if name else -1
    if at < 0:
        return None
    topic = Hit(
        at,
        at + len(name),
        Rule(
            "topic",
            "aspect",
            scale="low" if any(w in name for w in LOW) and "性价比" not in name else "high",
        ),
    )
    return _judged(normal, parts, hits, topic)


def _judged(text: str, parts: tuple[Clause, ...], hits: list[Hit], topic: Hit) -> int | None:
    clause = next((c for c in parts if c.start <= topic.start < c.end), None)
    if clause is None:
        return None
    inside = [
        _opinion(h)
        for h in hits
        if clause.start <= h.start and h.end <= clause.end and h.rule.kind in DESCRIBING
    ]
    outside = [h for h in inside if h.end <= topic.start or h.start >= topic.end]
    found = judge(topic, verdicts(text, clause, outside, topic.rule.scale), WIDE)
    if found is None:
        return None
    return 0 if abs(found[0]) < 0.1 else (1 if found[0] > 0 else -1)


DESCRIBING = frozenset((*JUDGING, "praise", "blame", "cue"))


def _opinion(hit: Hit) -> Hit:
    """Praise, blame and cues judge a part that was asked about like any good or bad word."""
    good = hit.rule.kind == "praise" or (hit.rule.kind == "cue" and hit.rule.polarity > 0)
    bad = hit.rule.kind == "blame" or (hit.rule.kind == "cue" and hit.rule.polarity < 0)
    if not good and not bad:
        return hit
    return Hit(hit.start, hit.end, Rule("good" if good else "bad", hit.rule.name))
