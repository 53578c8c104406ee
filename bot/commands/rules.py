"""rules, audience: the rules of tier and level, what they did, what others would do; crowds."""

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

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
from handlers import audience as language
from handlers import cadence, cadence_table, crowds, playbook, rehearsal, rulebook, whatif
from handlers.audience import AudienceError
from handlers.cadence_table import CadenceError
from handlers.context import Ctx
from handlers.crowds import Crowd
from handlers.playbook import PlaybookError
from handlers.rehearsal import Side
from handlers.settings import Settings
from handlers.whatif import Outcome, SettingError
from handlers.words import TIERS
from scriptbank import tables
from storage import rules as counted
from storage.customers import Customer

WAYS = ("judge", "cadence", "playbook")

scope_option = click.option("--for", "userid", default="", help="只看 USERID 看得到的客户")


@click.group()
def rules() -> None:
    """意向和级别的规则。"""


@rules.command("list")
@json_option
@click.pass_obj
def list_(options: Options, as_json: bool) -> None:
    """每条规则：说什么、第几版、用过几次、最后一次在什么时候。"""
    with told():
        config = options.load()
        with opened(config) as store:
            hits = {row["rule"]: row for row in counted.hits(store)}
    book = rulebook.shipped()
    named = [(r.name, r.gives, r.words(config.settings.tiers)) for r in book.rules.values()]
    named += [(f"playbook.{row.name}", row.goal, row.action) for row in playbook.shipped()]
    named += [(f"followup.{row.name}", row.label, f"{row.moment}：{row.reason}")
              for row in _cadence(config.settings).rows]  # fmt: skip
    rows = [
        {"rule": name, "gives": gives, "says": says, "version": book.version,
         "hits": hits.get(name, {}).get("hits", 0), "last": hits.get(name, {}).get("last_at", "")}
        for name, gives, says in named
    ]  # fmt: skip
    columns = {"rule": "规则", "gives": "得到", "says": "说的是", "version": "版本",
               "hits": "用过", "last": "最后一次"}  # fmt: skip
    show(rows, columns, as_json=as_json)


@rules.command("dry-run")
@click.argument("what", default="judge", type=click.Choice(WAYS))
@click.option("--file", "file", type=click.Path(path_type=Path),
              help="试自己的节奏行或打法表")  # fmt: skip
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE",
              help="试一个设置，例如 tiers.window_h_days=10；可以写几次")  # fmt: skip
@scope_option
@click.option(
    "--days", default=0, type=click.IntRange(0), help="只看这么多天里动过的客户，0 是全部"
)
@at_option
@json_option
@click.pass_obj
def dry_run(
    options: Options, what: str, file: Path | None, given: tuple[str, ...], userid: str,
    days: int, at: str, as_json: bool,
) -> None:  # fmt: skip
    """按库里的记录，把设置或规则表改一改再算一遍：谁会变、哪条规则会多会少。什么都不写。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            _known(userid, ctx)
            if what != "judge":
                _rehearse(what, file, given, whatif.among(userid, 0, ctx), days, as_json, ctx)
                return
            try:
                found = whatif.run(whatif.among(userid, days, ctx), given, ctx)
            except SettingError as exc:
                fail(str(exc), WRONG_USE)
    _tell(found, as_json)


def _rehearse(
    what: str, file: Path | None, given: tuple[str, ...], among: Iterator[Customer], days: int,
    as_json: bool, ctx: Ctx,
) -> None:  # fmt: skip
    """Each row of the cadence or the playbook: how often now, how often otherwise."""
    try:
        was, now = _sides(what, file, days or rehearsal.DAYS, ctx)
        found = rehearsal.run(among, was, now, given, ctx)
    except (SettingError, PlaybookError, CadenceError) as exc:
        fail(str(exc), WRONG_USE)
    keys = [column.key for column in found.columns]
    shown = [dict(zip(keys, row, strict=True)) for row in found.rows]
    show(shown, {c.key: c.title for c in found.columns}, as_json=as_json)
    if not as_json:
        click.echo(f"{found.title}、近{days or rehearsal.DAYS}天。{found.note}")


def _sides(what: str, file: Path | None, days: int, ctx: Ctx) -> tuple[Side, Side]:
    if what == "playbook":
        own = playbook.load(file) if file else playbook.shipped()
        return rehearsal.of_playbook(playbook.shipped()), rehearsal.of_playbook(own)
    held = _cadence(ctx.settings)
    tried = cadence_table.with_own(file) if file else held
    return rehearsal.of_cadence(held, days), rehearsal.of_cadence(tried, days)


def _cadence(settings: Settings) -> cadence.Table:
    """With the company's own rows."""
    try:
        return cadence.table(settings.followups.table)
    except CadenceError as exc:
        fail(str(exc), WRONG_USE)


