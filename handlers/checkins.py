"""签到: once a business day, with a streak, points and badges."""

from collections.abc import Iterator
from datetime import date, timedelta

from handlers.context import Ctx
from handlers.values import Action, Answer, Inbound
from storage import checkins, groups, points


def business_day(ctx: Ctx) -> date:
    """The day a check-in counts for; night owls may set a later boundary than midnight."""
    start = ctx.settings.checkins.day_starts
    local = ctx.local
    return local.date() if local.time() >= start else local.date() - timedelta(days=1)


def check_in(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    chat, name = msg.chat, ctx.team.name(msg.sender)
    groups.join(ctx.db, chat, msg.sender, name, ctx.now)
    day = business_day(ctx)
    before = checkins.days(ctx.db, chat, msg.sender)
    if not checkins.add(ctx.db, chat_id=chat, member=msg.sender, day=day, now=ctx.now):
        streak = checkins.streak(before, day)
        yield Answer(f"{name} 今天已经签过到了，连续{streak}天。明天再来。")
        return
    streak = checkins.streak(checkins.days(ctx.db, chat, msg.sender), day)
    s = ctx.settings.checkins
    points.add(ctx.db, key=f"checkin:{chat}:{msg.sender}:{day}", chat_id=chat, member=msg.sender,
               delta=s.points, reason="签到", now=ctx.now)  # fmt: skip
    total = points.balance(ctx.db, chat, msg.sender)
    order = checkins.order_of(ctx.db, chat, day)
    yield Answer("\n".join(_praise(name, streak, before, day, order, total, ctx)))


def _praise(
    name: str, streak: int, before: list[date], day: date, order: int, total: int, ctx: Ctx
) -> Iterator[str]:
    s = ctx.settings.checkins
    yield f"✅ {name} 签到成功，今天第{order}位，连续{streak}天，+{s.points}分，共{total}分。"
    if streak in s.badges:
        yield f"🏅 获得{streak}天徽章！"
    elif following := next((b for b in s.badges if b > streak), None):
        yield f"再签{following - streak}天可得{following}天徽章。"
    if streak == 1 and before:
        last = before[0]
        lasted = checkins.streak(before, last)
        yield f"上次连续{lasted}天，断在{last.month}月{last.day}日之后。"


def mine(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    total = points.balance(ctx.db, msg.chat, msg.sender)
    streak = checkins.streak(checkins.days(ctx.db, msg.chat, msg.sender), business_day(ctx))
    yield Answer(f"{ctx.team.name(msg.sender)}：{total}分，连续签到{streak}天。")


def board(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    rows = points.board(ctx.db, msg.chat)
    if not rows:
        yield Answer("还没有人得分。发 签到 或 答题 开始。")
        return
    medals = ("🥇", "🥈", "🥉")
    lines = ["排行榜"]
    for n, row in enumerate(rows):
        mark = medals[n] if n < 3 else f"{n + 1}."
        lines.append(f"{mark} {ctx.team.name(row['member'])} {row['points']}分")
    yield Answer("\n".join(lines))
