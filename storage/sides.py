"""Side states that somebody told: frozen until a day, out of reach. One row a customer."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, one


@dataclass(frozen=True, slots=True)
class Told:
    customer: str
    state: str  # 冷冻 or 失控
    at: datetime
    words: str = ""
    by_whom: str = ""
    until: datetime | None = None
    knock_at: datetime | None = None  # when somebody has to be woken

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {"until": moment(row["until"]), "knock_at": moment(row["knock_at"])}
        return cls(**{**row, **times, "at": at(row["at"])})


def of(db: Db, customer: str) -> Told | None:
    row = one(db, "select * from sides where customer = :c", c=customer)
    return Told.from_row(row) if row else None


def put(db: Db, told: Told) -> None:
    """What was told last counts."""
    values: dict[str, Any] = {f.name: getattr(told, f.name) for f in fields(Told)}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    news = ", ".join(f"{name} = excluded.{name}" for name in values if name != "customer")
    db.run(f"insert into sides ({names}) values ({marks})"
           f" on conflict (customer) do update set {news}", **values)  # fmt: skip


def remove(db: Db, customer: str) -> None:
    db.run("delete from sides where customer = :c", c=customer)


def due(db: Db, now: datetime, limit: int = 200) -> list[Told]:
    sql = "select * from sides where knock_at <= :now order by knock_at, customer limit :limit"
    return [Told.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def woken(db: Db, told: Told) -> bool:
    """Claim the waking; False when another process did."""
    sql = "update sides set knock_at = null where customer = :c and knock_at = :was"
    return db.run(sql, c=told.customer, was=told.knock_at) == 1
