"""Appointments: who comes when for what, what became of it, and when it is next to be looked at."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, one

OPEN = ("已约", "已确认")
_OPEN = "state in ('已约', '已确认')"


@dataclass(frozen=True, slots=True)
class Appointment:
    """`step` is done at `knock_at`: confirm, brief, ask or reason; None when all is done."""

    id: str
    customer: str
    advisor: str
    kind: str  # 到店 试驾 交付 ...
    at: datetime
    made_at: datetime
    by_whom: str
    inviter: str = ""
    model: str = ""
    state: str = "已约"  # 已约 已确认 已到 改期 未到 取消
    reason: str = ""
    event: str = ""  # the 预约 of the journey that it came from
    step: str = ""
    knock_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {"at": at(row["at"]), "made_at": at(row["made_at"])}
        return cls(**{**row, **times, "knock_at": moment(row["knock_at"])})

    @property
    def open(self) -> bool:
        return self.state in OPEN


def put(db: Db, found: Appointment) -> None:
    """Insert, or write it as it is given."""
    values: dict[str, Any] = {f.name: getattr(found, f.name) for f in fields(Appointment)}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    news = ", ".join(f"{name} = excluded.{name}" for name in values if name != "id")
    db.run(f"insert into appointments ({names}) values ({marks})"
           f" on conflict (id) do update set {news}", **values)  # fmt: skip


def remove(db: Db, appointment_id: str) -> None:
    db.run("delete from appointments where id = :id", id=appointment_id)


def get(db: Db, appointment_id: str) -> Appointment | None:
    row = one(db, "select * from appointments where id = :id", id=appointment_id)
    return Appointment.from_row(row) if row else None


def of(db: Db, customer: str, limit: int = 20) -> list[Appointment]:
    """All of a customer's, the latest first."""
    sql = """select * from appointments where customer = :c
        order by at desc, made_at desc, id limit :limit"""
    return [Appointment.from_row(row) for row in db.rows(sql, c=customer, limit=limit)]


def open_of(db: Db, customer: str) -> list[Appointment]:
    """Those of which nobody has said yet what became of them, the soonest first."""
    sql = f"select * from appointments where customer = :c and {_OPEN} order by at, id"
    return [Appointment.from_row(row) for row in db.rows(sql, c=customer)]


def ahead(db: Db, customer: str, now: datetime) -> Appointment | None:
    """The next one that is still to come."""
    sql = f"""select * from appointments where customer = :c and at > :now and {_OPEN}
        order by at, id limit 1"""
    row = one(db, sql, c=customer, now=now)
    return Appointment.from_row(row) if row else None


def of_advisors(
    db: Db, advisors: Iterable[str], since: datetime, until: datetime
) -> list[Appointment]:
    """Whoever is expected by these advisors in that time, the soonest first."""
    named = {f"a{n}": advisor for n, advisor in enumerate(advisors)}
    among = ", ".join(f":{name}" for name in named) or "null"
    sql = f"""select * from appointments where advisor in ({among}) and at >= :since
        and at < :until and state not in ('改期', '取消') order by at, id"""
    rows = db.rows(sql, since=since, until=until, **named)
    return [Appointment.from_row(row) for row in rows]


def due(db: Db, now: datetime, limit: int = 200) -> list[Appointment]:
    sql = """select * from appointments where knock_at <= :now order by knock_at, id
        limit :limit"""
    return [Appointment.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def step(db: Db, found: Appointment, to: str, knock_at: datetime | None) -> bool:
    """Move on to the next step; False when another process did."""
    sql = """update appointments set step = :to, knock_at = :then where id = :id
        and knock_at = :was"""
    return db.run(sql, to=to, then=knock_at, id=found.id, was=found.knock_at) == 1


def hand_over(db: Db, customer: str, to: str) -> None:
    """Another advisor looks after this customer now."""
    sql = f"update appointments set advisor = :to where customer = :c and {_OPEN}"
    db.run(sql, to=to, c=customer)
