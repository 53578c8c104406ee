"""What the program asks of other hosts and writes to the disk: to addresses and under names of its
own only, however the other side answers."""

import ast
import asyncio
import random
import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.wecom import client as wecom
from bot.wecom.client import Client
from bot.wecom.errors import UNREACHABLE, WeComError
from bot.wecom.longlink import LongLink

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "handlers", "nlp", "scriptbank", "storage")
# What runs only on purpose and against itself: the sandbox, the measuring.
PLAYING = ("bot/sandbox/", "bot/commands/bench", "bot/commands/peers.py")

# Where a connection is opened, and whose address it is. None of them comes from a message, a
# profile, a picture or an answer: avatars, files and links are kept as text and never fetched.
ASKS = {
    "bot/wecom/client.py:_reach": "wecom.api_base and the [[webhooks]] of the configuration",
    "bot/wecom/longlink.py:_once": "wecom.aibot.ws_url",
    "bot/probes.py:_callback": "server.public_url, or ourselves",
    "bot/probes.py:_file": "server.public_url",
    "bot/doctor.py:_clock": "wecom.api_base",
}
OPENING = frozenset(("get", "post", "put", "head", "request", "ws_connect", "urlopen",
                     "create_connection", "open_connection"))  # fmt: skip
HTTP = frozenset(("http", "session", "self._session", "self._http", "requests", "httpx",
                  "urllib.request", "asyncio", "loop"))  # fmt: skip


WORTH = re.compile("aiohttp|urllib|requests|asyncio|write|open|mkdir|touch|makedirs|symlink")


def functions():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(PLAYING):
                continue
            text = path.read_text(encoding="utf-8")
            if not WORTH.search(text):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{name}:{node.name}", node


@pytest.fixture(scope="module")
def calls():
    """Every call of the product: in which function, of what, by which name."""
    return [
        (name, ast.unparse(node.func.value), node.func.attr, node)
        for name, function in functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def test_every_connection_goes_where_the_configuration_says_and_follows_nobody(calls):
    asking = [(name, call) for name, of, attr, call in calls if of in HTTP and attr in OPENING
              and not (of == "session" and attr == "get" and len(call.args) > 1)]  # fmt: skip

    assert {name for name, _ in asking} == ASKS.keys()
    for name, call in asking:
        given = {k.arg: ast.unparse(k.value) for k in call.keywords}
        if name != "bot/wecom/longlink.py:_once":  # looked at where it has no such switch
            assert given.get("allow_redirects") == "False", name


# Who writes to the disk while `serve` runs, and under which names.
WRITES = {
    "bot/alone.py": "the lock beside the store",
    "bot/teaching.py": "own.toml in the lexicon's folder",
    "bot/archive/child.py": "a pipe",
    "bot/console/setup.py": "config.toml",
    "storage/records.py": "the records beside the store",
    "storage/sqlite.py": "the store's own folder",
    "scriptbank/tables.py": "the file that a command was given, an export's own",
    "scriptbank/learn.py": "the file that a command was given",
}
BY_HAND = ("bot/commands/", "nlp/")  # an operator named the file
WRITING = frozenset(("write_bytes", "write_text", "mkdir", "symlink_to", "makedirs"))


def _writes(attr, call):
    modes = [ast.unparse(a) for a in (*call.args, *(k.value for k in call.keywords))]
    opens = attr in ("open", "fdopen") and any(m in ("'w'", "'wb'", "'a'", "'x'") for m in modes)
    return attr in WRITING or opens


def test_only_these_write_to_the_disk_and_never_under_a_name_from_outside(calls):
    found = {name.partition(":")[0] for name, _, attr, call in calls if _writes(attr, call)}

    assert {name for name in found if not name.startswith(BY_HAND)} <= WRITES.keys()


# How the other side may answer

SECRET = "secret"
MOVED = {301: web.HTTPMovedPermanently, 302: web.HTTPFound, 303: web.HTTPSeeOther,
         307: web.HTTPTemporaryRedirect, 308: web.HTTPPermanentRedirect}  # fmt: skip


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def strange(aiohttp_server):
    """A platform that sends whoever asks on to a place inside, which counts who comes."""
    visits = []

    async def inside(request):
        visits.append(request.path)
        return web.json_response({"errcode": 0, "access_token": "T", "expires_in": 7200})

    async def away(request):
        raise MOVED[int(request.match_info["status"])](f"{own}/inside")

    async def endless(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"[" * 100_000)
        return response

    app = web.Application()
    app.router.add_get("/inside", inside)
    app.router.add_route("*", "/{status:30[12378]}/{path:.*}", away)
    app.router.add_route("*", "/endless/{path:.*}", endless)
    server = await aiohttp_server(app)
    own = str(server.make_url("")).rstrip("/")
    return own, visits


@pytest.mark.parametrize("status", MOVED)
async def test_nobody_sends_our_token_to_a_place_inside(http, strange, status):
    own, visits = strange
    client = Client(http, f"{own}/{status}", "ww1", lambda: None)

    with pytest.raises(WeComError) as told:
        await client.post(f"{own}/{status}/webhook/send?key=k", {"msgtype": "text"})

    assert (told.value.code, visits) == (UNREACHABLE, [])
    assert "key=k" not in str(told.value)


async def test_an_answer_without_an_end_is_cut_off(http, strange, monkeypatch):
    monkeypatch.setattr(wecom, "LARGEST", 1_000_000)
    own, _ = strange
    client = Client(http, own, "ww1", lambda: None)

    with pytest.raises(WeComError, match="ClientPayloadError"):
        await client.post(f"{own}/endless/webhook/send", {"msgtype": "text"})


async def test_the_long_connection_gives_its_secret_to_nobody_it_is_sent_on_to(aiohttp_server):
    heard = []

    async def elsewhere(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        heard.extend([message.data async for message in socket])
        return socket

    async def away(_):
        raise web.HTTPFound("/elsewhere")

    app = web.Application()
    app.add_routes([web.get("/ws", away), web.get("/elsewhere", elsewhere)])
    server = await aiohttp_server(app)

    async def said(_):
        """Nobody is to be told."""

    async with aiohttp.ClientSession() as session:
        link = LongLink(session=session, url=str(server.make_url("/ws")), bot_id="b",
                        secret=SECRET, keep=None, rng=random.Random(1), said=said,
                        pause_s=0.01)  # fmt: skip
        task = asyncio.create_task(link.run())
        async with asyncio.timeout(5):
            while link.problem in ("", "还没有连上"):  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert heard == []
    assert link.problem == "连不上：ClientError"
