"""What the bot last asked or showed a member, so that 2 or 明早 has a meaning."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.db import Db, Row, at


@dataclass(frozen=True, slots=True)
class Dialog:
    id: str
    member: str
    kind: str  # suggest, who, which, item, list, digest, undo, focus
    state: str  # open, closed
    body: dict[str, Any]
    at: datetime


def _dialog(row: Row) -> Dialog:
    values = {name: row[name] for name in ("id", "member", "kind", "state")}
    return Dialog(**values, body=json.loads(row["body"]), at=at(row["at"]))


def begin(
    db: Db, *, dialog_id: str, member: str, kind: str, body: dict[str, Any], now: datetime
) -> None:
    sql = """insert into dialogs (id, seq, member, kind, state, body, at)
        values (:id, (select coalesce(max(seq), 0) + 1 from dialogs), :member, :kind, 'open',
            :body, :now) on conflict (id) do nothing"""
    text = json.dumps(body, ensure_ascii=False)
    db.run(sql, id=dialog_id, member=member, kind=kind, body=text, now=now)


def get(db: Db, dialog_id: str) -> Dialog | None:
    rows = db.rows("select * from dialogs where id = :id", id=dialog_id)
    return _dialog(rows[0]) if rows else None


def newest(db: Db, member: str, since: datetime, *kinds: str) -> Dialog | None:
    """The latest open one of these kinds; no kinds means any."""
    sql = """select * from dialogs where member = :m and state = 'open' and at >= :since
        order by seq desc limit 20"""
    rows = db.rows(sql, m=member, since=since)
    return next((_dialog(row) for row in rows if not kinds or row["kind"] in kinds), None)


def since(db: Db, member: str, begin: datetime, kind: str) -> list[Dialog]:
    """Everything of that kind that a member was shown since then, the newest first."""
    sql = """select * from dialogs where member = :m and at >= :since and kind = :kind
        order by seq desc limit 200"""
    return [_dialog(row) for row in db.rows(sql, m=member, since=begin, kind=kind)]


def change(db: Db, dialog_id: str, body: dict[str, Any]) -> None:
    text = json.dumps(body, ensure_ascii=False)
    db.run("update dialogs set body = :body where id = :id", id=dialog_id, body=text)


def close(db: Db, dialog_id: str) -> None:
    db.run("update dialogs set state = 'closed' where id = :id", id=dialog_id)


def forget(db: Db, before: datetime) -> int:
    return db.run("delete from dialogs where at < :before", before=before)
