"""群发: the tasks that were made, and what became of each of their people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, number, one


@dataclass(frozen=True, slots=True)
class Task:
    """`polls` counts how often the results were asked for; `chats` are the groups it is for."""

    id: str
    msgid: str
    sender: str
    text: str
    people: int
    next_at: datetime
    polls: int
    created_at: datetime
    chats: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        return "个群" if self.chats else "位"


def _task(row: Row) -> Task:
    return Task(row["id"], row["msgid"], row["sender"], row["text"], row["people"],
                at(row["next_at"]), row["polls"], at(row["created_at"]),
                tuple(row["chats"].split()))  # fmt: skip


def add(db: Db, task: Task) -> None:
    """Open, unless it is known already."""
    sql = """insert into mass_tasks (id, msgid, sender, text, people, state, next_at, polls,
            created_at, chats)
        values (:id, :msgid, :sender, :text, :people, 'open', :next_at, 0, :created_at, :chats)
        on conflict (id) do nothing"""
    db.run(sql, id=task.id, msgid=task.msgid, sender=task.sender, text=task.text,
           people=task.people, next_at=task.next_at, created_at=task.created_at,
           chats=" ".join(task.chats))  # fmt: skip


def get(db: Db, task_id: str) -> Task | None:
    row = one(db, "select * from mass_tasks where id = :id", id=task_id)
    return _task(row) if row else None


def open_of(db: Db, sender: str) -> list[Task]:
    """What a member has not confirmed, or not everybody has; the newest first."""
    sql = """select * from mass_tasks where sender = :sender and state = 'open'
        order by created_at desc, id"""
    return [_task(row) for row in db.rows(sql, sender=sender)]


def reminded(db: Db, task_id: str, since: datetime) -> int:
    sql = "select count(*) from mass_reminders where task = :task and at > :since"
    return number(db, sql, task=task_id, since=since)


def remind(db: Db, reminder_id: str, task_id: str, now: datetime) -> None:
    sql = """insert into mass_reminders (id, task, at) values (:id, :task, :now)
        on conflict (id) do nothing"""
    db.run(sql, id=reminder_id, task=task_id, now=now)


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
    db.run("delete from mass_reminders where at < :before", before=before)
    db.run("delete from mass_tasks where created_at < :before", before=before)
