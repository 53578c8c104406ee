"""One ledger of touches: whoever would write to a customer asks here first.

Nothing is sent to a customer without a person's tap, so a refusal is a sentence for that person.
"""

from datetime import datetime, timedelta

from handlers.context import Ctx
from handlers.words import clock
from storage import events, touches
from storage.customers import Customer

ANSWER_HOURS = 48  # a reply to what somebody asked is no marketing


def kind(customer: Customer, ctx: Ctx) -> str:
    """answer when the customer spoke last, otherwise marketing."""
    spoke, told = customer.spoke_at, customer.contacted_at
    fresh = spoke is not None and ctx.now - spoke < timedelta(hours=ANSWER_HOURS)
    return "answer" if fresh and (told is None or spoke is None or spoke >= told) else "marketing"


def ask(customer: Customer, ctx: Ctx) -> str:
    """Why this customer should not be written to now, in words; "" when nothing speaks against."""
    if customer.opted_out_at:
        return f"⚠️ {customer.name}已退订，只能发订单服务消息。下面这条请不要用于营销。"
    if customer.deleted_at:
        return f"⚠️ 你和{customer.name}已不是好友，请不要再联系。"
    if kind(customer, ctx) == "answer":
        return ""
    return _complained(customer, ctx) or _quiet(ctx) or _capped(customer, ctx)


def _complained(customer: Customer, ctx: Ctx) -> str:
    days = ctx.settings.quiet.complaint_days
    last = events.last(ctx.db, customer.id, "投诉")
    if last is None or ctx.now - last.at >= timedelta(days=days):
        return ""
    return f"⚠️ {customer.name}{days}天内投诉过，先解决问题，不要发营销内容。"


def _quiet(ctx: Ctx) -> str:
    q = ctx.settings.quiet
    now = ctx.local.time()
    if q.customer_to <= now < q.customer_from:
        return ""
    until = ctx.on(ctx.today, q.customer_to)
    return f"⚠️ 现在是客户的安静时段，请等到{clock(_next(until, ctx).astimezone(ctx.zone))}后再发。"


def _next(until: datetime, ctx: Ctx) -> datetime:
    return until if ctx.now < until else until + timedelta(days=1)


def _capped(customer: Customer, ctx: Ctx) -> str:
    q = ctx.settings.quiet
    midnight = ctx.on(ctx.today, datetime.min.time())
    day = touches.count(ctx.db, customer.id, "marketing", midnight)
    if day >= q.customer_per_day:
        return (
            f"⚠️ 今天已主动联系过{customer.name}{day}次（上限{q.customer_per_day}），建议明天再发。"
        )
    week = touches.count(ctx.db, customer.id, "marketing", ctx.now - timedelta(days=7))
    if week >= q.customer_per_week:
        return f"⚠️ 7天内已主动联系过{customer.name}{week}次（上限{q.customer_per_week}）。"
    return ""


def ask_group(chat_id: str, name: str, ctx: Ctx) -> str:
    """The same for a customer group, where everything sent to all is marketing."""
    return _quiet(ctx) or _full(chat_id, name, ctx)


def _full(chat_id: str, name: str, ctx: Ctx) -> str:
    q = ctx.settings.quiet
    return _crowded(chat_id, name, q.customer_per_day, q.customer_per_week, ctx)


def ask_planned(chat_id: str, name: str, ctx: Ctx) -> str:
    """The same for what a group's plan says, which has caps of its own."""
    s = ctx.settings.group_sop
    return _quiet(ctx) or _crowded(chat_id, name, s.per_day, s.per_week, ctx)


def _crowded(chat_id: str, name: str, per_day: int, per_week: int, ctx: Ctx) -> str:
    midnight = ctx.on(ctx.today, datetime.min.time())
    day = touches.count(ctx.db, chat_id, "marketing", midnight)
    if day >= per_day:
        said = "" if day == 1 else f"{day}次"
        return f"⚠️ 今天已往“{name}”群发过{said}（上限{per_day}），建议明天再发。"
    week = touches.count(ctx.db, chat_id, "marketing", ctx.now - timedelta(days=7))
    if week >= per_week:
        return f"⚠️ 7天内已往“{name}”群发过{week}次（上限{per_week}）。"
    return ""


def note(customer: Customer, touch_id: str, ctx: Ctx) -> None:
    touches.note(
        ctx.db, touch_id=touch_id, person=customer.id, channel="advisor",
        kind=kind(customer, ctx), by=customer.owner, now=ctx.now,
    )  # fmt: skip
