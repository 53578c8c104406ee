"""The pretend WeCom against the real callback routes and the real client, over HTTP."""

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web
from wecom_kit import AES_KEY, CORP, TOKEN, WORLD, addresses, counted, street

from bot.sandbox import aibot
from bot.sandbox.wecom import Impossible
from bot.wecom import cipher, envelope
from bot.wecom.client import WeComError

SECRET = WORLD.app_secret


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def town(aiohttp_server, http):
    return await street(aiohttp_server, http)


@pytest.fixture
async def script(town):
    """Calls the script side as an outside program does."""

    async def call(name, body=None):
        url = f"{town.wecom_url}/sandbox/wecom/{name}"
        request = town.http.get(url) if body is None else town.http.post(url, json=body)
        async with request as response:
            return response.status, await response.json()

    return call


def card(**more):
    return {
        "card_type": "button_interaction",
        "task_id": "suggest-1@zhang",
        "main_title": {"title": "客户想了解置换"},
        "button_selection": {
            "question_key": "tier",
            "option_list": [{"id": "A", "text": "A"}, {"id": "B", "text": "B"}],
            "selected_id": "B",
        },
        "button_list": [
            {"text": "采用", "style": 1, "key": "use"},
            {"text": "换一批", "key": "next"},
        ],
        **more,
    }


async def send(town, kind="text", content=None, to="zhang", **more):
    body = {"touser": to, "msgtype": kind, "agentid": WORLD.agent_id}
    content = {"content": "早上好"} if content is None else content
    return await town.client.call(
        SECRET, "POST", "message/send", json={**body, kind: content, **more}
    )


async def test_what_an_advisor_says_reaches_the_inbox(town):
    result = await town.pretend.say("app", "zhang", " 续航怎么答 ")

    (kept,) = town.inbox.kept
    msg = envelope.inbound(kept, town.clock())
    assert (result["delivered"], result["attempts"]) == (True, 1)
    assert (msg.sender, msg.text, msg.kind) == ("zhang", " 续航怎么答 ", "text")
    assert msg.sent_at == town.clock()


async def test_messages_are_numbered_one_after_the_other(town):
    said = [await town.pretend.say("app", "zhang", "你好") for _ in range(3)]

    assert [int(one["msgid"]) - 7 * 10**18 for one in said] == [1, 2, 3]
    assert len(town.inbox.kept) == 3


async def test_what_the_bot_sends_is_received(town):
    answer = await send(town, to="ZHANG|Nobody|lin.advisor")

    items = town.pretend.received()
    assert [item["to"] for item in items] == ["zhang", "Lin.Advisor"]
    assert [item["n"] for item in items] == [1, 2]
    assert {item["text"] for item in items} == {"早上好"}
    assert answer["invaliduser"] == "nobody"
    assert town.pretend.received(after=1) == items[1:]


async def test_everybody_is_reached_by_one_word(town):
    await send(town, to="@all")

    assert [item["to"] for item in town.pretend.received()] == ["zhang", "chen", "Lin.Advisor"]


async def test_a_delivery_is_repeated_until_it_is_kept(town):
    town.inbox.down = 3

    result = await town.pretend.say("app", "zhang", "你好")

    assert (result["delivered"], result["attempts"]) == (True, 4)
    assert len(town.inbox.kept) == 1
    assert counted(town.metrics)["app", "error"] == 3


async def test_a_delivery_is_given_up_after_three_repeats(town):
    town.inbox.down = 10

    result = await town.pretend.say("app", "zhang", "你好")

    assert (result["delivered"], result["status"], result["attempts"]) == (False, 503, 4)
    assert town.inbox.down == 6


async def test_a_program_that_does_not_answer_in_time_is_asked_again(aiohttp_server, http):
    town = await street(aiohttp_server, http, limit_s=0.05)
    asked = []

    async def slow(kept):
        asked.append(kept.id)
        await asyncio.Event().wait()

    town.inbox.keep = slow
    result = await town.pretend.say("app", "zhang", "你好")

    assert (result["delivered"], result["status"]) == (False, 0)
    assert len(asked) == 4
    assert len(set(asked)) == 1


