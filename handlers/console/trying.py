"""What would be suggested for a customer's sentence, before and after an edit."""

from collections.abc import Mapping
from dataclasses import replace

from handlers import library, pick
from handlers.console.values import Field, Panel, Piece
from handlers.context import Ctx
from handlers.learning import kept
from handlers.words import TIERS
from scriptbank.bank import Bank
from scriptbank.columns import TIERS as SHORT
from scriptbank.script import STAGES, Script, Suggestion, Suggestions
from storage.customers import Customer

CHOSEN = (("", "不限"),)
PARTS = {
    "wording": "问法", "concern": "关注点", "intent": "意图", "stage": "阶段", "model": "车型",
    "tier": "意向", "style": "风格", "adoption": "采纳", "reply": "回复", "favourite": "收藏",
    "pinned": "置顶", "seen": "刚发过", "aside": "给顾问的",
}  # fmt: skip


def fields(typed: Mapping[str, str]) -> tuple[Field, ...]:
    tiers = tuple((code, TIERS[code]) for code in SHORT)
    return (
        Field("", "试一句：客户会说什么", kind="head"),
        Field("ask", "客户的话", typed.get("ask", ""), "text", rows=2),
        Field("ask_tier", "客户意向", typed.get("ask_tier", ""), "choice", (*CHOSEN, *tiers)),
        Field("ask_stage", "在哪个阶段", typed.get("ask_stage", ""), "choice",
              (*CHOSEN, *((one, one) for one in STAGES))),
        Field("ask_model", "看中的车型", typed.get("ask_model", "")),
    )  # fmt: skip


def panels(edited: Script, typed: Mapping[str, str], ctx: Ctx) -> tuple[Panel, ...]:
    """The three of now, and the three with this edit published; on a library of its own, since
    the one in use must not feel what is only tried."""
    text = typed.get("ask", "").strip()
    if not text:
        return ()
    bank = Bank(library.stored(ctx.db))
    if learnt := kept(ctx.db):
        bank.learn(learnt)
    ours = replace(ctx, bank=bank)
    was = _found(text, typed, ours)
    bank.put(replace(edited, status=library.LIVE))
    now = _found(text, typed, ours)
    return (_panel("现在会推荐", was, edited, ours), _panel("改了并发布后", now, edited, ours))


def _found(text: str, typed: Mapping[str, str], ctx: Ctx) -> Suggestions:
    tier, model = typed.get("ask_tier", ""), typed.get("ask_model", "")
    somebody = Customer(id="", name="", store="", owner="", model=model)
    if tier in SHORT:
        somebody = replace(somebody, tier=tier)
    customer = somebody if tier in SHORT or model else None
    stage = typed.get("ask_stage", "")
    return pick.find(text, ctx.read(text), customer, "", (), ctx, stage)


def _panel(title: str, found: Suggestions, edited: Script, ctx: Ctx) -> Panel:
    lines = tuple(_line(n, one, edited) for n, one in enumerate(found.items, 1))
    note = "" if found.confident else "没有把握：只供参考，会记进缺口清单。"
    return Panel(title, lines or ((Piece("没有对题的话术。"),),), "" if found.confident else "warn",
                 note)  # fmt: skip


def _line(n: int, one: Suggestion, edited: Script) -> tuple[Piece, ...]:
    parts = "，".join(f"{PARTS.get(key, key)} {value:.2f}" for key, value in one.parts.items()
                     if value)  # fmt: skip
    mark = "told" if one.script.id == edited.id else ""
    title = one.script.title + ("（这一条）" if mark else "")
    return (Piece(f"{n}. "), Piece(title, mark),
            Piece(f"　得分{one.score:.2f}\n　 {one.reason}\n　 {parts}"))  # fmt: skip
