"""群发: made for whom one may write to, sent by hand in the client, its results read back."""

import json
from datetime import timedelta

import pytest

from bot.sandbox import groupmsg as pretended
from bot.sandbox.world import Impossible
from handlers.values import Inbound, MassNudge, MassResult, MassTask
from storage import customers, groupmsg, groups, touches


def made(talk, task, **told):
    """The platform's answer to the making of a task."""
    body = {"task": task.task, "sender": task.sender, "customers": list(task.customers),
            "text": task.text, "msgid": "GM-1", "fail_list": [], **told}  # fmt: skip
    return talk.tell(Inbound("a1", "contact", "mass", task.sender, talk.now, fields=body))


def results(talk, question, found, cursor=""):
    rows = [{"external_userid": who, "status": status, "send_time": int(talk.now.timestamp())}
            for who, status in found.items()]  # fmt: skip
    body = {"task": question.task, "sender": question.sender, "msgid": question.msgid,
            "poll": question.poll, "cursor": "", "send_list": rows,
            "next_cursor": cursor}  # fmt: skip
    name = f"r{question.poll}{question.cursor}"
    return talk.tell(Inbound(name, "contact", "mass", question.sender, talk.now, fields=body))


@pytest.fixture
def task(talk):
    (found,) = talk.says("zhang", "群发 全部：本周六看车日，到店有礼")
    assert isinstance(found, MassTask)
    return found


def asked(actions):
    return [action for action in actions if isinstance(action, MassResult)]


def test_a_task_is_for_one_s_own_customers(talk, task):
    assert task.sender == "zhang"
    assert set(task.customers) == {"wang", "li"}
    assert task.text == "本周六看车日，到店有礼"


def test_whoever_opted_out_or_was_written_to_today_is_left_out(talk):
    customers.change(talk.db, "wang", opted_out_at=talk.now)
    (task,) = talk.says("zhang", "群发 全部：周六见")
    assert task.customers == ("li",)

    touches.note(talk.db, touch_id="t", person="li", channel="advisor", kind="marketing",
                 by="zhang", now=talk.now)  # fmt: skip
    talk.says("zhang", "群发 全部：周日见")
    assert "不适合发" in talk.texts()


def test_a_tier_that_nobody_has_makes_no_task(talk):
    talk.says("zhang", "群发 高意向客户：周六见")

    assert talk.texts() == "你名下没有高意向的客户，没有建群发。"


def test_who_is_no_advisor_makes_none(talk):
    assert not any(isinstance(a, MassTask) for a in talk.says("chen", "群发 全部：周六见"))


def test_the_advisor_is_told_to_confirm_and_then_what_came_of_it(talk, task):
    made(talk, task, fail_list=["li"])
    assert "共1位" in talk.texts()
    assert "群发助手" in talk.texts()

    (question,) = asked(talk.wait(minutes=11))
    results(talk, question, {"wang": 0})
    assert talk.texts() == ""

    (question,) = asked(talk.wait(minutes=31))
    results(talk, question, {"wang": 1})
    assert talk.texts() == "群发结果：已送达1位，平台不让发1位。"
    assert touches.count(talk.db, "wang", "marketing", talk.now - timedelta(days=1)) == 1
    assert asked(talk.wait(hours=12)) == []


def test_pages_are_followed_to_the_end(talk, task):
    made(talk, task)
    (question,) = asked(talk.wait(minutes=11))

    (more,) = results(talk, question, {"wang": 1}, cursor="1000")
    assert more == MassResult(task.task, "GM-1", "zhang", 0, "1000")
    results(talk, more, {"li": 3})

    assert talk.texts() == "群发结果：已送达1位，当月已收满1位。"


def test_results_told_twice_count_once(talk, task):
    made(talk, task)
    (question,) = asked(talk.wait(minutes=11))

    for _ in range(2):
        results(talk, question, {"wang": 1, "li": 0})

    assert groupmsg.counts(talk.db, task.task) == {"sent": 1, "waiting": 1}


