"""急停 and 恢复发送: for operators, by chat; the command line has the same."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import stops

WAYS: Mapping[str, str] = MappingProxyType({
    "应用": "app", "客户联系": "contact", "客服": "kf", "机器人": "aibot", "群机器人": "webhook",
    "全部": stops.ALL, "": stops.ALL,
})  # fmt: skip
NAMES = {way: name for name, way in WAYS.items() if name}
OLD = timedelta(hours=4)  # a reminder that is older helps nobody
_WAY = r"(?P<way>应用|客户联系|客服|机器人|群机器人|全部)?"
_STOP = re.compile(rf"^急停\s*+{_WAY}\s*+(?:[:：]\s*+(?P<why>.+))?$")
_GO = re.compile(rf"^恢复发送\s*{_WAY}$")


def words(msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """What an operator says about sending; None for everybody and everything else."""
    if msg.sender.lower() not in {o.lower() for o in ctx.settings.access.operators}:
        return None
    said = msg.text.strip()
    if match := _STOP.match(said):
        return stop(WAYS[match["way"] or ""], match["why"] or "", msg.sender, ctx)
    if match := _GO.match(said):
        return go(WAYS[match["way"] or ""], ctx)
    return None


def stop(way: str, why: str, by: str, ctx: Ctx) -> Iterator[Action]:
    stops.put(ctx.db, way, by=by, why=why, now=ctx.now)
    reason = f"：{why}" if why else ""
    back = "恢复发送" if way == stops.ALL else f"恢复发送 {NAMES[way]}"
    for operator in ctx.settings.access.operators:
        yield Send(operator, f"🛑 {ctx.team.name(by)}急停了{NAMES[way]}的发送{reason}。"
                             f"收消息、打标签照常，要发的都排着。恢复请回复 {back}。")  # fmt: skip


def go(way: str, ctx: Ctx) -> Iterator[Action]:
    lifted = stops.lift(ctx.db, way)
    old = stops.expire(ctx.db, ctx.now - OLD) if lifted else 0
    for operator in ctx.settings.access.operators:
        yield Send(operator, told(lifted=lifted, old=old, waiting=stops.waiting(ctx.db)))


def told(*, lifted: bool, old: int, waiting: int) -> str:
    if not lifted:
        return "没有在急停，发送正常。"
    hours = OLD // timedelta(hours=1)
    late = f"，{old}条等了{hours}小时以上的不再发（salesbot replay 里能找到）" if old else ""
    return f"已恢复发送：{waiting}条排着的接着发{late}。"
