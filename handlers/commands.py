"""The advisor's conversation in the app chat: commands, answers to questions, pasted words."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from handlers import (
    cards,
    concerns,
    digests,
    followups,
    journey,
    names,
    paste,
    pick,
    suggest,
    undo,
)
from handlers.context import Ctx
from handlers.router import Router, on
from handlers.values import Action, Inbound, Send, UpdateCard
from handlers.words import TIERS, when
from nlp import mask
from storage import customers, dialogs
from storage import followups as owed
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.followups import FollowUp

HELP = """我能帮你做这些：
· 贴客户的话：客户王女士问：冬天续航怎么样（整段聊天记录也行）
· 采用 2｜换一批｜不合适｜为什么
· 客户 王女士：看标签、未解决的顾虑、上次联系
· 待办：今天该联系谁；已联系 1｜明早 1｜周六下午3点
· 记录 王女士 周六下午3点试驾（也可：到店、报价、下订、交付、没来、战败）
· 话术 充电桩：按词查话术库
· 撤销：收回刚才那一步"""
LOST = """没看懂这句话。可以这样说：
· 客户王女士问：冬天续航怎么样
· 客户 王女士
· 待办
回复 帮助 看全部说法。"""
STRANGER = "您好，我是门店的销售助手，您还不在使用名单里，请联系店里的管理员开通。"
MEDIA = {
    "voice": "语音我听不了，请长按语音“转文字”后贴给我。",
    "image": "图片我看不了，请把客户说的话打成文字贴给我。",
    "video": "视频我看不了，请把客户说的话打成文字贴给我。",
    "file": "文件我读不了，请把客户说的话打成文字贴给我。",
    "location": "收到位置。要记试驾地点，请回复 记录 加客户姓名和时间。",
    "link": "收到链接。要我找话术，请把客户的问题打成文字贴给我。",
}

Command = Callable[[re.Match[str], Inbound, Ctx], Iterator[Action] | None]


def text(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Whatever a member writes to the app."""
    if not known(msg.sender, ctx):
        return stranger(msg, ctx)
    words = msg.text.strip()
    for pattern, command in COMMANDS:
        match = pattern.match(words)
        if match and (actions := command(match, msg, ctx)) is not None:
            return actions
    if (actions := _answer(words, msg, ctx)) is not None:
        return actions
    return customer_words(words, msg, ctx)


def known(member: str, ctx: Ctx) -> bool:
    return bool(ctx.team.advisor(member) or ctx.team.manager(member))


