"""The customers of somebody who left are given out; `leavers` takes that back."""

from collections.abc import Iterator
from typing import Any

from handlers import handover, undo
from handlers.context import Ctx
from handlers.leavers import ALL, WAY, some
from handlers.settings import Advisor
from handlers.tiers import ORDER
from handlers.values import Action, Send
from storage import customers, events, followups, leads
from storage.customers import Customer
from storage.dialogs import Dialog


def chosen(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """Strongest level first, so that sharing out is fair; everything owed moves along."""
    owner, store = dialog.body["owner"], dialog.body["store"]
    team = ctx.team.advisors_of((store,))
    takers = team if value == ALL else [a for a in team if a.userid == value]
    left = [c for c in customers.of_owner(ctx.db, owner) if c.store == store]
    if not takers or not left or ctx.team.advisor(owner):
        yield Send(dialog.member, "这些客户已经有人跟进了。")
        return
    left.sort(key=lambda c: (ORDER.index(c.level), c.id))
    gave = [_given(customer, takers[n % len(takers)], dialog.member, ctx)
            for n, customer in enumerate(left)]  # fmt: skip
    what = f"{owner} 的{len(gave)}位客户分给{_told(gave, takers)}"
    more = {"way": WAY, "owner": owner, "store": store, "gave": gave}
    undo.remember_more(ctx, dialog.member, what, more)
    yield Send(dialog.member, f"已分好：{_told(gave, takers)}。提醒和预约一起转过去了。"
                              "分错了一小时内回复 撤销")  # fmt: skip
    yield from _welcomed(owner, gave, left, takers)


def _given(customer: Customer, to: Advisor, by: str, ctx: Ctx) -> dict[str, Any]:
    """Who has them now, and what is to be put back should that be taken back."""
    before = {f.id for f in followups.open_of(ctx.db, customer.id)}
    waiting = [one for one in leads.of(ctx.db, customer.id) if one.state != "已接"]
    handover.move(customer, to, ctx, by)
    moved = events.last(ctx.db, customer.id, "换顾问")
    made = [f.id for f in followups.open_of(ctx.db, customer.id) if f.id not in before]
    return {"customer": customer.id, "to": to.userid, "moved": moved.id if moved else "",
            "made": made, "leads": [leads.packed(one) for one in waiting]}  # fmt: skip


def _told(gave: list[dict[str, Any]], takers: list[Advisor]) -> str:
    many = {a.userid: sum(one["to"] == a.userid for one in gave) for a in takers}
    return "、".join(f"{a.name}{many[a.userid]}位" for a in takers if many[a.userid])


def _welcomed(
    owner: str, gave: list[dict[str, Any]], left: list[Customer], takers: list[Advisor]
) -> Iterator[Action]:
    names = {c.id: c.name for c in left}
    for to in takers:
        mine = [names[one["customer"]] for one in gave if one["to"] == to.userid]
        if mine:
            yield Send(to.userid, f"{owner} 的{len(mine)}位客户转给你跟进：{some(mine)}。"
                                  "回复 待办 看今天该联系谁。")  # fmt: skip
