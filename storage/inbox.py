"""What WeCom told us, kept before it is answered and handled in order of arrival."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, number, one


@dataclass(frozen=True, slots=True)
class Kept:
    """A verified message as it came; `lane` is whose messages must stay in order."""

    id: str
    channel: str
    lane: str
    body: str


@dataclass(frozen=True, slots=True)
class Dealt:
    """`reply` is the plaintext of the passive reply, "" when there is none."""

    done: bool
    reply: str
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    kept: Kept
    received_at: datetime
    attempts: int


def keep(db: Db, msg: Kept, now: datetime) -> bool:
    """Store it; False when it was known already, and then nothing changes."""
    sql = """insert into inbox (id, seq, channel, lane, body, received_at, state, attempts)
        values (:id, (select coalesce(max(seq), 0) + 1 from inbox), :channel, :lane, :body, :now,
                'new', 0) on conflict (id) do nothing"""
    changed = db.run(sql, id=msg.id, channel=msg.channel, lane=msg.lane, body=msg.body, now=now)
    return changed == 1


OTHERS = """with recursive lanes (lane) as (
        select min(lane) from inbox where state = 'new' and lane <> :busy
        union all
        select (select min(lane) from inbox where state = 'new' and lane > lanes.lane
                and lane <> :busy)
        from lanes where lanes.lane is not null)
    select lane from lanes where lane is not null limit :most"""
FIRST = "select * from inbox where state = 'new' and lane = :lane order by seq limit 1"


def waiting(db: Db, limit: int, lanes: list[str] | None = None) -> list[Waiting]:
    """The oldest of all; or of these conversations, which only a PostgreSQL is asked for."""
    among, given = ("", {}) if lanes is None else ("and lane = any(:lanes)", {"lanes": lanes})
    sql = f"select * from inbox where state = 'new' {among} order by seq limit :limit"
    rows = db.rows(sql, limit=limit, **given)
    if len(rows) == limit:
        rows = _shared(db, rows, lanes)
    return [
        Waiting(
            Kept(row["id"], row["channel"], row["lane"], row["body"]),
            at(row["received_at"]),
            row["attempts"],
        )
        for row in rows
    ]


def _shared(db: Db, rows: list[Row], lanes: list[str] | None) -> list[Row]:
    """Whoever fills most of a batch leaves up to half of it to others, who have each their oldest.

    What is taken of a conversation is its beginning, so order in it is kept.
    """
    busy, count = Counter(row["lane"] for row in rows).most_common(1)[0]
    half = len(rows) // 2
    if count <= half:
        return rows
    found = {row["id"]: row for row in rows if row["lane"] != busy}
    names = _others(db, busy, half) if lanes is None else lanes
    for other in [name for name in names if name != busy][:half]:
        found.update({row["id"]: row for row in db.rows(FIRST, lane=other)})
    mine = [row for row in rows if row["lane"] == busy][: max(len(rows) - len(found), half)]
    return sorted([*found.values(), *mine], key=lambda row: int(row["seq"]))


def _others(db: Db, busy: str, most: int) -> list[str]:
    return [row["lane"] for row in db.rows(OTHERS, busy=busy, most=most)]


def done(db: Db, msg_id: str, now: datetime, reply: str | None = None) -> None:
    sql = """update inbox set state = 'done', done_at = :now, reply = :reply, error = null,
        attempts = attempts + 1 where id = :id"""
    db.run(sql, id=msg_id, now=now, reply=reply)


def empty(db: Db, msg_id: str) -> None:
    """Keep that it came, not what it said; in the transaction that handles it."""
    db.run("update inbox set body = '{}' where id = :id", id=msg_id)


def failed(db: Db, msg_id: str, error: str) -> None:
    sql = (
        "update inbox set state = 'failed', error = :error, attempts = attempts + 1 where id = :id"
    )
    db.run(sql, id=msg_id, error=error)


def reply(db: Db, msg_id: str) -> Dealt | None:
    """How far a message has come; None when it is not known."""
    row = one(db, "select state, reply, lane from inbox where id = :id", id=msg_id)
    return Dealt(row["state"] != "new", row["reply"] or "", row["lane"]) if row else None


def dead(db: Db, limit: int = 500) -> list[dict[str, str]]:
    sql = """select id, channel, lane, received_at, error from inbox where state = 'failed'
        order by seq limit :limit"""
    return db.rows(sql, limit=limit)


def retry(db: Db, msg_id: str) -> bool:
    """Put a failed message back in line."""
    sql = "update inbox set state = 'new' where id = :id and state = 'failed'"
    return db.run(sql, id=msg_id) == 1


def depth(db: Db) -> int:
    return number(db, "select count(*) from inbox where state = 'new'")
