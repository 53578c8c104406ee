"""What an advisor was told to do about a customer, taken back when it must not be done any more."""

from collections.abc import Iterator
from datetime import timedelta

from handlers import followups
from handlers.context import Ctx
from handlers.values import Action, Recall, Send
from storage import customers, dialogs
from storage import followups as owed
from storage.customers import Customer
from storage.dialogs import Dialog

CARDS = timedelta(hours=72)  # so long a card can be given new words
LISTS = timedelta(hours=24)  # so long a text can be taken back
OPTED_OUT, COMPLAINED = "已退订，不用再联系", "先处理投诉，暂不跟进"


def opted_out(customer: Customer, ctx: Ctx) -> Iterator[Action]:
    """Cards lose their buttons, and the list of the day comes again without the name."""
    yield from _cards(customer, OPTED_OUT, ctx)
    yield from _list(customer, ctx)


def complained(customer: Customer, ctx: Ctx) -> Iterator[Action]:
    """They are to be spoken to, but not about what the card says."""
    yield from _cards(customer, COMPLAINED, ctx)


def _cards(customer: Customer, words: str, ctx: Ctx) -> Iterator[Action]:
    for dialog in dialogs.since(ctx.db, customer.owner, ctx.now - CARDS, "item"):
        if dialog.body.get("customer") == customer.id:
            yield Recall(customer.owner, task_id=dialog.id, words=words)


def _list(customer: Customer, ctx: Ctx) -> Iterator[Action]:
    """Only the newest: a digit would be looked up in no other."""
    found = dialogs.since(ctx.db, customer.owner, ctx.now - LISTS, "list")
    newest = found[0] if found else None
    if newest is None or "cause" not in newest.body or not _holds(newest, customer, ctx):
        return
    yield Recall(customer.owner, cause=newest.body["cause"], holding=f"{customer.name}｜")
    left = [f for i in newest.body["items"] if (f := owed.get(ctx.db, i)) and f.state == "open"]
    items = [followups.item(f, c, ctx) for f in left
             if f.customer != customer.id and (c := customers.get(ctx.db, f.customer))]  # fmt: skip
    if not items:
        dialogs.close(ctx.db, newest.id)
        return
    rows = [f"{n}. {followups.line(item)}" for n, item in enumerate(items, 1)]
    head = f"名单少了{customer.name}（已退订），还有这{len(items)}位："
    yield Send(customer.owner, "\n".join([head, *rows, followups.TAIL]))
    followups.remember(customer.owner, items, ctx)


def _holds(dialog: Dialog, customer: Customer, ctx: Ctx) -> bool:
    found = (owed.get(ctx.db, one) for one in dialog.body["items"])
    return any(f is not None and f.customer == customer.id for f in found)
