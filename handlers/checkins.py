"""签到: once a business day, with a streak, a sentence, make-up cards, points and badges."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from handlers import earning, reach, together
from handlers.context import Ctx
from handlers.earning import business_day
from handlers.games.seat import ALONE, OUT, Said, Seat, called
from handlers.values import Action
from nlp import mask
from storage import checkins, games, groups, points, timers

__all__ = ["business_day", "check_in", "tick"]

TIMER = "checkins"
REGULAR_DAYS = 7  # whoever has checked in lately
LATE = timedelta(hours=2)  # a reminder that was missed is not made up for at night
NAMED = 10
SOURCE = "签到"
LONGEST = 200
_DAY = re.compile(r"^(?:(?P<month>\d{1,2})\s*月)?(?P<day>\d{1,2})\s*[日号]?$")
BACK = {"": 1, "昨天": 1, "昨日": 1, "前天": 2, "大前天": 3}


def check_in(seat: Seat, words: str, ctx: Ctx) -> Said:
    """`words` are what somebody wants to say today; enough of them bring a point more."""
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    s, day = ctx.settings.checkins, business_day(ctx)
    words = mask.phones(words.strip())[:LONGEST]
    if words and len(words) < s.words_least:
        return Said(f"{seat.name}，“今天想说”至少写{s.words_least}个字，再多说两句。")
    _known(seat, ctx)
    before = checkins.days(ctx.db, seat.chat, seat.player)
    if not checkins.add(ctx.db, chat_id=seat.chat, member=seat.player, day=day, now=ctx.now,
                        words=words):  # fmt: skip
        return _again(seat, words, before, day, ctx)
    wanted = s.points + (s.words_points if words else 0)
    got = _earn(seat, wanted, f"checkin:{seat.chat}:{seat.player}:{day}", ctx)
    streak = checkins.streak(checkins.days(ctx.db, seat.chat, seat.player), day)
    nearer = together.note(seat, together.CHECKIN, f"{seat.player}:{day}", ctx)
    return Said("\n".join([*_praise(seat, streak, before, day, got, ctx), *nearer.splitlines()]))


def _known(seat: Seat, ctx: Ctx) -> None:
    if not seat.chat.startswith(ALONE):
        groups.join(ctx.db, seat.chat, seat.player, seat.name, ctx.now)


def _earn(seat: Seat, wanted: int, key: str, ctx: Ctx) -> int:
    return earning.earn(seat.chat, seat.player, wanted, SOURCE, key, ctx)


def _again(seat: Seat, words: str, before: list[date], day: date, ctx: Ctx) -> Said:
    """A second one changes nothing, but whoever checked in without a word may add it."""
    streak = checkins.streak(before, day)
    done = f"{seat.name} 今天已经签过到了，连续{streak}天。"
    if words and checkins.say(ctx.db, seat.chat, seat.player, day, words):
        key = f"words:{seat.chat}:{seat.player}:{day}"
        got = _earn(seat, ctx.settings.checkins.words_points, key, ctx)
        return Said(f"{done}记下了你今天想说的，+{got}分。")
    return Said(f"{done}明天再来。")


def _praise(
    seat: Seat, streak: int, before: list[date], day: date, got: int, ctx: Ctx
) -> Iterator[str]:
    order = checkins.order_of(ctx.db, seat.chat, day)
    total = points.balance(ctx.db, seat.chat, seat.player)
    yield (f"✅ {seat.name} 签到成功，今天第{order}位，连续{streak}天，+{got}分，共{total}分。")
    yield from _badge(seat, streak, ctx)
    if streak == 1 and before:
        last = before[0]
        lasted = checkins.streak(before, last)
        yield f"上次连续{lasted}天，断在{last.month}月{last.day}日之后。"


def _badge(seat: Seat, streak: int, ctx: Ctx) -> Iterator[str]:
    """Each once for ever; after a break the way to the next is told again."""
    every = ctx.settings.checkins.badges
    for badge in every:
        fresh = badge <= streak and checkins.award(
            ctx.db, seat.chat, seat.player, f"{badge}天", ctx.now
        )
        if fresh or badge == streak:
            yield f"🏅 获得{badge}天徽章！"
    if streak not in every and (following := next((b for b in every if b > streak), None)):
        yield f"再签{following - streak}天可得{following}天徽章。"


# Make-up cards


def make_up(seat: Seat, words: str, ctx: Ctx) -> Said:
    """补签 昨天: a card brings the day back into the streak, but no points."""
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    today, s = business_day(ctx), ctx.settings.checkins
    day = _named(words.strip(), today)
    earliest = today - timedelta(days=s.makeup_days)
    if day is None or not earliest <= day < today:
        return Said(f"可以补{earliest.month}月{earliest.day}日到昨天的，例如：补签 昨天、补签 "
                    f"{earliest.month}月{earliest.day}日。")  # fmt: skip
    if day in checkins.days(ctx.db, seat.chat, seat.player):
        return Said(f"{seat.name}，{_said(day)}你签过到，不用补。")
    used = checkins.made_up(ctx.db, seat.chat, seat.player, _month_began(today, ctx))
    if used >= s.makeups:
        return Said(f"{seat.name}，补签卡每月{s.makeups}张，这个月已经用完了。")
    return _made_up(seat, day, today, s.makeups - used - 1, ctx)


def _made_up(seat: Seat, day: date, today: date, left: int, ctx: Ctx) -> Said:
    cost = ctx.settings.checkins.makeup_cost
    _known(seat, ctx)
    if cost and not points.spend(
        ctx.db, key=f"makeup:{seat.chat}:{seat.player}:{day}", chat_id=seat.chat,
        member=seat.player, cost=cost, reason="补签", now=ctx.now,
    ):  # fmt: skip
        return Said(f"{seat.name}，补签一次{cost}分，您的积分不够。")
    checkins.add(ctx.db, chat_id=seat.chat, member=seat.player, day=day, now=ctx.now,
                 made_up=True)  # fmt: skip
    streak = checkins.streak(checkins.days(ctx.db, seat.chat, seat.player), today)
    paid = f"，-{cost}分" if cost else ""
    told = f"{seat.name} 补签了{_said(day)}{paid}，现在连续{streak}天，本月补签卡还剩{left}张。"
    return Said("\n".join([told, *_badge(seat, streak, ctx)]))


def _named(words: str, today: date) -> date | None:
    """昨天, 前天, 3月5日, 5号; the day of the past that is meant."""
    if words in BACK:
        return today - timedelta(days=BACK[words])
    match = _DAY.match(words)
    if match is None:
        return None
    month, day = int(match["month"] or today.month), int(match["day"])
    year = today.year - (month > today.month)
    known = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    return date(year, month, day) if known else None


def _month_began(today: date, ctx: Ctx) -> datetime:
    return ctx.on(today.replace(day=1), ctx.settings.checkins.day_starts)


def _said(day: date) -> str:
    return f"{day.month}月{day.day}日"


# Looking back


def calendar(seat: Seat, ctx: Ctx) -> Said:
    """The month as rows of weeks: ● checked in, ◐ made up, ○ not, ・ still to come."""
    today = business_day(ctx)
    first = today.replace(day=1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    marks = checkins.marks(ctx.db, seat.chat, seat.player, first, last)
    streak = checkins.streak(checkins.days(ctx.db, seat.chat, seat.player), today)
    title = f"{seat.name} {first.year}年{first.month}月：签到{len(marks)}天，连续{streak}天"
    return Said("\n".join([title, "　　　 一 二 三 四 五 六 日", *_weeks(first, last, today, marks),
                           "● 签到　◐ 补签　○ 没签　・ 还没到"]))  # fmt: skip


def _weeks(first: date, last: date, today: date, marks: dict[date, bool]) -> Iterator[str]:
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        days = [monday + timedelta(days=n) for n in range(7)]
        cells = " ".join(_cell(day, today, marks) if first <= day <= last else "　" for day in days)
        yield f"{max(monday, first).day:02d}日起 {cells}"
        monday += timedelta(days=7)


def _cell(day: date, today: date, marks: dict[date, bool]) -> str:
    if day in marks:
        return "◐" if marks[day] else "●"
    return "・" if day >= today else "○"


def badges(seat: Seat, ctx: Ctx) -> Said:
    found = checkins.badges(ctx.db, seat.chat, seat.player)
    if not found:
        first = min(ctx.settings.checkins.badges, default=3)
        return Said(f"{seat.name} 还没有徽章，连续签到{first}天"
                    "就有第一枚。")  # fmt: skip
    return Said(f"{seat.name} 的徽章：" + "、".join(f"🏅{name}" for name in found))


# Reminding


def tick(ctx: Ctx) -> Iterator[Action]:
    """Late in the day a group is told who of its regulars has not checked in."""
    s = ctx.settings.checkins
    if not timers.runs(ctx.db, TIMER):
        timers.ensure(ctx.db, TIMER, _next(ctx))
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        fresh = ctx.now - was < LATE
        if timers.advance(ctx.db, name, was, ctx.tomorrow(s.remind_at), ctx.now) and fresh:
            yield from _remind(ctx)


def _next(ctx: Ctx) -> datetime:
    today = ctx.on(ctx.today, ctx.settings.checkins.remind_at)
    return today if ctx.now <= today else ctx.tomorrow(ctx.settings.checkins.remind_at)


def _remind(ctx: Ctx) -> Iterator[Action]:
    if not ctx.settings.checkins.remind:
        return
    today = business_day(ctx)
    done = checkins.of_day(ctx.db, today)
    regulars: dict[str, set[str]] = {}
    for back in range(1, REGULAR_DAYS + 1):
        for chat, members in checkins.of_day(ctx.db, today - timedelta(days=back)).items():
            regulars.setdefault(chat, set()).update(members)
    for chat, members in sorted(regulars.items()):
        missing = [m for m in sorted(members - done.get(chat, set())) if not games.out(ctx.db, m)]
        if missing and reach.can(chat, ctx):
            yield from reach.tell(chat, _missing(missing, ctx), ctx)


def _missing(members: list[str], ctx: Ctx) -> str:
    names = "、".join(called(ctx.team.name(m)) for m in members[:NAMED])
    more = f"等{len(members)}位" if len(members) > NAMED else ""
    return f"今天还没签到：{names}{more}。@我 说 签到 就行，别断了连续天数。"


# Standing


def mine(seat: Seat, ctx: Ctx) -> Said:
    total = points.balance(ctx.db, seat.chat, seat.player)
    streak = checkins.streak(checkins.days(ctx.db, seat.chat, seat.player), business_day(ctx))
    return Said(f"{seat.name}：{total}分，连续签到{streak}天。\n"
                f"{earning.standing(seat.chat, seat.player, ctx)}")  # fmt: skip


def history(seat: Seat, ctx: Ctx) -> Said:
    rows = points.history(ctx.db, seat.chat, seat.player)
    if not rows:
        return Said("还没有积分记录。发 签到 或 答题 开始。")
    lines = [f"{_at(row['at'], ctx)} {row['reason']} {row['delta']:+d}" for row in rows]
    total = points.balance(ctx.db, seat.chat, seat.player)
    return Said("\n".join([f"{seat.name} 共{total}分，最近的：", *lines]))


def _at(text: str, ctx: Ctx) -> str:
    local = datetime.fromisoformat(text).astimezone(ctx.zone)
    return f"{local.month}月{local.day}日"


def board(seat: Seat, ctx: Ctx) -> Said:
    rows = points.board(ctx.db, seat.chat)
    if not rows:
        return Said("还没有人得分。发 签到 或 答题 开始。")
    medals = ("🥇", "🥈", "🥉")
    names = groups.names(ctx.db, seat.chat, [row["member"] for row in rows])
    lines = ["排行榜"]
    for n, row in enumerate(rows):
        mark = medals[n] if n < 3 else f"{n + 1}."
        known = ctx.team.name(row["member"])
        name = called(names.get(known, "群友") if known == row["member"] else known)
        lines.append(f"{mark} {name} {row['points']}分")
    return Said("\n".join(lines))
