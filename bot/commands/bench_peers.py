"""The part `peers` of bench: the whole job, against bots as tutorials write them.

Ten thousand scripts, each server on one core where the system can pin it.
The product does everything: kept durably, understood, tagged, three scripts ranked and pushed. The
peers do what `bot.commands.peers` says, which is less. Same messages, same machine, same run.
"""

import asyncio
import importlib.util
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
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
)
from bot.commands.figures import BenchError, Figure, NotHere, Size
from bot.commands.peers import KINDS, WORKERS

NEEDED = ("flask", "gunicorn", "fastapi", "uvicorn", "aiosqlite")
NAMES = {"flask": "Flask 自带服务器，一条一提交，WRatio 扫全部话术，请求里推送",
         "gunicorn": f"gunicorn 上的 Flask（{WORKERS} 个进程），WAL，ratio，不推送",
         "fastapi": "FastAPI + aiosqlite，WAL，ratio，不推送"}  # fmt: skip
LIMIT_S = 6.0


async def peers(size: Size) -> list[Figure]:
    """Messages a second that are wholly done, by us and by each peer."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise NotHere(f"没有装 {'、'.join(missing)}；请先 pip install 'salesbot[bench]'")
    numbers = count(4, 4)  # each of these is a question, as the peers know nothing else
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        async with child("api") as api:
            ours = await _ours(api.url, Path(folder), size, numbers)
            found = {kind: await _theirs(kind, api.url, folder, size, numbers) for kind in KINDS}
    return [Figure("peers", "整件事做完的消息，每秒", f"{ours:.0f}", ours / rate,
                   f"{NAMES[kind]}：每秒 {rate:.1f}") for kind, rate in found.items()]  # fmt: skip


async def _ours(api: str, folder: Path, size: Size, numbers: "count[int]") -> float:
    """Until the last answer has been pushed, not until the last acknowledgement."""
    async with child("bot", str(folder), api, "many") as bot:
        rates = []
        for _ in range(size.rounds + 1):
            began = time.perf_counter()
            _, tally = await load(bot.port, _burst(numbers, size.burst // 10), size.limit_s)
            await drained(folder / STORE)
            rates.append(tally.ok / (time.perf_counter() - began))
    return median(rates[1:])


async def _theirs(
    kind: str, api: str, folder: str, size: Size, numbers: "count[int]"
) -> float:  # fmt: skip
    async with _peer(kind, api, folder) as port:
        rates = []
        for _ in range(size.rounds + 1):
            rate, _ = await load(port, _burst(numbers, size.burst), min(size.limit_s, LIMIT_S))
            rates.append(rate)
    return median(rates[1:])


def _burst(numbers: "count[int]", most: int) -> list[bytes]:
    return [callback(next(numbers)) for _ in range(most)]


@asynccontextmanager
async def _peer(kind: str, api: str, folder: str) -> AsyncIterator[int]:
    port, quiet = free_port(), asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *ONE_CORE, sys.executable, "-m", "bot.commands.peers", kind, str(port), api, folder,
        CHANNEL.token, CHANNEL.aes_key, CORP, stdout=quiet, stderr=quiet,
    )  # fmt: skip
    try:
        await _listens(process, port)
        yield port
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
