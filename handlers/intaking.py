"""What a member says of leads: 自然到店 刘先生 看S6, 线索 垂媒 王先生, 我的线索, 转顾问."""

import re
from collections.abc import Iterator
from dataclasses import replace

from handlers import handover, journey, leads, names, reversals, undo
from handlers.context import Ctx
from handlers.logged import Note
from handlers.origins import INTRODUCED, KINDS, origin, phones
from handlers.settings import Advisor
from handlers.values import Action, Inbound, Send
from handlers.words import ago, short
from storage import customers
from storage import leads as rows
from storage.customers import Customer
from storage.leads import Lead

SHOWN = 10
# 刘先生, or two or three characters that stand alone: 自然到店客户多吗 is no name
NAME = rf"[\u4e00-\u9fff·]{{1,4}}?(?:{'|'.join(names.TITLES)})|[\u4e00-\u9fff]{{2,3}}(?=[\s，,])"
INTRODUCED_BY = rf"^(?:新)?线索\s*+[:：]?\s*+转介绍\s+(?P<name>{NAME})(?:[\s，,]+(?P<text>.*))?$"
CAME_IN = (
    r"^(?:展厅|店里|门店)?(?:刚|刚刚)?(?:来了|进来)(?:一)?[个位]"
    rf"(?P<name>{NAME})(?:[\s，,]*(?P<text>.*))?$"
)
NO_CONTACT = (
    rf"^(?P<name>{NAME})(?:刚|已经)?(?:到店|来店|进店)了?[\s，,]*"
    r"(?P<text>(?:还)?没(?:有)?加微信?.*)$"
)
WALK_IN = "例如：自然到店 刘先生 看S6 13800138000"
ONLINE = "例如：线索 垂媒 王先生 13800138000 看S6"


