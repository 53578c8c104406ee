"""The store: migrations, transactions, backups, and what each table promises."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import (
    checkins,
    customers,
    dialogs,
    events,
    followups,
    groups,
    points,
    retention,
    rules,
    scripts,
    timers,
    touches,
)
from storage.customers import Customer
from storage.db import StorageError, moment, number, stamp
from storage.schema import migrations
from storage.sqlite import Sqlite

NOW = datetime(2026, 3, 6, 1, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "salesbot.db"


def opened(path):
    store = Sqlite(path)
    store.migrate()
    return store


# Opening


def test_steps_are_applied_once(path):
    store = Sqlite(path)
    first = store.migrate()
    second = store.migrate()
    store.close()

    assert first[0] == "0001 messages in and out"
    assert second == []


def test_a_store_that_lacks_steps_says_which(path):
    store = Sqlite(path)
    migrations.apply(store._db, stop_before="0004 group life")

    assert store.pending()[0] == "0004 group life"
    assert store.migrate()[0] == "0004 group life"
    store.close()


def test_a_store_of_a_newer_program_is_refused(path):
    store = opened(path)
    store.run("update _sqlite_migrations set name = '9999 tomorrow' where name like '0005%'")

    with pytest.raises(StorageError, match="更新的版本"):
        store.migrate()
    store.close()


def test_a_path_that_cannot_be_opened_is_an_error_with_its_cure(tmp_path):
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match="打不开"):
        Sqlite(tmp_path / "file" / "salesbot.db")


def test_what_is_no_database_is_an_error_too(path):
    path.parent.mkdir()
    path.write_bytes(b"these are not the tables you are looking for" * 99)

    with pytest.raises(StorageError, match="打不开"):
        Sqlite(path)


def test_a_commit_is_on_disk_before_it_returns(path):
    store = opened(path)

    assert store.rows("pragma synchronous")[0]["synchronous"] == 2
    assert store.rows("pragma journal_mode")[0]["journal_mode"] == "wal"
    store.close()


def test_a_backup_is_a_whole_copy_of_a_store_in_use(path, tmp_path):
    store = opened(path)
    customers.add(store, Customer(id="wang", name="王女士", added_at=NOW))

    store.backup(tmp_path / "copy.db")

    copy = Sqlite(tmp_path / "copy.db")
    assert copy.pending() == []
    assert customers.get(copy, "wang").name == "王女士"
    copy.close()
    store.close()


def test_a_backup_to_nowhere_is_an_error_with_its_cure(path, tmp_path):
    store = opened(path)

    with pytest.raises(StorageError, match="nowhere"):
        store.backup(tmp_path / "nowhere" / "copy.db")
    store.close()


# Transactions and times


def test_an_inner_transaction_that_raises_undoes_only_itself(db):
    with db.atomic():
        rules.hit(db, ["outer"], NOW)
        with suppress(KeyError), db.atomic():
            rules.hit(db, ["inner"], NOW)
            raise KeyError

    assert [r["rule"] for r in rules.hits(db)] == ["outer"]


@given(st.datetimes(), st.datetimes(), st.integers(-14, 14), st.integers(-14, 14))
def test_the_order_of_stamps_is_the_order_of_times(one, other, east, west):
    early = datetime(1970, 1, 2)  # noqa: DTZ001
    one, other = max(one, early), max(other, early)
    one = one.replace(tzinfo=timezone(timedelta(hours=east)), year=min(one.year, 9998))
    other = other.replace(tzinfo=timezone(timedelta(hours=west)), year=min(other.year, 9998))

    assert (stamp(one) < stamp(other)) == (one < other)
    assert moment(stamp(one)) == one


@pytest.mark.parametrize(
    "sql",
    [
        "select * from inbox where state = 'new' order by seq limit 32",
        "select * from outbox where state = 'waiting' and due_at <= 'x'",
        "select count(*) from outbox where target = 'x' and sent_at > 'y'",
        "select count(*) from outbox where digest = 'x' and seq < 9",
        "select * from followups where state = 'open' and due_at <= 'x' order by due_at, id",
        "select * from followups where advisor = 'x' and state = 'open' and due_at <= 'x'",
        "select * from timers where due_at <= 'x'",
        "select * from dialogs where member = 'x' and at >= 'x'",
        "select * from customers where owner = 'x'",
        "select * from messages where customer = 'x' and at >= 'x'",
        "select * from events where customer = 'x' and kind in ('y')",
    ],
)
def test_what_is_asked_all_day_has_its_index(embedded, sql):
    plan = [row["detail"] for row in embedded.rows("explain query plan " + sql)]

    assert not [step for step in plan if step.startswith("SCAN")]


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("select * from outbox where state = 'waiting' and due_at <= 'x' order by urgency, seq",
         "outbox_first"),
        ("update outbox set urgency = 0 where target = 'x' and state = 'waiting' and urgency > 0",
         "outbox_lane"),
        ("select min(due_at) from outbox where state = 'waiting'", "outbox_due"),
        ("select * from outbox where state in ('dead', 'unknown') and state <> 'waiting'",
         "outbox_state"),
    ],
)  # fmt: skip
def test_what_waits_is_not_looked_through_for_a_single_parcel(embedded, sql, index):
    [step] = embedded.rows("explain query plan " + sql)

    assert index in step["detail"]


# Customers and their tags


@pytest.fixture
def wang(db):
    customer = Customer(id="wang", name="王女士", owner="zhang", store="bj-cy", added_at=NOW)
    assert customers.add(db, customer)
    return customer


def test_adding_a_known_customer_changes_nothing(db, wang):
    assert not customers.add(db, Customer(id="wang", name="别人", added_at=NOW))
    assert customers.get(db, "wang") == wang


def test_only_columns_that_exist_can_be_changed(db, wang):
    with pytest.raises(ValueError, match="nickname"):
        customers.change(db, "wang", nickname="x")


def test_a_tag_said_again_keeps_its_first_sight_and_counts(db, wang):
    for n, words in enumerate(("有点贵", "还是贵")):
        customers.tag(db, "wang", kind="concern", code="price", polarity=-1, evidence=words,
                      now=NOW + timedelta(days=n), keep_days=90)  # fmt: skip

    tag = customers.tags(db, "wang", NOW + timedelta(days=2))[0]

    assert (tag.mentions, tag.evidence) == (2, "还是贵")
    assert (tag.first_at, tag.last_at) == (NOW, NOW + timedelta(days=1))


def test_a_tag_is_gone_when_its_time_is_over(db, wang):
    customers.tag(db, "wang", kind="intent", code="quote", now=NOW, keep_days=14)
    customers.tag(db, "wang", kind="about", code="family", now=NOW)

    after = NOW + timedelta(days=14)
    assert [t.code for t in customers.tags(db, "wang", after)] == ["family"]
    assert retention.tags(db, after + timedelta(seconds=1)) == 1


def test_concerns_move_from_state_to_state_by_code(db, wang):
    for code in ("price", "range"):
        customers.tag(db, "wang", kind="concern", code=code, now=NOW)

    customers.settle(db, "wang", "", "answered", ["price"])

    states = {t.code: t.state for t in customers.tags(db, "wang", NOW)}
    assert states == {"price": "answered", "range": ""}


def test_the_same_words_logged_twice_are_one_message(db, wang):
    for _ in range(2):
        customers.said(db, msg_id="m1", customer_id="wang", who="customer", member="zhang",
                       text="有点贵", now=NOW, source="paste")  # fmt: skip

    assert customers.spoken(db, "wang", NOW) == 1


# Events


def test_an_old_order_is_found_under_any_number_of_newer_events(db):
    events.add(db, event_id="o", customer="wang", kind="下订", when=NOW, source="advisor")
    for n in range(80):
        events.add(db, event_id=f"l{n}", customer="wang", kind="级别",
                   when=NOW + timedelta(days=n), source="system")  # fmt: skip

    assert events.last(db, "wang", "下订", "退单").id == "o"


def test_an_event_that_was_undone_has_not_happened(db):
    events.add(db, event_id="a", customer="wang", kind="到店", when=NOW, source="advisor")
    events.add(db, event_id="b", customer="wang", kind="试驾", when=NOW, source="advisor")

    events.undo(db, "a", NOW)

    assert [e.kind for e in events.of(db, "wang")] == ["试驾"]


# Follow-ups


def owe(db, key="f1", kind="cadence", due=NOW, customer="wang"):
    followups.plan(db, followup_id=key, customer=customer, advisor="zhang", kind=kind, due=due,
                   reason="", now=NOW)  # fmt: skip


def test_a_newer_follow_up_of_a_kind_replaces_the_older(db):
    owe(db, "f1")
    owe(db, "f2")
    owe(db, "f3", kind="confirm")

    assert [f.id for f in followups.open_of(db, "wang")] == ["f2", "f3"]
    assert followups.get(db, "f1").outcome == "replaced"


def test_a_row_read_twice_reminds_once(db):
    owe(db)
    one, other = followups.due(db, NOW)[0], followups.due(db, NOW)[0]
    tomorrow = NOW + timedelta(days=1)

    assert followups.reminded(db, one, NOW, tomorrow)
    assert not followups.reminded(db, other, NOW, tomorrow)
    assert not followups.move(db, other, tomorrow)


def test_being_reminded_again_counts_as_overdue(db):
    owe(db)
    for n in range(3):
        at = NOW + timedelta(days=n)
        assert followups.reminded(db, followups.due(db, at)[0], at, at + timedelta(days=1))

    found = followups.get(db, "f1")
    assert (found.overdue, found.origin_at) == (2, NOW)


def test_a_follow_up_comes_back_as_it_was(db):
    owe(db)
    was = followups.get(db, "f1")
    followups.close(db, "f1", NOW, "已联系")

    followups.reopen(db, was)

    assert followups.get(db, "f1") == was


# Timers, dialogs, touches, points


def test_a_timer_is_claimed_by_one(db):
    timers.ensure(db, "night", NOW)
    timers.ensure(db, "night", NOW + timedelta(days=5))
    was = timers.due(db, "night", NOW)[0][1]

    assert timers.advance(db, "night", was, NOW + timedelta(days=1), NOW)
    assert not timers.advance(db, "night", was, NOW + timedelta(days=1), NOW)
    assert timers.due(db, "night", NOW) == []


def test_the_newest_open_dialog_of_the_kinds_asked_for(db):
    for n, kind in enumerate(("suggest", "focus", "list")):
        dialogs.begin(db, dialog_id=kind, member="zhang", kind=kind, body={"n": n},
                      now=NOW + timedelta(seconds=n))  # fmt: skip

    assert dialogs.newest(db, "zhang", NOW, "suggest", "focus").id == "focus"
    dialogs.close(db, "focus")
    assert dialogs.newest(db, "zhang", NOW, "suggest", "focus").id == "suggest"
    assert dialogs.newest(db, "zhang", NOW + timedelta(minutes=1)) is None
    assert dialogs.newest(db, "lina", NOW) is None


def test_a_refused_touch_does_not_count(db):
    for n, refused in enumerate((None, "安静时段")):
        touches.note(db, touch_id=f"t{n}", person="wang", channel="advisor", kind="marketing",
                     by="zhang", now=NOW, refused=refused)  # fmt: skip

    assert touches.count(db, "wang", "marketing", NOW) == 1


def test_points_are_booked_once_a_key_and_ranked_by_who_got_there_first(db):
    for n, (key, member) in enumerate((("a", "lina"), ("a", "lina"), ("b", "zhang"))):
        points.add(db, key=key, chat_id="team", member=member, delta=5, reason="答题",
                   now=NOW + timedelta(minutes=n))  # fmt: skip

    assert [(r["member"], r["points"]) for r in points.board(db, "team")] == [
        ("lina", 5), ("zhang", 5)
    ]  # fmt: skip
    assert points.balance(db, "team", "nobody") == 0


def test_who_comes_back_to_a_group_starts_a_new_tenure(db):
    groups.put(db, chat_id="g1", name="看车群", kind="潜客", owner="zhang", store="", now=NOW)
    later = NOW + timedelta(days=9)
    groups.join(db, "g1", "wang", "王女士", NOW)
    groups.join(db, "g1", "wang", "王女士🌸", later)
    assert groups.of_member(db, "wang")[0]["joined_at"] == stamp(NOW)

    groups.leave(db, "g1", "wang", later)
    assert groups.of_member(db, "wang") == []

    groups.join(db, "g1", "wang", "王女士", later)
    assert groups.of_member(db, "wang")[0]["joined_at"] == stamp(later)


def test_one_check_in_a_day(db):
    day = date(2026, 3, 6)

    assert checkins.add(db, chat_id="team", member="zhang", day=day, now=NOW)
    assert not checkins.add(db, chat_id="team", member="zhang", day=day, now=NOW)
    assert checkins.order_of(db, "team", day) == 1


# Scripts and retention


def test_usage_counts_what_was_shown_adopted_and_refused(db):
    scripts.shown(db, ids=[(f"u{n}", "s1") for n in range(3)], advisor="zhang", customer="wang",
                  question="有点贵", now=NOW)  # fmt: skip
    scripts.outcome(db, "u0", "adopted")
    scripts.outcome(db, "u1", "refused")

    used = scripts.usage(db, NOW)[0]

    assert (used["shown"], used["adopted"], used["refused"]) == (3, 1, 1)
    assert scripts.seen_by(db, "wang", NOW) == {"s1"}


def test_finished_traffic_is_deleted_in_time_and_failed_stays(db):
    for key, state in (("done", "done"), ("bad", "failed")):
        db.run(
            "insert into inbox (id, seq, channel, lane, body, received_at, state, attempts)"
            " values (:id, 1, 'app', 'zhang', '', :at, :state, 1)",
            id=key, at=NOW, state=state,
        )  # fmt: skip

    assert retention.traffic(db, NOW + timedelta(seconds=1)) == 1
    assert number(db, "select count(*) from inbox") == 1


def test_a_second_connection_waits_for_the_first_instead_of_failing(path):
    store, other = opened(path), Sqlite(path)
    rules.hit(store, ["a"], NOW)

    rules.hit(other, ["a"], NOW)

    assert rules.hits(store)[0]["hits"] == 2
    other.close()
    store.close()


def test_deleted_text_is_overwritten_on_disk(path):
    store = opened(path)
    customers.said(store, msg_id="m", customer_id="wang", who="customer", member="zhang",
                   text="绝密的一句话", now=NOW, source="paste")  # fmt: skip
    retention.messages(store, NOW + timedelta(days=1))
    store.run("pragma wal_checkpoint(truncate)")
    store.close()

    assert "绝密的一句话".encode() not in path.read_bytes()
    assert sqlite3.connect(path).execute("pragma integrity_check").fetchone() == ("ok",)


def test_two_processes_that_read_first_and_write_later_wait_for_each_other(tmp_path):
    """Begun late, the second one is refused at once: it has read what is old by then."""
    path = tmp_path / "s.db"
    first = Sqlite(path)
    first.migrate()
    first.close()

    def count_up(times=40):
        store = Sqlite(path)
        for _ in range(times):
            with store.atomic():
                n = store.rows("select count(*) as n from timers")[0]["n"]
                store.run("insert into timers (name, due_at) values (:name, '')", name=f"t{n}")
        store.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(count_up) for _ in range(2)]:
            done.result()

    store = Sqlite(path)
    assert store.rows("select count(*) as n from timers")[0]["n"] == 80
    store.close()
