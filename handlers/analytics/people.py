"""满意度按顾问: how the customers of each advisor found it, beside the rest of their store.

Only what customers tapped themselves makes a rate; what an advisor noted for them is counted
beside it, since nobody grades themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

from handlers import stars
from handlers.analytics import formulas, telling
from handlers.analytics.formulas import Satisfied
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.tables import Cell, Column, Table
from storage import stars as rows

Given = Mapping[tuple[str, str], Counter[int]]  # how often each number of stars, by store and whom
COLUMNS = (
    Column("who", "顾问"), Column("store", "门店"), Column("good", "满意", "count"),
    Column("middle", "一般", "count"), Column("bad", "不满意", "count"),
    Column("share", "满意率", "share"), Column("mean", "平均星级"),
    Column("beside", "比同店其他顾问"), Column("told", "另有代录", "count"), Column("of", "口径"),
)  # fmt: skip
NOTE = (
    f"只算{stars.OWN}；{stars.TOLD}另数，不进满意率。满意率＝满意÷评价，4、5星满意，3星一般，"
    "1、2星不满意；按接待那次的顾问算。比同店其他顾问＝自己的满意率－其他人合起来的满意率，"
    "两边都够{n}次才比。"
)


def satisfaction(scope: Scope, ctx: Ctx) -> Table:
    """Each advisor who was rated, those least liked first; who was rated too seldom at the end."""
    own, told = _given(scope, ctx)
    keys = sorted(own.keys() | told.keys())
    found = [(_of(key, own, ctx), key) for key in keys]
    found.sort(key=lambda pair: (pair[0].share is None, pair[0].share or 0, pair[1]))
    lines = tuple(_row(one, key, own, sum(told.get(key, {}).values()), ctx) for one, key in found)
    note = NOTE.format(n=ctx.settings.analytics.samples)
    return Table("satisfaction-advisors", "满意度（按顾问）", COLUMNS, lines, note)


def _given(scope: Scope, ctx: Ctx) -> tuple[Given, Given]:
    """What customers said themselves, and what was noted for them."""
    own: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    told: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for row in rows.by_advisor(ctx.db, scope.stores, scope.since, scope.until):
        among = own if row["channel"] == stars.OWN else told
        among[row["store"], row["advisor"]][row["stars"]] += row["n"]
    return own, told


def _of(key: tuple[str, str], own: Given, ctx: Ctx) -> Satisfied:
    return formulas.satisfied(own.get(key, {}), ctx.settings.analytics.samples)


def _row(
    one: Satisfied, key: tuple[str, str], own: Given, told: int, ctx: Ctx
) -> tuple[Cell, ...]:  # fmt: skip
    store, who = key
    rest = sum((given for (s, w), given in own.items() if s == store and w != who), Counter[int]())
    others = formulas.satisfied(rest, ctx.settings.analytics.samples)
    _, of = telling.over(one.good, one.count, "满意÷评价", ctx)
    mean = None if one.mean is None else round(one.mean, 1)
    return (ctx.team.name(who), ctx.team.store(store).name, one.good, one.middle, one.bad,
            one.share, mean, _points(formulas.beside(one, others)), told, of)  # fmt: skip


def _points(found: float | None) -> str:
    if found is None:
        return telling.TOO_FEW
    points = round(found * 100)
    return f"{'高' if points > 0 else '低'}{abs(points)}个百分点" if points else "一样"


ANALYSES = (Analysis("satisfaction-advisors", "满意度（按顾问）", satisfaction, personal=True),)