def stranger(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Send(msg.sender, STRANGER)
    for operator in ctx.settings.access.operators:
        yield Send(operator, f"{msg.sender} 给销售助手发了消息，但不在任何名单里。")


def media(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not known(msg.sender, ctx):
        yield from stranger(msg, ctx)
        return
    fallback = "这种消息我读不了，请把客户说的话打成文字贴给我。"
    yield Send(msg.sender, MEDIA.get(msg.kind, fallback))


def help_(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    extra = digests.HELP if ctx.team.manager(msg.sender) else ""
    yield Send(msg.sender, HELP + extra)


# Which customer is meant


def recent(member: str, ctx: Ctx, *kinds: str) -> Dialog | None:
    """The newest open dialog of today; what was asked yesterday is not answered by a digit."""
    return dialogs.newest(ctx.db, member, ctx.now - timedelta(hours=16), *kinds)


def focused(member: str, ctx: Ctx) -> Customer | None:
    """The customer named a moment ago, whose words a bare paste is taken for."""
    since = ctx.now - timedelta(minutes=ctx.settings.followups.focus_minutes)
    dialog = dialogs.newest(ctx.db, member, since, "focus")
    return customers.get(ctx.db, dialog.body["customer"]) if dialog else None


def choose(name: str, member: str, then: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    """Offer the candidates; the answer continues with `then`."""
    among = names.visible(member, ctx)
    found = names.find(name, among)
    if not found.candidates:
        yield Send(member, names.not_found(name, ctx, among))
        return
    ids = [c.id for c in found.candidates]
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="which",
                  body={"ids": ids, **then}, now=ctx.now)  # fmt: skip
    head = f"有{len(ids)}位“{name}”，" if found.exact else f"没有“{name}”，是不是："
    rows = [f"{n}. {names.describe(c, ctx)}" for n, c in enumerate(found.candidates, 1)]
    yield Send(
        member, "\n".join([head + ("请选一位：" if found.exact else ""), *rows, "回复序号。"])
    )


def with_customer(name: str, member: str, then: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    """Do `then` for the customer of that name, asking when it is not plain who that is."""
    customer = names.find(name, names.visible(member, ctx)).one
    if customer is None:
        yield from choose(name, member, then, ctx)
    else:
        yield from perform(customer, member, then, ctx)


def perform(customer: Customer, member: str, then: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    do = then["do"]
    if do == "show":
        yield from cards.show(customer, member, ctx)
    elif do == "words":
        yield from booked(customer, then["text"], member, ctx)
    elif do == "book":
        yield from book_only(customer, then["text"], member, ctx)
    elif do == "record":
        yield from recorded(customer, then["text"], member, ctx)
    elif do == "done":
        yield from contacted(customer, None, member, ctx)
    elif do == "why":
        cards.focus(customer, member, ctx)
        yield Send(member, cards.why(customer, ctx))


# Commands


def show(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    return with_customer(match["name"], msg.sender, {"do": "show"}, ctx)


def search(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    customer = focused(msg.sender, ctx)
    return suggest.search(match["words"], msg.sender, customer, ctx)


def record(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    rest = match["rest"].strip()
    name, _, words = rest.partition(" ")
    if not words:
        name, words = _split(rest, msg.sender, ctx)
    return with_customer(name, msg.sender, {"do": "record", "text": words.strip()}, ctx)


def _split(rest: str, member: str, ctx: Ctx) -> tuple[str, str]:
    """王女士周六试驾 without a blank: the longest known name that it begins with."""
    known_names = sorted((c.name for c in names.visible(member, ctx)), key=len, reverse=True)
    name = next((n for n in known_names if n and rest.startswith(n)), rest)
    return name, rest[len(name) :]


def recorded(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    note = journey.parse(words, ctx)
    if note is None:
        yield Send(member, f"没看懂要给{customer.name}记什么。可以记：{journey.DEALS}，"
                           f"例如：记录 {customer.name} 周六下午3点试驾")  # fmt: skip
        return
    yield from journey.record(customer, note, member, ctx)


def todo(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What is due until the end of today, without counting as a reminder."""
    end = ctx.on(ctx.today + timedelta(days=1), ctx.settings.followups.shift_from)
    found = [f for f in owed.owed_by(ctx.db, msg.sender, end)]
    items = [followups.item(f, c, ctx) for f in found[:30]
             if (c := customers.get(ctx.db, f.customer))]  # fmt: skip
    if not items:
        yield Send(msg.sender, "今天没有待办，到期的都处理完了。")
        return
    rows = [f"{n}. {followups.line(it)}" for n, it in enumerate(items[:8], 1)]
    more = [f"另有{len(items) - 8}位排在后面。"] if len(items) > 8 else []
    body = {"items": [it.followup.id for it in items[:8]]}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="list", body=body,
                  now=ctx.now)  # fmt: skip
    tail = "回复序号看话术；已联系 1、明早 1 直接处理。"
    yield Send(msg.sender, "\n".join([f"待办{len(items)}位：", *rows, *more, tail]))


def adopt(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = recent(msg.sender, ctx, "suggest")
    if dialog is None:
        yield Send(
            msg.sender, "现在没有可采用的话术。请先贴客户的话，例如：客户王女士问：冬天续航怎么样"
        )
        return
    yield from suggest.adopt(dialog, int(match["n"] or 1), ctx)


def more(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = recent(msg.sender, ctx, "suggest", "item")
    if dialog is None:
        yield Send(msg.sender, "现在没有可换的话术。请先贴客户的话。")
    elif dialog.kind == "item":
        yield from other(dialog, ctx)
    else:
        yield from suggest.more(dialog, ctx)


def refuse(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = recent(msg.sender, ctx, "suggest")
    if dialog is None:
        yield Send(msg.sender, "现在没有话术可评价。请先贴客户的话。")
        return
    yield from suggest.refuse(dialog, ctx)


def why(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if match["name"]:
        yield from with_customer(match["name"], msg.sender, {"do": "why"}, ctx)
        return
    dialog = recent(msg.sender, ctx, "suggest", "item", "digest")
    if dialog is None:
        yield Send(msg.sender, "想知道哪一位的判断依据？回复 为什么 加姓名，例如：为什么 王女士")
    else:
        yield from explain(dialog, ctx)


def explain(dialog: Dialog, ctx: Ctx) -> Iterator[Action]:
    if dialog.kind == "suggest":
        yield from suggest.why(dialog)
    elif dialog.kind == "digest":
        yield from digests.why(dialog, ctx)
    elif customer := customers.get(ctx.db, dialog.body["customer"]):
        yield Send(dialog.member, cards.why(customer, ctx))


def take_back(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    return undo.undo(msg.sender, ctx)


# Reminders


def done(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    rest = (match["rest"] or "").strip()
    if rest and not rest.isdecimal():
        return with_customer(rest, msg.sender, {"do": "done"}, ctx)
    return _for_item(rest, msg.sender, ctx, contacted)


def _for_item(
    number: str, member: str, ctx: Ctx,
    act: Callable[[Customer, FollowUp | None, str, Ctx], Iterator[Action]],
) -> Iterator[Action]:  # fmt: skip
    """Act on line `number` of the newest list, or on the newest single reminder."""
    dialog = recent(member, ctx, "list") if number else recent(member, ctx, "item", "list")
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


def contacted(
    customer: Customer, followup: FollowUp | None, member: str, ctx: Ctx
) -> Iterator[Action]:
    """The advisor has been in touch: close what was owed, plan the next."""
    open_ones = owed.open_of(ctx.db, customer.id)
    target = followup or next(iter(open_ones), None)
    for one in open_ones:
        if one.due_at <= ctx.now or one.reminded_at or one == target:
            owed.close(ctx.db, one.id, ctx.now, "已联系")
    customers.change(ctx.db, customer.id, contacted_at=ctx.now)
    undo.remember(ctx, member, f"{customer.name} 已联系", customer=customer.id, followup=target)
    fresh = customers.get(ctx.db, customer.id) or customer
    followups.plan_cadence(fresh, ctx)
    ahead = [f for f in owed.open_of(ctx.db, customer.id)]
    said = f"下次{when(ahead[0].due_at.astimezone(ctx.zone), ctx.local)}提醒" if ahead else ""
    note = (
        f"{customer.name} 已联系。{said}。记错了回复 撤销。"
        if said
        else f"{customer.name} 已联系。"
    )
    yield Send(member, note)


def snoozer(
    to: datetime,
) -> Callable[[Customer, FollowUp | None, str, Ctx], Iterator[Action]]:
    def snooze(
        customer: Customer, followup: FollowUp | None, member: str, ctx: Ctx
    ) -> Iterator[Action]:
        target = followup or next(iter(owed.open_of(ctx.db, customer.id)), None)
        undo.remember(ctx, member, f"{customer.name} 的提醒改期", customer=customer.id,
                      followup=target)  # fmt: skip
        if target is not None and target.state == "open":
            owed.snooze(ctx.db, target.id, to)
        else:
            owed.plan(ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=member,
                      kind="own", due=to, reason="你设的提醒", now=ctx.now)  # fmt: skip
        said = when(to.astimezone(ctx.zone), ctx.local)
        yield Send(member, f"好，{said}再提醒你联系{customer.name}。改错了回复 撤销。")

    return snooze


_MORNING = re.compile(
    r"^(?:那就|改到|等到?|先)?\s*(?P<words>.+?)\s*(?:再?(?:说|提醒我?|联系|跟进))?\s*(?P<n>\d)?$"
)


def snooze_words(words: str, member: str, ctx: Ctx) -> Iterator[Action] | None:
    """明早, 周六下午3点, 两小时后, 明早 2: only when there is something to put off."""
    if recent(member, ctx, "item", "list") is None:
        return None
    match = _MORNING.match(words)
    to = moment(match["words"], ctx) if match else None
    if match is None or to is None:
        return None
    return _for_item(match["n"] or "", member, ctx, snoozer(to))


def moment(words: str, ctx: Ctx) -> datetime | None:
    """The time that these words are, and nothing else but; a day alone means its morning list."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    if slot is None or slot.text.strip() != words.strip():
        return None
    start = datetime.fromisoformat(slot.value["from"])
    end = datetime.fromisoformat(slot.value["to"])
    local = start.astimezone(ctx.zone)
    s = ctx.settings.followups
    if end - start >= timedelta(hours=3) and local.time() < s.shift_from:
        start = ctx.on(local.date(), s.morning)
    return start if start > ctx.now else None


def other(dialog: Dialog, ctx: Ctx) -> Iterator[Action]:
    """换话术 for a reminder or a card: three scripts for what is unresolved."""
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
        return
    found = customers.tags(ctx.db, customer.id, ctx.now, "concern")
    words = "；".join(t.evidence for t in found if t.state in ("", "stuck")) or "好久没联系了"
    yield from suggest.search(words, dialog.member, customer, ctx)


# Answers to what was asked


def _answer(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """A digit, a name, a missing value, a reason or a time, where the newest question wants one."""
    asked = recent(msg.sender, ctx, "suggest", "who", "which", "item", "list", "digest", "fill",
                   "reason")  # fmt: skip
    if asked is None:
        return None
    if words.isdecimal() and len(words) <= 2:
        return digit(asked, int(words), ctx)
    if asked.kind == "fill" and len(words) <= 40:
        return suggest.supply(asked, words, ctx)
    if asked.kind == "reason" and (why_not := journey.reason(words)):
        dialogs.close(ctx.db, asked.id)
        body = asked.body
        return journey.explain(body["event"], body["name"], why_not, msg.sender, ctx)
    if asked.kind == "who" and len(words) <= 12 and (actions := _named(asked, words, ctx)):
        return actions
    return snooze_words(words, msg.sender, ctx)


def _named(asked: Dialog, words: str, ctx: Ctx) -> Iterator[Action] | None:
    """A short answer to 这是哪位客户说的？; None when it is no name at all."""
    found = names.find(words, names.visible(asked.member, ctx))
    if not found.candidates:
        return None
    dialogs.close(ctx.db, asked.id)
    then = {"do": "book", "text": asked.body["text"]}
    return with_customer(words, asked.member, then, ctx)


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
    elif asked.kind == "digest":
        yield from digests.detail(asked, n, ctx)
    elif asked.kind == "who" and n == 0:
        dialogs.close(ctx.db, asked.id)
        yield Send(member, "好，这次不记到客户名下。")
    else:
        yield Send(member, "这里要的不是数字。" + LOST)


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
    yield from perform(customer, asked.member, body, ctx)


def _speaker(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    speakers = asked.body["speakers"]
    if not 1 <= n <= len(speakers):
        yield Send(asked.member, f"请回复 1 到 {len(speakers)}。")
        return
    dialogs.close(ctx.db, asked.id)
    picked = paste.pick(asked.body["text"], ctx.team.name(asked.member), speakers[n - 1])
    then = {"do": "words", "text": picked.text}
    yield from with_customer(picked.name, asked.member, then, ctx)


def _open_item(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    picked = _picked(asked, str(n), ctx)
    if picked is None or picked[1] is None:
        yield Send(asked.member, f"名单里只有{len(asked.body['items'])}位，请回复其中一个序号。")
        return
    customer = picked[0]
    cards.focus(customer, asked.member, ctx)
    yield from followups.show(followups.item(picked[1], customer, ctx), asked.member, ctx)


def press(dialog: Dialog, key: str, ctx: Ctx) -> Iterator[Action]:
    """A button of a reminder or customer card, by tap or by digit."""
    picked = _picked(dialog, "", ctx)
    if picked is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
    elif key == "done":
        yield from contacted(*picked, dialog.member, ctx)
    elif key == "tomorrow":
        yield from snoozer(ctx.tomorrow(ctx.settings.followups.morning))(
            *picked, dialog.member, ctx
        )
    elif key == "other":
        yield from other(dialog, ctx)
    elif key == "why":
        yield Send(dialog.member, cards.why(picked[0], ctx))
    else:
        yield Send(dialog.member, "请回复 1 已联系、2 明早、3 换话术。")


# The customer's words


def customer_words(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What is no command is taken for a customer's words, pasted by the advisor."""
    me = ctx.team.name(msg.sender)
    chat = paste.transcript(words, me)
    if chat and chat.unclear:
        return _who_speaks(chat, words, msg, ctx)
    pasted = chat or paste.told(words)
    if pasted and pasted.text:
        return with_customer(pasted.name, msg.sender, {"do": "words", "text": pasted.text}, ctx)
    customer = focused(msg.sender, ctx)
    if customer:
        return booked(customer, words, msg.sender, ctx)
    return nameless(words, msg, ctx)


def _who_speaks(chat: paste.Paste, words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not chat.unclear:
        yield Send(msg.sender, LOST)
        return
    body = {"speakers": list(chat.unclear), "text": words}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="which", body=body,
                  now=ctx.now)  # fmt: skip
    rows = [f"{n}. {name}" for n, name in enumerate(chat.unclear, 1)]
    yield Send(msg.sender, "\n".join(["这段记录里有几个人说话，哪位是客户？", *rows, "回复序号。"]))


def booked(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """Words of a known customer: tags, tier, alarms, then three scripts."""
    noted = concerns.note(customer, words, ctx, source="paste", member=member)
    cards.focus(customer, member, ctx)
    yield from suggest.offer(words, noted.customer, noted, member, ctx)
    yield from concerns.alarms(noted, ctx)


def book_only(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """Scripts were given already; now it is known whose words they were."""
    noted = concerns.note(customer, words, ctx, source="paste", member=member)
    cards.focus(customer, member, ctx)
    c = noted.customer
    head = f"已记到{c.name}名下｜{TIERS[c.tier]}·{c.level}级"
    lines = [head, *concerns.summary(noted.reading), f"依据：{c.tier_reason}；{c.level_reason}"]
    yield Send(member, "\n".join(lines))
    yield from concerns.alarms(noted, ctx)


def nameless(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Nobody was named: scripts at once, and a question who it was."""
    reading = pick.read(words, ctx)
    found = pick.find(words, reading, None, msg.sender, (), ctx)
    empty = not (reading.concerns or reading.intents or reading.slots)
    if empty and not found.confident and reading.speech_act != "question":
        yield Send(msg.sender, LOST)
        return
    yield from suggest.show(words, reading, None, None, msg.sender, (), ctx)
    body = {"text": mask.phones(words)}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="who", body=body,
                  now=ctx.now)  # fmt: skip
    yield Send(msg.sender, "这是哪位客户说的？回复姓名，我记到TA名下；不用记就回复 0。")


# Cards


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
    else:
        yield from press(dialog, key, ctx)


PRESSED = {"use": "已采用", "more": "已换一批", "refuse": "已记为不合适", "why": "已说明",
           "done": "已联系", "tomorrow": "明早提醒", "other": "已给话术"}  # fmt: skip


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


COMMANDS: tuple[tuple[re.Pattern[str], Command], ...] = tuple(
    (re.compile(pattern), command)
    for pattern, command in (
        (r"^(?:帮助|help|\?|？|使用说明|怎么用)$", help_),
        (r"^(?:详情)\s*(?P<n>\d{1,2})$", digests.detail_command),
        (r"^(?:日报|早报|晚报)$", digests.now),
        (r"^(?:客户|查客户|看客户)\s+(?P<name>\S.{0,20})$", show),
        (r"^话术\s*[:：]?\s*(?P<words>\S.{0,60})$", search),
        (r"^(?:记录|记一下|登记)\s*[:：]?\s*(?P<rest>\S.+)$", record),
        (r"^(?:待办|今天待办|今日待办|任务|跟进)$", todo),
        (r"^(?:采用|用|选)\s*(?:第\s*)?(?P<n>\d)?\s*条?$", adopt),
        (r"^(?:换一批|换一换|再换|换一条|换话术)$", more),
        (r"^(?:不合适|都不行|都不合适|不对题)$", refuse),
        (r"^为什么\s*(?P<name>\S{1,12})?\s*[?？]?$", why),
        (r"^(?:撤销|撤回|取消上一步)$", take_back),
        (r"^(?:已联系|已跟进|联系了|联系过了)\s*(?P<rest>\S{1,12})?$", done),
    )
)

router = Router(
    (
        (on("app", "text"), text),
        (lambda m: m.event in ("template_card_event", "template_card_menu_event"), card),
        (on("app", *MEDIA), media),
    )
)
