"""More lines of the digest: groups, scripts, prizes, the data's health, what is odd, whom to
praise."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from handlers import stars, surfaces
from handlers.analytics import formulas, odd, telling
from handlers.analytics import groups as community
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.digest_values import Part, Window
from handlers.words import ago, short
from storage import events, figures, reconciles
from storage import stars as kept
from storage import surfaces as ways
from storage.db import Row, at

MOST_GROUPS = 30  # more of them are a report's matter, not a message's
BACK = timedelta(days=30)
LAPSING = timedelta(days=3)
WEAK = ("衰退", "沉寂")


# 社群


def _groups(window: Window, ctx: Ctx) -> Part | None:
    """In which part of its life each group is, who came and says nothing, who took part."""
    chats = figures.groups(ctx.db, window.stores, INTERNAL, MOST_GROUPS + 1)
    if not chats:
        return None
    if len(chats) > MOST_GROUPS:
        line = f"社群超过{MOST_GROUPS}个，用 salesbot report --name lives 看阶段"
        return Part("社群", line, ("一条消息里放不下，报表里有每个群的四个输入。",), 5)
    found = [_group(chat, window, ctx) for chat in chats]
    silent = sum(len(one.silent) for one in found)
    stages = Counter(one.stage for one in found)
    told = "、".join(f"{stage}{n}" for stage, n in stages.most_common())
    playing = sum(one.playing for one in found)
    more = ((f"沉默新人{silent}位", silent), (f"{window.word}参加活动{playing}位", playing))
    said = "，".join(words for words, n in more if n)
    line = f"社群{len(chats)}个：{told}" + (f"；{said}" if said else "")
    weak = silent or any(stages[stage] for stage in WEAK)
    action = f"请群主和{silent}位刚进群没说话的新人打个招呼" if silent else ""
    details = tuple(_told(one, window) for one in found)
    return Part("社群", line, details, 35 if weak else 8, action, personal=True,
                source="群成员、签到、游戏；有会话存档的群还有发言")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """One group as the digest sees it."""

    name: str
    stage: str
    members: int
    inputs: str
    playing: int
    silent: tuple[str, ...]


def _group(chat: Row, window: Window, ctx: Ctx) -> Group:
    found, life = community.life_of(chat, window.until, ctx)
    took = figures.took_part(ctx.db, chat["chat_id"], window.since, window.until)
    quiet = tuple(str(row["name"]) or "未署名" for row in _silent(chat, window, ctx))
    name = chat["name"] or "未命名的群"
    if life is None:
        return Group(name, "空群", 0, "没有客户", took, quiet)
    inputs = (f"流入{life.inflow:.0%}、流出{life.outflow:.0%}、沉默{life.silent:.0%}、"
              f"建群{life.weeks:.0f}周，系数{life.value:.0f}")  # fmt: skip
    return Group(name, life.stage, found.members, inputs, took, quiet)


def _told(one: Group, window: Window) -> str:
    new = f"；沉默新人：{'、'.join(one.silent[:5])}" if one.silent else ""
    return (f"{one.name}（{one.stage}，{one.members}位）：{one.inputs}；"
            f"{window.word}参加活动{one.playing}位{new}")  # fmt: skip


def _silent(chat: Row, window: Window, ctx: Ctx) -> list[Row]:
    """Who joined within two weeks, long enough ago to have said something."""
    until = window.until - timedelta(days=ctx.settings.digest.silent_days)
    since = window.until - timedelta(days=ctx.settings.followups.decide_days)
    return figures.silent_newcomers(ctx.db, chat["chat_id"], (since, until))


# 客户评价


def _rated(window: Window, ctx: Ctx) -> Part | None:
    """What customers said of a visit or a delivery, those who were not content by name."""
    tallied = stars.tallied(window.stores, window.since, window.until, ctx)
    given = sum((Counter(one) for one in tallied.values()), Counter[int]())
    if not given:
        return None
    least = ctx.settings.analytics.samples
    one = formulas.satisfied(given, least)
    low = kept.low(ctx.db, window.stores, window.since, window.until, ctx.settings.stars.low, 10)
    line = f"客户评价{one.count}条：满意{one.good}、一般{one.middle}、不满意{one.bad}"
    details = [_low(row, ctx) for row in low]
    for (_, channel, kind), found in sorted(tallied.items()):
        details.append(f"{kind}（{channel}）{sum(found.values())}条")
    action = f"给{low[0]['name']}打个电话：{low[0]['kind']}只给了{low[0]['stars']}星" if low else ""
    return Part("评价", line, tuple(details), 60 if low else 7, action, personal=True,
                customers=tuple(str(row["customer"]) for row in low),
                source="评价链接、微信客服、顾问代录；4、5星满意，3星一般")  # fmt: skip


def _low(row: Row, ctx: Ctx) -> str:
    words = f"“{short(str(row['words']), 40)}”" if row["words"] else ""
    return f"{row['name']} {row['kind']}{row['stars']}星{words}（{ctx.team.name(row['advisor'])}）"


# 话术


def _scripts(window: Window, ctx: Ctx) -> Part | None:
    """Taken most and least of those shown often enough."""
    advisors = telling.team(window.stores, ctx)
    least = ctx.settings.analytics.samples
    found = [row for row in figures.used(ctx.db, advisors, window.until - BACK, window.until)
             if row["shown"] >= least]  # fmt: skip
    if len(found) < 2:
        return None
    ranked = sorted(found, key=lambda r: (-r["adopted"] / r["shown"], -r["shown"], r["script"]))
    titles = {one.id: one.title or one.id for one in ctx.bank.all()}
    if not ranked[0]["adopted"]:
        times = sum(row["shown"] for row in found)
        return Part("话术", f"话术近30天给出{times}次，没有一次点了采用",
                    tuple(_script(row, titles) for row in ranked[:10]), 6,
                    "问问顾问话术好不好用，用了请点采用", source="给出和采用的记录")  # fmt: skip
    best, worst = (_script(row, titles) for row in (ranked[0], ranked[-1]))
    details = tuple(_script(row, titles) for row in (*ranked[:5], *ranked[5:][-5:]))
    return Part("话术", f"话术近30天：采纳最高{best}，最低{worst}", details, 6,
                source="给出和采用的记录；采纳率＝采用÷给出")  # fmt: skip


def _script(row: Row, titles: dict[str, str]) -> str:
    rate = f"{row['adopted'] / row['shown']:.0%}（{row['adopted']}/{row['shown']}）"
    return f"“{short(str(titles.get(row['script']) or row['script']), 12)}”{rate}"


# 奖品和谢礼


def _prizes(window: Window, ctx: Ctx) -> Part | None:
    """What somebody waits for at the counter."""
    waiting = figures.to_hand_out(ctx.db, window.stores, ctx.now)
    thanks = figures.thanks_due(ctx.db, window.stores)
    if not waiting and not thanks:
        return None
    counted = Counter(str(row["name"]) for row in waiting)
    details = [f"奖品 {name} {n}份待领" for name, n in counted.most_common(10)]
    details += [f"转介绍谢礼 {row['what']}：{row['name']}（{ctx.team.name(row['owner'])}）"
                for row in thanks[:10]]  # fmt: skip
    late = sum(at(row["until"]) <= ctx.now + LAPSING for row in waiting)
    soon = f"，{late}份三天内过期" if late else ""
    line = f"要发的：奖品待领{len(waiting)}份{soon}，转介绍谢礼{len(thanks)}份"
    action = f"把{len(thanks)}份转介绍谢礼发出去（回复 发放 加客户姓名）" if thanks else ""
    return Part("奖品", line, tuple(details), 25 if late or thanks else 7, action, personal=True,
                customers=tuple(str(row["customer"]) for row in thanks[:10]),
                source="兑换记录、转介绍记录")  # fmt: skip


# 数据健康


def _health(window: Window, ctx: Ctx) -> Part | None:
    """What may be missing from the figures above: silence, what failed, an unfinished reconcile."""
    troubles = [*_silences(ctx), *_failures(window, ctx), *_reconcile(window, ctx)]
    if not troubles:
        return None
    line = "数据健康：" + "；".join(troubles[:2]) + ("等" if len(troubles) > 2 else "")
    details = (*troubles, "数字可能不全，请管理员运行 salesbot doctor。")
    action = f"请管理员看一下数据：{troubles[0]}"
    return Part("数据健康", line, details, 45, action, source="收件、发件和客户核对的记录")


def _silences(ctx: Ctx) -> list[str]:
    found = []
    for channel in ways.CHANNELS:
        told, seen = ways.told(ctx.db, channel), ways.seen(ctx.db, channel)
        if told and seen and seen.last - told < timedelta(minutes=10):
            found.append(f"{surfaces.NAMES[channel]}从{ago(told, ctx.now)}起没有消息进来")
    return found


def _failures(window: Window, ctx: Ctx) -> list[str]:
    row = figures.broken(ctx.db, window.since)
    said = (("条消息没处理成", row["failed"]), ("条消息没发出去", row["dead"]))
    return [f"{n}{words}" for words, n in said if n]


def _reconcile(window: Window, ctx: Ctx) -> list[str]:
    run = reconciles.newest(ctx.db)
    if run is None or run.state != reconciles.FAILED or run.started_at < window.since:
        return []
    return [f"客户核对没做完（{short(run.error, 20)}）"]


# 异常


def _odd(window: Window, ctx: Ctx) -> Part | None:
    """Counts outside the band of four weeks."""
    if window.days > 1:
        return None
    found = {k: b for k, b in odd.bands(window.stores, window.until, ctx).items() if b.odd}
    if not found:
        return None
    line = "异常：" + "、".join(f"{k}{b.today}{b.verdict}" for k, b in list(found.items())[:4])
    s = ctx.settings.analytics
    details = [f"{k} {b.today}，{b.verdict}：近{s.band_days}天同一时段均值{b.mean:.1f}，"
               f"标准差{b.sd:.1f}，界限是均值上下{s.band_width:g}个标准差"
               for k, b in found.items()]  # fmt: skip
    worse = [
        k for k, b in found.items() if (b.verdict == "偏低") != (k in ("未到店", "投诉", "战败"))
    ]
    action = f"查一下{worse[0]}为什么{found[worse[0]].verdict}" if worse else ""
    return Part("异常", line, tuple(details), 55, action, source="每天的事件数")


# 表扬

GOOD = (("下订", "成交{n}单"), ("交付", "交付{n}台"), ("试驾", "带了{n}位客户试驾"),
        ("到店", "请来{n}位客户到店"))  # fmt: skip


def praised(window: Window, ctx: Ctx) -> tuple[str, str] | None:
    """Whom, and for what: the step nearest to a sale that anybody brought about."""
    advisors = ctx.team.advisors_of(window.stores)
    if len(advisors) > MOST_GROUPS:
        return None
    days = {one.userid: figures.day_of(ctx.db, one.userid, window.since, window.until)
            for one in advisors}  # fmt: skip
    for kind, words in GOOD:
        best = max(days, key=lambda who: (days[who].get(kind, 0), who), default="")
        if best and days[best].get(kind):
            return best, words.format(n=days[best][kind])
    best = max(days, key=lambda who: (days[who]["contacted"], who), default="")
    n = days[best]["contacted"] if best else 0
    return (best, f"联系了{n}位客户") if n >= ctx.settings.analytics.samples else None


def _praise(window: Window, ctx: Ctx) -> Part | None:
    found = praised(window, ctx)
    if found is None:
        return None
    who, why = ctx.team.name(found[0]), found[1]
    words = f"{who}，{window.word}{why}，辛苦了，给你点赞！"
    line = f"值得表扬：{who}{window.word}{why}（回复 表扬 发给TA）"
    return Part("表扬", line, (words,), 4, about=found[0],
                source="顾问自己的客户的记录，只挑一位，不排名")  # fmt: skip


def noted(customer: str, ctx: Ctx) -> list[str]:
    """批注 of the managers, for the card."""
    found = events.of(ctx.db, customer, NOTE, limit=2)
    return [
        f"批注：{e.evidence}（{ctx.team.name(e.by_whom)}，{ago(e.at, ctx.now)}）" for e in found
    ]


NOTE = "批注"
PARTS: tuple[Callable[[Window, Ctx], Part | None], ...] = (
    _odd, _health, _rated, _groups, _prizes, _scripts, _praise,
)  # fmt: skip
