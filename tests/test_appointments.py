"""Appointments: confirmed the day before, briefed an hour before, asked about, and why not."""

from datetime import datetime, timedelta

import pytest

from handlers.values import Card, Send
from storage import appointments, events
from storage import customers as people
from storage.customers import Customer

# Friday 2026-03-06 09:00; zhang works 08:30-18:30 and rests on Tuesdays


def at(words):
    return datetime.fromisoformat(f"2026-03-{words.replace(' ', 'T')}:00+08:00")


def until(talk, words):
    """Let time pass until then; what zhang was sent meanwhile."""
    did = talk.wait(seconds=(at(words) - talk.now).total_seconds())
    talk.did = [a for a in did if getattr(a, "to", "") == "zhang"]
    return talk.did


def cards(did):
    return [a.title for a in did if isinstance(a, Card)]


def state(talk, customer="wang"):
    found = appointments.of(talk.db, customer)
    return [(one.kind, one.state, one.reason) for one in found]


def happened(talk):
    return [e.kind for e in events.of(talk.db, "wang") if e.kind not in ("意向", "级别")]


def book(talk, words="周日下午3点试驾"):
    talk.says("zhang", f"记录 王女士 {words}")


# The clock


def test_the_day_before_the_advisor_gets_words_to_confirm_with_and_three_buttons(talk):
    book(talk)

    did = until(talk, "07 17:00")

    assert cards(did) == ["和王女士确认预约"]
    card = did[-1]
    assert [b.text for b in card.buttons] == ["已确认", "改期", "取消"]
    assert "周日(3月8日)下午3点试驾" in card.text
    assert isinstance(did[-2], Send)  # what to say
    assert "王女士" in did[-2].text or "您好" in did[-2].text


def test_confirming_is_kept_and_nothing_is_asked_twice(talk):
    book(talk)
    until(talk, "07 17:00")

    talk.taps("zhang", "已确认")

    assert state(talk) == [("试驾", "已确认", "")]
    assert events.last(talk.db, "wang", "确认预约")
    assert cards(until(talk, "08 13:59")) == []


def test_an_hour_before_one_screen_says_who_why_and_what(talk):
    talk.says("zhang", "客户王女士说：S6家里没车位怎么充电，有点担心，预算20万以内")
    book(talk)

    (brief,) = [a for a in until(talk, "08 14:00") if isinstance(a, Send) and "📋" in a.text]

    for words in ("王女士 今天下午3点试驾", "是谁：", "没解决：充电", "可以说：", "20万以内",
                  "最近说：", "要准备：", "充电桩"):  # fmt: skip
        assert words in brief.text
    assert len(brief.text.splitlines()) <= 14


def test_half_an_hour_later_it_is_asked_and_a_digit_answers(talk):
    book(talk)
    did = until(talk, "08 15:30")
    assert cards(did)[-1] == "王女士到了吗？"

    talk.says("zhang", "2")

    assert state(talk) == [("试驾", "已到", "")]
    assert talk.customer("wang").stage == "试驾"


@pytest.mark.parametrize(
    ("words", "kind", "becomes"),
    [
        ("到了", "到店", "已到"),
        ("试驾了", "试驾", "已到"),
        ("王女士到了", "到店", "已到"),
        ("王女士试驾了，报价23.8万", "报价", "已到"),
        ("到了，试驾了，报价23.8万", "报价", "已到"),
        ("没来，堵车", "未到店", "未到"),
        ("王女士没来，堵车", "未到店", "未到"),
        ("不来了", "取消预约", "取消"),
    ],
)
def test_the_outcome_is_said_in_plain_words(talk, words, kind, becomes):
    book(talk)
    until(talk, "08 15:30")

    talk.says("zhang", words)

    assert state(talk)[0][1] == becomes
    assert events.last(talk.db, "wang", kind)


def test_a_reason_that_was_told_is_not_asked_for(talk):
    book(talk)
    until(talk, "08 15:30")

    talk.says("zhang", "王女士没来，堵车")

    assert state(talk) == [("试驾", "未到", "天气/堵车")]
    assert not any("原因" in a.text for a in until(talk, "09 12:00") if isinstance(a, Send))


def test_what_nobody_answered_is_asked_in_the_evening_with_twelve_reasons(talk):
    book(talk)
    until(talk, "08 15:31")

    did = until(talk, "08 17:30")

    (asked,) = [a.text for a in did if isinstance(a, Send) and "原因" in a.text]
    assert "12 其他" in asked
    talk.says("zhang", "4")
    assert state(talk) == [("试驾", "未到", "家人不同意")]
    assert events.last(talk.db, "wang", "未到店").evidence == "家人不同意"


def test_a_miss_without_a_reason_is_asked_about_once_more_that_evening(talk):
    book(talk, "周日上午10点到店")
    until(talk, "08 10:31")
    talk.says("zhang", "王女士没来")

    did = until(talk, "08 17:30")

    (asked,) = [a.text for a in did if isinstance(a, Send) and "没有来" in a.text]
    assert "什么原因" in asked
    talk.says("zhang", "忘记了")
    assert state(talk) == [("到店", "未到", "忘记了")]


