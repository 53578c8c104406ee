"""Whom an advisor owes a contact, and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from storage.db import Db, Row, at, moment, number


@dataclass(frozen=True, slots=True)
class FollowUp:
    id: str
    customer: str
    advisor: str
    kind: str  # cadence, first_touch, confirm, after, own, waiting, or of a row of the table
    due_at: datetime
    reason: str
    say: str
    state: str  # open, done, dropped
    origin_at: datetime  # when it first fell due; reminding moves due_at, never this
    reminded_at: datetime | None
    overdue: int  # days it was put before the advisor without an answer
    created_at: datetime
    closed_at: datetime | None
    outcome: str | None
    rule: str = ""  # the row of the cadence table that it comes from
    copied_at: datetime | None = None  # when a manager first heard of it
    risk_at: datetime | None = None  # when a manager was last offered to hand it over

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Written out, since a busy minute makes a thousand of them."""
        return cls(
            row["id"], row["customer"], row["advisor"], row["kind"], at(row["due_at"]),
            row["reason"], row["say"], row["state"], at(row["origin_at"]),
            moment(row["reminded_at"]), row["overdue"], at(row["created_at"]),
            moment(row["closed_at"]), row["outcome"], row.get("rule", ""),
            moment(row.get("copied_at")), moment(row.get("risk_at")),
        )  # fmt: skip


def plan(
    db: Db, *, followup_id: str, customer: str, advisor: str, kind: str, due: datetime,
    reason: str, now: datetime, say: str = "", rule: str = "",
) -> None:  # fmt: skip
    """Owe a contact. A customer has one open follow-up of a kind: the newer replaces the older."""
    drop(db, customer, now, "replaced", (kind,))
    sql = """insert into followups (id, customer, advisor, kind, due_at, reason, say, state,
            origin_at, overdue, created_at, rule)
        values (:id, :customer, :advisor, :kind, :due, :reason, :say, 'open', :due, 0, :now,
            :rule)
        on conflict (id) do nothing"""
    db.run(
        sql, id=followup_id, customer=customer, advisor=advisor, kind=kind, due=due,
        reason=reason, say=say, now=now, rule=rule,
    )  # fmt: skip


def get(db: Db, followup_id: str) -> FollowUp | None:
    rows = db.rows("select * from followups where id = :id", id=followup_id)
    return FollowUp.from_row(rows[0]) if rows else None


def open_of(db: Db, customer: str) -> list[FollowUp]:
    sql = """select * from followups where customer = :c and state = 'open'
        order by due_at, id"""
    return [FollowUp.from_row(row) for row in db.rows(sql, c=customer)]


def due(db: Db, now: datetime, limit: int = 500) -> list[FollowUp]:
    sql = """select * from followups where state = 'open' and due_at <= :now
        order by due_at, id limit :limit"""
    return [FollowUp.from_row(row) for row in db.rows(sql, now=now, limit=limit)]


def owed_by(db: Db, advisor: str, until: datetime) -> list[FollowUp]:
    """Open ones of an advisor that fall due by then, and those put before them already."""
    sql = """select * from followups where advisor = :a and state = 'open'
        and (due_at <= :until or reminded_at is not null) order by due_at, id"""
    return [FollowUp.from_row(row) for row in db.rows(sql, a=advisor, until=until)]


def move(db: Db, followup: FollowUp, to: datetime) -> bool:
    """Change the due time, unless somebody else did so since it was read."""
    sql = """update followups set due_at = :to where id = :id and due_at = :was
        and state = 'open'"""
    return db.run(sql, to=to, id=followup.id, was=followup.due_at) == 1


def reminded(db: Db, followup: FollowUp, now: datetime, next_due: datetime) -> bool:
    """Claim it for one reminder; only the caller whose update changes the row may remind."""
    sql = """update followups set due_at = :to, reminded_at = :now,
        overdue = overdue + case when reminded_at is null then 0 else 1 end
        where id = :id and due_at = :was and state = 'open'"""
    return db.run(sql, to=next_due, now=now, id=followup.id, was=followup.due_at) == 1


def snooze(db: Db, followup_id: str, to: datetime) -> None:
    sql = """update followups set due_at = :to, origin_at = :to, reminded_at = null, overdue = 0
        where id = :id and state = 'open'"""
    db.run(sql, id=followup_id, to=to)


def close(db: Db, followup_id: str, now: datetime, outcome: str) -> None:
    sql = """update followups set state = 'done', closed_at = :now, outcome = :outcome
        where id = :id and state = 'open'"""
    db.run(sql, id=followup_id, now=now, outcome=outcome)


def reopen(db: Db, was: FollowUp) -> None:
    """Put a follow-up back as it was before it was closed or moved."""
    sql = """update followups set state = 'open', due_at = :due, origin_at = :origin,
        reminded_at = :reminded, overdue = :overdue, closed_at = null, outcome = null
        where id = :id"""
    db.run(
        sql, id=was.id, due=was.due_at, origin=was.origin_at, reminded=was.reminded_at,
        overdue=was.overdue,
    )  # fmt: skip


def drop(db: Db, customer: str, now: datetime, why: str, kinds: Iterable[str] = ()) -> None:
    """Close without contact; no kinds means all of a customer's."""
    wanted = set(kinds)
    for followup in open_of(db, customer):
        if not wanted or followup.kind in wanted:
            close(db, followup.id, now, why)


def hand_over(db: Db, customer: str, to: str) -> None:
    """Another advisor looks after this customer now."""
    sql = "update followups set advisor = :to where customer = :c and state = 'open'"
    db.run(sql, to=to, c=customer)


def reminded_since(db: Db, advisor: str, since: datetime) -> bool:
    """Whether a list went out lately; the alert that somebody waits is none."""
    sql = """select 1 from followups where advisor = :a and reminded_at > :since
        and kind <> 'waiting' limit 1"""
    return bool(db.rows(sql, a=advisor, since=since))


def pull(db: Db, advisor: str, now: datetime) -> None:
    """What fell due already and was put off is due now: somebody is there to do it."""
    sql = """update followups set due_at = :now where advisor = :a and state = 'open'
        and origin_at <= :now and due_at > :now"""
    db.run(sql, a=advisor, now=now)


def neglected(db: Db, since: datetime, limit: int = 2000) -> list[tuple[FollowUp, str]]:
    """Due since then, and neither side was heard since; with the store, the oldest first."""
    sql = """select f.*, c.store from followups f join customers c on c.id = f.customer
        where f.state = 'open' and f.origin_at <= :since
            and coalesce(c.spoke_at, '') <= :since and coalesce(c.contacted_at, '') <= :since
            and c.opted_out_at is null and c.deleted_at is null
        order by f.origin_at, f.id limit :limit"""
    rows = db.rows(sql, since=since, limit=limit)
    return [(FollowUp.from_row({k: v for k, v in r.items() if k != "store"}), r["store"])
            for r in rows]  # fmt: skip


def copied(db: Db, followup_id: str, now: datetime) -> None:
    sql = "update followups set copied_at = coalesce(copied_at, :now) where id = :id"
    db.run(sql, id=followup_id, now=now)


def at_risk(db: Db, followup_id: str, now: datetime) -> None:
    db.run("update followups set risk_at = :now where id = :id", id=followup_id, now=now)


def turn(db: Db, followup_id: str, kind: str) -> None:
    """It is something else from now on."""
    db.run("update followups set kind = :kind where id = :id", id=followup_id, kind=kind)


def load(db: Db, advisor: str) -> int:
    """How many contacts are open."""
    sql = "select count(*) from followups where advisor = :a and state = 'open'"
    return number(db, sql, a=advisor)
