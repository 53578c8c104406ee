"""The parts of bench that take their time: sync, rows, steady and stuck."""

import asyncio
import itertools
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from bot.commands.bench_load import (
    CONNECTIONS,
    PATIENCE_S,
    STORE,
    Child,
    callback,
    child,
    drained,
    load,
)
from bot.commands.figures import BenchError, Figure, NotHere, Size
from bot.patience import many_files
from storage import inbox
from storage.db import stamp
from storage.sqlite import Sqlite

AT = datetime(2026, 3, 6, 2, tzinfo=UTC)
BATCH = 20_000
TOGETHER = 32  # rows that share a commit, as callbacks do
HALF = b"POST /callback/app HTTP/1.1\r\nHost: bench\r\nContent-Length: 900\r\nX-Slow: "
SQL_DONE = """insert into inbox (id, seq, channel, lane, body, received_at, state, attempts, reply,
        done_at) values (?, ?, 'app', ?, ?, ?, 'done', 1, '', ?)"""
PROC = Path("/proc")


# sync


async def sync(size: Size) -> list[Figure]:
    """Callbacks acknowledged after a commit that is on disk, against one that the cache holds."""
    async with AsyncExitStack() as closing:
        folders = [closing.enter_context(tempfile.TemporaryDirectory()) for _ in range(2)]
        echo = await closing.enter_async_context(child("echo"))
        full, normal = [
            await closing.enter_async_context(child("bot", folder, echo.url, how))
            for folder, how in zip(folders, ("keeps", "normal"), strict=True)
        ]
        pairs = [await _both(n, full, normal, size) for n in range(size.rounds + 1)][1:]
    return [
        Figure("sync", "每次提交都落盘（FULL），每秒应答", f"{median(a for a, _ in pairs):.0f}",
               median(a / b for a, b in pairs),
               f"NORMAL（断电可能丢），每秒 {median(b for _, b in pairs):.0f}"),
    ]  # fmt: skip


async def _both(number: int, full: Child, normal: Child, size: Size) -> tuple[float, float]:
    """In turn one or the other first, since whoever is second finds a warmer machine."""
    requests = [callback(number * size.burst + n + 1) for n in range(size.burst)]
    order = (full, normal) if number % 2 else (normal, full)
    rates = {one.port: (await load(one.port, requests, size.limit_s))[0] for one in order}
    return rates[full.port], rates[normal.port]


# rows


async def rows(size: Size) -> list[Figure]:
    """A store that has seen a hundred times as many messages: known or new, and keeping one."""
    return await asyncio.to_thread(_rows, size)


