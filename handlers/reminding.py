"""提醒我周五给王女士发配置表: a reminder of the advisor's own making, said in any order."""

import re
from collections.abc import Iterator

from handlers import acts, names, whens
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage.customers import Customer

EXAMPLE = "例如：提醒我周五上午10点给王女士发配置表"
ONCE = ("我只能提醒一次，不会每周、每天重复。按级别该联系的客户，我每天早上都会排好。"
        "要单独提醒一次，可以说：提醒我下周一上午10点联系王女士")  # fmt: skip
_THEM = re.compile(r"TA|ta|他|她|这位|这个客户|该客户|对方")


def remind(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """None for 半小时后再提醒我, which puts off what was just shown."""
    before = (match.groupdict().get("before") or "").strip()
    rest = (match["rest"] or "").strip()
    if not rest:
        return None
    return _remind(before, rest, msg, ctx)


def plainly(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """周五给王女士打电话, as if 提醒我 stood behind the time."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    before = slot.text if slot and words.startswith(slot.text) else ""
    return _remind(before, words.removeprefix(before), msg, ctx)


def _remind(before: str, rest: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    whole = f"{before} {rest}".strip()
    if whens.AGAIN.search(whole):
        yield Send(msg.sender, ONCE)
        return
    at = whens.said(before, ctx) if before else None
    at = at or whens.said(rest, ctx)
    customer = _meant(rest, msg.sender, ctx) or _meant(before, msg.sender, ctx)
    if at is None or customer is None:
        lacking = "什么时候" if at is None else "哪位客户"
        yield Send(msg.sender, f"要提醒{lacking}？{EXAMPLE}")
        return
    yield from acts.remind(customer, at, rest, msg.sender, ctx)


def _meant(words: str, member: str, ctx: Ctx) -> Customer | None:
    """The longest name among these words; 她 and 这位 are whoever was spoken of."""
    found = next(iter(names.mentioned(words, member, ctx)), None)
    if found is None and _THEM.search(words):
        return acts.looked_at(member, ctx)
    return found
