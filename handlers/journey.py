"""What an advisor logs in plain words: 记录 王女士 周六下午3点试驾; put right when it was wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rapidfuzz import fuzz, process

from handlers import (
    appointments,
    cadence,
    followups,
    lost,
    resolved,
    retract,
    sides,
    stages,
    stars,
    tiers,
)
from handlers import logged as reading
from handlers.cadence_table import moment_of
from handlers.concerns import complaint, refuse
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.logged import DEALS as DEALS
from handlers.logged import WORDS as WORDS
from handlers.logged import Note as Note
from handlers.stages import STAGES as STAGES
from handlers.undo import Before, before, remember
from handlers.values import Action, Send
from handlers.words import TIERS, clock, day, exactly, when
from nlp import mask
from nlp.labels import CONCERNS
from storage import appointments as rows
from storage import customers, dialogs, events
from storage import followups as owed
from storage import sides as told
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.sides import Told

# Why somebody did not come (domain guide 6.3).
REASONS = ("时间不合适", "距离远", "价格没谈拢", "家人不同意", "先看竞品", "天气/堵车", "忘记了",
           "车型没到店", "对邀约不感兴趣", "联系不上", "已购", "其他")  # fmt: skip
HINTS = {"堵": "天气/堵车", "雨": "天气/堵车", "雪": "天气/堵车", "忘": "忘记了", "远": "距离远",
         "没空": "时间不合适", "加班": "时间不合适", "有事": "时间不合适", "老婆": "家人不同意",
         "老公": "家人不同意", "买了": "已购", "没接": "联系不上"}  # fmt: skip
UNDO = "记错了回复 撤销。"
NEWS = ("交期",)  # what the store learns; the customer has yet to be told


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is being logged for a customer, by whom."""

    customer: Customer
    member: str
    was: Before


def parse(words: str, ctx: Ctx) -> Note | None:
    """What is to be logged first; None when no event is named."""
    return next(iter(everything(words, ctx)), None)


def everything(words: str, ctx: Ctx) -> tuple[Note, ...]:
    return reading.read(words, ctx)


def record_all(
    customer: Customer, notes: Sequence[Note], member: str, ctx: Ctx
) -> Iterator[Action]:
    """Everything that was said in one line: what happened as one step, the rest one by one."""
    given_up = next((n for n in notes if n.kind == lost.STAGE), None)
    notes = [n for n in notes if n.kind != lost.STAGE]
    happened = [n for n in notes if n.happened]
    if happened:
        yield from _happened(customer, happened, member, ctx)
    for note in notes:
        if not note.happened and (now := customers.get(ctx.db, customer.id)):
            yield from record(now, note, member, ctx)
    if given_up and (now := customers.get(ctx.db, customer.id)):
        yield from lost.apply(now, given_up.words, member, ctx)


def record(customer: Customer, note: Note, member: str, ctx: Ctx) -> Iterator[Action]:
    step = Step(customer, member, before(customer, ctx))
    if note.at is not None and note.kind != "改期":
        yield from _appoint(step, note, note.at, ctx)
    elif note.missed:
        yield from _missed(step, note, ctx)
    elif note.kind == "退订":
        remember(ctx, member, f"{customer.name}的退订", step.was, refuse(customer, note.words, ctx))
        yield Send(member, f"已记录：{customer.name} 退订。不会再提醒联系TA，也不会发活动。"
                           "记错了回复 撤销。")  # fmt: skip
        yield from retract.opted_out(customer, ctx)
    elif note.kind == "投诉":
        yield from complaint(customer, note.words, ctx)
    elif note.kind in ("改期", "确认", "取消预约"):
        yield from _changed(step, note, ctx)
    elif note.kind in ("冷冻", "失控"):
        yield from _aside(step, note, ctx)
    elif note.kind in SETTLES:
        yield from _settled(step, note, ctx)
    else:
        yield from _happened(customer, [note], member, ctx)


# Appointments


