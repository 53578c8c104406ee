"""Whom to contact, when and why: the morning list, reminders in batches, each with its reason."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from handlers import cadence, h5_address, playbook, rhythm, shifts, unknowns, waiting
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.settings import Advisor
from handlers.tiers import ORDER
from handlers.values import Action, Button, Card, Send
from handlers.words import TIERS, ago, clock, exactly, short, weekday, when
from nlp.labels import CONCERNS
from scriptbank import fill
from scriptbank.script import Query, Script
from storage import appointments, customers, dialogs, followups, rhythms, rules, scripts, timers
from storage.customers import Customer
from storage.followups import FollowUp

_CALLED = re.compile(r"^([\u4e00-\u9fff]{1,2})(先生|女士|小姐|太太|老师|总)$")
TAIL = "回复序号看话术；已联系 1、明早 1 直接处理；为什么 1 看原因。"
NEVER = timedelta(days=36500)
LEVELS = ("H", "A", "B", "C")
DECIDE = (("高意向", "A"), ("中意向", "B"), ("低意向", "C"))
WAITS = (waiting.KIND, waiting.UNANSWERED)
ASKED = ("decide", "rejudge")  # questions to the advisor rather than contacts
JUDGED = ("decide", "rejudge", "call")  # the answer to these is a judgement as well
KEPT = ("own", "decide", "rejudge", "waiting", "unanswered", "confirm", "brief",
        "after")  # no text settles these  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list: who, why now, what to say; for whom, where that is somebody else."""

    followup: FollowUp
    customer: Customer
    why: str
    say: str
    instead_of: str = ""


def cadence_days(customer: Customer, ctx: Ctx) -> int:
    """Days until the next contact."""
    return cadence.pace(customer, ctx).days


def plan_cadence(customer: Customer, ctx: Ctx) -> None:
    """Owe the next contact by level; nothing is owed to who opted out or has left."""
    cadence.plan(customer, ctx)


def touched(customer: Customer, ctx: Ctx, at: datetime | None = None) -> None:
    """The advisor wrote to them, as far as is known: what was due is done, the next is owed.

    What needs an answer of the advisor's stays, and so does a reminder of their own.
    """
    at = at or ctx.now
    rhythm.touched(customer.id, ctx, at)
    for one in followups.open_of(ctx.db, customer.id):
        if one.kind not in KEPT and one.created_at <= at and (one.due_at <= at or one.reminded_at):
            followups.close(ctx.db, one.id, ctx.now, "已联系")
    if fresh := customers.get(ctx.db, customer.id):
        plan_cadence(fresh, ctx)


# The clock


def tick(ctx: Ctx) -> Iterator[Action]:
    """Morning lists whose time has come, then reminders that fell due during the day."""
    _set_timers(ctx)
    for name, was in timers.due(ctx.db, "morning:", ctx.now):
        advisor = ctx.team.advisor(name.removeprefix("morning:"))
        if advisor is None:
            timers.advance(ctx.db, name, was, ctx.now + timedelta(days=1), ctx.now)
        elif timers.advance(ctx.db, name, was, then := _next_list(advisor, ctx), ctx.now):
            soon = then.astimezone(ctx.zone).date() == ctx.today  # today's own list is to come
            yield from morning(advisor, ctx) if shifts.on_shift(advisor, ctx) and not soon else ()
    yield from _reminders(ctx)


def _set_timers(ctx: Ctx) -> None:
    """Once for each set of people, so that a tick reads one row instead of one for everybody."""
    marker = f"mornings/{ctx.team.roster}"
    if timers.runs(ctx.db, marker):
        return
    timers.ensure(ctx.db, marker, ctx.now + NEVER)
    for advisor in ctx.settings.advisors:
        timers.ensure(ctx.db, f"morning:{advisor.userid}", first_morning(advisor, ctx))


