"""活动接龙 that has closed: whoever has a place comes, so their advisor has an appointment."""

from collections.abc import Iterator
from datetime import date, datetime, time

from handlers import appointments, followups
from handlers.context import Ctx
from handlers.games.base import State
from handlers.games.signup import seated
from storage import appointments as rows
from storage import customers
from storage.customers import Customer
from storage.games import Round

NAME = "活动接龙"
USUAL = time(10, 0)  # of an event whose words name a day and no hour
DRIVES = ("试驾", "试乘")


def booked(round_: Round, ctx: Ctx) -> str:
    """Take the appointments down; what whoever opened the list is told of it."""
    if round_.game != NAME or not round_.body.get("day"):
        return ""
    begins = _begins(round_.body, ctx)
    if begins <= ctx.now:
        return ""
    inside, _ = seated(round_.body)
    done = [one["name"] for one in inside if _book(one, begins, round_, ctx)]
    left = [one["name"] for one in inside if one["name"] not in done]
    return "".join(_told(done, left))


def _told(done: list[str], left: list[str]) -> Iterator[str]:
    if done:
        yield f"\n已给{len(done)}位记了预约，到时提醒各自的顾问确认：{'、'.join(done)}。"
    if left:
        yield f"\n还要您自己提醒（不是我们的客户，或另有预约）：{'、'.join(left)}。"


def _begins(state: State, ctx: Ctx) -> datetime:
    """The hour that the words name on that day."""
    day = date.fromisoformat(str(state["day"]))
    slot = ctx.lexicon.read(str(state["text"]), at=ctx.now, sender="advisor").slot("datetime")
    said = datetime.fromisoformat(slot.value["from"]).astimezone(ctx.zone) if slot else None
    named = said is not None and said.date() == day and said.time() >= time(7, 0)
    return ctx.on(day, said.time() if said and named else USUAL)


def _book(one: State, at: datetime, round_: Round, ctx: Ctx) -> bool:
    """Not in the place of another appointment, which an advisor has made with them."""
    customer = customers.get(ctx.db, str(one["by"]))
    if customer is None or customer.deleted_at or rows.ahead(ctx.db, customer.id, ctx.now):
        return False
    kind = "试驾" if any(word in str(round_.body["text"]) for word in DRIVES) else "到店"
    people = f"，{one['people']}人" if one["people"] > 1 else ""
    words = f"群里接龙“{round_.body['text']}”报了名{people}"
    appointments.book(customer, at, kind, words, _by(customer, round_), ctx)
    followups.plan_cadence(customer, ctx)
    return True


def _by(customer: Customer, round_: Round) -> str:
    return customer.owner or round_.started_by
