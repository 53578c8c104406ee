"""The callback routes over HTTP: what is kept, what is answered, what is refused and counted."""

import asyncio
import json
import logging

import pytest
from aiohttp import web
from wecom_kit import AES_KEY, CORP, TOKEN, Clock, Notebook, channels, counted, counter

from bot.wecom import callback, cipher, elements, envelope
from bot.wecom.envelope import Channel

PREFIX = b"0123456789abcdef"
CHANNELS = channels()
APP, BOT = CHANNELS["app"], CHANNELS["aibot"]
PRESSED = (
    "<xml><FromUserName>zhang</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>"
    "<Event>template_card_event</Event><EventKey>k</EventKey><TaskId>t</TaskId>"
    "<ResponseCode>RC</ResponseCode><AgentID>1000002</AgentID></xml>"
)
REFRESH = '{"msgid":"r-1","from":{"userid":"zhang"},"msgtype":"stream","stream":{"id":"%s"}}'


class Post:
    """Posts what WeCom would post to the callback routes."""

    def __init__(self, client, clock, inbox, metrics):
        self.client, self.clock, self.inbox, self.metrics = client, clock, inbox, metrics

    def query(self, channel, encrypted, nonce="n1"):
        timestamp = str(int(self.clock().timestamp()))
        signature = cipher.sign(channel.token, timestamp, nonce, encrypted)
        return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    async def deliver(self, path, plaintext, channel=None, nonce="n1", **more):
        channel = channel or CHANNELS[path]
        encrypted = cipher.encrypt(channel, plaintext, PREFIX)
        body = f"<xml><Encrypt>{encrypted}</Encrypt></xml>"
        if channel.style == "json":
            body = json.dumps({"encrypt": encrypted})
        asked = self.query(channel, encrypted, nonce)
        return await self.raw(path, body.encode(), asked, **more)

    async def raw(self, path, body, asked, **more):
        return await self.client.post(f"/callback/{path}", data=body, params=asked, **more)

    async def opened(self, response, channel):
        """The plaintext of a passive reply, checked as WeCom checks it."""
        sent = await response.text()
        found = json.loads(sent) if channel.style == "json" else elements.read(sent)
        lower = {name.lower(): str(value) for name, value in found.items()}
        cipher.verify(
            channel, lower["msgsignature"], lower["timestamp"], lower["nonce"], lower["encrypt"]
        )
        return cipher.decrypt(channel, lower["encrypt"])


@pytest.fixture
async def post(aiohttp_client):
    clock, inbox, metrics = Clock(), Notebook(), counter()
    app = web.Application()
    app.add_routes(callback.routes(CHANNELS, inbox, clock, 3600, metrics))
    return Post(await aiohttp_client(app), clock, inbox, metrics)


def text(words, number=7001):
    return (
        "<xml><FromUserName>zhang</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType>"
        f"<Content>{words}</Content><MsgId>{number}</MsgId><AgentID>1000002</AgentID></xml>"
    )


def question(words="@小福 签到"):
    return json.dumps(
        {
            "msgid": "m-1",
            "chatid": "team",
            "chattype": "group",
            "from": {"userid": "zhang"},
            "msgtype": "text",
            "text": {"content": words},
        }
    )


async def test_the_address_check_is_answered_with_the_bare_echo(post):
    encrypted = cipher.encrypt(APP, "echo-42", PREFIX)
    asked = {**post.query(APP, encrypted), "echostr": encrypted, "extra": "1"}

    response = await post.client.get("/callback/app", params=asked)

    assert (response.status, await response.read()) == (200, b"echo-42")
    assert counted(post.metrics) == {("app", "echo"): 1}


async def test_a_message_is_kept_and_answered_with_nothing(post):
    response = await post.deliver("app", text("你好"))

    assert (response.status, await response.read()) == (200, b"")
    assert [kept.id for kept in post.inbox.kept] == ["app:m:1000002:7001"]
    assert post.inbox.waited == []


async def test_a_second_delivery_is_answered_and_not_kept_again(post):
    await post.deliver("app", text("你好"), nonce="n1")

    again = await post.deliver("app", text("你好"), nonce="n2")

    assert again.status == 200
    assert len(post.inbox.kept) == 1
    assert counted(post.metrics) == {("app", "kept"): 1, ("app", "duplicate"): 1}


