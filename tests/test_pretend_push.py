"""How strict the pretend WeCom is with what callbacks answer."""

import json
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from wecom_kit import AES_KEY, CORP, TOKEN

from bot.sandbox import push
from bot.sandbox.push import Address, Pusher
from bot.wecom import envelope
from bot.wecom.cipher import Channel

APP = Channel("app", TOKEN, AES_KEY, CORP)
BOT = Channel("aibot", TOKEN, AES_KEY, "", "json")
OTHER = Channel("app", TOKEN, AES_KEY[::-1], CORP)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
async def deliver(aiohttp_server):
    """Delivers to a program that answers as told, and says how that was taken."""
    async with aiohttp.ClientSession() as http:

        async def act(channel, answer):
            async def handle(request):
                return web.Response(body=answer(request.query["nonce"]))

            app = web.Application()
            app.router.add_post("/", handle)
            server = await aiohttp_server(app)
            address = Address(str(server.make_url("/")), channel)
            return await Pusher(http, lambda: NOW).deliver(address, "<xml/>")

        yield act


def sealed(channel, **change):
    def answer(nonce):
        sent = json.loads(envelope.seal(channel, '{"msgtype":"stream"}', nonce, "1775000002"))
        return json.dumps(sent | change).encode()

    return answer


async def test_a_well_formed_reply_is_taken(deliver):
    delivery = await deliver(BOT, sealed(BOT))

    assert (delivery.reply, delivery.problem) == ('{"msgtype":"stream"}', "")


async def test_any_nonce_will_do_for_an_app_but_not_for_the_aibot(deliver):
    app = await deliver(APP, lambda nonce: envelope.seal(APP, "<xml/>", "own", "1").encode())
    bot = await deliver(BOT, lambda nonce: envelope.seal(BOT, "{}", "own", "1").encode())

    assert app.reply == "<xml/>"
    assert bot.problem == "passive reply refused: nonce"


@pytest.mark.parametrize("nothing", [b"", b"success", b" \n"])
async def test_nothing_is_a_fine_answer(deliver, nothing):
    delivery = await deliver(APP, lambda nonce: nothing)

    assert (delivery.delivered, delivery.reply, delivery.problem) == (True, "", "")


async def test_an_encrypted_empty_object_is_nothing(deliver):
    delivery = await deliver(BOT, lambda nonce: envelope.seal(BOT, "{}", nonce, "1").encode())

    assert (delivery.reply, delivery.problem) == ("", "")


WRONG = {
    "signature": (BOT, sealed(BOT, msgsignature="0" * 40), "signature"),
    "another key": (APP, lambda n: envelope.seal(OTHER, "<xml/>", n, "1").encode(), "padding"),
    "no signature": (BOT, sealed(BOT, msgsignature=""), "fields"),
    "plain text": (APP, lambda n: b"hello", "xml"),
    "plain XML": (APP, lambda n: b"<xml><MsgType>text</MsgType></xml>", "fields"),
    "plain JSON": (BOT, lambda n: b'{"msgtype":"stream"}', "fields"),
    "XML to the aibot": (BOT, lambda n: b"<xml/>", "format"),
    "no UTF-8": (APP, lambda n: b"\xff\xfe", "format"),
}


@pytest.mark.parametrize(("channel", "answer", "reason"), WRONG.values(), ids=WRONG)
async def test_a_wrong_reply_is_named(deliver, channel, answer, reason):
    delivery = await deliver(channel, answer)

    assert delivery.problem == f"passive reply refused: {reason}"
    assert delivery.reply == ""


def test_xml_is_built_as_the_platform_writes_it():
    built = push.xml({"A": "a]]>b", "N": 7, "L": {"Item": ["x", "y"]}})

    assert built == (
        "<xml><A><![CDATA[a]]]]><![CDATA[>b]]></A><N>7</N>"
        "<L><Item><![CDATA[x]]></Item><Item><![CDATA[y]]></Item></L></xml>"
    )
