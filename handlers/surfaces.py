"""A way into WeCom that falls silent against its own habit is told to the operators, once."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from handlers.context import Ctx
from handlers.values import Action, Send
from storage import surfaces, timers

NAMES = {"app": "自建应用", "contact": "客户联系", "kf": "微信客服", "archive": "会话存档",
         "aibot": "智能机器人"}  # fmt: skip
EVERY = timedelta(minutes=30)
LOOK_BACK = timedelta(days=14)
TIMES = 3  # so much longer than the longest silence so far
LEAST = timedelta(hours=1)  # shorter ones are nobody's concern
HABIT = 20  # of so many ten-minute spans with messages; fewer make no habit
TIMER = "surfaces"


def tick(ctx: Ctx) -> Iterator[Action]:
    if TIMER not in timers.known(ctx.db):
        timers.ensure(ctx.db, TIMER, ctx.now + EVERY)
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        if timers.advance(ctx.db, name, was, ctx.now + EVERY, ctx.now) and _open(ctx):
            for channel in surfaces.CHANNELS:
                yield from _watch(channel, ctx)


def _open(ctx: Ctx) -> bool:
    s = ctx.settings.followups
    return s.shift_from <= ctx.local.time() <= s.shift_to


def _watch(channel: str, ctx: Ctx) -> Iterator[Action]:
    found = surfaces.moments(ctx.db, channel, ctx.now - LOOK_BACK)
    if len(found) < HABIT or surfaces.told(ctx.db, channel) == found[-1]:
        return
    silent = worked(found[-1], ctx.now, ctx)
    usual = longest(found, ctx)
    if silent < max(TIMES * usual, LEAST):
        return
    surfaces.tell(ctx.db, channel, found[-1])
    for operator in ctx.settings.access.operators:
        yield Send(operator, _said(channel, silent, usual))


def longest(found: Sequence[datetime], ctx: Ctx) -> timedelta:
    """The longest pause so far, in working time."""
    return max((worked(a, b, ctx) for a, b in pairwise(found)), default=timedelta(0))


def worked(since: datetime, until: datetime, ctx: Ctx) -> timedelta:
    """How much of that time the stores were open."""
    s = ctx.settings.followups
    day, total = since.astimezone(ctx.zone).date(), timedelta(0)
    while day <= until.astimezone(ctx.zone).date():
        begin, end = max(since, ctx.on(day, s.shift_from)), min(until, ctx.on(day, s.shift_to))
        total += max(end - begin, timedelta(0))
        day += timedelta(days=1)
    return total


def _said(channel: str, silent: timedelta, usual: timedelta) -> str:
    return (
        f"{NAMES[channel]}在上班时间里已经{_long(silent)}没有消息进来（近两周最长{_long(usual)}）。"
        "请看看服务器、反向代理和证书，再运行 salesbot doctor 自检。"
    )


def _long(span: timedelta) -> str:
    hours, minutes = divmod(round(span.total_seconds() / 60), 60)
    return (f"{hours}小时" if hours else "") + (f"{minutes}分钟" if minutes or not hours else "")
