"""From the callback to the handlers: kept once, handled in order, a failing one left in sight."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import memory

from bot import app as wiring
from bot.library import archived
from bot.sandbox.demo import START
from handlers.router import Router, combine, on
from handlers.values import Send
from storage import inbox, outbox
from storage.inbox import Kept


def app_text(n, text="帮助", who="zhang"):
    body = (f"<xml><ToUserName><![CDATA[c]]></ToUserName><FromUserName><![CDATA[{who}]]>"
            f"</FromUserName><CreateTime>1772758800</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content><![CDATA[{text}]]></Content><MsgId>{n}</MsgId>"
            f"<AgentID>1000002</AgentID></xml>")  # fmt: skip
    return wiring.envelope.identify("app", body)


def said(stage, who):
    return [i["text"] for i in stage.pretend.received() if i["to"] == who]


async def rows(stage, sql):
    return await stage.running.writer.do(lambda db: db.rows(sql))


# The rows


def test_a_message_that_comes_twice_is_kept_once(db, talk):
    first = inbox.keep(db, Kept("app:1", "app", "zhang", "body"), talk.now)
    second = inbox.keep(db, Kept("app:1", "app", "zhang", "other"), talk.now)

    assert (first, second) == (True, False)
    assert [w.kept.body for w in inbox.waiting(db, 10)] == ["body"]


def test_messages_wait_in_order_of_arrival_not_of_their_ids(db, talk):
    for key in ("z", "a", "m"):
        inbox.keep(db, Kept(key, "app", "zhang", ""), talk.now)

    assert [w.kept.id for w in inbox.waiting(db, 10)] == ["z", "a", "m"]
    assert [w.kept.id for w in inbox.waiting(db, 2)] == ["z", "a"]


def test_whoever_sends_a_thousand_leaves_room_for_the_others(db, talk):
    for n in range(1000):
        inbox.keep(db, Kept(f"f{n:04}", "app", "flood", ""), talk.now)
    for n in range(40):
        inbox.keep(db, Kept(f"o{n:02}", "app", f"member{n % 20:02}", ""), talk.now)

    first = [w.kept.id for w in inbox.waiting(db, 32)]
    assert first == [*(f"f{n:04}" for n in range(16)), *(f"o{n:02}" for n in range(16))]


def test_the_others_are_found_by_index(embedded):
    sql = "explain query plan " + inbox.OTHERS
    plan = [row["detail"] for row in embedded.rows(sql, busy="x", most=16)]

    assert not [step for step in plan if step.startswith("SCAN inbox")]


@pytest.fixture(scope="module")
def store():
    found = memory()
    yield found
    found.close()


@given(arrivals=st.lists(st.sampled_from("aaaaaaabcde"), min_size=1, max_size=60),
       limit=st.integers(2, 12))  # fmt: skip
def test_nobody_is_overtaken_by_themselves_or_left_out(store, arrivals, limit):
    store.run("delete from inbox")
    for n, lane in enumerate(arrivals):
        inbox.keep(store, Kept(f"{n:03}", "app", lane, ""), START)
    came = []
    while batch := inbox.waiting(store, limit):
        assert len(batch) <= limit + limit // 2
        came += [(w.kept.lane, w.kept.id) for w in batch]
        for w in batch:
            inbox.done(store, w.kept.id, START)

    assert sorted(key for _, key in came) == [f"{n:03}" for n in range(len(arrivals))]
    for lane in set(arrivals):
        mine = [key for who, key in came if who == lane]
        assert mine == sorted(mine)


async def test_a_flood_of_one_member_does_not_delay_another(played):
    """A thousand wait when somebody else asks: they are answered with the next batch."""
    app = played.running.app

    def flood(db):
        for n in range(1000):
            kept = app_text(n, "嗯哼呃", who="lina")
            inbox.keep(db, Kept(kept.id, kept.channel, kept.lane, kept.body), played.clock.now())

    await app.writer.do(flood)
    await app.keep(app_text(5000, "帮助"))

    await app.work()
    await app.sender.flush()

    assert said(played, "zhang")[0].startswith("我能帮你")
    assert await app.writer.do(inbox.depth) > 900


def test_a_failed_one_waits_no_more_until_it_is_put_back(db, talk):
    inbox.keep(db, Kept("a", "app", "zhang", ""), talk.now)
    inbox.failed(db, "a", "KeyError: 'x'")

    assert inbox.depth(db) == 0
    assert [(d["id"], d["error"]) for d in inbox.dead(db)] == [("a", "KeyError: 'x'")]
    assert inbox.retry(db, "a")
    assert not inbox.retry(db, "a")
    assert [w.kept.id for w in inbox.waiting(db, 10)] == ["a"]


def test_an_answer_is_kept_with_its_message(db, talk):
    inbox.keep(db, Kept("a", "aibot", "zhang", ""), talk.now)

    assert inbox.reply(db, "a") == inbox.Dealt(False, "", "zhang")
    inbox.done(db, "a", talk.now, "签到成功")
    assert inbox.reply(db, "a") == inbox.Dealt(True, "签到成功", "zhang")
    assert inbox.reply(db, "b") is None


# The path of a message


async def test_a_message_delivered_twice_is_answered_once(played):
    app = played.running.app

    assert await app.keep(app_text(1)) is True
    assert await app.keep(app_text(1)) is False
    await app.idle()

    assert len(said(played, "zhang")) == 1


async def test_many_messages_are_handled_in_the_order_they_came(played):
    app = played.running.app
    for n, words in enumerate(("客户 王女士", "客户 李先生", "帮助"), 1):
        await app.keep(app_text(n, words))

    await app.idle()

    got = said(played, "zhang")
    assert [text[:3] for text in got] == ["王女士", "李先生", "我能帮"]


async def test_more_than_one_batch_is_handled_to_the_end(played):
    app = played.running.app
    for n in range(wiring.BATCH + 5):
        await app.keep(app_text(n, "嗯哼呃", who="lina"))

    handled = [await app.work(), await app.work(), await app.work()]

    assert handled == [wiring.BATCH, 5, 0]


async def test_a_batch_is_cut_short_while_callbacks_wait(played, monkeypatch):
    app = played.running.app
    for n in range(5):
        await app.keep(app_text(n, "嗯哼呃", who="lina"))
    monkeypatch.setattr(wiring, "SLICE_S", 0)

    waiting = []

    def call(ctx):
        """A callback comes while this message is handled."""
        task = asyncio.run_coroutine_threadsafe(app.keep(app_text(99, who="chen")), loop)
        waiting.append(task)
        while not app.writer.pressed:
            continue

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(wiring, "ROUTER", Router(((on("app", "text"), lambda m, c: call(c)),)))

    assert await app.work() == 1
    assert (await asyncio.wrap_future(waiting[0])) is True
    monkeypatch.undo()
    assert await app.work() == 5


@pytest.fixture
def broken(monkeypatch):
    """A handler with a bug: messages that say 炸 raise after they have written something."""

    def explode(msg, ctx):
        if "炸" not in msg.text:
            return None
        ctx.db.run("update customers set name = '坏' where id = 'wang'")
        raise KeyError("stage")

    routers = (Router(((on("app", "text"), explode),)), wiring.ROUTER)
    monkeypatch.setattr(wiring, "ROUTER", combine(routers))
    return monkeypatch


async def test_a_handler_that_raises_leaves_its_message_and_the_others_go_on(played, broken):
    app = played.running.app
    for n, words in enumerate(("帮助", "炸", "客户 王女士"), 1):
        await app.keep(app_text(n, words))

    await app.idle()

    assert [text[:3] for text in said(played, "zhang")] == ["我能帮", "王女士"]
    dead = await played.running.writer.do(inbox.dead)
    assert [(d["lane"], d["error"]) for d in dead] == [("zhang", "KeyError: 'stage'")]


async def test_what_failed_is_handled_when_the_cause_is_gone(played, broken):
    app = played.running.app
    await app.keep(app_text(1, "客户 王女士 炸"))
    await app.idle()
    broken.undo()

    dead = await played.running.writer.do(inbox.dead)
    await played.running.writer.do(lambda db: inbox.retry(db, dead[0]["id"]))
    await app.idle()

    assert await played.running.writer.do(inbox.dead) == []
    assert len(said(played, "zhang")) == 1


async def test_what_is_put_back_from_outside_is_taken_up_at_the_next_knock(played, broken):
    """`replay --failed` runs in another process, so it cannot ring the bell of this one."""
    app = played.running.app
    await app.keep(app_text(1, "客户 王女士 炸"))
    await app.idle()
    broken.undo()
    async with running(app):
        await app.keep(app_text(2))
        await until(lambda: len(said(played, "zhang")) == 1)
        await played.running.writer.do(lambda db: inbox.retry(db, inbox.dead(db)[0]["id"]))

        await app.tick()

        await until(lambda: len(said(played, "zhang")) == 2)


async def test_a_store_that_fails_for_a_moment_does_not_end_the_work(played, monkeypatch):
    app = played.running.app
    work, left = app.work, [OSError("disk full")]

    async def failing():
        if left:
            raise left.pop()
        return await work()

    monkeypatch.setattr(type(app), "work", lambda self: failing())
    async with running(app):
        await until(lambda: not left)

        await app.keep(app_text(1))

        await until(lambda: said(played, "zhang"))


async def test_a_kind_nobody_knows_is_kept_done_and_refused_kindly(played):
    body = app_text(9).body.replace("[text]", "[hologram]")
    await played.running.app.keep(wiring.envelope.identify("app", body))

    await played.running.app.idle()

    row = (await rows(played, "select state, error from inbox"))[-1]
    assert row == {"state": "done", "error": None}
    (answer,) = said(played, "zhang")
    assert "读不了" in answer


async def test_a_message_that_cannot_be_read_is_left_with_its_error(played):
    await played.running.writer.do(
        lambda db: inbox.keep(db, Kept("x", "app", "zhang", "<xml>"), played.clock.now())
    )

    await played.running.app.idle()

    dead = await played.running.writer.do(inbox.dead)
    assert [d["id"] for d in dead] == ["x"]


async def test_an_aibot_s_question_gets_the_same_bytes_again(played):
    body = json.dumps({"msgid": "m-1", "aibotid": "aib-sandbox", "chattype": "group",
                       "chatid": "team", "from": {"userid": "zhang"}, "msgtype": "text",
                       "text": {"content": "@小福 签到"}}, ensure_ascii=False)  # fmt: skip
    kept = wiring.envelope.identify("aibot", body)
    app = played.running.app
    await app.keep(kept)

    first = await app.answer(kept.id, 1)
    played.clock.add(wiring.sending.timedelta(minutes=3))
    await app.keep(kept)

    assert "签到成功" in first
    assert await app.answer(kept.id, 1) == first
    with pytest.raises(LookupError):
        await app.answer("never-seen", 1)


async def test_a_userid_in_other_capitals_is_the_same_person(played):
    """WeCom says so: userids are compared without regard to case."""
    await played.running.app.keep(app_text(1, "客户 王女士", who="ZHANG"))
    await played.running.app.idle()

    assert "王女士｜" in said(played, "zhang")[0]


async def test_lines_of_the_archive_come_through_the_same_inbox(played):
    message = {"msgid": "a1", "action": "send", "from": "wang", "tolist": ["zhang"], "roomid": "",
               "msgtype": "text", "text": {"content": "S6冬天续航怎么样"}}  # fmt: skip

    await played.running.app.keep(archived(message))
    await played.running.app.idle()

    assert any("续航" in text for text in said(played, "zhang"))


async def test_ticks_that_raise_do_not_stop_the_others(played, monkeypatch):
    def bad(ctx):
        raise ZeroDivisionError

    def good(ctx):
        yield Send("zhang", "到点了")

    bad.__module__, good.__module__ = "bad", "good"
    monkeypatch.setattr(wiring, "TICKS", (bad, good))

    await played.running.app.tick()
    await played.running.app.idle()

    assert said(played, "zhang") == ["到点了"]
    assert await played.running.writer.do(outbox.next_due) is None


class running:
    """The app at work in the background, stopped at the end."""

    def __init__(self, app):
        self.app = app

    async def __aenter__(self):
        self.task = asyncio.create_task(self.app.run())

    async def __aexit__(self, *_):
        self.task.cancel()
        done = await asyncio.gather(self.task, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError)


async def until(true, turns=2000):
    """Let the loop turn until something has happened."""
    for _ in range(turns):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not happen")
