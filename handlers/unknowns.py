"""What is not known of a customer yet, and the question that would tell it."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from handlers.context import Ctx
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
