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


def seat(
    db: Db, chat_id: str, member: str, *, name: str, staff: bool, invitor: str, joined: datetime
) -> None:
    """A member as the platform tells them; the day they joined is the platform's as well."""
    sql = """insert into group_members (chat_id, member, name, joined_at, staff, invitor)
        values (:chat, :member, :name, :joined, :staff, :invitor)
        on conflict (chat_id, member) do update set joined_at = excluded.joined_at,
            left_at = null, staff = excluded.staff, invitor = excluded.invitor,
            name = case when excluded.name = '' then group_members.name else excluded.name end"""
    db.run(sql, chat=chat_id, member=member, name=name, joined=joined, staff=int(staff),
           invitor=invitor)  # fmt: skip


def members(db: Db, chat_id: str) -> dict[str, Row]:
    """Those who are in it now, by their id."""
    sql = """select member, name, staff, invitor, joined_at from group_members
        where chat_id = :chat and left_at is null order by member"""
    return {row["member"]: row for row in db.rows(sql, chat=chat_id)}


def describe(
    db: Db, chat_id: str, *, name: str, kind: str, owner: str, store: str, notice: str
) -> None:
    """What the platform tells of the group itself; whoever is told of is not dismissed."""
    sql = """update groups set name = :name, kind = :kind, owner = :owner, store = :store,
        notice = :notice, dismissed_at = null where chat_id = :chat"""
    db.run(sql, chat=chat_id, name=name, kind=kind, owner=owner, store=store, notice=notice)


def move(db: Db, chat_id: str, version: str) -> None:
    """The members are known as of this version."""
    sql = "update groups set version = :v, outdated = '', reread_at = null where chat_id = :chat"
    db.run(sql, chat=chat_id, v=version)


def outdate(db: Db, chat_id: str, version: str) -> None:
    """The members changed since this version; the list may take seconds to follow."""
    sql = """update groups set outdated = :v, rereads = 0, reread_at = null
        where chat_id = :chat"""
    db.run(sql, chat=chat_id, v=version)


def reread(db: Db, chat_id: str, when: datetime | None) -> None:
    """Read once more then; None when it has been read."""
    sql = """update groups set reread_at = :when,
        rereads = rereads + case when :when is null then 0 else 1 end where chat_id = :chat"""
    db.run(sql, chat=chat_id, when=when)


def stale(db: Db, now: datetime) -> list[str]:
    sql = "select chat_id from groups where reread_at <= :now order by chat_id limit 50"
    return [row["chat_id"] for row in db.rows(sql, now=now)]


def dismiss(db: Db, chat_id: str, now: datetime) -> None:
    """The group is no more, and nobody is in it."""
    db.run("update groups set dismissed_at = :now, reread_at = null where chat_id = :chat",
           chat=chat_id, now=now)  # fmt: skip
    db.run("update group_members set left_at = :now where chat_id = :chat and left_at is null",
           chat=chat_id, now=now)  # fmt: skip


def alive(db: Db, internal: str) -> list[str]:
    """The customer groups that are not dismissed."""
    sql = """select chat_id from groups where dismissed_at is null and kind <> :internal
        order by chat_id"""
    return [row["chat_id"] for row in db.rows(sql, internal=internal)]


def get(db: Db, chat_id: str) -> Row | None:
    rows = db.rows("select * from groups where chat_id = :chat", chat=chat_id)
    return rows[0] if rows else None


def inside(db: Db, chat_id: str) -> list[str]:
    """Who is in a group now, members and customers alike."""
    sql = """select member from group_members where chat_id = :chat and left_at is null
        order by joined_at, member"""
    return [row["member"] for row in db.rows(sql, chat=chat_id)]


def of_member(db: Db, member: str) -> list[Row]:
    """The groups somebody is in now, with their kind."""
    sql = """select g.chat_id, g.name, g.kind, m.joined_at from group_members m
        join groups g on g.chat_id = m.chat_id where m.member = :member and m.left_at is null
        order by g.chat_id"""
    return db.rows(sql, member=member)
