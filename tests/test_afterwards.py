"""Messages that somebody has already: cards get new words in time, what is wrong is taken back."""

from datetime import timedelta

import pytest

from bot import afterwards
from bot.wecom import callback
from handlers.values import Button, Card, Recall, Send, UpdateCard
from storage import dialogs
from storage import followups as owed


def card(task="t1"):
    return Card(
        to="zhang", task_id=task, title="该联系王女士了", buttons=(Button("已联系", "done"),)
    )


def face(office, n=-1):
    item = [i for i in office.pretend.received() if i["card"]][n]
    return item["card"].get("replace_name"), item.get("recalled", False)


async def send(office, *actions, cause=""):
    await office.put(*actions, cause=cause)
    await office.flush()


async def wait(office, **step):
    office.clock.add(timedelta(**step))
    await office.flush()


# The face of a pressed card


async def press(office):
    """A click has a code of its own."""
    await send(office, card())
    n = next(i["n"] for i in office.pretend.received() if i["card"])
    return office.pretend.api.new_code((n,))


async def test_a_card_whose_answer_was_late_gets_its_face_by_a_call(office):
    code = await press(office)

    await send(office, UpdateCard("已联系", "zhang", code))
    assert face(office) == (None, False)  # the callback's own answer comes first
    await wait(office, seconds=11)

    assert face(office) == ("已联系", False)
    assert await office.states() == ["sent", "sent"]


async def test_a_code_that_was_used_meanwhile_is_no_failure(office):
    code = await press(office)
    office.pretend.api.spend(code)

    await send(office, UpdateCard("已联系", "zhang", code))
    await wait(office, seconds=11)

    assert await office.states() == ["sent", "sent"]


async def test_a_busy_platform_is_asked_again(office):
    code = await press(office)
    office.pretend.api.plan_faults("message/update_template_card", -1)

    await send(office, UpdateCard("已联系", "zhang", code))
    await office.settle(seconds=20)

    assert face(office) == ("已联系", False)


async def test_its_grace_holds_up_nothing_else(office):
    code = await press(office)

    await send(office, UpdateCard("已联系", "zhang", code), Send("zhang", "王女士 已联系。"))

    assert office.got()[-1] == "王女士 已联系。"


async def pressed(stage):
    await stage.say("app", "zhang", "客户 王女士")
    await stage.running.app.idle()
    result = await stage.tap("zhang", "已联系")
    await stage.running.app.idle()
    return result


def calls(stage):
    return stage.pretend.api.calls["message/update_template_card"]


def words(stage, n):
    return next(i for i in stage.pretend.received() if i["n"] == n)["card"].get("replace_name")


async def test_an_answer_in_time_needs_no_call(played):
    pressed_card = (await pressed(played))["n"]
    await played.move(played.clock.now() + timedelta(minutes=2))

    assert words(played, pressed_card) == "已联系"
    assert calls(played) == 0


async def test_an_answer_that_came_too_late_is_called_after(played, monkeypatch):
    async def late(message_id, wait_s):
        return None

    monkeypatch.setattr(played.running.app, "answer", late)
    pressed_card = (await pressed(played))["n"]
    assert words(played, pressed_card) is None
    await played.move(played.clock.now() + timedelta(minutes=2))

    assert words(played, pressed_card) == "已联系"
    assert calls(played) == 1


# Taking back


async def test_a_card_that_was_never_pressed_says_why_it_is_closed(office):
    await send(office, card())
    await send(office, Recall("zhang", task_id="t1", words="已退订，不用再联系"))

    assert face(office) == ("已退订，不用再联系", False)


async def test_another_s_card_and_other_cards_stay(office):
    await send(office, card("t1"))
    await send(office, card("t2"))
    await send(office, Recall("chen", task_id="t1", words="已退订"))
    await send(office, Recall("zhang", task_id="t2", words="已退订"))

    assert face(office, 0) == (None, False)
    assert face(office, 1) == ("已退订", False)


async def test_after_three_days_nothing_can_be_changed_any_more(office):
    await send(office, card())
    await wait(office, hours=73)
    await send(office, Recall("zhang", task_id="t1", words="已退订"))

    assert face(office) == (None, False)
    assert await office.states() == ["sent", "sent"]


async def test_a_card_that_had_not_left_yet_is_closed_after_it_has(office):
    await send(office, card(), Recall("zhang", task_id="t1", words="已退订"))

    assert face(office) == ("已退订", False)


