"""Which names in a text count as cars, learnt from texts in which a company marked them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nlp.cars import run
from nlp.reading import Reading, Slot
from nlp.words import Words

LEAST = 0.5  # share of its occurrences in which a name was marked


class Mentions:
    """Names with the share in which they were marked; the lexicon's own where none was seen."""

    def __init__(self, shares: Mapping[str, float], unseen: Mapping[str, float]) -> None:
        self.shares, self.unseen = dict(shares), dict(unseen)
        self._words = Words(self.shares)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Mentions":
        return cls(stored["shares"], stored["unseen"])

    def stored(self) -> dict[str, Any]:
        return {"shares": self.shares, "unseen": self.unseen}

    def slots(self, reading: Reading) -> tuple[Slot, ...]:
        """The slots of a reading with its cars decided anew."""
        others = [s for s in reading.slots if s.kind not in ("model", "rival")]
        cars = {s.span: s for s in reading.slots if s.kind in ("model", "rival")}
        found = [
            cars.get((a, b)) or _slot(reading, cars, a, b) for a, b in self._spans(reading, cars)
        ]
        return tuple(sorted([*others, *found], key=lambda s: s.span))

    def _spans(
        self, reading: Reading, cars: Mapping[tuple[int, int], Slot]
    ) -> list[tuple[int, int]]:
        text = reading.text.lower()
        candidates = {**{span: self._share(s) for span, s in cars.items()}}
        if len(text) == len(reading.text) and self.shares:
            candidates |= {(a, b): self.shares[text[a:b]] for a, b in _named(self._words, text)}
        return _apart(span for span, share in candidates.items() if share >= LEAST)

    def _share(self, slot: Slot) -> float:
        return self.shares.get(slot.text.lower(), self.unseen[_shape(slot)])


def learn(texts: Sequence[tuple[Reading, Sequence[str]]]) -> Mentions:
    """Count how often each name that was ever marked, or that the lexicon finds, was marked."""
    marked: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    names = {m.lower() for _, mentions in texts for m in mentions if m.strip()}
    words = Words(dict.fromkeys(names))
    for reading, mentions in texts:
        real = {m.lower() for m in mentions}
        text = reading.text.lower()
        spans = _apart(_named(words, text)) if names else []
        found = {text[a:b] for a, b in spans} | real
        found |= {s.text.lower() for s in reading.slots if s.kind in ("model", "rival")}
        seen.update(found)
        marked.update(found & real)
    return Mentions({n: _smoothed(marked[n], seen[n]) for n in seen}, _unseen(texts, seen))


def _smoothed(marked: int, seen: int) -> float:
    return round((marked + 0.5) / (seen + 1), 3)


def _unseen(texts: Sequence[tuple[Reading, Sequence[str]]], seen: Counter[str]) -> dict[str, float]:
    """How far to trust a name that no label speaks of: as far as those seen only once."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for reading, mentions in texts:
        real = {m.lower() for m in mentions}
        for slot in reading.slots:
            if slot.kind in ("model", "rival") and seen[slot.text.lower()] == 1:
                total[_shape(slot)] += 1
                right[_shape(slot)] += slot.text.lower() in real
    return {s: round((right[s] + 1) / (total[s] + 2), 3) for s in ("brand", "series", "both")}


def _shape(slot: Slot) -> str:
    """A brand alone, a series alone, or one after the other."""
    if slot.value["series"] is None:
        return "brand"
    return "both" if len(slot.text) > len(slot.value["series"]) + 1 else "series"


def _named(words: Words[Any], text: str) -> Iterator[tuple[int, int]]:
    for start, end, _ in words.find(text):
        if not (run(text[max(start - 1, 0) : start + 1]) and start) and not run(
            text[end - 1 : end + 1]
        ):
            yield start, end


def _apart(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of spans that overlap, the longest; equal ones, the first."""
    kept: list[tuple[int, int]] = []
    taken: set[int] = set()
    for a, b in sorted(set(spans), key=lambda s: (s[0] - s[1], s[0])):
        if taken.isdisjoint(range(a, b)):
            taken.update(range(a, b))
            kept.append((a, b))
    return sorted(kept)


def _slot(reading: Reading, cars: Mapping[tuple[int, int], Slot], a: int, b: int) -> Slot:
    """A learnt name takes brand and series from what the lexicon found inside it, if anything."""
    inside = next((s for (x, y), s in cars.items() if x < b and a < y), None)
    surface = reading.text[a:b]
    value = inside.value if inside else {"brand": surface, "series": None, "trim": None}
    return Slot(inside.kind if inside else "model", value, surface, (a, b))
