"""群链接: the address of a group's page, as a text that is ready to paste."""

import re
from collections.abc import Iterator

from handlers import h5_address
from handlers.context import Ctx
from handlers.h5_address import INTERNAL
from handlers.values import Action, Inbound, Send
from storage import groups
from storage.db import Row

PATTERN = r"^群链接(?:\s+(?P<name>\S{1,30}))?$"
VARIABLE = "{群链接}"
RUNS = "社群运营"
SHOWN = 3
OFF = "群页面还没有开：管理员还没有填 [server] public_url。"


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not ctx.settings.reach.pages:
        yield Send(msg.sender, OFF)
        return
    found = mine(match["name"] or "", msg.sender, ctx)
    if not found:
        named = f"叫“{match['name']}”的" if match["name"] else ""
        yield Send(msg.sender, f"没有{named}您能发链接的客户群：要是群主，或是这家店的社群运营。")
        return
    yield Send(msg.sender, _head(found, ctx))
    for room in found[:SHOWN]:
        yield Send(msg.sender, text(room, ctx))


def _head(found: list[Row], ctx: Ctx) -> str:
    more = "；只列了前几个，写上群名看别的：群链接 群名" if len(found) > SHOWN else ""
    days = ctx.settings.h5.link_days
    return f"下面的话可以直接转到群里，{days}天内有效，不在群里的人打开了也不能参加{more}。"


def text(room: Row, ctx: Ctx) -> str:
    """What is pasted into the group."""
    return (f"【{room['name']}】签到、答题、积分换礼、抽奖、预约试驾都在这里，点开就能玩：\n"
            f"{h5_address.link(room['chat_id'], ctx)}")  # fmt: skip


def mine(name: str, member: str, ctx: Ctx) -> list[Row]:
    """The customer groups somebody owns; those of their stores for who runs groups there."""
    known = [groups.get(ctx.db, row["chat_id"]) for row in groups.of_member(ctx.db, member)]
    found = [room for room in known if room and room["owner"] == member]
    found += groups.called(ctx.db, name, _stores(member, ctx))
    rooms = {room["chat_id"]: room for room in found if _fits(room, name)}
    return sorted(rooms.values(), key=lambda room: (room["name"], room["chat_id"]))


def _fits(room: Row, name: str) -> bool:
    return room["kind"] != INTERNAL and name in room["name"] and not room.get("dismissed_at")


def _stores(member: str, ctx: Ctx) -> tuple[str, ...]:
    if member in ctx.settings.access.operators:
        return tuple(shop.id for shop in ctx.settings.stores)
    manager, runs = ctx.team.manager(member), ctx.team.colleague(member, RUNS)
    return (*(manager.stores if manager else ()), *(runs.stores if runs else ()))


def filled(words: str, chat_id: str, ctx: Ctx) -> str:
    """A text for one group, with the link of that group where it is asked for."""
    return words.replace(VARIABLE, h5_address.link(chat_id, ctx))
