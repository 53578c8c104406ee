"""Two rows that are one person: everything of the one goes to the other, and can come back."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage import tallies
from storage.db import Db, Row, one
from storage.erasure import PLACES, Place

MOVED = {t: p for t, p in PLACES.items() if p.how in ("delete", "unname") and t != "customers"}


@dataclass(frozen=True, slots=True)
class Merge:
    id: str
    kept: str
    gone: str
    body: dict[str, Any]  # what is needed to take it back


def merge(
    db: Db, kept: str, gone: str, news: dict[str, Any], *, merge_id: str, by: str, now: datetime
) -> int:
    """Move all rows of `gone` to `kept`, which takes over `news`; returns how many moved.

    Where both have the same thing (a tag, a group), that of `kept` stays. In one transaction.
    """
    tallies.moved(db, kept)
    tallies.moved(db, gone)
    rows = {t: m for t, p in MOVED.items() if (m := _move(db, t, p, gone, kept))}
    people = [one(db, "select * from customers where id = :id", id=i) for i in (kept, gone)]
    db.run("delete from customers where id = :id", id=gone)
    _set(db, "customers", news, {"id": kept})
    tallies.moved(db, kept)
    body = json.dumps({"rows": rows, "kept": people[0], "gone": people[1]}, ensure_ascii=False)
    db.run(
        """insert into merges (id, kept, gone, body, by_whom, at)
        values (:id, :kept, :gone, :body, :by, :now)""",
        id=merge_id, kept=kept, gone=gone, body=body, by=by, now=now,
    )  # fmt: skip
    return sum(len(found) for found in rows.values())


def _move(db: Db, table: str, place: Place, gone: str, kept: str) -> list[dict[str, Any]]:
    """Each row as it was, and whether it found room on the other side."""
    column = place.columns[0]
    found = db.rows(f"select * from {table} where {column} = :id", id=gone)
    db.run(f"delete from {table} where {column} = :id", id=gone)
    return [{"row": row, "moved": _insert(db, table, {**row, column: kept})} for row in found]


def _insert(db: Db, table: str, row: Row) -> bool:
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    sql = f"insert into {table} ({names}) values ({marks}) on conflict do nothing"
    return db.run(sql, **row) == 1


def _set(db: Db, table: str, news: Row, where: Row) -> None:
    if news:
        pairs = ", ".join(f"{name} = :{name}" for name in news)
        test = " and ".join(f"{name} = :at_{name}" for name in where)
        db.run(f"update {table} set {pairs} where {test}", **news,
               **{f"at_{name}": value for name, value in where.items()})  # fmt: skip


def newest(db: Db, kept: str) -> Merge | None:
    """The last merge into this customer that still holds; of the erased nothing is left to part."""
    sql = """select id, kept, gone, body from merges
        where kept = :kept and undone_at is null and body <> '' order by at desc, id limit 1"""
    row = one(db, sql, kept=kept)
    return Merge(**{**row, "body": json.loads(row["body"])}) if row else None


def part(db: Db, found: Merge, now: datetime) -> None:
    """Take a merge back: what had moved returns; what came afterwards stays with `kept`."""
    tallies.moved(db, found.kept)
    _insert(db, "customers", found.body["gone"])
    was = {n: v for n, v in found.body["kept"].items() if n != "id"}
    _set(db, "customers", was, {"id": found.kept})
    for table, rows in found.body["rows"].items():
        place = MOVED[table]
        for entry in rows:
            _back(db, table, place, entry, found.kept)
    for customer in (found.kept, found.gone):
        tallies.moved(db, customer)
    db.run("update merges set undone_at = :now where id = :id", id=found.id, now=now)


def _back(db: Db, table: str, place: Place, entry: dict[str, Any], kept: str) -> None:
    column, row = place.columns[0], entry["row"]
    if entry["moved"]:
        keys = {**{name: row[name] for name in place.keys}, column: kept}
        test = " and ".join(f"{name} = :{name}" for name in keys)
        db.run(f"delete from {table} where {test}", **keys)
    _insert(db, table, row)


def forget(db: Db, before: datetime) -> int:
    """A merge that is old can no longer be taken back, and holds nobody's data."""
    return db.run("delete from merges where at < :before", before=before)