@pytest.mark.parametrize(("hours", "gone"), [(23, True), (25, False)])
async def test_a_list_is_taken_back_within_a_day(office, hours, gone):
    await send(office, Send("zhang", "今天先联系：\n1. 王女士｜高意向"), cause="tick1")
    await send(office, Send("zhang", "别的消息"), cause="tick2")
    await wait(office, hours=hours)
    await send(office, Recall("zhang", cause="tick1", holding="王女士｜"))

    assert [i.get("recalled", False) for i in office.pretend.received()] == [gone, False]


async def test_a_long_list_is_taken_back_in_all_its_pieces(office):
    text = "1. 王女士｜高意向\n" + "很长的一行\n" * 200
    await send(office, Send("zhang", text), cause="tick1")
    assert len(office.got()) > 1
    await send(office, Recall("zhang", cause="tick1", holding="王女士｜"))

    assert all(i.get("recalled") for i in office.pretend.received())


async def test_what_nobody_finds_any_more_is_gone_already(office):
    await send(office, Send("zhang", "1. 王女士｜"), cause="tick1")
    office.pretend.api._sent.clear()
    await send(office, Recall("zhang", cause="tick1", holding="王女士｜"))

    assert await office.states() == ["sent", "sent"]


async def test_it_is_done_once(office):
    await send(office, card())
    for _ in range(2):
        await send(office, Recall("zhang", task_id="t1", words="已退订"))

    assert office.pretend.api.calls["message/update_template_card"] == 1


# When it matters


def owes(talk, who, minutes=1):
    due = talk.now + timedelta(minutes=minutes)
    owed.plan(talk.db, followup_id=f"f-{who}", customer=who, advisor="zhang", kind="own",
              due=due, reason="发配置表", now=talk.now)  # fmt: skip


def reminded(talk, *who):
    for one in who:
        owes(talk, one)
    talk.did = talk.wait(minutes=3)
    return talk.did


def recalls(actions):
    return [a for a in actions if isinstance(a, Recall)]


def test_a_reminder_of_somebody_who_opts_out_is_closed(talk):
    shown = next(a for a in reminded(talk, "wang") if isinstance(a, Card))

    did = talk.says("zhang", "客户王女士说：别再给我发消息了，不要打扰我")

    assert recalls(did) == [Recall("zhang", task_id=shown.task_id, words="已退订，不用再联系")]


def test_the_same_when_the_advisor_logs_it(talk):
    reminded(talk, "wang")

    assert recalls(talk.says("zhang", "记录 王女士 退订"))


def test_a_list_comes_again_without_the_name(talk):
    (first,) = [a for a in reminded(talk, "wang", "li") if isinstance(a, Send)]
    assert "2. " in first.text

    did = talk.says("zhang", "客户王女士说：别再给我发消息了，不要打扰我")

    (back,) = recalls(did)
    assert (back.holding, back.to) == ("王女士｜", "zhang")
    assert "名单少了王女士" in talk.texts()
    assert "1. 李先生" in talk.texts()
    talk.says("zhang", "1")
    assert "李先生" in talk.texts() + "".join(getattr(a, "title", "") for a in talk.did)


def test_whoever_complains_is_spoken_to_about_that_first(talk):
    reminded(talk, "wang")

    did = talk.says("zhang", "客户王女士说：你们什么态度，我要投诉你们")

    assert [r.words for r in recalls(did)] == ["先处理投诉，暂不跟进"]


def test_nobody_else_s_card_is_touched(talk):
    reminded(talk, "li")

    assert recalls(talk.says("zhang", "客户王女士说：别再给我发消息了，不要打扰我")) == []


async def test_the_whole_way(played):
    """Reminded in the morning, opted out at noon: the card in the chat says so."""
    now = played.clock.now()
    await played.running.writer.do(lambda db: owed.plan(
        db, followup_id="f-wang", customer="wang", advisor="zhang", kind="own",
        due=now + timedelta(hours=3), reason="发配置表", now=now))  # fmt: skip
    await played.move(now + timedelta(hours=4))
    items = [i for i in played.pretend.received() if i["to"] == "zhang" and i["card"]]
    assert items

    await played.say("app", "zhang", "记录 王女士 退订")
    await played.running.app.idle()

    shown = await played.running.writer.do(lambda db: dialogs.since(db, "zhang", now, "item"))
    tasks = {d.id for d in shown if d.body["customer"] == "wang"}
    faces = {i["card"].get("replace_name") for i in played.pretend.received()
             if i["card"] and i["card"]["task_id"] in tasks}  # fmt: skip
    assert faces == {"已退订，不用再联系"}


def test_nobody_waits_for_less_than_the_callback_may_take():
    assert afterwards.GRACE.total_seconds() > callback.CARD_WAIT_S + 5
