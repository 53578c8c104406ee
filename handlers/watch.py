"""社群预警: what somebody must look at, whose it is, until when, and what became of it.

Words are read where the archive lets us; elsewhere only who came, left and did what is known.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from handlers import hearing, watch_words
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.games.seat import called
from handlers.tables import Column, Table
from handlers.values import Action, Inbound, Send
from handlers.words import exactly, short
from nlp import mask
from nlp.alarms import SUSPICION
from nlp.labels import CONCERNS
from nlp.reading import Reading
from storage import customers, dialogs, groups, h5, watch
from storage.customers import Customer
from storage.db import Row
from storage.dialogs import Dialog
from storage.watch import DOING, FALSE, NEW, SOLVED, Alert

DO = "alert"
COMPLAINT, VOICES, RUMOUR, POACHING = "投诉", "舆情", "谣言", "拉人"
UNANSWERED, SILENT, FALLING = "没人答", "沉默新人", "群变弱"
LEAK, FORBIDDEN, PRIVATE = "泄露", "违规词", "私下交易"
DISSATISFIED = "低评分"
ARCHIVE, INSIDE, SERVICE = "会话存档", "内部群@机器人", "微信客服"
PASTED, PAGE = "顾问粘贴", "群页面"
URGENT = (COMPLAINT, VOICES, RUMOUR, LEAK, PRIVATE, DISSATISFIED)
ADVICE = {
    COMPLAINT: "先在群里致歉，再单独联系TA。", VOICES: "请先在群里统一回应，别逐个辩解。",
    RUMOUR: "请用官方说法澄清，别争论。", POACHING: "核实后请TA停止，必要时移出群。",
    UNANSWERED: "请到群里回一句。", SILENT: "打个招呼，发一个能轻松参加的小游戏。",
    FALLING: "看看近两周的内容，换一个话题或办一次活动。", LEAK: "请尽快撤回，并提醒当事人。",
    FORBIDDEN: "请换个说法，拿不准先发 检查 加那句话。", PRIVATE: "请当面了解，款项只走公司账户。",
    DISSATISFIED: "请亲自给TA打个电话，先听完再说怎么补救。",
}  # fmt: skip
ENDED = {"已解决": SOLVED, "误报": FALSE, "处理中": DOING}
TAIL = "回复 预警 1 已解决 加一句怎么办的；也可以写 处理中、误报。"
CLOSING = timedelta(hours=16)
LIST = r"^(?:预警|社群预警|预警列表)$"
SETTLE = (
    r"^预警\s*(?P<n>\d{1,2})\s*(?P<state>处理中|已解决|误报)"
    r"(?:\s*+[:：，,]?\s*+(?P<note>\S.{0,100}))?$"
)
NOTE = r"^预警说明\s*+[:：]?\s*+(?P<note>\S.{0,100})$"


class Place(NamedTuple):
    """Where it happens, and who answers for it."""

    chat: str
    name: str
    store: str
    owner: str


@dataclass(frozen=True, slots=True)
class Sign:
    """What was seen: `topic` tells one matter from another, `about` is a person's id."""

    kind: str
    topic: str
    why: str
    evidence: str = ""
    about: str = ""
    surface: str = ""  # where it was heard; "" for what was seen rather than heard


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said, when, and on which surface it was heard."""

    member: str
    name: str
    text: str
    at: datetime
    surface: str


# Raising


def alarm(sign: Sign, place: Place, ctx: Ctx) -> Iterator[Action]:
    """One row and one card for each matter within the span in which it is not told again."""
    s = ctx.settings.watch
    since = ctx.now - timedelta(hours=s.again_hours)
    if not s.on or watch.lately(ctx.db, sign.kind, place.chat, sign.topic, since):
        return
    within = timedelta(minutes=s.urgent_minutes) if sign.kind in URGENT else \
        timedelta(hours=s.normal_hours)  # fmt: skip
    why = f"{sign.why}，从{sign.surface}听到" if sign.surface else sign.why
    found = Alert(ctx.new_id(), sign.kind, place.chat, place.store, sign.about,
                  mask.phones(sign.evidence), why, sign.topic, place.owner, NEW, ctx.now,
                  ctx.now + within)  # fmt: skip
    watch.put(ctx.db, found)
    yield from tell(found, ctx)


def tell(found: Alert, ctx: Ctx) -> Iterator[Action]:
    """At once where it cannot wait, otherwise within the shift."""
    s = ctx.settings.followups
    working = s.shift_from <= ctx.local.time() < s.shift_to
    if not found.owner or (found.kind not in URGENT and not working):
        return
    if watch.told(ctx.db, found.id, ctx.now):
        yield card(found, found.owner, "", ctx)


def card(found: Alert, to: str, head: str, ctx: Ctx) -> Action:
    evidence = f"依据：{short(found.evidence, 80)}。" if found.evidence else ""
    until = exactly(found.due_at.astimezone(ctx.zone))
    text = f"{head}{found.why}。{evidence}{ADVICE[found.kind]}请在{until}前处理。"
    options = tuple((words, state) for words, state in
                    (("处理中", DOING), ("已解决", SOLVED), ("误报", FALSE)))  # fmt: skip
    return ask(to, Choice(DO, f"⚠️ {found.kind}：{_where(found, ctx)}", text, options,
                          {"alert": found.id}), ctx)  # fmt: skip


def _where(found: Alert, ctx: Ctx) -> str:
    room = groups.get(ctx.db, found.chat_id) if found.chat_id else None
    if room:
        return str(room["name"])
    staff = ctx.team.known(found.about)
    return ctx.team.name(found.about) if staff else ctx.team.store(found.store).name


def place_of(room: Row, ctx: Ctx) -> Place:
    """The group's owner, or whoever runs its store."""
    owner, store = str(room["owner"]), str(room["store"])
    if not ctx.team.known(owner):
        owner = ctx.team.head(store)
    return Place(str(room["chat_id"]), str(room["name"]), store, owner)