def walk_in(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Somebody stands in the showroom: a customer before any 加微."""
    name, words = match["name"].strip(), (match["text"] or "").strip()
    phone = next(iter(phones(words)), "")
    same = names.find(name, names.visible(msg.sender, ctx)).exact
    if same and not phone:
        yield Send(msg.sender, f"你名下已有{names.describe(same[0], ctx)}。是TA就说：{name}到店；"
                               f"不是就带上电话再发一次，{WALK_IN}")  # fmt: skip
        return
    advisor = ctx.team.advisor(msg.sender)
    mine = advisor is not None and not advisor.invites
    arrived = leads.arrive(
        ctx, name=name, source="自然到店", via="到店", phone=phone, model=_model(words, ctx),
        store=_store(msg.sender, ctx), advisor=msg.sender if mine else "", words=words,
        inviter="" if mine else msg.sender,
    )  # fmt: skip
    if arrived.known:
        yield Send(msg.sender, f"电话已有：{names.describe(arrived.customer, ctx)}，记到TA名下。")
    note = Note("到店", None, False, f"自然到店 {words}".strip())
    yield from journey.record(arrived.customer, note, msg.sender, ctx)
    yield from arrived.actions


def online(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """线索 垂媒 汽车之家 王先生 138… 看S6 朝阳店, in whatever order."""
    words = match["text"].strip()
    phone = next(iter(phones(words)), "")
    parts = [p for p in re.split(r"[\s，,]+", words) if p and not phones(p)]
    shop = next((s.id for s in ctx.settings.stores if s.name in parts or s.id in parts), "")
    kind = next((p for p in parts if p in KINDS), "")
    channel = next((p for p in parts if p not in KINDS and origin(p, "", ctx)[0]), "")
    name = next((p for p in parts if p.endswith(names.TITLES) and len(p) <= 5), "")
    if not name or not (kind or channel):
        lacking = "称呼" if not name else f"来源（{'、'.join(KINDS)}）"
        yield Send(msg.sender, f"线索里没看到{lacking}。{ONLINE}")
        return
    arrived = leads.arrive(
        ctx, name=name, source=kind or channel, channel=channel, via="口头", phone=phone,
        model=_model(words, ctx), store=shop or _store(msg.sender, ctx), words=words,
        inviter=msg.sender if ctx.team.advisor(msg.sender) else "",
    )  # fmt: skip
    yield Send(msg.sender, _booked(arrived, ctx))
    yield from arrived.actions


def introduced(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """线索 转介绍 赵先生 138…: whoever was told of the friend keeps them, before any 加微."""
    name, words = match["name"], (match["text"] or "").strip()
    phone = next(iter(phones(words)), "")
    if names.look(name, msg.sender, ctx).exact and not phone:
        yield Send(msg.sender, f"你名下已有“{name}”。不是同一位就带上电话再发一次：线索 转介绍 "
                               f"{name} 13800138000")  # fmt: skip
        return
    mine = ctx.team.advisor(msg.sender) is not None
    arrived = leads.arrive(
        ctx, name=name, source=INTRODUCED, via="口头", phone=phone, model=_model(words, ctx),
        store=_store(msg.sender, ctx), advisor=msg.sender if mine else "", words=words,
    )  # fmt: skip
    who = arrived.customer.name
    fresh = mine and not arrived.known
    head = f"已记录线索：{who}，转介绍来的。" if fresh else _booked(arrived, ctx)
    yield Send(msg.sender, f"{head}\n谁介绍的也记一句，例如：{who}是王女士介绍的")
    yield from arrived.actions


def _booked(arrived: leads.Arrived, ctx: Ctx) -> str:
    who, lead = arrived.customer.name, arrived.lead
    if arrived.known:
        owner = ctx.team.name(lead.advisor)
        return f"电话已有：{names.describe(arrived.customer, ctx)}，由{owner}跟进，已提醒TA。"
    if lead.advisor:
        return f"已记录线索：{who}，分给{lead.why}。TA接了就归TA，你仍看得到。"
    return f"已记录线索：{who}，现在没有人在班，开门后就分。"


def _model(words: str, ctx: Ctx) -> str:
    slot = ctx.read(words).slot("model")
    return str(slot.value.get("series") or "") if slot else ""


def _store(member: str, ctx: Ctx) -> str:
    """Of the advisor; a manager of several stores leaves the choice to their weights."""
    if advisor := ctx.team.advisor(member):
        return advisor.store
    manager = ctx.team.manager(member)
    return manager.stores[0] if manager and len(manager.stores) == 1 else ""


def listing(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """我的线索: offered and not answered; of a manager's stores for a manager."""
    manager = ctx.team.manager(msg.sender)
    team = [a.userid for a in ctx.team.advisors_of(manager.stores)] if manager else [msg.sender]
    found = rows.open_of(ctx.db, team)
    if not found:
        yield Send(msg.sender, f"没有等着接的线索。有新来的就说一声，{ONLINE}")
        return
    lines = [f"等着接的线索{len(found)}条："]
    lines += [_line(n, lead, ctx) for n, lead in enumerate(found[:SHOWN], 1)]
    yield Send(msg.sender, "\n".join(lines))


def _line(n: int, lead: Lead, ctx: Ctx) -> str:
    customer = customers.get(ctx.db, lead.customer)
    name = customer.name if customer else "客户"
    return (f"{n}. {name}｜{lead.kind}{lead.channel}｜{ago(lead.arrived_at, ctx.now)}到｜"
            f"{short(lead.why, 30)}")  # fmt: skip


# 转顾问 王女士 给 李娜


def hand_over(customer: Customer, to_name: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """Whoever invited them hands them to an advisor, and still sees them."""
    to = _colleague(to_name, customer, ctx)
    if to is None:
        team = "、".join(a.name for a in ctx.team.advisors_of((customer.store,)))
        yield Send(member, f"店里没有顾问“{to_name}”。可以转给：{team}")
        return
    if to.userid == customer.owner:
        yield Send(member, f"{customer.name} 本来就由{to.name}跟进。")
        return
    before, were = undo.before(customer, ctx), rows.of(ctx.db, customer.id)
    now = handover.move(customer, to, ctx, member)
    lead = next(iter(rows.of(ctx.db, now.id)), None) or Lead(
        ctx.new_id(), now.id, now.source if now.source in KINDS else "", "", "转交", ctx.now,
        store=to.store, advisor=to.userid, state="已接", accepted_at=ctx.now,
    )  # fmt: skip
    inviter = lead.inviter or (member if ctx.team.advisor(member) else customer.owner)
    rows.put(ctx.db, replace(lead, inviter=inviter, advisor=to.userid, store=to.store))
    undo.remember(ctx, member, f"{now.name}转给{to.name}", before,
                  more=reversals.handed(customer, to.userid, ctx, were))  # fmt: skip
    brought = f"邀约人{ctx.team.name(inviter)}。回复 客户 {now.name} 看全部。"
    yield Send(to.userid, f"{now.name} 由{ctx.team.name(member)}转给你跟进，{brought}")
    still = "你是邀约人，仍看得到这位客户。" if inviter == member else ""
    yield Send(member, f"好，{now.name}转给{to.name}了，TA已收到通知。{still}"
                       "转错了一小时内回复 撤销")  # fmt: skip


def _colleague(name: str, customer: Customer, ctx: Ctx) -> Advisor | None:
    team = ctx.team.advisors_of((customer.store,)) or list(ctx.settings.advisors)
    return next((a for a in team if name in (a.name, a.userid)), None)