async def test_a_pressed_button_calls_back_and_the_answer_changes_the_card(town):
    await send(town, "template_card", card())
    town.inbox.reply = lambda kept: envelope.update_button_xml("zhang", CORP, "已采用", 1)

    pressed = await town.pretend.tap("zhang", "采用")

    msg = envelope.inbound(town.inbox.kept[0], town.clock())
    assert (msg.event, msg.fields["EventKey"]) == ("template_card_event", "use")
    assert msg.fields["TaskId"] == "suggest-1@zhang"
    assert msg.fields["SelectedItems"] == [{"QuestionKey": "tier", "OptionIds": ["B"]}]
    assert msg.fields["ResponseCode"]
    assert (pressed["n"], pressed["key"]) == (1, "use")
    assert town.pretend.received()[0]["card"]["replace_name"] == "已采用"
    assert town.pretend.problems == []


async def test_buttons_that_were_replaced_cannot_be_pressed(town):
    await send(town, "template_card", card())
    town.inbox.reply = lambda kept: envelope.update_button_xml("zhang", CORP, "已采用", 1)
    await town.pretend.tap("zhang", "采用")

    with pytest.raises(Impossible):
        await town.pretend.tap("zhang", "采用")


async def test_the_newest_card_that_has_the_button_is_pressed(town):
    await send(town, "template_card", card(task_id="one"))
    await send(
        town, "template_card", card(task_id="two", button_list=[{"text": "好", "key": "ok"}])
    )

    await town.pretend.tap("zhang", "use")
    await town.pretend.tap("zhang", "换一批", n=1, selected={"tier": ["A"]})

    found = [envelope.inbound(kept, town.clock()).fields for kept in town.inbox.kept]
    assert [one["TaskId"] for one in found] == ["one", "one"]
    assert found[1]["SelectedItems"] == [{"QuestionKey": "tier", "OptionIds": ["A"]}]


async def test_a_card_is_changed_by_its_response_code_once(town):
    await send(town, "template_card", card(), to="zhang|chen")
    await town.pretend.tap("chen", "采用")
    code = envelope.inbound(town.inbox.kept[0], town.clock()).fields["ResponseCode"]
    update = {
        "userids": ["chen"],
        "agentid": WORLD.agent_id,
        "response_code": code,
        "button": {"replace_name": "已采用"},
    }

    answer = await town.client.call(
        SECRET, "POST", "message/update_template_card", json=update | {"userids": ["chen", "x"]}
    )
    again = await refused(
        town.client.call(SECRET, "POST", "message/update_template_card", json=update)
    )

    assert answer["invaliduser"] == ["x"]
    assert again.code == 60140
    cards = {item["to"]: item["card"] for item in town.pretend.received()}
    assert cards["chen"]["replace_name"] == "已采用"
    assert "replace_name" not in cards["zhang"]


async def test_the_code_of_the_send_answer_changes_it_for_all(town):
    code = (await send(town, "template_card", card(), to="zhang|chen"))["response_code"]
    update = {"atall": 1, "agentid": WORLD.agent_id, "response_code": code}

    await town.client.call(
        SECRET,
        "POST",
        "message/update_template_card",
        json=update | {"template_card": card(task_id="new", main_title={"title": "新"})},
    )

    assert {item["card"]["main_title"]["title"] for item in town.pretend.received()} == {"新"}


async def test_a_response_code_lives_72_hours(town):
    code = (await send(town, "template_card", card()))["response_code"]
    town.clock.move(hours=72, seconds=1)
    update = {"userids": ["zhang"], "agentid": WORLD.agent_id, "response_code": code}

    error = await refused(
        town.client.call(
            SECRET,
            "POST",
            "message/update_template_card",
            json=update | {"button": {"replace_name": "晚了"}},
        )
    )

    assert error.code == 60140


async def test_a_recalled_card_cannot_be_pressed(town):
    msgid = (await send(town, "template_card", card()))["msgid"]

    await town.client.call(SECRET, "POST", "message/recall", json={"msgid": msgid})

    assert town.pretend.received()[0]["recalled"]
    with pytest.raises(Impossible):
        await town.pretend.tap("zhang", "采用")


async def test_a_menu_entry_of_a_card_has_its_own_event(town):
    await send(
        town,
        "template_card",
        {
            "card_type": "text_notice",
            "task_id": "t",
            "main_title": {"title": "待办"},
            "card_action": {"type": 1, "url": "https://e.example"},
            "action_menu": {"action_list": [{"text": "不再提醒", "key": "mute"}]},
        },
    )

    await town.pretend.tap("zhang", "不再提醒")

    assert town.inbox.kept[0].kind == "template_card_menu_event"


