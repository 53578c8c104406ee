"""What the calendar brings rather than an event: two weeks in a group, five weeks in a group."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from handlers import cadence
from handlers.context import Ctx
from handlers.values import Action
from storage import customers, events, groups, timers
from storage.customers import Customer

TIMER = "sweep"
DAY = timedelta(days=1)
LONGEST = timedelta(days=14)  # of an outage; who joined in a still longer one is left


def tick(ctx: Ctx) -> Iterator[Action]:
    """Before the morning lists, so that what it finds stands on them."""
    morning = datetime.combine(ctx.today, ctx.settings.followups.morning)
    at = (morning - timedelta(minutes=30)).time()
    if not timers.runs(ctx.db, TIMER):
        timers.ensure(ctx.db, TIMER, ctx.tomorrow(at))
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        if timers.advance(ctx.db, name, was, ctx.tomorrow(at), ctx.now):
            since = max(was.astimezone(ctx.zone).date(), ctx.today - LONGEST)
            _newcomers(since, ctx)
            _stayed(since, ctx)
    return
    yield


def _joined(since: date, days: int, ctx: Ctx) -> list[Customer]:
    """Customers whose so-manieth day in a group came since then, today included."""
    back = timedelta(days=days)
    first, last = (ctx.on(day - back, time()) for day in (since, ctx.today + DAY))
    found = groups.joined(ctx.db, first, last)
    return [c for member in found if (c := customers.get(ctx.db, member))]


def _newcomers(since: date, ctx: Ctx) -> None:
    for customer in _joined(since, ctx.settings.followups.decide_days, ctx):
        cadence.happened(customer, "入群14天", ctx)


def _stayed(since: date, ctx: Ctx) -> None:
    """Not moved on in five weeks: cared for as a fan, and pursued no longer."""
    for customer in _joined(since, ctx.settings.followups.fan_days, ctx):
        if customer.tier == "high" or customer.track == "fan" or not cadence.owable(customer, ctx):
            continue
        customers.change(ctx.db, customer.id, track="fan")
        events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind="粉丝培育",
                   when=ctx.now, source="system", evidence="入群满5周没有往前走")  # fmt: skip
        fan = customers.get(ctx.db, customer.id) or customer
        cadence.plan(fan, ctx)
        cadence.happened(fan, "入群5周", ctx)
