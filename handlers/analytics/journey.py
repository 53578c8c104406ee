"""From lead to referral: the funnel twice, how long it takes, by month of joining, why they stay
away."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from handlers import intervals
from handlers.analytics import telling
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.journey import REASONS
from handlers.tables import Cell, Column, Table
from storage import events, figures

STEPS = ("加微", "开口", "到店", "试驾", "报价", "下订", "交付")
SAME_TIME = "各步是同一段时间里的人数，不是同一批人，所以比率可能超过100%。"


def _sum(found: dict[str, dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for of_store in found.values():
        total.update(of_store)
    return total


def counted(scope: Scope, ctx: Ctx) -> Counter[str]:
    """How many customers took each step."""
    return _sum(figures.steps(ctx.db, scope.stores, STEPS, scope.since, scope.until))


# AARRR


def funnel(scope: Scope, ctx: Ctx) -> Table:
    """The five stages of the case's frame, each rate with its denominator."""
    n = counted(scope, ctx)
    n["再次沟通"] = figures.came_back(ctx.db, scope.stores, scope.days)
    n["转介绍"] = figures.introduced(ctx.db, scope.stores, scope.since, scope.until)
    rows = (
        ("获取", "加微", ""), ("激活", "开口", "加微"), ("留存", "再次沟通", "开口"),
        ("转化", "到店", "加微"), ("转化", "试驾", "到店"), ("转化", "报价", "试驾"),
        ("收入", "下订", "到店"), ("收入", "交付", "下订"), ("传播", "转介绍", "下订"),
    )  # fmt: skip
    columns = (Column("stage", "阶段"), Column("step", "环节"), Column("n", "人数", "count"),
               Column("share", "比率", "share"), Column("of", "口径"))  # fmt: skip
    said = tuple(_step(*row, n, ctx) for row in rows)
    note = f"{SAME_TIME}再次沟通＝两天以上说过话；转介绍＝带来过朋友的客户。"
    return Table("funnel", "漏斗（AARRR）", columns, said, note)


def _step(stage: str, step: str, of: str, n: Counter[str], ctx: Ctx) -> tuple[Cell, ...]:
    if not of:
        return stage, step, n[step], None, "人数"
    return (stage, step, n[step], *telling.over(n[step], n[of], f"{step}÷{of}", ctx))


# AIPL

AIPL = {
    "认知": ("线索", "加微"),
    "兴趣": ("开口", "邀约", "到店", "试驾", "报价"),
    "购买": ("小定", "下订"),
    "忠诚": ("交付", "转介绍", "增换购"),
}


def aipl(scope: Scope, ctx: Ctx) -> Table:
    """Where those stand today who were added in that time, by the case's second view."""
    found = figures.stages(ctx.db, scope.stores, scope.since, scope.until)
    whole = sum(found.values())
    rows = [(name, sum(found.get(stage, 0) for stage in stages)) for name, stages in AIPL.items()]
    rows.append(("离开", whole - sum(n for _, n in rows)))
    said = tuple((name, n, *telling.over(n, whole, f"{name}÷新加", ctx)) for name, n in rows)
    columns = (Column("stage", "层"), Column("n", "人数", "count"),
               Column("share", "占比", "share"), Column("of", "口径"))  # fmt: skip
    note = "这段时间新加的客户，今天各在哪一层；离开＝战败、退订等。"
    return Table("aipl", "AIPL 分层", columns, said, note)


# Intervals


def spans(scope: Scope, ctx: Ctx) -> Table:
    """Median and P75 of each pair of steps."""
    columns = (
        Column("step", "周期"),
        Column("n", "样本", "count"),
        Column("early", "次序相反", "count"),
        Column("median", "中位", "days"),
        Column("p75", "P75", "days"),
        Column("note", "说明"),
    )
    most = ctx.settings.journey.chat_customers
    if events.people(ctx.db, scope.stores) > most:
        note = f"客户超过{most}位，请用 salesbot journey 单独算。"
        return Table("intervals", "旅程周期", columns, (), note)
    found = intervals.paths(ctx, stores=scope.stores)
    one = intervals.table("", found, scope.since, ctx.settings.journey.samples)
    rows = tuple((s.name, s.count, s.early, _days(s.median), _days(s.p75),
                  "" if s.median is not None else telling.TOO_FEW) for s in one.spans)  # fmt: skip
    note = f"走完后一步的人从前一步起用了几天；少于{ctx.settings.journey.samples}位写样本不足。"
    return Table("intervals", "旅程周期", columns, rows, note)


def _days(length: timedelta | None) -> float | None:
    return None if length is None else round(length / timedelta(days=1), 1)


# Cohorts

COHORT = ("开口", "到店", "试驾", "下订")


