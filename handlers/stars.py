"""How was it? One to five stars by the customer, after a visit or a delivery.

The advisor is asked once for each visit; what they tap hands them a sentence with a link that
counts once. In 微信客服 the question follows an answer that the visitor was given anyway. Nothing
is promised for stars, so that they are worth reading; few stars go to the store's manager at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from handlers import ledger, shifts, signed, watch
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.values import Action, Send
from handlers.watch import DISSATISFIED, Place, Sign
from nlp import mask
from storage import customers, events
from storage import stars as rows
from storage import watch as alerts
from storage.customers import Customer
from storage.db import moment
from storage.dialogs import Dialog
from storage.stars import ASKED, GIVEN, OVER, RATED, WAITING, Star

DO = "stars"
WAY = "rated"  # of a step that can be taken back
OWN, TOLD = "客户自评", "顾问代录"
VISITS = MappingProxyType({"到店": "来店看车", "试驾": "来店试驾", "交付": "提车"})
RANK = tuple(VISITS)  # of one visit the later one is asked about
NAMES: Mapping[int, str] = MappingProxyType(
    {5: "非常满意", 4: "满意", 3: "一般", 2: "不满意", 1: "很不满意"}
)
SAME_VISIT = timedelta(hours=20)
LONGEST = 200  # characters of the sentence
MENU = "stars"
BROKEN = "这个链接不完整，或者已经失效。想说说这次的感受，请向顾问要一个新的。"
EXPIRED = "这个链接过期了，评价有{days}天的时间。还想说，直接告诉顾问就好。"
SORRY = "收到，没让您满意，很抱歉。门店经理会看到，尽快处理。"
THANKS = "收到，谢谢您。"
AGAIN = "您已经评过了：{stars}星（{name}），谢谢。要改请告诉顾问。"
BAD_STARS = "请点一个星级，1到5星。"
HANDED = ("下面这段可以转给{name}，{days}天内有效，只能评一次。好评差评都一样，"
          "请不要许诺礼品或返现。")  # fmt: skip


# After a visit


def visited(
    customer: Customer, made: Mapping[str, str], at: datetime, member: str, ctx: Ctx
) -> None:
    """`made` are the events that were just logged, by their kind; one visit is asked about once.

    One of an earlier day is asked about as well, soon, unless it is too long ago.
    """
    kinds = [kind for kind in RANK if kind in made]
    s = ctx.settings.stars
    late = ctx.now - at > timedelta(days=s.within_days)
    if not kinds or not s.on or late or _refuses(customer):
        return
    before = rows.newest(ctx.db, customer.id, at - SAME_VISIT)
    due = max(at + timedelta(hours=s.after_hours), ctx.now)
    fresh = Star(ctx.new_id(), made[kinds[-1]], customer.id, member, customer.store, kinds[-1],
                 WAITING, at, due)  # fmt: skip
    if before is None or (kinds[-1] == "交付" and before.kind != "交付"):
        rows.put(ctx.db, fresh)
    elif before.state == WAITING and abs(before.made_at - at) < SAME_VISIT:
        rows.put(ctx.db, replace(before, event=fresh.event, kind=fresh.kind))


def _refuses(customer: Customer) -> bool:
    return bool(customer.opted_out_at or customer.deleted_at)


def tick(ctx: Ctx) -> Iterator[Action]:
    for one in rows.due(ctx.db, ctx.now):
        customer = customers.get(ctx.db, one.customer)
        if customer is None or not _worth(one, customer, ctx):
            rows.move(ctx.db, one, OVER)
        elif not _now(customer, ctx):
            rows.move(ctx.db, one, WAITING, ctx.now + timedelta(hours=1))
        elif rows.move(ctx.db, one, ASKED):
            yield ask(customer.owner, _question(one, customer, ctx), ctx)


def _worth(one: Star, customer: Customer, ctx: Ctx) -> bool:
    """Not of a visit that was taken back or is long ago, nor of who wants no messages."""
    late = ctx.now - one.made_at > timedelta(days=ctx.settings.stars.within_days)
    known = events.get(ctx.db, one.event) is not None
    return bool(ctx.settings.reach.pages) and known and not late and not _refuses(customer)


def _now(customer: Customer, ctx: Ctx) -> bool:
    advisor = ctx.team.advisor(customer.owner)
    return advisor is not None and shifts.on_shift(advisor, ctx) and not ledger.ask(customer, ctx)


def _question(one: Star, customer: Customer, ctx: Ctx) -> Choice:
    text = (f"{customer.name}{_when(one, ctx)}{VISITS[one.kind]}。点“给我链接”拿到一句话，"
            "转给TA，点星就算评过；不点也行，这次不再问您。")  # fmt: skip
    return Choice(DO, f"请{customer.name}评价一下？", text,
                  (("给我链接", "give"), ("这次不评", "skip")), {"star": one.id})  # fmt: skip


def _when(one: Star, ctx: Ctx) -> str:
    day = one.made_at.astimezone(ctx.zone).date()
    return "今天" if day == ctx.today else f"{day.month}月{day.day}日"


def chosen(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    one = rows.get(ctx.db, dialog.body["star"])
    customer = customers.get(ctx.db, one.customer) if one else None
    if one is None or customer is None:
        yield Send(dialog.member, "这条评价邀请已经不在了。")
    elif one.state == RATED:
        yield Send(dialog.member, f"{customer.name}这次已经评过了。")
    elif answer == "skip":
        rows.move(ctx.db, one, OVER)
        yield Send(dialog.member, f"好，这次不请{customer.name}评价。")
    elif refusal := ledger.ask(customer, ctx):
        yield Send(dialog.member, refusal)
    else:
        yield from _handed(one, customer, dialog.member, ctx)


def _handed(one: Star, customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    rows.move(ctx.db, one, GIVEN)
    ledger.note(customer, f"stars:{one.id}", ctx)
    days = ctx.settings.stars.link_days
    yield Send(member, HANDED.format(name=customer.name, days=days))
    yield Send(member, f"{customer.name}，谢谢您{_when(one, ctx)}{VISITS[one.kind]}。方便的话点开"
                       "打个星，好的不好的都请直说，几秒钟就好：\n"
                       f"{address(one, ctx)}")  # fmt: skip


# The link


def address(one: Star, ctx: Ctx) -> str:
    return f"{ctx.settings.reach.pages}/h5/r/{signed.token(DO, one.id, ctx)}/"


def opened(token: str, ctx: Ctx) -> Star | str:
    """What the link is about; otherwise what to tell who opened it."""
    key = signed.key_of(DO, token, ctx)
    one = rows.get(ctx.db, key) if key else None
    customer = customers.get(ctx.db, one.customer) if one else None
    days = ctx.settings.stars.link_days
    if one is None or customer is None or _refuses(customer):
        return BROKEN
    if ctx.now - one.made_at > timedelta(days=days) and not own(one):
        return EXPIRED.format(days=days)
    return one


def own(one: Star) -> bool:
    """Rated by the customer, and not only by an advisor who was told."""
    return one.rated_at is not None and one.channel == OWN


def visit(one: Star, ctx: Ctx) -> str:
    """What is asked about, without a name: links are passed on."""
    day = one.made_at.astimezone(ctx.zone).date()
    return f"{day.month}月{day.day}日{VISITS[one.kind]}"


# The word of a customer


def rated(
    one: Star, stars: int, ctx: Ctx, *, channel: str = OWN, words: str = ""
) -> tuple[str, list[Action]]:
    """What the customer is told, and what leaves because of it."""
    if stars not in NAMES:
        return BAD_STARS, []
    over = TOLD  # what an advisor wrote down gives way to the customer's own word, and to a new one
    if not rows.rate(ctx.db, one.id, stars, channel, ctx.now, over):
        return AGAIN.format(stars=one.stars, name=NAMES[one.stars]), []
    now = replace(one, stars=stars, channel=channel, words=_masked(words), rated_at=ctx.now)
    rows.say(ctx.db, one.id, now.words)
    return (SORRY if _low(stars, ctx) else THANKS), list(_passed_on(now, ctx))


def said(one: Star, words: str, ctx: Ctx) -> tuple[str, list[Action]]:
    """One sentence to the stars, once."""
    words = _masked(words)
    if not own(one) or not words:
        return "想说的写在框里，再点“发送”。", []
    if one.words:
        return "您的话已经收到了，还想补充，请直接告诉顾问。", []
    rows.say(ctx.db, one.id, words)
    return "收到，谢谢您说得这么具体。", list(_added(replace(one, words=words), ctx))


def _masked(words: str) -> str:
    return mask.phones(" ".join(words.split()))[:LONGEST]


def _low(stars: int, ctx: Ctx) -> bool:
    return stars <= ctx.settings.stars.low


def _passed_on(one: Star, ctx: Ctx) -> Iterator[Action]:
    if _low(one.stars, ctx):
        yield from _alarm(one, ctx)
    elif one.channel == OWN:
        yield from _to_advisor(one, f"打了{one.stars}星（{NAMES[one.stars]}）", ctx)


def _to_advisor(one: Star, what: str, ctx: Ctx) -> Iterator[Action]:
    """What is good may be heard at once; what is not, first from the manager."""
    customer = customers.get(ctx.db, one.customer)
    if customer and ctx.team.advisor(customer.owner):
        yield Send(customer.owner, f"{customer.name}给{visit(one, ctx)}{what}。")


def _manager(one: Star, ctx: Ctx) -> str:
    return ctx.team.head(one.store)


def _alarm(one: Star, ctx: Ctx) -> Iterator[Action]:
    customer = customers.get(ctx.db, one.customer)
    name = customer.name if customer else "客户"
    why = (f"{name}给{visit(one, ctx)}打了{one.stars}星（{NAMES[one.stars]}，{one.channel}），"
           f"顾问{ctx.team.name(one.advisor)}")  # fmt: skip
    place = Place("", "", one.store, _manager(one, ctx))
    if ctx.settings.watch.on:
        sign = Sign(DISSATISFIED, one.id, why, one.words, one.customer)
        yield from watch.alarm(sign, place, ctx)
    elif place.owner:
        yield Send(place.owner, f"⚠️ {why}。{one.words}")


def _added(one: Star, ctx: Ctx) -> Iterator[Action]:
    """To whoever was told of the stars."""
    if not _low(one.stars, ctx):
        yield from _to_advisor(one, f"补了一句：“{one.words}”", ctx)
        return
    alerts.evidence(ctx.db, DISSATISFIED, one.id, one.words)
    customer, to = customers.get(ctx.db, one.customer), _manager(one, ctx)
    if to and customer:
        yield Send(to, f"{customer.name}（{one.stars}星）补了一句：“{one.words}”。")


# In 微信客服


def in_service(customer: Customer, ctx: Ctx) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """The question and its menu, for a visitor who has just been answered; once a visit."""
    since = ctx.now - timedelta(days=ctx.settings.stars.within_days)
    one = rows.newest(ctx.db, customer.id, since)
    if one is None or one.state != WAITING or _refuses(customer):
        return None
    if events.get(ctx.db, one.event) is None or not rows.move(ctx.db, one, GIVEN):
        return None
    menu = tuple((f"{MENU}:{one.id}:{n}", f"{n}星 {name}") for n, name in NAMES.items())
    return f"顺便问一句，{visit(one, ctx)}，您满意吗？点一下就好。", menu


def tapped(menu_id: str, customer: Customer, ctx: Ctx) -> tuple[str, list[Action]] | None:
    """None for what is no tap on these stars."""
    kind, _, rest = menu_id.partition(":")
    key, _, n = rest.partition(":")
    one = rows.get(ctx.db, key) if kind == MENU else None
    if one is None or one.customer != customer.id or n not in map(str, NAMES):
        return None
    return rated(one, int(n), ctx)


# What an advisor noted for them, taken back


def before(one: Star) -> dict[str, Any]:
    """As it was, for whoever takes it back."""
    values = {"state": one.state, "stars": one.stars, "words": one.words, "channel": one.channel}
    times = {"due_at": one.due_at, "rated_at": one.rated_at}
    return {"star": one.id, "values": values,
            **{name: at.isoformat() if at else None for name, at in times.items()}}  # fmt: skip


def refusal(step: Dialog, ctx: Ctx) -> str:
    one = rows.get(ctx.db, step.body["was"]["star"])
    if one is None:
        return "这条评价已经不在了"
    return "客户之后自己评过了，以客户自己的为准" if own(one) else ""


def put_back(step: Dialog, ctx: Ctx) -> str:
    """The rating before it, or none; the alarm that it gave is withdrawn while it is open."""
    was = step.body["was"]
    if one := rows.get(ctx.db, was["star"]):
        times = {name: moment(was[name]) for name in ("due_at", "rated_at")}
        rows.restore(ctx.db, replace(one, **{**was["values"], **times}))
    withdrawn = alerts.withdraw(ctx.db, step.body["alert"])
    again = f"又是之前记的{was['values']['stars']}星。" if was["rated_at"] else ""
    return f"{again}{'给经理的低评分预警一起撤回。' if withdrawn else ''}"


def alarm_of(one: Star, ctx: Ctx) -> str:
    """The alarm that its stars gave; "" for none."""
    found = alerts.about(ctx.db, DISSATISFIED, one.id)
    return found.id if found else ""


def told(step: Dialog, ctx: Ctx) -> Iterator[Action]:
    """Whoever was alarmed by it."""
    to, body = _manager_of(step, ctx), step.body
    if body["alert"] and to != step.member and alerts.get(ctx.db, body["alert"]) is None:
        by = ctx.team.name(step.member)
        yield Send(to, f"{by}撤销了“{body['what']}”，这条低评分预警不用处理了。")


def _manager_of(step: Dialog, ctx: Ctx) -> str:
    one = rows.get(ctx.db, step.body["was"]["star"])
    return _manager(one, ctx) if one else step.member


# What came of it, for the analysis


def tallied(stores: tuple[str, ...], since: datetime, until: datetime, ctx: Ctx) -> Mapping[
    tuple[str, str, str], Mapping[int, int]
]:  # fmt: skip
    """By store, channel and what it was about: how often each number of stars was given."""
    found: dict[tuple[str, str, str], dict[int, int]] = {}
    for row in rows.counts(ctx.db, stores, since, until):
        found.setdefault((row["store"], row["channel"], row["kind"]), {})[row["stars"]] = row["n"]
    return found
