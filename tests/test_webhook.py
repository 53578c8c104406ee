"""Group robots over HTTP: merged, kept to their pace, their addresses never shown."""

import base64
import logging
from datetime import timedelta

import pytest

from bot import webhook
from bot.config import ConfigError, parse
from bot.sandbox.robots import key_of
from bot.server import keys
from bot.wecom.errors import WeComError
from handlers import charts
from handlers.values import Post, PostPicture, Send

HOOK = "managers"


@pytest.fixture
def robot(office):
    office.hooks = {HOOK: office.address("webhook/send") + f"?key={key_of('team')}"}
    return office


async def test_a_digest_is_posted_into_the_group_with_its_picture(robot):
    await robot.put(PostPicture(HOOK, charts.bars("漏斗", "", [])), Post(HOOK, "【早报】朝阳店"))

    await robot.flush()

    picture, text = robot.pretend.received()
    assert (picture["to"], picture["surface"], picture["type"]) == ("team", "webhook", "image")
    assert text["text"] == "【早报】朝阳店"


async def test_what_waits_together_leaves_as_one_message(robot):
    await robot.put(*(Post(HOOK, f"第{n}条") for n in range(5)))

    await robot.flush()

    assert robot.got("team") == ["第0条\n\n第1条\n\n第2条\n\n第3条\n\n第4条"]
    assert await robot.states() == ["sent"] * 5


async def test_markdown_and_text_are_not_mixed(robot):
    await robot.put(Post(HOOK, "一"), Post(HOOK, "**二**", markdown=True), Post(HOOK, "三"))

    await robot.flush()

    assert [i["type"] for i in robot.pretend.received()] == ["text", "markdown", "text"]


async def test_a_robot_is_never_asked_to_post_more_than_it_may(robot):
    """Each is too long to share a message, so forty of them need three minutes."""
    for n in range(40):
        await robot.put(Post(HOOK, f"{n:02d}" + "长" * 500))
    minutes = []

    for _ in range(4):
        before = len(robot.got("team"))
        await robot.flush(robot.sender())  # a fresh one each time: the rows know what was sent
        minutes.append(len(robot.got("team")) - before)
        robot.clock.add(timedelta(minutes=1, seconds=1))

    assert minutes == [webhook.PER_MINUTE, webhook.PER_MINUTE, 4, 0]
    assert [text[:2] for text in robot.got("team")] == [f"{n:02d}" for n in range(40)]


async def test_a_robot_that_is_too_fast_all_the_same_waits_for_the_window(robot):
    robot.pretend.api.plan_faults("webhook/send", 45009)
    await robot.put(Post(HOOK, "一"), Send("zhang", "好"))

    await robot.flush()
    assert robot.got("team") == []
    assert robot.got() == ["好"]

    await robot.settle(minutes=1)
    assert robot.got("team") == ["一"]


async def test_an_address_that_is_wrong_is_told_with_its_cure_and_never_shown(robot, caplog):
    robot.hooks = {HOOK: robot.address("webhook/send") + "?key=secret-key"}
    await robot.put(Post(HOOK, "一"), Post("nobody", "二"))

    with caplog.at_level(logging.DEBUG):
        await robot.flush()

    first, second = await robot.rows()
    assert first["state"] == "waiting"  # somebody may put it right
    assert "93000" in first["error"]
    assert second["state"] == "dead"
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("aiohttp")]
    assert not any("secret-key" in line for line in logged)


async def test_an_unreachable_robot_does_not_show_its_address(robot, unused_tcp_port):
    robot.hooks = {HOOK: f"http://127.0.0.1:{unused_tcp_port}/send?key=secret-key"}
    await robot.put(Post(HOOK, "一"))

    await robot.flush()

    error = (await robot.rows())[0]["error"]
    assert "webhook/send" in error
    assert "secret-key" not in error


IDENTITY = """
[wecom]
corp_id = "wwdemo"
[wecom.app]
agent_id = 1
secret = "s"
token = "t"
encoding_aes_key = "9Zc2Qw7LrT4yUv0XbN6mKe1Ga8HsJd3PfRo5iCtVlEg"
[[stores]]
id = "bj"
name = "朝阳店"
[[managers]]
userid = "chen"
name = "陈静"
stores = ["bj"]
webhook = "managers"
"""


def test_a_manager_s_robot_must_exist(tmp_path):
    with pytest.raises(ConfigError, match="webhooks"):
        keys(parse(IDENTITY, tmp_path / "config.toml"))

    own = IDENTITY + '[[webhooks]]\nname = "managers"\nurl = "https://hook.example/send?key=k"\n'
    found = keys(parse(own, tmp_path / "config.toml")).hooks
    assert found == {"managers": "https://hook.example/send?key=k"}


# The pretend robots


async def refused(robot, body, key="robot-team"):
    try:
        await robot.client.post(robot.address("webhook/send") + f"?key={key}", body)
    except WeComError as error:
        return error.code
    return 0


TEXT = {"msgtype": "text", "text": {"content": "好"}}
DATA = base64.b64encode(b"picture").decode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (TEXT, 0),
        ({"msgtype": "markdown_v2", "markdown_v2": {"content": "| a |"}}, 0),
        ({"msgtype": "hologram"}, 40008),
        ({"msgtype": "text"}, 40058),
        ({"msgtype": "text", "text": {"content": ""}}, 44004),
        ({"msgtype": "text", "text": {"content": "长" * 700}}, 45002),
        ({"msgtype": "markdown", "markdown": {"content": "长" * 700}}, 0),
        ({"msgtype": "markdown", "markdown": {"content": "长" * 1400}}, 45002),
        ({"msgtype": "image", "image": {"base64": DATA, "md5": "0" * 32}}, 301019),
        ({"msgtype": "image", "image": {"base64": "%", "md5": "0" * 32}}, 40058),
        ({"msgtype": "news", "news": {"articles": []}}, 45008),
        ({"msgtype": "news", "news": {"articles": [{"title": "a", "url": "https://a"}]}}, 0),
    ],
)
async def test_the_pretend_robot_takes_and_refuses_what_the_platform_does(robot, body, code):
    assert await refused(robot, body) == code


async def test_the_twenty_first_post_of_a_minute_is_refused(robot):
    codes = [await refused(robot, TEXT) for _ in range(21)]

    assert codes == [0] * 20 + [45009]
    robot.clock.add(timedelta(minutes=1))
    assert await refused(robot, TEXT) == 0
    assert await refused(robot, TEXT, key="stolen") == 93000
