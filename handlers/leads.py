"""Leads: where somebody comes from, who gets them and why, who accepted, who invited.

A lead goes to the store by its weight and to whoever is on shift with the least in hand. Who does
not accept in time loses it to the next; after all of them it is the manager's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import cadence, followups, shifts, stages, tiers
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.origins import origin
from handlers.origins import phones as phones_in
from handlers.settings import Advisor
from handlers.values import Action, Button, Card, Send
from handlers.words import exactly, short
from nlp import mask
from storage import customers, dialogs, rules
from storage import followups as owed
from storage import leads as rows
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.leads import Lead

ANSWERS = (("接", "take"), ("不接：在接待", "在接待客户"), ("不接：不在店", "不在店"),
           ("不接：不合适", "不合适"))  # fmt: skip
MANAGER_CHOICES = 5


@dataclass(frozen=True, slots=True)
class Arrived:
    """`known`: they were a customer already, by their telephone number; nothing was assigned."""

    customer: Customer
    lead: Lead
    known: bool
    actions: tuple[Action, ...]


def arrive(
    ctx: Ctx, *, name: str, source: str = "", channel: str = "", via: str = "导入",
    phone: str = "", model: str = "", store: str = "", city: str = "", inviter: str = "",
    advisor: str = "", words: str = "", at: datetime | None = None,
) -> Arrived:  # fmt: skip
    """Take a lead in: the customer, the lead, and who is offered it.

    `source` may be one of the five kinds or anything an operator writes. With an `advisor` it is
    theirs at once. A known telephone number makes no second customer: the owner is told.
    """
    kind, detail = origin(source, channel, ctx)
    lead = Lead(id=ctx.new_id(), customer="", kind=kind, channel=detail, via=via,
                arrived_at=at or ctx.now, words=mask.phones(words), inviter=inviter)  # fmt: skip
    known = customers.with_phone(ctx.db, phone)[:1] if phone else []
    if known:
        return _again(known[0], lead, ctx)
    shop, why = _store(store, city, ctx)
    fresh = Customer(id=f"lead-{ctx.new_id()}", name=name, store=shop, owner=advisor, model=model,
                     source=kind or source, stage="线索", phone=phone, added_at=at or ctx.now,
                     level_at=ctx.now)  # fmt: skip
    customers.add(ctx.db, fresh)
    stages.log(ctx, fresh, "线索", at or ctx.now, f"{kind}{detail}", inviter, "system")
    lead = replace(lead, customer=fresh.id, store=shop, why=why)
    customer = tiers.rejudge(customers.get(ctx.db, fresh.id) or fresh, ctx)
    given = ctx.team.advisor(advisor) if advisor else None
    acts = _take(lead, given, ctx) if given else offer(lead, ctx)
    done = tuple(acts)
    now = customers.get(ctx.db, customer.id) or customer
    return Arrived(now, rows.get(ctx.db, lead.id) or lead, False, done)


def _again(customer: Customer, lead: Lead, ctx: Ctx) -> Arrived:
    lead = replace(lead, customer=customer.id, store=customer.store, advisor=customer.owner,
                   state="已接", accepted_at=ctx.now, why="老客户，仍归原顾问")  # fmt: skip
    rows.put(ctx.db, lead)
    stages.log(ctx, customer, "线索", lead.arrived_at, f"{lead.kind}{lead.channel}（电话相同）",
               lead.inviter, "system")  # fmt: skip
    said = f"{customer.name}又从{lead.kind or '别处'}{lead.channel}来了一条线索，仍由你跟进。"
    told_ = (Send(customer.owner, said),) if ctx.team.advisor(customer.owner) else ()
    return Arrived(customer, lead, True, told_)


def came(customer: Customer, source: str, via: str, ctx: Ctx) -> None:
    """Somebody came by themselves to an advisor: by a contact way, 微信客服, a group."""
    kind, channel = origin(ctx.settings.leads.by_state.get(source, source), "", ctx)
    if source or via != "渠道码":
        lead = Lead(id=ctx.new_id(), customer=customer.id, kind=kind, channel=channel, via=via,
                    arrived_at=ctx.now, store=customer.store, advisor=customer.owner,
                    accepted_at=ctx.now, state="已接", why="客户直接加的")  # fmt: skip
        rows.put(ctx.db, lead)


# To which store, to whom


def _store(store: str, city: str, ctx: Ctx) -> tuple[str, str]:
    """The store that was named, or of the city the one furthest below its weight."""
    if store:
        return store, "客户选的门店"
    near = [s for s in ctx.settings.stores if s.tilt and (not city or s.city == city)]
    near = near or [s for s in ctx.settings.stores if s.tilt]
    if not near:
        return "", "没有可分的门店"
    since = ctx.now - timedelta(days=ctx.settings.leads.tilt_days)
    count = {s.id: rows.arrived(ctx.db, s.id, since) for s in near}
    best = min(near, key=lambda s: ((count[s.id] + 1) / s.tilt, s.id))
    return best.id, (f"{best.name}：权重{best.tilt:g}，近{ctx.settings.leads.tilt_days}天"
                     f"分到{count[best.id]}条，按权重最该分给TA")  # fmt: skip


def load(userid: str, ctx: Ctx) -> int:
    """Contacts and leads that wait for this advisor."""
    return owed.load(ctx.db, userid) + rows.waiting(ctx.db, userid)


def candidates(lead: Lead, ctx: Ctx) -> list[tuple[Advisor, int]]:
    """Who of the store may be offered it, whoever has the least in hand first."""
    asked = {who for who, _ in lead.passed}
    team = [a for a in ctx.team.advisors_of((lead.store,))
            if not a.invites and a.userid not in asked]  # fmt: skip
    found = [(a, load(a.userid, ctx)) for a in team]
    return sorted(found, key=lambda pair: (pair[1], pair[0].userid))


def offer(lead: Lead, ctx: Ctx) -> Iterator[Action]:
    """To the next advisor on shift; before the opening it waits, after all it is the manager's."""
    left = candidates(lead, ctx)
    here = [(a, n) for a, n in left if shifts.on_shift(a, ctx)]
    if here:
        yield from _offer(lead, *here[0], ctx)
    elif later := [shifts.next_shift(a, ctx) for a, _ in left]:
        rows.put(ctx.db, replace(lead, advisor="", due_at=min(later)))
        _own(lead, "", ctx)
    else:
        yield from _nobody(lead, ctx)


