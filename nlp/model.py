"""The optional learned layer: what a company's own labels add to the shipped lexicon.

A linear model over hashed n-grams, weighed by how much each speaks for a code (NB-SVM), with what
the lexicon found among its features. It says which n-grams weighed most, so that it can explain.
"""

import json
import math
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from nlp import clauses, tokens
from nlp.mentions import Mentions
from nlp.normalise import Normal
from nlp.reading import CONCERNS, Concern, Reading, Span

BITS = 18
SIZE = 1 << BITS
POLARITIES = ("up", "down")
SHOWN = 3  # n-grams named in an explanation


class ModelError(ValueError):
    """A model directory cannot be read; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Linear:
    """One yes-or-no question: a weight for each hashed feature, and where yes begins."""

    weights: Sequence[float]
    bias: float
    threshold: float = 0.5
    scale: float = (
        1.0  # what a weight of one stands for; weights that were stored are small integers
    )

    def score(self, features: Sequence[int]) -> float:
        total = sum(map(self.weights.__getitem__, features)) * self.scale
        return total / math.sqrt(len(features) or 1)

    def probability(self, features: Sequence[int]) -> float:
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self.score(features) + self.bias))))


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: the features by which a topic is found in it, and what judges the topic then."""

    naming: tuple[int, ...]
    text: str
    polarities: tuple[int, ...]  # of the lexicon's concerns in it

    def judging(self) -> Iterator[int]:
        yield from (_hash(f"near {piece}") for piece in dict.fromkeys(_pieces(self.text, 3)))
        yield from (_hash(f"near p {polarity}") for polarity in dict.fromkeys(self.polarities))


