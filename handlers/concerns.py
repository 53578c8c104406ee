"""Read what a customer said: tags with their evidence, tier and level, the next follow-up."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from handlers import followups, tiers
from handlers.context import Ctx
from handlers.values import Action, Send
from handlers.words import POLARITY, short
from nlp import mask
from nlp.labels import CONCERNS
from nlp.reading import Reading
from storage import customers, events, rules
from storage import followups as owed
from storage.customers import Customer

# Mood passes, budgets last a season, family and place stay (domain guide 4.1, rule 9).
KEEP_DAYS = {"concern": 90, "intent": 14, "signal": 90, "budget": 60, "price": 60, "phone": 3650,
             "down_payment": 60, "monthly": 60, "datetime": 30}  # fmt: skip
DEFAULT_KEEP = 365


@dataclass(frozen=True, slots=True)
class Noted:
    """A customer after a message, with what was read and how tier and level moved."""

    customer: Customer
    was: Customer
    reading: Reading


def note(
    customer: Customer, text: str, ctx: Ctx, *, source: str, member: str, msg_id: str = ""
) -> Noted:
    """Log, tag, judge again and plan the next contact; the same message noted twice counts once."""
    reading = ctx.read(text)
    customers.said(
        ctx.db, msg_id=msg_id or ctx.new_id(), customer_id=customer.id, who="customer",
        member=member, text=mask.phones(text), now=ctx.now, source=source,
    )  # fmt: skip
    rules.hit(ctx.db, reading.rules, ctx.now)
    tag(customer.id, reading, ctx, source)
    spoken = _spoke(customer, ctx, source)
    after = tiers.rejudge(spoken, ctx)
    followups.plan_cadence(after, ctx)
    return Noted(after, customer, reading)


def tag(customer_id: str, reading: Reading, ctx: Ctx, source: str) -> None:
    """Write everything understood as tags; somebody else's wishes weigh less."""
    weight = 0.6 if reading.about else 1.0
    for c in reading.concerns:
        put(ctx, customer_id, "concern", c.code, source, polarity=c.polarity,
            evidence=c.evidence, confidence=c.confidence * weight)  # fmt: skip
    for i in reading.intents:
        if not i.negated:
            put(ctx, customer_id, "intent", i.code, source, evidence=i.evidence,
                confidence=i.strength * weight)  # fmt: skip
    for s in reading.signals:
        put(ctx, customer_id, "signal", s.level, source, value=s.name, evidence=s.evidence)
    for slot in reading.slots:
        put(ctx, customer_id, slot.kind, _code(slot.value), source, value=_code(slot.value),
            evidence=mask.phones(slot.text))  # fmt: skip
    if reading.about:
        put(ctx, customer_id, "about", reading.about, source, evidence=reading.about)


def put(ctx: Ctx, customer_id: str, kind: str, code: str, source: str, **more: Any) -> None:
    days = KEEP_DAYS.get(kind, DEFAULT_KEEP)
    customers.tag(
        ctx.db, customer_id, kind=kind, code=code, now=ctx.now, source=source, keep_days=days,
        **more,
    )  # fmt: skip


def _code(value: Any) -> str:
    """A slot's value as one line: the series of a model, a range of money, a masked phone."""
    if not isinstance(value, dict):
        return str(mask.phones(str(value)))
    if "series" in value:
        return str(value["series"] or value["brand"])
    if "low" in value:
        low, high = value["low"], value["high"]
        return f"{_amount(low)}" if low == high else f"{_amount(low)}-{_amount(high)}"
    if "from" in value:
        return str(value["from"])
    return "".join(str(part) for part in value.values() if part)


def _amount(figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure / 10000:g}万" if figure >= 10000 else f"{figure:g}"


def _spoke(customer: Customer, ctx: Ctx, source: str) -> Customer:
    changed: dict[str, Any] = {"spoke_at": ctx.now}
    if customer.spoke_at is None:
        events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind="开口",
                   when=ctx.now, source=source)  # fmt: skip
        if customer.stage in ("线索", "加微"):
            changed["stage"] = "开口"
    model = next(iter(customers.tags(ctx.db, customer.id, ctx.now, "model")), None)
    if model and model.value:
        changed["model"] = model.value
    customers.change(ctx.db, customer.id, **changed)
    return replace(customer, **changed)


def alarms(noted: Noted, ctx: Ctx) -> Iterator[Action]:
    """What cannot wait: a complaint, a wish to hear no more, an order taken back."""
    reading, customer = noted.reading, noted.customer
    if hit := reading.intent("complaint"):
        yield from _complaint(customer, hit.evidence, ctx)
    if hit := reading.intent("cancel_order"):
        # 退订 of an order is not 退订 of messages, so a person asks before anything is done
        yield Send(
            customer.owner,
            f"⚠️ {customer.name}提到“{hit.evidence}”。是要退订单，还是不想再收消息？请先问清，"
            f"再回复 记录 {customer.name} 退单 或 记录 {customer.name} 退订",
        )
    elif hit := reading.intent("opt_out"):
        yield from _opt_out(customer, hit.evidence, ctx)


def _complaint(customer: Customer, evidence: str, ctx: Ctx) -> Iterator[Action]:
    event = ctx.new_id()
    events.add(ctx.db, event_id=event, customer=customer.id, kind="投诉", when=ctx.now,
               source="message", evidence=mask.phones(evidence))  # fmt: skip
    owner = ctx.team.name(customer.owner)
    line = f"🔴 客户投诉：{customer.name}（顾问{owner}）说“{mask.phones(evidence)}”。"
    yield Send(customer.owner, line + "请先致歉并在30分钟内电话联系，7天内不要给TA发营销内容。")
    for manager in ctx.team.managers_of(customer.store):
        yield Send(manager.userid, line + "顾问已收到提醒。")


def _opt_out(customer: Customer, evidence: str, ctx: Ctx) -> Iterator[Action]:
    refuse(customer, evidence, ctx)
    text = (f"{customer.name}不想再被打扰（“{evidence}”）。已停止对TA的全部提醒、活动和唤醒，"
            "只保留订单服务消息。建议回一句：好的，不再打扰您，需要时随时找我。")  # fmt: skip
    yield Send(customer.owner, text)


def refuse(customer: Customer, evidence: str, ctx: Ctx) -> str:
    """Opt out: at once, for everything but service of an order. Returns the event's id."""
    if customer.opted_out_at is None:
        customers.change(ctx.db, customer.id, opted_out_at=ctx.now)
    event_id = ctx.new_id()
    events.add(ctx.db, event_id=event_id, customer=customer.id, kind="退订",
               when=ctx.now, source="message", evidence=evidence)  # fmt: skip
    owed.drop(ctx.db, customer.id, ctx.now, "退订")
    now = customers.get(ctx.db, customer.id)
    if now:
        tiers.rejudge(now, ctx)
    return event_id


def summary(reading: Reading) -> list[str]:
    """What was understood, a line each, with the words that say so."""
    lines = []
    if reading.concerns:
        parts = [f"{CONCERNS[c.code]}（{POLARITY[c.polarity]}：“{short(c.evidence, 14)}”）"
                 for c in reading.concerns]  # fmt: skip
        lines.append("关注：" + "、".join(dict.fromkeys(parts)))
    slots = [short(mask.phones(s.text), 14) for s in reading.slots]
    if slots:
        lines.append("提到：" + "、".join(dict.fromkeys(slots)))
    if reading.about:
        lines.append(f"替别人问：{reading.about}")
    return lines
