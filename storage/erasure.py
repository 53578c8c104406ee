"""Forgetting a person: every place of the store that may hold them, and a record without content.

`PLACES` names each table once. A table that is added without saying where it keeps a customer
fails the test that compares this list with the schema.
"""

import hashlib
import hmac
import html
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage import tallies
from storage.db import Db, Row, number, one

SHORTEST = 2  # characters of a name that is worth looking for in texts; one is everywhere
How = Literal["delete", "unname", "texts", "nobody"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table keeps a customer.

    delete: rows whose `columns` hold the id go. unname: they stay for the sums, with a mark for
    the id and nothing in `texts`. texts: free text that may name anybody. nobody: no customer.
    `keys` are the columns that tell a customer's rows apart.
    """

    how: How
    columns: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ("id",)


def _of(column: str, *keys: str) -> Place:
    return Place("delete", (column,), keys=keys or ("id",))


def _one(column: str) -> Place:
    """One row for each customer."""
    return Place("delete", (column,), keys=())


def _in(*texts: str) -> Place:
    return Place("texts", texts=texts)


NOBODY = Place("nobody")
PLACES: dict[str, Place] = {
    "customers": _one("id"),
    "tags": _of("customer", "kind", "code"),
    "events": _of("customer"),
    "messages": _of("customer"),
    "followups": _of("customer"),
    "bursts": _one("customer"),
    "corrections": _of("customer"),
    "consents": _of("customer"),
    "touches": _of("person"),
    "kf_sessions": _of("customer", "open_kfid"),
    "relations": _of("customer", "advisor"),
    "relation_tags": _of("customer", "advisor", "tag"),
    "tag_queue": _one("customer"),
    "archive_consents": _of("customer", "with_whom"),
    "mass_results": _of("person", "task"),
    "reconcile_todo": _of("id", "run", "kind"),
    "group_members": _of("member", "chat_id"),
    "checkins": _of("member", "chat_id", "day"),
    "points": Place("unname", ("member",)),
    "growth": Place("unname", ("member",)),
    "game_moves": Place("texts", ("player",), ("said",)),
    "sitting_out": _one("member"),
    "badges": _of("member", "chat_id", "badge"),
    "redemptions": Place("unname", ("member",), ("name",)),
    "draws": _in("told"),
    "draw_entries": Place("unname", ("member",), ("name",), ("draw", "ticket")),
    "script_uses": Place("unname", ("customer",), ("question", "edited")),
    "gaps": Place("unname", ("customer",), ("question",)),
    "inbox": Place("texts", ("lane",), ("body", "reply")),
    "outbox": Place("texts", ("target",), ("body", "request")),
    "dialogs": _in("body"),
    "digests": _in("body"),
    "games": _in("body"),
    "taps": _in("answer"),
    "mass_tasks": _in("text"),
    "ratings": _in("words"),
    "rhythms": _one("customer"),
    "appointments": _of("customer"),
    "leads": _of("customer"),
    "sides": _one("customer"),
    "pins": _of("customer", "what"),
    "scores": _of("customer", "name"),
    "merges": Place("texts", ("kept", "gone"), ("body",)),
    "losses": _of("customer"),
    "wakeups": _of("customer"),
    "pool": _one("customer"),
    "referrals": Place("delete", ("friend", "introducer")),
    "rewards": Place("delete", ("friend", "introducer")),
    "sop_runs": _of("customer"),
    "sop_steps": _of("customer"),
    "group_tasks": _of("customer"),
    "material_links": _of("customer"),
    "stars": _of("customer"),
    "group_steps": _in("why", "said"),
    "goal_parts": Place("unname", ("member",), keys=("goal", "key")),
    "alerts": Place("texts", ("about",), ("evidence", "why", "note")),
    "group_questions": _of("member"),
    "group_voices": _of("member", "chat_id", "code"),
    "activity_costs": Place("texts", (), ("what",)),
    "h5_visitors": Place("delete", ("customer", "claimed", "lead", "visitor"), keys=("visitor",)),
    **dict.fromkeys(
        (
            "timers", "rule_hits", "scripts", "script_versions", "script_imports", "script_nexts",
            "favourites", "trials", "learnt", "materials", "groups", "corp_tags", "reconciles",
            "cookie_keys", "kf_accounts", "archive_place", "archive_sealed", "archive_recalls",
            "tokens", "surfaces", "surface_checks", "links", "mass_reminders", "leaves", "erasures",
            "erasure_key", "audit", "stops", "backups", "sop_plans", "scans", "secrets",
            "goals", "drills", "drill_answers", "activities", "group_stages",
            "h5_taps", "quotas",
            "group_plans", "group_runs", "group_topics",
            "step_days", "step_owners", "step_touched", "step_range",
            "prizes", "draw_wins", "digest_votes", "console_links", "console_sessions",
        ),
        NOBODY,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """What a person may be recognised by."""

    id: str
    names: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    @property
    def signs(self) -> tuple[str, ...]:
        """Words to look for in free text, the longest first, so that no half of one is left."""
        plain = {self.id, *(n for n in self.names if len(n) >= SHORTEST), *self.phones} - {""}
        found = {form for sign in plain for form in _written(sign)}
        return tuple(sorted(found, key=lambda sign: (-len(sign), sign)))


def _written(sign: str) -> tuple[str, ...]:
    """As it stands in plain text, in JSON of either kind, and in XML."""
    return (sign, json.dumps(sign, ensure_ascii=False)[1:-1], json.dumps(sign)[1:-1],
            html.escape(sign), html.escape(sign, quote=False))  # fmt: skip


def key(db: Db) -> bytes:
    """The secret that turns ids into marks; made once for each store."""
    row = one(db, "select key from erasure_key where name = 'erasure'")
    if row is None:
        fresh = secrets.token_hex(32)
        db.run("insert into erasure_key (name, key) values ('erasure', :key)", key=fresh)
        return bytes.fromhex(fresh)
    return bytes.fromhex(row["key"])


def mark(secret: bytes, customer: str) -> str:
    return hmac.new(secret, customer.encode(), hashlib.sha256).hexdigest()[:32]


def erase(db: Db, person: Person) -> dict[str, int]:
    """Remove a person from every table; returns the rows touched in each. In one transaction."""
    tallies.moved(db, person.id)
    alias = mark(key(db), person.id)
    counts = {}
    for table, place in PLACES.items():
        if place.how == "delete":
            counts[table] = _delete(db, table, place, person.id)
        elif place.how == "unname":
            counts[table] = _unname(db, table, place, person.id, alias)
        elif place.how == "texts":
            counts[table] = _blank(db, table, place, person, alias)
    return {table: n for table, n in counts.items() if n}


def _delete(db: Db, table: str, place: Place, customer: str) -> int:
    return sum(
        db.run(f"delete from {table} where {column} = :id", id=customer) for column in place.columns
    )


def _unname(db: Db, table: str, place: Place, customer: str, alias: str) -> int:
    """An advisor's figures stay true; whom they were about is gone."""
    column = place.columns[0]
    news = ", ".join([f"{column} = :alias", *(f"{text} = ''" for text in place.texts)])
    return db.run(f"update {table} set {news} where {column} = :id", id=customer, alias=alias)


def _blank(db: Db, table: str, place: Place, person: Person, alias: str) -> int:
    """Finished traffic loses its text; what is still at work keeps its shape without the person."""
    done = {"inbox": "state = 'done'", "outbox": "state in ('sent', 'dead', 'unknown')"}.get(table)
    changed = 0
    for column in place.columns:
        texts = ", ".join(f"{text} = ''" for text in place.texts)
        changed += db.run(
            f"update {table} set {texts}, {column} = :alias where {column} = :id",
            id=person.id, alias=alias,
        )  # fmt: skip
    for text in place.texts:
        for sign in person.signs:
            changed += _wipe(db, table, text, sign, alias, done)
    return changed


def _wipe(db: Db, table: str, text: str, sign: str, alias: str, done: str | None) -> int:
    params = {"sign": sign, "alias": f"已删除{alias[:6]}"}
    found = f"{text} like '%' || :like || '%' escape '!'"
    params["like"] = sign.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    wiped = 0
    if done:
        wiped = db.run(f"update {table} set {text} = '' where {done} and {found}",
                       like=params["like"])  # fmt: skip
    swap = f"update {table} set {text} = replace({text}, :sign, :alias) where {found}"
    return wiped + db.run(swap, **params)


# The record


def record(
    db: Db, person: Person, counts: dict[str, int], *, now: datetime, by: str, why: str,
    opted_out: bool,
) -> str:  # fmt: skip
    """That somebody was erased, when, by whom and how many rows; not who. Returns its number."""
    alias = mark(key(db), person.id)
    total = "、".join(f"{table} {n}" for table, n in counts.items())
    db.run(
        """insert into erasures (mark, at, by_whom, why, counts, opted_out)
        values (:mark, :now, :by, :why, :counts, :out) on conflict (mark) do update
        set at = excluded.at, by_whom = excluded.by_whom, why = excluded.why,
            counts = excluded.counts, opted_out = excluded.opted_out""",
        mark=alias, now=now, by=by, why=why, counts=total, out=int(opted_out),
    )  # fmt: skip
    return alias[:8].upper()


def refused(db: Db, customer: str) -> bool:
    """Whether somebody who was erased had asked for no more messages: that outlives the data."""
    if not number(db, "select count(*) from erasures"):
        return False
    sql = "select opted_out from erasures where mark = :mark"
    return bool(number(db, sql, mark=mark(key(db), customer)))


def records(db: Db) -> list[Row]:
    return db.rows("select * from erasures order by at, mark")


def adopt(db: Db, secret: str, rows: Iterable[Row]) -> list[str]:
    """Take over another store's records; returns the customers here who must be erased again.

    For a restored backup, which still has whom we forgot after it was made.
    """
    db.run("delete from erasure_key")
    db.run("insert into erasure_key (name, key) values ('erasure', :key)", key=secret)
    names = ("mark", "at", "by_whom", "why", "counts", "opted_out")
    sql = f"""insert into erasures ({", ".join(names)}) values ({", ".join(f":{n}" for n in names)})
        on conflict (mark) do nothing"""
    db.many(sql, [{n: row[n] for n in names} for row in rows])
    known = {row["mark"] for row in records(db)}
    raw = bytes.fromhex(secret)
    every = db.rows("select id from customers")
    return [row["id"] for row in every if mark(raw, row["id"]) in known]
