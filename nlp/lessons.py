"""How the second opinion is learnt: lessons in, weights out.

`python -m nlp.lessons UTTERANCES.jsonl OUT.json` reads labelled lines, spells the patterns of the
lexicon out and joins some of both to messages of two thoughts. Each question of `nlp.second` is a
support vector machine over runs of characters.
"""

import json
import math
import random
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nlp import load as lists
from nlp.match import SKIP, Rule, parse
from nlp.normalise import Normal
from nlp.second import (
    ACT,
    CODE,
    DATA,
    ELSEWHERE,
    FEELING,
    HALF,
    LONGEST,
    STEP,
    Label,
    norm,
    plain,
)  # fmt: skip

TAUGHT = (
    "concerns.toml",
    "intents.toml",
    "opinions.toml",
    "sayings.toml",
    "phrases.toml",
)  # whose patterns are spelled out
RARE, FAINT = 3, 0.1  # texts that an n-gram must stand in; a weight below this is not kept
SLACK = 1 / (2 * 0.6)  # how freely a row may stand on the wrong side
MOST = 12.0  # how much more than a no a rare yes may weigh
SPELLED = 5  # surfaces of a pattern
WORDY, WIDER = 60, 5  # of one with many alternatives so many times as many
MIXED, BOTH, THOUGHT = 5000, 0.5, 16  # pairs, what each weighs, characters of each half
REAL = 3.0  # what a line that somebody wrote weighs; a spelled pattern weighs 1
STRANGER = 4  # of one about another world so many times more


class Lesson(NamedTuple):
    """One text, the labels that are right, and which kinds of label are known of it."""

    text: str
    right: frozenset[Label]
    concerns: bool
    intents: bool
    acts: bool = False
    weight: float = 1.0


