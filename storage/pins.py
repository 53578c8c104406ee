"""What an advisor or manager decided against the rules: a tier or level until a day, and why."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, one


@dataclass(frozen=True, slots=True)
class Pin:
    customer: str
    what: str  # tier or level
    value: str
    why: str
    by_whom: str
    at: datetime
    until: datetime
    knock_at: datetime  # when its end is to be told

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {name: at(row[name]) for name in ("at", "until", "knock_at")}
        return cls(**{**row, **times})

    def row(self) -> dict[str, str]:
        """As it can be kept in a dialog, to be put back."""
        plain = asdict(self)
        return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in plain.items()}


def put(db: Db, pin: Pin) -> None:
    """What was decided last counts."""
    values: dict[str, Any] = {f.name: getattr(pin, f.name) for f in fields(Pin)}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    keys = ("customer", "what")
    news = ", ".join(f"{name} = excluded.{name}" for name in values if name not in keys)
    db.run(f"insert into pins ({names}) values ({marks})"
           f" on conflict (customer, what) do update set {news}", **values)  # fmt: skip


def get(db: Db, customer: str, what: str) -> Pin | None:
    row = one(db, "select * from pins where customer = :c and what = :w", c=customer, w=what)
    return Pin.from_row(row) if row else None


def of(db: Db, customer: str) -> list[Pin]:
    sql = "select * from pins where customer = :c order by what"
    return [Pin.from_row(row) for row in db.rows(sql, c=customer)]


def remove(db: Db, customer: str, what: str) -> None:
    db.run("delete from pins where customer = :c and what = :w", c=customer, w=what)


def due(db: Db, now: datetime, limit: int = 100) -> list[Pin]:
    sql = "select * from pins where knock_at <= :now order by knock_at, customer limit :limit"
    return [Pin.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def move(db: Db, pin: Pin, to: datetime) -> bool:
    """Knock again then; False when another process was faster."""
    sql = """update pins set knock_at = :to
        where customer = :c and what = :w and knock_at = :was"""
    return db.run(sql, to=to, c=pin.customer, w=pin.what, was=pin.knock_at) == 1
