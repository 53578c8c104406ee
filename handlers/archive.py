"""What the chat archive lets us read: the customer's own words, with their consent."""

from collections.abc import Iterator

from handlers import bursts, concerns, suggest
from handlers.context import Ctx
from handlers.router import Router, on
from handlers.values import Action, Inbound, Send
from handlers.words import short
from nlp import mask
from storage import customers, groups


def said(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A customer's line tags them; an advisor's counts as an answer. No consent: nothing."""
    customer = customers.get(ctx.db, msg.sender)
    if customer:
        if customer.archive_refused_at is None:
            yield from _customer(customer, msg, ctx)
        return
    other = customers.get(ctx.db, msg.to) if ctx.team.advisor(msg.sender) else None
    if other and other.archive_refused_at is None:
        customers.said(ctx.db, msg_id=msg.id, customer_id=other.id, who="advisor",
                           member=msg.sender, text=mask.phones(msg.text), now=msg.sent_at,
                           source="archive")  # fmt: skip
        customers.change(ctx.db, other.id, contacted_at=ctx.now)


def _customer(customer: customers.Customer, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    noted = concerns.note(customer, msg.text, ctx, source="archive", member=msg.to or msg.chat,
                          msg_id=msg.id, said_at=msg.sent_at, piece=True)  # fmt: skip
    where = groups.get(ctx.db, msg.chat) if msg.chat else None
    place = f"在{where['name']}" if where else ""
    reading = noted.reading
    asks = reading.speech_act == "question" or any(c.polarity < 0 for c in reading.concerns)
    worth = asks and (reading.concerns or reading.intents)
    if customer.owner and worth and not bursts.more_coming(msg, ctx):
        said = short(mask.phones(reading.text), 60)
        yield Send(customer.owner, f"{customer.name}{place}说：{said}")
        yield from suggest.offer(reading.text, noted.customer, noted, customer.owner, ctx)
    yield from concerns.alarms(noted, ctx)


router = Router(((on("archive", "text"), said),))
