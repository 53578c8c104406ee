"""The optional learned layer: what a company's own labels add to the shipped lexicon.

A linear model over hashed n-grams, weighed by how much each speaks for a code (NB-SVM), with what
the lexicon found among its features. It says which n-grams weighed most, so that it can explain.
"""

import json
import math
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from nlp import tokens
from nlp.mentions import Mentions
from nlp.normalise import plain
from nlp.reading import CONCERNS, Concern, Reading, Span

BITS = 17
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

    def probability(self, features: Sequence[int]) -> float:
        total = sum(map(self.weights.__getitem__, features)) / math.sqrt(len(features) or 1)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total + self.bias))))


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
        return replace(reading, concerns=found, slots=slots)

    def _concerns(self, reading: Reading) -> Iterator[Concern]:
        grams = dict(hashed(reading))
        features = list(grams)
        chances = {c: part.probability(features) for c, part in self.concerns.items()}
        chosen = self.choose(chances)
        sign = self.sign(features)
        known = {c.code: c for c in reading.concerns}
        for code in CONCERNS:
            if code in chosen:
                yield self._concern(reading, code, chances[code], sign, known.get(code), grams)
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
        self, reading: Reading, code: str, chance: float, sign: int, known: Concern | None,
        grams: Mapping[int, str],
    ) -> Concern:  # fmt: skip
        weights = self.concerns[code].weights
        top = sorted(grams, key=lambda f: -weights[f])[:SHOWN]
        why = "model: " + " ".join(grams[f] for f in top)
        if known:
            return replace(known, polarity=sign, confidence=round(chance, 2), rule=why)
        span = _place(reading.text, [grams[f] for f in top])
        return Concern(code, sign, round(chance, 2), reading.text[span[0] : span[1]], span, why)


def _linear(head: Mapping[str, float], raw: bytes, at: int) -> Linear:
    levels = array("b", raw[at * SIZE : (at + 1) * SIZE])
    scale = head["scale"]
    return Linear([level * scale for level in levels], head["bias"], head["threshold"])


def _place(text: str, grams: Sequence[str]) -> Span:
    """Where the weightiest n-gram stands that can be found in the text as it was written."""
    for gram in grams:
        at = text.lower().find(gram)
        if at >= 0 and len(text.lower()) == len(text):
            return at, at + len(gram)
    return 0, len(text)


def hashed(reading: Reading) -> Iterator[tuple[int, str]]:
    """Each feature of a message with the words that it stands for."""
    for gram in dict.fromkeys(_grams(reading)):
        yield crc32(gram.encode()) & (SIZE - 1), gram.split("\t")[-1]


BLANK = re.compile(r"\s+")


def _grams(reading: Reading) -> Iterator[str]:
    text = BLANK.sub("", plain(reading.text))
    for size in (1, 2, 3, 4):
        yield from (text[at : at + size] for at in range(len(text) - size + 1))
    words = tokens.cut(text)
    yield from (f"w\t{a}" for a in words)
    yield from (f"w\t{a}{b}" for a, b in pairwise(words))
    for c in reading.concerns:
        yield f"c {c.code}\t{c.evidence}"
        yield f"p {c.code} {c.polarity}\t{c.evidence}"
        yield f"p {c.polarity}\t{c.evidence}"
        yield f"r {c.rule}\t{c.evidence}"
