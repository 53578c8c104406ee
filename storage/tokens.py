"""Access tokens, shared by all processes on this store; the key is a hash, never the secret."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.db import Db, at, one

LEASE = timedelta(seconds=15)  # longer than a call may take; whoever died fetching blocks nobody


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    good_until: datetime


def take(db: Db, key: str, refused: str, now: datetime) -> Token | None:
    """The kept token, unless it is old or the very one that was refused."""
    row = one(db, "select * from tokens where id = :id", id=key)
    if row is None or row["value"] in ("", refused):
        return None
    found = Token(row["value"], at(row["good_until"]))
    return found if now < found.good_until else None


def claim(db: Db, key: str, now: datetime) -> bool:
    """Whether it is ours to fetch. Of many who ask at once, one is told yes."""
    sql = """insert into tokens (id, value, good_until, fetching_until)
        values (:id, '', :now, :until)
        on conflict (id) do update set fetching_until = excluded.fetching_until
        where tokens.fetching_until is null or tokens.fetching_until <= :now"""
    return db.run(sql, id=key, now=now, until=now + LEASE) == 1


def keep(db: Db, key: str, token: Token) -> None:
    sql = """insert into tokens (id, value, good_until) values (:id, :value, :until)
        on conflict (id) do update set value = excluded.value, good_until = excluded.good_until,
            fetching_until = null"""
    db.run(sql, id=key, value=token.value, until=token.good_until)


def release(db: Db, key: str) -> None:
    """It could not be fetched; the next one may try."""
    db.run("update tokens set fetching_until = null where id = :id", id=key)
