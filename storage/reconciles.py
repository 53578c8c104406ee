"""How far a reconcile has come, so that it goes on where it was cut off."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, number, one

RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """`spot` is the cursor within the item at hand, `number` counts the answers taken."""

    id: str
    origin: str  # night or asked
    started_at: datetime
    moved_at: datetime
    state: str = RUNNING
    step: str = "members"
    spot: str = ""
    number: int = 0
    tries: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    error: str = ""
    ended_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {name: at(row[name]) for name in ("started_at", "moved_at")}
        ended = at(row["ended_at"]) if row["ended_at"] else None
        return cls(**{**row, **times, "ended_at": ended, "counts": json.loads(row["counts"])})


def put(db: Db, run: Run) -> None:
    sql = """insert into reconciles (id, origin, state, step, spot, number, tries, counts, error,
            started_at, moved_at, ended_at)
        values (:id, :origin, :state, :step, :spot, :number, :tries, :counts, :error, :started_at,
            :moved_at, :ended_at)
        on conflict (id) do update set state = excluded.state, step = excluded.step,
            spot = excluded.spot, number = excluded.number, tries = excluded.tries,
            counts = excluded.counts, error = excluded.error, moved_at = excluded.moved_at,
            ended_at = excluded.ended_at"""
    values: dict[str, Any] = {name: getattr(run, name) for name in Run.__dataclass_fields__}
    db.run(sql, **{**values, "counts": json.dumps(run.counts)})


def get(db: Db, run_id: str) -> Run | None:
    row = one(db, "select * from reconciles where id = :id", id=run_id)
    return Run.from_row(row) if row else None


def newest(db: Db, state: str = "", origin: str = "") -> Run | None:
    sql = """select * from reconciles where (:state = '' or state = :state)
        and (:origin = '' or origin = :origin) order by started_at desc, id limit 1"""
    row = one(db, sql, state=state, origin=origin)
    return Run.from_row(row) if row else None


# What is still to be read


def add(db: Db, run: str, kind: str, ids: Iterable[str]) -> None:
    sql = """insert into reconcile_todo (run, kind, id) values (:run, :kind, :id)
        on conflict (run, kind, id) do nothing"""
    db.many(sql, [{"run": run, "kind": kind, "id": one} for one in ids])


def first(db: Db, run: str, kind: str) -> str:
    """The item at hand, "" when there is none left."""
    sql = "select id from reconcile_todo where run = :run and kind = :kind order by id limit 1"
    row = one(db, sql, run=run, kind=kind)
    return str(row["id"]) if row else ""


def done(db: Db, run: str, kind: str, item: str) -> None:
    sql = "delete from reconcile_todo where run = :run and kind = :kind and id = :id"
    db.run(sql, run=run, kind=kind, id=item)


def left(db: Db, run: str, kind: str) -> int:
    sql = "select count(*) from reconcile_todo where run = :run and kind = :kind"
    return number(db, sql, run=run, kind=kind)


def clear(db: Db, run: str) -> None:
    db.run("delete from reconcile_todo where run = :run", run=run)


def forget(db: Db, before: datetime) -> None:
    """Runs of long ago, with what one that was cut off left behind."""
    old = "select id from reconciles where started_at < :before"
    db.run(f"delete from reconcile_todo where run in ({old})", before=before)
    db.run("delete from reconciles where started_at < :before", before=before)


def connected(db: Db) -> bool:
    """Whether anything was ever told by customer contact."""
    return bool(db.rows("select 1 from relations limit 1"))
