"""The table of the cadence: its rows, and a company's own rows that stand before or for them.

A file is read whole or not at all: each problem is told with its line and what would be right.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from handlers.settings import Followups
from handlers.sop import EVENTS
from nlp import toml
from scriptbank.script import STAGES
from storage.customers import Customer

FILE = Path(__file__).with_name("data") / "cadence.toml"
CYCLE = "cycle"
ANY_DAY = 36500
TIMED = re.compile(r"^(?:(?P<m>\d{1,5})m|(?P<h>\d{1,4})h|"
                   r"(?P<d>\d{1,4})d(?: (?P<at>(?:[01]\d|2[0-3]):[0-5]\d))?)$")  # fmt: skip
DAYS = re.compile(r"^(\d{1,3})d$")  # of a cycle that is not the setting of a level
HEAD = re.compile(r"^\s*\[\[\s*row\s*\]\]")
NEEDED = ("name", "moment", "kind", "label", "due", "reason", "stage", "words")
MOMENTS = (*EVENTS, "线索", "交期", "交期提前", "入群14天", "入群5周", "预约", "预约试驾")
WHEN = ("fan", "silent", "second", "fresh", "dig")
KEPT = ("friend.first",)  # asked for by name
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "moment": (CYCLE, *MOMENTS), "stage": STAGES, "tiers": ("high", "mid", "low"),
    "levels": tuple("OHABCN"), "unless": ("spoke", "contact"), "when": WHEN,
}  # fmt: skip
LISTS = ("words", "tiers", "levels")


def moment_of(kind: str, words: str) -> str:
    """What an event is to the table: a date of handover may also come nearer."""
    return "交期提前" if kind == "交期" and "提前" in words else kind


class CadenceError(ValueError):
    """A table of the cadence is broken; the text names file, line and cure."""


@dataclass(frozen=True, slots=True)
class Row:
    """`due` is a span of time, or of a cycle the name of the setting that tells its days."""

    name: str
    moment: str
    kind: str
    label: str
    due: str
    reason: str
    stage: str
    words: tuple[str, ...]
    tiers: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    unless: str = ""
    when: str = ""
    until: int = ANY_DAY  # so many days after it fell due its words are still true

    def fits(self, customer: Customer) -> bool:
        tier = not self.tiers or customer.tier in self.tiers
        return tier and (not self.levels or customer.level in self.levels)

    def days(self, settings: Followups) -> int:
        """Of a cycle."""
        found = DAYS.match(self.due)
        return max(int(found[1]), 1) if found else int(getattr(settings, self.due))


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[Row, ...]
    ends: dict[str, tuple[str, ...]]  # what is owed no longer, by what happened

    def named(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def after(self, moment: str, customer: Customer) -> list[Row]:
        return [row for row in self.rows if row.moment == moment and row.fits(customer)]


@functools.cache
def table(own: str = "") -> Table:
    """What ships, with the company's own rows before it or in the place of those so named."""
    return with_own(Path(own)) if own else read(FILE)


def read(path: Path) -> Table:
    given = toml.loads(path.read_text(encoding="utf-8"))
    ends = {end["moment"]: tuple(end["kinds"]) for end in given["end"]}
    return Table(tuple(_row(row) for row in given["row"]), ends)


def _row(given: Mapping[str, Any]) -> Row:
    values: dict[str, Any] = {k: tuple(v) if k in LISTS else v for k, v in given.items()}
    return Row(**values)


def with_own(path: Path) -> Table:
    """Those of a name that ships take its place, new ones are asked first; `without` drops some."""
    given, lines = _parsed(path)
    shipped = table()
    found = [*_problems(given, lines), *_unknown(given, shipped)]
    if not found:
        mixed = _mixed(given, shipped)
        found = list(_uncovered(mixed, len(lines)))
    if found:
        raise CadenceError("\n".join(f"{path.name}:{said}" for said in found))
    return mixed


def _mixed(given: Mapping[str, Any], shipped: Table) -> Table:
    own = {row.name: row for row in map(_row, given.get("row", ()))}
    left = [own.get(row.name, row) for row in shipped.rows
            if row.name not in given.get("without", ())]  # fmt: skip
    fresh = [row for name, row in own.items() if shipped.named(name) is None]
    ends = {end["moment"]: tuple(end["kinds"]) for end in given.get("end", ())}
    return Table((*fresh, *left), {**shipped.ends, **ends})


