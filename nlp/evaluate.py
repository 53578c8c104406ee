"""How well labelled lines are read: figures for each code, what is taken for what, every miss.

A line is an object as `tag` takes it (`text`, and `at` where dates matter) with the labels that
`tag` would answer. A part without a label (no `slots` key, say) is not scored.
"""

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nlp import labels, tag
from nlp.lexicon import Lexicon
from nlp.reading import to_json

AT = datetime(2026, 1, 1, tzinfo=UTC)  # for lines without `at`
MISSED, EXTRA = "（漏）", "（多）"
SHOWN = 200  # misses that are printed; all are in the report


@dataclass(slots=True)
class Score:
    """Hits against what was found and what was labelled."""

    hit: int = 0
    found: int = 0
    real: int = 0

    def add(self, found: Iterable[Any], real: Iterable[Any]) -> None:
        found, real = set(found), set(real)
        self.hit += len(found & real)
        self.found += len(found)
        self.real += len(real)

    @property
    def precision(self) -> float:
        return self.hit / max(self.found, 1)

    @property
    def recall(self) -> float:
        return self.hit / max(self.real, 1)

    @property
    def f1(self) -> float:
        return 2 * self.hit / max(self.found + self.real, 1)

    def __str__(self) -> str:
        return f"F1 {self.f1:.3f}  P {self.precision:.3f}  R {self.recall:.3f}  (n={self.real})"


@dataclass(frozen=True, slots=True)
class Miss:
    """One part of one line that was not read as it is labelled."""

    line: int
    text: str
    part: str
    missed: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(slots=True)
class Report:
    """What was counted; `parts` are totals, `codes` one code of one part each."""

    lines: int = 0
    parts: dict[str, Score] = field(default_factory=dict)
    codes: dict[tuple[str, str], Score] = field(default_factory=dict)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)  # (labelled, found)
    polarity: Counter[tuple[int, int]] = field(default_factory=Counter)
    misses: list[Miss] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # lines that could not be used, and why


Keys = Callable[[Mapping[str, Any]], frozenset[Hashable]]


def evaluate(
    lexicon: Lexicon, lines: Iterable[str], model: Any = None, *, now: datetime = AT
) -> Report:
    """Read each labelled line and compare; a line that cannot be used is named and left out."""
    report = Report()
    for number, line in enumerate(lines, 1):
        if line.strip():
            _line(report, lexicon, number, line, model, now)
    return report


def _line(
    report: Report, lexicon: Lexicon, number: int, line: str, model: Any, now: datetime
) -> None:
    try:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("应为 JSON 对象")
        reading = tag.understood(lexicon, record, now, model)
        pairs = _pairs(record, to_json(reading, number))
    except (TypeError, KeyError, AttributeError, IndexError):
        report.errors.append(f"第 {number} 行：标注的形状不对，各字段要和 tag 的输出一样")
        return
    except (ValueError, RecursionError) as exc:
        report.errors.append(f"第 {number} 行：{exc}")
        return
    report.lines += 1
    for part, (real, found) in pairs.items():
        _count(report, part, real, found)
        if real != found:
            report.misses.append(_miss(number, reading.text, part, real, found))
    if "concerns" in pairs:
        _confuse(report, *pairs["concerns"])


Pair = tuple[frozenset[Any], frozenset[Any]]


def _pairs(record: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Pair]:
    """What is labelled and what was found, for each part that has labels."""
    pairs: dict[str, Pair] = {}
    for part, key in (("concerns", _concern), ("intents", _intent)):
        if part in record:
            pairs[part] = _keys(key, record[part]), _keys(key, found[part])
    if "slots" in record:
        pairs["slots"] = _slots(record["slots"], found["slots"])
    for part in ("speech_act", "tier_signal"):
        if part in record:
            pairs[part] = frozenset(((record[part],),)), frozenset(((found[part],),))
    return pairs


def _keys(key: Callable[[Any], Hashable], items: Iterable[Any]) -> frozenset[Any]:
    return frozenset(map(key, items))


def _concern(item: Mapping[str, Any]) -> tuple[str, int]:
    return item["code"], int(item.get("polarity", 0))


def _intent(item: Mapping[str, Any]) -> tuple[str, bool]:
    return item["code"], bool(item.get("negated", False))


