"""A second opinion on short messages, for what people say without any of the words in the lists.

A linear model over the characters, one yes-or-no question for each concern with its polarity and
for each intent. It was learnt from the product's own labelled utterances and from the patterns of
the lexicon and of `data/sayings.toml`, spelled out (`python -m nlp.second UTTERANCES OUT`). Its
weights are readable n-grams. It adds what the rules are silent about and takes back what it finds
implausible; stories are left to the rules.

All weights of an n-gram are packed side by side into one whole number, so that a message costs one
addition for each of its n-grams and not one for each of the questions.
"""

import functools
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from nlp import load as lists
from nlp.alarms import DENIED, SUSPICION
from nlp.alarms import shipped as ears
from nlp.clauses import Clause
from nlp.labels import SPECS
from nlp.match import SKIP, Rule, parse
from nlp.normalise import Normal
from nlp.reading import Concern, Intent
from nlp.words import walk

DATA = Path(__file__).parent / "data"
FILE = DATA / "second.json"
TAUGHT = (
    "concerns.toml",
    "intents.toml",
    "opinions.toml",
    "sayings.toml",
)  # whose patterns are spelled out
OPINION = "second"  # the rule that an addition names, with the n-grams that weighed most
BRIEF = 20  # characters that are weighed together
LONG = 40  # characters; of longer messages only the concerns are weighed, beyond this nothing
LONGEST = 3
STEP, HALF, BITS = 64.0, 1 << 9, 32  # of a packed weight: its unit, its zero, its room
ROOM = (1 << BITS) - 1
SHOWN = 3

# Margins from which it adds a concern: to a message about cars that the rules say nothing of, where
# no word is about cars, beside what the rules have read loosely, and beside what they read firmly.
# They were chosen over the sets that were learnt from, each left out in turn.
ADDED, STRANGE, LOOSE, FIRM = 0.0, 0.7, 0.2, 0.4
TURNED, SURER = 0.4, 0.2  # a neutral one is a feeling; how much likelier that must be
BARRED = -0.25  # below which it takes back a doubtful concern
ABSURD = -1.1  # any other, or an intent
# From which it adds an intent: where the rules say nothing, have read a concern firmly, have read
# another intent; and a question about the car, where a concern is asked about or none is read.
ASKED, FELT, BESIDE, FACT, WONDER = -0.05, 0.3, 0.4, -0.2, -0.1
ALARMED, PLAUSIBLE = 0.15, 0.1  # an alarm of its own; one that the other ear suspects
LOW = 0.1  # the chance that the other ear must leave
SURE = 0.56  # the confidence from which a concern of the rules is read firmly
CURT = 4  # characters that say no more than the rules know
NAMED = 8  # and those in which a thing that is merely named is no feeling yet: 续航冬天
STARTS = {"statement": 1.2, "question": 1.2}  # of the speech act that the rules have read
START = 1.4  # of the others
DOUBTFUL = 0.56  # the confidence below which the rules are not believed against it
KEPT = frozenset(("opt_out", "complaint", "cancel_order", "lost"))  # nobody takes these back
UNTAKEN = KEPT | {"ask_spec"}
ALARMS = frozenset(("opt_out", "complaint"))  # these have an ear of their own

# Learning
RARE, FAINT = 2, 0.05  # texts that an n-gram must stand in; a weight below this is not kept
SLACK = 1 / (2 * 0.3)  # how freely a row may stand on the wrong side
MOST = 12.0  # how much more than a no a rare yes may weigh
SPELLED = 5  # surfaces of a pattern
LONG, WIDER = 60, 5  # of one with many alternatives so many times as many
STRANGER = 4  # of one about another world so many times more

Label = str
"""`price-1`, `space0`, `range1`, the code of an intent, or `=question` and the like."""
ACT = "="


@dataclass(frozen=True, slots=True)
class Opinion:
    """The packed weights of every n-gram, and one automaton that finds them."""

    labels: tuple[Label, ...]
    biases: tuple[float, ...]
    grams: tuple[str, ...]
    packed: tuple[int, ...]
    automaton: AhoCorasick
    size: int  # of a packed row, in bytes

    def margins(self, text: str) -> list[float]:
        """How far each label is from being told, in the order of the labels."""
        found = {word for word, _, _ in walk(self.automaton, _plain(text))}
        total = sum(map(self.packed.__getitem__, found)).to_bytes(self.size, "little")
        zero, unit = len(found) * HALF, _norm(len(found)) / STEP
        fields = memoryview(total).cast("I")
        return [b + unit * (n - zero) for b, n in zip(self.biases, fields, strict=True)]

    def weights(self, label: Label, text: str) -> list[tuple[int, str]]:
        """The n-grams of a text that speak for a label, heaviest first."""
        at = self.labels.index(label) * BITS
        found = {word for word, _, _ in walk(self.automaton, _plain(text))}
        pairs = [(((self.packed[w] >> at) & ROOM) - HALF, self.grams[w]) for w in found]
        return sorted((p for p in pairs if p[0] > 0), key=lambda p: (-p[0], p[1]))


