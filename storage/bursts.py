"""The latest burst of each customer: its messages, and what was believed before it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.db import Db, Row, at, one


@dataclass(frozen=True, slots=True)
class Burst:
    """`body` holds what is needed to read it anew; see `handlers.bursts`."""

    customer: str
    source: str
    member: str
    first_at: datetime
    last_at: datetime
    body: dict[str, Any]


def get(db: Db, customer_id: str) -> Burst | None:
    row = one(db, "select * from bursts where customer = :c", c=customer_id)
    if row is None:
        return None
    return Burst(row["customer"], row["source"], row["member"], at(row["first_at"]),
                 at(row["last_at"]), json.loads(row["body"]))  # fmt: skip


def put(db: Db, burst: Burst) -> None:
    """Keep it in place of the customer's earlier one."""
    sql = """insert into bursts (customer, source, member, first_at, last_at, body)
        values (:c, :source, :member, :first, :last, :body)
        on conflict (customer) do update set source = excluded.source,
            member = excluded.member, first_at = excluded.first_at, last_at = excluded.last_at,
            body = excluded.body"""
    body = json.dumps(burst.body, ensure_ascii=False)
    db.run(sql, c=burst.customer, source=burst.source, member=burst.member, first=burst.first_at,
           last=burst.last_at, body=body)  # fmt: skip


def forget(db: Db, before: datetime) -> int:
    return db.run("delete from bursts where last_at < :before", before=before)


def said(db: Db, customer_id: str, since: datetime, until: datetime) -> list[Row]:
    """What was said to and by a customer in that time, the oldest first."""
    sql = """select id, who, member, text, at, source from messages where customer = :c
        and at >= :since and at <= :until order by at, id limit 100"""
    return db.rows(sql, c=customer_id, since=since, until=until)


def moments(db: Db, customer_id: str, since: datetime) -> list[datetime]:
    """When a customer said something."""
    sql = """select at from messages where customer = :c and who = 'customer' and at >= :since
        order by at limit 1000"""
    return [at(row["at"]) for row in db.rows(sql, c=customer_id, since=since)]


def message(db: Db, msg_id: str) -> Row | None:
    return one(db, "select * from messages where id = :id", id=msg_id)


def waiting(db: Db, msg_id: str, channel: str, lane: str) -> list[dict[str, Any]]:
    """What came in the same lane after this message and has not been handled yet."""
    sql = """select body from inbox where state = 'new' and channel = :channel and lane = :lane
        and seq > (select seq from inbox where id = :id) order by seq limit 20"""
    return [json.loads(row["body"]) for row in
            db.rows(sql, channel=channel, lane=lane, id=msg_id)
            if row["body"].startswith("{")]  # fmt: skip