# What is heard in a group


def heard(customer: Customer, msg: Inbound, reading: Reading, ctx: Ctx) -> Iterator[Action]:
    """A customer's words in a group, which they agreed to be read."""
    room = groups.get(ctx.db, msg.chat) if msg.chat else None
    if room is None or room["kind"] == INTERNAL or not ctx.settings.watch.on:
        return
    word = Word(customer.id, nickname(msg.chat, customer.id, ctx), msg.text, msg.sent_at, ARCHIVE)
    yield from listen(word, reading, place_of(room, ctx), ctx)
    if question(reading):
        due = msg.sent_at + timedelta(minutes=ctx.settings.watch.unanswered_minutes)
        watch.ask(ctx.db, msg.id, msg.chat, customer.id, said_by(word), msg.sent_at, due)


def listen(word: Word, reading: Reading, place: Place, ctx: Ctx) -> Iterator[Action]:
    """Words in a group, or on its page, wherever they were heard."""
    said = f"{word.name}：{said_by(word)}"
    hit = reading.intent("complaint")
    if hit and not hit.rule.startswith(SUSPICION):
        why = f"{word.name}在群里投诉（“{short(mask.phones(hit.evidence), 20)}”）"
        sign = Sign(COMPLAINT, word.member, why, said, word.member, word.surface)
        yield from alarm(sign, place, ctx)
    yield from voices(word, reading, place, ctx)
    for kind, topic, why in watch_words.suspicious(word.text, reading, ctx.settings):
        sign = Sign(kind, topic, f"{word.name}{why}", said, word.member, word.surface)
        yield from alarm(sign, place, ctx)


def question(reading: Reading) -> bool:
    """Something that somebody ought to answer."""
    return reading.speech_act == "question" and bool(reading.concerns or reading.intents)


def said_by(word: Word) -> str:
    return short(mask.phones(word.text), 60)


