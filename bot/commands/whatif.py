"""whatif: what past days would have been under another setting; nothing is written."""

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
from handlers import whatif as present
from handlers import whatif_past
from handlers.tables import Cell, Table
from handlers.whatif import SettingError


@click.command()
@click.argument("given", metavar="KEY=VALUE...", nargs=-1, required=True)
@for_option
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 90), help="看几天")
@at_option
@json_option
@click.pass_obj
def whatif(
    options: Options, given: tuple[str, ...], userid: str, days: int, at: str, as_json: bool
) -> None:
    """改一个设置，近几天的提醒、意向级别和日报会差多少；只算，不改。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            manager = ctx.team.manager(userid)
            if manager is None:
                fail(f"{userid} 不在 [[managers]] 里", WRONG_USE)
            among = present.among(userid, 0, ctx)
            try:
                found = whatif_past.run(among, manager, list(given), days, ctx)
            except SettingError as exc:
                fail(str(exc), WRONG_USE)
    keys = {column.key: column.title for column in found.table.columns}
    rows = _rows(found.table)
    read = _rows(found.digests) if found.digests else []
    if as_json:
        told_of = {"sentence": found.sentence, "rows": rows, "digests": read}
        click.echo(json.dumps(told_of, ensure_ascii=False))
        return
    click.echo(found.sentence)
    if rows:
        show(rows, keys, as_json=False)
    click.echo(found.table.note)
    if found.digests:
        click.echo(f"\n{found.digests.title}")
        show(read, {c.key: c.title for c in found.digests.columns}, as_json=False)
        click.echo(found.digests.note)


def _rows(table: Table) -> list[dict[str, Cell]]:
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]
