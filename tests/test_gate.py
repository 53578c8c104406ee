"""The filter by address: off by default, open while nothing is known, behind a proxy as well."""

import aiohttp
import pytest
from aiohttp import web
from wecom_kit import WORLD, street

from bot import server
from bot.gate import Gate


@pytest.fixture
async def door(aiohttp_server):
    """The gate before an answer, and a hand that knocks through a proxy on our own side."""
    async with aiohttp.ClientSession() as http:
        town = await street(aiohttp_server, http)
        gate = Gate(town.client, WORLD.app_secret, town.clock)

        async def answer(_):
            return web.Response(text="in")

        app = web.Application()
        app.router.add_post("/callback/app", gate.guard(answer))
        url = str((await aiohttp_server(app)).make_url("/callback/app"))

        async def knock(*hops):
            headers = {"X-Forwarded-For": ", ".join(hops)} if hops else {}
            async with http.post(url, headers=headers) as found:
                return found.status

        yield gate, town, knock


async def test_everybody_may_knock_until_the_addresses_are_known(door):
    _, _, knock = door

    assert await knock("203.0.113.9") == 200


async def test_only_the_platform_s_addresses_come_in(door):
    gate, _, knock = door
    await gate.refresh()

    assert await knock() == 200
    assert await knock("127.0.0.1") == 200
    assert await knock("203.0.113.9") == 403
    assert await knock("nonsense") == 403


async def test_only_the_last_hop_is_believed(door):
    """What stands before it was written by whoever knocks."""
    gate, _, knock = door
    await gate.refresh()

    assert await knock("127.0.0.1", "203.0.113.9") == 403


async def test_the_addresses_are_asked_for_once_a_day_and_kept_when_that_fails(door):
    gate, town, knock = door
    for _ in range(3):
        await gate.refresh()
    assert town.pretend.api.calls["getcallbackip"] == 1

    town.clock.move(days=1)
    town.pretend.api.plan_faults("getcallbackip", -1)
    await gate.refresh()
    assert await knock("203.0.113.9") == 403
    await gate.refresh()
    assert town.pretend.api.calls["getcallbackip"] == 3


@pytest.mark.parametrize(
    ("told", "address", "comes_in"),
    [
        (["10.1.0.0/16"], "10.1.2.3", True),
        (["10.1.0.0/16"], "10.2.2.3", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["what is this"], "10.2.2.3", True),
        ([], "10.2.2.3", True),
    ],
)
async def test_networks_are_read_and_nonsense_is_left_out(door, told, address, comes_in):
    gate, town, _ = door
    town.pretend.api._table["getcallbackip"] = lambda query, body: {"ip_list": told}
    await gate.refresh()

    assert gate.admits(address) is comes_in


async def test_the_gate_stands_before_every_callback_and_nothing_else(played, aiohttp_server):
    running = played.running
    running.gate = Gate(running.client, running.ids.secret, played.clock.now)
    await running.knock()
    app = web.Application()
    app.add_routes(server.routes(running, running.ids.channels, 3600))
    url = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    stranger = {"X-Forwarded-For": "203.0.113.9"}

    async with aiohttp.ClientSession(headers=stranger) as http:
        statuses = {}
        for path in ("/callback/app", "/callback/kf", "/healthz", "/readyz"):
            async with http.get(url + path) as answer:
                statuses[path] = answer.status
    assert statuses == {"/callback/app": 403, "/callback/kf": 403, "/healthz": 200, "/readyz": 200}
