"""A second ear for complaints and wishes to be left alone, whose wordings no list exhausts.

Where the rules hear neither, a small linear model over the characters says how likely the message
is one. It was learnt from the product's own labelled utterances and the questions of its library
(`python -m nlp.alarms UTTERANCES OUT`); its weights are readable n-grams. What it finds is a
suspicion: a person is asked before anything is done.
"""

import functools
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from nlp.clauses import Clause
from nlp.normalise import Normal
from nlp.reading import Intent
from nlp.words import walk

FILE = Path(__file__).parent / "data" / "alarms.json"
CODES = ("opt_out", "complaint")
SUSPICION = "suspicion"  # the rule that such an intent names, with the n-grams that weighed most
LONGEST = 4  # characters of an n-gram
HEARD = 200  # characters of a message; who writes more is telling a story
LEAST, HINTED = 0.3, 0.2  # the smallest chance that is told; beside words that hint at it
HINT = ".hint"  # rules with words that need a second sign end so
SHOWN = 3
STRONG = 0.6  # what is only suspected weighs less than what was read

DENIED = re.compile(
    r"[不没](?:想|要|是要?|用|)(?:退订|拉黑|屏蔽|投诉)|别发(?:语音|图片|红包|定位|表情)|别忘"
)

# Who is accused, or what there is too much of: beside them a hint is an alarm.
ACCUSED = {
    "complaint": re.compile(
        "(?:你们?|您|他|贵)[家店司]|你们|店里|4s|销售|售后|客服|经理|老板|厂家"
    ),
    "opt_out": re.compile("你们|电话|消息|短信|信息|微信|广告|推送|推销|天天|一直|老是|骚扰"),
}
UNSAID = re.compile("(?:没|没有|不|不是|别|不会|非)$")

# Learning
RARE = 2  # n-grams in fewer texts teach nothing
EPOCHS, RATE, CAUTION = 12, 1.0, 1e-5
MOST = 9.0  # the square of a log-count ratio beyond which no n-gram learns faster
FAINT = 0.04  # a weight below this is not kept


@dataclass(frozen=True, slots=True)
class Ear:
    """One yes-or-no question: a weight for each n-gram that speaks for or against it."""

    bias: float
    weights: Mapping[str, float]

    def chance(self, grams: Iterable[str], norm: float) -> float:
        total = sum([self.weights.get(gram, 0.0) for gram in grams])
        return _logistic(self.bias + norm * total)

    def heaviest(self, grams: Iterable[str]) -> list[str]:
        """The n-grams that speak most for it."""
        known = [g for g in grams if self.weights.get(g, 0.0) > 0]
        return sorted(known, key=lambda g: (-self.weights[g], g))[:SHOWN]


@dataclass(frozen=True, slots=True)
class Ears:
    """Both questions, and one automaton that finds every n-gram either of them knows."""

    by_code: Mapping[str, Ear]
    grams: Sequence[str]
    columns: Mapping[str, Sequence[float]]  # the weight of each of the grams, for each code
    automaton: AhoCorasick

    def hear(self, text: str, least: float = LEAST) -> Iterator[tuple[str, float, list[str]]]:
        """Code, chance and the n-grams of the text, for each alarm that is likely enough."""
        plain = _plain(text)
        found = {n for n, _, _ in walk(self.automaton, plain)}
        norm = _norm(plain)
        for code, column in self.columns.items():
            total = sum(map(column.__getitem__, found))
            chance = _logistic(self.by_code[code].bias + norm * total)
            if chance >= least:
                yield code, chance, [self.grams[n] for n in found]


@functools.cache
def shipped() -> Ears:
    return load(FILE)


def load(path: Path) -> Ears:
    given = json.loads(path.read_text(encoding="utf-8"))
    by_code = {code: Ear(part["bias"], part["weights"]) for code, part in given.items()}
    grams = sorted({gram for ear in by_code.values() for gram in ear.weights})
    columns = {code: [ear.weights.get(g, 0.0) for g in grams] for code, ear in by_code.items()}
    return Ears(by_code, grams, columns, AhoCorasick(grams))


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def believed(text: str, found: Sequence[Intent]) -> list[Intent]:
    """Without the alarms of which only a hint is said and nobody is accused: 气得我想砸."""
    return [i for i in found if not i.rule.endswith(HINT) or _accusing(text, i)]


def _accusing(text: str, hint: Intent) -> bool:
    denied = UNSAID.search(text[: text.find(hint.evidence)])
    return not denied and ACCUSED[hint.code].search(text) is not None


