"""The part `cold` of bench: `salesbot serve` as a company starts it, on a large store."""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiohttp

from bot import library
from bot.commands.bench_load import CHANNEL, CORP, PATIENCE_S, ended, free_port
from bot.commands.bench_long import PROC, resident
from bot.commands.bench_ticks import SQL_CUSTOMER
from bot.commands.figures import BenchError, Figure, NotHere, Size
from storage.sqlite import Sqlite

AT = datetime(2026, 3, 6, 2, tzinfo=UTC)
LOOK_S = 0.01
CONFIG = f"""[server]
port = {{port}}
[storage]
url = "sqlite:///bench.db"
[wecom]
corp_id = "{CORP}"
api_base = "http://127.0.0.1:9"
[wecom.app]
agent_id = 1
secret = "bench"
token = "{CHANNEL.token}"
encoding_aes_key = "{CHANNEL.aes_key}"
[[stores]]
id = "bench"
name = "门店"
"""


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds by the wall until it took messages, seconds of the processor, and megabytes."""

    took: float
    worked: float
    held: float


async def cold(size: Size) -> list[Figure]:
    """A process that begins on a large store until it answers, and what it holds then."""
    if not (PROC / "self" / "status").exists():
        raise NotHere("这个系统没有 /proc，读不到内存，跳过 cold")
    with tempfile.TemporaryDirectory() as large, tempfile.TemporaryDirectory() as empty:
        await asyncio.to_thread(_peopled, Path(large), size.customers)
        await asyncio.to_thread(_peopled, Path(empty), 0)
        await _begun(Path(empty))  # its files are in the cache of the system, once
        pairs = [(await _begun(Path(empty)), await _begun(Path(large)))
                 for _ in range(size.starts)]  # fmt: skip
    full, bare = [b for _, b in pairs], [a for a, _ in pairs]
    return [
        Figure("cold", f"{size.customers} 位客户的库，serve 冷启动到能收消息",
               f"{median(s.took for s in full):.1f} s",
               median(b.took / a.took for a, b in pairs),
               f"空库 {median(s.took for s in bare):.1f} s"),
        Figure("cold", "其中用掉的处理器时间", f"{median(s.worked for s in full):.1f} s",
               median(b.worked / a.worked for a, b in pairs),
               f"空库 {median(s.worked for s in bare):.1f} s"),
        Figure("cold", "这时的内存", f"{median(s.held for s in full):.0f} MB", None, ""),
    ]  # fmt: skip


def _peopled(folder: Path, customers: int) -> None:
    """A store with the library that ships, as `migrate` and `scripts import` leave it."""
    store = Sqlite(folder / "bench.db")
    store.migrate()
    people = ({"id": f"c{n}", "name": f"客户{n}", "owner": f"member{n % 2000}", "at": AT}
              for n in range(customers))  # fmt: skip
    store.many(SQL_CUSTOMER, people)
    with store.atomic():
        library.save(store, library.shipped(), AT)
    store.close()


async def _begun(folder: Path) -> Start:
    port = free_port()
    config = folder / "config.toml"
    await asyncio.to_thread(config.write_text, CONFIG.format(port=port), "utf-8")
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "--config", str(config), "serve",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _answers(process, f"http://127.0.0.1:{port}/readyz")
        took = time.perf_counter() - began
        return Start(took, _worked(process.pid), resident(process.pid))
    finally:
        process.terminate()
        await ended(process)


async def _answers(process: asyncio.subprocess.Process, url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(int(PATIENCE_S / LOOK_S)):
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                if process.returncode is not None:
                    break
            await asyncio.sleep(LOOK_S)
    raise BenchError("serve 没有就绪；请先运行 salesbot doctor 看原因")


def _worked(pid: int) -> float:
    """Seconds of processor time; behind the name, which may hold blanks, they are 12 and 13."""
    stat = (PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
