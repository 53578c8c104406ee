"""Where a customer stands, from the events that still count, and how an event is put down."""

from datetime import datetime

from handlers.context import Ctx
from nlp import mask
from storage import customers, events
from storage.customers import Customer

FORWARD = ("线索", "加微", "开口", "到店", "试驾", "报价", "下订", "交付")
# The stage an event leads to; one that ends the journey counts until something new happens.
STAGES = {"线索": "线索", "加微": "加微", "开口": "开口", "到店": "到店", "试驾": "试驾",
          "试乘": "试驾", "报价": "报价", "下订": "下订", "交付": "交付"}  # fmt: skip
ENDS = ("战败",)


def log(
    ctx: Ctx, customer: Customer, kind: str, at: datetime, words: str, member: str,
    source: str = "advisor",
) -> str:  # fmt: skip
    """Put an event down with its evidence, masked; returns its id."""
    event_id = ctx.new_id()
    events.add(ctx.db, event_id=event_id, customer=customer.id, kind=kind, when=at,
               source=source, evidence=mask.phones(words), by_whom=member)  # fmt: skip
    return event_id


def of(customer_id: str, ctx: Ctx) -> str:
    """The furthest stage reached; "" where nothing of the journey is known.

    A test drive logged for yesterday does not take back the order of today, and both orders of
    到店 and 加微 are the same. An order given up falls back to the offer.
    """
    found = events.of(ctx.db, customer_id, *STAGES, *ENDS, "退单")
    stage, rank = "", -1
    for event in reversed(found):
        if event.kind in ENDS:
            stage, rank = event.kind, -1
        elif event.kind == "退单":
            stage, rank = "报价", FORWARD.index("报价")
        elif (now := FORWARD.index(STAGES[event.kind])) > rank:
            stage, rank = STAGES[event.kind], now
    return stage


def moved(customer: Customer, ctx: Ctx) -> str:
    """The stage after something was logged.

    An imported customer has a stage and no events: what is logged never puts them back.
    """
    now = of(customer.id, ctx)
    taken_back = events.last(ctx.db, customer.id, *STAGES, *ENDS, "退单")
    if now in ENDS or customer.stage in ENDS or (taken_back and taken_back.kind == "退单"):
        return now or customer.stage
    return furthest(now, customer.stage)


def write(customer: Customer, stage: str, ctx: Ctx) -> Customer:
    customers.change(ctx.db, customer.id, stage=stage)
    return customers.get(ctx.db, customer.id) or customer


def furthest(one: str, other: str) -> str:
    return max(one, other, key=lambda s: FORWARD.index(s) if s in FORWARD else -1)
