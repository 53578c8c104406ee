"""What must leave the process: rows that wait until WeCom has taken them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.db import Db, Row, at, number

SAME_WINDOW = timedelta(hours=4)  # the longest duplicate check WeCom offers


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to send; `repeat` counts equal bodies to the same person within SAME_WINDOW."""

    id: str
    kind: str
    target: str
    body: str
    attempts: int
    request: str | None
    created_at: datetime
    repeat: int


def put(
    db: Db, *, parcel_id: str, cause: str, kind: str, target: str, body: str, digest: str,
    now: datetime,
) -> None:  # fmt: skip
    sql = """insert into outbox (id, seq, cause, kind, target, body, state, due_at, attempts,
            created_at, digest)
        values (:id, (select coalesce(max(seq), 0) + 1 from outbox), :cause, :kind, :target,
                :body, 'waiting', :now, 0, :now, :digest) on conflict (id) do nothing"""
    db.run(
        sql, id=parcel_id, cause=cause, kind=kind, target=target, body=body, digest=digest,
        now=now,
    )  # fmt: skip


def due(db: Db, now: datetime, limit: int = 50) -> list[Parcel]:
    """What may be tried now, oldest first, never past an earlier one to the same person."""
    sql = """select o.*, (select count(*) from outbox s where s.digest = o.digest
              and s.seq < o.seq and s.created_at >= :since) as repeat
        from outbox o where o.state = 'waiting' and o.due_at <= :now
          and not exists (select 1 from outbox e where e.state = 'waiting'
                          and e.target = o.target and e.seq < o.seq and e.due_at > :now)
        order by o.seq limit :limit"""
    return [_parcel(row) for row in db.rows(sql, now=now, since=now - SAME_WINDOW, limit=limit)]


def _parcel(row: Row) -> Parcel:
    return Parcel(
        row["id"], row["kind"], row["target"], row["body"], row["attempts"], row["request"],
        at(row["created_at"]), row["repeat"],
    )  # fmt: skip


def prepared(db: Db, parcel_id: str, request: str) -> None:
    """Keep the exact bytes before the first attempt, so that a repeat is the same to the byte."""
    db.run("update outbox set request = :request where id = :id", id=parcel_id, request=request)


def sent(db: Db, ids: Sequence[str], now: datetime) -> None:
    sql = """update outbox set state = 'sent', sent_at = :now, attempts = attempts + 1,
        error = null where id = :id"""
    db.many(sql, [{"id": i, "now": now} for i in ids])


def postponed(db: Db, parcel_id: str, due_at: datetime, error: str) -> None:
    sql = """update outbox set due_at = :due, attempts = attempts + 1, error = :error
        where id = :id"""
    db.run(sql, id=parcel_id, due=due_at, error=error)


def held(db: Db, parcel_id: str, due_at: datetime) -> None:
    """Not tried, only later: a rate limit is no failure."""
    db.run("update outbox set due_at = :due where id = :id", id=parcel_id, due=due_at)


def dead(db: Db, parcel_id: str, error: str) -> None:
    sql = """update outbox set state = 'dead', error = :error, attempts = attempts + 1
        where id = :id"""
    db.run(sql, id=parcel_id, error=error)


def revive(db: Db, now: datetime) -> int:
    """Give dead parcels one more round."""
    sql = "update outbox set state = 'waiting', due_at = :now, attempts = 0 where state = 'dead'"
    return db.run(sql, now=now)


def hold_back(db: Db, why: str) -> int:
    """After a restore nobody knows what of this was sent; a person decides."""
    return db.run(
        "update outbox set state = 'unknown', error = :why where state = 'waiting'", why=why
    )


def sent_since(db: Db, target: str, since: datetime) -> int:
    sql = "select count(*) from outbox where target = :target and sent_at > :since"
    return number(db, sql, target=target, since=since)


def depth(db: Db) -> dict[str, int]:
    rows = db.rows("select state, count(*) as n from outbox group by state order by state")
    return {row["state"]: row["n"] for row in rows}


def next_due(db: Db) -> datetime | None:
    rows = db.rows("select min(due_at) as due from outbox where state = 'waiting'")
    return at(rows[0]["due"]) if rows and rows[0]["due"] else None
