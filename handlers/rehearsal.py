"""rules dry-run: what each row of the cadence or of the playbook does, and would do otherwise.

The cadence is played over what is stored of the last days: a row of a moment counts once for each
such event of a customer whom it fits, a row of the steady rhythm as often as its days go into
them. The playbook is asked for everybody as they stand today. Nothing is written.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from handlers import cadence, playbook, whatif, whatif_past
from handlers.context import Ctx
from handlers.settings import Followups
from handlers.tables import Column, Table
from storage import events
from storage.customers import Customer

DAYS = 30
NEEDED = ("name", "moment", "kind", "label", "due", "reason", "stage", "words")
MOST = 200  # events of a customer within the days
COLUMNS = (
    Column("rule", "规则"), Column("says", "做什么"), Column("was", "现在", "count"),
    Column("now", "改了以后", "count"), Column("more", "差", "count"),
)  # fmt: skip
NOTE = "按库里的事件和今天的意向、级别算，没有改动任何人；0 是这些天里一次也没轮到。"
Deed = Callable[[Customer, Ctx], Iterator[str]]


class CadenceError(ValueError):
    """A table of the cadence is broken; the text names file, line and cure."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way to have the rules: what each row says, and which rows a customer comes under."""

    says: dict[str, str]
    hits: Deed


def of_cadence(rows: cadence.Table, days: int) -> Side:
    says = {row.name: f"{row.label}：{row.moment}" if row.moment != cadence.CYCLE else row.label
            for row in rows.rows}  # fmt: skip
    return Side(says, lambda customer, ctx: _owed(customer, rows, days, ctx))


def load(path: Path) -> cadence.Table:
    """A table that is to be tried in the place of the one that ships."""
    try:
        text = path.read_text(encoding="utf-8")
        found = list(_problems(tomllib.loads(text).get("row", []), text.splitlines()))
    except (OSError, ValueError) as exc:
        raise CadenceError(f"读不到节奏表 {path.name}：{exc}") from exc
    if found:
        raise CadenceError("\n".join(f"{path.name}:{said}" for said in found))
    return cadence.read(path)


def _problems(rows: list[dict[str, Any]], lines: list[str]) -> Iterator[str]:
    at = [n for n, line in enumerate(lines, 1) if line.strip() == "[[row]]"]
    known = {field.name for field in fields(cadence.Row)}
    for row, line in zip(rows, at, strict=False):
        if lacking := [key for key in NEEDED if not row.get(key)]:
            yield f"{line} 这一行少了 {'、'.join(lacking)}，请补上"
        elif unknown := row.keys() - known:
            yield f"{line} 没有 {min(unknown)} 这一项；可用的是 {'、'.join(sorted(known))}"
        elif wanted := _undue(row):
            yield f"{line} due 写的是 {row['due']}，应为{wanted}"
    steady = [row for row in rows if row.get("moment") == cadence.CYCLE and not row.get("when")]
    left = set("OHABCN") - {x for row in steady for x in row.get("levels", "OHABCN")
                            if not row.get("tiers")}  # fmt: skip
    if left:
        letters = "、".join(sorted(left))
        yield f"{len(lines)} 没有一行管 {letters} 级的定期联系，请补一行 moment 是 cycle 的"


def _undue(row: Mapping[str, Any]) -> str:
    """What would be right, "" when it is."""
    if row["moment"] == cadence.CYCLE:
        return "" if row["due"] in Followups.model_fields else " [followups] 里的一个键"
    return "" if cadence.timed(row["due"]) else " 5m、2h、2d 或 2d 10:00"


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
    since = ctx.now - timedelta(days=days)
    for event in events.of(ctx.db, customer.id, limit=MOST):
        if event.at >= since:
            yield from (row.name for row in rows.after(event.kind, now)
                        if not _overtaken(row, event.at, customer, ctx))  # fmt: skip
    pace = cadence.pace(now, ctx, rows)
    yield from [pace.row.name] * (days // max(pace.days, 1))


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
