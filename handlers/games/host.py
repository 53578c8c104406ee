"""The host of all games: starts them, hands moves over, keeps state and points."""

from collections.abc import Iterator
from datetime import timedelta
from typing import cast

from handlers.checkins import business_day
from handlers.context import Ctx
from handlers.games import quiz
from handlers.games.base import Game, Turn
from handlers.values import Action, Answer, Inbound
from storage import games, groups, points
from storage.games import Round

GAMES: dict[str, Game] = {game.name: game for game in (cast(Game, quiz),)}


def start(name: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    game = GAMES[name]
    current = games.current(ctx.db, msg.chat)
    if current and current.ends_at > ctx.now:
        yield Answer("上一题还没答完：\n" + GAMES[current.game].opening(current.body))
        return
    if current:
        games.change(ctx.db, current.id, current.body, over=True)
    today = ctx.on(business_day(ctx), ctx.settings.checkins.day_starts)
    if games.played(ctx.db, msg.chat, name, today) >= ctx.settings.games.quiz_per_day:
        yield Answer(f"今天的{ctx.settings.games.quiz_per_day}题都玩过了，明天再来。")
        return
    recent = [r.body for r in games.recent(ctx.db, msg.chat, name)]
    state = game.setup(ctx.quiz, ctx.rng, recent)
    ends = ctx.now + timedelta(minutes=ctx.settings.games.quiz_minutes)
    games.begin(ctx.db, round_id=ctx.new_id(), chat_id=msg.chat, game=name, body=state,
                by=msg.sender, now=ctx.now, ends_at=ends)  # fmt: skip
    yield Answer(game.opening(state))


def move(msg: Inbound, text: str, ctx: Ctx) -> Iterator[Action] | None:
    """A move in the group's game; None when there is no game or the text is no move."""
    current = games.current(ctx.db, msg.chat)
    if current is None:
        return _late(msg, text, ctx)
    name = ctx.team.name(msg.sender)
    turn = GAMES[current.game].play(current.body, msg.sender, name, text)
    if turn is None:
        return None
    if current.ends_at <= ctx.now:
        return _expired(current, ctx)
    return _played(current, turn, msg, ctx)


def _played(current: Round, turn: Turn, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    games.change(ctx.db, current.id, turn.state, over=turn.over)
    say = turn.say
    if turn.winner:
        groups.join(ctx.db, msg.chat, turn.winner, ctx.team.name(turn.winner), ctx.now)
        won = ctx.settings.games.quiz_points
        points.add(ctx.db, key=f"game:{current.id}", chat_id=msg.chat, member=turn.winner,
                   delta=won, reason=current.game, now=ctx.now)  # fmt: skip
        say += f"\n+{won}分，共{points.balance(ctx.db, msg.chat, turn.winner)}分。"
    yield Answer(say)


def _expired(current: Round, ctx: Ctx) -> Iterator[Action]:
    games.change(ctx.db, current.id, current.body, over=True)
    yield Answer(GAMES[current.game].ending(current.body))


def _late(msg: Inbound, text: str, ctx: Ctx) -> Iterator[Action] | None:
    """An answer after the round: told kindly, but only if it would have been a move."""
    last = games.latest(ctx.db, msg.chat)
    fresh = last is not None and ctx.now - last.started_at < timedelta(days=1)
    if last is None or not fresh:
        return None
    if GAMES[last.game].play(last.body, msg.sender, "", text) is None:
        return None
    return iter([Answer("这一题已经结束了，发 答题 再来一题。")])
