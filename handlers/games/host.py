"""The host of all games: starts them, hands moves over, keeps state after each, books points.

It speaks of seats and not of channels, so that a group's aibot, a service chat and a page play
the same games.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from handlers import earning, preferences, reach, signups, together, training
from handlers.context import Ctx
from handlers.games import lobby
from handlers.games.base import Gain, Game, Kit, Turn
from handlers.games.found import GAMES
from handlers.games.seat import ALONE, OUT, Said, Seat
from handlers.values import Action, Send
from storage import games, groups, materials
from storage.games import LOBBY, OPEN, OVER, PAUSED, Round

STALE = timedelta(hours=1)  # after an outage nobody wonders any more how it ended
FAR = timedelta(days=60)
LAST_CALL = time(17, 0)  # the day before an event its list goes to whoever opened it
_DATE = re.compile(r"\d{1,2}\s*月\s*\d{1,2}\s*[日号]")
PICTURES = ("图片", "海报", "配置图")


# Starting


def start(name: str, subject: str, seat: Seat, ctx: Ctx) -> Said:
    game = GAMES[name]
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    ended, rounds = settled(seat.chat, ctx)
    if refused := why_not(game, seat.chat, rounds, ctx):
        return refused
    return after(_begin(game, subject, seat, rounds, ctx), ended)


def why_not(game: Game, chat: str, rounds: list[Round], ctx: Ctx) -> Said | None:
    beside = [r for r in rounds if GAMES[r.game].aside]
    if game.aside:
        full = len(beside) >= ctx.settings.games.side_most
        names = "、".join(r.game for r in beside)
        return (
            Said(f"已经开着{names}，先结束一个再开，例如：结束 {beside[0].game}") if full else None
        )
    playing = next((r for r in rounds if not GAMES[r.game].aside), None)
    if playing:
        return _still(playing, game)
    most = ctx.settings.games.quiz_per_day if game.pace == "question" else \
        ctx.settings.games.per_day  # fmt: skip
    if games.played(ctx.db, chat, game.name, earning.day_began(ctx)) >= most:
        return Said(f"今天的{most}{game.unit}都玩过了，明天再来。")
    return None


def _still(playing: Round, wanted: Game) -> Said:
    game = GAMES[playing.game]
    if playing.state == LOBBY:
        return Said(f"{game.name}正在组局：{lobby.listed(playing)}。")
    shown = game.opening(playing.body)
    if playing.state == PAUSED:
        return Said(f"{game.name}暂停着，说 继续 接着玩。\n{shown}")
    if game is not wanted:
        return Said(f"现在在玩{game.name}，一次一局；发起人或店长说 结束 可以收场。\n{shown}",
                    game.menu(playing.body))  # fmt: skip
    left = "答完" if game.unit == "题" else "结束"
    return Said(f"上一{game.unit}还没{left}：\n{shown}", game.menu(playing.body))


def _begin(game: Game, subject: str, seat: Seat, rounds: list[Round], ctx: Ctx) -> Said:
    """What is open already is shown, not opened beside itself: nobody could tell the two apart."""
    kit = kit_of(game, subject, seat.player, ctx)
    recent = [r.body for r in games.recent(ctx.db, seat.chat, game.name)]
    state = game.setup(kit, recent)
    if isinstance(state, str):
        return Said(state)
    twin = next((r for r in rounds if game.aside and r.game == game.name
                 and r.body.get("id") == state.get("id")), None)  # fmt: skip
    if twin:
        return Said(game.opening(twin.body), game.menu(twin.body))
    games.begin(ctx.db, Round(ctx.new_id(), seat.chat, game.name, OPEN, state, seat.player,
                              ctx.now, closes(game, kit.when, ctx)))  # fmt: skip
    return Said(game.opening(state), game.menu(state))


def kit_of(game: Game, subject: str, by: str, ctx: Ctx) -> Kit:
    shown = () if game.name != "看图猜车" else tuple(
        (model, m.title) for m in materials.live(ctx.db, ctx.today)
        if m.kind in PICTURES for model in m.models.split())  # fmt: skip
    return Kit(ctx.rng, ctx.today, ctx.quiz, ctx.facts, shown, subject,
               _day(subject, ctx) if game.aside else None, by,
               ctx.settings.games.quiz_points)  # fmt: skip


def _day(subject: str, ctx: Ctx) -> date | None:
    """The day that the words name, if it is still ahead."""
    dated = _DATE.search(subject)  # 周六试驾日 3月14日 is not this Saturday
    subject = dated[0] if dated else subject
    slot = ctx.lexicon.read(subject, at=ctx.now, sender="advisor").slot("datetime")
    if slot is None:
        return None
    day = datetime.fromisoformat(slot.value["from"]).astimezone(ctx.zone).date()
    return day if ctx.today < day < ctx.today + FAR else None


def closes(game: Game, when: date | None, ctx: Ctx) -> datetime:
    """When its time is up; an event's list closes in the afternoon before."""
    s = ctx.settings.games
    minutes = {"question": s.quiz_minutes, "round": s.round_minutes, "chain": s.chain_minutes}
    if game.pace in minutes:
        return ctx.now + timedelta(minutes=minutes[game.pace])
    if when and (to := ctx.on(when - timedelta(days=1), LAST_CALL)) > ctx.now:
        return to
    return ctx.now + timedelta(days=s.side_days)


