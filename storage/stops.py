"""急停: nothing leaves by a way that was stopped, until somebody lifts it; it waits as a row."""

from dataclasses import dataclass
from datetime import datetime

from storage import surfaces
from storage.db import Db, at, number
from storage.outbox import Parcel

ALL = "*"
WAYS = ("app", "contact", "kf", "aibot", "webhook")
# These only ask the platform; nobody is told anything by them.
READING = ("lookup", "ask", "mass_result", "kf_pull", "kf_who")


@dataclass(frozen=True, slots=True)
class Stop:
    way: str  # one of WAYS, or ALL
    by_whom: str
    why: str
    at: datetime


def put(db: Db, way: str, *, by: str, why: str, now: datetime) -> None:
    sql = """insert into stops (way, by_whom, why, at) values (:way, :by, :why, :now)
        on conflict (way) do update set by_whom = excluded.by_whom, why = excluded.why,
            at = excluded.at"""
    db.run(sql, way=way, by=by, why=why, now=now)


def lift(db: Db, way: str) -> bool:
    """Of one way, or of all of them."""
    if way == ALL:
        return db.run("delete from stops") > 0
    return db.run("delete from stops where way = :way", way=way) > 0


def on(db: Db) -> list[Stop]:
    rows = db.rows("select way, by_whom, why, at from stops order by way")
    return [Stop(**{**row, "at": at(row["at"])}) for row in rows]


def holds(stopped: frozenset[str], parcel: Parcel) -> bool:
    """Whether this may not leave now."""
    if not stopped or parcel.kind in READING:
        return False
    return ALL in stopped or surfaces.surface(parcel.kind, parcel.target) in stopped


def silent(db: Db, channel: str) -> bool:
    """Whether not even the callback's own answer is given on this channel."""
    sql = "select 1 from stops where way = :way or way = :all"
    return bool(db.rows(sql, way=channel, all=ALL))


def waiting(db: Db) -> int:
    return number(db, "select count(*) from outbox where state = 'waiting'")


def expire(db: Db, before: datetime) -> int:
    """What waited so long that it is old news; `replay --failed` brings it back."""
    sql = """update outbox set state = 'dead', error = '急停期间过期，没有发'
        where state = 'waiting' and created_at < :before and attempts = 0"""
    return db.run(sql, before=before)
