"""改成：…: what the advisor made of a script, judged by the guard and kept as evidence."""

import re
from collections.abc import Iterator

from handlers import acts, library
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from nlp import mask
from scriptbank import guard
from scriptbank.rules import ALLOW
from storage import scripts

FIRST = "先采用一条话术，再回复 改成：您改好的话。"


def change(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The text as it may be sent, or why it may not; the edit counts for the library."""
    words = match["words"].strip()
    dialog = acts.recent(msg.sender, ctx, "suggest")
    use = _taken(dialog.body["uses"], ctx) if dialog else ""
    if dialog is None or not use:
        yield Send(msg.sender, FIRST)
        return
    found = [f for f in guard.check(words, ctx.today) if f.severity != ALLOW]
    rows = [f"“{f.words}”（{f.rule}）{f.advice}" for f in found]
    if not guard.passes(found):
        yield Send(msg.sender, "\n".join(["⛔ 不能这样发：", *rows]))
        return
    kept = library.nameless(mask.phones(words), dialog.body["customer"], ctx)
    scripts.edited(ctx.db, use, kept)
    yield Send(msg.sender, words)
    note = ["⚠️ " + row for row in rows]
    tail = "已记下您的改法，话术库会参考。想自己留着就回复 存为我的话术：加正文。"
    yield Send(msg.sender, "\n".join([*note, tail]))


def _taken(uses: list[list[str]], ctx: Ctx) -> str:
    """The use that was adopted last, "" when none was."""
    taken = scripts.adopted_of(ctx.db, [use for use, _ in uses])
    return next((use for use, script in uses if script == taken), "") if taken else ""
