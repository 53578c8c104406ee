"""检查: may this sentence go out? 短一点, 正式一点: the same answer in another style."""

import re
from collections.abc import Iterator

from handlers import acts, followups
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from scriptbank import guard, rules
from scriptbank.script import Script
from storage import customers, scripts
from storage.dialogs import Dialog

MARKS = {rules.BLOCK: "⛔ 不能发", rules.WARN: "⚠️ 要改", rules.ALLOW: "✓ 可以"}
STYLES = {
    "短": "简短",
    "太长": "简短",
    "简短": "简短",
    "正式": "正式",
    "理性": "理性",
    "感性": "感性",
}


def check(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Judge a sentence by the advertising law and the house rules, each finding with its cure."""
    found = guard.check(match["words"], ctx.today)
    if not found:
        yield Send(msg.sender, "✓ 没有发现问题，可以发。")
        return
    rows = [f"{MARKS[f.severity]}：“{f.words}”（{f.rule}）{f.advice}" for f in found]
    verdict = "有不能发的话，请改后再发。" if not guard.passes(found) else ""
    yield Send(msg.sender, "\n".join([*rows, *([verdict] if verdict else [])]))


def restyle(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Another style of the script taken last, or of the first one shown."""
    style = STYLES[match["style"]]
    dialog = acts.recent(msg.sender, ctx, "suggest")
    script = _current(dialog, ctx) if dialog else None
    if dialog is None or script is None:
        yield Send(msg.sender, "先贴客户的话，我给出话术后再换写法。")
        return
    other = styled(script, style, ctx)
    if other is None:
        yield Send(msg.sender, f"“{script.title}”还没有{style}的写法。")
        return
    known = dialog.body["customer"]
    customer = customers.get(ctx.db, known) if known else None
    yield Send(msg.sender, followups.filled(other, customer, ctx))


def styled(script: Script, style: str, ctx: Ctx) -> Script | None:
    """The answer to the same question in that style."""
    shared = (s for s in ctx.bank.all() if s.live(ctx.today) and s.scope != "个人")
    return next((s for s in shared if s.q and s.q == script.q and s.style == style), None)


def _current(dialog: Dialog, ctx: Ctx) -> Script | None:
    uses = dialog.body["uses"]
    taken = scripts.adopted_of(ctx.db, [use for use, _ in uses])
    script_id = taken or (uses[0][1] if uses else "")
    return ctx.bank.get(script_id)
