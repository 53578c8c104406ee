"""What the benches share: the load, the messages, and the servers that are measured.

Each server runs in a process of its own, on a port of its own, and ends when its standard input
closes.
"""

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import click
from aiohttp import web

from bot import server, stores
from bot.clock import WallClock
from bot.commands import peers
from bot.commands.figures import BenchError
from bot.config import Config, Storage, Wecom
from bot.patience import many_files
from bot.sandbox import demo, stage
from bot.sandbox.push import xml
from bot.wecom import cipher
from bot.wecom.cipher import Channel
from bot.writer import Store
from handlers.settings import Advisor, Settings
from handlers.settings import Store as Shop
from scriptbank.bank import Bank
from storage import inbox, outbox
from storage.sqlite import Sqlite

CORP = "wwbench000000001"
# Good for one run on a store that is thrown away; nobody outside this machine can reach it.
CHANNEL = Channel("app", "bench", "benchbenchbenchbenchbenchbenchbenchbenchbeA", CORP)
CONNECTIONS = 32
MEMBERS = 6007  # so many, and a prime, that nobody reaches the limit of messages a minute
PATIENCE_S = 120.0  # for a child to start or to finish what it has taken
STORE = "bench.db"
UNLIMITED = 10**9  # parcels a minute: the platform's own limit would be all that is measured
# What is measured has one core to itself, where the system can pin it.
ONE_CORE = ("taskset", "-c", "0") if shutil.which("taskset") else ()


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
        self.idle = False  # nothing is left to ask
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
        if b"connection: close" in head.lower():
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        request = next(self._requests, None) if self._asked < self._tally.until else None
        if request is None:
            self.idle = True
            self._transport.close()
        else:
            self._transport.write(request)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


async def load(port: int, requests: Iterable[bytes], limit_s: float) -> tuple[float, Tally]:
    """Ask over all connections; returns answers a second."""
    began = time.perf_counter()
    tally = Tally(began + limit_s)
    line = iter(requests)
    asking = [_asking(port, line, tally) for _ in range(CONNECTIONS)]
    async with asyncio.timeout(limit_s + PATIENCE_S):
        await asyncio.gather(*asking)
    if tally.wrong or not tally.ok:
        raise BenchError(f"{tally.ok} 条应答 200，{tally.wrong} 条不是；这次的数字不能用")
    return tally.ok / (time.perf_counter() - began), tally


async def _asking(port: int, line: Iterator[bytes], tally: Tally) -> None:
    """One connection after the other, for servers that end each of them with its answer."""
    loop = asyncio.get_running_loop()
    idle = False
    while not idle:
        _, asker = await loop.create_connection(lambda: Asker(line, tally), "127.0.0.1", port)
        await asker.done
        idle = asker.idle


def callback(number: int, words: str = "") -> bytes:
    """A signed, encrypted message of a member, unlike all others, as the bytes of a request."""
    stamp = int(WallClock().now().timestamp())
    message = {"ToUserName": CORP, "FromUserName": f"member{number % MEMBERS}", "CreateTime": stamp,
               "MsgType": "text", "Content": words or _words(number), "MsgId": number,
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


# The children


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _child(kind: str, folder: str = "", api: str = "", works: str = "") -> None:
    if kind == "bot":
        await _bot(Path(folder), api, works)
    elif kind == "api":
        await _serve([web.get("/cgi-bin/gettoken", _token), web.post("/cgi-bin/{_:.+}", _sent)])
    else:
        await _serve([web.post("/callback/app", _echo)])


async def _serve(routes: list[web.RouteDef]) -> None:
    many_files()
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


def _quick(config: Config) -> Store:
    """A store whose commits the drive's cache may hold: what a power cut may cost."""
    store = stores.current(config)
    store.run("pragma synchronous = normal")
    return store


async def _bot(folder: Path, api: str, how: str) -> None:
    """The bot as `serve` builds it; one that `keeps` only keeps and answers."""
    keys = {"agent_id": 1, "secret": "bench", "token": CHANNEL.token,
            "encoding_aes_key": CHANNEL.aes_key}  # fmt: skip
    config = Config(
        wecom=Wecom.model_validate({"corp_id": CORP, "api_base": api, "app": keys}),
        storage=Storage(url=f"sqlite:///{STORE}"), settings=_staffed(), folder=folder,
    )  # fmt: skip
    ids, knowledge = server.keys(config), stage.load()
    if how == "many":
        knowledge.bank = Bank(peers.many())
    async with (
        aiohttp.ClientSession() as session,
        server.assemble(
            config,
            ids,
            WallClock(),
            session,
            knowledge=knowledge,
            open_store=(lambda: _quick(config)) if how == "normal" else None,
        ) as running,
    ):
        running.app.sender.pace = UNLIMITED
        works = how not in ("keeps", "normal")
        work = asyncio.create_task(running.app.run()) if works else None
        await _serve(server.routes(running, ids.channels, config.wecom.callback_window_s))
        if work:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def _staffed() -> Settings:
    advisors = (
        Advisor(userid=f"member{n}", name=f"顾问{n}", store="bench") for n in range(MEMBERS)
    )
    return Settings(stores=(Shop(id="bench", name="门店"),), advisors=tuple(advisors))


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
    pinned = () if args[0] == "api" else ONE_CORE
    process = await asyncio.create_subprocess_exec(
        *pinned, sys.executable, "-m", "bot.commands.bench_load", *args,
        stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            line = await process.stdout.readline()
        if not line.strip().isdigit():
            raise BenchError(f"测试用的服务没有起来：{args[0]}")
        yield Child(process.pid, int(line))
    finally:
        process.stdin.close()
        await ended(process)


def spent(pid: int) -> float:
    """Seconds of processor time that a process and its children have used; 0 without /proc."""
    found = 0.0
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = place.read_text(errors="replace").rpartition(")")[2].split()
            if pid in (int(place.parent.name), int(fields[1])):
                found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


async def ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def drained(file: Path) -> None:
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


if __name__ == "__main__":
    asyncio.run(_child(*sys.argv[1:]))
