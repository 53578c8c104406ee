"""Whom to contact after what and how often: the rows of a table, each with its name and reason."""

import functools
import re
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from handlers import rhythm, shifts
from handlers.context import Ctx
from storage import followups, relations, rhythms
from storage.customers import Customer
from storage.followups import FollowUp
from storage.rhythms import Rhythm

FILE = Path(__file__).with_name("data") / "cadence.toml"
CYCLE = "cycle"
ANY_DAY = 36500
RESPONDS = timedelta(days=14)  # who wrote within these days is one who answers
_DUE = re.compile(r"^(?:(?P<m>\d+)m|(?P<h>\d+)h|(?P<d>\d+)d(?: (?P<at>\d\d:\d\d))?)$")


@dataclass(frozen=True, slots=True)
class Row:
    """`due` is a span of time, or of a cycle the name of the setting that tells its days."""

    name: str
    moment: str
    kind: str
    label: str
    due: str
    reason: str
    stage: str
    words: tuple[str, ...]
    tiers: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    unless: str = ""
    when: str = ""
    until: int = ANY_DAY  # so many days after it fell due its words are still true

    def fits(self, customer: Customer) -> bool:
        tier = not self.tiers or customer.tier in self.tiers
        return tier and (not self.levels or customer.level in self.levels)


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[Row, ...]
    ends: dict[str, tuple[str, ...]]  # what is owed no longer, by what happened

    def named(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def after(self, moment: str, customer: Customer) -> list[Row]:
        return [row for row in self.rows if row.moment == moment and row.fits(customer)]


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


@functools.cache
def table() -> Table:
    return read(FILE)


def read(path: Path) -> Table:
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    ends = {end["moment"]: tuple(end["kinds"]) for end in given["end"]}
    return Table(tuple(_row(row) for row in given["row"]), ends)


def _row(given: dict[str, Any]) -> Row:
    words, tiers, levels = (tuple(given.pop(key, ())) for key in ("words", "tiers", "levels"))
    return Row(words=words, tiers=tiers, levels=levels, **given)


def label(kind: str) -> str:
    """How a kind is called."""
    own = {
        "own": "你设的提醒",
        "waiting": "客户在等回复",
        "unanswered": "一直没有回复",
        "sop": "SOP 任务",
    }
    found = next((row.label for row in table().rows if row.kind == kind), kind)
    return own.get(kind, found)


def owable(customer: Customer, ctx: Ctx) -> bool:
    """Nothing is owed to who opted out or has left, or to a visitor nobody can write to."""
    if customer.opted_out_at or customer.deleted_at or not customer.owner:
        return False
    return customer.source != "kf" or bool(relations.of(ctx.db, customer.id))


# The steady rhythm


def pace(customer: Customer, ctx: Ctx, tried: Table | None = None) -> Pace:
    """Days until the next contact: the first row of the cycle that fits, then who they are."""
    found, rows = rhythms.of(ctx.db, customer.id), tried or table()
    row = next(row for row in rows.after(CYCLE, customer) if _holds(row, customer, found, ctx))
    s = ctx.settings.followups
    days: int = getattr(s, row.due)
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


def happened(customer: Customer, moment: str, ctx: Ctx) -> None:
    """Owe what a moment asks for; what it makes needless is owed no longer."""
    if ends := table().ends.get(moment):
        followups.drop(ctx.db, customer.id, ctx.now, moment, ends)
    for row in table().after(moment, customer):
        owe(row, customer, _in_time(row, customer, ctx), ctx)


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


def timed(due: str) -> bool:
    """Whether that is a span of time as the rows write them."""
    return _DUE.match(due) is not None


def due_at(row: Row, ctx: Ctx) -> datetime:
    found = _DUE.match(row.due)
    if found is None:
        raise ValueError(f"{FILE.name}: {row.name}: due = {row.due}")
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
    row = table().named(rule)
    since = ctx.today - origin_at.astimezone(ctx.zone).date()
    return row is not None and since.days > row.until


def owed_for(row: Mapping[str, Any], ctx: Ctx) -> str:
    """The reason of a row of `stats.overdue` as it is told now; "" for the steady cadence."""
    if _over(row["rule"], datetime.fromisoformat(row["origin_at"]), ctx):
        return f"补上{label(row['kind']).removesuffix('跟进')}的跟进"
    return str(row["reason"])


def spoke(customer: Customer, ctx: Ctx) -> None:
    """The customer wrote: should they fall silent for two cycles, their level is asked about."""
    row = next(iter(table().after("开口", customer)), None)
    if row is None:
        followups.drop(ctx.db, customer.id, ctx.now, "级别已变", ("rejudge",))
        return
    days: int = getattr(ctx.settings.followups, f"cadence_{customer.level.lower()}_days")
    later = timedelta(days=round(days * ctx.settings.followups.stale_factor))
    owe(row, customer, ctx.on(ctx.today + later, ctx.settings.followups.morning), ctx)


def overtaken(followup: FollowUp, customer: Customer) -> str:
    """Why it need not be done any more, in words; "" when it still stands."""
    row = table().named(followup.rule)
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
    rows = table().rows
    if followup and past(followup, ctx):
        return pace(customer, ctx).row
    found = table().named(followup.rule) if followup and followup.rule else None
    if followup and found is None and followup.kind != "cadence":
        drive = "预约试驾" if "试驾" in followup.reason else "预约"
        same = [row for row in rows if row.kind == followup.kind]
        found = next((row for row in same if row.moment == drive), next(iter(same), None))
    return found or pace(customer, ctx).row


def words(row: Row, customer: Customer, ctx: Ctx) -> str:
    """Several take turns, so that no advisor pastes one text to everybody."""
    turn = zlib.crc32(customer.id.encode()) + ctx.today.isocalendar().week
    return row.words[turn % len(row.words)]
