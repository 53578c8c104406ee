"""签到: once a business day, streaks over every kind of boundary, points and badges."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.demo import SETTINGS
from handlers.checkins import business_day
from handlers.settings import Checkins
from storage import points
from storage.checkins import streak


def days(*words):
    return [date.fromisoformat(word) for word in words]


STREAKS = [
    ([], "2026-03-06", 0),
    (["2026-03-06"], "2026-03-06", 1),
    (["2026-03-05"], "2026-03-06", 1),  # today is still open
    (["2026-03-04"], "2026-03-06", 0),
    (["2026-03-01", "2026-02-28", "2026-02-27"], "2026-03-01", 3),  # over the end of a month
    (["2024-03-01", "2024-02-29", "2024-02-28"], "2024-03-01", 3),  # and of a leap February
    (["2024-03-01", "2024-02-28"], "2024-03-01", 1),
    (["2026-01-01", "2025-12-31", "2025-12-30"], "2026-01-01", 3),  # and of a year
    (["2026-03-06", "2026-03-05", "2026-03-03"], "2026-03-06", 2),
]


@pytest.mark.parametrize(("found", "today", "length"), STREAKS)
def test_a_streak_is_the_days_in_a_row_up_to_today(found, today, length):
    assert streak(days(*found), date.fromisoformat(today)) == length


WINTER = st.dates(date(2023, 12, 20), date(2024, 3, 5))


@given(st.sets(WINTER), WINTER)
def test_a_streak_is_what_counting_on_fingers_gives(found, today):
    past = {day for day in found if day <= today}
    day = today if today in past else today - timedelta(days=1)
    length = 0
    while day in past:
        length, day = length + 1, day - timedelta(days=1)

    assert streak(sorted(past, reverse=True), today) == length


def clocked(talk, words):
    talk.now = datetime.fromisoformat(words).replace(tzinfo=talk.ctx().zone)


def night_owls(talk):
    talk.settings = SETTINGS.model_copy(update={"checkins": Checkins(day_starts=time(4, 0))})


BOUNDARIES = [
    ("2026-03-07T03:59", "2026-03-06"), ("2026-03-07T04:00", "2026-03-07"),
    ("2026-01-01T00:30", "2025-12-31"), ("2026-03-07T23:59", "2026-03-07"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "day"), BOUNDARIES)
def test_a_business_day_may_begin_at_four(talk, now, day):
    night_owls(talk)
    clocked(talk, now)

    assert business_day(talk.ctx()) == date.fromisoformat(day)


def test_by_default_it_begins_at_midnight_of_the_business_zone(talk):
    clocked(talk, "2026-03-07T00:00")

    assert business_day(talk.ctx()) == date(2026, 3, 7)


def test_a_check_in_is_praised_with_its_order_streak_and_points(talk):
    first = talk.asks("zhang", "签到")
    second = talk.asks("lina", "打卡")

    assert "张伟 签到成功，今天第1位，连续1天，+1分，共1分" in first
    assert "李娜 签到成功，今天第2位" in second
    assert "再签2天可得3天徽章" in first


def test_twice_a_day_counts_once(talk):
    talk.asks("zhang", "签到")
    talk.now += timedelta(hours=5)

    again = talk.asks("zhang", "签到")

    assert "已经签过到" in again
    assert points.balance(talk.db, "team", "zhang") == 1


def test_the_third_day_in_a_row_brings_a_badge(talk):
    answers = []
    for _ in range(3):
        answers.append(talk.asks("zhang", "签到"))
        talk.now += timedelta(days=1)

    assert "获得3天徽章" in answers[2]
    assert "连续3天" in answers[2]


def test_after_a_break_the_last_streak_is_told(talk):
    for step in (1, 1, 3):
        talk.asks("zhang", "签到")
        talk.now += timedelta(days=step)

    answer = talk.asks("zhang", "签到")

    assert "连续1天" in answer
    assert "上次连续3天，断在3月8日之后" in answer


def test_late_at_night_counts_for_the_evening_before(talk):
    night_owls(talk)
    clocked(talk, "2026-03-06T22:00")
    talk.asks("zhang", "签到")
    clocked(talk, "2026-03-07T03:00")
    assert "已经签过到" in talk.asks("zhang", "签到")
    clocked(talk, "2026-03-07T04:00")

    assert "连续2天" in talk.asks("zhang", "签到")


def test_groups_do_not_mix(talk):
    talk.asks("zhang", "签到", chat="team")

    assert "第1位，连续1天" in talk.asks("zhang", "签到", chat="other")


def test_the_board_ranks_and_names_people(talk):
    assert "还没有人得分" in talk.asks("chen", "排行榜")
    talk.asks("zhang", "签到")
    talk.now += timedelta(days=1)
    talk.asks("zhang", "签到")
    talk.asks("lina", "签到")

    assert talk.asks("chen", "排行榜").splitlines() == [
        "排行榜", "🥇 张伟 2分", "🥈 李娜 1分"
    ]  # fmt: skip


def test_my_points(talk):
    talk.asks("zhang", "签到")

    assert talk.asks("zhang", "我的积分") == "张伟：1分，连续签到1天。"