def test_whoever_never_confirms_is_told_after_three_days(talk, task):
    made(talk, task)
    for _ in range(20):
        for question in asked(talk.wait(hours=6)):
            results(talk, question, {"wang": 0, "li": 0})
            if talk.texts():
                assert talk.texts() == "群发结果：还没发2位。"
                return
    raise AssertionError("nobody was told")


def test_a_task_that_was_refused_says_why(talk, task):
    made(talk, task, errcode=41048, errmsg="no customer to send", msgid="")

    assert talk.texts() == "群发没有建成：no customer to send"
    assert asked(talk.wait(hours=1)) == []


# To customer groups


@pytest.fixture
def own(talk):
    """zhang owns two customer groups, chen one that zhang is in."""
    rows = (("g1", "S6车主群", "车主", "zhang"), ("g2", "看车群", "潜客", "zhang"),
            ("g3", "活动群", "活动", "chen"))  # fmt: skip
    for key, name, kind, owner in rows:
        groups.put(talk.db, chat_id=key, name=name, kind=kind, owner=owner, store="bj-cy",
                   now=talk.now)  # fmt: skip
        groups.join(talk.db, key, "zhang", "张伟", talk.now)
    return talk


@pytest.mark.parametrize(
    ("words", "chats"),
    [("车主群", ("g1",)), ("客户群", ("g1", "g2")), ("活动群", None), ("意向群", None)],
)
def test_only_groups_that_one_owns(own, words, chats):
    did = own.says("zhang", f"群发 {words}：周六看车日")

    tasks = [a for a in did if isinstance(a, MassTask)]
    assert [t.chats for t in tasks] == ([chats] if chats else [])
    assert chats or "群主是你" in own.texts()


def test_a_group_that_got_something_today_is_left_out(own):
    touches.note(own.db, touch_id="t", person="g1", channel="groupmsg", kind="marketing",
                 by="zhang", now=own.now)  # fmt: skip

    (task,) = own.says("zhang", "群发 客户群：周六看车日")
    assert task.chats == ("g2",)
    own.says("zhang", "群发 车主群：周六看车日")
    assert "不适合发" in own.texts()


def test_nothing_goes_to_groups_at_night(own):
    own.now += timedelta(hours=13)

    assert not any(isinstance(a, MassTask) for a in own.says("zhang", "群发 客户群：周六见"))


def test_what_came_of_it_is_told_in_groups(own):
    (task,) = own.says("zhang", "群发 客户群：周六看车日")
    made(own, task, chats=list(task.chats))
    assert "共2个群" in own.texts()
    (question,) = asked(own.wait(minutes=11))
    rows = [{"chat_id": key, "status": 1, "send_time": 1772758800} for key in task.chats]
    body = {"task": task.task, "sender": "zhang", "msgid": "GM-1", "poll": question.poll,
            "cursor": "", "send_list": rows, "next_cursor": ""}  # fmt: skip
    own.tell(Inbound("r", "contact", "mass", "zhang", own.now, fields=body))

    assert own.texts() == "群发结果：已送达2个群。"
    assert touches.count(own.db, "g1", "marketing", own.now - timedelta(days=1)) == 1


# Cancelling and reminding


def nudges(actions):
    return [(a.what, a.sender, a.by) for a in actions if isinstance(a, MassNudge)]


def answered(talk, nudge, **told):
    body = {"task": nudge.task, "msgid": nudge.msgid, "sender": nudge.sender, "what": nudge.what,
            "by": nudge.by, **told}  # fmt: skip
    return talk.tell(Inbound(f"n{talk.count}", "contact", "mass", "sys", talk.now, fields=body))


def test_a_task_can_be_taken_back_until_it_is_confirmed(talk, task):
    made(talk, task)

    (nudge,) = talk.says("zhang", "取消群发")
    assert (nudge.what, nudge.msgid) == ("cancel", "GM-1")
    answered(talk, nudge, errcode=0)

    assert "已取消" in talk.texts()
    assert asked(talk.wait(hours=1)) == []
    talk.says("zhang", "取消群发")
    assert "没有还没发完的群发" in talk.texts()


