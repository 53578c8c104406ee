"""撤销: what an advisor just did can be taken back for an hour."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from handlers import tiers
from handlers.context import Ctx
from handlers.values import Action, Send
from storage import customers, dialogs, events, followups
from storage.customers import Customer
from storage.followups import FollowUp


def remember(
    ctx: Ctx, member: str, what: str, *, customer: str, event: str = "",
    followup: FollowUp | None = None,
) -> None:  # fmt: skip
    """Keep what is needed to take this step back: the event made, the follow-up as it was."""
    body: dict[str, Any] = {"what": what, "customer": customer, "event": event}
    if followup:
        body["followup"] = json.loads(json.dumps(asdict(followup), default=datetime.isoformat))
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="undo", body=body,
                  now=ctx.now)  # fmt: skip


def undo(member: str, ctx: Ctx) -> Iterator[Action]:
    since = ctx.now - timedelta(minutes=ctx.settings.followups.undo_minutes)
    step = dialogs.newest(ctx.db, member, since, "undo")
    if step is None:
        yield Send(member, "最近一小时没有可以撤销的操作。")
        return
    dialogs.close(ctx.db, step.id)
    if step.body.get("event"):
        events.undo(ctx.db, step.body["event"], ctx.now)
    if row := step.body.get("followup"):
        followups.reopen(ctx.db, FollowUp.from_row(row))
    customer = customers.get(ctx.db, step.body["customer"])
    if customer:
        tiers.rejudge(_staged(customer, ctx), ctx)
    yield Send(member, f"已撤销：{step.body['what']}。")


def _staged(customer: Customer, ctx: Ctx) -> Customer:
    """The stage follows from what still counts as having happened."""
    stages = ("交付", "下订", "报价", "试驾", "到店", "开口")
    done = {e.kind for e in events.of(ctx.db, customer.id)}
    stage = next((s for s in stages if s in done), "加微")
    customers.change(ctx.db, customer.id, stage=stage)
    return customers.get(ctx.db, customer.id) or customer