def test_another_time_takes_the_place_of_the_old_one(talk):
    book(talk)
    until(talk, "07 17:00")
    talk.taps("zhang", "改期")
    assert "什么时候" in talk.texts()

    talk.says("zhang", "下周三下午2点")

    assert [s for _, s, _ in state(talk)] == ["已约", "改期"]
    assert appointments.ahead(talk.db, "wang", talk.now).at == at("11 14:00")
    assert not any("到了吗" in c for c in cards(until(talk, "09 12:00")))


@pytest.mark.parametrize("words", ["王女士改到周日上午", "记录 王女士 改到周日上午"])
def test_a_time_is_moved_in_one_sentence(talk, words):
    book(talk, "周六下午3点试驾")

    talk.says("zhang", words)

    found = appointments.ahead(talk.db, "wang", talk.now)
    assert (found.kind, found.at) == ("试驾", at("08 10:00"))


@pytest.mark.parametrize(
    "words", ["王女士到了", "王女士没来", "王女士改到周一上午10点", "王女士取消了", "王女士确认了"]
)
def test_each_outcome_can_be_taken_back(talk, words):
    book(talk)
    talk.now = at("08 15:40")
    before = appointments.of(talk.db, "wang")
    logged = happened(talk)

    talk.says("zhang", words)
    assert appointments.of(talk.db, "wang") != before
    talk.says("zhang", "撤销")

    assert appointments.of(talk.db, "wang") == before
    assert happened(talk) == logged


# Bad moments


def test_nobody_is_asked_about_who_opted_out(talk):
    book(talk)
    talk.says("zhang", "记录 王女士 退订")

    later = until(talk, "09 12:00")
    assert [a for a in later if "这份小结" not in str(a)] == []


def test_late_in_the_evening_nothing_is_asked_until_the_morning(talk):
    book(talk, "周日晚上7点到店")

    did = until(talk, "09 08:29")
    assert "王女士到了吗？" not in cards(did)

    assert "王女士到了吗？" in cards(until(talk, "09 08:31"))


def test_what_was_agreed_the_evening_before_needs_no_confirmation(talk):
    talk.now = at("06 18:00")
    book(talk, "明天下午3点试驾")

    assert "和王女士确认预约" not in cards(until(talk, "07 16:00"))


def test_two_confirmations_of_one_minute_come_as_one_list(talk):
    book(talk)
    talk.says("zhang", "记录 李先生 周日上午10点到店")

    did = [a for a in until(talk, "07 17:00") if "确认" in getattr(a, "text", "")]

    assert len(did) == 1
    assert "1. 上午10点 李先生｜到店" in did[0].text
    talk.says("zhang", "2")
    assert cards(talk.did) == ["和王女士确认预约"]


# Lists


def test_the_day_s_appointments_are_listed_for_the_advisor_and_the_manager(talk):
    book(talk, "明天下午3点试驾")
    people.add(talk.db, Customer(id="x", name="赵先生", store="bj-cy", owner="lina",
                                 added_at=talk.now))  # fmt: skip
    talk.says("lina", "记录 赵先生 明天上午10点到店")

    talk.says("zhang", "明天的预约")
    assert "明天有1个预约" in talk.texts()
    assert "赵先生" not in talk.texts()
    talk.says("chen", "明天的预约")
    assert "明天有2个预约" in talk.texts("chen")
    talk.says("chen", "1")
    assert "📋 赵先生" in talk.texts("chen")
    talk.says("zhang", "今天的预约")
    assert "今天没有预约" in talk.texts()


def test_the_morning_list_names_today_s_appointments(talk):
    book(talk, "明天下午3点试驾")

    texts = [a.text for a in until(talk, "07 08:45") if isinstance(a, Send)]

    assert any("下午3点 王女士" in text for text in texts)


def test_an_appointment_that_was_restarted_over_is_not_asked_twice(talk):
    book(talk)
    until(talk, "08 15:30")
    found = appointments.of(talk.db, "wang")[0]

    assert found.step == "reason"
    assert appointments.step(talk.db, found, "x", talk.now)
    assert not appointments.step(talk.db, found, "x", talk.now + timedelta(minutes=1))


def test_whoever_asks_for_somebodys_appointment_gets_its_brief(talk):
    book(talk)

    assert "王女士 周日(3月8日)下午3点试驾（已约）" in str(talk.says("zhang", "王女士的预约"))
    talk.says("zhang", "王女士说不来了")
    assert "没有约好的时间" in str(talk.says("zhang", "王女士的预约"))


def test_who_is_to_be_called_today_is_the_list_of_what_is_due(talk):
    book(talk)

    for words in ("今天谁要联系", "今天该联系谁？", "今天要做什么"):
        assert str(talk.says("zhang", words)) == str(talk.says("zhang", "待办"))
    assert "没看懂" in str(talk.says("zhang", "联系"))