def cohorts(scope: Scope, ctx: Ctx) -> Table:
    """Of those added in one month the share that came so far within so many days.

    Day by day, so that nobody is counted whose days are not over yet.
    """
    horizons = ctx.settings.analytics.cohort_days
    columns = [Column("month", "加微月份"), Column("n", "人数", "count")]
    for days in horizons:
        columns += [Column(f"{step}{days}", f"{days}天内{step}", "share") for step in COHORT]
    columns.append(Column("of", "口径"))
    every = (_cohort(month, horizons, scope, ctx) for month in _months(scope, ctx))
    rows = tuple(row for row in every if row[1])
    note = "分母是加微满那么多天的客户，没满的不算；每一列的分母写在口径里。"
    return Table("cohorts", "按加微月份", tuple(columns), rows, note)


def _months(scope: Scope, ctx: Ctx) -> Iterator[tuple[datetime, datetime]]:
    """The months that end with the scope, the earliest first."""
    last = scope.until.astimezone(ctx.zone).date().replace(day=1)
    firsts = [last]
    for _ in range(ctx.settings.analytics.cohort_months - 1):
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    midnight = datetime.min.time()
    for first in reversed(firsts):
        after = (first + timedelta(days=32)).replace(day=1)
        yield ctx.on(first, midnight), min(ctx.on(after, midnight), scope.until)


def _cohort(
    month: tuple[datetime, datetime], horizons: Iterable[int], scope: Scope, ctx: Ctx
) -> tuple[Cell, ...]:
    begin, end = month
    cells: list[Cell] = []
    said: list[str] = []
    for days in horizons:
        found = _within(begin, end, timedelta(days=days), scope, ctx)
        whole = found[""]
        cells += [telling.over(found[step], whole, f"{step}÷加微", ctx)[0] for step in COHORT]
        few = telling.TOO_FEW if 0 < whole < ctx.settings.analytics.samples else ""
        said.append(f"{days}天÷{whole}人{few}" if whole else f"{days}天还没满")
    n = figures.cohort(ctx.db, scope.stores, COHORT, month, end)[""]
    return f"{begin.astimezone(ctx.zone):%Y-%m}", n, *cells, "；".join(said)


def _within(
    begin: datetime, end: datetime, horizon: timedelta, scope: Scope, ctx: Ctx
) -> Counter[str]:
    """Each day's newcomers, as far as their days are over."""
    total: Counter[str] = Counter()
    day = begin
    while day < end and day + horizon <= scope.until:
        until = min(day + timedelta(days=1), end)
        total.update(figures.cohort(ctx.db, scope.stores, COHORT, (day, until), day + horizon))
        day = until
    return total


# Why they did not come

MISSED = ("未到店", "未试驾")
UNTOLD = "没说原因"


def reasons(scope: Scope, ctx: Ctx) -> Table:
    """未到店 and 未试驾 by their reason, with where they happened."""
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in figures.reasons(ctx.db, scope.stores, MISSED, scope.since, scope.until):
        why = row["reason"] if row["reason"] in REASONS else UNTOLD
        found[why].update({("store", ctx.team.store(row["store"]).name): row["n"],
                           ("owner", telling.named("owner", row["owner"], ctx)): row["n"],
                           ("source", row["source"] or "来源不明"): row["n"]})  # fmt: skip
    whole = sum(_total(one) for one in found.values())
    ranked = sorted(found.items(), key=lambda pair: (pair[0] == UNTOLD, -_total(pair[1]), pair[0]))
    rows = tuple((why, _total(one), *telling.over(_total(one), whole, f"{why}÷全部", ctx),
                  _most(one, "store"), _most(one, "owner"), _most(one, "source"))
                 for why, one in ranked)  # fmt: skip
    columns = (
        Column("reason", "原因"),
        Column("n", "次数", "count"),
        Column("share", "占比", "share"),
        Column("of", "口径"),
        Column("stores", "门店"),
        Column("advisors", "顾问"),
        Column("sources", "来源"),
    )
    note = "顾问记下的未到店、未试驾；没选原因的归在“没说原因”。"
    return Table("reasons", "未到店原因", columns, rows, note)


def _total(found: Counter[tuple[str, str]]) -> int:
    return sum(n for (kind, _), n in found.items() if kind == "store")


def _most(found: Counter[tuple[str, str]], kind: str) -> str:
    ranked = sorted((-n, name) for (of, name), n in found.items() if of == kind)
    return "、".join(f"{name}{-n}" for n, name in ranked[:4])


ANALYSES = (
    Analysis("funnel", "漏斗（AARRR）", funnel),
    Analysis("aipl", "AIPL 分层", aipl),
    Analysis("intervals", "旅程周期", spans),
    Analysis("cohorts", "按加微月份", cohorts),
    Analysis("reasons", "未到店原因", reasons),
)