def _appoint(step: Step, note: Note, at: datetime, ctx: Ctx) -> Iterator[Action]:
    c = step.customer
    _, kept = appointments.book(c, at, note.kind, note.words, step.member, ctx)
    customers.change(ctx.db, c.id, contacted_at=ctx.now)
    followups.plan_cadence(c, ctx)
    after = tiers.rejudge(customers.get(ctx.db, c.id) or c, ctx)
    remember(ctx, step.member, f"{c.name}的预约", step.was, kept=kept)
    local = at.astimezone(ctx.zone)
    said = f"{when(local, ctx.local)} {note.kind}"
    if note.day:
        said = f"{note.day} {note.kind}（没说几点，先按{clock(local)}）"
    yield Send(
        step.member,
        f"已记录：{c.name} {said}。前一天提醒你确认，到店前发简报，到点问来了没有。\n"
        f"现在是{TIERS[after.tier]}·{after.level}级：{after.tier_reason}。记错了回复 撤销。",
    )


def _changed(step: Step, note: Note, ctx: Ctx) -> Iterator[Action]:
    """改到周日上午, 确认了, 不来了: of the appointment that is spoken of."""
    c, member = step.customer, step.member
    found = appointments.expected(c, ctx)
    if note.kind == "改期" and note.at:
        kind = found.kind if found else "到店"
        yield from _move(step, replace(note, kind=kind), note.at, ctx)
    elif found is None:
        yield Send(member, f"{c.name}现在没有预约。约好了回复 记录 {c.name} 周六下午3点试驾")
    elif note.kind == "确认":
        remember(ctx, member, f"{c.name}的确认", step.was,
                 kept=appointments.confirmed(found, member, ctx, note.words))  # fmt: skip
        minutes = ctx.settings.journey.brief_minutes
        yield Send(member, f"好，{c.name}{appointments.said(found, ctx)}，已确认。"
                           f"到店前{minutes}分钟发你一屏简报。")  # fmt: skip
    else:
        kept = appointments.cancelled(found, member, ctx, note.words)
        tiers.rejudge(c, ctx)
        remember(ctx, member, f"{c.name}的取消预约", step.was, kept=kept)
        yield Send(member, f"已记录：{c.name}取消了{appointments.said(found, ctx)}。"
                           f"改约好了回复 {c.name}改到 加时间；记错了回复 撤销。")  # fmt: skip


def _move(step: Step, note: Note, at: datetime, ctx: Ctx) -> Iterator[Action]:
    """A new time: what was agreed before, also one that was just missed, gives way to it."""
    c = step.customer
    past = [one for one in rows.open_of(ctx.db, c.id) if one.at <= ctx.now]
    for one in past:
        rows.put(ctx.db, replace(one, state="改期", step="", knock_at=None))
    _, kept = appointments.book(c, at, note.kind, note.words, step.member, ctx)
    tiers.rejudge(c, ctx)
    remember(ctx, step.member, f"{c.name}的改期", step.was, kept=kept.and_(Kept(was=tuple(past))))
    local = at.astimezone(ctx.zone)
    said = f"{exactly(local)}{note.kind}"
    if note.day:
        said = f"{day(local.date(), ctx.today)}{note.kind}（没说几点，先按{clock(local)}）"
    yield Send(step.member, f"好，{c.name}改到{said}。改错了回复 撤销。")


def _missed(step: Step, note: Note, ctx: Ctx) -> Iterator[Action]:
    c, why = step.customer, reason(note.reason) if note.reason else None
    event = stages.log(ctx, c, "未到店", note.when or ctx.now, why or note.words, step.member)
    kept = appointments.missed(c, why or "", ctx, note.when).and_(Kept(events=(event,)))
    tiers.rejudge(c, ctx)
    remember(ctx, step.member, f"{c.name}的未到店", step.was, kept=kept)
    if why:
        again = f"改约了回复 {c.name}改到 加时间。"
        yield Send(step.member, f"已记录：{c.name} 没有到店，原因 {why}。{again}")
        return
    yield from ask_reason(c, event, step.member, ctx)