def heard(
    original: str, normal: Normal, parts: Sequence[Clause], known: Sequence[Intent],
    hinted: bool = False,
) -> list[Intent]:  # fmt: skip
    """The alarms that the rules have not heard, each with the clause that sounds most like it."""
    said = {intent.code for intent in known}
    if said & {*CODES, "cancel_order"} or not parts or DENIED.search(normal.text):
        return []
    least = HINTED if hinted else LEAST
    found = max(shipped().hear(normal.text, least), key=lambda one: one[1], default=None)
    return [_suspected(original, normal, parts, *found)] if found else []


def _suspected(
    original: str, normal: Normal, parts: Sequence[Clause], code: str, chance: float,
    grams: Sequence[str],
) -> Intent:  # fmt: skip
    ear = shipped().by_code[code]
    loudest = max(parts, key=lambda p: _weight(ear, normal.text[p.start : p.end]))
    span = normal.span(loudest.start, loudest.end)
    why = f"{SUSPICION}: {' '.join(ear.heaviest(grams))}"
    evidence = original[span[0] : span[1]]
    return Intent(code, round(chance * STRONG, 2), False, evidence, span, why)


def _weight(ear: Ear, text: str) -> float:
    return sum(ear.weights.get(gram, 0.0) for gram in pieces(text))


def pieces(text: str) -> list[str]:
    """Each run of one to four characters, once; blanks do not count."""
    plain = _plain(text)
    runs = range(1, LONGEST + 1)
    return list(dict.fromkeys(plain[at : at + n] for n in runs for at in range(len(plain) - n + 1)))


def _plain(text: str) -> str:
    return "".join(text[:HEARD].split())


def _norm(plain: str) -> float:
    """Long messages hold more n-grams of either kind."""
    return 1 / math.sqrt(max(1, LONGEST * len(plain)))


# Learning


def learn(texts: Sequence[str], truths: Sequence[bool]) -> Ear:
    """Logistic regression; an n-gram's step grows with how much oftener it stands in alarms
    (NB weights), and both sides weigh the same however many there are of each."""
    rows = [pieces(Normal.of(text).text) for text in texts]
    counts = Counter(gram for row in rows for gram in row)
    steps = _steps(rows, truths, counts)
    kept = [[gram for gram in row if gram in steps] for row in rows]
    norms = [_norm(_plain(Normal.of(text).text)) for text in texts]
    some = sum(truths)
    weight = {True: len(rows) / (2 * some), False: len(rows) / (2 * (len(rows) - some))}
    weights, bias = dict.fromkeys(steps, 0.0), 0.0
    for epoch in range(EPOCHS):
        rate = RATE / (1 + epoch)
        for row, norm, truth in zip(kept, norms, truths, strict=True):
            score = bias + norm * sum(weights[gram] for gram in row)
            error = truth - _logistic(score)
            move = rate * error * weight[truth] ** 0.5
            bias += 0.05 * move
            for gram in row:
                weights[gram] += move * norm * steps[gram] - CAUTION * weights[gram]
    told = {gram: round(w, 2) for gram, w in sorted(weights.items()) if abs(w) >= FAINT}
    return Ear(round(bias, 3), told)


def _steps(
    rows: Sequence[Sequence[str]], truths: Sequence[bool], counts: Mapping[str, int]
) -> dict[str, float]:
    yes = Counter(gram for row, truth in zip(rows, truths, strict=True) if truth for gram in row)
    some = sum(truths)
    base = math.log((some + 1) / (len(rows) - some + 1))
    found: dict[str, float] = {}
    for gram, count in sorted(counts.items()):
        if count >= RARE:
            ratio = math.log((yes[gram] + 1) / (count - yes[gram] + 1)) - base
            found[gram] = min(ratio * ratio, MOST)
    return found


def main(argv: list[str]) -> int:
    """`python -m nlp.alarms UTTERANCES OUT [QUESTIONS]`: JSON lines with text and intents; lines
    of plain text that are neither."""
    if len(argv) not in (3, 4):
        sys.stderr.write("usage: python -m nlp.alarms UTTERANCES.jsonl OUT.json [QUESTIONS.txt]\n")
        return 2
    rows = list(_labelled(argv[1]))
    plain = Path(argv[3]).read_text(encoding="utf-8").split("\n") if len(argv) == 4 else []
    texts = [text for text, _ in rows] + [text for text in plain if text.strip()]
    out: dict[str, dict[str, object]] = {}
    for code in CODES:
        truths = [code in codes for _, codes in rows] + [False] * (len(texts) - len(rows))
        ear = learn(texts, truths)
        out[code] = {"bias": ear.bias, "weights": ear.weights}
    Path(argv[2]).write_text(json.dumps(out, ensure_ascii=False, indent=0), encoding="utf-8")
    return 0


def _labelled(path: str) -> Iterator[tuple[str, set[str]]]:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["text"], set(row["intents"])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