def _plain(text: str) -> str:
    return "".join(text[:BRIEF].split())


def _norm(many: int) -> float:
    """Long messages hold more n-grams of every kind."""
    return 1 / math.sqrt(max(1, many))


@functools.cache
def shipped() -> Opinion:
    return load(FILE)


def load(path: Path) -> Opinion:
    given = json.loads(path.read_text(encoding="utf-8"))
    labels = tuple(given["labels"])
    zero = sum(HALF << (BITS * n) for n in range(len(labels)))
    grams = tuple(given["grams"])
    packed = tuple(_packed(zero, row) for row in given["grams"].values())
    return Opinion(
        labels, tuple(given["biases"]), grams, packed, AhoCorasick(grams), len(labels) * BITS // 8
    )


def _packed(zero: int, row: Sequence[int]) -> int:
    """A row names a label and its weight by turns."""
    places = iter(row)
    return zero + sum(
        weight << (BITS * label) for label, weight in zip(places, places, strict=True)
    )


class Heard(NamedTuple):
    """What is to be weighed: the message as it was written and as it is compared."""

    original: str
    normal: Normal
    parts: Sequence[Clause]
    margins: Mapping[Label, float]
    least: float  # the margin that a concern needs of which the rules say nothing
    barred: Collection[Label]  # codes about which the rules know better
    acts: Mapping[str, float]  # margins of the speech acts


def heard(
    original: str, normal: Normal, parts: Sequence[Clause], kinds: Collection[str],
    barred: Collection[Label],
) -> Heard | None:  # fmt: skip
    """The opinion on a message; none on stories."""
    if not parts or parts[-1].end > LONG:
        return None
    opinion = shipped()
    each = [opinion.margins(normal.text[start:end]) for start, end in _stretches(parts)]
    told = [max(margins) for margins in zip(*each, strict=True)]
    near = {n: m for n, m in zip(opinion.labels, told, strict=True) if m >= ABSURD}
    acts = {n[1:]: m for n, m in zip(opinion.labels, told, strict=True) if n.startswith(ACT)}
    return Heard(original, normal, parts, near, _needed(kinds), barred, acts)


def _stretches(parts: Sequence[Clause]) -> list[tuple[int, int]]:
    """Neighbouring clauses together, as many as may be weighed at once."""
    found = [(parts[0].start, parts[0].end)]
    for part in parts[1:]:
        start, _ = found[-1]
        if part.end - start <= BRIEF:
            found[-1] = start, part.end
        else:
            found.append((part.start, part.end))
    return found


def _needed(kinds: Collection[str]) -> float:
    """More where nothing is about cars; endless where all is about something else."""
    if "home" in kinds:
        return ADDED
    return math.inf if "foreign" in kinds else STRANGE


def concerns(told: Heard, found: Sequence[Concern]) -> list[Concern]:
    """The concerns of the rules, without the implausible, with what they are silent about."""
    likely = _likeliest(told.margins)
    read = [_turned(told, c, *likely.pop(c.code, (-math.inf, 0))) for c in found]
    kept = [c for c in read if c is not None]
    likely = {code: best for code, best in likely.items() if code not in told.barred}
    needed = told.least if not found else FIRM if firm(found) else LOOSE
    return kept + [_new(told, c, *best) for c, best in sorted(likely.items()) if best[0] >= needed]


def firm(found: Sequence[Concern]) -> bool:
    """Whether the rules have understood what the message is about."""
    return any(c.confidence >= SURE for c in found)


def _likeliest(margins: Mapping[Label, float]) -> dict[str, tuple[float, int]]:
    """For each concern the likeliest polarity and its margin."""
    best: dict[str, tuple[float, int]] = {}
    for label, margin in margins.items():
        code, sign = _split(label)
        if sign is not None and margin > best.get(code, (-math.inf, 0))[0]:
            best[code] = margin, sign
    return best


