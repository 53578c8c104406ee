"""What is ours to do where several processes share a store; everything, where we are alone."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from bot.writer import Writer
from storage import presence
from storage.db import Db

LANES = 8  # conversations in one transaction: the fewer, the seldomer two processes meet
RECEIVERS = 50
Names = list[str] | None  # None: all there are


class Shares:
    """Takes conversations and receivers by locks that end with the connection."""

    def __init__(self, door: Writer | None = None) -> None:
        """`door` is the connection that holds the locks; without one nobody else is there."""
        self.door = door
        self.side: presence.Side = "all"  # of the receivers, those that this process reaches

    @property
    def alone(self) -> bool:
        return self.door is None

    @asynccontextmanager
    async def lanes(self, name: str = "") -> AsyncIterator[Names]:
        """Conversations to handle, or this one if nobody has it."""

        def take(db: Db) -> list[str]:
            if name:
                return [name] if presence.lane(db, name) else []
            return presence.lanes(db, LANES)

        async with self._held(presence.INBOX, take) as found:
            yield found

    @asynccontextmanager
    async def receivers(self, now: datetime) -> AsyncIterator[Names]:
        def take(db: Db) -> list[str]:
            return presence.receivers(db, now, RECEIVERS, self.side)

        async with self._held(presence.OUTBOX, take) as found:
            yield found

    @asynccontextmanager
    async def _held(self, family: int, take: Callable[[Db], list[str]]) -> AsyncIterator[Names]:
        if self.door is None:
            yield None
            return
        names = await self.door.do(take)
        try:
            yield names
        finally:
            if names:
                await self.door.do(lambda db: presence.free(db, family, names))
