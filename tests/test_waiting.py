"""A customer waits: the advisor after five and fifteen minutes, the managers after thirty."""

from datetime import datetime, timedelta

import pytest

from handlers.settings import Followups
from handlers.values import Card, Inbound, Send
from storage import customers, followups

# Friday 2026-03-06 09:00; zhang rests on Tuesdays; chen and zhou manage the store


def writes(talk, text="S6冬天续航怎么样", sender="wang", to="zhang", kind="text", ago=0, chat=""):
    """One message of the chat archive."""
    talk.count += 1
    at = talk.now - timedelta(minutes=ago)
    return talk.tell(Inbound(f"a{talk.count}", "archive", kind, sender, at, text, to=to, chat=chat))


def until(talk, words):
    to = datetime.fromisoformat(f"2026-03-{words.replace(' ', 'T')}").replace(
        tzinfo=talk.ctx().zone
    )
    return [a for a in talk.wait(seconds=(to - talk.now).total_seconds()) if _about(a)]


def _about(action):
    return (isinstance(action, Card) and "等了" in action.title) or (
        isinstance(action, Send) and "等了" in action.text
    )


def told(did):
    return [(a.to, a.title if isinstance(a, Card) else "⏱") for a in did]


def test_the_advisor_twice_then_the_managers_too(talk):
    writes(talk)

    assert told(until(talk, "06 09:04")) == []
    assert told(until(talk, "06 09:05")) == [("zhang", "王女士等了5分钟")]
    assert told(until(talk, "06 09:15")) == [("zhang", "王女士等了15分钟")]
    last = until(talk, "06 09:30")
    assert told(last) == [("zhang", "王女士等了30分钟"), ("chen", "⏱"), ("zhou", "⏱")]
    assert "客户说“S6冬天续航怎么样”" in last[1].text
    assert "顾问张伟" in last[1].text


def test_it_comes_alone_although_a_list_went_out_a_moment_ago(talk):
    followups.plan(talk.db, followup_id="x", customer="li", advisor="zhang", kind="own",
                   due=talk.now, reason="问问", now=talk.now)  # fmt: skip
    writes(talk)
    until(talk, "06 09:02")

    assert told(until(talk, "06 09:05")) == [("zhang", "王女士等了5分钟")]


def test_the_alert_holds_back_no_list(talk):
    writes(talk)
    until(talk, "06 09:05")
    followups.plan(talk.db, followup_id="x", customer="li", advisor="zhang", kind="own",
                   due=talk.now, reason="问问", now=talk.now)  # fmt: skip

    did = talk.wait(minutes=1)

    assert "该联系李先生了" in [a.title for a in did if isinstance(a, Card)]


@pytest.mark.parametrize("answer", ["已回", "已联系 王女士", "已回复"])
def test_a_word_of_the_advisor_ends_it(talk, answer):
    writes(talk)
    talk.did = until(talk, "06 09:05")

    talk.says("zhang", answer)

    assert "王女士 已联系" in talk.texts()
    assert until(talk, "06 18:00") == []


def test_the_button_ends_it(talk):
    writes(talk)
    talk.did = until(talk, "06 09:05")

    talk.taps("zhang", "已回")

    assert until(talk, "06 18:00") == []


def test_an_answer_that_is_seen_ends_it(talk):
    writes(talk)
    talk.now += timedelta(minutes=3)
    writes(talk, "您好，冬天七折左右", "zhang", "wang")

    assert until(talk, "06 18:00") == []


def test_an_answer_to_the_message_before_does_not(talk):
    writes(talk)
    talk.now += timedelta(minutes=2)
    writes(talk, "在的", "zhang", "wang", ago=4)  # fetched later than it was said

    assert told(until(talk, "06 09:05")) == [("zhang", "王女士等了5分钟")]


def test_taking_a_script_is_no_answer_yet(talk):
    writes(talk)
    talk.says("zhang", "采用 1")

    assert told(until(talk, "06 09:05")) == [("zhang", "王女士等了5分钟")]


