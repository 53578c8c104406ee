"""What a member does on the page beside a chat; nothing here writes to a customer by itself."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from handlers import (
    acts,
    concerns,
    corrections,
    drafts,
    journey,
    ledger,
    library,
    materials,
    pick,
    purchase,
    resolved,
    sidebar,
    suggest,
    tags,
    undo,
    watch,
    watch_ears,
)
from handlers.cards import focus
from handlers.context import Ctx
from handlers.corrections import CORRECTED, Right
from handlers.followups import moment, touched, values
from handlers.sidebar import Shown
from handlers.values import Action, Card, Send
from nlp import mask
from nlp.labels import CONCERNS
from nlp.reading import Reading
from scriptbank import fill, guard, rules, terms
from scriptbank.script import Script, Suggestion
from storage import customers, dialogs, events, scripts
from storage import followups as owed
from storage.customers import Customer
from storage.db import Row
from storage.dialogs import Dialog

LONGEST = 4000  # characters of what is pasted
SHORT = "简短"
_FOR_THE_CHAT = re.compile(r"(?:记错了|改错了)回复 撤销。|直接回复其中一个：.*")  # here are buttons


class NotTheirs(LookupError):
    """It does not exist, or is somebody else's; a page is not told which."""


class Unclear(ValueError):
    """What was asked for cannot be done; the message is for the member."""


@dataclass(frozen=True, slots=True)
class Tap:
    """`customer` is who the page is about, None in a group or before anybody was chosen."""

    member: str
    customer: Customer | None
    body: Mapping[str, Any]

    @property
    def whose(self) -> Customer:
        if self.customer is None:
            raise Unclear("请先选一位客户。")
        return self.customer

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str) or not value.strip():
            raise Unclear("还没有写内容。")
        if len(value) > LONGEST:
            raise Unclear(f"太长了，最多{LONGEST}个字。")
        return value.strip()


@dataclass(frozen=True, slots=True)
class Answered:
    """What the page gets back, and what leaves for others."""

    shown: Shown
    actions: tuple[Action, ...] = ()


def perform(name: str, tap: Tap, ctx: Ctx) -> Answered:
    return TAPS[name](tap, ctx)


def _told(tap: Tap, did: Iterable[Action], ctx: Ctx, **more: Any) -> Answered:
    """What the chat would have told the member is shown on the page instead."""
    done = list(did)
    own = [a for a in done if isinstance(a, Send | Card) and a.to == tap.member]
    said = _FOR_THE_CHAT.sub("", "\n".join(a.text for a in own if isinstance(a, Send)))
    left = tuple(a for a in done if a not in own)
    return Answered({"said": said, **_fresh(tap, ctx), **more}, left)


def _fresh(tap: Tap, ctx: Ctx) -> Shown:
    """The card as it is now."""
    now = sidebar.find(tap.customer.id, tap.member, ctx) if tap.customer else None
    return {"card": sidebar.card(now, tap.member, ctx)} if now else {}


# Scripts


def words(tap: Tap, ctx: Ctx) -> Answered:
    """The customer's words: noted when it is known whose they are, then three scripts."""
    text = tap.text("text")
    if tap.customer is None:
        return Answered(_offered(text, ctx.read(text), tap, (), ctx))
    noted = concerns.note(tap.customer, text, ctx, source="paste", member=tap.member)
    focus(tap.customer, tap.member, ctx)
    now = Tap(tap.member, noted.customer, tap.body)
    shown = _offered(noted.reading.text, noted.reading, now, (), ctx, noted)
    heard = watch_ears.private(noted.customer, text, noted.reading, watch.PASTED, ctx)
    alarms = (*concerns.alarms(noted, ctx), *heard)
    return Answered({**shown, **_fresh(tap, ctx)}, alarms)


def picked(tap: Tap, ctx: Ctx) -> Answered:
    """Scripts for concerns that were picked: by their names and the customer's own words."""
    listed = tap.body.get("codes")
    codes = [c for c in CONCERNS if c in listed] if isinstance(listed, list) else []
    if not codes:
        raise Unclear("请先点一个关注点。")
    said = {}
    if tap.customer:
        held = customers.tags(ctx.db, tap.customer.id, ctx.now, "concern")
        said = {t.code: t.evidence for t in held}
    text = "；".join(f"{CONCERNS[code]} {said.get(code, '')}".strip() for code in codes)
    return Answered(_offered(text, ctx.read(text), tap, (), ctx))


def opening(tap: Tap, ctx: Ctx) -> Answered:
    """这会儿说什么: scripts for where the customer stands, when they said nothing new."""
    ahead = next(iter(owed.open_of(ctx.db, tap.whose.id)), None)
    stage, text = moment(ahead, tap.whose, ctx)
    return Answered(_offered(text, ctx.read(text), tap, (), ctx, stage=stage))


