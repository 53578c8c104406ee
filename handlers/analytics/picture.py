"""The picture on the first sheet of a report: the steps, what is asked, how stores stand."""

from collections.abc import Iterable

from handlers import charts
from handlers.charts import Bar
from handlers.tables import Table

TOP = 6
DRAWN = (("funnel", "step", "n"), ("voice", "concern", "n"), ("stores", "store", "even"),
         ("reasons", "reason", "n"), ("responses", "who", "median"))  # fmt: skip


def svg(title: str, note: str, found: Iterable[Table]) -> str:
    by_name = {one.name: one for one in found}
    groups = [(by_name[name].title, bars(by_name[name], label, value))
              for name, label, value in DRAWN if name in by_name]  # fmt: skip
    return charts.bars(title, note, groups)


def bars(table: Table, label: str, value: str) -> list[Bar]:
    """The first rows that have a figure."""
    keys = [column.key for column in table.columns]
    names, values = keys.index(label), keys.index(value)
    found = [(row[names], row[values]) for row in table.rows]
    known = [(str(name), float(n)) for name, n in found if isinstance(n, int | float)]
    limit = TOP if label != "step" else len(known)
    return [Bar(name, n) for name, n in known[:limit]]
