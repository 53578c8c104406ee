"""What an advisor logs in plain words: 记录 王女士 周六下午3点试驾."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rapidfuzz import fuzz, process

from handlers import followups, tiers
from handlers.concerns import complaint, refuse
from handlers.context import Ctx
from handlers.undo import before, remember
from handlers.values import Action, Send
from handlers.words import TIERS, when
from nlp import mask
from storage import customers, dialogs, events
from storage import followups as owed
from storage.customers import Customer

# The event a word stands for, and whether it can be agreed on for a later time.
WORDS = (
    ("退单", "退单", False),
    ("退订", "退订", False),
    ("投诉", "投诉", False),
    ("战败", "战败", False),
    ("提车", "交付", True),
    ("交车", "交付", True),
    ("交付", "交付", True),
    ("大定", "下订", False),
    ("小定", "下订", False),
    ("下定", "下订", False),
    ("下订", "下订", False),
    ("定金", "下订", False),
    ("签合同", "下订", False),
    ("试驾", "试驾", True),
    ("试乘", "试乘", True),
    ("到店", "到店", True),
    ("进店", "到店", True),
    ("来店", "到店", True),
    ("看车", "到店", True),
    ("报价", "报价", False),
)
STAGES = {"到店": "到店", "试驾": "试驾", "试乘": "试驾", "报价": "报价", "下订": "下订",
          "交付": "交付", "战败": "战败", "退单": "报价", "退订": "退订"}  # fmt: skip
DEALS = "、".join(dict.fromkeys(kind for _, kind, _ in WORDS))
# Why somebody did not come (domain guide 6.3).
REASONS = ("时间不合适", "距离远", "价格没谈拢", "家人不同意", "先看竞品", "天气/堵车", "忘记了",
           "车型没到店", "对邀约不感兴趣", "联系不上", "已购", "其他")  # fmt: skip
_MISSED = re.compile(r"没来|没到|爽约|未到")


@dataclass(frozen=True, slots=True)
class Note:
    kind: str  # the event
    at: datetime | None  # an agreed time in the future, or None for "it happened"
    missed: bool
    words: str


def parse(words: str, ctx: Ctx) -> Note | None:
    """What is to be logged; None when no event is named."""
    missed = bool(_MISSED.search(words))
    found = next(((kind, later) for word, kind, later in WORDS if word in words), None)
    if found is None and not missed:
        return None
    kind, later = found or ("到店", True)
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    at = datetime.fromisoformat(slot.value["from"]) if slot else None
    future = at if later and not missed and at and at > ctx.now else None
    return Note(kind, future, missed, words)


def record(customer: Customer, note: Note, member: str, ctx: Ctx) -> Iterator[Action]:
    if note.at is not None:
        yield from _appoint(customer, note, note.at, member, ctx)
    elif note.missed:
        yield from _missed(customer, note, member, ctx)
    elif note.kind == "退订":
        was = before(customer, ctx)
        remember(ctx, member, f"{customer.name}的退订", was, refuse(customer, note.words, ctx))
        yield Send(member, f"已记录：{customer.name} 退订。不会再提醒联系TA，也不会发活动。")
    elif note.kind == "投诉":
        yield from complaint(customer, note.words, ctx)
    else:
        yield from _happened(customer, note, member, ctx)


def _add(ctx: Ctx, customer: Customer, kind: str, at: datetime, words: str, member: str) -> str:
    event_id = ctx.new_id()
    events.add(ctx.db, event_id=event_id, customer=customer.id, kind=kind, when=at,
               source="advisor", evidence=mask.phones(words), by_whom=member)  # fmt: skip
    return event_id


def _appoint(
    customer: Customer, note: Note, at: datetime, member: str, ctx: Ctx
) -> Iterator[Action]:
    was, replaced = before(customer, ctx), _withdrawn(customer, ctx)
    event_id = _add(ctx, customer, "预约", at, note.words, member)
    customers.change(ctx.db, customer.id, contacted_at=ctx.now)
    followups.plan_appointment(customer, at, note.kind, ctx)
    after = tiers.rejudge(customer, ctx)
    remember(ctx, member, f"{customer.name}的预约", was, event_id, replaced)
    said = when(at.astimezone(ctx.zone), ctx.local)
    yield Send(
        member,
        f"已记录：{customer.name} {said} {note.kind}。前一天会提醒你确认，结束后提醒回访。\n"
        f"现在是{TIERS[after.tier]}·{after.level}级：{after.tier_reason}。记错了回复 撤销。",
    )


def _withdrawn(customer: Customer, ctx: Ctx) -> list[str]:
    """A new appointment takes the place of one that is still ahead."""
    ahead = [e.id for e in events.of(ctx.db, customer.id, "预约") if e.at > ctx.now]
    for event_id in ahead:
        events.undo(ctx.db, event_id, ctx.now)
    return ahead


def _missed(customer: Customer, note: Note, member: str, ctx: Ctx) -> Iterator[Action]:
    event_id = _add(ctx, customer, "未到店", ctx.now, note.words, member)
    remember(ctx, member, f"{customer.name}的未到店", before(customer, ctx), event_id)
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="reason",
                  body={"event": event_id, "name": customer.name}, now=ctx.now)  # fmt: skip
    reasons = "、".join(REASONS)
    yield Send(member, f"已记录：{customer.name} 没有到店。是什么原因？直接回复其中一个：{reasons}")


def reason(words: str) -> str | None:
    """The reason on the list that comes nearest to the advisor's words."""
    found = process.extractOne(words, REASONS, scorer=fuzz.partial_ratio, score_cutoff=75)
    return str(found[0]) if found else None


def explain(event_id: str, name: str, why: str, member: str, ctx: Ctx) -> Iterator[Action]:
    events.explain(ctx.db, event_id, why)
    yield Send(member, f"已记录：{name} 未到店，原因 {why}。")


def _happened(customer: Customer, note: Note, member: str, ctx: Ctx) -> Iterator[Action]:
    was = before(customer, ctx)
    event_id = _add(ctx, customer, note.kind, ctx.now, note.words, member)
    customers.change(ctx.db, customer.id, stage=STAGES[note.kind], contacted_at=ctx.now)
    if note.kind == "战败":
        owed.drop(ctx.db, customer.id, ctx.now, "战败")
    fresh = customers.get(ctx.db, customer.id) or customer
    after = tiers.rejudge(fresh, ctx)
    if note.kind != "战败":
        followups.plan_cadence(after, ctx)
    remember(ctx, member, f"{customer.name}的{note.kind}", was, event_id)
    yield Send(
        member,
        f"已记录：{customer.name} {note.kind}（{note.words}）。"
        f"现在是{TIERS[after.tier]}·{after.level}级：{after.tier_reason}。记错了回复 撤销。",
    )