def _parsed(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
        return toml.loads(text), text.splitlines()
    except OSError as exc:
        raise CadenceError(f"读不到节奏表 {path.name}：{exc.strerror}") from exc
    except ValueError as exc:
        raise CadenceError(f"读不到节奏表 {path.name}：不是合法的 TOML（{exc}）") from exc


# What is wrong


def _problems(given: Mapping[str, Any], lines: list[str]) -> Iterator[str]:
    if unknown := given.keys() - {"row", "end", "without"}:
        yield f"1 没有 {min(unknown)} 这一项；可用的是 [[row]]、[[end]]、without"
    starts = [n for n, line in enumerate(lines, 1) if HEAD.match(line)]
    names, rows = set[str](), given.get("row", ())
    for row, start in zip(rows, chain(starts, repeat(1)), strict=False):
        yield from _of_row(row, start, lines)
        if (name := str(row.get("name"))) in names:
            yield f"{_line(start, 'name', lines)} 前面已经有一行叫 {name}，请换个名字"
        names.add(name)
    for end in given.get("end", ()):
        if not end.get("moment") or not isinstance(end.get("kinds"), list):
            yield f"{len(lines)} 一个 [[end]] 要写 moment 和 kinds（一组 kind）"


def _of_row(row: Mapping[str, Any], start: int, lines: list[str]) -> Iterator[str]:
    known = {field.name for field in fields(Row)}
    if lacking := [key for key in NEEDED if not row.get(key)]:
        yield f"{start} 这一行少了 {'、'.join(lacking)}，请补上"
        return
    for key, value in row.items():
        at = _line(start, key, lines)
        if key not in known:
            yield f"{at} 没有 {key} 这一项；可用的是 {'、'.join(sorted(known))}"
        elif wanted := _unlike(key, value) or (_undue(row) if key == "due" else ""):
            yield f"{at} {key} 写的是 {_shown(value)}，应为{wanted}"


def _line(start: int, key: str, lines: list[str]) -> int:
    """Where a key of the row that begins at `start` stands."""
    for n, line in enumerate(lines[start:], start + 1):
        if line.strip().startswith("[["):
            break
        if line.partition("=")[0].strip() == key:
            return n
    return start


def _shown(value: Any) -> str:
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)


def _unlike(key: str, value: Any) -> str:
    """What would be right, "" when it is."""
    if key in LISTS and not (isinstance(value, list) and all(isinstance(x, str) for x in value)):
        return '一组文字，例如 ["H", "A"]'
    if key == "until":
        whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ANY_DAY
        return "" if whole else f" 0 到 {ANY_DAY} 的整数（天）"
    if key not in LISTS and not isinstance(value, str):
        return "文字"
    allowed, given = ALLOWED.get(key), value if isinstance(value, list) else [value]
    if allowed and not set(given) <= {*allowed, ""}:
        return f"其中之一：{'、'.join(allowed)}"
    return _unformed(value) if key == "reason" else ""


def _unformed(reason: str) -> str:
    try:
        reason.format(days=1, level="H", unanswered=1)
    except (KeyError, IndexError, ValueError):
        return "一句话，花括号里只能是 {days}、{level}、{unanswered}"
    return ""


def _undue(row: Mapping[str, Any]) -> str:
    """What would be right, "" when it is."""
    due = str(row["due"])
    if row["moment"] == CYCLE:
        known = due in Followups.model_fields and due.endswith("_days")
        return "" if known or DAYS.match(due) else " [followups] 里的一个键，或 10d 这样的天数"
    return "" if TIMED.match(due) else " 5m、2h、2d 或 2d 10:00"


def _unknown(given: Mapping[str, Any], shipped: Table) -> Iterator[str]:
    for name in given.get("without", ()):
        if name in KEPT:
            yield f"1 without 里的 {name} 去不掉，加微后要马上打招呼；要改就写一行同名的"
        elif shipped.named(name) is None:
            known = "、".join(row.name for row in shipped.rows)
            yield f"1 without 里的 {name} 不是自带的一行；有：{known}"


def _uncovered(found: Table, last: int) -> Iterator[str]:
    steady = [row for row in found.rows if row.moment == CYCLE and not row.when and not row.tiers]
    left = set("OHABCN") - {level for row in steady for level in row.levels or "OHABCN"}
    if left:
        letters = "、".join(sorted(left))
        yield f"{last} 没有一行管 {letters} 级的定期联系，请补一行 moment 是 cycle 的"