def lessons(path: Path) -> Iterator[Lesson]:
    """Labelled utterances: JSON lines with text, concerns and intents."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        felt = [f"{code}{sign}" for code, sign in row.get("concerns", ())]
        done = [ACT + row["act"]] if "act" in row else []
        right = frozenset((*felt, *row["intents"], *done))
        yield Lesson(row["text"], right, "concerns" in row, True, bool(done), REAL)


def spelled(folder: Path = DATA) -> Iterator[Lesson]:
    """The patterns of the lexicon, a few surfaces of each; the choice is the same every time."""
    dice = random.Random(1)
    for name in TAUGHT:
        for pattern, rule in lists.rules(lists.read(folder / name)):
            plain = rule.kind == "topic" and rule.strength >= PLAIN
            if plain or rule.kind in TELLING or rule.kind in EVALUATING:
                many = SPELLED * (WIDER if len(pattern) > WORDY else 1) * _worlds(rule)
                said = {_surface(pattern, dice) for _ in range(many)}
                yield from (_lesson(text, rule) for text in sorted(said))


def _worlds(rule: Rule) -> int:
    """There is more talk about the rest of the world than about cars."""
    return STRANGER if rule.kind == "foreign" else 1


PLAIN = 0.5
TELLING = frozenset(("cue", "intent", "foreign"))
EVALUATING = {
    "good": 1, "praise": 1, "glad": 1, "bad": -1, "blame": -1, "sad": -1, "worry": -1,
    "mishap": -1, "mock": -1, "asked": 0, "asks": 0,
}  # fmt: skip


def _surface(pattern: str, dice: random.Random) -> str:
    return "".join("" if part[0] == SKIP else dice.choice(part) for part in parse(pattern))


ALOOF = frozenset((
    "chitchat", "greeting", "thanks", "opt_out", "cancel_order", "lost", "delay", "cool_off",
    "ask_address", "ask_time", "visit", "test_drive", "referral",
))  # fmt: skip


def _lesson(text: str, rule: Rule) -> Lesson:
    """What a pattern says of one kind says nothing of the other, but for intents about no part."""
    if rule.kind == "intent":
        return Lesson(text, frozenset((rule.code,)), rule.code in ALOOF, True)
    if rule.kind == "foreign":
        return Lesson(text, frozenset((ELSEWHERE,)), True, False)
    if rule.kind in EVALUATING:
        return Lesson(text, frozenset((f"{FEELING}{EVALUATING[rule.kind]}",)), False, False)
    sign = rule.polarity if rule.kind == "cue" else 0
    return Lesson(text, frozenset((f"{rule.code}{sign}",)), True, False)


def mixed(given: Sequence[Lesson]) -> Iterator[Lesson]:
    """Two thoughts in one message: 有点贵，能便宜吗 is both, the price and that it is too high."""
    dice = random.Random(4)
    short = [t for t in given if t.concerns and len(t.text) <= THOUGHT]
    said = [t for t in short if t.weight == REAL]
    spelt = [t for t in short if t.weight != REAL and _sides(t)]
    for _ in range(MIXED):
        one, other = (dice.choice(said if dice.random() < 0.5 else spelt) for _ in range(2))
        if (sides := _together(_sides(one), _sides(other))) is None:
            continue
        meant = one.intents and other.intents
        both = one.right | other.right
        right = {*sides, *(t for t in both if meant and _kind(t) == MEANING)}
        text = one.text.rstrip("。！!") + dice.choice("，，，。 ") + other.text
        yield Lesson(text, frozenset(right), True, meant, weight=BOTH)


def _sides(lesson: Lesson) -> dict[str, Label]:
    return {_code(label): label for label in lesson.right if _kind(label) == SIDE}


def _together(one: Mapping[str, Label], other: Mapping[str, Label]) -> frozenset[Label] | None:
    """A feeling outweighs a question about the same; opposite feelings teach nothing."""
    found = dict(one)
    for code, label in other.items():
        held = found.get(code, f"{code}0")
        if held != label and f"{code}0" not in (held, label):
            return None
        found[code] = label if held == f"{code}0" else held
    return frozenset(found.values())


class Row(NamedTuple):
    """A lesson in numbers."""

    grams: Sequence[int]
    norm: float
    weight: float
    right: frozenset[int]
    asked: frozenset[int]  # the labels about which it teaches


def learn(given: Sequence[Lesson]) -> dict[str, object]:
    """The weights of every question; n-grams that only two joined thoughts make are no use."""
    labels = sorted({label for lesson in given for label in told(lesson)})
    texts = [plain(Normal.of(lesson.text).text) for lesson in given]
    single = [text for text, lesson in zip(texts, given, strict=True) if lesson.weight != BOTH]
    counts = Counter(gram for text in single for gram in pieces(text))
    grams = {gram: n for n, gram in enumerate(sorted(g for g, c in counts.items() if c >= RARE))}
    rows = list(_rows(given, texts, grams, labels))
    kept: dict[str, list[int]] = {gram: [] for gram in grams}
    biases: list[float] = []
    for label in range(len(labels)):
        weights, bias = _fitted(rows, len(grams), label)
        biases.append(round(bias, 3))
        for gram, weight in zip(grams, weights, strict=True):
            if abs(weight) >= FAINT:
                kept[gram] += (label, _stepped(weight))
    weighty = {gram: row for gram, row in kept.items() if row}
    return {"labels": labels, "biases": biases, "grams": weighty}


def _stepped(weight: float) -> int:
    most = HALF - 1
    return max(-most, min(most, round(weight * STEP)))


def pieces(plain: str) -> set[str]:
    """Each run of one to three characters, once."""
    runs = range(1, LONGEST + 1)
    return {plain[at : at + n] for n in runs for at in range(len(plain) - n + 1)}


def told(lesson: Lesson) -> frozenset[Label]:
    """All labels that are right: a polarity also tells of its concern, and of a feeling where the
    text has no other."""
    sides = [label for label in lesson.right if _kind(label) == SIDE]
    signs = {label.removeprefix(_code(label)) for label in sides}
    feelings = [f"{FEELING}{sign}" for sign in signs if len(signs) == 1]
    return lesson.right.union(feelings, (CODE + _code(label) for label in sides))


SIDE, MEANING = "side", "meaning"


def _kind(label: Label) -> str:
    if label[0] in (CODE, FEELING, ACT, ELSEWHERE):
        return label[0]
    return SIDE if label[-1].isdigit() else MEANING


def _code(label: Label) -> str:
    """The concern of a polarity: price of `price-1`."""
    return label.rstrip("01").removesuffix("-")


def _rows(
    given: Sequence[Lesson], texts: Sequence[str], grams: Mapping[str, int], labels: Sequence[Label]
) -> Iterator[Row]:
    numbers = {label: n for n, label in enumerate(labels)}
    kinds: dict[str, frozenset[int]] = {
        kind: frozenset(n for n, label in enumerate(labels) if _kind(label) == kind)
        for kind in (CODE, SIDE, FEELING, ACT, MEANING, ELSEWHERE)
    }
    for lesson, text in zip(given, texts, strict=True):
        known = sorted(grams[g] for g in pieces(text) if g in grams)
        right = told(lesson)
        asked = frozenset[int]().union(*(kinds[kind] for kind in _asked(lesson, right)))
        yield Row(
            known, norm(len(known)), lesson.weight, frozenset(map(numbers.__getitem__, right)),
            asked,
        )  # fmt: skip


def _asked(lesson: Lesson, right: Collection[Label]) -> Iterator[str]:
    """The kinds of label about which a lesson teaches, also by what it does not name."""
    if lesson.concerns:
        yield from (CODE, SIDE, ELSEWHERE)
    if any(_kind(label) == FEELING for label in right):
        yield FEELING
    if lesson.intents:
        yield MEANING
    if lesson.acts:
        yield ACT


def _fitted(rows: Sequence[Row], size: int, label: int) -> tuple[list[float], float]:
    """The weights of one label: a support vector machine with squared hinges, its dual solved
    coordinate by coordinate; rows far on the right side are looked at again only at the end."""
    asked = [row for row in rows if label in row.asked]
    yes = sum(label in row.right for row in asked)
    heavy = min(MOST, math.sqrt(len(asked) / max(1, yes)))
    points = [_point(row, label, heavy) for row in asked]
    plane = Plane([0.0] * size, 0.0)
    dice = random.Random(2)
    for active in (points, [], [], [], points, [], [], []):
        moved = active or [p for p in points if p.pull > 0]
        for point in dice.sample(moved, len(moved)):
            _pulled(plane, point)
    return plane.weights, plane.bias


@dataclass(slots=True)
class Plane:
    """What parts yes from no, while it is being learnt."""

    weights: list[float]
    bias: float


@dataclass(slots=True)
class Point:
    """One row as a label sees it."""

    grams: Sequence[int]
    norm: float
    sign: float
    slack: float
    pull: float = 0.0


def _point(row: Row, label: int, heavy: float) -> Point:
    truth = label in row.right
    weight = row.weight * (heavy if truth else 1.0)
    return Point(row.grams, row.norm, 1.0 if truth else -1.0, SLACK / weight)


def _pulled(plane: Plane, point: Point) -> None:
    """One step for one row: as far as it wants to move the plane, never to less than nothing."""
    weights = plane.weights
    far = plane.bias + point.norm * sum([weights[gram] for gram in point.grams])
    slope = point.sign * far - 1 + point.slack * point.pull
    if slope >= 0 and not point.pull:
        return
    now = max(0.0, point.pull - slope / (2 + point.slack))
    move, point.pull = (now - point.pull) * point.sign, now
    plane.bias += move
    for gram in point.grams:
        weights[gram] += move * point.norm


def main(argv: list[str]) -> int:
    """`python -m nlp.lessons UTTERANCES.jsonl OUT.json`"""
    if len(argv) != 3:
        sys.stderr.write("usage: python -m nlp.lessons UTTERANCES.jsonl OUT.json\n")
        return 2
    given = [*lessons(Path(argv[1])), *spelled()]
    learnt = json.dumps(learn([*given, *mixed(given)]), ensure_ascii=False, separators=(",", ":"))
    Path(argv[2]).write_text(learnt.replace('],"', '],\n"') + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
