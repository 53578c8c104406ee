"""Whom to contact, when and why: cadence by level, the morning list, reminders in batches."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from handlers.context import Ctx
from handlers.settings import Advisor
from handlers.tiers import ORDER
from handlers.values import Action, Button, Card, Send
from handlers.words import TIERS, ago, exactly, short, weekday, when
from nlp.labels import CONCERNS
from scriptbank import fill
from scriptbank.script import Query, Script
from storage import customers, dialogs, events, followups, relations, scripts, timers
from storage.customers import Customer
from storage.followups import FollowUp

_CALLED = re.compile(r"^([\u4e00-\u9fff]{1,2})(先生|女士|小姐|太太|老师|总)$")
KINDS = {
    "cadence": "按级别跟进",
    "first_touch": "新加好友，首次联系",
    "confirm": "预约前确认",
    "after": "预约后回访",
    "own": "你设的提醒",
}


TAIL = "回复序号看话术；已联系 1、明早 1 直接处理。"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list: who, why now, what to say."""

    followup: FollowUp
    customer: Customer
    why: str
    say: str


def cadence_days(customer: Customer, ctx: Ctx) -> int:
    """Days until the next contact, by level; a low tier is never hurried."""
    s = ctx.settings.followups
    days: int = getattr(s, f"cadence_{customer.level.lower()}_days")
    if customer.tier == "low" and not _fresh(customer, ctx):
        return max(days, s.cadence_low_tier_days)
    return days


def _fresh(customer: Customer, ctx: Ctx) -> bool:
    """Just added and not judged yet: looked after daily, before the long pauses begin."""
    newcomer = timedelta(days=ctx.settings.followups.newcomer_days)
    recent = customer.added_at is not None and ctx.now - customer.added_at < newcomer
    return customer.level == "N" and recent


def plan_cadence(customer: Customer, ctx: Ctx) -> None:
    """Owe the next contact by level; nothing is owed to who opted out or has left."""
    if customer.opted_out_at or customer.deleted_at or not customer.owner:
        return
    if customer.source == "kf" and not relations.of(ctx.db, customer.id):
        return  # a visitor whom nobody can write to yet
    days = cadence_days(customer, ctx)
    due = ctx.on(ctx.today + timedelta(days=days), ctx.settings.followups.morning)
    followups.plan(
        ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=customer.owner,
        kind="cadence", due=due, reason="", now=ctx.now,
    )  # fmt: skip


def plan_appointment(customer: Customer, at: datetime, what: str, ctx: Ctx) -> None:
    """Confirm the day before, ask afterwards how it went."""
    local = at.astimezone(ctx.zone)
    before = ctx.on(local.date() - timedelta(days=1), ctx.settings.followups.confirm_before)
    said = exactly(local)
    plans = [
        ("confirm", max(before, ctx.now + timedelta(minutes=1)), f"确认{said}的{what}"),
        ("after", at + timedelta(hours=2), f"{said}约了{what}，问问到了没有、感受如何"),
    ]
    for kind, due, reason in plans:
        followups.plan(
            ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=customer.owner,
            kind=kind, due=due, reason=reason, now=ctx.now,
        )  # fmt: skip


def on_shift(advisor: Advisor, ctx: Ctx) -> bool:
    """Whether an advisor may be reminded now: inside the shift and not on a day of rest."""
    return _at_work(advisor, ctx) and ctx.settings.followups.shift_from <= ctx.local.time()


def _at_work(advisor: Advisor, ctx: Ctx) -> bool:
    """A working day that is not over yet; a list that was missed is of no use at night."""
    working = weekday(ctx.today) not in advisor.rest
    return working and ctx.local.time() < ctx.settings.followups.shift_to


def next_shift(advisor: Advisor, ctx: Ctx) -> datetime:
    """When an advisor may be reminded again: this morning, or the next working one."""
    opening = ctx.on(ctx.today, ctx.settings.followups.morning)
    working = weekday(ctx.today) not in advisor.rest
    return opening if working and ctx.now < opening else next_morning(advisor, ctx)


def next_morning(advisor: Advisor, ctx: Ctx) -> datetime:
    """The next morning list of that advisor, skipping days of rest."""
    day = ctx.today + timedelta(days=1)
    for _ in range(7):
        if weekday(day) not in advisor.rest:
            break
        day += timedelta(days=1)
    return ctx.on(day, ctx.settings.followups.morning)


def tick(ctx: Ctx) -> Iterator[Action]:
    """Morning lists whose time has come, then reminders that fell due during the day."""
    _set_timers(ctx)
    for name, was in timers.due(ctx.db, "morning:", ctx.now):
        advisor = ctx.team.advisor(name.removeprefix("morning:"))
        if advisor is None:
            timers.advance(ctx.db, name, was, ctx.now + timedelta(days=1), ctx.now)
        elif timers.advance(ctx.db, name, was, next_morning(advisor, ctx), ctx.now):
            yield from morning(advisor, ctx) if _at_work(advisor, ctx) else ()
    yield from _reminders(ctx)


