"""Whom to contact, when: the morning list, batches, shifts, snoozing, no bad moments."""

from datetime import datetime, timedelta

import pytest

from bot.sandbox.demo import SETTINGS
from handlers import followups as reminders
from handlers.settings import Followups
from handlers.values import Card, Send
from storage import customers, followups
from storage.customers import Customer

# Friday 2026-03-06 09:00; zhang rests on Tuesdays


def at(talk, words):
    """A time of that week in the business zone: 06 17:00."""
    return datetime.fromisoformat(f"2026-03-{words.replace(' ', 'T')}").replace(
        tzinfo=talk.ctx().zone
    )


def owe(talk, customer="wang", due=None, kind="cadence", advisor="zhang", reason="问问近况"):
    followups.plan(talk.db, followup_id=f"{customer}-{kind}", customer=customer, advisor=advisor,
                   kind=kind, due=due or talk.now, reason=reason, now=talk.now)  # fmt: skip


def people(talk, count, **more):
    """So many more customers of zhang, each with a contact owed now."""
    for n in range(count):
        key = f"c{n:02d}"
        customers.add(talk.db, Customer(id=key, name=f"客户{n:02d}", store="bj-cy", owner="zhang",
                                        added_at=talk.now, **more))  # fmt: skip
        owe(talk, key)


def until(talk, words):
    """Let time pass until then; what was sent to zhang meanwhile."""
    step = at(talk, words) - talk.now
    return [a for a in talk.wait(seconds=step.total_seconds()) if a.to == "zhang"]


def texts(did):
    return [a.text for a in did if isinstance(a, Send)]


# The morning list


def test_the_list_says_who_why_now_and_what_to_say(talk):
    talk.says("zhang", "客户王女士说：家里没车位怎么充电，有点担心")
    owe(talk, due=at(talk, "07 08:45"))

    did = until(talk, "07 08:45")

    (text,) = texts(did)
    assert text.startswith("张伟，早上好。今天（3月7日 周六）先联系这1位：\n1. 王女士｜")
    assert "为什么：" in text
    assert "卡在充电" in text
    assert "说什么：" in text


def test_the_list_is_due_at_the_minute_and_comes_once(talk):
    owe(talk, due=at(talk, "07 08:45"))

    assert until(talk, "07 08:44") == []
    assert len(until(talk, "07 08:45")) == 1
    assert until(talk, "07 18:30") == []


def test_at_most_eight_strongest_level_first_and_the_others_counted(talk):
    people(talk, 12)
    customers.change(talk.db, "c11", level="H", level_at=talk.now)
    customers.change(talk.db, "c10", level="B", level_at=talk.now)
    talk.now = at(talk, "06 20:00")

    (text,) = texts(until(talk, "07 08:45"))

    assert "先联系这8位" in text
    lines = [line for line in text.splitlines() if "｜" in line and line[0].isdigit()]
    assert [line.split("｜")[0] for line in lines[:2]] == ["1. 客户11", "2. 客户10"]
    assert "另有4位排在后面" in text


def test_those_who_dropped_out_are_not_counted_as_waiting(talk):
    people(talk, 8)
    owe(talk, "wang")
    customers.change(talk.db, "wang", opted_out_at=talk.now)
    talk.now = at(talk, "06 20:00")

    (text,) = texts(until(talk, "07 08:45"))

    assert "另有" not in text


def test_what_comes_later_that_day_stands_at_the_end_with_its_time(talk):
    owe(talk, "li", kind="own", due=at(talk, "07 15:00"), reason="你设的提醒")

    (text,) = texts(until(talk, "07 08:45"))

    assert text.splitlines() == [
        "张伟，早上好。今天没有到期的跟进。", "· 15:00 李先生：你设的提醒"
    ]  # fmt: skip


def test_nothing_owed_means_no_message(talk):
    assert until(talk, "07 12:00") == []


def test_a_day_of_rest_has_no_list_and_the_next_has_it(talk):
    owe(talk, due=at(talk, "10 08:45"))  # a Tuesday

    until(talk, "10 00:00")

    assert until(talk, "10 23:59") == []
    assert len(until(talk, "11 08:45")) == 1


def test_a_start_on_a_day_of_rest_sends_no_list(talk):
    talk.now = at(talk, "10 08:00")
    owe(talk, kind="own", due=at(talk, "10 15:00"))

    assert until(talk, "10 18:00") == []
    assert len(until(talk, "11 08:45")) == 1


def test_mornings_that_were_missed_are_caught_up_once(talk):
    until(talk, "06 10:00")
    people(talk, 2)
    talk.now = at(talk, "09 11:00")  # the program was off over the weekend

    did = until(talk, "09 11:05")

    assert [t.startswith("张伟，早上好") for t in texts(did)] == [True]


