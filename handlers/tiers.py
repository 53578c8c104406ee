"""Tier (高/中/低) and level (O/H/A/B/C/N) of a customer, each with its reason in words.

Tier is the case's own definition of care: high is ordered, or a lead being pursued; middle is
active in a group or in continuing talk; low is everybody else. Level is the dealer's habit of
buying windows and drives the days between contacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import bursts, rulebook, scores, sides
from handlers.context import Ctx
from handlers.settings import Tiers
from handlers.words import TIERS
from storage import appointments, checkins, customers, events, groups, pins, rules
from storage.customers import Customer
from storage.db import Row, at

ORDER = "OHABCN"  # strongest first
LEVEL_WINDOWS = {"H": "7天内", "A": "15天内", "B": "30天内", "C": "2-3个月"}
OWNERS, INTERNAL = "车主", "内部"
NOT_PURSUED = ("战败", "冷冻", "失控")
INVITE = "下一步：邀请进车主群"


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
    group: str = ""  # an official group the customer is in
    in_group_days: int = 0
    in_group_spoken: int = 0  # times they spoke in such groups within active days
    owners_group: str = ""  # the official group of owners, when they are in it
    ever_spoke: bool = False
    pinned: str = ""  # a tier somebody decided, which still holds
    pinned_why: str = ""
    side: str = ""  # 战败, 冷冻, 失控: nobody pursues them now


@dataclass(frozen=True, slots=True)
class Verdict:
    tier: str
    track: str
    tier_reason: str
    level: str
    level_reason: str
    level_rule: str
    tier_rule: str

    @property
    def rules(self) -> tuple[str, str]:
        return self.level_rule, self.tier_rule


def judge(facts: Facts, was: Customer, now: datetime, settings: Tiers) -> Verdict:
    """Pure: the same facts give the same verdict."""
    level, level_reason, level_rule = _level(facts, was, now, settings)
    tier, track, reason, tier_rule = _tier(facts, level, now, settings)
    if was.track == "fan" and tier != "high":  # until they move on by themselves
        track = "fan"
    return Verdict(tier, track, reason, level, level_reason, level_rule, tier_rule)


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
    """Tier, sub-track, reason and rule: the first of the case's definitions that holds."""
    if facts.ordered:
        return _ordered(facts)
    if not facts.friends or facts.opted_out:
        why = "已退订" if facts.opted_out else "已不是好友"
        return "low", "unwoken", why, "tier.gone"
    if facts.pinned:
        track = {"high": "pursuing", "mid": "talking", "low": "unwoken"}[facts.pinned]
        return facts.pinned, track, facts.pinned_why, "tier.pinned"
    if facts.side in NOT_PURSUED:
        return "low", "unwoken", f"{facts.side}，线索没有在跟", "tier.lost"
    if facts.appointment and now <= facts.appointment <= now + timedelta(days=s.appointment_days):
        return "high", "pursuing", f"{s.appointment_days}天内有预约", "tier.appointment"
    if level in ("H", "A"):
        return "high", "pursuing", f"线索跟进中，{level}级", "tier.pursuing"
    return _middle(facts, level, s) or _low(facts, s)


def _ordered(facts: Facts) -> tuple[str, str, str, str]:
    if facts.owners_group:
        return "high", "ordered", f"已下订，在{facts.owners_group}", "tier.owner"
    return "high", "ordered", f"已下订，还没进车主群；{INVITE}", "tier.ordered"


def _middle(facts: Facts, level: str, s: Tiers) -> tuple[str, str, str, str] | None:
    often = facts.in_group_spoken >= s.active_messages
    if facts.group and (often or facts.played >= s.active_games):
        spoken = f"发言{facts.in_group_spoken}次" if facts.in_group_spoken else ""
        played = f"参加{facts.played}次互动" if facts.played else ""
        done = "，".join(part for part in (spoken, played) if part)
        reason = f"入群{facts.in_group_days}天，近{s.active_days}天{done}"
        return "mid", "group-active", reason, "tier.group"
    if facts.spoken >= s.talking_messages:
        return "mid", "talking", f"近{s.active_days}天发言{facts.spoken}次", "tier.talking"
    if level == "B" and facts.ever_spoke:
        return "mid", "talking", "B级，仍在沟通", "tier.level_b"
    return None


