"""客户, one customer's card, 预警: the pages that name people, for those who may know them."""

from collections.abc import Iterator, Mapping

from handlers import cadence, cards, names, sidebar, watch, whys
from handlers.console import parts, shops
from handlers.console.door import COMMUNITY
from handlers.console.parts import Line, count, moment, plain, section, store_choice, tally, text
from handlers.console.values import Choice, Missing, Page, Row, Section, View
from handlers.context import Ctx
from handlers.tables import Table
from handlers.tiers import ORDER
from handlers.words import TIERS
from nlp.labels import CONCERNS
from storage import appointments, audit, console, customers, events, relations, stats
from storage.customers import Customer

PAGE = 50
ALERTED = 500  # events that are looked through for a page
ALERTS = ("投诉", "退订", "未到店", "战败")
NARROWED = ("tier", "level", "owner", "stage", "concern", "q")
STAGES = ("线索", "加微", "开口", "到店", "试驾", "报价", "下订", "交付", "战败")


# 客户


def listing(view: View, ctx: Ctx) -> Page:
    if not view.names:
        raise Missing("customers")
    found = _found(view, ctx)
    more = len(found) > _size(view)
    shown = found if view.whole else found[:PAGE]
    table = Table("customers", "客户", (
        text("name", "客户"), text("tier", "意向"), text("level", "级别"), text("stage", "阶段"),
        text("model", "车型"), text("owner", "顾问"), text("store", "门店"),
        moment("spoke", "客户说话"), moment("told", "联系"), moment("added", "加微"),
        text("state", "备注")), (), "按姓名排，每页50位；为什么是这个意向和级别，点开看。",
    )  # fmt: skip
    lines = (Line(_row(c, ctx), shops.customer(c.id)) for c in shown)
    return Page(
        "客户", sections=(section(table, lines, view),), choices=tuple(_choices(view, ctx)),
        search=view.query.get("q", ""), clock=False,
        next=_mark(shown[-1]) if more and not view.whole else "",
    )  # fmt: skip


def _size(view: View) -> int:
    return parts.WHOLE if view.whole else PAGE


def _found(view: View, ctx: Ctx) -> list[Customer]:
    """One more than is shown, to know whether there is a next page."""
    wanted = {name: view.query[name].strip()[:40] for name in NARROWED if view.query.get(name)}
    name, _, key = ("" if view.whole else view.query.get("after", "")).rpartition("~")
    return console.page(ctx.db, view.stores, wanted, (name, key), _size(view) + 1)


def _mark(last: Customer) -> str:
    """Where the next page begins; an id of WeCom holds no ~, a nickname may."""
    return f"{last.name}~{last.id}"


def _row(c: Customer, ctx: Ctx) -> Row:
    state = "已不是好友" if c.deleted_at else "已退订" if c.opted_out_at else ""
    times = [at.isoformat() if at else None for at in (c.spoke_at, c.contacted_at, c.added_at)]
    return (c.name, TIERS.get(c.tier, c.tier), c.level, c.stage, c.model, ctx.team.name(c.owner),
            ctx.team.store(c.store).name, *times, state)  # fmt: skip


def _choices(view: View, ctx: Ctx) -> Iterator[Choice]:
    yield from store_choice(view, ctx)
    team = {a.userid: a.name for a in ctx.team.advisors_of(view.stores)}
    some: Mapping[str, tuple[str, Mapping[str, str]]] = {
        "tier": ("意向", TIERS), "level": ("级别", {one: f"{one}级" for one in ORDER}),
        "stage": ("阶段", dict(zip(STAGES, STAGES, strict=True))),
        "concern": ("关注", CONCERNS), "owner": ("顾问", team),
    }  # fmt: skip
    for key, (title, options) in some.items():
        yield Choice(key, title, (("", f"全部{title}"), *options.items()), view.query.get(key, ""))


# One customer


def find(key: str, view: View, ctx: Ctx) -> Customer:
    """Somebody else's customer is as unknown as nobody."""
    customer = customers.get(ctx.db, key)
    if customer is None or not view.names or customer.store not in view.reader.stores:
        raise Missing(key)
    if not names.may_see(customer, view.reader.member, ctx):
        raise Missing(key)
    return customer


def card(view: View, ctx: Ctx) -> Page:
    customer = find(view.query.get("id", ""), view, ctx)
    head, *lines = cards.lines(customer, ctx)
    told = "\n".join([*lines, "", whys.told(customer, ctx)])
    told_of = [build(customer, view, ctx) for build in (_tags, _meetings, _events, _owners, _looks)]
    return Page(
        head, lead=f"{ctx.team.store(customer.store).name} · {ctx.team.name(customer.owner)}",
        text=told, sections=tuple(part for part in told_of if part.table.rows), clock=False,
    )  # fmt: skip


def _tags(customer: Customer, view: View, ctx: Ctx) -> Section:
    found = sidebar.card(customer, view.reader.member, ctx)
    rows: list[Row] = [(c["name"], f"{c['mood']}，{c['state']}", c["words"], c["often"], c["at"])
                       for c in found["concerns"]]  # fmt: skip
    rows += [(t["name"], t["group"], t["words"], None, t["at"]) for t in found["tags"]]
    rows += [(k["name"], k["value"], k["words"], None, None) for k in found["known"]]
    return plain(Table("tags", "关注、标签和依据", (
        text("name", "名称"), text("what", "说明"), text("words", "客户的话"),
        count("often", "提过"), text("at", "最近")), tuple(rows)), view)  # fmt: skip


