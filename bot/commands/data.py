"""migrate, backup, restore, replay: the store."""

import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from bot import stores
from bot.clock import WallClock
from bot.commands.common import WRONG_USE, Options, fail, json_option, opened, show, told
from bot.config import Config
from handlers import privacy
from storage import console, customers, erasure, inbox, outbox, records
from storage import move as moving
from storage.db import Db, Row, StorageError
from storage.sqlite import Sqlite


@click.command()
@click.option("--list", "only_list", is_flag=True, help="只列出还缺的步骤")
@click.option("--from", "source", default="", help="搬家：从哪个库，例如 sqlite:///var/salesbot.db")
@click.option(
    "--to", "target", default="", help="搬到哪个空库，例如 postgresql://bot@host/salesbot"
)
@click.pass_obj
def migrate(options: Options, only_list: bool, source: str, target: str) -> None:
    """把数据库升到当前结构；或用 --from --to 把全部数据搬到另一个库。"""
    if source or target:
        if not (source and target):
            fail("--from 和 --to 要一起写", WRONG_USE)
        with told():
            _move(source, target)
        return
    with told():
        store = stores.opened(options.load())
        steps = store.pending() if only_list else store.migrate()
        store.close()
    for step in steps:
        click.echo(("待执行 " if only_list else "已执行 ") + step)
    if not steps:
        click.echo("数据库已是最新。")


def _move(source: str, target: str) -> None:
    """In one transaction on either side: cut off, nothing has happened."""
    with ExitStack() as closing:
        old, new = (_side(url, closing) for url in (source, target))
        if old.pending():
            raise StorageError("原来的库结构比程序旧，请先对它运行 salesbot migrate")
        new.migrate()
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("搬家", total=moving.total(old))

            def moved(table: str, rows: int) -> None:
                bar.update(task, advance=rows, description=table)

            found = moving.move(old, new, moved)
    click.echo(f"搬了 {len(found)} 张表、{sum(found.values())} 行，逐表核对行数与校验和一致。")
    click.echo("把 config.toml 的 [storage] url 改成新库，再启动 serve；原来的库没有动过。")


def _side(url: str, closing: ExitStack) -> stores.Store:
    store = stores.at(url, Path())
    closing.callback(store.close)
    return store


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(options: Options, file: Path) -> None:
    """备份到一个文件，并打开核对。"""
    with told(), opened(options.load()) as store:
        if file.exists():
            fail(f"{file} 已存在，请换个名字，免得覆盖旧备份")
        store.backup(file)
    _verify(file)
    with told(), opened(options.load()) as store, store.atomic():
        console.backed_up(store, file.stat().st_size, WallClock().now())
    click.echo(f"已备份到 {file}，{file.stat().st_size // 1024} KB，核对完好。")


def _verify(file: Path) -> None:
    """Open what was written: a copy that cannot be read is no backup; an older one is."""
    try:
        copy = Sqlite(file)
        sound = copy.rows("pragma integrity_check")[0]["integrity_check"] == "ok"
        copy.pending()  # refuses what a newer program wrote
        ours = copy.rows("select 1 from sqlite_master where name = 'inbox'")
        copy.close()
    except sqlite3.DatabaseError as exc:
        fail(f"{file} 打不开：{exc}")
    if not sound or not ours:
        fail(f"{file} 不是完好的备份")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.pass_obj
def restore(options: Options, file: Path) -> None:
    """从备份恢复；原来的库改名留着，已发的消息不会再发。"""
    with told():
        config = options.load()
        if stores.shared(config):
            _restore_shared(config, file)
            return
        path = config.database()
        _verify(file)
        found = records.read(records.place(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            kept = path.with_suffix(f".before-{WallClock().now():%Y%m%d%H%M%S}")
            for tail in ("", "-wal", "-shm"):  # the newest rows may still be in the log
                if Path(f"{path}{tail}").exists():
                    Path(f"{path}{tail}").rename(f"{kept}{tail}")
            click.echo(f"原来的库留在 {kept}")
        shutil.copyfile(file, path)
        store = Sqlite(path)
        store.migrate()
        held = outbox.hold_back(store, "恢复自备份，是否已发不确定")
        gone = _erase_again(store, found)
        if found is not None:
            store.vacuum()
        store.close()
    _restored(held, gone)


def _restored(held: int, gone: int) -> None:
    click.echo(f"已恢复。{held} 条待发消息可能已发过，标为待人工确认，不会自动重发。")
    if gone:
        click.echo(f"备份里还有 {gone} 位后来已删除的客户，已再次删除。")


def _restore_shared(config: Config, file: Path) -> None:
    """Into a PostgreSQL: all of it or nothing, and what was there stays beside it."""
    _verify(file)
    aside = f"before_{WallClock().now():%Y%m%d%H%M%S}"
    with ExitStack() as closing, tempfile.TemporaryDirectory(prefix="salesbot-") as folder:
        if not closing.enter_context(stores.held(config)):
            fail("还有 serve 在运行，请先全部停下再恢复")
        store = closing.enter_context(stores.server(config))
        copied = Path(folder) / "backup.db"
        shutil.copyfile(file, copied)
        copy = _side(f"sqlite:///{copied}", closing)
        copy.migrate()  # it may have been written by an older program
        with store.atomic():
            found = _forgotten(store)
            store.set_aside(aside)
            store.migrate()
            moving.move(copy, store, lambda _, __: None)
            held = outbox.hold_back(store, "恢复自备份，是否已发不确定")
            gone = _erase_again(store, found)
    click.echo(f"原来的库留在模式 {aside}")
    _restored(held, gone)


def _forgotten(store: stores.Store) -> tuple[str, list[Row]] | None:
    """Who was erased in the store that is put aside."""
    if store.pending():
        return None
    rows = erasure.records(store)
    return (erasure.key(store).hex(), rows) if rows else None


def _erase_again(store: Db, found: tuple[str, list[Row]] | None) -> int:
    """Whoever was forgotten after the backup was made is forgotten in it too."""
    if found is None:
        return 0
    again = [c for i in erasure.adopt(store, *found) if (c := customers.get(store, i))]
    for customer in again:
        erasure.erase(store, privacy.person(customer, store))
    return len(again)


def _unsent(row: Mapping[str, str]) -> dict[str, str]:
    """A parcel that was given up, in the columns of a message that failed."""
    return {"received_at": row["created_at"], "channel": f"发出 {row['kind']}",
            "lane": row["target"], "error": row["error"], "id": row["id"]}  # fmt: skip


@click.command()
@click.option("--failed", is_flag=True, help="把失败的消息重新处理，把放弃的发送再试一轮")
@click.option("--dry-run", is_flag=True, help="只看不动")
@json_option
@click.pass_obj
def replay(options: Options, failed: bool, dry_run: bool, as_json: bool) -> None:
    """看失败的消息，或重新处理它们；正在运行的服务会接着处理。"""
    with told(), opened(options.load()) as store:
        rows = inbox.dead(store)
        columns = {
            "received_at": "时间",
            "channel": "通道",
            "lane": "谁",
            "error": "原因",
            "id": "编号",
        }
        show([*rows, *map(_unsent, outbox.given_up(store))], columns, as_json=as_json)
        if failed and not dry_run:
            with store.atomic():
                again = sum(inbox.retry(store, row["id"]) for row in rows)
                sends = outbox.revive(store, WallClock().now())
            if not as_json:
                click.echo(f"{again} 条消息排回队列，{sends} 条发送再试一轮。")
