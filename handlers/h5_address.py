"""The signed address of a customer group's page: it names the group, its day, and nobody."""

import base64
import hmac
import re
from datetime import date

from handlers.context import Ctx
from storage import games, groups
from storage.db import Row

INTERNAL = "内部"
MARK = 20  # characters of a link's signature
EPOCH = date(2020, 1, 1)
_LINK = re.compile(rf"[A-Za-z0-9_-]{{1,90}}\.[0-9a-f]{{1,6}}\.[0-9a-f]{{{MARK}}}")


def link(chat_id: str, ctx: Ctx) -> str:
    """The address of a group's page; "" where nobody could reach it."""
    pages = ctx.settings.reach.pages
    return f"{pages}/h5/g/{signed(chat_id, ctx)}/" if pages else ""


def signed(chat_id: str, ctx: Ctx) -> str:
    """The group, the day, and a mark that only we can make; the same all day long."""
    name = base64.urlsafe_b64encode(chat_id.encode()).decode().rstrip("=")
    body = f"{name}.{(ctx.today - EPOCH).days:x}"
    return f"{body}.{_mark(body, ctx)}"


def _mark(body: str, ctx: Ctx) -> str:
    return games.derived(ctx.db, "h5", body)[:MARK]


def opened(token: str, ctx: Ctx) -> Row | None:
    """The group of a link; None for one that is not ours, is too old, or leads nowhere now."""
    if not _LINK.fullmatch(token):
        return None
    body, _, mark = token.rpartition(".")
    if not hmac.compare_digest(_mark(body, ctx), mark):
        return None
    name, _, day = body.partition(".")
    age = (ctx.today - EPOCH).days - int(day, 16)
    if not 0 <= age <= ctx.settings.h5.link_days:
        return None
    found = groups.get(ctx.db, base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode())
    open_ = found is not None and found["kind"] != INTERNAL and found["dismissed_at"] is None
    return found if open_ else None


def of_customer(customer: str, ctx: Ctx) -> str:
    """The link of the group that somebody joined last."""
    if not ctx.settings.reach.pages:
        return ""
    rooms = [r for r in groups.of_member(ctx.db, customer) if r["kind"] != INTERNAL]
    newest = max(rooms, key=lambda room: str(room["joined_at"]), default=None)
    return link(newest["chat_id"], ctx) if newest else ""
