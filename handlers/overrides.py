"""王女士改成H，客户说周末定，到周五: a person knows better than the rules, until a day."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers import cadence, shifts, tiers, undo, whens
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.keepsakes import Kept, judged
from handlers.values import Action, Send
from handlers.words import TIERS, exactly
from nlp import mask
from storage import customers, events, pins
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.pins import Pin

PATTERN = (
    r"^把?(?P<name>\S{1,12}?)\s*(?:改成|改为|调成|调到|调为|定为)\s*"
    r"(?P<text>(?:[OHABCNohabcn]级?|[高中低]意向)(?:[，,。；; ].{0,120})?)$"
)
NAMED = (  # 改级别 王女士 A 客户说月底前定
    r"^改(?:级别?|意向)\s+(?P<name>\S{1,12})\s+"
    r"(?P<text>(?:[OHABCNohabcn]级?|[高中低]意向)(?:[，,。；; ].{0,120})?)$"
)
LEVELS = ("H", "A", "B", "C")
BY_NAME = {name: tier for tier, name in TIERS.items()}
REASONS = ("客户当面说的", "电话里说的", "到店聊过", "家里有变化", "情况和记录不符")
EVENTS = {"level": "级别", "tier": "意向"}
NEED = "改{what}要有理由，以后大家看得懂。例如：{name}改成{value}，客户说周末定，到周五"
ORDERED = (
    "{name}已下订，还没交付，级别保持 O、意向保持高意向，不能改低。退单了请先 记录 {name} 退单。"
)
ENDED = "人定的级别到期，暂无新的购买信号"
_UNTIL = re.compile(
    r"(?:[，,。；;]\s*+|(?<!\s)\s*+)(?:有效|保持|维持)?到(?P<day>[^，,。；;]{1,12})[。！]?$"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    what: str  # level or tier
    value: str
    why: str
    until: datetime


def read(text: str, ctx: Ctx) -> Wanted:
    """H级，客户说周末定，到周五: what to, why, and to the end of which day."""
    value = re.split(r"[，,。；; ]", text, maxsplit=1)[0]
    rest = text[len(value) :].strip("，,。；; ")
    end = _UNTIL.search(rest)
    day = whens.said(end["day"], ctx) if end else None
    why = rest[: end.start()] if end and day else rest
    what = "tier" if value in BY_NAME else "level"
    to = BY_NAME.get(value) or value[0].upper()
    return Wanted(what, to, mask.phones(why.strip("，,。；; ")), _ends(day, ctx))


def _ends(day: datetime | None, ctx: Ctx) -> datetime:
    """To the end of the day that was named; otherwise of the last of the usual days."""
    longest = ctx.today + timedelta(days=365)
    last = day.astimezone(ctx.zone).date() if day else None
    usual = ctx.today + timedelta(days=ctx.settings.tiers.override_days)
    return ctx.on(min(last or usual, longest) + timedelta(days=1), datetime.min.time())


def perform(customer: Customer, text: str, member: str, ctx: Ctx) -> Iterator[Action]:
    wanted = read(text, ctx)
    shown = text.split("，")[0].strip()
    if refusal := _refusal(customer, wanted):
        yield Send(member, refusal)
    elif not wanted.why:
        what = "意向" if wanted.what == "tier" else "级别"
        yield Send(member, NEED.format(what=what, name=customer.name, value=shown))
    else:
        yield from _settle(customer, wanted, member, ctx)


def _refusal(customer: Customer, wanted: Wanted) -> str:
    if customer.level == "O":
        return ORDERED.format(name=customer.name)
    if wanted.what == "level" and wanted.value not in LEVELS:
        return "O 级由下订得来（记录 加姓名 下订），N 级是还没判断的新客户；能改成 H、A、B、C。"
    if customer.opted_out_at or customer.deleted_at:
        why = "已退订" if customer.opted_out_at else "已不是好友"
        return f"{customer.name}{why}，不再跟进，所以不改。"
    return ""


def _settle(customer: Customer, wanted: Wanted, member: str, ctx: Ctx) -> Iterator[Action]:
    was = undo.before(customer, ctx)
    before = pins.get(ctx.db, customer.id, wanted.what)
    event = ctx.new_id()
    now = _write(customer, wanted, member, event, ctx)
    kept = Kept(pin=before.row() if before else {}, pinned=wanted.what,
                judged=judged(customer))  # fmt: skip
    said = f"{customer.name} 改成{_shown(wanted)}"
    undo.remember(ctx, member, said, was, event, kept=kept)
    cadence.plan(now, ctx)
    until = _last_day(wanted.until, ctx)
    yield Send(member, f"好，{customer.name}是{TIERS[now.tier]}·{now.level}级（你定的："
                       f"{wanted.why}），到{until}为止，之后按规则重新判断并告诉你。"
                       "改错了回复 撤销。")  # fmt: skip


def _shown(wanted: Wanted) -> str:
    return TIERS[wanted.value] if wanted.what == "tier" else f"{wanted.value}级"


def _last_day(until: datetime, ctx: Ctx) -> str:
    day = until.astimezone(ctx.zone) - timedelta(minutes=1)
    return exactly(day).split(")")[0] + ")"


def _write(customer: Customer, wanted: Wanted, member: str, event: str, ctx: Ctx) -> Customer:
    at = ctx.settings.followups.morning
    knock = ctx.on(wanted.until.astimezone(ctx.zone).date(), at)
    pins.put(ctx.db, Pin(customer.id, wanted.what, wanted.value, wanted.why, member, ctx.now,
                         wanted.until, knock))  # fmt: skip
    who = f"{ctx.team.name(member)}定的：{wanted.why}"
    if wanted.what == "level":
        customers.change(ctx.db, customer.id, level=wanted.value, level_reason=who,
                         level_at=ctx.now, pinned_until=wanted.until)  # fmt: skip
        events.add(ctx.db, event_id=event, customer=customer.id, kind=EVENTS["level"],
                   when=ctx.now, source="advisor", by_whom=member,
                   evidence=f"{customer.level}→{wanted.value}：{who}")  # fmt: skip
    return tiers.rejudge(customers.get(ctx.db, customer.id) or customer, ctx)


# By tapping


def offer(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """改级别: first to what, then why."""
    if customer.level == "O":
        yield Send(member, ORDERED.format(name=customer.name))
        return
    options = tuple((f"{level}级", level) for level in LEVELS if level != customer.level)
    tiers_ = tuple((name, name) for tier, name in TIERS.items() if tier != customer.tier)
    text = f"现在{TIERS[customer.tier]}·{customer.level}级：{customer.level_reason or '尚未判断'}。"
    yield ask(member, Choice("override", f"{customer.name}改成什么？", text, (*options, *tiers_),
                             {"customer": customer.id}), ctx)  # fmt: skip


def chosen(dialog: Dialog, to: str, ctx: Ctx) -> Iterator[Action]:
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
        return
    days = ctx.settings.tiers.override_days
    said = to if to in BY_NAME else f"{to}级"
    text = f"保持{days}天。要写自己的理由和日期，回复：{customer.name}改成{to}，理由，到周五。"
    options = tuple((reason, f"{to}，{reason}") for reason in REASONS)
    yield ask(dialog.member, Choice("override_why", f"{customer.name}改成{said}，为什么？", text,
                                    options, {"customer": customer.id}), ctx)  # fmt: skip


def reasoned(dialog: Dialog, text: str, ctx: Ctx) -> Iterator[Action]:
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
        return
    yield from perform(customer, text, dialog.member, ctx)


# Its end


def tick(ctx: Ctx) -> Iterator[Action]:
    """What was decided ends by itself, and whoever looks after the customer is told."""
    for pin in pins.due(ctx.db, ctx.now):
        customer = customers.get(ctx.db, pin.customer)
        advisor = ctx.team.advisor(customer.owner) if customer else None
        if advisor and not shifts.on_shift(advisor, ctx):
            pins.move(ctx.db, pin, max(shifts.next_shift(advisor, ctx),
                                       ctx.now + timedelta(minutes=1)))  # fmt: skip
            continue
        pins.remove(ctx.db, pin.customer, pin.what)
        if customer:
            yield from _ended(customer, pin, ctx)


def _ended(customer: Customer, pin: Pin, ctx: Ctx) -> Iterator[Action]:
    now = tiers.rejudge(_unpinned(customer, pin, ctx), ctx)
    if not customer.owner:
        return
    if pin.what == "tier":
        was, is_now, reason = TIERS[pin.value], TIERS[now.tier], now.tier_reason
    else:
        was, is_now, reason = f"{pin.value}级", f"{now.level}级", now.level_reason
    yield Send(customer.owner, f"{customer.name}的“{was}”（{ctx.team.name(pin.by_whom)}定的："
               f"{pin.why}）到期了，现在按规则是{is_now}：{reason}。"
               f"还要保持就再说一次：{customer.name}改成{was}，理由，到周五")  # fmt: skip


def _unpinned(customer: Customer, pin: Pin, ctx: Ctx) -> Customer:
    """Their level rests on their words again; what a person had decided is no ground any more."""
    decided = pin.what == "level" and customer.level == pin.value
    if not decided or customer.level == "O":
        return customer
    if customer.level != "C":
        move = f"{customer.level}→C：{ENDED}"
        events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind=EVENTS["level"],
                   when=ctx.now, source="system", evidence=move)  # fmt: skip
    values = {"level": "C", "level_reason": ENDED, "level_at": ctx.now, "pinned_until": None}
    customers.change(ctx.db, customer.id, **values)
    return customers.get(ctx.db, customer.id) or customer


# For 为什么


def lines(customer: Customer, ctx: Ctx) -> list[str]:
    return [f"· {ctx.team.name(p.by_whom)}定了{TIERS.get(p.value) or p.value + '级'}"
            f"到{_last_day(p.until, ctx)}：{p.why}"
            for p in pins.of(ctx.db, customer.id) if p.until > ctx.now]  # fmt: skip
