"""How well the tags work: how many customers have them, how fresh they are, which never come."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from handlers import tags
from handlers.context import Ctx
from handlers.dictionary import Group
from handlers.tags import Held
from storage import tags as rows

FRESH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Filled:
    """A group of tags over all customers; `age` is the median of days since last confirmed."""

    group: Group
    tags: int
    used: int  # of those, tags that somebody has
    bearers: int  # customers with at least one
    customers: int
    fresh: int  # of all that are held, confirmed within the last month
    held: int
    age: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Health:
    customers: int
    groups: tuple[Filled, ...]
    silent: tuple[str, ...]  # entries that nobody has
    bearers: Counter[str]  # of each tag


def measure(ctx: Ctx) -> Health:
    """Work out everybody's tags; a few milliseconds for each customer."""
    worn = [tags.held(customer, ctx) for customer in rows.bearers(ctx.db)]
    counted = Counter(h.entry.name for found in worn for h in found)
    groups = tuple(_filled(group, worn, ctx) for group in ctx.tags.groups.values())
    silent = tuple(name for name in ctx.tags.tags if not counted[name])
    return Health(len(worn), groups, silent, counted)


def _filled(group: Group, worn: Sequence[Sequence[Held]], ctx: Ctx) -> Filled:
    own = [[h for h in found if h.group == group] for found in worn]
    flat = [h for found in own for h in found]
    since = ctx.now - timedelta(days=FRESH_DAYS)
    return Filled(
        group, tags=len(ctx.tags.of_group(group.code)), used=len({h.entry.name for h in flat}),
        bearers=sum(map(bool, own)), customers=len(worn),
        fresh=sum(h.last_at >= since for h in flat), held=len(flat),
        age=round(median((ctx.now - h.last_at).days for h in flat)) if flat else 0,
        confidence=sum(h.confidence for h in flat) / len(flat) if flat else 0.0,
    )  # fmt: skip
