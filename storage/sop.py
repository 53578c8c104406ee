"""Plans that are on, who is walking through which, what each step came to; group tasks beside."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, number, one

RUNNING, WAITING, DONE, LEFT, SKIPPED = "进行中", "排队", "走完", "退出", "没有开始"


@dataclass(frozen=True, slots=True)
class Run:
    """A customer on a plan. `origin` is what started it: the same thing never starts it twice.

    `step` is the next one, due at `due_at`; `why` tells a pause, a wait or an end in words.
    """

    id: str
    customer: str
    plan: str
    origin: str
    state: str
    priority: int
    step: int
    base_at: datetime
    started_at: datetime
    due_at: datetime | None = None
    why: str = ""
    ended_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {name: at(row[name]) for name in ("base_at", "started_at")}
        rest = {name: moment(row[name]) for name in ("due_at", "ended_at")}
        return cls(**{**row, **times, **rest})


def put(db: Db, run: Run) -> None:
    """Insert, or write it as it is given."""
    values: dict[str, Any] = {f.name: getattr(run, f.name) for f in fields(Run)}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    news = ", ".join(f"{name} = excluded.{name}" for name in values if name != "id")
    db.run(f"insert into sop_runs ({names}) values ({marks})"
           f" on conflict (id) do update set {news}", **values)  # fmt: skip


def get(db: Db, run_id: str) -> Run | None:
    row = one(db, "select * from sop_runs where id = :id", id=run_id)
    return Run.from_row(row) if row else None


def known(db: Db, run_id: str) -> bool:
    return bool(db.rows("select 1 from sop_runs where id = :id", id=run_id))


def open_of(db: Db, customer: str) -> list[Run]:
    """What they are on and what waits behind it, the running one first."""
    sql = f"""select * from sop_runs where customer = :c and state in ('{RUNNING}', '{WAITING}')
        order by state desc, priority desc, started_at, id"""
    found = [Run.from_row(row) for row in db.rows(sql, c=customer)]
    return sorted(found, key=lambda run: run.state != RUNNING)


def newest(db: Db, customer: str, limit: int = 5) -> list[Run]:
    sql = "select * from sop_runs where customer = :c order by started_at desc, id limit :limit"
    return [Run.from_row(row) for row in db.rows(sql, c=customer, limit=limit)]


def last_of(db: Db, customer: str, plan: str) -> Run | None:
    sql = """select * from sop_runs where customer = :c and plan = :plan
        order by started_at desc limit 1"""
    row = one(db, sql, c=customer, plan=plan)
    return Run.from_row(row) if row else None


def due(db: Db, now: datetime, limit: int = 50) -> list[Run]:
    sql = f"""select * from sop_runs where state = '{RUNNING}' and due_at <= :now
        order by due_at, id limit :limit"""
    return [Run.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def claim(db: Db, run: Run, to: datetime) -> bool:
    """Take this step's turn; False when another process did."""
    sql = f"""update sop_runs set due_at = :to where id = :id and due_at = :was
        and state = '{RUNNING}'"""
    return db.run(sql, to=to, id=run.id, was=run.due_at) == 1


