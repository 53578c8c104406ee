"""What must leave the process: rows that wait until WeCom has taken them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, moment, number

AMONG = """and target = any(:targets) and not exists (select 1 from outbox before
    where before.target = outbox.target and before.state = 'waiting' and before.due_at > :now
    and before.seq < outbox.seq)"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to send; `repeat` counts equal bodies to the same person before it.

    `tried_at` is the first attempt whose outcome nobody knows; None when all were refused.
    """

    id: str
    kind: str
    target: str
    body: str
    attempts: int
    request: str | None
    created_at: datetime
    repeat: int
    tried_at: datetime | None = None
    urgency: int = 0  # the smaller, the sooner


def put(
    db: Db, *, parcel_id: str, cause: str, kind: str, target: str, body: str, digest: str,
    now: datetime, due: datetime | None = None, urgency: int = 0,
) -> None:  # fmt: skip
    """Add a parcel behind those that already wait for the same person, and not before `due`.

    What stands before it for the same person becomes as urgent, so that their order is kept.
    """
    sql = """insert into outbox (id, seq, cause, kind, target, body, state, due_at, attempts,
            created_at, digest, urgency)
        values (:id, (select coalesce(max(seq), 0) + 1 from outbox), :cause, :kind, :target,
                :body, 'waiting',
                coalesce((select max(due_at) from outbox where target = :target
                          and state = 'waiting' and due_at > :due), :due),
                0, :now, :digest, :urgency) on conflict (id) do nothing"""
    db.run(
        sql, id=parcel_id, cause=cause, kind=kind, target=target, body=body, digest=digest,
        now=now, due=due or now, urgency=urgency,
    )  # fmt: skip
    db.run("""update outbox set urgency = :urgency where target = :target and state = 'waiting'
              and urgency > :urgency""", target=target, urgency=urgency)  # fmt: skip


def drop(db: Db, cause: str, kind: str) -> int:
    """What need not leave any more; ids begin with their cause, so no other index is wanted."""
    sql = """delete from outbox where id >= :from_id and id < :to_id and kind = :kind
        and state = 'waiting'"""
    return db.run(sql, from_id=f"{cause}#", to_id=f"{cause}$", kind=kind)


def due(db: Db, now: datetime, limit: int = 50, targets: list[str] | None = None) -> list[Parcel]:
    """What may be tried now, the urgent first and of those the oldest.

    A whole lane waits together and its first is as urgent as any, so order in it is kept.

    Of `targets` only a PostgreSQL is asked. There something may be added while the lane is put
    off by another process, so what stands before it is looked at as well.
    """
    among, given = ("", {}) if targets is None else (AMONG, {"targets": targets})
    sql = f"""select o.*, (select count(*) from outbox s where s.digest = o.digest
              and s.seq < o.seq) as repeat
        from (select * from outbox where state = 'waiting' and due_at <= :now {among}
              order by urgency, seq limit :limit) o order by o.urgency, o.seq"""
    return [_parcel(row) for row in db.rows(sql, now=now, limit=limit, **given)]


def _parcel(row: Row) -> Parcel:
    return Parcel(
        row["id"], row["kind"], row["target"], row["body"], row["attempts"], row["request"],
        at(row["created_at"]), row["repeat"], moment(row["tried_at"]), row["urgency"],
    )  # fmt: skip


def prepared(db: Db, parcel_id: str, request: str | None, now: datetime | None = None) -> None:
    """Keep the exact bytes before the first attempt, so that a repeat is the same to the byte.

    `now` counts as an attempt of unknown outcome, until it is known.
    """
    sql = "update outbox set request = :request, tried_at = :now where id = :id"
    db.run(sql, id=parcel_id, request=request, now=now)


def untried(db: Db, parcels: Sequence[Parcel]) -> None:
    """They were made ready and then not tried, so they are as certain as they were before."""
    sql = "update outbox set tried_at = :tried where id = :id and state = 'waiting'"
    db.many(sql, [{"id": parcel.id, "tried": parcel.tried_at} for parcel in parcels])


def sent(
    db: Db, ids: Sequence[str], now: datetime, msgid: str = "", response_code: str = ""
) -> None:
    """`msgid` takes it back within a day; `response_code` gives a card one new face."""
    sql = """update outbox set state = 'sent', sent_at = :now, attempts = attempts + 1,
        error = null, msgid = :msgid, response_code = :code where id = :id"""
    for i in ids:  # nearly always a single one
        db.run(sql, id=i, now=now, msgid=msgid, code=response_code)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that somebody has; its code is spent once it was used."""

    id: str
    kind: str
    cause: str
    body: str
    msgid: str
    response_code: str
    sent_at: datetime


