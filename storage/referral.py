"""Who introduced whom, and what is to be handed over for it."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from storage.db import Db, Row, at, moment, one

DUE, GIVEN = "待发", "已发"


@dataclass(frozen=True, slots=True)
class Referral:
    id: str
    friend: str  # who was introduced; nobody is introduced twice
    introducer: str
    words: str
    made_at: datetime
    by_whom: str

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, "made_at": at(row["made_at"])})


@dataclass(frozen=True, slots=True)
class Reward:
    """`step` is what the friend did; `proof` tells how it was handed over."""

    id: str
    friend: str
    introducer: str
    step: str
    what: str
    due_at: datetime
    state: str = DUE
    given_at: datetime | None = None
    by_whom: str = ""
    proof: str = ""

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, "due_at": at(row["due_at"]), "given_at": moment(row["given_at"])})


def add(db: Db, found: Referral) -> None:
    values: dict[str, Any] = {f.name: getattr(found, f.name) for f in fields(Referral)}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    db.run(f"insert into referrals ({names}) values ({marks}) on conflict (id) do nothing",
           **values)  # fmt: skip


def remove(db: Db, referral_id: str) -> None:
    db.run("delete from referrals where id = :id", id=referral_id)


def of_friend(db: Db, friend: str) -> Referral | None:
    row = one(db, "select * from referrals where friend = :f order by made_at limit 1", f=friend)
    return Referral.from_row(row) if row else None


def by(db: Db, introducer: str) -> list[Referral]:
    sql = "select * from referrals where introducer = :i order by made_at, id"
    return [Referral.from_row(row) for row in db.rows(sql, i=introducer)]


def since(
    db: Db, begin: datetime, *, stores: Iterable[str] = (), owner: str = ""
) -> list[Referral]:
    """Those of the friends of these stores, or of one advisor, made since then."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{name}" for name in names) or "null"
    whose = "c.owner = :owner" if owner else f"c.store in ({marks})"
    params: dict[str, str] = {"owner": owner} if owner else names
    sql = f"""select r.* from referrals r join customers c on c.id = r.friend
        where {whose} and r.made_at >= :begin order by r.made_at, r.id"""
    return [Referral.from_row(row) for row in db.rows(sql, begin=begin, **params)]


# Rewards


def owe(db: Db, reward: Reward) -> bool:
    """False when it was owed already."""
    values: dict[str, Any] = {f.name: getattr(reward, f.name) for f in fields(Reward)}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    sql = f"insert into rewards ({names}) values ({marks}) on conflict (id) do nothing"
    return db.run(sql, **values) == 1


def due(db: Db, introducer: str) -> list[Reward]:
    sql = f"""select * from rewards where introducer = :i and state = '{DUE}'
        order by due_at, id"""
    return [Reward.from_row(row) for row in db.rows(sql, i=introducer)]


def open_of(db: Db, introducers: Iterable[str]) -> list[Reward]:
    return [reward for one_ in introducers for reward in due(db, one_)]


def give(db: Db, reward_id: str, proof: str, by_whom: str, now: datetime) -> bool:
    sql = f"""update rewards set state = '{GIVEN}', given_at = :now, by_whom = :by, proof = :proof
        where id = :id and state = '{DUE}'"""
    return db.run(sql, id=reward_id, now=now, by=by_whom, proof=proof) == 1


def not_given(db: Db, reward_id: str) -> None:
    sql = f"""update rewards set state = '{DUE}', given_at = null, by_whom = '', proof = ''
        where id = :id"""
    db.run(sql, id=reward_id)
