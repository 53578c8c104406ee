"""What is said about a game rather than in it: 组局, 报名, 开始, 暂停, 继续, 结束, 提示, 不参加."""

from dataclasses import replace
from datetime import timedelta

from handlers.context import Ctx
from handlers.games import host, lobby
from handlers.games.base import State
from handlers.games.found import GAMES
from handlers.games.seat import OUT, Said, Seat, in_charge
from storage import draws, games, points
from storage.games import LOBBY, OPEN, PAUSED, Round

ABANDONED = timedelta(days=1)  # a game that stays paused is over
SIGNUP = "活动接龙"
NOTHING = "现在没有开着的游戏。发 游戏 看能玩什么。"


def menu(seat: Seat, ctx: Ctx) -> Said:
    """游戏: all there are, and what is open."""
    lines = [f"· {game.name}：{game.rules}" for game in GAMES.values()]
    return Said("\n".join(["能玩的有（@我 加名字就开始）：", *lines,
                           "组局 成语接龙：先报名，再轮流。不想参加说 不参加。"]))  # fmt: skip


# The lobby


def gather(name: str, subject: str, seat: Seat, ctx: Ctx) -> Said:
    """A lobby for a game that then goes round."""
    game = GAMES[name]
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    if game.aside:
        return Said(f"{name}不用组局，直接发 {name} 就开始。")
    ended, rounds = host.settled(seat.chat, ctx)
    if refused := host.why_not(game, seat.chat, rounds, ctx):
        return refused
    ends = ctx.now + timedelta(minutes=ctx.settings.games.lobby_minutes)
    fresh = games.Round(ctx.new_id(), seat.chat, name, LOBBY, {}, seat.player, ctx.now, ends,
                        lobby.opened(seat, subject))  # fmt: skip
    games.begin(ctx.db, fresh)
    return host.after(Said(f"{seat.name} 组局{name}：{game.rules}\n{lobby.listed(fresh)}。"), ended)


def join(seat: Seat, ctx: Ctx) -> Said | None:
    """报名 for the open lobby; None when there is none."""
    found = _lobby(seat.chat, ctx)
    if found is None:
        return None
    if any(r.game == SIGNUP for r in games.live(ctx.db, seat.chat)):
        return Said(f"{found.game}在组局，{SIGNUP}也开着。进游戏说 加入，报活动说 {SIGNUP} 报名。")
    return enrol(found, seat, ctx)


def enrol(found: Round, seat: Seat, ctx: Ctx) -> Said:
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    changed = lobby.joined(found, seat)
    if changed:
        games.save(ctx.db, changed)
    told = "报名成功" if changed else "已经报过名了"
    return Said(f"{seat.name} {told}：{lobby.listed(changed or found)}。")


def come_in(seat: Seat, ctx: Ctx) -> Said | None:
    """加入: the lobby, whatever else is open."""
    found = _lobby(seat.chat, ctx)
    return enrol(found, seat, ctx) if found else None


def begin(seat: Seat, ctx: Ctx) -> Said | None:
    """开始: by whoever opened the lobby, with two players at least."""
    found = _lobby(seat.chat, ctx)
    if found is None:
        return None
    if not in_charge(seat, found.started_by, ctx):
        return Said(f"{seat.name}，等发起人或店长说 开始。")
    if len(found.host["order"]) < lobby.LEAST:
        return Said("至少要两位，再等等。")
    game = GAMES[found.game]
    kit = host.kit_of(game, found.host["subject"], found.started_by, ctx)
    state = game.setup(kit, [r.body for r in games.recent(ctx.db, seat.chat, game.name)])
    if isinstance(state, str):
        return Said(state)
    opened = replace(found, state=OPEN, body=state, ends_at=lobby.until(ctx))
    games.save(ctx.db, opened)
    return Said(f"{game.opening(state)}\n先请{lobby.turn_of(opened)}。", game.menu(state))


def _lobby(chat: str, ctx: Ctx) -> Round | None:
    rounds = (r for r in games.live(ctx.db, chat) if r.state == LOBBY and r.ends_at > ctx.now)
    return next(rounds, None)


# Pausing and ending


def pause(name: str, seat: Seat, ctx: Ctx) -> Said:
    found = _meant(name, seat, ctx)
    if isinstance(found, Said):
        return found
    if found.state != OPEN:
        return Said(f"{found.game}{'已经暂停' if found.state == PAUSED else '还没开始'}。")
    left = int((found.ends_at - ctx.now).total_seconds())
    games.save(ctx.db, replace(found, state=PAUSED, ends_at=ctx.now + ABANDONED,
                               host={**found.host, "left_s": left}))  # fmt: skip
    return Said(f"{found.game}暂停，说 继续 接着玩；一天没人继续就结束。")


