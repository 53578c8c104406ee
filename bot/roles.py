"""What a process does of the work: all of it, or a part where several share a PostgreSQL.

web takes callbacks and pages; worker decides and sends; ticker does what falls due, once a
minute, and what the platform wants from one process only.
"""

import asyncio
import logging
from typing import Literal

from bot import scheduler
from bot.server import Running
from storage import presence

log = logging.getLogger(__name__)
Role = Literal["all", "web", "worker", "ticker"]
ROLES: tuple[Role, ...] = ("all", "web", "worker", "ticker")
LOOK_S = 1.0  # how soon another ticker takes over


async def run(running: Running, role: Role) -> None:
    """Until cancelled."""
    if running.app.shares.alone:
        await _alone(running)
        return
    running.app.sender.side("plain")
    async with asyncio.TaskGroup() as group:
        group.create_task(_refreshing(running))
        if role in ("all", "worker"):
            group.create_task(running.app.run())
        if role in ("all", "ticker"):
            group.create_task(_ticking(running, role))


async def _alone(running: Running) -> None:
    clock = scheduler.start(running.knock)
    try:
        await running.run()
    finally:
        clock.shutdown(wait=False)


async def _refreshing(running: Running) -> None:
    """A process that does not tick takes over changed files all the same."""
    clock = scheduler.start(running.refresh)
    try:
        await asyncio.Event().wait()
    finally:
        clock.shutdown(wait=False)


async def _ticking(running: Running, role: Role) -> None:
    """Whenever it is our turn; the lock is gone when the connection is, and so is the turn."""
    turn: asyncio.Task[None] | None = None
    try:
        while True:
            leads = await _leads(running)
            if turn is not None and (turn.done() or not leads):
                await _ended(turn)
                turn = None
            if leads and turn is None:
                log.info("this process ticks now")
                turn = asyncio.create_task(_turn(running, role))
            await asyncio.sleep(LOOK_S)
    finally:
        if turn is not None:
            await _ended(turn)


async def _ended(turn: "asyncio.Task[None]") -> None:
    turn.cancel()
    (problem,) = await asyncio.gather(turn, return_exceptions=True)
    if isinstance(problem, Exception):
        log.error("what only one process does has stopped", exc_info=problem)


async def _leads(running: Running) -> bool:
    try:
        return await running.app.door.do(presence.leads)
    except Exception:  # the server is away: whoever finds it first ticks
        log.exception("nobody knows who ticks")
        return False


async def _turn(running: Running, role: Role) -> None:
    """One process has the long connection, so it alone sends what leaves by it."""
    linked = running.link is not None
    if linked:
        running.app.sender.side("all" if role == "all" else "linked")
    clock = scheduler.start(running.knock)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(running.listen())
            if linked and role == "ticker":
                group.create_task(running.app.send())
            group.create_task(asyncio.Event().wait())
    finally:
        clock.shutdown(wait=False)
        running.app.sender.side("plain")
