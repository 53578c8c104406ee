"""When we last looked at the clock, and what to put right after it had run ahead."""

from datetime import datetime

from storage.db import Db, at

NAME = "clock"


def seen(db: Db) -> datetime | None:
    """The time of the last look."""
    rows = db.rows("select due_at from timers where name = :name", name=NAME)
    return at(rows[0]["due_at"]) if rows else None


def saw(db: Db, now: datetime) -> None:
    sql = """insert into timers (name, due_at) values (:name, :now)
        on conflict (name) do update set due_at = excluded.due_at"""
    db.run(sql, name=NAME, now=now)


def rewind(db: Db, now: datetime, late: datetime, far: datetime) -> None:
    """What was done and planned by a clock that ran ahead gates nothing that is to come.

    `late` is the first moment that cannot have been yet, `far` one for which no timer is set in
    earnest. Repeating timers begin anew; what waits to be sent is due; a contact that was reminded
    of is owed from now.
    """
    db.run("""delete from timers where name <> :name
        and (ran_at > :late or due_at > :far or name like 'mornings/%')""",
        name=NAME, late=late, far=far)  # fmt: skip
    db.run("update scans set due_at = :now, spot = '' where due_at > :late", now=now, late=late)
    for column, table in (("sent_at", "outbox"), ("at", "touches")):
        db.run(f"update {table} set {column} = :now where {column} > :late", now=now, late=late)
    db.run("""update outbox set due_at = :now where state = 'waiting' and due_at > :late""",
           now=now, late=late)  # fmt: skip
    db.run("""update followups set due_at = :now, origin_at = :now, reminded_at = null, overdue = 0
        where state = 'open' and reminded_at > :late""", now=now, late=late)  # fmt: skip
    db.run("update followups set reminded_at = null where reminded_at > :late", late=late)
