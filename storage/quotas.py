"""Calls of the platform that take nothing just now: one row each, for all processes together."""

from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, one


@dataclass(frozen=True, slots=True)
class Shut:
    """`times` counts the refusals in a row; `opened`: something was taken since."""

    until: datetime
    times: int = 1
    opened: bool = False


def every(db: Db) -> dict[str, Shut]:
    return {row["way"]: _shut(row) for row in db.rows("select * from quotas")}


def of(db: Db, way: str) -> Shut | None:
    row = one(db, "select * from quotas where way = :way", way=way)
    return _shut(row) if row else None


def keep(db: Db, way: str, shut: Shut) -> None:
    sql = """insert into quotas (way, until, times, opened) values (:way, :until, :times, :opened)
        on conflict (way) do update set until = excluded.until, times = excluded.times,
        opened = excluded.opened"""
    db.run(sql, way=way, until=shut.until, times=shut.times, opened=int(shut.opened))


def forget(db: Db, way: str) -> None:
    db.run("delete from quotas where way = :way", way=way)


def _shut(row: Row) -> Shut:
    return Shut(at(row["until"]), row["times"], bool(row["opened"]))
