"""Everything the platform may send: nothing a person wrote stays without a word, nothing breaks."""

import json

import pytest

from bot.wecom import envelope
from handlers import notices
from handlers.settings import Access
from handlers.values import Answer, Inbound, KfPull, Send
from storage import kf


@pytest.fixture
def told(talk):
    """What happens on an event, with operators who are told."""
    talk.settings = talk.settings.model_copy(update={"access": Access(operators=("boss",))})

    def event(name, channel="app", sender="sys", **fields):
        msg = Inbound(f"e{talk.count}", channel, "event", sender, talk.now, event=name,
                      fields=fields)  # fmt: skip
        return talk.tell(msg)

    event.talk = talk
    return event


def says(actions, to="boss"):
    return "".join(a.text for a in actions if isinstance(a, Send) and a.to == to)


# What people send

APP_KINDS = ("voice", "image", "video", "file", "location", "link", "miniprogram", "chatrecord",
             "mixed", "emotion")  # fmt: skip


@pytest.mark.parametrize("kind", APP_KINDS)
def test_no_message_to_the_app_stays_without_a_word(talk, kind):
    did = talk.tell(Inbound("m", "app", kind, "zhang", talk.now))

    assert says(did, "zhang")


@pytest.mark.parametrize("kind", ["image", "file", "video", "location"])
def test_nor_does_one_to_the_aibot(talk, kind):
    (answer,) = talk.tell(Inbound("m", "aibot", kind, "zhang", talk.now))

    assert isinstance(answer, Answer)
    assert "看不了" in answer.text


def test_short_words_to_a_quoted_message_ask_about_that(talk):
    quote = {"msgtype": "text", "text": {"content": "客户：冬天续航会打折吗"}}
    alone = Inbound("m1", "aibot", "text", "zhang", talk.now, "怎么回")
    pointing = Inbound("m2", "aibot", "text", "zhang", talk.now, "怎么回", fields={"quote": quote})
    own = Inbound("m3", "aibot", "text", "zhang", talk.now, "充电桩装不了怎么办呢",
                  fields={"quote": quote})  # fmt: skip

    (first,), (second,), (third,) = (talk.tell(m) for m in (alone, pointing, own))

    assert "续航" in second.text
    assert "续航" not in first.text
    assert "充电" in third.text


@pytest.mark.parametrize("kind", ["merged_msg", "miniprogram", "note", "something_new"])
async def test_a_visitor_s_other_messages_go_to_a_person(played, kind):
    body = {"msgid": "k1", "msgtype": kind, "origin": 3, "external_userid": "wmvisitor1",
            "open_kfid": played.pretend.world.open_kfid, "send_time": 1772758800}  # fmt: skip
    await played.running.app.keep(envelope.Kept("kf:k1", "kf", "wmvisitor1",
                                                json.dumps(body)))  # fmt: skip
    await played.running.app.idle()

    assert any("微信客服转给你" in i["text"] for i in played.pretend.received())


# What the platform tells of itself


@pytest.mark.parametrize("name", notices.APP)
def test_warnings_of_the_app_s_life_reach_the_operators(told, name):
    assert "企业微信通知" in says(told(name, EffectTime="1772758800"))


@pytest.mark.parametrize("change", notices.ACQUISITION)
def test_so_does_an_acquisition_link_that_runs_dry(told, change):
    assert "获客" in says(told("customer_acquisition", "contact", ChangeType=change))


def test_who_came_by_a_link_is_told_elsewhere(told):
    assert told("customer_acquisition", "contact", ChangeType="customer_start_chat") == []


STAFF = [
    ({"ChangeType": "delete_user", "UserID": "zhang"}, "离开了通讯录"),
    ({"ChangeType": "delete_user", "UserID": "ZHANG"}, "离开了通讯录"),
    ({"ChangeType": "update_user", "UserID": "zhang", "NewUserID": "zhang2"}, "改成了 zhang2"),
    ({"ChangeType": "update_user", "UserID": "zhang", "Name": "张"}, ""),
    ({"ChangeType": "delete_user", "UserID": "stranger"}, ""),
    ({"ChangeType": "create_party", "Id": "7"}, ""),
]


@pytest.mark.parametrize(("fields", "words"), STAFF)
def test_staff_on_our_lists_who_leave_or_are_renamed(told, fields, words):
    said = says(told("change_contact", **fields))

    assert words in said
    assert bool(words) == bool(said)


def test_whoever_comes_into_range_is_greeted_if_we_know_them(told):
    assert "客户问了什么" in says(told("subscribe", sender="zhang"), "zhang")
    assert told("subscribe", sender="stranger") == []
    assert told("unsubscribe", sender="zhang") == []


@pytest.mark.parametrize("name", notices.PRESSED)
def test_a_button_that_is_not_ours_says_so(told, name):
    assert "用不上" in says(told(name, sender="zhang", EventKey="x"), "zhang")


@pytest.mark.parametrize("added", ["wk1", ["wk1", "wk2"]])
def test_service_accounts_that_come_and_go(told, added):
    db = told.talk.db
    kf.move(db, "wk9", "c", told.talk.now)

    did = told("kf_account_auth_change", "kf", AuthAddOpenKfId=added, AuthDelOpenKfId="wk9")

    wanted = [added] if isinstance(added, str) else added
    assert [a.open_kfid for a in did if isinstance(a, KfPull)] == wanted
    assert kf.cursor(db, "wk9") == ""
    assert "收走1个" in says(did)


# The rest is known to be nobody's business here

SILENT = [
    ("view", "app"), ("view_miniprogram", "app"), ("location", "app"), ("batch_job_result", "app"),
    ("open_approval_change", "app"), ("sys_approval_change", "app"), ("share_agent_change", "app"),
    ("share_chain_change", "app"), ("switch_workbench_mode", "app"),
    ("servicer_status_change", "kf"), ("servicer_recall_msg", "kf"), ("something_new", "app"),
    ("disconnected_event", "aibot"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "channel"), SILENT)
def test_what_needs_no_answer_gets_none(told, name, channel):
    assert told(name, channel, sender="zhang", EventKey="x") == []


def test_a_visitor_who_takes_a_message_back_takes_back_what_was_read(talk):
    message = Inbound("kf:k1", "kf", "text", "wang", talk.now, "家里没车位怎么充电", to="wk1",
                      fields={"origin": 3, "msgtype": "text", "msgid": "k1"})  # fmt: skip
    talk.tell(message)
    assert "charging" in talk.concerns("wang")

    recalled = {"event_type": "user_recall_msg", "recall_msgid": "k1", "external_userid": "wang"}
    talk.tell(Inbound("kf:k2", "kf", "event", "wang", talk.now, event="user_recall_msg",
                      fields={"event": recalled}))  # fmt: skip

    assert "charging" not in talk.concerns("wang")
    assert "撤回了一条消息" in talk.texts()
