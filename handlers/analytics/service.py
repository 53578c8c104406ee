"""How customers are served: how fast they are answered, how good our answers and scripts are."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from handlers import stars, surfaces
from handlers.analytics import formulas, telling
from handlers.analytics.scope import Analysis, Scope
from handlers.context import Ctx
from handlers.ratings import GOOD, REASONS
from handlers.tables import Cell, Column, Table
from storage import figures
from storage.db import Row, at

ANSWERED = ("已回复", "已联系")


# 首响


def responses(scope: Scope, ctx: Ctx) -> Table:
    """By advisor: median, P90 and the share answered in time, in opening hours."""
    limit = ctx.settings.analytics.answer_minutes
    advisors = telling.team(scope.stores, ctx)
    waited: dict[str, list[Row]] = defaultdict(list)
    for row in figures.waited(ctx.db, advisors, scope.since, scope.until):
        waited[row["advisor"]].append(row)
    rows = [_waits(ctx.team.name(who), mine, ctx) for who, mine in sorted(waited.items())]
    if len(rows) > 1:
        rows.append(_waits("合计", [row for mine in waited.values() for row in mine], ctx))
    columns = (Column("who", "顾问"), Column("n", "等过的次数", "count"),
               Column("median", "首响中位", "minutes"), Column("p90", "首响P90", "minutes"),
               Column("within", f"{limit}分钟内", "share"), Column("of", "口径"))  # fmt: skip
    note = ("客户开口到顾问回复，只算上班时间；只有会话存档、微信客服里看得到两边的话。"
            f"{limit}分钟内＝及时回复÷等过的次数，还没回且已超时的算没及时。")  # fmt: skip
    return Table("responses", "首次响应", columns, tuple(rows), note)


def _waits(name: str, found: list[Row], ctx: Ctx) -> tuple[Cell, ...]:
    limit = ctx.settings.analytics.answer_minutes
    answered = [
        surfaces.worked(at(row["created_at"]), at(row["closed_at"]), ctx).total_seconds() / 60
        for row in found
        if row["closed_at"] and row["outcome"] in ANSWERED
    ]
    late = [
        row
        for row in found
        if row["state"] == "open"
        and surfaces.worked(at(row["created_at"]), ctx.now, ctx).total_seconds() > limit * 60
    ]
    one = formulas.waits(answered, len(late), limit, ctx.settings.analytics.samples)
    of = f"回复{len(answered)}次，还在等{len(late)}次"
    few = f"{telling.TOO_FEW}（{of}）" if one.within is None else of
    return name, one.count, _whole(one.median), _whole(one.p90), one.within, few


def _whole(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


# 满意度


STAFF, ANSWERS = "同事", "助手的回答"


def satisfaction(scope: Scope, ctx: Ctx) -> Table:
    """What customers tapped after a visit, what advisors noted for them, what staff think of us."""
    rows = (*_of_customers(scope, ctx), *_of_staff(scope, ctx))
    columns = (Column("store", "门店"), Column("by", "谁评的"), Column("what", "评的什么"),
               Column("good", "满意", "count"), Column("middle", "一般", "count"),
               Column("bad", "不满意", "count"), Column("share", "满意率", "share"),
               Column("mean", "平均星级"), Column("of", "口径"),
               Column("why", "不满意的原因"))  # fmt: skip
    note = ("满意率＝满意÷评价。客户：4、5星满意，3星一般，1、2星不满意；"
            f"{stars.OWN}是客户自己在链接或微信客服里点的，{stars.TOLD}是顾问替TA记的，分开算。"
            "同事：对助手回答点的满意、不满意，改过的以最后一次为准，收回的不算。")  # fmt: skip
    return Table("satisfaction", "满意度", columns, tuple(sorted(rows, key=lambda r: r[:3])), note)


def _of_customers(scope: Scope, ctx: Ctx) -> Iterator[tuple[Cell, ...]]:
    tallied = stars.tallied(scope.stores, scope.since, scope.until, ctx)
    for (store, channel, kind), given in tallied.items():
        one = formulas.satisfied(given, ctx.settings.analytics.samples)
        _, of = telling.over(one.good, one.count, "满意÷评价", ctx)
        yield (ctx.team.store(store).name, channel, kind, one.good, one.middle, one.bad,
               one.share, _whole(one.mean), of, "")  # fmt: skip


def _of_staff(scope: Scope, ctx: Ctx) -> Iterator[tuple[Cell, ...]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in figures.rated(ctx.db, scope.since, scope.until):
        advisor = ctx.team.advisor(row["member"])
        if advisor is None or advisor.store not in scope.stores:
            continue
        one = found[advisor.store]
        one["好" if row["verdict"] == GOOD else "不好"] += row["n"]
        for reason in row["reasons"].split():
            one[f"因{REASONS.get(int(reason), '其他')}"] += row["n"]
    for store, one in found.items():
        yield _rated(ctx.team.store(store).name, one, ctx)


def _rated(name: str, found: Counter[str], ctx: Ctx) -> tuple[Cell, ...]:
    good, bad = found["好"], found["不好"]
    whys = sorted((-n, key[1:]) for key, n in found.items() if key.startswith("因"))
    said = "、".join(f"{why}{-n}" for n, why in whys)
    share, of = telling.over(good, good + bad, "满意÷评价", ctx)
    return name, STAFF, ANSWERS, good, None, bad, share, None, of, said


# 话术

SCRIPTS = 40


def scripts(scope: Scope, ctx: Ctx) -> Table:
    """Those shown most, with how often they were taken and answered."""
    titles: dict[str, str] = {one.id: one.title or one.id for one in ctx.bank.all()}
    found = figures.used(ctx.db, telling.team(scope.stores, ctx), scope.since, scope.until)
    ranked = sorted(found, key=lambda row: (-row["shown"], row["script"]))[:SCRIPTS]
    rows = tuple(
        _script(str(titles.get(row["script"]) or row["script"]), row, ctx) for row in ranked
    )
    columns = (Column("title", "话术"), Column("shown", "给出", "count"),
               Column("adopted", "采用", "count"), Column("taken", "采纳率", "share"),
               Column("replied", "客户回复", "count"), Column("answered", "回复率", "share"),
               Column("edited", "改过", "count"), Column("refused", "不合适", "count"),
               Column("of", "口径"))  # fmt: skip
    note = "采纳率＝采用÷给出，回复率＝客户回复÷采用；给出最多的在前。"
    return Table("scripts", "话术效果", columns, rows, note)


def _script(title: str, row: Row, ctx: Ctx) -> tuple[Cell, ...]:
    taken, said = telling.over(row["adopted"], row["shown"], "采用÷给出", ctx)
    answered, told = telling.over(row["replied"], row["adopted"], "回复÷采用", ctx)
    return (title, row["shown"], row["adopted"], taken, row["replied"], answered, row["edited"],
            row["refused"], f"{said}；{told}")  # fmt: skip


ANALYSES = (
    Analysis("responses", "首次响应", responses),
    Analysis("satisfaction", "满意度", satisfaction),
    Analysis("scripts", "话术效果", scripts),
)
