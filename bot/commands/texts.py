"""tag, train, suggest, lexicon: understanding, and what answers it."""

import json
import sys
from collections.abc import Iterable, Iterator
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
from nlp import evaluate as evaluating
from nlp import tag as tagging
from nlp import train as training
from nlp.explain import underline
from nlp.lexicon import Lexicon, LexiconError
from nlp.lint import warnings
from nlp.model import Model
from scriptbank import suggest as suggesting
from scriptbank.bank import Bank
from storage import rules


def _lines(path: Path | None) -> Iterator[str]:
    """The lines of a file or of standard input, bad UTF-8 shown as such."""
    if path is None or str(path) == "-":
        given = (line.decode("utf-8", errors="replace") for line in sys.stdin.buffer)
        yield from (line for line in given if line.strip())
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
@click.option("--model", type=click.Path(path_type=Path), help="salesbot train 写出的目录")
@click.option("--explain", is_flag=True, help="画出是哪些字")
def tag(file: Path | None, model: Path | None, explain: bool) -> None:
    """读懂客户的话：JSONL 进，JSONL 出。"""
    now = WallClock().now()
    lexicon = library.shipped_lexicon()
    with told():
        learnt = Model.load(model) if model else None
    if not explain:
        _write(tagging.lines(lexicon, _lines(file), now, learnt))
        return
    for line in _lines(file):
        try:
            click.echo(underline(tagging.understood(lexicon, json.loads(line), now, learnt)))
        except (ValueError, AttributeError) as exc:
            fail(f"这一行读不懂：{exc}")


@click.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="写到哪个目录")
def train(labels: Path, out: Path) -> None:
    """用自己公司的标注再学一层；写出的目录给 tag --model 和 nlp.model 用。"""
    with told():
        lines = track(list(_lines(labels)), description="读标注", console=Console(stderr=True))
        for row in training.train(lines, out, library.shipped_lexicon()):
            click.echo(row)
    click.echo(
        f"已写到 {out}；在 config.toml 的 [nlp] model 填上它，或用 salesbot tag --model {out}"
    )


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


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), help="salesbot train 写出的目录")
def evaluate(file: Path, model: Path | None) -> None:
    """拿标注好的 JSONL 打分：准确率、召回率、F1、混淆表和错例。"""
    with told():
        learnt = Model.load(model) if model else None
    report = evaluating.evaluate(library.shipped_lexicon(), _lines(file), learnt)
    click.echo(evaluating.render(report))
    if report.errors:
        raise SystemExit(BROKEN)


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
    said = warnings(folder)
    for sentence in said:
        click.echo(sentence)
    click.echo(f"词库没有错，共 {len(found.rules)} 条规则，{len(said)} 处提醒。")


@lexicon.command("try")
@click.argument("text")
@click.pass_obj
def try_(options: Options, text: str) -> None:
    """读一句话，画出是哪些字、哪条规则；有配置就用公司自己的词库。"""
    with told():
        own = library.lexicon(options.load()) if options.config.exists() else None
    found = own or library.shipped_lexicon()
    click.echo(underline(found.read(text, at=WallClock().now())))


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
