"""reconcile: compare contacts and customer groups with the platform now, and mend the store."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console
from rich.progress import Progress

from bot import contacts, outbox, server
from bot.clock import Clock, WallClock
from bot.commands.common import BROKEN, Options, context, fail, json_option, opened, told
from bot.config import Config
from bot.stores import Store
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers import reconcile as work
from handlers.context import Ctx
from handlers.values import Action, Ask, Inbound
from storage import reconciles as runs
from storage.db import Db
from storage.reconciles import Run
from storage.sqlite import Sqlite

TRIES = 10
PAUSE_S = 5.0
Sleep = Callable[[float], Awaitable[None]]
Shown = Callable[[Run, Ctx], None]


def _unseen(_: Run, __: Ctx) -> None:
    """Progress that nobody watches."""


class Walk:
    """Asks and takes one answer after the other; each answer is one transaction."""

    def __init__(
        self, store: Db, config: Config, client: Client, clock: Clock, *,
        secret: str, trust: bool = False, sleep: Sleep = asyncio.sleep, shown: Shown = _unseen,
    ) -> None:  # fmt: skip
        self._store = store
        self._ctx = context(store, config, clock.now())
        self._client = client
        self._clock = clock
        self._secret = secret
        self._trust = trust
        self._sleep = sleep
        self._shown = shown

    async def run(self) -> Run:
        """From the beginning, or from where it was cut off; the run when it is over."""
        question = self._act("begin", self._begin)
        while question is not None:
            told = _told(question, await self._answer(question), self._clock.now())
            question = self._act(told.id, partial(work.took, told))
        found = runs.newest(self._store, origin="asked")
        if found is None:
            raise RuntimeError("the run has vanished")
        return found

    def _begin(self, ctx: Ctx) -> Iterator[Action]:
        old = work.resumable(ctx)
        if old and bool(old.counts.get(work.TRUST)) == self._trust:
            return work.go_on(old, ctx)
        return work.start("asked", ctx, trust=self._trust)

    def _act(self, name: str, step: Callable[[Ctx], Iterator[Action]]) -> Ask | None:
        """Decide and record; what is for people waits in the outbox for the running service."""
        now = self._clock.now()
        cause = f"reconcile:{name}" if name != "begin" else f"reconcile:{now.isoformat()}"
        ctx = replace(self._ctx, now=now, cause=cause)
        with self._store.atomic():
            did = list(step(ctx))
            questions = [one for one in did if isinstance(one, Ask)]
            rest: list[Action] = [one for one in did if not isinstance(one, Ask)]
            outbox.put(self._store, ctx.cause, ctx.now, rest)
        run = runs.newest(self._store, origin="asked")
        if run:
            self._shown(run, ctx)
        return questions[0] if questions else None

    async def _answer(self, question: Ask) -> dict[str, Any]:
        """Wait where the platform says so; what was read before is kept."""
        for _ in range(TRIES):
            try:
                return await contacts.fetch(
                    self._client, self._secret, question.call, question.body
                )
            except WeComError as error:
                last = error
                await self._sleep(error.retry_after or PAUSE_S)
        raise last


def _told(question: Ask, answer: dict[str, Any], now: datetime) -> Inbound:
    fields = {**contacts.asked(question), "answer": answer}
    name = f"{contacts.TOLD}:{question.run}:{question.number}"
    return Inbound(name, "contact", "told", "sys", now, fields=fields)


@click.command()
@click.option("--dry-run", is_flag=True, help="在数据库的副本上做，只报告不改")
@click.option("--trust", is_flag=True, help="从列表里整批消失的客户也当作不在了")
@json_option
@click.pass_obj
def reconcile(options: Options, dry_run: bool, trust: bool, as_json: bool) -> None:
    """和企业微信核对好友与客户群，补上回调漏掉的。"""
    with told():
        config = options.load()
        ids = server.keys(config)
        with opened(config) as store, _copied(store, dry_run) as target:
            found = _watched(_Work(target, config, ids, trust), quiet=as_json)
    if found.state == runs.RUNNING:
        fail("另一个 salesbot reconcile 正在做同一件事；等它做完")
    text = work.report(found)
    if dry_run:
        text = f"（只是试算，什么都没改）\n{text}"
    if as_json:
        body = {"state": found.state, "counts": found.counts, "dry_run": dry_run, "text": text}
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        click.echo(text)
    if found.state == runs.FAILED:
        raise SystemExit(BROKEN)


@contextmanager
def _copied(store: Store, wanted: bool) -> Iterator[Db]:
    """The store itself, or a copy that is thrown away: a trial takes the same steps."""
    if not wanted:
        yield store
        return
    with tempfile.TemporaryDirectory(prefix="salesbot-") as folder:
        path = Path(folder) / "copy.db"
        store.backup(path)
        copy = Sqlite(path)
        try:
            yield copy
        finally:
            copy.close()


@dataclass(frozen=True, slots=True)
class _Work:
    store: Db
    config: Config
    ids: server.Keys
    trust: bool


def _watched(wish: _Work, *, quiet: bool) -> Run:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("客户联系", total=None)
        most: dict[str, int] = {}

        def shown(run: Run, ctx: Ctx) -> None:
            name, left = work.progress(run, ctx)
            total = most.setdefault(name, left)
            words = f"{name}（已核对 {run.counts.get('contacts', 0)}）"
            bar.update(task, description=words, total=total, completed=total - left)

        try:
            return asyncio.run(_walked(wish, shown))
        except WeComError as error:
            fail(f"企业微信没有答上来：{error}；再运行一次 salesbot reconcile 会接着做")


async def _walked(wish: _Work, shown: Shown) -> Run:
    clock, config, ids = WallClock(), wish.config, wish.ids
    async with aiohttp.ClientSession() as session, server.shelf(config) as shelf:
        client = Client(session, config.wecom.api_base, ids.corp_id, clock.now, shelf)
        walk = Walk(wish.store, config, client, clock, secret=ids.contact_secret,
                    trust=wish.trust, shown=shown)  # fmt: skip
        return await walk.run()
