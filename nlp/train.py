"""Fits the optional learned layer on a company's own labels, and says how good it is."""

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nlp import mentions
from nlp.lexicon import Lexicon
from nlp.model import BITS, POLARITIES, SIZE, Linear, Look, Model, look
from nlp.reading import CONCERNS, Reading

FOLDS = 3


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one question is learnt."""

    epochs: int
    rate: float  # of the first epoch; it falls with each
    sure: float  # an error smaller than this teaches nothing
    telling: float  # a feature counts when its log-count ratio is at least this
    threshold: float


TOPIC = Recipe(epochs=3, rate=2.0, sure=0.08, telling=1.3, threshold=0.42)
# A feeling shows in many words that say little each: more of them are kept, and looked at longer.
FEELING = Recipe(epochs=6, rate=2.0, sure=0.03, telling=0.3, threshold=0.38)
MOST = 9.0  # the square of a log-count ratio beyond which no feature learns faster
Row = tuple[tuple[int, ...], float]  # features of a text, and what its score is scaled by
LEAST = 5  # labels that a code needs before anything is learnt about it
AT = datetime(2026, 1, 1, tzinfo=UTC)  # no feature depends on the time


class LabelError(ValueError):
    """A line of labels cannot be used; the text names the line and what was wrong with it."""


@dataclass(frozen=True, slots=True)
class Example:
    reading: Reading
    look: Look | None  # None where nothing was said about concerns
    concerns: Mapping[str, int] | None
    mentions: tuple[str, ...] | None


def train(labels: Iterable[str], out: Path, lexicon: Lexicon) -> list[str]:
    """Learn from JSON lines, write the model directory, return the report line by line."""
    examples = _examples(labels, lexicon)
    report = list(_folded(examples))
    _write(fit(examples), out)
    return report


def folds(labels: Iterable[str], lexicon: Lexicon) -> list[str]:
    """The report alone, where no model is wanted."""
    return list(_folded(_examples(labels, lexicon)))


def _examples(labels: Iterable[str], lexicon: Lexicon) -> list[Example]:
    examples = [_example(lexicon, n, line) for n, line in enumerate(labels, 1) if line.strip()]
    if not examples:
        raise LabelError("no labelled line was found")
    return examples


def fit(examples: Sequence[Example]) -> Model:
    tagged = [(e.look, e.concerns) for e in examples if e.look and e.concerns is not None]
    named = [(e.reading, e.mentions) for e in examples if e.mentions is not None]
    codes = [c for c in CONCERNS if sum(c in found for _, found in tagged) >= LEAST]
    rows = _common([seen.features for seen, _ in tagged])
    topics = {c: _fitted(rows, [c in found for _, found in tagged], TOPIC) for c in codes}
    return Model(
        topics,
        dict(_polarity(tagged, topics)) if codes else {},
        mentions.learn(named) if named else None,
        bool(tagged) and all(found for _, found in tagged),
    )


Tagged = tuple[Look, Mapping[str, int]]


def _polarity(
    tagged: Sequence[Tagged], topics: Mapping[str, Linear]
) -> Iterator[tuple[str, Linear]]:
    signs = [
        (seen.about(code, topics[code]), sign)
        for seen, found in tagged
        for code, sign in found.items()
        if code in topics
    ]
    rows = _common([f for f, _ in signs])
    for name, sign in zip(POLARITIES, (1, -1), strict=True):
        yield name, _fitted(rows, [s == sign for _, s in signs], FEELING)


def _common(rows: Sequence[Sequence[int]]) -> list[Row]:
    """Without what stands in one or two texts only: half the work, and nothing to learn from."""
    counts = [0] * SIZE
    for row in rows:
        for feature in row:
            counts[feature] += 1
    return [(tuple(f for f in row if counts[f] > 2), 1 / math.sqrt(len(row) or 1)) for row in rows]


def _fitted(rows: Sequence[Row], truths: Sequence[bool], recipe: Recipe) -> Linear:
    """Logistic regression whose step for each feature grows with what it says (NB weights)."""
    steps = [min(r * r, MOST) if abs(r) >= recipe.telling else 0.0 for r in _ratios(rows, truths)]
    telling = [(tuple(f for f in row if steps[f]), norm) for row, norm in rows]
    weights = [0.0] * SIZE
    bias = 0.0
    for epoch in range(recipe.epochs):
        rate = recipe.rate / (1 + epoch)
        for (row, norm), truth in zip(telling, truths, strict=True):
            total = sum(map(weights.__getitem__, row)) * norm + bias
            error = truth - 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
            if abs(error) < recipe.sure:
                continue
            bias += 0.1 * rate * error
            move = rate * error * norm
            for feature in row:
                weights[feature] += move * steps[feature]
    return Linear(weights, bias, recipe.threshold)


def _ratios(rows: Sequence[Row], truths: Sequence[bool]) -> list[float]:
    """How much more often each feature stands in texts of the code than in the others (log)."""
    yes, no = [1.0] * SIZE, [1.0] * SIZE
    for (row, _), truth in zip(rows, truths, strict=True):
        counts = yes if truth else no
        for feature in row:
            counts[feature] += 1
    some = sum(truths)
    base = math.log((some + 1) / (len(truths) - some + 1))
    return [0.0 if y + n <= 3 else math.log(y / n) - base for y, n in zip(yes, no, strict=True)]


def _example(lexicon: Lexicon, number: int, line: str) -> Example:
    try:
        row = json.loads(line)
        text = row["text"]
        found = row.get("concerns")
        named = row.get("mentions")
        concerns = None if found is None else {c["code"]: int(c["polarity"]) for c in found}
        names = None if named is None else tuple(map(str, named))
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise LabelError(f"line {number}: not a labelled line: {exc!r}") from exc
    if not isinstance(text, str) or any(c not in CONCERNS for c in concerns or ()):
        raise LabelError(f"line {number}: text must be text, codes one of {', '.join(CONCERNS)}")
    reading = lexicon.read(text, at=AT)
    return Example(reading, look(reading) if concerns is not None else None, concerns, names)


def _folded(examples: Sequence[Example]) -> Iterator[str]:
    """Precision, recall and F1 on lines that were not learnt from."""
    totals: dict[str, list[int]] = {}
    for fold in range(FOLDS):
        model = fit([e for n, e in enumerate(examples) if n % FOLDS != fold])
        for example in examples[fold::FOLDS]:
            _count(totals, model, example)
    for name, (hit, found, real) in totals.items():
        if real or found:
            f1 = 2 * hit / (found + real)
            precision, recall = hit / max(found, 1), hit / max(real, 1)
            yield f"{name}: P {precision:.3f} R {recall:.3f} F1 {f1:.3f} (n={real})"


def _count(totals: dict[str, list[int]], model: Model, example: Example) -> None:
    reading = model.improve(example.reading)
    if example.concerns is not None:
        learnt = {(c.code, c.polarity) for c in reading.concerns if c.code in model.concerns}
        _add(totals, "concern", {c for c, _ in learnt}, set(example.concerns))
        _add(totals, "concern+polarity", learnt, set(example.concerns.items()))
    if example.mentions is not None:
        found = {s.text.lower() for s in reading.slots if s.kind in ("model", "rival")}
        _add(totals, "mention", found, {m.lower() for m in example.mentions})


def _add(totals: dict[str, list[int]], name: str, found: set[Any], real: set[Any]) -> None:
    counts = totals.setdefault(name, [0, 0, 0])
    for at, size in enumerate((len(found & real), len(found), len(real))):
        counts[at] += size


def _write(model: Model, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    parts = {**model.concerns, **model.polarity}
    heads: dict[str, dict[str, float]] = {}
    with (out / "weights.bin").open("wb") as file:
        for name, part in parts.items():
            scale = max(map(abs, part.weights), default=0.0) / 127 or 1.0
            array("b", (round(w / scale) for w in part.weights)).tofile(file)
            heads[name] = {"scale": scale, "bias": part.bias, "threshold": part.threshold}
    head = {
        "bits": BITS, "concerns": list(model.concerns), "polarity": list(model.polarity),
        "parts": heads, "always": model.always,
        "mentions": model.mentions.stored() if model.mentions else None,
    }  # fmt: skip
    (out / "model.json").write_text(json.dumps(head, ensure_ascii=False), "utf-8")
