"""Who is away from when to when, and who stands in for them."""

from dataclasses import dataclass
from datetime import date, datetime

from storage.db import Db, Row, one


@dataclass(frozen=True, slots=True)
class Leave:
    """`deputy` is "" until somebody has been chosen. Both days belong to it."""

    id: str
    advisor: str
    first_day: date
    last_day: date
    deputy: str = ""


def _leave(row: Row) -> Leave:
    days = (date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"]))
    return Leave(row["id"], row["advisor"], *days, row["deputy"])


def put(db: Db, leave: Leave, now: datetime) -> None:
    sql = """insert into leaves (id, advisor, first_day, last_day, deputy, created_at)
        values (:id, :advisor, :first, :last, :deputy, :now) on conflict (id) do nothing"""
    db.run(sql, id=leave.id, advisor=leave.advisor, first=leave.first_day.isoformat(),
           last=leave.last_day.isoformat(), deputy=leave.deputy, now=now)  # fmt: skip


def get(db: Db, leave_id: str) -> Leave | None:
    row = one(db, "select * from leaves where id = :id and ended_at is null", id=leave_id)
    return _leave(row) if row else None


def on(db: Db, day: date) -> list[Leave]:
    """Everybody who is away that day; the newest word of each comes first."""
    sql = """select * from leaves where ended_at is null and last_day >= :day
        and first_day <= :day order by created_at desc, id"""
    return [_leave(row) for row in db.rows(sql, day=day.isoformat())]


def ahead(db: Db, advisor: str, day: date) -> list[Leave]:
    """The leaves of one that are not over on that day."""
    sql = """select * from leaves where ended_at is null and last_day >= :day
        and advisor = :advisor order by first_day, id"""
    return [_leave(row) for row in db.rows(sql, day=day.isoformat(), advisor=advisor)]


def entrust(db: Db, leave_id: str, deputy: str) -> None:
    db.run("update leaves set deputy = :d where id = :id", id=leave_id, d=deputy)


def end(db: Db, leave_id: str, now: datetime) -> None:
    db.run("update leaves set ended_at = :now where id = :id", id=leave_id, now=now)


def lent(db: Db, advisor: str, until: datetime) -> list[str]:
    """Customers of somebody who is away, to whom a contact is owed by then or was not made."""
    sql = """select distinct customer from followups where advisor = :a and state = 'open'
        and (due_at <= :until or reminded_at is not null) order by customer"""
    return [row["customer"] for row in db.rows(sql, a=advisor, until=until)]
