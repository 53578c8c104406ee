"""The thread that owns the store: shared commits, savepoints, urgency, failures."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from bot.sandbox.demo import START as NOW
from bot.writer import Writer
from storage import points
from storage.db import number
from storage.sqlite import Sqlite


class Counting(Sqlite):
    """A store that counts its outermost transactions and can fail at them."""

    def __init__(self):
        super().__init__(None)
        self.migrate()
        self.depth = self.commits = 0
        self.refuse_begin = self.refuse_commit = 0

    @contextmanager
    def atomic(self):
        outermost = self.depth == 0
        if outermost and self.refuse_begin:
            self.refuse_begin -= 1
            raise OSError("disk full")
        self.depth += 1
        try:
            with super().atomic():
                yield
                if outermost and self.refuse_commit:
                    self.refuse_commit -= 1
                    raise OSError("disk full")
            self.commits += outermost
        finally:
            self.depth -= 1


class Desk:
    """A started writer; `hold` keeps its thread busy so that what follows waits together."""

    def __init__(self, writer, box):
        self.writer = writer
        self.box = box
        self.gate = threading.Event()

    @property
    def store(self):
        return self.box[0]

    async def hold(self):
        entered = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def stand(db):
            loop.call_soon_threadsafe(entered.set_result, None)
            self.gate.wait(10)

        busy = asyncio.create_task(self.writer.do(stand))
        await entered
        return busy

    async def queue(self, *jobs, urgent=False):
        """Put jobs in line, in this order, without waiting for them."""
        tasks = [asyncio.create_task(self.writer.do(job, urgent=urgent)) for job in jobs]
        await asyncio.sleep(0)
        return tasks


@pytest.fixture
async def desk():
    box = []

    def open_store():
        box.append(Counting())
        return box[0]

    writer = Writer(open_store, asyncio.get_running_loop())
    await writer.start()
    found = Desk(writer, box)
    yield found
    found.gate.set()
    await writer.close()


def book(key):
    return lambda db: points.add(
        db, key=key, chat_id="team", member="zhang", delta=1, reason="签到", now=NOW
    )


def booked(db):
    return number(db, "select count(*) from points")


def boom(db):
    book("lost")(db)
    raise LookupError("no such thing")


def test_a_store_that_cannot_be_opened_is_told_to_who_starts_it():
    async def start():
        writer = Writer(lambda: 1 / 0, asyncio.get_running_loop())
        await writer.start()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(start())


async def test_what_waits_together_shares_one_commit(desk):
    busy = await desk.hold()
    tasks = await desk.queue(*(book(f"k{n}") for n in range(20)))
    before = desk.store.commits

    desk.gate.set()
    await asyncio.gather(busy, *tasks)

    assert desk.store.commits - before == 2  # the one that held the desk, and all the others
    assert await desk.writer.do(booked) == 20


async def test_one_that_raises_undoes_only_itself(desk):
    busy = await desk.hold()
    tasks = await desk.queue(book("a"), boom, book("b"))

    desk.gate.set()
    done = await asyncio.gather(busy, *tasks, return_exceptions=True)

    assert [type(one) for one in done[1:]] == [bool, LookupError, bool]
    assert await desk.writer.do(booked) == 2


async def test_an_urgent_one_that_raises_undoes_only_itself_too(desk):
    busy = await desk.hold()
    tasks = await desk.queue(book("a"), boom, book("b"), urgent=True)

    desk.gate.set()
    done = await asyncio.gather(busy, *tasks, return_exceptions=True)

    assert [type(one) for one in done[1:]] == [bool, LookupError, bool]
    assert await desk.writer.do(booked) == 2


async def test_urgent_ones_ask_for_no_savepoint_each(desk):
    busy = await desk.hold()
    depths = []
    tasks = await desk.queue(*[lambda db: depths.append(db.depth)] * 3, urgent=True)

    desk.gate.set()
    await asyncio.gather(busy, *tasks)

    assert depths == [1, 1, 1]


async def test_urgent_ones_go_first(desk):
    busy = await desk.hold()
    order = []
    slow = await desk.queue(*(lambda db, n=n: order.append(f"slow {n}") for n in range(3)))
    quick = await desk.queue(lambda db: order.append("urgent"), urgent=True)

    desk.gate.set()
    await asyncio.gather(busy, *slow, *quick)

    assert order == ["urgent", "slow 0", "slow 1", "slow 2"]


async def test_a_commit_that_fails_fails_all_who_shared_it(desk):
    busy = await desk.hold()
    tasks = await desk.queue(book("a"), book("b"))
    desk.store.refuse_commit = 2  # that of the holder, and the one the two others share

    desk.gate.set()
    done = await asyncio.gather(busy, *tasks, return_exceptions=True)

    assert [str(one) for one in done] == ["disk full"] * 3
    assert await desk.writer.do(booked) == 0


async def test_a_transaction_that_cannot_begin_fails_its_jobs_instead_of_spinning(desk):
    await desk.writer.do(booked)
    desk.store.refuse_begin = 1

    with pytest.raises(OSError, match="disk full"):
        await asyncio.wait_for(desk.writer.do(book("a")), 5)

    assert await desk.writer.do(booked) == 0


async def test_one_who_stopped_waiting_does_not_stop_the_others(desk):
    busy = await desk.hold()
    gone, here = await desk.queue(book("a"), book("b"))
    gone.cancel()

    desk.gate.set()
    await asyncio.gather(busy, here)

    assert await desk.writer.do(booked) == 2


async def test_closing_finishes_what_waits(desk):
    busy = await desk.hold()
    tasks = await desk.queue(book("a"), book("b"))
    closing = asyncio.create_task(desk.writer.close())
    await asyncio.sleep(0)

    desk.gate.set()
    await closing

    assert await asyncio.gather(busy, *tasks) == [None, True, True]
    with pytest.raises(RuntimeError, match="closed"):
        await desk.writer.do(booked)
