"""`python -m scriptbank.measure DATA_DIR`: how well and how fast answers are found.

The baseline, a full scan by rapidfuzz `ratio`, runs in the same process on the same questions.
`python -m scriptbank.measure QUESTIONS.jsonl` asks the library that ships instead.
"""

import gc
import json
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process

from nlp import normalise
from scriptbank import replies, suggest
from scriptbank.bank import Bank
from scriptbank.index import Index, Wording
from scriptbank.learn import Weights, learn
from scriptbank.load import library
from scriptbank.script import Script, Suggestions
from scriptbank.wording import letters

SAMPLE = 400
BANKS = (
    "faq_lcqmc/dev_10k", "faq_oppo/dev_10k", "faq_afqmc/dev_2k", "faq_mixed/dev_50k",
)  # fmt: skip
COLUMNS = ("scripts", "build s", "p50 us", "p99 us", "scan p50 us", "times", "add ms")
SIZES = (1_000, 10_000, 100_000)
FOLDS = 5
Search = Callable[[str, int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Task:
    """Questions with the entries that answer them; an entry may have several wordings."""

    name: str
    entries: tuple[tuple[str, ...], ...]
    questions: tuple[tuple[str, frozenset[int]], ...]


@dataclass(frozen=True, slots=True)
class Result:
    hits: tuple[float, ...]  # share of questions answered within the first 1, 3, 10
    took: tuple[float, ...]  # seconds a question, sorted

    def at(self, share: float) -> float:
        """A percentile, in microseconds."""
        return self.took[min(len(self.took) - 1, int(len(self.took) * share))] * 1e6


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).exists():
        sys.stderr.write("用法：python -m scriptbank.measure 数据目录（或问题.jsonl）\n")
        return 2
    place = Path(arguments[0])
    for line in everything(place) if place.is_dir() else own(place):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


def everything(folder: Path) -> Iterator[str]:
    for part in (quality, intents, learning, answers, speed):
        yield from part(folder)


# Questions to the library that ships


def own(path: Path) -> Iterator[str]:
    """Lines are counted from 1: the even ones were developed on, the odd ones only measured."""
    shelf = suggest.Library(Bank(library()))
    rows = _rows(path)
    for name, part in (("even lines", rows[1::2]), ("odd lines", rows[::2]), ("all", rows)):
        told = [(row, shelf.suggest(row["q"], 3)) for row in part]
        yield f"{name:12}{_answered(told)}"


def _answered(told: Iterable[tuple[Mapping[str, Any], Suggestions]]) -> str:
    ranks, unsure, beyond = [], [], []
    for row, found in told:
        if not (row.get("topic") or row.get("scripts")):
            beyond.append(not found.confident)
            continue
        unsure.append(not found.confident)
        right = (n for n, item in enumerate(found.items) if answers_it(item.script, row))
        ranks.append(next(right, 99))
    return (
        f"hit@1 {_share(rank < 1 for rank in ranks)}, hit@3 {_share(rank < 3 for rank in ranks)}, "
        f"unsure {_share(unsure)} of {len(ranks)}; "
        f"unsure of what nothing answers {_share(beyond)} of {len(beyond)}"
    )


def answers_it(script: Script, row: Mapping[str, Any]) -> bool:
    """Named in `scripts`; or about one of the topic's concerns, with one of its words."""
    topic = row.get("topic")
    if not topic:
        return script.id in row["scripts"]
    if topic["concerns"] and not set(topic["concerns"]) & set(script.concerns):
        return False
    said = (script.q, *script.also, script.title, *script.tags, script.body)
    text = normalise.plain(" ".join(said))
    return any(normalise.plain(word) in text for word in topic["any"])


def _share(found: Iterable[bool]) -> str:
    given = list(found)
    return f"{sum(given) / max(len(given), 1):.3f}"


# Which of an advisor's messages answers


def answers(folder: Path) -> Iterator[str]:
    """Mean average precision over the talks in which something answers."""
    talks = [_talk(row) for row in _rows(folder / "chat_replies/dev.jsonl")]
    yield f"chat_replies MAP, in order {_mean(talks, _as_written):.3f}"
    yield f"chat_replies MAP, by hand  {_mean(talks, replies.ranked):.3f}"
    learnt = sum(_fold(talks, n) for n in range(FOLDS)) / FOLDS
    yield f"chat_replies MAP, learnt on {FOLDS} folds {learnt:.3f}"


def _fold(talks: Sequence[replies.Talk], n: int) -> float:
    """Equal questions are in one fold."""
    aside = [zlib.crc32(letters(talk[0]).encode()) % FOLDS == n for talk in talks]
    weights = replies.learn(
        talk for talk, out in zip(talks, aside, strict=True) if not out and any(talk[2])
    )
    asked = [talk for talk, out in zip(talks, aside, strict=True) if out]
    return _mean(asked, lambda question, said: replies.ranked(question, said, weights))


def _as_written(question: str, said: Sequence[str]) -> Sequence[int]:
    return range(len(said))


def _mean(
    talks: Iterable[replies.Talk], rank: Callable[[str, Sequence[str]], Sequence[int]]
) -> float:
    found = [_precision(rank(q, said), right) for q, said, right in talks if any(right)]
    return sum(found) / len(found)


def _precision(order: Sequence[int], right: Sequence[bool]) -> float:
    places = [place for place, n in enumerate(order, 1) if right[n]]
    return sum(nth / place for nth, place in enumerate(places, 1)) / len(places)


def _talk(row: Mapping[str, Any]) -> replies.Talk:
    said = row["replies"]
    return row["query"], [one["text"] for one in said], [bool(one["label"]) for one in said]


# Public banks of questions


def quality(folder: Path) -> Iterator[str]:
    yield f"{'bank':24}{'ratio scan @1/@3/@10':>24}{'product @1/@3/@10':>24}{'times faster':>14}"
    for name in BANKS:
        task = paired(folder / f"{name}_bank.jsonl", folder / f"{name}_queries.jsonl")
        yield _compared(name, task)


def intents(folder: Path) -> Iterator[str]:
    place = folder / "faq_bq_intents"
    for name in ("dev_k1", "dev_k3"):
        task = grouped(place / f"{name}_bank.jsonl", place / f"{name}_queries.jsonl")
        yield _compared(f"faq_bq_intents/{name}", task)


def learning(folder: Path) -> Iterator[str]:
    """Learn from pairs that hold none of the questions asked, nor their answers."""
    place = folder / "faq_afqmc"
    task = paired(place / "dev_10k_bank.jsonl", place / "dev_10k_queries.jsonl", 3 * SAMPLE)
    asked = {letters(text) for text, _ in task.questions}
    asked |= {letters(task.entries[n][0]) for _, right in task.questions for n in right}
    with (place / "dev_pairs.jsonl").open(encoding="utf-8") as lines:
        pairs = [p for p in suggest.pairs(lines) if asked.isdisjoint(map(letters, p[:2]))]
    begun = time.perf_counter()
    weights = learn(pairs)
    seconds = time.perf_counter() - begun
    index = indexed(task)
    before = run(task, index)
    index.learn(weights)
    after = run(task, index)
    index.learn(Weights())
    yield f"learning from {len(pairs)} pairs in {seconds:.1f} s, faq_afqmc 10k (fold kept aside)"
    yield f"{'':24}{_hits(run(task, scanned(task)))}{_hits(before)}{_hits(after)} learnt"


def speed(folder: Path) -> Iterator[str]:
    task = paired(
        folder / "faq_mixed/dev_50k_bank.jsonl", folder / "faq_mixed/dev_50k_queries.jsonl"
    )
    texts = [entry[0] for entry in task.entries]
    extra = sorted(
        {text for path in sorted(folder.glob("faq_*/dev_pairs.jsonl")) for text in _texts(path)}
    )
    bank = list(dict.fromkeys(texts + extra))
    yield "".join(f"{name:>12}" for name in COLUMNS)
    for size in SIZES:
        sized = Task(f"{size}", tuple((text,) for text in bank[:size]), task.questions)
        yield _timed(sized)


def _timed(task: Task) -> str:
    begun = time.perf_counter()
    index = indexed(task)
    build = time.perf_counter() - begun
    ours = run(task, index)
    few = Task(task.name, task.entries, task.questions[:: max(1, len(task.entries) // 5000)])
    scan = run(few, scanned(task))
    begun = time.perf_counter()
    index.add("new", [Wording("新到的车漆颜色好看吗")])
    index.search("新到的车漆颜色")
    added = (time.perf_counter() - begun) * 1e3
    times = scan.at(0.5) / ours.at(0.5)
    figures = (build, ours.at(0.5), ours.at(0.99), scan.at(0.5), times, added)
    return f"{len(task.entries):12}" + "".join(f"{figure:12.1f}" for figure in figures)


def _compared(name: str, task: Task) -> str:
    scan, ours = run(task, scanned(task)), run(task, indexed(task))
    return f"{name:24}{_hits(scan)}{_hits(ours)}{scan.at(0.5) / ours.at(0.5):14.0f}"


def _hits(result: Result) -> str:
    return f"{' / '.join(f'{share:.3f}' for share in result.hits):>24}"


def run(task: Task, search: Index | Search) -> Result:
    ask = _asking(search) if isinstance(search, Index) else search
    ranks, took = [], []
    for text, right in task.questions:
        begun = time.perf_counter()
        found = ask(text, 10)
        took.append(time.perf_counter() - begun)
        ranks.append(next((n for n, entry in enumerate(found) if entry in right), 99))
    shares = tuple(sum(rank < k for rank in ranks) / len(ranks) for k in (1, 3, 10))
    return Result(shares, tuple(sorted(took)))


def _asking(index: Index) -> Search:
    return lambda text, k: [int(hit.key) for hit in index.search(text, k)]


def indexed(task: Task) -> Index:
    index = Index()
    for number, wordings in enumerate(task.entries):
        index.add(f"{number:09d}", map(Wording, wordings))
    index.search("")
    gc.freeze()
    return index


def scanned(task: Task) -> Search:
    texts = [text for wordings in task.entries for text in wordings]
    entry = [number for number, wordings in enumerate(task.entries) for _ in wordings]

    def search(text: str, k: int) -> list[int]:
        found = process.extract(text, texts, scorer=fuzz.ratio, limit=3 * k)
        return list(dict.fromkeys(entry[n] for _, _, n in found))[:k]

    return search


def paired(bank: Path, queries: Path, sample: int = SAMPLE) -> Task:
    entries = tuple((row["q"],) for row in _rows(bank))
    asked = ((row["q"], frozenset(row["pos"])) for row in _rows(queries)[:sample])
    return Task(bank.stem, entries, tuple(asked))


def grouped(bank: Path, queries: Path) -> Task:
    """Every wording of an intent belongs to one entry."""
    wordings: dict[int, list[str]] = {}
    for row in _rows(bank):
        wordings.setdefault(row["intent"], []).append(row["q"])
    at = {intent: n for n, intent in enumerate(wordings)}
    asked = ((row["q"], frozenset({at[row["intent"]]})) for row in _rows(queries))
    return Task(bank.stem, tuple(map(tuple, wordings.values())), tuple(asked))


def _texts(path: Path) -> Iterator[str]:
    for row in _rows(path):
        yield from (row["a"], row["b"])


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