async def test_a_new_card_in_the_answer_replaces_the_pressed_one(town):
    await send(town, "template_card", card())
    town.inbox.reply = lambda kept: (
        "<xml><ToUserName>zhang</ToUserName><FromUserName>ww</FromUserName>"
        "<MsgType>update_template_card</MsgType><TemplateCard><CardType>text_notice</CardType>"
        "<MainTitle><Title>已采用</Title></MainTitle><CardAction><Type>1</Type>"
        "<Url>https://e.example</Url></CardAction><HorizontalContentList><Keyname>谁</Keyname>"
        "</HorizontalContentList></TemplateCard></xml>"
    )

    await town.pretend.tap("zhang", "采用")

    assert town.pretend.received()[0]["card"] == {
        "card_type": "text_notice",
        "main_title": {"title": "已采用"},
        "card_action": {"type": 1, "url": "https://e.example"},
        "horizontal_content_list": [{"keyname": "谁"}],
    }


@pytest.mark.parametrize(
    "reply",
    [
        "<xml><MsgType>update_button</MsgType></xml>",
        "<xml><MsgType>update_template_card</MsgType><TemplateCard><CardType>x</CardType>"
        "</TemplateCard></xml>",
        "no xml at all",
    ],
)
async def test_an_invalid_card_update_is_noted_and_changes_nothing(town, reply):
    await send(town, "template_card", card())
    before = town.pretend.received()
    town.inbox.reply = lambda kept: reply

    await town.pretend.tap("zhang", "采用")

    assert town.pretend.received() == before
    assert len(town.pretend.problems) == 1


async def test_the_same_request_is_shown_once_within_its_interval(town):
    checked = {"enable_duplicate_check": 1, "duplicate_check_interval": 600}
    first = await send(town, **checked)
    repeat = await send(town, **checked)
    town.clock.move(seconds=601)
    await send(town, **checked)

    assert first["msgid"] != repeat["msgid"]
    assert len(town.pretend.received()) == 2


async def test_an_unchecked_or_different_request_is_no_duplicate(town):
    await send(town)
    await send(town)
    await send(town, enable_duplicate_check=1)
    await send(town, content={"content": "又见面了"}, enable_duplicate_check=1)

    assert len(town.pretend.received()) == 4


async def test_a_repeated_card_is_no_second_use_of_its_task(town):
    await send(town, "template_card", card(), enable_duplicate_check=1)

    await send(town, "template_card", card(), enable_duplicate_check=1)

    assert len(town.pretend.received()) == 1


async def test_what_is_above_thirty_a_minute_vanishes(town):
    for n in range(32):
        await send(town, content={"content": f"第{n}条"})
    await send(town, to="chen")
    town.clock.move(seconds=61)
    await send(town, content={"content": "一分钟后"})

    dropped = [item["text"] for item in town.pretend.received() if item["dropped"]]
    assert dropped == ["第30条", "第31条"]


async def refused(doing):
    with pytest.raises(WeComError) as caught:
        await doing
    return caught.value


REFUSALS = {
    "nobody": ({"touser": ""}, 82001),
    "nobody valid": ({"touser": "x|y"}, 81013),
    "a customer": ({"touser": "wang"}, 81013),
    "too many users": ({"touser": "|".join(["zhang"] * 1001)}, 40032),
    "too many parties": ({"toparty": "|".join(["1"] * 101)}, 82002),
    "too many tags": ({"totag": "|".join(["1"] * 101)}, 82003),
    "no agent": ({"agentid": None}, 41011),
    "another agent": ({"agentid": 7}, 40056),
    "no type": ({"msgtype": None}, 40008),
    "an unknown type": ({"msgtype": "hologram"}, 40008),
    "no body": ({"text": None}, 40063),
    "empty text": ({"text": {"content": ""}}, 44004),
    "empty markdown": ({"msgtype": "markdown", "markdown": {}}, 44004),
    "unknown media": ({"msgtype": "image", "image": {"media_id": "M"}}, 40007),
    "no media": ({"msgtype": "file", "file": {}}, 41006),
    "textcard without title": ({"msgtype": "textcard", "textcard": {}}, 41016),
    "textcard without description": ({"msgtype": "textcard", "textcard": {"title": "a"}}, 41033),
    "textcard without url": (
        {"msgtype": "textcard", "textcard": {"title": "a", "description": "b"}},
        41010,
    ),
    "textcard with half a url": (
        {"msgtype": "textcard", "textcard": {"title": "a", "description": "b", "url": "e.example"}},
        40035,
    ),
    "textcard with a long url": (
        {
            "msgtype": "textcard",
            "textcard": {"title": "a", "description": "b", "url": "https://" + "e" * 2048},
        },
        40039,
    ),
    "no articles": ({"msgtype": "news", "news": {"articles": []}}, 40063),
    "nine articles": (
        {"msgtype": "news", "news": {"articles": [{"title": "a", "url": "https://e"}] * 9}},
        45008,
    ),
    "article without title": ({"msgtype": "news", "news": {"articles": [{"url": "u"}]}}, 41016),
    "article without url": ({"msgtype": "news", "news": {"articles": [{"title": "u"}]}}, 41010),
    "odd types": ({"msgtype": "template_card", "template_card": {"card_type": ["x"]}}, 40058),
    "odd interval": ({"duplicate_check_interval": "soon"}, 40058),
}


