"""What advisors' use teaches about words: which of them tell two questions apart.

A logistic model over the differences of two wordings. It is plain numbers by feature, so it can
be looked at, kept, and forgotten by ranking without it.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz import fuzz

from scriptbank.wording import features, fold, letters

ORDER, USUAL = "", " "  # names of the two numbers that belong to no feature
ROUNDS = 6
RATE = 0.3
CAUTION = 20.0  # a word seen in few pairs is believed little
SOFTNESS = 2.0  # how gradual likeness is between surely different and surely the same


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each feature that two wordings do not share speaks for (or, negative, against)
    their being the same question; empty weights know nothing."""

    numbers: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.numbers)

    def likeness(self, odd: Iterable[str], order: float) -> float:
        """0..1, from the features only one of two wordings has and the likeness of their order."""
        known = self.numbers
        evidence = known[USUAL] + known[ORDER] * order
        evidence += sum(known.get(name, 0.0) for name in odd)
        return _chance(evidence / SOFTNESS)

    def save(self, path: Path) -> None:
        kept = {name: round(number, 4) for name, number in sorted(self.numbers.items())}
        path.write_text(json.dumps(kept, ensure_ascii=False, indent=0), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Weights":
        return cls(json.loads(path.read_text(encoding="utf-8")))


def learn(pairs: Iterable[tuple[str, str, bool]]) -> Weights:
    """From phrasings that were taken for the same question (True) or for different ones.

    The same pairs in the same order give the same weights.
    """
    examples = [_example(*pair) for pair in pairs]
    if not examples:
        return Weights()
    seen = Counter(name for example in examples for name in example.odd)
    names = [USUAL, ORDER, *sorted(seen)]
    at = {name: n for n, name in enumerate(names)}
    rows = [[at[name] for name in example.odd] for example in examples]
    caution = [0.0, 0.0, *(CAUTION / seen[name] for name in names[2:])]
    numbers = _descend(rows, examples, caution)
    return Weights(dict(zip(names, numbers, strict=True)))


@dataclass(frozen=True, slots=True)
class _Example:
    odd: tuple[str, ...]  # features only one of the two wordings has
    order: float
    same: bool


def _example(one: str, other: str, same: bool) -> _Example:
    a, b = letters(one), letters(other)
    folded_a, folded_b = fold(a), fold(b)
    odd = features(a, folded_a) ^ features(b, folded_b)
    return _Example(tuple(sorted(odd)), fuzz.ratio(folded_a, folded_b) / 100, same)


def _descend(
    rows: Sequence[Sequence[int]], examples: Sequence[_Example], caution: Sequence[float]
) -> list[float]:
    """Adaptive gradient descent; each number slows down by what it has moved already."""
    numbers, moved = [0.0] * len(caution), [1e-6] * len(caution)
    order = list(range(len(rows)))
    shuffle = random.Random(0).shuffle
    for _ in range(ROUNDS):
        shuffle(order)
        for n in order:
            row, example = rows[n], examples[n]
            evidence = numbers[0] + numbers[1] * example.order + sum([numbers[f] for f in row])
            error = _chance(evidence) - example.same
            for f, gradient in ((0, error), (1, error * example.order)):
                moved[f] += gradient * gradient
                numbers[f] -= RATE * gradient / math.sqrt(moved[f])
            for f in row:
                gradient = error + caution[f] * numbers[f]
                moved[f] += gradient * gradient
                numbers[f] -= RATE * gradient / math.sqrt(moved[f])
    return numbers


def _chance(evidence: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, evidence))))
