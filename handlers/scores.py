"""Scores of a customer: how much a sale is worth pursuing, how active, how near, whom they bring.

Each is a pure function of facts and settings that says its inputs in words; the sources and a
worked example of each stand in docs/formulas.md. What nobody agreed to is not scored: whoever
refused the archive has none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from handlers import bursts, rulebook
from handlers.context import Ctx
from handlers.settings import Scores
from handlers.tags import amounts
from handlers.values import Action
from storage import checkins, customers, groups
from storage import scores as rows
from storage.customers import Customer, Tag
from storage.scores import (
    ACTIVE,
    ACTIVITY,
    CONCENTRATION,
    NAMES,
    POTENTIAL,
    QUADRANT,
    SPREADING,
    Score,
)

BANDS = ("无", "浅", "中", "浓", "很浓")
QUADRANTS = ("高意向高活跃", "高意向低活跃", "低意向高活跃", "低意向低活跃")
LEVELS = {"O": 5, "H": 5, "A": 4, "B": 3, "C": 2, "N": 1}
INTENTS = {"quote": "问价", "test_drive": "想试驾"}
PAYING = ("payment", "down_payment", "monthly")
YEAR = timedelta(days=365)
REVIEW_HOUR, REVIEW_MINUTE = 3, 40


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the scores rest on."""

    level: str = "N"
    budget: float = 0.0  # the most they want to spend; 0 when they never said
    price: float = 0.0  # of the model they look at; 0 when unknown
    paying: bool = False  # spoke of how they would pay
    liked: int = 0  # concerns they are satisfied with
    worried: int = 0
    rival: bool = False
    last_joined: date | None = None
    joined_year: int = 0
    joined_ever: int = 0
    actions: Mapping[str, tuple[int, datetime]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)  # of late, for the activity
    owner: bool = False  # drives one of our cars
    shares: int = 0
    referrals: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """One score: a figure, its class, and the inputs in words."""

    name: str
    value: float
    grade: str
    inputs: str

    def __str__(self) -> str:
        figure = f"{self.value:.0f}%" if self.name == CONCENTRATION else f"{self.value:.1f}"
        return f"{self.name} {figure}（{self.grade}）：{self.inputs}"


def all_of(facts: Facts, now: datetime, s: Scores) -> list[Value]:
    """Pure: the same facts give the same scores."""
    value, active = potential(facts, s), activeness(facts, now.date(), s)
    lively = activity(facts, s)
    return [value, active, concentration(facts, now, s), lively, quadrant(value, lively, s),
            spreading(active, facts)]  # fmt: skip


# 潜客价值


def potential(facts: Facts, s: Scores) -> Value:
    """w_intent·I + w_budget·B + w_brand·A, each 1 to 5 (the case's first RFM, domain §12.1)."""
    intent, budget, brand = LEVELS.get(facts.level, 1), _budget(facts), _brand(facts)
    total = intent * s.intent_weight + budget * s.budget_weight + brand * s.brand_weight
    inputs = (f"意向{intent}×{s.intent_weight:g}＋预算{budget}×{s.budget_weight:g}"
              f"＋品牌{brand}×{s.brand_weight:g}")  # fmt: skip
    return Value(POTENTIAL, total, _class(total, s.potential_a, s.potential_b), inputs)


def _budget(facts: Facts) -> int:
    """How well what they want to spend covers the model; 2 while nothing was said of money."""
    if not facts.budget:
        return 3 if facts.paying else 2
    if not facts.price:
        return 3
    covers = facts.budget / facts.price
    return 1 + sum(covers >= step for step in (0.8, 0.9, 1.0, 1.1))


def _brand(facts: Facts) -> int:
    """3 while it is open; praise lifts it, worries and a rival press it down."""
    lift = (facts.liked >= 1) + (facts.liked >= 3)
    return max(1, min(5, 3 + lift - (facts.worried > facts.liked) - facts.rival))


def _class(value: float, a: float, b: float) -> str:
    return "A" if value >= a else "B" if value >= b else "C"


# 活跃度价值


def activeness(facts: Facts, today: date, s: Scores) -> Value:
    """w_r·R + w_f·F + w_m·M: last activity joined, times in a year, times ever (domain §12.2)."""
    days = (today - facts.last_joined).days if facts.last_joined else None
    recent = 1 if days is None else 5 - sum(days > step for step in s.recent_days)
    often = 1 + sum(facts.joined_year >= step for step in s.often_times)
    total = 1 + sum(facts.joined_ever >= step for step in s.total_times)
    value = recent * s.recent_weight + often * s.often_weight + total * s.total_weight
    last = "从未参加" if days is None else f"{days}天前"
    year, ever = facts.joined_year, facts.joined_ever
    inputs = (f"最近{recent}（{last}）×{s.recent_weight:g}"
              f"＋一年{often}（{year}次）×{s.often_weight:g}"
              f"＋累计{total}（{ever}次）×{s.total_weight:g}")  # fmt: skip
    return Value(ACTIVE, value, _class(value, s.activity_a, s.activity_b), inputs)


