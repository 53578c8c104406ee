"""Answers to what was asked: a digit, a name, a time, a button of a card."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from handlers import (
    acts,
    cards,
    chosen,
    corrections,
    digests,
    followups,
    journey,
    lost,
    merge,
    names,
    overrides,
    paste,
    privacy,
    steps,
    suggest,
    visits,
)
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send, UpdateCard
from nlp.reading import Slot
from storage import customers, dialogs
from storage import followups as owed
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.followups import FollowUp

QUESTIONS = ("suggest", "who", "which", "item", "list", "digest", "fill", "reason", "wrong",
             "choice", "visits", "when", "people", steps.LIST, lost.KIND)  # fmt: skip
LOST = """没看懂这句话。可以这样说：
· 客户王女士问：冬天续航怎么样
· 客户 王女士
· 待办
回复 帮助 看全部说法。"""


def answer(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """A digit, a name, a missing value, a reason or a time, where the newest question wants one."""
    asked = acts.recent(msg.sender, ctx, *QUESTIONS)
    if asked is None:
        return None
    if words.isdecimal() and len(words) <= 2:
        return digit(_meant(asked, int(words), ctx), int(words), ctx)
    if asked.kind in ("choice", "when") and (actions := chosen.words(asked, words, ctx)):
        return actions
    if asked.kind == "fill" and _is_value(asked, words, ctx):
        return suggest.supply(asked, words, ctx)
    if asked.kind == "reason" and journey.reason(words):
        return journey.because(asked, words, ctx)
    if asked.kind == lost.KIND and (actions := lost.answer(asked, words, ctx)):
        return actions
    if asked.kind == "who" and len(words) <= 12 and (actions := _named(asked, words, ctx)):
        return actions
    return snooze_words(words, msg.sender, ctx)


def _is_value(asked: Dialog, words: str, ctx: Ctx) -> bool:
    """Short, soon, and no customer's words."""
    soon = ctx.now - asked.at <= timedelta(minutes=ctx.settings.followups.focus_minutes)
    return soon and len(words) <= 40 and paste.told(words) is None


def _meant(asked: Dialog, n: int, ctx: Ctx) -> Dialog:
    """Scripts and the question who asked come together: 0 answers the question, 2 takes one."""
    if asked.kind == "who" and n:
        return acts.recent(asked.member, ctx, "suggest") or asked
    return asked


def _named(asked: Dialog, words: str, ctx: Ctx) -> Iterator[Action] | None:
    """A short answer to 这是哪位客户说的？; None when it is no name at all."""
    found = names.look(words, asked.member, ctx)
    more = not found.exact and names.mentioned(words, asked.member, ctx)
    if not found.candidates or more:  # 李先生说别再联系他了 is more than an answer
        return None
    dialogs.close(ctx.db, asked.id)
    then = {"do": "book", "text": asked.body["text"]}
    return acts.with_customer(words, asked.member, then, ctx)


