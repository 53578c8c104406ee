"""groups: plans for customer groups as their readers would see them; the welcome of a group."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import click
from xlsxwriter.exceptions import FileCreateError

from bot import server
from bot.clock import WallClock
from bot.commands.common import (
    BROKEN,
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
from bot.config import Config
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers.context import Ctx
from handlers.group_plans import chat, preview, rooms, runs, sheet, welcome, wording
from handlers.group_plans import plan as language
from handlers.group_plans.plan import Plan
from handlers.group_plans.preview import Would
from handlers.group_plans.runs import AUTO
from scriptbank import tables
from storage import group_sop as rows

words_argument = click.argument("words", nargs=-1, metavar="[条件...]")


@click.group()
def groups() -> None:
    """客户群：按天的计划，入群欢迎语。"""


@groups.group()
def plan() -> None:
    """群计划：有哪些、谁会在什么时候收到什么、开始和停、从 Excel 导入。"""


@plan.command("list")
@for_option
@at_option
@json_option
@click.pass_obj
def list_(options: Options, userid: str, at: str, as_json: bool) -> None:
    """每个计划多少天、多少个群在走。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            stores = _scope(userid, ctx)
            counted: dict[str, dict[str, int]] = {}
            for row in rows.counts(store, stores):
                counted.setdefault(row["plan"], {})[row["state"]] = row["n"]
            found = [_row(one, counted.get(one.name, {})) for one in runs.plans(ctx)]
    columns = {"name": "计划", "priority": "优先级", "days": "天", "nodes": "条", "suits": "给谁",
               "running": "进行中", "waiting": "排队", "say": "用处"}  # fmt: skip
    show(found, columns, as_json=as_json)


def _row(one: Plan, counted: Mapping[str, int]) -> dict[str, object]:
    suits = [*(f"{kind}群" for kind in one.kinds), *one.stages, *(f"{w}周" for w in one.weeks)]
    return {"name": one.name, "priority": one.priority, "days": one.days, "nodes": len(one.nodes),
            "suits": "、".join(suits) or "都可以", "running": counted.get(rows.RUNNING, 0),
            "waiting": counted.get(rows.WAITING, 0), "say": one.say}  # fmt: skip


@plan.command("preview")
@click.argument("name")
@words_argument
@for_option
@at_option
@json_option
@click.pass_obj
def preview_(
    options: Options, name: str, words: tuple[str, ...], userid: str, at: str, as_json: bool
) -> None:
    """谁会在什么时候收到什么；计划写 自动 就按每个群的阶段选。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            _, found, begins = _meant(name, words, userid, ctx)
            table = preview.table(found, begins, ctx)
            texts = preview.texts(found, begins, ctx)
    keys = [column.key for column in table.columns]
    listed = [dict(zip(keys, row, strict=True)) for row in table.rows]
    show(listed, {c.key: c.title for c in table.columns}, as_json=as_json)
    if not as_json:
        ready = sum(not one.refused for one in found)
        click.echo(f"{len(found)}个群，{ready}个可以开始。{table.note}")
        for text in texts:
            click.echo(f"· {text}")


@plan.command()
@click.argument("name")
@words_argument
@for_option
@click.pass_obj
def start(options: Options, name: str, words: tuple[str, ...], userid: str) -> None:
    """给符合条件的群开始一个计划；先用 preview 看一眼。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment("", config.server.timezone))
            called, found, begins = _meant(name, words, userid, ctx)
            with store.atomic():
                made = chat.begin(found, begins, userid, ctx, auto=called == AUTO)
    if not made:
        fail(f"没有群可以开始“{name}”：{found[0].why if found else '没有符合条件的群'}")
    click.echo(chat.told(name, made, begins))


def _meant(
    name: str, words: Sequence[str], userid: str, ctx: Ctx
) -> tuple[str, list[Would], Any]:  # fmt: skip
    _scope(userid, ctx)
    try:
        called, wanted, begins = chat.split([name, *words], ctx)
        found = rooms.select(wanted, userid, ctx)
    except rooms.Unclear as wrong:
        fail(str(wrong), WRONG_USE)
    return called, preview.would(called, found, ctx), begins


