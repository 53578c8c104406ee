"""Games in progress and past; a game's state is one JSON value."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.db import Db, Row, at, number


@dataclass(frozen=True, slots=True)
class Round:
    id: str
    chat_id: str
    game: str
    state: str  # open, over
    body: dict[str, Any]
    started_by: str
    started_at: datetime
    ends_at: datetime


def _round(row: Row) -> Round:
    return Round(
        **{
            **row,
            "body": json.loads(row["body"]),
            "started_at": at(row["started_at"]),
            "ends_at": at(row["ends_at"]),
        }
    )


def begin(
    db: Db, *, round_id: str, chat_id: str, game: str, body: dict[str, Any], by: str,
    now: datetime, ends_at: datetime,
) -> None:  # fmt: skip
    sql = """insert into games (id, chat_id, game, state, body, started_by, started_at, ends_at)
        values (:id, :chat, :game, 'open', :body, :by, :now, :ends)"""
    text = json.dumps(body, ensure_ascii=False)
    db.run(sql, id=round_id, chat=chat_id, game=game, body=text, by=by, now=now, ends=ends_at)


def current(db: Db, chat_id: str) -> Round | None:
    sql = "select * from games where chat_id = :chat and state = 'open' order by started_at desc"
    rows = db.rows(sql, chat=chat_id)
    return _round(rows[0]) if rows else None


def latest(db: Db, chat_id: str) -> Round | None:
    sql = "select * from games where chat_id = :chat order by started_at desc, id limit 1"
    rows = db.rows(sql, chat=chat_id)
    return _round(rows[0]) if rows else None


def change(db: Db, round_id: str, body: dict[str, Any], *, over: bool) -> None:
    text = json.dumps(body, ensure_ascii=False)
    state = "over" if over else "open"
    db.run(
        "update games set body = :body, state = :state where id = :id",
        id=round_id, body=text, state=state,
    )  # fmt: skip


def played(db: Db, chat_id: str, game: str, since: datetime) -> int:
    sql = "select count(*) from games where chat_id = :c and game = :g and started_at >= :since"
    return number(db, sql, c=chat_id, g=game, since=since)


def recent(db: Db, chat_id: str, game: str, limit: int = 50) -> list[Round]:
    sql = """select * from games where chat_id = :c and game = :g
        order by started_at desc, id limit :limit"""
    return [_round(row) for row in db.rows(sql, c=chat_id, g=game, limit=limit)]
