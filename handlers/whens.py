"""When an advisor wants to be reminded: the time in their words as a moment that can be kept."""

import re
from datetime import datetime, time, timedelta

from handlers.context import Ctx
from nlp.reading import Slot

AGAIN = re.compile(
    r"每(?:[天日周月年隔逢]|个?(?:星期|礼拜|月|工作日)|[一二两三四五六七八九十\d]+个?[天周月])"
)
_LEAVING = re.compile(r"下班前|下班之前|收工前")
AFTERNOON = time(14, 0)
LATE = timedelta(hours=2)


def said(words: str, ctx: Ctx) -> datetime | None:
    """The moment that is named somewhere in these words; None when there is none ahead."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    if slot is None:
        return _leaving(ctx.local, ctx) if _LEAVING.search(words) else None
    if _LEAVING.search(words):
        return _leaving(datetime.fromisoformat(slot.value["from"]), ctx)
    return moment(slot, ctx)


def moment(slot: Slot, ctx: Ctx) -> datetime | None:
    """A day means its morning list, 下午 two o'clock, 月底前 the morning of the last day."""
    start, end = (datetime.fromisoformat(slot.value[key]) for key in ("from", "to"))
    if end <= ctx.now:
        return None
    if start <= ctx.now:
        return _before(end, ctx)
    local = start.astimezone(ctx.zone)
    s = ctx.settings.followups
    if end - start >= timedelta(hours=3) and local.time() < s.shift_from:
        return ctx.on(local.date(), s.morning)
    if end - start >= timedelta(hours=5) and local.time() == time(12):
        return ctx.on(local.date(), AFTERNOON)
    return local


def _before(end: datetime, ctx: Ctx) -> datetime:
    """In good time: the morning of the last day, else its afternoon, an hour before the shift is
    over, or two hours before the end of the day."""
    last = (end - timedelta(seconds=1)).astimezone(ctx.zone).date()
    s = ctx.settings.followups
    moments = [ctx.on(last, s.morning), ctx.on(last, AFTERNOON),
               ctx.on(last, s.shift_to) - timedelta(hours=1)]  # fmt: skip
    late = max(end - LATE, ctx.now + timedelta(minutes=1))
    return next((m for m in moments if ctx.now < m < end), late)


def _leaving(day: datetime, ctx: Ctx) -> datetime | None:
    """下班前: an hour before the shift is over."""
    local = day.astimezone(ctx.zone)
    at = ctx.on(local.date(), ctx.settings.followups.shift_to) - timedelta(hours=1)
    return at if at > ctx.now else None
