"""PostgreSQL as the store: what it spells otherwise, what it survives, how one moves there."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.writer import Writer
from storage import audit, customers, dialect, erasure, inbox, move, outbox, presence, timers
from storage.customers import Customer
from storage.db import Again, StorageError, number, one
from storage.sqlite import Sqlite

NOW = datetime(2026, 3, 6, 1, 0, tzinfo=UTC)


@pytest.fixture
def url(server):
    with server.database(server.template) as found:
        yield found


@pytest.fixture
def empty(server):
    with server.database() as found:
        yield found


@pytest.fixture
def opened(url):
    """Opens connections to one database; they are closed at the end."""
    from storage.postgres import Postgres

    found = []

    def connect(**more):
        found.append(Postgres(url, **more))
        return found[-1]

    yield connect
    for store in found:
        store.close()


# How it is spelt

SPELT = [
    ("select 1 from t where a = :a and b = :b and c = :a",
     "select 1 from t where a = $1 and b = $2 and c = $1", ("a", "b")),
    ("select ':no', 'it''s :not' from t where a = :a",
     "select ':no', 'it''s :not' from t where a = $1", ("a",)),
    ("select a::text from t where b like 'x:%'", "select a::text from t where b like 'x:%'", ()),
    ("case when :a is null then 0 end", "case when $1::text is null then 0 end", ("a",)),
    ("insert into inbox values ((select coalesce(max(seq), 0) + 1 from inbox), :a)",
     "insert into inbox values (nextval('inbox_number'), $1)", ("a",)),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "told", "names"), SPELT)
def test_names_become_numbers_and_strings_stay(sql, told, names):
    assert dialect.query(sql) == (told, names)


def test_columns_of_text_are_compared_by_code_points():
    said = dialect.step("create table m (text text not null, n bigint)")

    assert said == 'create table m (text text collate "C" not null, n bigint)'


def test_text_is_ordered_as_in_sqlite(opened, db):
    names = ["b", "A", "a", "B", "Z", "_", "王", "~", "李", "1"]
    orders = []
    for store in (opened(), db):
        for name in names:
            timers.ensure(store, name, NOW)
        rows = store.rows("select name from timers order by name")
        orders.append([row["name"] for row in rows])

    assert orders[0] == orders[1]


def test_sums_and_comparisons_are_numbers(opened):
    sql = "select sum(n) as s, avg(n) as a, max(n) > 1 as c from (select 1 as n union select 2) t"

    assert opened().rows(sql) == [{"s": 3, "a": 1.5, "c": 1}]


def test_a_character_of_code_zero_is_replaced(opened):
    store = opened()
    inbox.keep(store, inbox.Kept("m", "app", "li", "a\0b"), NOW)

    assert store.rows("select body from inbox") == [{"body": "a\ufffdb"}]


# Transactions


def test_an_inner_failure_undoes_only_itself(opened):
    store = opened()
    with store.atomic():
        timers.ensure(store, "outer", NOW)
        with pytest.raises(StorageError), store.atomic():  # noqa: PT012
            timers.ensure(store, "inner", NOW)
            store.run("insert into timers (name) values ('no due time')")
        timers.ensure(store, "after", NOW)

    assert timers.known(store) == {"outer", "after"}


def test_two_who_count_and_add_at_once_do_not_both_succeed(opened):
    """Each saw an empty chain; only one may write its first row."""
    first, second = opened(), opened()
    with pytest.raises(Again), first.atomic():  # noqa: PT012
        assert number(first, "select count(*) from audit") == 0
        with second.atomic():
            audit.note(second, who="chen", what="看", customer="", now=NOW)
        audit.note(first, who="zhang", what="看", customer="", now=NOW)

    assert [row["who"] for row in first.rows("select who from audit")] == ["chen"]


async def test_many_writers_seal_one_chain(opened):
    """What loses is done again from the start, so that nobody hears of it."""
    import asyncio

    loop = asyncio.get_running_loop()
    writers = [Writer(opened, loop) for _ in range(3)]
    for writer in writers:
        await writer.start()
    notes = [writer.do(lambda db: audit.note(db, who="x", what="看", customer="", now=NOW))
             for _ in range(20) for writer in writers]  # fmt: skip
    await asyncio.gather(*notes)
    store = opened()
    assert number(store, "select count(*) from audit") == 60
    assert audit.broken(store) is None
    for writer in writers:
        await writer.close()


def cut(store, of):
    """The server ends another's connection, as when it is started anew."""
    store.rows(f"select pg_terminate_backend({of._conn.info.backend_pid})")