def _scope(userid: str, ctx: Ctx) -> tuple[str, ...]:
    stores = rooms.scope(userid, ctx)
    if not stores:
        fail(f"{userid} 不管群计划：要是 [[managers]]、社群运营或 access.operators", WRONG_USE)
    return stores


@plan.command()
@click.argument("name")
@words_argument
@for_option
@click.pass_obj
def stop(options: Options, name: str, words: tuple[str, ...], userid: str) -> None:
    """停一个计划，还没发的都不发了。"""
    _change(options, "停", name, words, userid)


@plan.command()
@click.argument("name")
@words_argument
@for_option
@click.pass_obj
def pause(options: Options, name: str, words: tuple[str, ...], userid: str) -> None:
    """先停在这里，以后接着走。"""
    _change(options, "暂停", name, words, userid)


@plan.command()
@click.argument("name")
@words_argument
@for_option
@click.pass_obj
def resume(options: Options, name: str, words: tuple[str, ...], userid: str) -> None:
    """从停下的那一天接着走。"""
    _change(options, "继续", name, words, userid)


def _change(
    options: Options, verb: str, name: str, words: Sequence[str], userid: str
) -> None:  # fmt: skip
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment("", config.server.timezone))
            _scope(userid, ctx)
            try:
                called, wanted, _ = chat.split([name, *words], ctx)
            except rooms.Unclear as wrong:
                fail(str(wrong), WRONG_USE)
            with store.atomic():
                n = chat.changed(verb, called, wanted, userid, ctx)
    click.echo(f"{n}个群的“{name}”已{verb}。")


# Files


@plan.command()
@click.argument("files", nargs=-1, required=True,
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
def lint(files: tuple[Path, ...]) -> None:
    """检查计划文件（toml 或 xlsx）：错误带文件、行号、字段、写的是什么、应该是什么。"""
    broken, today = 0, WallClock().now().date()
    with told():
        for file in files:
            found, _, problems = _read(file, file.stem[:20], "", 50)
            broken += len(problems)
            for problem in problems:
                click.echo(str(problem))
            for line in wording.doubts(found, today) if found else ():
                click.echo(f"{file.name}：{line}")
            if found:
                click.echo(
                    f"{file.name}：“{found.name}”没有问题，{found.days}天{len(found.nodes)}条"
                )
    if broken:
        fail(f"{broken} 处要改")


def _read(
    file: Path, name: str, say: str, priority: int
) -> tuple[Plan | None, dict[str, Any], tuple[Any, ...]]:  # fmt: skip
    if file.suffix.lower() != ".toml":
        return sheet.read(tables.grid(file), file.name, name=name, say=say, priority=priority)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{file} 不是 UTF-8 文本，请另存为 UTF-8")
    found, problems = language.read(file.name, text)
    return found, {}, problems


@plan.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help="计划的名字，默认用文件名")
@click.option("--say", default="", help="一句用处")
@click.option("--priority", default=50, show_default=True, type=click.IntRange(0, 100),
              help="优先级，大的先走")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="只检查，不导入")
@click.pass_obj
def import_(
    options: Options, file: Path, name: str, say: str, priority: int, dry_run: bool
) -> None:
    """从 xlsx 或 csv 导入一个计划；有一行不对就一行也不导入。"""
    with told():
        config = options.load()
        found, given, problems = _read(file, name or file.stem[:20], say, priority)
        for problem in problems:
            click.echo(str(problem))
        if found is None:
            fail(f"{len(problems)} 处要改，没有导入")
        if not given:
            fail("toml 的计划不用导入：放进 group_sop.plans 那个目录就行", WRONG_USE)
        if not dry_run:
            with opened(config) as store, store.atomic():
                body = json.dumps(given, ensure_ascii=False)
                rows.keep(store, found.name, body, "命令行", WallClock().now())
    did = "没有问题" if dry_run else "已导入"
    click.echo(
        f"“{found.name}”{did}：{found.days}天{len(found.nodes)}条。预览：社群计划 预览 {found.name}"
    )


