"""The API client against the pretend WeCom and against servers that misbehave."""

import asyncio
import json
import logging
import sqlite3

import aiohttp
import pytest
from aiohttp import web
from wecom_kit import CORP, WORLD, Clock, street

from bot.wecom.client import CODES, UNREACHABLE, Client, Shelf, WeComError, classify
from bot.wecom.errors import failure
from bot.wecom.tickets import Tickets
from bot.writer import Writer
from storage.sqlite import Sqlite

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


# One token for all processes on a store


def opened(path):
    store = Sqlite(path)
    store.migrate()
    return store


@pytest.fixture
async def office(town, http, tmp_path):
    """Makes clients as processes of their own do: each with its own writer, all on one file."""
    writers = []

    async def another():
        writer = Writer(lambda: opened(tmp_path / "shared.db"), asyncio.get_running_loop())
        await writer.start()
        writers.append(writer)
        return Client(http, town.wecom_url, CORP, town.clock, Shelf(writer))

    yield another
    for writer in writers:
        await writer.close()


async def test_two_processes_on_one_store_fetch_one_token(town, office):
    first, second = await office(), await office()

    both = (one.send(SECRET, text(f"{n}")) for n in range(10) for one in (first, second))
    await asyncio.gather(*both)

    assert town.pretend.api.calls["gettoken"] == 1
    assert len(town.said("zhang")) == 20


async def test_a_restart_goes_on_with_the_token_that_was_kept(town, office):
    await (await office()).send(SECRET, text("一"))
    await (await office()).send(SECRET, text("二"))

    assert town.pretend.api.calls["gettoken"] == 1


async def test_tickets_are_shared_as_well(town, office):
    for _ in range(3):  # each a process of its own
        tickets = Tickets(await office(), SECRET, town.clock)
        assert await tickets.corp() != await tickets.app()

    calls = town.pretend.api.calls
    assert (calls["get_jsapi_ticket"], calls["ticket/get"]) == (1, 1)


async def test_a_ticket_that_could_not_be_fetched_blocks_no_other_process(town, office):
    town.pretend.api.plan_faults("get_jsapi_ticket", 48002)
    with pytest.raises(WeComError):
        await Tickets(await office(), SECRET, town.clock).corp()

    assert (await Tickets(await office(), SECRET, town.clock).corp()).startswith("TICKET-corp")


async def test_an_old_ticket_is_fetched_anew(town, office):
    first = await Tickets(await office(), SECRET, town.clock).app()
    town.clock.move(seconds=7000)

    assert await Tickets(await office(), SECRET, town.clock).app() == first
    assert town.pretend.api.calls["ticket/get"] == 2


async def test_the_fresher_token_of_another_process_is_taken(town, office):
    first, second = await office(), await office()
    await first.send(SECRET, text("一"))
    await second.send(SECRET, text("二"))
    town.pretend.api.void_tokens()

    await second.send(SECRET, text("三"))
    await first.send(SECRET, text("四"))

    assert town.pretend.api.calls["gettoken"] == 2
    assert town.said() == ["一", "二", "三", "四"]


async def test_a_token_that_dies_under_two_hundred_is_fetched_once_and_nothing_is_lost(
    town, office
):
    first, second = await office(), await office()
    await asyncio.gather(*(one.send(SECRET, text("先")) for one in (first, second)))
    town.pretend.api.void_tokens()

    people = ("zhang", "chen")
    sent = [
        one.send(SECRET, text(f"第{n}条{who}", who))
        for n in range(20) for one, who in zip((first, second), people, strict=True)
    ]  # fmt: skip
    more = [first.call(SECRET, "GET", "getcallbackip") for _ in range(160)]
    await asyncio.gather(*sent, *more)

    assert town.pretend.api.calls["gettoken"] == 2
    for who in people:
        assert sorted(t for t in town.said(who) if t != "先") == sorted(
            f"第{n}条{who}" for n in range(20)
        )


async def test_a_process_that_failed_to_fetch_does_not_keep_the_others_waiting(town, office):
    first, second = await office(), await office()
    town.pretend.api.plan_faults("gettoken", -1)

    assert (await failing(first.send(SECRET, text("一")))).code == -1
    await second.send(SECRET, text("二"))

    assert town.said() == ["二"]


async def test_the_store_holds_no_secret(town, office, tmp_path):
    await (await office()).send(SECRET, text("一"))

    with sqlite3.connect(tmp_path / "shared.db") as store:
        ((key, value),) = store.execute("select id, value from tokens").fetchall()
    assert SECRET not in key
    assert value.startswith("TOKEN-")


# Every code of the platform's table

RETRY, WAIT, REFRESH, TELL, GIVE_UP = "retry", "wait", "refresh", "tell", "give up"
ACTS = {
    RETRY: "-1 6000 41063 45033",
    WAIT: "45009 130101",
    REFRESH: "40014 42001",
    TELL: """40001 40013 40054 40055 40057 40091 40093 42012 43009 43012 48001 48002 48006 48007
        50001 50002 50003 60011 60020 80001 84074 85004 85005 85008 93000 93004 95017 95021
        301055""",
    GIVE_UP: """40003 40004 40005 40006 40007 40008 40009 40011 40016 40017 40018 40029 40031
        40032 40035 40039 40050 40056 40058 40063 40066 40068 40071 40096 40097 40098 40099
        41001 41002 41004 41006 41008 41009 41010 41011 41016 41033 41035 41037 41038 41039
        41040 41041 41042 41043 41044 41045 41046 41047 41048 41049 41050 41051 41053 41054
        41055 41056 41058 41059 41060 41061 41062 41064 41065 41067 41068 41069 41070 41071
        41072 41073 41074 41075 41076 41077 41078 41079 41080 41081 41082 41083 41084 41085
        41086 41087 41088 41089 41090 41091 41093 41094 41095 41096 42003 42014 42015 42016
        42017 42018 42019 42020 42022 42027 42028 42029 42030 42031 42033 42035 42036 42037
        42038 42039 42040 42041 42042 42043 42044 42045 42046 42047 42049 42050 42051 43004
        44001 44004 45001 45002 45007 45008 45029 46003 46004 50100 60021 60111 60140 81013
        81017 82001 82002 82003 82004 84061 85002 86001 86003 86004 86005 86006 86007 86008
        86101 86207 86215 86216 86220 86224 90500 90501 90502 90504 90507 90508 90509 90511
        93006 93008 95000 95001 95002 95003 95004 95005 95006 95007 95008 95009 95011 95012
        95013 95014 95015 95016 95026 301002 301019 301025 301052 846605 846608""",
}
TABLE = [(int(code), act) for act, codes in ACTS.items() for code in codes.split()]


@pytest.mark.parametrize(("code", "act"), TABLE)
def test_every_code_of_the_platform_has_its_consequence(code, act):
    assert code in CODES
    assert classify(code).act == act


@pytest.mark.parametrize(("code", "act"), TABLE)
def test_an_error_repeats_what_may_pass_and_only_that(code, act):
    error = failure(code, "")

    assert error.permanent == (act == GIVE_UP)
    assert (error.retry_after is not None) == (act in (RETRY, WAIT, REFRESH, TELL))
    assert bool(error.cure) == (act in (REFRESH, TELL))
