"""bench: what this machine makes of it, as ratios measured in one run; on loopback only."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import linear_regression, median, quantiles
from typing import Any

import aiohttp
import click

from bot.commands.bench_audience import audiences
from bot.commands.bench_cold import cold
from bot.commands.bench_console import console
from bot.commands.bench_h5 import h5
from bot.commands.bench_load import (
    CONNECTIONS,
    PATIENCE_S,
    STORE,
    Child,
    callback,
    child,
    drained,
    ended,
    free_port,
    load,
)
from bot.commands.bench_long import resident, rows, steady, stuck, sync
from bot.commands.bench_nlp import nlp
from bot.commands.bench_peers import peers
from bot.commands.bench_ticks import ticks
from bot.commands.common import fail, json_option, show
from bot.commands.figures import BenchError, Figure, NotHere, Size
from bot.sandbox import demo, stage
from bot.sandbox.stage import Stage

LOOK_S = 0.02
PYTHON = (sys.executable, "-c", "pass")
PROC = Path("/proc")
SLICE = 500  # messages that wait at a time: a busy minute, not a flood


# ack


async def ack(size: Size) -> list[Figure]:
    """Callbacks acknowledged after their commit, against a bare echo of the same bytes."""
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        async with child("echo") as echo, child("bot", folder, echo.url, "keeps") as bot:
            _warming, *rounds = [await _round(n, echo, bot, size) for n in range(size.rounds + 1)]
    bare = median(r.bare for r in rounds)
    cuts = quantiles([wait for r in rounds for wait in r.waits], n=100)
    return [
        Figure("ack", "落盘后应答的回调，每秒", f"{median(r.kept for r in rounds):.0f}",
               median(r.kept / r.bare for r in rounds),
               f"裸 aiohttp 回显同样的请求，每秒 {bare:.0f}"),
        Figure("ack", f"{CONNECTIONS} 个连接下的应答时间 p50 / p99",
               f"{cuts[49] * 1000:.1f} / {cuts[98] * 1000:.1f} ms", None, ""),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Round:
    """Answers a second of both, and how long each of ours took."""

    bare: float
    kept: float
    waits: list[float]


async def _round(number: int, echo: Child, bot: Child, size: Size) -> Round:
    """Both get the same new messages, one after the other."""
    first = number * size.burst + 1
    requests = [callback(first + n) for n in range(size.burst)]
    bare, _ = await load(echo.port, requests, size.limit_s)
    kept, tally = await load(bot.port, requests, size.limit_s)
    return Round(bare, kept, tally.waits)


# suggest


async def suggest(size: Size) -> list[Figure]:
    """From the callback to the suggestion's call at the pretend WeCom, all of it over HTTP."""
    async with stage.open_stage(start=demo.START, frozen=False) as found:
        work = asyncio.create_task(found.running.app.run())
        try:
            waits, bare = await _asked(found, size.asked)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    cuts = quantiles(waits, n=100)
    return [
        Figure("suggest", "从回调到话术发出 p50", f"{cuts[49] * 1000:.1f} ms",
               median(waits) / median(bare), f"一次空的 HTTP 往返 {median(bare) * 1000:.1f} ms"),
        Figure("suggest", "从回调到话术发出 p99", f"{cuts[98] * 1000:.1f} ms",
               cuts[98] / median(bare), f"{size.asked} 条消息"),
    ]  # fmt: skip


async def _asked(found: Stage, count: int) -> tuple[list[float], list[float]]:
    waits, bare = [], []
    async with aiohttp.ClientSession() as http:
        for n in range(count):
            advisor = demo.ADVISORS[n % len(demo.ADVISORS)].userid
            waits.append(await _one(found, advisor, demo.ASKED[n % len(demo.ASKED)]))
            bare.append(await _trip(http, f"{found.url}/healthz"))
            found.clock.add(timedelta(minutes=1))  # nobody shall run into the limit a minute
    return waits[min(5, count // 4) :], bare


async def _one(found: Stage, advisor: str, words: str) -> float:
    seen, asked = len(found.pretend.received()), found.clock.now()
    await found.pretend.say("app", advisor, words)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for item in found.pretend.received(seen):
            if item["to"] == advisor:
                return (datetime.fromisoformat(item["at"]) - asked).total_seconds()
        await asyncio.sleep(0.001)
    raise BenchError(f"{advisor} 没有收到话术")


async def _trip(http: aiohttp.ClientSession, url: str) -> float:
    began = time.perf_counter()
    async with http.get(url) as answer:
        await answer.read()
    return time.perf_counter() - began


# start


async def start(size: Size) -> list[Figure]:
    """A fresh process until it says that it is ready, demo history of sixty days included."""
    pairs = []
    for _ in range(size.starts):
        bare = await _python()
        pairs.append((bare, await _sandbox(free_port())))
    ratio = median(cold / bare for bare, cold in pairs)
    cold, bare = median(p[1] for p in pairs), median(p[0] for p in pairs)
    return [
        Figure("start", "salesbot sandbox 冷启动到就绪", f"{cold:.1f} s", ratio,
               f"Python 自己起落一次 {bare * 1000:.0f} ms")
    ]  # fmt: skip


async def _python() -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*PYTHON)
    await process.wait()
    return time.perf_counter() - began


async def _sandbox(port: int) -> float:
    quiet = asyncio.subprocess.DEVNULL
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "sandbox", "--port", str(port), stdout=quiet, stderr=quiet
    )
    try:
        await _came_up(process, f"http://127.0.0.1:{port}/readyz")
        return time.perf_counter() - began
    finally:
        if process.returncode is None:
            process.terminate()
        await ended(process)


