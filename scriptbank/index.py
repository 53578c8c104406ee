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
from itertools import chain, compress, repeat
from operator import contains
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.fuzz import ratio

from scriptbank.learn import Weights
from scriptbank.wording import MEANING, features, fold, letters

# Measured on paraphrase sets: characters bear more than pairs, however rare a pair is.
CHARACTER, PAIR, GROUP = 4, 1, 6
STEPS = 3  # weights per doubling of rarity
HELD = 0.4  # how much it counts that an entry has the question's features in any wording
ORDER = 0.15  # how much the order of the characters counts beside the features


UNKNOWN = -1.0  # of a likeness that was not needed yet
FAR = 0.34  # a wording with less of the rare features than this share of the best is not looked at


@dataclass(frozen=True, slots=True)
class Wording:
    """A text an entry can be found by; `share` below 1 ranks it under a standard question.

    `whole` says that the entire text should agree; an answer's text only holds what is asked.
    """

    text: str
    share: float = 1.0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    key: str
    score: float  # 0..1


class _Slot(NamedTuple):
    """One indexed wording."""

    key: str
    folded: str
    features: str  # the number of each as one character: a tenth of a set, and as quick to look in
    share: float
    whole: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """What is looked for: its features by name, those that the index knows by number, and what
    all of them weigh."""

    folded: str
    names: set[str]
    known: list[int]
    marks: list[str]  # the known ones as the slots write them
    weights: list[int]
    total: int

    def shared(self, features: str) -> int:
        """What the features weigh that are among these."""
        return sum(compress(self.weights, map(contains, repeat(features), self.marks)))


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
        self._folded: list[str] = []  # the letters of each slot
        self._own: list[int] = []  # the weight of all features of a slot
        self._of: defaultdict[str, list[int]] = defaultdict(list)
        self._held: dict[str, str] = {}  # all features of an entry of several wordings
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
        numbers = self._of[key]
        if len(numbers) > 1:
            slots = filter(None, map(self._slots.__getitem__, numbers))
            self._held[key] = "".join(set().union(*(slot.features for slot in slots)))

    def drop(self, key: str) -> None:
        self._held.pop(key, None)
        for number in self._of.pop(key, []):
            slot = self._slots[number]
            assert slot is not None
            self._slots[number] = None
            self._folded[number] = ""
            self._live -= 1
            numbers = list(map(ord, slot.features))
            for feature in numbers:
                posting = self._postings[feature]
                del posting[bisect_left(posting, number)]
            self._stale.update(numbers)

    def learn(self, weights: Weights) -> None:
        """Rank by what use has taught; empty weights forget it."""
        self._learnt = weights

    def search(self, text: str, limit: int = 48) -> list[Hit]:
        """The nearest entries, best first, each by its nearest wording; ties by key."""
        return [Hit(key, score) for key, score in self.near(text, limit)]

    def near(self, text: str, limit: int = 48) -> list[tuple[str, float]]:
        """The same as keys and scores."""
        self._weigh()
        asked = self._ask(text)
        pool = max(self._pool, 2 * limit) * (3 if self._learnt else 1)
        found = sorted(self._hits(asked, self._nearest(asked, pool)))
        return [(key, -score) for score, key in found[:limit]]

    def _ask(self, text: str) -> _Question:
        plain = letters(text)
        folded = fold(plain)
        names = features(plain, folded)
        known = [n for f in names if (n := self._numbers.get(f)) is not None]
        weights = list(map(self._weights.__getitem__, known))
        total = sum(self._weight(f, 0) for f in names if f not in self._numbers) + sum(weights)
        return _Question(folded, names, known, list(map(chr, known)), weights, total)

    def _hits(
        self, asked: _Question, nearest: dict[str, tuple[float, int]]
    ) -> Iterator[tuple[float, str]]:
        """Nearness below zero, so that the best sorts first, with how much of the question the
        entry has at all, over all its wordings."""
        held, total = self._held, asked.total
        for key, (near, shared) in nearest.items():
            if key in held:
                shared = asked.shared(held[key])
            yield -((near + HELD * (shared / total)) / (1 + HELD)), key

    def _put(self, key: str, plain: str, wording: Wording) -> None:
        number = len(self._slots)
        folded = fold(plain)
        numbers = sorted(map(self._number, sorted(features(plain, folded))))  # whatever the hash
        marks = "".join(map(chr, numbers))
        self._slots.append(_Slot(key, folded, marks, wording.share, wording.whole))
        self._folded.append(folded)
        self._own.append(0)
        self._of[key].append(number)
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
        return sum(map(self._weights.__getitem__, map(ord, slot.features))) if slot else 0

    def _weight(self, name: str, count: int) -> int:
        """How much a feature tells."""
        rare = round(STEPS * math.log2(1 + self._scale / max(count, 1)))
        if name[0] == MEANING:
            return GROUP * rare
        return rare * (CHARACTER if len(name) == 1 else PAIR)

    def _candidates(self, asked: _Question, pool: int) -> dict[int, float]:
        """The wordings that share most features, of which the rarest are read first, with how far
        they stand in the question's order, where that had to be known.

        Reading stops before the feature that would exceed the budget: what shares only common
        characters with the question is no answer to it.
        """
        read: list[list[int]] = []
        left = self._budget * (4 if self._learnt else 1)
        for size, feature in sorted((len(self._postings[n]), n) for n in asked.known):
            if read and size > left:
                break
            left -= size
            read.append(self._postings[feature])
        shared = Counter(chain.from_iterable(read))
        if len(shared) <= pool:
            return dict.fromkeys(shared, UNKNOWN)
        counts = list(shared.values())
        most = max(counts)
        # Where all ask in one phrase, hundreds share the most: then there is nothing to sort.
        least = most if counts.count(most) >= pool else sorted(counts)[-pool]
        more = (number for number, count in shared.items() if count > least)
        near = dict.fromkeys(more if least < most else (), UNKNOWN)
        if least < FAR * most:
            return near
        tied = [number for number, count in shared.items() if count == least]
        return near | self._alike(asked, tied, pool - len(near))

    def _alike(self, asked: _Question, numbers: list[int], count: int) -> dict[int, float]:
        """Those whose characters stand most in the question's order.

        Where all questions of a bank share one phrase, the rare features leave hundreds equal.
        """
        texts = list(map(self._folded.__getitem__, numbers))
        found = process.extract(asked.folded, texts, scorer=ratio, limit=count)
        return {numbers[at]: score for _, score, at in found}

    def _nearest(self, asked: _Question, pool: int) -> dict[str, tuple[float, int]]:
        """The nearness of each entry's nearest wording, and the weight they share."""
        slots, held, own = self._slots, self._held, self._own
        text, marks, weights, total = asked.folded, asked.marks, asked.weights, asked.total
        learnt = bool(self._learnt)
        best: dict[str, tuple[float, int]] = {}
        for number, order in self._candidates(asked, pool).items():
            slot = slots[number]
            assert slot is not None
            key, folded, features, share, whole = slot
            if not whole:  # found by nothing else: what an entry of several wordings holds
                if key not in best:  # is counted over all of them
                    best[key] = 0.0, 0 if key in held else asked.shared(features)
                continue
            shared = sum(compress(weights, map(contains, repeat(features), marks)))
            order = (ratio(text, folded) if order == UNKNOWN else order) / 100
            near = (2 * shared / (total + own[number]) + ORDER * order) / (1 + ORDER)
            if learnt:
                near = (near + self._learnt.likeness(self._odd(asked, slot), order)) / 2
            near *= share
            if key not in best or near > best[key][0]:
                best[key] = near, shared
        return best

    def _odd(self, asked: _Question, slot: _Slot) -> set[str]:
        """The features that only one of question and wording has."""
        names = map(self._names.__getitem__, map(ord, slot.features))
        return asked.names.symmetric_difference(names)
