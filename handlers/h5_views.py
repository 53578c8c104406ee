"""What the pages of a customer group show, as plain values; nothing here changes anything."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from handlers import draws, earning, lots, prizes, rankings, together
from handlers.context import Ctx
from handlers.earning import business_day
from handlers.games.base import Game
from handlers.games.found import GAMES
from handlers.games.seat import ALONE, called
from handlers.h5 import plain
from handlers.h5_guests import Guest, nickname
from handlers.words import exactly, when
from storage import appointments, checkins, games, h5, points
from storage import draws as drawn
from storage import prizes as stock
from storage import together as goals
from storage.db import at
from storage.games import LOBBY, OVER, PAUSED, Round
from storage.prizes import Prize, Redemption

Shown = dict[str, Any]

WON = "🎉"  # how the answer to a winning move begins
SOON = timedelta(days=30)
ROWS = 30
RECENT = timedelta(days=1)
# What the field of a game stands for in the chat, and what it says while it is empty.
FIELDS = {
    "猜价格": ("猜", "例如 18.5万"), "猜配置": ("猜", "数字加单位"), "谜语": ("猜", "写下谜底"),
    "猜词": ("猜", "写下答案"), "看图猜车": ("猜", "写下车型"), "成语接龙": ("接", "四个字的成语"),
    "盲盒话题": ("我说", "说说您的想法"), "许愿池": ("许愿", "写下愿望"),
    "征集": ("投稿", "写下您的话"),
}  # fmt: skip
VOTING = ("投", "写序号")
MARKS = {True: "补签", False: "签到"}
LIVELY, SIGNUP = ("home", "play", "board"), "活动接龙"


def me(g: Guest, ctx: Ctx) -> Shown:
    """Above every page: the group, who one is in it, what one has."""
    top: Shown = {"group": g.group["name"], "role": g.role, "name": g.name}
    if g.role != "member":
        return top
    total, growth = _balance(g, ctx), points.grown(ctx.db, g.chat, g.member)
    level, missing, following = earning.level(growth, ctx)
    return top | {
        "points": total, "level": level, "missing": missing, "following": following,
        "growth": growth, "out": games.out(ctx.db, g.member), **_days(g, ctx),
    }  # fmt: skip


def _balance(g: Guest, ctx: Ctx) -> int:
    return points.balance(ctx.db, g.chat, g.member)


def _days(g: Guest, ctx: Ctx) -> Shown:
    today = business_day(ctx)
    days = checkins.days(ctx.db, g.chat, g.member)
    return {"checked": today in days, "streak": checkins.streak(days, today), "days": len(days)}


def home(g: Guest, ctx: Ctx) -> Shown:
    return {
        "rounds": [_round(r, g, ctx) for r in games.shown(ctx.db, g.chat)],
        "draws": [_open_draw(d, g, ctx) for d in drawn.of_chat(ctx.db, g.chat, drawn.OPEN)[:1]],
        "next": _next_prize(g, ctx), "drive": _appointment(g, ctx),
        "goals": [_goal(found, g, ctx) for found in goals.of_chat(ctx.db, g.chat, goals.OPEN)],
    }  # fmt: skip


def _goal(found: goals.Goal, g: Guest, ctx: Ctx) -> Shown:
    """How far the group is, and what one has done for it oneself."""
    done = min(goals.done(ctx.db, found.id), found.target)
    return {
        "title": found.title, "done": done, "target": found.target,
        "percent": 100 * done // found.target, "reward": together.reward(found),
        "until": exactly(found.until.astimezone(ctx.zone)),
        "mine": goals.parts(ctx.db, found.id).get(g.member, 0) if g.member else 0,
    }  # fmt: skip


def _next_prize(g: Guest, ctx: Ctx) -> Shown | None:
    """The dearest that one can have now, otherwise the cheapest there is to save for."""
    total = _balance(g, ctx) if g.role == "member" else 0
    found = [p for p in prizes.offered(g.chat, ctx) if p.stock]
    can = [p for p in found if p.cost <= total]
    chosen = can[-1] if can else next(iter(found), None)
    if chosen is None:
        return None
    percent = min(100, 100 * total // max(1, chosen.cost))
    return {"name": chosen.name, "cost": chosen.cost, "left": max(0, chosen.cost - total),
            "percent": percent}  # fmt: skip


# Check-ins


def month(g: Guest, ctx: Ctx) -> Shown:
    """This month day by day, the days a card can bring back, and the badges."""
    today, s = business_day(ctx), ctx.settings.checkins
    first = today.replace(day=1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    marks = checkins.marks(ctx.db, g.chat, g.member, first, last)
    days = set(checkins.days(ctx.db, g.chat, g.member))
    since = ctx.on(first, s.day_starts)
    left = max(0, s.makeups - checkins.made_up(ctx.db, g.chat, g.member, since))
    back = [today - timedelta(days=n) for n in range(1, s.makeup_days + 1)]
    held = set(checkins.badges(ctx.db, g.chat, g.member))
    return {
        "month": f"{first.year}年{first.month}月", "blank": first.weekday(),
        "cells": [_cell(first + timedelta(days=n), today, marks) for n in range(last.day)],
        "cards": left, "cost": s.makeup_cost, "words_least": s.words_least,
        "missed": [f"{d.month}月{d.day}日" for d in back if d not in days][:3] if left else [],
        "badges": [{"name": f"{n}天", "held": f"{n}天" in held} for n in s.badges],
    }  # fmt: skip


def _cell(day: date, today: date, marks: dict[date, bool]) -> Shown:
    said = MARKS[marks[day]] if day in marks else "没签" if day < today else ""
    return {"n": day.day, "said": said, "today": day == today}


# Games


def play(g: Guest, ctx: Ctx) -> Shown:
    running = games.shown(ctx.db, g.chat)
    own = games.shown(ctx.db, f"{ALONE}{g.member}") if g.role == "member" else []
    main = any(not GAMES[r.game].aside for r in running)
    return {
        "rounds": [_round(r, g, ctx) for r in running],
        "own": [_round(r, g, ctx) for r in own[:1]],
        "last": None if main else _last(g, ctx),
        "starts": [] if main else [_card(game) for game in GAMES.values() if not game.aside],
    }  # fmt: skip


def _card(game: Game) -> Shown:
    return {"name": game.name, "rules": game.rules, "unit": game.unit}


def _round(round_: Round, g: Guest, ctx: Ctx) -> Shown:
    """What is asked, what there is to tap, and what one has answered oneself."""
    game = GAMES[round_.game]
    options = () if round_.state in (LOBBY, PAUSED) else game.menu(round_.body)
    done = bool(g.member) and g.member in round_.body.get("tried", ())
    asked = game.opening(round_.body) if round_.body else game.rules
    lines = [line for line in plain(asked).splitlines() if done or line not in options]
    mine = h5.answers(ctx.db, round_.id, g.member) if g.member else []
    lead, hint = VOTING if round_.body.get("voting") else FIELDS.get(round_.game, ("", ""))
    prefix = f"{round_.game} " if game.aside else ""
    return {
        "game": round_.game, "lines": lines, "options": options, "aside": game.aside,
        "lobby": round_.state == LOBBY, "paused": round_.state == PAUSED, "prefix": prefix,
        "ends": when(round_.ends_at.astimezone(ctx.zone), ctx.local),
        "mine": [plain(one) for one in mine], "lead": f"{prefix}{lead}", "hint": hint,
        "done": done,
    }  # fmt: skip


def refresh(page: str, g: Guest, ctx: Ctx) -> int:
    """After how many seconds the page looks again by itself; 0 for never.

    Only while a round runs, and never where somebody could be typing.
    """
    if page not in LIVELY:
        return 0
    running = [r for r in games.shown(ctx.db, g.chat) if r.state != PAUSED]
    main = [r for r in running if not GAMES[r.game].aside]
    typing = page == "play" and (
        g.role == "staff" or any(_typed(r, g, ctx) for r in running)
        or bool(g.member and games.shown(ctx.db, f"{ALONE}{g.member}"))
    )  # fmt: skip
    return ctx.settings.h5.refresh_seconds if main and not typing else 0


def _typed(round_: Round, g: Guest, ctx: Ctx) -> bool:
    """Whether its answers are written; who has written theirs to a question of one waits."""
    game = GAMES[round_.game]
    if g.role != "member" or game.name == SIGNUP or game.menu(round_.body):
        return False
    return game.pace != "round" or not h5.answers(ctx.db, round_.id, g.member)


def _last(g: Guest, ctx: Ctx) -> Shown | None:
    """How the round before ended, for a day."""
    last = games.latest(ctx.db, g.chat)
    if last is None or last.state != OVER or not last.body or last.game not in GAMES:
        return None
    if ctx.now - last.started_at > RECENT:
        return None
    said = h5.last_said(ctx.db, last.id)
    told = said if said.startswith(WON) else GAMES[last.game].ending(last.body).say
    return {"game": last.game, "lines": plain(told).splitlines()}


# Points


def ledger(g: Guest, ctx: Ctx) -> Shown:
    rows = points.history(ctx.db, g.chat, g.member, ROWS)
    return {"rows": [{"why": row["reason"], "n": f"{row['delta']:+d}", "up": row["delta"] > 0,
                      "at": _day(at(row["at"]), ctx)} for row in rows],
            "expires": _expires(g, ctx)}  # fmt: skip


def _expires(g: Guest, ctx: Ctx) -> Shown | None:
    """What lapses within a month, unless it is spent before."""
    days = ctx.settings.points.expire_days
    if not days:
        return None
    until = ctx.now + SOON - timedelta(days=days)
    lapsing = points.stale(ctx.db, g.chat, g.member, until)
    return {"n": lapsing, "days": SOON.days} if lapsing else None


def _day(moment: datetime, ctx: Ctx) -> str:
    local = moment.astimezone(ctx.zone)
    return f"{local.month}月{local.day}日"


def board(g: Guest, ctx: Ctx) -> Shown:
    """Nicknames and points; nobody's id."""
    rows = points.board(ctx.db, g.chat)
    return {"rows": [{"name": _called(row["member"], g, ctx), "points": row["points"],
                      "mine": row["member"] == g.member} for row in rows],
            "weekly": [_weekly(which, g, ctx) for which in
                       (rankings.NEWCOMERS, rankings.EVERYBODY)]}  # fmt: skip


