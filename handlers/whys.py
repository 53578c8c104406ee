"""为什么: the rule behind a tier and a level by name, its numbers, and how it came to that."""

from handlers import enrol, overrides, rulebook
from handlers.context import Ctx
from handlers.words import TIERS, short
from nlp.labels import CONCERNS
from storage import customers, events
from storage.customers import Customer

CHANGES = 10


def told(customer: Customer, ctx: Ctx) -> str:
    """Tier and level with their rules, what somebody decided, the last changes and worries."""
    c = customer
    out = [f"{c.name}为什么是{TIERS[c.tier]}·{c.level}级："]
    out += _judgement(TIERS[c.tier], c.tier_reason, c.tier_rule, ctx)
    out += _judgement(f"{c.level}级", c.level_reason, c.level_rule, ctx)
    out += overrides.lines(c, ctx)
    out += [f"· {one}" for one in enrol.line(c, ctx)]
    for move in events.of(ctx.db, c.id, "级别", "意向", limit=CHANGES):
        local = move.at.astimezone(ctx.zone)
        out.append(f"· {local.month}月{local.day}日 {move.evidence}")
    for t in customers.tags(ctx.db, c.id, ctx.now, "concern")[:5]:
        out.append(
            f"· {CONCERNS.get(t.code, t.code)}：“{short(t.evidence, 20)}”，提过{t.mentions}次"
        )
    return "\n".join(out)


def _judgement(what: str, reason: str, rule: str, ctx: Ctx) -> list[str]:
    says = rulebook.shipped().says(rule, ctx.settings)
    named = [f"  规则 {rule}：{says}"] if says else []
    return [f"· {what}：{reason or '尚未判断'}", *named]
