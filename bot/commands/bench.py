"""bench: what this machine makes of it, as ratios measured in one run; on loopback only."""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

import aiohttp
import click
from aiohttp import web

from bot import server
from bot.clock import WallClock
from bot.commands.bench_audience import audiences
from bot.commands.bench_console import console
from bot.commands.bench_h5 import h5
from bot.commands.bench_nlp import nlp
from bot.commands.bench_ticks import ticks
from bot.commands.common import fail, json_option, show
from bot.commands.figures import BenchError, Figure, NotHere, Size
from bot.config import Config, Storage, Wecom
from bot.sandbox import demo, stage
from bot.sandbox.push import xml
from bot.sandbox.stage import Stage
from bot.wecom import cipher
from bot.wecom.cipher import Channel
from handlers.settings import Advisor, Settings, Store
from storage import inbox, outbox
from storage.sqlite import Sqlite

CORP = "wwbench000000001"
# Good for one run on a store that is thrown away; nobody outside this machine can reach it.
CHANNEL = Channel("app", "bench", "benchbenchbenchbenchbenchbenchbenchbenchbeA", CORP)
CONNECTIONS = 32
MEMBERS = 2000  # so many that nobody reaches the limit of messages a minute
LOOK_S = 0.02
PATIENCE_S = 120.0  # for a child to start or to finish what it has taken
PYTHON = (sys.executable, "-c", "pass")
PROC = Path("/proc")
STORE = "bench.db"
SLICE = 500  # messages that wait at a time: a busy minute, not a flood


# The load


@dataclass(slots=True)
class Tally:
    """Answers of one round; `until` is the moment after which nothing more is asked."""

    until: float
    ok: int = 0
    wrong: int = 0
    waits: list[float] = field(default_factory=list)