def digit(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    member = asked.member
    if asked.kind == "suggest":
        yield from suggest.adopt(asked, n, ctx)
    elif asked.kind == "which":
        yield from _which(asked, n, ctx)
    elif asked.kind == "list":
        yield from _open_item(asked, n, ctx)
    elif asked.kind == "item":
        yield from press(asked, {1: "done", 2: "tomorrow", 3: "other"}.get(n, ""), ctx)
    elif asked.kind == "wrong":
        yield from corrections.pick(asked, n, ctx)
    elif asked.kind == "visits":
        yield from visits.open_(asked, n, ctx)
    elif asked.kind == "people":
        yield from _person(asked, n, ctx)
    elif asked.kind == "digest":
        yield from digests.detail(asked, n, ctx)
    elif asked.kind == "reason":
        yield from journey.because(asked, str(n), ctx)
    elif asked.kind == steps.LIST:
        yield from steps.open_(asked, n, ctx)
    elif asked.kind == lost.KIND:
        yield from lost.digit(asked, n, ctx)
    elif asked.kind == "choice":
        yield from chosen.take(asked, n, ctx)
    elif asked.kind == "who" and n == 0:
        dialogs.close(ctx.db, asked.id)
        yield Send(member, "好，这次不记到客户名下。")
    else:
        yield Send(member, "这里要的不是数字。" + LOST)


def _person(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    """Line `n` of a list of customers."""
    ids = asked.body["ids"]
    customer = customers.get(ctx.db, ids[n - 1]) if 1 <= n <= len(ids) else None
    if customer is None:
        yield Send(asked.member, f"请回复 1 到 {len(ids)}。")
        return
    yield from cards.show(customer, asked.member, ctx)


def _which(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    body = asked.body
    if "speakers" in body:
        yield from _speaker(asked, n, ctx)
        return
    customer = customers.get(ctx.db, body["ids"][n - 1]) if 1 <= n <= len(body["ids"]) else None
    if customer is None:
        yield Send(asked.member, f"请回复 1 到 {len(body['ids'])}。")
        return
    dialogs.close(ctx.db, asked.id)
    yield from acts.perform(customer, asked.member, body, ctx)


def _speaker(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    speakers = asked.body["speakers"]
    if not 1 <= n <= len(speakers):
        yield Send(asked.member, f"请回复 1 到 {len(speakers)}。")
        return
    dialogs.close(ctx.db, asked.id)
    picked = paste.pick(asked.body["text"], ctx.team.name(asked.member), speakers[n - 1])
    then = {"do": "words", "text": picked.text}
    yield from acts.with_customer(picked.name, asked.member, then, ctx)


def _open_item(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    picked = _picked(asked, str(n), ctx)
    if picked is None or picked[1] is None:
        yield Send(asked.member, f"名单里只有{len(asked.body['items'])}位，请回复其中一个序号。")
        return
    customer = picked[0]
    cards.focus(customer, asked.member, ctx)
    yield from followups.show(followups.item(picked[1], customer, ctx), asked.member, ctx)


def for_item(
    number: str, member: str, ctx: Ctx,
    act: Callable[[Customer, FollowUp | None, str, Ctx], Iterator[Action]],
) -> Iterator[Action]:  # fmt: skip
    """Act on line `number` of the newest list, or on the newest single reminder."""
    dialog = (
        acts.recent(member, ctx, "list") if number else acts.recent(member, ctx, "item", "list")
    )
    picked = _picked(dialog, number, ctx) if dialog else None
    if picked is None:
        yield Send(member, "是哪一位？回复 待办 看名单，再回复 已联系 1；或 已联系 王女士。")
        return
    yield from act(*picked, member, ctx)


def _picked(dialog: Dialog, number: str, ctx: Ctx) -> tuple[Customer, FollowUp | None] | None:
    if dialog.kind == "item":
        customer = customers.get(ctx.db, dialog.body["customer"])
        followup_id = dialog.body["followup"]
        return (customer, owed.get(ctx.db, followup_id)) if customer else None
    items = dialog.body["items"]
    if not number and len(items) > 1:
        return None
    index = int(number or 1) - 1
    followup = owed.get(ctx.db, items[index]) if 0 <= index < len(items) else None
    customer = customers.get(ctx.db, followup.customer) if followup else None
    return (customer, followup) if customer else None


def press(dialog: Dialog, key: str, ctx: Ctx) -> Iterator[Action]:
    """A button of a reminder or customer card, by tap or by digit."""
    picked = _picked(dialog, "", ctx)
    if picked is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
    elif key == "done":
        yield from acts.contacted(*picked, dialog.member, ctx)
    elif key == "tomorrow":
        yield from acts.snoozer(ctx.tomorrow(ctx.settings.followups.morning))(
            *picked, dialog.member, ctx
        )
    elif key == "other":
        yield from acts.other(dialog, ctx)
    elif key == "wrong":
        yield from corrections.ask(picked[0], dialog.member, ctx)
    elif key == "why":
        yield Send(dialog.member, why(*picked, ctx))
    elif key == "level":
        yield from overrides.offer(picked[0], dialog.member, ctx)
    else:
        yield Send(dialog.member, "请回复 1 已联系、2 明早、3 换话术。")


def why(customer: Customer, followup: FollowUp | None, ctx: Ctx) -> str:
    """Of a reminder the rule it comes from, of a card the tier and level."""
    return followups.explain(followup, customer, ctx) if followup else cards.why(customer, ctx)


def why_item(number: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """为什么 2: of a line of the newest list."""
    dialog = acts.recent(member, ctx, "list")
    picked = _picked(dialog, number, ctx) if dialog else None
    if picked is None:
        yield Send(member, "名单里没有这个序号。回复 待办 看名单，再回复 为什么 1。")
        return
    yield Send(member, why(*picked, ctx))


_MORNING = re.compile(
    r"^(?:那就|改到|等到?|先)?\s*(?P<words>.+?)\s*(?:再?(?:说|提醒我?|联系|跟进))?\s*(?P<n>\d)?$"
)


def snooze_words(words: str, member: str, ctx: Ctx) -> Iterator[Action] | None:
    """明早, 周六下午3点, 两小时后, 明早 2: only when there is something to put off."""
    if acts.recent(member, ctx, "item", "list") is None:
        return None
    match = _MORNING.match(words)
    to = moment(match["words"], ctx) if match else None
    if match is None or to is None:
        return None
    return for_item(match["n"] or "", member, ctx, acts.snoozer(to))


def moment(words: str, ctx: Ctx) -> datetime | None:
    """The time that these words are, and nothing else but; a day alone means its morning list."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    return _start(slot, ctx) if slot and slot.text.strip() == words.strip() else None


def timed(words: str, ctx: Ctx) -> bool:
    """Whether these words are a time and nothing else, past or to come."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    return slot is not None and slot.text.strip() == words.strip()


def time_in(words: str, ctx: Ctx) -> datetime | None:
    """The time that is named somewhere in these words."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    return _start(slot, ctx) if slot else None


def _start(slot: Slot, ctx: Ctx) -> datetime | None:
    start = datetime.fromisoformat(slot.value["from"])
    end = datetime.fromisoformat(slot.value["to"])
    local = start.astimezone(ctx.zone)
    s = ctx.settings.followups
    if end - start >= timedelta(hours=3) and local.time() < s.shift_from:
        start = ctx.on(local.date(), s.morning)
    return start if start > ctx.now else None


def card(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A button was pressed: do it, and show on the card what was done."""
    dialog = dialogs.get(ctx.db, str(msg.fields.get("TaskId", "")))
    key = str(msg.fields.get("EventKey", ""))
    code = str(msg.fields.get("ResponseCode", ""))
    if dialog is None or dialog.member.lower() != msg.sender.lower():
        yield UpdateCard("已失效", msg.sender, code)
        return
    yield UpdateCard(PRESSED.get(key.partition(":")[0], "已处理"), msg.sender, code)
    if dialog.kind == "suggest":
        yield from _suggest_card(dialog, key, ctx)
    elif dialog.kind in DECIDED:
        yield from DECIDED[dialog.kind](dialog, key, ctx)
    else:
        yield from press(dialog, key, ctx)


# Cards that ask for one decision: whoever asked acts on the button.
DECIDED: dict[str, Callable[[Dialog, str, Ctx], Iterator[Action]]] = {
    "choice": chosen.decide,
    "erase": privacy.decide,
    "merge": merge.decide,
}
PRESSED = {"use": "已采用", "more": "已换一批", "refuse": "已记为不合适", "why": "已说明",
           "done": "已联系", "tomorrow": "明早提醒", "other": "已给话术",
           "wrong": "看下面", "level": "看下面", "pick": "已选"}  # fmt: skip


def _suggest_card(dialog: Dialog, key: str, ctx: Ctx) -> Iterator[Action]:
    name, _, number = key.partition(":")
    if name == "use":
        yield from suggest.adopt(dialog, int(number), ctx)
    elif name == "more":
        yield from suggest.more(dialog, ctx)
    elif name == "refuse":
        yield from suggest.refuse(dialog, ctx)
    elif name == "why":
        yield from suggest.why(dialog)
