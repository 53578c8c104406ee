"""群情绪, 能带人的客户: what groups speak of and when they are awake; who carries the word."""

from collections import Counter
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.koc import LEAST
from handlers.tables import Cell, Column, Table
from nlp.labels import CONCERNS
from storage import figures, scores, watch
from storage.db import Row, at
from storage.scores import SPREADING

TOPICS, HOURS, PEOPLE = 3, 2, 100


def moods(scope: Scope, ctx: Ctx) -> Table:
    """A line for each group: what was spoken of, how much of it in worry, when to post."""
    columns = (Column("store", "门店"), Column("group", "群"), Column("n", "说话和互动", "count"),
               Column("topics", "说得最多的"), Column("worried", "担心占比", "share"),
               Column("of", "口径"), Column("hours", "醒着的时段"))  # fmt: skip
    rows = tuple(_mood(chat, scope, ctx)
                 for chat in figures.groups(ctx.db, scope.stores, INTERNAL))  # fmt: skip
    note = (
        "话题和担心来自读得到的发言（有会话存档且本人同意）；时段是发言、签到、游戏最多的"
        "两个钟头，发内容可以放在它之前。次数太少不给时段。"
    )
    return Table("moods", "群里在聊什么", columns, rows, note)


def _mood(chat: Row, scope: Scope, ctx: Ctx) -> tuple[Cell, ...]:
    spoken = watch.topics(ctx.db, chat["chat_id"], scope.since, scope.until)
    said, worried = sum(r["n"] for r in spoken), sum(r["worried"] for r in spoken)
    least = ctx.settings.analytics.samples
    by_hour = awake(watch.hours(ctx.db, chat["chat_id"], scope.since, scope.until), ctx.zone)
    total = sum(by_hour.values())
    topics = "、".join(f"{CONCERNS.get(r['code'], r['code'])}{r['n']}人" for r in spoken[:TOPICS])
    return (ctx.team.store(chat["store"]).name, chat["name"] or "未命名的群", total, topics or None,
            worried / said if said >= least else None, f"担心{worried}÷提到{said}",
            _best(by_hour) if total >= least else None)  # fmt: skip


def awake(rows: list[Row], zone: ZoneInfo) -> Counter[int]:
    """How much happened in each hour of the clock on the wall."""
    found = Counter[int]()
    for row in rows:
        found[at(f"{row['hour']}:00:00+00:00").astimezone(zone).hour] += int(row["n"])
    return found


def _best(by_hour: Mapping[int, int]) -> str:
    ranked = sorted(by_hour, key=lambda hour: (-by_hour[hour], hour))[:HOURS]
    return "、".join(f"{hour}点（{by_hour[hour]}次）" for hour in sorted(ranked))


def carriers(scope: Scope, ctx: Ctx) -> Table:
    """Customers with a high spreading value, each with the reasons."""
    found = scores.best(ctx.db, SPREADING, stores=scope.stores, least=LEAST, limit=PEOPLE)
    columns = (Column("name", "客户"), Column("owner", "顾问"), Column("value", "传播价值"),
               Column("class", "档"), Column("why", "凭什么"))  # fmt: skip
    rows = tuple((row["name"], ctx.team.name(row["owner"]), round(row["value"], 1), row["class"],
                  row["inputs"]) for row in found)  # fmt: skip
    return Table(
        "carriers",
        "能带人的客户",
        columns,
        rows,
        "传播价值看参加得近不近、多不多；退订的、不同意存档的不列。请TA分享体验，不谈返现。",
    )


ANALYSES = (
    Analysis("moods", "群里在聊什么", moods),
    Analysis("carriers", "能带人的客户", carriers, personal=True),
)