def test_a_manager_reminds_the_advisors_of_the_store_three_times_a_day(talk, task):
    made(talk, task)

    for _ in range(3):
        (nudge,) = [a for a in talk.says("chen", "催群发") if isinstance(a, MassNudge)]
    assert nudges([nudge]) == [("remind", "zhang", "chen")]
    answered(talk, nudge, errcode=0)
    assert "张伟的群发" in talk.texts("chen")

    assert nudges(talk.says("chen", "催群发")) == []
    assert "催过3次" in talk.texts("chen")
    talk.now += timedelta(hours=25)
    assert nudges(talk.says("chen", "催群发"))


def test_whoever_has_confirmed_is_not_reminded(talk, task):
    made(talk, task)
    (question,) = asked(talk.wait(minutes=11))
    results(talk, question, {"wang": 1, "li": 0})

    assert nudges(talk.says("zhang", "催群发")) == []
    assert talk.texts() == "没有等着确认的群发。"


def test_a_refusal_says_why(talk, task):
    made(talk, task)
    (nudge,) = talk.says("zhang", "催群发")

    answered(talk, nudge, errcode=41094, errmsg="too many reminders")

    assert talk.texts() == "群发没有催成：too many reminders"


# Over HTTP


async def kept(office):
    rows = await office.writer.do(lambda db: db.rows("select * from inbox order by seq"))
    return [json.loads(row["body"]) for row in rows if row["channel"] == "mass"]


async def test_a_task_is_made_confirmed_and_read_back(office):
    await office.put(MassTask("t1", "zhang", ("wang", "li", "nobody"), "周六看车日"))
    await office.flush()

    (told,) = await kept(office)
    assert told["fail_list"] == ["nobody"]
    assert office.got("wang") == []  # nothing is sent before the member confirms

    assert (await office.pretend.event("groupmsg_confirm", user="zhang"))["sent"] == 2
    assert office.got("wang") == ["周六看车日"]
    await office.put(MassResult("t1", told["msgid"], "zhang", 0))
    await office.flush()
    found = (await kept(office))[1]["send_list"]
    assert [(one["external_userid"], one["status"]) for one in found] == [("wang", 1), ("li", 1)]
    assert await office.states() == ["sent", "sent"]


async def test_a_refusal_comes_back_as_an_answer(office):
    await office.put(MassTask("t1", "zhang", ("nobody",), "周六看车日"))
    await office.flush()

    (told,) = await kept(office)
    assert told["errcode"] == 41048


async def test_a_task_whose_answer_was_lost_is_not_made_a_second_time(office):
    await office.client.token(office.sender()._contact_secret)
    office.pretend.callbacks.faults.set("lost", 1.0, times=1)
    await office.put(MassTask("t1", "zhang", ("wang",), "周六看车日"))
    await office.settle(seconds=30)

    (told,) = await kept(office)
    assert "群发助手" in told["errmsg"]
    assert len(office.pretend.api.tasks._tasks) == 1


async def test_a_task_whose_process_died_on_the_way_is_not_made_a_second_time(office):
    """The row says that it was tried, and nobody was left to note what became of it."""
    await office.put(MassTask("t1", "zhang", ("wang",), "周六看车日"))
    now = office.clock.now()
    await office.writer.do(lambda db: db.run("update outbox set tried_at = :now", now=now))
    await office.flush()

    assert "群发助手" in (await kept(office))[0]["errmsg"]
    assert not office.pretend.api.tasks._tasks


async def test_a_busy_platform_is_asked_again(office):
    office.pretend.api.plan_faults("externalcontact/add_msg_template", -1, times=2)
    await office.put(MassTask("t1", "zhang", ("wang",), "周六看车日"))
    await office.settle(seconds=30)

    (told,) = await kept(office)
    assert told["msgid"] == "GM-1"


