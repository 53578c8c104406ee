"""The HTTP side over real HTTP: health, metrics, the domain check, callbacks good and bad."""

import json

import aiohttp
import pytest
from aiohttp import web

from bot import server
from bot.config import Server
from bot.sandbox import demo, stage
from bot.sandbox.push import Pusher, xml
from bot.wecom import cipher
from storage.db import number

CAP = 256 * 1024


@pytest.fixture
async def house(played):
    """The stage with a client, the keys of its callbacks, and a hand that signs."""
    async with aiohttp.ClientSession() as http:
        yield House(played, http)


class House:
    def __init__(self, played, http):
        self.stage = played
        self.http = http
        self.app = played.pretend.callbacks._addresses["app"].channel
        self.pusher = Pusher(http, stage.WallClock().now)

    async def get(self, path):
        async with self.http.get(self.stage.url + path) as answer:
            return answer.status, await answer.text()

    async def post(self, path, body, query=None):
        async with self.http.post(self.stage.url + path, data=body, params=query) as answer:
            return answer.status, await answer.read()

    def sealed(self, plaintext):
        """Body and query of a callback, as WeCom makes them."""
        encrypted = self.pusher._encrypted(self.app, plaintext)
        body = xml({"ToUserName": self.app.receive_id, "Encrypt": encrypted})
        return body.encode(), self.pusher._signed(self.app, encrypted, "")

    async def kept(self):
        return await self.stage.running.writer.do(
            lambda db: number(db, "select count(*) from inbox")
        )

    async def counted(self):
        _, text = await self.get("/metrics")
        lines = [line for line in text.splitlines() if line.startswith("salesbot_callbacks_total")]
        return {line.split(" ")[0].split("{")[1]: float(line.split(" ")[1]) for line in lines}


def message(text="帮助", msgid=77, kind="text"):
    return xml({"ToUserName": "c", "FromUserName": "zhang", "CreateTime": 1772758800,
                "MsgType": kind, "Content": text, "MsgId": msgid, "AgentID": 1000002})  # fmt: skip


async def test_alive_and_ready(house):
    assert await house.get("/healthz") == (200, '{"ok": true}')
    status, text = await house.get("/readyz")
    assert (status, json.loads(text)["ready"]) == (200, True)


async def test_each_way_into_wecom_is_off_waiting_or_working_since_its_first_message(house):
    async def shown():
        return json.loads((await house.get("/readyz"))[1])["surfaces"]

    assert (await shown())["app"]["state"] == "working"  # its address was checked
    await house.stage.running.writer.do(lambda db: db.run("delete from surface_checks"))
    before = await shown()
    assert before["app"] == {"state": "waiting"}
    assert before["archive"] == {"state": "off"}
    assert before["webhook"] == {"state": "off"}

    body, query = house.sealed(message())
    await house.post("/callback/app", body, query)
    house.stage.pretend.api.plan_faults("message/send", 81013)
    await house.stage.running.app.idle()

    after = (await shown())["app"]
    assert after["state"] == "working"
    assert after["since"] == after["last"] == house.stage.clock.now().isoformat()
    assert after["error"].startswith("81013")


async def test_not_ready_when_the_store_does_not_answer(house):
    await house.stage.running.writer.close()

    status, text = await house.get("/readyz")

    assert status == 503
    assert "数据库不可用" in json.loads(text)["reason"]
    assert (await house.get("/healthz"))[0] == 200


async def test_metrics_count_callbacks_by_path_and_result(house):
    body, query = house.sealed(message())
    await house.post("/callback/app", body, query)
    await house.post("/callback/app", body, query)
    await house.post("/callback/app", b"<xml/>", query)

    counted = await house.counted()

    assert counted['path="app",result="kept"}'] == 1
    assert counted['path="app",result="duplicate"}'] == 1
    assert sum(counted.values()) >= 3


async def test_metrics_show_what_waits(house):
    body, query = house.sealed(message())
    await house.post("/callback/app", body, query)

    _, text = await house.get("/metrics")
    assert "salesbot_inbox_waiting 1.0" in text
    await house.stage.running.app.idle()
    _, text = await house.get("/metrics")
    assert "salesbot_inbox_waiting 0.0" in text
    assert 'salesbot_outbox{state="sent"} ' in text


