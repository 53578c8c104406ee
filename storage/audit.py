"""Who looked at or changed whose data: a chain of rows, each sealed by the one before it.

Customers stand in it by a keyed mark, so that it stays whole when one of them is forgotten.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from storage import erasure
from storage.db import Db, Row, one, stamp

START = "0" * 64


def note(db: Db, *, who: str, what: str, customer: str, now: datetime) -> None:
    """Add one row; in the transaction of what it tells of."""
    last = one(db, "select seq, seal from audit order by seq desc limit 1")
    seq, before = (last["seq"] + 1, last["seal"]) if last else (1, START)
    about = erasure.mark(erasure.key(db), customer) if customer else ""
    row = {"seq": seq, "at": stamp(now), "who": who, "what": what, "about": about}
    sql = """insert into audit (seq, at, who, what, about, seal)
        values (:seq, :at, :who, :what, :about, :seal)"""
    db.run(sql, **row, seal=seal(before, row))


def seal(before: str, row: Row) -> str:
    told = "\x1f".join([before, *(str(row[n]) for n in ("seq", "at", "who", "what", "about"))])
    return hashlib.sha256(told.encode()).hexdigest()


def broken(db: Db) -> int | None:
    """The number of the first row that was changed, removed or put in; None when all hold."""
    before, expected = START, 1
    for row in _rows(db):
        if row["seq"] != expected or row["seal"] != seal(before, row):
            return expected
        before, expected = row["seal"], expected + 1
    return None


def _rows(db: Db, page: int = 5000) -> Iterator[Row]:
    after = 0
    while rows := db.rows("select * from audit where seq > :after order by seq limit :page",
                          after=after, page=page):  # fmt: skip
        yield from rows
        after = rows[-1]["seq"]


def about(db: Db, customer: str, limit: int = 20) -> list[Row]:
    """Who had to do with this customer, the newest first."""
    alias = erasure.mark(erasure.key(db), customer)
    return db.rows("select at, who, what from audit where about = :a order by seq desc limit :n",
                   a=alias, n=limit)  # fmt: skip