def _offer(lead: Lead, advisor: Advisor, held: int, ctx: Ctx) -> Iterator[Action]:
    minutes = ctx.settings.leads.accept_minutes
    due = shifts.after(advisor, ctx.now, minutes, ctx) if minutes else None
    why = f"{advisor.name}：在班，手上{held}个待联系，最少"
    now = replace(lead, advisor=advisor.userid, due_at=due, why=why)
    rows.put(ctx.db, now)
    rules.hit(ctx.db, ["lead.offered"], ctx.now)
    customer = _own(lead, advisor.userid, ctx)
    in_time = f"{minutes}分钟没接就给下一位。" if minutes else ""
    text = f"{told(now, customer)}。分给你：{why}。{in_time}"
    yield ask(advisor.userid, Choice("lead", f"新线索：{customer.name}", text, ANSWERS,
                                     {"lead": lead.id, "customer": customer.id}), ctx)  # fmt: skip


def told(lead: Lead, customer: Customer) -> str:
    """Where from, what they look at, what they said; the number in full only to who takes it."""
    where = f"{lead.kind or '来源不明'}{lead.channel and '·' + lead.channel}"
    parts = [where, f"看{customer.model}" if customer.model else "", mask.phones(customer.phone),
             f"“{short(lead.words, 30)}”" if lead.words else ""]  # fmt: skip
    return "｜".join(part for part in parts if part)


def _own(lead: Lead, userid: str, ctx: Ctx) -> Customer:
    customers.change(ctx.db, lead.customer, owner=userid)
    return customers.get(ctx.db, lead.customer) or Customer(lead.customer, "客户")


def _nobody(lead: Lead, ctx: Ctx) -> Iterator[Action]:
    """Everybody was asked: whoever manages the store decides."""
    customer = _own(lead, "", ctx)
    rows.put(ctx.db, replace(lead, state="无人接", advisor="", due_at=None))
    rules.hit(ctx.db, ["lead.nobody"], ctx.now)
    passed = "；".join(f"{ctx.team.name(who)}{why}" for who, why in lead.passed)
    team = [a for a in ctx.team.advisors_of((lead.store,)) if not a.invites]
    options = tuple((f"转给{a.name}", a.userid) for a in team[:MANAGER_CHOICES])
    text = f"{told(lead, customer)}。{passed or '店里没有可分的顾问'}。"
    for manager in ctx.team.managers_of(lead.store):
        if options:
            about = {"lead": lead.id, "customer": customer.id}
            title = f"没有人接：{customer.name}"
            yield ask(manager.userid, Choice("lead_to", title, text, options, about), ctx)
        else:
            yield Send(manager.userid, f"没有人接线索：{customer.name}，{text}")


