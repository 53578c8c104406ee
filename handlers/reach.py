"""Speaking into an internal group unasked, by whatever way there is."""

from collections.abc import Iterator

from handlers.context import Ctx
from handlers.values import Action, Post, Push


def can(chat: str, ctx: Ctx) -> bool:
    """Without a way the group is told when it next speaks to the aibot."""
    return ctx.settings.reach.link or chat in ctx.settings.reach.robots


def tell(chat: str, text: str, ctx: Ctx) -> Iterator[Action]:
    """The aibot itself where it has a long connection, otherwise the group's robot."""
    reach = ctx.settings.reach
    if reach.link:
        yield Push(chat, text)
    elif chat in reach.robots:
        yield Post(reach.robots[chat], text)
