"""The one thread that owns the store; everything that waits for it shares a commit."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from storage.db import Again, Db

log = logging.getLogger(__name__)
T = TypeVar("T")
TRIES = 8  # of a batch that other processes overtook; from the fourth on it is done alone
SLICE_S = 0.05  # how long a batch may go on while callbacks wait for their commit


class Store(Db, Protocol):
    def settle(self) -> None:
        """What must follow a commit."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Job:
    run: Callable[[Db], Any]
    future: "asyncio.Future[Any]"
    urgent: bool
    value: Any = None
    error: BaseException | None = None


class Writer:
    """Runs functions of the store in order of arrival, urgent ones first.

    Each has its own savepoint, so one that raises undoes only itself; a future resolves after
    the commit, so what it tells is on disk. A commit takes about 4 ms however many share it.
    """

    def __init__(self, open_store: Callable[[], Store], loop: asyncio.AbstractEventLoop) -> None:
        self._open = open_store
        self._loop = loop
        self._urgent: deque[_Job] = deque()
        self._normal: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._ready: asyncio.Future[None] = loop.create_future()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    async def start(self) -> None:
        """Open the store; raises what opening raised."""
        self._thread.start()
        await self._ready

    async def do(self, run: Callable[[Db], T], *, urgent: bool = False) -> T:
        job = _Job(run, self._loop.create_future(), urgent)
        with self._wake:
            if self._closing:
                raise RuntimeError("the store is closed")
            (self._urgent if urgent else self._normal).append(job)
            self._wake.notify()
        result: T = await job.future
        return result

    @property
    def pressed(self) -> bool:
        """Whether somebody waits who must not wait long."""
        return bool(self._urgent)

    async def close(self) -> None:
        """Finish what waits, then close the store."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            store = self._open()
        except Exception as exc:  # told to whoever awaits start()
            self._loop.call_soon_threadsafe(self._ready.set_exception, exc)
            return
        self._loop.call_soon_threadsafe(self._ready.set_result, None)
        while batch := self._take():
            self._commit(store, batch)
        store.close()

    def _take(self) -> list[_Job]:
        with self._wake:
            while not (self._urgent or self._normal or self._closing):
                self._wake.wait()
            queue = self._urgent or self._normal
            batch = list(queue)
            queue.clear()
            return batch

    def _commit(self, store: Store, batch: list[_Job]) -> None:
        done: list[_Job] = []
        try:
            self._settled(store, batch, done)
            _settle(store)
        except Exception as exc:  # the commit itself failed: nothing of the batch holds
            log.exception("commit failed")
            done = done or batch  # it could not even begin: told, not tried again for ever
            for job in done:
                job.error = exc
        with self._wake:
            self._normal.extendleft(reversed(batch[len(done) :]))
        self._loop.call_soon_threadsafe(_tell, done)

    def _settled(self, store: Store, batch: list[_Job], done: list[_Job]) -> None:
        """Once more from the start where another process was quicker."""
        for left in reversed(range(TRIES)):
            try:
                if _at_once(store, batch, done):
                    return
                return self._together(store, batch, done)
            except Again:
                if not left:
                    raise
                log.info("another process was quicker; %d jobs once more", len(batch))

    def _together(self, store: Store, batch: list[_Job], done: list[_Job]) -> None:
        until = time.monotonic() + SLICE_S
        done.clear()
        with store.atomic():
            for job in batch:
                if done and self._urgent and time.monotonic() > until:
                    break
                _try(store, job)
                done.append(job)


def _at_once(store: Store, batch: list[_Job], done: list[_Job]) -> bool:
    """Urgent ones are short and hardly ever fail, so that they do without a savepoint each, which
    costs more than what they do. False when one did fail: then nothing was done yet."""
    if not batch[0].urgent:
        return False
    try:
        with store.atomic():
            for job in batch:
                job.value = job.run(store)
    except Again:
        raise
    except Exception as exc:  # found again, and told to whom it concerns, one by one
        log.info("%d urgent jobs one by one: %s", len(batch), exc)
        return False
    done[:] = batch
    return True


def _try(store: Store, job: _Job) -> None:
    job.error = None
    try:
        with store.atomic():
            job.value = job.run(store)
    except Again:
        raise
    except Exception as exc:  # handed to whoever awaits the future
        job.error = exc


def _settle(store: Store) -> None:
    """The commit holds whatever becomes of this, so nobody is told that it failed."""
    try:
        store.settle()
    except Exception:  # tried again after the next commit
        log.exception("what follows a commit failed")


def _tell(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue  # whoever waited has gone
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.value)