@pytest.mark.parametrize(("change", "code"), REFUSALS.values(), ids=REFUSALS)
async def test_a_message_the_platform_would_refuse_is_refused(town, change, code):
    body = {"touser": "zhang", "msgtype": "text", "agentid": WORLD.agent_id}
    body |= {"text": {"content": "早上好"}} | change

    error = await refused(town.client.call(SECRET, "POST", "message/send", json=body))

    assert error.code == code
    assert town.pretend.received() == []


async def test_what_is_too_long_is_cut_between_characters(town):
    await send(town, content={"content": "长" * 1000})
    await send(
        town,
        "textcard",
        {"title": "题" * 100, "description": "述" * 300, "url": "https://e.example"},
    )

    text, textcard = town.pretend.received()
    assert (len(text["text"]), text["cut"]) == (682, True)
    assert len(textcard["textcard"]["title"]) == 42
    assert textcard["textcard"]["btntxt"] == "详情"


async def test_news_and_mini_programs_are_shown_by_their_titles(town):
    await send(town, "news", {"articles": [{"title": "S6 上市", "url": "https://e.example"}]})
    await send(town, "miniprogram_notice", {"appid": "wx1", "title": "试驾预约"})

    assert town.said() == ["S6 上市", "试驾预约"]


CLICK = {"type": 1, "url": "https://e.example"}
OPTIONS = [{"id": "A", "text": "A"}]
NOTICE = {"card_type": "text_notice", "main_title": {"title": "x"}, "card_action": CLICK}
NEWS = NOTICE | {"card_type": "news_notice", "card_image": {"url": "https://e.example/p.png"}}
VOTE = {
    "card_type": "vote_interaction",
    "task_id": "t",
    "checkbox": {"question_key": "q", "option_list": OPTIONS},
    "submit_button": {"text": "提交", "key": "ok"},
}
PICK = {
    "card_type": "multiple_interaction",
    "task_id": "t",
    "select_list": [{"question_key": "q", "option_list": OPTIONS}],
    "submit_button": {"text": "提交", "key": "ok"},
}
BUTTONS = [{"text": "好", "key": "ok"}]
ENTRY = {"keyname": "关注点", "value": "置换"}
BAD_CARDS = {
    "no type": ({}, 42031),
    "unknown type": ({"card_type": "x"}, 42031),
    "no task": (card(task_id=None), 42014),
    "odd task": (card(task_id="客户1"), 42014),
    "long task": (card(task_id="t" * 129), 42014),
    "menu without task": (NOTICE | {"action_menu": {"action_list": BUTTONS}}, 42014),
    "no title": (NOTICE | {"main_title": {}}, 42033),
    "no action": (NOTICE | {"card_action": None}, 42045),
    "action of type 0": (NOTICE | {"card_action": {"type": 0}}, 42045),
    "action without url": (NOTICE | {"card_action": {"type": 1}}, 42028),
    "action without appid": (NOTICE | {"card_action": {"type": 2}}, 42030),
    "seven entries": (NOTICE | {"horizontal_content_list": [ENTRY] * 7}, 42035),
    "entry without name": (NOTICE | {"horizontal_content_list": [{"value": "x"}]}, 42027),
    "entry without url": (NOTICE | {"horizontal_content_list": [ENTRY | {"type": 1}]}, 42028),
    "entry without media": (NOTICE | {"horizontal_content_list": [ENTRY | {"type": 2}]}, 42029),
    "entry without member": (NOTICE | {"horizontal_content_list": [ENTRY | {"type": 3}]}, 42050),
    "five verticals": (NEWS | {"vertical_content_list": [{"title": "x"}] * 5}, 42036),
    "vertical without title": (NEWS | {"vertical_content_list": [{"desc": "x"}]}, 42033),
    "four jumps": (NOTICE | {"jump_list": [{"title": "x"}] * 4}, 42042),
    "jump without title": (NOTICE | {"jump_list": [{"type": 0}]}, 42033),
    "jump without appid": (NOTICE | {"jump_list": [{"type": 2, "title": "x"}]}, 42030),
    "news without picture": (NEWS | {"card_image": None}, 42044),
    "picture without url": (NEWS | {"card_image": {}}, 42044),
    "picture too tall": (NEWS | {"card_image": {"url": "u", "aspect_ratio": 1}}, 40058),
    "no buttons": (card(button_list=[]), 42048),
    "seven buttons": (
        card(button_list=[{"text": str(n), "key": str(n)} for n in range(7)]),
        42048,
    ),
    "button without text": (card(button_list=[{"key": "x"}]), 42038),
    "button without key": (card(button_list=[{"text": "x"}]), 42039),
    "button with a long key": (card(button_list=[{"text": "x", "key": "k" * 1025}]), 42039),
    "two of one key": (card(button_list=BUTTONS * 2), 42039),
    "link without url": (card(button_list=[{"type": 1, "text": "x"}]), 42028),
    "menu keys clash": (card(action_menu={"action_list": BUTTONS * 2}), 42051),
    "eleven options": (
        card(button_selection={"question_key": "q", "option_list": OPTIONS * 11}),
        42037,
    ),
    "question without key": (card(button_selection={"option_list": OPTIONS}), 42043),
    "vote without box": (VOTE | {"checkbox": None}, 42037),
    "vote with 21": (
        VOTE | {"checkbox": {"question_key": "q", "option_list": OPTIONS * 21}},
        42037,
    ),
    "option without id": (
        VOTE | {"checkbox": {"question_key": "q", "option_list": [{"text": "x"}]}},
        42040,
    ),
    "option with a long id": (
        VOTE | {"checkbox": {"question_key": "q", "option_list": [{"text": "x", "id": "i" * 129}]}},
        42040,
    ),
    "option without text": (
        VOTE | {"checkbox": {"question_key": "q", "option_list": [{"id": "x"}]}},
        42041,
    ),
    "no submit": (VOTE | {"submit_button": None}, 42046),
    "submit without key": (VOTE | {"submit_button": {"text": "x"}}, 42046),
    "submit without text": (VOTE | {"submit_button": {"key": "x"}}, 42049),
    "four lists": (PICK | {"select_list": PICK["select_list"] * 4}, 42047),
    "no lists": (PICK | {"select_list": []}, 42047),
}


