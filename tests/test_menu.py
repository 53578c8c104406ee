"""The app's menu: pushed once, kept in step, its lines answered like the commands they name."""

import asyncio
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner
from wecom_kit import WORLD, Clock

from bot import cli
from bot.sandbox.wecom import Pretend
from handlers import menu
from handlers.values import Inbound, Send


def click(talk, who, key):
    return talk.tell(Inbound(f"c{talk.count}", "app", "event", who, talk.now, event="click",
                             fields={"EventKey": key}))  # fmt: skip


def enter(talk, who):
    return talk.tell(Inbound(f"e{talk.count}", "app", "event", who, talk.now,
                             event="enter_agent", fields={"EventKey": ""}))  # fmt: skip


@pytest.mark.parametrize("item", [item for item in menu.items() if item.says], ids=str)
def test_a_line_answers_like_the_command_it_stands_for(talk, item):
    who = "chen" if item.key == "digest" else "zhang"

    clicked = click(talk, who, item.key)

    assert [type(a) for a in clicked] == [type(a) for a in talk.says(who, item.says)]
    assert not any(isinstance(a, Send) and "没看懂" in a.text for a in clicked)


@pytest.mark.parametrize("item", [item for item in menu.items() if item.asks], ids=str)
def test_a_line_that_needs_a_word_asks_for_it_with_an_example(talk, item):
    click(talk, "zhang", item.key)

    assert "例如" in talk.texts()


def test_an_advisor_who_taps_the_digest_is_told_whose_it_is(talk):
    click(talk, "zhang", "digest")

    assert talk.texts() == menu.NOT_YOURS


def test_a_line_of_an_older_menu_is_answered_and_a_stranger_is_told_so(talk):
    click(talk, "zhang", "gone")
    assert "换过了" in talk.texts()
    click(talk, "nobody", "todo")
    assert "使用名单" in talk.texts("nobody")


def test_whoever_opens_the_chat_is_greeted_once_a_day(talk):
    enter(talk, "zhang")
    assert "今天" in talk.texts()
    enter(talk, "zhang")
    assert talk.did == []
    enter(talk, "chen")
    assert "昨天加微" in talk.texts("chen")

    talk.now += timedelta(days=1)
    enter(talk, "zhang")
    assert len(talk.did) == 1
    enter(talk, "nobody")
    assert talk.did == []


def test_the_greeting_counts_what_is_due_late_and_new(talk):
    talk.says("zhang", "提醒我今天下午3点给王女士发配置表")
    enter(talk, "zhang")

    assert "今天待办1位，其中逾期0位，新加待打招呼0位" in talk.texts()


async def test_a_tap_on_the_menu_over_http(played):
    await played.pretend.event("click", user="zhang", key="help")
    await played.running.app.idle()

    assert played.pretend.received()[-1]["text"].startswith("我能帮你做这些")


# Pushing

CONFIG = """
[wecom]
corp_id = "{corp}"
api_base = "{base}"
[wecom.app]
agent_id = {agent}
secret = "{secret}"
token = "t"
encoding_aes_key = "9Zc2Qw7LrT4yUv0XbN6mKe1Ga8HsJd3PfRo5iCtVlEg"
"""


@pytest.fixture
async def push(aiohttp_server, tmp_path):
    """Runs the command in a thread, since it has a loop of its own."""
    async with aiohttp.ClientSession() as http:
        pretend = Pretend(WORLD, Clock(), Clock(), http)
        app = web.Application()
        app.add_routes(pretend.routes())
        base = str((await aiohttp_server(app)).make_url("")).rstrip("/")
        file = tmp_path / "config.toml"
        file.write_text(CONFIG.format(corp=WORLD.corp_id, base=base, agent=WORLD.agent_id,
                                      secret=WORLD.app_secret))  # fmt: skip

        async def run(*words):
            given = ["--config", str(file), "menu", "push", *words]
            done = await asyncio.to_thread(CliRunner().invoke, cli.main, given)
            return done, pretend.api

        yield run


async def test_the_menu_is_made_once_and_then_left_alone(push):
    done, api = await push()
    assert done.exit_code == 0
    assert "今天待办" in done.output
    assert [b["name"] for b in api._menu["button"]] == ["今天待办", "话术", "更多"]

    done, api = await push()
    assert "没有改动" in done.output
    assert api.calls["menu/create"] == 1


async def test_a_look_changes_nothing(push):
    done, api = await push("--dry-run")

    assert "--dry-run" in done.output
    assert api._menu is None


async def test_a_menu_that_somebody_changed_is_put_right(push):
    await push()
    _, api = await push("--dry-run")
    api._menu["button"][0]["name"] = "别的"

    await push()

    assert menu.same(api._menu)


async def test_a_refusal_is_a_sentence_with_its_cure(push):
    _, api = await push("--dry-run")
    api.plan_faults("menu/create", 60011)

    done, _ = await push()

    assert done.exit_code == 1
    assert "可见范围" in done.stderr


def test_what_the_platform_adds_to_a_menu_makes_no_difference():
    told = menu.body()
    for button in told["button"]:
        button.setdefault("sub_button", [])

    assert menu.same({"errcode": 0, "errmsg": "ok", **told})
    assert not menu.same({})
