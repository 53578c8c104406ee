"""今天, 漏斗, 门店, 顾问: the figures of the stores, each with what it is divided by."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from handlers import cadence, digests
from handlers.analytics.people import satisfaction
from handlers.analytics.scope import Scope
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
    tally,
    text,
)
from handlers.console.values import Chart, Page, Row, Section, Series, Stat, View
from handlers.context import Ctx
from handlers.settings import Manager
from handlers.tables import Table
from handlers.words import weekday
from storage import appointments, console, figures, stats
from storage.db import Row as Kept

TREND_DAYS = 28
MOVING = ("加微", "到店", "试驾", "下订")  # the lines of the trend that can be told apart
ANSWER = timedelta(minutes=30)
LOOK_BACK = timedelta(days=3)
ALERT_DAYS = 7


def customer(key: str) -> str:
    return "customer?" + urlencode({"id": key})


def midnight(ctx: Ctx) -> datetime:
    return ctx.on(ctx.today, datetime.min.time())


# 今天


def today(view: View, ctx: Ctx) -> Page:
    """What to know and what to do, in the order of the digest."""
    start = midnight(ctx)
    counts = stats.funnel(ctx.db, view.stores, start, ctx.now)
    before = ctx.settings.digest.mean_days
    total = stats.funnel(ctx.db, view.stores, start - timedelta(days=before), start)
    late = stats.overdue(ctx.db, view.stores, start)
    waiting = stats.unanswered(ctx.db, view.stores, ctx.now - ANSWER, ctx.now - LOOK_BACK)
    rows: list[Row] = [(step, n, round(total[step] / before, 1)) for step, n in counts.items()]
    table = Table("today", "今天到现在", (text("step", "环节"), count("n", "今天"),
                  count("mean", f"近{before}天日均")), tuple(rows),
                  f"每位客户在一个环节只算一次；日均＝此前{before}天的合计÷{before}。")  # fmt: skip
    chart = bars("今天和日均", rows, ("今天", 1), (f"近{before}天日均", 2))
    day = ctx.today
    return Page(
        f"今天 · {day.month}月{day.day}日 {weekday(day)}", stats=tuple(_stats(view, ctx, rows,
        len(late), len(waiting))), text=_digest(view, ctx, late),
        sections=(plain(table, view, chart), *_to_do(view, ctx, late)),
        choices=store_choice(view, ctx), clock=False,
    )  # fmt: skip


def _stats(view: View, ctx: Ctx, rows: list[Row], late: int, waiting: int) -> Iterator[Stat]:
    since = midnight(ctx) - timedelta(days=ALERT_DAYS - 1)
    angry = len(console.told(ctx.db, view.stores, ("投诉",), since, 1000))
    yield Stat("逾期跟进", f"{late}位", "应联系日早于今天", warn=late > 0)
    yield Stat("未回复", f"{waiting}位", "客户说话超30分钟", warn=waiting > 0)
    yield Stat("投诉", f"{angry}起", f"近{ALERT_DAYS}天", warn=angry > 0)
    for step, n, mean in rows:
        if step in MOVING:
            yield Stat(str(step), f"{n}人", f"日均 {mean}")


def _digest(view: View, ctx: Ctx, late: list[Kept]) -> str:
    """The digest as it would be sent now; what is only said in the chat is left out."""
    who = Manager(userid=view.reader.member, name=view.reader.name, stores=view.stores,
                  names=view.names)  # fmt: skip
    found = digests.compile_for(who, digests.edition_at(ctx), ctx, late).text
    return found.rsplit("\n\n", 1)[0]


def _to_do(view: View, ctx: Ctx, late: list[Kept]) -> Iterator[Section]:
    if view.names:
        yield owing(view, ctx, late)
        yield unanswered(view, ctx)
        yield _expected(view, ctx)


def owing(view: View, ctx: Ctx, rows: list[Kept]) -> Section:
    table = Table("overdue", "逾期跟进", (text("name", "客户"), text("level", "级别"),
                  text("owner", "顾问"), text("why", "为什么联系"), moment("at", "应联系")), (),
                  "应联系的日子早于今天、还没有处理；一位客户只列最早的一件。")  # fmt: skip
    lines = (Line((r["name"], r["level"], ctx.team.name(r["advisor"]),
                   cadence.owed_for(r, ctx) or "按级别联系", r["origin_at"]),
                  customer(r["customer"])) for r in rows)  # fmt: skip
    return section(table, lines, view)


def unanswered(view: View, ctx: Ctx) -> Section:
    rows = stats.unanswered(ctx.db, view.stores, ctx.now - ANSWER, ctx.now - LOOK_BACK)
    table = Table("unanswered", "未回复", (text("name", "客户"), text("level", "级别"),
                  text("owner", "顾问"), moment("at", "客户说话")), (),
                  "近3天里客户最后说了话，超过30分钟还没有回应。")  # fmt: skip
    lines = (Line((r["name"], r["level"], ctx.team.name(r["owner"]), r["spoke_at"]),
                  customer(r["customer"])) for r in rows)  # fmt: skip
    return section(table, lines, view)


def _expected(view: View, ctx: Ctx) -> Section:
    start = midnight(ctx)
    team = [a.userid for a in ctx.team.advisors_of(view.stores)]
    found = appointments.of_advisors(ctx.db, team, start, start + timedelta(days=1))
    names = console.called(ctx.db, [one.customer for one in found], view.stores)
    table = Table("expected", "今天的预约", (text("name", "客户"), moment("at", "时间"),
                  text("kind", "做什么"), text("model", "车型"), text("state", "状态"),
                  text("owner", "顾问")), ())  # fmt: skip
    lines = (Line((names[one.customer], one.at.isoformat(), one.kind, one.model, one.state,
                   ctx.team.name(one.advisor)), customer(one.customer))
             for one in found if one.customer in names)  # fmt: skip
    return section(table, lines, view)


# 漏斗


def funnel(view: View, ctx: Ctx) -> Page:
    now = stats.funnel(ctx.db, view.stores, view.since, view.until)
    begun = _before(view, ctx)
    before = stats.funnel(ctx.db, view.stores, begun, begun + (view.until - view.since))
    rows = tuple(_steps(now, before, ctx))
    first = stats.FUNNEL[0]
    table = Table(
        "funnel", f"漏斗 · {view.words}",
        (text("step", "环节"), count("n", "人数"), share("before", "占上一环节"),
         share("first", f"占{first}"), count("earlier", "前一段同长")), rows,
        "人数＝这段时间里走到这一环节的客户，一位在一个环节只算一次；占上一环节＝本环节人数÷上一环节"
        f"人数，占{first}＝本环节人数÷{first}人数，两个环节的客户不一定是同一批，所以可能超过100%。"
        f"{least(ctx)}",
    )  # fmt: skip
    chart = bars("人数", rows, (view.words, 1), ("前一段同长", 4))
    return Page("漏斗", sections=(plain(table, view, chart), _trend(view, ctx)),
                choices=store_choice(view, ctx))  # fmt: skip


def _before(view: View, ctx: Ctx) -> datetime:
    """As many days earlier: of today until now the same part of yesterday."""
    first, last = (one.astimezone(ctx.zone).date() for one in (view.since, view.until))
    return ctx.on(first - (last - first) - timedelta(days=1), datetime.min.time())


def _steps(now: dict[str, int], before: dict[str, int], ctx: Ctx) -> Iterator[Row]:
    last, first = 0, now[stats.FUNNEL[0]]
    for n, step in enumerate(stats.FUNNEL):
        yield (step, now[step], part(now[step], last, ctx) if n else None,
               part(now[step], first, ctx) if n else None, before[step])  # fmt: skip
        last = now[step]


def _trend(view: View, ctx: Ctx) -> Section:
    """The last four weeks by the day, whichever span is chosen above."""
    spans = _days(ctx)
    found = figures.daily(ctx.db, view.stores, stats.FUNNEL, spans)
    every = [begin.astimezone(ctx.zone).date().isoformat() for begin, _ in spans]
    rows: list[Row] = [(day, *(found[step][n] for step in stats.FUNNEL))
                       for n, day in enumerate(every)]  # fmt: skip
    table = Table("trend", f"近{TREND_DAYS}天每天", (text("day", "日期"),
                  *(count(step, step) for step in stats.FUNNEL)), tuple(rows),
                  "每天走到各环节的客户数，一位在一天里只算一次；今天到现在为止。")  # fmt: skip
    series = tuple(Series(step, tuple(map(float, found[step]))) for step in MOVING)
    chart = Chart("每天走到各环节的客户", "line", tuple(day[5:] for day in every), series)
    return plain(table, view, chart)


def _days(ctx: Ctx) -> list[tuple[datetime, datetime]]:
    """The last four weeks; of today as much as there is."""
    first = ctx.today - timedelta(days=TREND_DAYS - 1)
    begins = [ctx.on(first + timedelta(days=n), datetime.min.time()) for n in range(TREND_DAYS)]
    return list(zip(begins, [*begins[1:], ctx.now], strict=True))


# 门店 and 顾问

EARLY = ("加微", "开口", "到店", "试驾")
COLUMNS = (
    count("people", "客户"), count("high", "高意向"), count("hot", "H·A级"), count("added", "加微"),
    count("spoke", "开口"), share("opened", "开口率"), count("visits", "到店"),
    count("drives", "试驾"), share("driven", "试驾率"), count("orders", "下订"),
    count("late", "逾期"),
)  # fmt: skip
NOTE = ("开口率＝开口÷加微，试驾率＝试驾÷到店；"
        "客户、高意向、H·A级、逾期是现在的数，其余是{span}的。")  # fmt: skip


def stores(view: View, ctx: Ctx) -> Page:
    rows = [(ctx.team.store(key).name, *figures)
            for key, figures in _figures(view, ctx, "store", list(view.stores))]  # fmt: skip
    table = Table("stores", f"门店 · {view.words}", (text("store", "门店"), *COLUMNS), (),
                  NOTE.format(span=view.words) + least(ctx))  # fmt: skip
    lines = [Line(row, "funnel?" + urlencode({"store": key}))
             for key, row in zip(view.stores, rows, strict=True)]  # fmt: skip
    chart = bars(f"到店、试驾、下订 · {view.words}", rows, ("到店", 7), ("试驾", 8), ("下订", 10))
    return Page("门店", sections=(section(table, lines, view, chart),),
                choices=store_choice(view, ctx))  # fmt: skip


def advisors(view: View, ctx: Ctx) -> Page:
    team = ctx.team.advisors_of(view.stores)
    used = tally(_adopted(view, ctx, [a.userid for a in team]), "advisor")
    figures = _figures(view, ctx, "owner", [a.userid for a in team])
    rows = [(a.name, ctx.team.store(a.store).name, *row, used[a.userid,])
            for a, (_, row) in zip(team, figures, strict=True)]  # fmt: skip
    table = Table("advisors", f"顾问 · {view.words}", (text("advisor", "顾问"),
                  text("store", "门店"), *COLUMNS, count("adopted", "采用话术")), (),
                  NOTE.format(span=view.words) + least(ctx))  # fmt: skip
    links = (f"customers?{urlencode({'owner': a.userid})}" if view.names else "" for a in team)
    lines = [Line(row, link) for row, link in zip(rows, links, strict=True)]
    chart = bars("逾期跟进", rows, ("逾期", 12))
    liked = satisfaction(Scope(view.stores, view.since, view.until), ctx)
    return Page("顾问", sections=(section(table, lines, view, chart), plain(liked, view)),
                choices=store_choice(view, ctx))  # fmt: skip


def _adopted(view: View, ctx: Ctx, team: list[str]) -> Iterator[dict[str, object]]:
    for row in console.used(ctx.db, team, view.since, view.until):
        yield {"advisor": row["advisor"], "n": row["adopted"] or 0}


def _figures(view: View, ctx: Ctx, by: str, keys: list[str]) -> Iterator[tuple[str, Row]]:
    """What stands in COLUMNS, for each store or each advisor."""
    people = stats.standing(ctx.db, view.stores, by)
    all_of = tally(people, by)
    high = tally((r for r in people if r["tier"] == "high"), by)
    hot = tally((r for r in people if r["level"] in ("H", "A")), by)
    step = tally(console.steps(ctx.db, view.stores, stats.FUNNEL, view.since, view.until, by),
                 by, "kind")  # fmt: skip
    late = tally(console.late(ctx.db, view.stores, midnight(ctx)), by)
    for key in keys:
        added, spoke, visits, drives = (step[key, name] for name in EARLY)
        yield key, (all_of[key,], high[key,], hot[key,], added, spoke, part(spoke, added, ctx),
                    visits, drives, part(drives, visits, ctx), step[key, "下订"],
                    late[key,])  # fmt: skip