@pytest.mark.parametrize(("bad", "code"), BAD_CARDS.values(), ids=BAD_CARDS)
async def test_a_card_the_platform_would_refuse_is_refused(town, bad, code):
    error = await refused(send(town, "template_card", bad))

    assert error.code == code
    assert town.pretend.received() == []


@pytest.mark.parametrize("good", [NOTICE, NEWS, VOTE, PICK, card()])
async def test_every_type_of_card_is_shown(town, good):
    answer = await send(town, "template_card", good)

    assert town.pretend.received()[0]["card"]["card_type"] == good["card_type"]
    assert ("response_code" in answer) == (good["card_type"].endswith("interaction"))


async def test_a_task_id_is_used_once(town):
    await send(town, "template_card", card())

    assert (await refused(send(town, "template_card", card()))).code == 42014


async def test_the_choices_of_a_vote_come_back(town):
    await send(
        town,
        "template_card",
        VOTE | {"checkbox": {"question_key": "q", "option_list": [OPTIONS[0] | {"is_checked": 1}]}},
    )

    await town.pretend.tap("zhang", "提交")

    msg = envelope.inbound(town.inbox.kept[0], town.clock())
    assert msg.fields["SelectedItems"] == [{"QuestionKey": "q", "OptionIds": ["A"]}]


