"""微信客服: a WeChat visitor is answered from approved scripts, or handed to a person.

An answer leaves by itself only when the library is sure of it. Everything else goes to an
advisor, with what was understood, so that the customer need not say it twice.
"""

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from handlers import (
    bursts,
    concerns,
    followups,
    leads,
    pick,
    privacy,
    recalls,
    resolved,
    stars,
    suggest,
    waiting,
    watch,
    watch_ears,
)
from handlers.context import Ctx
from handlers.followups import values
from handlers.games import alone
from handlers.games.seat import called
from handlers.router import Router, Test
from handlers.settings import Page
from handlers.shifts import on_shift
from handlers.values import (
    Action,
    Inbound,
    KfHand,
    KfInvite,
    KfLink,
    KfPull,
    KfText,
    KfWho,
    Send,
)
from handlers.words import short
from nlp import mask
from nlp.reading import Reading
from scriptbank import guard
from scriptbank.fill import fill
from scriptbank.script import Script, Suggestions
from storage import customers, events, kf
from storage.customers import Customer
from storage.kf import Session

FILE = Path(__file__).with_name("kf.toml")
CUSTOMER = 3  # the origin of what a visitor wrote
SERVICER = 5  # and of what a person answered in the service chat
VISITOR = "微信访客"
SKIP = "跳过"
LONGEST = 2048  # bytes of one message; two would cost two of five
READ, LATER_ON = "reading", "cool_off"
ASK, MISSED = "ask", timedelta(hours=6)
READY = ("visit", "test_drive", "quote", "order", "deposit", "finance_plan", "tradein_eval")
PERSON = ("人工", "转人工", "真人", "找人", "客服")
POLITE = ("greeting", "thanks", "chitchat")
HANDED = "好的，我请{advisor}来回复您，请稍等。"
LATER = "已经收到，现在不是上班时间，{advisor}上班后第一时间回复您。"
HELLO = "您好，我是门店的在线助手，可以直接问我续航、充电、价格、配置，也可以随时回复“人工”。"
FAILED = {1: "客服账号已删除", 2: "应用已关闭", 4: "超过48小时", 5: "会话已结束", 6: "超过5条",
          7: "没有绑定视频号", 8: "企业没有认证", 9: "企业没有认证，也没有绑定视频号",
          10: "客户拒收"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    text: str
    means: str  # the customer's words that the tap stands for; "" tells nothing


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    choices: tuple[Choice, ...]

    @property
    def menu(self) -> tuple[tuple[str, str], ...]:
        """Id and words of each item, the last one skips."""
        texts = [*(choice.text for choice in self.choices), SKIP]
        return tuple((f"{ASK}:{self.id}:{n}", text) for n, text in enumerate(texts))


@functools.cache
def questions() -> tuple[Question, ...]:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))["question"]
    return tuple(Question(q["id"], q["text"], tuple(Choice(**c) for c in q["choices"]))
                 for q in given)  # fmt: skip


# The bell, and what it brings


def bell(msg: Inbound, _: Ctx) -> Iterator[Action]:
    """There is something to read; the messages come back as messages of their own."""
    yield KfPull(str(msg.fields["OpenKfId"]), str(msg.fields.get("Token", "")))


def tick(ctx: Ctx) -> Iterator[Action]:
    """A bell that never rang: each account is read again after six quiet hours."""
    for account in kf.silent(ctx.db, ctx.now - MISSED):
        kf.move(ctx.db, account, kf.cursor(ctx.db, account), ctx.now)
        yield KfPull(account, "")


