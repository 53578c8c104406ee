"""The journey of a customer: what happened, when, and who says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from storage import tallies
from storage.db import Db, Row, at, number

WIDE = 10  # stores from which it is quicker to begin with the window than with the customers


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    customer: str
    kind: str  # 加微 开口 预约 到店 试驾 报价 下订 交付 战败 退订 级别 ...
    at: datetime
    source: str  # advisor, message, import, system
    evidence: str
    by_whom: str


def add(
    db: Db, *, event_id: str, customer: str, kind: str, when: datetime, source: str,
    evidence: str = "", by_whom: str = "",
) -> None:  # fmt: skip
    sql = """insert into events (id, customer, kind, at, source, evidence, by_whom)
        values (:id, :customer, :kind, :at, :source, :evidence, :by) on conflict (id) do nothing"""
    db.run(
        sql, id=event_id, customer=customer, kind=kind, at=when, source=source,
        evidence=evidence, by=by_whom,
    )  # fmt: skip
    tallies.changed(db, customer, kind, when)


def get(db: Db, event_id: str) -> Event | None:
    """None for one that is unknown or was taken back."""
    sql = """select id, customer, kind, at, source, evidence, by_whom from events
        where id = :id and undone_at is null"""
    rows = db.rows(sql, id=event_id)
    return Event(**{**rows[0], "at": at(rows[0]["at"])}) if rows else None


def exists(db: Db, event_id: str) -> bool:
    return bool(db.rows("select 1 from events where id = :id", id=event_id))


def undo(db: Db, event_id: str, now: datetime | None) -> None:
    """Keep the row, but count it no longer; with None it counts again."""
    db.run("update events set undone_at = :now where id = :id", id=event_id, now=now)
    for row in db.rows("select customer, kind, at from events where id = :id", id=event_id):
        tallies.changed(db, row["customer"], row["kind"], at(row["at"]))


def explain(db: Db, event_id: str, evidence: str) -> None:
    db.run("update events set evidence = :e where id = :id", id=event_id, e=evidence)


def of(db: Db, customer: str, *kinds: str, limit: int = 50) -> list[Event]:
    """What happened to a customer, the newest first; no kinds means all of them."""
    names = {f"k{n}": kind for n, kind in enumerate(kinds)}
    among = f"and kind in ({', '.join(f':{name}' for name in names)})" if names else ""
    sql = f"""select id, customer, kind, at, source, evidence, by_whom from events
        where customer = :c and undone_at is null {among} order by at desc, id limit :limit"""
    rows = db.rows(sql, c=customer, limit=limit, **names)
    return [Event(**{**row, "at": at(row["at"])}) for row in rows]


def last(db: Db, customer: str, *kinds: str) -> Event | None:
    found = of(db, customer, *kinds, limit=1)
    return found[0] if found else None


def happened(db: Db, kind: str, since: datetime, until: datetime) -> int:
    sql = """select count(*) from events where kind = :kind and at >= :since and at < :until
        and undone_at is null"""
    return number(db, sql, kind=kind, since=since, until=until)


def firsts(
    db: Db, kinds: Iterable[str], since: datetime, *, stores: Iterable[str] = (), owner: str = ""
) -> list[Row]:
    """The first time of each kind for every customer who took one of these steps since then.

    A step of long ago counts for somebody who took the next one lately, so the spans are whole.
    Of one owner, or of these stores; the row names owner, store and source, too.
    """
    named = {f"k{n}": kind for n, kind in enumerate(kinds)}
    marks = ", ".join(f":{name}" for name in named)
    whose, params = _whose(owner, list(stores))
    sql = f"""select e.customer, e.kind, min(e.at) as at, c.owner, c.store, c.source,
            c.contacted_at, c.opted_out_at, c.deleted_at, (select max(l.kind) from leads l
                where l.customer = c.id) as lead
        from customers c join events e on e.customer = c.id and e.undone_at is null
            and e.kind in ({marks})
        where {whose} and {_lately(marks, wide=not owner and len(params) > WIDE)}
        group by c.id, e.customer, e.kind, c.owner, c.store, c.source, c.contacted_at,
            c.opted_out_at, c.deleted_at"""
    return db.rows(sql, since=since, **named, **params)


def people(db: Db, stores: Iterable[str]) -> int:
    """How many customers these stores have."""
    whose, params = _whose("", list(stores))
    return number(db, f"select count(*) from customers c where {whose}", **params)


def _lately(marks: str, *, wide: bool) -> str:
    """Somebody who took a step since then: asked of each customer, or of the window as a whole."""
    if wide:
        return f"""c.id in (select customer from events where kind in ({marks})
            and at >= :since and undone_at is null)"""
    return f"""exists (select 1 from events lately where lately.customer = c.id
        and lately.at >= :since and lately.undone_at is null and lately.kind in ({marks}))"""


def _whose(owner: str, stores: list[str]) -> tuple[str, dict[str, str]]:
    if owner:
        return "c.owner = :owner", {"owner": owner}
    names = {f"s{n}": store for n, store in enumerate(stores)}
    return f"c.store in ({', '.join(f':{name}' for name in names) or 'null'})", names


def standing(
    db: Db, stages: Iterable[str], since: datetime, *, stores: Iterable[str] = (), owner: str = ""
) -> list[Row]:
    """Customers in one of these stages who reached it since then, with when they did."""
    named = {f"k{n}": kind for n, kind in enumerate(stages)}
    marks = ", ".join(f":{name}" for name in named)
    whose, params = _whose(owner, list(stores))
    sql = f"""select c.id, c.store, c.stage, max(e.at) as at from customers c
        join events e on e.customer = c.id and e.kind = c.stage and e.undone_at is null
        where {whose} and c.stage in ({marks}) and c.opted_out_at is null
            and c.deleted_at is null
        group by c.id, c.store, c.stage having max(e.at) >= :since"""
    return db.rows(sql, since=since, **named, **params)
