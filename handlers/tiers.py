"""Tier (高/中/低) and level (O/H/A/B/C/N) of a customer, each with its reason in words.

Tier is the case's own definition of care: high is ordered, or a lead being pursued; middle is
active in a group or in continuing talk; low is everybody else. Level is the dealer's habit of
buying windows and drives the days between contacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import bursts
from handlers.context import Ctx
from handlers.settings import Tiers
from handlers.words import TIERS
from storage import checkins, customers, events, groups, rules
from storage.customers import Customer

ORDER = "OHABCN"  # strongest first
LEVEL_WINDOWS = {"H": "7天内", "A": "15天内", "B": "30天内", "C": "2-3个月"}


@dataclass(frozen=True, slots=True)
class Signal:
    """Words of the customer that spoke for a level, and when they were said."""

    level: str
    evidence: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the judgement rests on."""

    signals: Sequence[Signal] = ()
    ordered: bool = False
    delivered: bool = False
    friends: bool = True
    opted_out: bool = False
    appointment: datetime | None = None
    spoken: int = 0  # messages of the customer within talking days
    played: int = 0  # check-ins and games within active days
    group: str = ""  # a group the customer is in
    in_group_days: int = 0
    ever_spoke: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    tier: str
    track: str
    tier_reason: str
    level: str
    level_reason: str
    rules: tuple[str, ...]


def judge(facts: Facts, was: Customer, now: datetime, settings: Tiers) -> Verdict:
    """Pure: the same facts give the same verdict."""
    level, level_reason, level_rule = _level(facts, was, now, settings)
    tier, track, reason, tier_rule = _tier(facts, level, now, settings)
    return Verdict(tier, track, reason, level, level_reason, (level_rule, tier_rule))


def _level(facts: Facts, was: Customer, now: datetime, s: Tiers) -> tuple[str, str, str]:
    if facts.ordered and not facts.delivered:
        return "O", "已下订，未交付", "level.ordered"
    if was.level == "O":
        was = _after_order(facts, was)
    if was.pinned_until and was.pinned_until > now:
        return was.level, was.level_reason, "level.pinned"
    windows = {"H": s.window_h_days, "A": s.window_a_days, "B": s.window_b_days,
               "C": s.window_c_days}  # fmt: skip
    live = [x for x in facts.signals if now - x.at <= timedelta(days=windows[x.level])]
    if not live:
        return _faded(was, now, s)
    # 先了解, 不急: explicit words lower at once and take back what was said before them
    cooled = max((x.at for x in live if x.level == "C"), default=min(x.at for x in live))
    since = [x for x in live if x.at >= cooled]
    best = min(since, key=lambda x: (ORDER.index(x.level), -x.at.timestamp()))
    if best.level == "C" and ORDER.index(was.level) < ORDER.index("C"):
        return "C", f"客户说“{best.evidence}”", "level.cooled"
    dwell = was.level_at is None or now - was.level_at >= timedelta(days=s.lower_dwell_days)
    lowered = ORDER.index(best.level) > ORDER.index(was.level)
    if was.level != "N" and lowered and not dwell:
        return was.level, was.level_reason, "level.dwell"
    return best.level, f"“{best.evidence}”，{LEVEL_WINDOWS[best.level]}", "level.signal"


def _after_order(facts: Facts, was: Customer) -> Customer:
    """The order is over: an owner is looked after, one who took it back is judged anew."""
    if facts.ordered:
        return replace(was, level="C", level_reason="已交付，转车主关怀")
    return replace(was, level="N", level_reason="订单已取消，重新判断")


def _faded(was: Customer, now: datetime, s: Tiers) -> tuple[str, str, str]:
    """No live signal: the level stays until its dwell is over, then sinks to C."""
    dwell = was.level_at is None or now - was.level_at >= timedelta(days=s.lower_dwell_days)
    if was.level in "HAB" and was.level and dwell:
        return "C", f"{was.level}级信号已过期，暂无新的购买信号", "level.faded"
    return was.level, was.level_reason or "新联系，尚未判断", "level.kept"


