"""What staff think of the aibot's answers: told by WeCom, kept, counted, forgotten."""

import asyncio
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from test_longlink import linked, serving

from bot.cli import main
from bot.wecom import envelope
from handlers import housekeeping, ratings
from handlers.values import Inbound
from storage import ratings as stored


def rated(talk, **told):
    event = {"eventtype": "feedback_event", "feedback_event": {"id": "aibot:m-1", **told}}
    msg = Inbound(f"r{talk.count}", "aibot", "event", "zhang", talk.now, event="feedback_event",
                  fields={"event": event})  # fmt: skip
    return talk.tell(msg)


def kept(talk):
    return stored.counts(talk.db, talk.now - timedelta(days=1))


def test_the_newest_word_of_a_member_counts(talk):
    assert rated(talk, type=1) == []
    assert kept(talk) == {ratings.GOOD: 1}

    rated(talk, type=2, inaccurate_reason_list=[1, 3, 99], content="我的电话13800138000，说错了")
    assert kept(talk) == {ratings.BAD: 1}
    ((found, _),) = stored.bad(talk.db, talk.now - timedelta(days=1))
    assert found.reasons == (1, 3)
    assert "13800138000" not in found.words

    rated(talk, type=3)
    assert kept(talk) == {}


@pytest.mark.parametrize("told", [{}, {"type": 7}, {"type": "1"}, {"type": 1, "id": ""},
                                  {"type": 2, "inaccurate_reason_list": "x"}])  # fmt: skip
def test_odd_ones_break_nothing(talk, told):
    rated(talk, **told)

    assert sum(kept(talk).values()) <= 1


def test_they_are_forgotten_with_the_messages(talk):
    rated(talk, type=1)
    talk.now += timedelta(days=talk.settings.privacy.messages_days + 1)
    housekeeping.clean(talk.ctx())

    assert stored.counts(talk.db, talk.now - timedelta(days=999)) == {}


def test_only_the_first_state_of_an_answer_names_the_rating():
    first = envelope.stream_reply("aibot:m-1", "想…", finish=False, rated=True)

    assert json.loads(first)["stream"]["feedback"] == {"id": "aibot:m-1"}
    assert "feedback" not in envelope.unrated(first)
    assert "feedback" not in envelope.stream_reply("x" * 300, "好", rated=True)


async def counts(stage):
    since = stage.clock.now() - timedelta(days=1)
    await stage.running.app.idle()
    return await stage.running.writer.do(lambda db: stored.counts(db, since))


async def test_a_member_rates_an_answer(played):
    await played.say("aibot", "zhang", "冬天续航怎么答")
    await played.pretend.event("feedback", user="zhang", type="2", reasons="1", words="不够具体")

    assert await counts(played) == {ratings.BAD: 1}
    assert played.pretend.problems == []


async def test_the_same_by_the_long_connection(played):
    async with linked(played) as link, serving(played, link):
        await played.say("aibot", "zhang", "冬天续航怎么答")
        await played.pretend.event("feedback", user="zhang", type="1")
        async with asyncio.timeout(5):
            while not await counts(played):  # noqa: ASYNC110 -- the other end is the pretend's
                await asyncio.sleep(0)

    assert await counts(played) == {ratings.GOOD: 1}


async def test_in_a_group_nobody_is_asked_for_a_rating(played):
    await played.say("aibot", "zhang", "@小福 排行榜", "team")

    assert not any(i.get("rating") for i in played.pretend.received())


async def test_the_operator_sees_how_many_and_which(played, tmp_path):
    await played.say("aibot", "zhang", "冬天续航怎么答")
    await played.pretend.event("feedback", user="zhang", type="2", reasons="1,2", words="不够具体")
    await counts(played)
    config = tmp_path / "own.toml"
    config.write_text('[storage]\nurl = "sqlite:///sandbox.db"\n', encoding="utf-8")
    at = played.clock.now().isoformat()

    result = CliRunner().invoke(main, ["--config", str(config), "ratings", "--at", at])

    assert result.exit_code == 0, result.output
    assert "准 0 次，不准 1 次（答非所问1、不完整1）" in result.output
    assert "冬天续航怎么答" in result.output
    assert "不够具体" in result.output
