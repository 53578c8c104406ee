"""撤销: what an advisor just did can be taken back for an hour."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers import keepsakes, rhythm, stages, tiers
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.values import Action, Send
from storage import corrections, customers, dialogs, events, followups
from storage.customers import Customer
from storage.db import moment
from storage.dialogs import Dialog
from storage.followups import FollowUp


@dataclass(frozen=True, slots=True)
class Before:
    """What a step may change, as it was before it."""

    customer: Customer
    owed: list[FollowUp]


def before(customer: Customer, ctx: Ctx) -> Before:
    return Before(customer, followups.open_of(ctx.db, customer.id))


def remember(
    ctx: Ctx, member: str, what: str, was: Before, event: str = "", replaced: Sequence[str] = (),
    correction: str = "", kept: Kept | None = None,
) -> None:  # fmt: skip
    """Keep what is needed to take this step back: the events made and replaced, what was owed."""
    owed = json.loads(json.dumps([asdict(f) for f in was.owed], default=datetime.isoformat))
    body: dict[str, Any] = {
        "what": what, "customer": was.customer.id, "event": event,
        "replaced": list(replaced), "owed": owed, "correction": correction,
        "kept": keepsakes.pack(kept) if kept else {}, "stage": was.customer.stage,
        "contacted": _text(was.customer.contacted_at), "refused": _text(was.customer.opted_out_at),
    }  # fmt: skip
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="undo", body=body,
                  now=ctx.now)  # fmt: skip


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def newest(member: str, ctx: Ctx) -> Dialog | None:
    """The step that would be taken back."""
    since = ctx.now - timedelta(minutes=ctx.settings.followups.undo_minutes)
    return dialogs.newest(ctx.db, member, since, "undo")


def undo(member: str, ctx: Ctx) -> Iterator[Action]:
    step = newest(member, ctx)
    if step is None:
        yield Send(member, "最近一小时没有可以撤销的操作。")
        return
    take_back(step, ctx)
    yield Send(member, f"已撤销：{step.body['what']}。")


def take_back(step: Dialog, ctx: Ctx) -> None:
    dialogs.close(ctx.db, step.id)
    _restore(step.body, ctx)


def _restore(body: dict[str, Any], ctx: Ctx) -> None:
    customer_id = body["customer"]
    if body["event"]:
        events.undo(ctx.db, body["event"], ctx.now)
    for event in body["replaced"]:
        events.undo(ctx.db, event, None)
    keepsakes.put_back(customer_id, body.get("kept", {}), ctx)
    if body.get("correction"):
        corrections.take_back(ctx.db, body["correction"], ctx.now)
    followups.drop(ctx.db, customer_id, ctx.now, "撤销")
    for row in body["owed"]:
        followups.reopen(ctx.db, FollowUp.from_row(row))
    times = {"contacted_at": moment(body["contacted"]), "opted_out_at": moment(body["refused"])}
    was = customers.get(ctx.db, customer_id)
    if was and was.contacted_at != times["contacted_at"]:
        rhythm.untouched(customer_id, ctx)
    customers.change(ctx.db, customer_id, **times)
    customer = customers.get(ctx.db, customer_id)
    if customer:
        tiers.rejudge(_staged(customer, body, ctx), ctx)


def _staged(customer: Customer, body: dict[str, Any], ctx: Ctx) -> Customer:
    """The stage before this step, or one that was reached since."""
    now = stages.of(customer.id, ctx) if body["event"] or body.get("kept") else customer.stage
    return stages.write(customer, stages.furthest(now, body.get("stage", now)), ctx)