def _weekly(which: str, g: Guest, ctx: Ctx) -> Shown:
    """The week so far, and where one stands oneself, even below the last line."""
    places = rankings.board(g.chat, which, ctx)
    mine = next((one for one in places if g.member and one.score.member == g.member), None)
    return {"which": which, "own": rankings.own(mine, g.name) if mine else "", "rows": [{
        "name": one.score.name, "points": one.score.points, "why": one.score.reasons,
        "moved": rankings.moved(one), "mine": one is mine,
    } for one in places[: ctx.settings.rankings.shown]]}  # fmt: skip


def _called(member: str, g: Guest, ctx: Ctx) -> str:
    row = h5.seat(ctx.db, g.chat, member)
    if row is None:
        return called("")
    return called(ctx.team.name(member)) if row["staff"] else nickname(row, ctx)


# Prizes


def catalogue(g: Guest, picked: str, ctx: Ctx) -> Shown:
    total = _balance(g, ctx) if g.role == "member" else 0
    found = [_prize(p, total, ctx) for p in prizes.offered(g.chat, ctx)]
    had = stock.of_member(ctx.db, g.member) if g.role == "member" else []
    return {"prizes": found, "picked": next((p for p in found if p["id"] == picked), None),
            "gone": bool(picked) and all(p["id"] != picked for p in found),
            "mine": [_mine(r, ctx) for r in had if r.chat_id == g.chat]}  # fmt: skip


