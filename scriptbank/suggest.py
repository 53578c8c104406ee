"""`salesbot suggest`: questions in, the nearest scripts out, one JSON object a line."""

import gc
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

from nlp import normalise, tokens
from nlp.lexicon import Lexicon
from scriptbank import bank, load
from scriptbank.bank import CONFIDENT, Bank, certainty
from scriptbank.index import Index, Wording
from scriptbank.learn import Weights
from scriptbank.learn import learn as learning
from scriptbank.problems import LoadError, Problem, short
from scriptbank.script import Query, Suggestions

_Id = str | int
_NO_DAY = datetime(2000, 1, 1, tzinfo=UTC)  # dates in a question do not change its answer


@dataclass(frozen=True, slots=True)
class Answer:
    confident: bool
    items: tuple[tuple[_Id, float, tuple[str, ...]], ...]  # id, score, words found


class Shelf:
    """A bank of wordings only: ids and texts as they were given, under keys in their order."""

    def __init__(self) -> None:
        self.index = Index()
        self._keys: dict[tuple[type, _Id], str] = {}  # 7 and "7" are two entries
        self._ids: dict[str, _Id] = {}
        self._texts: dict[str, str] = {}

    def add(self, given: _Id, found: list[Wording]) -> None:
        """Add wordings under their id; an id that is there already gains these as well."""
        key = self._keys.setdefault((type(given), given), f"{len(self._ids):09d}")
        self._ids[key] = given
        text = normalise.plain(" ".join(wording.text for wording in found))
        self._texts[key] = f"{self._texts.get(key, '')} {text}"
        self.index.add(key, found)

    def learn(self, weights: Weights) -> None:
        self.index.learn(weights)

    def answer(self, text: str, k: int) -> Answer:
        hits = self.index.search(text, k)
        scores = {hit.key: hit.score for hit in hits}
        words = bank.words(text)
        items = tuple(
            (self._ids[key], scores.get(key, 0.0), bank.found(words, self._texts[key]))
            for key in _filled(scores, self._ids, k)
        )
        sure = any(
            certainty(hit.score, text, self._texts[hit.key]) >= CONFIDENT for hit in hits[:1]
        )
        return Answer(sure, items)


class Library:
    """A bank of scripts, asked with all that can be understood from the question."""

    def __init__(self, scripts: Bank) -> None:
        self._bank = scripts
        self._lexicon = Lexicon.load()

    def learn(self, weights: Weights) -> None:
        self._bank.learn(weights)

    def answer(self, text: str, k: int) -> Answer:
        suggested = self.suggest(text, k)
        best = {item.script.id: item for item in suggested.items}
        items = tuple(
            (key, best[key].score, best[key].matched) if key in best else (key, 0.0, ())
            for key in _filled(best, [script.id for script in self._bank.all()], k)
        )
        return Answer(suggested.confident, items)

    def suggest(self, text: str, k: int) -> Suggestions:
        return self._bank.suggest(self._query(text), k)

    def _query(self, text: str) -> Query:
        reading = self._lexicon.read(text, at=_NO_DAY)
        concerns = {concern.code: concern.polarity for concern in reading.concerns}
        intents = tuple(intent.code for intent in reading.intents if not intent.negated)
        return Query(text, concerns=concerns, intents=intents)


