"""请假到周一, 请假3天, 明天请假, 销假: who does an advisor's reminders meanwhile."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from handlers import followups, shifts
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.settings import Advisor
from handlers.values import Action, Inbound, Send
from handlers.words import weekday
from nlp import numbers
from storage import followups as owed
from storage import leaves, timers
from storage.dialogs import Dialog
from storage.leaves import Leave

TIMER = "leaves"
LONGEST = 180  # days
_DAYS = re.compile(r"(?P<n>\d{1,3}|[一二两三四五六七八九十]{1,3})\s*天")
_UNTIL = re.compile(r"[到至](?P<end>.+)$")
_ME = re.compile(r"^\s*(?:我|本人)?(?:需要|想要|要|想|得)?")
LOST = "没看懂请到哪天。可以说：请假到周一、请假3天、明天请假；回来了说 销假。"


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """Of the advisor, or of the one a manager names; None when these are somebody else's words."""
    before, after = _ME.sub("", match["before"]).strip(), match["after"].strip()
    advisor = ctx.team.advisor(msg.sender)
    if manager := ctx.team.manager(msg.sender):
        team = ctx.team.advisors_of(manager.stores)
        named = next((a for a in team if before.startswith(a.name)), None)
        if named:
            advisor, before = named, before.removeprefix(named.name).strip()
    if advisor is None:
        return iter([Send(msg.sender, "要给哪位顾问登记？例如：张伟请假3天")])
    span = days(before, after, ctx)
    if span is None:
        return iter([Send(msg.sender, LOST)]) if not before or "半天" in after else None
    return _begin(advisor, span, msg.sender, ctx)


def days(before: str, after: str, ctx: Ctx) -> tuple[date, date] | None:
    """First and last day, both included; None when the words tell none that is ahead."""
    spoken = _span(before, ctx) if before else (ctx.today, ctx.today)
    if spoken is None:
        return None
    first, last = spoken
    if found := _DAYS.fullmatch(after) or _DAYS.fullmatch(before):
        first = first if found.string == after else ctx.today
        last = first + timedelta(days=_number(found["n"]) - 1)
    elif until := _UNTIL.match(after):
        end = _span(until["end"], ctx)
        last = end[1] if end else date.min
    elif after:
        found_days = _span(after, ctx)
        first, last = found_days if found_days else (date.max, date.min)
    fits = ctx.today <= first <= last < ctx.today + timedelta(days=LONGEST)
    return (first, last) if fits else None


def _number(text: str) -> int:
    return int(numbers.value(text) or 0) if not text.isdecimal() else int(text)


def _span(words: str, ctx: Ctx) -> tuple[date, date] | None:
    """The days that these words name."""
    if _DAYS.fullmatch(words):
        return ctx.today, ctx.today
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    if slot is None:
        return None
    start, end = (datetime.fromisoformat(slot.value[key]) for key in ("from", "to"))
    last = (end - timedelta(seconds=1)).astimezone(ctx.zone).date()
    return max(start.astimezone(ctx.zone).date(), ctx.today), last


def _begin(advisor: Advisor, span: tuple[date, date], by: str, ctx: Ctx) -> Iterator[Action]:
    for one in leaves.ahead(ctx.db, advisor.userid, ctx.today):
        leaves.end(ctx.db, one.id, ctx.now)  # what is said last counts
    deputy = ctx.team.advisor(advisor.deputy)
    here = deputy is not None and shifts.away(deputy.userid, span[0], ctx) is None
    leave = Leave(ctx.new_id(), advisor.userid, *span, deputy.userid if deputy and here else "")
    leaves.put(ctx.db, leave, ctx.now)
    timers.reset(ctx.db, f"morning:{advisor.userid}", followups.first_morning(advisor, ctx))
    said = f"{_spoken(leave)}请假"
    mine = "你" if by == advisor.userid else advisor.name
    if deputy and leave.deputy:
        yield Send(by, f"好，{mine}{said}。这几天的提醒和晨间名单交给{deputy.name}，到期自动恢复。"
                       "提前回来说 销假。")  # fmt: skip
        yield from _entrusted(leave, ctx)
    else:
        yield Send(by, f"好，{mine}{said}。还没有代班的人，已请门店经理指定，到期自动恢复。"
                       "提前回来说 销假。")  # fmt: skip
        yield from _ask(leave, ctx)


