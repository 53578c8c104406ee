"""SOP in the console: a month of one-to-one plans, who gets what on a day, plans on and off."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from handlers import enrol, plans
from handlers.console.door import MANAGER
from handlers.console.parts import Line, count, moment, section, store_choice, text
from handlers.console.values import (
    Act,
    Agenda,
    Choice,
    Entry,
    Missing,
    Page,
    Planned,
    Section,
    Stat,
    View,
)
from handlers.context import Ctx
from handlers.sop import Plan
from handlers.tables import Table
from handlers.values import Action
from handlers.words import weekday
from storage import audit, customers
from storage import sop as rows
from storage.db import stamp
from storage.sop import Run

MONTHS = 3  # that can be looked at, this one included
MOST = 2000  # customers of a plan that are looked at
ENTRIES = 4  # of a day in the month
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Ahead:
    """One step that is still to come for one customer."""

    plan: Plan
    run: Run
    n: int
    when: datetime


def page(view: View, ctx: Ctx) -> Page:
    found = list(_ahead(view, ctx))
    days = Counter(one.when.astimezone(ctx.zone).date() for one in found)
    chosen = _day(view.query.get("day", ""), ctx)
    first = _month(view.query.get("month", "") or f"{chosen:%Y-%m}", ctx)
    week = sum(n for day, n in days.items() if ctx.today <= day < ctx.today + WEEK)
    walking = len({one.run.customer for one in found})
    return Page(
        "SOP 日程", clock=False, choices=(*store_choice(view, ctx), _months(first, ctx)),
        lead="每一步到时候先给顾问看，点了才发；客户说话、退订就退出。",
        stats=(Stat("在走", str(walking), "位客户"), Stat("今天", str(days[ctx.today]), "步"),
               Stat("近7天", str(week), "步")),
        agenda=_grid(first, chosen, found, ctx),
        sections=(_of_day(chosen, found, view, ctx), _plans(view, ctx)),
    )  # fmt: skip


def _ahead(view: View, ctx: Ctx) -> Iterator[Ahead]:
    for plan in enrol.plans(ctx):
        for run in rows.running(ctx.db, plan.name, view.stores, MOST):
            for n in range(run.step, len(plan.steps)):
                put_off = run.due_at if n == run.step else None
                yield Ahead(plan, run, n, put_off or enrol.due(plan, n, run, ctx))


# The month


def _month(text: str, ctx: Ctx) -> date:
    """Its first day; this month for whatever is none of those that can be looked at."""
    return next((day for day in _firsts(ctx) if f"{day:%Y-%m}" == text), _firsts(ctx)[0])


def _firsts(ctx: Ctx) -> list[date]:
    found = [ctx.today.replace(day=1)]
    while len(found) < MONTHS:
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found


def _months(first: date, ctx: Ctx) -> Choice:
    options = tuple((f"{day:%Y-%m}", f"{day.year}年{day.month}月") for day in _firsts(ctx))
    return Choice("month", "月份", options, f"{first:%Y-%m}")


def _day(text: str, ctx: Ctx) -> date:
    try:
        return date.fromisoformat(text) if text else ctx.today
    except ValueError:
        raise Missing(text) from None


def _grid(first: date, chosen: date, found: Sequence[Ahead], ctx: Ctx) -> Agenda:
    by_day: dict[date, list[Ahead]] = {}
    for one in found:
        by_day.setdefault(one.when.astimezone(ctx.zone).date(), []).append(one)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    days: list[Planned | None] = [None] * first.weekday()
    for n in range(last.day):
        day = first + timedelta(days=n)
        entries = _entries(by_day.get(day, ()), ctx)
        more = f"还有{len(entries) - ENTRIES}条" if len(entries) > ENTRIES else ""
        days.append(Planned(day.isoformat(), str(day.day), weekday(day), day == ctx.today,
                        day == chosen, entries[:ENTRIES], more))  # fmt: skip
    days += [None] * (-len(days) % 7)
    weeks = tuple(tuple(days[n : n + 7]) for n in range(0, len(days), 7))
    return Agenda(f"{first.year}年{first.month}月", weeks)


def _entries(found: Sequence[Ahead], ctx: Ctx) -> tuple[Entry, ...]:
    """Each step of each plan with how many customers it is for, the earliest first."""
    groups: dict[tuple[str, int], list[datetime]] = {}
    for one in found:
        groups.setdefault((one.plan.name, one.n), []).append(one.when)
    rows_ = sorted((min(when), name, n, len(when)) for (name, n), when in groups.items())
    return tuple(Entry(f"{when.astimezone(ctx.zone):%H:%M}", name, f"{many}位", f"第{n + 1}步")
                 for when, name, n, many in rows_)  # fmt: skip


def _of_day(day: date, found: Sequence[Ahead], view: View, ctx: Ctx) -> Section:
    table = Table("day", f"{day.month}月{day.day}日谁会收到什么", (
        text("who", "客户"), text("owner", "顾问"), moment("when", "时间"), text("plan", "计划"),
        text("step", "第几步"), text("what", "做什么"), text("why", "说明")), (),
        "到时候还会再问触达台账：安静时段、一天一次、投诉、退订。")  # fmt: skip
    today = [one for one in found if one.when.astimezone(ctx.zone).date() == day]
    today.sort(key=lambda one: (one.when, one.run.customer))
    return section(table, (_line(n, one, view, ctx) for n, one in enumerate(today, 1)), view)


def _line(n: int, one: Ahead, view: View, ctx: Ctx) -> Line:
    customer, step = customers.get(ctx.db, one.run.customer), one.plan.steps[one.n]
    named = customer is not None and view.names and MANAGER in view.reader.roles
    who = customer.name if customer and named else f"客户{n}"
    why = one.run.why if one.run.state == rows.WAITING or one.n == one.run.step else ""
    row = (who, ctx.team.name(customer.owner) if customer and named else None, stamp(one.when),
           one.plan.name, f"第{one.n + 1}步", f"{plans.DONE[step.do]}：{step.say}",
           why or None)  # fmt: skip
    return Line(row, f"customer?id={one.run.customer}" if named else "")


# The plans


def _plans(view: View, ctx: Ctx) -> Section:
    table = Table("plans", "计划", (
        text("name", "计划"), text("on", "开着的门店"), text("starts", "什么时候开始"),
        count("steps", "步数"), count("running", "进行中"), count("waiting", "排队"),
        count("done", "走完")), (),
        "开启：最近三天和以后符合的客户会走。停止：正在走的都退出。只管您的门店。")  # fmt: skip
    counted: dict[tuple[str, str], int] = {
        (row["plan"], row["state"]): row["n"] for row in rows.counts(ctx.db, stores=view.stores)
    }
    lines = (_plan(plan, counted, view, ctx) for plan in enrol.plans(ctx))
    return section(table, lines, view)


def _plan(plan: Plan, counted: Mapping[tuple[str, str], int], view: View, ctx: Ctx) -> Line:
    switched = rows.switches(ctx.db)
    on = [ctx.team.store(s).name for s in view.stores if enrol.is_on(plan, s, switched)]
    n = {state: counted.get((plan.name, state), 0) for state in
         (rows.RUNNING, rows.WAITING, rows.DONE)}  # fmt: skip
    row = (plan.name, "、".join(on) or "停着", plans.starts(plan), len(plan.steps),
           n[rows.RUNNING], n[rows.WAITING], n[rows.DONE])  # fmt: skip
    turn = Act("off", plan.name, "停止", "sop") if on else Act("on", plan.name, "开启", "sop")
    return Line(row, act=turn if MANAGER in view.reader.roles else None)


def act(view: View, ctx: Ctx) -> tuple[str, tuple[Action, ...]]:
    """开启, 停止 for the stores of whoever taps, as in the chat."""
    plan, by = enrol.plan_of(view.query.get("id", ""), ctx), view.reader.member
    state = {"on": enrol.ON, "off": enrol.OFF}.get(view.query.get("what", ""))
    if plan is None or state is None:
        raise Missing(view.query.get("id", ""))
    plans.turn(plan, state, by, ctx)
    what = f"console sop {view.query['what']} {plan.name}"
    audit.note(ctx.db, who=by, what=what, customer="", now=ctx.now)
    return f"sop?done={'started' if state == enrol.ON else 'ended'}", ()
