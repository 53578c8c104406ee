"""城市门店得分: stores of one city against each other, and how leads might tilt to the better."""

from collections import defaultdict
from collections.abc import Mapping

from handlers.analytics import formulas, telling
from handlers.analytics.formulas import StoreFigures, StoreScore
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.tables import Cell, Column, Table
from storage import figures

STEPS = ("加微", "到店", "试驾", "下订")
COLUMNS = (
    Column("city", "城市"), Column("store", "门店"), Column("rank", "名次", "count"),
    Column("even", "得分（0–100）"), Column("raw", "得分（0–200）"),
    Column("contacts", "加微", "count"), Column("groups", "建群", "count"),
    Column("drives", "试驾率", "share"), Column("orders", "下订率", "share"),
    Column("tilt", "现在权重"), Column("proposed", "建议权重"), Column("of", "口径"),
)  # fmt: skip
NOTE = (
    "得分＝（加微数得分＋建群数得分）×50%＋（试驾率得分＋下订率得分）×50%，每项在同城门店之间折成"
    "0–100，所以原式是0–200，折半是0–100，名次一样。建议权重＝得分÷同城均值，只是建议；"
    "要用请改配置 [[stores]] 的 tilt。"
)


def scores(scope: Scope, ctx: Ctx) -> Table:
    """Compared are the stores that the reader sees."""
    found = counted(scope, ctx)
    cities: dict[str, dict[str, StoreFigures]] = defaultdict(dict)
    for store, one in found.items():
        cities[ctx.team.store(store).city][store] = one
    rows = [row for city in sorted(cities) for row in _city(city, cities[city], ctx)]
    return Table("stores", "门店得分", COLUMNS, tuple(rows), NOTE)


def counted(scope: Scope, ctx: Ctx) -> dict[str, StoreFigures]:
    span = (scope.since, scope.until)
    steps = figures.steps(ctx.db, scope.stores, STEPS, *span)
    made = figures.founded(ctx.db, scope.stores, INTERNAL, *span)
    found = {}
    for store in scope.stores:
        n = steps.get(store, {})
        found[store] = StoreFigures(n.get("加微", 0), made.get(store, 0), n.get("到店", 0),
                                    n.get("试驾", 0), n.get("下订", 0))  # fmt: skip
    return found


def _city(city: str, found: dict[str, StoreFigures], ctx: Ctx) -> list[tuple[Cell, ...]]:
    s = ctx.settings.analytics
    scored = formulas.store_scores(found, s.samples)
    tilts = formulas.tilts({k: one.even for k, one in scored.items()}, s.tilt_least, s.tilt_most)
    ranked = sorted(found, key=lambda k: (-scored[k].raw if k in scored else 1.0, k))
    return [_row(city, key, _rank(key, scored), found[key], scored.get(key), tilts.get(key), ctx)
            for key in ranked]  # fmt: skip


def _rank(key: str, scored: Mapping[str, StoreScore]) -> int:
    """Who has the same score stands on the same rank."""
    return 1 + sum(one.raw > scored[key].raw for one in scored.values()) if key in scored else 0


def _row(
    city: str, key: str, rank: int, one: StoreFigures, score: StoreScore | None, tilt: float | None,
    ctx: Ctx,
) -> tuple[Cell, ...]:  # fmt: skip
    drives, driven = telling.over(one.drives, one.visits, "试驾÷到店", ctx)
    orders, ordered = telling.over(one.orders, one.visits, "下订÷到店", ctx)
    store = ctx.team.store(key)
    said = f"{driven}；{ordered}" if score else f"不排名：{telling.TOO_FEW}或同城没有可比的店"
    return (
        city, store.name, rank or None, round(score.even, 1) if score else None,
        round(score.raw, 1) if score else None, one.contacts, one.groups, drives, orders,
        store.tilt, tilt, said,
    )  # fmt: skip


ANALYSES = (Analysis("stores", "门店得分", scores),)
