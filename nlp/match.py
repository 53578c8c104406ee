"""Many patterns at once: a text is walked a single time, whatever the number of keywords.

A pattern is literal text with (a|b) for alternatives and … for up to eight characters of the
same clause. There is no repetition, so no pattern can blow up on hostile text.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import ahocorasick

GAP = 8


@dataclass(frozen=True, slots=True)
class Rule:
    """One named piece of knowledge: what its words say. Which fields count depends on `kind`."""

    kind: str
    name: str
    code: str = ""
    polarity: int = 0
    strength: float = 1.0
    scale: str = ""  # for topics: "low" when less of it is better (price), "high" when more is
    level: str = ""
    tier: str = ""
    value: str = ""


class Hit(NamedTuple):  # made by the dozen in every message: twice as fast as a frozen dataclass
    start: int
    end: int
    rule: Rule


class PatternError(ValueError):
    """A pattern is not well formed; the text says how."""


Parts = tuple[tuple[str, ...], ...]
SKIP = "…"
GAP_PART = (SKIP,)


def parse(pattern: str) -> Parts:
    """The alternatives of each part of a pattern, in order; a gap is a part of its own."""
    parts: list[tuple[str, ...]] = []
    rest = pattern
    while rest:
        before, opened, after = rest.partition("(")
        if ")" in before:
            raise PatternError(f"{pattern!r}: a ) without its (")
        parts.extend(_literals(before))
        if not opened:
            break
        inner, closed, rest = after.partition(")")
        if not closed or "(" in inner or SKIP in inner:
            raise PatternError(f"{pattern!r}: each ( needs its ), without another ( or … inside")
        parts.append(tuple(sorted(inner.split("|"), key=len, reverse=True)))
    return _checked(pattern, parts)


def _literals(text: str) -> Iterator[tuple[str, ...]]:
    for at, literal in enumerate(text.split(SKIP)):
        if at:
            yield GAP_PART
        if literal:
            yield (literal,)


def _checked(pattern: str, parts: list[tuple[str, ...]]) -> Parts:
    if not parts or parts[0] == (SKIP,) or parts[-1] == (SKIP,):
        raise PatternError(f"{pattern!r}: … stands between two parts")
    if all("" in part for part in parts):
        raise PatternError(f"{pattern!r} would match nothing at all")
    return tuple(parts)


def starts(parts: Parts) -> Iterator[tuple[str, Parts]]:
    """Each first word that a pattern may begin with, and what must follow it."""
    head, rest = parts[0], parts[1:]
    for word in head:
        if word:
            yield word, rest
        elif rest:
            yield from starts(rest)


class Matcher:
    """Finds the patterns of many rules in one pass over a normalised text."""

    def __init__(self, patterns: Iterable[tuple[str, Rule]]) -> None:
        words: dict[str, list[tuple[Parts, Rule]]] = {}
        for pattern, rule in patterns:
            for first, rest in starts(parse(pattern)):
                words.setdefault(first, []).append((rest, rule))
        self._automaton = _automaton(words)

    def hits(self, text: str, ends: Sequence[int]) -> list[Hit]:
        """What matches, in the order of the ends; `ends` are where the clauses end."""
        found: list[Hit] = []
        for last, (length, whole, ahead, otherwise) in self._automaton.iter(text):
            end = last + 1
            entries = ahead.get(text[end : end + 1], otherwise)
            if not entries or (whole and not _whole(text, end - length, end)):
                continue
            for rest, rule, near in entries:
                if not rest:
                    found.append(Hit(end - length, end, rule))
                elif near and near.isdisjoint(text[end : end + GAP + 1]):
                    continue  # most patterns end here, before the dearer walk through their parts
                elif (stop := _follow(text, end, rest, _limit(ends, end))) > 0:
                    found.append(Hit(end - length, stop, rule))
        return found


def _automaton(words: dict[str, list[tuple[Parts, Rule]]]) -> Any:
    built = ahocorasick.Automaton()
    for word, entries in words.items():
        latin = (word[0].isascii() and word[0].isalnum()) or (
            word[-1].isascii() and word[-1].isalnum()
        )
        built.add_word(word, (len(word), latin, *_by_next(entries)))
    built.make_automaton()
    return built


Entry = tuple[Parts, Rule, frozenset[str]]


def _by_next(patterns: Sequence[tuple[Parts, Rule]]) -> tuple[dict[str, list[Entry]], list[Entry]]:
    """What may follow a word, by the next character, and what does not depend on it."""
    firsts = [_firsts(rest) for rest, _ in patterns]
    entries = [(rest, rule, _nears(rest)) for rest, rule in patterns]
    chars = frozenset().union(*(f for f in firsts if f))
    pairs = list(zip(entries, firsts, strict=True))
    ahead = {c: [e for e, f in pairs if f is None or c in f] for c in chars}
    return ahead, [e for e, f in pairs if f is None]


def _firsts(rest: Parts) -> frozenset[str] | None:
    """The characters with which the rest of a pattern begins; None where any will do."""
    if not rest or rest[0] is GAP_PART:
        return None
    here = frozenset(word[0] for word in rest[0] if word)
    if "" not in rest[0]:
        return here
    later = _firsts(rest[1:])
    return None if later is None else here | later


def _nears(rest: Parts) -> frozenset[str]:
    """One of these characters stands behind the gap with which a rest begins."""
    return (_firsts(rest[1:]) or frozenset()) if rest and rest[0] is GAP_PART else frozenset()


def _whole(text: str, start: int, end: int) -> bool:
    """Latin words count only as whole words: l2 is not in xl20."""
    return not (_joined(text, start) or _joined(text, end))


def _joined(text: str, at: int) -> bool:
    pair = text[at - 1 : at + 1] if at > 0 else ""
    return len(pair) == 2 and pair.isascii() and _same(pair[0], pair[1])


def _same(a: str, b: str) -> bool:
    return (a.isalpha() and b.isalpha()) or (a.isdigit() and b.isdigit())


def _limit(ends: Sequence[int], at: int) -> int:
    found = bisect_left(ends, at)
    return ends[found] if found < len(ends) else at


def _follow(text: str, at: int, rest: Parts, limit: int) -> int:
    """Where the rest of a pattern ends, or -1; the longest alternative is tried first."""
    if not rest:
        return at
    if rest[0] is GAP_PART:
        return _beyond(text, at, rest[1:], limit)
    for word in rest[0]:
        if text.startswith(word, at) and at + len(word) <= limit:
            stop = _follow(text, at + len(word), rest[1:], limit)
            if stop >= 0:
                return stop
    return -1


def _beyond(text: str, at: int, rest: Parts, limit: int) -> int:
    """The nearest place behind a gap where the rest fits."""
    best = -1
    for word in rest[0]:
        start = text.find(word, at, min(limit, at + GAP + len(word)))
        if start < 0 or (best >= 0 and start >= best):
            continue
        stop = _follow(text, start + len(word), rest[1:], limit)
        best = stop if stop >= 0 else best
    return best


def uncovered(hits: Sequence[Hit], shadows: Sequence[Hit]) -> list[Hit]:
    """The hits that do not lie inside a longer word of another meaning (贵 in 贵州)."""
    if not shadows or not hits:
        return list(hits)
    ordered = sorted((s.start, s.end) for s in shadows)
    starts = [start for start, _ in ordered]
    furthest = list(accumulate((end for _, end in ordered), max))
    return [h for h in hits if not _inside(h, starts, furthest) and not _cuts(h, starts, furthest)]


def outermost(hits: Sequence[Hit]) -> list[Hit]:
    """Without those inside a longer one: 保养费 is about cost, not about 保养."""
    if len(hits) < 2:
        return list(hits)
    ordered = sorted((h.start, h.end) for h in hits)
    starts = [start for start, _ in ordered]
    furthest = list(accumulate((end for _, end in ordered), max))
    return [h for h in hits if not _inside(h, starts, furthest)]


def _inside(hit: Hit, starts: Sequence[int], furthest: Sequence[int]) -> bool:
    """A shadow hides what is shorter than itself, not the same words."""
    earlier, same = bisect_left(starts, hit.start), bisect_right(starts, hit.start)
    if earlier > 0 and furthest[earlier - 1] >= hit.end:
        return True
    return same > earlier and furthest[same - 1] > hit.end


def _cuts(hit: Hit, starts: Sequence[int], furthest: Sequence[int]) -> bool:
    """Whether a pattern ends in the middle of a longer word: 利息多 in 利息多少."""
    last = bisect_left(starts, hit.end)
    return last > 0 and starts[last - 1] >= hit.start and furthest[last - 1] > hit.end


def widest(hits: Sequence[Hit]) -> list[Hit]:
    """Of hits of one code that overlap, the longest."""
    if len(hits) < 2:
        return list(hits)
    kept: list[Hit] = []
    taken: dict[str, set[int]] = {}
    for hit in sorted(hits, key=lambda h: (h.start - h.end, h.start)):
        places = taken.setdefault(hit.rule.code, set())
        if places.isdisjoint(range(hit.start, hit.end)):
            places.update(range(hit.start, hit.end))
            kept.append(hit)
    return kept
