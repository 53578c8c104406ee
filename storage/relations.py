"""Who has whom as a contact: one row for each advisor and customer, as the platform tells it."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, number, one


@dataclass(frozen=True, slots=True)
class Relation:
    """`met_at` is when an event told of it: nobody is greeted who was merely found."""

    customer: str
    advisor: str
    since: datetime
    remark: str = ""
    nickname: str = ""
    state: str = ""
    add_way: int = 0
    met_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""  # customer, advisor or platform
    run: str = ""  # the reconcile that last saw it
    marked_at: datetime | None = None  # when tags were last written back

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {name: moment(row[name]) for name in ("met_at", "ended_at", "marked_at")}
        return cls(**{**row, **times, "since": at(row["since"])})

    @property
    def live(self) -> bool:
        return self.ended_at is None


def get(db: Db, customer: str, advisor: str) -> Relation | None:
    sql = "select * from relations where customer = :c and advisor = :a"
    row = one(db, sql, c=customer, a=advisor)
    return Relation.from_row(row) if row else None


def of(db: Db, customer: str) -> list[Relation]:
    """All of a customer's, ended ones too, the oldest first."""
    sql = "select * from relations where customer = :c order by since, advisor"
    return [Relation.from_row(row) for row in db.rows(sql, c=customer)]


def put(db: Db, relation: Relation) -> None:
    """Insert, or replace what was known."""
    values: dict[str, Any] = {f.name: getattr(relation, f.name) for f in fields(Relation)}
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    news = ", ".join(f"{n} = excluded.{n}" for n in values if n not in ("customer", "advisor"))
    db.run(f"insert into relations ({names}) values ({marks})"
           f" on conflict (customer, advisor) do update set {news}", **values)  # fmt: skip


def unseen(db: Db, advisor: str, run: str, before: datetime, limit: int) -> list[Relation]:
    """Live ones from before a reconcile began that it has not met."""
    sql = """select * from relations where advisor = :a and ended_at is null and run <> :run
        and since < :before and (met_at is null or met_at < :before)
        order by customer limit :limit"""
    rows = db.rows(sql, a=advisor, run=run, before=before, limit=limit)
    return [Relation.from_row(row) for row in rows]


def seen(db: Db, customer: str, run: str) -> bool:
    """Whether a reconcile has met them with anybody."""
    sql = "select 1 from relations where customer = :c and run = :run and ended_at is null"
    return bool(db.rows(sql, c=customer, run=run))


def count(db: Db, advisor: str, run: str = "") -> int:
    """Live ones of an advisor; with a run, those that it has met."""
    sql = """select count(*) from relations where advisor = :a and ended_at is null
        and (:run = '' or run = :run)"""
    return number(db, sql, a=advisor, run=run)


# Tags of the platform


@dataclass(frozen=True, slots=True)
class CorpTag:
    id: str
    name: str
    family: str
    family_name: str


def tag_ids(db: Db, customer: str, advisor: str) -> set[str]:
    sql = "select tag from relation_tags where customer = :c and advisor = :a"
    return {row["tag"] for row in db.rows(sql, c=customer, a=advisor)}


def retag(db: Db, customer: str, advisor: str, ids: Iterable[str]) -> None:
    """Exactly these tags stand on the relation now."""
    have, wanted = tag_ids(db, customer, advisor), set(ids)
    if have == wanted:
        return
    sql = "delete from relation_tags where customer = :c and advisor = :a and tag = :t"
    db.many(sql, [{"c": customer, "a": advisor, "t": t} for t in sorted(have - wanted)])
    sql = """insert into relation_tags (customer, advisor, tag) values (:c, :a, :t)
        on conflict (customer, advisor, tag) do nothing"""
    db.many(sql, [{"c": customer, "a": advisor, "t": t} for t in sorted(wanted - have)])


def corp_tags(db: Db, family_name: str) -> dict[str, CorpTag]:
    """The known tags of the group of that name, by their own name."""
    sql = "select * from corp_tags where family_name = :name order by id desc"
    return {row["name"]: CorpTag(**row) for row in db.rows(sql, name=family_name)}


def learn_tags(db: Db, found: Iterable[CorpTag]) -> None:
    sql = """insert into corp_tags (id, name, family, family_name)
        values (:id, :name, :family, :family_name)
        on conflict (id) do update set name = excluded.name, family = excluded.family,
            family_name = excluded.family_name"""
    db.many(sql, [{f.name: getattr(tag, f.name) for f in fields(CorpTag)} for tag in found])


def forget_tags(db: Db, *, tag: str = "", family: str = "", family_name: str = "") -> None:
    """A tag, a group or the group of that name is no more; nobody wears its tags."""
    sql = """select id from corp_tags where id = :tag or (:family <> '' and family = :family)
        or (:name <> '' and family_name = :name)"""
    gone = db.rows(sql, tag=tag, family=family, name=family_name)
    db.many("delete from relation_tags where tag = :id", gone)
    db.many("delete from corp_tags where id = :id", gone)


# Whose tags may have to be written back


def queue(db: Db, since: datetime, due: datetime) -> None:
    """Everybody of whom something was noted since then."""
    sql = """insert into tag_queue (customer, due_at)
        select customer, :due from (
            select customer from tags where last_at >= :since
            union select customer from events where at >= :since) touched
        where true on conflict (customer) do nothing"""
    db.run(sql, since=since, due=due)


def queue_all(db: Db, due: datetime) -> None:
    """Tags grow old by themselves, so once a day everybody is looked at."""
    sql = """insert into tag_queue (customer, due_at)
        select distinct customer, :due from relations where ended_at is null
        on conflict (customer) do nothing"""
    db.run(sql, due=due)


def queued(db: Db, now: datetime, limit: int) -> list[str]:
    sql = "select customer from tag_queue where due_at <= :now order by due_at, customer limit :n"
    return [row["customer"] for row in db.rows(sql, now=now, n=limit)]


def requeue(db: Db, customer: str, due: datetime | None) -> None:
    """Look again then; None takes them off the queue."""
    if due is None:
        db.run("delete from tag_queue where customer = :c", c=customer)
    else:
        db.run("update tag_queue set due_at = :due where customer = :c", c=customer, due=due)