def shown(db: Db, target: str, since: datetime) -> list[Shown]:
    """What went to a member since then and can still be found at the platform."""
    sql = """select id, kind, cause, body, msgid, response_code, sent_at from outbox
        where target = :target and sent_at > :since and msgid <> '' order by sent_at"""
    rows = db.rows(sql, target=target, since=since)
    return [Shown(**{**row, "sent_at": at(row["sent_at"])}) for row in rows]


def spend(db: Db, parcel_id: str) -> None:
    """The card has its new face, or the message is gone."""
    db.run("update outbox set response_code = '', msgid = '' where id = :id", id=parcel_id)


def postponed(
    db: Db, parcel: Parcel, due_at: datetime, error: str, tried_at: datetime | None = None
) -> None:
    """Tried in vain: again later, and whatever waits for the same person not before."""
    sql = """update outbox set attempts = attempts + 1, error = :error, tried_at = :tried
        where id = :id"""
    db.run(sql, id=parcel.id, error=error, tried=tried_at)
    held(db, parcel.target, due_at)


def held(db: Db, target: str, due_at: datetime) -> None:
    """Let everything for a person wait till then; a rate limit is no failure."""
    sql = """update outbox set due_at = :due where target = :target and state = 'waiting'
        and due_at < :due"""
    db.run(sql, target=target, due=due_at)


def dead(db: Db, parcel_id: str, error: str) -> None:
    sql = """update outbox set state = 'dead', error = :error, attempts = attempts + 1
        where id = :id"""
    db.run(sql, id=parcel_id, error=error)


def shadowed(db: Db, parcel_id: str, now: datetime) -> None:
    """It would have been sent now."""
    sql = "update outbox set state = 'shadow', tried_at = :now where id = :id"
    db.run(sql, id=parcel_id, now=now)


def would_have(db: Db, since: datetime, until: datetime) -> list[Row]:
    """What a shadow would have sent, the oldest first."""
    sql = """select tried_at, target, kind, body from outbox where state = 'shadow'
        and state <> 'waiting' and created_at >= :since and created_at < :until order by seq"""
    return db.rows(sql, since=since, until=until)


def unknown(db: Db, parcel_id: str, error: str) -> None:
    """Perhaps taken, perhaps not, and too old for the platform to tell a repeat."""
    sql = """update outbox set state = 'unknown', error = :error, attempts = attempts + 1
        where id = :id"""
    db.run(sql, id=parcel_id, error=error)


def given_up(db: Db, limit: int = 500) -> list[Row]:
    """What a person must look at: refused for good, or of unknown fate after a restore."""
    sql = """select id, kind, target, created_at, error from outbox
        where state in ('dead', 'unknown') and state <> 'waiting' order by seq limit :limit"""
    return db.rows(sql, limit=limit)


def revive(db: Db, now: datetime) -> int:
    """Give dead parcels one more round; a picture is uploaded anew, since uploads expire."""
    sql = """update outbox set state = 'waiting', due_at = :now, attempts = 0,
        request = case when kind = 'picture' then null else request end
        where state = 'dead' and state <> 'waiting'"""
    return db.run(sql, now=now)


def hold_back(db: Db, why: str) -> int:
    """After a restore nobody knows what of this was sent; a person decides."""
    return db.run(
        "update outbox set state = 'unknown', error = :why where state = 'waiting'", why=why
    )


def sent_since(db: Db, target: str, since: datetime) -> int:
    sql = "select count(*) from outbox where target = :target and sent_at > :since"
    return number(db, sql, target=target, since=since)


def moments_since(db: Db, target: str, since: datetime) -> int:
    """The same where what left together counts once."""
    sql = """select count(distinct sent_at) from outbox
        where target = :target and sent_at > :since"""
    return number(db, sql, target=target, since=since)


def sent_in_all(db: Db, since: datetime) -> int:
    return number(db, "select count(*) from outbox where sent_at > :since", since=since)


def depth(db: Db) -> dict[str, int]:
    sql = """select state, count(*) as n from outbox where state <> 'waiting' group by state
        union all select state, count(*) from outbox where state = 'waiting' group by state"""
    return {row["state"]: row["n"] for row in sorted(db.rows(sql), key=lambda row: row["state"])}


def next_due(db: Db) -> datetime | None:
    rows = db.rows("select min(due_at) as due from outbox where state = 'waiting'")
    return at(rows[0]["due"]) if rows and rows[0]["due"] else None
