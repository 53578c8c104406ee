"""Read what a customer said: tags with their evidence, tier and level, the next follow-up."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import (
    bursts,
    cadence,
    followups,
    privacy,
    referral,
    resolved,
    retract,
    rhythm,
    tiers,
    winback,
)
from handlers.context import Ctx
from handlers.values import Action, Send
from handlers.words import POLARITY, short
from nlp import mask
from nlp.alarms import CODES, SUSPICION
from nlp.labels import CONCERNS
from nlp.reading import Intent, Reading
from storage import customers, events, rules, scripts
from storage import followups as owed
from storage.customers import Customer

# Mood passes, budgets last a season, family and place stay (domain guide 4.1, rule 9).
KEEP_DAYS = {"concern": 90, "intent": 14, "signal": 90, "budget": 60, "price": 60, "phone": 3650,
             "down_payment": 60, "monthly": 60, "datetime": 30}  # fmt: skip
DEFAULT_KEEP = 365
REPLY_WITHIN = timedelta(hours=48)  # words later than that answer no script


@dataclass(frozen=True, slots=True)
class Noted:
    """A customer after a message, with what was read and how tier and level moved."""

    customer: Customer
    was: Customer
    reading: Reading
    heard: frozenset[str] = frozenset()  # intents that an earlier piece was acted on for

    def fresh(self, code: str) -> Intent | None:
        """An intent that nothing was done about yet."""
        return None if code in self.heard else self.reading.intent(code)


def note(
    customer: Customer, text: str, ctx: Ctx, *, source: str, member: str, msg_id: str = "",
    said_at: datetime | None = None, piece: bool = False,
) -> Noted:  # fmt: skip
    """Log, tag, judge again and plan the next contact; the same message noted twice counts once.

    A `piece` is read together with what the customer said within the window before it.
    """
    msg_id, said_at = msg_id or ctx.new_id(), said_at or ctx.now
    breath = bursts.gather(customer, text, said_at, msg_id, source, member, ctx, piece=piece)
    reading = replace(ctx, now=said_at).read(breath.text)  # 明天 is the day after it was said
    customers.said(
        ctx.db, msg_id=msg_id, customer_id=customer.id, who="customer",
        member=member, text=mask.phones(text), now=said_at, source=source,
    )  # fmt: skip
    scripts.replied(ctx.db, customer.id, ctx.now, ctx.now - REPLY_WITHIN)
    rhythm.replied(customer.id, ctx, said_at)
    rules.hit(ctx.db, [r for r in reading.rules if r not in breath.counted], ctx.now)
    before = bursts.take_back(customer, breath, ctx)
    keys = [(kind, code) for kind, code, _ in _understood(reading)]
    bursts.keep(before, breath, reading, keys, source, member, ctx)
    tag(customer.id, reading, ctx, source, msg_id)
    spoken = _spoke(before, ctx, source)
    after = tiers.rejudge(spoken, ctx)
    followups.plan_cadence(after, ctx)
    cadence.spoke(after, ctx)
    return Noted(after, before, reading, breath.heard)


def tag(customer_id: str, reading: Reading, ctx: Ctx, source: str, message: str) -> None:
    """Write everything understood as tags, with the message and the rule that each comes from."""
    for kind, code, more in _understood(reading):
        if kind == "concern":
            more["state"] = resolved.heard(customer_id, code, more["polarity"], more["evidence"],
                                           source, ctx)  # fmt: skip
        days = max(KEEP_DAYS.get(kind, DEFAULT_KEEP), ctx.tags.keep(kind, code))
        customers.tag(ctx.db, customer_id, kind=kind, code=code, now=ctx.now, source=source,
                      keep_days=days, message=message, **more)  # fmt: skip


def _understood(reading: Reading) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, code and the rest of a row; somebody else's wishes weigh less."""
    weight = 0.6 if reading.about else 1.0
    for c in reading.concerns:
        yield "concern", c.code, {"polarity": c.polarity, "evidence": c.evidence, "rule": c.rule,
                                  "confidence": c.confidence * weight}  # fmt: skip
    for i in reading.intents:
        if not i.negated:
            yield "intent", i.code, {"evidence": i.evidence, "rule": i.rule,
                                     "confidence": i.strength * weight}  # fmt: skip
    for s in reading.signals:
        yield "signal", s.level, {"value": s.name, "evidence": s.evidence, "rule": s.name}
    for slot in reading.slots:
        code = _code(slot.value)
        yield slot.kind, code, {"value": code, "evidence": mask.phones(slot.text)}
    if reading.about:
        yield "about", reading.about, {"evidence": reading.about}