def _turned(told: Heard, held: Concern, margin: float, sign: int) -> Concern | None:
    """A concern of the rules in the light of the opinion: what was neutral may be a feeling."""
    if margin < (BARRED if _doubtful(held) else ABSURD):
        return None
    named = told.parts[-1].end < NAMED and held.rule.endswith(".word")
    if held.polarity or named or held.code in told.barred or held.code == "rival":  # it weighs
        return held
    rest = told.margins.get(f"{held.code}{held.polarity}", ABSURD)
    return held._replace(polarity=sign) if sign and margin >= max(TURNED, rest + SURER) else held


def _doubtful(held: Concern) -> bool:
    """Words that count only in chats, and what is only named."""
    if held.polarity:
        return held.confidence < DOUBTFUL
    return held.confidence < DOUBTFUL or held.rule.endswith(("said", "chat", "faint"))


@functools.cache  # there are as many labels as questions
def _split(label: Label) -> tuple[str, int | None]:
    if label.endswith("-1"):
        return label[:-2], -1
    return (label[:-1], int(label[-1])) if label[-1].isdigit() else (label, None)


@functools.cache
def _meant(label: Label) -> bool:
    """Whether a label is an intent."""
    return not label.startswith(ACT) and _split(label)[1] is None


def _new(told: Heard, code: str, margin: float, sign: int) -> Concern:
    evidence, span, why = _shown(told, f"{code}{sign}")
    return Concern(code, sign, _confidence(margin), evidence, span, why)


def _confidence(margin: float) -> float:
    return round(min(0.85, 0.55 + 0.3 * max(0.0, margin)), 2)


class Said(NamedTuple):
    """What else is known of a message when its intents are weighed."""

    read: Sequence[Concern]  # of the rules alone
    felt: Sequence[Concern]
    act: str


def intents(told: Heard, found: Sequence[Intent], said: Said) -> list[Intent]:
    """The intents of the rules and those that they have not heard, but for alarms."""
    if _long(told):
        return list(found)
    codes = {i.code for i in found}
    kept = [i for i in found if i.negated or i.code in told.margins or _untaken(told, i.code)]
    if codes & KEPT:
        return kept
    needed = BESIDE if found else FELT if firm(said.read) else ASKED
    silent = codes.union(ALARMS, told.barred)
    return kept + [
        _wanted(told, label, margin)
        for label, margin in told.margins.items()
        if margin >= (needed if label != "ask_spec" else _curious(found, said))
        and label not in silent
        and _meant(label)
    ]


def _long(told: Heard) -> bool:
    """So long that somebody tells of more than one thing; the rules know best what is wanted."""
    return told.parts[-1].end > BRIEF


def _untaken(told: Heard, code: str) -> bool:
    return code in UNTAKEN or code in told.barred


def _curious(found: Sequence[Intent], said: Said) -> float:
    """Who asks what the car is like, asks, and not only about what worries or pleases them."""
    if said.act != "question":
        return math.inf
    if said.felt and not any(c.code in SPECS and not c.polarity for c in said.felt):
        return math.inf
    return BESIDE if found else FACT if said.felt else WONDER


def alarms(told: Heard, known: Sequence[Intent], suspected: Sequence[Intent]) -> list[Intent]:
    """The suspicions of the other ear that are likely enough; with none, what this one hears and
    the other does not rule out."""
    if _long(told):
        return list(suspected)
    kept = [i for i in suspected if told.margins.get(i.code, -math.inf) >= PLAUSIBLE]
    if kept or any(i.code in KEPT for i in known) or DENIED.search(told.normal.text):
        return kept
    loud = [a for a in sorted(ALARMS) if told.margins.get(a, -math.inf) >= ALARMED]
    heard = {code for code, _, _ in ears().hear(told.normal.text, LOW)} if loud else ()
    loud = [a for a in loud if a in heard]
    return [_wanted(told, a, told.margins[a])._replace(rule=_alarm(told, a)) for a in loud[:1]]


def _alarm(told: Heard, code: str) -> str:
    return f"{SUSPICION}: {_shown(told, code)[2].removeprefix(OPINION)[2:]}"


def act(told: Heard, said: str) -> str:
    """The likeliest speech act; the one that the rules have read has a long start."""
    if told.parts[-1].end <= CURT:
        return said
    start = STARTS.get(said, START)
    return max(told.acts, key=lambda one: told.acts[one] + (start if one == said else 0.0))


def _wanted(told: Heard, code: str, margin: float) -> Intent:
    evidence, span, why = _shown(told, code)
    return Intent(code, _confidence(margin), False, evidence, span, why)