def _prize(prize: Prize, total: int, ctx: Ctx) -> Shown:
    until = f"兑到{prize.until.month}月{prize.until.day}日" if prize.until else ""
    notes = [prize.how, prize.conditions, until]
    return {"id": prize.id, "name": prize.name, "cost": prize.cost, "stock": prize.stock,
            "note": "；".join(filter(None, notes)), "left": max(0, prize.cost - total),
            "can": bool(prize.stock) and prize.cost <= total}  # fmt: skip


def _mine(found: Redemption, ctx: Ctx) -> Shown:
    waits = found.state == stock.WAITING and found.until > ctx.now
    return {"name": found.name, "state": found.state, "code": found.code if waits else "",
            "until": _day(found.until, ctx),
            "where": ctx.team.store(found.store).name if found.store else "门店"}  # fmt: skip


# Draws


def lottery(g: Guest, ctx: Ctx) -> Shown:
    over = drawn.of_chat(ctx.db, g.chat, drawn.DONE, drawn.VOID)
    return {"open": [_open_draw(d, g, ctx) for d in drawn.of_chat(ctx.db, g.chat, drawn.OPEN)],
            "over": [_told(d) for d in over[:3]]}  # fmt: skip


def _open_draw(found: drawn.Draw, g: Guest, ctx: Ctx) -> Shown:
    ticket = lots.ticket(found.id, g.member) if g.member else ""
    return {
        "id": found.id, "title": found.title, "commitment": found.commitment,
        "prizes": [f"{p['name']} {p['count']}份（价值{p['worth']}元）" for p in found.prizes],
        "rules": list(draws.conditions(found, ctx)), "people": drawn.entered(ctx.db, found.id),
        "closes": exactly(found.closes_at.astimezone(ctx.zone)),
        "ticket": ticket if ticket and h5.entered(ctx.db, found.id, ticket) else "",
        "closed": found.closes_at <= ctx.now,
    }  # fmt: skip


