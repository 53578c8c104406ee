"""rules dry-run: what each row of the cadence or of the playbook does, and would do otherwise.

The cadence is played over what is stored of the last days: a row of a moment counts once for each
such moment (`rehearsal_moments`) of a customer whom it fits, a row of the steady rhythm as often
as its days go into them. The playbook is asked for everybody as they stand. Nothing is written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handlers import cadence, playbook, rehearsal_moments, whatif, whatif_past
from handlers.cadence_table import CYCLE
from handlers.context import Ctx
from handlers.rehearsal_moments import Moment
from handlers.tables import Column, Table
from storage.customers import Customer

DAYS = 30
COLUMNS = (
    Column("rule", "规则"), Column("says", "做什么"), Column("was", "现在", "count"),
    Column("now", "改了以后", "count"), Column("more", "差", "count"),
)  # fmt: skip
NOTE = "按库里的事件和今天的意向、级别算，没有改动任何人；0 是这些天里一次也没轮到。"
Deed = Callable[[Customer, Ctx], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Side:
    """One way to have the rules: what each row says, and which rows a customer comes under."""

    says: dict[str, str]
    hits: Deed


def of_cadence(rows: cadence.Table, days: int) -> Side:
    says = {row.name: f"{row.label}：{row.moment}" if row.moment != CYCLE else row.label
            for row in rows.rows}  # fmt: skip
    return Side(says, lambda customer, ctx: _owed(customer, rows, days, ctx))


def of_playbook(rows: tuple[playbook.Row, ...]) -> Side:
    def hits(customer: Customer, ctx: Ctx) -> Iterator[str]:
        if found := playbook.advice(customer, ctx, rows):
            yield found.name

    return Side({row.name: f"{row.goal}：{row.action}" for row in rows}, hits)


def _owed(customer: Customer, rows: cadence.Table, days: int, ctx: Ctx) -> Iterator[str]:
    """Names of the rows, each as often as it would have owed a contact."""
    if not cadence.owable(customer, ctx):
        return
    judged = whatif.judged(customer, ctx)
    now = replace(customer, level=judged.level, tier=judged.tier)
    for moment in rehearsal_moments.of(now, ctx.now - timedelta(days=days), ctx):
        yield from (row.name for row in _rows(moment, now, rows)
                    if not _overtaken(row, moment.at, customer, ctx))  # fmt: skip
    pace = cadence.pace(now, ctx, rows)
    yield from [pace.row.name] * (days // max(pace.days, 1))


def _rows(moment: Moment, customer: Customer, rows: cadence.Table) -> list[cadence.Row]:
    found = rows.after(moment.name, customer)
    if moment.name == "开口":
        return found[:1]  # the level is asked about once
    return [row for row in found if moment.kind in ("", row.kind)]


def _overtaken(row: cadence.Row, at: datetime, customer: Customer, ctx: Ctx) -> bool:
    """What the customer said, or their advisor did, before it would have fallen due."""
    due = cadence.due_at(row, replace(ctx, now=at))
    spoke, told = customer.spoke_at, customer.contacted_at
    said = bool(row.unless and spoke and at < spoke <= due)
    return said or bool(row.unless == "contact" and told and at < told <= due)


def run(among: Iterable[Customer], was: Side, now: Side, given: Iterable[str], ctx: Ctx) -> Table:
    """Each row's hits both ways, those that change most first."""
    other = replace(ctx, settings=whatif_past.changed(given, ctx.settings))
    before, after, seen = Counter[str](), Counter[str](), 0
    for customer in among:
        seen += 1
        before.update(was.hits(customer, ctx))
        after.update(now.hits(customer, other))
    says = {**was.says, **now.says}
    names = sorted(says, key=lambda name: -abs(after[name] - before[name]))
    rows = tuple((name, says[name], before[name], after[name], after[name] - before[name])
                 for name in names)  # fmt: skip
    return Table("rehearsal", f"看了{seen}位客户", COLUMNS, rows, NOTE)