async def test_a_store_that_is_down_lets_wecom_come_again(post, caplog):
    post.inbox.down = 1

    with caplog.at_level(logging.CRITICAL):
        first = await post.deliver("app", text("你好"))
    second = await post.deliver("app", text("你好"))

    assert (first.status, second.status) == (503, 200)
    assert counted(post.metrics) == {("app", "error"): 1, ("app", "kept"): 1}


async def test_a_kind_nobody_knows_is_kept(post):
    response = await post.deliver("contact", "<xml><MsgType>hologram</MsgType></xml>")

    assert response.status == 200
    assert post.inbox.kept[0].kind == "hologram"


OTHER = Channel("app", "otherToken", AES_KEY, CORP)
FORGED = {
    "another token": (OTHER, text("x"), 403, "signature"),
    "another key": (Channel("app", TOKEN, AES_KEY[::-1], CORP), text("x"), 400, "padding"),
    "another company": (Channel("app", TOKEN, AES_KEY, "wwother"), text("x"), 400, "receiveid"),
    "not XML inside": (APP, "hello", 400, "xml"),
    "DOCTYPE inside": (APP, "<!DOCTYPE x><xml><MsgType>t</MsgType></xml>", 400, "dtd"),
    "JSON to the XML path": (Channel("app", TOKEN, AES_KEY, CORP, "json"), "{}", 400, "xml"),
}


@pytest.mark.parametrize(("channel", "plaintext", "status", "reason"), FORGED.values(), ids=FORGED)
async def test_what_is_forged_or_malformed_is_refused(post, channel, plaintext, status, reason):
    response = await post.deliver("app", plaintext, channel)

    assert (response.status, await response.read()) == (status, b"")
    assert post.inbox.kept == []
    assert counted(post.metrics) == {("app", reason): 1}


async def test_a_signature_of_another_path_is_refused(post):
    response = await post.deliver("contact", text("x"), APP)

    assert response.status == 403


@pytest.mark.parametrize("missing", ["msg_signature", "timestamp", "nonce"])
async def test_a_missing_parameter_is_refused(post, missing):
    encrypted = cipher.encrypt(APP, text("x"), PREFIX)
    asked = post.query(APP, encrypted)
    del asked[missing]

    response = await post.raw("app", f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode(), asked)

    assert response.status == 400
    assert counted(post.metrics) == {("app", "missing"): 1}


async def test_an_old_callback_is_refused(post):
    encrypted = cipher.encrypt(APP, text("x"), PREFIX)
    asked = post.query(APP, encrypted)
    post.clock.move(hours=2)

    response = await post.raw("app", f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode(), asked)

    assert response.status == 403
    assert counted(post.metrics) == {("app", "window"): 1}


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_huge_body_is_refused(post, chunked):
    async def pieces():
        for _ in range(300):
            yield b"x" * 1024

    response = await post.raw("app", pieces() if chunked else b"x" * 300 * 1024, {})

    assert response.status == 413
    assert counted(post.metrics) == {("app", "size"): 1}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_body_is_refused(post, encoding):
    response = await post.raw("app", b"\x1f\x8b", {}, headers={"Content-Encoding": encoding})

    assert response.status == 415


@pytest.mark.parametrize("path", ["kf", "archive"])
async def test_a_channel_that_is_off_is_not_found(post, path):
    assert (await post.client.get(f"/callback/{path}")).status == 404
    assert (await post.client.post(f"/callback/{path}")).status == 404
    assert counted(post.metrics) == {(path, "off"): 2}


async def test_nothing_of_a_message_is_logged(post, caplog):
    with caplog.at_level(logging.DEBUG):
        await post.deliver("app", text("客户的原话"))
        await post.deliver("app", text("客户的原话"), OTHER)

    assert "客户的原话" not in caplog.text
    assert "signature" in caplog.text


async def test_a_pressed_card_is_updated_in_the_answer(post):
    update = envelope.update_button_xml("zhang", CORP, "已采用", 1)
    post.inbox.reply = lambda kept: update

    response = await post.deliver("app", PRESSED)

    assert await post.opened(response, APP) == update
    assert post.inbox.waited == [callback.CARD_WAIT_S]