def _set_timers(ctx: Ctx) -> None:
    known = timers.known(ctx.db)
    for advisor in ctx.settings.advisors:
        name = f"morning:{advisor.userid}"
        if name not in known:
            today = ctx.on(ctx.today, ctx.settings.followups.morning)
            early = ctx.now <= today and _at_work(advisor, ctx)
            first = today if early else next_morning(advisor, ctx)
            timers.ensure(ctx.db, name, first)


def _reminders(ctx: Ctx) -> Iterator[Action]:
    due: dict[str, list[FollowUp]] = {}
    for followup in followups.due(ctx.db, ctx.now):
        due.setdefault(followup.advisor, []).append(followup)
    for userid, found in due.items():
        advisor = ctx.team.advisor(userid)
        if advisor is None:  # nobody of that name works here now
            _park(found, ctx.now + timedelta(days=1), ctx)
        elif not on_shift(advisor, ctx):
            _park(found, next_shift(advisor, ctx), ctx)
        elif not _batched(advisor, ctx):
            yield from _remind(advisor, found, ctx)


def _park(found: list[FollowUp], until: datetime, ctx: Ctx) -> None:
    """Look again then instead of each minute, so that rows that must wait hide no others."""
    for followup in found:
        followups.move(ctx.db, followup, until)


def _batched(advisor: Advisor, ctx: Ctx) -> bool:
    since = ctx.now - timedelta(minutes=ctx.settings.followups.batch_minutes)
    return followups.reminded_since(ctx.db, advisor.userid, since)


def _claim(found: list[FollowUp], advisor: Advisor, limit: int, ctx: Ctx) -> list[Item]:
    """Take what may still be reminded of, checked again at this moment, strongest level first."""
    pairs = []
    for followup in found:
        customer = customers.get(ctx.db, followup.customer)
        if customer is None or customer.opted_out_at or customer.deleted_at:
            followups.close(ctx.db, followup.id, ctx.now, "不再需要")
        elif followup.kind == "confirm" and followup.reminded_at:
            followups.close(ctx.db, followup.id, ctx.now, "已提醒")  # on the day it is too late
        elif (ready := _ready(customer, ctx)) > ctx.now:
            followups.move(ctx.db, followup, ready)
        else:
            pairs.append((followup, customer))
    pairs.sort(key=lambda p: (ORDER.index(p[1].level), p[0].origin_at, p[0].id))
    taken: dict[str, Item] = {}
    for followup, customer in pairs:
        if customer.id in taken:
            continue  # one line a customer; the other reason comes with the next list
        if len(taken) == limit:
            break
        if followups.reminded(ctx.db, followup, ctx.now, next_morning(advisor, ctx)):
            claimed = followups.get(ctx.db, followup.id) or followup  # it counts one day more now
            taken[customer.id] = item(claimed, customer, ctx)
    return list(taken.values())


def _ready(customer: Customer, ctx: Ctx) -> datetime:
    """A customer who wrote a moment ago is not one to be reminded of."""
    if customer.spoke_at is None:
        return ctx.now
    quiet = timedelta(minutes=ctx.settings.followups.spoke_recently_minutes)
    return customer.spoke_at + quiet


def item(followup: FollowUp, customer: Customer, ctx: Ctx) -> Item:
    return Item(followup, customer, why(followup, customer, ctx), advice(customer, followup, ctx))


def why(followup: FollowUp, customer: Customer, ctx: Ctx) -> str:
    """The reason in words: days since contact, what is unresolved, how long it is overdue."""
    parts = [reason(followup, customer, ctx)]
    if customer.contacted_at:
        parts.append(f"上次联系{ago(customer.contacted_at, ctx.now)}")
    stuck = unresolved(customer, ctx)
    if stuck:
        parts.append("卡在" + "、".join(stuck[:2]))
    if followup.overdue:
        parts.append(f"已逾期{followup.overdue}天")
    return "｜".join(parts)


def reason(followup: FollowUp, customer: Customer, ctx: Ctx) -> str:
    """Why it is owed; a cadence is that of the level the customer has now."""
    if followup.kind == "cadence":
        return f"{customer.level}级每{cadence_days(customer, ctx)}天联系一次"
    return followup.reason


def unresolved(customer: Customer, ctx: Ctx) -> list[str]:
    """Names of the concerns that nobody has answered yet, worries first."""
    found = customers.tags(ctx.db, customer.id, ctx.now, "concern")
    open_ones = [t for t in found if t.state in ("", "stuck") and t.polarity <= 0]
    open_ones.sort(key=lambda t: t.polarity)
    return [CONCERNS.get(t.code, t.code) for t in open_ones]


