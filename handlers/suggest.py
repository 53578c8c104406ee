"""Answers for the advisor: three scripts with reasons, as text to paste and a card to tap."""

import re
from collections.abc import Iterator
from typing import Any

from handlers import concerns, followups, ledger, materials, nexts, pick, resolved
from handlers.context import Ctx
from handlers.values import Action, Button, Card, Send
from handlers.words import TIERS
from nlp import mask
from nlp.labels import CONCERNS, INTENTS
from nlp.reading import Reading
from scriptbank import fill
from scriptbank.script import Script, Suggestion, Suggestions
from storage import customers, dialogs, scripts
from storage.customers import Customer
from storage.dialogs import Dialog

UNSURE = "没有把握：话术库里没有特别对题的，下面几条仅供参考，这个问题已记入缺口清单。"
NOTHING = "没有把握：话术库里还没有能回答这个问题的话术，已记入缺口清单，运营会补上。"


def offer(
    text: str, customer: Customer | None, noted: concerns.Noted | None, member: str, ctx: Ctx
) -> Iterator[Action]:
    """Read, rank and show; `noted` is there when the words were booked on a customer."""
    reading = noted.reading if noted else ctx.read(text)
    yield from show(text, reading, customer, noted, member, (), ctx)


def show(
    text: str, reading: Reading, customer: Customer | None, noted: concerns.Noted | None,
    member: str, skip: tuple[str, ...], ctx: Ctx, stage: str = "",
) -> Iterator[Action]:  # fmt: skip
    found = pick.find(text, reading, customer, member, skip, ctx, stage)
    if not found.confident and not skip:
        reason = "没有话术" if not found.items else "匹配不足"
        _gap(text, member, customer.id if customer else "", reason, ctx)
    if customer and noted and not skip:
        nexts.count(customer, text, found, ctx)
    after = nexts.likely([s.script.id for s in found.items], member, ctx) if not skip else []
    dialog = ctx.new_id()
    uses = [(ctx.new_id(), s.script.id) for s in found.items]
    scripts.shown(ctx.db, ids=uses, advisor=member, customer=customer.id if customer else "",
                  question=mask.phones(text), now=ctx.now)  # fmt: skip
    body = {"customer": customer.id if customer else "", "text": mask.phones(text), "uses": uses,
            "skip": [*skip, *(s.script.id for s in found.items)],
            "nexts": [s.id for s in after],
            "why": _why(reading, noted, found)}  # fmt: skip
    dialogs.begin(ctx.db, dialog_id=dialog, member=member, kind="suggest", body=body, now=ctx.now)
    head = _head(reading, customer, noted) if not skip else ["换一批："]
    yield Send(member, "\n".join([*head, *listed(found, customer, ctx), *nexts.line(after)]))
    if found.items:
        yield _card(dialog, member, customer, found)


def _head(reading: Reading, customer: Customer | None, noted: concerns.Noted | None) -> list[str]:
    lines = []
    if customer:
        lines.append(f"{customer.name}｜{TIERS[customer.tier]}·{customer.level}级{_moved(noted)}")
    lines += concerns.summary(reading)
    if customer:
        lines.append(f"依据：{customer.tier_reason}；{customer.level_reason}")
    return lines


def _moved(noted: concerns.Noted | None) -> str:
    if noted is None or noted.was.level == noted.customer.level:
        return ""
    return f"（{noted.was.level}→{noted.customer.level}）"


def listed(found: Suggestions, customer: Customer | None, ctx: Ctx) -> list[str]:
    if not found.items:
        return [NOTHING]
    lines = [] if found.confident else [UNSURE]
    for n, s in enumerate(found.items, 1):
        lines += ["", f"【{n}】{s.script.title}（{s.reason}）", _text(s, customer, ctx)]
    return lines


def _text(s: Suggestion, customer: Customer | None, ctx: Ctx) -> str:
    return followups.filled(s.script, customer, ctx)


def _card(dialog: str, member: str, customer: Customer | None, found: Suggestions) -> Card:
    n = len(found.items)
    buttons = [Button(f"采用 {i}", f"use:{i}", 1 if i == 1 else 2) for i in range(1, n + 1)]
    buttons += [Button("换一批", "more"), Button("不合适", "refuse"), Button("为什么", "why")]
    who = customer.name if customer else "客户未指明"
    return Card(
        to=member, task_id=dialog, title=f"{who} · {n}条话术", buttons=tuple(buttons[:6]),
        desc="、".join(s.script.scene or s.script.stage for s in found.items),
        text="点采用，会单独发来一条可直接转发的文字。",
    )  # fmt: skip


