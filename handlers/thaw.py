"""Whoever was frozen until a day is woken by it."""

from collections.abc import Iterator

from handlers import followups
from handlers.context import Ctx
from handlers.values import Action, Send
from storage import customers, events, rules
from storage import sides as rows


def tick(ctx: Ctx) -> Iterator[Action]:
    """The advisor is told, and owes a contact."""
    for told in rows.due(ctx.db, ctx.now):
        customer = customers.get(ctx.db, told.customer)
        if not rows.woken(ctx.db, told) or customer is None:
            continue
        if customer.opted_out_at or customer.deleted_at:
            continue
        events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind="解冻", when=ctx.now,
                   source="system", evidence=told.words)  # fmt: skip
        rules.hit(ctx.db, ["side.thawed"], ctx.now)
        followups.plan_cadence(customer, ctx)
        said = f"{customer.name} 冷冻到期了（当时说“{told.words}”），已重新排进跟进。"
        yield Send(customer.owner, f"{said}回复 客户 {customer.name} 看卡片。")
