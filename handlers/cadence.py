"""Whom to contact after what and how often: the rows of a table, each with its name and reason."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from handlers import rhythm, shifts
from handlers.cadence_table import CYCLE, TIMED
from handlers.cadence_table import FILE as FILE
from handlers.cadence_table import Row as Row
from handlers.cadence_table import Table as Table
from handlers.cadence_table import table as table
from handlers.context import Ctx
from storage import followups, relations, rhythms
from storage.customers import Customer
from storage.followups import FollowUp
from storage.rhythms import Rhythm

SAME_NOTE = timedelta(seconds=1)  # what was logged in one line lies microseconds apart
RESPONDS = timedelta(days=14)  # who wrote within these days is one who answers


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a customer is to be contacted, by which row, and what changed its days."""

    days: int
    row: Row
    rhythm: Rhythm
    why: tuple[str, ...] = ()

    def reason(self, customer: Customer) -> str:
        said = self.row.reason.format(
            days=self.days, level=customer.level, unanswered=self.rhythm.unanswered
        )
        return "，".join([said, *self.why])


def of(ctx: Ctx) -> Table:
    """The table that holds: what ships, and the company's own rows."""
    return table(ctx.settings.followups.table)


def label(kind: str, ctx: Ctx) -> str:
    """How a kind is called."""
    own = {
        "own": "你设的提醒",
        "waiting": "客户在等回复",
        "unanswered": "一直没有回复",
        "sop": "SOP 任务",
    }
    found = next((row.label for row in of(ctx).rows if row.kind == kind), kind)
    return own.get(kind, found)


def owable(customer: Customer, ctx: Ctx) -> bool:
    """Nothing is owed to who opted out or has left, or to a visitor nobody can write to."""
    if customer.opted_out_at or customer.deleted_at or not customer.owner:
        return False
    return customer.source != "kf" or bool(relations.of(ctx.db, customer.id))


# The steady rhythm


def pace(customer: Customer, ctx: Ctx, tried: Table | None = None) -> Pace:
    """Days until the next contact: the first row of the cycle that fits, then who they are."""
    found, rows = rhythms.of(ctx.db, customer.id), tried or of(ctx)
    row = next(row for row in rows.after(CYCLE, customer) if _holds(row, customer, found, ctx))
    s = ctx.settings.followups
    days = row.days(s)
    if row.when in ("silent", "dig") or row.tiers == ("low",):
        days = max(days, getattr(s, f"cadence_{customer.level.lower()}_days"))
    elif not row.when and customer.level != "O":
        return _adapted(days, row, found, ctx)
    return Pace(days, row, found)


def _adapted(days: int, row: Row, found: Rhythm, ctx: Ctx) -> Pace:
    factor, why = rhythm.factor(found, ctx)
    adapted = max(1, round(days * factor))
    return Pace(adapted, row, found, (why,) if adapted != days else ())


def _holds(row: Row, customer: Customer, found: Rhythm, ctx: Ctx) -> bool:
    match row.when:
        case "fan":
            return customer.track == "fan" and customer.tier != "high"
        case "silent":
            return found.unanswered >= ctx.settings.followups.unanswered_touches
        case "second":
            met = customer.contacted_at is not None and customer.spoke_at is None
            return met and _fresh(customer, ctx)
        case "fresh":
            return _fresh(customer, ctx)
        case "dig":
            spoke = customer.spoke_at
            return spoke is not None and ctx.now - spoke < RESPONDS
    return True


def _fresh(customer: Customer, ctx: Ctx) -> bool:
    """Just added and not judged yet: looked after daily, before the long pauses begin."""
    newcomer = timedelta(days=ctx.settings.followups.newcomer_days)
    return customer.added_at is not None and ctx.now - customer.added_at < newcomer


def plan(customer: Customer, ctx: Ctx) -> None:
    """Owe the next contact of the steady rhythm, at the hour that suits them."""
    if not owable(customer, ctx):
        return
    now = pace(customer, ctx)
    at = ctx.settings.followups.morning
    if (advisor := ctx.team.advisor(customer.owner)) and (
        suits := rhythm.hour(now.rhythm, advisor, ctx)
    ):
        at = suits[0]
    due = ctx.on(ctx.today + timedelta(days=now.days), at)
    followups.plan(
        ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=customer.owner,
        kind="cadence", due=due, reason="", now=ctx.now,
    )  # fmt: skip


# After what happened


def happened(
    customer: Customer, moment: str, ctx: Ctx, earlier: datetime | None = None
) -> None:  # fmt: skip
    """Owe what a moment asks for; what it makes needless is owed no longer.

    Of a day that is over (`earlier`) only what can still be said is owed, and never in the past.
    """
    if ends := of(ctx).ends.get(moment):
        followups.drop(ctx.db, customer.id, ctx.now, moment, ends)
    for row in of(ctx).after(moment, customer):
        due = _late(row, customer, earlier, ctx) if earlier else _in_time(row, customer, ctx)
        if due:
            owe(row, customer, due, ctx)


