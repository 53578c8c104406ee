"""The ways in and out of WeCom, as rows tell of them: since when, until when, what went wrong."""

from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, at, moment, one

CHANNELS = ("app", "contact", "kf", "archive", "aibot")
BUCKET = 15  # characters of a time stamp: yyyy-mm-ddThh:m, that is ten minutes
LATELY = 5000  # parcels that are looked through for errors


@dataclass(frozen=True, slots=True)
class Seen:
    since: datetime
    last: datetime


def seen(db: Db, channel: str) -> Seen | None:
    """The first and the last that came in; None while nothing has."""
    sql = """select min(received_at) as since, max(received_at) as last from inbox
        where channel = :channel"""
    row = one(db, sql, channel=channel)
    return Seen(at(row["since"]), at(row["last"])) if row and row["since"] else None


def moments(db: Db, channel: str, since: datetime) -> list[datetime]:
    """When something came in, to ten minutes."""
    sql = f"""select distinct substr(received_at, 1, {BUCKET}) as b from inbox
        where channel = :channel and received_at >= :since order by b"""
    return [at(f"{row['b']}0:00+00:00") for row in db.rows(sql, channel=channel, since=since)]


def errors(db: Db) -> dict[str, str]:
    """The newest trouble of each surface: what was not handled, what could not be sent."""
    sql = """select kind, target, error from outbox
        where seq > (select coalesce(max(seq), 0) from outbox) - :lately
          and error is not null and state in ('waiting', 'dead', 'unknown') order by seq"""
    found = {surface(r["kind"], r["target"]): str(r["error"])
             for r in db.rows(sql, lately=LATELY)}  # fmt: skip
    sql = "select channel, error from inbox where state = 'failed' order by seq desc limit 50"
    for row in reversed(db.rows(sql)):
        found[row["channel"]] = str(row["error"])
    return found


def surface(kind: str, target: str) -> str:
    """Which way a parcel takes."""
    if target.startswith("hook:"):
        return "webhook"
    if target.startswith("aibot:"):
        return "aibot"
    if kind.startswith("kf_"):
        return "kf"
    contact = target.startswith("sync:") or kind in ("welcome", "lookup")
    return "contact" if contact else "app"


def told(db: Db, channel: str) -> datetime | None:
    """The silence that was told of last: when it had begun."""
    row = one(db, "select silent_since from surfaces where name = :name", name=channel)
    return moment(row["silent_since"]) if row else None


def tell(db: Db, channel: str, since: datetime) -> None:
    sql = """insert into surfaces (name, silent_since) values (:name, :since)
        on conflict (name) do update set silent_since = excluded.silent_since"""
    db.run(sql, name=channel, since=since)


def check(db: Db, channel: str, now: datetime) -> None:
    """WeCom has checked our address and got the right echo."""
    sql = """insert into surface_checks (name, at) values (:name, :now)
        on conflict (name) do update set at = excluded.at"""
    db.run(sql, name=channel, now=now)


def checked(db: Db) -> dict[str, datetime]:
    rows = db.rows("select name, at from surface_checks")
    return {row["name"]: at(row["at"]) for row in rows}
