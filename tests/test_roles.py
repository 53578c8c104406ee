"""Several processes on one PostgreSQL: whatever is killed, nothing is lost, doubled, out of order.

A few kills in every run; `make soak` makes it a hundred thousand events.
"""

import asyncio
import os
import random
import re
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import worker_kit

from bot import roles
from bot.clock import WallClock
from bot.sandbox import demo, stage
from handlers.values import Send
from storage import inbox, presence
from storage.db import number
from storage.postgres import Postgres

EVENTS = worker_kit.EVENTS
WORKERS = int(os.environ.get("SALESBOT_WORKERS", "3"))
KILLS = int(os.environ.get("SALESBOT_KILLS", "2"))
KILL_S = (0.2, 1.5)  # between two kills


def message(n: int, now: int) -> inbox.Kept:
    who = f"a{n % worker_kit.LANES}"
    body = (f"<xml><ToUserName>ww1</ToUserName><FromUserName>{who}</FromUserName>"
            f"<CreateTime>{now}</CreateTime><MsgType>text</MsgType><MsgId>{n}</MsgId>"
            f"<Content>记录 无名{n} 到店</Content><AgentID>1</AgentID></xml>")  # fmt: skip
    return inbox.Kept(f"app:m:1:{n}", "app", who, body)


class Team:
    """Workers that come back after each kill."""

    def __init__(self, folder, dice):
        self.folder = folder
        self.dice = dice
        self.kills = 0

    async def one(self, until):
        while not until.is_set():
            process = await worker_kit.started(self.folder, "worker")
            try:
                await process.stdout.readline()  # it is at work
                rest = self.dice.uniform(*KILL_S) if self.kills < KILLS else None
                async with asyncio.timeout(rest):
                    await until.wait()
            except TimeoutError:
                self.kills += 1
            await worker_kit.killed(process)


def numbers(texts):
    return [int(n) for text in texts for n in re.findall(r"无名(\d+)", text)[:1]]


@pytest.mark.timeout(36_000)
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is meant literally")
async def test_whatever_is_killed_each_conversation_stays_whole_and_in_order(server, tmp_path):
    dice = random.Random(EVENTS)
    async with AsyncExitStack() as closing:
        memory, api = await closing.enter_async_context(worker_kit.wecom())
        url = closing.enter_context(server.database(server.template))
        worker_kit.configured(tmp_path, url, api)
        store = Postgres(url, serial=False)
        closing.callback(store.close)
        team, over = Team(tmp_path, dice), asyncio.Event()
        running = [asyncio.create_task(team.one(over)) for _ in range(WORKERS)]
        await fed(store)
        while left(store):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.2)
        over.set()
        await asyncio.gather(*running)
        states = {r["state"]: r["n"] for r in store.rows(
            "select state, count(*) as n from inbox group by state")}  # fmt: skip

    sys.stdout.write(f"{team.kills} kills, {EVENTS} events\n")
    assert states == {"done": EVENTS}
    shown = [numbers(texts) for texts in memory.shown.values()]
    assert sorted(n for one in shown for n in one) == list(range(EVENTS))
    assert shown == [sorted(one) for one in shown]


async def fed(store):
    """Each in its own commit, as callbacks come; a conversation's next one after its last."""
    for n in range(EVENTS):
        now = WallClock().now()
        inbox.keep(store, message(n, int(now.timestamp())), now)
        if n % 20 == 0:
            await asyncio.sleep(0.05)


def left(store):
    come = number(store, "select count(*) from inbox where state = 'new'")
    return come + number(store, "select count(*) from outbox where state = 'waiting'")


# Who does what


@asynccontextmanager
async def running(url, knowledge, folder):
    """The whole program in this process, on that store."""
    async with stage.open_stage(start=demo.START, frozen=True, empty=True, store=url,
                                knowledge=replace(knowledge), folder=folder) as found:  # fmt: skip
        yield found.running


async def test_an_answer_is_read_when_another_process_has_the_conversation(
    server, knowledge, tmp_path
):
    with server.database(server.template) as url:
        async with running(url, knowledge, tmp_path) as here:
            other = Postgres(url, serial=False)
            inbox.keep(other, inbox.Kept("m", "aibot", "li", "{}"), demo.START)
            presence.lane(other, "li")
            answer = asyncio.create_task(here.app.answer("m", 5))
            inbox.done(other, "m", demo.START, "说好了")

            assert await answer == "说好了"
            other.close()


async def test_an_answer_is_made_here_when_nobody_has_the_conversation(server, knowledge, tmp_path):
    with server.database(server.template) as url:
        async with running(url, knowledge, tmp_path) as here:
            kept = message(1, int(demo.START.timestamp()))
            await here.app.door.do(lambda db: inbox.keep(db, kept, demo.START))

            assert await here.app.answer(kept.id, 5) == ""
            states = await here.app.door.do(lambda db: db.rows("select state from inbox"))
            assert states == [{"state": "done"}]


async def test_a_pause_that_one_process_is_told_all_of_them_heed(server, knowledge, tmp_path):
    """45009 holds for the whole app: the second process asks for nothing until it is over."""
    async with AsyncExitStack() as closing:
        url = closing.enter_context(server.database(server.template))
        here, there = [
            await closing.enter_async_context(
                stage.open_stage(start=demo.START, frozen=True, empty=True, store=url,
                                 knowledge=replace(knowledge), folder=tmp_path))
            for _ in range(2)
        ]  # fmt: skip

        async def say(who, found):
            await found.running.app.decide(f"test:{who}", lambda ctx: (None, [Send(who, "好")]))
            await found.running.app.sender.flush()

        here.pretend.api.plan_faults("message/send", 45009)
        await say("zhang", here)
        await say("chen", there)
        assert there.pretend.api.calls["message/send"] == 0
        there.clock.add(timedelta(minutes=1))
        await there.running.app.idle()

        assert sorted(item["to"] for item in there.pretend.received()) == ["chen", "zhang"]
        there.clock.add(timedelta(minutes=1))
        await say(demo.ADVISORS[2].userid, there)
        assert there.running.writer is not here.running.writer
        found = await there.running.writer.do(lambda db: db.rows("select * from quotas"))
        assert found == []


TICKING = f"""select pid from pg_locks where locktype = 'advisory'
    and classid = {presence.FAMILY} and objid = {presence.TICKING}"""


async def turns(store, other_than=0):
    """The process that ticks, once it is another one."""
    async with asyncio.timeout(20):
        while True:
            pids = [row["pid"] for row in store.rows(TICKING)]
            if pids and pids[0] != other_than:
                return pids[0]
            await asyncio.sleep(0.1)


async def test_when_the_one_that_ticks_ends_another_one_takes_over(server, knowledge, tmp_path):
    with server.database(server.template) as url:
        watch = Postgres(url, serial=False)
        async with running(url, knowledge, tmp_path) as second:
            async with running(url, knowledge, tmp_path) as first:
                one = asyncio.create_task(roles.run(first, "ticker"))
                before = await turns(watch)
                two = asyncio.create_task(roles.run(second, "ticker"))
                await asyncio.sleep(1.5)
                assert [row["pid"] for row in watch.rows(TICKING)] == [before]
                one.cancel()
                await asyncio.gather(one, return_exceptions=True)
            assert await turns(watch, other_than=before)
            two.cancel()
            await asyncio.gather(two, return_exceptions=True)
        watch.close()
