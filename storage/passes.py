"""Who may come into the console: links that open it once, and sessions that somebody can end."""

from datetime import datetime

from storage.db import Db, Row, one

# Links


def give(db: Db, link_id: str, member: str, now: datetime) -> None:
    db.run("insert into console_links (id, member, made_at) values (:id, :member, :now)",
           id=link_id, member=member, now=now)  # fmt: skip


def link(db: Db, link_id: str) -> Row | None:
    return one(db, "select member, made_at, used_at from console_links where id = :id", id=link_id)


def use(db: Db, link_id: str, now: datetime) -> bool:
    """Of two who come with the same link, one is told yes."""
    sql = "update console_links set used_at = :now where id = :id and used_at is null"
    return db.run(sql, id=link_id, now=now) == 1


# Sessions


def begin(db: Db, session_id: str, member: str, now: datetime) -> None:
    db.run("insert into console_sessions (id, member, begun_at) values (:id, :member, :now)",
           id=session_id, member=member, now=now)  # fmt: skip


def holds(db: Db, session_id: str) -> bool:
    """Begun and not ended; a cookie that was copied ends with it."""
    sql = "select 1 from console_sessions where id = :id and ended_at is null"
    return bool(db.rows(sql, id=session_id))


def end(db: Db, session_id: str, now: datetime) -> None:
    db.run("update console_sessions set ended_at = :now where id = :id and ended_at is null",
           id=session_id, now=now)  # fmt: skip


def forget(db: Db, before: datetime) -> None:
    """Links and sessions that cannot open anything any more."""
    db.run("delete from console_links where made_at < :before", before=before)
    db.run("delete from console_sessions where begun_at < :before", before=before)
