"""记错了，是下订不是报价: what was logged is put right, not only taken back."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from handlers import journey, logged, undo
from handlers.context import Ctx
from handlers.keepsakes import time_of
from handlers.logged import Correction, Note
from handlers.values import Action, Inbound, Send
from storage import customers, events
from storage.customers import Customer

LOST = "要改成什么？例如：记错了，是下订不是报价；或 改成昨天下午到店"
NOTHING = "最近一小时你没有记过可以改的事。请写全：记录 王女士 昨天到店"


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """Of what this member logged last; None when these words correct nothing."""
    words = match.group(0)
    meant = logged.wrong(words) or logged.becomes(words, ctx)
    return amend(meant, msg.sender, ctx) if meant else None


def amend(
    meant: Correction, member: str, ctx: Ctx, customer: Customer | None = None
) -> Iterator[Action]:
    """Take the last step back and log it as it was; the rest of that step stays."""
    right = logged.read(meant.right, ctx)
    step = undo.newest(member, ctx)
    notes: list[Mapping[str, str]] = step.body.get("kept", {}).get("notes", []) if step else []
    if not right or not all(n.happened for n in right):
        yield Send(member, LOST)
    elif step and notes and (customer is None or step.body["customer"] == customer.id):
        undo.take_back(step, ctx)
        yield from _again(step.body["customer"], _merged(notes, right, meant.wrong, ctx), member,
                          ctx)  # fmt: skip
    elif customer and meant.wrong:
        yield from _older(customer, right, meant.wrong, member, ctx)
    else:
        yield Send(member, NOTHING)


def _again(whose: str, notes: list[Note], member: str, ctx: Ctx) -> Iterator[Action]:
    customer = customers.get(ctx.db, whose)
    if customer:
        yield Send(member, "好，已改。")
        yield from journey.record_all(customer, notes, member, ctx)


def _merged(
    was: list[Mapping[str, str]], right: tuple[Note, ...], wrong: str, ctx: Ctx
) -> list[Note]:
    """What was logged, with the new in the place of the wrong; its time stays unless told."""
    kinds = [n["kind"] for n in was]
    denied = [n.kind for n in logged.read(wrong, ctx)] if wrong else []
    replaced = next((k for k in (*denied, *(n.kind for n in right)) if k in kinds), kinds[-1])
    old = was[kinds.index(replaced)]
    at, day = time_of(old), old.get("day", "")
    rest = [_note(n) for n in was if n["kind"] != replaced]
    return [*rest, *(_timed(n, at, day) for n in right if n.kind not in {r.kind for r in rest})]


def _note(plain: Mapping[str, Any]) -> Note:
    when, day = time_of(plain), plain.get("day", "")
    return Note(plain["kind"], None, False, plain["words"], when=when, day=day)


def _timed(note: Note, at: datetime | None, day: str = "") -> Note:
    return note if note.when else Note(note.kind, None, False, note.words, when=at, day=day)


def _older(
    customer: Customer, right: tuple[Note, ...], wrong: str, member: str, ctx: Ctx
) -> Iterator[Action]:
    """An event of an earlier day that is named: it counts no longer, the right one does."""
    kinds = [n.kind for n in logged.read(wrong, ctx)]
    event = events.last(ctx.db, customer.id, *kinds) if kinds else None
    if event is None:
        yield Send(member, f"{customer.name}没有记过“{wrong}”。{LOST}")
        return
    events.undo(ctx.db, event.id, ctx.now)
    yield from _again(customer.id, [_timed(n, event.at) for n in right], member, ctx)
