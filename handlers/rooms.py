"""设群 S6车主群 官方 车主: what a customer group is for, and whether it counts as official."""

import re
from collections.abc import Iterator

from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import groups

KINDS = ("潜客", "意向", "车主", "活动", "1vN")
FLAGS = {"官方": True, "非官方": False}
PATTERN = r"^设群\s+(?P<name>\S{1,30})\s+(?P<what>\S.{0,20})$"
USAGE = ("写法：设群 S6车主群 官方 车主。种类是 潜客、意向、车主、活动、1vN 之一，"
         "再写 官方 或 非官方。")  # fmt: skip


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """For managers, in the stores they run."""
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        yield Send(msg.sender, "设群由经理来做：官方群的活跃会算进客户的意向。")
        return
    words = match["what"].split()
    kinds, flags = [w for w in words if w in KINDS], [w for w in words if w in FLAGS]
    if len(kinds) + len(flags) != len(words) or len(kinds) > 1 or len(flags) > 1:
        yield Send(msg.sender, USAGE)
        return
    found = groups.called(ctx.db, match["name"], manager.stores)
    if len(found) != 1:
        yield Send(msg.sender, _unclear(match["name"], [row["name"] for row in found]))
        return
    room = found[0]
    kind = kinds[0] if kinds else room["kind"]
    official = FLAGS[flags[0]] if flags else bool(room["official"])
    groups.settle(ctx.db, room["chat_id"], kind=kind, official=official)
    said = f"好，{room['name']}是{'官方' if official else '非官方'}{kind}群。"
    effect = _effect(kind, official)
    yield Send(msg.sender, f"{said}群里客户的意向今晚按这个重新判断。{effect}")


def _unclear(name: str, found: list[str]) -> str:
    if not found:
        return f"您的门店里没有叫“{name}”的客户群。"
    return f"有{len(found)}个群名字里有“{name}”：{'、'.join(found)}。请写全名。"


def _effect(kind: str, official: bool) -> str:
    if not official:
        return "非官方群里的活跃不算中意向。"
    return "已下订又在群里的，算高意向。" if kind == "车主" else "群里活跃的客户算中意向。"
