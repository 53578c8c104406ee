"""The points ledger: rows are only ever added, each with its reason and a key of its own."""

from datetime import datetime

from storage.db import Db, Row, number


def add(
    db: Db, *, key: str, chat_id: str, member: str, delta: int, reason: str, now: datetime
) -> bool:
    """Book points; False when this key was booked before."""
    sql = """insert into points (id, chat_id, member, delta, reason, at)
        values (:key, :chat, :member, :delta, :reason, :now) on conflict (id) do nothing"""
    return (
        db.run(sql, key=key, chat=chat_id, member=member, delta=delta, reason=reason, now=now) == 1
    )


def balance(db: Db, chat_id: str, member: str) -> int:
    sql = "select sum(delta) from points where chat_id = :chat and member = :member"
    return number(db, sql, chat=chat_id, member=member)


def board(db: Db, chat_id: str, limit: int = 10) -> list[Row]:
    """Members by points; who got there first stands above on a tie."""
    sql = """select member, sum(delta) as points, max(at) as at from points
        where chat_id = :chat group by member having sum(delta) > 0
        order by points desc, at, member limit :limit"""
    return db.rows(sql, chat=chat_id, limit=limit)
