"""Who comes to the page of a customer group, and what they are to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from handlers.context import Ctx
from handlers.customer_groups import ask
from handlers.games.seat import Seat, called
from handlers.values import Action
from storage import h5
from storage.db import Row

CHANNEL = "h5"
MEMBER, CUSTOMER, STRANGER = "u", "x", "o"  # by userid, by external_userid, by openid alone


@dataclass(frozen=True, slots=True)
class Guest:
    """`who` is the visitor, `member` their id in the group, "" for somebody who only looks."""

    who: str
    group: Row
    role: Literal["member", "staff", "looking"]
    member: str = ""
    name: str = ""

    @property
    def chat(self) -> str:
        return str(self.group["chat_id"])

    def seat(self, once: str) -> Seat:
        return Seat(self.chat, self.member, self.name, f"{CHANNEL}:{self.who}:{once}", True)


def guest(who: str, group: Row, ctx: Ctx) -> Guest:
    """Told apart by our rows of the group's members, whatever brought them here."""
    member = identity(who, ctx)
    row = h5.seat(ctx.db, group["chat_id"], member) if member else None
    if row is None:
        return Guest(who, group, "looking")
    if row["staff"] or ctx.team.known(member):
        return Guest(who, group, "staff", member, called(ctx.team.name(member)))
    return Guest(who, group, "member", member, nickname(row, ctx))


def identity(who: str, ctx: Ctx) -> str:
    """The id of a visitor in our rows; a stranger has one once an advisor has said who they are."""
    kind, _, key = who.partition("/")
    if kind == MEMBER:
        return ctx.team.userid(key)
    if kind == CUSTOMER:
        return key
    known = h5.visitor(ctx.db, who)
    return known.customer if known else ""


def nickname(row: Row, ctx: Ctx) -> str:
    """As the group calls them; never how an advisor notes them down."""
    name = str(row["name"])
    return called("" if h5.remarked(ctx.db, row["member"], name) else name)


def reread(found: Guest) -> Iterator[Action]:
    """The list of members may be behind whoever has just joined."""
    if found.role == "looking":
        yield ask(found.chat)
