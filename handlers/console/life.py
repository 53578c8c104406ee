"""群, 话术, 活动: how the groups live, what scripts bring, who takes part."""

from collections import Counter
from collections.abc import Iterator

from handlers import gaps
from handlers.analytics import campaigns
from handlers.analytics.groups import life_of
from handlers.analytics.scope import Scope
from handlers.console.door import COMMUNITY
from handlers.console.parts import (
    Line,
    bars,
    count,
    least,
    moment,
    part,
    plain,
    section,
    share,
    store_choice,
    text,
)
from handlers.console.values import Page, Row, Section, View
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.games.found import GAMES
from handlers.tables import Table
from handlers.words import short
from nlp.labels import CONCERNS
from scriptbank.script import Script
from storage import console, scripts, sop
from storage.db import Row as Kept

GROUPS = 200


# 群


def groups(view: View, ctx: Ctx) -> Page:
    found = [one for one in console.groups(ctx.db, view.stores, GROUPS) if one["kind"] != INTERNAL]
    rows = [_group(one, ctx) for one in found]
    days = ctx.settings.analytics.life_silent_days
    table = Table("groups", "客户群", (
        text("name", "群"), text("stage", "阶段"), count("value", "系数"), text("kind", "类型"),
        text("store", "门店"), text("owner", "群主"), count("members", "客户"),
        count("joined", "7天进群"), count("gone", "7天退群"), count("awake", f"{days}天活跃"),
        share("share", "活跃占比"), moment("since", "建群")), (),
        f"活跃＝{days}天里说过话（有存档时）、签到或玩过的客户，占比＝活跃÷客户；阶段和系数怎么算，"
        f"见 分析 → 社群生命周期；最多列{GROUPS}个群。{least(ctx)}")  # fmt: skip
    chart = bars("客户和活跃", rows, ("客户", 6), (f"{days}天活跃", 9))
    lines = (Line(row) for row in rows)
    return Page("群", sections=(section(table, lines, view, chart),),
                choices=store_choice(view, ctx), clock=False)  # fmt: skip


def _group(one: Kept, ctx: Ctx) -> Row:
    n, life = life_of(one, ctx.now, ctx)
    awake = n.members - n.silent
    return (one["name"], life.stage if life else "没有客户", round(life.value) if life else None,
            one["kind"], ctx.team.store(one["store"]).name, ctx.team.name(one["owner"]), n.members,
            n.joined, n.left, awake, part(awake, n.members, ctx), one["created_at"])  # fmt: skip


# 话术


def results(view: View, ctx: Ctx) -> Page:
    team = [a.userid for a in ctx.team.advisors_of(view.stores)]
    rows = sorted(_scripts(view, team, ctx), key=lambda row: (-int(row[2] or 0), str(row[0])))
    table = Table("scripts", f"话术效果 · {view.words}", (
        text("title", "话术"), text("concern", "关注"), count("shown", "推荐"),
        count("adopted", "采用"), share("rate", "采用率"), count("edited", "改过再用"),
        count("replied", "客户回复"), share("answered", "回复率"), count("refused", "不合适")), (),
        "采用率＝采用÷推荐，回复率＝客户回复÷采用；" + least(ctx))  # fmt: skip
    chart = bars("推荐和采用", rows, ("推荐", 2), ("采用", 3))
    lines = (Line(row) for row in rows)
    return Page("话术", sections=(section(table, lines, view, chart), _gaps(view, team, ctx)),
                choices=store_choice(view, ctx))  # fmt: skip


KEYS = ("shown", "adopted", "edited", "replied", "refused")


def _scripts(view: View, team: list[str], ctx: Ctx) -> Iterator[Row]:
    found: dict[str, Counter[str]] = {}
    for row in console.used(ctx.db, team, view.since, view.until):
        of = found.setdefault(row["script"], Counter())
        of.update({key: int(row[key] or 0) for key in KEYS})
    for key, n in found.items():
        script = ctx.bank.get(key)
        yield (script.title if script else key, _about(script),
               n["shown"], n["adopted"], part(n["adopted"], n["shown"], ctx), n["edited"],
               n["replied"], part(n["replied"], n["adopted"], ctx), n["refused"])  # fmt: skip


def _about(script: Script | None) -> str:
    return "、".join(CONCERNS.get(code, code) for code in script.concerns) if script else ""


