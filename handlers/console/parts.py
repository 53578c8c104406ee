"""What several pages share: counted rows put together, shares with their denominators, charts."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from handlers.console.values import Act, Chart, Choice, Row, Section, Series, View
from handlers.context import Ctx
from handlers.tables import Cell, Column, Table
from handlers.words import short
from storage.db import Row as Kept

LABEL = 14  # characters of a name beside a bar
BARS = 20  # bars that can still be told apart
SHOWN, WHOLE = 100, 5000  # rows of a table on a page, and in a file


def text(key: str, title: str) -> Column:
    return Column(key, title)


def count(key: str, title: str) -> Column:
    return Column(key, title, "count")


def share(key: str, title: str) -> Column:
    return Column(key, title, "share")


def moment(key: str, title: str) -> Column:
    return Column(key, title, "time")


def part(of: int, whole: int, ctx: Ctx) -> float | None:
    """Of too few there is no share."""
    return of / whole if whole >= max(1, ctx.settings.analytics.samples) else None


def least(ctx: Ctx) -> str:
    return f"不满{ctx.settings.analytics.samples}的不算比例，写–。"


def tally(rows: Iterable[Kept], *keys: str) -> Counter[tuple[str, ...]]:
    """`n` of the rows, added up by these columns."""
    found: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        found[tuple(str(row[key]) for key in keys)] += int(row["n"])
    return found


def bars(title: str, rows: Sequence[Row], *columns: tuple[str, int], first: int = 0) -> Chart:
    """Some columns of a table as bars, named by its first cell."""
    shown = rows[:BARS]
    return Chart(
        title, "bar", tuple(short(str(row[first]), LABEL) for row in shown),
        tuple(Series(name, tuple(_figure(row[n]) for row in shown)) for name, n in columns),
    )  # fmt: skip


def _figure(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


@dataclass(frozen=True, slots=True)
class Line:
    """A row, where its first cell leads to, and what can be done about it."""

    row: Row
    link: str = ""
    act: Act | None = None


def section(table: Table, lines: Iterable[Line], view: View, chart: Chart | None = None) -> Section:
    """The table with its rows as the address wants them sorted; on a page only the first of them.

    The address says `sort=stores:-orders`: of the table `stores` by `orders`, the largest first.
    """
    name, _, by = view.query.get("sort", "").partition(":")
    found = _sorted(lines, by, table.columns) if name == table.name else list(lines)
    most = WHOLE if view.whole else SHOWN
    shown, note = found[:most], table.note
    if len(found) > most:
        note = f"只列前{most}行，共{len(found)}行。{note}"
    rows = tuple(line.row for line in shown)
    if view.whole and len(found) > most:  # who reads the file does not see the note
        rows = (*rows, _cut(most, len(table.columns)))
    return Section(
        replace(table, rows=rows, note=note), chart,
        tuple(line.link for line in shown), tuple(line.act for line in shown),
    )  # fmt: skip


def _cut(most: int, wide: int) -> Row:
    return (f"文件最多{most}行，后面还有；请缩小范围再下载。", *(None,) * (wide - 1))


def _sorted(lines: Iterable[Line], by: str, columns: Sequence[Column]) -> list[Line]:
    """Unknown cells come last, whichever way."""
    keys = [column.key for column in columns]
    key, falling, found = by.removeprefix("-"), by.startswith("-"), list(lines)
    if key not in keys:
        return found
    n = keys.index(key)
    known = [line for line in found if line.row[n] is not None]
    known.sort(key=lambda line: _rank(line.row[n]), reverse=falling)
    return known + [line for line in found if line.row[n] is None]


def _rank(cell: Cell) -> tuple[float, str]:
    """Numbers among themselves, texts among themselves."""
    return (cell, "") if isinstance(cell, int | float) else (math.inf, str(cell))


def plain(table: Table, view: View, chart: Chart | None = None) -> Section:
    """A table that leads nowhere."""
    return section(replace(table, rows=()), (Line(row) for row in table.rows), view, chart)


def store_choice(view: View, ctx: Ctx) -> tuple[Choice, ...]:
    """Which of their stores to look at, where there is more than one."""
    stores = view.reader.stores
    if len(stores) < 2:
        return ()
    options = (("", "全部门店"), *((key, ctx.team.store(key).name) for key in stores))
    return (Choice("store", "门店", options, view.query.get("store", "")),)