@pytest.mark.parametrize("nothing", [None, ""])
async def test_a_card_answer_that_is_not_ready_is_left_out(post, nothing):
    post.inbox.reply = lambda kept: nothing

    response = await post.deliver("app", PRESSED)

    assert (response.status, await response.read()) == (200, b"")


async def test_a_card_event_delivered_twice_gets_the_same_bytes(post):
    post.inbox.reply = lambda kept: envelope.update_button_xml("zhang", CORP, "已采用", 1)

    first = await (await post.deliver("app", PRESSED)).read()

    assert await (await post.deliver("app", PRESSED)).read() == first


async def test_the_aibot_answers_in_the_callback(post):
    post.inbox.reply = lambda kept: envelope.stream_reply(kept.id, "签到成功")

    response = await post.deliver("aibot", question())

    answer = json.loads(await post.opened(response, BOT))
    assert answer == {
        "msgtype": "stream",
        "stream": {"id": "s:aibot:m-1", "finish": True, "content": "签到成功"},
    }
    assert (await response.json())["nonce"] == "n1"
    assert post.inbox.waited == [callback.AIBOT_WAIT_S]


async def test_the_aibot_thinks_and_finishes_when_asked_again(post):
    post.inbox.reply = lambda kept: None
    first = json.loads(await post.opened(await post.deliver("aibot", question()), BOT))
    stream = first["stream"]["id"]
    still = json.loads(await post.opened(await post.deliver("aibot", REFRESH % stream), BOT))
    post.inbox.reply = lambda kept: envelope.stream_reply(kept.id, "签到成功")

    last = json.loads(await post.opened(await post.deliver("aibot", REFRESH % stream), BOT))

    assert first["stream"] == still["stream"]
    assert first["stream"] == {"id": stream, "finish": False, "content": "正在想…"}
    assert last["stream"] == {"id": stream, "finish": True, "content": "签到成功"}
    assert len(post.inbox.kept) == 1


@pytest.mark.parametrize("stream", ["s:aibot:gone", "somebody-else", ""])
async def test_a_stream_nobody_knows_ends_with_an_apology(post, stream):
    response = await post.deliver("aibot", REFRESH % stream)

    answer = json.loads(await post.opened(response, BOT))
    assert answer["stream"] == {"id": stream, "finish": True, "content": callback.LOST}
    assert post.inbox.kept == []


async def test_an_aibot_event_without_an_answer_gets_none(post):
    event = (
        '{"msgid":"e1","from":{"userid":"z"},"msgtype":"event","event":{"eventtype":"enter_chat"}}'
    )
    post.inbox.reply = lambda kept: None

    response = await post.deliver("aibot", event)

    assert (response.status, await response.read()) == (200, b"")


async def test_a_message_the_bot_leaves_unanswered_gets_an_empty_answer(post):
    post.inbox.reply = lambda kept: ""

    response = await post.deliver("aibot", question())

    assert (response.status, await response.read()) == (200, b"")


async def half_sent(client, head, body):
    """Open a connection by hand, send this much and read the status."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])


async def test_a_body_that_never_ends_is_given_up(post, monkeypatch):
    monkeypatch.setattr(callback, "BODY_LIMIT_S", 0.05)
    head = "POST /callback/app HTTP/1.1\r\nHost: x\r\nContent-Length: 1000"

    assert await half_sent(post.client, head, b"<xml>") == 408
    assert counted(post.metrics) == {("app", "slow"): 1}


async def test_a_declared_length_is_refused_before_a_byte_is_read(post):
    head = "POST /callback/app HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000"

    assert await half_sent(post.client, head, b"") == 413


@pytest.mark.parametrize(
    "more",
    [
        "Transfer-Encoding: chunked\r\nConnection: close",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: -5",
        "Content-Length: five",
    ],
)
async def test_a_broken_transfer_is_refused(post, more):
    head = f"POST /callback/app HTTP/1.1\r\nHost: x\r\n{more}"

    assert await half_sent(post.client, head, b"nothing like a chunk\r\n") == 400
    assert post.inbox.kept == []