def _code(value: Any) -> str:
    """A slot's value as one line: the series of a model, a range of money, a masked phone."""
    if not isinstance(value, dict):
        return str(mask.phones(str(value)))
    if "series" in value:
        return str(value["series"] or value["brand"])
    if "low" in value:
        low, high, unit = value["low"], value["high"], "%" * (value.get("unit") == "%")
        return (_amount(low) if low == high else f"{_amount(low)}-{_amount(high)}") + unit
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
    customer = noted.customer
    yield from winback.heard(customer, ctx)
    if hit := noted.fresh("referral"):
        yield from referral.heard(customer, hit.evidence, ctx)
    if suspected := _suspicion(noted):
        yield Send(customer.owner, _doubt(customer, suspected))
        return
    if hit := noted.fresh("complaint"):
        yield from complaint(customer, hit.evidence, ctx)
    if hit := noted.fresh("cancel_order"):
        # 退订 of an order is not 退订 of messages, so a person asks before anything is done
        yield Send(
            customer.owner,
            f"⚠️ {customer.name}提到“{hit.evidence}”。是要退订单，还是不想再收消息？请先问清，"
            f"再回复 记录 {customer.name} 退单 或 记录 {customer.name} 退订",
        )
    elif hit := noted.fresh("opt_out"):
        yield from _opt_out(customer, hit.evidence, ctx)


def _suspicion(noted: Noted) -> Intent | None:
    """An alarm that no rule heard, only the likeness to what others have said."""
    found = (noted.fresh(code) for code in CODES)
    return next((i for i in found if i and i.rule.startswith(SUSPICION)), None)


def _doubt(customer: Customer, hit: Intent) -> str:
    """Ask before anything is done; the words that weighed most stand beside."""
    meant, kind = {"opt_out": ("不想再被打扰", "退订")}.get(hit.code, ("在投诉", "投诉"))
    heavy = hit.rule.removeprefix(SUSPICION).lstrip(": ").replace(" ", "”“")
    told = f"（像的是“{heavy}”）" if heavy else ""
    return (f"⚠️ {customer.name}说“{short(mask.phones(hit.evidence), 40)}”，可能{meant}{told}。"
            f"是的话回复 记录 {customer.name} {kind}；不是就不用理会。")  # fmt: skip


def complaint(customer: Customer, evidence: str, ctx: Ctx) -> Iterator[Action]:
    """Logged, and told to whoever must act on it."""
    event = ctx.new_id()
    events.add(ctx.db, event_id=event, customer=customer.id, kind="投诉", when=ctx.now,
               source="message", evidence=mask.phones(evidence))  # fmt: skip
    owner = ctx.team.name(customer.owner)
    line = f"🔴 客户投诉：{customer.name}（顾问{owner}）说“{mask.phones(evidence)}”。"
    yield Send(customer.owner, line + "请先致歉并在30分钟内电话联系，7天内不要给TA发营销内容。")
    yield from retract.complained(customer, ctx)
    for manager in ctx.team.managers_of(customer.store):
        yield Send(manager.userid, line + "顾问已收到提醒。")


def _opt_out(customer: Customer, evidence: str, ctx: Ctx) -> Iterator[Action]:
    refuse(customer, evidence, ctx)
    text = (f"{customer.name}不想再被打扰（“{evidence}”）。已停止对TA的全部提醒、活动和唤醒，"
            "只保留订单服务消息。建议回一句：好的，不再打扰您，需要时随时找我。")  # fmt: skip
    yield Send(customer.owner, text)
    yield from retract.opted_out(customer, ctx)


def refuse(customer: Customer, evidence: str, ctx: Ctx) -> str:
    """Opt out: at once, for everything but service of an order. Returns the event's id."""
    if customer.opted_out_at is None:
        customers.change(ctx.db, customer.id, opted_out_at=ctx.now)
    event_id = ctx.new_id()
    events.add(ctx.db, event_id=event_id, customer=customer.id, kind="退订",
               when=ctx.now, source="message", evidence=evidence)  # fmt: skip
    privacy.note(customer, privacy.MARKETING, False, evidence, "message", "", ctx)
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
