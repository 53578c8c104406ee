"""Games in progress and past; a game's state is one JSON value, and so is what the host keeps."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storage.db import Db, Row, at, number, one

LOBBY, OPEN, PAUSED, OVER = "lobby", "open", "paused", "over"


@dataclass(frozen=True, slots=True)
class Round:
    id: str
    chat_id: str
    game: str
    state: str  # lobby, open, paused, over
    body: dict[str, Any]
    started_by: str
    started_at: datetime
    ends_at: datetime
    host: dict[str, Any] = field(default_factory=dict)  # players of the lobby, whose turn it is


def _round(row: Row) -> Round:
    return Round(
        **{
            **row,
            "body": json.loads(row["body"]),
            "host": json.loads(row["host"]),
            "started_at": at(row["started_at"]),
            "ends_at": at(row["ends_at"]),
        }
    )


def begin(db: Db, fresh: Round) -> None:
    sql = """insert into games
            (id, chat_id, game, state, body, started_by, started_at, ends_at, host)
        values (:id, :chat, :game, :state, :body, :by, :now, :ends, :host)"""
    db.run(sql, id=fresh.id, chat=fresh.chat_id, game=fresh.game, state=fresh.state,
           body=_text(fresh.body), by=fresh.started_by, now=fresh.started_at,
           ends=fresh.ends_at, host=_text(fresh.host))  # fmt: skip


def save(db: Db, changed: Round) -> None:
    sql = """update games set body = :body, host = :host, state = :state, ends_at = :ends
        where id = :id"""
    db.run(sql, id=changed.id, body=_text(changed.body), host=_text(changed.host),
           state=changed.state, ends=changed.ends_at)  # fmt: skip


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def live(db: Db, chat_id: str) -> list[Round]:
    """Everything a group has open, the newest first.

    Their rows are held until the transaction ends: of two moves at once, the second one reads
    what the first has left.
    """
    db.run("update games set state = state where chat_id = :chat and state <> 'over'", chat=chat_id)
    sql = """select * from games where chat_id = :chat and state <> 'over'
        order by started_at desc, id"""
    return [_round(row) for row in db.rows(sql, chat=chat_id)]


def shown(db: Db, chat_id: str) -> list[Round]:
    """The same to look at, without holding the rows."""
    sql = """select * from games where chat_id = :chat and state <> 'over'
        order by started_at desc, id"""
    return [_round(row) for row in db.rows(sql, chat=chat_id)]


def current(db: Db, chat_id: str) -> Round | None:
    sql = "select * from games where chat_id = :chat and state = 'open' order by started_at desc"
    rows = db.rows(sql, chat=chat_id)
    return _round(rows[0]) if rows else None


def get(db: Db, round_id: str) -> Round | None:
    row = one(db, "select * from games where id = :id", id=round_id)
    return _round(row) if row else None


def over_time(db: Db, now: datetime) -> list[Round]:
    """Rounds whose time is up and whose end nobody was told."""
    sql = """select * from games where state <> 'over' and ends_at <= :now
        order by ends_at, id limit 200"""
    return [_round(row) for row in db.rows(sql, now=now)]


def latest(db: Db, chat_id: str) -> Round | None:
    sql = "select * from games where chat_id = :chat order by started_at desc, id limit 1"
    rows = db.rows(sql, chat=chat_id)
    return _round(rows[0]) if rows else None


def played(db: Db, chat_id: str, game: str, since: datetime) -> int:
    sql = """select count(*) from games where chat_id = :c and game = :g and started_at >= :since
        and state <> 'lobby'"""
    return number(db, sql, c=chat_id, g=game, since=since)


def recent(db: Db, chat_id: str, game: str, limit: int = 50) -> list[Round]:
    sql = """select * from games where chat_id = :c and game = :g and body <> '{}'
        order by started_at desc, id limit :limit"""
    return [_round(row) for row in db.rows(sql, c=chat_id, g=game, limit=limit)]


# Moves


def moved(db: Db, *, key: str, round_id: str, player: str, said: str, now: datetime) -> None:
    """Note a move and what was answered, so that the same message again changes nothing."""
    sql = """insert into game_moves (id, round, player, at, said)
        values (:key, :round, :player, :now, :said)
        on conflict (id) do update set said = excluded.said"""
    db.run(sql, key=key, round=round_id, player=player, now=now, said=said)


def answered(db: Db, key: str) -> str | None:
    """What was said to this very message before."""
    row = one(db, "select said from game_moves where id = :key", key=key)
    return str(row["said"]) if row else None


def players(db: Db, round_id: str) -> list[str]:
    """The people who took part, whoever sits out by now left aside."""
    sql = """select distinct player from game_moves where round = :round
        and player not in (select member from sitting_out) order by player"""
    return [row["player"] for row in db.rows(sql, round=round_id)]


# 不参加


def sit_out(db: Db, member: str, now: datetime) -> bool:
    sql = """insert into sitting_out (member, at) values (:member, :now)
        on conflict (member) do nothing"""
    return db.run(sql, member=member, now=now) == 1


def come_back(db: Db, member: str) -> bool:
    return db.run("delete from sitting_out where member = :member", member=member) == 1


def out(db: Db, member: str) -> bool:
    """Who left the games, or wants no more messages at all."""
    sql = """select (select count(*) from sitting_out where member = :m)
        + (select count(*) from customers where id = :m and opted_out_at is not null) as n"""
    return number(db, sql, m=member) > 0


# Secrets


def secret(db: Db, name: str) -> bytes:
    """What nobody outside can guess, made once for each store: codes and seeds come from it."""
    row = one(db, "select value from secrets where name = :name", name=name)
    if row is None:
        db.run("""insert into secrets (name, value) values (:name, :value)
            on conflict (name) do nothing""", name=name, value=secrets.token_hex(32))  # fmt: skip
        row = one(db, "select value from secrets where name = :name", name=name)
    return bytes.fromhex(row["value"]) if row else b""


def given(db: Db, name: str, value: str) -> None:
    """A secret that somebody else chose, where there is none yet; `value` is hexadecimal."""
    db.run("""insert into secrets (name, value) values (:name, :value)
        on conflict (name) do nothing""", name=name, value=value)  # fmt: skip


def derived(db: Db, name: str, about: str) -> str:
    return hmac.new(secret(db, name), about.encode(), hashlib.sha256).hexdigest()
