"""activity: make one from a template, list them, weigh them, set them side by side."""

from datetime import timedelta

import click

from bot.clock import WallClock
from bot.commands.common import (
    WRONG_USE,
    Options,
    at_option,
    context,
    fail,
    json_option,
    moment,
    opened,
    show,
    told,
)
from handlers import activities
from handlers.activities import Unfit
from handlers.analytics import Scope, campaigns
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.tables import Table
from storage import activities as rows
from storage import groups

days_option = click.option("--days", type=click.IntRange(1, 730), default=90, show_default=True,
                           help="看多少天之内的")  # fmt: skip


@click.group()
def activity() -> None:
    """活动：用模板建，看效果，几场对比。"""


@activity.command()
@click.argument("template", metavar="模板")
@click.argument("chat", metavar="群号")
@click.option("--by", default="命令行", help="主办人的 userid，进展和结果发给他")
@click.pass_obj
def new(options: Options, template: str, chat: str, by: str) -> None:
    """在一个群里开一场活动，打出要发到群里的公告。"""
    with told():
        config = options.load()
        with opened(config) as db, db.atomic():
            ctx = context(db, config, WallClock().now())
            text = _begun(template, chat, by, ctx)
    click.echo(text)


def _begun(template: str, chat: str, by: str, ctx: Ctx) -> str:
    """The announcement of a new activity; a plain sentence where it may not be held."""
    try:
        found, room = activities.known(ctx).get(template), groups.get(ctx.db, chat)
        if found is None:
            fail(f"没有模板 {template}；有的是 {'、'.join(activities.known(ctx))}", WRONG_USE)
        if room is None or room["kind"] == INTERNAL or room["dismissed_at"]:
            fail(f"没有客户群 {chat}", WRONG_USE)
        return activities.announcement(activities.new(found, room, by, ctx), ctx)
    except Unfit as wrong:
        fail(str(wrong), WRONG_USE)


@activity.command("list")
@days_option
@at_option
@json_option
@click.pass_obj
def list_(options: Options, days: int, at: str, as_json: bool) -> None:
    """全部活动，和可以用的模板。"""
    with told():
        config = options.load()
        with opened(config) as db:
            ctx = context(db, config, moment(at, config.settings.timezone))
            scope = _scope(ctx, days)
            table = [{"id": one.id, "title": one.title, "chat": one.chat_id, "store": one.store,
                      "begins": one.begins.isoformat(), "ends": one.ends.isoformat(),
                      "budget": one.budget}
                     for one in rows.of_stores(db, scope.stores, scope.since,
                                               scope.until)]  # fmt: skip
            names = _names(ctx)
    show(table, {"id": "编号", "title": "活动", "chat": "群号", "store": "门店", "begins": "开始",
                 "ends": "结束", "budget": "预算"}, as_json=as_json)  # fmt: skip
    if not as_json:
        click.echo(f"可用的模板：{names}")


def _names(ctx: Ctx) -> str:
    try:
        return "、".join(activities.known(ctx))
    except Unfit as wrong:
        return str(wrong)


def _scope(ctx: Ctx, days: int) -> Scope:
    stores = tuple(shop.id for shop in ctx.settings.stores)
    return Scope(stores, ctx.now - timedelta(days=days), ctx.now + timedelta(seconds=1))


@activity.command()
@click.argument("activity_id", metavar="编号")
@at_option
@json_option
@click.pass_obj
def report(options: Options, activity_id: str, at: str, as_json: bool) -> None:
    """一场活动的效果：覆盖、参加、答对、新标签、之后的线索、到店、下订、每条线索多少钱。"""
    with told():
        config = options.load()
        with opened(config) as db:
            ctx = context(db, config, moment(at, config.settings.timezone))
            found = rows.get(db, activity_id)
            if found is None:
                fail(f"没有活动 {activity_id}，用 salesbot activity list 看编号")
            table = campaigns.compared(Scope((), ctx.now, ctx.now), ctx)
            measured = campaigns.measured(found, ctx)
    keys = [(column.key, column.title) for column in table.columns]
    if as_json:
        show([{key: cell for (key, _), cell in zip(keys, measured, strict=True)}], {},
             as_json=True)  # fmt: skip
        return
    lines = [{"what": title, "n": "–" if cell is None else cell}
             for (_, title), cell in zip(keys, measured, strict=True)]  # fmt: skip
    show(lines, {"what": found.title, "n": ""}, as_json=False)
    click.echo(table.note)


@activity.command()
@days_option
@at_option
@json_option
@click.pass_obj
def compare(options: Options, days: int, at: str, as_json: bool) -> None:
    """几场活动放在一起看。"""
    with told():
        config = options.load()
        with opened(config) as db:
            ctx = context(db, config, moment(at, config.settings.timezone))
            table = campaigns.compared(_scope(ctx, days), ctx)
    _shown(table, as_json)


def _shown(table: Table, as_json: bool) -> None:
    keys = [column.key for column in table.columns]
    found = [dict(zip(keys, row, strict=True)) for row in table.rows]
    show(found, {column.key: column.title for column in table.columns}, as_json=as_json)
    if not as_json:
        click.echo(table.note)
