"""Who may come into the console, by which link, and what they see of it."""

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from handlers.console.values import Missing, Reader, View
from handlers.context import Ctx
from handlers.h5_links import RUNS
from handlers.values import Action, Inbound, Send
from storage import games, passes
from storage.db import at

MANAGER, BRAND, OPERATOR = "店长", "品牌", "运营"
COMMUNITY = RUNS  # whoever runs groups sees groups, and no customers
LIFE = timedelta(minutes=10)
WORDS = re.compile(r"^(?:看|打开)?(?:看板|控制台|报表|后台)$")
PERIODS = {"1": "今天", "7": "近7天", "28": "近28天", "90": "近90天"}
USUAL = "28"
SECRET = "console"  # the store's secret that marks a link
NOT_YOURS = "看板给店长和运营用。您的客户和待办直接在这里问我：回复 待办，或 客户 加姓名。"
CLOSED = "看板还没有开：请管理员在 config.toml 填 [server] public_url，再重启。"
AGAIN = "请给助手发“看板”，用新的链接。"


class Unwelcome(Exception):
    """The link opens nothing; the message is for whoever came with it."""


def reader(member: str, ctx: Ctx) -> Reader | None:
    """Who they are by the configuration of this moment; None for whoever has no business here.

    An operator who runs no store sees the figures of all of them and nobody's name.
    """
    manager, team = ctx.team.manager(member), ctx.team
    runs = member.lower() in {one.lower() for one in ctx.settings.access.operators}
    if manager is None and not runs:
        return _community(member, ctx)
    roles = {OPERATOR} if runs else set()
    names = team.in_charge(member) is not None
    if manager is not None:
        roles.add(MANAGER if names else BRAND)
    stores = manager.stores if manager else tuple(team.stores)
    return Reader(member, team.name(member), frozenset(roles), stores, names)


def _community(member: str, ctx: Ctx) -> Reader | None:
    found = ctx.team.colleague(member, RUNS)
    roles = frozenset((COMMUNITY,))
    return Reader(member, found.name, roles, found.stores, False) if found else None


def command(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """看板: a link that opens the console once."""
    if reader(msg.sender, ctx) is None:
        yield Send(msg.sender, NOT_YOURS)
    elif not ctx.settings.reach.pages:
        yield Send(msg.sender, CLOSED)
    else:
        address = f"{ctx.settings.reach.pages}/console/in?link={give(msg, ctx)}"
        yield Send(msg.sender, f"看板：{address}\n10分钟内有效，只能打开一次，请不要转给别人。")


def words(msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """For an operator who is on no other list."""
    found = WORDS.match(msg.text.strip())
    return command(found, msg, ctx) if found and reader(msg.sender, ctx) else None


# Links


def give(msg: Inbound, ctx: Ctx) -> str:
    link = ctx.new_id()
    passes.give(ctx.db, link, msg.sender, ctx.now)
    return f"{link}.{_mark(link, msg.sender, ctx)}"


def _mark(link: str, member: str, ctx: Ctx) -> str:
    return games.derived(ctx.db, SECRET, f"{link}/{member}")


def check(text: str, ctx: Ctx) -> tuple[str, str]:
    """The link's id and whose it is, without using it up; raises Unwelcome."""
    link, _, mark = text.partition(".")
    row = passes.link(ctx.db, link)
    if row is None or not hmac.compare_digest(
        _mark(link, row["member"], ctx).encode(), mark.encode()
    ):
        raise Unwelcome("这条链接不是这个程序给的，或者没有抄全。" + AGAIN)
    if row["used_at"]:
        raise Unwelcome("这条链接已经用过一次。" + AGAIN)
    if ctx.now - at(row["made_at"]) >= LIFE:
        raise Unwelcome("这条链接过了10分钟，已经失效。" + AGAIN)
    return link, row["member"]


def use(text: str, ctx: Ctx) -> str:
    """Whose link it is, once; in a transaction."""
    link, member = check(text, ctx)
    if not passes.use(ctx.db, link, ctx.now):
        raise Unwelcome("这条链接已经用过一次。" + AGAIN)
    return member


# What they look at


@dataclass(frozen=True, slots=True)
class Span:
    since: datetime
    until: datetime
    words: str


def span(days: str, ctx: Ctx) -> Span:
    """So many days up to now, today included."""
    chosen = days if days in PERIODS else USUAL
    first: date = ctx.today - timedelta(days=int(chosen) - 1)
    return Span(ctx.on(first, datetime.min.time()), ctx.now, PERIODS[chosen])


def view(who: Reader, query: Mapping[str, str], ctx: Ctx, *, whole: bool = False) -> View:
    """A store that is not theirs is as unknown as one that does not exist."""
    store = query.get("store", "")
    if store and store not in who.stores:
        raise Missing(store)
    found = span(query.get("days", ""), ctx)
    stores = (store,) if store else who.stores
    return View(who, stores, found.since, found.until, found.words, query, whole)
