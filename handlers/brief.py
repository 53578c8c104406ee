"""One screen an hour before somebody comes: who, why, what is open, what to say and prepare."""

from collections.abc import Iterator

from handlers import checklist, followups
from handlers.appointments import said
from handlers.context import Ctx
from handlers.words import POLARITY, TIERS, ago, clock, short
from nlp.labels import CONCERNS
from scriptbank.script import Query
from storage import appointments as rows
from storage import customers, events, leads, scripts
from storage import followups as owed
from storage.appointments import Appointment
from storage.customers import Customer, Tag

OPEN = ("", "stuck")
HOME = ("people", "about", "usage", "hobby", "purchase_kind")


def coming(customer: Customer, ctx: Ctx) -> str:
    """Of the next appointment, for whoever asks 王女士的预约."""
    found = rows.ahead(ctx.db, customer.id, ctx.now)
    if found is None:
        return f"{customer.name}没有约好的时间。约好了说：记录 {customer.name} 周六下午3点试驾"
    return text(found, customer, ctx)


def text(found: Appointment, customer: Customer, ctx: Ctx) -> str:
    """Every line says something; what is not known is left out."""
    tags = customers.tags(ctx.db, customer.id, ctx.now)
    local = found.at.astimezone(ctx.zone)
    same_day = local.date() == ctx.today
    when = f"今天{clock(local)}{found.kind}{found.model}" if same_day else said(found, ctx)
    return "\n".join([
        f"📋 {customer.name} {when}（{found.state}）",
        *_who(found, customer, ctx),
        *_open(tags, customer, ctx),
        *_cars(tags),
        *_promised(customer, ctx),
        *_home(tags),
        *_last(customer, ctx),
        *_prepare(found, tags),
    ])  # fmt: skip


def _who(found: Appointment, c: Customer, ctx: Ctx) -> Iterator[str]:
    why = "；".join(dict.fromkeys(filter(None, (c.tier_reason, c.level_reason))))
    yield f"是谁：{TIERS[c.tier]}·{c.level}级｜{c.stage}｜{why or '尚未判断'}"
    came = next((f"{one.kind}{one.channel}" for one in leads.of(ctx.db, c.id)), c.source)
    by = f"，{ctx.team.name(found.inviter)}邀约" if found.inviter else ""
    since = f"加微{ago(c.added_at, ctx.now)}" if c.added_at else ""
    if parts := [p for p in (came and f"来源{came}{by}", since) if p]:
        yield "　　" + "｜".join(parts)


def _open(tags: list[Tag], customer: Customer, ctx: Ctx) -> Iterator[str]:
    """Worries first, each with the best thing to say."""
    found = [t for t in tags if t.kind == "concern" and t.state in OPEN and t.polarity <= 0]
    for tag in sorted(found, key=lambda t: t.polarity)[:3]:
        stuck = "，仍卡住" if tag.state == "stuck" else ""
        name = CONCERNS.get(tag.code, tag.code)
        yield f"没解决：{name}（{POLARITY[tag.polarity]}{stuck}）“{short(tag.evidence, 16)}”"
        if script := say(tag.evidence, "", customer, ctx, {tag.code: tag.polarity}):
            yield f"　　可以说：{short(script, 44)}"


def say(
    words: str, stage: str, customer: Customer, ctx: Ctx, about: dict[str, int] | None = None
) -> str:
    """The best script for these words, filled in; "" when the library has none."""
    query = Query(
        text=words, day=ctx.today, concerns=about or {}, stage=stage, tier=customer.tier,
        model=customer.model, store=customer.store, seen=scripts.seen_by(ctx.db, customer.id,
                                                                         ctx.now),
    )  # fmt: skip
    best = next((s.script for s in ctx.bank.suggest(query, 5).items
                 if s.script.stage not in followups.UNASKED), None)  # fmt: skip
    return followups.filled(best, customer, ctx) if best else ""


def _cars(tags: list[Tag]) -> Iterator[str]:
    models = [t.value for t in tags if t.kind == "model" and t.value]
    rivals = [f"{t.value}（提过{t.mentions}次）" for t in tags if t.kind == "rival" and t.value]
    money = [short(t.evidence, 12) for t in tags if t.kind == "budget" and t.evidence]
    parts = [("在看", models), ("竞品", rivals), ("预算", money)]
    if any(values for _, values in parts):
        yield "｜".join(f"{name}：{'、'.join(values[:3])}" for name, values in parts if values)


def _promised(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """Reminders that the advisor set are promises; so is the last offer."""
    own = [short(f.reason, 24) for f in owed.open_of(ctx.db, customer.id) if f.kind == "own"]
    offer = events.last(ctx.db, customer.id, "报价")
    said_ = [f"{short(offer.evidence, 20)}（{ago(offer.at, ctx.now)}）"] if offer else []
    if own or said_:
        yield "答应过：" + "；".join([*own[:2], *said_])


def _home(tags: list[Tag]) -> Iterator[str]:
    """Family and how they live, with charging and parking in the customer's words."""
    facts = [t.value or t.evidence for t in tags if t.kind in HOME]
    words = [f"“{short(t.evidence, 14)}”" for t in tags
             if t.kind == "concern" and t.code in ("family", "charging")]  # fmt: skip
    if found := list(dict.fromkeys([*facts, *words])):
        yield "家里：" + "、".join(found[:5])


def _last(customer: Customer, ctx: Ctx) -> Iterator[str]:
    for row in customers.talk(ctx.db, customer.id):
        if row["who"] == "customer":
            yield f"最近说：“{short(row['text'], 30)}”（{ago(customer.spoke_at, ctx.now)}）"
            return


def _prepare(found: Appointment, tags: list[Tag]) -> Iterator[str]:
    open_ones = {t.code for t in tags if t.kind == "concern" and t.state in OPEN}
    if things := checklist.prepare(found.kind, open_ones):
        yield "要准备：" + "；".join(things)
