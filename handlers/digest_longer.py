"""周报 and 月报: the same screen over a week or a month, against the one before."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from handlers import digest_more
from handlers.analytics import ANALYSES, Scope
from handlers.analytics.lost import beside
from handlers.context import Ctx
from handlers.digest_values import MONTHLY, WEEKLY, Part, Window
from handlers.settings import Manager
from handlers.tables import Table
from handlers.words import WEEKDAYS
from storage import stats

EDITIONS = (WEEKLY, MONTHLY)
ROWS = 12  # of a table behind a line


def following(edition: str, ctx: Ctx, *, first: bool = False) -> datetime:
    """The next Monday or first of a month; the very first may still be today's."""
    s, day = ctx.settings.digest, ctx.today
    while True:
        due = ctx.on(day, s.longer_at)
        ahead = ctx.now <= due if first else ctx.now < due
        if ahead and _is_day(edition, day, ctx):
            return due
        day += timedelta(days=1)


def _is_day(edition: str, day: date, ctx: Ctx) -> bool:
    s = ctx.settings.digest
    if edition == WEEKLY:
        return f"周{WEEKDAYS[day.weekday()]}" == s.weekly_on
    return day.day == s.monthly_on


def window(manager: Manager, edition: str, ctx: Ctx) -> Window:
    """The seven whole days before today, or the month before this one, and as much before it."""
    begin, end = _dates(edition, ctx)
    midnight = datetime.min.time()
    since, until = ctx.on(begin, midnight), ctx.on(end, midnight)
    word, before = ("上周", "前一周") if edition == WEEKLY else ("上月", "前一月")
    earlier = stats.funnel(ctx.db, manager.stores, ctx.on(_before(edition, begin), midnight), since)
    return Window(since, until, word, manager.stores,
                  stats.funnel(ctx.db, manager.stores, since, until),
                  {step: float(n) for step, n in earlier.items()}, before)  # fmt: skip


def _dates(edition: str, ctx: Ctx) -> tuple[date, date]:
    """The first day, and the one after the last."""
    if edition == WEEKLY:
        return ctx.today - timedelta(days=7), ctx.today
    first = ctx.today.replace(day=1)
    return (first - timedelta(days=1)).replace(day=1), first


def _before(edition: str, begin: date) -> date:
    if edition == WEEKLY:
        return begin - timedelta(days=7)
    return (begin - timedelta(days=1)).replace(day=1)


# The lines

WHOLE = "合计"


def _scope(window: Window) -> Scope:
    return Scope(window.stores, window.since, window.until)


def _steps(window: Window, ctx: Ctx) -> Part:
    shown = "→".join(f"{step}{n}" for step, n in window.counts.items())
    details = [f"{step} {n}，{window.before}{window.mean[step]:.0f}"
               for step, n in window.counts.items()]  # fmt: skip
    cases = beside(_scope(window), ctx)
    details += [f"{one.name}：{one.of}；案例 {one.case}；来源：{one.source or '没有数据'}"
                for one in cases]  # fmt: skip
    source = "；".join(f"{one.name}：{one.source or '没有数据'}" for one in cases)
    return Part("漏斗", f"漏斗：{shown}", tuple(details), 90, source=source)


def _table(
    name: str, label: str, head: tuple[str, str], urgency: int
) -> Callable[[Window, Ctx], Part | None]:
    """The first rows of an analysis as a line: `head` are the columns of its name and figure."""

    def part(window: Window, ctx: Ctx) -> Part | None:
        table = ANALYSES[name].run(_scope(window), ctx)
        keys = [column.key for column in table.columns]
        who, figure = (keys.index(key) for key in head)
        known = [row for row in table.rows if row[figure] is not None and row[figure] != 0]
        if not known:
            return None
        known.sort(key=lambda row: row[who] != WHOLE)  # the sum before its parts
        said = [f"{row[who]}{_said(row[figure], table, figure)}" for row in known[:5]]
        staff = table.columns[who].title == "顾问"
        details = tuple(_row(table, row) for row in table.rows[:ROWS])
        return Part(label, f"{label}：{'、'.join(said[:4])}", details, urgency, source=table.note,
                    personal=staff, figures=f"{label}：{said[0]}" if staff else "")  # fmt: skip

    return part


def _said(cell: object, table: Table, n: int) -> str:
    if isinstance(cell, float) and table.columns[n].kind == "share":
        return f" {cell:.0%}"
    if table.columns[n].kind == "minutes":
        return f" {cell:.0f}分钟"
    return f"{cell:g}" if isinstance(cell, float) else str(cell)


def _row(table: Table, row: tuple[object, ...]) -> str:
    """What is known, each with its heading."""
    first, *rest = zip(table.columns, row, strict=True)
    n = range(1, len(row))
    parts = [f"{column.title if column.key != 'of' else ''}{_said(cell, table, k)}"
             for k, (column, cell) in zip(n, rest, strict=True)
             if cell not in (None, "")]  # fmt: skip
    return f"{first[1]}：" + "，".join(parts)


PARTS: tuple[Callable[[Window, Ctx], Part | None], ...] = (
    _steps,
    _table("stores", "门店得分", ("store", "even"), 80),
    _table("responses", "首响中位", ("who", "median"), 70),
    _table("reasons", "未到店原因", ("reason", "n"), 60),
    _table("voice", "客户之声", ("concern", "n"), 50),
    _table("recall", "召回", ("what", "n"), 40),
    _table("activities", "活动参加", ("name", "people"), 30),
    *digest_more.PARTS,
)
