"""Trials of two scripts as rows; what came of them is read from the uses."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.db import Db, Row, at, one

REPLY = timedelta(hours=48)
HARM = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Trial:
    """`state` is running, stopped (harm), or decided; `arm` sendings are wanted of each script."""

    id: str
    a: str
    b: str
    tier: str
    stage: str
    arm: int
    started_at: datetime
    by_whom: str
    state: str = "running"
    ended_at: datetime | None = None
    result: str = ""


def start(db: Db, trial: Trial) -> None:
    sql = """insert into trials (id, a, b, tier, stage, arm, started_at, by_whom, state, result)
        values (:id, :a, :b, :tier, :stage, :arm, :at, :by, 'running', '')"""
    db.run(sql, id=trial.id, a=trial.a, b=trial.b, tier=trial.tier, stage=trial.stage,
           arm=trial.arm, at=trial.started_at, by=trial.by_whom)  # fmt: skip


def running(db: Db) -> list[Trial]:
    return [_trial(r) for r in db.rows("select * from trials where state = 'running' order by id")]


def everything(db: Db) -> list[Trial]:
    return [_trial(r) for r in db.rows("select * from trials order by started_at desc, id")]


def get(db: Db, trial_id: str) -> Trial | None:
    row = one(db, "select * from trials where id = :id", id=trial_id)
    return _trial(row) if row else None


def end(db: Db, trial_id: str, state: str, result: str, now: datetime) -> None:
    sql = "update trials set state = :state, result = :result, ended_at = :now where id = :id"
    db.run(sql, id=trial_id, state=state, result=result, now=now)


def sent(db: Db, trial: Trial, until: datetime) -> list[Row]:
    """The first sending to each customer during the trial that has had its 48 hours: script,
    whether the customer replied, complained or opted out."""
    sql = """select u.customer, u.script, u.at, u.replied_at from script_uses u
        where u.script in (:a, :b) and u.outcome = 'adopted' and u.customer <> ''
        and u.at >= :since and u.at <= :until order by u.at, u.id"""
    rows = db.rows(sql, a=trial.a, b=trial.b, since=trial.started_at, until=until - REPLY)
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["customer"], row)
    return [{**row, "harmed": _harmed(db, row)} for row in first.values()]


def _harmed(db: Db, row: Row) -> bool:
    sent_at = at(row["at"])
    sql = """select 1 as yes from events where customer = :c and kind in ('投诉', '退订')
        and undone_at is null and at > :since and at <= :until limit 1"""
    return one(db, sql, c=row["customer"], since=sent_at, until=sent_at + HARM) is not None


def _trial(row: Row) -> Trial:
    ended = at(row["ended_at"]) if row["ended_at"] else None
    return Trial(**{**row, "started_at": at(row["started_at"]), "ended_at": ended})
