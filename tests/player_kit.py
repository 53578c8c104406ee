"""Plays that take less time than the days they tell of."""

from datetime import datetime, timedelta

from bot.sandbox.stage import Stage

LONG = timedelta(hours=1)
LAST = timedelta(minutes=10)
KNOCK = timedelta(minutes=5)


def hurried(stage: Stage) -> Stage:
    """Of a long wait only the end passes minute by minute; test_first_day waits for each.

    Rows know what is due, so a knock need not come every minute.
    """

    async def move(to: datetime, every: timedelta | None = None) -> None:
        if every is None and to - stage.clock.now() > LONG:
            await Stage.move(stage, to - LAST, KNOCK)
        await Stage.move(stage, to, *([every] if every else []))

    stage.move = move
    return stage
