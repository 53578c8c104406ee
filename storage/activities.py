"""Activities of the groups: what was planned, and what the people in them did then and after."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.db import Db, Row, at, number, one


@dataclass(frozen=True, slots=True)
class Activity:
    """`budget` in yuan, prizes included; `body` holds rules, steps, prizes and the goal's id."""

    id: str
    template: str
    title: str
    chat_id: str
    store: str
    begins: datetime
    ends: datetime
    budget: int
    body: dict[str, Any]
    by_whom: str
    made_at: datetime


def _activity(row: Row) -> Activity:
    times = {name: at(row[name]) for name in ("begins", "ends", "made_at")}
    return Activity(**{**row, **times, "body": json.loads(row["body"])})


def begin(db: Db, found: Activity) -> None:
    sql = """insert into activities (id, template, title, chat_id, store, begins, ends, budget,
            body, by_whom, made_at)
        values (:id, :template, :title, :chat, :store, :begins, :ends, :budget, :body, :by,
            :made)"""
    db.run(sql, id=found.id, template=found.template, title=found.title, chat=found.chat_id,
           store=found.store, begins=found.begins, ends=found.ends, budget=found.budget,
           body=json.dumps(found.body, ensure_ascii=False), by=found.by_whom,
           made=found.made_at)  # fmt: skip


def get(db: Db, activity_id: str) -> Activity | None:
    row = one(db, "select * from activities where id = :id", id=activity_id)
    return _activity(row) if row else None


def running(db: Db, chat_id: str, now: datetime) -> list[Activity]:
    sql = """select * from activities where chat_id = :chat and ends > :now
        order by begins, id limit 5"""
    return [_activity(row) for row in db.rows(sql, chat=chat_id, now=now)]


def recent(db: Db, chat_id: str, since: datetime) -> list[Activity]:
    """Under way, or ended since then; the newest first."""
    sql = """select * from activities where chat_id = :chat and ends > :since
        order by begins desc, id limit 5"""
    return [_activity(row) for row in db.rows(sql, chat=chat_id, since=since)]


# What was really spent


def spend(
    db: Db, *, cost_id: str, activity: str, what: str, yuan: int, by: str, now: datetime
) -> None:
    sql = """insert into activity_costs (id, activity, what, yuan, by_whom, at)
        values (:id, :activity, :what, :yuan, :by, :now) on conflict (id) do nothing"""
    db.run(sql, id=cost_id, activity=activity, what=what, yuan=yuan, by=by, now=now)


def unspend(db: Db, cost_id: str, now: datetime) -> None:
    db.run("update activity_costs set undone_at = :now where id = :id", id=cost_id, now=now)


def costs(db: Db, activity: str) -> list[Row]:
    sql = """select what, yuan, by_whom, at from activity_costs where activity = :a
        and undone_at is null order by at, id limit 200"""
    return db.rows(sql, a=activity)


def of_stores(
    db: Db, stores: Iterable[str], since: datetime, until: datetime, limit: int = 50
) -> list[Activity]:
    """Those that were under way in that time, the newest first."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{key}" for key in names) or "null"
    sql = f"""select * from activities where store in ({marks}) and begins < :until
        and ends >= :since order by begins desc, id limit :limit"""
    rows = db.rows(sql, since=since, until=until, limit=limit, **names)
    return [_activity(row) for row in rows]


# What came of one


def reach(db: Db, chat_id: str, begins: datetime, ends: datetime) -> int:
    """Customers who were in the group at some time of it."""
    sql = """select count(*) from group_members where chat_id = :chat and staff = 0
        and joined_at < :ends and (left_at is null or left_at >= :begins)"""
    return number(db, sql, chat=chat_id, begins=begins, ends=ends)


def took_part(db: Db, chat_id: str, begins: datetime, ends: datetime) -> list[str]:
    """Who played, checked in or entered a draw then; staff and who sits out left aside."""
    sql = """select distinct member from (
            select m.player as member from games g join game_moves m on m.round = g.id
                and m.at >= :begins and m.at < :ends where g.chat_id = :chat
            union select member from checkins where chat_id = :chat and at >= :begins
                and at < :ends
            union select e.member from draws d join draw_entries e on e.draw = d.id
                where d.chat_id = :chat and e.at >= :begins and e.at < :ends) p
        where member in (select member from group_members where chat_id = :chat and staff = 0)
            and member not in (select member from sitting_out) order by member"""
    rows = db.rows(sql, chat=chat_id, begins=begins, ends=ends)
    return [str(row["member"]) for row in rows]


def right(db: Db, chat_id: str, begins: datetime, ends: datetime) -> int:
    """Right answers of the quiz that brought points."""
    sql = """select count(*) from points where chat_id = :chat and reason = '答题'
        and at >= :begins and at < :ends and delta > 0"""
    return number(db, sql, chat=chat_id, begins=begins, ends=ends)


def new_tags(db: Db, people: Iterable[str], begins: datetime, ends: datetime) -> int:
    sql = """select count(*) from tags where customer = :c and first_at >= :begins
        and first_at < :ends"""
    return sum(number(db, sql, c=one_, begins=begins, ends=ends) for one_ in people)