def voices(word: Word, reading: Reading, place: Place, ctx: Ctx) -> Iterator[Action]:
    """Several people, one matter, a few minutes: of a group, else of a store."""
    s = ctx.settings.watch
    where = place.chat or f"store:{place.store}"
    for code in dict.fromkeys(c.code for c in reading.concerns if c.polarity < 0):
        words = short(mask.phones(word.text), 30)
        watch.voice(ctx.db, where, code, word.member, words, word.at)
        since = word.at - timedelta(minutes=s.voices_minutes)
        found = watch.voices(ctx.db, where, code, since)
        if len(found) >= s.voices:
            said = "；".join(f"{_called(place, row['member'], ctx)}：{row['words']}"
                            for row in found)  # fmt: skip
            who = "成员" if place.chat else "客户"
            why = (f"{s.voices_minutes}分钟内{len(found)}位{who}抱怨{CONCERNS[code]}"
                   f"（规则：{s.voices}位）")  # fmt: skip
            topic = code if place.chat else f"{place.store}:{code}"
            yield from alarm(Sign(VOICES, topic, why, said, "", word.surface), place, ctx)


def _called(place: Place, member: str, ctx: Ctx) -> str:
    """Outside of a group it is a manager who is told, and they know the customer's name."""
    if place.chat:
        return nickname(place.chat, member, ctx)
    known = customers.get(ctx.db, member)
    return known.name if known else "一位客户"


def nickname(chat: str, member: str, ctx: Ctx) -> str:
    """As the group calls them; never how an advisor notes them down."""
    name = groups.names(ctx.db, chat, [member]).get(member, "")
    return called("" if h5.remarked(ctx.db, member, name) else name)


def staffed(msg: Inbound, ctx: Ctx) -> None:
    """Staff spoke in a group: what was asked before is taken for answered; nothing is read."""
    if msg.chat and ctx.team.known(msg.sender):
        watch.answered(ctx.db, msg.chat, msg.sent_at)


# What an advisor says