def resume(name: str, seat: Seat, ctx: Ctx) -> Said:
    found = _meant(name, seat, ctx)
    if isinstance(found, Said):
        return found
    if found.state != PAUSED:
        return Said(f"{found.game}没有暂停。")
    ends = ctx.now + timedelta(seconds=found.host["left_s"])
    games.save(ctx.db, replace(found, state=OPEN, ends_at=ends))
    game = GAMES[found.game]
    turn = f"\n轮到{lobby.turn_of(found)}。" if found.host.get("order") else ""
    return Said(f"继续。{game.opening(found.body)}{turn}", game.menu(found.body))


def stop(name: str, seat: Seat, ctx: Ctx) -> Said:
    found = _meant(name, seat, ctx)
    if isinstance(found, Said):
        return found
    if found.state == LOBBY:
        return host.expire(found, ctx)
    turn = GAMES[found.game].ending(found.body)
    return host.finish(found, turn, "stop", ctx)


def _meant(name: str, seat: Seat, ctx: Ctx) -> Round | Said:
    """The game of that name, or else the one that is played; only for whoever may."""
    rounds = [r for r in games.live(ctx.db, seat.chat) if not name or r.game == name]
    main = [r for r in rounds if not GAMES[r.game].aside]
    found = main[:1] or rounds
    if not found:
        return Said(f"没有开着的{name}。" if name else NOTHING)
    if len(found) > 1:
        names = "、".join(r.game for r in found)
        return Said(f"开着{names}，是哪一个？请写上名字，例如：结束 {found[0].game}")
    if not in_charge(seat, found[0].started_by, ctx):
        return Said(f"{seat.name}，{found[0].game}由发起人或店长来管。")
    return found[0]


# Hints


def hint(seat: Seat, ctx: Ctx) -> Said:
    """A hint for the group, paid for by whoever asks."""
    if (before := games.answered(ctx.db, seat.key)) is not None:
        return Said(before)
    rounds = [r for r in games.live(ctx.db, seat.chat) if r.state == OPEN and r.ends_at > ctx.now]
    round_ = next((r for r in rounds if not GAMES[r.game].aside), None)
    if round_ is None:
        return Said(NOTHING)
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    found = GAMES[round_.game].hint(round_.body)
    if found is None:
        return Said("没有更多提示了。")
    return _sold(round_, found, seat, ctx)


def _sold(round_: Round, found: tuple[State, str], seat: Seat, ctx: Ctx) -> Said:
    cost = ctx.settings.games.hint_points
    if cost and not points.spend(
        ctx.db, key=f"hint:{round_.id}:{seat.key}", chat_id=seat.chat, member=seat.player,
        cost=cost, reason="提示", now=ctx.now,
    ):  # fmt: skip
        return Said(f"{seat.name}，一次提示{cost}分，您的积分不够。签到、答对都能得分。")
    games.save(ctx.db, replace(round_, body=found[0]))
    paid = f"（{seat.name} -{cost}分）" if cost else ""
    said = f"💡 {found[1]}{paid}"
    games.moved(ctx.db, key=seat.key, round_id=round_.id, player=seat.player, said=said,
                now=ctx.now)  # fmt: skip
    return Said(said, GAMES[round_.game].menu(found[0]))


# Staying out


def sit_out(seat: Seat, ctx: Ctx) -> Said:
    """不参加: out of every game, board and draw, here and elsewhere."""
    games.sit_out(ctx.db, seat.player, ctx.now)
    draws.leave_all(ctx.db, seat.player)
    for round_ in games.live(ctx.db, seat.chat):
        body = GAMES[round_.game].forget(round_.body, seat.player) if round_.body else {}
        without = lobby.left(round_, seat.player) or round_
        games.save(ctx.db, replace(without, body=body))
    return Said("好，以后群里的游戏、排行和抽奖都不算您，也不会提到您。想回来说 参加。")


def come_back(seat: Seat, ctx: Ctx) -> Said:
    if games.come_back(ctx.db, seat.player):
        return Said(f"欢迎回来，{seat.name}。发 游戏 看能玩什么。")
    return Said("您本来就在参加。发 游戏 看能玩什么。")