def test_a_morning_that_was_missed_is_not_caught_up_at_night(talk):
    until(talk, "06 10:00")
    people(talk, 2)
    talk.now = at(talk, "07 22:00")

    assert until(talk, "08 08:44") == []
    assert len(until(talk, "08 08:45")) == 1


# Reminders during the day


def test_one_reminder_is_a_text_to_pass_on_and_a_card_to_answer_with(talk):
    owe(talk, kind="own", due=at(talk, "06 10:00"))

    say, card = until(talk, "06 10:00")

    assert isinstance(say, Send)
    assert isinstance(card, Card)
    assert card.title == "该联系王女士了"
    assert [b.text for b in card.buttons] == ["已联系", "明早", "换话术", "为什么"]


def test_several_are_one_message_of_at_most_five(talk):
    people(talk, 9)

    first = until(talk, "06 09:01")
    second = until(talk, "06 09:31")
    third = until(talk, "06 12:00")

    assert [texts(d)[0].splitlines()[0] for d in (first, second)] == [
        "到点跟进这5位：", "到点跟进这4位："
    ]  # fmt: skip
    assert third == []


def test_two_messages_are_half_an_hour_apart(talk):
    owe(talk, "wang", kind="own", due=at(talk, "06 10:00"))
    owe(talk, "li", kind="own", due=at(talk, "06 10:05"))

    assert len(until(talk, "06 10:00")) == 2
    assert until(talk, "06 10:29") == []
    assert len(until(talk, "06 10:30")) == 2


@pytest.mark.parametrize(("due", "sent"), [("06 19:00", "07 08:45"), ("10 11:00", "11 08:45")])
def test_outside_the_shift_it_waits_for_the_next_morning(talk, due, sent):
    owe(talk, kind="own", due=at(talk, due))

    before = at(talk, sent) - timedelta(minutes=1)
    assert until(talk, f"{before:%d %H:%M}") == []
    assert "王女士" in texts(until(talk, sent))[0]


def test_who_wrote_a_moment_ago_is_left_alone_for_two_hours(talk):
    owe(talk, kind="own", due=at(talk, "06 10:00"))
    customers.change(talk.db, "wang", spoke_at=at(talk, "06 09:30"))

    assert until(talk, "06 11:29") == []
    assert len(until(talk, "06 11:30")) == 2


@pytest.mark.parametrize("gone", ["opted_out_at", "deleted_at"])
def test_who_opted_out_or_left_is_never_reminded_of(talk, gone):
    owe(talk, kind="own", due=at(talk, "06 10:00"))
    customers.change(talk.db, "wang", **{gone: talk.now})

    assert until(talk, "08 12:00") == []
    assert followups.open_of(talk.db, "wang") == []


def test_a_row_that_two_processes_read_reminds_once(talk):
    people(talk, 3)
    due = followups.due(talk.db, talk.now)
    advisor = talk.ctx().team.advisor("zhang")

    first = reminders._claim(due, advisor, 5, talk.ctx())
    second = reminders._claim(due, advisor, 5, talk.ctx())

    assert [len(first), len(second)] == [3, 0]


def test_an_appointment_is_confirmed_the_evening_before_and_never_on_the_day(talk):
    talk.says("zhang", "记录 王女士 周日下午3点试驾")

    assert "王女士" in str(until(talk, "07 17:00"))
    on_the_day = until(talk, "08 16:59")
    assert not any("确认" in text.splitlines()[0] for text in texts(on_the_day))
    assert "王女士" in str(on_the_day)  # whether they came


def test_a_thousand_rows_of_one_at_rest_hide_nobody_else_s(talk):
    talk.now = at(talk, "10 09:00")  # zhang rests
    people(talk, 600)
    customers.change(talk.db, "li", owner="lina")
    owe(talk, "li", kind="own", advisor="lina")

    did = talk.wait(minutes=3)

    assert {a.to for a in did} == {"lina"}


def test_an_advisor_who_left_stops_nobody(talk):
    owe(talk, "wang", advisor="gone")
    owe(talk, "li", kind="own")

    assert {a.to for a in talk.wait(minutes=2)} == {"zhang"}


def test_what_nobody_answers_is_overdue_day_by_day(talk):
    owe(talk, due=at(talk, "07 08:45"))

    until(talk, "07 09:00")
    until(talk, "08 09:00")
    (text,) = texts(until(talk, "09 08:45"))

    assert "已逾期2天" in text


# Cadence


CADENCE = [("O", "high", 7), ("H", "high", 2), ("A", "high", 4), ("B", "mid", 7), ("C", "mid", 15),
           ("N", "mid", 7), ("N", "low", 14), ("B", "low", 14), ("C", "low", 15)]  # fmt: skip