def test_a_connection_that_was_cut_between_two_jobs_is_not_noticed(opened):
    store, other = opened(), opened()
    cut(other, store)

    with store.atomic():
        timers.ensure(store, "t", NOW)

    assert timers.known(other) == {"t"}


def test_one_that_is_cut_in_the_middle_is_done_again_and_leaves_nothing(opened):
    store, other = opened(), opened()
    with pytest.raises(Again), store.atomic():  # noqa: PT012
        timers.ensure(store, "lost", NOW)
        cut(other, store)
        timers.ensure(store, "more", NOW)
    with store.atomic():
        timers.ensure(store, "again", NOW)

    assert timers.known(other) == {"again"}


def test_a_server_that_is_away_is_told_with_a_cure(tmp_path):
    from storage.postgres import Postgres

    with pytest.raises(StorageError, match="连不上 PostgreSQL"):
        Postgres(f"postgresql://bot:geheim@/x?host={tmp_path}")


# Who works on what


def kept(store, *lanes):
    for n, lane in enumerate(lanes):
        inbox.keep(store, inbox.Kept(f"m{n}", "app", lane, "x"), NOW)


def test_a_conversation_is_given_to_one_at_a_time(opened):
    first, second = opened(serial=False), opened(serial=False)
    kept(first, "li", "wang", "li", "chen")

    assert presence.lanes(first, 2) == ["li", "wang"]
    assert presence.lanes(second, 9) == ["chen"]
    presence.free(first, presence.INBOX, ["li"])
    # The server lets go of what a closed connection held in its own time.
    tries = (presence.lanes(second, 1) for _ in range(5000))
    assert next(filter(None, tries), []) == ["li"]


def test_whoever_dies_holds_nothing_back(opened):
    first, second = opened(serial=False), opened(serial=False)
    kept(first, "li")
    presence.lanes(first, 1)
    first.close()

    tries = (presence.lanes(second, 1) for _ in range(5000))
    assert next(filter(None, tries), []) == ["li"]


def test_only_these_conversations_are_read_oldest_first(opened):
    store = opened(serial=False)
    kept(store, "li", "wang", "li", "chen")

    found = inbox.waiting(store, 9, ["li", "chen"])

    assert [w.kept.id for w in found] == ["m0", "m2", "m3"]


def test_whoever_sends_a_thousand_leaves_room_for_the_others(opened):
    """The flood stands before everybody; each process finds those behind it, and gives them room
    also in a batch that the flood would fill."""
    first, second = opened(serial=False), opened(serial=False)
    kept(first, *(["flood"] * 1000), "wang", "li", "chen", "wang")

    assert presence.lanes(first, 3) == ["flood", "wang", "li"]
    assert presence.lanes(second, 3) == ["chen"]
    batch = inbox.waiting(first, 32, ["flood", "wang", "li"])
    assert [w.kept.id for w in batch][-2:] == ["m1000", "m1001"]
    assert len(batch) == 32


def put(store, n, target, due=NOW):
    outbox.put(store, parcel_id=f"p{n}", cause="c", kind="text", target=target, body="{}",
               digest=str(n), now=NOW, due=due)  # fmt: skip


def test_a_receiver_is_given_to_one_and_the_bot_s_chats_only_to_the_linked(opened):
    first, second = opened(serial=False), opened(serial=False)
    for n, target in enumerate(("zhang", "aibot:team", "chen")):
        put(first, n, target)

    assert presence.receivers(first, NOW, 1, "plain") == ["zhang"]
    assert presence.receivers(second, NOW, 9, "plain") == ["chen"]
    assert presence.receivers(second, NOW, 9, "linked") == ["aibot:team"]


def test_nothing_overtakes_what_was_put_off(opened):
    """Another process put the first one off while the second was being added."""
    store = opened(serial=False)
    put(store, 1, "zhang")
    put(store, 2, "zhang")
    store.run("update outbox set due_at = :later where id = 'p1'", later=NOW + timedelta(minutes=1))

    assert outbox.due(store, NOW, 9, ["zhang"]) == []


def test_one_ticks_and_after_its_end_another_one(opened):
    first, second = opened(serial=False), opened(serial=False)

    assert presence.leads(first)
    assert presence.leads(first)  # and goes on doing so
    assert not presence.leads(second)
    first.close()
    assert any(presence.leads(second) for _ in range(5000))