def tick(ctx: Ctx) -> Iterator[Action]:
    """Leads whose time has come: not accepted, or waiting for the opening."""
    for lead in rows.due(ctx.db, ctx.now):
        if not rows.claim(ctx.db, lead, None):
            continue
        if lead.advisor:
            minutes = ctx.settings.leads.accept_minutes
            customer = customers.get(ctx.db, lead.customer)
            name = customer.name if customer else "这条线索"
            yield Send(lead.advisor, f"{name}{minutes}分钟没接，已给下一位。")
            lead = replace(lead, passed=(*lead.passed, (lead.advisor, f"{minutes}分钟没接")))
        yield from offer(lead, ctx)


# Answers


def chosen(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """接, or 不接 with why."""
    lead = rows.get(ctx.db, dialog.body["lead"])
    advisor = ctx.team.advisor(dialog.member)
    dialogs.close(ctx.db, dialog.id)
    if lead is None or advisor is None:
        yield Send(dialog.member, "这条线索已经不在了。")
    elif lead.state != "待接" or lead.advisor != advisor.userid:
        who = ctx.team.name(lead.advisor) if lead.advisor else "经理"
        yield Send(dialog.member, f"这条线索已经在{who}那里了。")
    elif value == "take":
        yield from _take(lead, advisor, ctx)
    else:
        refused = replace(lead, passed=(*lead.passed, (advisor.userid, f"不接：{value}")))
        yield Send(dialog.member, f"好，已记“{value}”，给下一位。")
        yield from offer(refused, ctx)


def given(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """A manager chose who gets it."""
    lead, to = rows.get(ctx.db, dialog.body["lead"]), ctx.team.advisor(value)
    if lead is None or to is None:
        yield Send(dialog.member, "这条线索已经不在了。")
        return
    dialogs.close(ctx.db, dialog.id)
    yield Send(dialog.member, f"好，已转给{to.name}。")
    yield from _take(lead, to, ctx)


def _take(lead: Lead, advisor: Advisor, ctx: Ctx) -> Iterator[Action]:
    """Theirs from now on; the number to call, and what is owed first."""
    rows.put(ctx.db, replace(lead, advisor=advisor.userid, state="已接", due_at=None,
                             store=advisor.store, accepted_at=ctx.now))  # fmt: skip
    customers.change(ctx.db, lead.customer, owner=advisor.userid, store=advisor.store)
    customer = customers.get(ctx.db, lead.customer) or Customer(lead.customer, "客户")
    stages.log(ctx, customer, "接线索", ctx.now, told(lead, customer), advisor.userid, "system")
    followups.plan_cadence(customer, ctx)
    if lead.kind in ctx.settings.followups.high_value_sources:
        cadence.happened(customer, "线索", ctx)
    phone = f"，电话{customer.phone}" if customer.phone else ""
    merge = "加上微信后备注里写同一个电话，我会提示并成一条。"
    yield Send(advisor.userid, f"{customer.name} 归你跟进{phone}。{merge}")


# Who is the same person


def met(customer: Customer, fields: Mapping[str, Any], ctx: Ctx) -> Iterator[Action]:
    """A new contact with the number or the name of a lead: proposed for merging, never silent."""
    phones = list(_phones(fields, customer))
    if phones and not customer.phone:
        customers.change(ctx.db, customer.id, phone=phones[0])
    for other in _likely(customer, phones, ctx):
        dialog = ctx.new_id()
        dialogs.begin(ctx.db, dialog_id=dialog, member=customer.owner, kind="merge",
                      body={"kept": customer.id, "gone": other.id}, now=ctx.now)  # fmt: skip
        same = "电话相同" if other.phone and other.phone in phones else "称呼相同"
        since = exactly(other.added_at.astimezone(ctx.zone)) if other.added_at else ""
        lead = f"{since}的线索{other.name}（{other.source or '来源不明'}）"
        yield Card(
            to=customer.owner, task_id=dialog, title=f"{customer.name}是这条线索吗？", desc=same,
            text=f"刚加微信的{customer.name}，和{lead}{same}。"
                 "并成一条后，来源、到店和跟进都接得上，可以拆开。",
            buttons=(Button("合并", "merge", 1), Button("不是同一个人", "keep")),
        )  # fmt: skip


def _phones(fields: Mapping[str, Any], customer: Customer) -> Iterable[str]:
    for info in fields.get("follow_user") or []:
        if str(info.get("userid", "")).lower() == customer.owner.lower():
            yield from (str(p) for p in info.get("remark_mobiles") or [])
            yield from phones_in(str(info.get("remark") or ""))


def _likely(customer: Customer, phones: list[str], ctx: Ctx) -> list[Customer]:
    same = [c for phone in phones for c in customers.with_phone(ctx.db, phone)]
    same += [c for c in customers.named(ctx.db, customer.name) if c.owner == customer.owner]
    found = {c.id: c for c in same if c.id != customer.id and c.id.startswith(("lead-", "imp-"))}
    return list(found.values())[:1]