def _meetings(customer: Customer, view: View, ctx: Ctx) -> Section:
    rows = tuple((a.at.isoformat(), a.kind, a.model, a.state, a.reason)
                 for a in appointments.of(ctx.db, customer.id))  # fmt: skip
    return plain(Table("meetings", "预约", (moment("at", "时间"), text("kind", "做什么"),
                 text("model", "车型"), text("state", "状态"), text("why", "原因")), rows),
                 view)  # fmt: skip


def _events(customer: Customer, view: View, ctx: Ctx) -> Section:
    rows = tuple((e.at.isoformat(), e.kind, e.evidence, ctx.team.name(e.by_whom))
                 for e in events.of(ctx.db, customer.id))  # fmt: skip
    return plain(Table("events", "经过", (moment("at", "时间"), text("kind", "发生了什么"),
                 text("words", "依据"), text("who", "谁记的")), rows,
                 "最近50条，撤销了的不列。"), view)  # fmt: skip


def _owners(customer: Customer, view: View, ctx: Ctx) -> Section:
    """Everybody who has them as a contact."""
    rows = tuple((ctx.team.name(one.advisor), one.remark, "是" if one.live else "已删除",
                  one.since.isoformat()) for one in relations.of(ctx.db, customer.id))  # fmt: skip
    return plain(Table("owners", "谁加了TA的微信", (text("advisor", "顾问"),
                 text("remark", "备注名"), text("live", "还是好友"), moment("since", "从")), rows),
                 view)  # fmt: skip


def _looks(customer: Customer, view: View, ctx: Ctx) -> Section:
    rows = tuple((row["at"], ctx.team.name(row["who"]), row["what"])
                 for row in audit.about(ctx.db, customer.id))  # fmt: skip
    return plain(Table("looks", "谁看过、改过", (moment("at", "时间"), text("who", "谁"),
                 text("what", "做了什么")), rows, "最近20次。"), view)  # fmt: skip


# 预警


def alerts(view: View, ctx: Ctx) -> Page:
    if view.reader.roles == {COMMUNITY}:
        table = watch.table(view.stores, view.since, view.until, ctx, groups_only=True)
        return Page("预警", sections=(plain(table, view),), choices=store_choice(view, ctx))
    found = (_named if view.names else _counted)(view, ctx)
    return Page("预警", sections=tuple(found), choices=store_choice(view, ctx))


def _named(view: View, ctx: Ctx) -> Iterator[Section]:
    yield plain(watch.table(view.stores, view.since, view.until, ctx), view)
    yield _told(view, ctx)
    yield _risks(view, ctx)
    yield shops.unanswered(view, ctx)
    late = stats.overdue(ctx.db, view.stores, shops.midnight(ctx))
    yield shops.owing(view, ctx, late)


def _told(view: View, ctx: Ctx) -> Section:
    rows = console.told(ctx.db, view.stores, ALERTS, view.since, _most(view))
    table = Table("alerts", f"投诉、退订、未到店、战败 · {view.words}", (
        text("name", "客户"), text("kind", "事情"), text("level", "级别"), text("owner", "负责人"),
        text("words", "客户的话或原因"), moment("at", "时间"), text("state", "状态"),
        moment("told", "之后联系"), text("note", "怎么了结")), (),
        "状态：之后联系过的是“已联系”，关了相应跟进的写着怎么了结，其余是“待处理”。")  # fmt: skip
    return section(table, (_alert(row, ctx) for row in rows), view)


def _most(view: View) -> int:
    return parts.WHOLE + 1 if view.whole else ALERTED


def _alert(row: Mapping[str, str], ctx: Ctx) -> Line:
    after = row["contacted_at"] if (row["contacted_at"] or "") > row["at"] else None
    note = console.closed(ctx.db, row["customer"], row["at"])
    state = "已了结" if note else "已联系" if after else "待处理"
    return Line((row["name"], row["kind"], row["level"], ctx.team.name(row["owner"]),
                 row["evidence"], row["at"], state, after, note or ""),
                shops.customer(row["customer"]))  # fmt: skip


def _risks(view: View, ctx: Ctx) -> Section:
    rows = console.risks(ctx.db, view.stores, _most(view))
    table = Table("risks", "高风险：逾期太久", (
        text("name", "客户"), text("level", "级别"), text("owner", "顾问"), text("why", "欠着什么"),
        moment("at", "应联系"), moment("risk", "升为高风险")), ())  # fmt: skip
    lines = (Line((r["name"], r["level"], ctx.team.name(r["advisor"]), cadence.owed_for(r, ctx),
                   r["origin_at"], r["risk_at"]), shops.customer(r["customer"]))
             for r in rows)  # fmt: skip
    return section(table, lines, view)


def _counted(view: View, ctx: Ctx) -> Iterator[Section]:
    """For who sees figures only: how many of each in each store."""
    found = tally(console.steps(ctx.db, view.stores, ALERTS, view.since, view.until,
                                "store"), "store", "kind")  # fmt: skip
    late = tally(console.late(ctx.db, view.stores, shops.midnight(ctx)), "store")
    rows: list[Row] = [(ctx.team.store(key).name, *(found[key, kind] for kind in ALERTS),
                        late[key,]) for key in view.stores]  # fmt: skip
    yield plain(Table("alerts", f"各店 · {view.words}", (text("store", "门店"),
                *(count(kind, kind) for kind in ALERTS), count("late", "逾期跟进")), tuple(rows),
                "客户数；逾期跟进是现在的数。名单只有门店看得到。"), view)  # fmt: skip
    yield plain(watch.figures(view.stores, view.since, view.until, ctx), view)
