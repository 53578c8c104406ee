"""Plans of groups: imported ones, which group is on which, every step, the topics that were had."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, one

AHEAD, RUNNING, WAITING, PAUSED = "未开始", "进行中", "排队", "暂停"
DONE, STOPPED = "走完", "停止"
OPEN = (AHEAD, RUNNING, WAITING, PAUSED)
# A step: still to come, kept back with its run, laid before somebody, and how it ended.
DUE, KEPT, GIVEN = "待办", "等着", "给了群主"
SENT, MASS, SKIPPED, PASSED = "已发", "群发待确认", "跳过", "过期"


def _list(prefix: str, values: Iterable[str]) -> tuple[str, dict[str, str]]:
    params = {f"{prefix}{n}": value for n, value in enumerate(values)}
    return f"({', '.join(f':{name}' for name in params) or 'null'})", params


# Imported plans


def keep(db: Db, name: str, body: str, by: str, now: datetime) -> None:
    sql = """insert into group_plans (name, body, at, by_whom) values (:name, :body, :now, :by)
        on conflict (name) do update set body = excluded.body, at = excluded.at,
            by_whom = excluded.by_whom"""
    db.run(sql, name=name, body=body, now=now, by=by)


def imported(db: Db) -> list[str]:
    return [row["body"] for row in db.rows("select body from group_plans order by name")]


def forget(db: Db, name: str) -> bool:
    return db.run("delete from group_plans where name = :name", name=name) == 1


# Runs


@dataclass(frozen=True, slots=True)
class Run:
    """A group on a plan; `begins` is its first day, moved on when it had to wait.

    `auto` means that the group's own state chose the plan and chooses the next one.
    """

    id: str
    plan: str
    chat_id: str
    store: str
    state: str
    priority: int
    auto: bool
    begins: date
    made_at: datetime
    by_whom: str
    why: str = ""
    held_on: date | None = None
    ended_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        held = date.fromisoformat(row["held_on"]) if row["held_on"] else None
        more = {"begins": date.fromisoformat(row["begins"]), "made_at": at(row["made_at"]),
                "auto": bool(row["auto"]), "held_on": held,
                "ended_at": moment(row["ended_at"])}  # fmt: skip
        return cls(**{**row, **more})


def put(db: Db, run: Run) -> None:
    """Insert, or write it as it is given."""
    values: dict[str, Any] = {f.name: getattr(run, f.name) for f in fields(Run)}
    values |= {"auto": int(run.auto), "begins": run.begins.isoformat(),
               "held_on": run.held_on.isoformat() if run.held_on else None}  # fmt: skip
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    news = ", ".join(f"{name} = excluded.{name}" for name in values if name != "id")
    db.run(f"insert into group_runs ({names}) values ({marks})"
           f" on conflict (id) do update set {news}", **values)  # fmt: skip


def get(db: Db, run_id: str) -> Run | None:
    row = one(db, "select * from group_runs where id = :id", id=run_id)
    return Run.from_row(row) if row else None


def open_of(db: Db, chat_id: str) -> list[Run]:
    """What a group is on and what waits for it; the strongest first."""
    among, states = _list("s", OPEN)
    sql = f"""select * from group_runs where chat_id = :chat and state in {among}
        order by priority desc, made_at, id"""
    return [Run.from_row(row) for row in db.rows(sql, chat=chat_id, **states)]


def on_plan(db: Db, plan: str, limit: int = 5000) -> list[Run]:
    among, states = _list("s", OPEN)
    sql = f"""select * from group_runs where plan = :plan and state in {among}
        order by chat_id, id limit :limit"""
    return [Run.from_row(row) for row in db.rows(sql, plan=plan, limit=limit, **states)]


def counts(db: Db, stores: Iterable[str]) -> list[Row]:
    """How many groups of these stores are on each plan, by state."""
    among, shops = _list("s", stores)
    sql = f"""select r.plan, r.state, count(*) as n from groups g
        join group_runs r on r.chat_id = g.chat_id where g.store in {among}
        and g.dismissed_at is null group by r.plan, r.state order by r.plan, r.state"""
    return db.rows(sql, **shops)


def beginning(db: Db, day: date, limit: int = 200) -> list[Run]:
    """Those whose first day has come."""
    sql = f"""select * from group_runs where state = '{AHEAD}' and begins <= :day
        order by begins, priority desc, id limit :limit"""
    return [Run.from_row(row) for row in db.rows(sql, day=day.isoformat(), limit=limit)]


def ahead(db: Db, stores: Iterable[str], until: date) -> list[Row]:
    """What begins later: which plan, on which day, in how many groups."""
    among, shops = _list("s", stores)
    sql = f"""select plan, begins, count(*) as n from group_runs where state = '{AHEAD}'
        and begins <= :until and store in {among} group by plan, begins order by begins, plan"""
    return db.rows(sql, until=until.isoformat(), **shops)


# Steps


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a plan in one group. `said` is the text as it was laid before `reader`."""

    id: str
    run: str
    chat_id: str
    store: str
    plan: str
    node: int
    on_day: date
    due_at: datetime
    state: str
    why: str = ""
    said: str = ""
    reader: str = ""
    at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, "on_day": date.fromisoformat(row["on_day"]),
                      "due_at": at(row["due_at"]), "at": at(row["at"])})  # fmt: skip


_STEP = [f.name for f in fields(Step)]


