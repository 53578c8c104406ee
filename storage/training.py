"""练话术: what each member has answered, and when a question comes again."""

from collections.abc import Iterable
from datetime import datetime

from storage.db import Db, Row, number, one


def state(db: Db, member: str, question: str) -> Row | None:
    sql = "select box, due_at from drills where member = :m and question = :q"
    return one(db, sql, m=member, q=question)


def due(db: Db, member: str, now: datetime, limit: int = 50) -> list[str]:
    """Questions to be asked again, the longest due first."""
    sql = """select question from drills where member = :m and due_at <= :now
        order by due_at, question limit :limit"""
    return [str(row["question"]) for row in db.rows(sql, m=member, now=now, limit=limit)]


def known(db: Db, member: str) -> set[str]:
    return {str(r["question"]) for r in
            db.rows("select question from drills where member = :m", m=member)}  # fmt: skip


def answer(db: Db, key: str, member: str, question: str, good: bool, now: datetime) -> bool:
    """False when this very answer was noted before."""
    sql = """insert into drill_answers (id, member, question, good, at)
        values (:key, :m, :q, :good, :now) on conflict (id) do nothing"""
    return db.run(sql, key=key, m=member, q=question, good=int(good), now=now) == 1


def move(db: Db, member: str, question: str, box: int, due_at: datetime, now: datetime) -> None:
    sql = """insert into drills (member, question, box, due_at, at)
        values (:m, :q, :box, :due, :now)
        on conflict (member, question) do update set box = excluded.box,
            due_at = excluded.due_at, at = excluded.at"""
    db.run(sql, m=member, q=question, box=box, due=due_at, now=now)


def answered(db: Db, member: str, since: datetime) -> int:
    sql = "select count(*) from drill_answers where member = :m and at >= :since"
    return number(db, sql, m=member, since=since)


def scores(
    db: Db, members: Iterable[str], since: datetime, until: datetime
) -> dict[str, tuple[int, int]]:
    """How many each has answered, and how many of them right."""
    sql = """select count(*) as n, sum(good) as good from drill_answers
        where member = :m and at >= :since and at < :until"""
    found = {}
    for member in members:
        row = db.rows(sql, m=member, since=since, until=until)[0]
        found[member] = (int(row["n"]), int(row["good"] or 0))
    return found


def weak(db: Db, member: str, limit: int = 3) -> list[str]:
    """Questions whose last answer was wrong."""
    sql = """select question from drills where member = :m and box = 0 order by at desc, question
        limit :limit"""
    return [str(row["question"]) for row in db.rows(sql, m=member, limit=limit)]
