"""Side states of the journey: 静默 休眠 失控 冷冻 战败 回流加热, each with its reason in words.

A side state lies beside the stage: who froze after a test drive has still had it. Somebody is out
of reach or frozen because an advisor said so, and no longer when the customer speaks again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.context import Ctx
from handlers.settings import Journey
from handlers.words import exactly
from storage import events, rhythms
from storage import sides as rows
from storage.customers import Customer
from storage.sides import Told


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the side state rests on."""

    added: datetime | None = None
    spoke: datetime | None = None
    contacted: datetime | None = None
    deleted: datetime | None = None
    lost: datetime | None = None  # 战败
    delivered: bool = False
    unanswered: int = 0
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """`state` is "" for somebody on the plain way."""

    state: str = ""
    reason: str = ""
    until: datetime | None = None

    def words(self, ctx: Ctx) -> str:
        until = f"到{exactly(self.until.astimezone(ctx.zone))}" if self.until else ""
        return f"{self.state}{until}（{self.reason}）" if self.state else ""


def judge(facts: Facts, now: datetime, s: Journey, silent_after: int) -> Side:
    """Pure: the same facts give the same state; the first that holds is it."""
    if facts.deleted:
        return Side("失控", "已不是好友，不再联系")
    return _told(facts, now, s) or _lost(facts, now, s) or _quiet(facts, now, s, silent_after)


def _told(facts: Facts, now: datetime, s: Journey) -> Side | None:
    told = facts.told
    if told is None:
        return None
    back = facts.spoke if facts.spoke and facts.spoke > told.at else None
    if told.state == "冷冻" and told.until and (back is None or told.until <= now):
        if now < told.until:
            return Side("冷冻", f"顾问说“{told.words}”", told.until)
        back = told.until
    if back is None:
        return Side(told.state, f"顾问说“{told.words}”")
    why = "冷冻到期" if back == told.until else f"{told.state}之后又说话了"
    return _heated(back, why, now, s)


def _lost(facts: Facts, now: datetime, s: Journey) -> Side | None:
    if facts.lost is None:
        return None
    if facts.spoke is None or facts.spoke <= facts.lost:
        return Side("战败", "已记战败，之后没有再说话")
    return _heated(facts.spoke, "战败之后又说话了", now, s)


def _heated(since: datetime, why: str, now: datetime, s: Journey) -> Side | None:
    until = since + timedelta(days=s.heated_days)
    return Side("回流加热", f"{why}，{s.heated_days}天内优先联系", until) if now < until else None


def _quiet(facts: Facts, now: datetime, s: Journey, silent_after: int) -> Side:
    heard = [at for at in (facts.spoke, facts.contacted, facts.added) if at]
    days = (now - max(heard)).days if heard else 0
    if days >= s.dormant_days and not facts.delivered:
        return Side("休眠", f"双方{days}天没有联系，满{s.dormant_days}天算休眠")
    if facts.unanswered >= silent_after:
        return Side("静默", f"连续{facts.unanswered}次联系没有回，好友还在")
    return Side()


def of(customer: Customer, ctx: Ctx) -> Side:
    ended = events.last(ctx.db, customer.id, "战败", "到店", "试驾", "报价", "下订", "交付")
    facts = Facts(
        added=customer.added_at, spoke=customer.spoke_at, contacted=customer.contacted_at,
        deleted=customer.deleted_at, lost=ended.at if ended and ended.kind == "战败" else None,
        delivered=customer.stage == "交付", told=rows.of(ctx.db, customer.id),
        unanswered=rhythms.of(ctx.db, customer.id).unanswered,
    )  # fmt: skip
    return judge(facts, ctx.now, ctx.settings.journey, ctx.settings.followups.unanswered_touches)


def line(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """For the card; nothing for somebody on the plain way."""
    if side := of(customer, ctx).words(ctx):
        yield f"侧面状态：{side}"
