"""The aibot's long connection, both ends: over a real socket, cut, replaced, refused, full."""

import asyncio
import base64
import hashlib
import json
import random
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import aiohttp
import pytest

from bot.wecom.errors import WeComError
from bot.wecom.longlink import LongLink

TEAM = "team"
PATIENCE_S = 30  # with a machine that is busy


@asynccontextmanager
async def linked(stage, secret=None, keep=None, said=None, **more):
    """A connection of the program to the stage's pretend WeCom, served until the block ends."""
    world = stage.pretend.world

    async def note(sentence):
        (said if said is not None else []).append(sentence)

    async with aiohttp.ClientSession() as session:
        link = LongLink(
            session=session, url=stage.url.replace("http", "ws", 1) + "/sandbox/wecom/ws",
            bot_id=world.aibot_id, secret=secret or world.aibot_secret, rng=random.Random(1),
            keep=keep or stage.running.app.keep, said=note, pause_s=0.01, **more,
        )  # fmt: skip
        task = asyncio.create_task(link.run())
        try:
            yield link
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def serving(stage, link):
    """The whole program behind it, handling and sending."""
    stage.running.app.sender.link = link
    await asyncio.wait_for(link.up.wait(), PATIENCE_S)  # what is tried before waits for its turn
    task = asyncio.create_task(stage.running.app.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true):
    """Let the loop turn until that holds."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.001)


def answers(stage, chat=TEAM):
    return [i["text"] for i in stage.pretend.received() if i["to"] == chat and
            i["surface"] == "aibot"]  # fmt: skip


async def test_a_question_in_a_group_is_answered_over_the_line(played):
    async with linked(played) as link, serving(played, link):
        result = await played.pretend.say("aibot", "zhang", "@小福 签到", TEAM)

    assert result["delivered"], result
    assert "签到" in answers(played)[-1]


async def test_whoever_opens_the_chat_is_greeted_in_time(played):
    async with linked(played) as link, serving(played, link):
        result = await played.pretend.event("enter_chat", user="zhang")

    assert result["problem"] == ""
    assert answers(played, "zhang")


async def test_after_a_break_it_comes_back_and_nothing_is_lost(played):
    async with linked(played) as link, serving(played, link):
        await played.pretend.link.cut()
        await until(lambda: not link.up.is_set())
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        await played.pretend.say("aibot", "zhang", "@小福 签到", TEAM)

    assert len(answers(played)) == 1


async def test_a_store_that_refuses_for_a_while_does_not_end_the_connection(played, caplog):
    refused = []

    async def keep(found):
        if not refused:
            refused.append(found)
            raise OSError("the disk is full")
        return await played.running.app.keep(found)

    async with linked(played, keep=keep) as link, serving(played, link):
        first = asyncio.create_task(played.pretend.say("aibot", "zhang", "@小福 签到", TEAM))
        await until(lambda: "reading has stopped" in caplog.text)
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        await played.pretend.say("aibot", "zhang", "@小福 签到", TEAM)
        first.cancel()

    assert len(answers(played)) == 1


async def test_an_answer_is_kept_while_the_line_is_down(played):
    """The message came in by one process, which died before it could answer."""
    kept = []

    async def keep(found):
        kept.append(found)
        return True

    async with linked(played, keep=keep) as link:
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        asking = asyncio.create_task(played.pretend.say("aibot", "zhang", "@小福 签到", TEAM))
        await until(lambda: kept)
    await played.running.app.keep(kept[0])
    await played.running.app.work()
    async with linked(played) as link, serving(played, link):
        await asyncio.wait_for(asking, PATIENCE_S)

    assert len(answers(played)) == 1


async def test_a_lost_receipt_does_not_show_the_answer_twice(played):
    """The answer was shown, its receipt lost, so it is sent again under the same stream."""
    kept = []

    async def keep(found):
        kept.append(found)
        return True

    async with linked(played, keep=keep) as link:
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        asking = asyncio.create_task(played.pretend.say("aibot", "zhang", "@小福 签到", TEAM))
        await until(lambda: kept)
        req_id = json.loads(kept[0].body)["req_id"]
        stream = {"id": "s-1", "finish": True, "content": "好"}
        await link.respond("aibot_respond_msg", req_id, {"msgtype": "stream", "stream": stream})
        await asyncio.wait_for(asking, PATIENCE_S)
        with pytest.raises(WeComError) as caught:
            await link.respond("aibot_respond_msg", req_id, {"msgtype": "stream", "stream": stream})

    assert caught.value.code == 846608
    assert answers(played) == ["好"]


async def test_a_second_connection_takes_the_place_of_the_first_which_stays_away(played):
    said = []
    async with linked(played, said=said) as first:
        await asyncio.wait_for(first.up.wait(), PATIENCE_S)
        async with linked(played) as second:
            await asyncio.wait_for(second.up.wait(), PATIENCE_S)
            await until(lambda: said)
            assert second.up.is_set()

    assert "让出" in said[0]
    assert not first.up.is_set()


async def test_a_wrong_secret_is_tried_five_times_and_told_once(played):
    said = []
    async with linked(played, secret="wrong", said=said):
        await until(lambda: said)

    assert len(said) == 1
    assert "secret 不正确" in said[0]


async def test_a_dead_line_is_noticed_by_its_silence(played):
    """A server that takes the connection and never answers again."""
    async with linked(played, ping_s=0.02) as link:
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        await asyncio.sleep(0.1)

        assert link.up.is_set()


# The pretend side alone


@asynccontextmanager
async def raw(stage):
    """A plain socket that has subscribed, and a way to ask on it."""
    url = stage.url.replace("http", "ws", 1) + "/sandbox/wecom/ws"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        count = 0

        async def ask(cmd, body=None, req_id=None):
            nonlocal count
            count += 1
            name = req_id or f"r{count}"
            await socket.send_json({"cmd": cmd, "headers": {"req_id": name}, "body": body or {}})
            while True:
                found = await socket.receive_json(timeout=5)
                if found["headers"]["req_id"] == name:
                    return found

        world = stage.pretend.world
        ok = await ask("aibot_subscribe", {"bot_id": world.aibot_id, "secret": world.aibot_secret})
        assert ok["errcode"] == 0
        yield ask


@pytest.mark.parametrize(
    ("cmd", "body", "code"),
    [
        ("aibot_respond_msg", {"msgtype": "stream"}, 846605),
        ("aibot_send_msg", {"chatid": "nobody", "msgtype": "markdown",
                            "markdown": {"content": "x"}}, 846609),
        ("aibot_subscribe", {"bot_id": "x", "secret": "y"}, 40001),
        ("aibot_upload_media_init", {"type": "file", "filename": "a", "total_size": 1,
                                     "total_chunks": 1}, 40006),
        ("nonsense", {}, 40008),
    ],
)  # fmt: skip
async def test_what_the_platform_refuses_is_refused(played, cmd, body, code):
    async with raw(played) as ask:
        assert (await ask(cmd, body))["errcode"] == code


async def test_chunks_may_come_in_any_order_and_twice(played):
    data = bytes(range(256)) * 4096
    async with raw(played) as ask:
        begun = await ask("aibot_upload_media_init", {
            "type": "file", "filename": "a.bin", "total_size": len(data), "total_chunks": 2,
            "md5": hashlib.md5(data).hexdigest()})  # fmt: skip
        key = begun["body"]["upload_id"]
        halves = {0: data[: 512 * 1024], 1: data[512 * 1024 :]}
        for index in (1, 0, 1):
            part = base64.b64encode(halves[index]).decode()
            await ask("aibot_upload_media_chunk",
                      {"upload_id": key, "chunk_index": index, "base64_data": part})  # fmt: skip
        done = await ask("aibot_upload_media_finish", {"upload_id": key})

    assert done["body"]["media_id"].startswith("MEDIA-")
    stored = played.pretend.api.media.get(done["body"]["media_id"], played.clock.now())
    assert stored.data == data


async def test_thirty_a_minute_into_one_chat(played):
    async with linked(played) as link, serving(played, link):
        await played.pretend.say("aibot", "zhang", "@小福 签到", TEAM)
        for n in range(29):
            await link.push(TEAM, {"msgtype": "markdown", "markdown": {"content": f"{n}"}})
        with pytest.raises(WeComError) as caught:
            await link.push(TEAM, {"msgtype": "markdown", "markdown": {"content": "31st"}})
        played.clock.add(timedelta(minutes=1))
        await link.push(TEAM, {"msgtype": "markdown", "markdown": {"content": "again"}})

    assert caught.value.code == 45009


@pytest.mark.parametrize("raw_frame", ["", "[]", "{", '{"cmd":1}', '{"headers":{}}', "[" * 9000])
async def test_strange_frames_are_answered_and_harm_nothing(played, raw_frame):
    url = played.url.replace("http", "ws", 1) + "/sandbox/wecom/ws"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str(raw_frame)
        assert (await socket.receive_json(timeout=5))["errcode"] != 0