def _rows(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        small = _grown(Path(folder) / "small.db", size.inbox // 100)
        large = _grown(Path(folder) / "large.db", size.inbox)
        turns = [_turn(small, large, size, n) for n in range(size.rounds)]
        small.close()
        large.close()
    less, more = (median(turn[place].look for turn in turns) * 1e6 for place in (0, 1))
    few, many = (median(turn[place].rate for turn in turns) for place in (0, 1))
    return [
        Figure("rows", f"{size.inbox} 行收件表里认出重复的一条", f"{more:.0f} µs",
               median(b.look / a.look for a, b in turns),
               f"{size.inbox // 100} 行时 {less:.0f} µs"),
        Figure("rows", f"同上，每秒收下（{TOGETHER} 条一次提交）", f"{many:.0f}",
               median(b.rate / a.rate for a, b in turns),
               f"{size.inbox // 100} 行时每秒 {few:.0f}"),
    ]  # fmt: skip


def _grown(path: Path, count: int) -> Sqlite:
    """Filled as a file that nobody waits for; afterwards it is a store like any other."""
    store = Sqlite(path)
    store.migrate()
    with sqlite3.connect(path) as db:
        db.execute("pragma synchronous = off")
        for first in range(0, count, BATCH):
            db.executemany(SQL_DONE, map(_row, range(first, min(first + BATCH, count))))
            db.commit()
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    return store


def _row(n: int) -> tuple[str, int, str, str, str, str]:
    at = stamp(AT - timedelta(seconds=n))
    return _key(n), n + 1, f"member{n % 2000}", f"<xml>{n:0200}</xml>", at, at


def _key(n: int) -> str:
    """Numbers of messages are spread over their whole range, as the platform's are."""
    return f"app:m:1000002:{n * 2_654_435_761 % 2**63}"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds to know one that came before, and rows kept a second."""

    look: float
    rate: float


def _turn(small: Sqlite, large: Sqlite, size: Size, number: int) -> tuple[Pace, Pace]:
    """In turn one or the other first, since whoever is second finds a warmer machine."""
    if number % 2:
        few = _pace(small, size.inbox // 100, size, number)
        return few, _pace(large, size.inbox, size, number)
    many = _pace(large, size.inbox, size, number)
    return _pace(small, size.inbox // 100, size, number), many


def _pace(store: Sqlite, count: int, size: Size, number: int) -> Pace:
    look = _known(store, count, size.asked)
    return Pace(look, _kept(store, count + number * size.asked * TOGETHER, size.asked))


def _known(store: Sqlite, count: int, times: int) -> float:
    """Seconds for one that came before, spread over everything that ever came."""
    took = []
    for n in range(0, count, max(1, count // times)):
        again = inbox.Kept(_key(n), "app", "member1", "x")
        began = time.perf_counter()
        fresh = inbox.keep(store, again, AT)
        took.append(time.perf_counter() - began)
        if fresh:
            raise BenchError("一条重复的被当成新的；这次的数字不能用")
    return median(took)


def _kept(store: Sqlite, first: int, commits: int) -> float:
    """Rows a second, each batch on disk."""
    began = time.perf_counter()
    for n in range(commits):
        with store.atomic():
            for m in range(TOGETHER):
                key = _key(first + n * TOGETHER + m)
                inbox.keep(store, inbox.Kept(key, "app", f"member{m}", "x" * 300), AT)
    return commits * TOGETHER / (time.perf_counter() - began)


# steady


async def steady(size: Size) -> list[Figure]:
    """So many messages a second for so long on one core, everything done: waits and memory."""
    if not (PROC / "self" / "status").exists():
        raise NotHere("这个系统没有 /proc，读不到内存，跳过 steady")
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        async with child("api") as api, child("bot", folder, api.url, "works") as bot:
            await load(bot.port, map(callback, range(1, 401)), PATIENCE_S)  # everything is loaded
            await drained(Path(folder) / STORE)
            ready, began = resident(bot.pid), time.perf_counter()
            waits = await _paced(bot.port, size)
            behind = await asyncio.to_thread(_behind, Path(folder) / STORE)
            await drained(Path(folder) / STORE)
            took, after = time.perf_counter() - began, resident(bot.pid)
    sent, cuts = len(waits), quantiles(waits, n=100)
    slope = (after - ready) / sent * 100_000
    return [
        Figure("steady", f"每秒 {size.rate} 条、{size.seconds} 秒，全部做完：应答 p50 / p99",
               f"{cuts[49] * 1000:.1f} / {cuts[98] * 1000:.1f} ms", cuts[98] / cuts[49],
               f"p99 比 p50；实际每秒 {sent / size.seconds:.0f} 条"),
        Figure("steady", "停止来信时还没做完的", f"{behind} 条", behind / sent,
               f"{sent} 条；连同这些共用 {took:.0f} 秒，每秒做完 {sent / took:.0f}"),
        Figure("steady", "每十万条消息多占的内存", f"{slope:.1f} MB", after / ready,
               f"{ready:.0f} MB → {after:.0f} MB"),
    ]  # fmt: skip


async def _paced(port: int, size: Size) -> list[float]:
    """At a pace of its own, however long the answers take; a wait begins when it was its turn."""
    queue: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    waits: list[float] = []
    line = [asyncio.create_task(_served(port, queue, waits)) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for n in range(size.rate * size.seconds):
        turn = began + n / size.rate
        if (left := turn - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        queue.put_nowait((turn, callback(100_000 + n)))
    for _ in line:
        queue.put_nowait(None)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*line)
    return waits


async def _served(
    port: int, queue: "asyncio.Queue[tuple[float, bytes] | None]", waits: list[float]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (one := await queue.get()) is not None:
        turn, request = one
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchError("有一条没有得到 200；这次的数字不能用")
        waits.append(time.perf_counter() - turn)
    writer.close()
    await writer.wait_closed()


def _behind(file: Path) -> int:
    store = Sqlite(file)
    try:
        return inbox.depth(store)
    finally:
        store.close()


def resident(pid: int) -> float:
    """Megabytes that a process holds."""
    status = (PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace")
    line = next(row for row in status.splitlines() if row.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


# stuck


async def stuck(size: Size) -> list[Figure]:
    """Honest callbacks while many sockets hold half a request, against the same without them."""
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        async with child("echo") as echo, child("bot", folder, echo.url, "keeps") as bot:
            turn = itertools.count(1)
            await _waits(bot.port, turn, size)
            alone = await _waits(bot.port, turn, size)
            async with _crowd(bot.port, size.stuck) as open_ones:
                crowded = await _waits(bot.port, turn, size)
    return [
        Figure("stuck", f"{open_ones} 个只发半个请求的连接在时，回调应答 p99",
               f"{crowded * 1000:.1f} ms", crowded / alone, f"没有它们时 {alone * 1000:.1f} ms"),
    ]  # fmt: skip


async def _waits(port: int, turn: Iterator[int], size: Size) -> float:
    requests = [callback(next(turn)) for _ in range(size.burst)]
    _, tally = await load(port, requests, size.limit_s)
    return quantiles(tally.waits, n=100)[98]


@asynccontextmanager
async def _crowd(port: int, many: int) -> AsyncIterator[int]:
    """Sockets that send the beginning of a request and nothing more."""
    many_files()
    held = []
    for _ in range(many):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF)
        held.append(writer)
    try:
        yield len(held)
    finally:
        for writer in held:
            writer.transport.abort()