def ask_reason(
    customer: Customer, event: str, member: str, ctx: Ctx, head: str = ""
) -> Iterator[Action]:
    """One of the twelve, by its digit or in words."""
    body = {"event": event, "name": customer.name, "customer": customer.id}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="reason", body=body,
                  now=ctx.now)  # fmt: skip
    reasons = "、".join(f"{n} {why}" for n, why in enumerate(REASONS, 1))
    head = head or f"已记录：{customer.name} 没有到店。"
    yield Send(member, f"{head}是什么原因？直接回复其中一个或序号：{reasons}")


def reason(words: str) -> str | None:
    """The reason on the list that comes nearest to the advisor's words."""
    if words.isdecimal():
        return REASONS[int(words) - 1] if 1 <= int(words) <= len(REASONS) else None
    if hinted := next((why for hint, why in HINTS.items() if hint in words), None):
        return hinted
    found = process.extractOne(words, REASONS, scorer=fuzz.partial_ratio, score_cutoff=75)
    return str(found[0]) if found else None


def explain(event_id: str, name: str, why: str, member: str, ctx: Ctx) -> Iterator[Action]:
    event = events.get(ctx.db, event_id)
    events.explain(ctx.db, event_id, why)
    if event and event.kind == "未到店":
        appointments.explain(event.customer, why, ctx)
    yield Send(member, f"已记录：{name} {event.kind if event else '未到店'}，原因 {why}。")


def because(dialog: Dialog, words: str, ctx: Ctx) -> Iterator[Action]:
    """The answer to why they did not come; asked before anybody had said so, it says that too."""
    why, body = reason(words), dialog.body
    if why is None:
        yield Send(dialog.member, f"请回复 1 到 {len(REASONS)}，或直接说原因。")
        return
    dialogs.close(ctx.db, dialog.id)
    if body["event"]:
        yield from explain(body["event"], body["name"], why, dialog.member, ctx)
    elif customer := customers.get(ctx.db, body["customer"]):
        missed = Note("到店", None, True, f"没来，{why}", reason=why)
        yield from record(customer, missed, dialog.member, ctx)


# What happened


def _happened(customer: Customer, notes: Sequence[Note], member: str, ctx: Ctx) -> Iterator[Action]:
    was = before(customer, ctx)
    # a microsecond apart, so that what was said first also stands first
    times = [(note.when or ctx.now) + timedelta(microseconds=n) for n, note in enumerate(notes)]
    made = tuple(stages.log(ctx, customer, n.kind, at, n.words, member)
                 for n, at in zip(notes, times, strict=True))  # fmt: skip
    kinds = [note.kind for note in notes]
    kept = appointments.kept(customer, kinds, max(times), ctx).and_(Kept(events=made))
    after = _after(customer, notes, max(times), ctx)
    by_kind = {note.kind: event for note, event in zip(notes, made, strict=True)}
    stars.visited(after, by_kind, max(times), member, ctx)
    logged = tuple({"kind": n.kind, "at": at.isoformat(), "words": mask.phones(n.words),
                    "day": n.day}
                   for n, at in zip(notes, times, strict=True))  # fmt: skip
    what = "、".join(kinds)
    remember(ctx, member, f"{customer.name}的{what}", was, kept=replace(kept, notes=logged))
    yield Send(
        member,
        f"已记录：{customer.name} {_told(notes, ctx)}。"
        f"现在是{TIERS[after.tier]}·{after.level}级：{after.tier_reason}。{UNDO}",
    )
    if "未试驾" in kinds:
        yield from ask_reason(customer, made[kinds.index("未试驾")], member, ctx,
                              f"{customer.name}到店没有试驾，")  # fmt: skip


