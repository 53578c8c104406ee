"""With everything going wrong at random: nothing lost, nothing done twice, nothing shown twice."""

import asyncio
import os
from collections import Counter
from datetime import timedelta

import aiohttp
import pytest

from bot.sandbox.faults import KINDS, Faults
from bot.sandbox.world import Impossible
from storage import outbox as parcels

MESSAGES = int(os.environ.get("SALESBOT_FAULT_MESSAGES", "150"))
RATE = 0.04


# The switches


def test_the_same_seed_gives_the_same_course():
    def course(seed):
        faults = Faults(seed)
        faults.everything(0.3)
        return [faults.hits(name) for _ in range(50) for name in KINDS]

    assert course(7) == course(7)
    assert course(7) != course(8)


@pytest.mark.parametrize(
    ("said", "hits"),
    [("busy", 10), ("busy x3", 3), ("busy 0", 0), ("off", 0)],
)
def test_switches_are_told_in_words(said, hits):
    faults = Faults()
    faults.told(said)

    assert sum(faults.hits("busy") for _ in range(10)) == hits


@pytest.mark.parametrize("said", ["rain", "busy often", "busy 2", "busy -1"])
def test_what_is_no_fault_is_refused(said):
    with pytest.raises(Impossible):
        Faults().told(said)


async def test_the_page_s_switches(played):
    base = f"{played.url}/sandbox/wecom/faults"
    async with aiohttp.ClientSession() as http:
        async with http.post(base, json={"name": "system", "rate": 1, "times": 2}) as answer:
            assert answer.status == 200
        async with http.post(base, json={"name": "rain", "rate": 1}) as answer:
            assert answer.status == 400
        async with http.get(base) as answer:
            listed = {f["name"]: f for f in (await answer.json())["faults"]}

    assert (listed["system"]["rate"], listed["system"]["times"]) == (1, 2)
    assert listed["late"]["rate"] == 0


# One at a time


@pytest.mark.parametrize("name", KINDS)
async def test_an_answer_arrives_once_through_each_fault(played, name):
    faults = played.pretend.callbacks.faults
    faults.late_s = faults.hang_s = 0.01
    faults.set(name, 1.0, 2)
    await played.pretend.say("app", "zhang", "帮助")
    await played.pretend.callbacks.release()
    for _ in range(30):
        await played.running.app.idle()
        played.clock.add(timedelta(seconds=20))

    answers = [i for i in played.pretend.received() if "我能帮你做这些" in i["text"]]
    assert len(answers) == 1
    assert faults.happened[name] >= 1
    assert played.pretend.problems == []


# All at once


@pytest.mark.timeout(3600)
async def test_nothing_is_lost_and_nothing_is_done_twice(played, tmp_path):
    """A reminder is made by each message and its words are answered: both must happen once."""
    faults = played.pretend.callbacks.faults
    faults.seed, faults.late_s, faults.hang_s = 11, 0.01, 0.01
    faults.everything(RATE)
    gate = asyncio.Semaphore(16)

    async def say(n):
        async with gate:
            await played.pretend.say("app", "zhang", f"提醒我明天上午10点给王女士发资料第{n}号")

    await asyncio.gather(*(say(n) for n in range(MESSAGES)))
    await played.pretend.callbacks.release()
    for _ in range(10 * MESSAGES + 200):
        await played.running.app.idle()
        if not await played.running.writer.do(parcels.next_due):
            break
        played.clock.add(timedelta(seconds=20))

    sql = "select count(*) as n, state from inbox where channel = 'app' group by state"
    rows = await played.running.writer.do(lambda db: db.rows(sql))
    assert {r["state"]: r["n"] for r in rows} == {"done": MESSAGES}
    dead = "select error from outbox where state <> 'sent'"
    assert await played.running.writer.do(lambda db: db.rows(dead)) == []
    made = "select reason from followups where reason like '%发资料第%'"
    done = Counter(r["reason"] for r in await played.running.writer.do(lambda db: db.rows(made)))
    assert (len(done), max(done.values())) == (MESSAGES, 1)
    shown = Counter(i["text"] for i in played.pretend.received()
                    if "发资料第" in i["text"] and not i["dropped"])  # fmt: skip
    assert (len(shown), max(shown.values())) == (MESSAGES, 1)
    assert played.pretend.problems == []
    assert set(faults.happened) == set(KINDS)
