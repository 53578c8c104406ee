"""Draws: what was announced, who entered, who won; wins are only added, never rewritten."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.db import Db, Row, at, moment, number, one

OPEN, DONE, VOID = "报名中", "已开奖", "作废"
WON, NOBODY = "中奖", "无人"


@dataclass(frozen=True, slots=True)
class Draw:
    """`told` is the announcement of the result."""

    id: str
    chat_id: str
    title: str
    prizes: tuple[dict[str, Any], ...]  # name, count, worth
    rules: dict[str, Any]
    seed: str
    commitment: str
    state: str
    by_whom: str
    made_at: datetime
    closes_at: datetime
    closed_at: datetime | None = None
    entries_hash: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Win:
    id: str
    draw: str
    unit: int
    turn: int
    prize: str
    ticket: str
    state: str
    why: str
    by_whom: str
    at: datetime


def _draw(row: Row) -> Draw:
    times = {"made_at": at(row["made_at"]), "closes_at": at(row["closes_at"]),
             "closed_at": moment(row["closed_at"])}  # fmt: skip
    given = {"prizes": tuple(json.loads(row["prizes"])), "rules": json.loads(row["rules"])}
    return Draw(**{**row, **given, **times})


def begin(db: Db, found: Draw) -> None:
    sql = """insert into draws (id, chat_id, title, prizes, rules, seed, commitment, state,
            by_whom, made_at, closes_at, entries_hash, told)
        values (:id, :chat, :title, :prizes, :rules, :seed, :commitment, :state, :by, :made,
            :closes, '', '')"""
    db.run(sql, id=found.id, chat=found.chat_id, title=found.title,
           prizes=json.dumps(found.prizes, ensure_ascii=False),
           rules=json.dumps(found.rules, ensure_ascii=False), seed=found.seed,
           commitment=found.commitment, state=found.state, by=found.by_whom, made=found.made_at,
           closes=found.closes_at)  # fmt: skip


def get(db: Db, draw_id: str) -> Draw | None:
    row = one(db, "select * from draws where id = :id", id=draw_id)
    return _draw(row) if row else None


def of_chat(db: Db, chat_id: str, *states: str) -> list[Draw]:
    """The newest first."""
    names = {f"s{n}": state for n, state in enumerate(states)}
    marks = ", ".join(f":{key}" for key in names)
    sql = f"""select * from draws where chat_id = :chat and state in ({marks})
        order by made_at desc, id limit 5"""
    return [_draw(row) for row in db.rows(sql, chat=chat_id, **names)]


def everything(db: Db) -> list[Draw]:
    return [_draw(row) for row in db.rows("select * from draws order by made_at, id")]


def due(db: Db, now: datetime) -> list[Draw]:
    sql = "select * from draws where state = '报名中' and closes_at <= :now order by closes_at, id"
    return [_draw(row) for row in db.rows(sql, now=now)]


def close(db: Db, draw_id: str, *, state: str, listed: str, told: str, now: datetime) -> bool:
    """Once; False when somebody closed it before."""
    sql = """update draws set state = :state, entries_hash = :listed, told = :told,
        closed_at = :now where id = :id and state = '报名中'"""
    return db.run(sql, state=state, listed=listed, told=told, now=now, id=draw_id) == 1


def retell(db: Db, draw_id: str, told: str) -> None:
    db.run("update draws set told = :told where id = :id", told=told, id=draw_id)


# Entries


def enter(db: Db, draw_id: str, *, ticket: str, member: str, name: str, now: datetime) -> bool:
    """False when they had entered before."""
    sql = """insert into draw_entries (draw, ticket, member, name, weight, at)
        values (:draw, :ticket, :member, :name, 1, :now) on conflict (draw, ticket) do nothing"""
    return db.run(sql, draw=draw_id, ticket=ticket, member=member, name=name, now=now) == 1


def weigh(db: Db, draw_id: str, ticket: str, weight: int) -> None:
    db.run("update draw_entries set weight = :w where draw = :draw and ticket = :ticket",
           w=weight, draw=draw_id, ticket=ticket)  # fmt: skip


def withdraw(db: Db, draw_id: str, ticket: str) -> None:
    """Before the list is closed; afterwards it stands as it was published."""
    db.run("delete from draw_entries where draw = :draw and ticket = :ticket",
           draw=draw_id, ticket=ticket)  # fmt: skip


def entries(db: Db, draw_id: str) -> list[Row]:
    return db.rows("select * from draw_entries where draw = :draw order by ticket", draw=draw_id)


def entered(db: Db, draw_id: str) -> int:
    return number(db, "select count(*) from draw_entries where draw = :draw", draw=draw_id)


def leave_all(db: Db, member: str) -> int:
    """Out of every draw that is still open."""
    sql = """delete from draw_entries where member = :member
        and draw in (select id from draws where state = '报名中')"""
    return db.run(sql, member=member)


# Wins


def won(db: Db, found: Win) -> None:
    sql = """insert into draw_wins (id, draw, unit, turn, prize, ticket, state, why, by_whom, at)
        values (:id, :draw, :unit, :turn, :prize, :ticket, :state, :why, :by, :at)"""
    db.run(sql, id=found.id, draw=found.draw, unit=found.unit, turn=found.turn, prize=found.prize,
           ticket=found.ticket, state=found.state, why=found.why, by=found.by_whom,
           at=found.at)  # fmt: skip


def void(db: Db, win_id: str, why: str, by: str) -> bool:
    sql = """update draw_wins set state = '作废', why = :why, by_whom = :by
        where id = :id and state in ('中奖', '无人')"""
    return db.run(sql, why=why, by=by, id=win_id) == 1


def wins(db: Db, draw_id: str) -> list[Win]:
    """In the order in which they were decided."""
    rows = db.rows("select * from draw_wins where draw = :draw order by id", draw=draw_id)
    return [Win(**{**row, "at": at(row["at"])}) for row in rows]
