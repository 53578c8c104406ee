"""签到: once a business day, streaks over every kind of boundary, points and badges."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from conftest import Talk
from hypothesis import given
from hypothesis import strategies as st
from store_kit import memory

from bot.sandbox.demo import SETTINGS, START
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

    assert talk.asks("zhang", "我的积分").splitlines() == [
        "张伟：1分，连续签到1天。", "等级新人，成长值1，再得49升活跃。"
    ]  # fmt: skip


# A sentence, make-up cards, badges, the calendar


def test_a_sentence_brings_a_point_more_and_its_number_is_masked(talk):
    said = talk.asks("zhang", "今天想说 上午来了三位客户，电话13800138000")

    assert "+2分" in said
    words = talk.db.rows("select words from checkins")[0]["words"]
    assert "13800138000" not in words


def test_a_sentence_must_be_one(talk):
    assert "至少写8个字" in talk.asks("zhang", "今天想说 好累")
    assert points.balance(talk.db, "team", "zhang") == 0


def test_who_checked_in_without_a_word_may_add_it_once(talk):
    talk.asks("zhang", "签到")

    assert "+1分" in talk.asks("zhang", "今天想说 今天的试驾很顺利")
    assert "明天再来" in talk.asks("zhang", "今天想说 再说一句多一分吗")
    assert points.balance(talk.db, "team", "zhang") == 2


def test_a_make_up_card_joins_the_streak_again_without_points(talk):
    for step in (1, 2):
        talk.asks("zhang", "签到")
        talk.now += timedelta(days=step)
    talk.asks("zhang", "签到")

    said = talk.asks("zhang", "补签 昨天")

    assert "补签了3月8日，现在连续4天，本月补签卡还剩0张" in said
    assert "获得3天徽章" in said
    assert points.balance(talk.db, "team", "zhang") == 3


def test_one_card_a_month(talk):
    talk.asks("zhang", "补签 昨天")
    assert "已经用完了" in talk.asks("zhang", "补签 前天")
    clocked(talk, "2026-04-01T09:00")

    assert "现在连续1天" in talk.asks("zhang", "补签 昨天")


NAMED = [
    ("补签 3月4日", "3月4日"), ("补签 4号", "3月4日"), ("补签", "3月5日"), ("补签 前天", "3月4日"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "day"), NAMED)
def test_the_day_may_be_named_in_many_ways(talk, words, day):
    assert f"补签了{day}" in talk.asks("zhang", words)


@pytest.mark.parametrize(
    "words",
    ["补签 今天", "补签 明天", "补签 3月6日", "补签 2月1日", "补签 2月31日", "补签 哪天都行"],
)
def test_other_days_cannot_be_made_up(talk, words):
    assert "可以补2月27日到昨天的" in talk.asks("zhang", words)


def test_a_day_that_was_checked_in_needs_no_card(talk):
    talk.asks("zhang", "签到")
    talk.now += timedelta(days=1)

    assert "不用补" in talk.asks("zhang", "补签 昨天")


def test_a_card_may_cost_points_that_must_be_there(talk):
    talk.settings = SETTINGS.model_copy(update={"checkins": Checkins(makeup_cost=5)})

    assert "积分不够" in talk.asks("zhang", "补签 昨天")
    assert "连续签到0天" in talk.asks("zhang", "我的积分")


def test_the_calendar_shows_the_month(talk):
    clocked(talk, "2024-02-28T09:00")
    talk.asks("zhang", "签到")
    clocked(talk, "2024-03-01T09:00")
    talk.asks("zhang", "补签 昨天")
    clocked(talk, "2024-02-29T23:00")

    assert talk.asks("zhang", "签到日历").splitlines()[-2] == "26日起 ○ ○ ● ◐ 　 　 　"


def test_badges_are_kept_after_a_break(talk):
    for _ in range(3):
        talk.asks("zhang", "签到")
        talk.now += timedelta(days=1)
    talk.now += timedelta(days=20)

    assert talk.asks("zhang", "徽章") == "张伟 的徽章：🏅3天"


# Every clock and every zone

ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe",
         "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns")  # fmt: skip
FIRST, LAST = datetime.fromisoformat("2023-12-25"), datetime.fromisoformat("2024-12-31")
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


@pytest.fixture(scope="module")
def world(knowledge):
    """A talk that every example begins with an empty table."""
    store = memory()
    yield Talk(store, knowledge, SETTINGS, START)
    store.close()


@given(
    st.lists(MOMENTS, min_size=1, max_size=12), st.sampled_from(ZONES),
    st.sampled_from([time(0, 0), time(4, 0), time(2, 30)]),
)  # fmt: skip
def test_whatever_the_zone_a_day_counts_once_and_the_streak_is_that_of_the_days(
    world, moments, zone, starts
):
    world.db.run("delete from checkins")
    world.db.run("delete from points")
    world.settings = SETTINGS.model_copy(
        update={"timezone": zone, "checkins": Checkins(day_starts=starts)}
    )
    seen = set()
    for moment in sorted(moments):
        world.now = moment
        local = moment.astimezone(ZoneInfo(zone))
        day = local.date() if local.time() >= starts else local.date() - timedelta(days=1)
        fresh = day not in seen
        seen.add(day)

        said = world.asks("zhang", "签到")

        assert ("签到成功" in said) == fresh
        length = streak(sorted(seen, reverse=True), day)
        assert f"连续{length}天" in said
    assert points.balance(world.db, "team", "zhang") == len(seen)


@given(st.dates(date(2023, 1, 1), date(2028, 12, 31)))
def test_the_calendar_of_any_month_has_each_day_once(world, day):
    world.settings = SETTINGS
    world.now = datetime.combine(day, time(12), ZoneInfo(SETTINGS.timezone))

    rows = world.asks("zhang", "签到日历").splitlines()[2:-1]

    cells = "".join(row.split("起")[1] for row in rows)
    days_ = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    assert sum(cells.count(mark) for mark in "●◐○・") == days_.day