@dataclass(frozen=True, slots=True)
class Look:
    """What a message looks like to the learned layer: its features, and what each stands for."""

    grams: Mapping[int, str]
    clauses: tuple[Clause, ...]

    @property
    def features(self) -> tuple[int, ...]:
        return tuple(self.grams)

    def heaviest(self, topic: Linear) -> list[str]:
        """The words of the text that speak most for a topic."""
        spoken = (feature for feature, gram in self.grams.items() if gram[-1] != "\t")
        top = nlargest(SHOWN, spoken, key=topic.weights.__getitem__)
        return [self.grams[feature].rpartition("\t")[2] for feature in top]

    def about(self, code: str, topic: Linear) -> tuple[int, ...]:
        """The features again, with those of the clause that speaks most of this topic."""
        found = (*self.grams, _hash(f"about {code}"))
        if not self.clauses:
            return found
        nearest = max(self.clauses, key=lambda clause: topic.score(clause.naming))
        return (*found, *nearest.judging())


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt; `always` says that every labelled text was about something."""

    concerns: Mapping[str, Linear]
    polarity: Mapping[str, Linear]
    mentions: Mentions | None
    always: bool

    @classmethod
    def load(cls, folder: Path) -> "Model":
        try:
            head = json.loads((folder / "model.json").read_text("utf-8"))
            raw = (folder / "weights.bin").read_bytes()
            names = [*head["concerns"], *head["polarity"]]
            if head["bits"] != BITS or len(raw) != SIZE * len(names):
                raise ModelError(f"{folder}: weights.bin does not belong to model.json")
            parts = {name: _linear(head["parts"][name], raw, at) for at, name in enumerate(names)}
        except (OSError, KeyError, TypeError, json.JSONDecodeError) as exc:
            raise ModelError(f"{folder} is no model directory: {exc!r}") from exc
        mentions = Mentions.of(head["mentions"]) if head["mentions"] is not None else None
        return cls(
            {n: parts[n] for n in head["concerns"]}, {n: parts[n] for n in head["polarity"]},
            mentions, head["always"],
        )  # fmt: skip

    def improve(self, reading: Reading) -> Reading:
        """The reading with the learnt codes decided here; what was not learnt stays."""
        if not reading.text.strip():
            return reading
        found = tuple(self._concerns(reading)) if self.concerns else reading.concerns
        slots = self.mentions.slots(reading) if self.mentions else reading.slots
        return reading._replace(concerns=found, slots=slots)

    def _concerns(self, reading: Reading) -> Iterator[Concern]:
        seen = look(reading)
        features = seen.features
        chances = {c: part.probability(features) for c, part in self.concerns.items()}
        chosen = self.choose(chances)
        known = {c.code: c for c in reading.concerns}
        for code in CONCERNS:
            if code in chosen:
                yield self._concern(reading, code, chances[code], known.get(code), seen)
            elif code in known and code not in self.concerns:
                yield known[code]

    def choose(self, chances: Mapping[str, float]) -> set[str]:
        """Codes likely enough; the likeliest one where a text is always about something."""
        chosen = {c for c, p in chances.items() if p >= self.concerns[c].threshold}
        if not chosen and self.always:
            return {max(chances, key=lambda c: chances[c])}
        return chosen

    def sign(self, features: Sequence[int]) -> int:
        scores = {n: part.probability(features) for n, part in self.polarity.items()}
        best = max(scores, key=lambda n: scores[n] - self.polarity[n].threshold, default="")
        if not best or scores[best] < self.polarity[best].threshold:
            return 0
        return 1 if best == "up" else -1

    def _concern(
        self, reading: Reading, code: str, chance: float, known: Concern | None, seen: Look
    ) -> Concern:
        topic = self.concerns[code]
        sign, top = self.sign(seen.about(code, topic)), seen.heaviest(topic)
        why = "model: " + " ".join(dict.fromkeys(top))
        if known:
            return known._replace(polarity=sign, confidence=round(chance, 2), rule=why)
        span = _place(reading.text, top)
        return Concern(code, sign, round(chance, 2), reading.text[span[0] : span[1]], span, why)


def _linear(head: Mapping[str, float], raw: bytes, at: int) -> Linear:
    weights = array("b", raw[at * SIZE : (at + 1) * SIZE])
    return Linear(weights, head["bias"], head["threshold"], head["scale"])


def _place(text: str, grams: Sequence[str]) -> Span:
    """Where the weightiest n-gram stands that can be found in the text as it was written."""
    for gram in grams:
        at = text.lower().find(gram)
        if at >= 0 and len(text.lower()) == len(text):
            return at, at + len(gram)
    return 0, len(text)


BLANK = re.compile(r"\s+")


def look(reading: Reading) -> Look:
    """Every feature of a message, hashed."""
    normal = Normal.of(reading.text)
    hashes = {gram: _hash(gram) for gram in _grams(reading, normal)}
    grams = {number: gram for gram, number in hashes.items()}
    return Look(grams, tuple(_clauses(reading, normal, hashes)))


def _hash(gram: str) -> int:
    return crc32(gram.encode("utf-8", "replace")) & (SIZE - 1)


def _grams(reading: Reading, normal: Normal) -> Iterator[str]:
    text = BLANK.sub("", normal.text)
    yield from _pieces(text, 4)
    words = tokens.cut(text)
    yield from (f"w\t{a}" for a in words)
    yield from (f"w\t{a}{b}" for a, b in pairwise(words))
    for c in reading.concerns:
        yield f"c {c.code}\t{c.evidence}"
        yield f"p {c.code} {c.polarity}\t{c.evidence}"
        yield f"p {c.polarity}\t{c.evidence}"
        yield f"r {c.rule}\t{c.evidence}"
    yield from (f"{about}\t" for about in _traits(reading))


def _pieces(text: str, longest: int) -> Iterator[str]:
    for size in range(1, longest + 1):
        yield from (text[at : at + size] for at in range(len(text) - size + 1))


def _clauses(reading: Reading, normal: Normal, hashes: Mapping[str, int]) -> Iterator[Clause]:
    for part in clauses.split(normal.text):
        text = BLANK.sub("", normal.text[part.start : part.end])
        first, last = normal.span(part.start, part.end)
        inside = [c for c in reading.concerns if c.span[0] < last and first < c.span[1]]
        naming = tuple(hashes[piece] for piece in _pieces(text, 4))
        yield Clause(naming, text, tuple(c.polarity for c in inside))


def _traits(reading: Reading) -> Iterator[str]:
    """What the lexicon made of the message besides its concerns."""
    yield f"act {reading.speech_act}"
    yield f"tier {reading.tier_signal}"
    yield f"long {min(len(reading.text) // 8, 10)}"
    yield from (f"intent {intent.code}" for intent in reading.intents)
    yield from (f"slot {slot.kind}" for slot in reading.slots)
    yield from (f"rule {name}" for name in reading.rules)
