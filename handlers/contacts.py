"""Customer contact: somebody became a contact, or stopped being one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from handlers import (
    cadence,
    cards,
    customer_groups,
    leads,
    reconcile,
    relations,
    tiers,
    writeback,
)
from handlers.context import Ctx
from handlers.followups import values
from handlers.relations import UNNAMED
from handlers.router import Router, Test, on
from handlers.settings import Advisor
from handlers.shifts import on_shift
from handlers.values import Action, Inbound, LookUp, Send, Welcome
from scriptbank.fill import fill
from scriptbank.script import Query
from storage import customers, events, touches
from storage import followups as owed
from storage import relations as rows
from storage.customers import Customer
from storage.relations import Relation

TRANSFERRED = "DELETE_BY_TRANSFER"
UNKNOWN = (84061, 40096)  # nobody of the company has them as a contact
FAILED = {"customer_refused": "客户拒绝了", "customer_limit_exceed": "你的客户数已到上限"}


def added(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A contact was made: greeted once, however often and in whatever order it is told."""
    advisor = ctx.team.advisor(str(msg.fields["UserID"]))
    external = str(msg.fields["ExternalUserID"])
    if advisor is None:
        return  # an employee who is not on the list keeps contacts to themselves
    was = rows.get(ctx.db, external, advisor.userid)
    if was and was.live and was.met_at:
        yield from _again(was, msg, ctx)
        return
    if was and was.ended_at and msg.sent_at < was.ended_at:
        yield LookUp(external)  # overtaken by the farewell
        return
    _meet(external, advisor, was, msg, ctx)
    known = customers.get(ctx.db, external)
    if known is None:
        yield from _new(external, advisor, msg, ctx)
    elif known.owner != advisor.userid:
        yield from _second(known, advisor, ctx)
    elif known.deleted_at:
        relations.settle(external, ctx)
        yield Send(advisor.userid, f"{known.name} 又加回了你。")
    elif was or known.source == "kf":
        yield from _greet(known, msg, ctx)
    yield LookUp(external)  # the event carries no name


def _meet(external: str, advisor: Advisor, was: Relation | None, msg: Inbound, ctx: Ctx) -> None:
    state = str(msg.fields.get("State") or "")
    if was and was.live:
        now = replace(was, state=was.state or state, met_at=ctx.now)
    else:
        now = Relation(external, advisor.userid, msg.sent_at, state=state, met_at=ctx.now)
    rows.put(ctx.db, now)


