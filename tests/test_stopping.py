"""急停 and the shadow: everything is heard and computed, nothing leaves."""

import json
import sqlite3
from datetime import timedelta

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.sandbox.demo import START
from bot.wecom import envelope
from handlers.values import LookUp, Post, Push, Send
from storage import outbox, stops
from storage.sqlite import Sqlite


async def stop(office, way="*"):
    now = office.clock.now()
    await office.writer.do(lambda db: stops.put(db, way, by="op", why="", now=now))


async def lift(office, way="*"):
    await office.writer.do(lambda db: stops.lift(db, way))


# What leaves


async def test_what_is_stopped_waits_and_goes_out_in_order_afterwards(office):
    await stop(office)
    for n in range(3):
        await office.put(Send("zhang", f"第{n}条"))
    await office.flush()
    assert office.got() == []
    assert await office.states() == ["waiting"] * 3

    await lift(office)
    await office.settle(minutes=2)

    assert office.got() == ["第0条", "第1条", "第2条"]
    assert [r["attempts"] for r in await office.rows()] == [1, 1, 1]


async def test_one_way_is_stopped_and_the_others_go_on(office):
    office.hooks = {}
    await stop(office, "webhook")
    await office.put(Send("zhang", "照发"), Post("managers", "不发"))
    await office.flush()

    assert office.got() == ["照发"]
    assert await office.states() == ["sent", "waiting"]


async def test_what_only_asks_is_not_stopped(office):
    await stop(office)
    await office.put(LookUp("wang"))
    await office.flush()

    assert await office.states() == ["sent"]


async def test_operators_are_told_even_so(office):
    office.operators = ("chen",)
    await stop(office)
    await office.put(Send("chen", "已急停"), Send("zhang", "不发"))
    await office.flush()

    assert await office.states() == ["sent", "waiting"]


async def test_a_thousand_that_wait_hide_nothing_behind_them(office):
    await stop(office, "aibot")
    for n in range(120):
        await office.put(Push(f"chat{n}", "不发"))
    await office.put(Send("zhang", "照发"))
    await office.flush()

    assert office.got() == ["照发"]


async def test_in_the_shadow_nothing_leaves_and_everything_is_noted(office):
    await office.put(Send("zhang", "本来会发"), LookUp("wang"))
    await office.flush(office.sender(shadow=True))

    assert office.got() == []
    assert await office.states() == ["shadow", "sent"]
    would = await office.writer.do(
        lambda db: outbox.would_have(db, START - timedelta(days=1), START + timedelta(days=1))
    )
    assert [r["target"] for r in would] == ["zhang"]


# By chat


@pytest.fixture
def staffed(talk):
    access = talk.settings.access.model_copy(update={"operators": ("op",)})
    talk.settings = talk.settings.model_copy(update={"access": access})
    return talk


def test_an_operator_stops_and_lifts_by_a_word(staffed):
    staffed.says("op", "急停 客服：话术有误")
    assert [(s.way, s.why) for s in stops.on(staffed.db)] == [("kf", "话术有误")]
    assert "恢复发送 客服" in staffed.texts("op")

    staffed.says("op", "恢复发送")

    assert stops.on(staffed.db) == []
    assert "已恢复发送" in staffed.texts("op")
    staffed.says("op", "恢复发送")
    assert "没有在急停" in staffed.texts("op")


@pytest.mark.parametrize("who", ["zhang", "chen", "stranger"])
def test_nobody_else_stops_anything(staffed, who):
    staffed.says(who, "急停")

    assert stops.on(staffed.db) == []


def test_what_waited_too_long_is_not_sent_any_more(staffed):
    staffed.says("op", "急停")
    outbox.put(staffed.db, parcel_id="p", cause="m", kind="text", target="zhang", body="{}",
               digest="d", now=staffed.now)  # fmt: skip
    staffed.now += timedelta(hours=5)

    staffed.says("op", "恢复发送")

    assert "1条等了4小时以上的不再发" in staffed.texts("op")
    assert outbox.given_up(staffed.db)[0]["error"] == "急停期间过期，没有发"


# The program


async def asked(app, n):
    body = json.dumps({"msgid": f"m-{n}", "aibotid": "aib-sandbox", "chattype": "group",
                       "chatid": "team", "from": {"userid": "zhang"}, "msgtype": "text",
                       "text": {"content": "@小福 我的积分"}}, ensure_ascii=False)  # fmt: skip
    kept = envelope.identify("aibot", body)
    await app.keep(kept)
    return await app.answer(kept.id, 1)


async def test_a_stopped_channel_does_not_even_answer_in_its_own_reply(played):
    app = played.running.app
    now = app.clock.now()
    assert "分" in await asked(app, 1)
    await app.writer.do(lambda db: stops.put(db, "aibot", by="op", why="", now=now))

    assert await asked(app, 2) == ""


async def test_the_shadow_gives_no_answers_either(played):
    played.running.app.shadow = True

    assert await asked(played.running.app, 1) == ""


# By command


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "config.toml").write_text('[storage]\nurl = "sqlite:///s.db"\n')
    store = Sqlite(tmp_path / "s.db")
    store.migrate()
    yield store, tmp_path
    store.close()


def run(folder, *args):
    return CliRunner().invoke(main, ["--config", str(folder / "config.toml"), *args])


def test_the_command_line_stops_and_lifts_for_the_server_that_runs(shop):
    store, folder = shop
    assert run(folder, "pause", "客服", "--why", "话术有误").exit_code == 0
    assert run(folder, "pause").exit_code == 0
    assert [s.way for s in stops.on(store)] == ["*", "kf"]

    said = run(folder, "resume", "客服")

    assert "还停着：全部" in said.output
    assert [s.way for s in stops.on(store)] == ["*"]


def test_the_shadow_is_read_only_where_it_is_on(shop):
    _, folder = shop
    assert run(folder, "shadow").exit_code == 1

    (folder / "config.toml").write_text(
        '[server]\nshadow = true\n[storage]\nurl = "sqlite:///s.db"\n'
    )

    assert "本来会发 0 条" in run(folder, "shadow").output
    with sqlite3.connect(folder / "s.db") as db:
        assert db.execute("select count(*) from outbox").fetchone() == (0,)
