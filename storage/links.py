"""Links that open a page of the operator's: each is good once."""

from datetime import datetime

from storage.db import Db


def add(db: Db, link_id: str, now: datetime) -> None:
    db.run("insert into links (id, made_at) values (:id, :now)", id=link_id, now=now)


def use(db: Db, link_id: str, now: datetime) -> bool:
    """Of two who come with the same link, one is told yes."""
    sql = "update links set used_at = :now where id = :id and used_at is null"
    return db.run(sql, id=link_id, now=now) == 1


def forget(db: Db, before: datetime) -> int:
    return db.run("delete from links where made_at < :before", before=before)
