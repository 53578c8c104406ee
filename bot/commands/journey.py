"""journey: how long customers take from one step to the next."""

import json

import click

from bot.commands.common import (
    WRONG_USE,
    Options,
    at_option,
    context,
    fail,
    for_option,
    json_option,
    moment,
    opened,
    show,
    told,
)
from handlers import intervals, stuck
from handlers.context import Ctx
from handlers.intervals import Span, Table

GROUPS = ("advisor", "store", "source", "concern")


@click.command()
@for_option
@click.option("--by", type=click.Choice(GROUPS), help="按顾问、门店、来源或顾虑分组")
@click.option("--stuck", "only_stuck", is_flag=True, help="列出停得比同店四分之三的人都久的客户")
@at_option
@json_option
@click.pass_obj
def journey(
    options: Options, userid: str, by: str | None, only_stuck: bool, at: str, as_json: bool
) -> None:
    """加微到成交每一步用多久：中位数和 P75，按 USERID 看得到的范围。"""
    if only_stuck and by:
        fail("--stuck 列的是客户，不分组；去掉 --by", WRONG_USE)
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            _known(userid, ctx)
            if only_stuck:
                show(*_stuck(userid, ctx), as_json=as_json)
                return
            found = intervals.tables(userid, by or "", ctx)
    if as_json:
        click.echo(json.dumps([_plain(one) for one in found], ensure_ascii=False))
        return
    rows = [{"group": one.name, "step": span.name, "n": str(span.count), "early": str(span.early),
             "median": intervals.long(span.median), "p75": intervals.long(span.p75)}
            for one in found for span in one.spans]  # fmt: skip
    columns = {"group": "组", "step": "步骤", "n": "样本", "early": "次序相反", "median": "中位",
               "p75": "P75"}  # fmt: skip
    show(rows, columns, as_json=False)


def _stuck(userid: str, ctx: Ctx) -> tuple[list[dict[str, object]], dict[str, str]]:
    rows: list[dict[str, object]] = [
        {"name": one.customer.name, "advisor": ctx.team.name(one.customer.owner),
         "stage": one.customer.stage, "days": one.days, "limit": intervals.long(one.limit),
         "by": "本店 P75" if one.measured else "默认"} for one in stuck.find(userid, ctx)
    ]  # fmt: skip
    return rows, {"name": "客户", "advisor": "顾问", "stage": "停在", "days": "天数",
                  "limit": "通常不超过", "by": "依据"}  # fmt: skip


def _known(userid: str, ctx: Ctx) -> None:
    if not (ctx.team.advisor(userid) or ctx.team.manager(userid)):
        fail(f"{userid} 不在 [[advisors]] 和 [[managers]] 里", WRONG_USE)


def _plain(one: Table) -> dict[str, object]:
    return {"group": one.name, "customers": one.customers, "spans": [_span(s) for s in one.spans]}


def _span(span: Span) -> dict[str, object]:
    hours = [s and round(s.total_seconds() / 3600, 1) for s in (span.median, span.p75)]
    return {"step": span.name, "n": span.count, "early": span.early, "median_hours": hours[0],
            "p75_hours": hours[1]}  # fmt: skip
