"""Which group is on which plan: begun, queued, paused, ended; one plan at a time in a group."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from handlers.context import Ctx
from handlers.group_plans import plan as language
from handlers.group_plans import weeks
from handlers.group_plans.plan import Node, Plan
from handlers.group_plans.rooms import Room
from storage import group_sop as rows
from storage import groups
from storage.group_sop import Run, Step

AUTO = "自动"
AHEAD = timedelta(hours=1)


def plans(ctx: Ctx) -> tuple[Plan, ...]:
    """Shipped, of the company's folder, imported: a later one of the same name takes its place."""
    folder = ctx.settings.group_sop.plans
    own = language.own(folder)[0] if folder else ()
    kept = (language.kept(body) for body in rows.imported(ctx.db))
    named = {plan.name: plan for plan in (*language.shipped(), *own, *kept) if plan}
    return tuple(sorted(named.values(), key=lambda plan: (-plan.priority, plan.name)))


def plan_of(name: str, ctx: Ctx) -> Plan | None:
    return next((plan for plan in plans(ctx) if plan.name == name), None)


def run_id(plan: str, chat_id: str, begins: date) -> str:
    """The same plan begins once a day in a group, however often it is asked for."""
    name = f"{plan}/{chat_id}/{begins.isoformat()}"
    return hashlib.blake2s(name.encode(), digest_size=10).hexdigest()


# Beginning


def refused(plan: Plan, room: Room, ctx: Ctx) -> str:
    """Why a plan does not begin in a group; "" when it may."""
    if any(run.plan == plan.name for run in rows.open_of(ctx.db, room.id)):
        return "已经在这个计划里"
    if plan.kinds and room.row["kind"] not in plan.kinds:
        return f"这个计划给{'、'.join(plan.kinds)}群，本群是{room.row['kind']}群"
    if not room.state.seats:
        return "群里还没有客户"
    return ""


def start(
    plan: Plan, room: Room, begins: date, by: str, ctx: Ctx, *, auto: bool = False
) -> Run | None:
    """Begin on that day, or wait behind what is stronger; None where it may not begin."""
    if refused(plan, room, ctx):
        return None
    fresh = Run(run_id(plan.name, room.id, begins), plan.name, room.id, room.row["store"],
                rows.AHEAD, plan.priority, auto, begins, ctx.now, by)  # fmt: skip
    rows.put(ctx.db, fresh)
    if begins <= ctx.today:
        settle(room.id, ctx)
    return rows.get(ctx.db, fresh.id)


def settle(chat_id: str, ctx: Ctx) -> None:
    """The strongest run whose day has come goes on; the others wait."""
    ready = [run for run in rows.open_of(ctx.db, chat_id)
             if run.state != rows.PAUSED and run.begins <= ctx.today]  # fmt: skip
    for n, run in enumerate(ready):
        if n == 0 and run.state != rows.RUNNING:
            _go(run, ctx)
        elif n > 0 and run.state != rows.WAITING:
            first = ready[0]
            why = f"让给“{first.plan}”（优先级{first.priority}，这个是{run.priority}）"
            _hold(run, rows.WAITING, why, ctx)


def _hold(run: Run, state: str, why: str, ctx: Ctx) -> None:
    """Keep what is still to come back; a run that had begun remembers since when."""
    begun = run.state == rows.RUNNING
    for step in rows.of_run(ctx.db, run.id) if begun else ():
        if step.state == rows.DUE:
            rows.move(ctx.db, step, state=rows.KEPT, why=why, now=ctx.now)
    held = ctx.today if begun else run.held_on
    rows.put(ctx.db, replace(run, state=state, why=why, held_on=held))


def _go(run: Run, ctx: Ctx) -> None:
    """From the first day, or from where it was held; plans of fixed days do not move."""
    plan = plan_of(run.plan, ctx)
    if plan is None:
        end(run, rows.STOPPED, "计划文件不在了", ctx)
        return
    known = rows.of_run(ctx.db, run.id)
    began = run.begins
    if not known and not plan.dated:
        began = max(run.begins, ctx.today)
    elif run.held_on and not plan.dated:
        began = run.begins + (ctx.today - run.held_on)
    live = replace(run, state=rows.RUNNING, why="", begins=began, held_on=None)
    rows.put(ctx.db, live)
    rows.plan_steps(ctx.db, _steps(plan, live, known, ctx))


def _steps(plan: Plan, run: Run, known: Sequence[Step], ctx: Ctx) -> Iterator[Step]:
    """Every node that has not come to its turn yet, on its day."""
    begun = {step.node: step for step in known}
    for n, node in enumerate(plan.nodes):
        was = begun.get(n)
        if was and was.state != rows.KEPT:
            continue
        day = run.begins + timedelta(days=node.day - 1)
        yield Step(f"{run.id}:{n}", run.id, run.chat_id, run.store, run.plan, n, day,
                   ctx.on(day, given_at(node, ctx)), rows.DUE, at=ctx.now)  # fmt: skip


def given_at(node: Node, ctx: Ctx) -> time:
    """When its owner hears of it: what goes out in the evening is laid ready before they leave."""
    end = ctx.settings.followups.shift_to
    if node.clock < end:
        return node.clock
    return (datetime.combine(ctx.today, end) - AHEAD).time()


# Ending, pausing


def pause(run: Run, why: str, ctx: Ctx) -> None:
    _hold(run, rows.PAUSED, why, ctx)
    settle(run.chat_id, ctx)


def resume(run: Run, ctx: Ctx) -> None:
    """Where it stood; behind what is stronger by now."""
    rows.put(ctx.db, replace(run, state=rows.WAITING, why=""))
    settle(run.chat_id, ctx)


def end(run: Run, state: str, why: str, ctx: Ctx) -> None:
    """What is still to come is closed with the reason, and whatever waited takes its turn."""
    for step in rows.of_run(ctx.db, run.id):
        if step.state in (rows.DUE, rows.KEPT):
            rows.move(ctx.db, step, state=rows.PASSED, why=why, now=ctx.now)
    rows.put(ctx.db, replace(run, state=state, why=why, held_on=None, ended_at=ctx.now))
    settle(run.chat_id, ctx)


def finish(run: Run, ctx: Ctx) -> None:
    """Through with the last node: once more from the start, on to the next one, or the end."""
    left = [s for s in rows.of_run(ctx.db, run.id) if s.state in (rows.DUE, rows.KEPT, rows.GIVEN)]
    if left or run.state != rows.RUNNING:
        return
    plan, room = plan_of(run.plan, ctx), room_of(run.chat_id, ctx)
    end(run, rows.DONE, "", ctx)
    tomorrow = ctx.today + timedelta(days=1)
    if room and plan and plan.repeat and not run.auto:
        start(plan, room, tomorrow, run.by_whom, ctx)
    elif room and run.auto and not rows.open_of(ctx.db, run.chat_id):
        chosen, _ = weeks.recommend(room.row, room.state, plans(ctx))
        if chosen:
            start(chosen, room, tomorrow, run.by_whom, ctx, auto=True)


def room_of(chat_id: str, ctx: Ctx) -> Room | None:
    row = groups.get(ctx.db, chat_id)
    return Room(row, weeks.state(row, ctx)) if row and row["dismissed_at"] is None else None
