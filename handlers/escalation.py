"""What nobody did: overdue to the advisor, then to the manager, then offered to somebody else."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta

from handlers import cadence, followups, handover, names, reversals, shifts, undo
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.settings import Advisor, Manager
from handlers.tiers import ORDER
from handlers.values import Action, Inbound, Send
from handlers.words import short
from storage import customers, leads, rules, timers
from storage import followups as owed
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.followups import FollowUp

TIMER = "escalation"
SHOWN = 10  # lines of one message
OFFERS = 3  # cards to a manager a day
ROUTINE = ("cycle.low", "cycle.low_new", "cycle.fan", "cycle.silent")
KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Late:
    """One customer whom nobody contacted, by the oldest of what is owed to them."""

    followup: FollowUp
    customer: Customer
    days: int
    routine: bool  # of the low frequency: counted, not listed


def tick(ctx: Ctx) -> Iterator[Action]:
    """Once a day, one message for each manager."""
    at = ctx.settings.followups.escalate_at
    if not timers.runs(ctx.db, TIMER):
        first = ctx.on(ctx.today, at)
        timers.ensure(ctx.db, TIMER, first if ctx.now <= first else ctx.tomorrow(at))
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        if timers.advance(ctx.db, name, was, ctx.tomorrow(at), ctx.now):
            yield from _tell(ctx)


def _tell(ctx: Ctx) -> Iterator[Action]:
    late = _late(ctx)
    for manager in ctx.settings.managers:
        mine = [one for one in late if one.customer.store in manager.stores
                and manager.names is not False]  # fmt: skip
        if mine:
            yield from _copy(manager, mine, ctx)
    risky = [one for one in late if _high_risk(one, ctx)]
    rules.hit(ctx.db, [f"escalation.{kind}" for kind, found in
                       (("copied", late), ("risk", risky)) if found], ctx.now)  # fmt: skip


def _late(ctx: Ctx) -> list[Late]:
    """Whoever is overdue for so many days, the gravest first; one line a customer."""
    days = ctx.settings.followups.escalate_days[1]
    since = ctx.on(ctx.today - timedelta(days=days - 1), time())
    found: dict[str, Late] = {}
    for followup, _ in owed.neglected(ctx.db, since):
        customer = customers.get(ctx.db, followup.customer)
        if customer and customer.id not in found and not cadence.overtaken(followup, customer, ctx):
            late = followups.overdue(followup, customer, ctx)
            routine = followups.rule(followup, customer, ctx) in ROUTINE
            found[customer.id] = Late(followup, customer, late, routine)
    return sorted(found.values(), key=lambda one: (-one.days, ORDER.index(one.customer.level)))


def _high_risk(one: Late, ctx: Ctx) -> bool:
    return one.days >= ctx.settings.followups.escalate_days[2] and not one.routine


def _copy(manager: Manager, late: Sequence[Late], ctx: Ctx) -> Iterator[Action]:
    shown = [one for one in late if not one.routine]
    routine = len(late) - len(shown)
    days = ctx.settings.followups.escalate_days[1]
    lines = [f"⚠️ {len(late)}位客户到期{days}天以上没有人联系："]
    lines += [f"{n}. {_line(one, ctx)}" for n, one in enumerate(shown[:SHOWN], 1)]
    if len(shown) > SHOWN:
        lines.append(f"另有{len(shown) - SHOWN}位。")
    if routine:
        lines.append(f"其中{routine}位是低频联系，顾问有空再联系即可。")
    lines.append("要换人跟进，回复 转给 顾问姓名 客户姓名。")
    yield Send(manager.userid, "\n".join(lines))
    for one in late:
        owed.copied(ctx.db, one.followup.id, ctx.now)
    yield from _offers(manager, shown, ctx)


def _line(one: Late, ctx: Ctx) -> str:
    risk = "｜高风险" if _high_risk(one, ctx) else ""
    reason = short(followups.reason(one.followup, one.customer, ctx), 30)
    owner = ctx.team.name(one.customer.owner)
    return (f"{one.customer.name} {one.customer.level}级｜顾问{owner}｜逾期{one.days}天{risk}"
            f"｜{reason}")  # fmt: skip


def _offers(manager: Manager, late: Sequence[Late], ctx: Ctx) -> Iterator[Action]:
    """转给 A, 转给 B or 保持, for the gravest; who was kept is asked about a week later again."""
    again = timedelta(days=ctx.settings.followups.escalate_days[2])
    risky = [one for one in late if _high_risk(one, ctx)]
    asked = ((one, one.followup.risk_at) for one in risky)
    fresh = [one for one, at in asked if at is None or ctx.now - at >= again]
    for one in fresh[:OFFERS]:
        if others := _others(one.customer, ctx):
            owed.at_risk(ctx.db, one.followup.id, ctx.now)
            yield ask(manager.userid, _offer(one, others, ctx), ctx)


def _offer(one: Late, others: Sequence[Advisor], ctx: Ctx) -> Choice:
    customer, owner = one.customer, ctx.team.name(one.customer.owner)
    options = (*((f"转给{a.name}", a.userid) for a in others), ("保持", KEEP))
    text = (f"高风险：逾期{one.days}天，提醒过{one.followup.overdue + 1}次，"
            f"顾问{owner}没有联系。转出后提醒和预约一起带走。")  # fmt: skip
    about = {"customer": customer.id, "owner": customer.owner, "followup": one.followup.id}
    return Choice("reassign", f"{customer.name}要不要换人跟进？", text, options, about)


def _others(customer: Customer, ctx: Ctx) -> list[Advisor]:
    """Two colleagues of the store who work today, those with the least to do."""
    team = [a for a in ctx.team.advisors_of((customer.store,)) if a.userid != customer.owner]
    here = [a for a in team if shifts.works(a, ctx.today, ctx)]
    return sorted(here, key=lambda a: (owed.load(ctx.db, a.userid), a.userid))[:2]


def chosen(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
    elif value == KEEP:
        owner = ctx.team.name(customer.owner)
        yield Send(dialog.member, f"好，{customer.name}仍由{owner}跟进，过一周还没联系再问您。")
    elif customer.owner != dialog.body["owner"]:
        owner = ctx.team.name(customer.owner)
        yield Send(dialog.member, f"{customer.name} 已经转给{owner}了。")
    elif to := ctx.team.advisor(value):
        yield from reassign(customer, to, dialog.member, ctx)


def reassign(customer: Customer, to: Advisor, by: str, ctx: Ctx) -> Iterator[Action]:
    """Move the customer, and tell all three."""
    was = ctx.team.name(customer.owner)
    if ctx.team.advisor(customer.owner):
        yield Send(customer.owner, f"{customer.name} 由{ctx.team.name(by)}转给{to.name}跟进，"
                                   "提醒和预约一起转过去了。")  # fmt: skip
    before, were = undo.before(customer, ctx), leads.of(ctx.db, customer.id)
    now = handover.move(customer, to, ctx, by)
    undo.remember(ctx, by, f"{customer.name}转给{to.name}", before,
                  more=reversals.handed(customer, to.userid, ctx, were))  # fmt: skip
    first = next(iter(owed.open_of(ctx.db, now.id)), None)
    why = f"最先要做的：{followups.reason(first, now, ctx)}。" if first else ""
    yield Send(to.userid, f"{now.name} 现在由你跟进（之前是{was}）。{why}"
                          f"回复 客户 {now.name} 看全部。")  # fmt: skip
    yield Send(by, f"已把{now.name}从{was}转给{to.name}，两位都通知了。企业微信里的好友还在"
                   f"{was}那里，请在管理后台办“在职继承”。"
                   f"转错了一小时内回复 撤销")  # fmt: skip


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """转给 李娜 王女士, for managers."""
    return move(match["to"], match["name"], msg.sender, ctx)


def move(whom: str, name: str, member: str, ctx: Ctx) -> Iterator[Action]:
    manager = ctx.team.in_charge(member)
    if manager is None:
        yield Send(member, "换人跟进由门店经理来转，请经理回复 转给 顾问姓名 客户姓名。")
        return
    team = ctx.team.advisors_of(manager.stores)
    to = next((a for a in team if whom in (a.name, a.userid)), None)
    found = names.look(name, member, ctx)
    customer = found.one
    if to is None:
        known = "、".join(a.name for a in team)
        yield Send(member, f"店里没有顾问“{whom}”。可以转给：{known}")
    elif customer is None:
        known = "；".join(names.describe(c, ctx) for c in found.candidates[:5])
        yield Send(member, f"是哪一位？{known or '店里没有这个姓名的客户'}。请发完整称呼。")
    elif customer.owner == to.userid:
        yield Send(member, f"{customer.name} 本来就由{to.name}跟进。")
    else:
        yield from reassign(customer, to, member, ctx)
