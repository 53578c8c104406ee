"""The API client against the pretend WeCom and against servers that misbehave."""

import asyncio
import json
import logging

import aiohttp
import pytest
from aiohttp import web
from wecom_kit import CORP, WORLD, Clock, street

from bot.wecom.client import CODES, UNREACHABLE, Client, WeComError, classify

SECRET = WORLD.app_secret


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def town(aiohttp_server, http):
    return await street(aiohttp_server, http)


def text(words, to="zhang"):
    body = {"touser": to, "msgtype": "text", "agentid": WORLD.agent_id, "text": {"content": words}}
    return json.dumps(body, ensure_ascii=False).encode()


async def odd_server(aiohttp_server, http, answer):
    """A client of a server that answers every call by `answer(request)`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = await aiohttp_server(app)
    return Client(http, str(server.make_url("/")), CORP, Clock())


async def test_fifty_at_once_fetch_one_token(town):
    await asyncio.gather(*(town.client.send(SECRET, text(f"第{n}条")) for n in range(25)))

    assert town.pretend.api.calls["gettoken"] == 1
    assert len(town.said("zhang")) == 25


async def test_a_token_voided_in_mid_burst_is_fetched_once_more(town):
    await town.client.send(SECRET, text("先来一条"))
    town.pretend.api.void_tokens()

    await asyncio.gather(*(town.client.send(SECRET, text(f"第{n}条")) for n in range(20)))

    assert town.pretend.api.calls["gettoken"] == 2
    assert sorted(town.said("zhang"))[1:] == sorted(f"第{n}条" for n in range(20))[0:]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_refused_token_is_replaced_once(town, code):
    town.pretend.api.plan_faults("message/send", code)

    await town.client.send(SECRET, text("你好"))

    assert town.said() == ["你好"]
    assert town.pretend.api.calls["message/send"] == 2


async def test_a_token_refused_again_and_again_opens_the_breaker(town):
    town.pretend.api.plan_faults("message/send", 40014, times=100)

    codes = [await failing(town.client.send(SECRET, text("你好"))) for _ in range(10)]

    assert {error.code for error in codes} == {40014}
    assert not any(error.permanent for error in codes)
    assert codes[-1].retry_after == 60
    assert town.pretend.api.calls["gettoken"] == 3
    assert town.pretend.api.calls["message/send"] == 3


async def test_the_breaker_closes_after_a_minute(town):
    town.pretend.api.plan_faults("message/send", 40014, times=4)
    for _ in range(3):
        await failing(town.client.send(SECRET, text("你好")))
    town.clock.move(seconds=61)

    await town.client.send(SECRET, text("你好"))

    assert town.said() == ["你好"]


async def test_a_wrong_secret_is_asked_for_three_times_a_minute(town):
    errors = [await failing(town.client.send("wrong", text("你好"))) for _ in range(8)]

    assert {error.code for error in errors} == {40001}
    assert "secret" in errors[0].cure
    assert town.pretend.api.calls["gettoken"] == 3


async def test_a_token_is_renewed_before_it_expires(town):
    await town.client.send(SECRET, text("一"))
    town.clock.move(seconds=7200 - 299)

    await town.client.send(SECRET, text("二"))

    assert town.pretend.api.calls["gettoken"] == 2
    assert town.pretend.api.calls["message/send"] == 2


async def test_each_secret_has_its_own_token(town):
    await town.client.call(SECRET, "GET", "getcallbackip")
    answer = await town.client.call(
        WORLD.contact_secret, "GET", "externalcontact/list", params={"userid": "zhang"}
    )

    assert answer["external_userid"] == ["wang", "li"]
    assert town.pretend.api.calls["gettoken"] == 2


async def failing(doing):
    with pytest.raises(WeComError) as caught:
        await doing
    return caught.value


@pytest.mark.parametrize(
    ("code", "permanent", "kind", "retry_after"),
    [
        (81013, True, "S", None),
        (40058, True, "B", None),
        (45009, False, "R", 60.0),
        (45033, False, "R", 1.0),
        (-1, False, "R", 2.0),
        (60020, False, "C", 300.0),
        (123456, True, "B", None),
    ],
)
async def test_an_error_says_whether_to_repeat(town, code, permanent, kind, retry_after):
    town.pretend.api.plan_faults("message/send", code)

    error = await failing(town.client.send(SECRET, text("你好")))

    assert (error.code, error.permanent, error.kind, error.retry_after) == (
        code,
        permanent,
        kind,
        retry_after,
    )
    assert "from ip" in error.message


def test_every_configuration_error_has_a_cure_in_chinese():
    cures = [code.cure for code in CODES.values() if code.kind in "CT"]

    assert all(cure.endswith("。") for cure in cures)
    assert classify(60020).cure.startswith("服务器地址不在企业可信 IP 里")


async def test_the_bytes_of_a_send_are_the_bytes_given(aiohttp_server, http):
    seen = []

    async def answer(request):
        seen.append(await request.read())
        return web.json_response({"errcode": 0, "access_token": "T", "expires_in": 7200})

    client = await odd_server(aiohttp_server, http, answer)
    await client.send(SECRET, b'{"touser" : "zhang" ,"x":1}')

    assert seen == [b"", b'{"touser" : "zhang" ,"x":1}']


ODD = {
    "HTML": web.Response(text="<html>502 Bad Gateway</html>", status=502),
    "nothing": web.Response(),
    "HTML with 200": web.Response(text="<html>login</html>"),
    "a list": web.json_response([1]),
    "a redirect": web.Response(status=302, headers={"Location": "http://elsewhere.example/"}),
    "a deep nest": web.Response(text="[" * 100_000),
}


@pytest.mark.parametrize("sort", ODD)
async def test_an_answer_that_is_none_may_pass(aiohttp_server, http, sort):
    async def answer(request):
        odd = ODD[sort]
        return web.Response(body=odd.body, status=odd.status, headers=odd.headers)

    client = await odd_server(aiohttp_server, http, answer)
    error = await failing(client.send(SECRET, b"{}"))

    assert (error.code, error.permanent) == (UNREACHABLE, False)


async def test_a_code_written_as_text_is_read(aiohttp_server, http):
    async def answer(request):
        if request.path.endswith("gettoken"):
            found = {"errcode": "0", "access_token": "T", "expires_in": "7200"}
        else:
            found = {"errcode": "60111", "errmsg": "userid not found"}
        return web.json_response(found, content_type="text/plain")

    client = await odd_server(aiohttp_server, http, answer)

    assert (await failing(client.send(SECRET, b"{}"))).code == 60111


async def test_a_server_that_is_not_there_may_come_back(http, unused_tcp_port):
    client = Client(http, f"http://127.0.0.1:{unused_tcp_port}", CORP, Clock())

    error = await failing(client.send("my-secret", b"{}"))

    assert (error.code, error.permanent) == (UNREACHABLE, False)


async def test_neither_tokens_nor_secrets_are_shown(town, http, unused_tcp_port, caplog):
    nobody = Client(http, f"http://127.0.0.1:{unused_tcp_port}", CORP, Clock())
    town.pretend.api.plan_faults("message/send", 60020)

    with caplog.at_level(logging.DEBUG):
        errors = [
            await failing(nobody.send("my-secret", b"{}")),
            await failing(town.client.send(SECRET, text("你好"))),
        ]

    logged = [record.getMessage() for record in caplog.records if "access" not in record.name]
    shown = "".join(logged) + "".join(f"{error}{error!r}{error.__cause__}" for error in errors)
    assert "my-secret" not in shown
    assert SECRET not in shown
    assert "TOKEN-" not in shown


PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (640).to_bytes(4, "big") + (360).to_bytes(4, "big") + b"\x08"
)


async def test_a_picture_is_uploaded_under_its_chinese_name(town):
    media_id = await town.client.upload(SECRET, "image", '早报"6日\r\n.png', PNG)
    body = {"touser": "zhang", "msgtype": "image", "agentid": WORLD.agent_id}
    await town.client.send(SECRET, json.dumps(body | {"image": {"media_id": media_id}}).encode())

    (item,) = town.pretend.received()
    assert item["image"] == {
        "name": "早报_6日__.png",
        "media_id": media_id,
        "width": 640,
        "height": 360,
    }


async def test_an_upload_is_repeated_with_a_new_token(town):
    await town.client.send(SECRET, text("你好"))
    town.pretend.api.void_tokens()

    assert await town.client.upload(SECRET, "image", "a.png", PNG) == "MEDIA-1"


async def test_a_short_lived_token_is_still_used(aiohttp_server, http):
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.json_response({"errcode": 0, "access_token": "T", "expires_in": 60})

    client = await odd_server(aiohttp_server, http, answer)
    for _ in range(5):
        await client.send(SECRET, b"{}")

    assert asked.count("/cgi-bin/gettoken") == 1
