"""report: every analysis of a manager's stores, on the screen or as a workbook."""

import json
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import click
from xlsxwriter.exceptions import FileCreateError

from bot import pictures
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
from bot.console.export import FORMATS, UNPRINTABLE, shown
from handlers.analytics import ANALYSES, Scope
from handlers.analytics import picture as drawing
from handlers.context import Ctx
from handlers.settings import Manager
from handlers.tables import Cell, Table
from scriptbank import tables

UNKNOWN = "–"
FIRST = "概览"


@click.command()
@for_option
@at_option
@click.option("--days", type=click.IntRange(1, 366), help="看多少天，默认 analytics.report_days")
@click.option("--store", "only", default="", help="只看一家门店（id）")
@click.option("--name", "names", multiple=True, type=click.Choice([*ANALYSES]), help="只看这些表")
@click.option("--out", type=click.Path(path_type=Path), help="写成 Excel，一张表一页")
@json_option
@click.pass_obj
def report(
    options: Options, userid: str, at: str, days: int | None, only: str, names: tuple[str, ...],
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """经理能看的门店的报表：漏斗、周期、门店得分、社群、首响、客户之声……。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            manager = _manager(userid, ctx)
            scope = _scope(manager, only, days or ctx.settings.analytics.report_days, ctx)
            found = run(scope, names, manager, ctx)
            heading = title(scope, ctx)
    if out is not None:
        _write(out, heading, found, ctx)
        click.echo(f"已写 {out}：{len(found)} 张表")
    elif as_json:
        click.echo(json.dumps([_plain(one) for one in found], ensure_ascii=False))
    else:
        _print(heading, found, ctx)


def _manager(userid: str, ctx: Ctx) -> Manager:
    manager = ctx.team.manager(userid)
    if manager is None:
        known = "、".join(m.userid for m in ctx.settings.managers)
        fail(f"{userid} 不在 [[managers]] 里；已有：{known or '无'}", WRONG_USE)
    return manager


def _scope(manager: Manager, only: str, days: int, ctx: Ctx) -> Scope:
    """Whole days, and of the last one as much as there is."""
    if only and only not in manager.stores:
        fail(f"{manager.userid} 看不到门店 {only}；可看：{'、'.join(manager.stores)}", WRONG_USE)
    first = ctx.today - timedelta(days=days - 1 if ctx.local.hour else days)
    stores = (only,) if only else manager.stores
    return Scope(stores, ctx.on(first, datetime.min.time()), ctx.now)


def run(scope: Scope, names: tuple[str, ...], manager: Manager, ctx: Ctx) -> list[Table]:
    """What a manager may see; the ones that name customers are not for who reads figures."""
    wanted = [one for one in ANALYSES.values() if not names or one.name in names]
    return [one.run(scope, ctx) for one in wanted if manager.names or not one.personal]


def title(scope: Scope, ctx: Ctx) -> str:
    shops = "、".join(ctx.team.store(store).name for store in scope.stores[:3])
    more = f"等{len(scope.stores)}家店" if len(scope.stores) > 3 else ""
    since, until = scope.since.astimezone(ctx.zone), scope.until.astimezone(ctx.zone)
    return f"{shops}{more} {since:%Y-%m-%d} 至 {until:%Y-%m-%d %H:%M}"


# On the screen


def _print(heading: str, found: list[Table], ctx: Ctx) -> None:
    click.echo(heading)
    for one in found:
        click.echo(f"\n{one.title}")
        if one.rows:
            keys = {column.key: column.title for column in one.columns}
            show([_words(one, row, ctx) for row in one.rows], keys, as_json=False)
        else:
            click.echo("这段时间没有数据。")
        click.echo(one.note)


def _words(one: Table, row: tuple[Cell, ...], ctx: Ctx) -> dict[str, Any]:
    return {column.key: said(cell, column.kind, ctx)
            for column, cell in zip(one.columns, row, strict=True)}  # fmt: skip


def said(cell: Cell, kind: str, ctx: Ctx) -> str:
    if cell is None:
        return UNKNOWN
    if kind == "share" and isinstance(cell, int | float):
        return f"{cell:.0%}"
    return str(shown(cell, kind, ctx.zone))


def _plain(one: Table) -> dict[str, Any]:
    keys = [column.key for column in one.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in one.rows]
    return {"name": one.name, "title": one.title, "note": one.note, "rows": rows}


# As a workbook


def _write(out: Path, heading: str, found: list[Table], ctx: Ctx) -> None:
    try:
        with tables.workbook(out) as book:
            _overview(book, heading, found)
            for one in found:
                _sheet(book, one, ctx)
    except FileCreateError as exc:
        fail(f"写不了 {out}：{exc}", WRONG_USE)


def _overview(book: Any, heading: str, found: list[Table]) -> None:
    """The picture, and where to find what."""
    sheet = book.add_worksheet(FIRST)
    sheet.set_column(0, 0, 26)
    sheet.write_string(
        0, 0, clean(f"报表 {heading}"), book.add_format({"bold": True, "font_size": 14})
    )
    for n, one in enumerate(found, start=2):
        sheet.write_url(n, 0, f"internal:'{sheet_name(one)}'!A1", string=one.title)
        sheet.write_string(n, 1, f"{len(one.rows)}行" if one.rows else "没有数据")
    svg = drawing.svg("一周一览" if len(heading) > 60 else heading, "数据：本系统记录", found)
    image = BytesIO(pictures.png(svg))
    sheet.insert_image(1, 3, "overview.png", {"image_data": image, "x_scale": 0.8, "y_scale": 0.8})


def _sheet(book: Any, one: Table, ctx: Ctx) -> None:
    sheet = book.add_worksheet(sheet_name(one))
    bold, soft = book.add_format({"bold": True}), book.add_format({"font_color": "#6b7280"})
    sheet.write_string(0, 0, clean(one.note), soft)
    sheet.freeze_panes(3, 1)
    for n, column in enumerate(one.columns):
        sheet.write_string(2, n, clean(column.title), bold)
        sheet.set_column(n, n, 24 if column.kind in ("text", "time") else 12)
        form = book.add_format({"num_format": FORMATS.get(column.kind, "General")})
        for number, row in enumerate(one.rows, start=3):
            cell = UNKNOWN if row[n] is None else shown(row[n], column.kind, ctx.zone)
            if isinstance(cell, str):
                sheet.write_string(number, n, clean(cell))
            else:
                sheet.write_number(number, n, cell, form)


def sheet_name(one: Table) -> str:
    """As a spreadsheet takes it: 31 characters, none of its own marks."""
    return "".join("·" if ch in "[]:*?/\\'" else ch for ch in one.title)[:31]


def clean(text: str) -> str:
    """Half of a broken character and control marks cannot be written into a file."""
    return text.translate(UNPRINTABLE).encode("utf-8", "replace").decode()
