"""The customer card: one screen, made for a glance."""

from collections.abc import Iterator
from datetime import datetime

from handlers import (
    checklist,
    digest_more,
    enrol,
    followups,
    lost,
    merge,
    playbook,
    pools,
    referral,
    relations,
    scores,
    sides,
    tags,
    whys,
)
from handlers.context import Ctx
from handlers.values import Action, Button, Card
from handlers.words import CONCERN_STATES, POLARITY, TIERS, ago, ranged, short, when
from nlp.labels import CONCERNS
from storage import appointments, customers, dialogs
from storage import followups as owed
from storage.customers import Customer, Tag

SLOTS = {"budget": "预算", "price": "金额", "down_payment": "首付", "monthly": "月供",
         "model": "车型", "rival": "竞品", "city": "城市", "payment": "付款", "color": "颜色",
         "usage": "用途", "purchase_kind": "购车", "people": "人数", "about": "替谁问"}  # fmt: skip


def lines(customer: Customer, ctx: Ctx) -> list[str]:
    """Everything known, a line each; what is unknown is left out."""
    found = customers.tags(ctx.db, customer.id, ctx.now)
    out = [f"{customer.name}｜{TIERS[customer.tier]}·{customer.level}级｜{customer.stage}"]
    out.append(f"意向：{customer.tier_reason or '尚未判断'}；{customer.level_reason or '尚未判断'}")
    out += _concerns([t for t in found if t.kind == "concern"])
    out += tags.line(customer, ctx)
    known = [f"{SLOTS[t.kind]} {ranged(t.value)}" for t in found if t.kind in SLOTS and t.value]
    if known:
        out.append("资料：" + "、".join(dict.fromkeys(known)))
    out.append(f"最近：客户说话{ago(customer.spoke_at, ctx.now)}，"
               f"联系{ago(customer.contacted_at, ctx.now)}")  # fmt: skip
    out += _dates(customer, ctx)
    out += digest_more.noted(customer.id, ctx)
    out += sides.line(customer, ctx)
    out += lost.line(customer, ctx)
    out += pools.line(customer, ctx)
    out += referral.line(customer, ctx)
    out += enrol.line(customer, ctx)
    out += scores.line(customer, ctx)
    out += playbook.line(customer, ctx)
    out += checklist.line(customer, ctx)
    if others := relations.others(customer, ctx):
        out.append("另有顾问：" + "、".join(others))
    out += merge.lines(customer, ctx)
    if customer.deleted_at:
        out.append("⚠️ 已不是好友：不要再联系")
    if customer.opted_out_at:
        out.append("⚠️ 已退订：只可发订单服务消息")
    if customer.archive_refused_at:
        out.append("未同意存档：聊天内容未读取")
    return out


def _concerns(found: list[Tag]) -> list[str]:
    """Unresolved ones first; each with the customer's words."""
    open_first = sorted(found, key=lambda t: t.state not in ("", "stuck"))
    return [_concern(tag) for tag in open_first[:5]]


def _concern(tag: Tag) -> str:
    state = f"{POLARITY[tag.polarity]}，{CONCERN_STATES[tag.state]}"
    return f"关注：{CONCERNS.get(tag.code, tag.code)}（{state}）“{short(tag.evidence, 16)}”"


def _dates(customer: Customer, ctx: Ctx) -> Iterator[str]:
    if appointment := appointments.ahead(ctx.db, customer.id, ctx.now):
        what = f"{appointment.kind}{appointment.model}（{appointment.state}）"
        yield f"预约：{_said(appointment.at, ctx)} {what}"
    following = owed.open_of(ctx.db, customer.id)
    if following:
        why_owed = followups.reason(following[0], customer, ctx)
        yield f"下次跟进：{_said(following[0].due_at, ctx)}（{why_owed}）"


def _said(at: datetime, ctx: Ctx) -> str:
    return when(at.astimezone(ctx.zone), ctx.local)


def show(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """The card in the chat; it also becomes the customer whose words a bare paste is."""
    dialog = ctx.new_id()
    focus(customer, member, ctx)
    body = {"customer": customer.id, "followup": ""}
    dialogs.begin(ctx.db, dialog_id=dialog, member=member, kind="item", body=body, now=ctx.now)
    head, *rest = lines(customer, ctx)
    playbook.shown(customer, ctx)
    stuck = followups.unresolved(customer, ctx)
    yield Card(
        to=member, task_id=dialog, title=head, text="\n".join(rest),
        desc="未解决：" + "、".join(stuck) if stuck else "没有未解决的顾虑",
        buttons=(Button("给话术", "other", 1), Button("已联系", "done"), Button("明早", "tomorrow"),
                 Button("为什么", "why"), Button("标签不对", "wrong"), Button("改级别", "level")),
    )  # fmt: skip


def focus(customer: Customer, member: str, ctx: Ctx) -> None:
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="focus",
                  body={"customer": customer.id}, now=ctx.now)  # fmt: skip


def why(customer: Customer, ctx: Ctx) -> str:
    """Tier and level with their rules, their last changes and the evidence of each."""
    return whys.told(customer, ctx)
