"""What an advisor judges themselves: a level that holds for its window, whatever words say."""

from collections.abc import Iterator
from datetime import timedelta

from handlers import cadence, tiers, undo
from handlers.context import Ctx
from handlers.keepsakes import Kept, judged
from handlers.values import Action, Send
from handlers.words import TIERS
from storage import customers, events, pins
from storage import followups as owed
from storage.customers import Customer
from storage.dialogs import Dialog


def chosen(dialog: Dialog, level: str, ctx: Ctx) -> Iterator[Action]:
    """Pinned with the advisor's name; another digit puts it right."""
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
        return
    was, before = undo.before(customer, ctx), pins.get(ctx.db, customer.id, "level")
    owed.close(ctx.db, dialog.body["followup"], ctx.now, "已判断")
    if customer.level == "O":
        yield Send(dialog.member, f"{customer.name}已下订，级别不用再判断。")
        return
    event = ctx.new_id()
    now = pin(customer, level, dialog.member, event, ctx)
    kept = Kept(pin=before.row() if before else {}, pinned="level", judged=judged(customer))
    undo.remember(ctx, dialog.member, f"{customer.name}判断为{level}级", was, event, kept=kept)
    cadence.plan(now, ctx)
    until = now.pinned_until.astimezone(ctx.zone) if now.pinned_until else ctx.local
    yield Send(dialog.member, f"好，{now.name}按你的判断记为{TIERS[now.tier]}·{now.level}级，"
                              f"到{until.month}月{until.day}日前不自动改。"
                              "选错了直接回复另一个序号，或回复 撤销。")  # fmt: skip


def pin(customer: Customer, level: str, member: str, event: str, ctx: Ctx) -> Customer:
    days: int = getattr(ctx.settings.tiers, f"window_{level.lower()}_days")
    said = f"{ctx.team.name(member)}判断"
    customers.change(ctx.db, customer.id, level=level, level_reason=said, level_at=ctx.now,
                     pinned_until=ctx.now + timedelta(days=days))  # fmt: skip
    events.add(ctx.db, event_id=event, customer=customer.id, kind="级别", when=ctx.now,
               source="advisor", evidence=f"{customer.level}→{level}：{said}",
               by_whom=member)  # fmt: skip
    return tiers.rejudge(customers.get(ctx.db, customer.id) or customer, ctx)