def _spoken(leave: Leave) -> str:
    days_ = (leave.first_day, leave.last_day)
    first, last = (f"{d.month}月{d.day}日（{weekday(d)}）" for d in days_)
    return first if leave.first_day == leave.last_day else f"{first}到{last}（含）"


def _entrusted(leave: Leave, ctx: Ctx) -> Iterator[Action]:
    """The deputy is told, and gets at once what fell due already."""
    name = ctx.team.name(leave.advisor)
    yield Send(leave.deputy, f"{name}{_spoken(leave)}请假，由你代班：TA到期的客户会出现在"
                             f"你的名单里，标着“代{name}”，只有这些客户你看得到。")  # fmt: skip
    if leave.first_day <= ctx.today:
        owed.pull(ctx.db, leave.advisor, ctx.now)


def _ask(leave: Leave, ctx: Ctx) -> Iterator[Action]:
    """Whoever manages the store chooses among those who are there."""
    advisor = ctx.team.advisor(leave.advisor)
    if advisor is None:
        return
    day = max(leave.first_day, ctx.today)
    team = [a for a in ctx.team.advisors_of((advisor.store,))
            if a.userid != advisor.userid and shifts.away(a.userid, day, ctx) is None]  # fmt: skip
    team.sort(key=lambda a: (owed.load(ctx.db, a.userid), a.userid))
    options = tuple((a.name, a.userid) for a in team)
    text = f"{_spoken(leave)}请假，到期的提醒还没有人接。"
    for manager in ctx.team.managers_of(advisor.store):
        if options:
            choice = Choice("deputy", f"{advisor.name}请假，谁来代班？", text, options,
                            {"leave": leave.id})  # fmt: skip
            yield ask(manager.userid, choice, ctx)
        else:
            yield Send(manager.userid, f"{advisor.name}{text}店里也没有别的顾问可以代班。")


def chosen(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    leave, deputy = leaves.get(ctx.db, dialog.body["leave"]), ctx.team.advisor(value)
    if leave is None or deputy is None:
        yield Send(dialog.member, "这次请假已经结束了。")
        return
    leaves.entrust(ctx.db, leave.id, deputy.userid)
    name = ctx.team.name(leave.advisor)
    yield Send(dialog.member, f"好，{name}请假期间由{deputy.name}代班，两位都通知了。")
    yield Send(leave.advisor, f"你请假期间的提醒由{deputy.name}代班。")
    yield from _entrusted(Leave(leave.id, leave.advisor, leave.first_day, leave.last_day,
                                deputy.userid), ctx)  # fmt: skip


def back(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """销假: what was left of it is over."""
    found = leaves.ahead(ctx.db, msg.sender, ctx.today)
    advisor = ctx.team.advisor(msg.sender)
    if not found or advisor is None:
        yield Send(msg.sender, "你现在没有登记请假。")
        return
    for leave in found:
        leaves.end(ctx.db, leave.id, ctx.now)
        if leave.deputy:
            yield Send(leave.deputy, f"{advisor.name}销假了，TA的客户不用你代班了。辛苦！")
    soon = ctx.now if shifts.on_shift(advisor, ctx) else followups.first_morning(advisor, ctx)
    timers.reset(ctx.db, f"morning:{advisor.userid}", soon)
    yield Send(msg.sender, "好，已销假，提醒和晨间名单恢复发给你。")


def tick(ctx: Ctx) -> Iterator[Action]:
    """Each morning: somebody is away and nobody stands in yet."""
    at = ctx.settings.followups.morning
    if not timers.runs(ctx.db, TIMER):
        timers.ensure(ctx.db, TIMER, ctx.tomorrow(at))
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        if timers.advance(ctx.db, name, was, ctx.tomorrow(at), ctx.now):
            for leave in leaves.on(ctx.db, ctx.today):
                if not leave.deputy and ctx.local.time() < time(20):
                    yield from _ask(leave, ctx)
