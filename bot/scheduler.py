"""One job, once a minute: knock. What is due stands in the rows."""

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler


def start(tick: Callable[[], Awaitable[None]]) -> AsyncIOScheduler:
    """Knock at each full minute; a late knock is still a knock."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(tick, "cron", second=0, misfire_grace_time=None, coalesce=True)
    scheduler.start()
    return scheduler
