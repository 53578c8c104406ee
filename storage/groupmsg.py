"""群发: the tasks that were made, and what became of each of their people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, one


@dataclass(frozen=True, slots=True)
class Task:
    """`polls` counts how often the results were asked for."""

    id: str
    msgid: str
    sender: str
    text: str
    people: int
    next_at: datetime
    polls: int
    created_at: datetime


def _task(row: Row) -> Task:
    return Task(row["id"], row["msgid"], row["sender"], row["text"], row["people"],
                at(row["next_at"]), row["polls"], at(row["created_at"]))  # fmt: skip


def add(db: Db, task: Task) -> None:
    """Open, unless it is known already."""
    sql = """insert into mass_tasks (id, msgid, sender, text, people, state, next_at, polls,
            created_at)
        values (:id, :msgid, :sender, :text, :people, 'open', :next_at, 0, :created_at)
        on conflict (id) do nothing"""
    db.run(sql, id=task.id, msgid=task.msgid, sender=task.sender, text=task.text,
           people=task.people, next_at=task.next_at, created_at=task.created_at)  # fmt: skip


def get(db: Db, task_id: str) -> Task | None:
    row = one(db, "select * from mass_tasks where id = :id", id=task_id)
    return _task(row) if row else None


def due(db: Db, now: datetime) -> list[Task]:
    sql = "select * from mass_tasks where state = 'open' and next_at <= :now order by next_at, id"
    return [_task(row) for row in db.rows(sql, now=now)]


def advance(db: Db, task: Task, to: datetime) -> bool:
    """Claim a look at the results; False when another process did."""
    sql = """update mass_tasks set next_at = :to, polls = polls + 1
        where id = :id and next_at = :was and state = 'open'"""
    return db.run(sql, id=task.id, was=task.next_at, to=to) == 1


def close(db: Db, task_id: str) -> None:
    db.run("update mass_tasks set state = 'closed' where id = :id", id=task_id)


def note(db: Db, task_id: str, found: Iterable[tuple[str, str, datetime | None]]) -> None:
    """Person, state and time of each; what is known already is brought up to date."""
    sql = """insert into mass_results (task, person, state, at)
        values (:task, :person, :state, :at)
        on conflict (task, person) do update set state = excluded.state, at = excluded.at"""
    rows: list[Mapping[str, object]] = [
        {"task": task_id, "person": person, "state": state, "at": when}
        for person, state, when in found
    ]
    db.many(sql, rows)


def counts(db: Db, task_id: str) -> dict[str, int]:
    sql = "select state, count(*) as n from mass_results where task = :id group by state"
    return {row["state"]: row["n"] for row in db.rows(sql, id=task_id)}


def forget(db: Db, before: datetime) -> None:
    db.run("""delete from mass_results where task in
        (select id from mass_tasks where created_at < :before)""", before=before)  # fmt: skip
    db.run("delete from mass_tasks where created_at < :before", before=before)