async def _came_up(process: asyncio.subprocess.Process, url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if await _ready(http, url):
                return
            if process.returncode is not None:
                break
            await asyncio.sleep(LOOK_S)
    raise BenchError("沙盒没有就绪；请先运行 salesbot sandbox 看原因")


async def _ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False


# memory


async def memory(size: Size) -> list[Figure]:
    """What the process holds after so many messages, handled and answered, and how fast it was."""
    if not (PROC / "self" / "status").exists():
        raise NotHere("这个系统没有 /proc，读不到内存，跳过 memory")
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        async with child("api") as api, child("bot", folder, api.url, "works") as bot:
            ready, began = resident(bot.pid), time.perf_counter()
            seen = [one async for one in _growing(bot, Path(folder) / STORE, size)]
            took = time.perf_counter() - began
    count, after = seen[-1]
    return [
        Figure("memory", f"{count} 条消息之后的内存", f"{after:.0f} MB", after / ready,
               f"刚就绪时 {ready:.0f} MB"),
        Figure("memory", "热身的三分之一之后，每十万条多占的内存", f"{slope(seen):.2f} MB",
               None, ""),
        Figure("memory", "处理完并发出的消息，每秒", f"{count / took:.0f}", None, ""),
    ]  # fmt: skip


async def _growing(bot: Child, store: Path, size: Size) -> AsyncIterator[tuple[int, float]]:
    """Messages so far and megabytes held, each time everything that came is done."""
    until = time.monotonic() + size.memory_s
    for first in range(1, size.messages + 1, SLICE):
        last = min(first + SLICE - 1, size.messages)
        await load(bot.port, map(callback, range(first, last + 1)), PATIENCE_S)
        await drained(store)
        yield last, resident(bot.pid)
        if time.monotonic() > until:
            return


def slope(seen: Sequence[tuple[int, float]]) -> float:
    """Megabytes for each hundred thousand: the straight line that fits the last two thirds best.

    Before that caches fill, which end somewhere.
    """
    late = seen[len(seen) // 3 :]
    if len(late) < 2:
        return 0.0
    return linear_regression(*zip(*late, strict=True)).slope * 100_000


# The command

Run = Callable[[Size], Coroutine[Any, Any, list[Figure]]]
BENCHES: dict[str, tuple[Run, str]] = {
    "ack": (ack, "约 20 秒"),
    "suggest": (suggest, "约 15 秒"),
    "start": (start, "约 20 秒"),
    "memory": (memory, "约 1 分钟"),
    "nlp": (nlp, "约 20 秒"),
    "ticks": (ticks, "约 15 秒"),
    "audience": (audiences, "约 20 秒"),
    "h5": (h5, "约 10 秒"),
    "console": (console, "约 2 分钟"),
    "peers": (peers, "约 2 分钟"),
    "sync": (sync, "约 40 秒"),
    "rows": (rows, "约 20 秒"),
    "steady": (steady, "约 40 秒"),
    "cold": (cold, "约 30 秒"),
    "stuck": (stuck, "约 20 秒"),
}
LONG = ("sync", "rows", "steady", "cold", "stuck")  # by name, or with --full
FULL = Size(rounds=15, burst=6000, limit_s=8.0, asked=1000, starts=7, messages=1_000_000,
            memory_s=900,
            customers=1_000_000, inbox=10_000_000, rate=600, seconds=600,
            stuck=2000)  # fmt: skip
COLUMNS = {"bench": "项目", "what": "量的是", "value": "结果", "shown": "比值", "against": "比的是"}


@click.command()
@click.argument("name", required=False, type=click.Choice(list(BENCHES)))
@click.option("--full", is_flag=True, help="量得更多更久，一项要几分钟到半小时")
@click.option("--rate", type=click.IntRange(1, 10_000), help="steady：每秒多少条")
@click.option(
    "--seconds", type=click.IntRange(1, 86_400), help="steady：多少秒；memory：最多多少秒"
)
@json_option
def bench(
    name: str | None, full: bool, rate: int | None, seconds: int | None, as_json: bool
) -> None:
    """自带的性能测量：只用本机，不要配置，看比值。"""
    chosen = [name] if name else [one for one in BENCHES if full or one not in LONG]
    size = FULL if full else Size()
    size = replace(size, rate=rate or size.rate, seconds=seconds or size.seconds,
                   memory_s=seconds or size.memory_s)  # fmt: skip
    figures: list[Figure] = []
    for one in chosen:
        run, takes = BENCHES[one]
        click.echo(f"{one}：{'数分钟' if full else takes}…", err=True)
        try:
            figures += asyncio.run(run(size))
        except NotHere as exc:
            click.echo(str(exc), err=True)
        except BenchError as exc:
            fail(str(exc))
    show([f.row() for f in figures], COLUMNS, as_json=as_json)
