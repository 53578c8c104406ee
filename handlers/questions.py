"""加个问题: the one question that would tell most about this customer next."""

import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handlers import acts
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import customers
from storage.customers import Customer

FILE = Path(__file__).with_name("questions.toml")
LATE = ("下订", "交付", "成交")  # whoever has ordered is not asked about budgets


@dataclass(frozen=True, slots=True)
class Question:
    """`known` are the kinds and codes of tags that answer it."""

    id: str
    text: str
    known: frozenset[str]


@functools.cache
def shipped() -> tuple[Question, ...]:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))["question"]
    return tuple(Question(q["id"], q["text"], frozenset(q["known"])) for q in given)


def best(customer: Customer, ctx: Ctx) -> Question | None:
    """The first that nothing known of the customer answers; None after an order."""
    if customer.stage in LATE:
        return None
    tags = customers.tags(ctx.db, customer.id, ctx.now)
    known = {t.kind for t in tags} | {t.code for t in tags if t.kind == "concern"}
    return next((q for q in shipped() if not q.known & known), None)


def add(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A question to go with the last script, ready to be passed on."""
    dialog = acts.recent(msg.sender, ctx, "suggest", "item", "focus")
    known = dialog.body.get("customer", "") if dialog else ""
    customer = customers.get(ctx.db, known) if known else None
    if customer is None:
        yield Send(msg.sender, "给哪位客户加问题？先回复 客户 加姓名，或贴TA的话。")
        return
    question = best(customer, ctx)
    if question is None:
        yield Send(msg.sender, f"{customer.name}已经下订，不用再问需求了。")
        return
    yield Send(msg.sender, question.text)