async def test_the_pretend_wecom_pages_refuses_and_reminds_as_the_platform_does(office):
    api, secret = office.client, office.sender()._contact_secret

    async def call(path, **body):
        try:
            return await api.call(secret, "POST", f"externalcontact/{path}", json=body)
        except Exception as error:  # the code is what is looked at
            return error.code

    text = {"content": "周六"}
    assert await call("add_msg_template", sender="zhang", external_userid=["wang"]) == 41089
    long = {"content": "长" * (pretended.TEXT_BYTES // 3 + 1)}
    body = {"sender": "zhang", "external_userid": ["wang", "li"]}
    assert await call("add_msg_template", **body, text=long) == 45002
    assert await call("get_groupmsg_send_result") == 41046
    assert await call("get_groupmsg_send_result", msgid="x") == 41047

    msgid = (await call("add_msg_template", **body, text=text))["msgid"]
    first = await call("get_groupmsg_send_result", msgid=msgid, userid="zhang", limit=1)
    assert [one["external_userid"] for one in first["send_list"]] == ["wang"]
    rest = await call("get_groupmsg_send_result", msgid=msgid, userid="zhang", limit=1,
                      cursor=first["next_cursor"])  # fmt: skip
    assert [one["external_userid"] for one in rest["send_list"]] == ["li"]
    assert rest["next_cursor"] == ""
    codes = [await call("remind_groupmsg_send", msgid=msgid) for _ in range(4)]
    assert codes[3] == 41094
    await call("cancel_groupmsg_send", msgid=msgid)
    assert await call("get_groupmsg_send_result", msgid=msgid, userid="zhang") == 41093


async def test_an_advisor_s_words_become_a_task_and_the_result_comes_back(played):
    await played.say("app", "zhang", "群发 全部：本周六看车日，到店有礼")
    await played.running.app.idle()
    said = [i["text"] for i in played.pretend.received() if i["to"] == "zhang"]
    assert any("群发建好了" in text for text in said)

    await played.pretend.event("groupmsg_confirm", user="zhang")
    await played.move(played.clock.now() + timedelta(minutes=12))

    said = [i["text"] for i in played.pretend.received() if i["to"] == "zhang"]
    assert any(text.startswith("群发结果：已送达") for text in said)


async def test_a_group_task_is_made_confirmed_and_read_back(office):
    await office.put(MassTask("t1", "zhang", (), "周六看车日", ("g1", "nowhere")))
    await office.flush()

    (told,) = await kept(office)
    assert (told["chats"], told["fail_list"]) == (["g1", "nowhere"], ["nowhere"])
    assert (await office.pretend.event("groupmsg_confirm", user="zhang"))["sent"] == 1
    assert office.got("g1") == ["周六看车日"]
    await office.put(MassResult("t1", told["msgid"], "zhang", 0))
    await office.flush()
    found = (await kept(office))[1]["send_list"]
    assert [(one["chat_id"], one["status"]) for one in found] == [("g1", 1)]


async def test_a_reminder_shows_in_the_client_and_a_cancelled_task_cannot_be_sent(office):
    await office.put(MassTask("t1", "zhang", ("wang",), "周六看车日"))
    await office.flush()
    msgid = (await kept(office))[0]["msgid"]

    await office.put(MassNudge("t1", msgid, "zhang", "remind", "zhang"),
                     MassNudge("t1", msgid, "zhang", "cancel", "zhang"))  # fmt: skip
    await office.flush()

    assert [one.get("errcode") for one in (await kept(office))[1:]] == [0, 0]
    assert any("等着确认" in text for text in office.got("zhang"))
    with pytest.raises(Impossible):
        await office.pretend.event("groupmsg_confirm", user="zhang")


async def test_only_the_owner_of_a_group_sends_into_it(office):
    await office.put(MassTask("t1", "chen", (), "周六看车日", ("g1",)))
    await office.flush()

    assert (await kept(office))[0]["errcode"] == 41048
