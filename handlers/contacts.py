"""Customer contact: somebody became a contact, or stopped being one."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from handlers import cards, tiers
from handlers.context import Ctx
from handlers.followups import on_shift, values
from handlers.router import Router, Test, on
from handlers.values import Action, Inbound, LookUp, Send, Welcome
from scriptbank.fill import fill
from scriptbank.script import Query
from storage import customers, events, touches
from storage import followups as owed
from storage.customers import Customer

UNNAMED = "新客户"
TITLES = {1: "先生", 2: "女士"}


def added(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A new contact: a row, an event, a first touch for the advisor."""
    userid, external = str(msg.fields["UserID"]), str(msg.fields["ExternalUserID"])
    advisor = ctx.team.advisor(userid)
    if advisor is None:
        return  # an employee who is not on the list keeps contacts to themselves
    source = str(msg.fields.get("State", ""))
    name = f"{UNNAMED}{external[-4:]}"
    fresh = Customer(id=external, name=name, store=advisor.store, owner=advisor.userid,
                     source=source, added_at=ctx.now, level_at=ctx.now)  # fmt: skip
    if not customers.add(ctx.db, fresh):
        yield from _again(external, advisor.userid, ctx)
        return
    _event(ctx, external, "加微", source)
    customer = tiers.rejudge(fresh, ctx)
    due = _first_touch_at(advisor.userid, ctx)
    owed.plan(ctx.db, followup_id=ctx.new_id(), customer=external, advisor=advisor.userid,
              kind="first_touch", due=due, reason="新加好友，还没联系", now=ctx.now)  # fmt: skip
    cards.focus(customer, advisor.userid, ctx)
    greeting = _greeting(customer, ctx)
    greeted = list(_welcome(customer, greeting, msg, ctx))
    yield from greeted
    yield from _tell(customer, greeting, bool(greeted), ctx)
    yield LookUp(external)  # the event carries no name


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
    """What WeCom knows of a contact: the advisor's remark, otherwise the nickname."""
    customer = customers.get(ctx.db, msg.sender)
    if customer is None or not customer.name.startswith(UNNAMED):
        return  # renamed meanwhile, which counts for more
    told = msg.fields.get("external_contact") or {}
    mine = [f for f in msg.fields.get("follow_user") or []
            if str(f.get("userid", "")).lower() == customer.owner.lower()]  # fmt: skip
    name = next((str(f["remark"]) for f in mine if f.get("remark")), str(told.get("name", "")))
    if not name.strip():
        return
    title = TITLES.get(told.get("gender", 0), "")
    customers.change(ctx.db, customer.id, name=name.strip()[:40], title=title)
    yield Send(customer.owner, f"刚加你的是 {name.strip()[:40]}。")


def _again(external: str, userid: str, ctx: Ctx) -> Iterator[Action]:
    """Known already: they came back, or added a second advisor; nothing is merged silently."""
    known = customers.get(ctx.db, external)
    if known is None:
        return
    if known.owner != userid:
        owner = ctx.team.name(known.owner)
        yield Send(userid, f"{known.name} 已由{owner}在跟进，请先和{owner}确认归属。")
    elif known.deleted_at:
        customers.change(ctx.db, external, deleted_at=None)
        _event(ctx, external, "加微", "重新添加")
        yield Send(userid, f"{known.name} 又加回了你。")


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
    customer = customers.get(ctx.db, str(msg.fields["ExternalUserID"]))
    if customer is None or customer.owner.lower() != str(msg.fields["UserID"]).lower():
        return
    by_customer = msg.fields.get("ChangeType") == "del_follow_user"
    customers.change(ctx.db, customer.id, deleted_at=ctx.now)
    owed.drop(ctx.db, customer.id, ctx.now, "已删除好友")
    _event(ctx, customer.id, "删除好友", "客户删除" if by_customer else "员工删除")
    gone = customers.get(ctx.db, customer.id)
    if gone:
        tiers.rejudge(gone, ctx)
    if by_customer:
        yield Send(
            customer.owner, f"{customer.name} 把你删除了。已停止对TA的提醒，请不要再次添加。"
        )


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
    )
)