# 线索浓度


def concentration(facts: Facts, now: datetime, s: Scores) -> Value:
    """Σ value × min(times, cap) ÷ cap × decay, in percent (the matrix of domain §12.3)."""
    parts = [_part(name, worth, facts.actions[name], now, s)
             for name, worth in s.worth.items() if name in facts.actions]  # fmt: skip
    total = sum(value for value, _ in parts)
    band = BANDS[sum(round(total, 6) >= step for step in s.bands)]
    inputs = "＋".join(words for _, words in parts) or "还没有行为"
    return Value(CONCENTRATION, total, band, inputs)


def _part(
    name: str, worth_cap: tuple[int, int], done: tuple[int, datetime], now: datetime, s: Scores
) -> tuple[float, str]:
    (worth, cap), (times, last) = worth_cap, done
    days = max(0, (now - last).days)
    decay = 0.5 ** (days / s.decay_days)
    words = f"{name}{worth}×{min(times, cap)}/{cap}"
    return worth * min(times, cap) / cap * decay, words + (f"×{decay:.2f}" if days else "")


# 活跃分与四象限


def activity(facts: Facts, s: Scores) -> Value:
    """Points for what they did of late: the activity axis of the quadrants (item 69)."""
    parts = [(name, facts.counts[name], worth) for name, worth in s.points.items()
             if facts.counts.get(name)]  # fmt: skip
    total = float(sum(n * worth for _, n, worth in parts))
    inputs = "＋".join(f"{name}{n}×{worth}" for name, n, worth in parts) or "没有动静"
    grade = "高活跃" if total >= s.high_activity else "低活跃"
    return Value(ACTIVITY, total, grade, f"近{s.active_days}天{inputs}")


def quadrant(value: Value, lively: Value, s: Scores) -> Value:
    """Intent × activity, each against its threshold (the four quadrants of the case)."""
    intent, active = value.value >= s.high_intent, lively.value >= s.high_activity
    name = f"{'高' if intent else '低'}意向{'高' if active else '低'}活跃"
    inputs = (f"潜客价值{value.value:.1f}{'≥' if intent else '<'}{s.high_intent:g}，"
              f"活跃分{lively.value:.0f}{'≥' if active else '<'}{s.high_activity}")  # fmt: skip
    return Value(QUADRANT, float(4 - QUADRANTS.index(name)), name, inputs)


def spreading(active: Value, facts: Facts) -> Value:
    """Who carries word of mouth: the second RFM, lifted by what they have spread already."""
    lift = 0.5 * min(facts.shares, 3) + min(facts.referrals, 2) + 0.5 * facts.owner
    lift += 0.5 * (facts.liked >= 2)
    total = active.value + lift
    parts = [
        f"活跃度价值{active.value:.1f}",
        f"分享{facts.shares}次" if facts.shares else "",
        f"转介绍{facts.referrals}次" if facts.referrals else "",
        "车主" if facts.owner else "",
        f"满意{facts.liked}点" if facts.liked >= 2 else "",
    ]
    grade = "高" if total >= 4 else "中" if total >= 2.5 else "低"
    return Value(SPREADING, total, grade, "，".join(part for part in parts if part))


# From the store


def gather(customer: Customer, ctx: Ctx) -> Facts:
    known = customers.tags(ctx.db, customer.id, ctx.now)
    s = ctx.settings.scores
    last, year, ever = rows.joined(ctx.db, customer.id, ctx.today)
    done = rows.done(ctx.db, customer.id, ctx.now - YEAR)
    late = rows.done(ctx.db, customer.id, ctx.now - timedelta(days=s.active_days))
    facts = _believed(Facts(level=customer.level), customer, known, ctx)
    return replace(
        facts, last_joined=last, joined_year=year, joined_ever=ever,
        actions={**{n: d for n, d in done.items() if n in s.worth}, **_wished(known)},
        counts={**{name: n for name, (n, _) in late.items()}, **_counts(customer, ctx)},
        owner="交付" in done or customer.stage == "交付",
        shares=done.get("分享", (0,))[0], referrals=done.get("转介绍", (0,))[0],
    )  # fmt: skip


