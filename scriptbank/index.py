"""Which wordings of the library come nearest to a question: an inverted index that stays current.

A wording is seen as its characters, pairs of neighbouring characters and groups of words that
mean the same. Two wordings are near when the features they share weigh much, by how rare they
are, against all that both have. Weights are small whole numbers, so that sums do not depend on
their order and a feature's weight seldom changes when the library does: an index that was
changed step by step answers like one built afresh.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from rapidfuzz import fuzz

from scriptbank.learn import Weights
from scriptbank.wording import MEANING, features, fold, letters

# Measured on paraphrase sets: characters bear more than pairs, however rare a pair is.
CHARACTER, PAIR, GROUP = 4, 1, 3
STEPS = 3  # weights per doubling of rarity
HELD = 0.5
ORDER = 0.15  # how much the order of the characters counts beside the features


@dataclass(frozen=True, slots=True)
class Wording:
    """A text an entry can be found by; `share` below 1 ranks it under a standard question.

    `whole` says that the entire text should agree; of an answer's text a part is enough.
    """

    text: str
    share: float = 1.0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    key: str
    score: float  # 0..1


@dataclass(frozen=True, slots=True)
class _Slot:
    """One indexed wording."""

    key: str
    folded: str
    features: tuple[int, ...]
    share: float
    whole: bool


class Index:
    """Wordings by feature. Adding or dropping one is felt by the next search."""

    def __init__(self, budget: int = 1000, pool: int = 32) -> None:
        self._budget = budget  # postings read for one question
        self._pool = pool  # wordings compared in full
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._postings: list[list[int]] = []
        self._weights: list[int] = []
        self._slots: list[_Slot | None] = []
        self._own: list[int] = []  # the weight of all features of a slot
        self._of: defaultdict[str, list[int]] = defaultdict(list)
        self._full = True
        self._held: dict[str, frozenset[int]] = {}
        self._live = 0
        self._scale = 1
        self._stale: set[int] = set()  # features whose weight is to be found anew
        self._fresh: list[int] = []  # slots not weighed yet
        self._learnt = Weights()

    def __len__(self) -> int:
        return self._live

    def add(self, key: str, wordings: Iterable[Wording]) -> None:
        for wording in wordings:
            plain = letters(wording.text)
            if plain:
                self._put(key, plain, wording)

    def drop(self, key: str) -> None:
        self._held.pop(key, None)
        for number in self._of.pop(key, []):
            slot = self._slots[number]
            assert slot is not None
            self._slots[number] = None
            self._live -= 1
            for feature in slot.features:
                posting = self._postings[feature]
                del posting[bisect_left(posting, number)]
            self._stale.update(slot.features)

    def learn(self, weights: Weights) -> None:
        """Rank by what use has taught; empty weights forget it."""
        self._learnt = weights

    def search(self, text: str, limit: int = 48) -> list[Hit]:
        """The nearest entries, best first, each by its nearest wording; ties by key."""
        self._weigh()
        plain = letters(text)
        folded = fold(plain)
        asked = features(plain, folded)
        known = {n for f in asked if (n := self._numbers.get(f)) is not None}
        total = sum(self._weight(f, 0) for f in asked if f not in self._numbers)
        total += sum(map(self._weights.__getitem__, known))
        pool = max(self._pool, 2 * limit) * (3 if self._learnt else 1)
        numbers = self._candidates(known, total, pool)
        near: dict[str, float] = {}
        for slot, score in self._compare(numbers, known, folded, total):
            if self._learnt and score:
                score = (score + slot.share * self._likeness(slot, asked, folded)) / 2
            if score > near.get(slot.key, -1.0):
                near[slot.key] = score
        found = [Hit(key, self._whole(key, score, known, total)) for key, score in near.items()]
        found.sort(key=lambda hit: (-hit.score, hit.key))
        return found[:limit]

    def _whole(self, key: str, near: float, known: set[int], total: int) -> float:
        """Nearness to one wording, and how much of the question the entry has at all."""
        held = self._held.get(key)
        if held is None:
            return near
        shared = sum(map(self._weights.__getitem__, known & held))
        return (near + HELD * shared / total) / (1 + HELD)

    def _put(self, key: str, plain: str, wording: Wording) -> None:
        number = len(self._slots)
        folded = fold(plain)
        numbers = tuple(sorted(map(self._number, features(plain, folded))))
        self._slots.append(_Slot(key, folded, numbers, wording.share, wording.whole))
        self._own.append(0)
        self._of[key].append(number)
        if self._full:
            self._held[key] = self._held.get(key, frozenset()) | frozenset(numbers)
        self._live += 1
        for feature in numbers:
            self._postings[feature].append(number)
        self._stale.update(numbers)
        self._fresh.append(number)

    def _number(self, feature: str) -> int:
        number = self._numbers.setdefault(feature, len(self._postings))
        if number == len(self._postings):
            self._names.append(feature)
            self._postings.append([])
            self._weights.append(0)
        return number

    def _weigh(self) -> None:
        """Weigh what has changed; everything when the library has doubled or halved."""
        scale = 2 ** math.ceil(math.log2(max(self._live, 1)))
        if scale != self._scale or len(self._fresh) > self._live // 8:
            self._scale = scale
            self._weigh_all()
        for feature in self._stale:
            weight = self._weight(self._names[feature], len(self._postings[feature]))
            more = weight - self._weights[feature]
            if more:
                self._weights[feature] = weight
                for number in self._postings[feature]:
                    self._own[number] += more
        for number in self._fresh:
            self._own[number] = self._sum(self._slots[number])
        self._stale.clear()
        self._fresh.clear()

    def _weigh_all(self) -> None:
        counts = map(len, self._postings)
        self._weights = list(map(self._weight, self._names, counts))
        self._own = list(map(self._sum, self._slots))
        self._stale.clear()
        self._fresh.clear()

    def _sum(self, slot: _Slot | None) -> int:
        return sum(map(self._weights.__getitem__, slot.features)) if slot else 0

    def _weight(self, name: str, count: int) -> int:
        """How much a feature tells."""
        rare = round(STEPS * math.log2(1 + self._scale / max(count, 1)))
        if name[0] == MEANING:
            return GROUP * rare
        return rare * (CHARACTER if len(name) == 1 else PAIR)

    def _candidates(self, known: set[int], total: int, pool: int) -> list[int]:
        """The wordings that share most features, of which the rarest are read first.

        Reading stops before the feature that would exceed the budget: what shares only common
        characters with the question is no answer to it.
        """
        read: list[list[int]] = []
        left = self._budget * (4 if self._learnt else 1)
        for size, feature in sorted((len(self._postings[n]), n) for n in known):
            if read and size > left:
                break
            left -= size
            read.append(self._postings[feature])
        shared = Counter(chain.from_iterable(read))
        if len(shared) <= pool:
            return list(shared)
        least = sorted(shared.values())[-pool]
        near = [number for number, count in shared.items() if count >= least]
        own = self._own
        near.sort(key=lambda n: (-shared[n] / (total + own[n]), n))
        return near[:pool]

    def _compare(
        self, numbers: list[int], known: set[int], folded: str, total: int
    ) -> Iterator[tuple[_Slot, float]]:
        weigh = self._weights.__getitem__
        for number in numbers:
            slot = self._slots[number]
            assert slot is not None
            shared = sum(map(weigh, known.intersection(slot.features)))
            if not slot.whole:
                yield slot, 0.0
                continue
            near = 2 * shared / (total + self._own[number])
            order = fuzz.ratio(folded, slot.folded) / 100
            yield slot, slot.share * (near + ORDER * order) / (1 + ORDER)

    def _likeness(self, slot: _Slot, asked: set[str], folded: str) -> float:
        """What use has taught about the features that only one of the two wordings has."""
        odd = asked.symmetric_difference(map(self._names.__getitem__, slot.features))
        return self._learnt.likeness(odd, fuzz.ratio(folded, slot.folded) / 100)