def _next_list(advisor: Advisor, ctx: Ctx) -> datetime:
    """One that was missed is not made up in the small hours: it comes when they come."""
    today = ctx.on(ctx.today, shifts.morning_of(advisor, ctx))
    early = ctx.now < today and shifts.at_work(advisor, ctx)
    return today if early else shifts.next_morning(advisor, ctx)


def first_morning(advisor: Advisor, ctx: Ctx) -> datetime:
    today = ctx.on(ctx.today, shifts.morning_of(advisor, ctx))
    early = ctx.now <= today and shifts.at_work(advisor, ctx)
    return today if early else shifts.next_morning(advisor, ctx)


def _reminders(ctx: Ctx) -> Iterator[Action]:
    due: dict[str, list[FollowUp]] = {}
    for followup in followups.due(ctx.db, ctx.now):
        if followup.kind == waiting.KIND:
            yield from waiting.alert(followup, ctx)
        else:
            due.setdefault(followup.advisor, []).append(followup)
    for advisor, found in _by_reader(due, ctx):
        if not shifts.on_shift(advisor, ctx):
            _park(found, shifts.next_shift(advisor, ctx), ctx)
        elif not _batched(advisor, ctx):
            yield from _remind(advisor, found, ctx)


def _by_reader(
    due: dict[str, list[FollowUp]], ctx: Ctx
) -> Iterable[tuple[Advisor, list[FollowUp]]]:
    """Who is to read what: the advisors themselves, or whoever stands in for them."""
    found: dict[str, tuple[Advisor, list[FollowUp]]] = {}
    for userid, rows in due.items():
        advisor = ctx.team.advisor(userid)
        reader = shifts.stand_in(advisor, ctx) if advisor else None
        if reader is None:  # nobody of that name works here now, or nobody was chosen yet
            _park(rows, ctx.tomorrow(ctx.settings.followups.morning), ctx)
        else:
            found.setdefault(reader.userid, (reader, []))[1].extend(rows)
    return found.values()


def _park(found: list[FollowUp], until: datetime, ctx: Ctx) -> None:
    """Look again then instead of each minute, so that rows that must wait hide no others."""
    for followup in found:
        followups.move(ctx.db, followup, until)


def _batched(advisor: Advisor, ctx: Ctx) -> bool:
    since = ctx.now - timedelta(minutes=ctx.settings.followups.batch_minutes)
    whose = [advisor.userid, *(leave.advisor for leave in shifts.absent(advisor.userid, ctx))]
    return any(followups.reminded_since(ctx.db, userid, since) for userid in whose)


def _claim(found: list[FollowUp], advisor: Advisor, limit: int, ctx: Ctx) -> list[Item]:
    """Take what may still be reminded of, checked again at this moment, strongest level first."""
    pairs = [(f, c) for f in found if (c := _checked(f, ctx))]
    pairs.sort(key=lambda p: (ORDER.index(p[1].level), p[0].origin_at, p[0].id))
    by_customer: dict[str, list[tuple[FollowUp, Customer]]] = {}
    for pair in pairs:
        by_customer.setdefault(pair[1].id, []).append(pair)
    again = shifts.next_morning(advisor, ctx)
    taken: list[Item] = []
    for mine in by_customer.values():
        if len(taken) == limit:
            break
        if it := _take([f for f, _ in mine], mine[0][1], advisor, again, ctx):
            taken.append(it)
    names = [rule(it.followup, it.customer, ctx) for it in taken]
    rules.hit(ctx.db, [f"followup.{name}" for name in names], ctx.now)
    return taken


