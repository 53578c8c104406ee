"""Groups that the app makes: the digest goes into them, and the platform's rules hold."""

import asyncio
from datetime import timedelta

import pytest
from click.testing import CliRunner

from bot import appchat
from bot.cli import main
from bot.sandbox import demo
from bot.wecom.errors import WeComError
from handlers import digests
from handlers.values import ChatPicture, ChatText


async def made(office, *members, name="管理群"):
    return await appchat.create(office.client, "app-secret", name, members, "群建好了")


def said(office, chat):
    return [(i["type"], i["text"]) for i in office.pretend.received() if i["to"] == chat]


async def test_a_group_is_made_once_and_shows_itself(office):
    chat = await made(office, "zhang", "chen")

    assert await made(office, "zhang", "chen") == chat
    assert list(office.pretend.api.appchats.chats) == [chat]
    assert said(office, chat)[0] == ("text", "群建好了")


async def test_texts_and_pictures_go_into_it_in_order(office):
    chat = await made(office, "zhang", "chen")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"/>'

    await office.put(ChatPicture(chat, svg), ChatText(chat, "【早报】" + "长" * 800))
    await office.flush()

    kinds = [kind for kind, _ in said(office, chat)[1:]]
    assert kinds == ["image", "text", "text"]
    assert "".join(text for kind, text in said(office, chat)[2:]) == "【早报】" + "长" * 800


async def test_a_group_that_is_not_there_is_given_up_in_sight(office):
    await office.put(ChatText("nowhere", "早报"))
    await office.settle(minutes=1)

    assert await office.states() == ["dead"]


async def test_no_more_than_twenty_a_minute(office):
    chat = await made(office, "zhang", "chen")
    await office.put(*(ChatText(chat, f"第{n}条") for n in range(25)))
    await office.flush()
    assert len(said(office, chat)) == 1 + appchat.PER_MINUTE

    office.clock.add(timedelta(minutes=1, seconds=1))
    await office.flush()
    assert len(said(office, chat)) == 26


REFUSED = [
    ("create", {"userlist": ["zhang"]}, 86006),
    ("create", {"userlist": ["zhang", "nobody"]}, 86216),
    ("create", {"userlist": ["zhang", "chen"], "owner": "Lin.Advisor"}, 86207),
    ("create", {"userlist": ["zhang", "chen"], "name": "长" * 51}, 86004),
    ("create", {"userlist": ["zhang", "chen"], "chatid": "不行"}, 86001),
    ("create", {"userlist": ["zhang", "chen"], "chatid": "taken"}, 86215),
    ("send", {"chatid": "nowhere", "msgtype": "text", "text": {"content": "x"}}, 86003),
    ("send", {"chatid": "taken", "msgtype": "text", "text": {"content": ""}}, 44004),
    ("send", {"chatid": "taken", "msgtype": "template_card", "template_card": {}}, 40008),
    ("update", {"chatid": "taken", "del_user_list": ["zhang"]}, 86207),
]


@pytest.mark.parametrize(("path", "body", "code"), REFUSED)
async def test_the_pretend_wecom_refuses_as_the_platform_does(office, path, body, code):
    async def call(path, **body):
        return await office.client.call("app-secret", "POST", f"appchat/{path}", json=body)

    await call("create", chatid="taken", userlist=["zhang", "chen"])

    with pytest.raises(WeComError) as refused:
        await call(path, **body)
    assert refused.value.code == code


async def test_members_come_and_go(office):
    async def call(method, path, params=None, **body):
        return await office.client.call("app-secret", method, f"appchat/{path}", params=params,
                                        json=body if method == "POST" else None)  # fmt: skip

    await call("POST", "create", chatid="c1", userlist=["zhang", "chen"], name="群")
    await call("POST", "update", chatid="c1", add_user_list=["Lin.Advisor"],
               del_user_list=["chen"], name="新群")  # fmt: skip

    info = (await call("GET", "get", params={"chatid": "c1"}))["chat_info"]
    assert (info["name"], info["userlist"]) == ("新群", ["zhang", "Lin.Advisor"])


async def test_a_thousand_groups_a_day(office):
    for n in range(1000):
        office.pretend.api.appchats._create({}, {"chatid": f"c{n}", "userlist": ["zhang", "chen"]})

    with pytest.raises(Exception, match="45009"):
        office.pretend.api.appchats._create({}, {"userlist": ["zhang", "chen"]})


def test_the_digest_goes_into_the_manager_s_group(talk):
    manager = talk.settings.managers[0].model_copy(update={"chat": "c1"})

    did = list(digests.send(manager, "morning", talk.ctx()))

    to_group = [a for a in did if isinstance(a, ChatText | ChatPicture)]
    assert [type(a).__name__ for a in to_group] == ["ChatPicture", "ChatText"]
    assert "【早报】" in to_group[1].text


# The command


def run(config, *args):
    return CliRunner().invoke(main, ["--config", str(config), "chats", "create", *args])


async def test_the_command_prints_what_to_write_down(played, tmp_path):

    world = demo.world()
    config = tmp_path / "own.toml"
    config.write_text(
        f"""[wecom]
corp_id = "{world.corp_id}"
api_base = "{played.url}/sandbox/wecom"
[wecom.app]
agent_id = {world.agent_id}
secret = "{world.app_secret}"
token = "t"
encoding_aes_key = "{"A" * 43}"
""",
        encoding="utf-8",
    )

    result = await asyncio.to_thread(run, config, "管理群", "zhang", "chen")

    assert result.exit_code == 0, result.output
    (chat,) = played.pretend.api.appchats.chats
    assert f'chat = "{chat}"' in result.output


def test_one_person_makes_no_group(tmp_path):
    result = run(tmp_path / "none.toml", "管理群", "zhang", "zhang")

    assert result.exit_code == 2
    assert "2 到 2000 个人" in result.output