def entered(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Greet once, with the first question to tap; a code is good for twenty seconds."""
    code = str(_event(msg).get("welcome_code") or "")
    if not code or not ctx.settings.kf.answer:
        return
    session = kf.session(ctx.db, msg.sender, msg.to)
    question = _next(session, ctx)
    kf.put(ctx.db, _put_to(session, question))
    hello = ctx.settings.kf.welcome or HELLO
    text = f"{hello}\n{question.text}" if question else hello
    yield KfText(msg.sender, msg.to, text, question.menu if question else (), code)


def said(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A visitor's words, or a tap on a question."""
    known = customers.get(ctx.db, msg.sender)
    customer = known or _visitor(msg, ctx)
    if known is None:
        yield KfWho(msg.sender)
    session = _heard(msg, ctx)
    words, tapped = _words(msg)
    if not words:
        yield from _ask_on(session, ctx)
        return
    if asked := privacy.mine(customer, words, ctx):
        yield KfText(msg.sender, msg.to, asked[0])
        yield from asked[1]
        return
    if starred := stars.tapped(_menu_id(msg), customer, ctx):
        yield from _speak(session, starred[0], ctx)
        yield from starred[1]
        return
    if session.state != kf.PERSON and (turn := alone.heard(words, msg, called(customer.name), ctx)):
        yield from _speak(
            session, turn.text, ctx, tuple((f"game:{n}", item) for n, item in enumerate(turn.menu))
        )
        return
    noted = concerns.note(customer, words, ctx, source="kf", member=customer.owner, msg_id=msg.id,
                          said_at=msg.sent_at, piece=not tapped)  # fmt: skip
    yield from concerns.alarms(noted, ctx)
    yield from watch_ears.private(noted.customer, words, noted.reading, watch.SERVICE, ctx)
    if session.state == kf.PERSON:
        waiting.heard(noted.customer, words, msg.sent_at, noted.reading, ctx)
    if session.state == kf.PERSON or bursts.more_coming(msg, ctx):
        return
    yield from _reply(msg, session, noted, ctx)


def _reply(msg: Inbound, session: Session, noted: concerns.Noted, ctx: Ctx) -> Iterator[Action]:
    """The next question, something to read for who is only looking, or an answer."""
    words, tapped = _words(msg)
    page, looking = _page(session, noted, ctx), _only_looking(noted.reading)
    if (looking and READ in session.asked) or (tapped and (page or _next(session, ctx))):
        yield from _lead(session, page, ctx)
        yield from _ask_on(kf.session(ctx.db, msg.sender, msg.to), ctx)
    elif looking and page:
        yield from _lead(session, page, ctx)
    else:
        yield from _answer(session, noted, words, ctx)
        yield from _lead(kf.session(ctx.db, msg.sender, msg.to), page, ctx)
        yield from _how_was_it(kf.session(ctx.db, msg.sender, msg.to), ctx)


def _how_was_it(session: Session, ctx: Ctx) -> Iterator[Action]:
    """After a visit, to who was answered just now and waits for nobody."""
    customer = customers.get(ctx.db, session.customer)
    if customer is None or session.state != kf.BOT or session.budget <= 0:
        return
    if asked := stars.in_service(customer, ctx):
        yield from _speak(session, asked[0], ctx, asked[1])


def _visitor(msg: Inbound, ctx: Ctx) -> Customer:
    owner = _assigned(ctx)
    advisor = ctx.team.advisor(owner)
    fresh = Customer(id=msg.sender, name=f"{VISITOR}{msg.sender[-4:]}", owner=owner, source="kf",
                     store=advisor.store if advisor else "", stage="线索",
                     added_at=ctx.now, level_at=ctx.now)  # fmt: skip
    customers.add(ctx.db, fresh)
    events.add(ctx.db, event_id=ctx.new_id(), customer=fresh.id, kind="线索", when=ctx.now,
               source="kf")  # fmt: skip
    leads.came(fresh, "微信客服", "客服", ctx)
    return fresh


def _assigned(ctx: Ctx) -> str:
    """Whoever is on shift and has the fewest visitors of today; otherwise anybody on the list."""
    wanted = ctx.settings.kf.servicers or tuple(a.userid for a in ctx.settings.advisors)
    team = [a for userid in wanted if (a := ctx.team.advisor(userid))]
    present = [a for a in team if on_shift(a, ctx)] or team
    today = ctx.on(ctx.today, ctx.settings.followups.shift_from.replace(hour=0, minute=0))
    load = {a.userid: customers.came_by(ctx.db, a.userid, "kf", today) for a in present}
    return min(load, key=lambda userid: load[userid], default="")


def _heard(msg: Inbound, ctx: Ctx) -> Session:
    """Each message opens 48 hours for five answers; one that was ended begins anew."""
    session = kf.session(ctx.db, msg.sender, msg.to)
    state = kf.BOT if session.state == kf.ENDED else session.state
    session = replace(session, state=state, said_at=msg.sent_at, budget=kf.BUDGET)
    kf.put(ctx.db, session)
    return session


def _words(msg: Inbound) -> tuple[str, bool]:
    """What was said, and whether it was tapped; "" for a question that was skipped."""
    kind, _, rest = _menu_id(msg).partition(":")
    question_id, _, n = rest.partition(":")
    question = next((q for q in questions() if q.id == question_id), None)
    if kind != ASK or question is None or not n.isdecimal():
        return msg.text, False
    chosen = int(n)
    return question.choices[chosen].means if chosen < len(question.choices) else "", True


def _menu_id(msg: Inbound) -> str:
    return str((msg.fields.get("text") or {}).get("menu_id") or "")


# Questions


def _next(session: Session, ctx: Ctx) -> Question | None:
    if not ctx.settings.kf.questions:
        return None
    return next((q for q in questions() if q.id not in session.asked), None)


def _put_to(session: Session, question: Question | None) -> Session:
    return replace(session, asked=(*session.asked, question.id)) if question else session


def _ask_on(session: Session, ctx: Ctx) -> Iterator[Action]:
    """How the visit was, the next question, or an invitation to just ask."""
    if visit := tuple(_how_was_it(session, ctx)):
        yield from visit
        return
    question = _next(session, ctx)
    session = _put_to(session, question)
    text = question.text if question else "好的，有问题直接发给我就行。"
    yield from _speak(session, text, ctx, question.menu if question else ())


def _speak(
    session: Session, text: str, ctx: Ctx, menu: tuple[tuple[str, str], ...] = ()
) -> Iterator[Action]:
    """Within the five that the platform takes; what would be too many is not even tried."""
    if session.budget <= 0:
        return
    kf.put(ctx.db, replace(session, budget=session.budget - 1))
    yield KfText(session.customer, session.open_kfid, text, menu)


# Reading


def _page(session: Session, noted: concerns.Noted, ctx: Ctx) -> Page | None:
    """What to give a visitor who is far from buying, once; first of all on their model."""
    pages = ctx.settings.kf.reading
    if not ctx.settings.kf.answer or READ in session.asked or not _far(noted):
        return None
    fitting = [p for p in pages if p.model in ("", noted.customer.model)]
    return next(iter(sorted(fitting, key=lambda p: not p.model)), None)


def _far(noted: concerns.Noted) -> bool:
    return noted.customer.tier == "low" or noted.reading.intent(LATER_ON) is not None


def _only_looking(reading: Reading) -> bool:
    """Nothing was asked that an answer could be given to."""
    said_so = {i.code for i in reading.intents}
    return bool(said_so) and said_so <= {LATER_ON, *POLITE} and not reading.concerns


def _lead(session: Session, page: Page | None, ctx: Ctx) -> Iterator[Action]:
    """Within the five; a session that a person has taken meanwhile is theirs."""
    if page is None or session.budget <= 0 or session.state == kf.PERSON:
        return
    kf.put(ctx.db, replace(session, budget=session.budget - 1, asked=(*session.asked, READ)))
    desc = page.desc or "不着急，先看看，有问题随时问我。"
    yield KfLink(session.customer, session.open_kfid, page.title, desc, page.url)


# Answering


def _answer(session: Session, noted: concerns.Noted, words: str, ctx: Ctx) -> Iterator[Action]:
    customer, reading = noted.customer, noted.reading
    if why_not := _for_a_person(reading, words, ctx):
        yield from _hand_over(session, customer, noted, why_not, ctx)
        return
    if _only_polite(reading):
        yield from _ask_on(session, ctx)
        return
    found = pick.find(words, reading, customer, customer.owner, (), ctx)
    text = _sure(found, customer, ctx)
    if not text:
        yield from _hand_over(session, customer, noted, "没有足够把握的话术", ctx)
        return
    yield from _speak(session, text, ctx)
    script = found.items[0].script
    resolved.answered(customer.id, script.concerns, script.title, "", ctx)
    if any(reading.intent(code) for code in READY):
        yield from _invite(session, customer, ctx)


def _for_a_person(reading: Reading, words: str, ctx: Ctx) -> str:
    if not ctx.settings.kf.answer:
        return "自动回复已关"
    if reading.intent("complaint") or reading.intent("cancel_order"):
        return "投诉或退订单"
    if reading.intent("opt_out"):
        return "不想被打扰"
    if any(word in words for word in PERSON) and len(words) <= 12:
        return "客户要人工"
    return ""


def _only_polite(reading: Reading) -> bool:
    said_so = {i.code for i in reading.intents}
    return bool(said_so) and said_so <= set(POLITE) and not reading.concerns


def _sure(found: Suggestions, customer: Customer, ctx: Ctx) -> str:
    """The text of the best script, when nothing speaks against sending it unseen."""
    best = found.items[0] if found.items else None
    near = best.parts.get("wording", 0.0) if best else 0.0
    if best is None or not found.confident or near < ctx.settings.kf.confidence:
        return ""
    filled = fill(best.script, values(customer, ctx))
    if len(filled.text.encode()) > LONGEST or filled.missing or best.script.scope != "企业":
        return ""
    if not _clean(filled.text, best.script, ctx):
        return ""
    return filled.text


def _clean(text: str, script: Script, ctx: Ctx) -> bool:
    return guard.passes(guard.check(text, ctx.today, script.facts))


def _hand_over(
    session: Session, customer: Customer, noted: concerns.Noted, reason: str, ctx: Ctx
) -> Iterator[Action]:
    """To the customer a word, to the platform the change, to the advisor all that is known."""
    advisor = ctx.team.advisor(customer.owner)
    present = advisor is not None and on_shift(advisor, ctx)
    told = (HANDED if present else LATER).format(advisor=advisor.name if advisor else "同事")
    yield from _speak(session, told, ctx)
    fresh = kf.session(ctx.db, session.customer, session.open_kfid)
    kf.put(ctx.db, replace(fresh, state=kf.PERSON, servicer=customer.owner))
    yield KfHand(session.customer, session.open_kfid, customer.owner)
    if not customer.owner:
        return
    waiting.heard(customer, noted.reading.text, ctx.now, None, ctx)
    said = short(mask.phones(noted.reading.text), 60)
    yield Send(customer.owner, f"微信客服转给你：{customer.name}说“{said}”（{reason}）。"
                               "请在客服会话里回复。")  # fmt: skip
    yield from suggest.offer(noted.reading.text, customer, noted, customer.owner, ctx)


def _invite(session: Session, customer: Customer, ctx: Ctx) -> Iterator[Action]:
    """The one bridge from a service chat to the advisor's own."""
    if not customer.owner or customer.stage != "开口":
        return
    name, store = ctx.team.name(customer.owner), ctx.team.store(customer.store).name
    wording = f"我是{store}的{name}，试驾和报价我来安排，方便加个微信吗？"
    yield KfInvite(session.customer, session.open_kfid, customer.owner, wording)


# What happens to a session


def changed(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A person took the session over, passed it on, or ended it."""
    event = _event(msg)
    change = int(event.get("change_type") or 0)
    state = kf.ENDED if change == 3 else kf.PERSON
    servicer = str(event.get("new_servicer_userid") or "")
    session = kf.session(ctx.db, msg.sender, msg.to)
    kf.put(ctx.db, replace(session, state=state, servicer=servicer))
    if state == kf.ENDED:
        waiting.answered(msg.sender, msg.sent_at, ctx)
    return
    yield


def answered(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A person wrote to the visitor in the service chat: nobody waits any more."""
    waiting.answered(msg.sender, msg.sent_at, ctx)
    if customer := customers.get(ctx.db, msg.sender):
        customers.change(ctx.db, customer.id, contacted_at=msg.sent_at)
        followups.touched(customer, ctx, msg.sent_at)
    return
    yield


def failed(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """An answer was taken and not delivered: the advisor learns of it."""
    customer = customers.get(ctx.db, msg.sender)
    event = _event(msg)
    why = FAILED.get(int(event.get("fail_type") or 0), "平台没有说明")
    if customer and customer.owner:
        yield Send(customer.owner, f"发给{customer.name}的客服消息没有送到：{why}。")


def took_back(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """撤回: what was read from the message goes with it."""
    return recalls.take_back(f"kf:{_event(msg).get('recall_msgid')}", ctx)


def named(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The nickname of a visitor has come in; it gives way to the name of the later contact."""
    customer = customers.get(ctx.db, msg.sender)
    name = str(msg.fields.get("nickname") or "").strip()[:40]
    if customer and name and customer.name.startswith(VISITOR):
        customers.change(ctx.db, customer.id, name=f"{VISITOR}·{name}")
    return
    yield


def other(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A picture, a voice, a place: a person has to look."""
    session = _heard(msg, ctx)
    customer = customers.get(ctx.db, msg.sender) or _visitor(msg, ctx)
    if session.state == kf.BOT and customer.owner:
        yield KfHand(session.customer, session.open_kfid, customer.owner)
        kf.put(ctx.db, replace(session, state=kf.PERSON, servicer=customer.owner))
        waiting.heard(customer, "", msg.sent_at, None, ctx)
        yield Send(
            customer.owner, f"微信客服转给你：{customer.name}发来{_kind(msg)}，请在客服会话里看。"
        )


KINDS = {"image": "图片", "voice": "语音", "video": "视频", "file": "文件", "location": "位置",
         "link": "链接", "business_card": "名片", "miniprogram": "小程序",
         "channels_shop_product": "视频号商品", "channels_shop_order": "视频号订单",
         "channels": "视频号内容", "merged_msg": "聊天记录", "meeting": "会议",
         "schedule": "日程", "note": "笔记"}  # fmt: skip


def _kind(msg: Inbound) -> str:
    return KINDS.get(msg.kind, "一条消息")


def _event(msg: Inbound) -> dict[str, Any]:
    found = msg.fields.get("event")
    return found if isinstance(found, dict) else {}


def _is(*names: str) -> Test:
    return lambda msg: msg.channel == "kf" and msg.event in names


def _from_servicer(msg: Inbound) -> bool:
    return msg.channel == "kf" and not msg.event and msg.fields.get("origin") == SERVICER


def _from_customer(msg: Inbound) -> bool:
    return msg.channel == "kf" and not msg.event and msg.fields.get("origin") == CUSTOMER


router = Router(
    (
        (lambda m: m.event == "kf_msg_or_event", bell),
        (_is("enter_session"), entered),
        (_is("session_status_change"), changed),
        (_is("msg_send_fail"), failed),
        (_is("kf_name"), named),
        (_is("user_recall_msg"), took_back),
        (_from_servicer, answered),
        (lambda m: _from_customer(m) and m.kind == "text", said),
        (_from_customer, other),
    )
)
