"""The hour that suits a customer, and whether they answer at all.

Each touch counts in the part of the day in which it was made; a reply within two days counts for
the part in which it came. Rates are smoothed by one success and one failure, so that two lucky
answers are no habit. What is kept is one row a customer: a due reminder reads that row and never
the messages.
"""

from dataclasses import replace
from datetime import datetime, time, timedelta

from handlers import shifts
from handlers.context import Ctx
from handlers.settings import Advisor
from storage import rhythms
from storage.rhythms import Rhythm

BANDS = ((8, "上午"), (12, "中午"), (14, "下午"), (17, "傍晚5点后"), (19, "晚上7点后"))
SAME = timedelta(hours=4)  # a conversation is one touch
REPLY = timedelta(hours=48)  # words later than that answer no touch
BEFORE_END = timedelta(minutes=30)
ANSWERS, SILENT = 0.6, 0.25  # the smoothed rates from which a customer is one or the other


def band(at: datetime) -> str:
    """The part of the day by the hour in which it begins; the night belongs to the evening."""
    return str(max((hour for hour, _ in BANDS if hour <= at.hour), default=BANDS[-1][0]))


def rate(touches: int, replies: int) -> float:
    """Beta(1,1): the mean of what the counts make likely."""
    return (replies + 1) / (touches + 2)


def touched(customer: str, ctx: Ctx, at: datetime | None = None) -> None:
    """Somebody wrote to the customer; what goes on from a touch of this day is the same one."""
    at = at or ctx.now
    was = rhythms.of(ctx.db, customer)
    if was.touched_at and at - was.touched_at < SAME:
        return
    counted = _counted(was, band(at.astimezone(ctx.zone)), 1, 0)
    now = replace(counted, touches=was.touches + 1, unanswered=was.unanswered + 1, touched_at=at)
    rhythms.put(ctx.db, now)


def untouched(customer: str, ctx: Ctx) -> None:
    """The touch that was noted last was none: an advisor took it back."""
    was = rhythms.of(ctx.db, customer)
    if was.touched_at is None:
        return
    counted = _counted(was, band(was.touched_at.astimezone(ctx.zone)), -1, 0)
    silent = max(0, was.unanswered - 1)
    now = replace(counted, touches=was.touches - 1, unanswered=silent, touched_at=None)
    rhythms.put(ctx.db, now)


def replied(customer: str, ctx: Ctx, at: datetime | None = None) -> None:
    """The customer spoke: the touch before it was answered, and silence begins anew."""
    at = at or ctx.now
    was = rhythms.of(ctx.db, customer)
    if was.touched_at is None or at < was.touched_at:
        if was.unanswered:
            rhythms.put(ctx.db, replace(was, unanswered=0))
        return
    now = replace(was, unanswered=0, touched_at=None)
    if at - was.touched_at <= REPLY:
        there, here = (band(t.astimezone(ctx.zone)) for t in (was.touched_at, at))
        now = replace(_counted(now, here, int(here != there), 1), replies=was.replies + 1)
    rhythms.put(ctx.db, now)


def _counted(was: Rhythm, hour: str, touches: int, replies: int) -> Rhythm:
    had = was.bands.get(hour, (0, 0))
    now = (max(0, had[0] + touches), had[1] + replies)
    return replace(was, bands={**was.bands, hour: now})


def best(found: Rhythm, ctx: Ctx) -> str | None:
    """The part of the day in which they answer most; None while too little is known."""
    if found.touches < ctx.settings.followups.rhythm_touches:
        return None
    known = [hour for hour, (_, replies) in found.bands.items() if replies >= 2]
    return max(known, key=lambda hour: (rate(*found.bands[hour]), -int(hour)), default=None)


def hour(found: Rhythm, advisor: Advisor, ctx: Ctx) -> tuple[time, str] | None:
    """When to remind of them, inside the advisor's shift, and why then."""
    chosen = best(found, ctx)
    first, last = shifts.hours(advisor, ctx)
    if chosen is None or int(chosen) <= first.hour:
        return None  # the morning list comes at the right time
    wanted = time(int(chosen))
    touches, replies = found.bands[chosen]
    why = f"TA多在{dict(BANDS)[int(chosen)]}回复（{touches}次里{replies}次）"
    latest = (datetime.combine(ctx.today, last) - BEFORE_END).time()
    if wanted > latest:
        return latest, f"{why}，你{last:%H:%M}下班，排在{latest:%H:%M}"
    return wanted, why


def factor(found: Rhythm, ctx: Ctx) -> tuple[float, str]:
    """Sooner for who answers, later for who does not, within bounds; and why."""
    s = ctx.settings.followups
    if found.touches < s.rhythm_touches:
        return 1.0, ""
    likely = rate(found.touches, found.replies)
    told = f"{found.touches}次联系回了{found.replies}次"
    if likely >= ANSWERS:
        return s.responsive_factor, f"TA愿意聊（{told}），间隔缩短"
    if likely <= SILENT:
        return s.unresponsive_factor, f"TA不太回（{told}），间隔放长"
    return 1.0, ""
