"""Who looked at whom: kept in a chain that shows where it was touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import memory

from bot import config, doctor
from bot.sandbox.demo import START
from storage import audit
from storage.sqlite import Sqlite


def looks(db, n):
    with db.atomic():
        for k in range(n):
            audit.note(db, who="zhang", what=f"show{k}", customer=f"c{k % 3}", now=START)


def test_every_look_at_a_customer_is_kept_without_naming_them(talk):
    talk.says("zhang", "客户 王女士")
    talk.says("chen", "资料 王女士")

    seen = [(r["who"], r["what"]) for r in audit.about(talk.db, "wang")]
    assert seen == [("chen", "data"), ("zhang", "show")]
    assert "wang" not in str(talk.db.rows("select * from audit"))
    assert audit.broken(talk.db) is None


def test_it_stays_whole_when_a_customer_is_forgotten(talk):
    talk.says("zhang", "客户 王女士")
    talk.says("zhang", "删除资料 王女士")
    talk.says("zhang", "确认删除")

    assert audit.broken(talk.db) is None
    assert [r["what"] for r in audit.about(talk.db, "wang")][:1] == ["forget"]


TOUCHED = [
    "update audit set who = 'lina' where seq = :n",
    "update audit set about = '' where seq = :n",
    "delete from audit where seq = :n",
    "update audit set seal = (select seal from audit where seq = 1) where seq = :n",
]


@pytest.mark.parametrize("sql", TOUCHED)
@given(n=st.integers(2, 6))
def test_a_row_that_was_touched_is_found(sql, n):
    db = memory()
    looks(db, 7)
    assert audit.broken(db) is None

    db.run(sql, n=n)

    assert audit.broken(db) == n
    db.close()


def test_the_doctor_finds_it(tmp_path):
    found = config.parse('[storage]\nurl = "sqlite:///s.db"\n', tmp_path / "config.toml")
    store = Sqlite(tmp_path / "s.db")
    store.migrate()
    looks(store, 4)
    assert doctor._storage(found).state == "ok"

    store.run("update audit set who = 'lina' where seq = 2")
    store.close()

    said = doctor._storage(found)
    assert said.state == "bad"
    assert "第 2 条" in said.said


def test_a_row_put_in_is_found(db):
    looks(db, 3)
    db.run("""insert into audit (seq, at, who, what, about, seal)
        values (4, 't', 'w', 'x', '', :seal)""", seal="0" * 64)  # fmt: skip

    assert audit.broken(db) == 4