def test_servers_are_many_and_a_lonely_command_sees_them(opened):
    one_server, another, command = (opened(serial=False) for _ in range(3))

    assert presence.serve(one_server)
    assert presence.serve(another)
    assert not presence.alone(command)


# Moving


@pytest.fixture
def filled(tmp_path, demo_store):
    path = tmp_path / "old.db"
    path.write_bytes(demo_store.read_bytes())
    return path


def run(*words):
    found = CliRunner().invoke(main, words)
    return found.exit_code, found.output


def sums(store):
    return {t.name: number(store, f"select count(*) from {t.name}") for t in move.tables()}


def test_a_store_moves_there_and_back(filled, empty, tmp_path):
    code, said = run("migrate", "--from", f"sqlite:///{filled}", "--to", empty)
    assert (code, "校验和一致" in said) == (0, True)
    assert run("migrate", "--from", empty, "--to", f"sqlite:///{tmp_path}/new.db")[0] == 0

    old, new = Sqlite(filled), Sqlite(tmp_path / "new.db")
    assert sums(old) == sums(new)
    assert sums(new)["messages"] > 0
    query = "select * from customers order by id"
    assert old.rows(query) == new.rows(query)
    old.close()
    new.close()


def test_numbers_go_on_after_a_move(filled, empty):
    from storage.postgres import Postgres

    run("migrate", "--from", f"sqlite:///{filled}", "--to", empty)
    store = Postgres(empty)
    last = number(store, "select max(seq) from dialogs")
    store.run("""insert into dialogs (id, seq, member, kind, state, body, at) values
        ('new', (select coalesce(max(seq), 0) + 1 from dialogs), 'm', 'k', 'open', '{}', 'x')""")

    assert one(store, "select seq from dialogs where id = 'new'") == {"seq": last + 1}
    store.close()


def test_a_store_with_something_in_it_is_refused_and_left_alone(filled, url, opened):
    store = opened()
    timers.ensure(store, "mine", NOW)

    code, said = run("migrate", "--from", f"sqlite:///{filled}", "--to", url)

    assert (code, "不是空的" in said) == (1, True)
    assert timers.known(store) == {"mine"}
    assert number(store, "select count(*) from customers") == 0


def test_half_a_move_is_refused_in_words():
    assert run("migrate", "--from", "sqlite:///a.db") == (2, "--from 和 --to 要一起写\n")


# The commands


@pytest.fixture
def config(tmp_path, url):
    path = tmp_path / "config.toml"
    path.write_text(f'[storage]\nurl = "{url}"\n', encoding="utf-8")
    return str(path)


def customer(store, key):
    customers.add(store, Customer(id=key, name=f"{key}女士", store="s", owner="zhang",
                                  added_at=NOW))  # fmt: skip


def test_a_backup_comes_back_without_whom_was_forgotten_meanwhile(config, opened, tmp_path):
    store = opened()
    customer(store, "wang")
    customer(store, "li")
    code, said = run("--config", config, "backup", str(tmp_path / "b.db"))
    assert (code, "核对完好" in said) == (0, True)
    person = erasure.Person("wang", ("wang女士",))
    with store.atomic():
        counts = erasure.erase(store, person)
        erasure.record(store, person, counts, now=NOW, by="x", why="y", opted_out=False)
    customer(store, "later")

    code, said = run("--config", config, "restore", str(tmp_path / "b.db"))

    assert (code, "再次删除" in said, "原来的库留在模式 before_" in said) == (0, True, True)
    assert [r["id"] for r in opened().rows("select id from customers order by id")] == ["li"]


def test_a_restore_waits_until_nobody_serves(config, opened, tmp_path):
    presence.serve(opened(serial=False))
    run("--config", config, "backup", str(tmp_path / "b.db"))

    code, said = run("--config", config, "restore", str(tmp_path / "b.db"))

    assert (code, "还有 serve 在运行" in said) == (1, True)


def test_the_doctor_tells_that_a_power_cut_would_lose_something(config):
    """The tests' own server does without fsync."""
    found = json.loads(run("--config", config, "doctor", "--json")[1])

    (storage,) = [row for row in found if row["name"] == "存储"]
    assert "fsync 是 off" in storage["said"]


def test_commands_read_it_like_any_store(config, opened):
    customer(opened(), "wang")

    assert run("--config", config, "migrate") == (0, "数据库已是最新。\n")
    assert run("--config", config, "replay", "--json") == (0, "[]\n")
