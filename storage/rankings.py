"""What the members of a group did in a span of time, for their rankings."""

from datetime import date, datetime, timedelta

from storage.db import Db, Row

LONGEST = timedelta(days=60)  # that a game may stay open


def seats(db: Db, chat_id: str, staff: bool) -> list[Row]:
    """Who may stand in a ranking: in the group now, and neither out of the games nor opted out.

    Staff only where the group is theirs.
    """
    sql = """select m.member, m.name, m.joined_at from group_members m
        where m.chat_id = :chat and m.left_at is null and (m.staff = 0 or :staff = 1)
            and not exists (select 1 from sitting_out o where o.member = m.member)
            and not exists (select 1 from customers c where c.id = m.member
                and c.opted_out_at is not null)
        order by m.joined_at, m.member"""
    return db.rows(sql, chat=chat_id, staff=int(staff))


def said(db: Db, chat_id: str, since: datetime, until: datetime, wordless: str) -> list[Row]:
    """What was said in the group, as far as it may be read; the oldest first."""
    sql = """select m.customer as member, m.text, m.at from group_members g
        join messages m on m.customer = g.member and m.at >= :since and m.at < :until
        where g.chat_id = :chat and g.left_at is null and m.member = :chat
            and m.who = 'customer' and m.source <> :wordless order by m.at, m.id"""
    return db.rows(sql, chat=chat_id, since=since, until=until, wordless=wordless)


def played(db: Db, chat_id: str, since: datetime, until: datetime) -> dict[str, int]:
    """In how many rounds each took part."""
    sql = """select m.player as member, count(distinct m.round) as n from games g
        join game_moves m on m.round = g.id and m.at >= :since and m.at < :until
        where g.chat_id = :chat and g.started_at >= :early group by m.player"""
    return _counted(db.rows(sql, chat=chat_id, since=since, until=until, early=since - LONGEST))


def checked_in(db: Db, chat_id: str, first: date, last: date) -> dict[str, int]:
    """On how many of these days each was there; a made-up day is none."""
    sql = """select member, count(*) as n from checkins where chat_id = :chat and day >= :first
        and day <= :last and made_up = 0 group by member"""
    rows = db.rows(sql, chat=chat_id, first=first.isoformat(), last=last.isoformat())
    return _counted(rows)


def invited(db: Db, chat_id: str, since: datetime, until: datetime) -> dict[str, int]:
    """Whom each brought in who is still there."""
    sql = """select invitor as member, count(*) as n from group_members where chat_id = :chat
        and invitor <> '' and left_at is null and joined_at >= :since and joined_at < :until
        and staff = 0 group by invitor"""
    return _counted(db.rows(sql, chat=chat_id, since=since, until=until))


def _counted(rows: list[Row]) -> dict[str, int]:
    return {str(row["member"]): int(row["n"]) for row in rows}


def rooms(db: Db, behind: str, internal: str, limit: int) -> list[Row]:
    """The next customer groups of a walk over all of them."""
    sql = """select * from groups where chat_id > :behind and dismissed_at is null
        and kind <> :internal order by chat_id limit :limit"""
    return db.rows(sql, behind=behind, internal=internal, limit=limit)
