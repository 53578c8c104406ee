"""tags: the dictionary of tags, and how well they work."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bot import library
from bot.commands.common import (
    Options,
    at_option,
    context,
    json_option,
    moment,
    opened,
    show,
    told,
)
from handlers import dictionary, health
from handlers.dictionary import KINDS, Condition, Dictionary, Tag
from handlers.health import Filled
from handlers.words import POLARITY, share
from nlp.labels import CONCERNS, INTENTS, SLOTS


@click.group(invoke_without_command=True)
@at_option
@json_option
@click.pass_context
def tags(click_ctx: click.Context, at: str, as_json: bool) -> None:
    """标签：每组有多少客户有、有多新、哪些从来没有人有。"""
    if click_ctx.invoked_subcommand is None:
        _health(click_ctx.obj, at, as_json)


def _health(options: Options, at: str, as_json: bool) -> None:
    with told():
        config = options.load()
        with opened(config) as store:
            now = moment(at, config.server.timezone)
            found = health.measure(context(store, config, now))
    rows = [_row(f) for f in found.groups]
    if as_json:
        show([*rows, {"group": "", "silent": list(found.silent)}], {}, as_json=True)
        return
    columns = {"kind": "类", "name": "组", "tags": "标签", "used": "有人有", "filled": "填充率",
               "bearers": "人数", "fresh": "30天内", "age": "天前",
               "confidence": "把握"}  # fmt: skip
    show(rows, columns, as_json=False)
    click.echo(f"共 {found.customers} 位客户。现在没有一位客户有的标签 {len(found.silent)} 个：")
    click.echo("、".join(found.silent) or "无")


def _row(f: Filled) -> dict[str, Any]:
    return {
        "group": f.group.code, "kind": KINDS[f.group.kind], "name": f.group.name, "tags": f.tags,
        "used": f.used, "filled": _share(f.bearers, f.customers), "fresh": _share(f.fresh, f.held),
        "age": f.age, "confidence": round(f.confidence, 2), "bearers": f.bearers,
        "customers": f.customers,
    }  # fmt: skip


def _dictionary(options: Options) -> Dictionary:
    """The one of the configuration; without a configuration the one that ships."""
    return library.tags(options.load()) if options.config.exists() else dictionary.shipped()


def _share(part: int, whole: int) -> str:
    """How many they are stands in a column of its own."""
    return share(part, whole).partition("（")[0]


@tags.command("list")
@click.option("--group", "code", default="", help="只看一组，例如 intent")
@json_option
@click.pass_obj
def list_(options: Options, code: str, as_json: bool) -> None:
    """字典里的每个标签：属于哪组、凭什么、留多久。"""
    with told():
        found = _dictionary(options)
    rows = [{"name": t.name, "group": found.groups[t.group].name, "days": t.days,
             "rule": rule(t)} for t in found.tags.values() if code in ("", t.group)]  # fmt: skip
    columns = {"name": "标签", "group": "组", "days": "留几天", "rule": "凭什么"}
    show(rows, columns, as_json=as_json)


def rule(tag: Tag) -> str:
    """What gives a tag, in words."""
    parts = "或".join(_condition(c) for c in tag.when)
    least = f"（权重满{tag.least}）" if tag.least > 1 else ""
    beats = f"，且重于{tag.beats}" if tag.beats else ""
    unless = f"，没有{'、'.join(tag.unless)}时" if tag.unless else ""
    return f"{parts}{least}{beats}{unless}"


def _condition(c: Condition) -> str:
    often = f"{c.mentions}次以上" if c.mentions > 1 else ""
    weight = f"×{c.weight}" if c.weight > 1 else ""
    return f"{_what(c)}{often}{weight}"


def _what(c: Condition) -> str:
    if c.basis == "concern":
        return CONCERNS[c.code] + ("" if c.polarity is None else f"（{POLARITY[c.polarity]}）")
    if c.basis == "slot":
        bounds = f"{c.low:g}到{c.high:g}" if c.low and c.high else _bound(c)
        return f"{SLOTS[c.code]}{c.value or bounds}"
    if c.basis == "count":
        names = {"messages": "说话", "checkins": "签到", "silent": "没说话的天数"}
        return f"{f'{c.within}天内' if c.within else ''}{names[c.code]}"
    code = c.code or "任何人"
    said = {"intent": f"意图{INTENTS.get(code, code)}", "signal": f"{code}级信号",
            "event": f"发生{code}", "touch": f"来自{code}", "about": f"替{code}问",
            "preference": f"偏好题选了{code}"}  # fmt: skip
    return said[c.basis]


def _bound(c: Condition) -> str:
    return f"超过{c.low:g}" if c.low else f"不超过{c.high:g}" if c.high else ""


@tags.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def lint(options: Options, file: Path | None) -> None:
    """检查标签字典；错在哪个文件哪一行哪个字段都会指出。"""
    with told():
        found = dictionary.load(file) if file else _dictionary(options)
    said: Sequence[str] = dictionary.warnings(found)
    for sentence in said:
        click.echo(sentence)
    click.echo(f"标签字典没有错，{len(found.groups)} 组共 {len(found.tags)} 个标签，"
               f"{len(said)} 处提醒。")  # fmt: skip
