"""Who works here no longer: their customers are nobody's until a manager says whose they are.

Giving them out is `sharing`; what was given out by mistake comes back here, and is asked again.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from handlers import handover
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.settings import Manager
from handlers.tiers import ORDER
from handlers.values import Action, Send
from storage import appointments, customers, events, leads, timers
from storage import followups as owed
from storage.dialogs import Dialog
from storage.leads import Lead

TIMER = "leavers"
DO = "leaver"
WAY = "shared"  # of a step that can be taken back
ALL = "*"  # shared out among everybody
OFFERED = 3  # colleagues on the card
NAMED = 8  # customers that one sentence names
TOLD = 3  # reasons that one sentence gives


def tick(ctx: Ctx) -> Iterator[Action]:
    """Once a day, until somebody has decided."""
    at = ctx.settings.followups.escalate_at
    if not timers.runs(ctx.db, TIMER):
        today = ctx.on(ctx.today, at)
        timers.ensure(ctx.db, TIMER, today if ctx.now <= today else ctx.tomorrow(at))
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        if timers.advance(ctx.db, name, was, ctx.tomorrow(at), ctx.now) and _of_use(was, ctx):
            for owner in customers.owners(ctx.db):
                if ctx.team.advisor(owner) is None:
                    yield from _ask(owner, ctx)


def _of_use(was: datetime, ctx: Ctx) -> bool:
    """What was missed is asked late, but not at night."""
    return ctx.local.time() < ctx.settings.followups.shift_to


def _ask(owner: str, ctx: Ctx) -> Iterator[Action]:
    for store, levels in sorted(customers.levels_of(ctx.db, owner).items()):
        for manager in ctx.team.managers_of(store):
            yield from _offer(manager, owner, store, levels, ctx)


def _offer(
    manager: Manager, owner: str, store: str, levels: dict[str, int], ctx: Ctx
) -> Iterator[Action]:
    team = ctx.team.advisors_of((store,))
    standing = "、".join(f"{level}级{levels[level]}" for level in ORDER if level in levels)
    told = f"名下{sum(levels.values())}位客户（{standing}）现在没有人跟进，提醒也停着。"
    if not team:
        yield Send(
            manager.userid, f"{owner} 已不在顾问名单里，{told}店里没有别的顾问，请先在配置里加人。"
        )
        return
    options = [("平均分给大家", ALL)] if len(team) > 1 else []
    options += [(f"都给{a.name}", a.userid) for a in team[:OFFERED]]
    yield ask(manager.userid, Choice(DO, f"{owner} 的客户交给谁？", told, tuple(options),
                                     {"owner": owner, "store": store}), ctx)  # fmt: skip


# Taking it back

Given = Mapping[str, Any]


def stays(step: Dialog, ctx: Ctx) -> dict[str, str]:
    """Who is not taken from their new advisor any more, and why."""
    whys = ((one["customer"], _why(one, step.at, ctx)) for one in step.body["gave"])
    return {customer: why for customer, why in whys if why}


def _why(one: Given, since: datetime, ctx: Ctx) -> str:
    customer = customers.get(ctx.db, one["customer"])
    if customer is None or customer.deleted_at or customer.opted_out_at:
        return "客户已退订，或已经不是好友"
    return handover.begun(customer, one["to"], since, ctx)


def refusal(step: Dialog, ctx: Ctx) -> str:
    """Why not one of them comes back; "" when somebody does."""
    whys = stays(step, ctx)
    return "；".join(dict.fromkeys(whys.values())) if len(whys) == len(step.body["gave"]) else ""


def put_back(step: Dialog, ctx: Ctx) -> str:
    """Each who was not begun with; what became of the rest, in words."""
    whys, body = stays(step, ctx), step.body
    for one in body["gave"]:
        if one["customer"] not in whys:
            _returned(one, body["owner"], ctx)
    reasons = list(dict.fromkeys(whys.values()))
    said = "；".join(reasons[:TOLD]) + ("…" if len(reasons) > TOLD else "")
    back = len(body["gave"]) - len(whys)
    stay = f"另外{len(whys)}位不动：{said}。" if whys else ""
    return f"{back}位回到{ctx.team.name(body['owner'])}名下，提醒和预约一起回来了。{stay}"


def _returned(one: Given, owner: str, ctx: Ctx) -> None:
    customer = one["customer"]
    for made in one["made"]:
        owed.close(ctx.db, made, ctx.now, "撤销")
    customers.change(ctx.db, customer, owner=owner)
    owed.hand_over(ctx.db, customer, owner)
    appointments.hand_over(ctx.db, customer, owner)
    for row in one["leads"]:
        leads.put(ctx.db, Lead.from_row(dict(row)))
    if one["moved"]:
        events.undo(ctx.db, one["moved"], ctx.now)


def told(step: Dialog, ctx: Ctx) -> Iterator[Action]:
    """Those who had been told to look after them; then whose they are is asked again."""
    by, owner = ctx.team.name(step.member), step.body["owner"]
    for to in dict.fromkeys(one["to"] for one in step.body["gave"]):
        if names := _came_back(step, to, ctx):
            yield Send(to, f"{by}撤销了分配：{some(names)}，这{len(names)}位您不用联系了。")
    if ctx.team.advisor(owner) is None:
        yield from _ask(owner, ctx)


def _came_back(step: Dialog, to: str, ctx: Ctx) -> list[str]:
    mine = (one["customer"] for one in step.body["gave"] if one["to"] == to)
    found = (customers.get(ctx.db, key) for key in mine)
    return [c.name for c in found if c and c.owner == step.body["owner"]]


def some(names: list[str]) -> str:
    return "、".join(names[:NAMED]) + ("…" if len(names) > NAMED else "")
