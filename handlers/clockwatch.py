"""The clock of the machine is watched: one that leaps must neither silence nor erase anything."""

from collections.abc import Iterator
from datetime import timedelta

from handlers.context import Ctx
from handlers.values import Action, Send
from handlers.words import exactly
from storage import clocks, timers

LOOK = timedelta(minutes=5)  # how often the time is noted; each note is a commit
BACK = timedelta(days=1)  # what falls back less is caught by the rows themselves
AHEAD = timedelta(days=32)  # longer than any holiday: rather a wrong clock than a long rest
FAR = timedelta(days=90)  # no repeating timer is set further ahead
HOLD = "clock.hold"
HELD = timedelta(days=1)
REARRANGED = "提醒、日报和等着发的消息已按现在的时间重新排好；请确认服务器会自动校时。"
WAITING = "如果是停机很久，不用管；如果时间错了，请校准。资料清理、积分过期和客户回收先停一天。"


def tick(ctx: Ctx) -> Iterator[Action]:
    """Comes first, so that the jobs behind it find what it has put right."""
    seen = clocks.seen(ctx.db)
    if seen is None or not seen <= ctx.now < seen + LOOK:
        clocks.saw(ctx.db, ctx.now)
    if seen is None:
        return
    span = f"（上次看到 {exactly(seen.astimezone(ctx.zone))}，现在 {exactly(ctx.local)}）"
    if ctx.now < seen - BACK:
        clocks.rewind(ctx.db, ctx.now, ctx.now + BACK, ctx.now + FAR)
        yield from _told(f"服务器时间往回跳了{(seen - ctx.now).days}天{span}。{REARRANGED}", ctx)
    elif ctx.now > seen + AHEAD:
        timers.reset(ctx.db, HOLD, ctx.now + HELD)
        yield from _told(f"服务器时间往前跳了{(ctx.now - seen).days}天{span}。{WAITING}", ctx)


def held(ctx: Ctx) -> bool:
    """Whether what is old by this clock must not be erased yet."""
    until = timers.due_at(ctx.db, HOLD)
    return until is not None and ctx.now < until


def _told(text: str, ctx: Ctx) -> Iterator[Action]:
    for operator in ctx.settings.access.operators:
        yield Send(operator, text)
