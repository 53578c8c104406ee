"""Alerts about groups and advisors, and what they are read from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, moment, number, one

NEW, DOING, SOLVED, FALSE = "待处理", "处理中", "已解决", "误报"


@dataclass(frozen=True, slots=True)
class Alert:
    """`about` is the customer or advisor, `topic` what makes another alert the same one."""

    id: str
    kind: str
    chat_id: str
    store: str
    about: str
    evidence: str
    why: str
    topic: str
    owner: str
    state: str
    at: datetime
    due_at: datetime
    told_at: datetime | None = None
    raised_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    note: str = ""


def _alert(row: Row) -> Alert:
    times = {name: moment(row[name]) for name in ("told_at", "raised_at", "ended_at")}
    return Alert(**{**row, **times, "at": at(row["at"]), "due_at": at(row["due_at"])})


def put(db: Db, found: Alert) -> None:
    sql = """insert into alerts (id, kind, chat_id, store, about, evidence, why, topic, owner,
            state, at, due_at, ended_by, note)
        values (:id, :kind, :chat, :store, :about, :evidence, :why, :topic, :owner, :state, :at,
            :due, '', '')"""
    db.run(sql, id=found.id, kind=found.kind, chat=found.chat_id, store=found.store,
           about=found.about, evidence=found.evidence, why=found.why, topic=found.topic,
           owner=found.owner, state=found.state, at=found.at, due=found.due_at)  # fmt: skip


def lately(db: Db, kind: str, chat_id: str, topic: str, since: datetime) -> bool:
    """Whether the same was told since then."""
    sql = """select count(*) from alerts where kind = :kind and chat_id = :chat and topic = :topic
        and at >= :since"""
    return number(db, sql, kind=kind, chat=chat_id, topic=topic, since=since) > 0


def get(db: Db, alert_id: str) -> Alert | None:
    row = one(db, "select * from alerts where id = :id", id=alert_id)
    return _alert(row) if row else None


def about(db: Db, kind: str, topic: str) -> Alert | None:
    """The newest of a matter that belongs to no group."""
    sql = """select * from alerts where kind = :kind and chat_id = '' and topic = :topic
        order by at desc, id limit 1"""
    row = one(db, sql, kind=kind, topic=topic)
    return _alert(row) if row else None


def withdraw(db: Db, alert_id: str) -> bool:
    """What gave the alarm never was; False when somebody has dealt with it."""
    return db.run("delete from alerts where id = :id and ended_at is null", id=alert_id) == 1


def settle(db: Db, alert_id: str, state: str, by: str, now: datetime, note: str = "") -> bool:
    """False when it was closed before; 处理中 leaves it open."""
    ended = None if state == DOING else now
    sql = """update alerts set state = :state, ended_at = :ended, ended_by = :by,
        note = case when :note = '' then note else :note end
        where id = :id and ended_at is null"""
    return db.run(sql, id=alert_id, state=state, ended=ended, by=by, note=note) == 1


def annotate(db: Db, alert_id: str, note: str) -> None:
    db.run("update alerts set note = :note where id = :id", id=alert_id, note=note)


def evidence(db: Db, kind: str, topic: str, words: str) -> None:
    """What was said later of a matter that belongs to no group."""
    sql = """update alerts set evidence = :words
        where kind = :kind and chat_id = '' and topic = :topic"""
    db.run(sql, words=words, kind=kind, topic=topic)


def told(db: Db, alert_id: str, now: datetime) -> bool:
    sql = "update alerts set told_at = :now where id = :id and told_at is null"
    return db.run(sql, id=alert_id, now=now) == 1


def untold(db: Db) -> list[Alert]:
    sql = "select * from alerts where told_at is null order by at, id limit 50"
    return [_alert(row) for row in db.rows(sql)]


def overdue(db: Db, now: datetime) -> list[Alert]:
    """Open beyond their deadline, and nobody above was told yet."""
    sql = """select * from alerts where ended_at is null and raised_at is null
        and due_at <= :now order by due_at, id limit 50"""
    return [_alert(row) for row in db.rows(sql, now=now)]


def raised(db: Db, alert_id: str, now: datetime) -> bool:
    sql = "update alerts set raised_at = :now where id = :id and raised_at is null"
    return db.run(sql, id=alert_id, now=now) == 1


def open_of(db: Db, owner: str, stores: Iterable[str], limit: int = 10) -> list[Alert]:
    """What is open of somebody, or of the stores they run; the oldest first."""
    among, names = _list(stores)
    sql = f"""select * from alerts where ended_at is null and (owner = :owner or store in {among})
        order by due_at, id limit :limit"""
    return [_alert(row) for row in db.rows(sql, owner=owner, limit=limit, **names)]


def of_stores(
    db: Db, stores: Iterable[str], since: datetime, until: datetime, limit: int
) -> list[Alert]:
    """The newest first."""
    among, names = _list(stores)
    sql = f"""select * from alerts where store in {among} and at >= :since and at < :until
        order by at desc, id limit :limit"""
    rows = db.rows(sql, since=since, until=until, limit=limit, **names)
    return [_alert(row) for row in rows]


def counts(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> list[Row]:
    among, names = _list(stores)
    sql = f"""select store, kind, count(*) as n,
            sum(case when ended_at is null then 1 else 0 end) as open
        from alerts where store in {among} and at >= :since and at < :until
        group by store, kind order by store, kind"""
    return db.rows(sql, since=since, until=until, **names)


def _list(stores: Iterable[str]) -> tuple[str, dict[str, str]]:
    names = {f"s{n}": store for n, store in enumerate(stores)}
    return "(" + (", ".join(f":{key}" for key in names) or "null") + ")", names


# Questions in a group that wait for an answer


def ask(
    db: Db, question: str, chat_id: str, member: str, words: str, when: datetime, due: datetime
) -> None:
    sql = """insert into group_questions (id, chat_id, member, words, at, due_at)
        values (:id, :chat, :member, :words, :at, :due) on conflict (id) do nothing"""
    db.run(sql, id=question, chat=chat_id, member=member, words=words, at=when, due=due)


def answered(db: Db, chat_id: str, when: datetime) -> None:
    """Whatever was asked before a member of staff spoke."""
    db.run("delete from group_questions where chat_id = :chat and at <= :at", chat=chat_id,
           at=when)  # fmt: skip


def unanswered(db: Db, now: datetime) -> list[Row]:
    sql = """select * from group_questions where due_at <= :now order by due_at, id limit 50"""
    return db.rows(sql, now=now)


def close(db: Db, question: str) -> bool:
    return db.run("delete from group_questions where id = :id", id=question) == 1


# Who complains of what


def voice(db: Db, chat_id: str, code: str, member: str, words: str, when: datetime) -> None:
    """The last word of each member on each thing."""
    sql = """insert into group_voices (chat_id, code, member, words, at)
        values (:chat, :code, :member, :words, :at)
        on conflict (chat_id, code, member) do update set words = excluded.words,
            at = excluded.at"""
    db.run(sql, chat=chat_id, code=code, member=member, words=words, at=when)


def voices(db: Db, chat_id: str, code: str, since: datetime) -> list[Row]:
    sql = """select member, words, at from group_voices where chat_id = :chat and code = :code
        and at >= :since order by at, member"""
    return db.rows(sql, chat=chat_id, code=code, since=since)


def fade(db: Db, spoken_before: datetime, ended_before: datetime) -> None:
    """Words that nothing is waiting for any more: heard long ago, or of a matter long closed."""
    db.run("delete from group_voices where at < :t", t=spoken_before)
    db.run("update alerts set evidence = '' where ended_at < :t and evidence <> ''",
           t=ended_before)  # fmt: skip


def stage(db: Db, chat_id: str) -> str:
    """In which part of its life a group was when it was last looked at; "" for the first time."""
    row = one(db, "select stage from group_stages where chat_id = :chat", chat=chat_id)
    return str(row["stage"]) if row else ""


def keep_stage(db: Db, chat_id: str, found: str, now: datetime) -> None:
    sql = """insert into group_stages (chat_id, stage, at) values (:chat, :stage, :now)
        on conflict (chat_id) do update set stage = excluded.stage, at = excluded.at"""
    db.run(sql, chat=chat_id, stage=found, now=now)


# Mood


def hours(db: Db, chat_id: str, since: datetime, until: datetime) -> list[Row]:
    """How much was said and done in each hour: `hour` is a stamp cut after the hour, in UTC."""
    span = {"chat": chat_id, "since": since, "until": until}
    spoken = """select substr(m.at, 1, 13) as hour, count(*) as n from group_members g
        join messages m on m.customer = g.member and m.at >= :since and m.at < :until
        where g.chat_id = :chat and g.staff = 0 and m.member = :chat and m.who = 'customer'
        group by substr(m.at, 1, 13)"""
    done = """select substr(p.at, 1, 13) as hour, count(*) as n from group_members g
        join points p on p.chat_id = g.chat_id and p.member = g.member
        where g.chat_id = :chat and p.at >= :since and p.at < :until and p.delta > 0
        group by substr(p.at, 1, 13)"""
    return [*db.rows(spoken, **span), *db.rows(done, **span)]


def topics(db: Db, chat_id: str, since: datetime, until: datetime) -> list[Row]:
    """What was spoken of in the group: how many members, and how many of them in worry."""
    sql = """select t.code, count(*) as n,
            sum(case when t.polarity < 0 then 1 else 0 end) as worried
        from group_members g
        join tags t on t.customer = g.member and t.kind = 'concern' and t.last_at >= :since
            and t.last_at < :until
        join messages m on m.id = t.message and m.member = :chat
        where g.chat_id = :chat and g.left_at is null group by t.code order by n desc, t.code"""
    return db.rows(sql, chat=chat_id, since=since, until=until)