def _believed(facts: Facts, customer: Customer, known: Sequence[Tag], ctx: Ctx) -> Facts:
    """What their words say of money and of the brand."""
    concerns = [t for t in known if t.kind == "concern"]
    budget = next((t.value for t in known if t.kind == "budget"), "")
    price = ctx.facts.price(customer.model, "", ctx.today) if customer.model else None
    return replace(
        facts, budget=max(amounts(budget), default=0.0),
        price=price.value or 0.0 if price else 0.0,
        paying=any(t.kind in PAYING for t in known),
        liked=sum(t.polarity > 0 for t in concerns),
        worried=sum(t.polarity < 0 for t in concerns),
        rival=any(t.kind == "rival" for t in known),
    )  # fmt: skip


def _wished(known: Sequence[Tag]) -> dict[str, tuple[int, datetime]]:
    return {INTENTS[t.code]: (t.mentions, t.last_at) for t in known
            if t.kind == "intent" and t.code in INTENTS}  # fmt: skip


def _counts(customer: Customer, ctx: Ctx) -> dict[str, int]:
    since = ctx.now - timedelta(days=ctx.settings.scores.active_days)
    day = since.astimezone(ctx.zone).date()
    return {"发言": bursts.spoken(customer.id, since, ctx),
            "签到": checkins.since(ctx.db, customer.id, day),
            "互动": groups.played(ctx.db, customer.id, since)}  # fmt: skip


def refresh(customer: Customer, ctx: Ctx) -> None:
    """Score again and write what changed; whoever refused to be read has no scores."""
    if customer.archive_refused_at or customer.deleted_at:
        rows.clear(ctx.db, customer.id)
        return
    facts = gather(customer, ctx)
    found = all_of(facts, ctx.now, ctx.settings.scores)
    again = _review(ctx) if _fades(facts, ctx) else None
    was = rows.of(ctx.db, customer.id)
    rows.put(ctx.db, customer.id, _changed(found, was, again, ctx))


def _changed(
    found: Iterable[Value], was: Mapping[str, Score], again: datetime | None, ctx: Ctx
) -> Iterator[Score]:
    version = rulebook.shipped().version
    for v in found:
        score = Score(v.name, round(v.value, 4), v.grade, v.inputs, version, ctx.now, again)
        old = was.get(v.name)
        if old is None or replace(old, at=ctx.now) != score:
            yield score


def _fades(facts: Facts, ctx: Ctx) -> bool:
    """Whether time alone will change a value."""
    lasts = timedelta(days=max(ctx.settings.scores.recent_days) + 1)
    near = facts.last_joined is not None and ctx.today - facts.last_joined <= lasts
    fresh = any(ctx.now - last < YEAR for _, last in facts.actions.values())
    return near or fresh or any(facts.counts.values())


def _review(ctx: Ctx) -> datetime:
    night = ctx.local.replace(hour=REVIEW_HOUR, minute=REVIEW_MINUTE, second=0, microsecond=0)
    return night if night > ctx.now else night + timedelta(days=1)


def tick(ctx: Ctx) -> Iterator[Action]:
    """At night, those whose scores time may have changed, some each minute."""
    for customer_id in rows.due(ctx.db, ctx.now):
        customer = customers.get(ctx.db, customer_id)
        if customer is None:
            rows.clear(ctx.db, customer_id)
        else:
            refresh(customer, ctx)
    yield from ()


# What people see


def of(customer: Customer, ctx: Ctx) -> dict[str, Score]:
    return rows.of(ctx.db, customer.id)


def line(customer: Customer, ctx: Ctx) -> list[str]:
    """One line of the card; none before there is a score."""
    found = of(customer, ctx)
    if POTENTIAL not in found:
        return []
    value, near = found[POTENTIAL], found[CONCENTRATION]
    return [f"评分：{found[QUADRANT].grade}｜潜客价值{value.value:.1f}（{value.grade}）"
            f"｜线索浓度{near.value:.0f}%（{near.grade}）"]  # fmt: skip


def listing(customer: Customer, ctx: Ctx) -> str:
    """All of them with what they were made of."""
    if customer.archive_refused_at:
        return f"{customer.name}未同意存档，不打分。"
    found = of(customer, ctx)
    if not found:
        return f"{customer.name}还没有评分，有了聊天、预约或互动就会算。"
    shown = [Value(n, s.value, s.grade, s.inputs) for n in NAMES if (s := found.get(n))]
    tail = f"规则第{max(s.version for s in found.values())}版；权重和分档在设置 [scores] 里。"
    return "\n".join([f"{customer.name}的评分：", *(f"· {v}" for v in shown), tail])
