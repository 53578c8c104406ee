"""Digests as they were sent, so that 详情 3 means the line that was read; what a reader prefers."""

import json
from datetime import datetime
from typing import Any

from storage.db import Db, number


def keep(
    db: Db, *, digest_id: str, reader: str, edition: str, day: str, body: dict[str, Any],
    now: datetime,
) -> None:  # fmt: skip
    sql = """insert into digests (id, reader, edition, day, body, at)
        values (:id, :reader, :edition, :day, :body, :now) on conflict (id) do nothing"""
    text = json.dumps(body, ensure_ascii=False)
    db.run(sql, id=digest_id, reader=reader, edition=edition, day=day, body=text, now=now)


def latest(db: Db, reader: str) -> dict[str, Any] | None:
    sql = "select body from digests where reader = :reader order by at desc, id limit 1"
    rows = db.rows(sql, reader=reader)
    return json.loads(rows[0]["body"]) if rows else None


def vote(db: Db, reader: str, part: str, step: int, most: int, now: datetime) -> int:
    """One more word for or against a part, within bounds; returns where it stands now."""
    stands = max(-most, min(most, votes_of(db, reader, part) + step))
    sql = """insert into digest_votes (reader, part, votes, at) values (:r, :p, :n, :now)
        on conflict (reader, part) do update set votes = excluded.votes, at = excluded.at"""
    db.run(sql, r=reader, p=part, n=stands, now=now)
    return stands


def votes_of(db: Db, reader: str, part: str) -> int:
    return number(db, "select votes from digest_votes where reader = :r and part = :p",
                  r=reader, p=part)  # fmt: skip


def votes(db: Db, reader: str) -> dict[str, int]:
    """What a reader finds useful, by the name of the part."""
    rows = db.rows("select part, votes from digest_votes where reader = :r", r=reader)
    return {row["part"]: row["votes"] for row in rows}