def _tell(found: Outcome, as_json: bool) -> None:
    rows = [{"what": kind, "from": was, "to": now, "n": n}
            for (kind, was, now), n in found.counts.most_common()]  # fmt: skip
    moves = [
        {"customer": m.customer.name, "what": kind, "from": was, "to": now, "reason": m.reason}
        for m in found.examples for kind, was, now in m.kinds
    ]  # fmt: skip
    if as_json:
        show([{"judged": found.judged, "moved": found.moved, "counts": rows, "examples": moves}],
             {}, as_json=True)  # fmt: skip
        return
    click.echo(found.sentence)
    ways = {"what": "什么", "from": "从", "to": "到"}
    show(rows, {**ways, "n": "几位"}, as_json=False)
    show(moves, {"customer": "客户", **ways, "reason": "理由"}, as_json=False)


@rules.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def lint(options: Options, file: Path | None) -> None:
    """检查人群文件、打法表和节奏表；错在哪个文件哪一条哪个键、可以写什么都会指出。"""
    try:
        if file and file.stem.startswith("playbook"):
            click.echo(f"打法表没有错，{len(playbook.load(file))} 条。")
            return
        if file and file.stem.startswith("cadence"):
            mixed = cadence_table.with_own(file)
            click.echo(f"节奏表没有错，和自带的合起来 {len(mixed.rows)} 行。")
            return
        path = file or _file(options)
        found = language.load(path)
        rows = playbook.shipped()
        steady = cadence.table(_own_rows(options))
    except (AudienceError, PlaybookError, CadenceError) as exc:
        fail(str(exc))
    click.echo(f"没有错：{found.path.name} 里 {len(found.rules)} 个人群，打法表 {len(rows)} 条，"
               f"节奏表 {len(steady.rows)} 行。")  # fmt: skip


def _own_rows(options: Options) -> str:
    """The company's own rows of the cadence, where there is a configuration."""
    return options.load().settings.followups.table if options.config.exists() else ""


def _file(options: Options) -> Path:
    """The file of the configuration; without one, or a configuration, that which ships."""
    if not options.config.exists():
        return language.SHIPPED
    config = options.load()
    own = config.settings.scores.audiences
    return config.path(own) if own else language.SHIPPED


# Audiences


@click.command()
@click.argument("name", required=False)
@scope_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(0), help="列出多少位")
@at_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV，可以用表格软件打开")
@click.pass_obj
def audience(
    options: Options, name: str | None, userid: str, limit: int, at: str, as_json: bool,
    as_csv: bool,
) -> None:  # fmt: skip
    """人群：不写名字列出全部和人数，写了列出是谁；退订的、不是好友的都不在内。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            _known(userid, ctx)
            if name is None:
                _overview([_see(one, userid, 0, ctx) for one in ctx.audiences.rules], as_json)
            elif name not in ctx.audiences.rules:
                fail(f"没有“{name}”这个人群；有：{'、'.join(ctx.audiences.rules)}", WRONG_USE)
            else:
                _members(_see(name, userid, limit, ctx), as_json, as_csv, ctx)


def _see(name: str, userid: str, limit: int, ctx: Ctx) -> Crowd:
    stores, owner = crowds.scope(userid, ctx) if userid else (None, "")
    one = ctx.audiences.rules[name]
    manager = ctx.team.manager(userid)
    named = manager is None or manager.names
    return crowds.see(one, ctx, stores=stores, owner=owner, limit=limit if named else 0)


def _overview(found: Sequence[Crowd], as_json: bool) -> None:
    rows = [{"name": c.audience.name, "count": c.count, "withheld": c.withheld,
             "says": c.audience.says} for c in found]  # fmt: skip
    columns = {"name": "人群", "count": "人数", "withheld": "退订或已删", "says": "是谁"}
    show(rows, columns, as_json=as_json)


def _members(crowd: Crowd, as_json: bool, as_csv: bool, ctx: Ctx) -> None:
    rows = [{**row, "tier": TIERS[row["tier"]], "owner": ctx.team.name(row["owner"]),
             "sendable": True} for row in crowd.members]  # fmt: skip
    columns = {"id": "编号", "name": "客户", "owner": "顾问", "store": "门店", "tier": "意向",
               "level": "级别", "stage": "阶段", "model": "车型"}  # fmt: skip
    if as_csv:
        _write(columns, rows)
        return
    if as_json:
        show([{"name": crowd.audience.name, "count": crowd.count, "withheld": crowd.withheld,
               "version": crowd.audience.version, "members": rows}], {}, as_json=True)  # fmt: skip
        return
    show(rows, columns, as_json=False)
    click.echo(f"{crowd.audience.name}：{crowd.count} 位（{crowd.audience.says}）；"
               f"另有 {crowd.withheld} 位符合但已退订或已不是好友，不发。")  # fmt: skip


def _write(columns: dict[str, str], rows: Sequence[dict[str, object]]) -> None:
    """A cell that begins like a formula is kept from being one."""
    out = csv.writer(sys.stdout)
    out.writerow(columns.values())
    for row in rows:
        out.writerow([tables.guarded(str(row.get(key) or "")) for key in columns])


def _known(userid: str, ctx: Ctx) -> None:
    if userid and not (ctx.team.advisor(userid) or ctx.team.manager(userid)):
        fail(f"{userid} 不在 [[advisors]] 和 [[managers]] 里", WRONG_USE)
