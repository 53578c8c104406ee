"""存为我的话术: what an advisor found worth keeping, found again at once and by them alone."""

import re
from collections.abc import Iterator
from dataclasses import replace

from handlers import acts, library
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from handlers.words import short
from nlp import mask
from scriptbank import fill, guard
from scriptbank.rules import BLOCK, WARN
from scriptbank.script import Script
from storage import scripts
from storage.dialogs import Dialog

FIRST = "先贴客户的话，我给出话术后再回复 存为我的话术，或 存为我的话术：您自己的写法。"
NONE = "您还没有自己的话术。采用一条后回复 存为我的话术，或 存为我的话术：您自己的写法。"


def keep(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """An own script for the question asked last: the script just taken, or the advisor's words."""
    dialog = acts.recent(msg.sender, ctx, "suggest")
    if dialog is None:
        yield Send(msg.sender, FIRST)
        return
    words = (match["words"] or "").strip()
    script = _written(words, dialog, ctx) if words else _taken(dialog, ctx)
    if script is None:
        yield Send(msg.sender, "这一批还没有采用哪一条。先回复 采用 1，或直接写：存为我的话术：……")
        return
    if why_not := _refusal(script, ctx):
        yield Send(msg.sender, f"没有存：{why_not}")
        return
    yield from _store(script, ctx)


def _store(script: Script, ctx: Ctx) -> Iterator[Action]:
    warned = [f"⚠️ “{f.words}”（{f.rule}）{f.advice}" for f in _findings(script, ctx)
              if f.severity == WARN]  # fmt: skip
    said = f"已存为我的话术：“{script.title}”，只有您看得到，下次有人这样问就排在前面。"
    yield Send(script.owner, "\n".join([said, *warned, "回复 我的话术 看全部。"]))
    library.keep(ctx, (script,), script.owner, "存为我的话术")


def _written(words: str, dialog: Dialog, ctx: Ctx) -> Script:
    question = mask.phones(dialog.body["text"])
    reading = ctx.read(question)
    return Script(
        id=_id(ctx), title=short(question, 16), stage="通用", q=question,
        body=library.nameless(words, dialog.body["customer"], ctx), owner=dialog.member,
        scope="个人", concerns=tuple(c.code for c in reading.concerns),
    )  # fmt: skip


def _taken(dialog: Dialog, ctx: Ctx) -> Script | None:
    """The script that was taken, as an own one.

    It keeps the standard question, so the two are never shown side by side, and is found first
    by the wording it was wanted for. It has no style: 短一点 offers only what all may see.
    """
    taken = scripts.adopted_of(ctx.db, [use for use, _ in dialog.body["uses"]])
    script = ctx.bank.get(taken) if taken else None
    if script is None:
        return None
    question = mask.phones(dialog.body["text"])
    return replace(
        script, id=_id(ctx), owner=dialog.member, scope="个人", version=1, pinned=False, stores=(),
        style="", q=script.q or question, also=tuple(dict.fromkeys((question, *script.also))),
    )  # fmt: skip


def _id(ctx: Ctx) -> str:
    """In the order of time, so that a list stays as it was."""
    return f"own-{ctx.local:%y%m%d%H%M%S}-{ctx.new_id()[:6]}"


def _refusal(script: Script, ctx: Ctx) -> str:
    if any(_kept(s, script) for s in _of(script.owner, ctx)):
        return "您已经存过这一条了，回复 我的话术 看全部。"
    unknown = [name for name in fill.variables(script.body) if name not in fill.VARIABLES]
    if unknown:
        return f"没有“{unknown[0]}”这个变量；可用：{'、'.join(fill.VARIABLES)}"
    blocked = [f for f in _findings(script, ctx) if f.severity == BLOCK]
    return "\n".join(f"⛔ “{f.words}”（{f.rule}）{f.advice}" for f in blocked)


def _kept(have: Script, wanted: Script) -> bool:
    return have.body == wanted.body and wanted.q in (have.q, *have.also)


def _findings(script: Script, ctx: Ctx) -> tuple[guard.Finding, ...]:
    return guard.check(f"{script.body}\n{script.follow_up}", ctx.today, script.facts)


def list_(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    mine = _of(msg.sender, ctx)
    rows = [f"{n}. {s.title}：{short(s.body, 30)}" for n, s in enumerate(mine, 1)]
    tail = "不要的回复 删除我的话术 加序号。"
    yield Send(msg.sender, "\n".join(["我的话术：", *rows, tail]) if mine else NONE)


def remove(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    mine = _of(msg.sender, ctx)
    n = int(match["n"])
    if not 1 <= n <= len(mine):
        yield Send(msg.sender, f"您有{len(mine)}条自己的话术，请回复 删除我的话术 1 到"
                               f" {len(mine)}。" if mine else NONE)  # fmt: skip
        return
    stopped = replace(mine[n - 1], status=library.STOPPED)
    yield Send(msg.sender, f"已删除：“{stopped.title}”。")
    library.keep(ctx, (stopped,), msg.sender, "删除我的话术")


def _of(member: str, ctx: Ctx) -> list[Script]:
    """The member's own scripts in use, the oldest first."""
    mine = (s for s in ctx.bank.all() if s.scope == "个人" and s.owner == member)
    return sorted((s for s in mine if s.status == library.LIVE), key=lambda s: s.id)
