"""The script library as rows, how scripts fared, and the questions nobody could answer."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, number, one


@dataclass(frozen=True, slots=True)
class Version:
    """A script as it was at one time: its JSON, and who changed it why."""

    script: str
    version: int
    body: str
    status: str
    at: datetime
    by_whom: str = ""
    why: str = ""


def put(db: Db, found: Iterable[Version]) -> None:
    """Insert or replace scripts; each stands as a version of its own from now on."""
    rows = [{"script": v.script, "version": v.version, "body": v.body, "status": v.status,
             "at": v.at, "by_whom": v.by_whom, "why": v.why} for v in found]  # fmt: skip
    db.many(
        """insert into scripts (id, body, status, version, updated_at)
        values (:script, :body, :status, :version, :at)
        on conflict (id) do update set body = excluded.body, status = excluded.status,
            version = excluded.version, updated_at = excluded.updated_at""",
        rows,
    )
    db.many(
        """insert into script_versions (script, version, body, status, at, by_whom, why)
        values (:script, :version, :body, :status, :at, :by_whom, :why)""",
        rows,
    )


def drop(db: Db, ids: Iterable[str]) -> None:
    """Take scripts out of the library; their versions stay and can be gone back to."""
    db.many("delete from scripts where id = :id", [{"id": script} for script in ids])


def body_of(db: Db, script_id: str) -> str:
    """Its JSON, "" when there is no such script."""
    row = one(db, "select body from scripts where id = :id", id=script_id)
    return str(row["body"]) if row else ""


def versions(db: Db, script_id: str) -> list[Version]:
    """Every version that was ever stored, the newest first."""
    sql = "select * from script_versions where script = :id order by version desc"
    return [_version(row) for row in db.rows(sql, id=script_id)]


def version(db: Db, script_id: str, n: int) -> Version | None:
    sql = "select * from script_versions where script = :id and version = :n"
    row = one(db, sql, id=script_id, n=n)
    return _version(row) if row else None


def last_version(db: Db, script_id: str) -> int:
    """The highest number ever used, also by a script that was taken out; 0 for none."""
    sql = "select max(version) from script_versions where script = :id"
    return number(db, sql, id=script_id)


def _version(row: Row) -> Version:
    return Version(**{**row, "at": at(row["at"])})


@dataclass(frozen=True, slots=True)
class Import:
    """`changed` tells of each script the version before (0 for none) and after."""

    id: str
    source: str
    by_whom: str
    at: datetime
    changed: tuple[tuple[str, int, int], ...]


def note_import(db: Db, found: Import) -> None:
    sql = """insert into script_imports (id, source, by_whom, at, body)
        values (:id, :source, :by, :at, :body)"""
    body = json.dumps(found.changed, ensure_ascii=False)
    db.run(sql, id=found.id, source=found.source, by=found.by_whom, at=found.at, body=body)


def last_import(db: Db) -> Import | None:
    """The newest one that was not taken back."""
    sql = """select id, source, by_whom, at, body from script_imports where undone_at is null
        order by at desc, id desc limit 1"""
    row = one(db, sql)
    if row is None:
        return None
    changed = tuple((str(s), int(was), int(now)) for s, was, now in json.loads(row["body"]))
    return Import(row["id"], row["source"], row["by_whom"], at(row["at"]), changed)


def undone(db: Db, import_id: str, now: datetime) -> None:
    db.run("update script_imports set undone_at = :now where id = :id", id=import_id, now=now)


def bodies(db: Db) -> list[str]:
    return [row["body"] for row in db.rows("select body from scripts order by id")]


def stamp_of(db: Db) -> str:
    """Changes whenever the library does."""
    row = db.rows("select count(*) as n, max(updated_at) as at from scripts")[0]
    return f"{row['n']}@{row['at']}"


def shown(
    db: Db, *, ids: Iterable[tuple[str, str]], advisor: str, customer: str, question: str,
    now: datetime,
) -> None:  # fmt: skip
    """Record that scripts were offered; `ids` are pairs of use id and script id."""
    sql = """insert into script_uses (id, script, advisor, customer, question, outcome, at)
        values (:id, :script, :advisor, :customer, :question, 'shown', :now)
        on conflict (id) do nothing"""
    db.many(
        sql,
        [{"id": use, "script": script, "advisor": advisor, "customer": customer,
          "question": question, "now": now} for use, script in ids],
    )  # fmt: skip


def outcome(db: Db, use_id: str, outcome: str) -> None:
    """shown, adopted or refused."""
    db.run("update script_uses set outcome = :o where id = :id", id=use_id, o=outcome)


def use(db: Db, use_id: str) -> Row | None:
    sql = """select id, script, advisor, customer, question, outcome from script_uses
        where id = :id"""
    return one(db, sql, id=use_id)


def adopted(db: Db, customer: str, limit: int) -> list[Row]:
    """What this customer was sent last, the newest first."""
    sql = """select script, at from script_uses where customer = :c and outcome = 'adopted'
        order by at desc, id limit :limit"""
    return db.rows(sql, c=customer, limit=limit)


def edited(db: Db, use_id: str, text: str) -> None:
    """What the advisor made of it before passing it on."""
    db.run("update script_uses set edited = :text where id = :id", id=use_id, text=text)


def edits(db: Db, since: datetime) -> list[Row]:
    """Every text that advisors sent instead, by script, the newest first."""
    sql = """select script, question, edited, advisor, at from script_uses
        where edited <> '' and at >= :since order by script, at desc, id"""
    return db.rows(sql, since=since)


def replied(db: Db, customer: str, now: datetime, since: datetime) -> None:
    """The customer spoke: that answers the newest script they were sent."""
    sql = """update script_uses set replied_at = :now where replied_at is null and id = (
        select id from script_uses where customer = :c and outcome = 'adopted' and at >= :since
        order by at desc, id limit 1)"""
    db.run(sql, c=customer, now=now, since=since)


def adopted_of(db: Db, uses: Iterable[str]) -> str:
    """The script of these uses that was taken last, "" when none was."""
    for use in reversed(list(uses)):
        sql = "select script from script_uses where id = :id and outcome = 'adopted'"
        rows = db.rows(sql, id=use)
        if rows:
            return str(rows[0]["script"])
    return ""


def seen_by(db: Db, customer: str, since: datetime) -> frozenset[str]:
    """Scripts this customer was sent lately."""
    sql = """select distinct script from script_uses where customer = :c and outcome = 'adopted'
        and at >= :since"""
    return frozenset(row["script"] for row in db.rows(sql, c=customer, since=since))


def usage(db: Db, since: datetime) -> list[Row]:
    sql = """select script, count(*) as shown,
            sum(case when outcome = 'adopted' then 1 else 0 end) as adopted,
            sum(case when outcome = 'refused' then 1 else 0 end) as refused,
            sum(case when edited <> '' then 1 else 0 end) as edited,
            sum(case when replied_at is not null then 1 else 0 end) as replied
        from script_uses where at >= :since group by script order by script"""
    return db.rows(sql, since=since)


def judged(db: Db, limit: int) -> list[Row]:
    """The newest uses that advisors judged: the question, the script, and whether it was taken."""
    sql = """select question, script, outcome from script_uses
        where outcome in ('adopted', 'refused') order by at desc, id limit :limit"""
    return db.rows(sql, limit=limit)


def gap(
    db: Db, *, gap_id: str, question: str, advisor: str, reason: str, now: datetime,
    customer: str = "",
) -> None:  # fmt: skip
    sql = """insert into gaps (id, question, advisor, at, reason, customer)
        values (:id, :question, :advisor, :now, :reason, :customer) on conflict (id) do nothing"""
    db.run(sql, id=gap_id, question=question, advisor=advisor, now=now, reason=reason,
           customer=customer)  # fmt: skip


def asked(db: Db, since: datetime) -> list[Row]:
    """How many questions each advisor was shown scripts for."""
    sql = """select advisor, count(*) as n from (
            select distinct advisor, question, at from script_uses
            where at >= :since and question <> '') q group by advisor order by advisor"""
    return db.rows(sql, since=since)


def gaps(db: Db, since: datetime) -> list[Row]:
    """Questions without a good answer that no draft was made of yet."""
    sql = """select id, question, advisor, at, reason, customer from gaps
        where at >= :since and script = '' order by at, id"""
    return db.rows(sql, since=since)


def fill_gaps(db: Db, ids: Iterable[str], script_id: str) -> None:
    """A draft was made of these questions: they leave the queue."""
    sql = "update gaps set script = :script where id = :id"
    db.many(sql, [{"id": gap, "script": script_id} for gap in ids])


def last_adopted(db: Db, customer: str, since: datetime) -> Row | None:
    """The newest use this customer was sent: id, script and the question it answered."""
    sql = """select id, script, question from script_uses where customer = :c
        and outcome = 'adopted' and at >= :since order by at desc, id limit 1"""
    return one(db, sql, c=customer, since=since)


def follow(db: Db, *, use_id: str, script: str, next_script: str, now: datetime) -> None:
    """Count what was asked after a script; each use of one counts once."""
    sql = """insert into script_nexts (use_id, script, next, at)
        values (:use_id, :script, :next, :now) on conflict (use_id) do nothing"""
    db.run(sql, use_id=use_id, script=script, next=next_script, now=now)


def followed(db: Db, scripts: Sequence[str], since: datetime) -> dict[str, int]:
    """How often each script answered the question that came after any of these."""
    given = {f"s{n}": script for n, script in enumerate(scripts)}
    among = ", ".join(f":{name}" for name in given)
    sql = f"""select next, count(*) as n from script_nexts where script in ({among})
        and at >= :since group by next order by next"""
    return {row["next"]: row["n"] for row in db.rows(sql, since=since, **given)}


def written_to(db: Db, customer: str, after: datetime, until: datetime) -> list[Row]:
    """What the advisor wrote to this customer in that time, in order."""
    sql = """select text, member, at from messages where customer = :c and who = 'advisor'
        and at > :after and at <= :until order by at, id limit 20"""
    return db.rows(sql, c=customer, after=after, until=until)


def favour(db: Db, member: str, script: str, now: datetime) -> None:
    sql = """insert into favourites (member, script, at) values (:m, :s, :now)
        on conflict (member, script) do nothing"""
    db.run(sql, m=member, s=script, now=now)


def unfavour(db: Db, member: str, script: str) -> None:
    db.run("delete from favourites where member = :m and script = :s", m=member, s=script)


def favourites(db: Db, member: str) -> list[str]:
    """Script ids, the newest first."""
    sql = "select script from favourites where member = :m order by at desc, script"
    return [str(row["script"]) for row in db.rows(sql, m=member)]


def keep_learnt(db: Db, name: str, body: str, now: datetime) -> None:
    sql = """insert into learnt (name, at, body) values (:name, :now, :body)
        on conflict (name) do update set at = excluded.at, body = excluded.body"""
    db.run(sql, name=name, body=body, now=now)


def learnt(db: Db, name: str) -> Row | None:
    """`at` and `body` of what use has taught under that name."""
    return one(db, "select at, body from learnt where name = :name", name=name)


def forget_learnt(db: Db, name: str) -> None:
    db.run("delete from learnt where name = :name", name=name)