async def test_a_callback_is_kept_answered_and_then_handled(house):
    body, query = house.sealed(message())

    assert await house.post("/callback/app", body, query) == (200, b"")
    assert await house.kept() == 1
    await house.stage.running.app.idle()
    assert house.stage.pretend.received()[0]["text"].startswith("我能帮你")


async def test_a_kind_nobody_knows_is_kept_and_answered(house):
    body, query = house.sealed(message(kind="hologram"))

    assert (await house.post("/callback/app", body, query))[0] == 200
    assert await house.kept() == 1
    await house.stage.running.app.idle()
    rows = await house.stage.running.writer.do(lambda db: db.rows("select state from inbox"))
    assert rows == [{"state": "done"}]


async def test_a_forged_callback_is_refused_and_nothing_kept(house):
    body, query = house.sealed(message())
    other, _ = house.sealed(message("转账"))

    for wrong in ({**query, "msg_signature": "0" * 40}, {**query, "nonce": "x"}, {}):
        status, _ = await house.post("/callback/app", body, wrong)
        assert 400 <= status < 500
    status, _ = await house.post("/callback/app", other, query)
    assert 400 <= status < 500
    assert await house.kept() == 0


async def test_an_old_callback_is_refused(house):
    encrypted = house.pusher._encrypted(house.app, message())
    nonce, stamp = "n", "1600000000"
    query = {"timestamp": stamp, "nonce": nonce,
             "msg_signature": cipher.sign(house.app.token, stamp, nonce, encrypted)}  # fmt: skip

    status, _ = await house.post("/callback/app", xml({"Encrypt": encrypted}).encode(), query)

    assert 400 <= status < 500
    assert await house.kept() == 0


async def test_a_body_that_is_too_large_is_413(house):
    _, query = house.sealed(message())

    status, _ = await house.post("/callback/app", b"x" * (CAP + 1), query)

    assert status == 413
    assert await house.kept() == 0


@pytest.mark.parametrize("body", [b"", b"<xml>", b"\x00" * 100, b"{}", b"<xml><Encrypt/></xml>"])
async def test_a_malformed_body_is_refused_without_a_traceback(house, body, caplog):
    _, query = house.sealed(message())

    status, said = await house.post("/callback/app", body, query)

    assert 400 <= status < 500
    assert said == b""
    assert "Traceback" not in caplog.text


async def test_a_channel_that_is_off_is_404(house):
    assert (await house.get("/callback/archive"))[0] == 404
    assert (await house.post("/callback/archive", b"<xml/>"))[0] == 404


async def test_the_url_check_answers_the_bare_words(house):
    encrypted = house.pusher._encrypted(house.app, "1616140317555161061")
    query = house.pusher._signed(house.app, encrypted, "echostr")

    async with house.http.get(house.stage.url + "/callback/app", params=query) as answer:
        assert await answer.read() == b"1616140317555161061"


# The domain check


@pytest.fixture
async def domain(aiohttp_client, played, tmp_path):
    folder = tmp_path / "verify"
    folder.mkdir()
    (folder / "WW_verify_aB3.txt").write_text("aB3")
    (tmp_path / "WW_verify_outside.txt").write_text("no")
    running = played.running
    running.config = running.config.model_copy(update={"server": Server(verify_dir="verify")})
    app = web.Application()
    app.add_routes(server.routes(running, {}, 3600))
    return await aiohttp_client(app)


async def test_wecom_s_file_is_served_from_its_folder(domain):
    answer = await domain.get("/WW_verify_aB3.txt")

    assert (answer.status, await answer.text()) == (200, "aB3")


OUTSIDE = ["/WW_verify_none.txt", "/WW_verify_../WW_verify_outside.txt", "/WW_verify_outside.txt",
           "/WW_verify_%2e%2e%2fWW_verify_outside.txt", "/WW_verify_.txt"]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
async def test_nothing_else_is(domain, path):
    assert (await domain.get(path)).status == 404


async def test_every_kind_of_callback_goes_through_its_own_door(played):
    await played.pretend.event("add_external_contact", user="zhang", customer="new-1")
    await played.say("aibot", "zhang", f"@{demo.BOT} 签到", demo.TEAM_CHAT)
    await played.say("app", "zhang", "帮助")

    rows = await played.running.writer.do(
        lambda db: db.rows("select channel from inbox order by seq")
    )
    assert [r["channel"] for r in rows] == ["contact", "aibot", "app"]
    assert played.pretend.problems == []