def _shown(told: Heard, label: Label) -> tuple[str, tuple[int, int], str]:
    """The clause that speaks most for a label, and the n-grams that do."""
    opinion, text = shipped(), told.normal.text
    by_part = [(opinion.weights(label, text[p.start : p.end]), p) for p in told.parts]
    loudest, part = max(by_part, key=lambda one: sum(weight for weight, _ in one[0]))
    span = told.normal.span(part.start, part.end)
    why = f"{OPINION}: {' '.join(gram for _, gram in loudest[:SHOWN])}"
    return told.original[span[0] : span[1]], span, why


# Learning


class Lesson(NamedTuple):
    """One text, the labels that are right, and which kinds of label are known of it."""

    text: str
    right: frozenset[Label]
    concerns: bool
    intents: bool
    acts: bool = False


def lessons(path: Path) -> Iterator[Lesson]:
    """Labelled utterances: JSON lines with text, concerns and intents."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        felt = [f"{code}{sign}" for code, sign in row.get("concerns", ())]
        done = [ACT + row["act"]] if "act" in row else []
        right = frozenset((*felt, *row["intents"], *done))
        yield Lesson(row["text"], right, "concerns" in row, True, bool(done))


def spelled(folder: Path = DATA) -> Iterator[Lesson]:
    """The patterns of the lexicon, a few surfaces of each; the choice is the same every time."""
    dice = random.Random(1)
    for name in TAUGHT:
        for pattern, rule in lists.rules(lists.read(folder / name)):
            if rule.kind in TELLING or (rule.kind == "topic" and rule.strength >= PLAIN):
                many = SPELLED * (WIDER if len(pattern) > LONG else 1) * _worlds(rule)
                said = {_surface(pattern, dice) for _ in range(many)}
                yield from (_lesson(text, rule) for text in sorted(said))


def _worlds(rule: Rule) -> int:
    """There is more talk about the rest of the world than about cars."""
    return STRANGER if rule.kind == "foreign" else 1


PLAIN = 0.5
TELLING = frozenset(("cue", "intent", "foreign"))


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
        return Lesson(text, frozenset(), True, False)
    sign = rule.polarity if rule.kind == "cue" else 0
    return Lesson(text, frozenset((f"{rule.code}{sign}",)), True, False)


class Row(NamedTuple):
    """A lesson in numbers."""

    grams: Sequence[int]
    norm: float
    right: frozenset[int]
    asked: frozenset[int]  # the labels about which it teaches


def learn(given: Sequence[Lesson]) -> dict[str, object]:
    """Logistic regression, each weight with a step of its own that shrinks as it is used."""
    labels = sorted({label for lesson in given for label in lesson.right})
    texts = [_plain(Normal.of(lesson.text).text) for lesson in given]
    counts = Counter(gram for text in texts for gram in pieces(text))
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
    told = {gram: row for gram, row in kept.items() if row}
    return {"labels": labels, "biases": biases, "grams": told}


def _stepped(weight: float) -> int:
    most = HALF - 1
    return max(-most, min(most, round(weight * STEP)))


def pieces(plain: str) -> set[str]:
    """Each run of one to three characters, once."""
    runs = range(1, LONGEST + 1)
    return {plain[at : at + n] for n in runs for at in range(len(plain) - n + 1)}


def _rows(
    given: Sequence[Lesson], texts: Sequence[str], grams: Mapping[str, int], labels: Sequence[Label]
) -> Iterator[Row]:
    numbers = {label: n for n, label in enumerate(labels)}
    felt = frozenset(n for n, label in enumerate(labels) if _split(label)[1] is not None)
    meant = frozenset(n for n, label in enumerate(labels) if _meant(label))
    acts = frozenset(range(len(labels))) - felt - meant
    for lesson, text in zip(given, texts, strict=True):
        known = sorted(grams[g] for g in pieces(text) if g in grams)
        known_of = ((lesson.concerns, felt), (lesson.intents, meant), (lesson.acts, acts))
        asked = frozenset[int]().union(*(labels for taught, labels in known_of if taught))
        right = frozenset(numbers[label] for label in lesson.right)
        yield Row(known, _norm(len(known)), right, asked)


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
    return Point(row.grams, row.norm, 1.0 if truth else -1.0, SLACK / (heavy if truth else 1.0))


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
    """`python -m nlp.second UTTERANCES.jsonl OUT.json`"""
    if len(argv) != 3:
        sys.stderr.write("usage: python -m nlp.second UTTERANCES.jsonl OUT.json\n")
        return 2
    given: Iterable[Lesson] = [*lessons(Path(argv[1])), *spelled()]
    told = json.dumps(learn(list(given)), ensure_ascii=False, separators=(",", ":"))
    Path(argv[2]).write_text(told.replace('],"', '],\n"') + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
