"""Check-ins: one row a member, group and business day; the streak is counted from the rows."""

from datetime import date, datetime, timedelta
from itertools import pairwise

from storage.db import Db, number


def add(db: Db, *, chat_id: str, member: str, day: date, now: datetime, words: str = "") -> bool:
    """Check in; False when that day is taken already."""
    sql = """insert into checkins (chat_id, member, day, at, words)
        values (:chat, :member, :day, :now, :words)
        on conflict (chat_id, member, day) do nothing"""
    return db.run(sql, chat=chat_id, member=member, day=day.isoformat(), now=now, words=words) == 1


def days(db: Db, chat_id: str, member: str) -> list[date]:
    """The days of a member, the latest first."""
    sql = """select day from checkins where chat_id = :chat and member = :member
        order by day desc"""
    return [date.fromisoformat(row["day"]) for row in db.rows(sql, chat=chat_id, member=member)]


def streak(found: list[date], today: date) -> int:
    """Days in a row up to today, or up to yesterday while today is still open."""
    if not found or found[0] < today - timedelta(days=1):
        return 0
    length = 1
    for later, earlier in pairwise(found):
        if later - earlier != timedelta(days=1):
            break
        length += 1
    return length


def order_of(db: Db, chat_id: str, day: date) -> int:
    """How many have checked in on that day."""
    sql = "select count(*) from checkins where chat_id = :chat and day = :day"
    return number(db, sql, chat=chat_id, day=day.isoformat())


def since(db: Db, member: str, day: date) -> int:
    sql = "select count(*) from checkins where member = :member and day >= :day"
    return number(db, sql, member=member, day=day.isoformat())
