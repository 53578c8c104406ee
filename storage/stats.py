"""Counts for managers; every query is limited to the stores that the reader may see."""

from collections.abc import Sequence
from datetime import datetime

from storage import wide
from storage.db import Db, Row

FUNNEL = ("加微", "开口", "到店", "试驾", "报价", "下订")


def _among(stores: Sequence[str]) -> tuple[str, dict[str, str]]:
    """`c.store in (…)` with one parameter a store; no stores match nothing."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    return f"c.store in ({marks})", names


def funnel(db: Db, stores: Sequence[str], since: datetime, until: datetime) -> dict[str, int]:
    """Customers who reached each step in that time, each counted once a step."""
    where, names = _among(stores)
    steps = ", ".join(f"'{step}'" for step in FUNNEL)
    sql = f"""select e.kind, count(distinct e.customer) as n from {wide.join("events e", stores)}
        where c.id = e.customer and {wide.among("e.kind", steps, stores)}
            and e.at >= :since and e.at < :until and e.undone_at is null and {where}
        group by e.kind"""
    found = {r["kind"]: r["n"] for r in db.rows(sql, since=since, until=until, **names)}
    return {step: int(found.get(step, 0)) for step in FUNNEL}


def happened(
    db: Db, stores: Sequence[str], kinds: Sequence[str], since: datetime, until: datetime
) -> list[Row]:
    """Events of these kinds with the customer's name and owner, the newest first."""
    where, names = _among(stores)
    named = {f"k{n}": kind for n, kind in enumerate(kinds)}
    marks = ", ".join(f":{name}" for name in named) or "null"
    sql = f"""select e.kind, e.at, e.evidence, c.id as customer, c.name, c.owner, c.tier, c.level
        from {wide.join("events e", stores)}
        where c.id = e.customer and e.at >= :since and e.at < :until and e.undone_at is null
            and {wide.among("e.kind", marks, stores)} and {where}
        order by e.at desc, e.id"""
    return db.rows(sql, since=since, until=until, **names, **named)


def overdue(db: Db, stores: Sequence[str], before: datetime) -> list[Row]:
    """Customers to whom something fell due before that time: the oldest of it, the oldest first."""
    where, names = _among(stores)
    sql = f"""select f.id, f.customer, f.advisor, f.reason, f.origin_at, f.overdue, c.name, c.level,
            c.tier
        from {wide.join("followups f", stores)}
        where c.id = f.customer and f.state = 'open' and f.origin_at < :before and {where}
        order by f.origin_at, f.id"""
    first: dict[str, Row] = {}
    for row in db.rows(sql, before=before, **names):
        first.setdefault(row["customer"], row)
    return list(first.values())


def unanswered(db: Db, stores: Sequence[str], before: datetime, since: datetime) -> list[Row]:
    """Customers who spoke before that time and have not been answered since."""
    where, names = _among(stores)
    sql = f"""select c.id as customer, c.name, c.owner, c.level, c.spoke_at from customers c
        where c.spoke_at < :before and c.spoke_at >= :since and c.opted_out_at is null
          and c.deleted_at is null and (c.contacted_at is null or c.contacted_at < c.spoke_at)
          and {where} order by c.spoke_at"""
    return db.rows(sql, before=before, since=since, **names)


def people(db: Db, stores: Sequence[str]) -> list[Row]:
    """How many customers stand in each tier and level."""
    where, names = _among(stores)
    sql = f"""select c.tier, c.level, count(*) as n from customers c
        where c.deleted_at is null and {where} group by c.tier, c.level order by c.tier, c.level"""
    return db.rows(sql, **names)


def concerns(db: Db, stores: Sequence[str], since: datetime) -> list[Row]:
    """What customers care about: how many, how many worried, how many still unanswered."""
    where, names = _among(stores)
    sql = f"""select t.code, count(*) as n,
            sum(case when t.polarity < 0 then 1 else 0 end) as worried,
            sum(case when t.state in ('', 'stuck') then 1 else 0 end) as unresolved
        from tags t join customers c on c.id = t.customer
        where t.kind = 'concern' and t.last_at >= :since and {where}
        group by t.code order by n desc, t.code"""
    return db.rows(sql, since=since, **names)


def talked(db: Db, stores: Sequence[str], since: datetime, until: datetime) -> int:
    where, names = _among(stores)
    sql = f"""select count(distinct m.customer) as n from messages m
        join customers c on c.id = m.customer
        where m.at >= :since and m.at < :until and {where}"""
    return int(db.rows(sql, since=since, until=until, **names)[0]["n"])
