"""收藏 2, 我的收藏: the scripts an advisor wants at hand; they also rank a little higher."""

import re
from collections.abc import Iterator

from handlers import acts
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from handlers.words import short
from scriptbank.script import Script
from storage import dialogs, scripts

NONE = "还没有收藏。看到好用的话术时回复 收藏 2，就收在这里。"
SHOWN = 9


def keep(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "suggest")
    uses = dialog.body["uses"] if dialog else []
    n = int(match["n"] or 1)
    script = ctx.bank.get(uses[n - 1][1]) if 1 <= n <= len(uses) else None
    if script is None:
        yield Send(msg.sender, f"请回复 收藏 1 到 收藏 {len(uses)}。" if uses else NONE)
        return
    scripts.favour(ctx.db, msg.sender, script.id, ctx.now)
    yield Send(msg.sender, f"已收藏：“{script.title}”。回复 我的收藏 看全部。")


def list_(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """As a batch of suggestions, so that 采用 2 and the like go on working."""
    found = _live(msg.sender, ctx)
    if not found:
        yield Send(msg.sender, NONE)
        return
    customer = acts.focused(msg.sender, ctx)
    uses = [(ctx.new_id(), script.id) for script in found]
    whose = customer.id if customer else ""
    scripts.shown(ctx.db, ids=uses, advisor=msg.sender, customer=whose, question="", now=ctx.now)
    body = {"customer": whose, "text": "", "uses": uses, "skip": [], "nexts": [],
            "why": "这些是您自己收藏的话术。"}  # fmt: skip
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="suggest", body=body,
                  now=ctx.now)  # fmt: skip
    rows = [f"{n}. {s.title}：{short(s.body, 30)}" for n, s in enumerate(found, 1)]
    tail = "回复 采用 1 取用，取消收藏 1 去掉。"
    yield Send(msg.sender, "\n".join(["我的收藏：", *rows, tail]))


def remove(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    found = _live(msg.sender, ctx)
    n = int(match["n"])
    if not 1 <= n <= len(found):
        said = f"您收藏了{len(found)}条，请回复 取消收藏 1 到 {len(found)}。" if found else NONE
        yield Send(msg.sender, said)
        return
    scripts.unfavour(ctx.db, msg.sender, found[n - 1].id)
    yield Send(msg.sender, f"已取消收藏：“{found[n - 1].title}”。")


def _live(member: str, ctx: Ctx) -> list[Script]:
    """Those still in use, the newest first."""
    kept = (ctx.bank.get(script) for script in scripts.favourites(ctx.db, member))
    return [s for s in kept if s and s.live(ctx.today)][:SHOWN]