def _take(
    found: list[FollowUp], customer: Customer, advisor: Advisor, again: datetime, ctx: Ctx
) -> Item | None:
    """One line a customer with all its reasons; a question to the advisor waits for the next list.

    None where another process was faster.
    """
    first, *others = sorted(found, key=lambda f: (f.kind in ASKED, cadence.past(f, ctx)))
    if not followups.reminded(ctx.db, first, ctx.now, again):
        return None
    beside = []
    for one in others:
        if one.kind in ASKED:
            followups.move(ctx.db, one, again)
        elif cadence.past(one, ctx):
            followups.close(ctx.db, one.id, ctx.now, "过了时候")
        elif followups.reminded(ctx.db, one, ctx.now, again):
            beside.append(f"另：{reason(one, customer, ctx)}")
    claimed = followups.get(ctx.db, first.id) or first
    it = item(claimed, customer, ctx, advisor.userid)
    return replace(it, why="｜".join([it.why, *beside]))


def _checked(followup: FollowUp, ctx: Ctx) -> Customer | None:
    """The customer, if they may still be written to and the reason still stands."""
    customer = customers.get(ctx.db, followup.customer)
    if customer is None or customer.opted_out_at or customer.deleted_at:
        followups.close(ctx.db, followup.id, ctx.now, "不再需要")
    elif followup.kind == "confirm" and followup.reminded_at:
        followups.close(ctx.db, followup.id, ctx.now, "已提醒")  # on the day it is too late
    elif over := cadence.overtaken(followup, customer, ctx):
        followups.close(ctx.db, followup.id, ctx.now, over)
    elif (ready := _ready(customer, ctx)) > ctx.now and followup.kind != waiting.UNANSWERED:
        followups.move(ctx.db, followup, ready)
    else:
        return customer
    return None


def _ready(customer: Customer, ctx: Ctx) -> datetime:
    """A customer who wrote a moment ago is not one to be reminded of."""
    if customer.spoke_at is None:
        return ctx.now
    quiet = timedelta(minutes=ctx.settings.followups.spoke_recently_minutes)
    return customer.spoke_at + quiet


# Who, why now, what to say


def item(followup: FollowUp, customer: Customer, ctx: Ctx, reader: str = "") -> Item:
    absent = ctx.team.name(followup.advisor) if reader not in ("", followup.advisor) else ""
    return Item(followup, customer, why(followup, customer, ctx),
                advice(customer, followup, ctx), absent)  # fmt: skip


def why(followup: FollowUp, customer: Customer, ctx: Ctx) -> str:
    """The reason in words: days since contact, what is unresolved, how long it is overdue."""
    parts = [reason(followup, customer, ctx)]
    if customer.contacted_at:
        parts.append(f"上次联系{ago(customer.contacted_at, ctx.now)}")
    stuck = unresolved(customer, ctx)
    if stuck:
        parts.append("卡在" + "、".join(stuck[:2]))
    days = overdue(followup, customer, ctx)
    if days >= ctx.settings.followups.escalate_days[0]:
        parts.append(f"已逾期{days}天")
    return "｜".join(parts)


def overdue(followup: FollowUp, customer: Customer, ctx: Ctx) -> int:
    """Days since it fell due and neither side was heard."""
    heard = (followup.origin_at, customer.spoke_at, customer.contacted_at)
    since = max(at for at in heard if at)
    return max(0, (ctx.today - since.astimezone(ctx.zone).date()).days)


def reason(followup: FollowUp, customer: Customer, ctx: Ctx) -> str:
    """Why it is owed; a cadence is that of the level the customer has now."""
    steady = cadence.pace(customer, ctx).reason(customer)
    if cadence.past(followup, ctx):
        return f"{cadence.label(followup.kind, ctx)}过了时候，{steady}"
    return steady if followup.kind == "cadence" else followup.reason


def rule(followup: FollowUp, customer: Customer, ctx: Ctx) -> str:
    """The name of the row that it comes from."""
    if followup.kind in ("own", *WAITS):
        return followup.kind
    return cadence.row_of(followup, customer, ctx).name


