"""Days that are over are counted once, so that no page need read everything that ever happened."""

from collections.abc import Iterator
from datetime import timedelta

from handlers import clockwatch
from handlers.context import Ctx
from handlers.values import Action
from storage import tallies

NIGHT = range(2, 6)  # o'clock: every day is counted once more, in case a change was not told


def tick(ctx: Ctx) -> Iterator[Action]:
    if clockwatch.held(ctx):
        return
    done = tallies.roll(ctx.db, ctx.zone, ctx.today.toordinal())
    if not done and ctx.local.hour in NIGHT:
        minute = int(ctx.now.timestamp() // timedelta(minutes=1).total_seconds())
        tallies.again(ctx.db, ctx.today.toordinal() - 1 - minute % tallies.REACH)
    return
    yield
