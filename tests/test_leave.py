"""Leave, rest, shifts and holidays: who is reminded of what, and when."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot import doctor
from bot.config import Config
from handlers import names, shifts
from handlers.settings import Advisor, Followups, Settings
from handlers.values import Card, Send
from nlp import calendar
from storage import followups, leaves

# Friday 2026-03-06 09:00; zhang rests on Tuesdays, lina on Wednesdays


@pytest.fixture
def talk(talk):
    """Zhang has a deputy."""
    return staffed(talk, deputy="lina")


def staffed(talk, **changes):
    first, *others = talk.settings.advisors
    advisors = (first.model_copy(update=changes), *others)
    talk.settings = talk.settings.model_copy(update={"advisors": advisors})
    return talk


def until(talk, words):
    to = datetime.fromisoformat(f"2026-03-{words.replace(' ', 'T')}").replace(
        tzinfo=talk.ctx().zone
    )
    return talk.wait(seconds=(to - talk.now).total_seconds())


def owe(talk, key="wang", at="07 10:00", kind="own"):
    due = datetime.fromisoformat(f"2026-03-{at.replace(' ', 'T')}").replace(tzinfo=talk.ctx().zone)
    followups.plan(talk.db, followup_id=f"{key}-{kind}", customer=key, advisor="zhang", kind=kind,
                   due=due, reason="发配置表", now=talk.now)  # fmt: skip


def to(did, who):
    return "\n".join(a.title if isinstance(a, Card) else a.text for a in did
                     if a.to == who and isinstance(a, Card | Send))  # fmt: skip


# Words


SPOKEN = [
    ("请假", (6, 6)), ("今天请假", (6, 6)), ("明天请假", (7, 7)), ("请假到周一", (6, 9)),
    ("请假3天", (6, 8)), ("请假三天", (6, 8)), ("明天请假3天", (7, 9)), ("我要请假两天", (6, 7)),
    ("后天请假", (8, 8)), ("下周一请假", (9, 9)), ("明天请假到下周二", (7, 10)),
    ("请假到3月20号", (6, 20)), ("下周一到周三请假", (9, 11)),
]  # fmt: skip


@pytest.mark.parametrize(("words", "span"), SPOKEN)
def test_the_days_are_read_from_the_words(talk, words, span):
    talk.says("zhang", words)

    (found,) = leaves.ahead(talk.db, "zhang", date(2026, 3, 6))
    assert (found.first_day.day, found.last_day.day) == span


@pytest.mark.parametrize("words", ["请假半天", "请假到昨天", "请假到去年", "请假0天", "请假999天"])
def test_what_names_no_days_is_asked_about(talk, words):
    talk.says("zhang", words)

    assert "没看懂请到哪天" in talk.texts()
    assert leaves.ahead(talk.db, "zhang", date(2026, 3, 6)) == []


def test_a_customer_s_words_are_none(talk):
    talk.says("zhang", "客户王女士问：我周末请假过来试驾行吗")

    assert leaves.ahead(talk.db, "zhang", date(2026, 3, 6)) == []


def test_what_is_said_last_counts(talk):
    talk.says("zhang", "请假3天")
    talk.says("zhang", "请假到周一")

    (found,) = leaves.ahead(talk.db, "zhang", date(2026, 3, 6))
    assert found.last_day.day == 9


def test_a_manager_notes_it_for_an_advisor(talk):
    talk.says("chen", "张伟请假3天")

    (found,) = leaves.ahead(talk.db, "zhang", date(2026, 3, 6))
    assert found.last_day.day == 8
    assert "好，张伟3月6日" in talk.texts("chen")


# The deputy


def test_the_deputy_gets_the_list_and_the_reminders_and_the_advisor_nothing(talk):
    talk.says("zhang", "明天请假2天")
    assert "由你代班" in talk.texts("lina")
    owe(talk, "wang", "07 08:45")
    owe(talk, "li", "07 14:00")

    did = until(talk, "08 20:00")

    assert to(did, "zhang") == ""
    assert "1. 王女士｜低意向·N级（代张伟）" in to(did, "lina")
    assert "该联系李先生了（代张伟）" in to(did, "lina")


def test_it_ends_by_itself(talk):
    talk.says("zhang", "明天请假")
    owe(talk, "wang", "07 10:00")
    until(talk, "07 20:00")

    did = until(talk, "08 09:00")

    assert "王女士" in to(did, "zhang")
    assert "代张伟" not in to(did, "lina")


def test_back_early_is_back_at_once(talk):
    talk.says("zhang", "请假到周一")
    until(talk, "07 08:00")
    talk.says("zhang", "销假")
    assert "不用你代班了" in talk.texts("lina")
    owe(talk, "wang", "07 08:45")

    assert "王女士" in to(until(talk, "07 09:00"), "zhang")


def test_the_deputy_sees_only_those_to_whom_something_is_owed(talk):
    owe(talk, "wang", "07 08:45")
    talk.says("zhang", "明天请假")
    before = {c.id for c in names.visible("lina", talk.ctx())}

    until(talk, "07 09:00")

    assert {c.id for c in names.visible("lina", talk.ctx())} - before == {"wang"}
    talk.says("lina", "已联系 王女士")
    assert "王女士 已联系" in talk.texts("lina")
    until(talk, "08 09:00")
    assert {c.id for c in names.visible("lina", talk.ctx())} == before


def test_the_deputy_s_to_do_has_theirs_too(talk):
    talk.says("zhang", "请假")
    owe(talk, "wang", "06 09:00")

    talk.says("lina", "待办")

    assert "王女士｜低意向·N级（代张伟）" in talk.texts("lina")


def test_without_a_deputy_the_managers_choose_and_nothing_is_lost_meanwhile(talk):
    staffed(talk, deputy="")
    owe(talk, "wang", "06 09:30")
    did = talk.says("zhang", "请假到周一")
    assert {a.to for a in did if isinstance(a, Card)} == {"chen", "zhou"}
    assert to(until(talk, "06 11:00"), "zhang") == ""

    talk.did = [a for a in did if a.to == "chen"]
    talk.taps("chen", "李娜")

    assert "由你代班" in talk.texts("lina")
    assert "王女士" in to(until(talk, "06 11:02"), "lina")


def test_they_are_asked_again_each_morning(talk):
    staffed(talk, deputy="")
    talk.says("zhang", "请假到周一")

    did = until(talk, "07 08:50")

    assert "张伟请假，谁来代班？" in to(did, "chen")


def test_a_deputy_who_is_away_is_none(talk):
    talk.says("lina", "请假到周一")

    talk.says("zhang", "明天请假")

    assert "还没有代班的人" in talk.texts("zhang")


def test_whoever_waits_is_told_to_the_deputy(talk):
    from test_waiting import writes

    talk.says("zhang", "请假")
    writes(talk)

    assert "王女士等了5分钟（代张伟）" in to(until(talk, "06 09:06"), "lina")


# Shifts and holidays


def test_a_shift_of_one_s_own(talk):
    staffed(talk, shift_from=time(10), shift_to=time(20))
    owe(talk, "wang", "07 08:45")
    owe(talk, "li", "07 19:30")

    assert to(until(talk, "07 09:59"), "zhang") == ""
    assert "王女士" in to(until(talk, "07 10:00"), "zhang")
    assert "李先生" in to(until(talk, "07 19:30"), "zhang")


DAYS = [
    ("work", date(2026, 10, 1), True), ("rest", date(2026, 10, 1), False),
    ("rest", date(2026, 10, 8), True), ("rest", date(2026, 10, 10), True),  # a Saturday in lieu
    ("work", date(2026, 10, 10), False), ("rest", date(2026, 10, 17), False),
    ("rest", date(2031, 10, 1), True),  # a year that nobody has published yet
]  # fmt: skip


@pytest.mark.parametrize(("holidays", "day", "works"), DAYS)
def test_holidays_and_the_days_that_make_up_for_them(talk, holidays, day, works):
    talk.settings = talk.settings.model_copy(update={"followups": Followups(holidays=holidays)})
    office = Advisor(userid="zhang", name="张伟", store="bj-cy", rest=("周六", "周日"))

    assert shifts.works(office, day, talk.ctx()) is works


def test_what_is_known_of_the_calendar():
    assert calendar.published(2026)
    assert not calendar.published(2031)


CALENDARS = [("work", 2031, "ok"), ("rest", 2031, "warn"), ("rest", 2026, "ok")]


@pytest.mark.parametrize(("holidays", "year", "state"), CALENDARS)
def test_a_year_that_is_not_published_is_told_by_the_doctor(holidays, year, state):
    config = Config(settings=Settings(followups=Followups(holidays=holidays)))

    assert doctor.holidays(config, datetime(year, 6, 1, tzinfo=UTC)).state == state


@pytest.mark.parametrize(("day", "public"), [(1, True), (8, None), (10, False), (11, None)])
def test_public_holidays(day, public):
    assert calendar.public(date(2026, 10, day)) is public


@pytest.mark.parametrize(
    ("since", "minutes", "then"),
    [("06 09:00", 30, "06 09:30"), ("06 18:20", 30, "07 08:50"), ("06 03:00", 5, "06 08:35"),
     ("06 18:30", 5, "07 08:35"), ("06 09:00", 601, "07 08:61")],
)  # fmt: skip
def test_opening_time_is_counted_across_the_night(talk, since, minutes, then):
    zone = talk.ctx().zone
    at = datetime.fromisoformat(f"2026-03-{since.replace(' ', 'T')}").replace(tzinfo=zone)
    day, clock = then.split()
    hour, minute = (int(part) for part in clock.split(":"))
    expected = datetime(2026, 3, int(day), hour, tzinfo=zone) + timedelta(minutes=minute)

    assert shifts.after(talk.settings.advisors[0], at, minutes, talk.ctx()) == expected
