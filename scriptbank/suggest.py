"""`salesbot suggest`: questions in, the nearest scripts out, one JSON object a line."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nlp import normalise, tokens
from scriptbank import load
from scriptbank.bank import CONFIDENT, telling, wordings
from scriptbank.index import Hit, Index, Wording
from scriptbank.learn import learn as learning
from scriptbank.problems import LoadError, Problem, short

_Id = str | int


@dataclass(slots=True)
class Shelf:
    """A bank to be asked: the index, and under its keys the ids and texts as they were given."""

    index: Index
    ids: dict[str, _Id] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, given: _Id, found: list[Wording]) -> None:
        self.ids[key] = given
        self.texts[key] = normalise.plain(" ".join(wording.text for wording in found))
        self.index.add(key, found)


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
    bank_lines: Iterable[str] | None,
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
        shelf.index.learn(learning(pairs(learn)))
    tokens.load()
    timing.index_s = time.perf_counter() - begun
    for number, line in enumerate(query_lines):
        begun = time.perf_counter()
        answer = _answer(shelf, line, number, k)
        timing.answer_s.append(time.perf_counter() - begun)
        yield answer
    if stats:
        sys.stderr.write(timing.line() + "\n")


def shelve(bank_lines: Iterable[str] | None) -> Shelf:
    """The bank of these lines, or the library that ships."""
    shelf = Shelf(Index())
    if bank_lines is None:
        for script in load.library():
            shelf.add(script.id, script.id, list(wordings(script)))
        return shelf
    problems: list[Problem] = []
    for number, line in enumerate(bank_lines):
        try:
            _shelve_line(shelf, f"{number:09d}", line)
        except ValueError as wrong:
            problems.append(Problem(str(wrong), "bank", number + 1, "", short(line)))
    if problems:
        raise LoadError(tuple(problems))
    return shelf


def _shelve_line(shelf: Shelf, key: str, line: str) -> None:
    """Add one entry under the key of its line, so that ties keep the bank's order."""
    entry = _object(line)
    given, question, also = entry.get("id"), entry.get("q"), entry.get("also") or []
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise ValueError("id 应为文字或整数")
    if not isinstance(question, str) or not _are_texts(also):
        raise ValueError("q 应为文字，also 应为文字列表")
    answer = entry.get("a") or ""
    if not isinstance(answer, str):
        raise ValueError("a 应为文字")
    asked = [Wording(text) for text in (question, *also)]
    shelf.add(key, given, [*asked, *_body(answer)])


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


def _answer(shelf: Shelf, line: str, number: int, k: int) -> dict[str, Any]:
    given: _Id = number
    try:
        entry = _object(line)
        given = _given_id(entry, number)
        text = entry.get("q")
        if not isinstance(text, str):
            raise ValueError("q 应为文字")
    except ValueError as wrong:
        return {"id": given, "error": str(wrong)}
    hits = shelf.index.search(text, k)
    words = _words(text)
    return {
        "id": given,
        "confident": bool(hits) and hits[0].score >= CONFIDENT,
        "suggestions": [_suggestion(shelf, hit, words) for hit in _filled(shelf, hits, k)],
    }


def _words(text: str) -> list[str]:
    words = dict.fromkeys(tokens.cut(normalise.plain(text)))
    return [word for word in words if telling(word)]


def _filled(shelf: Shelf, hits: list[Hit], k: int) -> list[Hit]:
    """The best `k`; when fewer share anything with the question, others in the bank's order."""
    best = hits[:k]
    if len(best) < k:
        known = {hit.key for hit in best}
        rest = (key for key in shelf.ids if key not in known)
        best += [Hit(key, 0.0) for key, _ in zip(rest, range(k - len(best)), strict=False)]
    return best


def _suggestion(shelf: Shelf, hit: Hit, words: list[str]) -> dict[str, Any]:
    matched = [word for word in words if word in shelf.texts[hit.key]]
    return {"id": shelf.ids[hit.key], "score": round(hit.score, 4), "matched": matched}


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
