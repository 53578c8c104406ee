"""Sockets that never finish a request head are closed; those that work are left alone."""

import asyncio
import os
import resource
from functools import partial

import aiohttp
import pytest
from aiohttp import web

from bot import config
from bot.commands import run
from bot.patience import Patience, many_files

STUCK = int(os.environ.get("SALESBOT_STUCK", "200"))


@pytest.fixture
async def house():
    """A server that waits a moment before it loses patience, and its port."""
    app = web.Application()
    gate = asyncio.Event()

    async def hello(_):
        return web.Response(text="hello")

    async def slow(_):
        await gate.wait()
        return web.Response(text="at last")

    app.add_routes([web.get("/", hello), web.get("/slow", slow)])
    runner = web.AppRunner(app)
    patience = Patience(idle_s=0.2)
    patience.watch(app, runner)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1], patience, gate
    gate.set()
    await runner.cleanup()


async def test_two_hundred_stuck_sockets_are_closed_and_honest_ones_are_served(house):
    """`make soak` opens two thousand."""
    many_files()
    port, patience, _ = house
    stuck = [await asyncio.open_connection("127.0.0.1", port) for _ in range(STUCK)]
    for _, writer in stuck:
        writer.write(b"POST /callback/app HTTP/1.1\r\nHost: x\r\nX-Slow: ")

    async with aiohttp.ClientSession() as http:
        for _ in range(20):
            async with http.get(f"http://127.0.0.1:{port}/") as answer:
                assert answer.status == 200
    async with asyncio.timeout(60):
        for reader, writer in stuck:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
            writer.close()

    assert patience.closed >= STUCK


async def test_a_request_that_takes_long_is_not_cut_off(house):
    port, _, gate = house
    async with aiohttp.ClientSession() as http:
        asking = asyncio.create_task(http.get(f"http://127.0.0.1:{port}/slow"))
        stuck = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(stuck[0].readexactly(1), 5)  # this one was closed meanwhile
        stuck[1].close()
        gate.set()
        answer = await asyncio.wait_for(asking, 5)
        assert await answer.text() == "at last"


# As `serve` runs it


@pytest.fixture
def serving(tmp_path, monkeypatch, unused_tcp_port):
    """Runs `serve` on a port until the given look at it is over."""
    text = f"""[server]
port = {unused_tcp_port}
[wecom]
corp_id = "ww1"
[wecom.app]
agent_id = 1
secret = "s"
token = "t"
encoding_aes_key = "{"A" * 43}"
"""
    found = config.parse(text, tmp_path / "config.toml")
    monkeypatch.setattr(run, "Patience", partial(Patience, 0.2))

    async def serve(look):
        async def once(running, _role):
            await look(unused_tcp_port)

        monkeypatch.setattr(run, "until_stopped", once)
        await run._serve(found)

    return serve


async def test_serve_loses_patience_with_a_connection_that_says_nothing(serving):
    async def look(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(10):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
        writer.close()

    await serving(look)


async def test_serve_takes_as_many_files_as_it_may_have(serving):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(soft, 512)
    seen = []

    async def look(port):
        seen.append(resource.getrlimit(resource.RLIMIT_NOFILE))

    resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
    try:
        await serving(look)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert seen == [(hard, hard)]
