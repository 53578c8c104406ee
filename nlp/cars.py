"""Brands, series and trims by every name people use, found before any segmentation.

Names are compared without spaces, dashes and dots, so that 宋PLUS DM-i, 宋plus dmi and 宋 Plus are
one. A name that is also an everyday word (理想, 元, 大众) counts only beside a word about cars.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nlp.words import Words

SKIPPED = frozenset(" -·_•‧./")
LOOSE = re.compile("[ ·_•‧./-]+")  # one of those is in a text that has to be squeezed


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    aliases: tuple[str, ...] = ()
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Brand:
    name: str
    aliases: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()
    ambiguous: tuple[str, ...] = ()
    demo: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """What one way of writing stands for."""

    brand: str
    series: str | None
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Car:
    brand: str | None
    series: str | None
    trim: str | None
    start: int
    end: int

    @property
    def value(self) -> dict[str, Any]:
        return {"brand": self.brand, "series": self.series, "trim": self.trim}


@dataclass(frozen=True, slots=True)
class Context:
    """The words that make 理想 a car: before it, after it, and what is never one."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    trims: tuple[str, ...] = ()


class _Found(NamedTuple):
    start: int
    end: int
    names: tuple[Name, ...]


class Cars:
    def __init__(self, brands: Sequence[Brand], context: Context) -> None:
        self._context = context
        self._about_cars = Words(dict.fromkeys(context.anywhere))
        self.size = len(brands), sum(len(b.series) for b in brands)
        never: dict[str, tuple[Name, ...]] = {squeezed(word): () for word in context.never}
        self._words = Words(_names(brands) | never)
        self._trims = tuple(sorted((squeezed(t) for t in context.trims), key=len, reverse=True))

    def find(self, text: str, own: Iterable[str] = ()) -> list[Car]:
        """Cars named in a normalised text, left to right; brand and series together are one."""
        tight, places = _squeeze(text)
        found = self._longest(tight, text, places)
        if not found:
            return []
        sure = any(not _doubtful(f.names) for f in found) or bool(self._about_cars.find(text))
        return self._merged(
            tight, places, [f for f in found if self._counts(f, tight, sure, found)], frozenset(own)
        )

    def _longest(self, tight: str, text: str, places: Sequence[int]) -> list[_Found]:
        spans = [
            _Found(start, end, names)
            for start, end, names in self._words.find(tight)
            if _bounded(text, places[start], places[end - 1] + 1)
        ]
        if len(spans) > 1:
            spans.sort(key=lambda f: (f.start, -f.end))
        kept: list[_Found] = []
        for span in spans:
            if not kept or span.start >= kept[-1].end:
                kept.append(span)
        return [f for f in kept if f.names]

    def _counts(self, found: _Found, tight: str, sure: bool, others: Sequence[_Found]) -> bool:
        if not _doubtful(found.names):
            return True
        if any(_beside(found, o) for o in others):
            return True
        before, after = (
            tight[max(0, found.start - 5) : found.start],
            tight[found.end : found.end + 5],
        )
        single = found.end - found.start == 1
        if after.startswith(self._context.after) and not (single and not sure):
            return True
        if single:
            return before.endswith(self._context.before) and (
                not after or after[0] in ",。!?和跟比与还"
            )
        return before.endswith(self._context.before) or sure

    def _merged(
        self, tight: str, places: Sequence[int], found: Sequence[_Found], own: frozenset[str]
    ) -> list[Car]:
        cars: list[Car] = []
        at = 0
        while at < len(found):
            first = found[at]
            name = _choose(first.names, own)
            end = first.end
            if name.series is None and at + 1 < len(found) and found[at + 1].start - end <= 0:
                inner = [n for n in found[at + 1].names if n.brand == name.brand]
                if inner:
                    name, end, at = inner[0], found[at + 1].end, at + 1
            trim, end = self._trim(tight, end, name)
            cars.append(
                Car(name.brand, name.series, trim, places[first.start], places[end - 1] + 1)
            )
            at += 1
        return cars

    def _trim(self, tight: str, end: int, name: Name) -> tuple[str | None, int]:
        if name.series is None or not tight.startswith(self._trims, end):
            return None, end
        for trim in self._trims:
            if tight.startswith(trim, end) and _bounded(tight, end, end + len(trim)):
                return trim, end + len(trim)
        return None, end


def squeezed(text: str) -> str:
    """A normalised name without what people leave out."""
    return LOOSE.sub("", text)


def _squeeze(text: str) -> tuple[str, Sequence[int]]:
    if not LOOSE.search(text):
        return text, range(len(text))
    places = [at for at, char in enumerate(text) if char not in SKIPPED]
    return "".join(text[at] for at in places), places


def _names(brands: Sequence[Brand]) -> dict[str, tuple[Name, ...]]:
    found: dict[str, list[Name]] = {}
    for brand in brands:
        for alias in (brand.name, *brand.aliases):
            _put(found, _written(alias), Name(brand.name, None, alias in brand.ambiguous))
        before = [_written(b) for b in (brand.name, *(a for a in brand.aliases if len(a) > 1))]
        for series in brand.series:
            sure = Name(brand.name, series.name, False)
            for alias in (series.name, *series.aliases):
                word = _written(alias)
                doubtful = series.ambiguous or _thin(alias)
                _put(found, word, Name(brand.name, series.name, doubtful and not brand.demo))
                for make in before:  # twenty thousand of them, so each part is written once
                    _put(found, make + word, sure)
    return {word: tuple(names) for word, names in found.items()}


def _written(alias: str) -> str:
    return squeezed(alias.lower())


def _put(found: dict[str, list[Name]], word: str, name: Name) -> None:
    names = found.setdefault(word, [])
    if not names or all((n.brand, n.series) != (name.brand, name.series) for n in names):
        names.append(name)


def _thin(alias: str) -> bool:
    """308, x3, a4: too little to be a car without its brand or a word about cars."""
    return (alias.isascii() and (len(squeezed(alias)) <= 2 or squeezed(alias).isdigit())) or len(
        alias
    ) == 1


def _doubtful(names: Sequence[Name]) -> bool:
    return all(n.ambiguous for n in names)


def _beside(found: _Found, other: _Found) -> bool:
    """A brand right before its series makes both sure: 理想L9, 大众高尔夫."""
    if other is found or not (other.end == found.start or found.end == other.start):
        return False
    return bool({n.brand for n in found.names} & {n.brand for n in other.names})


def _choose(names: Sequence[Name], own: frozenset[str]) -> Name:
    return min(names, key=lambda n: (n.brand not in own, n.ambiguous))


def _bounded(text: str, start: int, end: int) -> bool:
    """es6 is not in yes6 or es60: Latin letters and digits end where a word ends."""
    if text[start - 1 : start] == "." and text[start].isdigit():
        return False
    return not (run(text[start - 1 : start + 1]) or run(text[end - 1 : end + 1]))


def run(pair: str) -> bool:
    return len(pair) == 2 and pair.isascii() and (pair.isalpha() or pair.isdigit())
