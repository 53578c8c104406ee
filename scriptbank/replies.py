"""Which of an advisor's messages answers the customer: what they share, what is asked, in order.

`best` weighs a few clues by hand. `learn` weighs these and the words themselves from talks in which
somebody marked what answers; such weights fit the trade they were learnt in and no other.
"""

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from scriptbank.wording import fold, letters

Talk = tuple[str, Sequence[str], Sequence[bool]]  # question, messages in order, which answer it

# What a question wants decides what an answer looks like. Matched on folded letters.
_WANTS = (
    ("amount", re.compile("多少|几|价")),
    ("when", re.compile("何时|多久|几点|时候")),
    ("where", re.compile("何地|哪|位置|地址")),
    ("why", re.compile("为何")),
    ("yes", re.compile("吗|有没|不是|是否|会否|可|行不|对吧|吧$")),
    ("how", re.compile("怎")),
    ("which", re.compile("还是")),
)
_NOTHING = re.compile(
    "好的?|可|嗯+|哦+|恩+|[您你]好|哈+|收到|ok|谢谢.{0,4}|不客气|在的?|亲|稍等.{0,4}|没事.{0,4}"
)
_YES = re.compile("[是对有可行没不会应都好嗯]")
_ASKS = re.compile("[?？]|吗|[呢么]$|几.{0,3}$")
_FIGURE = re.compile("[0-9一二三四五六七八九十百千万两]")
_COMMON = frozenset("的了吗呢啊吧呀么是有在我你您他她它们这那就也都还和与及请问一个不")
_SHORT = 4  # letters of a message that is known as a whole: 有的, 不满二
# Tried on real sales talks of another trade: beside what is shared, order matters most.
_BY_HAND = {
    "shared": 2.0, "place": -0.5, "nothing": -1.0, "blank": -2.0, "asks": -1.0,
    "amount figure": 0.5, "when figure": 0.5, "yes yes": 0.6,
}  # fmt: skip
_ROUNDS, _RATE, _CAUTION = 6, 0.1, 0.003
_WORD, _FIRST = 0.3, 0.5  # how far a single word may speak beside the clues


def best(
    question: str, said: Sequence[str], learnt: Mapping[str, float] | None = None
) -> int | None:
    """The message that answers best, or None when none says anything."""
    if all(_nothing(_plain(text)) for text in said):
        return None
    return ranked(question, said, learnt)[0]


def ranked(
    question: str, said: Sequence[str], learnt: Mapping[str, float] | None = None
) -> list[int]:
    """All messages, the likeliest answer first; equal ones in the order they were written."""
    weights = learnt or _BY_HAND
    found = (_clues if learnt else _plain_clues)(question, said)
    worth = [sum(weights.get(name, 0.0) * much for name, much in clues.items()) for clues in found]
    return sorted(range(len(said)), key=lambda n: (-worth[n], n))


def shared(question: str, text: str) -> float:
    """How much of the question's telling characters and pairs a text has, for its length."""
    plain = _plain(text)
    return len(_told(_plain(question)) & _told(plain)) / math.sqrt(5 + len(plain))


def learn(talks: Iterable[Talk]) -> dict[str, float]:
    """Weights by clue; the same talks in the same order give the same."""
    examples = [
        (clues, right)
        for question, said, answers in talks
        for clues, right in zip(_clues(question, said), answers, strict=True)
    ]
    weights: defaultdict[str, float] = defaultdict(float)
    moved: defaultdict[str, float] = defaultdict(lambda: 1e-6)
    shuffle = random.Random(0).shuffle
    for _ in range(_ROUNDS):
        shuffle(examples)
        for clues, right in examples:
            _step(clues, right, weights, moved)
    return dict(weights)


def _step(
    clues: Mapping[str, float], right: bool, weights: dict[str, float], moved: dict[str, float]
) -> None:
    evidence = sum([weights[name] * much for name, much in clues.items()])
    error = 1 / (1 + math.exp(-max(-30.0, min(30.0, evidence)))) - right
    for name, much in clues.items():
        gradient = error * much + _CAUTION * weights[name]
        moved[name] += gradient * gradient
        weights[name] -= _RATE * gradient / math.sqrt(moved[name])


def _plain_clues(question: str, said: Sequence[str]) -> list[dict[str, float]]:
    wants = _wants(_plain(question))
    return [_seen(question, text, n, wants) for n, text in enumerate(said)]


def _seen(question: str, text: str, n: int, wants: Sequence[str]) -> dict[str, float]:
    plain = _plain(text)
    looks = {
        "figure": bool(_FIGURE.search(plain)),
        "yes": bool(_YES.match(plain)),
        "asks": bool(_ASKS.search(text)),
    }
    clues = {
        "shared": shared(question, text),
        "place": float(n),
        "nothing": float(_nothing(plain)),
        "blank": float(not plain),
        "asks": float(looks["asks"]),
    }
    return clues | {f"{want} {look}": 1.0 for want in wants for look, so in looks.items() if so}


def _clues(question: str, said: Sequence[str]) -> list[dict[str, float]]:
    """All that can be learnt from: also the words, the length, and what was said before."""
    asked = _plain(question)
    wants = _wants(asked)
    found = _plain_clues(question, said)
    most = max((clues["shared"] for clues in found), default=0.0)
    before: dict[str, float] = {}
    for n, (clues, text) in enumerate(zip(found, said, strict=True)):
        plain = _plain(text)
        clues.update(_size(plain, n, wants), usual=1.0, **before)
        clues["nearest"] = float(0 < clues["shared"] == most)
        clues["said before"] = float(text in said[:n])
        clues.update(_worded(asked, plain, wants))
        before = {f"after {name}": clues[name] for name in ("shared", "nothing", "asks", "length")}
    return found


def _size(plain: str, n: int, wants: Sequence[str]) -> dict[str, float]:
    length = math.log(1 + len(plain)) / 2
    clues = {"length": length, f"at {min(n, 4)}": 1.0}
    for want in wants:
        clues |= {f"{want} length": length, f"{want} at {min(n, 2)}": 1.0}
    return clues


def _worded(asked: str, plain: str, wants: Sequence[str]) -> Iterator[tuple[str, float]]:
    parts = _parts(plain)
    for part in sorted(parts):
        yield f"says {part}", _WORD
        yield from ((f"{want} says {part}", _WORD) for want in wants)
    yield from ((f"both {part}", _WORD) for part in sorted(parts & _parts(asked)))
    for size in (1, 2):
        yield f"begins {plain[:size]}", _FIRST
    yield f"ends {plain[-1:]}", _FIRST
    if len(plain) <= _SHORT:
        yield f"is {plain}", 1.0
        yield from ((f"{want} is {plain}", 1.0) for want in wants)


def _wants(plain: str) -> tuple[str, ...]:
    return tuple(name for name, pattern in _WANTS if pattern.search(plain)) or ("else",)


def _nothing(plain: str) -> bool:
    """好的 and 您好 answer nothing."""
    return not plain or bool(_NOTHING.fullmatch(plain))


def _plain(text: str) -> str:
    return fold(letters(text))


def _parts(plain: str) -> set[str]:
    return {*plain, *map("".join, pairwise(plain))}


def _told(plain: str) -> set[str]:
    return _parts(plain) - _COMMON
