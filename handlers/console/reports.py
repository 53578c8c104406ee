"""分析: whatever analyses there are, each as it comes: its table, and a picture where one fits."""

from collections.abc import Sequence

from handlers.analytics import ANALYSES, Analysis, Scope
from handlers.console.parts import bars, plain, store_choice
from handlers.console.values import Chart, Choice, Missing, Page, View
from handlers.context import Ctx
from handlers.tables import Cell, Table

DRAWN = ("share", "count")  # kinds of columns that make bars, shares first
MOST = 3  # columns in one picture


def analyses(view: View, ctx: Ctx) -> Page:
    open_to = [one for one in ANALYSES.values() if view.names or not one.personal]
    chosen = _chosen(open_to, view.query.get("name", ""))
    found = chosen.run(Scope(view.stores, view.since, view.until), ctx)
    options = tuple((one.name, one.title) for one in open_to)
    return Page(
        "分析", sections=(plain(found, view, picture(found)),),
        choices=(Choice("name", "分析", options, chosen.name), *store_choice(view, ctx)),
    )  # fmt: skip


def _chosen(open_to: list[Analysis], name: str) -> Analysis:
    found = next((one for one in open_to if one.name == name), None if name else open_to[0])
    if found is None:
        raise Missing(name)
    return found


def picture(table: Table) -> Chart | None:
    """Bars of the first kind of column that can be drawn; none of a single row."""
    for kind in DRAWN:
        columns = [(c.title, n) for n, c in enumerate(table.columns) if c.kind == kind and n]
        known = [row for row in table.rows if any(row[n] is not None for _, n in columns)]
        if columns and len(known) > 1:
            drawn = bars(table.title, _told_apart(table, known), *columns[:MOST])
            return Chart(drawn.title, drawn.kind, drawn.labels, drawn.series, kind == "share")
    return None


def _told_apart(table: Table, rows: Sequence[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Bars of one name (three steps of 转化) also bear what stands in the columns beside it."""
    words = next((n for n, c in enumerate(table.columns) if c.kind != "text"), len(table.columns))
    if len({row[0] for row in rows}) == len(rows):
        return list(rows)
    first = [{row[n] for row in rows} for n in range(words)]
    several = [n for n in range(words) if len(first[n]) > 1]
    return [("·".join(str(row[n]) for n in several), *row[1:]) for row in rows]
