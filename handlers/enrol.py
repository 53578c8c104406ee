"""Who walks through which plan: what starts it, which goes first, what ends it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from handlers import membership, shifts, sop, tags
from handlers.context import Ctx
from handlers.sop import Plan
from handlers.words import TIERS, exactly
from storage import audience as crowd
from storage import customers, events, groups
from storage import followups as owed
from storage import lost as losses
from storage import sop as rows
from storage.customers import Customer
from storage.db import Row, at
from storage.sop import Run

ON, OFF = "开启", "停止"
TAKEN_BACK = "撤销"
WALK_AT = time(9, 0)
A_TICK = 200  # customers that one tick looks at
LATE = timedelta(days=1)  # a step that is later than that when a plan begins is left out
SETTLE = timedelta(days=2)  # after the last step, before the plan counts as walked through


def plans(ctx: Ctx) -> tuple[Plan, ...]:
    """Strongest first."""
    return sop.known(ctx.settings.sop.plans)


def plan_of(name: str, ctx: Ctx) -> Plan | None:
    return next((plan for plan in plans(ctx) if plan.name == name), None)


def is_on(plan: Plan, store: str, switched: Mapping[tuple[str, str], Row]) -> bool:
    row = switched.get((plan.name, store))
    return plan.on if row is None else row["state"] == ON


def anywhere(plan: Plan, ctx: Ctx, switched: Mapping[tuple[str, str], Row]) -> bool:
    return any(is_on(plan, store, switched) for store in [*ctx.team.stores, ""])


# Who is meant


def unfit(plan: Plan, customer: Customer, ctx: Ctx) -> str:
    """Why a plan is not for this customer, in words; "" when it is."""
    if customer.opted_out_at:
        return "已退订"
    if customer.deleted_at:
        return "已不是好友"
    if not customer.owner:
        return "没有顾问"
    facts = {"stages": customer.stage, "tiers": TIERS[customer.tier], "levels": customer.level,
             "models": customer.model, "stores": customer.store}  # fmt: skip
    for key, value in facts.items():
        wanted = plan.audience.get(key, ())
        if not sop.among(value, wanted):
            return f"{value or '不明'}不在{'、'.join(wanted)}里"
    return _unfit_facts(plan, customer, ctx)


def _unfit_facts(plan: Plan, customer: Customer, ctx: Ctx) -> str:
    """The conditions that need a look into the store."""
    if kinds := plan.audience.get("lost"):
        loss = losses.newest(ctx.db, customer.id)
        if loss is None or loss.state != losses.AGREED or loss.kind not in kinds:
            return f"战败类别不是{'、'.join(kinds)}"
    if kinds := plan.audience.get("groups"):
        inside = {room["kind"] for room in groups.of_member(ctx.db, customer.id)}
        if not inside & set(kinds):
            return f"不在{'、'.join(kinds)}群里"
    for name in plan.audience.get("names", ()):
        one = ctx.audiences.rules.get(name)
        if one is None or not crowd.holds(ctx.db, membership.tree(one, ctx), customer.id):
            return f"不在人群“{name}”里" if one else f"没有叫“{name}”的人群"
    for name in plan.audience.get("tags", ()):
        if not tagged(name, customer, ctx):
            return f"没有标签“{name}”"
    return ""


def tagged(name: str, customer: Customer, ctx: Ctx) -> bool:
    """By the dictionary, or left behind by an earlier plan."""
    own = customers.tags(ctx.db, customer.id, ctx.now, "sop")
    return any(t.code == name for t in own) or tags.find(name, customer, ctx) is not None


# Starting


def run_id(plan: str, customer: str, origin: str) -> str:
    """The same thing starts the same plan once, however often it is looked at."""
    name = f"{plan}/{customer}/{origin}"
    return hashlib.blake2s(name.encode(), digest_size=10).hexdigest()


def start(plan: Plan, customer: Customer, origin: str, base: datetime, ctx: Ctx) -> Run | None:
    """Begin, or queue behind a stronger plan; None where it does not begin at all."""
    key = run_id(plan.name, customer.id, origin)
    if rows.known(ctx.db, key) or unfit(plan, customer, ctx):
        return None
    again = ctx.now - timedelta(days=ctx.settings.sop.again_days)
    last = rows.last_of(ctx.db, customer.id, plan.name)
    if last and last.state != rows.SKIPPED and last.started_at > again:
        return None
    fresh = Run(key, customer.id, plan.name, origin, rows.RUNNING, plan.priority, 0, base, ctx.now)
    return _placed(plan, _first(plan, fresh, ctx), ctx)


def _first(plan: Plan, run: Run, ctx: Ctx) -> Run:
    """At the first step that is not over already."""
    times = [due(plan, n, run, ctx) for n in range(len(plan.steps))]
    n = next((n for n, when in enumerate(times) if when >= ctx.now - LATE), None)
    if n is None:
        return replace(run, state=rows.SKIPPED, why="开始得太晚，每一步的时间都过了",
                       ended_at=ctx.now)  # fmt: skip
    return replace(run, step=n, due_at=max(times[n], ctx.now))


def due(plan: Plan, n: int, run: Run, ctx: Ctx) -> datetime:
    return sop.due(plan.steps[n], run.base_at, ctx.zone, ctx.settings.followups.morning)


def _placed(plan: Plan, run: Run, ctx: Ctx) -> Run:
    """One plan at a time: the stronger goes on, the other waits."""
    if run.state == rows.RUNNING:
        now = next(iter(rows.open_of(ctx.db, run.customer)), None)
        if now and now.state == rows.RUNNING and now.priority >= run.priority:
            run = replace(run, state=rows.WAITING, why=_behind(now))
        elif now and now.state == rows.RUNNING:
            rows.put(ctx.db, replace(now, state=rows.WAITING, why=_behind(run)))
        if run.state == rows.RUNNING and plan.replaces:
            owed.drop(ctx.db, run.customer, ctx.now, f"SOP {plan.name}", plan.replaces)
    rows.put(ctx.db, run)
    return run


def _behind(stronger: Run) -> str:
    return f"让给“{stronger.plan}”（优先级{stronger.priority}更高或一样）"


# Ending


def over(plan: Plan | None, run: Run, customer: Customer | None, ctx: Ctx) -> str:
    """Why a customer leaves a plan before its end, in words; "" to go on."""
    if customer is None or customer.deleted_at:
        return "已不是好友"
    if customer.opted_out_at:
        return "已退订"
    if plan is None or not is_on(plan, customer.store, rows.switches(ctx.db)):
        return "计划停了"
    if "reply" in plan.exits and customer.spoke_at and customer.spoke_at > run.started_at:
        return "客户说话了"
    if f"stage:{customer.stage}" in plan.exits:
        return f"已经{customer.stage}"
    if plan.trigger.kind == "event" and _undone(run, ctx):
        return "触发它的事撤销了"
    return ""


def _undone(run: Run, ctx: Ctx) -> bool:
    return events.exists(ctx.db, run.origin) and events.get(ctx.db, run.origin) is None


def leave(run: Run, state: str, why: str, ctx: Ctx) -> None:
    """Off the plan; whatever waited behind it takes its place."""
    rows.put(ctx.db, replace(run, state=state, why=why, due_at=None, ended_at=ctx.now))
    if run.state == rows.RUNNING:
        _promote(run.customer, ctx)


def return_to(run: Run, ctx: Ctx) -> None:
    """A run as it was before it was left; a stronger one that has begun meanwhile goes first."""
    plan = plan_of(run.plan, ctx)
    back = replace(run, state=rows.RUNNING, why="", due_at=max(run.due_at or ctx.now, ctx.now))
    if plan:
        _placed(plan, back, ctx)


def again(run: Run, n: int, ctx: Ctx) -> None:
    """The step is laid before the advisor once more."""
    rows.put(ctx.db, replace(run, step=n, due_at=ctx.now, why=""))
    rows.step(ctx.db, step_id=f"{run.id}:{n}", run=run, n=n, state=TAKEN_BACK, why="撤销",
              now=ctx.now)  # fmt: skip


def _promote(customer_id: str, ctx: Ctx) -> None:
    patience = timedelta(days=ctx.settings.sop.wait_days)
    for run in rows.open_of(ctx.db, customer_id):
        plan, customer = plan_of(run.plan, ctx), customers.get(ctx.db, customer_id)
        ended = over(plan, run, customer, ctx)
        if not ended and ctx.now - run.started_at > patience:
            ended = f"排队超过{ctx.settings.sop.wait_days}天"
        if ended:
            rows.put(ctx.db, replace(run, state=rows.SKIPPED, why=ended, due_at=None,
                                     ended_at=ctx.now))  # fmt: skip
            continue
        rows.put(ctx.db, replace(run, state=rows.RUNNING, why="",
                                 due_at=max(run.due_at or ctx.now, ctx.now)))  # fmt: skip
        return


def finish(plan: Plan, run: Run, customer: Customer, ctx: Ctx) -> None:
    """Walked to the end: a tag is left behind, the next plan may begin."""
    leave(run, rows.DONE, "走完了", ctx)
    if name := plan.then.get("tag"):
        customers.tag(ctx.db, customer.id, kind="sop", code=name, now=ctx.now, value=name,
                      evidence=f"SOP {plan.name} 走完", source="sop", rule=f"sop.{plan.name}",
                      keep_days=ctx.settings.sop.again_days)  # fmt: skip
    after = plan_of(plan.then.get("plan", ""), ctx)
    if after and is_on(after, customer.store, rows.switches(ctx.db)):
        start(after, customer, f"{run.id}:then", ctx.now, ctx)


# What happened


def kinds(ctx: Ctx, switched: Mapping[tuple[str, str], Row]) -> set[str]:
    """The events that some plan which is on waits for."""
    found = set()
    for plan in plans(ctx):
        if not plan.walks and anywhere(plan, ctx, switched):
            found.add(listens(plan))
    return found


def listens(plan: Plan) -> str:
    return {"level": "级别", "tier": "意向", "joined": "入群"}.get(
        plan.trigger.kind, plan.trigger.value
    )


def fits(plan: Plan, kind: str, evidence: str, ctx: Ctx) -> bool:
    """Whether an event is the one that a plan waits for."""
    if plan.walks or listens(plan) != kind:
        return False
    value = plan.trigger.value
    if plan.trigger.kind in ("level", "tier"):
        return f"→{value}" in evidence.partition("：")[0]
    if plan.trigger.kind == "joined":
        from_name = {g["kind"] for g in groups.called(ctx.db, evidence, tuple(ctx.team.stores))}
        return value in from_name
    return True


def heard(event: Row, switched: Mapping[tuple[str, str], Row], ctx: Ctx) -> None:
    """Start what waits for this event."""
    customer = customers.get(ctx.db, event["customer"])
    for plan in plans(ctx) if customer else ():
        if customer and fits(plan, event["kind"], event["evidence"], ctx) \
                and is_on(plan, customer.store, switched):  # fmt: skip
            start(plan, customer, event["id"], at(event["at"]), ctx)


# Looking at everybody, a few at a time


def walk(ctx: Ctx, switched: Mapping[tuple[str, str], Row]) -> None:
    for plan in plans(ctx):
        if plan.walks and anywhere(plan, ctx, switched):
            _walk_one(plan, switched, ctx)


def _walk_one(plan: Plan, switched: Mapping[tuple[str, str], Row], ctx: Ctx) -> None:
    name = f"plan:{plan.name}"
    when, spot = rows.scan(ctx.db, name, _first_walk(plan, ctx))
    if when > ctx.now or not _today(plan, ctx):
        return
    ids = rows.people(ctx.db, spot, A_TICK)
    for key in ids:
        customer = customers.get(ctx.db, key)
        if customer and is_on(plan, customer.store, switched) and meets(plan, customer, ctx):
            start(plan, customer, f"{plan.trigger.kind}:{ctx.today}", ctx.now, ctx)
    if len(ids) < A_TICK:
        rows.scanned(ctx.db, name, ctx.tomorrow(WALK_AT), "")
    else:
        rows.scanned(ctx.db, name, ctx.now, ids[-1])


def _first_walk(plan: Plan, ctx: Ctx) -> datetime:
    today = ctx.on(ctx.today, WALK_AT)
    return today if ctx.now <= today or plan.trigger.kind == "date" else ctx.tomorrow(WALK_AT)


def _today(plan: Plan, ctx: Ctx) -> bool:
    return plan.trigger.kind != "date" or date.fromisoformat(plan.trigger.value) == ctx.today


def meets(plan: Plan, customer: Customer, ctx: Ctx) -> bool:
    """Of a plan that waits for no event: whether it would begin for this customer now."""
    if plan.trigger.kind == "silent":
        heard_at = max((t for t in (customer.spoke_at, customer.added_at) if t), default=None)
        days = timedelta(days=int(plan.trigger.value))
        return heard_at is not None and ctx.now - heard_at >= days
    if plan.trigger.kind == "tag":
        return tagged(plan.trigger.value, customer, ctx)
    return True


# Words


def line(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """For the card and 为什么: on which plan, at which step, what waits."""
    for run in rows.open_of(ctx.db, customer.id):
        plan = plan_of(run.plan, ctx)
        if plan is None:
            continue
        total = len(plan.steps)
        if run.state == rows.WAITING:
            yield f"SOP：“{run.plan}”排队，{run.why}"
        elif run.step < total and run.due_at:
            when = exactly(run.due_at.astimezone(ctx.zone))
            paused = f"；{run.why}" if run.why else ""
            yield f"SOP：“{run.plan}”第{run.step + 1}/{total}步，{when}{paused}"
        else:
            yield f"SOP：“{run.plan}”{total}步都到了，等着结束"


def reader(customer: Customer, ctx: Ctx) -> str:
    """Who is to be told now: the advisor or whoever stands in; "" when nobody is at work."""
    advisor = ctx.team.advisor(customer.owner)
    found = shifts.stand_in(advisor, ctx) if advisor else None
    return found.userid if found and shifts.on_shift(found, ctx) else ""


def next_shift(customer: Customer, ctx: Ctx) -> datetime:
    advisor = ctx.team.advisor(customer.owner)
    found = shifts.stand_in(advisor, ctx) if advisor else None
    if found is None:
        return ctx.tomorrow(ctx.settings.followups.morning)
    return shifts.next_shift(found, ctx)
