"""tag, suggest, scripts: understanding and the script library."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from bot import library
from bot.clock import WallClock
from bot.commands.common import (
    BROKEN,
    WRONG_USE,
    Options,
    fail,
    json_option,
    opened,
    show,
    told,
)
from nlp import tag as tagging
from nlp.explain import underline
from nlp.lexicon import Lexicon, LexiconError
from scriptbank import suggest as suggesting
from scriptbank import tables
from scriptbank.bank import ENOUGH, Bank
from scriptbank.lint import lint as lint_scripts
from scriptbank.script import Script
from storage import rules
from storage import scripts as script_rows

KINDS = (".toml", ".xlsx", ".csv")


def _lines(path: Path | None) -> Iterator[str]:
    """The lines of a file or of standard input, bad UTF-8 shown as such."""
    if path is None or str(path) == "-":
        yield from (line for line in sys.stdin if line.strip())
        return
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from (line for line in file if line.strip())
    except OSError as exc:
        fail(f"读不到 {path}：{exc.strerror}", WRONG_USE)


def _write(rows: Iterable[dict[str, Any]]) -> None:
    """A line each; exit code 1 when any of them is an error."""
    bad = False
    for row in rows:
        bad = bad or "error" in row
        click.echo(json.dumps(row, ensure_ascii=False))
    if bad:
        raise SystemExit(BROKEN)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--explain", is_flag=True, help="画出是哪些字")
def tag(file: Path | None, explain: bool) -> None:
    """读懂客户的话：JSONL 进，JSONL 出。"""
    now = WallClock().now()
    lexicon = library.shipped_lexicon()
    if not explain:
        _write(tagging.lines(lexicon, _lines(file), now))
        return
    for line in _lines(file):
        try:
            click.echo(underline(tagging.understood(lexicon, json.loads(line), now)))
        except ValueError as exc:
            fail(f"这一行读不懂：{exc}")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--bank", type=click.Path(path_type=Path), help="JSONL 话术库；不给就用存储里的")
@click.option("-k", default=3, show_default=True, help="要几条")
@click.option("--learn", type=click.Path(path_type=Path), help="先从这些配对里学")
@click.option("--stats", is_flag=True, help="在标准错误上给出用时和内存")
@click.pass_obj
def suggest(
    options: Options, file: Path | None, bank: Path | None, k: int, learn: Path | None, stats: bool
) -> None:
    """给客户的话找话术：JSONL 进，JSONL 出。"""
    with told():
        shelf = _lines(bank) if bank else _stored(options)
        _write(suggesting.lines(shelf, _lines(file), k, _lines(learn) if learn else None, stats))


def _stored(options: Options) -> Bank:
    """The scripts of the store that may be shown today."""
    today = WallClock().now().date()
    with opened(options.load()) as store:
        return Bank(s for s in library.stored(store) if s.live(today))


@click.group()
def lexicon() -> None:
    """词库。"""


@lexicon.command("lint")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True))
def lint_lexicon(folder: Path | None) -> None:
    """检查词库文件；错在哪个文件哪一行都会指出。"""
    try:
        found = Lexicon.load(folder)
    except LexiconError as exc:
        fail(str(exc))
    click.echo(f"词库没有错，共 {len(found.rules)} 条规则。")


@lexicon.command("try")
@click.argument("text")
def try_(text: str) -> None:
    """读一句话，画出是哪些字、哪条规则。"""
    click.echo(underline(library.shipped_lexicon().read(text, at=WallClock().now())))


@lexicon.command()
@json_option
@click.pass_obj
def hits(options: Options, as_json: bool) -> None:
    """每条规则用过几次；从没用过的排在最后。"""
    with told():
        config = options.load()
        with opened(config) as store:
            used = {row["rule"]: row for row in rules.hits(store)}
        names = library.lexicon(config).rules
    unused = [{"rule": name, "hits": 0, "last_at": ""} for name in sorted(names - used.keys())]
    columns = {"rule": "规则", "hits": "次数", "last_at": "最近一次"}
    show([*used.values(), *unused], columns, as_json=as_json)


@click.group()
def scripts() -> None:
    """话术库。"""


@scripts.command("import")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="只看会改什么")
@click.pass_obj
def import_(options: Options, file: Path | None, dry_run: bool) -> None:
    """从 toml、xlsx 或 csv 导入；不给文件就导入自带的演示库。"""
    with told():
        found = tuple(tables.read(file)) if file else library.shipped()
        with opened(options.load()) as store:
            known = {s.id for s in library.stored(store)}
            new = sum(s.id not in known for s in found)
            if dry_run:
                click.echo(f"会新增 {new} 条，核对 {len(found) - new} 条已有的。")
                return
            changed = 0
            with store.atomic():
                steps = track(found, description="导入", console=Console(stderr=True))
                for script in steps:
                    changed += library.save(store, (script,), WallClock().now())
    click.echo(
        f"导入 {len(found)} 条：新增 {new}，改动 {changed - new}，没变 {len(found) - changed}。"
    )


@scripts.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def export(options: Options, file: Path) -> None:
    """导出成 toml、xlsx 或 csv，改完可再导入。"""
    if file.suffix not in KINDS:
        fail(f"{file.name} 的后缀要是 {'、'.join(KINDS)} 之一", WRONG_USE)
    with told(), opened(options.load()) as store:
        found = library.stored(store)
        tables.write(file, found)
    click.echo(f"导出 {len(found)} 条到 {file}")


@scripts.command()
@click.option("--days", default=30, show_default=True, help="看最近多少天")
@json_option
@click.pass_obj
def stats(options: Options, days: int, as_json: bool) -> None:
    """每条话术展示、采用、被拒多少次。"""
    with told(), opened(options.load()) as store:
        titles = {s.id: s.title for s in library.stored(store)}
        used = script_rows.usage(store, WallClock().now() - timedelta(days=days))
    rows = [{**r, "title": titles.get(r["script"], "（已删除）"),
             "rate": f"{r['adopted'] / r['shown']:.0%}" if r["shown"] >= ENOUGH else "样本不足"}
            for r in sorted(used, key=lambda r: (-r["adopted"], r["script"]))]  # fmt: skip
    columns = {"script": "编号", "title": "标题", "shown": "展示", "adopted": "采用",
               "refused": "不合适", "rate": "采用率"}  # fmt: skip
    show(rows, columns, as_json=as_json)


@scripts.command()
@click.option("--days", default=7, show_default=True, help="看最近多少天")
@json_option
@click.pass_obj
def gaps(options: Options, days: int, as_json: bool) -> None:
    """答不上来的问题，问得多的在前。"""
    with told(), opened(options.load()) as store:
        found = script_rows.gaps(store, WallClock().now() - timedelta(days=days))
    counts = Counter((row["question"], row["reason"]) for row in found)
    rows = [{"question": q, "reason": why, "times": n} for (q, why), n in counts.most_common()]
    show(rows, {"question": "问题", "reason": "原因", "times": "次数"}, as_json=as_json)


@scripts.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def lint(options: Options, file: Path | None, as_json: bool) -> None:
    """挑毛病：违禁词、没来源的数字、过期、重复、未知变量。"""
    with told():
        found: Iterable[Script] = tables.read(file) if file else library.shipped()
        problems = lint_scripts(found, WallClock().now().date())
    show([{"said": str(p)} for p in problems], {"said": "问题"}, as_json=as_json)
    if problems:
        raise SystemExit(BROKEN)
