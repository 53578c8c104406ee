"""The keys that sign a member's session, and the taps that were answered already."""

from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, at, one


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    key: str
    at: datetime


def keys(db: Db) -> list[Key]:
    """The newest first: it signs, the others only still hold."""
    rows = db.rows("select id, key, at from cookie_keys order by at desc, id")
    return [Key(row["id"], row["key"], at(row["at"])) for row in rows]


def add(db: Db, fresh: Key) -> None:
    db.run("insert into cookie_keys (id, key, at) values (:id, :key, :at)",
           id=fresh.id, key=fresh.key, at=fresh.at)  # fmt: skip


def drop(db: Db, before: datetime) -> int:
    """Forget keys that no living session can be signed with."""
    return db.run("delete from cookie_keys where at < :before", before=before)


# What a page asked for, so that the same tap twice is done once


def answered(db: Db, tap_id: str) -> str | None:
    row = one(db, "select answer from taps where id = :id", id=tap_id)
    return str(row["answer"]) if row else None


def answer(db: Db, tap_id: str, text: str, now: datetime) -> None:
    db.run("insert into taps (id, answer, at) values (:id, :text, :now)",
           id=tap_id, text=text, now=now)  # fmt: skip


def forget(db: Db, before: datetime) -> int:
    return db.run("delete from taps where at < :before", before=before)
