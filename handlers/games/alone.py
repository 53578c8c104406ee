"""Games that a visitor of the service chat plays alone, by menus."""

import re

from handlers.context import Ctx
from handlers.games import control, host
from handlers.games.found import GAMES
from handlers.games.seat import ALONE, Said, Seat
from handlers.values import Inbound
from storage import games

PLAYED = ("答题", "判断题", "谜语", "猜词", "看图猜车")
_MENU = re.compile(r"^(?:玩游戏|游戏|来个游戏)[!！。~]*$")
_HINT = re.compile(r"^(?:提示|给个提示)$")
_ENOUGH = re.compile(r"^(?:不玩了|结束游戏)[!！。]*$")
HINT, ENOUGH = "提示", "不玩了"


def heard(words: str, msg: Inbound, name: str, ctx: Ctx) -> Said | None:
    """What a visitor's words mean to a game; None when they are for the assistant."""
    words, seat = words.strip(), Seat(f"{ALONE}{msg.sender}", msg.sender, name, msg.id, True)
    if _MENU.match(words):
        return Said("玩哪个？", PLAYED)
    for game in (GAMES[name_] for name_ in PLAYED):
        if words in (game.name, *game.starts):
            return _tapped(host.start(game.name, "", seat, ctx))
    if not games.current(ctx.db, seat.chat):
        return None
    if _ENOUGH.match(words):
        return Said(control.stop("", seat, ctx).text)
    if _HINT.match(words):
        return _tapped(control.hint(seat, ctx))
    found = host.move(seat, words, ctx)
    return _again(found, seat, ctx) if found else None


def _tapped(said: Said) -> Said:
    """No @ here, and the options are tapped."""
    text = said.text.replace("@我 回复字母作答，每人一次机会。", "点选项作答。").replace("@我 ", "")
    return Said(text, (*said.menu, *((HINT, ENOUGH) if "没有" not in said.text else ())))


def _again(said: Said, seat: Seat, ctx: Ctx) -> Said:
    """Whoever plays alone has nobody to leave a question to: after a wrong answer it is told."""
    current = games.current(ctx.db, seat.chat)
    if current is None:
        return Said(said.text, (*PLAYED[:3], ENOUGH))
    if current.body.get("tried"):
        ended = control.stop("", seat, ctx)
        first = said.text.replace("，其他人还有机会", "")
        return Said(f"{first}\n{ended.text.removeprefix('时间到，')}", (*PLAYED[:3], ENOUGH))
    return Said(said.text, (*said.menu, HINT, ENOUGH))
