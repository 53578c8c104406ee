"""The scores of each customer, one row a score: the value, its class, what it was made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from storage.db import Db, Row, at, moment, one

POTENTIAL, ACTIVE, CONCENTRATION = "潜客价值", "活跃度价值", "线索浓度"
ACTIVITY, QUADRANT, SPREADING = "活跃分", "四象限", "传播价值"
NAMES = (POTENTIAL, ACTIVE, CONCENTRATION, ACTIVITY, QUADRANT, SPREADING)


@dataclass(frozen=True, slots=True)
class Score:
    name: str
    value: float
    grade: str
    inputs: str  # in words
    version: int
    at: datetime
    review_at: datetime | None = None  # when time alone may have changed it

    @classmethod
    def from_row(cls, row: Row) -> Self:
        found = {"at": moment(row["at"]), "review_at": moment(row["review_at"])}
        names = ("name", "value", "inputs", "version")
        return cls(**{n: row[n] for n in names}, grade=row["class"], **found)  # type: ignore[arg-type]


def put(db: Db, customer: str, found: Iterable[Score]) -> None:
    """In place of what was known of each."""
    sql = """insert into scores (customer, name, value, class, inputs, version, at, review_at)
        values (:customer, :name, :value, :grade, :inputs, :version, :at, :review)
        on conflict (customer, name) do update set value = excluded.value,
            class = excluded.class, inputs = excluded.inputs, version = excluded.version,
            at = excluded.at, review_at = excluded.review_at"""
    for s in found:
        db.run(sql, customer=customer, name=s.name, value=s.value, grade=s.grade, inputs=s.inputs,
               version=s.version, at=s.at, review=s.review_at)  # fmt: skip


def of(db: Db, customer: str) -> dict[str, Score]:
    rows = db.rows("select * from scores where customer = :c", c=customer)
    return {row["name"]: Score.from_row(row) for row in rows}


def clear(db: Db, customer: str) -> None:
    db.run("delete from scores where customer = :c", c=customer)


def due(db: Db, now: datetime, limit: int = 1800) -> list[str]:
    """Whose scores time may have changed."""
    sql = """select customer from scores where review_at <= :now
        order by review_at, customer limit :limit"""
    return list(dict.fromkeys(row["customer"] for row in db.rows(sql, now=now, limit=limit)))


def best(
    db: Db, name: str, *, stores: Iterable[str] = (), owner: str = "", least: float = 0.0,
    limit: int = 10,
) -> list[Row]:  # fmt: skip
    """The highest of a score among those who may be written to: id, customer's name, inputs."""
    marks = {f"s{n}": store for n, store in enumerate(stores)}
    whose = "c.owner = :owner" if owner else f"c.store in ({_list(marks)})"
    sql = f"""select c.id, c.name, c.owner, s.value, s.class, s.inputs from scores s
        join customers c on c.id = s.customer
        where s.name = :name and s.value >= :least and {whose} and c.deleted_at is null
            and c.opted_out_at is null and c.archive_refused_at is null
        order by s.value desc, c.id limit :limit"""
    params: dict[str, Any] = {**marks, **({"owner": owner} if owner else {})}
    return db.rows(sql, name=name, least=least, limit=limit, **params)


def _list(marks: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in marks) or "null"


# What scores rest on


def done(db: Db, customer: str, since: datetime) -> dict[str, tuple[int, datetime]]:
    """What a customer did since then, of each kind how often and when last."""
    sql = """select kind, count(*) as n, max(at) as at from events where customer = :c
        and at >= :since and undone_at is null group by kind"""
    rows = db.rows(sql, c=customer, since=since)
    return {row["kind"]: (row["n"], at(row["at"])) for row in rows}


def joined(db: Db, customer: str, today: date) -> tuple[date | None, int, int]:
    """Activities a customer took part in: the last day, how many in a year, how many ever.

    Check-ins, games and events of the kind 活动; two on one day are two.
    """
    sql = """select max(day) as last, sum(case when day >= :year then 1 else 0 end) as often,
            count(*) as total from (
        select day from checkins where member = :c
        union all select substr(p.at, 1, 10) from points p join group_members m
            on m.chat_id = p.chat_id and m.member = p.member
            where m.member = :c and p.reason <> '签到'
        union all select substr(at, 1, 10) from events where customer = :c
            and kind = '活动' and undone_at is null) joined"""
    row = one(db, sql, c=customer, year=(today - timedelta(days=365)).isoformat())
    if row is None or not row["last"]:
        return None, 0, 0
    return date.fromisoformat(row["last"]), row["often"], row["total"]
