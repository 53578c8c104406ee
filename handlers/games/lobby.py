"""组局, 报名, 开始: players gather first, and then it goes round in their order.

`order` begins with whose turn it is.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from handlers.context import Ctx
from handlers.games.seat import Seat
from storage.games import Round

LEAST, MISSES = 2, 2


def opened(seat: Seat, subject: str) -> dict[str, Any]:
    return {"order": [seat.player], "names": {seat.player: seat.name}, "missed": {},
            "subject": subject}  # fmt: skip


def joined(round_: Round, seat: Seat) -> Round | None:
    """With one more player; None when they are in it already."""
    host = round_.host
    if seat.player in host["order"]:
        return None
    names = {**host["names"], seat.player: seat.name}
    return replace(round_, host={**host, "order": [*host["order"], seat.player], "names": names})


def left(round_: Round, player: str) -> Round | None:
    """Without that player; None when they were not in it."""
    host = round_.host
    if player not in host.get("order", ()):
        return None
    return replace(round_, host={**host, "order": [p for p in host["order"] if p != player]})


def listed(round_: Round) -> str:
    names = "、".join(round_.host["names"][p] for p in round_.host["order"])
    return f"{names}（{len(round_.host['order'])}人）。说 报名 加入，发起人说 开始 就开局"


def turn_of(round_: Round) -> str:
    order = round_.host["order"]
    return str(round_.host["names"][order[0]]) if order else ""


def not_yet(round_: Round, seat: Seat) -> str:
    """Why this player may not move now; "" when they may, or when there are no turns."""
    order = round_.host.get("order")
    if not order or order[0] == seat.player:
        return ""
    if seat.player in order:
        return f"{seat.name}，还没轮到您，现在是{turn_of(round_)}。"
    return f"{seat.name}，这一局已经开始了，下一局再来。现在轮到{turn_of(round_)}。"


def passed(round_: Round, ctx: Ctx) -> Round:
    """To the next player, who has their own time."""
    first, *rest = round_.host["order"]
    missed = {p: n for p, n in round_.host["missed"].items() if p != first}
    host = {**round_.host, "order": [*rest, first], "missed": missed}
    return replace(round_, host=host, ends_at=until(ctx))


def skipped(round_: Round, ctx: Ctx) -> Round | None:
    """Who does not move is passed over, and is out the second time; None ends the round."""
    order = round_.host.get("order")
    if not order:
        return None
    first, *rest = order
    misses = round_.host["missed"].get(first, 0) + 1
    stays = misses < MISSES
    if len(rest) + stays < LEAST:
        return None
    host = {**round_.host, "order": [*rest, *([first] if stays else [])],
            "missed": {**round_.host["missed"], first: misses}}  # fmt: skip
    return replace(round_, host=host, ends_at=until(ctx))


def until(ctx: Ctx) -> datetime:
    return ctx.now + timedelta(minutes=ctx.settings.games.turn_minutes)
