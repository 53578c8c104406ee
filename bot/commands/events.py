"""events import: archived messages from a file take the same way as those that are pulled."""

import asyncio
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

import aiohttp
import click
from rich.console import Console
from rich.progress import Progress

from bot import library, server, stores
from bot.archive import messages
from bot.clock import WallClock
from bot.commands.common import BROKEN, WRONG_USE, Options, fail, json_option, told
from bot.config import Config
from bot.server import Keys, Running
from storage import archive, inbox
from storage.db import Db, number

CHUNK = 500  # messages that share a commit
LONGEST = 16 * 1024 * 1024  # bytes of a line; the longest forwarded chat is far below
SHOWN = 20  # problems that are told one by one


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[int, str]] = field(default_factory=list)
    bytes: int = 0
    server: bool = False  # it will handle them

    def wrong(self, line: int, said: str) -> None:
        self.counts["bad"] += 1
        if len(self.problems) < SHOWN:
            self.problems.append((line, said))


@click.group()
def events() -> None:
    """聊天记录。"""


@events.command("import")
@click.argument("file", metavar="FILE")
@click.option("--dry-run", is_flag=True, help="只检查，不写入")
@json_option
@click.pass_obj
def import_(options: Options, file: str, dry_run: bool, as_json: bool) -> None:
    """导入导出的会话存档消息，一行一个 JSON；FILE 写 - 就从标准输入读。"""
    with told():
        config = options.load()
        with _source(file) as source, _bar(source, as_json) as shown:
            found = Tally()
            read = lines(source, found)
            if dry_run:
                _check(config, read, found, shown)
            else:
                _take(config, read, found, shown)
    _report(found, dry_run, as_json)
    if found.counts["bad"] or found.counts["failed"]:
        raise SystemExit(BROKEN)


@contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        source = open(file, "rb")  # noqa: SIM115 -- closed below, opened where the error is told
    except OSError as exc:
        fail(f"读不到 {file}（{exc.strerror}）", WRONG_USE)
    with source:
        yield source


Shown = Callable[[Tally], None]


