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
               Column("orders", "下订", "count"), Column("budget", "预算", "money"),
               Column("cost", "花费", "money"), Column("each_tag", "每个新标签", "money"),
               Column("each", "每条线索", "money"), Column("each_visit", "每次到店", "money"),
               Column("each_order", "每个订单", "money"))  # fmt: skip
    rows = tuple(measured(one, ctx) for one in found)
    note = (
        "覆盖＝活动期间在群里的客户；参加＝签到、玩游戏或报名抽奖的；线索（留资或加微）、"
        f"到店、下订＝参加的人从活动开始到结束后{days}天内有过的，可能另有原因；花费＝记下的实际花费，"
        "一笔都没记的按预算算；每个＝花费÷个数。记一笔：活动花费 活动或群名 300元 气球。"
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
    tags = activities.new_tags(ctx.db, people, one.begins, ends)
    spent = cost(one, ctx)
    visits, orders = did.get("到店", 0), did.get("下订", 0)
    return (
        one.begins.isoformat(), one.title, room["name"] if room else "", reach, len(people),
        *telling.over(len(people), reach, "参加÷覆盖", ctx),
        activities.right(ctx.db, one.chat_id, one.begins, ends),
        tags, leads, visits, orders, one.budget, spent,
        *(round(spent / n) if n else None for n in (tags, leads, visits, orders)),
    )  # fmt: skip


def cost(one: Activity, ctx: Ctx) -> int:
    """What was really spent; the budget where nobody has told."""
    told = activities.costs(ctx.db, one.id)
    return sum(int(row["yuan"]) for row in told) if told else one.budget


def bills(scope: Scope, ctx: Ctx) -> Table:
    """Each sum that was spent, on what, and who has told it."""
    found = activities.of_stores(ctx.db, scope.stores, scope.since, scope.until)
    columns = (Column("title", "活动"), Column("what", "花在哪"), Column("yuan", "元", "money"),
               Column("by", "谁记的"), Column("at", "时间", "time"))  # fmt: skip
    rows = tuple((one.title, row["what"], row["yuan"], ctx.team.name(row["by_whom"]), row["at"])
                 for one in found for row in activities.costs(ctx.db, one.id))  # fmt: skip
    return Table("bills", "活动花费", columns, rows, "记错了回复 撤销（一小时内）。")


ANALYSES = (Analysis("campaigns", "活动对比", compared),)