def _slots(real: list[Any], found: list[Any]) -> Pair:
    """By value; where the labels give only the words, by these."""
    what = "value" if all("value" in slot for slot in real) else "text"
    return tuple(  # type: ignore[return-value]
        frozenset(
            (s["kind"], json.dumps(s[what], ensure_ascii=False, sort_keys=True)) for s in side
        )
        for side in (real, found)
    )


def _count(report: Report, part: str, real: frozenset[Any], found: frozenset[Any]) -> None:
    report.parts.setdefault(part, Score()).add(found, real)
    for code in {key[0] for key in real | found}:
        score = report.codes.setdefault((part, code), Score())
        score.add((k for k in found if k[0] == code), (k for k in real if k[0] == code))
    if part == "concerns":
        codes = report.parts.setdefault("concern codes", Score())
        codes.add({c for c, _ in found}, {c for c, _ in real})


def _miss(number: int, text: str, part: str, real: frozenset[Any], found: frozenset[Any]) -> Miss:
    return Miss(number, text, part, _worded(real - found), _worded(found - real))


def _worded(keys: Iterable[tuple[Any, ...]]) -> tuple[str, ...]:
    return tuple(sorted(" ".join(map(str, key)) for key in keys))


def _confuse(report: Report, real: frozenset[Any], found: frozenset[Any]) -> None:
    """Which code stands where another was meant; codes in both are confused in polarity only."""
    wanted, seen = dict(real), dict(found)
    for code in wanted.keys() & seen.keys():
        report.confusion[code, code] += 1
        report.polarity[wanted[code], seen[code]] += 1
    missed, extra = wanted.keys() - seen.keys(), seen.keys() - wanted.keys()
    for code in missed:
        for other in extra or (MISSED,):
            report.confusion[code, other] += 1
    for code in () if missed else extra:
        report.confusion[EXTRA, code] += 1


PARTS = {
    "concerns": "关注与态度", "concern codes": "关注", "intents": "意图", "slots": "信息",
    "speech_act": "语气", "tier_signal": "意向信号",
}  # fmt: skip
NAMES: Mapping[str, Mapping[str, str]] = {
    "concerns": labels.CONCERNS, "intents": labels.INTENTS, "slots": labels.SLOTS,
    "speech_act": labels.SPEECH_ACTS, "tier_signal": labels.TIERS,
}  # fmt: skip


def render(report: Report) -> str:
    """The report as plain text: totals, each code, the confusion table, the misses."""
    return "\n".join([*_totals(report), *_codes(report), *_table(report), *_missed(report)])


def _totals(report: Report) -> Iterator[str]:
    yield f"共 {report.lines} 行，{len(report.errors)} 行无法使用，{len(report.misses)} 处不一致"
    yield from report.errors
    for part, name in PARTS.items():
        if part in report.parts:
            yield f"{name}  {report.parts[part]}"


def _codes(report: Report) -> Iterator[str]:
    for part, names in NAMES.items():
        scores = {c: s for (p, c), s in report.codes.items() if p == part}
        if scores:
            yield f"\n{PARTS[part]}"
        for code in sorted(scores, key=lambda c: (-scores[c].real, str(c))):
            yield f"  {code} {names.get(code, '')}  {scores[code]}"


def _table(report: Report) -> Iterator[str]:
    """Each labelled code with what was found for it, most frequent first."""
    if not report.confusion:
        return
    yield "\n混淆（标注 → 读出：次数）"
    for real in sorted({r for r, _ in report.confusion}):
        row = [(n, found) for (r, found), n in report.confusion.items() if r == real]
        cells = [f"{found} {n}" for n, found in sorted(row, key=lambda c: (-c[0], c[1]))]
        yield f"  {real} → " + "，".join(cells)
    wrong = [(real, found, n) for (real, found), n in sorted(report.polarity.items())]
    yield "态度（标注 → 读出：次数）"
    yield from (
        f"  {labels.POLARITIES.get(r, r)} → {labels.POLARITIES.get(f, f)} {n}" for r, f, n in wrong
    )


def _missed(report: Report) -> Iterator[str]:
    if report.misses:
        yield "\n不一致"
    for miss in report.misses[:SHOWN]:
        gone = f" 漏 {'、'.join(miss.missed)}" if miss.missed else ""
        more = f" 多 {'、'.join(miss.extra)}" if miss.extra else ""
        yield f"  第 {miss.line} 行「{miss.text}」{PARTS[miss.part]}：{gone}{more}"
    if len(report.misses) > SHOWN:
        yield f"  …… 另有 {len(report.misses) - SHOWN} 处"
