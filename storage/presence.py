"""Who is there and who works on what, where several processes share a PostgreSQL.

Locks of the session: they end with the connection, so whoever is killed holds nothing back.
Only PostgreSQL knows these statements.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from storage.db import Db, Row, number

FAMILY = 7_301  # of our advisory locks
STEPS, ALONE, SERVING, TICKING = 1, 2, 3, 4
INBOX, OUTBOX = 7_302, 7_303  # families of locks, one for each conversation, each receiver
WINDOW = 400  # so many of the oldest rows are looked at
Side = Literal["all", "plain", "linked"]
# Chats with the aibot are reached only by the process that has the long connection.
SIDES: Mapping[Side, str] = MappingProxyType({
    "all": "", "plain": "and not target like 'aibot:%'", "linked": "and target like 'aibot:%'",
})  # fmt: skip


def serve(db: Db) -> bool:
    """Be counted as a server."""
    return _try(db, "pg_try_advisory_lock_shared", SERVING)


def alone(db: Db) -> bool:
    """Whether there is no server, and none begins before we are done."""
    return _try(db, "pg_try_advisory_lock", SERVING)


def leads(db: Db) -> bool:
    """Whether we are the one that ticks; of several the first, and after its end another one."""
    sql = """select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())
        and classid = :family and objid = :ticking and granted"""
    held = number(db, sql, family=FAMILY, ticking=TICKING)
    return bool(held) or _try(db, "pg_try_advisory_lock", TICKING)


def _try(db: Db, how: str, lock: int) -> bool:
    return bool(db.rows(f"select {how}({FAMILY}, {lock}) as ours")[0]["ours"])


def lanes(db: Db, most: int) -> list[str]:
    """Conversations that wait and that nobody else works on, the oldest first; now they are ours.

    Each is asked for once: had it been given free between two of its messages, the second
    might be taken before the first.
    """
    sql = f"""with oldest as materialized (select lane, seq from inbox where state = 'new'
              order by seq limit :window),
            waiting as materialized (select lane, min(seq) as seq from oldest group by lane
              order by min(seq))
        select lane from waiting where pg_try_advisory_lock({INBOX}, hashtext(lane)) limit :most"""
    found = _names(db.rows(sql, window=WINDOW, most=most))
    if len(found) < most and _flooded(db):
        found += _names(db.rows(OTHERS, most=most - len(found), ours=found))
    return found


def _flooded(db: Db) -> bool:
    """Whether more waits than was looked at: one member may fill all of that alone."""
    sql = "select count(*) from (select 1 from inbox where state = 'new' limit :most) waiting"
    return number(db, sql, most=WINDOW + 1) > WINDOW


# Every conversation that waits, by one look into the index for each, however much stands in it.
OTHERS = f"""with recursive names (lane) as (
        select min(lane) from inbox where state = 'new'
        union all
        select (select min(lane) from inbox where state = 'new' and lane > names.lane)
        from names where names.lane is not null),
    waiting as materialized (select lane, (select min(seq) from inbox where state = 'new'
        and lane = names.lane) as seq from names
        where lane is not null and not lane = any(:ours) order by 2)
    select lane from waiting where pg_try_advisory_lock({INBOX}, hashtext(lane)) limit :most"""


def lane(db: Db, name: str) -> bool:
    """This very conversation."""
    sql = f"select pg_try_advisory_lock({INBOX}, hashtext(:name)) as ours"
    return bool(db.rows(sql, name=name)[0]["ours"])


def receivers(db: Db, now: datetime, most: int, side: Side) -> list[str]:
    """Whom something is due for and nobody else sends to, the urgent first; now they are ours."""
    sql = f"""with oldest as materialized (select target, seq, urgency from outbox
              where state = 'waiting' and due_at <= :now {SIDES[side]}
              order by urgency, seq limit :window),
            waiting as materialized (select target, min(seq) as seq from oldest group by target
              order by min(urgency), min(seq))
        select target as lane from waiting
        where pg_try_advisory_lock({OUTBOX}, hashtext(target)) limit :most"""
    return _names(db.rows(sql, now=now, window=WINDOW, most=most))


def free(db: Db, family: int, names: Iterable[str]) -> None:
    for name in names:
        db.rows(f"select pg_advisory_unlock({family}, hashtext(:name))", name=name)


def _names(rows: list[Row]) -> list[str]:
    return [row["lane"] for row in rows]
