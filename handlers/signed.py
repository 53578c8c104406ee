"""Addresses that name one row and cannot be guessed: its id and a mark that only we can make."""

import hmac
import re

from handlers.context import Ctx
from storage import games

LENGTH = 20  # characters of a mark
TOKEN = re.compile(rf"[0-9a-f]{{20}}\.[0-9a-f]{{{LENGTH}}}")


def token(kind: str, key: str, ctx: Ctx) -> str:
    """`kind` keeps the mark of one kind of link from opening another."""
    return f"{key}.{_mark(kind, key, ctx)}"


def key_of(kind: str, said: str, ctx: Ctx) -> str | None:
    """The id that an address names; None when the mark is not ours."""
    key, _, mark = said.partition(".")
    if not TOKEN.fullmatch(said) or not hmac.compare_digest(_mark(kind, key, ctx), mark):
        return None
    return key


def _mark(kind: str, key: str, ctx: Ctx) -> str:
    return games.derived(ctx.db, "h5", f"{kind}/{key}")[:LENGTH]