@plan.command()
@click.argument("name")
@click.pass_obj
def forget(options: Options, name: str) -> None:
    """删掉一个导入的计划；自带的删不掉，正在走的群会停下来。"""
    with told():
        config = options.load()
        with opened(config) as store, store.atomic():
            gone = rows.forget(store, name)
    if not gone:
        fail(f"没有导入过叫“{name}”的计划", WRONG_USE)
    click.echo(f"“{name}”已删掉。")


@plan.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plan", "name", default="", help="导出这个计划；不写就是带例子的空模板")
@click.pass_obj
def template(options: Options, file: Path, name: str) -> None:
    """写一个 xlsx 模板，第二页是每列怎么填；填好用 import 导入。"""
    with told():
        if name:
            config = options.load()
            with opened(config) as store:
                ctx = context(store, config, moment("", config.server.timezone))
                found = runs.plan_of(name, ctx)
        else:
            found = language.shipped()[0]
    if found is None:
        fail(f"没有叫“{name}”的计划", WRONG_USE)
    try:
        _write(file, sheet.lines(found))
    except (FileCreateError, OSError) as wrong:
        fail(f"写不了 {file}：{wrong}")
    click.echo(f"已写到 {file}，填好后：salesbot groups plan import {file}")


def _write(file: Path, lines: Sequence[Sequence[str]]) -> None:
    with tables.workbook(file) as book:
        bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
        page = book.add_worksheet("计划")
        page.freeze_panes(1, 2)
        for n, line in enumerate(lines):
            for m, cell in enumerate(line):
                page.write_string(n, m, cell, wrap if n else bold)
        for n, title in enumerate(lines[0]):
            page.set_column(n, n, 60 if title == "内容" else 12)
        help_ = book.add_worksheet("怎么填")
        help_.set_column(0, 0, 10)
        help_.set_column(1, 1, 90)
        for n, (title, words) in enumerate(sheet.hints()):
            help_.write_string(n, 0, title, bold)
            help_.write_string(n, 1, words, wrap)


# The welcome


@groups.command("welcome")
@click.argument("name")
@for_option
@click.option("--text", default="", help="自己的欢迎语；%NICKNAME% 会换成新人的昵称")
@click.option("--push", is_flag=True, help="建到企业微信里；不写只预览")
@click.pass_obj
def welcome_(options: Options, name: str, userid: str, text: str, push: bool) -> None:
    """一个群的入群欢迎语：先预览，--push 建成模板，再由群主在群里选。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment("", config.server.timezone))
            _scope(userid, ctx)
            wanted = rooms.Filter(name=name)
            found = [r for r in rooms.select(wanted, userid, ctx) if r.name == name] \
                or rooms.select(wanted, userid, ctx)  # fmt: skip
            if len(found) != 1:
                named = "、".join(room.name for room in found[:8]) or "没有"
                fail(f"要正好一个群叫“{name}”，找到：{named}", WRONG_USE)
            greeting = welcome.of(found[0].row, text, ctx)
        click.echo(f"{greeting.text}\n{greeting.link}".strip())
        if greeting.wrong:
            fail(greeting.wrong)
        if not push:
            click.echo("只是预览；加 --push 建成模板，或把上面的话贴进群公告。")
            return
        try:
            key = asyncio.run(_push(config, greeting.body))
        except WeComError as error:
            fail(f"没有建成：{error} {error.cure}".strip(), BROKEN)
    click.echo(f"模板建好了（{key}）。{welcome.CHOOSE}")


async def _push(config: Config, body: dict[str, object]) -> str:
    ids = server.keys(config)
    async with aiohttp.ClientSession() as session, server.shelf(config) as shelf:
        client = Client(session, config.wecom.api_base, ids.corp_id, WallClock().now, shelf)
        path = "externalcontact/group_welcome_template/add"
        given = {**body, "agentid": ids.agent_id}
        answer = await client.call(ids.contact_secret, "POST", path, json=given)
        return str(answer.get("template_id", ""))
