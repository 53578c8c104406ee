"""The moments of a customer's last days, as the live rules find them, for a dry run of the cadence.

Most are events of the journey. Some are brought by something else: the eve and the hour of an
appointment, two and five weeks in a group, a lead that pays, two cycles of silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from handlers import appointments
from handlers.cadence import stale_days
from handlers.cadence_table import moment_of
from handlers.context import Ctx
from storage import appointments as booked
from storage import customers, events, groups, leads
from storage.appointments import Appointment
from storage.customers import Customer
from storage.db import at as moment

MOST = 200  # events of a customer within the days
BROUGHT = ("线索", "开口", "预约")  # events that are not what the rows of that name wait for
OVER = ("改期", "取消")
MORNING = timedelta(minutes=30)  # before the lists, the calendar is looked at


@dataclass(frozen=True, slots=True)
class Moment:
    """`kind` is of the only row that is meant, where several share a name."""

    name: str
    at: datetime
    kind: str = ""


def of(customer: Customer, since: datetime, ctx: Ctx) -> Iterator[Moment]:
    """All of them since then, whatever they bring."""
    found = events.of(ctx.db, customer.id, limit=MOST)
    yield from (
        Moment(moment_of(e.kind, e.evidence), e.at)
        for e in found
        if e.at >= since and e.kind not in BROUGHT
    )
    brought = (*_leads(customer, ctx), *_groups(customer, ctx), *_silent(customer, since, ctx),
               *_appointments(customer, ctx))  # fmt: skip
    yield from (one for one in brought if since <= one.at <= ctx.now)


def _leads(customer: Customer, ctx: Ctx) -> Iterator[Moment]:
    """Of a source that pays, when it was taken, or when they were added."""
    pays = ctx.settings.followups.high_value_sources
    if customer.source in pays:
        yield from (Moment("线索", e.at) for e in events.of(ctx.db, customer.id, "加微"))
    for lead in leads.of(ctx.db, customer.id):
        if lead.kind in pays and lead.accepted_at:
            yield Moment("线索", lead.accepted_at)


def _groups(customer: Customer, ctx: Ctx) -> Iterator[Moment]:
    """On the morning of the day, while they are in it; who moved on is no fan."""
    s = ctx.settings.followups
    became = events.last(ctx.db, customer.id, "粉丝培育")
    for row in groups.of_member(ctx.db, customer.id):
        day = moment(row["joined_at"]).astimezone(ctx.zone).date()
        yield Moment("入群14天", ctx.on(day + timedelta(days=s.decide_days), s.morning) - MORNING)
        fan = ctx.on(day + timedelta(days=s.fan_days), s.morning) - MORNING
        before = customer.track == "fan" and (became is None or became.at < fan - MORNING)
        if customer.tier != "high" and not before:
            yield Moment("入群5周", fan)


def _silent(customer: Customer, since: datetime, ctx: Ctx) -> Iterator[Moment]:
    """Two cycles after each word that no other followed in time."""
    pause = timedelta(days=stale_days(customer, ctx))
    words = customers.spoke_times(ctx.db, customer.id, since - pause - timedelta(days=1))
    for said, after in zip_longest(words, words[1:]):
        day = said.astimezone(ctx.zone).date() + pause
        due = ctx.on(day, ctx.settings.followups.morning)
        if after is None or after > due:
            yield Moment("开口", due)


# Appointments


def _appointments(customer: Customer, ctx: Ctx) -> Iterator[Moment]:
    found = booked.of(ctx.db, customer.id, limit=50)
    for one in found:
        name = "预约试驾" if one.kind == "试驾" else "预约"
        given_up = _given_up(one, found, ctx)
        eve = appointments.eve(one.at, ctx)
        if one.made_at < eve < given_up and not _confirmed(one, eve, ctx):
            yield Moment(name, eve, "confirm")
        asked = appointments.ask_at(one.at, ctx)
        if asked < given_up and not _came(one, asked, ctx):
            yield Moment(name, asked, "after")


def _given_up(one: Appointment, among: list[Appointment], ctx: Ctx) -> datetime:
    """When it was called off or moved; the end of time for one that stood."""
    never = datetime.max.replace(tzinfo=ctx.zone) - timedelta(days=1)
    if one.state not in OVER:
        return never
    later = [other.made_at for other in among if other.made_at > one.made_at]
    off = [e.at for e in events.of(ctx.db, one.customer, "取消预约") if e.at >= one.made_at]
    return min([*later, *off], default=one.made_at)


def _confirmed(one: Appointment, eve: datetime, ctx: Ctx) -> bool:
    found = events.of(ctx.db, one.customer, "确认预约")
    return any(one.made_at <= e.at < eve for e in found)


def _came(one: Appointment, asked: datetime, ctx: Ctx) -> bool:
    """Somebody had said so before it would have been asked."""
    found = events.of(ctx.db, one.customer, *appointments.BRINGS, "未到店")
    return any(one.at - appointments.EARLY <= e.at < asked for e in found)
