"""社群日历: a month of what goes into which groups, and a day of it in full."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from handlers.console.parts import Line, count, moment, plain, section, store_choice, text
from handlers.console.values import Agenda, Choice, Entry, Page, Planned, Section, Stat, View
from handlers.console.values import Row as Cells
from handlers.context import Ctx
from handlers.group_plans import runs
from handlers.group_plans.plan import DOES, Node, Plan
from handlers.group_plans.weeks import first_of, last_of
from handlers.tables import Table
from handlers.words import weekday
from storage import group_sop as rows
from storage import groups
from storage.db import Row, stamp
from storage.group_sop import Step

MONTHS = 3  # back and ahead
SHOWN = 4  # entries of a day in the month
LISTED = 2000
# The states of steps, as people read them, in the order of how much there is to do.
SAID = {
    rows.AHEAD: "已安排", rows.DUE: "待发", rows.KEPT: "排队", rows.GIVEN: "等群主",
    rows.MASS: "群发待确认", rows.SENT: "已发", rows.SKIPPED: "跳过", rows.PASSED: "没发",
}  # fmt: skip
_TO_COME = (rows.AHEAD, rows.DUE, rows.KEPT, rows.GIVEN)
_TONE = {"没发": "bad", "已发": "good", "等群主": "open", "群发待确认": "open"}
NOTE = (
    "待发＝还没到点；等群主＝给了群主，等TA点；没发＝过了日子或不合适，原因在右边，不会补发。"
    "周数按每个人自己的进群日期算。"
)


@dataclass(slots=True)
class _Tally:
    """One node of one day, in how many groups and in which states."""

    plan: str
    node: int
    states: dict[str, int] = field(default_factory=dict)


def calendar(view: View, ctx: Ctx) -> Page:
    known = {plan.name: plan for plan in runs.plans(ctx)}
    day = _day(view.query.get("day", ""), ctx)
    month = first_of(_month(view.query.get("month", ""), day))
    wanted = view.query.get("plan", "")
    laid = rows.month(ctx.db, view.stores, month, last_of(month))
    both = (*laid, *_ahead(view, month, known, ctx))
    found = [row for row in both if wanted in ("", row["plan"])]
    if (day.year, day.month) != (month.year, month.month):
        day = month
    return Page(
        "社群日历", lead="每一条都先给群主，群主点了“已发”才算发出。", stats=_stats(found),
        agenda=Agenda(f"{month.year}年{month.month}月", _weeks(found, month, day, known, ctx)),
        sections=(_listed(view, day, wanted, known, ctx), _running(view, ctx)),
        choices=(*_choices(month, wanted, known, ctx), *store_choice(view, ctx)), clock=False,
    )  # fmt: skip


def _day(said: str, ctx: Ctx) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return ctx.today


def _month(said: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(f"{said}-01")
    except ValueError:
        return otherwise


def _choices(
    month: date, wanted: str, known: Mapping[str, Plan], ctx: Ctx
) -> tuple[Choice, ...]:  # fmt: skip
    options = tuple((f"{m:%Y-%m}", f"{m.year}年{m.month}月") for m in _around(ctx.today))
    plans = (("", "全部计划"), *((name, name) for name in known))
    return (Choice("month", "月份", options, f"{month:%Y-%m}"),
            Choice("plan", "计划", plans, wanted))  # fmt: skip


def _around(day: date) -> Iterator[date]:
    for n in range(-MONTHS, MONTHS + 1):
        index = day.year * 12 + day.month - 1 + n
        yield date(index // 12, index % 12 + 1, 1)


def _stats(found: Sequence[Row]) -> tuple[Stat, ...]:
    total = {name: sum(r["n"] for r in found if r["state"] == name) for name in SAID}
    sent = total[rows.SENT] + total[rows.MASS]
    missed = total[rows.PASSED]
    return (
        Stat("这个月安排", str(sum(total.values())), "条，一个群一条"),
        Stat("已发", str(sent), "含等确认的群发"),
        Stat("待发", str(sum(total[name] for name in _TO_COME)), "含等群主点的"),
        Stat("没发", str(missed), "原因见下面的表", missed > sent),
    )


# The month


def _ahead(view: View, month: date, known: Mapping[str, Plan], ctx: Ctx) -> Iterator[Row]:
    """The days of plans that have not begun; nothing is laid out for them yet."""
    last = last_of(month)
    for row in rows.ahead(ctx.db, view.stores, last):
        plan, begins = known.get(row["plan"]), date.fromisoformat(row["begins"])
        for n, node in enumerate(plan.nodes if plan else ()):
            day = begins + timedelta(days=node.day - 1)
            if month <= day <= last:
                yield {"on_day": day.isoformat(), "plan": row["plan"], "node": n,
                       "state": rows.AHEAD, "n": row["n"]}  # fmt: skip


def _weeks(
    found: Sequence[Row], month: date, chosen: date, known: Mapping[str, Plan], ctx: Ctx
) -> tuple[tuple[Planned | None, ...], ...]:
    by_day: dict[str, dict[tuple[str, int], _Tally]] = {}
    for row in found:
        at_day = by_day.setdefault(row["on_day"], {})
        one = at_day.setdefault((row["plan"], row["node"]), _Tally(row["plan"], row["node"]))
        one.states[row["state"]] = one.states.get(row["state"], 0) + row["n"]
    days: list[Planned | None] = [None] * month.weekday()
    for n in range((last_of(month) - month).days + 1):
        day = month + timedelta(days=n)
        tallies = list(by_day.get(day.isoformat(), {}).values())
        days.append(_one_day(day, tallies, chosen, known, ctx))
    days += [None] * (-len(days) % 7)
    return tuple(tuple(days[n : n + 7]) for n in range(0, len(days), 7))


def _one_day(
    day: date, found: Sequence[_Tally], chosen: date, known: Mapping[str, Plan], ctx: Ctx
) -> Planned:
    entries = sorted((_entry(one, known) for one in found), key=lambda one: one.at)
    more = f"还有{len(entries) - SHOWN}条" if len(entries) > SHOWN else ""
    return Planned(day.isoformat(), str(day.day), weekday(day), day == ctx.today, day == chosen,
               tuple(entries[:SHOWN]), more)  # fmt: skip


def _entry(one: _Tally, known: Mapping[str, Plan]) -> Entry:
    node = _node(one.plan, one.node, known)
    total = sum(one.states.values())
    first = next(name for name in SAID if name in one.states)
    said = SAID[first]
    state = said if len(one.states) == 1 else f"{said}{one.states[first]}/{total}"
    label = f"{one.plan}·{node.kind}" if node else one.plan
    return Entry(node.at if node else "", label, f"{total}个群", state, _TONE.get(said, ""))


def _node(plan: str, n: int, known: Mapping[str, Plan]) -> Node | None:
    found = known.get(plan)
    return found.nodes[n] if found and n < len(found.nodes) else None


# The day


def _listed(
    view: View, day: date, wanted: str, known: Mapping[str, Plan], ctx: Ctx
) -> Section:  # fmt: skip
    found = [s for s in rows.listed(ctx.db, view.stores, day, day, LISTED)
             if wanted in ("", s.plan)]  # fmt: skip
    names: dict[str, str] = {}
    lines = [Line(_row(step, names, known, ctx)) for step in found]
    table = Table("day", f"{day.month}月{day.day}日 {weekday(day)}", (
        text("at", "时间"), text("group", "群"), text("plan", "计划"), count("n", "第几天"),
        text("kind", "类型"), text("to", "对象"), text("state", "状态"), text("why", "依据或原因"),
        text("store", "门店"), moment("changed", "更新")), (), NOTE)  # fmt: skip
    return section(table, lines, view)


def _row(
    step: Step, names: dict[str, str], known: Mapping[str, Plan], ctx: Ctx
) -> tuple[str | int | None, ...]:
    if step.chat_id not in names:
        room = groups.get(ctx.db, step.chat_id)
        names[step.chat_id] = str(room["name"]) if room else "已解散的群"
    node = _node(step.plan, step.node, known)
    why = step.why if step.state in (rows.PASSED, rows.SKIPPED, rows.KEPT) else ""
    return (
        node.at if node else None, names[step.chat_id], step.plan, node.day if node else None,
        f"{node.kind}（{DOES[node.do]}）" if node else None, node.to if node else None,
        SAID.get(step.state, step.state), why or None, ctx.team.store(step.store).name,
        stamp(step.at) if step.at else None,
    )  # fmt: skip


def _running(view: View, ctx: Ctx) -> Section:
    counted: dict[str, dict[str, int]] = {}
    for row in rows.counts(ctx.db, view.stores):
        counted.setdefault(row["plan"], {})[row["state"]] = row["n"]
    states = (*rows.OPEN, rows.DONE, rows.STOPPED)
    lines: tuple[Cells, ...] = tuple(
        (name, *(of.get(state, 0) for state in states)) for name, of in sorted(counted.items())
    )
    return plain(Table("runs", "哪些计划在多少个群里", (
        text("plan", "计划"), *(count(state, state) for state in states)), lines,
        "开始、暂停、停：给助手发 社群计划。"), view)  # fmt: skip
