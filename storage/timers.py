"""Repeating jobs as rows: the name, when it is due, when it last ran."""

from datetime import datetime

from storage.db import Db, at


def ensure(db: Db, name: str, due_at: datetime) -> None:
    """Start a timer unless it runs already."""
    sql = "insert into timers (name, due_at) values (:name, :due) on conflict (name) do nothing"
    db.run(sql, name=name, due=due_at)


def due(db: Db, prefix: str, now: datetime) -> list[tuple[str, datetime]]:
    """Timers whose name begins so and whose time has come, with that time."""
    sql = "select name, due_at from timers where due_at <= :now order by due_at, name"
    rows = db.rows(sql, now=now)
    return [(r["name"], at(r["due_at"])) for r in rows if r["name"].startswith(prefix)]


def advance(db: Db, name: str, was: datetime, to: datetime, now: datetime) -> bool:
    """Claim a run by moving the timer on; False when another process did."""
    sql = """update timers set due_at = :to, ran_at = :now where name = :name
        and due_at = :was"""
    return db.run(sql, name=name, was=was, to=to, now=now) == 1


def known(db: Db) -> set[str]:
    return {row["name"] for row in db.rows("select name from timers")}


def runs(db: Db, name: str) -> bool:
    return bool(db.rows("select 1 from timers where name = :name", name=name))


def due_at(db: Db, name: str) -> datetime | None:
    rows = db.rows("select due_at from timers where name = :name", name=name)
    return at(rows[0]["due_at"]) if rows else None


def reset(db: Db, name: str, due_at: datetime) -> None:
    """Start it, or have it run at another time than it would."""
    sql = """insert into timers (name, due_at) values (:name, :due)
        on conflict (name) do update set due_at = excluded.due_at"""
    db.run(sql, name=name, due=due_at)


def stop(db: Db, name: str) -> None:
    db.run("delete from timers where name = :name", name=name)
