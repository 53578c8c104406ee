"""微信客服: how far each account was read, and how a session with a visitor stands."""

import json
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, moment, one

BOT, PERSON, ENDED = "bot", "person", "ended"
BUDGET = 5  # messages within 48 hours of the customer's last one; the platform's rule


@dataclass(frozen=True, slots=True)
class Session:
    """`asked` are the ids of the menu questions that were put; `budget` messages are left."""

    customer: str
    open_kfid: str
    state: str = BOT
    servicer: str = ""
    said_at: datetime | None = None
    budget: int = 0
    asked: tuple[str, ...] = ()


def cursor(db: Db, open_kfid: str) -> str:
    row = one(db, "select cursor from kf_accounts where open_kfid = :id", id=open_kfid)
    return str(row["cursor"]) if row else ""


def move(db: Db, open_kfid: str, to: str, now: datetime) -> None:
    """In the transaction that keeps the messages before it."""
    sql = """insert into kf_accounts (open_kfid, cursor, pulled_at) values (:id, :to, :now)
        on conflict (open_kfid) do update set cursor = excluded.cursor,
            pulled_at = excluded.pulled_at"""
    db.run(sql, id=open_kfid, to=to, now=now)


def forget(db: Db, open_kfid: str) -> None:
    """The account is no longer ours to read."""
    db.run("delete from kf_accounts where open_kfid = :id", id=open_kfid)


def silent(db: Db, since: datetime) -> list[str]:
    """Accounts that nothing was pulled from lately; a bell may have been missed."""
    sql = "select open_kfid from kf_accounts where pulled_at < :since order by open_kfid"
    return [str(row["open_kfid"]) for row in db.rows(sql, since=since)]


def session(db: Db, customer: str, open_kfid: str) -> Session:
    """A fresh one for a visitor who was never seen."""
    sql = "select * from kf_sessions where customer = :c and open_kfid = :k"
    row = one(db, sql, c=customer, k=open_kfid)
    if row is None:
        return Session(customer, open_kfid)
    return Session(**{**row, "said_at": moment(row["said_at"]),
                      "asked": tuple(json.loads(row["asked"]))})  # fmt: skip


def put(db: Db, found: Session) -> None:
    sql = """insert into kf_sessions (customer, open_kfid, state, servicer, said_at, budget, asked)
        values (:c, :k, :state, :servicer, :said, :budget, :asked)
        on conflict (customer, open_kfid) do update set state = excluded.state,
            servicer = excluded.servicer, said_at = excluded.said_at, budget = excluded.budget,
            asked = excluded.asked"""
    db.run(sql, c=found.customer, k=found.open_kfid, state=found.state, servicer=found.servicer,
           said=found.said_at, budget=found.budget, asked=json.dumps(found.asked))  # fmt: skip