def after(said: Said, ended: Said | None) -> Said:
    """An answer, and below it how the round before has ended."""
    if ended is None:
        return said
    return replace(said, text=f"{said.text}\n\n上一局：{ended.text}", report=ended.report)


# Moves


def move(seat: Seat, text: str, ctx: Ctx) -> Said | None:
    """A move in a game of this chat; None when nothing is open or the text is no move."""
    if (before := games.answered(ctx.db, seat.key)) is not None:
        return Said(before)
    taking = _takers(seat, text, ctx)
    if not taking:
        return None
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    if len(taking) > 1:
        return _which(taking, text)
    round_, turn = taking[0]
    if round_.ends_at <= ctx.now:
        return expire(round_, ctx)
    if round_.state == PAUSED:
        return Said(f"{round_.game}暂停着，说 继续 接着玩。")
    if waits_for := lobby.not_yet(round_, seat):
        return Said(waits_for)
    return _played(round_, turn, seat, ctx)


def _takers(seat: Seat, text: str, ctx: Ctx) -> list[tuple[Round, Turn]]:
    """Each open round that takes the text for a move; 投票 A speaks to the 投票 alone."""
    rounds = [r for r in games.live(ctx.db, seat.chat) if r.state in (OPEN, PAUSED)]
    named = [r for r in rounds if text.startswith(r.game) and len(text) > len(r.game)]
    found = []
    for round_ in named or rounds:
        words = text.removeprefix(round_.game).strip(" ：:") if round_ in named else text
        turn = GAMES[round_.game].play(round_.body, seat.player, seat.name, words)
        if turn:
            found.append((round_, turn))
    return found


def _which(taking: list[tuple[Round, Turn]], text: str) -> Said:
    names = list(dict.fromkeys(r.game for r, _ in taking))
    if len(names) == 1:
        return Said(f"现在开着{len(taking)}个{names[0]}，先结束一个，我才知道您说的是哪个。")
    return Said(f"{'和'.join(names)}都开着，这句是给哪个的？请写上名字，例如：{names[0]} {text}")


def _played(round_: Round, turn: Turn, seat: Seat, ctx: Ctx) -> Said:
    """Keep the state, book the points, and remember the answer for the same message again."""
    game = GAMES[round_.game]
    if not seat.chat.startswith(ALONE):
        groups.join(ctx.db, seat.chat, seat.player, seat.name, ctx.now)
    if turn.over:
        games.moved(ctx.db, key=seat.key, round_id=round_.id, player=seat.player, said=turn.say,
                    now=ctx.now)  # fmt: skip
        said = finish(round_, turn, seat.key, ctx)
    else:
        said = _goes_on(round_, game, turn, seat, ctx)
    if turn.took:
        said = _further(round_, turn, said, seat, ctx)
        games.moved(ctx.db, key=seat.key, round_id=round_.id, player=seat.player, said=said.text,
                    now=ctx.now)  # fmt: skip
    return said


def _further(round_: Round, turn: Turn, said: Said, seat: Seat, ctx: Ctx) -> Said:
    """What a move means beside the game: for a common goal, for what somebody likes or knows."""
    after_ = replace(round_, body=turn.state)
    asks = GAMES[round_.game].pace == "question"  # an idiom that fits is no answer
    right = asks and any(player == seat.player for player, _ in turn.gains)
    more = [preferences.noted(after_, seat, ctx),
            together.note(seat, together.PLAY, f"{round_.id}:{seat.player}", ctx),
            together.note(seat, together.RIGHT, seat.key, ctx) if right else "",
            training.noted(after_, seat, right, ctx)]  # fmt: skip
    return replace(said, text="\n".join(filter(None, [said.text, *more])))


def _goes_on(round_: Round, game: Game, turn: Turn, seat: Seat, ctx: Ctx) -> Said:
    changed = replace(round_, body=turn.state)
    say = turn.say + _paid(round_, turn.gains, seat.key, ctx)
    if turn.took and round_.host.get("order"):
        changed = lobby.passed(changed, ctx)
        say += f"\n轮到{lobby.turn_of(changed)}。"
    elif turn.took and game.pace == "chain":
        changed = replace(changed, ends_at=closes(game, None, ctx))
    games.save(ctx.db, changed)
    return Said(say, game.menu(turn.state) if not turn.took else ())