async def test_the_aibot_answers_in_a_group(town):
    town.inbox.reply = lambda kept: envelope.stream_reply(kept.id, "签到成功")

    await town.pretend.say("aibot", "zhang", "@小福 签到", group="team")

    (item,) = town.pretend.received()
    assert (item["to"], item["surface"], item["type"]) == ("team", "aibot", "stream")
    assert (item["text"], item["finish"]) == ("签到成功", True)
    assert envelope.inbound(town.inbox.kept[0], town.clock()).text == "签到"


async def test_a_slow_answer_of_the_aibot_is_asked_for_until_it_is_whole(town):
    answers = iter([None, None, None, "算好了"])

    def reply(kept):
        found = next(answers)
        return found and envelope.stream_reply(kept.id, found)

    town.inbox.reply = reply
    await town.pretend.say("aibot", "chen", "本月排名")

    assert [(item["to"], item["text"]) for item in town.pretend.received()] == [("chen", "算好了")]
    assert counted(town.metrics)["aibot", "refresh"] == 3
    assert len(town.inbox.kept) == 1


async def test_a_stream_that_never_ends_is_shown_as_far_as_it_got(town, monkeypatch):
    monkeypatch.setattr(aibot, "STREAM_LIFE_S", 0)
    town.inbox.reply = lambda kept: None

    await town.pretend.say("aibot", "chen", "本月排名")

    (item,) = town.pretend.received()
    assert (item["text"], item["finish"]) == ("正在想…", False)


async def test_a_group_is_heard_only_when_it_mentions_the_bot(town):
    result = await town.pretend.say("aibot", "zhang", "今天真冷", group="team")

    assert result["delivered"] is False
    assert town.inbox.kept == []


async def test_an_invalid_answer_of_the_aibot_is_noted_and_not_shown(town):
    town.inbox.reply = lambda kept: '{"msgtype":"text","text":{"content":"hi"}}'

    await town.pretend.say("aibot", "zhang", "你好")

    assert town.pretend.received() == []
    assert "msgtype text" in town.pretend.problems[0]


async def test_the_aibot_may_greet_with_plain_text(town):
    town.inbox.reply = lambda kept: '{"msgtype":"text","text":{"content":"您好"}}'

    await town.pretend.event("enter_chat", user="zhang")

    assert town.said("zhang") == ["您好"]


async def test_the_address_given_with_a_message_takes_one_late_answer(aiohttp_server, http):
    town = await street(aiohttp_server, http, base_url="https://wecom.example")
    await town.pretend.say("aibot", "zhang", "你好")
    url = envelope.inbound(town.inbox.kept[0], town.clock()).fields["response_url"]
    late = url.replace("https://wecom.example", town.wecom_url)
    words = {"msgtype": "markdown", "markdown": {"content": "**好了**"}}

    codes = []
    for _ in range(2):
        async with http.post(late, json=words) as response:
            codes.append((await response.json())["errcode"])

    assert codes == [0, 60140]
    assert town.said("zhang") == ["**好了**"]


IMPOSSIBLE = {
    "a customer to the app": ("app", "wang", "你好", None),
    "any customer": ("aibot", "customer", "你好", None),
    "nobody known": ("app", "nobody", "你好", None),
    "the app in a group": ("app", "zhang", "你好", "team"),
    "the aibot in a customer group": ("aibot", "zhang", "@小福 你好", "g1"),
    "an unknown group": ("aibot", "zhang", "@小福 你好", "g9"),
    "a group one is not in": ("aibot", "Lin.Advisor", "@小福 你好", "team"),
    "another surface": ("sms", "zhang", "你好", None),
    "a member at the service desk": ("kf", "zhang", "你好", None),
}


@pytest.mark.parametrize("said", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
async def test_what_the_platform_does_not_let_people_do_is_refused(town, said):
    with pytest.raises(Impossible):
        await town.pretend.say(*said)

    assert town.inbox.kept == []


async def test_an_address_must_answer_the_bare_echo(aiohttp_server, http, town):
    async def quoted(request):
        echo = cipher.decrypt(cipher.Channel("app", TOKEN, AES_KEY, CORP), request.query["echostr"])
        return web.Response(text=f'"{echo}"')

    app = web.Application()
    app.router.add_get("/app", quoted)
    server = await aiohttp_server(app)
    url = str(server.make_url("/app"))

    with pytest.raises(Impossible, match="bare plaintext"):
        await town.pretend.connect(
            {"app": {"url": url, "token": TOKEN, "encoding_aes_key": AES_KEY}}
        )


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("app", {"token": "wrong"}, "403"),
        ("app", {"encoding_aes_key": "short"}, "43"),
        ("app", {"url": "http://127.0.0.1:1/"}, "no answer"),
        ("sms", {}, "没有这种回调"),
    ],
)
async def test_an_address_that_fails_its_check_is_not_taken(town, name, change, said):
    given = addresses(town.bot_url)["app"] | change

    with pytest.raises(Impossible, match=said):
        await town.pretend.connect({name: given})

    assert town.pretend.identities()["callbacks"] == addresses(town.bot_url)