def following(tap: Tap, ctx: Ctx) -> Answered:
    """下一问: scripts for one of the questions that often come next."""
    asked = tap.text("text")
    if asked not in _nexts(_dialog(tap, ctx), ctx):
        raise NotTheirs
    return Answered(_offered(asked, ctx.read(asked), tap, (), ctx))


def more(tap: Tap, ctx: Ctx) -> Answered:
    """换一批, after 不合适 where that was said of these."""
    dialog = _dialog(tap, ctx)
    body = dialog.body
    if tap.body.get("refused"):
        next(suggest.refuse(dialog, ctx))  # only as far as its thanks: the next batch is ours
    shown = _offered(body["text"], ctx.read(body["text"]), tap, tuple(body["skip"]), ctx)
    if not shown["scripts"]:
        shown["note"] = "没有更多对题的话术了，可以换个说法再找。"
    return Answered(shown)


def _dialog(tap: Tap, ctx: Ctx) -> Dialog:
    dialog = dialogs.get(ctx.db, str(tap.body.get("dialog", "")))
    whose = tap.customer.id if tap.customer else ""
    if dialog is None or dialog.member != tap.member or dialog.body.get("customer") != whose:
        raise NotTheirs
    return dialog


def _offered(
    text: str, reading: Reading, tap: Tap, skip: tuple[str, ...], ctx: Ctx,
    noted: concerns.Noted | None = None, stage: str = "",
) -> Shown:  # fmt: skip
    """What the chat would show, as data; shown and counted in the same way."""
    found = pick.find(text, reading, tap.customer, tap.member, skip, ctx, stage)
    did = list(suggest.show(text, reading, tap.customer, noted, tap.member, skip, ctx, stage))
    task = next((a.task_id for a in did if isinstance(a, Card)), "")
    dialog = dialogs.get(ctx.db, task)
    uses = dialog.body["uses"] if dialog else []
    note = "" if found.confident or skip else suggest.UNSURE if found.items else suggest.NOTHING
    return {
        "dialog": task, "note": note, "why": dialog.body["why"] if dialog else "",
        "summary": [] if skip or stage else concerns.summary(reading),
        "nexts": _nexts(dialog, ctx),
        "scripts": [_script(use, s, tap, ctx)
                    for (use, _), s in zip(uses, found.items, strict=False)],
    }  # fmt: skip


def _nexts(dialog: Dialog | None, ctx: Ctx) -> list[str]:
    """What customers often ask next, as questions to tap."""
    ids = dialog.body.get("nexts", []) if dialog else []
    return [script.q or script.title for key in ids if (script := ctx.bank.get(key))]


def _script(use: str, s: Suggestion, tap: Tap, ctx: Ctx) -> Shown:
    shorter = drafts.styled(s.script, SHORT, ctx)
    return {**_filled(use, s.script, tap, ctx), "reason": s.reason,
            "shorter": bool(shorter and shorter.id != s.script.id)}  # fmt: skip


def _filled(use: str, script: Script, tap: Tap, ctx: Ctx) -> Shown:
    filled = fill.fill(script, values(tap.customer, ctx))
    return {"use": use, "title": script.title, "text": filled.text,
            "missing": list(filled.missing)}  # fmt: skip


def shorter(tap: Tap, ctx: Ctx) -> Answered:
    """短一点: the short wording of a script, counted as shown from now on."""
    row = _use(tap, ctx)
    script = ctx.bank.get(row["script"])
    other = drafts.styled(script, SHORT, ctx) if script else None
    if other is None:
        raise Unclear("这条还没有简短的写法。")
    use = ctx.new_id()
    scripts.shown(ctx.db, ids=[(use, other.id)], advisor=tap.member, customer=row["customer"],
                  question=row["question"], now=ctx.now)  # fmt: skip
    return Answered({"script": {**_filled(use, other, tap, ctx), "shorter": False}})


def _use(tap: Tap, ctx: Ctx) -> Row:
    """The script as it was shown to this member for this customer."""
    row = scripts.use(ctx.db, str(tap.body.get("use", "")))
    whose = tap.customer.id if tap.customer else ""
    if row is None or row["advisor"] != tap.member or row["customer"] != whose:
        raise NotTheirs
    return row


def check(tap: Tap, ctx: Ctx) -> Answered:
    """May a text that was changed go out?"""
    found = [f for f in guard.check(tap.text("text"), ctx.today) if f.severity != rules.ALLOW]
    rows = [f"“{f.words}”（{f.rule}）{f.advice}" for f in found]
    return Answered({"passes": guard.passes(found), "rows": rows})