def explain(followup: FollowUp, customer: Customer, ctx: Ctx) -> str:
    """为什么 of a reminder: the rule by name, the times and numbers it rests on."""
    due = exactly(followup.origin_at.astimezone(ctx.zone))
    name, label = rule(followup, customer, ctx), cadence.label(followup.kind, ctx)
    lines = [
        f"为什么提醒联系{customer.name}：",
        f"· 规则 {name}（{label}）：{reason(followup, customer, ctx)}",
        f"· 应在{due}",
        f"· 上次联系{ago(customer.contacted_at, ctx.now)}，"
        f"客户上次说话{ago(customer.spoke_at, ctx.now)}",
        f"· {TIERS[customer.tier]}：{customer.tier_reason or '尚未判断'}",
        f"· {customer.level}级：{customer.level_reason or '尚未判断'}",
    ]
    if stuck := unresolved(customer, ctx):
        lines.append("· 还没解决：" + "、".join(stuck[:3]))
    if tip := play(followup, customer, ctx):
        lines.append(f"· 打法 {tip.name}：{tip.action}（{tip.goal}）")
    if days := overdue(followup, customer, ctx):
        lines.append(f"· 已逾期{days}天，提醒过{followup.overdue + bool(followup.reminded_at)}次")
    return "\n".join([*lines, *_hour(followup, customer, ctx)])


def _hour(followup: FollowUp, customer: Customer, ctx: Ctx) -> list[str]:
    advisor = ctx.team.advisor(customer.owner)
    if followup.kind != "cadence" or advisor is None:
        return []
    suits = rhythm.hour(rhythms.of(ctx.db, customer.id), advisor, ctx)
    return [f"· 这个时间：{suits[1]}"] if suits else []


def unresolved(customer: Customer, ctx: Ctx) -> list[str]:
    """Names of the concerns that nobody has answered yet, worries first."""
    found = customers.tags(ctx.db, customer.id, ctx.now, "concern")
    open_ones = [t for t in found if t.state in ("", "stuck") and t.polarity <= 0]
    open_ones.sort(key=lambda t: t.polarity)
    return [CONCERNS.get(t.code, t.code) for t in open_ones]


UNASKED = ("投诉安抚", "社群话题", "游戏主持")  # answers for occasions that a reminder is not


def advice(customer: Customer, followup: FollowUp, ctx: Ctx) -> str:
    """What to say: the best script for an unresolved concern, or for the moment."""
    row = cadence.row_of(followup, customer, ctx)
    if row.name == "cycle.dig" and (question := unknowns.best(customer, ctx)):
        return question.text
    found = customers.tags(ctx.db, customer.id, ctx.now, "concern")
    open_ones = [t for t in found if t.state in ("", "stuck")]
    words = cadence.words(row, customer, ctx)
    worried = open_ones and followup.kind in ("cadence", "own", "waiting", "unanswered", "feeling")
    if worried and customer.level != "O":
        words = open_ones[0].evidence
    query = Query(
        text=words, day=ctx.today, concerns={t.code: t.polarity for t in open_ones},
        stage=row.stage, tier=customer.tier, model=customer.model, store=customer.store,
        seen=scripts.seen_by(ctx.db, customer.id, ctx.now - timedelta(days=7)),
    )  # fmt: skip
    ranked = ctx.bank.suggest(query, 5).items
    best = next((s.script for s in ranked if s.script.stage not in UNASKED), None)
    return filled(best, customer, ctx) if best else words


def play(followup: FollowUp, customer: Customer, ctx: Ctx) -> playbook.Row | None:
    """The playbook's advice, where the steady rhythm leaves it open what to do."""
    steady = followup.kind == "cadence" and not cadence.row_of(followup, customer, ctx).when
    return playbook.advice(customer, ctx) if steady else None


def moment(followup: FollowUp | None, customer: Customer, ctx: Ctx) -> tuple[str, str]:
    """The stage of the script that fits now, and words to find it by."""
    row = cadence.row_of(followup, customer, ctx)
    return row.stage, cadence.words(row, customer, ctx)


