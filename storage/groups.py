"""Groups and who is in them."""

from datetime import datetime

from storage.db import Db, Row


def put(
    db: Db, *, chat_id: str, name: str, kind: str, owner: str, store: str, now: datetime
) -> None:
    """Insert or rename; `kind` is 潜客, 意向, 车主, 活动, 1vN or 内部."""
    sql = """insert into groups (chat_id, name, kind, owner, store, created_at)
        values (:chat, :name, :kind, :owner, :store, :now)
        on conflict (chat_id) do update set name = excluded.name, owner = excluded.owner"""
    db.run(sql, chat=chat_id, name=name, kind=kind, owner=owner, store=store, now=now)


def join(db: Db, chat_id: str, member: str, name: str, now: datetime) -> None:
    """Note a member; one who comes back starts a new tenure."""
    sql = """insert into group_members (chat_id, member, name, joined_at)
        values (:chat, :member, :name, :now)
        on conflict (chat_id, member) do update set name = excluded.name, left_at = null,
            joined_at = case when group_members.left_at is null then group_members.joined_at
                else excluded.joined_at end"""
    db.run(sql, chat=chat_id, member=member, name=name, now=now)


def leave(db: Db, chat_id: str, member: str, now: datetime) -> None:
    sql = """update group_members set left_at = :now
        where chat_id = :chat and member = :member and left_at is null"""
    db.run(sql, chat=chat_id, member=member, now=now)


def get(db: Db, chat_id: str) -> Row | None:
    rows = db.rows("select * from groups where chat_id = :chat", chat=chat_id)
    return rows[0] if rows else None


def of_member(db: Db, member: str) -> list[Row]:
    """The groups somebody is in now, with their kind."""
    sql = """select g.chat_id, g.name, g.kind, m.joined_at from group_members m
        join groups g on g.chat_id = m.chat_id where m.member = :member and m.left_at is null
        order by g.chat_id"""
    return db.rows(sql, member=member)