def own(customer: Customer, text: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """An advisor's words to a customer, where they are read: leaks, claims, private dealings."""
    manager = ctx.team.head(customer.store)
    place = Place("", "", customer.store, manager)
    for kind, topic, why in watch_words.unfit(customer, text, ctx):
        told = f"刚才发给{customer.name}的话{why}。{ADVICE[kind]}"
        yield Send(member, f"⚠️ {told}")
        sign = Sign(kind, f"{member}:{topic}", f"{ctx.team.name(member)}发给客户的话{why}",
                    short(watch_words.masked(text), 60), member, ARCHIVE)  # fmt: skip
        yield from alarm(sign, place, ctx)


# Answering


def chosen(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    found = watch.get(ctx.db, dialog.body["alert"])
    if found is None:
        yield Send(dialog.member, "这条预警已经不在了。")
        return
    yield Send(dialog.member, _settled(found, answer, dialog.member, "", ctx))


def _settled(found: Alert, state: str, by: str, note: str, ctx: Ctx) -> str:
    if not watch.settle(ctx.db, found.id, state, by, ctx.now, mask.phones(note)):
        return f"这条{found.kind}之前就处理完了。"
    if state == DOING:
        return f"好，{found.kind}记为处理中；办完回复 预警，再写 预警 1 已解决。"
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=by, kind="alert_note",
                  body={"alert": found.id}, now=ctx.now)  # fmt: skip
    more = "" if note else "想补一句怎么办的，回复 预警说明 加一句话。"
    return f"{found.kind}记为{state}。{more}"


def listing(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """预警: one's own, a manager's stores; who reads figures only gets figures."""
    manager = ctx.team.manager(msg.sender)
    if manager and not manager.names:
        yield Send(msg.sender, _figures(manager.stores, ctx))
        return
    found = watch.open_of(ctx.db, msg.sender, manager.stores if manager else ())
    if not found:
        yield Send(msg.sender, f"现在没有待处理的社群预警。{hearing.told(ctx)}")
        return
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="alerts",
                  body={"ids": [one.id for one in found]}, now=ctx.now)  # fmt: skip
    lines = [f"{n}. {_line(one, ctx)}" for n, one in enumerate(found, 1)]
    yield Send(msg.sender, "\n".join([f"待处理的预警{len(found)}条：", *lines, TAIL]))


def _figures(stores: tuple[str, ...], ctx: Ctx) -> str:
    rows = watch.counts(ctx.db, stores, ctx.now - timedelta(days=7), ctx.now)
    said = "、".join(f"{ctx.team.store(r['store']).name}{r['kind']}{r['n']}条" for r in rows)
    return f"近7天社群预警：{said or '没有'}。"


def _line(one: Alert, ctx: Ctx) -> str:
    late = "，已超时" if one.due_at <= ctx.now else ""
    until = exactly(one.due_at.astimezone(ctx.zone))
    return (f"{one.kind}｜{_where(one, ctx)}｜{short(one.why, 40)}｜{one.state}，"
            f"{ctx.team.name(one.owner)}，{until}前{late}")  # fmt: skip


def settle(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """预警 2 已解决 已电话致歉: of the list that was shown last."""
    listed = dialogs.newest(ctx.db, msg.sender, ctx.now - CLOSING, "alerts")
    ids = listed.body["ids"] if listed else []
    n = int(match["n"])
    found = watch.get(ctx.db, ids[n - 1]) if 1 <= n <= len(ids) else None
    if found is None:
        yield Send(msg.sender, "没有这一条。先回复 预警 看列表。")
        return
    state = ENDED[match["state"]]
    yield Send(msg.sender, _settled(found, state, msg.sender, match["note"] or "", ctx))


def annotate(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """预警说明: of the alert this member closed last."""
    closed = dialogs.newest(ctx.db, msg.sender, ctx.now - CLOSING, "alert_note")
    if closed is None:
        yield Send(msg.sender, "今天还没有处理完的预警。先回复 预警 看列表。")
        return
    watch.annotate(ctx.db, closed.body["alert"], mask.phones(match["note"]))
    yield Send(msg.sender, "说明记下了，经理在预警里看得到。")


# For pages and sheets

SHOWN = 500


def table(
    stores: tuple[str, ...], since: datetime, until: datetime, ctx: Ctx, groups_only: bool = False
) -> Table:
    """Of groups only where the reader has no business with advisors and customers."""
    columns = (Column("at", "时间", "time"), Column("kind", "预警"), Column("where", "在哪"),
               Column("why", "为什么"), Column("evidence", "依据"), Column("owner", "负责人"),
               Column("state", "状态"), Column("due", "截止", "time"),
               Column("note", "怎么了结"))  # fmt: skip
    rows = tuple((one.at.isoformat(), one.kind, _where(one, ctx), one.why, one.evidence,
                  ctx.team.name(one.owner), one.state, one.due_at.isoformat(), one.note)
                 for one in watch.of_stores(ctx.db, stores, since, until, SHOWN)
                 if one.chat_id or not groups_only)  # fmt: skip
    note = (f"同一件事{ctx.settings.watch.again_hours}小时内只提醒一次；号码打了码。"
            f"{hearing.told(ctx)}")  # fmt: skip
    return Table("watch", "社群预警", columns, rows, note)


def figures(stores: tuple[str, ...], since: datetime, until: datetime, ctx: Ctx) -> Table:
    """The same without words, for who sees figures only."""
    columns = (Column("store", "门店"), Column("kind", "预警"), Column("n", "条数", "count"),
               Column("open", "没处理完", "count"))  # fmt: skip
    rows = tuple((ctx.team.store(row["store"]).name, row["kind"], row["n"], row["open"])
                 for row in watch.counts(ctx.db, stores, since, until))  # fmt: skip
    return Table("watch", "社群预警", columns, rows,
                 f"只有数，没有名字和原话。{hearing.told(ctx)}")  # fmt: skip
