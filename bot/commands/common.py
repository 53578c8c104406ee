"""What the subcommands share: errors as one sentence, tables or JSON, an opened store."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from bot import config, library, stores
from bot.app import Knowledge
from bot.clock import WallClock
from bot.config import Config, ConfigError
from bot.plain import LINES, harmless
from bot.stores import Store
from handlers.audience import AudienceError
from handlers.cadence_table import CadenceError
from handlers.context import Ctx
from handlers.dictionary import DictionaryError
from handlers.team import Team
from nlp.lexicon import LexiconError
from nlp.model import ModelError
from nlp.train import LabelError
from scriptbank.bank import Bank
from scriptbank.problems import LoadError
from storage.db import Db, StorageError

BROKEN, WRONG_USE = 1, 2


@dataclass(frozen=True, slots=True)
class Options:
    """What stands before the subcommand."""

    config: Path

    def load(self) -> Config:
        return config.load(self.config)


def fail(message: str, code: int = BROKEN) -> NoReturn:
    click.echo(harmless(message, LINES), err=True)
    sys.exit(code)


@contextmanager
def told() -> Iterator[None]:
    """Turn what can go wrong into one plain sentence and the right exit code."""
    try:
        yield
    except ConfigError as exc:
        fail(str(exc), WRONG_USE)
    except (StorageError, LoadError, LexiconError, LabelError, ModelError, DictionaryError,
            AudienceError, CadenceError) as exc:  # fmt: skip
        fail(str(exc))


def show(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool) -> None:
    """A table for people, JSON for programs; `columns` maps keys to headings."""
    if as_json:
        click.echo(json.dumps([dict(r) for r in rows], ensure_ascii=False, default=str))
        return
    table = Table()
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(key)) for key in columns))
    Console().print(table)


def _cell(value: Any) -> str:
    """Literal text: a nickname in brackets is no markup of ours, and none paints the screen."""
    return "" if value is None else harmless(str(value), LINES).replace("[", "\\[")


json_option = click.option("--json", "as_json", is_flag=True, help="机器可读的 JSON")
for_option = click.option("--for", "userid", required=True, help="以谁的身份看（userid）")
at_option = click.option("--at", "at", default="", help="在什么时刻看，ISO 时间，默认现在")


def moment(text: str, zone: str) -> datetime:
    """The time asked for, in the business zone when it names none; now when it is empty."""
    if not text:
        return WallClock().now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at 是 {text!r}，应为 ISO 时间，例如 2026-03-06T08:45", WRONG_USE)
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))


@contextmanager
def opened(settings: Config) -> Iterator[Store]:
    """The store as it is; one that lacks steps says so instead of failing half-way."""
    if not stores.there(settings):
        path = settings.database()
        raise StorageError(f"还没有数据库 {path}；请先运行 salesbot migrate 或 salesbot serve")
    store = stores.opened(settings)
    try:
        if store.pending():
            raise StorageError("数据库的结构比程序旧，请先运行 salesbot migrate")
        yield store
    finally:
        store.close()


def context(store: Db, settings: Config, now: datetime) -> Ctx:
    """What a handler would see at that time."""
    know = Knowledge(library.lexicon(settings), Bank(library.stored(store)), ())
    return Ctx(db=store, now=now, lexicon=know.lexicon, bank=know.bank, rng=Random(0),
               settings=settings.settings, team=Team(settings.settings),
               cause=f"cli:{now.isoformat()}", tags=library.tags(settings),
               audiences=library.audiences(settings))  # fmt: skip
