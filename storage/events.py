"""The journey of a customer: what happened, when, and who says so."""

from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, at, number


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


def undo(db: Db, event_id: str, now: datetime | None) -> None:
    """Keep the row, but count it no longer; with None it counts again."""
    db.run("update events set undone_at = :now where id = :id", id=event_id, now=now)


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