def filled(script: Script, customer: Customer | None, ctx: Ctx) -> str:
    return fill.fill(script, values(customer, ctx)).text


def values(customer: Customer | None, ctx: Ctx) -> dict[str, str]:
    """The variables that are known now; what is unknown is simply not there."""
    known: dict[str, str] = {}
    if customer is None:
        return known
    called = _CALLED.match(customer.name)  # a nickname tells neither family name nor title
    surname, title = (called[1], called[2]) if called else ("", "")
    stuck = unresolved(customer, ctx)
    advisor = ctx.team.advisor(customer.owner)
    store = ctx.team.store(customer.store)
    pairs = {
        "客户姓": surname,
        "客户称呼": surname + title,
        "顾问名": advisor.name if advisor else "",
        "门店": store.name,
        "门店地址": store.address,
        "车型": customer.model,
        "未解决问题": stuck[0] if stuck else "",
        "群链接": h5_address.of_customer(customer.id, ctx),
    }
    if appointment := appointments.ahead(ctx.db, customer.id, ctx.now):
        pairs["试驾时间"] = when(appointment.at.astimezone(ctx.zone), ctx.local)
    return {name: value for name, value in pairs.items() if value}


# Lists and cards


def owed(member: str, until: datetime, ctx: Ctx) -> list[FollowUp]:
    """What a member has to do by then, with what they do for those who are away."""
    whose = [member, *(leave.advisor for leave in shifts.absent(member, ctx))]
    found = [f for userid in whose for f in followups.owed_by(ctx.db, userid, until)]
    return sorted(found, key=lambda f: (f.kind not in WAITS, f.due_at, f.id))


def morning(advisor: Advisor, ctx: Ctx) -> Iterator[Action]:
    """The list of the day: at most eight, each with who, why now and what to say."""
    end = ctx.tomorrow(ctx.settings.followups.shift_from)
    found = [f for f in owed(advisor.userid, end, ctx) if not _alone(f)]
    limit = ctx.settings.followups.morning_items
    items = _claim([f for f in found if f.due_at <= ctx.now], advisor, limit, ctx)
    later = [f for f in found if ctx.now < f.due_at <= end]
    if not items and not later and not _expected(advisor.userid, ctx):
        return
    now = owed(advisor.userid, ctx.now, ctx)
    left = {f.customer for f in now if f.due_at <= ctx.now and not _alone(f)}
    more = len(left - {it.customer.id for it in items})
    yield Send(advisor.userid, _list_text(advisor, items, later, more, ctx))
    remember(advisor.userid, items, ctx)


def _alone(followup: FollowUp) -> bool:
    """Somebody who waits for an answer is told of at once and by themselves."""
    return followup.kind == waiting.KIND


def _expected(userid: str, ctx: Ctx) -> list[str]:
    """Whoever has an appointment today."""
    start = ctx.on(ctx.today, datetime.min.time())
    found = appointments.of_advisors(ctx.db, [userid], start, start + timedelta(days=1))
    pairs = [(a, customers.get(ctx.db, a.customer)) for a in found if a.open]
    return [f"· {clock(a.at.astimezone(ctx.zone))} {c.name}：{a.kind}（{a.state}）"
            for a, c in pairs if c and not c.opted_out_at and not c.deleted_at]  # fmt: skip


def _list_text(
    advisor: Advisor, items: list[Item], later: list[FollowUp], more: int, ctx: Ctx
) -> str:
    day: date = ctx.today
    name = advisor.name
    head = (
        f"{name}，早上好。今天（{day.month}月{day.day}日 {weekday(day)}）先联系这{len(items)}位："
    )
    lines = [head] if items else [f"{name}，早上好。今天没有到期的跟进。"]
    for n, it in enumerate(items, 1):
        lines.append(f"{n}. {line(it)}")
    for followup in later:
        customer = customers.get(ctx.db, followup.customer)
        if customer:
            at = followup.due_at.astimezone(ctx.zone)
            what = reason(followup, customer, ctx)
            lines.append(f"· {at:%H:%M} {customer.name}：{what}")
    if expected := _expected(advisor.userid, ctx):
        lines += ["今天的预约：", *expected]
    if more > 0:
        lines.append(f"另有{more}位排在后面，回复 待办 查看。")
    if items:
        lines.append(TAIL)
    return "\n".join(lines)