def _why(reading: Reading, noted: concerns.Noted | None, found: Suggestions) -> str:
    """The whole explanation, kept with the dialog: words, rules, numbers."""
    lines = ["为什么这样判断："]
    for c in reading.concerns:
        lines.append(f"· {CONCERNS[c.code]}：“{c.evidence}”，把握{c.confidence:.0%}，规则 {c.rule}")
    for i in reading.intents:
        sign = "（否定）" if i.negated else ""
        lines.append(f"· 意图 {INTENTS[i.code]}{sign}：“{i.evidence}”，强度{i.strength:g}")
    for s in reading.signals:
        lines.append(f"· {s.level}级信号：“{s.evidence}”")
    if noted:
        c2 = noted.customer
        lines.append(f"· {TIERS[c2.tier]}：{c2.tier_reason}")
        lines.append(f"· {c2.level}级：{c2.level_reason}")
    for n, item in enumerate(found.items, 1):
        parts = "，".join(f"{k} {v:.2f}" for k, v in item.parts.items() if v)
        lines.append(f"· 话术{n} 得分{item.score:.2f}：{parts}")
    return "\n".join(lines)


def _gap(text: str, member: str, customer: str, reason: str, ctx: Ctx) -> None:
    scripts.gap(ctx.db, gap_id=ctx.new_id(), question=mask.phones(text), advisor=member,
                reason=reason, now=ctx.now, customer=customer)  # fmt: skip


def adopt(dialog: Dialog, number: int, ctx: Ctx) -> Iterator[Action]:
    """The advisor takes script `number`: it comes alone, ready to be passed on."""
    uses = dialog.body["uses"]
    if not 1 <= number <= len(uses):
        yield Send(dialog.member, f"这一批只有{len(uses)}条，请回复 采用 1 到 采用 {len(uses)}。")
        return
    yield from _hand(dialog, number, {}, ctx)


def adopt_many(dialog: Dialog, numbers: list[int], ctx: Ctx) -> Iterator[Action]:
    """Several scripts as one text; the closing question of the last one only."""
    uses = dialog.body["uses"]
    if max(numbers) > len(uses):
        yield Send(dialog.member, f"这一批只有{len(uses)}条，请回复 采用 1 到 采用 {len(uses)}。")
        return
    customer = customers.get(ctx.db, dialog.body["customer"]) if dialog.body["customer"] else None
    picked = [(uses[n - 1][0], _in_use(uses[n - 1][1], ctx)) for n in numbers]
    found = [(use, script) for use, script in picked if script]
    values = followups.values(customer, ctx)
    filled = [fill.fill(s, values, follow_up=s == found[-1][1]) for _, s in found]
    if not found or (lacking := [f.missing[0] for f in filled if f.missing]):
        why_not = f"还缺“{lacking[0]}”，请分开采用，我会逐条问" if found else "这几条刚刚停用了"
        yield Send(dialog.member, f"{why_not}。")
        return
    yield from _merged(dialog, [use for use, _ in found], [f.text for f in filled],
                       [s for _, s in found], customer, ctx)  # fmt: skip


def _merged(
    dialog: Dialog, uses: list[str], texts: list[str], taken: list[Script],
    customer: Customer | None, ctx: Ctx,
) -> Iterator[Action]:  # fmt: skip
    greeted = [texts[0], *(_without_greeting(text) for text in texts[1:])]
    for use in uses[1:]:
        scripts.outcome(ctx.db, use, "adopted")
    if customer:
        for script in taken[1:]:
            resolved.answered(customer.id, script.concerns, script.title, dialog.member, ctx)
    yield from _take(dialog, uses[0], "\n\n".join(greeted), customer, taken[0], ctx)


_GREETING = re.compile(r"^[^，,。！!\n]{0,12}您好[，,。！! ]*")


def _without_greeting(text: str) -> str:
    """The second answer of a message does not say hello again."""
    return _GREETING.sub("", text)


