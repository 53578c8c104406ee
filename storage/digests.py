"""Digests as they were sent, so that 详情 3 means the line that was read."""

import json
from datetime import datetime
from typing import Any

from storage.db import Db


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
