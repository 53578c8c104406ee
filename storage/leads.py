"""Leads: where somebody came from, who invited them, who was offered them and who took them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, number, one


@dataclass(frozen=True, slots=True)
class Lead:
    """`due_at` is when it goes to the next advisor; None once it is settled."""

    id: str
    customer: str
    kind: str  # 垂媒 投放 自然到店 官方 活动, or "" where nobody knows
    channel: str  # what exactly: 汽车之家, 广州车展
    via: str  # 导入 渠道码 群 客服 到店 H5 口头 转交
    arrived_at: datetime
    words: str = ""
    store: str = ""
    inviter: str = ""
    advisor: str = ""
    due_at: datetime | None = None
    accepted_at: datetime | None = None
    state: str = "待接"  # 待接 已接 无人接
    passed: tuple[tuple[str, str], ...] = ()  # who did not take it, and why
    why: str = ""  # it was offered to this advisor

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {name: moment(row[name]) for name in ("due_at", "accepted_at")}
        passed = tuple((str(who), str(why)) for who, why in json.loads(row["passed"]))
        return cls(**{**row, **times, "arrived_at": at(row["arrived_at"]), "passed": passed})


def put(db: Db, lead: Lead) -> None:
    """Insert, or write it as it is given."""
    values: dict[str, Any] = {f.name: getattr(lead, f.name) for f in fields(Lead)}
    values["passed"] = json.dumps(lead.passed, ensure_ascii=False)
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    news = ", ".join(f"{name} = excluded.{name}" for name in values if name != "id")
    db.run(f"insert into leads ({names}) values ({marks})"
           f" on conflict (id) do update set {news}", **values)  # fmt: skip


def packed(lead: Lead) -> dict[str, Any]:
    """As a row has it, in texts; `Lead.from_row` reads it again."""
    row = {f.name: getattr(lead, f.name) for f in fields(Lead)}
    row["passed"] = json.dumps(lead.passed, ensure_ascii=False)
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in row.items()}


def remove(db: Db, lead_id: str) -> None:
    db.run("delete from leads where id = :id", id=lead_id)


def get(db: Db, lead_id: str) -> Lead | None:
    row = one(db, "select * from leads where id = :id", id=lead_id)
    return Lead.from_row(row) if row else None


def of(db: Db, customer: str) -> list[Lead]:
    """All of a customer's, the newest first."""
    sql = "select * from leads where customer = :c order by arrived_at desc, id"
    return [Lead.from_row(row) for row in db.rows(sql, c=customer)]


def due(db: Db, now: datetime, limit: int = 200) -> list[Lead]:
    sql = "select * from leads where due_at <= :now order by due_at, id limit :limit"
    return [Lead.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def claim(db: Db, lead: Lead, to: datetime | None) -> bool:
    """Take the turn of a lead that nobody accepted in time; False when it moved meanwhile."""
    sql = "update leads set due_at = :to where id = :id and due_at = :was and state = '待接'"
    return db.run(sql, to=to, id=lead.id, was=lead.due_at) == 1


def waiting(db: Db, advisor: str) -> int:
    """Offered to them and not answered yet."""
    sql = "select count(*) from leads where advisor = :a and state = '待接'"
    return number(db, sql, a=advisor)


def arrived(db: Db, store: str, since: datetime) -> int:
    """How many came to a store since then."""
    sql = "select count(*) from leads where store = :s and arrived_at >= :since"
    return number(db, sql, s=store, since=since)


def invited(db: Db, inviter: str) -> list[str]:
    """Customers whom somebody invited and another advisor looks after."""
    sql = "select distinct customer from leads where inviter = :i and inviter <> '' order by 1"
    return [row["customer"] for row in db.rows(sql, i=inviter)]


def invites(db: Db, inviter: str, customer: str) -> bool:
    sql = "select 1 from leads where inviter = :i and customer = :c and inviter <> '' limit 1"
    return bool(db.rows(sql, i=inviter, c=customer))


def taken(db: Db, customer: str, by: str, store: str, now: datetime) -> None:
    """Whoever looks after the customer now has accepted what was still open."""
    sql = """update leads set advisor = :by, store = :store, state = '已接', due_at = null,
        accepted_at = coalesce(accepted_at, :now) where customer = :c and state <> '已接'"""
    db.run(sql, by=by, store=store, now=now, c=customer)


def open_of(db: Db, advisors: Iterable[str]) -> list[Lead]:
    """Offered to these advisors, and not answered yet."""
    sql = "select * from leads where advisor = :a and state = '待接' order by arrived_at, id"
    return [Lead.from_row(row) for a in advisors for row in db.rows(sql, a=a)]