def line(it: Item) -> str:
    c = it.customer
    absent = f"（代{it.instead_of}）" if it.instead_of else ""
    head = f"{c.name}｜{TIERS[c.tier]}·{c.level}级{absent}"
    return f"{head}\n   为什么：{it.why}\n   说什么：{short(it.say, 46)}"


def remember(userid: str, items: list[Item], ctx: Ctx) -> None:
    """So that a digit, or 已联系 2, means the line that was shown."""
    if items:
        body = {"items": [it.followup.id for it in items], "cause": ctx.cause}
        dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=userid, kind="list", body=body,
                      now=ctx.now)  # fmt: skip


def _remind(advisor: Advisor, found: list[FollowUp], ctx: Ctx) -> Iterator[Action]:
    items = _claim(found, advisor, ctx.settings.followups.batch_items, ctx)
    if len(items) == 1:
        yield from show(items[0], advisor.userid, ctx)
    elif items:
        lines = [f"到点跟进这{len(items)}位："]
        lines += [f"{n}. {line(it)}" for n, it in enumerate(items, 1)]
        lines.append(TAIL)
        yield Send(advisor.userid, "\n".join(lines))
        remember(advisor.userid, items, ctx)


def show(it: Item, userid: str, ctx: Ctx) -> Iterator[Action]:
    """One reminder as text to paste from and a card to answer with."""
    if it.followup.kind not in ASKED:
        yield from _card(it, userid, ctx)
    if it.followup.kind in JUDGED:
        yield _judge(it, userid, ctx)


def _card(it: Item, userid: str, ctx: Ctx) -> Iterator[Action]:
    dialog = ctx.new_id()
    body = {"followup": it.followup.id, "customer": it.customer.id}
    dialogs.begin(ctx.db, dialog_id=dialog, member=userid, kind="item", body=body, now=ctx.now)
    yield Send(userid, it.say)
    c = it.customer
    absent = f"（代{it.instead_of}）" if it.instead_of else ""
    yield Card(
        to=userid, task_id=dialog, title=f"该联系{c.name}了{absent}",
        desc=f"{TIERS[c.tier]}·{c.level}级",
        text=f"{cadence.label(it.followup.kind, ctx)}：{it.why}。上面一条可直接转发。",
        buttons=(Button("已联系", "done", 1), Button("明早", "tomorrow"),
                 Button("换话术", "other"), Button("为什么", "why")),
    )  # fmt: skip


def _judge(it: Item, userid: str, ctx: Ctx) -> Card:
    """What is known of them, and the levels or tiers to choose from."""
    c = it.customer
    asks_tier = it.followup.kind == "decide"
    options = DECIDE if asks_tier else tuple((f"{level}级", level) for level in LEVELS)
    title = f"{c.name}是什么意向？" if asks_tier else f"{c.name}还是{c.level}级吗？"
    known = f"客户说话{ago(c.spoke_at, ctx.now)}，联系{ago(c.contacted_at, ctx.now)}"
    stuck = unresolved(c, ctx)
    facts = [it.followup.reason, f"现在{TIERS[c.tier]}：{c.tier_reason}", known,
             *(["还没解决：" + "、".join(stuck[:3])] if stuck else [])]  # fmt: skip
    choice = Choice("verdict", title, "。".join(facts) + "。", options,
                    {"customer": c.id, "followup": it.followup.id})  # fmt: skip
    return ask(userid, choice, ctx)
