"""A surface that falls silent against its own habit is told of once, in working hours."""

from datetime import datetime, timedelta

import pytest

from handlers import surfaces
from handlers.settings import Access
from handlers.values import Send
from storage import inbox
from storage import surfaces as rows


@pytest.fixture
def watched(talk):
    """The operator hears of it; since a week the app brings something every half hour of work."""
    talk.settings = talk.settings.model_copy(update={"access": Access(operators=("ops",))})
    start = talk.now - timedelta(days=7)
    for n in range(7 * 48):
        at = start + timedelta(minutes=30 * n)
        if 9 <= at.astimezone(talk.ctx().zone).hour < 18:
            keep(talk, "app", at)
    return talk


def keep(talk, channel, at):
    inbox.keep(talk.db, inbox.Kept(f"{channel}{at}", channel, "zhang", "{}"), at)


def alarms(sent):
    return [a.text for a in sent if isinstance(a, Send) and a.to == "ops"]


def test_a_silence_three_times_its_longest_is_told_once(watched):
    """Its longest pause is from 17:30 to 9:00: an hour and a half of working time."""
    told = alarms(watched.wait(hours=9))

    assert len(told) == 1
    assert "自建应用在上班时间里已经" in told[0]
    assert "近两周最长1小时30分钟" in told[0]
    assert "salesbot doctor" in told[0]
    assert alarms(watched.wait(days=2)) == []


def test_what_comes_in_as_usual_is_no_news(watched):
    told = []
    for _ in range(16):
        keep(watched, "app", watched.now)
        told += alarms(watched.wait(minutes=30))

    assert told == []


def test_a_second_silence_is_told_again(watched):
    assert len(alarms(watched.wait(hours=9))) == 1
    watched.now += timedelta(hours=15)
    keep(watched, "app", watched.now)

    assert len(alarms(watched.wait(days=5))) == 1


def test_a_surface_without_a_habit_is_left_alone(talk):
    talk.settings = talk.settings.model_copy(update={"access": Access(operators=("ops",))})
    for n in range(5):
        keep(talk, "kf", talk.now - timedelta(days=n))

    assert alarms(talk.wait(hours=9)) == []


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2026-03-06T10:00", "2026-03-06T12:00", 2),
        ("2026-03-06T20:00", "2026-03-06T23:00", 0),
        ("2026-03-06T17:30", "2026-03-07T09:30", 2),
        ("2026-03-06T07:00", "2026-03-06T09:30", 1),
        ("2026-03-06T18:30", "2026-03-09T08:30", 20),
        ("2026-03-06T12:00", "2026-03-06T12:00", 0),
    ],
)
def test_only_working_time_counts(talk, since, until, hours):
    ctx = talk.ctx()
    begin, end = (datetime.fromisoformat(t).replace(tzinfo=ctx.zone) for t in (since, until))

    assert surfaces.worked(begin, end, ctx) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("kind", "target", "name"),
    [
        ("text", "zhang", "app"), ("card", "zhang", "app"), ("kf_text", "wm1", "kf"),
        ("kf_pull", "kf:wk1", "kf"), ("welcome", "wm1", "contact"), ("ask", "sync:r1", "contact"),
        ("mass", "sync:mass", "contact"), ("answer", "aibot:team", "aibot"),
        ("post", "hook:managers", "webhook"),
    ],
)  # fmt: skip
def test_every_parcel_belongs_to_a_surface(kind, target, name):
    assert rows.surface(kind, target) == name
