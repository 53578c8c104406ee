"""The clock of an appointment: 确认 the day before, a brief, 到了吗, and why not in the evening.

Each row says what is to be done with it and when; a row is claimed before anybody is told.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from handlers import appointments, brief, journey, shifts
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.settings import Advisor
from handlers.values import Action, Send
from handlers.words import exactly, when
from storage import appointments as rows
from storage import customers, dialogs, events, rules
from storage.appointments import Appointment
from storage.customers import Customer

CONFIRM = (("已确认", "confirmed"), ("改期", "moved"), ("取消", "cancelled"))
SAY = {"试驾": ("试驾前一天怎么提醒", "试驾邀约")}
LATE = timedelta(minutes=15)  # a brief so long after the time says nothing new


def tick(ctx: Ctx) -> Iterator[Action]:
    confirms: dict[str, list[tuple[Appointment, Customer]]] = {}
    for found in rows.due(ctx.db, ctx.now):
        customer = customers.get(ctx.db, found.customer)
        if customer is None or not _wanted(found, customer):
            rows.step(ctx.db, found, "", None)
        elif reader := _reader(found, ctx):
            if found.step == "confirm":
                confirms.setdefault(reader.userid, []).append((found, customer))
            else:
                yield from _knock(found, customer, reader, ctx)
        else:
            rows.step(ctx.db, found, found.step, ctx.tomorrow(ctx.settings.followups.morning))
    for userid, pairs in confirms.items():
        yield from _confirm(pairs, userid, ctx)


def _wanted(found: Appointment, customer: Customer) -> bool:
    if customer.opted_out_at or customer.deleted_at:
        return False
    return found.open or (found.state == "未到" and not found.reason)


def _reader(found: Appointment, ctx: Ctx) -> Advisor | None:
    """Who meets the customer that day: the advisor, or whoever stands in for them."""
    advisor = ctx.team.advisor(found.advisor)
    return shifts.stand_in(advisor, ctx) or advisor if advisor else None


def _open_hours(reader: Advisor, ctx: Ctx) -> bool:
    """By the clock alone: who gave an appointment on a day of rest is there."""
    first, last = shifts.hours(reader, ctx)
    return first <= ctx.local.time() < last


def _confirm(
    pairs: Sequence[tuple[Appointment, Customer]], userid: str, ctx: Ctx
) -> Iterator[Action]:
    """One as a card with its words; several as one list, since they come at the same minute."""
    reader = ctx.team.advisor(userid)
    claimed = []
    for found, customer in pairs:
        step, then = appointments.after_confirm(found.at, ctx)
        resting = reader is not None and not shifts.on_shift(reader, ctx)
        morning = shifts.next_shift(reader, ctx) if reader and resting else ctx.now
        if resting and morning < then:
            rows.step(ctx.db, found, "confirm", morning)
        elif rows.step(ctx.db, found, step, then) and not resting:
            claimed.append((found, customer))
    rules.hit(ctx.db, ["appointment.confirm"] * bool(claimed), ctx.now)
    if len(claimed) == 1:
        yield from confirm(*claimed[0], userid, ctx)
    elif claimed:
        yield from listing(claimed, f"有{len(claimed)}个预约要和客户确认：", userid, ctx, "confirm")


def confirm(found: Appointment, customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    words, stage = SAY.get(found.kind, ("到店前一天怎么提醒", "到店接待"))
    if script := brief.say(words, stage, customer, ctx):
        yield Send(member, script)
    text = f"{appointments.said(found, ctx)}。上面一条可直接转发。" if script else ""
    yield ask(member, _choice("confirm", f"和{customer.name}确认预约", text, CONFIRM, found), ctx)


def _choice(
    do: str, title: str, text: str, options: tuple[tuple[str, str], ...], found: Appointment
) -> Choice:
    return Choice(do, title, text, options,
                  {"appointment": found.id, "customer": found.customer})  # fmt: skip


def listing(
    pairs: Sequence[tuple[Appointment, Customer]], head: str, member: str, ctx: Ctx, do: str
) -> Iterator[Action]:
    """Numbered lines; a digit does `do` with one of them."""
    lines = [f"{n}. {appointments.line(a, c, ctx)}" for n, (a, c) in enumerate(pairs, 1)]
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="visits",
                  body={"ids": [a.id for a, _ in pairs], "do": do}, now=ctx.now)  # fmt: skip
    tail = {"confirm": "回复序号看话术和按钮。", "brief": "回复序号看简报。"}[do]
    yield Send(member, "\n".join([head, *lines, tail]))


def _knock(found: Appointment, customer: Customer, reader: Advisor, ctx: Ctx) -> Iterator[Action]:
    if not _open_hours(reader, ctx):
        rows.step(ctx.db, found, *_later(found, reader, ctx))
        return
    step, then = _following(found, ctx)
    if not rows.step(ctx.db, found, step, then):
        return
    rules.hit(ctx.db, [f"appointment.{found.step}"], ctx.now)
    if found.step == "brief" and ctx.now <= found.at + LATE:
        yield Send(reader.userid, brief.text(found, customer, ctx))
    elif found.step == "ask":
        yield came(found, customer, reader.userid, ctx)
    elif found.step == "reason":
        yield from _why(found, customer, reader.userid, ctx)


def _following(found: Appointment, ctx: Ctx) -> tuple[str, datetime | None]:
    if found.step == "brief":
        return "ask", appointments.ask_at(found.at, ctx)
    if found.step == "ask":
        return "reason", max(appointments.reason_at(found.at, ctx), ctx.now + timedelta(hours=1))
    return "", None


def _later(found: Appointment, reader: Advisor, ctx: Ctx) -> tuple[str, datetime]:
    """Outside the hours: at the opening; a brief for somebody who has come by then is left out."""
    first, _ = shifts.hours(reader, ctx)
    opening = ctx.on(ctx.today, first)
    morning = opening if ctx.now < opening else ctx.on(ctx.today + timedelta(days=1), first)
    if found.step == "brief" and morning > found.at:
        return "ask", max(appointments.ask_at(found.at, ctx), morning)
    return found.step, morning


def came(found: Appointment, customer: Customer, member: str, ctx: Ctx) -> Action:
    """到了吗: as a card, by digit, or in words."""
    also = () if found.kind == "到店" else ((f"{found.kind}了", found.kind),)
    options = (("到了", "到店"), *also, ("没来", "missed"), ("改期", "moved"))
    at = when(found.at.astimezone(ctx.zone), ctx.local)
    choice = _choice("came", f"{customer.name}到了吗？", f"约的{at}{found.kind}{found.model}。",
                     options, found)  # fmt: skip
    return ask(member, choice, ctx)


def _why(found: Appointment, customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """In the evening: the reason, of who did not come and of whom nobody has said anything."""
    missed = events.last(ctx.db, customer.id, "未到店") if found.state == "未到" else None
    at = exactly(found.at.astimezone(ctx.zone))
    state = "没有来。"
    if missed is None:
        state = f"还没记到没到（到了就回复 {customer.name}到了）。没来的话，"
    head = f"{customer.name}约了{at}{found.kind}，{state}"
    yield from journey.ask_reason(customer, missed.id if missed else "", member, ctx, head)
