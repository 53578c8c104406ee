"""A second opinion on messages that are no stories, for what is said without a word in the lists.

A linear model over the characters, one yes-or-no question for each concern, each polarity, each
intent and each speech act, learnt by `nlp.lessons` from the product's own labelled utterances and
from patterns, spelled out. Its weights are readable n-grams. It and the rules are heard together:
what the rules have read is added to its margins, and the sum decides.

All weights of an n-gram are packed side by side into one whole number, so that a message costs one
addition for each of its n-grams and not one for each of the questions.
"""

import functools
import json
import math
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from nlp.alarms import DENIED, SUSPICION
from nlp.alarms import shipped as ears
from nlp.clauses import Clause
from nlp.labels import SPECS
from nlp.normalise import Normal
from nlp.polarity import NEGATING
from nlp.reading import CONCERNS, INTENTS, SPEECH_ACTS, Concern, Intent
from nlp.words import walk

DATA = Path(__file__).parent / "data"
FILE = DATA / "second.json"
OPINION = "second"  # the rule that an addition names, with the n-grams that weighed most
LONG = 40  # characters; of longer messages nothing is weighed
LONGEST = 3
FIRST, LAST = "^", "$"  # how a message begins and ends says much: 吗$
STEP, HALF, BITS = 64.0, 1 << 9, 32  # of a packed weight: its unit, its zero, its room
ROOM = (1 << BITS) - 1
SHOWN = 3

# What the rules have read speaks for it, added to the margin; and what the sum must reach. They
# were chosen over lines that nothing was learnt from.
LIKELY, STRANGE = 0.1, 0.3  # a concern; one in a message without a word about cars
ALIEN, DOUBT = -0.8, 2.0  # from which it is about something else, and what each point adds
ENOUGH = 0.85  # for one that the rules have read, whatever the message is about
FAINT, ABSURD = 0.5, -0.6  # a word that may mean anything, and where it means nothing
AWAY = 0.6  # what is needed where all is about something else
TRUST, LEAST = 1.5, 0.3  # of a concern of the rules, for each point of confidence above the least
PLAIN = 0.3  # and of one that is called by its name
SIDED = 1.0  # a polarity that the rules have read
DRIFT, BRIEF = 0.08, 20  # more for each character beyond so many
MEANT, WISHED = 0.0, 0.4  # an intent; one that the rules have read
ALARMED, PLAUSIBLE = 0.15, 0.1  # an alarm of its own; one that the other ear suspects
LOW = 0.1  # the chance that the other ear must leave
CURT = 4  # characters that say no more than the rules know
NAMED = 8  # and those in which a thing that is merely named is no feeling yet: 续航冬天
START = 1.0  # of the speech act that the rules have read
KEPT = frozenset(("opt_out", "complaint", "cancel_order", "lost"))  # nobody takes these back
PRICED = ("quote",)  # what is asked of a price that is not the car's: 首保一次多少钱
UNTAKEN = KEPT | {"ask_spec"}  # ask_spec follows from what is asked about, not from n-grams
ALARMS = frozenset(("opt_out", "complaint"))  # these have an ear of their own

Label = str
"""`#price` a concern, `~-1` a feeling about whatever, `price-1` one about that concern; the code of
an intent; `=question` a speech act; `@` about something else than cars."""
CODE, FEELING, ACT, ELSEWHERE = "#", "~", "=", "@"
SIGNS = (-1, 0, 1)
SILENT = -9.0  # the margin of what was never learnt


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
        found = {word for word, _, _ in walk(self.automaton, plain(text))}
        total = sum(map(self.packed.__getitem__, found)).to_bytes(self.size, "little")
        zero, unit = len(found) * HALF, norm(len(found)) / STEP
        fields = memoryview(total).cast("I")
        return [b + unit * (n - zero) for b, n in zip(self.biases, fields, strict=True)]

    def weights(self, label: Label, text: str) -> list[tuple[int, str]]:
        """The n-grams of a text that speak for a label, heaviest first."""
        at = self.labels.index(label) * BITS
        found = {word for word, _, _ in walk(self.automaton, plain(text))}
        pairs = [(((self.packed[w] >> at) & ROOM) - HALF, self.grams[w]) for w in found]
        return sorted((p for p in pairs if p[0] > 0), key=lambda p: (-p[0], p[1]))


def plain(text: str) -> str:
    return FIRST + "".join(text[:LONG].split()) + LAST


def norm(many: int) -> float:
    """Long messages hold more n-grams of every kind."""
    return 1 / math.sqrt(max(1, many))


@functools.cache
def shipped() -> Opinion:
    return load(FILE)


def load(path: Path) -> Opinion:
    given = json.loads(path.read_bytes())
    labels = tuple(given["labels"])
    zero = array("I", [HALF]) * len(labels)
    grams = tuple(given["grams"])
    packed = tuple([_packed(zero, row) for row in given["grams"].values()])
    return Opinion(
        labels, tuple(given["biases"]), grams, packed, AhoCorasick(grams), len(labels) * BITS // 8
    )


def _packed(zero: "array[int]", row: Sequence[int]) -> int:
    """A row names a label and its weight by turns."""
    fields = zero[:]
    for at in range(0, len(row), 2):
        fields[row[at]] += row[at + 1]
    return int.from_bytes(fields, "little")


class Heard(NamedTuple):
    """What is to be weighed: the message as it was written and as it is compared."""

    original: str
    normal: Normal
    parts: Sequence[Clause]
    margins: Mapping[Label, float]
    least: float  # the margin that a concern needs of which the rules say nothing
    barred: Collection[str]  # codes about which the rules know better