def _in_use(script_id: str, ctx: Ctx) -> Script | None:
    """Unless it was stopped, or its last day passed, since it was shown."""
    script = ctx.bank.get(script_id)
    return script if script and script.live(ctx.today) else None


def _asking(name: str) -> str:
    return f"这条话术要用到“{name}”，现在该填什么？直接回复内容；不用这条就回复 换一批。"


def supply(asked: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """The advisor told a variable that was missing; ask for the next, or hand the text over."""
    dialog = dialogs.get(ctx.db, asked.body["suggest"])
    dialogs.close(ctx.db, asked.id)
    if dialog is not None:
        told = {**asked.body["values"], asked.body["ask"]: value.strip()}
        yield from _hand(dialog, asked.body["number"], told, ctx)


def _hand(dialog: Dialog, number: int, told: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    """Script `number` as a text to pass on, or a question for what it still lacks."""
    use_id, script_id = dialog.body["uses"][number - 1]
    script = _in_use(script_id, ctx)
    if script is None:
        yield Send(dialog.member, "这条话术刚刚停用了，请回复 换一批。")
        return
    customer = customers.get(ctx.db, dialog.body["customer"]) if dialog.body["customer"] else None
    filled = fill.fill(script, {**followups.values(customer, ctx), **told})
    if filled.missing:
        body = {"suggest": dialog.id, "number": number, "values": told, "ask": filled.missing[0]}
        dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=dialog.member, kind="fill",
                      body=body, now=ctx.now)  # fmt: skip
        yield Send(dialog.member, _asking(filled.missing[0]))
        return
    yield from _take(dialog, use_id, filled.text, customer, script, ctx)


def _take(
    dialog: Dialog, use_id: str, text: str, customer: Customer | None, script: Script, ctx: Ctx
) -> Iterator[Action]:
    scripts.outcome(ctx.db, use_id, "adopted")
    if customer and (why_not := ledger.ask(customer, ctx)):
        yield Send(dialog.member, why_not)
    yield Send(dialog.member, text)
    yield from materials.attached(script, dialog.member, ctx)
    if customer:
        ledger.note(customer, use_id, ctx)
        resolved.answered(customer.id, script.concerns, script.title, dialog.member, ctx)
        customers.change(ctx.db, customer.id, contacted_at=ctx.now)
        followups.touched(customer, ctx)


def more(dialog: Dialog, ctx: Ctx) -> Iterator[Action]:
    """The next batch, without those that were shown."""
    body = dialog.body
    customer = customers.get(ctx.db, body["customer"]) if body["customer"] else None
    skip = tuple(body["skip"])
    reading = ctx.read(body["text"])
    if not pick.find(body["text"], reading, customer, dialog.member, skip, ctx).items:
        yield Send(dialog.member, "没有更多对题的话术了。可以换个说法，或回复 话术 加关键词。")
        return
    yield from show(body["text"], reading, customer, None, dialog.member, skip, ctx)


def refuse(dialog: Dialog, ctx: Ctx) -> Iterator[Action]:
    """None fits: remember it, and look further."""
    for use_id, _ in dialog.body["uses"]:
        scripts.outcome(ctx.db, use_id, "refused")
    body = dialog.body
    _gap(body["text"], dialog.member, body["customer"], "顾问说不合适", ctx)
    yield Send(dialog.member, "收到，这几条以后会往后排，问题已记入缺口清单。")
    yield from more(dialog, ctx)


def why(dialog: Dialog) -> Iterator[Action]:
    body: dict[str, Any] = dialog.body
    yield Send(dialog.member, body["why"])


def search(
    words: str, member: str, customer: Customer | None, ctx: Ctx, stage: str = ""
) -> Iterator[Action]:
    """话术 充电桩: look the library up by words."""
    yield from show(words, ctx.read(words), customer, None, member, (), ctx, stage)


def following(dialog: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    """下一问 1: the scripts for what customers often ask next."""
    ids = dialog.body.get("nexts", [])
    script = ctx.bank.get(ids[n - 1]) if 1 <= n <= len(ids) else None
    if script is None:
        known = f"请回复 下一问 1 到 {len(ids)}。" if ids else "这一批下面没有列出常问的下一问。"
        yield Send(dialog.member, known)
        return
    whose = dialog.body["customer"]
    customer = customers.get(ctx.db, whose) if whose else None
    yield from search(script.q, dialog.member, customer, ctx)
