"""抽奖, 参加抽奖, 中奖名单: draws whose seed is promised before and shown after.

What decides is `lots`; here is who may enter, what is announced and who is told.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from handlers import lots, prizes, reach
from handlers.context import Ctx
from handlers.earning import business_day
from handlers.games.seat import OUT, Said, Seat, called
from handlers.lots import Entry, Step
from handlers.values import Action, Send
from storage import checkins, draws, games, groups, points
from storage.db import Row
from storage.draws import DONE, NOBODY, OPEN, VOID, WON, Draw, Win

INTERNAL = "内部"
WEIGHED, MOST_WEIGHT, WEEK = "连签", 5, 7
CASH = re.compile(r"现金|红包|返现|转账|积分")
LATE = timedelta(hours=12)
_PRIZE = re.compile(
    r"^(?P<name>\S.{0,100}?)(?:\s*+[,，]\s*+|\s++)(?P<count>\d{1,4})\s*+[份个名]"
    r"(?:\s*+[,，]\s*+|\s++)(?P<worth>\d{1,7})\s*+元$"
)


class Unlawful(ValueError):
    """A draw that may not be held as it is; the message says why and what would do."""


# Announcing


def prize_of(words: str) -> dict[str, Any]:
    """车模 3份 199元: kind, quantity and value must be clear, or else nothing is announced."""
    match = _PRIZE.match(words.strip())
    if match is None:
        raise Unlawful(f"奖品“{words}”要写清名称、份数、价值，例如：车模 3份 199元")
    return {"name": match["name"], "count": int(match["count"]), "worth": int(match["worth"])}


def new(
    chat: str, title: str, given: list[dict[str, Any]], rules: dict[str, Any],
    closes: datetime, by: str, ctx: Ctx,
) -> Draw:  # fmt: skip
    """Promise a draw: the seed is fixed now, its hash is what everybody sees."""
    lawful(given, closes, ctx)
    key = ctx.new_id()
    seed = games.derived(ctx.db, "draws", key)
    found = Draw(key, chat, title, tuple(given), rules, seed, lots.commitment(seed), OPEN, by,
                 ctx.now, closes)  # fmt: skip
    draws.begin(ctx.db, found)
    return found


def lawful(given: list[dict[str, Any]], closes: datetime, ctx: Ctx) -> None:
    """Raise what is wrong with these prizes, in words."""
    most = ctx.settings.draws.top_prize
    if not given:
        raise Unlawful("至少要有一个奖品")
    for prize in given:
        if prize["worth"] > most:
            raise Unlawful(f"“{prize['name']}”{prize['worth']}元，抽奖的单个奖品最高{most}元")
        if CASH.search(prize["name"]):
            raise Unlawful(f"“{prize['name']}”是现金或可转让的东西，抽奖只发实物和服务")
        if not 1 <= prize["count"] <= 1000:
            raise Unlawful(f"“{prize['name']}”的份数应为 1 到 1000")
    if closes <= ctx.now:
        raise Unlawful("截止时间已经过了")


def announcement(found: Draw, ctx: Ctx) -> str:
    """Kinds, quantities, values, conditions, time and the promise, all before it starts."""
    kinds = "、".join(f"{p['name']}{p['count']}份（价值{p['worth']}元）" for p in found.prizes)
    return "\n".join([
        f"🎉 抽奖“{found.title}”", f"奖品：{kinds}",
        f"条件：{'；'.join(conditions(found, ctx))}",
        f"截止：{_time(found.closes_at, ctx)}，到点开奖",
        f"中奖概率：{sum(p['count'] for p in found.prizes)}份 ÷ 报名人数，"
        f"现在{draws.entered(ctx.db, found.id)}人报名",
        f"种子承诺（SHA-256）：{found.commitment}", "开奖后公布种子和名单摘要，任何人都能复算。",
        "@我 说 参加抽奖 报名，不花积分。",
    ])  # fmt: skip


def conditions(found: Draw, ctx: Ctx) -> Iterator[str]:
    rules = found.rules
    yield "本群成员"
    if before := rules.get("joined_before"):
        yield f"{_time(datetime.fromisoformat(before), ctx)}前入群"
    if rules.get("spoke"):
        yield "在群里签到、玩过游戏或发过言"
    yield "主办的管理人员不参加" if _internal(found, ctx) else "员工不参加"
    yield "每人最多中一次" if rules.get("once", True) else "每人可以中多次"
    if rules.get("weights") == WEIGHED:
        yield f"连续签到每满{WEEK}天多一个签，最多{MOST_WEIGHT}个"
    yield f"不足{ctx.settings.draws.least_people}人报名则不开奖"


def _time(when: datetime, ctx: Ctx) -> str:
    local = when.astimezone(ctx.zone)
    return f"{local.month}月{local.day}日{local:%H:%M}"


def _internal(found: Draw, ctx: Ctx) -> bool:
    room = groups.get(ctx.db, found.chat_id)
    return room is None or room["kind"] == INTERNAL


# Entering


def shown(seat: Seat, ctx: Ctx) -> Said:
    found = draws.of_chat(ctx.db, seat.chat, OPEN)
    if not found:
        return Said("现在没有抽奖。发 中奖名单 看上一次的结果。")
    return Said("\n\n".join(announcement(one, ctx) for one in found[:2]))


def enter(seat: Seat, ctx: Ctx) -> Said:
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    found = next((d for d in draws.of_chat(ctx.db, seat.chat, OPEN) if d.closes_at > ctx.now), None)
    if found is None:
        return Said("现在没有可以报名的抽奖。")
    groups.join(ctx.db, seat.chat, seat.player, seat.name, ctx.now)
    if refused := unfit(found, seat.player, ctx):
        return Said(f"{seat.name}，{refused}")
    ticket = lots.ticket(found.id, seat.player)
    fresh = draws.enter(ctx.db, found.id, ticket=ticket, member=seat.player, name=seat.name,
                        now=ctx.now)  # fmt: skip
    told = "报名成功" if fresh else "已经报过名了"
    count = draws.entered(ctx.db, found.id)
    return Said(f"{seat.name} {told}“{found.title}”，抽奖号 {ticket}，现在{count}人。"
                f"{_time(found.closes_at, ctx)}开奖。")  # fmt: skip


def unfit(found: Draw, member: str, ctx: Ctx) -> str:
    """Why this member may not win, in words; "" when they may."""
    seat = groups.members(ctx.db, found.chat_id).get(member)
    if seat is None:
        return "抽奖只给还在群里的成员。"
    if games.out(ctx.db, member) or member in ctx.settings.draws.blocked:
        return "您不在这次抽奖的范围里。"
    if _runs_it(found, member, bool(seat["staff"]), ctx):
        return "员工不参加抽奖，请见谅。"
    before = found.rules.get("joined_before")
    if before and datetime.fromisoformat(seat["joined_at"]) > datetime.fromisoformat(before):
        return f"要在{_time(datetime.fromisoformat(before), ctx)}前入群才能参加这一次。"
    if found.rules.get("spoke") and not _spoke(found.chat_id, member, ctx):
        return "要先在群里签到、玩过游戏或发过言才能参加，先发 签到 试试。"
    return ""


def _runs_it(found: Draw, member: str, staff: bool, ctx: Ctx) -> bool:
    """Of an internal contest the staff are the players, except whoever has a hand in it."""
    runs = member in (found.by_whom, *ctx.settings.access.operators)
    runs = runs or ctx.team.manager(member) is not None
    if _internal(found, ctx):
        return runs
    return runs or staff or ctx.team.advisor(member) is not None


def _spoke(chat: str, member: str, ctx: Ctx) -> bool:
    return bool(
        checkins.days(ctx.db, chat, member)
        or points.history(ctx.db, chat, member, 1)
        or groups.spoken(ctx.db, member, ctx.now - timedelta(days=180)).get(chat)
    )


# Closing


def tick(ctx: Ctx) -> Iterator[Action]:
    for found in draws.due(ctx.db, ctx.now):
        told = close(found, ctx)
        yield Send(found.by_whom, told)
        if ctx.now - found.closes_at < LATE and reach.can(found.chat_id, ctx):
            yield from reach.tell(found.chat_id, told, ctx)


def close(found: Draw, ctx: Ctx) -> str:
    """Fix the list, reveal the seed, decide; or call it off when too few entered."""
    entries = [_weighed(found, row, ctx) for row in _fit(found, ctx)]
    least = ctx.settings.draws.least_people
    if len(entries) < least:
        told = f"抽奖“{found.title}”只有{len(entries)}人符合条件，不足{least}人，这次不开奖。"
        draws.close(ctx.db, found.id, state=VOID, listed="", told=told, now=ctx.now)
        return told
    listed = lots.entries_hash(entries)
    if not draws.close(ctx.db, found.id, state=DONE, listed=listed, told="", now=ctx.now):
        return (draws.get(ctx.db, found.id) or found).told
    _decide(found, entries, ctx)
    return retold(found.id, ctx)


def _fit(found: Draw, ctx: Ctx) -> Iterator[Row]:
    """Whoever has left or become unfit since is off the list before it is published."""
    for row in draws.entries(ctx.db, found.id):
        if unfit(found, row["member"], ctx):
            draws.withdraw(ctx.db, found.id, row["ticket"])
        else:
            yield row


def _weighed(found: Draw, row: Row, ctx: Ctx) -> Entry:
    if found.rules.get("weights") != WEIGHED:
        return Entry(row["ticket"], 1)
    days = checkins.days(ctx.db, found.chat_id, row["member"])
    weight = min(MOST_WEIGHT, 1 + checkins.streak(days, business_day(ctx)) // WEEK)
    draws.weigh(ctx.db, found.id, row["ticket"], weight)
    return Entry(row["ticket"], weight)


def units(found: Draw) -> list[str]:
    """The name of each single prize, as they are drawn."""
    return [prize["name"] for prize in found.prizes for _ in range(prize["count"])]


def _decide(found: Draw, entries: list[Entry], ctx: Ctx) -> None:
    names = units(found)
    steps = [Step(n, 1) for n in range(1, len(names) + 1)]
    due = lots.winners(found.seed, entries, steps, bool(found.rules.get("once", True)))
    for step, name, ticket in zip(steps, names, due, strict=True):
        _book(found, step, name, ticket, ctx)


def _book(found: Draw, step: Step, prize: str, ticket: str, ctx: Ctx) -> None:
    n = len(draws.wins(ctx.db, found.id)) + 1
    win = Win(f"{found.id}:{n:05d}", found.id, step.unit, step.turn, prize, ticket,
              WON if ticket else NOBODY, "", "", ctx.now)  # fmt: skip
    draws.won(ctx.db, win)
    if ticket:
        prizes.award(f"draw:{win.id}", found.chat_id, _member(found, ticket, ctx), prize, ctx)


def _member(found: Draw, ticket: str, ctx: Ctx) -> str:
    rows = draws.entries(ctx.db, found.id)
    return next((str(row["member"]) for row in rows if row["ticket"] == ticket), "")


def redraw(found: Draw, ticket: str, why: str, by: str, ctx: Ctx) -> str:
    """A prize that its winner cannot have goes on by the same algorithm; the reason is kept."""
    held = [w for w in draws.wins(ctx.db, found.id) if w.ticket == ticket and w.state == WON]
    if found.state != DONE or not held:
        raise Unlawful(f"“{found.title}”里没有中奖的抽奖号 {ticket}")
    if not why.strip():
        raise Unlawful("重抽要写原因，会和结果一起公布")
    win = held[0]
    if not prizes.revoke(f"draw:{win.id}", by, why, ctx):
        raise Unlawful(f"抽奖号 {ticket} 的奖品已经核销，不能重抽")
    draws.void(ctx.db, win.id, why.strip(), by)
    _again(found, win, ctx)
    return retold(found.id, ctx)


def _again(found: Draw, win: Win, ctx: Ctx) -> None:
    rows = draws.entries(ctx.db, found.id)
    entries = [Entry(row["ticket"], row["weight"]) for row in rows]
    step = Step(win.unit, win.turn + 1)
    steps = [Step(w.unit, w.turn) for w in draws.wins(ctx.db, found.id)]
    due = lots.winners(found.seed, entries, [*steps, step], bool(found.rules.get("once", True)))
    _book(found, step, win.prize, due[-1], ctx)


# Telling


def retold(draw_id: str, ctx: Ctx) -> str:
    """The announcement of the result, kept with the draw."""
    found = draws.get(ctx.db, draw_id)
    if found is None:
        return ""
    rows = {row["ticket"]: row for row in draws.entries(ctx.db, draw_id)}
    lines = [_line(win, rows, ctx) for win in draws.wins(ctx.db, draw_id)]
    told = "\n".join([f"🎊 抽奖“{found.title}”开奖，{len(rows)}人报名：", *lines,
                      f"种子：{found.seed}", f"名单摘要：{found.entries_hash}",
                      "中奖的人说 我的奖品 看领取码。核对方法见公布的复算说明。"])  # fmt: skip
    draws.retell(ctx.db, draw_id, told)
    return told


def _line(win: Win, rows: dict[str, Row], ctx: Ctx) -> str:
    if not win.ticket:
        return f"· {win.prize}：没有人可以中"
    row = rows.get(win.ticket)
    hidden = row is None or games.out(ctx.db, row["member"])
    name = "群友" if row is None or hidden else called(str(row["name"]))
    void = f"（作废：{win.why}，已顺延）" if win.state == VOID else ""
    return f"· {win.prize}：{name}（{win.ticket}）{void}"


def results(seat: Seat, ctx: Ctx) -> Said:
    found = draws.of_chat(ctx.db, seat.chat, DONE, VOID)
    return Said(found[0].told if found else "还没有开过奖。")


def export(found: Draw, ctx: Ctx) -> dict[str, Any]:
    """Everything that is needed to do it again, and nobody's id."""
    if found.state == OPEN:
        raise Unlawful(f"“{found.title}”还没开奖，种子要到开奖才公布")
    results_ = [{"unit": w.unit, "turn": w.turn, "prize": w.prize, "ticket": w.ticket,
                 "state": w.state, "why": w.why} for w in draws.wins(ctx.db, found.id)]  # fmt: skip
    rows = draws.entries(ctx.db, found.id)
    return {
        "draw": found.id, "title": found.title, "prizes": list(found.prizes),
        "rules": found.rules, "announced_at": found.made_at.isoformat(),
        "closed_at": found.closed_at.isoformat() if found.closed_at else "",
        "commitment": found.commitment, "seed": found.seed, "entries_hash": found.entries_hash,
        "entries": [{"ticket": row["ticket"], "weight": row["weight"]} for row in rows],
        "results": results_,
    }  # fmt: skip
