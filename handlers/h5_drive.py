"""预约试驾 from the page of a group: a form becomes an appointment of theirs, or a lead.

Whom nobody knows is a lead of the group's owner. A number that belongs to a customer already is
only passed on to their advisor: whoever types it need not be that customer.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from handlers import appointments, followups, leads, privacy, tiers
from handlers.context import Ctx
from handlers.games.seat import called
from handlers.h5_guests import Guest
from handlers.settings import Store
from handlers.values import Action, Send
from handlers.words import exactly
from nlp import mask
from storage import appointments as booked
from storage import customers, h5
from storage.customers import Customer
from storage.h5 import Visitor

KIND, CONSENT, SOURCE, VIA = "试驾", "试驾联系", "官方", "群页面"
NOTICE = ("称呼、电话和时间只用来联系您安排这次试驾，由门店的顾问使用，不作别的用途；"
          "不填电话也能预约（群成员），之后可以请顾问删除。")  # fmt: skip
UNTICKED = "留电话要先勾选同意，我们才能用它联系您。"
_PHONE = re.compile(r"1[3-9]\d{9}")


@dataclass(frozen=True, slots=True)
class Wish:
    name: str
    phone: str
    agreed: bool
    model: str
    at: datetime
    store: Store


def phone(words: str) -> str:
    """The eleven digits, however they were typed; "" for what is no mobile number."""
    digits = re.sub(r"[\s\-()（）]", "", unicodedata.normalize("NFKC", words))
    digits = digits.removeprefix("+86")
    return digits if _PHONE.fullmatch(digits) else ""


def read(form: Mapping[str, str], found: Guest, ctx: Ctx) -> Wish | str:
    """The form as it should be, or what is missing in a sentence."""
    given, number = form.get("phone", "").strip(), phone(form.get("phone", ""))
    agreed = form.get("agree") == "1"
    if given and not number:
        return "电话看起来不对，应为11位手机号。"
    if number and not agreed:
        return UNTICKED
    if found.role == "looking" and not number:
        return "您还不在这个群里，请留下电话并勾选同意，顾问才能联系到您。"
    when = _when(form, ctx)
    if when is None:
        return "这个时间约不了了，请重新选一个。"
    shop = next((s for s in ctx.settings.stores if s.id == form.get("store")), None)
    models = [model.name for model in ctx.facts.model]
    model = form.get("model", "") if form.get("model", "") in models else ""
    name = mask.phones(called(form.get("name", "").strip()))
    return Wish(name, number, agreed, model, when, shop or ctx.team.store(found.group["store"]))


def _when(form: Mapping[str, str], ctx: Ctx) -> datetime | None:
    """One of the times that are offered."""
    try:
        day = date.fromisoformat(form.get("day", ""))
        slot = time.fromisoformat(form.get("time", ""))
    except ValueError:
        return None
    last = ctx.today + timedelta(days=ctx.settings.h5.drive_days)
    offered = ctx.today < day <= last and slot in ctx.settings.h5.drive_slots
    return ctx.on(day, slot) if offered else None


def request(form: Mapping[str, str], found: Guest, ctx: Ctx) -> tuple[str, list[Action]]:
    """What the page answers, and what the advisor is told."""
    if found.role == "staff":
        return "员工请直接在助手里说：记录 客户 周六下午3点试驾。", []
    wish = read(form, found, ctx)
    if isinstance(wish, str):
        return wish, []
    customer = _known(found, ctx)
    if customer is None:
        return _lead(wish, found, ctx)
    return _book(wish, customer, found, ctx)


def _known(found: Guest, ctx: Ctx) -> Customer | None:
    """Themselves, or the lead that their earlier request made."""
    before = h5.visitor(ctx.db, found.who)
    keys = [key for key in (found.member, before.lead if before else "") if key]
    people = (customers.get(ctx.db, key) for key in keys)
    return next((c for c in people if c and c.deleted_at is None), None)


def _said(wish: Wish, ctx: Ctx) -> str:
    return f"{exactly(wish.at.astimezone(ctx.zone))}{KIND}{wish.model}（{wish.store.name}）"


def _book(
    wish: Wish, customer: Customer, found: Guest, ctx: Ctx
) -> tuple[str, list[Action]]:  # fmt: skip
    said = _said(wish, ctx)
    ahead = booked.ahead(ctx.db, customer.id, ctx.now)
    if ahead and ahead.at == wish.at:
        return f"已经约好了：{said}，不用再提交。", []
    to = customer.owner or str(found.group["owner"])
    fresh = bool(wish.phone) and wish.phone != customer.phone
    customer = _noted(wish, customer, ctx)
    words = f"{customer.name}在群页面预约{said}"
    appointments.book(customer, wish.at, KIND, words, to, ctx)
    followups.plan_cadence(customer, ctx)
    tiers.rejudge(customers.get(ctx.db, customer.id) or customer, ctx)
    more = f"原来约的{exactly(ahead.at.astimezone(ctx.zone))}改掉了。" if ahead else ""
    more += f"留的电话 {wish.phone}。" if fresh else ""
    who = ctx.team.name(to) if to else "顾问"
    return f"约好了：{said}。{who}会和您确认。", list(_told(to, customer, wish, more, found, ctx))


def _noted(wish: Wish, customer: Customer, ctx: Ctx) -> Customer:
    """What the form tells that was not known; what an advisor has noted stays."""
    news = {"phone": wish.phone if not customer.phone else "",
            "model": wish.model if not customer.model else ""}  # fmt: skip
    fresh = {key: value for key, value in news.items() if value}
    if fresh:
        customers.change(ctx.db, customer.id, **fresh)
    if wish.phone:
        privacy.note(customer, CONSENT, True, NOTICE, "page", "", ctx)
    seen = customers.get(ctx.db, customer.id) or customer
    return replace(seen, model=wish.model or seen.model)


def _told(
    to: str, customer: Customer, wish: Wish, more: str, found: Guest, ctx: Ctx
) -> Iterator[Action]:
    if not to:
        return
    called_ = f"自称{wish.name}。" if wish.name not in ("", "群友", customer.name) else ""
    yield Send(to, f"📅 {customer.name}在“{found.group['name']}”的页面上预约了{_said(wish, ctx)}。"
                   f"{more}{called_}请尽快和TA确认；确认了回复 {customer.name}确认了，"
                   f"要改时间回复 {customer.name}改到 加时间。")  # fmt: skip


def _lead(wish: Wish, found: Guest, ctx: Ctx) -> tuple[str, list[Action]]:
    owner = str(found.group["owner"])
    advisor = owner if ctx.team.advisor(owner) else ""
    said = _said(wish, ctx)
    came = leads.arrive(
        ctx, name=wish.name if wish.name != "群友" or not found.name else found.name,
        source=SOURCE, channel=str(found.group["name"]), via=VIA, phone=wish.phone,
        model=wish.model, store=wish.store.id, advisor=advisor, words=f"想{said}",
    )  # fmt: skip
    actions = list(came.actions)
    if wish.phone:
        privacy.note(came.customer, CONSENT, True, NOTICE, "page", "", ctx)
    if came.known:
        actions += _passed_on(wish, came.customer, found, ctx)
    else:
        _remember(found, came.customer, ctx)
        appointments.book(came.customer, wish.at, KIND, f"群页面预约{said}", owner, ctx)
        actions += _told(came.customer.owner or owner, came.customer, wish, "", found, ctx)
    return f"已提交：{said}。顾问会联系您确认时间。", actions


def _passed_on(wish: Wish, customer: Customer, found: Guest, ctx: Ctx) -> Iterator[Action]:
    to = customer.owner or str(found.group["owner"])
    if to:
        yield Send(to, f"📅 有人在“{found.group['name']}”的页面上留了{customer.name}的电话，"
                       f"想约{_said(wish, ctx)}。请打电话核实，约好了回复 记录 "
                       f"{customer.name} 加时间试驾。")  # fmt: skip


def _remember(found: Guest, customer: Customer, ctx: Ctx) -> None:
    before = h5.visitor(ctx.db, found.who)
    fresh = before or Visitor(found.who, "", "", "", found.chat, ctx.now)
    h5.put(ctx.db, replace(fresh, lead=customer.id, at=ctx.now))