@dataclass(slots=True)
class Timing:
    """What `--stats` tells."""

    index_s: float = 0.0
    answer_s: list[float] = field(default_factory=list)

    def line(self) -> str:
        took = sorted(self.answer_s) or [0.0]
        total = sum(took) or 1.0
        return json.dumps(
            {
                "index_s": round(self.index_s, 3),
                "qps": round(len(self.answer_s) / total, 1),
                "p50_us": round(took[len(took) // 2] * 1e6),
                "p99_us": round(took[min(len(took) - 1, len(took) * 99 // 100)] * 1e6),
                "peak_mb": peak_mb(),
            }
        )


def lines(
    bank_lines: Iterable[str] | Bank | None,
    query_lines: Iterable[str],
    k: int = 3,
    learn: Iterable[str] | None = None,
    stats: bool = False,
) -> Iterator[dict[str, Any]]:
    """An answer for each query line, in order; a line that is no query gives its error.

    Without `bank_lines` the shipped library answers. Raises `LoadError` when a line of the bank
    or of the pairs to learn from is wrong: answers from half a bank would mislead.
    """
    timing = Timing()
    begun = time.perf_counter()
    shelf = shelve(bank_lines)
    if learn is not None:
        shelf.learn(learning(pairs(learn)))
    tokens.load()
    shelf.answer("", 1)  # the index weighs its features when it is first asked
    gc.freeze()  # a bank's million objects stay: a collector that walks them delays an answer
    timing.index_s = time.perf_counter() - begun
    for number, line in enumerate(query_lines):
        begun = time.perf_counter()
        answer = _answer(shelf, line, number, k)
        timing.answer_s.append(time.perf_counter() - begun)
        yield answer
    if stats:
        sys.stderr.write(timing.line() + "\n")


def shelve(bank_lines: Iterable[str] | Bank | None) -> Shelf | Library:
    """The bank of these lines, these scripts, or the library that ships."""
    if bank_lines is None or isinstance(bank_lines, Bank):
        return Library(bank_lines or Bank(load.library()))
    shelf = Shelf()
    problems: list[Problem] = []
    for number, line in enumerate(bank_lines):
        try:
            _shelve_line(shelf, line)
        except ValueError as wrong:
            problems.append(Problem(str(wrong), "bank", number + 1, "", short(line)))
    if problems:
        raise LoadError(tuple(problems))
    return shelf


def _shelve_line(shelf: Shelf, line: str) -> None:
    entry = _object(line)
    given, question, also = entry.get("id"), entry.get("q"), entry.get("also") or []
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise ValueError("id 应为文字或整数")
    if not isinstance(question, str) or not _are_texts(also):
        raise ValueError("q 应为文字，also 应为文字列表")
    answer = entry.get("a") or ""
    if not isinstance(answer, str):
        raise ValueError("a 应为文字")
    shelf.add(given, [*map(Wording, (question, *also)), *_body(answer)])


def _body(answer: str) -> list[Wording]:
    return [Wording(answer, whole=False)] if answer else []


def pairs(pair_lines: Iterable[str]) -> Iterator[tuple[str, str, bool]]:
    """Phrasings that were taken for the same question, or not."""
    for number, line in enumerate(pair_lines):
        try:
            yield _pair(_object(line))
        except ValueError as wrong:
            raise LoadError((Problem(str(wrong), "pairs", number + 1, "", short(line)),)) from None


def _pair(entry: dict[str, Any]) -> tuple[str, str, bool]:
    one, other, label = entry.get("a"), entry.get("b"), entry.get("label")
    if not _are_texts([one, other]) or label not in (0, 1):
        raise ValueError("应为 {“a”: 文字, “b”: 文字, “label”: 0 或 1}")
    return str(one), str(other), bool(label)


def _answer(shelf: Shelf | Library, line: str, number: int, k: int) -> dict[str, Any]:
    given: _Id = number
    try:
        entry = _object(line)
        given = _given_id(entry, number)
        text = entry.get("q")
        if not isinstance(text, str):
            raise ValueError("q 应为文字")
    except ValueError as wrong:
        return {"id": given, "error": str(wrong)}
    answer = shelf.answer(text, k)
    suggestions = [
        {"id": found, "score": round(score, 4), "matched": list(matched)}
        for found, score, matched in answer.items
    ]
    return {"id": given, "confident": answer.confident, "suggestions": suggestions}


def _filled(best: Iterable[str], everything: Iterable[str], k: int) -> list[str]:
    """The best `k`; when fewer share anything with the question, others in the bank's order."""
    return list(islice(dict.fromkeys(chain(best, everything)), k))


def _object(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("这一行不是 JSON") from None
    if not isinstance(entry, dict):
        raise ValueError("这一行应为 JSON 对象")
    return entry


def _given_id(entry: dict[str, Any], number: int) -> _Id:
    given = entry.get("id", number)
    return given if _is_id(given) else number


def _is_id(given: object) -> bool:
    return isinstance(given, str | int) and not isinstance(given, bool)


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def peak_mb() -> float | None:
    """The most memory this process has held; not known on every system."""
    try:
        import resource
    except ImportError:
        return None
    # Linux counts kilobytes, macOS bytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
