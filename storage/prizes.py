"""Prizes, their stock, and who exchanged points for one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from storage.db import Db, Row, at, moment, number, one

LIVE, STOPPED = "live", "stopped"
WAITING, TAKEN, RETURNED, LAPSED = "待领", "已领", "已退", "过期"


@dataclass(frozen=True, slots=True)
class Prize:
    """`worth` is its price in yuan; `how` is 自提 or 邮寄; no `store` means any of them."""

    id: str
    name: str
    cost: int
    stock: int
    worth: int
    how: str
    store: str
    per_member: int  # how many one member may have; 0 any number
    conditions: str
    until: date | None
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Redemption:
    id: str
    code: str
    prize: str
    chat_id: str
    member: str
    name: str  # of the prize, as it was called then
    cost: int
    state: str
    at: datetime
    until: datetime
    used_at: datetime | None
    used_by: str
    store: str
    why: str


def _prize(row: Row) -> Prize:
    until = date.fromisoformat(row["until"]) if row["until"] else None
    return Prize(**{**row, "until": until, "at": at(row["at"])})


def _redemption(row: Row) -> Redemption:
    return Redemption(**{**row, "at": at(row["at"]), "until": at(row["until"]),
                         "used_at": moment(row["used_at"])})  # fmt: skip


# The catalogue


def add(db: Db, found: Prize) -> None:
    sql = """insert into prizes (id, name, cost, stock, worth, how, store, per_member, conditions,
            until, state, at)
        values (:id, :name, :cost, :stock, :worth, :how, :store, :per, :conditions, :until,
            :state, :at)"""
    db.run(sql, id=found.id, name=found.name, cost=found.cost, stock=found.stock,
           worth=found.worth, how=found.how, store=found.store, per=found.per_member,
           conditions=found.conditions, until=found.until.isoformat() if found.until else None,
           state=found.state, at=found.at)  # fmt: skip


def everything(db: Db) -> list[Prize]:
    return [_prize(row) for row in db.rows("select * from prizes order by at, id")]


def offered(db: Db, day: date, store: str = "") -> list[Prize]:
    """What can be chosen on that day, the cheapest first; with its sold-out ones.

    With a store: its own and those of every store.
    """
    sql = """select * from prizes where state = 'live' and (until is null or until >= :day)
        and (store = '' or :store = '' or store = :store) order by cost, at, id limit 50"""
    return [_prize(row) for row in db.rows(sql, day=day.isoformat(), store=store)]


def get(db: Db, prize_id: str) -> Prize | None:
    row = one(db, "select * from prizes where id = :id", id=prize_id)
    return _prize(row) if row else None


def stop(db: Db, prize_id: str) -> bool:
    sql = "update prizes set state = 'stopped' where id = :id and state = 'live'"
    return db.run(sql, id=prize_id) == 1


def restock(db: Db, prize_id: str, delta: int) -> bool:
    """Add to the stock or take from it; False when it would fall below nothing."""
    sql = """update prizes set stock = stock + :delta
        where id = :id and stock + :delta >= 0"""
    return db.run(sql, id=prize_id, delta=delta) == 1


def take(db: Db, prize_id: str) -> bool:
    """One out of the stock. The same statement tests and takes, so that the last one goes once."""
    sql = "update prizes set stock = stock - 1 where id = :id and stock >= 1 and state = 'live'"
    return db.run(sql, id=prize_id) == 1


# Exchanges


def redeem(db: Db, found: Redemption) -> bool:
    """Keep an exchange; False when its id or code is there already."""
    sql = """insert into redemptions (id, code, prize, chat_id, member, name, cost, state, at,
            until, used_by, store, why)
        values (:id, :code, :prize, :chat, :member, :name, :cost, :state, :at, :until, '',
            :store, '') on conflict do nothing"""
    return db.run(sql, id=found.id, code=found.code, prize=found.prize, chat=found.chat_id,
                  member=found.member, name=found.name, cost=found.cost, state=found.state,
                  at=found.at, until=found.until, store=found.store) == 1  # fmt: skip


def by_id(db: Db, redemption_id: str) -> Redemption | None:
    row = one(db, "select * from redemptions where id = :id", id=redemption_id)
    return _redemption(row) if row else None


def by_code(db: Db, code: str) -> Redemption | None:
    row = one(db, "select * from redemptions where code = :code", code=code)
    return _redemption(row) if row else None


def of_member(db: Db, member: str, limit: int = 10) -> list[Redemption]:
    sql = "select * from redemptions where member = :member order by at desc, id limit :limit"
    return [_redemption(row) for row in db.rows(sql, member=member, limit=limit)]


def had(db: Db, prize_id: str, member: str) -> int:
    """How many of a prize somebody has, or has had."""
    sql = """select count(*) from redemptions where prize = :prize and member = :member
        and state in ('待领', '已领')"""
    return number(db, sql, prize=prize_id, member=member)


def settle(
    db: Db, redemption_id: str, *, state: str, by: str, now: datetime, why: str = ""
) -> bool:
    """From 待领 to what became of it, once; False when that has happened already."""
    sql = """update redemptions set state = :state, used_at = :now, used_by = :by, why = :why
        where id = :id and state = '待领'"""
    return db.run(sql, state=state, now=now, by=by, why=why, id=redemption_id) == 1


def lapsed(db: Db, now: datetime, limit: int = 200) -> list[Redemption]:
    sql = """select * from redemptions where state = '待领' and until <= :now
        order by until, id limit :limit"""
    return [_redemption(row) for row in db.rows(sql, now=now, limit=limit)]


def listed(db: Db, states: Iterable[str]) -> list[Row]:
    """For the list of what is to be handed out or sent."""
    names = {f"s{n}": state for n, state in enumerate(states)}
    marks = ", ".join(f":{key}" for key in names) or "null"
    sql = f"""select r.code, r.name, r.state, r.at, r.until, r.used_at, r.store, r.member,
            coalesce(p.how, '自提') as how, coalesce(c.name, '') as customer,
            coalesce(c.phone, '') as phone
        from redemptions r left join prizes p on p.id = r.prize
        left join customers c on c.id = r.member
        where r.state in ({marks}) order by r.at, r.id"""
    return db.rows(sql, **names)