def plan_steps(db: Db, steps: Iterable[Step]) -> None:
    """Lay out the days of a run; what is there already is written anew."""
    marks = ", ".join(f":{name}" for name in _STEP)
    news = ", ".join(f"{name} = excluded.{name}" for name in _STEP if name != "id")
    sql = f"""insert into group_steps ({", ".join(_STEP)}) values ({marks})
        on conflict (id) do update set {news}"""
    db.many(sql, [_values(step) for step in steps])


def _values(step: Step) -> dict[str, Any]:
    values = {name: getattr(step, name) for name in _STEP}
    return {**values, "on_day": step.on_day.isoformat(), "at": step.at or step.due_at}


def step(db: Db, step_id: str) -> Step | None:
    row = one(db, "select * from group_steps where id = :id", id=step_id)
    return Step.from_row(row) if row else None


def due(db: Db, now: datetime, limit: int = 400) -> list[Step]:
    sql = f"""select * from group_steps where state = '{DUE}' and due_at <= :now
        order by due_at, id limit :limit"""
    return [Step.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def unanswered(db: Db, day: date, limit: int = 400) -> list[Step]:
    """Laid before somebody on a day that is over."""
    sql = f"""select * from group_steps where state = '{GIVEN}' and on_day < :day
        order by on_day, id limit :limit"""
    return [Step.from_row(row) for row in db.rows(sql, day=day.isoformat(), limit=limit)]


def move(
    db: Db, was: Step, *, state: str, why: str, now: datetime, due: datetime | None = None,
    day: date | None = None, said: str | None = None, reader: str | None = None,
) -> bool:  # fmt: skip
    """Take a step further; False when it is no longer as it was read."""
    sql = """update group_steps set state = :state, why = :why, at = :now, due_at = :due,
        on_day = :day, said = :said, reader = :reader
        where id = :id and state = :was and due_at = :due_was"""
    return db.run(sql, state=state, why=why, now=now, due=due or was.due_at,
                  day=(day or was.on_day).isoformat(), id=was.id, was=was.state,
                  due_was=was.due_at, said=was.said if said is None else said,
                  reader=was.reader if reader is None else reader) == 1  # fmt: skip


def of_run(db: Db, run: str) -> list[Step]:
    sql = "select * from group_steps where run = :run order by node"
    return [Step.from_row(row) for row in db.rows(sql, run=run)]


def of_day(db: Db, chat_id: str, day: date) -> list[Step]:
    sql = """select * from group_steps where chat_id = :chat and on_day = :day
        order by due_at, id"""
    return [Step.from_row(row) for row in db.rows(sql, chat=chat_id, day=day.isoformat())]


def month(db: Db, stores: Iterable[str], first: date, last: date) -> list[Row]:
    """What goes where: each node of each day, how many groups, in which state."""
    among, shops = _list("s", stores)
    sql = f"""select on_day, plan, node, state, count(*) as n
        from group_steps where store in {among} and on_day >= :first and on_day <= :last
        group by on_day, plan, node, state order by on_day, plan, node, state"""
    return db.rows(sql, first=first.isoformat(), last=last.isoformat(), **shops)


def listed(db: Db, stores: Iterable[str], first: date, last: date, limit: int) -> list[Step]:
    among, shops = _list("s", stores)
    sql = f"""select * from group_steps where store in {among} and on_day >= :first
        and on_day <= :last order by on_day, due_at, chat_id, id limit :limit"""
    found = db.rows(sql, first=first.isoformat(), last=last.isoformat(), limit=limit, **shops)
    return [Step.from_row(row) for row in found]


# Topics


def had(db: Db, chat_id: str, since: date) -> dict[str, str]:
    """Topics of a group by their day."""
    sql = "select on_day, topic from group_topics where chat_id = :chat and on_day >= :since"
    rows = db.rows(sql, chat=chat_id, since=since.isoformat())
    return {row["on_day"]: row["topic"] for row in rows}


def note_topic(db: Db, chat_id: str, day: date, topic: str) -> None:
    sql = """insert into group_topics (chat_id, on_day, topic) values (:chat, :day, :topic)
        on conflict (chat_id, on_day) do update set topic = excluded.topic"""
    db.run(sql, chat=chat_id, day=day.isoformat(), topic=topic)


# Groups


def rooms(db: Db, stores: Iterable[str], internal: str, limit: int = 5000) -> list[Row]:
    """The customer groups of these stores, with how many customers are in each."""
    among, shops = _list("s", stores)
    sql = f"""select g.chat_id, g.name, g.kind, g.official, g.owner, g.store, g.created_at,
            (select count(*) from group_members m where m.chat_id = g.chat_id
                and m.left_at is null and m.staff = 0) as people
        from groups g where g.store in {among} and g.kind <> :internal
            and g.dismissed_at is null order by g.store, g.name, g.chat_id limit :limit"""
    return db.rows(sql, internal=internal, limit=limit, **shops)


def seats(db: Db, chat_id: str) -> list[Row]:
    """The customers in a group by the day they joined."""
    sql = """select member, name, joined_at from group_members where chat_id = :chat
        and left_at is null and staff = 0 order by joined_at, member"""
    return db.rows(sql, chat=chat_id)


def owned(db: Db, owner: str) -> list[str]:
    """The groups of which somebody is the owner and a member."""
    sql = """select g.chat_id from group_members m join groups g on g.chat_id = m.chat_id
        where m.member = :owner and m.left_at is null and g.owner = :owner
            and g.dismissed_at is null order by g.name, g.chat_id"""
    return [row["chat_id"] for row in db.rows(sql, owner=owner)]