def _tier(facts: Facts, level: str, now: datetime, s: Tiers) -> tuple[str, str, str, str]:
    soon = facts.appointment is not None and (
        now <= facts.appointment <= now + timedelta(days=s.appointment_days)
    )
    if facts.ordered:
        return "high", "ordered", "已下订", "tier.ordered"
    if not facts.friends or facts.opted_out:
        why = "已退订" if facts.opted_out else "已不是好友"
        return "low", "unwoken", why, "tier.gone"
    if soon:
        return "high", "pursuing", f"{s.appointment_days}天内有预约", "tier.appointment"
    if level in ("H", "A"):
        return "high", "pursuing", f"线索跟进中，{level}级", "tier.pursuing"
    if facts.group and facts.played >= s.active_games:
        reason = f"入群{facts.in_group_days}天，近{s.active_days}天参加{facts.played}次互动"
        return "mid", "group-active", reason, "tier.group"
    if facts.spoken >= s.talking_messages:
        reason = f"近{s.active_days}天发言{facts.spoken}次"
        return "mid", "talking", reason, "tier.talking"
    if level == "B" and facts.ever_spoke:
        return "mid", "talking", "B级，仍在沟通", "tier.level_b"
    track = "unwoken" if facts.ever_spoke else "to-wake"
    spoken = f"近{s.active_days}天发言{facts.spoken}次"
    return "low", track, f"{spoken}，不足{s.talking_messages}次", "tier.quiet"


def gather(customer: Customer, ctx: Ctx) -> Facts:
    """Read the facts from the store."""
    s = ctx.settings.tiers
    found = customers.tags(ctx.db, customer.id, ctx.now, "signal")
    signals = [Signal(t.code, t.evidence, t.last_at) for t in found if t.code in LEVEL_WINDOWS]
    order = events.last(ctx.db, customer.id, "下订", "退单")
    deal = events.last(ctx.db, customer.id, "下订", "退单", "交付")
    appointment = events.last(ctx.db, customer.id, "预约")
    since = ctx.now - timedelta(days=s.active_days)
    group = next(iter(groups.of_member(ctx.db, customer.id)), None)
    days = 0
    if group:
        days = (ctx.now - datetime.fromisoformat(group["joined_at"])).days
    return Facts(
        signals=signals,
        ordered=order is not None and order.kind == "下订",
        delivered=deal is not None and deal.kind == "交付",
        friends=customer.deleted_at is None,
        opted_out=customer.opted_out_at is not None,
        appointment=appointment.at if appointment else None,
        spoken=bursts.spoken(customer.id, since, ctx),
        played=checkins.since(ctx.db, customer.id, since.astimezone(ctx.zone).date()),
        group=group["name"] if group else "",
        in_group_days=days,
        ever_spoke=customer.spoke_at is not None,
    )


def rejudge(customer: Customer, ctx: Ctx) -> Customer:
    """Judge again, write what changed with its evidence, return the customer as it is now."""
    verdict = judge(gather(customer, ctx), customer, ctx.now, ctx.settings.tiers)
    rules.hit(ctx.db, verdict.rules, ctx.now)
    changed: dict[str, Any] = {
        name: getattr(verdict, name)
        for name in ("tier", "track", "tier_reason", "level", "level_reason")
    }
    moved = verdict.level != customer.level
    if moved or customer.level_at is None:
        changed["level_at"] = ctx.now
    customers.change(ctx.db, customer.id, **changed)
    if moved:
        move = f"{customer.level}→{verdict.level}"
        _log(ctx, customer.id, "级别", f"{move}：{verdict.level_reason}")
    if verdict.tier != customer.tier:
        move = f"{TIERS[customer.tier]}→{TIERS[verdict.tier]}"
        _log(ctx, customer.id, "意向", f"{move}：{verdict.tier_reason}")
    return replace(customer, **changed)


def decay(ctx: Ctx) -> None:
    """Once a night: whose signals have grown old, or who fell silent, is judged again."""
    for customer in customers.fading(ctx.db):
        rejudge(customer, ctx)


def _log(ctx: Ctx, customer_id: str, kind: str, evidence: str) -> None:
    events.add(
        ctx.db, event_id=ctx.new_id(), customer=customer_id, kind=kind, when=ctx.now,
        source="system", evidence=evidence,
    )  # fmt: skip