def adopt(tap: Tap, ctx: Ctx) -> Answered:
    """The page has put the text into the chat, or the member copied it; told twice counts once."""
    row = _use(tap, ctx)
    script = ctx.bank.get(row["script"])
    if row["outcome"] == "adopted" or script is None:
        return Answered(_fresh(tap, ctx))
    scripts.outcome(ctx.db, row["id"], "adopted")
    text = tap.text("text")
    if text != _filled(row["id"], script, tap, ctx)["text"].strip():
        kept = library.nameless(mask.phones(text), row["customer"], ctx)
        scripts.edited(ctx.db, row["id"], kept)
    if tap.customer:
        ledger.note(tap.customer, row["id"], ctx)
        resolved.answered(tap.customer.id, script.concerns, script.title, tap.member, ctx)
        customers.change(ctx.db, tap.customer.id, contacted_at=ctx.now)
        touched(tap.customer, ctx)
    files = tuple(materials.attached(script, tap.member, ctx))
    return Answered(_fresh(tap, ctx), files)


# What happened with the customer


def log(tap: Tap, ctx: Ctx) -> Answered:
    """到店, 试驾, 报价, 下订, 没来, or 周六下午3点试驾."""
    note = journey.parse(tap.text("text"), ctx)
    reasons = list(journey.REASONS) if note and note.missed else []
    did = acts.recorded(tap.whose, tap.text("text"), tap.member, ctx)
    return _told(tap, did, ctx, undo=note is not None, reasons=reasons)


def reason(tap: Tap, ctx: Ctx) -> Answered:
    """Why they did not come, asked after 没来."""
    asked = acts.recent(tap.member, ctx, "reason")
    missed = {e.id for e in events.of(ctx.db, tap.whose.id, "未到店")}
    why = journey.reason(tap.text("text"))
    if asked is None or asked.body["event"] not in missed or why is None:
        raise Unclear("没有等着填原因的记录，请先点 没来。")
    dialogs.close(ctx.db, asked.id)
    did = journey.explain(asked.body["event"], tap.whose.name, why, tap.member, ctx)
    return _told(tap, did, ctx)


def contacted(tap: Tap, ctx: Ctx) -> Answered:
    return _told(tap, acts.contacted(tap.whose, None, tap.member, ctx), ctx, undo=True)


def take_back(tap: Tap, ctx: Ctx) -> Answered:
    """撤销, where the newest step was about this customer."""
    step = undo.newest(tap.member, ctx)
    if step is None or step.body["customer"] != tap.whose.id:
        raise Unclear(f"最近一小时没有对{tap.whose.name}做过可以撤销的操作。")
    return _told(tap, undo.undo(tap.member, ctx), ctx)


def wrong(tap: Tap, ctx: Ctx) -> Answered:
    """标签不对: of what was read from the words, or of a tag that was concluded."""
    if name := tap.body.get("tag"):
        return _told(tap, _denied(tap, str(name), ctx), ctx, undo=True)
    kind, code = str(tap.body.get("kind", "")), str(tap.body.get("code", ""))
    rows = customers.tags(ctx.db, tap.whose.id, ctx.now, kind) if kind in CORRECTED else []
    fact = next((t for t in rows if t.code == code), None)
    if fact is None:
        raise NotTheirs
    did = corrections.correct(tap.whose, fact, _right(tap.body), tap.member, ctx)
    return _told(tap, did, ctx, undo=True)


def _right(body: Mapping[str, Any]) -> Right:
    """What it is instead: a concern and how it is meant; nothing at all where none is named."""
    code, polarity = body.get("right"), body.get("polarity")
    if not isinstance(code, str) or code not in CONCERNS:
        return Right()
    return Right(code, polarity if polarity in (1, 0, -1) else 0)


def _denied(tap: Tap, name: str, ctx: Ctx) -> Iterable[Action]:
    held = tags.find(name, tap.whose, ctx)
    if held is None:
        raise NotTheirs
    first = held.facts[0]
    if held.entry.least == 1 and first.kind in CORRECTED:
        return corrections.correct(tap.whose, first, Right(), tap.member, ctx)
    return corrections.deny(tap.whose, held, tap.member, ctx)


def count(tap: Tap, ctx: Ctx) -> Answered:
    """算: by the month and to drive away."""
    text = tap.text("text")
    models = ctx.facts.named(text)[:1]
    return Answered({"lines": list(purchase.told(text, terms.read(text), models, ctx))})


TAPS: Mapping[str, Callable[[Tap, Ctx], Answered]] = MappingProxyType({
    "words": words, "picked": picked, "opening": opening, "following": following, "more": more,
    "shorter": shorter, "check": check, "adopt": adopt, "log": log, "reason": reason,
    "contacted": contacted, "undo": take_back, "wrong": wrong, "count": count,
})  # fmt: skip
