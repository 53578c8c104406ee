"""异常: a day's counts against the same part of the days before it."""

from datetime import datetime, timedelta

from handlers.analytics import formulas
from handlers.analytics.formulas import Band
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.tables import Column, Table
from storage import figures

KINDS = ("加微", "开口", "到店", "试驾", "报价", "下订", "未到店", "投诉", "战败")
DAY = timedelta(days=1)


def bands(stores: tuple[str, ...], until: datetime, ctx: Ctx) -> dict[str, Band]:
    """The day that ends then, or is still going on, against as much of each earlier day."""
    s = ctx.settings.analytics
    day = (until - timedelta(microseconds=1)).astimezone(ctx.zone).date()
    begin = ctx.on(day, datetime.min.time())
    part = until - begin
    spans = [(begin - n * DAY, begin - n * DAY + part) for n in range(s.band_days + 1)]
    counts = figures.daily(ctx.db, stores, KINDS, spans)
    return {kind: formulas.band(n[0], n[1:], s.band_width, s.band_samples)
            for kind, n in counts.items()}  # fmt: skip


def odd(scope: Scope, ctx: Ctx) -> Table:
    s = ctx.settings.analytics
    found = bands(scope.stores, scope.until, ctx)
    rows = tuple(
        (kind, one.today, round(one.mean, 1), round(one.sd, 1),
         round(max(0.0, one.mean - s.band_width * one.sd), 1),
         round(one.mean + s.band_width * one.sd, 1), one.verdict)
        for kind, one in sorted(found.items(), key=lambda p: (not p[1].odd, KINDS.index(p[0])))
    )  # fmt: skip
    columns = (Column("kind", "环节"), Column("today", "这一天", "count"), Column("mean", "均值"),
               Column("sd", "标准差"), Column("low", "下限"), Column("high", "上限"),
               Column("verdict", "判断"))  # fmt: skip
    note = (f"和此前{s.band_days}天的同一时段比，均值上下{s.band_width:g}个标准差之外算异常；"
            f"其中不到{s.band_samples}天有数的写样本不足。")  # fmt: skip
    return Table("odd", "异常", columns, rows, note)


ANALYSES = (Analysis("odd", "异常", odd),)
