"""社群: in which part of its life each group is, and what came of games and draws."""

from datetime import datetime, timedelta

from handlers.analytics import formulas, telling
from handlers.analytics.formulas import GroupFigures, Life, LifeRule
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.tables import Cell, Column, Table
from storage import figures
from storage.db import Row, at

WEEK = timedelta(days=7)
LIFE_NOTE = (
    "系数＝{i:g}×min(1,流入÷{a:.0%})＋{o:g}×(1−min(1,流出÷{b:.0%}))＋{w:g}×(1−沉默)；"
    "流入、流出是近7天÷现有客户，沉默是近{d}天没说话、没签到、没玩过的客户÷现有客户。"
    "没有会话存档的群看不到发言，沉默会偏高。"
)


def rule(ctx: Ctx) -> LifeRule:
    s = ctx.settings.analytics
    return LifeRule(s.life_inflow, s.life_outflow, s.life_awake, s.life_inflow_full,
                    s.life_outflow_full, s.life_stages, s.life_young_weeks)  # fmt: skip


def life_of(chat: Row, now: datetime, ctx: Ctx) -> tuple[GroupFigures, Life | None]:
    flow = figures.flow(ctx.db, chat["chat_id"], now - WEEK)
    days = timedelta(days=ctx.settings.analytics.life_silent_days)
    silent = figures.silent(ctx.db, chat["chat_id"], now - days)
    weeks = (now - at(chat["created_at"])) / WEEK
    found = GroupFigures(flow["members"], flow["joined"], flow["gone"], silent, weeks)
    return found, formulas.life(found, rule(ctx))


def lives(scope: Scope, ctx: Ctx) -> Table:
    """The coefficient beside its four inputs, the weakest groups first."""
    s = ctx.settings.analytics
    found = [(chat, *life_of(chat, scope.until, ctx))
             for chat in figures.groups(ctx.db, scope.stores, INTERNAL)]  # fmt: skip
    found.sort(key=lambda one: (one[2].value if one[2] else 999.0, one[0]["name"]))
    columns = (Column("store", "门店"), Column("group", "群"), Column("kind", "类型"),
               Column("stage", "阶段"), Column("value", "系数"), Column("members", "客户", "count"),
               Column("inflow", "流入", "share"), Column("outflow", "流出", "share"),
               Column("silent", "沉默", "share"), Column("weeks", "建群周数"))  # fmt: skip
    rows = tuple(_life(chat, n, life, ctx) for chat, n, life in found)
    note = LIFE_NOTE.format(
        i=s.life_inflow,
        a=s.life_inflow_full,
        o=s.life_outflow,
        b=s.life_outflow_full,
        w=s.life_awake,
        d=s.life_silent_days,
    )
    return Table("lives", "社群生命周期", columns, rows, note)


def _life(chat: Row, found: GroupFigures, life: Life | None, ctx: Ctx) -> tuple[Cell, ...]:
    head = (ctx.team.store(chat["store"]).name, chat["name"] or "未命名的群", chat["kind"])
    if life is None:
        return (*head, "没有客户", None, 0, None, None, None, round(found.weeks, 1))
    return (*head, life.stage, round(life.value), found.members, life.inflow, life.outflow,
            life.silent, round(life.weeks, 1))  # fmt: skip


# 活动

AFTER = ("线索", "加微", "到店", "下订")


def activities(scope: Scope, ctx: Ctx) -> Table:
    """Each round of a game and each draw: who took part, what they did in the days after."""
    chats = {row["chat_id"]: row for row in figures.groups(ctx.db, scope.stores, INTERNAL)}
    span = (scope.since, scope.until)
    days = ctx.settings.analytics.activity_days
    rows = [_round(one, chats[one["chat_id"]], ctx) for one in figures.rounds(ctx.db, chats, *span)]
    rows += [_draw(one, chats[one["chat_id"]], ctx) for one in figures.draws(ctx.db, chats, *span)]
    columns = (Column("at", "时间", "time"), Column("name", "活动"), Column("group", "群"),
               Column("people", "参加", "count"), Column("right", "得分人数", "count"),
               Column("share", "得分率", "share"), Column("of", "口径"),
               Column("leads", "留资", "count"), Column("visits", "到店", "count"),
               Column("orders", "下订", "count"))  # fmt: skip
    note = f"留资、到店、下订是参加的人在活动之后{days}天内有过的；一个人参加几场，每场都算。"
    ranked = tuple(sorted(rows, key=lambda row: str(row[0]), reverse=True))
    return Table("activities", "活动效果", columns, ranked, note)


def _round(one: Row, chat: Row, ctx: Ctx) -> tuple[Cell, ...]:
    people = figures.players(ctx.db, one["id"])
    begin, end = at(one["started_at"]), at(one["ends_at"])
    right = figures.scored(ctx.db, one["chat_id"], one["game"], begin, end + timedelta(minutes=1))
    right = min(right, len(people))
    return (
        one["started_at"],
        one["game"],
        chat["name"],
        len(people),
        right,
        *telling.over(right, len(people), "得分÷参加", ctx),
        *_after(people, begin, ctx),
    )


def _draw(one: Row, chat: Row, ctx: Ctx) -> tuple[Cell, ...]:
    people = figures.entrants(ctx.db, one["id"])
    return (
        one["made_at"],
        f"抽奖：{one['title']}",
        chat["name"],
        len(people),
        None,
        None,
        "抽奖不计分",
        *_after(people, at(one["made_at"]), ctx),
    )


def _after(people: list[str], begin: datetime, ctx: Ctx) -> tuple[int, int, int]:
    until = begin + timedelta(days=ctx.settings.analytics.activity_days)
    n = figures.afterwards(ctx.db, people, AFTER, begin, until)
    return max(n.get("线索", 0), n.get("加微", 0)), n.get("到店", 0), n.get("下订", 0)


ANALYSES = (
    Analysis("lives", "社群生命周期", lives),
    Analysis("activities", "活动效果", activities),
)
