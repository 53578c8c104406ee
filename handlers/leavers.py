"""Who works here no longer: their customers are nobody's until a manager says whose they are."""

from collections.abc import Iterator
from datetime import datetime

from handlers import handover
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.settings import Advisor, Manager
from handlers.tiers import ORDER
from handlers.values import Action, Send
from storage import customers, timers
from storage.dialogs import Dialog

TIMER = "leavers"
DO = "leaver"
ALL = "*"  # shared out among everybody
OFFERED = 3  # colleagues on the card


def tick(ctx: Ctx) -> Iterator[Action]:
    """Once a day, until somebody has decided."""
    at = ctx.settings.followups.escalate_at
    if not timers.runs(ctx.db, TIMER):
        today = ctx.on(ctx.today, at)
        timers.ensure(ctx.db, TIMER, today if ctx.now <= today else ctx.tomorrow(at))
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        if timers.advance(ctx.db, name, was, ctx.tomorrow(at), ctx.now) and _of_use(was, ctx):
            for owner in customers.owners(ctx.db):
                if ctx.team.advisor(owner) is None:
                    yield from _ask(owner, ctx)


def _of_use(was: datetime, ctx: Ctx) -> bool:
    """What was missed is asked late, but not at night."""
    return ctx.local.time() < ctx.settings.followups.shift_to


def _ask(owner: str, ctx: Ctx) -> Iterator[Action]:
    for store, levels in sorted(customers.levels_of(ctx.db, owner).items()):
        for manager in ctx.team.managers_of(store):
            yield from _offer(manager, owner, store, levels, ctx)


def _offer(
    manager: Manager, owner: str, store: str, levels: dict[str, int], ctx: Ctx
) -> Iterator[Action]:
    team = ctx.team.advisors_of((store,))
    standing = "、".join(f"{level}级{levels[level]}" for level in ORDER if level in levels)
    told = f"名下{sum(levels.values())}位客户（{standing}）现在没有人跟进，提醒也停着。"
    if not team:
        yield Send(
            manager.userid, f"{owner} 已不在顾问名单里，{told}店里没有别的顾问，请先在配置里加人。"
        )
        return
    options = [("平均分给大家", ALL)] if len(team) > 1 else []
    options += [(f"都给{a.name}", a.userid) for a in team[:OFFERED]]
    yield ask(manager.userid, Choice(DO, f"{owner} 的客户交给谁？", told, tuple(options),
                                     {"owner": owner, "store": store}), ctx)  # fmt: skip


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
    given: dict[str, list[str]] = {}
    for n, customer in enumerate(left):
        to = takers[n % len(takers)]
        handover.move(customer, to, ctx, dialog.member)
        given.setdefault(to.userid, []).append(customer.name)
    yield Send(dialog.member, f"已分好：{_told(given, takers)}。提醒和预约一起转过去了。")
    for userid, names in given.items():
        some = "、".join(names[:8]) + ("…" if len(names) > 8 else "")
        yield Send(
            userid, f"{owner} 的{len(names)}位客户转给你跟进：{some}。回复 待办 看今天该联系谁。"
        )


def _told(given: dict[str, list[str]], takers: list[Advisor]) -> str:
    return "、".join(f"{a.name}{len(given[a.userid])}位" for a in takers if a.userid in given)