@contextmanager
def _bar(source: BinaryIO, quiet: bool) -> Iterator[Shown]:
    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal
    with Progress(console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("聊天记录", total=_size(source))

        def shown(found: Tally) -> None:
            words = f"聊天记录（{found.counts['lines']} 行）"
            bar.update(task, completed=found.bytes, description=words)

        yield shown


def _size(source: BinaryIO) -> int | None:
    try:
        return os.fstat(source.fileno()).st_size or None
    except OSError:
        return None


# Lines


def lines(source: BinaryIO, found: Tally) -> Iterator[dict[str, Any]]:
    """The good ones; what is wrong with the others is noted."""
    for n, raw in enumerate(iter(lambda: source.readline(LONGEST), b""), 1):
        found.bytes += len(raw)
        found.counts["lines"] = n
        if not raw.strip():
            continue
        if len(raw) == LONGEST and not raw.endswith(b"\n"):
            found.bytes += _skip(source)
            found.wrong(n, f"超过 {LONGEST // 1024 // 1024} MB，应为一条消息一行")
            continue
        data, problem = _message(raw.removeprefix(b"\xef\xbb\xbf"))
        if problem:
            found.wrong(n, problem)
        else:
            yield data


def _skip(source: BinaryIO) -> int:
    """The rest of a line that is too long."""
    size = 0
    while piece := source.readline(LONGEST):
        size += len(piece)
        if piece.endswith(b"\n"):
            break
    return size


def _message(raw: bytes) -> tuple[dict[str, Any], str]:
    try:
        data = json.loads(raw.decode())
    except UnicodeDecodeError:
        return {}, "不是 UTF-8 文字；请把文件另存为 UTF-8"
    except (ValueError, RecursionError):
        seen = raw.decode().strip()[:40]
        return {}, f"不是 JSON：{seen}…；应为一行一个消息对象 {{…}}"
    problem = messages.wrong(data)
    return ({}, problem) if problem else (data, "")


def _chunks(read: Iterator[dict[str, Any]]) -> Iterator[list[inbox.Kept]]:
    while chunk := [_row(data) for data in islice(read, CHUNK)]:
        yield chunk


def _row(data: dict[str, Any]) -> inbox.Kept:
    kept = library.archived(data)
    return inbox.Kept(kept.id, kept.channel, kept.lane, kept.body)


# What is done with them


def _check(config: Config, read: Iterator[dict[str, Any]], found: Tally, shown: Shown) -> None:
    """As importing would count them; of each id a few bytes are remembered."""
    seen: set[bytes] = set()
    with _opened(config) if stores.there(config) else nullcontext() as store:
        for chunk in _chunks(read):
            fresh = {}
            for row in chunk:
                mark = hashlib.blake2b(row.id.encode(), digest_size=8).digest()
                if mark not in seen:
                    fresh[row.id] = row
                seen.add(mark)
            known = archive.known(store, fresh) if store else 0
            found.counts["new"] += len(fresh) - known
            found.counts["duplicates"] += len(chunk) - len(fresh) + known
            shown(found)


@contextmanager
def _opened(config: Config) -> Iterator[Db]:
    store = stores.opened(config)
    try:
        yield store
    finally:
        store.close()


def _take(config: Config, read: Iterator[dict[str, Any]], found: Tally, shown: Shown) -> None:
    with stores.held(config) as first:
        found.server = not first
        asyncio.run(_taken(config, read, found, shown))


async def _taken(
    config: Config, read: Iterator[dict[str, Any]], found: Tally, shown: Shown
) -> None:
    """Nothing is sent from here: what is for people waits in the outbox for the server."""
    ids = Keys(config.wecom.corp_id, 0, "", "", {})
    async with (
        aiohttp.ClientSession() as session,
        server.assemble(config, ids, WallClock(), session) as running,
    ):
        before = await running.writer.do(_failed)
        for chunk in _chunks(read):
            await _put(running, chunk, found)
            while not found.server and await running.app.work():
                continue
            shown(found)
        found.counts["failed"] = await running.writer.do(_failed) - before


async def _put(running: Running, chunk: list[inbox.Kept], found: Tally) -> None:
    now = running.app.clock.now()
    fresh = await running.writer.do(lambda db: sum(inbox.keep(db, row, now) for row in chunk))
    found.counts["new"] += fresh
    found.counts["duplicates"] += len(chunk) - fresh


def _failed(db: Db) -> int:
    sql = "select count(*) from inbox where state = 'failed' and channel = 'archive'"
    return number(db, sql)


# What is told


def _report(found: Tally, dry_run: bool, as_json: bool) -> None:
    names = ("lines", "new", "duplicates", "bad", "failed")
    if as_json:
        body = {name: found.counts[name] for name in names}
        problems = [{"line": line, "said": said} for line, said in found.problems]
        click.echo(json.dumps({**body, "dry_run": dry_run, "left_to_server": found.server,
                               "problems": problems}, ensure_ascii=False))  # fmt: skip
        return
    for line, said in found.problems:
        click.echo(f"第 {line} 行：{said}", err=True)
    if left := found.counts["bad"] - len(found.problems):
        click.echo(f"还有 {left} 行也有问题。", err=True)
    click.echo(_summary(found, dry_run))


def _summary(found: Tally, dry_run: bool) -> str:
    n = found.counts
    head = (
        f"{n['lines']} 行：新的 {n['new']} 条，已有的 {n['duplicates']} 条，有问题的 {n['bad']} 行"
    )
    if dry_run:
        return f"{head}。（只是检查，什么都没写）"
    if found.server:
        return f"{head}。已收下，正在运行的服务会处理。"
    if n["failed"]:
        return f"{head}，没处理成的 {n['failed']} 条；用 salesbot replay 看原因。"
    return f"{head}。已处理完。"