def _late(row: Row, customer: Customer, since: datetime, ctx: Ctx) -> datetime | None:
    """When to do what a day before asks for; None once its words are true no longer."""
    due = due_at(row, replace(ctx, now=since))
    heard = {"spoke": (customer.spoke_at,), "contact": (customer.spoke_at, customer.contacted_at)}
    if any(at and at - since > SAME_NOTE for at in heard.get(row.unless, ())):
        return None
    late = ctx.today - due.astimezone(ctx.zone).date()
    return None if late.days > row.until else max(due, ctx.now)


def lead(customer: Customer, ctx: Ctx) -> None:
    """One from a source that pays: to be reached within two hours, and not only greeted."""
    if customer.source in ctx.settings.followups.high_value_sources:
        happened(customer, "线索", ctx)


def owe(row: Row, customer: Customer, due: datetime, ctx: Ctx) -> None:
    if owable(customer, ctx):
        followups.plan(
            ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=customer.owner,
            kind=row.kind, due=due, reason=row.reason, now=ctx.now, rule=row.name,
        )  # fmt: skip


def due_at(row: Row, ctx: Ctx) -> datetime:
    found = TIMED.match(row.due)
    if found is None:
        raise ValueError(f"{row.name}: due = {row.due}")
    if days := found["d"]:
        at = time.fromisoformat(found["at"]) if found["at"] else ctx.settings.followups.morning
        return ctx.on(ctx.today + timedelta(days=int(days)), at)
    return ctx.now + timedelta(minutes=int(found["m"] or 0), hours=int(found["h"] or 0))


def _in_time(row: Row, customer: Customer, ctx: Ctx) -> datetime:
    """What is of today is owed while the advisor is still there, not the next morning."""
    due, advisor = due_at(row, ctx), ctx.team.advisor(customer.owner)
    if row.until or advisor is None:
        return due
    before = timedelta(minutes=ctx.settings.followups.batch_minutes)
    last = ctx.on(ctx.today, shifts.hours(advisor, ctx)[1]) - before
    return min(due, last) if last > ctx.now else due


def past(followup: FollowUp, ctx: Ctx) -> bool:
    """Still owed, but its day is over: what would have been said then is said no longer."""
    return _over(followup.rule, followup.origin_at, ctx)


def _over(rule: str, origin_at: datetime, ctx: Ctx) -> bool:
    row = of(ctx).named(rule)
    since = ctx.today - origin_at.astimezone(ctx.zone).date()
    return row is not None and since.days > row.until


def owed_for(row: Mapping[str, Any], ctx: Ctx) -> str:
    """The reason of a row of `stats.overdue` as it is told now; "" for the steady cadence."""
    if _over(row["rule"], datetime.fromisoformat(row["origin_at"]), ctx):
        return f"补上{label(row['kind'], ctx).removesuffix('跟进')}的跟进"
    return str(row["reason"])


def spoke(customer: Customer, ctx: Ctx) -> None:
    """The customer wrote: should they fall silent for two cycles, their level is asked about."""
    row = next(iter(of(ctx).after("开口", customer)), None)
    if row is None:
        followups.drop(ctx.db, customer.id, ctx.now, "级别已变", ("rejudge",))
        return
    later = timedelta(days=stale_days(customer, ctx))
    owe(row, customer, ctx.on(ctx.today + later, ctx.settings.followups.morning), ctx)


def stale_days(customer: Customer, ctx: Ctx) -> int:
    """After so many days without a word their level may be another."""
    days: int = getattr(ctx.settings.followups, f"cadence_{customer.level.lower()}_days")
    return round(days * ctx.settings.followups.stale_factor)


def overtaken(followup: FollowUp, customer: Customer, ctx: Ctx) -> str:
    """Why it need not be done any more, in words; "" when it still stands."""
    row = of(ctx).named(followup.rule)
    since = followup.created_at
    if row is None or not row.unless:
        return ""
    if customer.spoke_at and customer.spoke_at > since:
        return "客户已说话"
    if row.unless == "contact" and customer.contacted_at and customer.contacted_at > since:
        return "已联系"
    return "" if row.fits(customer) else "意向已变"


# Words


def row_of(followup: FollowUp | None, customer: Customer, ctx: Ctx) -> Row:
    """The row that a follow-up comes from; without one, that of the steady rhythm."""
    rows = of(ctx).rows
    if followup and past(followup, ctx):
        return pace(customer, ctx).row
    found = of(ctx).named(followup.rule) if followup and followup.rule else None
    if followup and found is None and followup.kind != "cadence":
        drive = "预约试驾" if "试驾" in followup.reason else "预约"
        same = [row for row in rows if row.kind == followup.kind]
        found = next((row for row in same if row.moment == drive), next(iter(same), None))
    return found or pace(customer, ctx).row


def words(row: Row, customer: Customer, ctx: Ctx) -> str:
    """Several take turns, so that no advisor pastes one text to everybody."""
    turn = zlib.crc32(customer.id.encode()) + ctx.today.isocalendar().week
    return row.words[turn % len(row.words)]
