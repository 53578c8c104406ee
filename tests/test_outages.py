"""WeCom answers with errors, drop by drop, or not at all: each message arrives once."""

import asyncio
from collections import Counter
from datetime import timedelta

import aiohttp
import pytest
from wecom_kit import WORLD, Clock

from bot.wecom import client as calling
from bot.wecom.client import Client
from bot.wecom.errors import UNREACHABLE, WeComError
from handlers.values import Send

PEOPLE = ("zhang", "chen", "Lin.Advisor")


def shown(office):
    return Counter(item["text"] for item in office.pretend.received() if not item["dropped"])


@pytest.mark.parametrize("seed", [1, 2])
async def test_when_every_fifth_answer_is_an_error_page_little_is_tried_twice(office, seed):
    """Attempts at most one and a half times the messages."""
    faults = office.pretend.callbacks.faults
    faults.reseed(seed)
    faults.set("http500", 0.1)
    faults.set("html", 0.11)
    for n in range(20):
        await office.put(*(Send(who, f"{who}第{n}条") for who in PEOPLE))

    await office.settle(seconds=15)

    assert shown(office) == {f"{who}第{n}条": 1 for n in range(20) for who in PEOPLE}
    for who in PEOPLE:
        assert office.got(who) == [f"{who}第{n}条" for n in range(20)]
    attempts = sum(row["attempts"] for row in await office.rows())
    assert 60 < attempts <= 90
    assert faults.happened["http500"] + faults.happened["html"] == attempts - 60


async def test_down_for_six_hours_and_back_it_drains_below_every_limit(office):
    """Three people are owed forty each; what is older than a day would not go out at all."""
    faults = office.pretend.callbacks.faults
    faults.set("http500", 1.0)
    sender = office.sender()
    for n in range(40):
        await office.put(*(Send(who, f"{who}第{n}条") for who in PEOPLE))
    for _ in range(36):
        await office.flush(sender)
        office.clock.add(timedelta(minutes=10))
    tried = sum(row["attempts"] for row in await office.rows())
    assert tried <= 3 * 50  # the first of each lane, less and less often
    faults.clear()

    for _ in range(15):
        before = Counter(item["to"] for item in office.pretend.received())
        await office.flush(sender)
        now = Counter(item["to"] for item in office.pretend.received())
        assert max((now - before).values(), default=0) <= 25
        office.clock.add(timedelta(minutes=1, seconds=1))

    for who in PEOPLE:
        assert office.got(who) == [f"{who}第{n}条" for n in range(40)]
    assert not any(item["dropped"] for item in office.pretend.received())


@pytest.mark.parametrize("left_out", ["invaliduser", "unlicenseduser"])
async def test_whoever_is_left_out_of_a_success_is_no_success(office, left_out):
    """errcode 0, and yet nobody has it: it is given up in sight, and the others go on."""
    table = office.pretend.api._table
    send = table["message/send"]

    def partly(query, body):
        if body["touser"] == "chen":
            return {left_out: "chen", "msgid": "m"}
        return send(query, body)

    table["message/send"] = partly
    await office.put(Send("chen", "一"), Send("zhang", "二"))
    await office.flush()

    first, second = await office.rows()
    assert (first["state"], second["state"]) == ("dead", "sent")
    assert "这位成员" in first["error"]
    assert first["attempts"] == 1


# Connections that do not end


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 64\r\n\r\n"


async def silent(_reader, _writer):
    await asyncio.sleep(60)


async def trickling(_reader, writer):
    writer.write(ANSWER)
    for _ in range(600):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def reset(reader, _writer):
    await reader.read(10)


async def half_closed(reader, writer):
    await reader.read(10)
    writer.write(ANSWER[:20])
    await writer.drain()


@pytest.mark.parametrize("behaves", [silent, trickling, reset, half_closed])
async def test_a_connection_that_never_answers_costs_a_bounded_time(behaves, monkeypatch):
    monkeypatch.setattr(calling, "TIMEOUT", aiohttp.ClientTimeout(total=0.3))
    tasks = []

    async def held(reader, writer):
        tasks.append(asyncio.current_task())
        try:
            await behaves(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(held, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as http:
        client = Client(http, url, WORLD.corp_id, Clock())
        async with asyncio.timeout(5):
            with pytest.raises(WeComError) as caught:
                await client.call(WORLD.app_secret, "GET", "getcallbackip")
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks)

    assert caught.value.code == UNREACHABLE
    assert not caught.value.permanent


def test_the_time_for_a_call_is_bounded_as_a_whole():
    assert (calling.TIMEOUT.total, calling.MEDIA_TIMEOUT.total) == (10, 60)