def _gaps(view: View, team: list[str], ctx: Ctx) -> Section:
    """Questions of these stores that the library has no answer to."""
    rows = [r for r in scripts.gaps(ctx.db, view.since) if r["advisor"] in team]
    found = tuple((c.question, c.times, c.reason) for c in gaps.clusters(rows))
    return plain(Table("gaps", f"缺口：没有合适话术的问题 · {view.words}", (
        text("question", "客户问"), count("times", "次数"), text("why", "为什么算缺口")), found,
        "意思相近的问题算一个。"), view)  # fmt: skip


# 活动


def activities(view: View, ctx: Ctx) -> Page:
    chats = console.groups(ctx.db, view.stores, GROUPS)
    scope = Scope(view.stores, view.since, view.until)
    parts = [plain(campaigns.compared(scope, ctx), view), plain(campaigns.bills(scope, ctx), view),
             _games(chats, view, ctx), _joined(chats, view, ctx), _draws(chats, view, ctx),
             _prizes(view, ctx)]  # fmt: skip
    if view.reader.roles != {COMMUNITY}:
        parts.append(_plans(view, ctx))
    return Page("活动", sections=tuple(parts), choices=store_choice(view, ctx))


def _games(chats: list[Kept], view: View, ctx: Ctx) -> Section:
    rows = tuple((chat["name"], _called(row["game"]), row["rounds"], row["players"], row["moves"])
                 for chat in chats
                 for row in console.played(ctx.db, chat["chat_id"], view.since))  # fmt: skip
    return plain(Table("games", f"游戏 · {view.words}", (
        text("chat", "群"), text("game", "游戏"), count("rounds", "局"),
        count("players", "参加人数"), count("moves", "人次")), rows), view)  # fmt: skip


def _called(game: str) -> str:
    found = GAMES.get(game)
    return found.name if found else game


def _joined(chats: list[Kept], view: View, ctx: Ctx) -> Section:
    rows = tuple((chat["name"], row["reason"], row["members"], row["n"], row["points"])
                 for chat in chats
                 for row in console.earned(ctx.db, chat["chat_id"], view.since))  # fmt: skip
    return plain(Table("points", f"积分从哪来 · {view.words}", (
        text("chat", "群"), text("reason", "做了什么"), count("members", "人数"),
        count("n", "次数"), count("points", "积分")), rows), view)  # fmt: skip


def _draws(chats: list[Kept], view: View, ctx: Ctx) -> Section:
    rows = tuple((row["title"], chat["name"], row["state"], row["entries"], row["wins"],
                  row["closes_at"]) for chat in chats
                 for row in console.draws(ctx.db, chat["chat_id"], view.since))  # fmt: skip
    return plain(Table("draws", f"抽奖 · {view.words}", (
        text("title", "抽奖"), text("chat", "群"), text("state", "状态"), count("entries", "报名"),
        count("wins", "中奖"), moment("at", "开奖")), rows), view)  # fmt: skip


def _prizes(view: View, ctx: Ctx) -> Section:
    """Those of every store count for everybody."""
    rows = tuple((p["name"], ctx.team.store(p["store"]).name if p["store"] else "各店", p["cost"],
                  p["stock"], p["waiting"], p["given"], "在用" if p["state"] == "live" else "停用")
                 for p in console.prizes(ctx.db) if p["store"] in ("", *view.stores))  # fmt: skip
    return plain(Table("prizes", "奖品", (
        text("name", "奖品"), text("store", "门店"), count("cost", "积分"), count("stock", "库存"),
        count("waiting", "待领"), count("given", "已领"), text("state", "状态")), rows,
        "各店共用的奖品，待领和已领是全部门店的。"), view)  # fmt: skip


def _plans(view: View, ctx: Ctx) -> Section:
    found: dict[str, Counter[str]] = {}
    for row in sop.counts(ctx.db, view.stores):
        found.setdefault(row["plan"], Counter())[row["state"]] += row["n"]
    states = sorted({state for of in found.values() for state in of})
    rows: list[Row] = [(short(plan, 30), *(of[state] for state in states))
                       for plan, of in sorted(found.items())]  # fmt: skip
    return plain(Table("plans", "一对一 SOP：多少位客户在哪个状态", (
        text("plan", "计划"), *(count(state, state) for state in states)), tuple(rows)),
        view)  # fmt: skip