def _told(found: drawn.Draw) -> Shown:
    """The result without the long numbers, which stand on the page of the proof."""
    long = ("种子：", "名单摘要：", "中奖的人说")
    lines = [line for line in found.told.splitlines() if not line.startswith(long)]
    done = found.state == drawn.DONE
    return {"id": found.id, "title": found.title, "lines": lines, "done": done}


def proof(g: Guest, draw_id: str, ctx: Ctx) -> Shown | None:
    """The record of a closed draw, and what comes out when it is done again; None if there is
    none in this group."""
    found = drawn.get(ctx.db, draw_id)
    if found is None or found.chat_id != g.chat or found.state != drawn.DONE:
        return None
    record = draws.export(found, ctx)
    ticket = lots.ticket(found.id, g.member) if g.member else ""
    return {"title": found.title, "id": found.id, "record": record,
            "wrong": list(lots.complaints(record)), "steps": list(_steps(record)),
            "ticket": ticket, "listed": any(e["ticket"] == ticket for e in record["entries"]),
            "won": [r["prize"] for r in record["results"]
                    if ticket and r["ticket"] == ticket and r["state"] == drawn.WON]}  # fmt: skip


def _steps(record: Shown) -> Iterator[str]:
    """The recomputation in words."""
    entries = [lots.Entry(e["ticket"], e["weight"]) for e in record["entries"]]
    yield f"开始前公布的承诺是 {record['commitment'][:12]}…；把公布的种子算一次 SHA-256，" \
          f"得到 {lots.commitment(record['seed'])[:12]}…。"  # fmt: skip
    yield f"{len(entries)}个抽奖号排好序，算出的名单摘要是 {lots.entries_hash(entries)[:12]}…，" \
          f"公布的是 {record['entries_hash'][:12]}…。"  # fmt: skip
    for row in record["results"]:
        again = f"第{row['turn']}次" if row["turn"] > 1 else ""
        who = row["ticket"] or "没有人可以中"
        yield f"第{row['unit']}份{again}（{row['prize']}）：签最小的是 {who}。"


# The test drive


def drive(g: Guest, ctx: Ctx) -> Shown:
    s, today = ctx.settings.h5, ctx.today
    days = [today + timedelta(days=n) for n in range(1, s.drive_days + 1)]
    own = g.group["store"]
    stores = sorted(ctx.settings.stores, key=lambda shop: shop.id != own)
    return {
        "models": [model.name for model in ctx.facts.model],
        "days": [{"value": d.isoformat(), "said": _weekday(d)} for d in days],
        "slots": [f"{slot:%H:%M}" for slot in s.drive_slots],
        "stores": [{"id": shop.id, "name": shop.name, "address": shop.address}
                   for shop in stores],
        "booked": _appointment(g, ctx),
    }  # fmt: skip


def _weekday(day: date) -> str:
    return f"{day.month}月{day.day}日 周{'一二三四五六日'[day.weekday()]}"


def _appointment(g: Guest, ctx: Ctx) -> str:
    """What is agreed with this visitor already."""
    known = h5.visitor(ctx.db, g.who)
    keys = [key for key in (g.member, known.lead if known else "") if key]
    for key in keys:
        if found := appointments.ahead(ctx.db, key, ctx.now):
            return f"{exactly(found.at.astimezone(ctx.zone))} {found.kind}{found.model}"
    return ""


# The poster


def poster(g: Guest, ctx: Ctx) -> Shown:
    """What somebody may show of themselves: a nickname, figures, badges."""
    badges = checkins.badges(ctx.db, g.chat, g.member)
    level = earning.level(points.grown(ctx.db, g.chat, g.member), ctx)[0]
    return {"name": g.name, "group": g.group["name"], "points": _balance(g, ctx),
            "badges": badges, "level": level, **_days(g, ctx)}  # fmt: skip