def heard(
    original: str, normal: Normal, parts: Sequence[Clause], kinds: Collection[str],
    barred: Collection[str],
) -> Heard | None:  # fmt: skip
    """The opinion on a message; none on stories."""
    if not parts or parts[-1].end > LONG:
        return None
    opinion = shipped()
    margins = dict(zip(opinion.labels, opinion.margins(normal.text), strict=True))
    return Heard(original, normal, parts, margins, _needed(kinds, margins[ELSEWHERE]), barred)


def _needed(kinds: Collection[str], elsewhere: float) -> float:
    """More where nothing is about cars; endless where all is about something else."""
    if "home" in kinds:
        return LIKELY
    return math.inf if "foreign" in kinds else STRANGE + DOUBT * max(0.0, elsewhere - ALIEN)


def concerns(told: Heard, found: Sequence[Concern]) -> list[Concern]:
    """What is likely when the rules and the opinion are heard together."""
    read = {c.code: _held(told, c) for c in found}
    for code in CONCERNS:
        if code not in read and code not in told.barred:
            margin = told.margins[CODE + code]
            read[code] = _new(told, code, margin) if margin >= told.least else None
    return [concern for code in CONCERNS if (concern := read.get(code)) is not None]


def _held(told: Heard, held: Concern) -> Concern | None:
    """One of the rules in the light of the opinion."""
    code, margin = held.code, told.margins[CODE + held.code]
    if code in told.barred and told.least < AWAY:
        return held if margin >= ABSURD or held.confidence > FAINT else None
    word = held.rule.endswith(".word")
    trust = TRUST * (held.confidence - LEAST) + (PLAIN if word else 0.0) + _drift(told)
    if margin + trust < min(told.least, ENOUGH):
        return None
    sign = held.polarity if _denied(told, held) else _sign(told, code, held)
    named = word and told.parts[-1].end < NAMED
    if sign == held.polarity or named:
        return held
    return held._replace(polarity=sign, rule=_shown(told, f"{code}{sign}")[2])


def _denied(told: Heard, held: Concern) -> bool:
    """A judgement beside a negation: runs of characters cannot tell what 不 turns round."""
    if not held.polarity:
        return False
    clause = next(
        p for p in reversed(told.parts) if told.normal.span(p.start, p.end)[0] <= held.span[0]
    )
    return NEGATING.search(told.normal.text, clause.start, clause.end) is not None


def _drift(told: Heard) -> float:
    """The longer a message, the less its n-grams say of one part of it, and the more the rules."""
    return DRIFT * max(0, told.parts[-1].end - BRIEF)


def _sign(told: Heard, code: str, held: Concern | None) -> int:
    """The likeliest polarity: how it feels about anything, and about this."""

    def margin(sign: int) -> float:
        about = told.margins.get(f"{code}{sign}", SILENT)
        side = SIDED + _drift(told) if held is not None and held.polarity == sign else 0.0
        return told.margins[f"{FEELING}{sign}"] + about + side

    return max(SIGNS, key=margin)


def _new(told: Heard, code: str, margin: float) -> Concern:
    sign = _sign(told, code, None)
    evidence, span, why = _shown(told, CODE + code)
    return Concern(code, sign, _confidence(margin), evidence, span, why)


def _confidence(margin: float) -> float:
    return round(min(0.85, 0.55 + 0.3 * max(0.0, margin)), 2)


def intents(
    told: Heard, found: Sequence[Intent], felt: Sequence[Concern], act: str
) -> list[Intent]:
    """What is likely when the rules and the opinion are heard together, but for alarms."""
    kept = [i for i in found if _kept(told, i)]
    known = {i.code for i in found}
    if known & KEPT:
        return kept
    silent = known.union(ALARMS, told.barred, PRICED if "price" in told.barred else ())
    if act != "question" or (felt and not any(_curious(c) for c in felt)):
        silent.add("ask_spec")
    new = (code for code in INTENTS if code not in silent)
    return kept + [
        _wanted(told, code, margin)
        for code in new
        if (margin := told.margins.get(code, SILENT)) >= MEANT
    ]


def _curious(felt: Concern) -> bool:
    """Who asks about the car asks what it is like, and not only what worries or pleases them."""
    return felt.code in SPECS and not felt.polarity


def _kept(told: Heard, held: Intent) -> bool:
    if held.negated or held.code in UNTAKEN or held.code in told.barred:
        return True
    return told.margins.get(held.code, SILENT) + WISHED >= MEANT


def alarms(told: Heard, known: Sequence[Intent], suspected: Sequence[Intent]) -> list[Intent]:
    """The suspicions of the other ear that are likely enough; with none, what this one hears and
    the other does not rule out."""
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

    def margin(one: str) -> float:
        return told.margins[ACT + one] + (START if one == said else 0.0)

    return max(SPEECH_ACTS, key=margin)


def _wanted(told: Heard, code: str, margin: float) -> Intent:
    evidence, span, why = _shown(told, code)
    return Intent(code, _confidence(margin), False, evidence, span, why)


def _shown(told: Heard, label: Label) -> tuple[str, tuple[int, int], str]:
    """The clause that speaks most for a label, and the n-grams that do."""
    opinion, text = shipped(), told.normal.text
    by_part = [(opinion.weights(label, text[p.start : p.end]), p) for p in told.parts]
    loudest, part = max(by_part, key=lambda one: sum(weight for weight, _ in one[0]))
    span = told.normal.span(part.start, part.end)
    grams = [gram.strip(FIRST + LAST) for _, gram in loudest[:SHOWN]]
    why = f"{OPINION}: {' '.join(grams)}"
    return told.original[span[0] : span[1]], span, why
