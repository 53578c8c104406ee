"""The script library as rows, how scripts fared, and the questions nobody could answer."""

from collections.abc import Iterable
from datetime import datetime

from storage.db import Db, Row


def put(db: Db, *, script_id: str, body: str, status: str, version: int, now: datetime) -> None:
    """Insert or replace a script; `body` is its JSON."""
    sql = """insert into scripts (id, body, status, version, updated_at)
        values (:id, :body, :status, :version, :now)
        on conflict (id) do update set body = excluded.body, status = excluded.status,
            version = excluded.version, updated_at = excluded.updated_at"""
    db.run(sql, id=script_id, body=body, status=status, version=version, now=now)


def bodies(db: Db) -> list[str]:
    return [row["body"] for row in db.rows("select body from scripts order by id")]


def stamp_of(db: Db) -> str:
    """Changes whenever the library does."""
    row = db.rows("select count(*) as n, max(updated_at) as at from scripts")[0]
    return f"{row['n']}@{row['at']}"


def shown(
    db: Db, *, ids: Iterable[tuple[str, str]], advisor: str, customer: str, question: str,
    now: datetime,
) -> None:  # fmt: skip
    """Record that scripts were offered; `ids` are pairs of use id and script id."""
    sql = """insert into script_uses (id, script, advisor, customer, question, outcome, at)
        values (:id, :script, :advisor, :customer, :question, 'shown', :now)
        on conflict (id) do nothing"""
    db.many(
        sql,
        [{"id": use, "script": script, "advisor": advisor, "customer": customer,
          "question": question, "now": now} for use, script in ids],
    )  # fmt: skip


def outcome(db: Db, use_id: str, outcome: str) -> None:
    """shown, adopted or refused."""
    db.run("update script_uses set outcome = :o where id = :id", id=use_id, o=outcome)


def adopted_of(db: Db, uses: Iterable[str]) -> str:
    """The script of these uses that was taken last, "" when none was."""
    for use in reversed(list(uses)):
        sql = "select script from script_uses where id = :id and outcome = 'adopted'"
        rows = db.rows(sql, id=use)
        if rows:
            return str(rows[0]["script"])
    return ""


def seen_by(db: Db, customer: str, since: datetime) -> frozenset[str]:
    """Scripts this customer was sent lately."""
    sql = """select distinct script from script_uses where customer = :c and outcome = 'adopted'
        and at >= :since"""
    return frozenset(row["script"] for row in db.rows(sql, c=customer, since=since))


def usage(db: Db, since: datetime) -> list[Row]:
    sql = """select script, count(*) as shown,
            sum(case when outcome = 'adopted' then 1 else 0 end) as adopted,
            sum(case when outcome = 'refused' then 1 else 0 end) as refused
        from script_uses where at >= :since group by script order by script"""
    return db.rows(sql, since=since)


def gap(db: Db, *, gap_id: str, question: str, advisor: str, reason: str, now: datetime) -> None:
    sql = """insert into gaps (id, question, advisor, at, reason)
        values (:id, :question, :advisor, :now, :reason) on conflict (id) do nothing"""
    db.run(sql, id=gap_id, question=question, advisor=advisor, now=now, reason=reason)


def gaps(db: Db, since: datetime) -> list[Row]:
    sql = "select question, advisor, at, reason from gaps where at >= :since order by at, id"
    return db.rows(sql, since=since)