def _paid(round_: Round, gains: tuple[Gain, ...], key: str, ctx: Ctx) -> str:
    said = []
    for player, wanted in gains:
        if not wanted:
            continue  # a drill is worth knowing, not points
        booked = f"game:{round_.id}:{key}:{player}"
        got = earning.earn(round_.chat_id, player, wanted, round_.game, booked, ctx)
        said.append(f"\n{earning.told(round_.chat_id, player, wanted, got, ctx)}")
    return "".join(said)


# Endings


def finish(round_: Round, turn: Turn, key: str, ctx: Ctx) -> Said:
    """Close a round, pay what it gives, and tell whoever opened a list."""
    over = replace(round_, body=turn.state, state=OVER)
    games.save(ctx.db, over)
    say = turn.say + _paid(round_, turn.gains, key, ctx)
    booked = signups.booked(over, ctx)
    if turn.bonus:
        say += _bonus(round_, turn.bonus, ctx)
    starter = round_.started_by
    staff = ctx.team.advisor(starter) or ctx.team.manager(starter)
    report = (starter, say + booked) if GAMES[round_.game].aside and staff else None
    return Said(say, report=report)


def _bonus(round_: Round, bonus: tuple[Gain, ...], ctx: Ctx) -> str:
    """Paid only when enough people played: one alone cannot win against themselves."""
    here, least = len(games.players(ctx.db, round_.id)), ctx.settings.games.least_people
    if here < least:
        return f"\n参加的只有{here}位，满{least}位才发奖励分。"
    said = []
    for player, wanted in bonus:
        if games.out(ctx.db, player):
            continue
        source = f"{round_.game}奖励"
        got = earning.earn(round_.chat_id, player, wanted, source, f"bonus:{round_.id}:{player}",
                           ctx)  # fmt: skip
        said.append(f"\n奖励{earning.told(round_.chat_id, player, wanted, got, ctx)}")
    return "".join(said)


def expire(round_: Round, ctx: Ctx) -> Said:
    """The time is up: of a turn, of a lobby, or of the round."""
    if round_.state == LOBBY:
        games.save(ctx.db, replace(round_, state=OVER))
        return Said(f"{round_.game}没等到开始，这一局散了。")
    fresh = ctx.now - round_.ends_at < STALE
    if round_.state == OPEN and fresh and (skipped := lobby.skipped(round_, ctx)):
        games.save(ctx.db, skipped)
        return Said(f"{lobby.turn_of(round_)}没接上，轮到{lobby.turn_of(skipped)}。")
    turn = GAMES[round_.game].ending(round_.body)
    return finish(round_, turn, "time", ctx)


def settled(chat: str, ctx: Ctx) -> tuple[Said | None, list[Round]]:
    """What is still open, after those whose time is up were ended."""
    ended = [expire(r, ctx) for r in games.live(ctx.db, chat) if r.ends_at <= ctx.now]
    return (ended[-1] if ended else None), games.live(ctx.db, chat)


def tick(ctx: Ctx) -> Iterator[Action]:
    """A round whose time is up ends for everybody, where the group can be told; elsewhere it
    ends with the next word to the aibot, and quietly when that does not come."""
    for round_ in games.over_time(ctx.db, ctx.now):
        fresh = ctx.now - round_.ends_at < STALE
        if not reach.can(round_.chat_id, ctx) and fresh and not GAMES[round_.game].aside:
            continue
        said = expire(round_, ctx)
        if fresh:
            yield from reach.tell(round_.chat_id, said.text, ctx)
        if said.report:
            yield Send(*said.report)


def late(seat: Seat, text: str, ctx: Ctx) -> Said | None:
    """An answer after the round: told kindly, but only if it would have been a move."""
    last = games.latest(ctx.db, seat.chat)
    fresh = last is not None and ctx.now - last.started_at < timedelta(days=1)
    if last is None or not fresh or not last.body or last.game not in GAMES:
        return None
    game = GAMES[last.game]
    if last.state != OVER or game.play(last.body, seat.player, "", text) is None:
        return None
    return Said(f"这一{game.unit}已经结束了，发 {game.name} 再来一{game.unit}。")


def hanging(seat: Seat, ctx: Ctx) -> Said | None:
    """Words that are no move while a game is open: how that is played."""
    rounds = [r for r in games.live(ctx.db, seat.chat) if r.state == OPEN and r.ends_at > ctx.now]
    if not rounds:
        return None
    return Said("没看懂。现在开着：\n" + "\n".join(
        f"· {r.game}：{GAMES[r.game].rules}" for r in rounds))  # fmt: skip
