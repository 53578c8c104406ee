"""客户之声: what customers speak of, week by week, by model, and which other cars they name."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from handlers.analytics import telling
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.tables import Cell, Column, Table
from nlp.labels import CONCERNS
from storage import figures

WEEK = timedelta(days=7)
WEEKS = 4
CODES = tuple(CONCERNS)


def concerns(scope: Scope, ctx: Ctx) -> Table:
    """Who spoke of it last in which week; unresolved is what nobody has answered or solved."""
    found = {row["code"]: row for row in
             figures.voices(ctx.db, scope.stores, CODES, scope.since, scope.until)}  # fmt: skip
    weeks = _weeks(scope, ctx)
    ranked = sorted(found.values(), key=lambda row: (-row["n"], row["code"]))
    rows = []
    for row in ranked:
        left, said = telling.over(row["unresolved"], row["n"], "未解决÷提到", ctx)
        by_week = [week.get(row["code"], 0) for _, week in weeks]
        rows.append((CONCERNS[row["code"]], row["n"], row["worried"], row["unresolved"], left,
                     said, *by_week))  # fmt: skip
    columns = (
        Column("concern", "关注点"),
        Column("n", "提到", "count"),
        Column("worried", "担心", "count"),
        Column("unresolved", "未解决", "count"),
        Column("left", "未解决率", "share"),
        Column("of", "口径"),
        *(Column(f"week{n}", head, "count") for n, (head, _) in enumerate(weeks)),
    )
    note = "人数；一位客户按最后一次提到的那周算。未解决＝还没回应或仍卡住。"
    return Table("voice", "客户之声", columns, tuple(rows), note)


def _weeks(scope: Scope, ctx: Ctx) -> list[tuple[str, dict[str, int]]]:
    """The weeks that end with the scope, the earliest first."""
    found = []
    for n in range(WEEKS - 1, -1, -1):
        begin, end = scope.until - (n + 1) * WEEK, scope.until - n * WEEK
        rows = figures.voices(ctx.db, scope.stores, CODES, begin, end)
        found.append((_said(begin, ctx), {row["code"]: row["n"] for row in rows}))
    return found


def _said(begin: datetime, ctx: Ctx) -> str:
    day = begin.astimezone(ctx.zone)
    return f"{day.month}月{day.day}日起一周"


def models(scope: Scope, ctx: Ctx) -> Table:
    """What is asked of each model."""
    rows = []
    found = figures.voices_of_models(ctx.db, scope.stores, CODES, scope.since, scope.until)
    for row in sorted(found, key=lambda r: (r["model"] == "", r["model"], -r["n"], r["code"])):
        left, said = telling.over(row["unresolved"], row["n"], "未解决÷提到", ctx)
        rows.append((row["model"] or "没说车型", CONCERNS[row["code"]], row["n"],
                     row["unresolved"], left, said))  # fmt: skip
    columns = (Column("model", "车型"), Column("concern", "关注点"), Column("n", "提到", "count"),
               Column("unresolved", "未解决", "count"), Column("left", "未解决率", "share"),
               Column("of", "口径"))  # fmt: skip
    note = "车型是客户现在看的车；人数，一位客户可以有几个关注点。"
    return Table("voice-models", "客户之声：车型", columns, tuple(rows), note)


def rivals(scope: Scope, ctx: Ctx) -> Table:
    named: dict[str, Counter[str]] = defaultdict(Counter)
    for row in figures.rivals(ctx.db, scope.stores, scope.since, scope.until):
        named[row["rival"] or "没说哪款"][row["model"] or "没说车型"] += row["n"]
    ranked = sorted(named.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (rival, one.total(), "、".join(f"{m}{n}" for m, n in one.most_common(4)))
        for rival, one in ranked
    )
    columns = (Column("rival", "竞品"), Column("n", "提到", "count"), Column("models", "同时在看"))
    note = "这段时间说起别家车的客户人数，和他们同时在看的自家车型。"
    return Table("voice-rivals", "客户之声：竞品", columns, rows, note)


ANALYSES = (
    Analysis("voice", "客户之声", concerns),
    Analysis("voice-models", "客户之声：车型", models),
    Analysis("voice-rivals", "客户之声：竞品", rivals),
)
