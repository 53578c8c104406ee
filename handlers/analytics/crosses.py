"""潜客分类透视: stores, or of one store its advisors, against what their customers are."""

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial

from handlers.analytics import telling
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.tables import Cell, Column, Table
from handlers.words import TIERS
from nlp.labels import CONCERNS
from storage import figures

WIDEST = 12  # columns of a table; the rest is one of them
OTHERS = "其他"
NAMES: dict[str, tuple[str, Callable[[str], str]]] = {
    "tier": ("意向", lambda key: TIERS.get(key, key)),
    "level": ("级别", lambda key: f"{key}级"),
    "concern": ("关注点", lambda key: CONCERNS.get(key, key)),
    "model": ("车型", lambda key: key or "没说车型"),
    "quadrant": ("四象限", lambda key: key),
    "source": ("来源", lambda key: key or "来源不明"),
}
ORDER = {key: n for n, key in enumerate((*TIERS, *"OHABCN"))}


def cross(what: str, scope: Scope, ctx: Ctx) -> Table:
    """People, each counted once in a column; of concerns one may have several."""
    by = "owner" if len(scope.stores) == 1 else "store"
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in figures.cross(ctx.db, scope.stores, by, what, scope.since, scope.until):
        found[row["who"]][row["what"]] += row["n"]
    keys = _columns(found)
    title, name = NAMES[what]
    heads = [name(key) for key in keys]
    rest = any(key not in keys for one in found.values() for key in one)
    columns = (
        Column("who", "顾问" if by == "owner" else "门店"),
        Column("n", "合计", "count"),
        *(Column(key or "none", head, "count") for key, head in zip(keys, heads, strict=True)),
        *((Column("others", OTHERS, "count"),) if rest else ()),
    )
    ranked = sorted(found.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    rows = tuple(_row(telling.named(by, who, ctx), one, keys, rest=rest) for who, one in ranked)
    twice = "一位客户可以有几个关注点，合计是次数。" if what == "concern" else ""
    note = f"这段时间里新加、说过话或联系过的客户，按今天的{title}。{twice}"
    return Table(f"cross-{what}", f"透视：{title}", columns, rows, note)


def _columns(found: dict[str, Counter[str]]) -> list[str]:
    """Levels in their order, anything else by how many there are."""
    total: Counter[str] = Counter()
    for one in found.values():
        total.update(one)
    ranked = sorted(total, key=lambda key: (ORDER.get(key, 99), -total[key], key))
    return ranked[:WIDEST]


def _row(name: str, found: Counter[str], keys: list[str], *, rest: bool) -> tuple[Cell, ...]:
    shown = [found[key] for key in keys]
    return (name, found.total(), *shown, *((found.total() - sum(shown),) if rest else ()))


ANALYSES = tuple(
    Analysis(f"cross-{what}", f"透视：{title}", partial(cross, what))
    for what, (title, _) in NAMES.items()
)
