"""谁能带人: customers with a high spreading value, each with the reasons."""

import re
from collections.abc import Iterator

from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import dialogs, scores
from storage.db import Row
from storage.scores import SPREADING

LEAST = 2.0
SHOWN = 8
NONE = "现在没有特别能带人的客户：参加过活动、晒过车、转介绍过的客户会排进来。"
TAIL = "请TA说说用车感受、来群里分享，不要谈返现。回复序号看客户。"


def command(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """An advisor's own customers; of a manager those of their stores."""
    found = candidates(msg.sender, ctx)
    if not found:
        yield Send(msg.sender, NONE)
        return
    body = {"ids": [row["id"] for row in found]}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="people", body=body,
                  now=ctx.now)  # fmt: skip
    lines = [f"{n}. {row['name']}｜传播价值{row['value']:.1f}（{row['class']}）：{row['inputs']}"
             for n, row in enumerate(found, 1)]  # fmt: skip
    yield Send(msg.sender, "\n".join(["能带人的客户：", *lines, TAIL]))


def candidates(member: str, ctx: Ctx) -> list[Row]:
    manager = ctx.team.manager(member)
    if manager and not manager.names:
        return []
    if manager:
        return scores.best(ctx.db, SPREADING, stores=manager.stores, least=LEAST, limit=SHOWN)
    advisor = ctx.team.advisor(member)
    owner = advisor.userid if advisor else member
    return scores.best(ctx.db, SPREADING, owner=owner, least=LEAST, limit=SHOWN)
