"""Counts for managers; every query is limited to the stores that the reader may see."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from storage import tallies, wide
from storage.db import Db, Row

FUNNEL = ("加微", "开口", "到店", "试驾", "报价", "下订")


def _among(stores: Sequence[str]) -> tuple[str, dict[str, str]]:
    """`c.store in (…)` with one parameter a store; no stores match nothing."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    return f"c.store in ({marks})", names


def funnel(db: Db, stores: Sequence[str], since: datetime, until: datetime) -> dict[str, int]:
    """Customers who reached each step in that time, each counted once a step."""
    found = tallies.steps(db, stores, FUNNEL, (since, until))
    return {step: found["", step] for step in FUNNEL}


def happened(
    db: Db, stores: Sequence[str], kinds: Sequence[str], since: datetime, until: datetime
) -> list[Row]:
    """Events of these kinds with the customer's name and owner, the newest first."""
    where, names = _among(stores)
    named = {f"k{n}": kind for n, kind in enumerate(kinds)}
    marks = ", ".join(f":{name}" for name in named) or "null"
    happened = wide.first(stores, since, until)
    sql = f"""select e.kind, e.at, e.evidence, c.id as customer, c.name, c.owner, c.tier, c.level
        from {wide.ordered("events e", happened=happened)}
        where c.id = e.customer and e.at >= :since and e.at < :until and e.undone_at is null
            and {wide.chosen("e.kind", marks, happened=happened)} and {where}
        order by e.at desc, e.id"""
    return db.rows(sql, since=since, until=until, **names, **named)


def overdue(db: Db, stores: Sequence[str], before: datetime) -> list[Row]:
    """Customers to whom something fell due before that time: the oldest of it, the oldest first."""
    where, names = _among(stores)
    sql = f"""select f.id, f.customer, f.advisor, f.kind, f.rule, f.reason, f.origin_at, f.overdue,
            c.name, c.level, c.tier
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
    sql = f"""select tier, level, sum(n) as n from (
            select c.store, c.tier, c.level, count(*) as n from customers c
            where c.deleted_at is null and {where} group by c.store, c.tier, c.level) counted
        group by tier, level order by tier, level"""
    return [{**row, "n": int(row["n"])} for row in db.rows(sql, **names)]


def standing(db: Db, stores: Sequence[str], by: str) -> list[Row]:
    """How many customers each store or owner has of each tier and level; one who serves several
    stores has rows of each, since that is how an index has them."""
    where, names = _among(stores)
    fine = "c.store, c.owner" if by == "owner" else "c.store"
    sql = f"""select {fine}, c.tier, c.level, count(*) as n from customers c
        where c.deleted_at is null and {where} group by {fine}, c.tier, c.level"""
    return db.rows(sql, **names)


def concerns(db: Db, stores: Sequence[str], codes: Iterable[str], since: datetime) -> list[Row]:
    """What customers care about: how many, how many worried, how many still unanswered."""
    where, names = _among(stores)
    named = {f"k{n}": code for n, code in enumerate(codes)}
    which = wide.among("t.code", ", ".join(f":{name}" for name in named) or "null", stores)
    sql = f"""select t.code, count(*) as n,
            sum(case when t.polarity < 0 then 1 else 0 end) as worried,
            sum(case when t.state in ('', 'stuck') then 1 else 0 end) as unresolved
        from {wide.join("tags t", stores)}
        where c.id = t.customer and t.kind = 'concern' and {which} and t.last_at >= :since
            and {where} group by t.code order by n desc, t.code"""
    return db.rows(sql, since=since, **names, **named)


def talked(db: Db, stores: Sequence[str], since: datetime, until: datetime) -> int:
    where, names = _among(stores)
    sql = f"""select count(distinct m.customer) as n from {wide.join("messages m", stores)}
        where c.id = m.customer and m.at >= :since and m.at < :until and {where}"""
    return int(db.rows(sql, since=since, until=until, **names)[0]["n"])
