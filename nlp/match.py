"""Many patterns at once: a text is walked a single time, whatever the number of keywords.

A pattern is literal text with (a|b) for alternatives and … for up to eight characters of the
same clause. There is no repetition, so no pattern can blow up on hostile text.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, Optional

from ahocorasick_rs import AhoCorasick

from nlp.words import walk

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


class Part(NamedTuple):
    """One part of the rest of a pattern, ready to be compared, and the parts that follow it."""

    words: tuple[str, ...]  # longest first; none for a gap
    by_first: Mapping[str, tuple[str, ...]]
    optional: bool
    rest: Optional["Part"]


Entry = tuple[Part | None, int, Rule]
"""What must follow a word, the group of its rule, and its rule."""


class Word(NamedTuple):
    """What a first word may be the beginning of."""

    latin: bool
    whole: tuple[tuple[int, Rule], ...]  # patterns that end with it
    ahead: Mapping[str, tuple[Entry, ...]]  # those that go on, by the next character
    # Those that go on behind a gap, or need not go on, with what then stands behind the gap.
    beyond: tuple[tuple[re.Pattern[str], Entry], ...]


class Matcher:
    """Finds the patterns of many rules in one pass over a normalised text.

    `groups` sorts what is found by the kind of its rule, which costs nothing here.
    """

    def __init__(
        self, patterns: Iterable[tuple[str, Rule]], groups: Mapping[str, int] | None = None
    ) -> None:
        words: dict[str, list[tuple[Parts, Rule]]] = {}
        found = list(patterns)
        self.size = len(found)
        for pattern, rule in found:
            for first, rest in starts(parse(pattern)):
                words.setdefault(first, []).append((rest, rule))
        groups = groups or {}
        chains: dict[Parts, Part | None] = {(): None}
        self._words = tuple(_word(w, entries, groups, chains) for w, entries in words.items())
        self._automaton = AhoCorasick(words, store_patterns=False)
        self._groups = max(groups.values(), default=0) + 1

    def hits(self, text: str, ends: Sequence[int]) -> list[Hit]:
        """What matches, by group and in the order of the ends; `ends` are where clauses end."""
        return [hit for group in self.grouped(text, ends) for hit in group]

    def grouped(self, text: str, ends: Sequence[int]) -> list[list[Hit]]:
        """What matches, each group in a list of its own."""
        found: list[list[Hit]] = [[] for _ in range(self._groups)]
        words = self._words
        for word, start, end in walk(self._automaton, text):
            latin, whole, ahead, beyond = words[word]
            if latin and not _whole(text, start, end):
                continue
            for group, rule in whole:
                found[group].append(Hit(start, end, rule))
            if ahead and (entries := ahead.get(text[end : end + 1])):
                _followed(found, text, start, end, entries, ends)
            if beyond and (entries := _near(text, end, beyond)):
                _followed(found, text, start, end, entries, ends)
        return found


def _followed(
    found: list[list[Hit]], text: str, start: int, end: int, entries: Sequence[Entry],
    ends: Sequence[int],
) -> None:  # fmt: skip
    limit = _limit(ends, end)
    for rest, group, rule in entries:
        if (stop := _follow(text, end, rest, limit)) > 0:
            found[group].append(Hit(start, stop, rule))


Chains = dict[Parts, Part | None]


def _word(
    word: str, patterns: Sequence[tuple[Parts, Rule]], groups: Mapping[str, int], chains: Chains
) -> Word:
    entries = [(_chain(rest, chains), groups.get(rule.kind, 0), rule) for rest, rule in patterns]
    firsts = [_firsts(rest) for rest, _ in patterns]
    pairs = list(zip(entries, firsts, strict=True))
    chars = frozenset().union(*(f for f in firsts if f))
    return Word(
        any(c.isascii() and c.isalnum() for c in (word[0], word[-1])),
        tuple(e[1:] for e in entries if not e[0]),
        {c: tuple(e for e, f in pairs if f is not None and c in f) for c in chars},
        tuple(
            (_behind(rest), e)
            for (rest, _), (e, f) in zip(patterns, pairs, strict=True)
            if rest and f is None
        ),
    )


def _chain(parts: Parts, chains: Chains) -> Part | None:
    """The parts, each leading to the next; what many patterns end with is made once."""
    if parts not in chains:
        head = () if parts[0] is GAP_PART else parts[0]
        by_first: dict[str, list[str]] = {}
        for word in filter(None, head):
            by_first.setdefault(word[0], []).append(word)
        chains[parts] = Part(
            head, {c: tuple(words) for c, words in by_first.items()}, "" in head,
            _chain(parts[1:], chains),
        )  # fmt: skip
    return chains[parts]


def _firsts(rest: Parts) -> frozenset[str] | None:
    """The characters with which the rest of a pattern begins; None where any will do."""
    if not rest or rest[0] is GAP_PART:
        return None
    here = frozenset(word[0] for word in rest[0] if word)
    if "" not in rest[0]:
        return here
    later = _firsts(rest[1:])
    return None if later is None else here | later


def _behind(rest: Parts) -> re.Pattern[str]:
    """Finds a character with which a rest goes on behind its gap."""
    firsts = _firsts(rest[1:]) if rest[0] is GAP_PART else None
    return re.compile("" if firsts is None else f"[{re.escape(''.join(sorted(firsts)))}]")


def _near(
    text: str, end: int, beyond: Sequence[tuple[re.Pattern[str], Entry]]
) -> tuple[Entry, ...]:
    """Most patterns end here, before the dearer walk through their parts."""
    until = end + GAP + 1
    return tuple([entry for behind, entry in beyond if behind.search(text, end, until)])


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


def _follow(text: str, at: int, part: Part | None, limit: int) -> int:
    """Where the rest of a pattern ends, or -1; the longest alternative is tried first."""
    if part is None:
        return at
    words, by_first, optional, rest = part
    if not words:
        return _beyond(text, at, rest, limit)
    for word in by_first.get(text[at : at + 1], ()):
        end = at + len(word)
        if end <= limit and text.startswith(word, at):
            stop = end if rest is None else _follow(text, end, rest, limit)
            if stop >= 0:
                return stop
    return _follow(text, at, rest, limit) if optional else -1


def _beyond(text: str, at: int, part: Part | None, limit: int) -> int:
    """The nearest place behind a gap where the rest fits."""
    best = -1
    for word in part.words if part else ():
        start = text.find(word, at, min(limit, at + GAP + len(word)))
        if start < 0 or (best >= 0 and start >= best):
            continue
        stop = _follow(text, start + len(word), part.rest if part else None, limit)
        best = stop if stop >= 0 else best
    return best


def uncovered(hits: list[Hit], shadows: Sequence[Hit]) -> list[Hit]:
    """The hits that do not lie inside a longer word of another meaning (贵 in 贵州)."""
    if not shadows or not hits:
        return hits
    starts, furthest = _reach(shadows)
    first, last = starts[0], furthest[-1]
    return [
        h
        for h in hits
        if h.end <= first
        or h.start >= last
        or not (_inside(h, starts, furthest) or _cuts(h, starts, furthest))
    ]


def outermost(hits: Sequence[Hit]) -> list[Hit]:
    """Without those inside a longer one: 保养费 is about cost, not about 保养."""
    if len(hits) < 2:
        return list(hits)
    starts, furthest = _reach(hits)
    return [h for h in hits if not _inside(h, starts, furthest)]


def _reach(hits: Sequence[Hit]) -> tuple[list[int], list[int]]:
    """Where hits start, in order, and how far those up to each of them reach."""
    ordered = sorted((h.start, h.end) for h in hits)
    return [start for start, _ in ordered], list(accumulate((end for _, end in ordered), max))


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