def _low(facts: Facts, s: Tiers) -> tuple[str, str, str, str]:
    track = "unwoken" if facts.ever_spoke else "to-wake"
    spoken = f"近{s.active_days}天发言{facts.spoken}次"
    return "low", track, f"{spoken}，不足{s.talking_messages}次", "tier.quiet"


def gather(customer: Customer, ctx: Ctx) -> Facts:
    """Read the facts from the store."""
    found = customers.tags(ctx.db, customer.id, ctx.now, "signal")
    order = events.last(ctx.db, customer.id, "下订", "退单")
    deal = events.last(ctx.db, customer.id, "下订", "退单", "交付")
    appointment = appointments.ahead(ctx.db, customer.id, ctx.now)
    pin = pins.get(ctx.db, customer.id, "tier")
    held = pin if pin and pin.until > ctx.now else None
    known = Facts(
        signals=[Signal(t.code, t.evidence, t.last_at) for t in found if t.code in LEVEL_WINDOWS],
        ordered=order is not None and order.kind == "下订",
        delivered=deal is not None and deal.kind == "交付",
        friends=customer.deleted_at is None,
        opted_out=customer.opted_out_at is not None,
        appointment=appointment.at if appointment else None,
        spoken=bursts.spoken(customer.id, _since(ctx), ctx),
        ever_spoke=customer.spoke_at is not None,
        pinned=held.value if held else "",
        pinned_why=f"{ctx.team.name(held.by_whom)}定的：{held.why}" if held else "",
        side=sides.of(customer, ctx).state,
    )
    return _grouped(customer, known, ctx)


def _since(ctx: Ctx) -> datetime:
    return ctx.now - timedelta(days=ctx.settings.tiers.active_days)


def _grouped(customer: Customer, known: Facts, ctx: Ctx) -> Facts:
    """What they do in groups; what is said there is no talk with the advisor."""
    since = _since(ctx)
    rooms = official(groups.of_member(ctx.db, customer.id), ctx)
    lines = groups.spoken(ctx.db, customer.id, since)
    own = [n for chat, n in lines.items() if chat in {room["chat_id"] for room in rooms}]
    first = rooms[0] if rooms else None
    day = since.astimezone(ctx.zone).date()
    return replace(
        known,
        spoken=groups.private(ctx.db, customer.id, since) if lines else known.spoken,
        played=checkins.since(ctx.db, customer.id, day) + groups.played(ctx.db, customer.id, since),
        in_group_spoken=sum(own),
        group=first["name"] if first else "",
        in_group_days=(ctx.now - at(first["joined_at"])).days if first else 0,
        owners_group=next((room["name"] for room in rooms if room["kind"] == OWNERS), ""),
    )


def official(rooms: Sequence[Row], ctx: Ctx) -> list[Row]:
    """The official customer groups among these; the configuration has the last word on a group."""
    told = {key: one for one in ctx.settings.groups for key in (one.chat,)}
    seen = []
    for room in rooms:
        one = told.get(room["chat_id"]) or told.get(room["name"])
        seen.append({**room, "kind": one.kind or room["kind"], "official": one.official}
                    if one else room)  # fmt: skip
    return [room for room in seen if room["official"] and room["kind"] != INTERNAL]


def rejudge(customer: Customer, ctx: Ctx) -> Customer:
    """Judge again, write what changed with its evidence, return the customer as it is now."""
    verdict = judge(gather(customer, ctx), customer, ctx.now, ctx.settings.tiers)
    rules.hit(ctx.db, verdict.rules, ctx.now)
    changed: dict[str, Any] = {
        name: getattr(verdict, name)
        for name in ("tier", "track", "tier_reason", "level", "level_reason", "tier_rule",
                     "level_rule")
    }  # fmt: skip
    changed["rules_version"] = rulebook.shipped().version
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
    now = replace(customer, **changed)
    scores.refresh(now, ctx)
    return now


def decay(ctx: Ctx, after: str = "", limit: int = 10**9) -> str:
    """Judge again whose signals have grown old, or who fell silent.

    Returns the id after which the rest goes on; "" when everybody was seen.
    """
    found = customers.fading(ctx.db, after, limit)
    for customer in found:
        rejudge(customer, ctx)
    return found[-1].id if len(found) == limit else ""


def _log(ctx: Ctx, customer_id: str, kind: str, evidence: str) -> None:
    events.add(
        ctx.db, event_id=ctx.new_id(), customer=customer_id, kind=kind, when=ctx.now,
        source="system", evidence=evidence,
    )  # fmt: skip
