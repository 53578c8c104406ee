"""晨会, 夕会 and the advisor's own evening recap: one person's day, told by what was done."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from handlers import followups, shifts, training
from handlers.context import Ctx
from handlers.settings import Advisor
from handlers.values import Action, Inbound, Send
from handlers.words import clock
from storage import appointments, customers, figures, timers
from storage import followups as owed
from storage.followups import FollowUp

TIMER = "recap"
LATE = timedelta(hours=2)  # a recap that was missed is not sent at night
MOST = 12  # advisors on one sheet
STEPS = (("到店", "到店"), ("试驾", "试驾"), ("报价", "报价"),
         ("下订", "下订"), ("交付", "交付"))  # fmt: skip


# 晨会, 夕会


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """A manager's advisors, one by one; an advisor's own line."""
    meeting = match["which"]
    team = _team(msg.sender, ctx)
    if not team:
        return None
    told = _morning if meeting == "晨会" else _evening
    lines = [f"{meeting}｜{ctx.today.month}月{ctx.today.day}日"]
    lines += [told(one, ctx) for one in team[:MOST]]
    if meeting == "晨会" and (drilled := training.line(team, ctx)):
        lines.append(drilled)
    if len(team) > MOST:
        lines.append(f"另有{len(team) - MOST}位顾问，请各店经理回复 {meeting}。")
    return iter([Send(msg.sender, "\n".join(lines))])


def _team(member: str, ctx: Ctx) -> list[Advisor]:
    """Not for who reads figures only."""
    if manager := ctx.team.in_charge(member):
        return ctx.team.advisors_of(manager.stores)
    advisor = ctx.team.advisor(member)
    return [advisor] if advisor else []


def _morning(advisor: Advisor, ctx: Ctx) -> str:
    """What there is to do today."""
    if not shifts.works(advisor, ctx.today, ctx):
        return f"· {advisor.name}：今天休息"
    begin = _midnight(ctx)
    due = owed.owed_by(ctx.db, advisor.userid, begin + timedelta(days=1))
    late = [f for f in due if f.origin_at < begin]
    coming = appointments.of_advisors(ctx.db, [advisor.userid], begin, begin + timedelta(days=1))
    hot = figures.day_of(ctx.db, advisor.userid, begin, ctx.now)["hot"]
    first = _first(due, advisor, ctx)
    visits = "、".join(f"{clock(a.at.astimezone(ctx.zone))}{a.kind}" for a in coming[:3])
    parts = [f"待跟进{len(due)}位" + (f"（逾期{len(late)}）" if late else ""),
             f"预约{len(coming)}位" + (f"（{visits}）" if visits else ""),
             f"O/H级{hot}位"]  # fmt: skip
    return f"· {advisor.name}：" + "，".join(parts) + (f"；先联系{first}" if first else "")


def _evening(advisor: Advisor, ctx: Ctx) -> str:
    """What was done today, what is left, what comes tomorrow."""
    begin = _midnight(ctx)
    tomorrow = begin + timedelta(days=1)
    did = did_today(advisor, ctx)
    left = owed.owed_by(ctx.db, advisor.userid, ctx.now)
    coming = appointments.of_advisors(
        ctx.db, [advisor.userid], tomorrow, tomorrow + timedelta(days=1)
    )
    said = "、".join(did) if did else "今天没有记录"
    return f"· {advisor.name}：{said}；没做完{len(left)}位，明天预约{len(coming)}位"


def did_today(advisor: Advisor, ctx: Ctx) -> list[str]:
    """联系6位, 试驾1位: what is in the records, nothing else; hearing is not doing."""
    day = figures.day_of(ctx.db, advisor.userid, _midnight(ctx), ctx.now)
    found = [f"联系{day['contacted']}位"] if day["contacted"] else []
    return found + [f"{words}{day[kind]}位" for kind, words in STEPS if day.get(kind)]


def _first(due: list[FollowUp], advisor: Advisor, ctx: Ctx) -> str:
    """Whom to begin with, and why."""
    for one in due:
        if customer := customers.get(ctx.db, one.customer):
            why = followups.reason(one, customer, ctx)
            return f"{customer.name}（{customer.level}级，{why}）"
    return ""


def _midnight(ctx: Ctx) -> datetime:
    return ctx.on(ctx.today, datetime.min.time())


# 下班小结


def tick(ctx: Ctx) -> Iterator[Action]:
    """Once a day, to each who did something: their own day, nobody else's."""
    clock_ = ctx.settings.digest.recap_at
    if not timers.runs(ctx.db, TIMER):
        today = ctx.on(ctx.today, clock_)
        timers.ensure(ctx.db, TIMER, today if ctx.now <= today else ctx.tomorrow(clock_))
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        today = ctx.on(ctx.today, clock_)
        to = today if ctx.now < today else ctx.tomorrow(clock_)
        if name != TIMER or not timers.advance(ctx.db, name, was, to, ctx.now):
            continue
        if ctx.settings.digest.recap and ctx.now - was < LATE:
            yield from _recaps(ctx)


def _recaps(ctx: Ctx) -> Iterator[Action]:
    adopted = figures.adopted(ctx.db, _midnight(ctx), ctx.now)
    for advisor in ctx.settings.advisors:
        if shifts.works(advisor, ctx.today, ctx) and (
            text := recap(advisor, adopted.get(advisor.userid, 0), ctx)
        ):
            yield Send(advisor.userid, text)


def recap(advisor: Advisor, adopted: int, ctx: Ctx) -> str:
    """What they did today and one thing for tomorrow; "" for a day without records."""
    did = did_today(advisor, ctx)
    did += [f"用了{adopted}条话术"] if adopted else []
    if not did:
        return ""
    end = _midnight(ctx) + timedelta(days=2)
    first = _first(owed.owed_by(ctx.db, advisor.userid, end), advisor, ctx)
    tomorrow = (
        f"明天先做一件事：联系{first}。" if first else "明天没有到期的跟进，可以约一位老客户到店。"
    )
    return f"今天辛苦了：{'、'.join(did)}。\n{tomorrow}\n这份小结只有您自己看得到。"