@pytest.mark.parametrize(("level", "tier", "days"), CADENCE)
def test_the_next_contact_is_due_by_level_and_a_low_tier_is_never_hurried(talk, level, tier, days):
    customers.change(talk.db, "wang", level=level, tier=tier)

    reminders.plan_cadence(talk.customer("wang"), talk.ctx())

    due = followups.open_of(talk.db, "wang")[0].due_at.astimezone(talk.ctx().zone)
    assert due == at(talk, "06 08:45") + timedelta(days=days)


# Snoozing and answering


SNOOZED = [
    ("明早", "07 08:45"), ("周六下午3点", "07 15:00"), ("两小时后", "06 11:00"),
    ("明天下午", "07 "), ("改到周日上午10点", "08 10:00"), ("后天", "08 08:45"),
    ("半小时后再提醒我", "06 09:30"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "due"), SNOOZED)
def test_a_reminder_is_put_off_by_words(talk, words, due):
    owe(talk, kind="own")
    talk.now -= timedelta(minutes=1)
    talk.did = talk.wait(minutes=1)

    talk.says("zhang", words)

    found = followups.open_of(talk.db, "wang")[0].due_at.astimezone(talk.ctx().zone)
    assert f"{found:%d %H:%M}".startswith(due)
    assert "再提醒你联系王女士" in talk.texts()


def test_what_was_put_off_to_an_hour_comes_at_that_hour(talk):
    owe(talk, due=talk.now)
    talk.did = talk.wait(minutes=1)
    talk.says("zhang", "周六下午3点")

    assert not any("1. 王女士" in t for t in texts(until(talk, "07 14:59")))
    assert "王女士" in str(until(talk, "07 15:00"))


def test_one_line_of_a_list_is_put_off_by_its_number(talk):
    people(talk, 3)
    talk.did = talk.wait(minutes=1)
    second = talk.did[0].text.splitlines()[4].split("｜")[0].removeprefix("2. ")

    talk.says("zhang", "明早 2")

    assert f"再提醒你联系{second}" in talk.texts()


def test_contacted_by_number_closes_that_line_and_plans_the_next(talk):
    people(talk, 3, level="H", tier="high")
    talk.did = talk.wait(minutes=1)

    talk.says("zhang", "已联系 1")

    assert "客户00 已联系" in talk.texts()
    (left,) = followups.open_of(talk.db, "c00")
    assert left.due_at == at(talk, "08 08:45")
    assert talk.customer("c00").contacted_at == talk.now


def test_contacted_without_a_number_is_the_only_one_or_asked(talk):
    owe(talk, kind="own")
    talk.did = talk.wait(minutes=1)
    talk.says("zhang", "已联系")
    assert "王女士 已联系" in talk.texts()

    talk.now += timedelta(hours=1)
    people(talk, 2)
    talk.did = talk.wait(minutes=1)
    talk.says("zhang", "已联系")
    assert "是哪一位" in talk.texts()


@pytest.mark.parametrize(("button", "said"), [("已联系", "已联系"), ("明早", "明天上午8点45分")])
def test_the_buttons_of_a_reminder_do_what_they_say(talk, button, said):
    owe(talk, kind="own")
    talk.did = talk.wait(minutes=1)

    talk.taps("zhang", button)

    assert said in talk.texts()


def test_an_old_card_still_says_what_it_is_about(talk):
    owe(talk, kind="own")
    talk.did = talk.wait(minutes=1)
    shown = list(talk.did)
    talk.taps("zhang", "已联系")
    talk.did = shown

    talk.taps("zhang", "明早")

    assert "王女士" in talk.texts()


def test_a_time_with_nothing_to_put_off_is_no_command(talk):
    talk.says("zhang", "明早")

    assert "再提醒你" not in talk.texts()


def test_a_time_that_is_over_puts_nothing_off(talk):
    owe(talk, kind="own")
    talk.did = talk.wait(minutes=1)
    due = followups.open_of(talk.db, "wang")[0].due_at

    talk.says("zhang", "今天早上8点")

    assert followups.open_of(talk.db, "wang")[0].due_at == due


def test_to_do_lists_what_is_due_without_counting_as_a_reminder(talk):
    people(talk, 2)
    before = followups.due(talk.db, talk.now)

    talk.says("zhang", "待办")

    assert talk.texts().startswith("待办2位：")
    assert followups.due(talk.db, talk.now) == before


def test_a_number_opens_the_line_with_the_whole_text(talk):
    people(talk, 2)
    talk.says("zhang", "待办")

    did = talk.says("zhang", "1")

    assert [type(a) for a in did] == [Send, Card]


def test_the_rhythm_follows_the_configuration(talk):
    talk.settings = SETTINGS.model_copy(
        update={"followups": Followups(batch_minutes=10, batch_items=2)}
    )
    people(talk, 4)

    assert "这2位" in texts(until(talk, "06 09:01"))[0]
    assert "这2位" in texts(until(talk, "06 09:11"))[0]