def _told(notes: Sequence[Note], ctx: Ctx) -> str:
    if len(notes) == 1 and notes[0].when is None:
        return f"{notes[0].kind}（{mask.phones(notes[0].words)}）"
    parts = []
    for note in notes:
        at = f"{_when(note, ctx)} " if note.when else ""
        parts.append(f"{at}{note.kind}（{mask.phones(note.words)}）")
    return "、".join(parts)


def _when(note: Note, ctx: Ctx) -> str:
    """The day alone where nobody has said the hour."""
    return note.day or (when(note.when.astimezone(ctx.zone), ctx.local) if note.when else "")


def _after(customer: Customer, notes: Sequence[Note], at: datetime, ctx: Ctx) -> Customer:
    """Stage, tier and what is owed, once the events stand."""
    kinds = [note.kind for note in notes]
    met = customer.contacted_at if {*kinds} <= {*NEWS} else at
    contacted = max(filter(None, (customer.contacted_at, met)), default=None)
    customers.change(ctx.db, customer.id, stage=stages.moved(customer, ctx), contacted_at=contacted)
    if "战败" in kinds:
        owed.drop(ctx.db, customer.id, ctx.now, "战败")
    after = tiers.rejudge(customers.get(ctx.db, customer.id) or customer, ctx)
    if "战败" not in kinds:
        followups.plan_cadence(after, ctx)
        for note in notes:
            _moment(after, note, ctx)
    return after


def _today(note: Note, ctx: Ctx) -> bool:
    return note.when is None or note.when.astimezone(ctx.zone).date() == ctx.today


def _moment(customer: Customer, note: Note, ctx: Ctx) -> None:
    """What follows from it, by the table; a thank-you for yesterday's visit comes too late."""
    moment = moment_of(note.kind, note.words)
    cadence.happened(customer, moment, ctx, None if _today(note, ctx) else note.when)


def _aside(step: Step, note: Note, ctx: Ctx) -> Iterator[Action]:
    """冷冻 until a day, 失控: set aside, and what is owed with it."""
    c = step.customer
    if note.kind == "冷冻" and note.until is None:
        yield Send(step.member, f"{c.name}冷冻到什么时候？例如：记录 {c.name} 冷冻到国庆后")
        return
    was = told.of(ctx.db, c.id)
    event = stages.log(ctx, c, note.kind, ctx.now, note.words, step.member)
    words = mask.phones(note.words)
    told.put(ctx.db, Told(c.id, note.kind, ctx.now, words, step.member, note.until, note.until))
    owed.drop(ctx.db, c.id, ctx.now, note.kind)
    kept = Kept(events=(event,), side=was, sided=True)
    remember(ctx, step.member, f"{c.name}的{note.kind}", step.was, kept=kept)
    yield Send(step.member, f"已记录：{c.name} {sides.of(c, ctx).words(ctx)}。记错了回复 撤销。")


# What an advisor says of a concern: the state it comes to, those it comes from, how it is told.
SETTLES = {
    "解决": ("solved", ("", "answered", "stuck"), "或早就解决了", "已解决"),
    "卡住": ("stuck", ("", "answered", "solved"), "或已经记着卡住", "记为仍卡住"),
}


def _settled(step: Step, note: Note, ctx: Ctx) -> Iterator[Action]:
    """充电桩解决了, 价格还没谈妥: the advisor's word on a concern."""
    c = step.customer
    becomes, among, already, said = SETTLES[note.kind]
    was, made = resolved.move(
        c.id, becomes, note.codes, note.words, "advisor", ctx, step.member, among
    )
    names = "、".join(CONCERNS.get(code, code) for code in note.codes)
    if not made:
        yield Send(step.member, f"{c.name}没有记着“{names}”这个顾虑，{already}。")
        return
    kept = Kept(events=tuple(made), concerns=tuple(was))
    remember(ctx, step.member, f"{c.name}的{names}", step.was, kept=kept)
    moved = "、".join(CONCERNS.get(code, code) for code, _ in was)
    yield Send(step.member, f"已记录：{c.name}的“{moved}”{said}。记错了回复 撤销。")