class Asker(asyncio.Protocol):
    """One kept connection that asks again as soon as it is answered.

    A full HTTP client would cost more than the servers it is to measure.
    """

    def __init__(self, requests: Iterator[bytes], tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._buffer = b""
        self._asked = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._buffer = b""
        good = head.startswith(b"HTTP/1.1 200")
        self._tally.ok += good
        self._tally.wrong += not good
        self._tally.waits.append(time.perf_counter() - self._asked)
        self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        request = next(self._requests, None) if self._asked < self._tally.until else None
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


async def load(port: int, requests: Iterable[bytes], limit_s: float) -> tuple[float, Tally]:
    """Ask over all connections; returns answers a second."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    tally = Tally(began + limit_s)
    line = iter(requests)
    askers = []
    for _ in range(CONNECTIONS):
        _, asker = await loop.create_connection(lambda: Asker(line, tally), "127.0.0.1", port)
        askers.append(asker)
    await asyncio.wait_for(asyncio.gather(*(a.done for a in askers)), limit_s + PATIENCE_S)
    if tally.wrong or not tally.ok:
        raise BenchError(f"{tally.ok} 条应答 200，{tally.wrong} 条不是；这次的数字不能用")
    return tally.ok / (time.perf_counter() - began), tally


def callback(number: int) -> bytes:
    """A signed, encrypted message of a member, unlike all others, as the bytes of a request."""
    stamp = int(WallClock().now().timestamp())
    message = {"ToUserName": CORP, "FromUserName": f"member{number % MEMBERS}", "CreateTime": stamp,
               "MsgType": "text", "Content": _words(number), "MsgId": number,
               "AgentID": 1}  # fmt: skip
    sealed = cipher.encrypt(CHANNEL, xml(message), number.to_bytes(16, "big"))
    signature = cipher.sign(CHANNEL.token, str(stamp), str(number), sealed)
    query = urlencode({"msg_signature": signature, "timestamp": stamp, "nonce": number})
    body = xml({"ToUserName": CORP, "Encrypt": sealed}).encode()
    head = (f"POST /callback/app?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n")  # fmt: skip
    return head.encode() + body


def _words(number: int) -> str:
    """Every fourth message brings a customer's question, which is the dearest to answer."""
    if number % 4 == 0:
        return demo.ASKED[number // 4 % len(demo.ASKED)]
    return ("", "待办", "帮助", "客户 王女士")[number % 4]


# The children: each serves on a port of its own and ends when its standard input closes


async def _child(kind: str, folder: str = "", api: str = "", works: str = "") -> None:
    if kind == "bot":
        await _bot(Path(folder), api, works == "works")
    elif kind == "api":
        await _serve([web.get("/cgi-bin/gettoken", _token), web.post("/cgi-bin/{_:.+}", _sent)])
    else:
        await _serve([web.post("/callback/app", _echo)])


async def _serve(routes: list[web.RouteDef]) -> None:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, **server.GUARDS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    click.echo(runner.addresses[0][1])
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def _echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def _token(_: web.Request) -> web.Response:
    return web.json_response({"errcode": 0, "access_token": "bench", "expires_in": 7200})


async def _sent(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": "bench"})


async def _bot(folder: Path, api: str, works: bool) -> None:
    """The bot as `serve` builds it; one that does not work only keeps and answers."""
    keys = {"agent_id": 1, "secret": "bench", "token": CHANNEL.token,
            "encoding_aes_key": CHANNEL.aes_key}  # fmt: skip
    config = Config(
        wecom=Wecom.model_validate({"corp_id": CORP, "api_base": api, "app": keys}),
        storage=Storage(url=f"sqlite:///{STORE}"), settings=_staffed(), folder=folder,
    )  # fmt: skip
    ids = server.keys(config)
    async with (
        aiohttp.ClientSession() as session,
        server.assemble(config, ids, WallClock(), session, knowledge=stage.load()) as running,
    ):
        work = asyncio.create_task(running.app.run()) if works else None
        await _serve(server.routes(running, ids.channels, config.wecom.callback_window_s))
        if work:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def _staffed() -> Settings:
    advisors = (
        Advisor(userid=f"member{n}", name=f"顾问{n}", store="bench") for n in range(MEMBERS)
    )
    return Settings(stores=(Store(id="bench", name="门店"),), advisors=tuple(advisors))


@dataclass(frozen=True, slots=True)
class Child:
    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def child(*args: str) -> AsyncIterator[Child]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.commands.bench", *args,
        stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        if not line.strip().isdigit():
            raise BenchError(f"测试用的服务没有起来：{args[0]}")
        yield Child(process.pid, int(line))
    finally:
        process.stdin.close()
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


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
        pairs.append((bare, await _sandbox(_free_port())))
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
        await _ended(process)


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
            ready = _resident(bot.pid)
            began = time.perf_counter()
            for first in range(1, size.messages + 1, SLICE):
                numbers = range(first, min(first + SLICE, size.messages + 1))
                await load(bot.port, map(callback, numbers), PATIENCE_S)
                await _drained(Path(folder) / STORE)
            took = time.perf_counter() - began
            after = _resident(bot.pid)
    return [
        Figure("memory", f"{size.messages} 条消息之后的内存", f"{after:.0f} MB", after / ready,
               f"刚就绪时 {ready:.0f} MB"),
        Figure("memory", "处理完并发出的消息，每秒", f"{size.messages / took:.0f}", None, ""),
    ]  # fmt: skip


def _resident(pid: int) -> float:
    status = (PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace")
    line = next(row for row in status.splitlines() if row.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


async def _drained(file: Path) -> None:
    """Wait until nothing is left to handle or to send."""
    until = time.monotonic() + PATIENCE_S
    store = Sqlite(file)
    try:
        while inbox.depth(store) or outbox.depth(store).get("waiting"):
            if time.monotonic() > until:
                raise BenchError("消息没有在限定的时间里处理完")
            await asyncio.sleep(0.05)
    finally:
        store.close()


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
}
FULL = Size(rounds=15, burst=6000, limit_s=8.0, asked=1000, starts=7, messages=30_000,
            customers=1_000_000)  # fmt: skip
COLUMNS = {"bench": "项目", "what": "量的是", "value": "结果", "shown": "比值", "against": "比的是"}


@click.command()
@click.argument("name", required=False, type=click.Choice(list(BENCHES)))
@click.option("--full", is_flag=True, help="量得更多更久，约十分钟")
@json_option
def bench(name: str | None, full: bool, as_json: bool) -> None:
    """自带的性能测量：只用本机，不要配置，看比值。"""
    chosen = [name] if name else list(BENCHES)
    figures: list[Figure] = []
    for one in chosen:
        run, takes = BENCHES[one]
        click.echo(f"{one}：{'数分钟' if full else takes}…", err=True)
        try:
            figures += asyncio.run(run(FULL if full else Size()))
        except NotHere as exc:
            click.echo(str(exc), err=True)
        except BenchError as exc:
            fail(str(exc))
    show([f.row() for f in figures], COLUMNS, as_json=as_json)


if __name__ == "__main__":
    asyncio.run(_child(*sys.argv[1:]))
