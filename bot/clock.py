"""The one place that reads the wall clock, and clocks that can be moved for the sandbox."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime: ...


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class SandboxClock:
    """Starts anywhere, runs with real time unless it is frozen, and can be set or moved."""

    def __init__(self, start: datetime, *, frozen: bool) -> None:
        self._start = start.astimezone(UTC)
        self._since = time.monotonic()
        self._frozen = frozen

    def now(self) -> datetime:
        run = 0.0 if self._frozen else time.monotonic() - self._since
        return self._start + timedelta(seconds=run)

    def set(self, to: datetime) -> None:
        self._start = to.astimezone(UTC)
        self._since = time.monotonic()

    def add(self, step: timedelta) -> None:
        self.set(self.now() + step)
