"""What a group wants to reach together: goals, and who has done which part of one."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.db import Db, Row, at, moment, number, one

OPEN, REACHED, MISSED, STOPPED = "进行中", "达成", "没达成", "取消"


@dataclass(frozen=True, slots=True)
class Goal:
    """`counts` is what brings it nearer; `reward` holds points, or the prizes of a draw."""

    id: str
    chat_id: str
    title: str
    counts: str
    target: int
    reward: dict[str, Any]
    state: str
    by_whom: str
    made_at: datetime
    until: datetime
    ended_at: datetime | None = None
    told_at: datetime | None = None


def _goal(row: Row) -> Goal:
    times = {"made_at": at(row["made_at"]), "until": at(row["until"]),
             "ended_at": moment(row["ended_at"]), "told_at": moment(row["told_at"])}  # fmt: skip
    return Goal(**{**row, **times, "reward": json.loads(row["reward"]),
                   "target": int(row["target"])})  # fmt: skip


def begin(db: Db, found: Goal) -> None:
    sql = """insert into goals (id, chat_id, title, counts, target, reward, state, by_whom,
            made_at, until)
        values (:id, :chat, :title, :counts, :target, :reward, :state, :by, :made, :until)"""
    db.run(sql, id=found.id, chat=found.chat_id, title=found.title, counts=found.counts,
           target=found.target, reward=json.dumps(found.reward, ensure_ascii=False),
           state=found.state, by=found.by_whom, made=found.made_at, until=found.until)  # fmt: skip


def get(db: Db, goal_id: str) -> Goal | None:
    row = one(db, "select * from goals where id = :id", id=goal_id)
    return _goal(row) if row else None


def of_chat(db: Db, chat_id: str, *states: str, limit: int = 5) -> list[Goal]:
    """The newest first."""
    names = {f"s{n}": state for n, state in enumerate(states)}
    marks = ", ".join(f":{key}" for key in names)
    sql = f"""select * from goals where chat_id = :chat and state in ({marks})
        order by made_at desc, id limit :limit"""
    return [_goal(row) for row in db.rows(sql, chat=chat_id, limit=limit, **names)]


def due(db: Db, now: datetime) -> list[Goal]:
    sql = """select * from goals where state = '进行中' and until <= :now
        order by until, id limit 100"""
    return [_goal(row) for row in db.rows(sql, now=now)]


def untold(db: Db) -> list[Goal]:
    """Reached, and whoever set it does not know yet."""
    sql = """select * from goals where state = '达成' and told_at is null
        order by ended_at, id limit 100"""
    return [_goal(row) for row in db.rows(sql)]


def tell(db: Db, goal_id: str, now: datetime) -> bool:
    sql = "update goals set told_at = :now where id = :id and told_at is null"
    return db.run(sql, id=goal_id, now=now) == 1


def hold(db: Db, goal_id: str) -> bool:
    """Of two parts done at once, the second counts what the first has left; False when closed."""
    sql = "update goals set state = state where id = :id and state = '进行中'"
    return db.run(sql, id=goal_id) == 1


def add(db: Db, goal_id: str, key: str, member: str, now: datetime) -> bool:
    """A part done; the same key again changes nothing."""
    sql = """insert into goal_parts (goal, key, member, at) values (:goal, :key, :member, :now)
        on conflict (goal, key) do nothing"""
    return db.run(sql, goal=goal_id, key=key, member=member, now=now) == 1


def done(db: Db, goal_id: str) -> int:
    return number(db, "select count(*) from goal_parts where goal = :goal", goal=goal_id)


def end(db: Db, goal_id: str, state: str, now: datetime) -> bool:
    """Once; False when it was over already."""
    sql = """update goals set state = :state, ended_at = :now
        where id = :id and state = '进行中'"""
    return db.run(sql, id=goal_id, state=state, now=now) == 1


def parts(db: Db, goal_id: str) -> dict[str, int]:
    """How much each has done, whoever sits out left aside."""
    sql = """select member, count(*) as n from goal_parts where goal = :goal
        and member not in (select member from sitting_out) group by member order by member"""
    return {row["member"]: int(row["n"]) for row in db.rows(sql, goal=goal_id)}


def booked(db: Db, key: str) -> Row | None:
    """A row of the points ledger by its key."""
    return one(db, "select * from points where id = :key", key=key)