async def test_cards_that_call_back_need_an_address(aiohttp_server, http):
    town = await street(aiohttp_server, http)
    town.pretend.api.takes_taps = False

    assert (await refused(send(town, "template_card", card()))).code == 43012


async def test_an_outside_program_finds_who_it_is(script):
    status, found = await script("identities")

    assert status == 200
    assert found["corp_id"] == CORP
    assert found["app"] == {"agent_id": 1000002, "secret": "app-secret"}
    assert found["contact"] == {"secret": "contact-secret"}
    assert found["aibot"]["bot_id"] == "aib-demo"
    assert found["members"] == ["zhang", "chen", "Lin.Advisor"]
    assert (found["customers"], found["groups"]) == (["wang", "li"], ["g1"])
    assert found["callbacks"]["app"]["encoding_aes_key"] == AES_KEY


async def test_an_outside_program_lets_people_speak_and_sees_what_they_get(town, script):
    await script("say", {"to": "app", "from": "member", "text": "你好"})
    await send(town)

    status, found = await script("received?after=0")

    assert status == 200
    assert [item["text"] for item in found["messages"]] == ["早上好"]
    assert found["last"] == 1
    assert (await script("received?after=1"))[1]["messages"] == []
    assert town.inbox.kept[0].lane == "zhang"


async def test_an_outside_program_presses_buttons_and_makes_things_happen(town, script):
    await send(town, "template_card", card())

    pressed = await script("tap", {"from": "zhang", "button": "采用", "n": 1})
    added = await script(
        "event", {"event": "add_external_contact", "user": "zhang", "customer": "new-01"}
    )

    assert (pressed[0], added[0]) == (200, 200)
    assert [kept.kind for kept in town.inbox.kept] == [
        "template_card_event",
        "change_external_contact",
    ]


async def test_an_outside_program_sets_its_own_addresses(town, script):
    given = addresses(town.bot_url)

    status, _ = await script("callbacks", {"app": given["app"]})
    wrapped, _ = await script("callbacks", {"callbacks": {"aibot": given["aibot"]}})

    assert (status, wrapped) == (200, 200)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("say", {}, 400),
        ("say", {"to": "app", "from": "zhang"}, 400),
        ("say", {"to": "kf", "from": "zhang", "text": "你好"}, 400),
        ("tap", {"from": "zhang", "button": "没有"}, 404),
        ("tap", {"from": "zhang", "button": "没有", "n": "1"}, 400),
        ("event", {"event": "moon_landing"}, 400),
        ("event", {"event": "add_external_contact", "user": "zhang"}, 400),
        ("event", {"event": "subscribe", "user": "zhang", "odd": "1"}, 400),
        ("callbacks", {"app": "https://e.example"}, 400),
        ("callbacks", {"app": {"url": "http://127.0.0.1:1"}}, 400),
        ("received?after=x", None, 400),
    ],
)
async def test_a_wrong_script_call_is_told_so(script, name, body, status):
    found = await script(name, body)

    assert found[0] == status
    assert found[1]["ok"] is False
    assert found[1]["error"]


async def test_a_body_that_is_no_json_is_refused(town):
    token = await town.client.token(SECRET)

    for sent in (b"{", b"[1]", b"\xff"):
        url = f"{town.wecom_url}/cgi-bin/message/send?access_token={token}"
        async with town.http.post(url, data=sent) as response:
            assert (await response.json())["errcode"] == 47001


async def test_the_api_stands_at_both_addresses(town):
    query = {"corpid": CORP, "corpsecret": SECRET}
    found = []
    for base in ("/cgi-bin", "/sandbox/wecom/cgi-bin"):
        async with town.http.get(f"{town.wecom_url}{base}/gettoken", params=query) as response:
            found.append(json.loads(await response.text())["access_token"])

    assert found[0] == found[1]
