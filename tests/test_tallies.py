"""Steps counted by the day tell what the rows tell, whatever happened in which order."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import memory

from handlers import tallying
from storage import customers, erasure, events, merging, tallies
from storage.customers import Customer
from storage.erasure import Person

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 6, 9, 37, tzinfo=ZONE)
TODAY = NOW.date().toordinal()
STORES, OWNERS = ("a", "b", "c"), ("zhang", "lina")
KINDS = ("到店", "试驾", "下订")
WHO = tuple("12345")
MINUTES = 40 * 1440
CHANGES = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(WHO), st.sampled_from(KINDS),
              st.integers(0, MINUTES)),
    st.tuples(st.just("undo"), st.integers(0, 60), st.booleans()),
    st.tuples(st.just("move"), st.sampled_from(WHO), st.sampled_from(STORES),
              st.sampled_from(OWNERS)),
    st.tuples(st.just("merge"), st.sampled_from(WHO), st.sampled_from(WHO)),
    st.tuples(st.just("part"), st.sampled_from(WHO)),
    st.tuples(st.just("erase"), st.sampled_from(WHO)),
    st.tuples(st.just("count"), st.integers(0, 3)),
)  # fmt: skip


def midnight(days_ago):
    return datetime.combine((NOW - timedelta(days=days_ago)).date(), datetime.min.time(), ZONE)


def store():
    db = memory()
    for n, who in enumerate(WHO):
        customers.add(db, Customer(id=who, name=who, store=STORES[n % 3], owner=OWNERS[n % 2],
                                   added_at=NOW))  # fmt: skip
    return db


def happen(db, change, n):
    kind, *rest = change
    if kind == "add":
        who, step, minutes = rest
        events.add(db, event_id=f"e{n}", customer=who, kind=step, source="advisor",
                   when=NOW - timedelta(minutes=minutes))  # fmt: skip
    elif kind == "undo":
        events.undo(db, f"e{rest[0]}", NOW if rest[1] else None)
    elif kind == "move":
        customers.change(db, rest[0], store=rest[1], owner=rest[2])
    elif kind == "merge" and rest[0] != rest[1] and all(customers.get(db, one) for one in rest):
        merging.merge(db, *rest, {}, merge_id=f"m{n}", by="chen", now=NOW)
    elif kind == "part" and (found := merging.newest(db, rest[0])) and customers.get(db, rest[0]):
        merging.part(db, found, NOW)
    elif kind == "erase":
        erasure.erase(db, Person(rest[0]))
    elif kind == "count":
        tallies.roll(db, ZONE, TODAY - rest[0])


def rows(db):
    return [(r["store"], r["owner"], r["kind"], r["customer"], datetime.fromisoformat(r["at"]))
            for r in db.rows("""select c.store, c.owner, e.kind, e.customer, e.at from events e
                join customers c on c.id = e.customer where e.undone_at is null""")]  # fmt: skip


def by_hand(db, stores, span, n):
    """Who took each step, without any sums; `n` is where the name of the group stands."""
    people = {(row[n] if n is not None else "", row[2], row[3]) for row in rows(db)
              if row[0] in stores and span[0] <= row[4] < span[1]}  # fmt: skip
    return Counter((who, kind) for who, kind, _ in people)


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=40), st.integers(0, 39), st.integers(1, 40),
       st.integers(0, 1439), st.sets(st.sampled_from(STORES), min_size=1))  # fmt: skip
def test_sums_tell_what_the_rows_tell(changes, begin, length, minutes, stores):
    db = store()
    for n, change in enumerate(changes):
        happen(db, change, n)

    since = midnight(begin)
    until = min(NOW, since + timedelta(days=length - 1, minutes=minutes))
    of = tuple(sorted(stores))
    for by, place in (("", None), ("store", 0), ("owner", 1)):
        assert tallies.steps(db, of, KINDS, (since, until), by) == by_hand(
            db, of, (since, until), place
        )
    spans = [(midnight(n), min(NOW, midnight(n) + timedelta(minutes=minutes)))
             for n in range(begin + 1)]  # fmt: skip
    found = tallies.parts(db, of, KINDS, spans)
    for n, span in enumerate(spans):
        assert {k: found[k][n] for k in KINDS if found[k][n]} == {
            kind: m for (_, kind), m in by_hand(db, of, span, None).items()
        }
    db.close()


@pytest.fixture
def year():
    """A customer who came a hundred and fifty days ago, yesterday and this morning."""
    db = store()
    for n, days in enumerate((150, 1, 0)):
        events.add(db, event_id=f"e{n}", customer="1", kind="到店", source="advisor",
                   when=midnight(days) + timedelta(hours=8))  # fmt: skip
    while tallies.roll(db, ZONE, TODAY):
        pass
    yield db
    db.close()


def read(db, days):
    """What is told of the last days, and whether it came from sums alone."""
    span = (midnight(days), midnight(0))
    return tallies.steps(db, ("a",), ("到店",), span)["", "到店"]


def test_whoever_comes_again_counts_once(year):
    assert [read(year, days) for days in (1, 28, 180)] == [1, 1, 1]
    assert year.rows("select day, gap, h07, h08, h23 from step_days order by day") == [
        {"day": TODAY - 150, "gap": 0, "h07": 0, "h08": 1, "h23": 1},
        {"day": TODAY - 1, "gap": 149, "h07": 0, "h08": 1, "h23": 1},
    ]


def test_days_are_read_from_the_sums_and_not_from_the_rows(year):
    year.run("delete from events")  # as nobody does who tells of it
    assert read(year, 28) == 1

    tallies.again(year, TODAY - 1)

    assert read(year, 28) == 0
    assert read(year, 180) == 1


def test_at_night_every_day_is_counted_once_more(year, talk):
    year.run("delete from events")
    for minute in range(tallies.REACH):
        now = NOW.replace(hour=2, minute=0) + timedelta(minutes=minute)
        assert list(tallying.tick(replace(talk.ctx(), db=year, now=now))) == []

    assert year.rows("select * from step_days") == []


def test_an_old_event_soils_its_day_until_it_is_counted_again(year):
    events.add(year, event_id="late", customer="1", kind="到店", source="import",
               when=midnight(40) + timedelta(hours=9))  # fmt: skip
    marked = {row["day"] for row in year.rows("select day from step_touched")}
    assert marked == {TODAY - 40, TODAY - 1}  # its own day, and that of the next visit

    assert tallies.roll(year, ZONE, TODAY) == 2
    assert (year.rows("select * from step_touched"), read(year, 28), read(year, 180)) == ([], 1, 1)


def test_the_oldest_days_go_and_another_zone_begins_anew(year):
    assert tallies.roll(year, ZONE, TODAY + 100) > 0
    while tallies.roll(year, ZONE, TODAY + 100):
        pass
    days = tallies.counted(year)
    assert (days.first, days.end) == (TODAY + 100 - tallies.REACH, TODAY + 100)
    assert [row["day"] for row in year.rows("select day from step_days order by day")] == [
        TODAY - 1, TODAY
    ]  # fmt: skip

    tallies.roll(year, ZoneInfo("UTC"), TODAY)
    assert tallies.counted(year).zone.key == "UTC"
    assert tallies.steps(year, ("a",), ("到店",), (datetime(2026, 3, 1, tzinfo=UTC), NOW)) == {
        ("", "到店"): 1
    }