# For each moment the stage of the script that fits and questions to find one by. Where there
# are several they take turns, so that no advisor pastes one text to everybody.
MOMENTS = {
    "first_touch": ("首次触达", ("第一次联系客户聊什么", "首次联系怎么让客户好回复")),
    "confirm": ("到店接待", ("到店前一天怎么提醒",)),
    "confirm试驾": ("试驾邀约", ("试驾前一天怎么提醒",)),
    "after": ("到店接待", ("客户离店后发什么",)),
    "after试驾": ("试驾邀约", ("试驾完怎么跟进",)),
    "O": ("订单交付", ("怎么跟客户同步订单进度",)),
    "H": ("试驾邀约", ("周末怎么邀约客户", "怎么帮客户选方案")),
    "B": ("二次触达", ("客户没回第二次怎么联系", "客户不太想聊怎么跟进")),
    "N": ("首次触达", ("首次联系怎么让客户好回复", "第一次联系发什么资料")),
    "low": ("沉默唤醒", ("好久没联系的客户怎么开口", "怎么用问题唤醒客户",
                        "给沉默客户发什么不招人烦")),
}  # fmt: skip
UNASKED = ("投诉安抚", "社群话题", "游戏主持")  # answers for occasions that a reminder is not
LEVEL_MOMENTS = {"O": "O", "H": "H", "A": "H", "B": "B", "C": "B", "N": "N"}


def advice(customer: Customer, followup: FollowUp, ctx: Ctx) -> str:
    """What to say: the best script for an unresolved concern, or for the moment."""
    found = customers.tags(ctx.db, customer.id, ctx.now, "concern")
    open_ones = [t for t in found if t.state in ("", "stuck")]
    stage, words = moment(followup, customer, ctx)
    if open_ones and followup.kind in ("cadence", "own") and customer.level != "O":
        words = open_ones[0].evidence
    query = Query(
        text=words, day=ctx.today, concerns={t.code: t.polarity for t in open_ones},
        stage=stage, tier=customer.tier, model=customer.model, store=customer.store,
        seen=scripts.seen_by(ctx.db, customer.id, ctx.now - timedelta(days=7)),
    )  # fmt: skip
    ranked = ctx.bank.suggest(query, 5).items
    best = next((s.script for s in ranked if s.script.stage not in UNASKED), None)
    return filled(best, customer, ctx) if best else words


def moment(followup: FollowUp | None, customer: Customer, ctx: Ctx) -> tuple[str, str]:
    """The stage of the script that fits now, and words to find it by."""
    kind = followup.kind if followup else ""
    if followup and "试驾" in followup.reason and f"{kind}试驾" in MOMENTS:
        kind += "试驾"
    elif kind not in MOMENTS:
        low = customer.tier == "low" and customer.level != "N"
        kind = "low" if low else LEVEL_MOMENTS[customer.level]
    stage, words = MOMENTS[kind]
    turn = zlib.crc32(customer.id.encode()) + ctx.today.isocalendar().week
    return stage, words[turn % len(words)]


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
    }
    appointment = events.last(ctx.db, customer.id, "预约")
    if appointment and appointment.at > ctx.now:
        pairs["试驾时间"] = when(appointment.at.astimezone(ctx.zone), ctx.local)
    return {name: value for name, value in pairs.items() if value}


def morning(advisor: Advisor, ctx: Ctx) -> Iterator[Action]:
    """The list of the day: at most eight, each with who, why now and what to say."""
    s = ctx.settings.followups
    end = ctx.on(ctx.today + timedelta(days=1), s.shift_from)
    owed = followups.owed_by(ctx.db, advisor.userid, end)
    items = _claim([f for f in owed if f.due_at <= ctx.now], advisor, s.morning_items, ctx)
    later = [f for f in owed if ctx.now < f.due_at <= end]
    if not items and not later:
        return
    left = {f.customer for f in followups.owed_by(ctx.db, advisor.userid, ctx.now)
            if f.due_at <= ctx.now}  # fmt: skip
    more = len(left - {it.customer.id for it in items})
    yield Send(advisor.userid, _list_text(advisor.name, items, later, more, ctx))
    remember(advisor.userid, items, ctx)


def _list_text(name: str, items: list[Item], later: list[FollowUp], more: int, ctx: Ctx) -> str:
    day: date = ctx.today
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
    if more > 0:
        lines.append(f"另有{more}位排在后面，回复 待办 查看。")
    if items:
        lines.append(TAIL)
    return "\n".join(lines)


def line(it: Item) -> str:
    c = it.customer
    head = f"{c.name}｜{TIERS[c.tier]}·{c.level}级"
    return f"{head}\n   为什么：{it.why}\n   说什么：{short(it.say, 46)}"


def remember(userid: str, items: list[Item], ctx: Ctx) -> None:
    """So that a digit, or 已联系 2, means the line that was shown."""
    if items:
        body = {"items": [it.followup.id for it in items]}
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
    dialog = ctx.new_id()
    body = {"followup": it.followup.id, "customer": it.customer.id}
    dialogs.begin(ctx.db, dialog_id=dialog, member=userid, kind="item", body=body, now=ctx.now)
    yield Send(userid, it.say)
    c = it.customer
    yield Card(
        to=userid, task_id=dialog, title=f"该联系{c.name}了", desc=f"{TIERS[c.tier]}·{c.level}级",
        text=f"{KINDS[it.followup.kind]}：{it.why}。上面一条可直接转发。",
        buttons=(Button("已联系", "done", 1), Button("明早", "tomorrow"),
                 Button("换话术", "other")),
    )  # fmt: skip
