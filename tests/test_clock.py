"""Clocks that leap, stand still or change to summer time: nothing missed, nothing twice."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.settings import Access
from handlers.values import Send
from storage import followups as owed
from storage import outbox, points, touches

DAY = timedelta(days=1)
YEAR = timedelta(days=365)
HEADS = ("早上好。今天", "【早报】", "【晚报】")


@pytest.fixture
def store(talk):
    """Somebody is owed a contact, an operator reads what is wrong, and a day has been lived."""
    talk.settings = talk.settings.model_copy(update={"access": Access(operators=("root",))})
    talk.says("zhang", "客户王女士说：这周能定下来吗，S6多少钱")
    return talk


def at(talk, words, zone=None):
    moment = datetime.fromisoformat(words).replace(tzinfo=zone or talk.ctx().zone)
    return moment.astimezone(UTC)


def lived(talk, until, step=timedelta(minutes=1)):
    """Every tick until then; the time at which each of the day's messages came, and for whom."""
    found = []
    while talk.now < until:
        talk.now = min(talk.now + step, until)
        found += [(a.to, head, talk.now.astimezone(talk.ctx().zone)) for a in talk.wait(seconds=1)
                  if isinstance(a, Send) for head in HEADS if head in a.text]  # fmt: skip
        talk.now -= timedelta(seconds=1)
    return found


def once_a_day(found):
    times = Counter((to, head, when.date()) for to, head, when in found)
    return max(times.values(), default=0) <= 1


def days_of(found, who, head):
    return [when.date().isoformat() for to, h, when in found if (to, h) == (who, head)]


# Summer time


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
def test_summer_time_begins_and_ends_without_a_digest_missed_or_doubled(store, change):
    store.settings = store.settings.model_copy(update={"timezone": "Europe/Berlin"})
    day = datetime.fromisoformat(change).date()
    store.now = at(store, f"{day - DAY}T06:00", BERLIN)

    found = lived(store, at(store, f"{day + DAY}T20:00", BERLIN), timedelta(minutes=5))

    wanted = [str(day - DAY), str(day), str(day + DAY)]
    assert days_of(found, "chen", "【早报】") == wanted
    assert days_of(found, "chen", "【晚报】") == wanted
    assert {when.time().replace(second=0) for _, head, when in found if head == "【早报】"} == {
        time(8, 45)
    }


# Down over the due time


@pytest.mark.parametrize("down", [timedelta(hours=1), DAY, 9 * DAY])
def test_after_a_rest_there_is_one_bundle_and_no_night_work(store, down):
    store.now = at(store, "2026-09-30T08:30")
    lived(store, store.now + timedelta(minutes=2))
    store.now += down

    found = lived(store, store.now + timedelta(hours=12), timedelta(minutes=5))

    assert once_a_day(found)
    assert len(days_of(found, "chen", "【早报】")) == 1
    assert len(days_of(found, "chen", "【晚报】")) == 1
    assert all(time(8) <= when.time() <= time(21) for _, _, when in found)


# A clock that leaps


def told(talk, words):
    sent = talk.wait(minutes=1)
    return [a.text for a in sent if isinstance(a, Send) and a.to == "root" and words in a.text]


def test_a_clock_that_ran_a_year_ahead_silences_nothing_when_it_is_put_right(store):
    store.now = at(store, "2026-03-07T08:40")
    lived(store, store.now + timedelta(minutes=10))
    store.now += YEAR
    lived(store, store.now + timedelta(hours=10), timedelta(minutes=10))
    [due] = [f for f in owed.open_of(store.db, "wang") if f.kind == "cadence"][:1]
    assert due.reminded_at

    store.now = at(store, "2026-03-08T08:40")
    assert told(store, "往回跳了")
    found = lived(store, store.now + DAY, timedelta(minutes=5))

    assert "2026-03-08" in days_of(found, "chen", "【早报】")
    assert once_a_day(found)
    assert owed.get(store.db, due.id).reminded_at.year == 2026


def test_a_leap_is_told_once(store):
    store.wait(minutes=2)
    store.now += YEAR
    assert told(store, "往前跳了365天")
    assert not told(store, "跳了")
    store.now -= YEAR
    assert told(store, "往回跳了36")
    assert not told(store, "跳了")


def test_a_clock_that_runs_ahead_erases_nothing_for_a_day(store):
    store.wait(minutes=2)
    points.add(store.db, key="k", chat_id="g1", member="wang", delta=5, reason="签到",
               now=store.now)  # fmt: skip
    said = "select count(*) as n from messages where customer = 'wang'"
    assert store.db.rows(said)[0]["n"] == 1
    store.now += 3 * YEAR

    store.wait(hours=2)

    assert store.db.rows(said)[0]["n"] == 1
    assert points.balance(store.db, "g1", "wang") == 5

    store.wait(hours=48)
    assert store.db.rows(said)[0]["n"] == 0  # the time was right after all


def test_what_a_wrong_clock_noted_gates_nothing_later(store):
    store.wait(minutes=2)
    ahead = store.now + YEAR
    touches.note(store.db, touch_id="t", person="wang", channel="wecom", kind="follow", by="zhang",
                 now=ahead)  # fmt: skip
    outbox.put(store.db, parcel_id="p", cause="c", kind="text", target="zhang", body="{}",
               due=ahead, now=store.now, digest="d")  # fmt: skip
    store.now = ahead
    store.wait(minutes=1)

    store.now -= YEAR
    store.wait(minutes=1)

    week = store.now - 7 * DAY
    assert touches.count(store.db, "wang", "follow", week) == 1
    assert store.db.rows("select max(at) as at from touches")[0]["at"] < "2026-04"
    assert store.db.rows("select due_at from outbox where id = 'p'")[0]["due_at"] < "2026-04"


def test_a_clock_that_falls_back_some_hours_repeats_nothing(store):
    store.now = at(store, "2026-03-07T08:40")
    first = lived(store, at(store, "2026-03-07T10:00"))
    store.now = at(store, "2026-03-07T07:00")

    again = lived(store, at(store, "2026-03-07T12:00"))

    assert days_of(first, "chen", "【早报】") == ["2026-03-07"]
    assert again == []


LEAPS = st.lists(
    st.sampled_from([timedelta(minutes=1), timedelta(minutes=7), timedelta(hours=1),
                     timedelta(hours=5), DAY, 3 * DAY, -timedelta(hours=1), -timedelta(hours=3),
                     timedelta(minutes=40)]), min_size=3, max_size=25)  # fmt: skip


@given(leaps=LEAPS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None)  # fmt: skip
def test_whatever_the_clock_does_a_digest_comes_once_a_day_and_by_day(store, leaps):
    """The model: one of an edition a day for each reader, never at night, and a day on both."""
    store.db.run("delete from timers")
    start = at(store, "2026-05-04T06:00")
    store.now, found = start, []
    for leap in leaps:
        store.now += leap
        found += lived(store, store.now + timedelta(minutes=1))
    quiet = store.now + 2 * DAY
    found += lived(store, quiet, timedelta(minutes=15))

    whole = str((quiet - DAY).astimezone(store.ctx().zone).date())
    assert whole in days_of(found, "chen", "【早报】")
    assert whole in days_of(found, "chen", "【晚报】")
    assert once_a_day(found)
    assert all(time(8) <= when.time() <= time(21) for _, _, when in found)
