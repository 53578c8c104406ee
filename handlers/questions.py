"""加个问题: the one question that would tell most about this customer next."""

import re
from collections.abc import Iterator

from handlers import acts, unknowns
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import customers


def add(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A question to go with the last script, ready to be passed on."""
    dialog = acts.recent(msg.sender, ctx, "suggest", "item", "focus")
    known = dialog.body.get("customer", "") if dialog else ""
    customer = customers.get(ctx.db, known) if known else None
    if customer is None:
        yield Send(msg.sender, "给哪位客户加问题？先回复 客户 加姓名，或贴TA的话。")
        return
    question = unknowns.best(customer, ctx)
    if question is None:
        yield Send(msg.sender, f"{customer.name}已经下订，不用再问需求了。")
        return
    yield Send(msg.sender, question.text)
