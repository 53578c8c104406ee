"""Lost customers: what an advisor filed, what became of it, who was called back and who is free."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, number, one

WAITING, AGREED, RETURNED, WITHDRAWN = "待批", "同意", "退回", "撤回"
WARNED, FREE, CLAIMED = "快回流", "待领取", "已领取"


@dataclass(frozen=True, slots=True)
class Loss:
    """One application; `gap` is the price gap in yuan, 0 where nobody knows it."""

    id: str
    customer: str
    advisor: str
    store: str
    reason: str
    kind: str
    asked_at: datetime
    rival: str = ""
    gap: int = 0
    contacts: int = 0
    words: str = ""
    evidence: str = ""  # the customer's own words that they bought elsewhere
    last_at: datetime | None = None  # the last contact before it was filed
    state: str = WAITING
    decided_by: str = ""
    decided_at: datetime | None = None
    answer: str = ""
    event: str = ""

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {name: moment(row[name]) for name in ("last_at", "decided_at")}
        return cls(**{**row, **times, "asked_at": at(row["asked_at"])})


@dataclass(frozen=True, slots=True)
class Pooled:
    """A customer whom nobody has looked after for long; one row a customer."""

    customer: str
    store: str
    advisor: str
    state: str
    why: str
    at: datetime
    claimed_by: str = ""
    claimed_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, "at": at(row["at"]), "claimed_at": moment(row["claimed_at"])})


# Taken back by 撤销, the approval counts no longer and the application waits again.
_WAITS = f"""(l.state = '{WAITING}' or (l.state = '{AGREED}' and exists (select 1 from events e
    where e.id = l.event and e.undone_at is not null)))"""


def put(db: Db, loss: Loss) -> None:
    """Insert, or write it as it is given."""
    _put(db, "losses", "id", {f.name: getattr(loss, f.name) for f in fields(Loss)})


def _put(db: Db, table: str, key: str, values: dict[str, Any]) -> None:
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    news = ", ".join(f"{name} = excluded.{name}" for name in values if name != key)
    db.run(f"insert into {table} ({names}) values ({marks})"
           f" on conflict ({key}) do update set {news}", **values)  # fmt: skip


def get(db: Db, loss_id: str) -> Loss | None:
    row = one(db, "select * from losses where id = :id", id=loss_id)
    return Loss.from_row(row) if row else None


def withdraw(db: Db, loss_id: str) -> None:
    """The advisor took it back, unless somebody decided meanwhile."""
    sql = f"update losses set state = '{WITHDRAWN}' where id = :id and state = '{WAITING}'"
    db.run(sql, id=loss_id)


def newest(db: Db, customer: str) -> Loss | None:
    sql = "select * from losses where customer = :c order by asked_at desc, id limit 1"
    row = one(db, sql, c=customer)
    return Loss.from_row(row) if row else None


def waits(db: Db, loss_id: str) -> bool:
    """Whether somebody still has to decide about it."""
    return bool(db.rows(f"select 1 from losses l where l.id = :id and {_WAITS}", id=loss_id))


def waiting(db: Db, stores: Iterable[str], limit: int = 50) -> list[Loss]:
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    sql = f"""select l.* from losses l where l.store in ({marks}) and {_WAITS}
        order by l.asked_at, l.id limit :limit"""
    return [Loss.from_row(row) for row in db.rows(sql, limit=limit, **names)]


def approved(
    db: Db, since: datetime, *, stores: Iterable[str] = (), advisor: str = ""
) -> list[Loss]:
    """Those that a manager agreed to since then, of these stores or of one advisor."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    whose = "l.advisor = :advisor" if advisor else f"l.store in ({marks})"
    params: dict[str, str] = {"advisor": advisor} if advisor else names
    sql = f"""select l.* from losses l where {whose} and l.state = '{AGREED}'
        and l.decided_at >= :since and not {_WAITS} order by l.decided_at, l.id"""
    return [Loss.from_row(row) for row in db.rows(sql, since=since, **params)]


# Calling back


def wake(db: Db, *, wake_id: str, loss: str, customer: str, reason: str, now: datetime) -> None:
    """A wake-up with its reason was laid before the advisor."""
    sql = """insert into wakeups (id, loss, customer, reason, at) values (:id, :loss, :c, :reason,
        :now) on conflict (id) do nothing"""
    db.run(sql, id=wake_id, loss=loss, c=customer, reason=reason, now=now)


def woke(db: Db, wake_id: str, now: datetime) -> None:
    """The advisor passed it on."""
    db.run("update wakeups set sent_at = :now where id = :id and sent_at is null", id=wake_id,
           now=now)  # fmt: skip


def not_woken(db: Db, wake_id: str) -> None:
    """It was not passed on after all."""
    db.run("update wakeups set sent_at = null where id = :id", id=wake_id)


def reasons(db: Db, customer: str) -> set[str]:
    """What this customer has been called back with."""
    sql = "select reason from wakeups where customer = :c and sent_at is not null"
    return {row["reason"] for row in db.rows(sql, c=customer)}


def woken(db: Db, customer: str, since: datetime) -> int:
    sql = "select count(*) from wakeups where customer = :c and sent_at >= :since"
    return number(db, sql, c=customer, since=since)


def answered(db: Db, customer: str, since: datetime, now: datetime) -> bool:
    """The customer spoke; True where that answers a wake-up for the first time."""
    sql = """update wakeups set answered_at = :now where customer = :c and sent_at >= :since
        and answered_at is null"""
    return db.run(sql, c=customer, since=since, now=now) > 0


def calls(db: Db, loss: str) -> list[Row]:
    sql = """select reason, sent_at, answered_at from wakeups where loss = :loss
        and sent_at is not null order by sent_at"""
    return db.rows(sql, loss=loss)


# The pool


def pooled(db: Db, customer: str) -> Pooled | None:
    row = one(db, "select * from pool where customer = :c", c=customer)
    return Pooled.from_row(row) if row else None


def pool(db: Db, found: Pooled) -> None:
    _put(db, "pool", "customer", {f.name: getattr(found, f.name) for f in fields(Pooled)})


def leave_pool(db: Db, customer: str) -> None:
    db.run("delete from pool where customer = :c", c=customer)


def free(db: Db, stores: Iterable[str], limit: int = 50) -> list[Pooled]:
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    sql = f"""select * from pool where store in ({marks}) and state = '{FREE}'
        order by at, customer limit :limit"""
    return [Pooled.from_row(row) for row in db.rows(sql, limit=limit, **names)]


def claim(db: Db, customer: str, by: str, now: datetime) -> bool:
    """Only one who asks gets them."""
    sql = f"""update pool set state = '{CLAIMED}', claimed_by = :by, claimed_at = :now
        where customer = :c and state = '{FREE}'"""
    return db.run(sql, c=customer, by=by, now=now) == 1


def claims(db: Db, by: str, since: datetime) -> int:
    sql = "select count(*) from pool where claimed_by = :by and claimed_at >= :since"
    return number(db, sql, by=by, since=since)
