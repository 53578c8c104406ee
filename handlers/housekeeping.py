"""Once a night: judge again who fell silent, forget what is no longer needed."""

from collections.abc import Iterator
from datetime import time, timedelta

from handlers import clockwatch, library, tiers, trials
from handlers.context import Ctx
from handlers.values import Action
from storage import (
    bursts,
    corrections,
    dialogs,
    groupmsg,
    merging,
    ratings,
    reconciles,
    retention,
    sessions,
    stars,
    timers,
    watch,
)

AT = time(3, 30)
DECAY = "decay@"  # a timer that carries the id after which the night's judging goes on
SLICE = 300  # customers judged in one transaction: half a second in which nothing else is kept


def tick(ctx: Ctx) -> Iterator[Action]:
    if "night" not in timers.known(ctx.db):
        timers.ensure(ctx.db, "night", ctx.tomorrow(AT))
    for name, was in timers.due(ctx.db, "night", ctx.now):
        if timers.advance(ctx.db, name, was, ctx.tomorrow(AT), ctx.now):
            timers.ensure(ctx.db, DECAY, ctx.now)
            if not clockwatch.held(ctx):
                clean(ctx)
            yield from library.expire(ctx)
            yield from trials.tick(ctx)
    _judge(ctx)


def _judge(ctx: Ctx) -> None:
    """A slice a minute, so that a large store is not held for minutes; it outlives a restart."""
    for name, _ in timers.due(ctx.db, DECAY, ctx.now):
        timers.stop(ctx.db, name)
        if after := tiers.decay(ctx, name.removeprefix(DECAY), SLICE):
            timers.ensure(ctx.db, DECAY + after, ctx.now)


def clean(ctx: Ctx) -> None:
    """Retention by table; tags expire by their own dates."""
    keep = ctx.settings.privacy
    dialogs.forget(ctx.db, ctx.now - timedelta(days=30))
    bursts.forget(ctx.db, ctx.now - timedelta(days=1))
    sessions.forget(ctx.db, ctx.now - timedelta(hours=1))
    retention.messages(ctx.db, ctx.now - timedelta(days=keep.messages_days))
    corrections.forget(ctx.db, ctx.now - timedelta(days=keep.messages_days))
    retention.tags(ctx.db, ctx.now)
    retention.quiet(ctx.db, ctx.now - timedelta(days=keep.tags_days))
    retention.questions(ctx.db, ctx.now - timedelta(days=keep.messages_days))
    watch.fade(ctx.db, ctx.now - timedelta(days=1), ctx.now - timedelta(days=keep.messages_days))
    retention.digests(ctx.db, ctx.now - timedelta(days=keep.messages_days))
    merging.forget(ctx.db, ctx.now - timedelta(days=keep.messages_days))
    stars.fade(ctx.db, ctx.now - timedelta(days=keep.messages_days))
    ratings.forget(ctx.db, ctx.now - timedelta(days=keep.messages_days))
    groupmsg.forget(ctx.db, ctx.now - timedelta(days=keep.inbox_days))
    reconciles.forget(ctx.db, ctx.now - timedelta(days=keep.inbox_days))
    retention.traffic(ctx.db, ctx.now - timedelta(days=keep.inbox_days))
