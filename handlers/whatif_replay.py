"""The levels and tiers of past days walked through again, day by day, under any numbers.

A customer begins at the level they had then, hears of each signal, order and appointment on the day
it came, and moves as the rules say. What they do in groups is taken as it is today; a tag keeps
only when it was last said, so that a signal counts from there.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from handlers import tiers
from handlers.context import Ctx
from handlers.tiers import ORDER, Facts
from handlers.words import TIERS
from storage import events
from storage.customers import Customer
from storage.events import Event

DEALS = ("下订", "退单", "交付")
HOT = ("H", "A")


def walked(customer: Customer, days: int, ctx: Ctx) -> Counter[str]:
    """How often they rose and sank, and on how many of the days they were hot, by these rules."""
    facts = tiers.gather(customer, ctx)
    lived = events.of(ctx.db, customer.id, *DEALS, "级别", limit=500)
    found = Counter[str]()
    was = _then(customer, lived, ctx.now - timedelta(days=days))
    for then in _mornings(days, ctx):
        if customer.added_at and customer.added_at > then:
            continue
        verdict = tiers.judge(_known(facts, lived, then), was, then, ctx.settings.tiers)
        moved = ORDER.index(was.level) - ORDER.index(verdict.level)
        if moved:
            found["回放 升级次数" if moved > 0 else "回放 降级次数"] += 1
            was = replace(was, level=verdict.level, level_reason=verdict.level_reason,
                          level_at=then)  # fmt: skip
        found["回放 H·A级人日"] += was.level in HOT
        found[f"回放 {TIERS[verdict.tier]}人日"] += 1
    return +found


def _mornings(days: int, ctx: Ctx) -> Iterator[datetime]:
    for n in range(days - 1, -1, -1):
        yield ctx.on(ctx.today - timedelta(days=n), datetime.min.time())


def _then(customer: Customer, lived: list[Event], since: datetime) -> Customer:
    """At the level from which the first move after that time went away."""
    moves = [e for e in lived if e.kind == "级别" and e.at >= since]
    level = moves[-1].evidence[:1] if moves else customer.level
    if level not in ORDER or not level:
        level = customer.level
    at = customer.level_at if customer.level_at and customer.level_at < since else None
    return replace(customer, level=level, level_at=at)


def _known(facts: Facts, lived: list[Event], then: datetime) -> Facts:
    """As much as had happened by then."""
    deals = [e.kind for e in lived if e.kind in DEALS and e.at <= then]  # the newest first
    orders = [kind for kind in deals if kind != "交付"]
    return replace(
        facts,
        signals=[signal for signal in facts.signals if signal.at <= then],
        ordered=bool(orders) and orders[0] == "下订",
        delivered=bool(deals) and deals[0] == "交付",
    )
