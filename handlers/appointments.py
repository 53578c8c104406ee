"""Appointments: made, confirmed, moved, called off, kept or missed; each change is an event."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from handlers import stages
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.words import clock, exactly, short
from nlp import mask
from storage import appointments as rows
from storage import customers, events, leads
from storage.appointments import Appointment
from storage.customers import Customer

BRINGS = ("到店", "试驾", "试乘", "报价", "下订", "交付")  # what cannot be done from afar, mostly
EARLY = timedelta(hours=3)  # who comes so much before the time has come


def book(
    customer: Customer, at: datetime, kind: str, words: str, member: str, ctx: Ctx
) -> tuple[Appointment, Kept]:
    """Take an appointment down; one that is still ahead gives way to it."""
    event = stages.log(ctx, customer, "预约", at, words, member)
    was = [one for one in rows.open_of(ctx.db, customer.id) if one.at > ctx.now]
    for old in was:
        events.undo(ctx.db, old.event, ctx.now)
        rows.put(ctx.db, replace(old, state="改期", reason=f"改到{exactly(_local(at, ctx))}",
                                 step="", knock_at=None))  # fmt: skip
    step, knock = first(at, ctx)
    made = Appointment(
        id=ctx.new_id(), customer=customer.id, advisor=customer.owner or member,
        inviter=_inviter(customer, member, ctx), kind=kind, at=at, model=customer.model,
        made_at=ctx.now, by_whom=member, event=event, step=step, knock_at=knock,
    )  # fmt: skip
    rows.put(ctx.db, made)
    return made, Kept(events=(event,), was=tuple(was), made=(made.id,))


def _inviter(customer: Customer, member: str, ctx: Ctx) -> str:
    """Whoever brought the lead, or made the appointment for a colleague."""
    known = next((one.inviter for one in leads.of(ctx.db, customer.id) if one.inviter), "")
    return known or (member if member != customer.owner else "")


def first(at: datetime, ctx: Ctx) -> tuple[str, datetime]:
    """What is to be done first for an appointment at that time, and when.

    Agreed on the evening before or later, it needs no confirmation any more.
    """
    before = eve(at, ctx)
    return ("confirm", before) if ctx.now < before else after_confirm(at, ctx)


def eve(at: datetime, ctx: Ctx) -> datetime:
    """When it is confirmed with the customer."""
    day = _local(at, ctx).date() - timedelta(days=1)
    return ctx.on(day, ctx.settings.followups.confirm_before)


def after_confirm(at: datetime, ctx: Ctx) -> tuple[str, datetime]:
    brief = at - timedelta(minutes=ctx.settings.journey.brief_minutes)
    return ("brief", brief) if ctx.now < brief else ("ask", ask_at(at, ctx))


def ask_at(at: datetime, ctx: Ctx) -> datetime:
    return at + timedelta(minutes=ctx.settings.journey.ask_minutes)


def reason_at(at: datetime, ctx: Ctx) -> datetime:
    """The evening of that day, or an hour after it was asked whether they came."""
    evening = ctx.on(_local(at, ctx).date(), ctx.settings.journey.reason_at)
    return max(evening, ask_at(at, ctx) + timedelta(hours=1))


def _local(at: datetime, ctx: Ctx) -> datetime:
    return at.astimezone(ctx.zone)


# What became of it


def confirmed(found: Appointment, member: str, ctx: Ctx, words: str = "") -> Kept:
    customer = _customer(found, ctx)
    event = stages.log(ctx, customer, "确认预约", ctx.now, words or said(found, ctx), member)
    step, knock = after_confirm(found.at, ctx)
    rows.put(ctx.db, replace(found, state="已确认", step=step, knock_at=knock))
    return Kept(events=(event,), was=(found,))


def cancelled(found: Appointment, member: str, ctx: Ctx, words: str = "") -> Kept:
    customer = _customer(found, ctx)
    event = stages.log(ctx, customer, "取消预约", ctx.now, words or said(found, ctx), member)
    events.undo(ctx.db, found.event, ctx.now)
    why = mask.phones(words)
    rows.put(ctx.db, replace(found, state="取消", reason=why, step="", knock_at=None))
    return Kept(events=(event,), was=(found,))


def kept(customer: Customer, kinds: Iterable[str], at: datetime, ctx: Ctx) -> Kept:
    """Something happened for which one has to be there: then whoever was expected has come."""
    if not set(kinds) & set(BRINGS[:3]) and "交付" not in kinds:
        return Kept()
    came = [one for one in rows.open_of(ctx.db, customer.id) if _meant(one, at, ctx)]
    for one in came:
        rows.put(ctx.db, replace(one, state="已到", step="", knock_at=None))
    return Kept(was=tuple(came))


def _meant(found: Appointment, at: datetime, ctx: Ctx) -> bool:
    """An appointment of that day, or one whose time has passed without a word."""
    same_day = _local(found.at, ctx).date() == _local(at, ctx).date()
    return same_day or found.at - EARLY <= at


def missed(customer: Customer, why: str, ctx: Ctx, when: datetime | None = None) -> Kept:
    """They did not come, on the day that was named; without a reason it is asked in the evening."""
    found = expected(customer, ctx)
    if when:
        day = _local(when, ctx).date()
        open_ones = rows.open_of(ctx.db, customer.id)
        found = next((one for one in open_ones if _local(one.at, ctx).date() == day), None)
    if found is None or found.at - EARLY > ctx.now:  # nobody has missed what is still to come
        return Kept()
    evening = reason_at(found.at, ctx)
    asks = not why and evening > ctx.now
    rows.put(ctx.db, replace(found, state="未到", reason=why, step="reason" if asks else "",
                             knock_at=evening if asks else None))  # fmt: skip
    return Kept(was=(found,))


def expected(customer: Customer, ctx: Ctx) -> Appointment | None:
    """The appointment that is spoken of: the latest that is due, else the next one."""
    found = rows.open_of(ctx.db, customer.id)
    past = [one for one in found if one.at - EARLY <= ctx.now]
    return past[-1] if past else next(iter(found), None)


def explain(customer: str, why: str, ctx: Ctx) -> None:
    """The reason, once it is told."""
    for one in rows.of(ctx.db, customer):
        if one.state == "未到":
            rows.put(ctx.db, replace(one, reason=why, step="", knock_at=None))
            return


def _customer(found: Appointment, ctx: Ctx) -> Customer:
    return customers.get(ctx.db, found.customer) or Customer(found.customer, "客户")


# Words


def said(found: Appointment, ctx: Ctx) -> str:
    """周六(3月7日)下午3点试驾S6"""
    return f"{exactly(_local(found.at, ctx))}{found.kind}{found.model}"


def line(found: Appointment, customer: Customer, ctx: Ctx) -> str:
    """One line of the list of a day."""
    overdue = found.open and ask_at(found.at, ctx) <= ctx.now
    state = "还没记到没到" if overdue else found.state
    why = f"：{short(found.reason, 16)}" if found.reason else ""
    what = f"{found.kind}{found.model}"
    return (f"{clock(_local(found.at, ctx))} {customer.name}｜{what}｜{customer.level}级｜"
            f"{state}{why}")  # fmt: skip