def _new(external: str, advisor: Advisor, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A row, an event, a first touch for the advisor."""
    source = str(msg.fields.get("State") or "")
    fresh = Customer(id=external, name=f"{UNNAMED}{external[-4:]}", store=advisor.store,
                     owner=advisor.userid, source=source, added_at=ctx.now,
                     level_at=ctx.now)  # fmt: skip
    customers.add(ctx.db, fresh)
    _event(ctx, external, "加微", source)
    leads.came(fresh, source, "渠道码", ctx)
    stored = customers.get(ctx.db, external) or fresh  # an old refusal outlives what was erased
    yield from _greet(tiers.rejudge(stored, ctx), msg, ctx)


def _greet(customer: Customer, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The one message that may be sent by itself, and the advisor's turn after it."""
    if customer.stage == "线索":
        customers.change(ctx.db, customer.id, stage="加微")
        _event(ctx, customer.id, "加微", customer.source)
    if customer.opted_out_at is None:
        due = _first_touch_at(customer.owner, ctx)
        owed.plan(ctx.db, followup_id=ctx.new_id(), customer=customer.id,
                  advisor=customer.owner, kind="first_touch", due=due,
                  reason="新加好友，还没联系", now=ctx.now, rule="friend.first")  # fmt: skip
        cadence.lead(customer, ctx)
    cards.focus(customer, customer.owner, ctx)
    greeting = _greeting(customer, ctx)
    greeted = list(_welcome(customer, greeting, msg, ctx))
    yield from greeted
    yield from _tell(customer, greeting, bool(greeted), ctx)


def _again(was: Relation, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Half-added and added are one beginning; the code may come with either of them."""
    customer = customers.get(ctx.db, was.customer)
    if customer is None or customer.owner != was.advisor:
        return
    if not touches.count(ctx.db, customer.id, "welcome", was.met_at or ctx.now):
        yield from _welcome(customer, _greeting(customer, ctx), msg, ctx)


def _second(known: Customer, advisor: Advisor, ctx: Ctx) -> Iterator[Action]:
    """Shown to both sides and never merged in silence; one whose advisor is gone moves over."""
    if "owner" in relations.settle(known.id, ctx):
        yield from _moved(known, advisor.userid, ctx)
        return
    owner = ctx.team.name(known.owner)
    yield Send(advisor.userid, f"{known.name} 已由{owner}在跟进，请先和{owner}确认归属。")


def _moved(was: Customer, to: str, ctx: Ctx) -> Iterator[Action]:
    if ctx.team.advisor(was.owner):
        yield Send(was.owner, f"{was.name} 已转给{ctx.team.name(to)}跟进。")
    yield Send(to, f"{was.name} 现在由你跟进（之前是{ctx.team.name(was.owner)}）。")


def _tell(customer: Customer, greeting: str, greeted: bool, ctx: Ctx) -> Iterator[Action]:
    """The advisor: who came, whether they were greeted, otherwise with which words to do so."""
    came = f"（来源 {customer.source}）" if customer.source else ""
    if greeted:
        yield Send(customer.owner, f"新客户{came}刚加了你，欢迎语已自动发出：{greeting}")
        return
    minutes = ctx.settings.followups.first_touch_minutes
    yield Send(customer.owner, f"新客户{came}刚加了你，请在{minutes}分钟内打个招呼。")
    if greeting:
        yield Send(customer.owner, greeting)


def _welcome(customer: Customer, text: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Greet at once, unless they once asked to be left alone; no code means it may not be done."""
    code = str(msg.fields.get("WelcomeCode") or "")
    if not (ctx.settings.welcome.on and code and text) or customer.opted_out_at:
        return
    touches.note(ctx.db, touch_id=ctx.new_id(), person=customer.id, channel="welcome",
                 kind="welcome", by="system", now=ctx.now)  # fmt: skip
    yield Welcome(customer.id, code, text)


def _greeting(customer: Customer, ctx: Ctx) -> str:
    """The text for the channel, or the library's greeting if nothing in it has to be asked for."""
    s = ctx.settings.welcome
    if text := s.by_state.get(customer.source) or s.text:
        return text
    query = Query(text="加好友欢迎语", day=ctx.today, stage="加好友欢迎", store=customer.store)
    for found in ctx.bank.suggest(query, 5).items:
        filled = fill(found.script, values(customer, ctx))
        if found.script.stage == "加好友欢迎" and not filled.missing:
            return filled.text
    return ""


def detail(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What the platform knows of a contact now, whatever event it was asked for."""
    code = msg.fields.get("errcode") or 0
    if code and code not in UNKNOWN:
        return
    was = customers.get(ctx.db, msg.sender)
    follow = msg.fields.get("follow_user") or []
    told = [found for info in follow if (found := relations.read(info, ctx))]
    after = str(msg.fields.get("next_cursor") or "")
    if not (after or msg.fields.get("cursor")):  # more than one page: the reconcile tells who left
        _end_others(msg.sender, {one.advisor for one in told}, ctx)
    relations.take(msg.sender, msg.fields.get("external_contact") or {}, told, ctx)
    if was:
        relations.settle(msg.sender, ctx)
        yield from _news(was, msg.fields, ctx)
    if after:
        yield LookUp(msg.sender, after)


def _end_others(customer_id: str, staying: set[str], ctx: Ctx) -> None:
    for relation in rows.of(ctx.db, customer_id):
        if relation.live and relation.advisor not in staying:
            relations.end(customer_id, relation.advisor, "platform", ctx.now, ctx)


def _news(was: Customer, fields: Mapping[str, Any], ctx: Ctx) -> Iterator[Action]:
    now = customers.get(ctx.db, was.id) or was
    if now.owner != was.owner:
        yield from _moved(now if was.name.startswith(UNNAMED) else was, now.owner, ctx)
    relation = rows.get(ctx.db, now.id, now.owner)
    met = relation is not None and relation.met_at is not None
    if met and was.name.startswith(UNNAMED) and now.name != was.name:
        yield Send(now.owner, f"刚加你的是 {now.name}。")
    if met:
        yield from leads.met(now, fields, ctx)


def changed(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Remark, tags or company were edited in the client; the event does not say what."""
    if ctx.team.advisor(str(msg.fields.get("UserID", ""))):
        yield LookUp(str(msg.fields["ExternalUserID"]))


def not_taken_over(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A transfer failed: whoever was to take over must not wait for it."""
    userid = str(msg.fields.get("UserID", ""))
    customer = customers.get(ctx.db, str(msg.fields["ExternalUserID"]))
    advisor = ctx.team.advisor(userid)
    if customer is None or advisor is None:
        return
    why = FAILED.get(str(msg.fields.get("FailReason", "")), "平台没有说原因")
    owner = ctx.team.name(customer.owner)
    yield Send(advisor.userid, f"{customer.name} 没有转给你：{why}。仍由{owner}跟进。")
    yield LookUp(customer.id)


def _first_touch_at(userid: str, ctx: Ctx) -> datetime:
    """Within minutes on shift, at the opening otherwise."""
    advisor = ctx.team.advisor(userid)
    s = ctx.settings.followups
    if advisor and on_shift(advisor, ctx):
        return ctx.now + timedelta(minutes=s.first_touch_minutes)
    opening = ctx.on(ctx.today, s.shift_from)
    return opening if ctx.now < opening else ctx.tomorrow(s.shift_from)


def removed(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Either side deleted the other: a state, never a reason to write again."""
    external, userid = str(msg.fields["ExternalUserID"]), str(msg.fields["UserID"])
    customer = customers.get(ctx.db, external)
    if customer and customer.owner.lower() == userid.lower():
        userid = customer.owner  # who has left the list, too
    userid = ctx.team.userid(userid)
    was = rows.get(ctx.db, external, userid)
    if customer is None or (was is None and customer.owner != userid):
        return
    if was is None or (was.live and msg.sent_at >= was.since):
        yield from _farewell(customer, userid, msg, ctx)
    yield LookUp(external)  # they may be together again by now


def _farewell(customer: Customer, userid: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    by_customer = msg.fields.get("ChangeType") == "del_follow_user"
    by = "customer" if by_customer else "advisor"
    relations.end(customer.id, userid, by, msg.sent_at, ctx)
    alone = not any(r.live for r in rows.of(ctx.db, customer.id))
    if alone and msg.fields.get("Source") == TRANSFERRED:
        return  # somebody will take over; what is owed to the customer goes with them
    settled = relations.settle(customer.id, ctx)
    if "owner" in settled:
        now = customers.get(ctx.db, customer.id) or customer
        yield from _moved(customer, now.owner, ctx)
    elif by_customer and "gone" in settled:
        yield Send(
            customer.owner, f"{customer.name} 把你删除了。已停止对TA的提醒，请不要再次添加。"
        )


def told(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The answer to a question of ours: of a reconcile, or after an event."""
    answer, asked = msg.fields["answer"], msg.fields["body"]
    if msg.fields["run"]:
        yield from reconcile.took(msg, ctx)
    elif msg.fields["call"] == "chat":
        customer_groups.told(answer, asked, ctx)
    elif msg.fields["call"] == "tags" and not answer.get("errcode"):
        writeback.told(answer, asked, ctx)


def _event(ctx: Ctx, customer: str, kind: str, evidence: str) -> None:
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer, kind=kind, when=ctx.now,
               source="system", evidence=evidence)  # fmt: skip


def _is(*changes: str) -> Test:
    return lambda m: m.event == "change_external_contact" and m.fields.get("ChangeType") in changes


router = Router(
    (
        (_is("add_external_contact", "add_half_external_contact"), added),
        (on("contact", "detail"), detail),
        (_is("del_external_contact", "del_follow_user"), removed),
        (_is("edit_external_contact"), changed),
        (_is("transfer_fail"), not_taken_over),
        (lambda m: m.event == "change_external_chat", customer_groups.changed),
        (lambda m: m.event == "change_external_tag", writeback.changed),
        (on("contact", "told"), told),
    )
)