def counts(db: Db, stores: Iterable[str] = (), owner: str = "") -> list[Row]:
    """How many customers are on each plan, by state."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    whose = "c.owner = :owner" if owner else f"c.store in ({marks})"
    params: dict[str, str] = {"owner": owner} if owner else names
    sql = f"""select r.plan, r.state, count(*) as n from sop_runs r
        join customers c on c.id = r.customer where {whose} group by r.plan, r.state"""
    return db.rows(sql, **params)


def running(db: Db, plan: str, stores: Iterable[str], limit: int = 500) -> list[Run]:
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    sql = f"""select r.* from sop_runs r join customers c on c.id = r.customer
        where r.plan = :plan and r.state in ('{RUNNING}', '{WAITING}') and c.store in ({marks})
        order by r.due_at, r.id limit :limit"""
    return [Run.from_row(row) for row in db.rows(sql, plan=plan, limit=limit, **names)]


def forget(db: Db, before: datetime) -> int:
    """What never began need not be told for ever."""
    sql = f"delete from sop_runs where state = '{SKIPPED}' and started_at < :before"
    return db.run(sql, before=before)


# Which plans are on


def switch(db: Db, plan: str, store: str, state: str, by: str, now: datetime) -> None:
    sql = """insert into sop_plans (plan, store, state, by_whom, at)
        values (:plan, :store, :state, :by, :now) on conflict (plan, store) do update
        set state = excluded.state, by_whom = excluded.by_whom, at = excluded.at"""
    db.run(sql, plan=plan, store=store, state=state, by=by, now=now)


def switches(db: Db) -> dict[tuple[str, str], Row]:
    rows = db.rows("select * from sop_plans")
    return {(row["plan"], row["store"]): row for row in rows}


# What the steps came to


def step(
    db: Db, *, step_id: str, run: Run, n: int, state: str, why: str, now: datetime
) -> None:  # fmt: skip
    sql = """insert into sop_steps (id, run, customer, plan, step, state, why, at)
        values (:id, :run, :c, :plan, :n, :state, :why, :now)
        on conflict (id) do update set state = excluded.state, why = excluded.why,
            at = excluded.at"""
    db.run(sql, id=step_id, run=run.id, c=run.customer, plan=run.plan, n=n, state=state, why=why,
           now=now)  # fmt: skip


def steps(db: Db, run_id: str) -> list[Row]:
    return db.rows("select * from sop_steps where run = :run order by step, at", run=run_id)


# Walks over everybody, a few at a time


def scan(db: Db, name: str, first: datetime) -> tuple[datetime, str]:
    """When the walk of that name goes on, and behind whom."""
    sql = """insert into scans (name, due_at, spot) values (:name, :due, '')
        on conflict (name) do nothing"""
    db.run(sql, name=name, due=first)
    row = db.rows("select due_at, spot from scans where name = :name", name=name)[0]
    return at(row["due_at"]), row["spot"]


def scanned(db: Db, name: str, due_at: datetime, spot: str) -> None:
    db.run("update scans set due_at = :due, spot = :spot where name = :name", name=name,
           due=due_at, spot=spot)  # fmt: skip


def people(db: Db, behind: str, limit: int) -> list[str]:
    """The next customers who may be written to, by their ids."""
    sql = """select id from customers where id > :behind and deleted_at is null
        and opted_out_at is null order by id limit :limit"""
    return [row["id"] for row in db.rows(sql, behind=behind, limit=limit)]


def news(
    db: Db, kinds: Iterable[str], since: datetime, until: datetime, limit: int, *,
    stores: Iterable[str] = (),
) -> list[Row]:  # fmt: skip
    """What happened to customers in that time, the oldest first; of these stores, if told."""
    names = {f"k{n}": kind for n, kind in enumerate(kinds)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    where = {f"s{n}": store for n, store in enumerate(stores)}
    among = f"and c.store in ({', '.join(f':{name}' for name in where)})" if where else ""
    sql = f"""select e.id, e.customer, e.kind, e.at, e.evidence from events e
        join customers c on c.id = e.customer where e.at >= :since and e.at <= :until
            and e.undone_at is null and e.kind in ({marks}) {among}
        order by e.at, e.id limit :limit"""
    return db.rows(sql, since=since, until=until, limit=limit, **names, **where)


# 1vN group tasks


@dataclass(frozen=True, slots=True)
class GroupTask:
    id: str
    customer: str
    advisor: str
    name: str
    members: str
    words: str
    why: str
    state: str  # 待建, 已建, 已告知, 过期, 不建
    made_at: datetime
    until: datetime
    chat: str = ""

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, "made_at": at(row["made_at"]), "until": at(row["until"])})


def put_task(db: Db, task: GroupTask) -> None:
    values: dict[str, Any] = {f.name: getattr(task, f.name) for f in fields(GroupTask)}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    news_ = ", ".join(f"{name} = excluded.{name}" for name in values if name != "id")
    db.run(f"insert into group_tasks ({names}) values ({marks})"
           f" on conflict (id) do update set {news_}", **values)  # fmt: skip


def task(db: Db, task_id: str) -> GroupTask | None:
    row = one(db, "select * from group_tasks where id = :id", id=task_id)
    return GroupTask.from_row(row) if row else None


def tasks_of(db: Db, customer: str) -> list[GroupTask]:
    sql = "select * from group_tasks where customer = :c order by made_at desc, id"
    return [GroupTask.from_row(row) for row in db.rows(sql, c=customer)]


def tasks_in(db: Db, state: str, limit: int = 50) -> list[GroupTask]:
    sql = "select * from group_tasks where state = :s order by until, id limit :limit"
    return [GroupTask.from_row(row) for row in db.rows(sql, s=state, limit=limit)]


def expired(db: Db, now: datetime, limit: int = 50) -> list[GroupTask]:
    sql = """select * from group_tasks where state = '待建' and until <= :now
        order by until, id limit :limit"""
    return [GroupTask.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def has_group(db: Db, customer: str, kind: str) -> bool:
    """Whether they sit in a group of that kind."""
    sql = """select count(*) from group_members m join groups g on g.chat_id = m.chat_id
        where m.member = :c and m.left_at is null and g.kind = :kind
            and g.dismissed_at is null"""
    return number(db, sql, c=customer, kind=kind) > 0