def test_three_messages_are_one_wait_from_the_first(talk):
    writes(talk)
    talk.now += timedelta(minutes=1)
    writes(talk, "在吗")

    assert told(until(talk, "06 09:05")) == [("zhang", "王女士等了5分钟")]
    assert until(talk, "06 09:14") == []


@pytest.mark.parametrize("words", ["好的", "谢谢", "收到", "嗯嗯", "好的！"])
def test_who_only_says_thanks_waits_for_nothing(talk, words):
    writes(talk, words)

    assert until(talk, "06 10:00") == []


def test_a_picture_waits_as_well(talk):
    writes(talk, "", kind="image")

    (card,) = until(talk, "06 09:05")

    assert "客户发来图片或语音" in card.text


@pytest.mark.parametrize("more", [{"chat": "room", "to": ""}, {"to": "stranger"}])
def test_in_a_group_or_with_somebody_else_nobody_is_known_to_wait(talk, more):
    writes(talk, **more)

    assert until(talk, "06 10:00") == []


@pytest.mark.parametrize(
    ("said", "first"),
    [("06 18:28", "07 08:33"), ("06 22:00", "07 08:35"), ("07 02:00", "07 08:35")],
)
def test_outside_opening_hours_the_clock_stands_still(talk, said, first):
    until(talk, said)
    writes(talk)

    before = datetime.fromisoformat(f"2026-03-{first.replace(' ', 'T')}") - timedelta(minutes=1)
    assert until(talk, f"{before:%d %H:%M}") == []
    assert len(until(talk, first)) == 1


def test_on_a_day_of_rest_only_the_managers_hear_of_it(talk):
    until(talk, "10 10:00")  # a Tuesday
    writes(talk)

    assert {a.to for a in until(talk, "10 12:00")} == {"chen", "zhou"}


def test_steps_that_were_missed_are_not_made_up(talk):
    writes(talk)
    talk.now += timedelta(minutes=20)  # the program was off

    assert [who for who, _ in told(until(talk, "06 09:22"))] == ["zhang"]


def test_whom_nobody_answered_stands_on_the_list_of_the_next_morning(talk):
    writes(talk)
    until(talk, "07 08:44")

    did = talk.wait(minutes=1)

    assert "客户说“S6冬天续航怎么样”，还没有人回复" in str(did)
    assert [a for a in did if _about(a)] == []  # on the list, and alone no more


def test_it_stands_first_in_what_is_to_do(talk):
    followups.plan(talk.db, followup_id="x", customer="li", advisor="zhang", kind="own",
                   due=talk.now - timedelta(hours=1), reason="问问", now=talk.now)  # fmt: skip
    writes(talk)
    until(talk, "06 09:05")

    talk.says("zhang", "待办")

    assert "\n1. 王女士" in talk.texts()


def test_who_opted_out_waits_no_longer(talk):
    writes(talk)
    customers.change(talk.db, "wang", opted_out_at=talk.now)

    assert until(talk, "06 10:00") == []


def test_why_names_the_rule(talk):
    writes(talk)
    talk.did = until(talk, "06 09:05")

    talk.taps("zhang", "为什么")

    assert "规则 waiting（客户在等回复）" in talk.texts()


def test_switched_off_by_an_empty_list(talk):
    talk.settings = talk.settings.model_copy(update={"followups": Followups(waiting_minutes=())})
    writes(talk)

    assert until(talk, "06 12:00") == []


# 微信客服


def visitor(talk, text, origin=3):
    fields = {"origin": origin, "open_kfid": "kf1", "text": {"content": text}}
    talk.count += 1
    return talk.tell(Inbound(f"k{talk.count}", "kf", "text", "wmV1", talk.now, text, to="kf1",
                             fields=fields))  # fmt: skip


def test_a_visitor_who_was_handed_over_waits_until_a_person_writes(talk):
    visitor(talk, "人工")
    owner = talk.customer("wmV1").owner
    assert [a.to for a in until(talk, "06 09:05")] == [owner]

    visitor(talk, "您好，请讲", origin=5)

    assert until(talk, "06 12:00") == []
