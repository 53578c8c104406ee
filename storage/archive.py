"""The chat archive: how far it was read, who consents, what was recalled, what waits for a key."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from storage.db import Db, Row, moment, number, one

WORDLESS = "archive:media"  # in the log: something without words, which no text goes on from
NO_KEY = "key"  # why a message stays shut: we have no key of its version
RECALLED = "recalled"  # who said it, once it is taken back: it is nobody's word any more


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message as the archive gave it; `why` tells what keeps it shut."""

    msgid: str
    seq: int
    version: int  # of the public key it was sealed with
    random_key: str
    body: str
    why: str


def seq(db: Db) -> int:
    return number(db, "select seq from archive_place where name = 'seq'")


def move(db: Db, to: int, now: datetime) -> None:
    """In the transaction that keeps the messages up to it; never goes back."""
    sql = """insert into archive_place (name, seq, pulled_at) values ('seq', :to, :now)
        on conflict (name) do update set pulled_at = excluded.pulled_at,
            seq = case when excluded.seq > archive_place.seq then excluded.seq
                else archive_place.seq end"""
    db.run(sql, to=to, now=now)


# What cannot be opened yet


def seal(db: Db, found: Sealed, now: datetime) -> bool:
    """Keep it shut; False when it was known."""
    sql = """insert into archive_sealed (msgid, seq, version, random_key, body, why, at)
        values (:msgid, :seq, :version, :random_key, :body, :why, :now)
        on conflict (msgid) do nothing"""
    return db.run(sql, **asdict(found), now=now) == 1


def sealed(db: Db, versions: Iterable[int], after: int = 0, limit: int = 100) -> list[Sealed]:
    """Those that wait for one of these keys, the oldest first."""
    among = ", ".join(str(int(version)) for version in versions) or "null"
    sql = f"""select msgid, seq, version, random_key, body, why from archive_sealed
        where version in ({among}) and why = :why and seq > :after
        order by seq, msgid limit :limit"""
    return [Sealed(**row) for row in db.rows(sql, why=NO_KEY, after=after, limit=limit)]


def unseal(db: Db, msgid: str) -> None:
    db.run("delete from archive_sealed where msgid = :id", id=msgid)


def shut(db: Db) -> list[Row]:
    """How many wait for each version of the key, and why."""
    sql = """select version, why, count(*) as n from archive_sealed
        group by version, why order by version, why"""
    return db.rows(sql)


# Consent


def consent(db: Db, customer: str, with_whom: str, agreed: bool, when: datetime) -> None:
    """What a customer answered to a member or in a room; the newest answer holds."""
    sql = """insert into archive_consents (customer, with_whom, agreed, at)
        values (:c, :w, :agreed, :when)
        on conflict (customer, with_whom) do update set
            agreed = case when excluded.at >= archive_consents.at then excluded.agreed
                else archive_consents.agreed end,
            at = case when excluded.at >= archive_consents.at then excluded.at
                else archive_consents.at end"""
    db.run(sql, c=customer, w=with_whom, agreed=int(agreed), when=when)


def refused_at(db: Db, customer: str) -> datetime | None:
    """Since when somebody of us may not read them: one refusal counts for all."""
    sql = "select min(at) as at from archive_consents where customer = :c and agreed = 0"
    row = one(db, sql, c=customer)
    return moment(row["at"]) if row else None


# Recalled


def recall(db: Db, message: str, now: datetime) -> None:
    """Remember that it was taken back, also when the message itself has not come yet."""
    sql = "insert into archive_recalls (id, at) values (:id, :now) on conflict (id) do nothing"
    db.run(sql, id=message, now=now)


def recalled(db: Db, message: str) -> bool:
    return one(db, "select 1 from archive_recalls where id = :id", id=message) is not None


def forget(db: Db, before: datetime) -> int:
    db.run("delete from archive_sealed where at < :before", before=before)
    return db.run("delete from archive_recalls where at < :before", before=before)


def mark(db: Db, message: str, text: str) -> None:
    """In the log it is a recalled message from now on, whose words are gone."""
    db.run("update messages set who = :who, text = :text where id = :id", who=RECALLED, text=text,
           id=message)  # fmt: skip


def relabel(db: Db, message: str, text: str) -> None:
    """What the log shows for a message that has no words."""
    db.run("update messages set text = :text where id = :id", text=text, id=message)


def part(db: Db, customer: str) -> None:
    """The next words of a customer do not go on from what was recalled."""
    db.run("delete from bursts where customer = :c", c=customer)


def spoken(db: Db, customer: str, limit: int = 200) -> list[Row]:
    """The last words of a customer in the log, the oldest first."""
    sql = """select id, member, text, at, source from messages
        where customer = :c and who = 'customer' order by at desc, id desc limit :limit"""
    return db.rows(sql, c=customer, limit=limit)[::-1]


def resting_on(db: Db, customer: str, messages: Iterable[str]) -> list[Row]:
    """The tags that were last read from one of these messages."""
    names = {f"m{n}": message for n, message in enumerate(messages)}
    among = ", ".join(f":{name}" for name in names) or "null"
    sql = f"""select kind, code from tags where customer = :c and message in ({among})
        order by kind, code"""
    return db.rows(sql, c=customer, **names)


def tags(db: Db, customer: str) -> list[Row]:
    """All that is believed of a customer, as rows that can be put back."""
    return db.rows("select * from tags where customer = :c order by kind, code", c=customer)


def newer(db: Db, customer: str, than: datetime) -> list[Row]:
    """Those that rest on something said later than that."""
    sql = "select * from tags where customer = :c and last_at > :than order by kind, code"
    return db.rows(sql, c=customer, than=than)


def known(db: Db, ids: Iterable[str]) -> int:
    """How many of these are in the inbox already."""
    names = {f"m{n}": one_id for n, one_id in enumerate(ids)}
    among = ", ".join(f":{name}" for name in names) or "null"
    return number(db, f"select count(*) from inbox where id in ({among})", **names)
