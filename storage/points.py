"""The points ledger: rows are only ever added, each with its reason and a key of its own.

Growth stands beside it: what was ever earned, never spent and never lost.
"""

from collections.abc import Iterable
from datetime import datetime

from storage.db import Db, Row, number

BALANCE = "select sum(delta) from points where chat_id = :chat and member = :member"


def add(
    db: Db, *, key: str, chat_id: str, member: str, delta: int, reason: str, now: datetime
) -> bool:
    """Book points; False when this key was booked before."""
    sql = """insert into points (id, chat_id, member, delta, reason, at)
        values (:key, :chat, :member, :delta, :reason, :now) on conflict (id) do nothing"""
    return (
        db.run(sql, key=key, chat=chat_id, member=member, delta=delta, reason=reason, now=now) == 1
    )


def earned(db: Db, chat_id: str, member: str, reason: str, since: datetime) -> int:
    sql = """select sum(delta) from points where chat_id = :chat and member = :member
        and reason = :reason and at >= :since and delta > 0"""
    return number(db, sql, chat=chat_id, member=member, reason=reason, since=since)


def spend(
    db: Db, *, key: str, chat_id: str, member: str, cost: int, reason: str, now: datetime
) -> bool:
    """Take points if they are there; False when they are not. In a transaction."""
    hold(db, chat_id, member)
    if balance(db, chat_id, member) < cost:
        return False
    return add(db, key=key, chat_id=chat_id, member=member, delta=-cost, reason=reason, now=now)


def hold(db: Db, chat_id: str, member: str) -> None:
    """Of two spendings at once, the second one reads what the first has left."""
    sql = """update group_members set member = member
        where chat_id = :chat and member = :member"""
    db.run(sql, chat=chat_id, member=member)


def balance(db: Db, chat_id: str, member: str) -> int:
    return number(db, BALANCE, chat=chat_id, member=member)


def board(db: Db, chat_id: str, limit: int = 10) -> list[Row]:
    """Members by points; who got there first stands above on a tie, who left the games nowhere."""
    sql = """select member, sum(delta) as points, max(at) as at from points
        where chat_id = :chat and member not in (select member from sitting_out)
        group by member having sum(delta) > 0
        order by points desc, at, member limit :limit"""
    return db.rows(sql, chat=chat_id, limit=limit)


def history(db: Db, chat_id: str, member: str, limit: int = 8) -> list[Row]:
    """The newest bookings first."""
    sql = """select delta, reason, at from points where chat_id = :chat and member = :member
        order by at desc, id limit :limit"""
    return db.rows(sql, chat=chat_id, member=member, limit=limit)


# Expiry


def aged(db: Db, since: datetime, until: datetime) -> list[tuple[str, str]]:
    """Whose earnings came of age in that span, by group."""
    sql = """select distinct chat_id, member from points
        where at >= :since and at < :until and delta > 0 order by chat_id, member"""
    return [(row["chat_id"], row["member"]) for row in db.rows(sql, since=since, until=until)]


def stale(db: Db, chat_id: str, member: str, until: datetime) -> int:
    """What is left of all that was earned before `until`, the oldest having been spent first."""
    sql = """select sum(case when delta > 0 and at < :until then delta
            when delta < 0 then delta else 0 end) from points
        where chat_id = :chat and member = :member"""
    return max(0, number(db, sql, chat=chat_id, member=member, until=until))


# Growth


def grow(
    db: Db, *, key: str, chat_id: str, member: str, delta: int, reason: str, now: datetime
) -> bool:
    sql = """insert into growth (id, chat_id, member, delta, reason, at)
        values (:key, :chat, :member, :delta, :reason, :now) on conflict (id) do nothing"""
    return (
        db.run(sql, key=key, chat=chat_id, member=member, delta=delta, reason=reason, now=now) == 1
    )


def grown(db: Db, chat_id: str, member: str) -> int:
    sql = "select sum(delta) from growth where chat_id = :chat and member = :member"
    return number(db, sql, chat=chat_id, member=member)


def sums(db: Db, chat_id: str, members: Iterable[str]) -> dict[str, int]:
    """The balance of several members; 0 for who has none."""
    return {member: balance(db, chat_id, member) for member in members}
