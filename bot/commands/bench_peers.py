"""The part `peers` of bench: the whole job, against bots as tutorials write them.

Ten thousand scripts, each asked about in words of its own, and questions that are worded unlike any
of them; each server on one core where the system can pin it.
The product does everything: kept durably, understood, tagged, three scripts ranked and pushed. The
peers do what `bot.commands.peers` says, which is less. Same messages, same machine, same run.
"""

import asyncio
import importlib.util
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from statistics import median

import aiohttp

from bot.commands.bench_load import (
    CHANNEL,
    CORP,
    ONE_CORE,
    PATIENCE_S,
    STORE,
    callback,
    child,
    drained,
    ended,
    free_port,
    load,
    spent,
)
from bot.commands.figures import BenchError, Figure, NotHere, Size
from bot.commands.peers import KINDS, WORKERS, said

NEEDED = ("flask", "gunicorn", "fastapi", "uvicorn", "aiosqlite")
NAMES = {"flask": "Flask 自带服务器，一条一提交，WRatio 扫全部话术，请求里推送",
         "gunicorn": f"gunicorn 上的 Flask（{WORKERS} 个进程），WAL，ratio，不推送",
         "fastapi": "FastAPI + aiosqlite，WAL，ratio，不推送"}  # fmt: skip
LIMIT_S = 6.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages a second, and what one costs of the processor, which a busy machine changes less."""

    rate: float
    cost_ms: float


async def peers(size: Size) -> list[Figure]:
    """Messages a second that are wholly done, by us and by each peer."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise NotHere(f"没有装 {'、'.join(missing)}；请先 pip install 'salesbot[bench]'")
    numbers = count(1)
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        async with child("api") as api:
            ours = await _ours(api.url, Path(folder), size, numbers)
            found = {kind: await _theirs(kind, api.url, folder, size, numbers) for kind in KINDS}
    rates = [Figure("peers", "整件事做完的消息，每秒", f"{ours.rate:.0f}", ours.rate / p.rate,
                    f"{NAMES[kind]}：每秒 {p.rate:.1f}") for kind, p in found.items()]  # fmt: skip
    costs = [Figure("peers", "一条消息的处理器时间", f"{ours.cost_ms:.1f} ms",
                    p.cost_ms / ours.cost_ms, f"{NAMES[kind]}：{p.cost_ms:.1f} ms")
             for kind, p in found.items() if ours.cost_ms]  # fmt: skip
    return rates + costs


async def _ours(api: str, folder: Path, size: Size, numbers: "count[int]") -> Pace:
    """Until the last answer has been pushed, not until the last acknowledgement."""
    async with child("bot", str(folder), api, "many") as bot:

        async def once() -> int:
            _, tally = await load(bot.port, _burst(numbers, size.burst // 6), size.limit_s)
            await drained(folder / STORE)
            return tally.ok

        return await _paced(bot.pid, size, once)


async def _theirs(kind: str, api: str, folder: str, size: Size, numbers: "count[int]") -> Pace:
    async with _peer(kind, api, folder) as (pid, port):

        async def once() -> int:
            limit_s = min(size.limit_s, LIMIT_S)
            return (await load(port, _burst(numbers, size.burst), limit_s))[1].ok

        return await _paced(pid, size, once)


async def _paced(pid: int, size: Size, once: Callable[[], Awaitable[int]]) -> Pace:
    """The median of the rounds; the first one warms up."""
    found = []
    for _ in range(size.rounds + 1):
        used, began = spent(pid), time.perf_counter()
        done = await once()
        took, cost = time.perf_counter() - began, spent(pid) - used
        found.append((done / took, cost / done * 1000))
    return Pace(*(median(one[n] for one in found[1:]) for n in (0, 1)))


def _burst(numbers: "count[int]", most: int) -> list[bytes]:
    """Questions only, as the peers know nothing else; each member asks again after thousands."""
    return [callback(n, said(n)) for n in islice(numbers, most)]


@asynccontextmanager
async def _peer(kind: str, api: str, folder: str) -> AsyncIterator[tuple[int, int]]:
    port, quiet = free_port(), asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *ONE_CORE, sys.executable, "-m", "bot.commands.peers", kind, str(port), api, folder,
        CHANNEL.token, CHANNEL.aes_key, CORP, stdout=quiet, stderr=quiet,
    )  # fmt: skip
    try:
        await _listens(process, port)
        yield process.pid, port
    finally:
        if process.returncode is None:
            process.terminate()
        await ended(process)


async def _listens(process: asyncio.subprocess.Process, port: int) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(int(PATIENCE_S / 0.1)):
            try:
                async with http.get(f"http://127.0.0.1:{port}/"):
                    return
            except aiohttp.ClientConnectionError:
                if process.returncode is not None:
                    break
                await asyncio.sleep(0.1)
    raise BenchError("对照的程序没有起来")
