"""When somebody works: the shift, days of rest, leave, and days on which a store is closed."""

from datetime import date, datetime, time, timedelta

from handlers.context import Ctx
from handlers.settings import Advisor
from handlers.words import weekday
from nlp import calendar
from storage import leaves
from storage.leaves import Leave

FURTHEST = 60  # days that are looked ahead for one of work


def hours(advisor: Advisor, ctx: Ctx) -> tuple[time, time]:
    s = ctx.settings.followups
    return advisor.shift_from or s.shift_from, advisor.shift_to or s.shift_to


def closed(day: date, ctx: Ctx) -> bool:
    """A public holiday, in a company that keeps them; most stores are open then."""
    return ctx.settings.followups.holidays == "rest" and calendar.public(day) is True


def rests(advisor: Advisor, day: date, ctx: Ctx) -> bool:
    """The weekly rest. Who keeps the holidays also works the days that make up for them."""
    made_up = ctx.settings.followups.holidays == "rest" and calendar.public(day) is False
    return weekday(day) in advisor.rest and not made_up


def away(userid: str, day: date, ctx: Ctx) -> Leave | None:
    """The leave of that day; the newest word counts where two of them overlap."""
    return next((found for found in leaves.on(ctx.db, day) if found.advisor == userid), None)


def works(advisor: Advisor, day: date, ctx: Ctx) -> bool:
    return not (
        closed(day, ctx) or rests(advisor, day, ctx) or away(advisor.userid, day, ctx)
    )  # fmt: skip


def at_work(advisor: Advisor, ctx: Ctx) -> bool:
    """A working day that is not over yet; a list that was missed is of no use at night."""
    return ctx.local.time() < hours(advisor, ctx)[1] and works(advisor, ctx.today, ctx)


def on_shift(advisor: Advisor, ctx: Ctx) -> bool:
    """Whether an advisor may be reminded now: inside the shift of a working day."""
    return hours(advisor, ctx)[0] <= ctx.local.time() and at_work(advisor, ctx)


def morning_of(advisor: Advisor, ctx: Ctx) -> time:
    """The hour of the morning list; who comes later has it when they come."""
    return max(ctx.settings.followups.morning, hours(advisor, ctx)[0])


def next_morning(advisor: Advisor, ctx: Ctx) -> datetime:
    """The next morning list of that advisor, after days of rest, holidays and leave."""
    days = (ctx.today + timedelta(days=n) for n in range(1, FURTHEST))
    day = next((d for d in days if works(advisor, d, ctx)), ctx.today + timedelta(days=FURTHEST))
    return ctx.on(day, morning_of(advisor, ctx))


def next_shift(advisor: Advisor, ctx: Ctx) -> datetime:
    """When an advisor may be reminded again: this morning, or the next working one."""
    opening = ctx.on(ctx.today, morning_of(advisor, ctx))
    today = ctx.now < opening and works(advisor, ctx.today, ctx)
    return opening if today else next_morning(advisor, ctx)


def stand_in(advisor: Advisor, ctx: Ctx) -> Advisor | None:
    """Who does an advisor's work today: they themselves, their deputy, or nobody yet."""
    leave = away(advisor.userid, ctx.today, ctx)
    return advisor if leave is None else ctx.team.advisor(leave.deputy)


def absent(deputy: str, ctx: Ctx) -> list[Leave]:
    """Those for whom somebody stands in today."""
    found = leaves.on(ctx.db, ctx.today)
    newest = {leave.advisor: leave for leave in reversed(found)}
    return [leave for leave in newest.values() if leave.deputy == deputy]


def lent(deputy: str, ctx: Ctx) -> list[str]:
    """The customers of others whom a member looks after today: those with a contact owed."""
    until = ctx.tomorrow(ctx.settings.followups.shift_from)
    return [customer for leave in absent(deputy, ctx)
            for customer in leaves.lent(ctx.db, leave.advisor, until)]  # fmt: skip


def after(advisor: Advisor, since: datetime, minutes: int, ctx: Ctx) -> datetime:
    """So many minutes of opening time later; what comes at night counts from the opening.

    A customer waits on an advisor's day of rest as on any other: then the store's hours count.
    """
    left, at = timedelta(minutes=minutes), since.astimezone(ctx.zone)
    for _ in range(FURTHEST):
        first, last = _open(advisor, at.date(), ctx)
        at = max(at, first)
        if last > at and at + left <= last:
            return at + left
        left -= max(last - at, timedelta())
        at = ctx.on(at.date() + timedelta(days=1), time())
    return at


def _open(advisor: Advisor, day: date, ctx: Ctx) -> tuple[datetime, datetime]:
    """From when to when somebody can answer; on a day that is closed that is no time at all."""
    s = ctx.settings.followups
    if closed(day, ctx):
        return ctx.on(day, s.shift_to), ctx.on(day, s.shift_to)
    here = works(advisor, day, ctx)
    first, last = hours(advisor, ctx) if here else (s.shift_from, s.shift_to)
    return ctx.on(day, first), ctx.on(day, last)
