"""撤销: what an advisor just did can be taken back for an hour."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import keepsakes, reversals, rhythm, stages, tiers
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.values import Action, Send
from storage import (
    activities,
    corrections,
    customers,
    dialogs,
    events,
    followups,
    group_sop,
    touches,
)
from storage.customers import Customer
from storage.db import moment
from storage.dialogs import Dialog
from storage.followups import FollowUp

AGAIN = "当天没过的话，一两分钟内那张卡片会再给您。"


@dataclass(frozen=True, slots=True)
class Before:
    """What a step may change, as it was before it."""

    customer: Customer
    owed: list[FollowUp]


def before(customer: Customer, ctx: Ctx) -> Before:
    return Before(customer, followups.open_of(ctx.db, customer.id))


def remember(
    ctx: Ctx, member: str, what: str, was: Before, event: str = "", replaced: Sequence[str] = (),
    correction: str = "", kept: Kept | None = None, more: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Keep what is needed to take this step back: the events made and replaced, what was owed."""
    owed = json.loads(json.dumps([asdict(f) for f in was.owed], default=datetime.isoformat))
    body: dict[str, Any] = {
        "what": what, "customer": was.customer.id, "event": event,
        "replaced": list(replaced), "owed": owed, "correction": correction,
        "kept": keepsakes.pack(kept) if kept else {}, "stage": was.customer.stage,
        "contacted": _text(was.customer.contacted_at), "refused": _text(was.customer.opted_out_at),
        **(more or {}),
    }  # fmt: skip
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="undo", body=body,
                  now=ctx.now)  # fmt: skip


def remember_more(ctx: Ctx, member: str, what: str, more: Mapping[str, Any]) -> None:
    """A step that its own feature takes back; see `reversals.OWN`."""
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="undo",
                  body={"what": what, "customer": "", **more}, now=ctx.now)  # fmt: skip


def remember_steps(ctx: Ctx, member: str, what: str, steps: Sequence[str]) -> None:
    """What the owner of a group said of the steps of its plan."""
    body: dict[str, Any] = {"what": what, "customer": "", "steps": list(steps)}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="undo", body=body,
                  now=ctx.now)  # fmt: skip


def remember_cost(ctx: Ctx, member: str, what: str, cost_id: str) -> None:
    body: dict[str, Any] = {"what": what, "customer": "", "cost": cost_id}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="undo", body=body,
                  now=ctx.now)  # fmt: skip


def touch_of(step_id: str) -> str:
    """The touch that a step of a group's plan leaves in the ledger."""
    return f"plan:{step_id}"


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
    if why_not := reversals.refusal(step, ctx):
        yield Send(member, f"“{step.body['what']}”撤销不了：{why_not}。")
        return
    more = take_back(step, ctx)
    yield Send(member, f"已撤销：{step.body['what']}。{more}")
    yield from reversals.told(step, ctx)


def take_back(step: Dialog, ctx: Ctx) -> str:
    """Returns what else there is to know of it, in words."""
    dialogs.close(ctx.db, step.id)
    if step.body.get("steps"):
        _lay_again(step.body["steps"], ctx)
        return AGAIN
    if step.body.get("cost"):
        activities.unspend(ctx.db, step.body["cost"], ctx.now)
        return ""
    said = reversals.put_back(step, ctx)
    if step.body.get("way") not in reversals.OWN:
        _restore(step.body, ctx)
    return said


def _lay_again(steps: Sequence[str], ctx: Ctx) -> None:
    """The touch is taken back as well, so that the day and the week of the group are free again."""
    for key in steps:
        step = group_sop.step(ctx.db, key)
        if step is None or step.state not in (group_sop.SENT, group_sop.SKIPPED):
            continue
        touches.take_back(ctx.db, touch_of(key))
        group_sop.move(ctx.db, step, state=_turn(step.run, ctx), why="撤销", now=ctx.now,
                       due=ctx.now)  # fmt: skip


def _turn(run_id: str, ctx: Ctx) -> str:
    """Due at once; kept where another plan has the group meanwhile. What it ended goes on."""
    run = group_sop.get(ctx.db, run_id)
    if run and run.state == group_sop.DONE and not group_sop.open_of(ctx.db, run.chat_id):
        run = replace(run, state=group_sop.RUNNING, ended_at=None)
        group_sop.put(ctx.db, run)
    running = run is not None and run.state == group_sop.RUNNING
    return group_sop.DUE if running else group_sop.KEPT


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
