"""The pages of the customer groups: who came as a stranger, and what a page reads of the games."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.db import Db, Row, at, one


@dataclass(frozen=True, slots=True)
class Visitor:
    """`customer` is who an advisor says they are, `claimed` whose number they gave, `lead` whom
    their own request made."""

    visitor: str
    customer: str
    claimed: str
    lead: str
    chat_id: str
    at: datetime


def visitor(db: Db, visitor_id: str) -> Visitor | None:
    row = one(db, "select * from h5_visitors where visitor = :id", id=visitor_id)
    return Visitor(**{**row, "at": at(row["at"])}) if row else None


def put(db: Db, found: Visitor) -> None:
    sql = """insert into h5_visitors (visitor, customer, claimed, lead, chat_id, at)
        values (:id, :customer, :claimed, :lead, :chat, :at)
        on conflict (visitor) do update set customer = excluded.customer,
            claimed = excluded.claimed, lead = excluded.lead, chat_id = excluded.chat_id,
            at = excluded.at"""
    db.run(sql, id=found.visitor, customer=found.customer, claimed=found.claimed, lead=found.lead,
           chat=found.chat_id, at=found.at)  # fmt: skip


def tapped(db: Db, key: str, now: datetime, step: timedelta, within: timedelta) -> bool:
    """Take one of the taps that a span allows; False when they are used up.

    One number a visitor, the moment when all their taps are back, in one statement: processes
    that ask at the same time get no more than one does. Who is far past needs no row.
    """
    sql = f"""insert into h5_taps (id, free_at) values (:key, :now + :step)
        on conflict (id) do update set free_at = {_LATER} + :step
        where {_LATER} + :step <= :now + :within"""
    moment = round(now.timestamp() * 1000)
    db.run("delete from h5_taps where free_at <= :now and id <> :key", now=moment, key=key)
    return db.run(sql, key=key, now=moment, step=_ms(step), within=_ms(within)) == 1


_LATER = "(case when h5_taps.free_at > :now then h5_taps.free_at else :now end)"


def _ms(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))


def seat(db: Db, chat_id: str, member: str) -> Row | None:
    """Their place in the group, while they are in it."""
    sql = """select member, name, staff, joined_at from group_members
        where chat_id = :chat and member = :member and left_at is null"""
    return one(db, sql, chat=chat_id, member=member)


def remarked(db: Db, member: str, name: str) -> bool:
    """Whether that is how an advisor calls them among themselves, and not their own nickname."""
    sql = """select 1 from relations where customer = :member and remark = :name
        and nickname <> :name"""
    return one(db, sql, member=member, name=name) is not None


def answers(db: Db, round_id: str, player: str) -> list[str]:
    """What was said to somebody's moves, the newest first."""
    sql = """select said from game_moves where round = :round and player = :player
        order by at desc, id limit 3"""
    return [row["said"] for row in db.rows(sql, round=round_id, player=player)]


def last_said(db: Db, round_id: str) -> str:
    sql = "select said from game_moves where round = :round order by at desc, id limit 1"
    row = one(db, sql, round=round_id)
    return str(row["said"]) if row else ""


def entered(db: Db, draw_id: str, ticket: str) -> bool:
    sql = "select 1 from draw_entries where draw = :draw and ticket = :ticket"
    return one(db, sql, draw=draw_id, ticket=ticket) is not None
