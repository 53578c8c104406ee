"""Speaking into internal groups unasked: by the long connection, by a robot, or not at all."""

from datetime import timedelta

import pytest
from test_longlink import linked, serving, until

from bot import config, server
from handlers.settings import Checkins, Reach
from handlers.values import Post, Push

LINK, ROBOT = Reach(link=True), Reach(robots={"team": "crew"})


@pytest.fixture
def group(talk):
    """How the group can be reached is set by each test."""

    def reached(reach, **more):
        talk.settings = talk.settings.model_copy(update={"reach": reach, **more})
        return talk

    return reached


def spoken(actions):
    return [a for a in actions if isinstance(a, Push | Post)]


@pytest.mark.parametrize(("reach", "kind"), [(LINK, Push), (ROBOT, Post)])
def test_a_round_ends_for_everybody_when_its_time_is_up(group, reach, kind):
    talk = group(reach)
    talk.asks("zhang", "答题")

    (told,) = spoken(talk.wait(minutes=31))

    assert isinstance(told, kind)
    assert "答案" in told.text or "时间" in told.text
    assert spoken(talk.wait(minutes=5)) == []
    assert "已经结束" in talk.asks("zhang", "A")


def test_the_words_are_the_same_as_those_that_come_with_the_next_mention(group):
    talk = group(LINK)
    talk.asks("zhang", "答题")
    (told,) = spoken(talk.wait(minutes=31))

    later = group(Reach())
    later.asks("zhang", "答题")
    assert spoken(later.wait(minutes=31)) == []
    assert type(told.text) is str
    assert later.asks("zhang", "A").splitlines()[0][:4] == told.text.splitlines()[0][:4]


def test_another_group_s_robot_says_nothing(group):
    talk = group(Reach(robots={"other": "crew"}))
    talk.asks("zhang", "答题")

    assert spoken(talk.wait(minutes=31)) == []


def test_after_an_outage_nobody_is_told_how_it_ended(group):
    talk = group(LINK)
    talk.asks("zhang", "答题")
    talk.now += timedelta(hours=3)

    assert spoken(talk.wait(minutes=2)) == []


# Check-in


def test_late_in_the_day_the_group_hears_who_is_missing(group):
    talk = group(LINK)
    for who in ("zhang", "lina"):
        talk.asks(who, "签到")
    talk.now += timedelta(days=1)
    talk.asks("zhang", "签到")

    (told,) = spoken(talk.wait(hours=9))

    assert told.chat == "team"
    assert talk.settings.advisors[1].name in told.text or "李娜" in told.text
    assert "张伟" not in told.text
    assert spoken(talk.wait(hours=3)) == []


def test_where_everybody_has_checked_in_nothing_is_said(group):
    talk = group(LINK)
    talk.asks("zhang", "签到")

    assert spoken(talk.wait(hours=9)) == []


@pytest.mark.parametrize("reach", [Reach(), LINK])
def test_it_can_be_switched_off_and_needs_a_way(group, reach):
    talk = group(reach, checkins=Checkins(remind=not reach.link))
    talk.asks("zhang", "签到")
    talk.now += timedelta(days=1)

    assert spoken(talk.wait(hours=9)) == []


# The configuration, and the way out


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("", Reach()),
        ('[wecom.aibot]\nmode = "callback"', Reach()),
        ('[wecom.aibot]\nmode = "websocket"', LINK),
        ('[[webhooks]]\nname = "crew"\nchat = "team"', ROBOT),
    ],
)
def test_the_ways_follow_from_the_rest_of_the_file(text, reach):
    assert config.parse(text, config.Path("config.toml")).settings.reach == reach


def test_nobody_writes_them_down():
    with pytest.raises(config.ConfigError, match="reach 未知配置项"):
        config.parse("[reach]\nlink = true", config.Path("config.toml"))


def test_a_robot_for_a_group_needs_its_address():
    text = """[wecom]
corp_id = "ww1"
[wecom.app]
agent_id = 1
secret = "s"
token = "t"
encoding_aes_key = "%s"
[[webhooks]]
name = "crew"
chat = "team"
"""
    found = config.parse(text % ("A" * 43), config.Path("config.toml"))

    with pytest.raises(config.ConfigError, match="crew 填了 chat，但 url 是空的"):
        server.keys(found)


def test_the_group_tells_its_number(talk):
    assert talk.asks("zhang", "群号") == "这个群的群号是 team"


async def test_it_leaves_by_the_long_connection(played):
    async with linked(played) as link, serving(played, link):
        await played.say("aibot", "zhang", "@小福 排行榜", "team")
        await played.running.app.decide("t1", lambda ctx: (None, [Push("team", "时间到！")]))
        await until(lambda: any(i["text"] == "时间到！" for i in played.pretend.received()))

    item = played.pretend.received()[-1]
    assert (item["to"], item["type"]) == ("team", "markdown")


async def test_a_group_where_nobody_spoke_to_the_bot_is_given_up(office):
    await office.put(Push("team", "时间到！"))
    await office.settle(minutes=1)

    assert await office.states() == ["dead"]
