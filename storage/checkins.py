"""Check-ins: one row a member, group and business day; the streak is counted from the rows."""

from datetime import date, datetime, timedelta
from itertools import pairwise

from storage.db import Db, number


def add(
    db: Db, *, chat_id: str, member: str, day: date, now: datetime, words: str = "",
    made_up: bool = False,
) -> bool:  # fmt: skip
    """Check in; False when that day is taken already."""
    sql = """insert into checkins (chat_id, member, day, at, words, made_up)
        values (:chat, :member, :day, :now, :words, :made_up)
        on conflict (chat_id, member, day) do nothing"""
    return db.run(sql, chat=chat_id, member=member, day=day.isoformat(), now=now, words=words,
                  made_up=int(made_up)) == 1  # fmt: skip


def say(db: Db, chat_id: str, member: str, day: date, words: str) -> bool:
    """Add a sentence to a check-in that has none."""
    sql = """update checkins set words = :words where chat_id = :chat and member = :member
        and day = :day and words = ''"""
    return db.run(sql, words=words, chat=chat_id, member=member, day=day.isoformat()) == 1


def made_up(db: Db, chat_id: str, member: str, since: datetime) -> int:
    """How many make-up cards were used since then."""
    sql = """select count(*) from checkins where chat_id = :chat and member = :member
        and made_up = 1 and at >= :since"""
    return number(db, sql, chat=chat_id, member=member, since=since)


def marks(db: Db, chat_id: str, member: str, first: date, last: date) -> dict[date, bool]:
    """The days checked in between two, and whether each was made up."""
    sql = """select day, made_up from checkins where chat_id = :chat and member = :member
        and day >= :first and day <= :last order by day"""
    rows = db.rows(sql, chat=chat_id, member=member, first=first.isoformat(),
                   last=last.isoformat())  # fmt: skip
    return {date.fromisoformat(row["day"]): bool(row["made_up"]) for row in rows}


def award(db: Db, chat_id: str, member: str, badge: str, now: datetime) -> bool:
    """Give a badge; False when it was given before."""
    sql = """insert into badges (chat_id, member, badge, at)
        values (:chat, :member, :badge, :now) on conflict (chat_id, member, badge) do nothing"""
    return db.run(sql, chat=chat_id, member=member, badge=badge, now=now) == 1


def badges(db: Db, chat_id: str, member: str) -> list[str]:
    sql = """select badge from badges where chat_id = :chat and member = :member
        order by at, badge"""
    return [row["badge"] for row in db.rows(sql, chat=chat_id, member=member)]


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


def of_day(db: Db, day: date) -> dict[str, set[str]]:
    """Who has checked in on that day, by group."""
    found: dict[str, set[str]] = {}
    for row in db.rows("select chat_id, member from checkins where day = :day",
                       day=day.isoformat()):  # fmt: skip
        found.setdefault(row["chat_id"], set()).add(row["member"])
    return found


def since(db: Db, member: str, day: date) -> int:
    sql = "select count(*) from checkins where member = :member and day >= :day"
    return number(db, sql, member=member, day=day.isoformat())
