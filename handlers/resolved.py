"""A concern is 未回应, 已回应, 已解决 or 仍卡住; each change is an event that says who moved it."""

from collections.abc import Iterable

from handlers.context import Ctx
from handlers.words import CONCERN_STATES, short
from nlp import mask
from nlp.labels import CONCERNS
from storage import concerns, events

EVENT = "顾虑"
OPEN = ("", "stuck")


def move(
    customer: str, becomes: str, codes: Iterable[str], why: str, source: str, ctx: Ctx,
    member: str = "", among: Iterable[str] = OPEN,
) -> tuple[list[tuple[str, str]], list[str]]:  # fmt: skip
    """Move those of `codes` that stand in one of the states `among`.

    Returns what they were, for 撤销, and the events.
    """
    wanted, from_ = set(codes), set(among)
    was = [(code, state) for code, state in concerns.states(ctx.db, customer).items()
           if code in wanted and state in from_ and state != becomes]  # fmt: skip
    made = []
    for code, state in was:
        concerns.state(ctx.db, customer, code, becomes)
        made.append(_event(customer, code, state, becomes, why, source, member, ctx))
    return was, made


def _event(
    customer: str, code: str, was: str, becomes: str, why: str, source: str, member: str, ctx: Ctx
) -> str:
    name, event = CONCERNS.get(code, code), ctx.new_id()
    moved = f"{name}：{CONCERN_STATES[was]}→{CONCERN_STATES[becomes]}"
    events.add(ctx.db, event_id=event, customer=customer, kind=EVENT, when=ctx.now,
               source=source, evidence=f"{moved}（{short(mask.phones(why), 40)}）",
               by_whom=member)  # fmt: skip
    return event


def answered(customer: str, codes: Iterable[str], title: str, member: str, ctx: Ctx) -> None:
    """A script about them was passed on."""
    move(customer, "answered", codes, f"采用话术“{title}”", "advisor", ctx, member)


def heard(customer: str, code: str, polarity: int, words: str, source: str, ctx: Ctx) -> str:
    """The state of a concern once the customer has spoken of it again.

    Asked again after an answer it is stuck; satisfied words solve it. A new concern has none.
    """
    was = concerns.states(ctx.db, customer).get(code)
    if not was:
        becomes = "solved" if was is not None and polarity > 0 else ""
    else:
        becomes = "solved" if polarity > 0 else "stuck"
    if was is not None and becomes != was:
        _event(customer, code, was, becomes, f"客户说“{words}”", source, "", ctx)
    return becomes
