"""Where and by whom something is said to a game, and what comes back; the same on every stage."""

import unicodedata
from dataclasses import dataclass

from handlers.context import Ctx
from handlers.values import Inbound
from storage import groups

LONGEST = 16  # characters of a nickname; some have two thousand
OUT = "您已经选了不参加群里的游戏；想回来就说 参加。"
ALONE = "kf:"  # how the chats begin in which somebody plays alone


@dataclass(frozen=True, slots=True)
class Seat:
    """`key` is the same for every delivery of the same move; `private` where nobody else reads."""

    chat: str
    player: str
    name: str
    key: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What the player is answered, what there is to tap, and what the starter is told apart."""

    text: str
    menu: tuple[str, ...] = ()
    report: tuple[str, str] | None = None  # userid, text


def of(msg: Inbound, ctx: Ctx) -> Seat:
    return Seat(msg.chat, msg.sender, called(ctx.team.name(msg.sender)), msg.id)


def called(name: str) -> str:
    """A nickname that fits into a line: no control characters, no markup, not endless."""
    kept = "".join(ch for ch in name if unicodedata.category(ch)[0] != "C" and ch not in "<>[]`*#")
    short = kept.strip()[:LONGEST]
    return short or "群友"


def in_charge(seat: Seat, started_by: str, ctx: Ctx) -> bool:
    """Whoever started it, the group's owner, a manager, or who runs the program."""
    room = groups.get(ctx.db, seat.chat)
    return (
        seat.player in (started_by, room["owner"] if room else started_by)
        or ctx.team.manager(seat.player) is not None
        or seat.player in ctx.settings.access.operators
    )
