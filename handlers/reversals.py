"""What else 撤销 takes back: a hand-over, a plan's step that was sent, leaving a plan.

Each is refused, with the reason, when the world has moved on meanwhile: what others have done since
is not undone behind their backs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from handlers import enrol, handover, leavers, stars
from handlers.context import Ctx
from handlers.values import Action, Send
from storage import appointments, customers, events, leads, touches
from storage import followups as owed
from storage import lost as losses
from storage import sop as rows
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.leads import Lead
from storage.sop import Run

HANDOVER, SENT, LEFT = "handover", "sent", "left"
MOVED = "换顾问"


@dataclass(frozen=True, slots=True)
class Way:
    """A step that its own feature takes back: why not, the deed, and who is told."""

    refusal: Callable[[Dialog, Ctx], str]
    put_back: Callable[[Dialog, Ctx], str]
    told: Callable[[Dialog, Ctx], Iterator[Action]]


OWN: Mapping[str, Way] = MappingProxyType({
    leavers.WAY: Way(leavers.refusal, leavers.put_back, leavers.told),
    stars.WAY: Way(stars.refusal, stars.put_back, stars.told),
})  # fmt: skip


# What is kept of a step


def handed(
    customer: Customer, to: str, ctx: Ctx, were: Sequence[Lead] = ()
) -> dict[str, Any]:  # fmt: skip
    """After it was done: from whom, to whom, what the log calls it, the leads as they were."""
    event = events.last(ctx.db, customer.id, MOVED)
    return {"way": HANDOVER, "from": customer.owner, "store": customer.store, "to": to,
            "moved": event.id if event else "", "leads": [leads.packed(one) for one in were],
            "new": [one.id for one in leads.of(ctx.db, customer.id)
                    if one.id not in {w.id for w in were}]}  # fmt: skip


def sent(run: Run, n: int, touch: str, wake: str) -> dict[str, Any]:
    return {"way": SENT, "run": run.id, "n": n, "touch": touch, "wake": wake}


def left(runs: list[Run]) -> dict[str, Any]:
    """The runs as they were, the one that was walked first."""
    ordered = sorted(runs, key=lambda run: run.state != rows.RUNNING)
    return {"way": LEFT, "runs": [_texts(asdict(run)) for run in ordered]}


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in row.items()}


# Why not


def refusal(step: Dialog, ctx: Ctx) -> str:
    """Why it cannot be taken back any more, in words; "" when it can, or is none of these."""
    way = step.body.get("way")
    if way is None:
        return ""
    if way in OWN:
        return OWN[way].refusal(step, ctx)
    customer = customers.get(ctx.db, step.body["customer"]) if step.body["customer"] else None
    if customer is None or customer.deleted_at or customer.opted_out_at:
        return "客户已退订，或已经不是好友"
    if way == HANDOVER:
        return _handed_on(step, customer, ctx)
    if customer.spoke_at and customer.spoke_at > step.at:
        return f"{customer.name}之后已经说话了"
    return _walked_on(step.body, ctx) if way == SENT else _closed(step.body, customer, ctx)


def _handed_on(step: Dialog, customer: Customer, ctx: Ctx) -> str:
    """The new advisor has begun, or the old one is not there to go on."""
    was = step.body["from"]
    if customer.owner == step.body["to"] and ctx.team.advisor(was) is None:
        return f"{was or '原来的顾问'}不在顾问名单里"
    return handover.begun(customer, step.body["to"], step.at, ctx)


def _walked_on(body: Mapping[str, Any], ctx: Ctx) -> str:
    run = rows.get(ctx.db, body["run"])
    if run is None or run.state != rows.RUNNING:
        return f"这位客户已经不走“{run.plan}”了：{run.why}" if run else "这个计划已经不在了"
    return "下一步已经开始了" if run.step > body["n"] + 1 else ""


def _closed(body: Mapping[str, Any], customer: Customer, ctx: Ctx) -> str:
    runs = [Run.from_row(dict(row)) for row in body["runs"]]
    again = [enrol.over(enrol.plan_of(r.plan, ctx), r, customer, ctx) for r in runs]
    return next((why for why in again if why), "")


# Putting back


def put_back(step: Dialog, ctx: Ctx) -> str:
    """What was restored, in words; reminders are put back by whoever called, but for OWN."""
    body, way = step.body, step.body.get("way")
    if own := OWN.get(way or ""):
        return own.put_back(step, ctx)
    if way == HANDOVER:
        return _returned(body, ctx)
    if way == SENT:
        return _unsent(body, ctx)
    return _entered(body, ctx) if way == LEFT else ""


def _returned(body: Mapping[str, Any], ctx: Ctx) -> str:
    customer, was = body["customer"], body["from"]
    customers.change(ctx.db, customer, owner=was, store=body["store"])
    owed.hand_over(ctx.db, customer, was)
    appointments.hand_over(ctx.db, customer, was)
    if body["moved"]:
        events.undo(ctx.db, body["moved"], ctx.now)
    for made in body.get("new", ()):
        leads.remove(ctx.db, made)
    for row in body.get("leads", ()):
        leads.put(ctx.db, Lead.from_row(dict(row)))
    return f"又由{ctx.team.name(was)}跟进，提醒和预约一起回来了。"


def _unsent(body: Mapping[str, Any], ctx: Ctx) -> str:
    """The touch counts no longer, and the card is laid before the advisor again."""
    run = rows.get(ctx.db, body["run"])
    if run is None:
        return ""
    touches.take_back(ctx.db, body["touch"])
    if body["wake"]:
        losses.not_woken(ctx.db, body["wake"])
    enrol.again(run, body["n"], ctx)
    return "没有算作联系，这一步半小时内再给您。"


def _entered(body: Mapping[str, Any], ctx: Ctx) -> str:
    runs = [Run.from_row(dict(row)) for row in body["runs"]]
    for run in runs:
        enrol.return_to(run, ctx)
    names = "、".join(f"“{run.plan}”第{run.step + 1}步" for run in runs)
    return f"回到{names}，后面照常。"


def told(step: Dialog, ctx: Ctx) -> Iterator[Action]:
    """Both advisors of a hand-over that was taken back, who had been told of it."""
    body = step.body
    if own := OWN.get(body.get("way", "")):
        yield from own.told(step, ctx)
        return
    customer = customers.get(ctx.db, body["customer"]) if body.get("way") == HANDOVER else None
    if customer is None:
        return
    by, was = ctx.team.name(step.member), ctx.team.name(body["from"])
    if body["to"] != step.member:
        yield Send(body["to"], f"{by}撤销了转交：{customer.name} 仍由{was}跟进，您不用联系了。")
    if body["from"] != step.member:
        yield Send(body["from"], f"{by}撤销了转交：{customer.name} 还是由您跟进，提醒都在。")
