"""活动对比: what came of each activity, side by side, and what it cost."""

from datetime import timedelta

from handlers.analytics import telling
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.tables import Cell, Column, Table
from storage import activities, figures, groups
from storage.activities import Activity

AFTER = ("线索", "加微", "到店", "下订")


def compared(scope: Scope, ctx: Ctx) -> Table:
    """Each activity with reach, part-takers, answers, tags, what followed, and its price."""
    days = ctx.settings.activities.after_days
    found = activities.of_stores(ctx.db, scope.stores, scope.since, scope.until)
    columns = (Column("begins", "开始", "time"), Column("title", "活动"), Column("group", "群"),
               Column("reach", "覆盖", "count"), Column("people", "参加", "count"),
               Column("share", "参加率", "share"), Column("of", "口径"),
               Column("right", "答对", "count"), Column("tags", "新标签", "count"),
               Column("leads", "线索", "count"), Column("visits", "到店", "count"),
               Column("orders", "下订", "count"), Column("cost", "花费", "money"),
               Column("each", "每条线索", "money"))  # fmt: skip
    rows = tuple(measured(one, ctx) for one in found)
    note = (
        "覆盖＝活动期间在群里的客户；参加＝签到、玩游戏或报名抽奖的；线索（留资或加微）、"
        f"到店、下订＝参加的人从活动开始到结束后{days}天内有过的，可能另有原因；花费＝预算。"
    )
    return Table("campaigns", "活动对比", columns, rows, note)


def measured(one: Activity, ctx: Ctx) -> tuple[Cell, ...]:
    ends = min(one.ends, ctx.now + timedelta(seconds=1))
    people = activities.took_part(ctx.db, one.chat_id, one.begins, ends)
    reach = activities.reach(ctx.db, one.chat_id, one.begins, ends)
    until = one.ends + timedelta(days=ctx.settings.activities.after_days)
    did = figures.afterwards(ctx.db, people, AFTER, one.begins, until)
    leads = max(did.get("线索", 0), did.get("加微", 0))
    room = groups.get(ctx.db, one.chat_id)
    return (
        one.begins.isoformat(), one.title, room["name"] if room else "", reach, len(people),
        *telling.over(len(people), reach, "参加÷覆盖", ctx),
        activities.right(ctx.db, one.chat_id, one.begins, ends),
        activities.new_tags(ctx.db, people, one.begins, ends), leads, did.get("到店", 0),
        did.get("下订", 0), one.budget, round(one.budget / leads) if leads else None,
    )  # fmt: skip


ANALYSES = (Analysis("campaigns", "活动对比", compared),)
