"""Points and growth: what an action brings, the day's cap, levels, and what is too old to spend."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from handlers import clockwatch
from handlers.context import Ctx
from handlers.values import Action
from storage import points, timers

TIMER = "points"
EXPIRED = "过期"


def business_day(ctx: Ctx) -> date:
    """The day an action counts for; night owls may set a later boundary than midnight."""
    start = ctx.settings.checkins.day_starts
    local = ctx.local
    return local.date() if local.time() >= start else local.date() - timedelta(days=1)


def day_began(ctx: Ctx) -> datetime:
    return ctx.on(business_day(ctx), ctx.settings.checkins.day_starts)


def earn(chat: str, member: str, wanted: int, source: str, key: str, ctx: Ctx) -> int:
    """Book what the day's cap of this source leaves; returns how much that was.

    The same key brings nothing twice. Growth takes what the points take.
    """
    had = points.earned(ctx.db, chat, member, source, day_began(ctx))
    given = min(wanted, max(0, ctx.settings.points.most(source) - had))
    row = {"key": key, "chat_id": chat, "member": member, "delta": given, "reason": source,
           "now": ctx.now}  # fmt: skip
    if given <= 0 or not points.add(ctx.db, **row):  # type: ignore[arg-type]
        return 0
    points.grow(ctx.db, **row)  # type: ignore[arg-type]
    return given


def told(chat: str, member: str, wanted: int, got: int, ctx: Ctx) -> str:
    """+5分，共12分。"""
    total = points.balance(ctx.db, chat, member)
    if got < wanted:
        return f"+{got}分（今天这一项的积分到上限了），共{total}分。"
    return f"+{got}分，共{total}分。"


def level(growth: int, ctx: Ctx) -> tuple[str, int, str]:
    """The level's name, and how much is missing to which next one (0 and "" at the top)."""
    steps = sorted((int(start), name) for name, _, start in
                   (one.partition(" ") for one in ctx.settings.points.levels))  # fmt: skip
    reached = [name for start, name in steps if start <= growth]
    ahead = [(start, name) for start, name in steps if start > growth]
    missing, following = (ahead[0][0] - growth, ahead[0][1]) if ahead else (0, "")
    return (reached[-1] if reached else ""), missing, following


def standing(chat: str, member: str, ctx: Ctx) -> str:
    """等级活跃，成长值60，再得140升达人。"""
    growth = points.grown(ctx.db, chat, member)
    name, missing, following = level(growth, ctx)
    more = f"，再得{missing}升{following}" if following else ""
    return f"等级{name}，成长值{growth}{more}。"


def tick(ctx: Ctx) -> Iterator[Action]:
    """Once a day, what was earned too long ago and never spent is booked off."""
    days = ctx.settings.points.expire_days
    if not timers.runs(ctx.db, TIMER):
        timers.ensure(ctx.db, TIMER, ctx.now)
    if clockwatch.held(ctx):
        return iter(())
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        to = ctx.tomorrow(ctx.settings.checkins.day_starts)
        if timers.advance(ctx.db, name, was, to, ctx.now) and days:
            _expire(was - timedelta(days=days + 1), ctx.now - timedelta(days=days), ctx)
    return iter(())


def _expire(since: datetime, until: datetime, ctx: Ctx) -> None:
    for chat, member in points.aged(ctx.db, since, until):
        if left := points.stale(ctx.db, chat, member, until):
            points.add(ctx.db, key=f"expire:{chat}:{member}:{ctx.today}", chat_id=chat,
                       member=member, delta=-left, reason=EXPIRED, now=ctx.now)  # fmt: skip
