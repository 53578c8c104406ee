"""SOP by chat: what is on and how many walk through it, who would get what when, on and off."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers import enrol, group_tasks, ledger, referral, reversals, sop, undo
from handlers.context import Ctx
from handlers.sop import Plan
from handlers.values import Action, Inbound, Send
from handlers.words import exactly, short
from storage import customers
from storage import sop as rows
from storage.customers import Customer
from storage.db import at
from storage.sop import Run

NEWS, LATE_NEWS = "sop.news", "sop.late"
OVERLAP, BACK = timedelta(minutes=10), timedelta(days=3)
MOST_NEWS = 1000
SHOWN = 20
SEARCHED = 400  # customers that a preview looks at
DONE = {"draft": "话术", "task": "任务", "mass": "群发", "recall": "召回"}


def tick(ctx: Ctx) -> Iterator[Action]:
    """What happened of late starts plans; once an hour also what was logged for an earlier day."""
    switched = rows.switches(ctx.db)
    kinds = enrol.kinds(ctx, switched) | set(ctx.settings.referral.rewards)
    kinds |= set(group_tasks.KINDS) if ctx.settings.sop.group_task else set()
    for since in _since(ctx):
        for event in rows.news(ctx.db, sorted(kinds), since, ctx.now, MOST_NEWS):
            enrol.heard(event, switched, ctx)
            yield from referral.news(event, ctx)
            if at(event["at"]) >= ctx.now - OVERLAP:
                group_tasks.heard(event, ctx)
    enrol.walk(ctx, switched)


def _since(ctx: Ctx) -> list[datetime]:
    """From when on to look, now and, where it is time, further back."""
    found = []
    due, spot = rows.scan(ctx.db, NEWS, ctx.now)
    found.append(min(at(spot) if spot else ctx.now, ctx.now) - OVERLAP)
    if not ctx.now < due <= ctx.now + OVERLAP:  # not each minute: it costs the disk a commit
        rows.scanned(ctx.db, NEWS, ctx.now + OVERLAP / 2, ctx.now.isoformat())
    due, _ = rows.scan(ctx.db, LATE_NEWS, ctx.now + timedelta(hours=1))
    if due <= ctx.now:
        rows.scanned(ctx.db, LATE_NEWS, ctx.now + timedelta(hours=1), "")
        rows.forget(ctx.db, ctx.now - timedelta(days=30))
        found.append(ctx.now - BACK)
    return found


# SOP


def scope(member: str, ctx: Ctx) -> tuple[str, ...]:
    """The stores that somebody starts plans for."""
    manager, advisor = ctx.team.manager(member), ctx.team.advisor(member)
    if manager:
        return manager.stores
    return (advisor.store,) if advisor else ()


def listing(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Send(msg.sender, "\n".join(lines(msg.sender, ctx)))


def lines(member: str, ctx: Ctx) -> list[str]:
    switched, counted = rows.switches(ctx.db), counts(member, ctx)
    out = ["SOP 计划（一位客户同时只走一个，优先级高的先）："]
    for plan in enrol.plans(ctx):
        on = [s for s in scope(member, ctx) if enrol.is_on(plan, s, switched)]
        state = "▶ 开着" if on else "⏸ 停着"
        mine = counted.get(plan.name, {})
        told = "、".join(f"{name}{n}" for name, n in mine.items() if n)
        out.append(f"{state} {plan.name}（优先级{plan.priority}，{len(plan.steps)}步）"
                   f"{told or '还没有人走'}")  # fmt: skip
    for problem in sop.wrong(ctx.settings.sop.plans):
        out.append(f"⚠️ {problem}")
    who = "" if ctx.team.manager(member) else "（由经理来）"
    out.append(f"开启 名字｜停止 名字{who}｜预览 名字：谁会在什么时候收到什么｜退出SOP 王女士")
    return out


def counts(member: str, ctx: Ctx) -> dict[str, dict[str, int]]:
    manager = ctx.team.manager(member)
    found = rows.counts(ctx.db, stores=manager.stores) if manager else \
        rows.counts(ctx.db, owner=member)  # fmt: skip
    out: dict[str, dict[str, int]] = {}
    for row in found:
        out.setdefault(row["plan"], {})[row["state"]] = row["n"]
    return out


def switch(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """开启 试驾后5天; None for words that name no plan."""
    plan = enrol.plan_of(match["name"].strip(), ctx)
    if plan is None:
        return _unknown(match["name"], msg.sender, ctx) if "SOP" in match.group(0) else None
    state = enrol.ON if match["verb"] in ("开启", "打开", "启动") else enrol.OFF
    return _switch(plan, state, msg.sender, ctx)


def _unknown(name: str, member: str, ctx: Ctx) -> Iterator[Action]:
    known = "、".join(plan.name for plan in enrol.plans(ctx))
    yield Send(member, f"没有叫“{name}”的计划。有：{known}")


def _switch(plan: Plan, state: str, member: str, ctx: Ctx) -> Iterator[Action]:
    if ctx.team.manager(member) is None:
        yield Send(member, f"“{plan.name}”由门店经理开启和停止。想看看：预览 {plan.name}")
        return
    n = turn(plan, state, member, ctx)
    names = "、".join(ctx.team.store(s).name for s in scope(member, ctx)[:5])
    if state == enrol.ON:
        since = "从现在起，" if plan.walks else "最近三天和以后"
        yield Send(member, f"已开启“{plan.name}”（{names}）：{since}{starts(plan)}的客户会走这"
                           f"{len(plan.steps)}步，话术先给顾问，点了才发。预览 {plan.name} 看名单；"
                           f"停止 {plan.name} 就停。")  # fmt: skip
    else:
        yield Send(member, f"已停止“{plan.name}”（{names}），正在走的{n}位都退出了。")


def turn(plan: Plan, state: str, member: str, ctx: Ctx) -> int:
    """Switch a plan for the stores of a member; returns how many left it by that."""
    stores = scope(member, ctx)
    for store in stores:
        rows.switch(ctx.db, plan.name, store, state, member, ctx.now)
    if state == enrol.ON:
        return 0
    running = rows.running(ctx.db, plan.name, stores)
    for run in running:
        enrol.leave(run, rows.LEFT, f"{ctx.team.name(member)}停了计划", ctx)
    return len(running)


def starts(plan: Plan) -> str:
    value = plan.trigger.value
    return {
        "event": f"记了“{value}”", "level": f"变成{value}级", "tier": f"变成{value}",
        "joined": f"进了{value}群", "silent": f"{value}天没说话", "tag": f"有“{value}”标签",
        "date": f"{value}那天符合条件",
    }[plan.trigger.kind]  # fmt: skip


def leave(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """退出SOP 王女士."""
    found, was = rows.open_of(ctx.db, customer.id), undo.before(customer, ctx)
    for run in sorted(found, key=lambda run: run.state == rows.RUNNING):  # those that wait first
        enrol.leave(run, rows.LEFT, f"{ctx.team.name(member)}退出", ctx)
    names = "、".join(f"“{run.plan}”" for run in found)
    if found:
        undo.remember(ctx, member, f"{customer.name}退出{names}", was, more=reversals.left(found))
    said = f"{customer.name}已退出{names}。" if found else f"{customer.name}现在不在任何计划里。"
    yield Send(member, said)


# 预览


@dataclass(frozen=True, slots=True)
class Preview:
    """One line: who would get what when, or why not."""

    customer: Customer
    step: int
    what: str
    when: datetime
    why_not: str = ""


def preview(plan: Plan, member: str, ctx: Ctx) -> list[Preview]:
    """Of whoever is on it, and of whoever it would begin for; the soonest first, at most twenty."""
    found: list[Preview] = []
    seen: set[str] = set()
    for run in rows.running(ctx.db, plan.name, scope(member, ctx), SEARCHED):
        customer = customers.get(ctx.db, run.customer)
        if customer and _sees(customer, member, ctx):
            seen.add(customer.id)
            found += _ahead(plan, run, customer, ctx)
    for customer, base in _would(plan, member, ctx):
        if customer.id not in seen and not rows.open_of(ctx.db, customer.id):
            seen.add(customer.id)
            run = Run("", customer.id, plan.name, "", rows.RUNNING, plan.priority, 0, base, ctx.now)
            found += _ahead(plan, run, customer, ctx)
    return sorted(found, key=lambda p: (p.when, p.customer.name, p.step))[:SHOWN]


def _sees(customer: Customer, member: str, ctx: Ctx) -> bool:
    manager = ctx.team.manager(member)
    if manager:
        return manager.names is not False and customer.store in manager.stores
    return customer.owner == member


def _ahead(plan: Plan, run: Run, customer: Customer, ctx: Ctx) -> Iterator[Preview]:
    """The steps that are still to come."""
    for n in range(run.step, len(plan.steps)):
        when = enrol.due(plan, n, run, ctx)
        if run.id and n == run.step and run.due_at:
            when = run.due_at
        if when < ctx.now - enrol.LATE:
            continue
        step = plan.steps[n]
        first = ledger.ask(customer, ctx) if when <= ctx.now else ""
        why_not = run.why if run.state == rows.WAITING else first.removeprefix("⚠️ ")
        yield Preview(customer, n + 1, f"{DONE[step.do]}：{step.say}", when, short(why_not, 40))


def _would(plan: Plan, member: str, ctx: Ctx) -> Iterator[tuple[Customer, datetime]]:
    """Customers for whom it would begin today, and from when it would count."""
    if plan.walks:
        found = _people(member, ctx)
        pairs = [(c, ctx.now) for c in found if enrol.meets(plan, c, ctx)]
    else:
        since = ctx.now - min(plan.lasts + enrol.LATE, BACK)
        news = rows.news(ctx.db, [enrol.listens(plan)], since, ctx.now, SEARCHED,
                         stores=scope(member, ctx))  # fmt: skip
        pairs = [(c, at(e["at"])) for e in news if enrol.fits(plan, e["kind"], e["evidence"], ctx)
                 and (c := customers.get(ctx.db, e["customer"]))]  # fmt: skip
    for customer, base in pairs:
        if _sees(customer, member, ctx) and not enrol.unfit(plan, customer, ctx):
            yield customer, base


def _people(member: str, ctx: Ctx) -> list[Customer]:
    manager = ctx.team.manager(member)
    if manager:
        return customers.of_stores(ctx.db, manager.stores, SEARCHED)
    return customers.of_owner(ctx.db, member)[:SEARCHED]


def preview_command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    plan = enrol.plan_of(match["name"].strip(), ctx)
    if plan is None:
        return _unknown(match["name"], msg.sender, ctx)
    return _previewed(plan, msg.sender, ctx)


def _previewed(plan: Plan, member: str, ctx: Ctx) -> Iterator[Action]:
    found = preview(plan, member, ctx)
    on = any(enrol.is_on(plan, s, rows.switches(ctx.db)) for s in scope(member, ctx))
    head = f"“{plan.name}”{'开着' if on else '停着，开启之后是这样'}（{starts(plan)}开始）："
    lines_ = [f"{exactly(p.when.astimezone(ctx.zone))} {p.customer.name} 第{p.step}步 {p.what}"
              f"{f'（{p.why_not}）' if p.why_not else ''}" for p in found]  # fmt: skip
    ends = {"reply": "客户说话", "optout": "退订"}
    leaves = "、".join(ends.get(e, e.replace("stage:", "")) for e in plan.exits)
    tail = f"每一步都先给顾问看，点了才发；{leaves}就退出。"
    yield Send(member, "\n".join([head, *(lines_ or ["现在没有人会收到。"]), tail]))
