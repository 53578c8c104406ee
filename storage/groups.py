"""Groups and who is in them."""

from collections.abc import Iterable
from datetime import datetime

from storage.db import Db, Row, number


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


def names(db: Db, chat_id: str, ids: Iterable[str]) -> dict[str, str]:
    """What these members are called in the group, as far as it is known."""
    sql = """select name from group_members where chat_id = :chat and member = :member
        and name <> ''"""
    found = {member: db.rows(sql, chat=chat_id, member=member) for member in ids}
    return {member: str(rows[0]["name"]) for member, rows in found.items() if rows}


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
    sql = """select g.chat_id, g.name, g.kind, g.official, m.joined_at from group_members m
        join groups g on g.chat_id = m.chat_id where m.member = :member and m.left_at is null
        order by g.chat_id"""
    return db.rows(sql, member=member)


def joined(db: Db, since: datetime, until: datetime) -> list[str]:
    """Customers who joined a group in that time and are still in it."""
    sql = """select distinct member from group_members where joined_at >= :since
        and joined_at < :until and left_at is null and staff = 0 order by member"""
    return [row["member"] for row in db.rows(sql, since=since, until=until)]


def called(db: Db, name: str, stores: Iterable[str]) -> list[Row]:
    """The groups of these stores whose name is, or else holds, these words."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    marks = ", ".join(f":{key}" for key in names) or "null"
    sql = f"""select chat_id, name, kind, official from groups where dismissed_at is null
        and store in ({marks}) and name like '%' || :name || '%' order by name, chat_id limit 20"""
    found = db.rows(sql, name=name, **names)
    return [row for row in found if row["name"] == name] or found


def settle(db: Db, chat_id: str, *, kind: str, official: bool) -> None:
    """What somebody in charge says a group is."""
    sql = "update groups set kind = :kind, official = :official where chat_id = :chat"
    db.run(sql, kind=kind, official=int(official), chat=chat_id)


def spoken(db: Db, member: str, since: datetime) -> dict[str, int]:
    """How often somebody spoke in which group, a minute counted once."""
    sql = """select member as chat, count(distinct substr(at, 1, 16)) as n from messages
        where customer = :c and who = 'customer' and at >= :since
            and member in (select chat_id from group_members where member = :c)
        group by member"""
    return {row["chat"]: row["n"] for row in db.rows(sql, c=member, since=since)}


def private(db: Db, member: str, since: datetime) -> int:
    """The same for what they said outside of groups."""
    sql = """select count(distinct substr(at, 1, 16)) as n from messages
        where customer = :c and who = 'customer' and at >= :since
            and member not in (select chat_id from group_members where member = :c)"""
    return number(db, sql, c=member, since=since)


def played(db: Db, member: str, since: datetime) -> int:
    """Games won or joined in the groups of a member; check-ins stand in a table of their own."""
    sql = """select count(*) from points p join group_members m
            on m.member = p.member and m.chat_id = p.chat_id
        where m.member = :member and p.member = :member and p.at >= :since
            and p.reason <> '签到'"""
    return number(db, sql, member=member, since=since)
