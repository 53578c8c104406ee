"""What the case reports, beside ours: opening, talking, visits, orders, recall."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from handlers.analytics import telling
from handlers.analytics.journey import counted
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.tables import Cell, Column, Table
from handlers.winback import CALLED_BACK, ORDERED
from storage import figures

OPENED, TALKED, VISITED, BOUGHT = 0.50, 400, 0.09, 0.17  # the case's; never used to decide
COLUMNS = (
    Column("what", "指标"), Column("n", "人数", "count"), Column("share", "我们", "share"),
    Column("of", "口径"), Column("case", "案例参考"), Column("source", "数据来源"),
)  # fmt: skip
NOTHING = "没有数据"
TALK = "贴客户的话、会话存档、侧边栏、微信客服都行"


def recall(scope: Scope, ctx: Ctx) -> Table:
    """Of the losses that are worth it; the window is that of the approvals."""
    row = figures.recalled(ctx.db, scope.stores, scope.since, scope.until)
    called, said = telling.over(row["answered"], row["woken"], "有回应÷已唤醒", ctx)
    bought, told = telling.over(row["ordered"], row["answered"], "下订÷有回应", ctx)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("可召回", row["lost"], None, "批准的战败，只算“其他”一类", "", "战败申请"),
        ("已唤醒", row["woken"], None, "人数", "", "顾问发出的唤醒"),
        ("召回率", row["answered"], called, said, f"{CALLED_BACK:.0%}", "客户回的话"),
        ("召回下订率", row["ordered"], bought, told, f"{ORDERED:.0%}", "顾问记录"),
    )
    note = "战败在这段时间批准的客户；参考值来自案例，只放在旁边看，不参与任何判断。"
    return Table("recall", "战败召回", COLUMNS, rows, note)


@dataclass(frozen=True, slots=True)
class Beside:
    """One figure of ours, that of the case, and what feeds it; "" where nothing does."""

    name: str
    n: int
    share: float | None
    of: str
    case: str
    source: str
    feed: str = "顾问回复 记录 加客户和做了什么"


def beside(scope: Scope, ctx: Ctx) -> tuple[Beside, ...]:
    """The case's four yardsticks; what has no source is said to be missing."""
    n = counted(scope, ctx)
    words = figures.spoken(ctx.db, scope.stores, scope.since, scope.until)
    talked = statistics.fmean(figures.talked(ctx.db, scope.stores, scope.days))
    feeds = _feeds(scope, ctx)
    return (
        Beside("开口率", n["开口"], *telling.over(n["开口"], n["加微"], "开口÷加微", ctx),
               f"超过{OPENED:.0%}", feeds("开口"), TALK),
        Beside("每天沟通人数", round(talked), None, f"{len(scope.days)}天的日均",
               f"{TALKED}人", telling.ways(words), TALK),
        Beside("到店率", n["到店"], *telling.over(n["到店"], n["加微"], "到店÷加微", ctx),
               f"{VISITED:.0%}", feeds("到店")),
        Beside("到店下订率", n["下订"], *telling.over(n["下订"], n["到店"], "下订÷到店", ctx),
               f"超过{BOUGHT:.0%}", feeds("下订")),
    )  # fmt: skip


def _feeds(scope: Scope, ctx: Ctx) -> Callable[[str], str]:
    def feeds(kind: str) -> str:
        span = (scope.since, scope.until)
        return telling.ways(figures.told_by(ctx.db, scope.stores, (kind,), *span))

    return feeds


def yardsticks(scope: Scope, ctx: Ctx) -> Table:
    rows = tuple((one.name, one.n, one.share, one.of, one.case,
                  one.source or f"{NOTHING}（{one.feed}）")
                 for one in beside(scope, ctx))  # fmt: skip
    note = "案例是20个城市的电动车项目，参考值只放在旁边看；没有数据来源的写“没有数据”，不猜。"
    return Table("yardsticks", "与案例对照", COLUMNS, rows, note)


ANALYSES = (
    Analysis("recall", "战败召回", recall),
    Analysis("yardsticks", "与案例对照", yardsticks),
)
