"""Which store the configuration names: a file of our own, or a PostgreSQL that several share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bot import alone
from bot.config import Config, ConfigError
from bot.writer import Store as Open
from storage import presence
from storage.db import StorageError
from storage.move import Side
from storage.sqlite import Sqlite

SERVERS = ("postgresql://", "postgres://")
MISSING = 'storage.url 是 PostgreSQL，要先安装驱动：pip install "salesbot[postgres]"'


class Store(Open, Side, Protocol):
    """What the commands do with one besides reading and writing."""

    def pending(self) -> list[str]: ...

    def migrate(self) -> list[str]: ...

    def wrong(self) -> tuple[str, str] | None:
        """What may lose data, and the cure; None when all is well."""
        ...

    def backup(self, target: Path) -> None: ...

    def vacuum(self) -> None: ...


class Server(Store, Protocol):
    def set_aside(self, name: str) -> None:
        """Keep everything under another name and begin empty; in a transaction."""
        ...


def shared(config: Config) -> bool:
    """Whether several processes may work on it."""
    return config.storage_url().startswith(SERVERS)


def there(config: Config) -> bool:
    """Whether there is anything to open; a server is always worth a try."""
    return shared(config) or config.database().exists()


def name(config: Config) -> str:
    """How a person calls it; an address may hold a password, so only the database is told."""
    if not shared(config):
        return config.database().name
    return f"PostgreSQL 的 {config.storage_url().partition('?')[0].rpartition('/')[2]}"


def opened(config: Config, *, serial: bool = True) -> Store:
    """As it is, without bringing it up to date."""
    return at(config.storage_url(), config.folder, serial=serial)


def at(url: str, folder: Path, *, serial: bool = True) -> Store:
    if url.startswith(SERVERS):
        return _served(url, serial)
    kind, _, rest = url.partition(":///")
    if kind != "sqlite" or not rest:
        raise ConfigError(
            f"storage.url 是 {url.partition('://')[0]}://…，"
            "支持 sqlite:///相对路径、sqlite:////绝对路径、postgresql://用户@主机/库名"
        )
    return Sqlite(folder / rest)


def _served(url: str, serial: bool) -> Server:
    try:
        from storage.postgres import Postgres
    except ImportError as exc:
        raise StorageError(MISSING) from exc
    return Postgres(url, serial=serial)


@contextmanager
def held(config: Config, *, serving: bool = False) -> Iterator[bool]:
    """True when nobody else works on it: a file has one server, a PostgreSQL may have several."""
    if not shared(config):
        with alone.held(config.database()) as ours:
            yield ours
        return
    store = opened(config, serial=False)
    try:
        yield presence.serve(store) if serving else presence.alone(store)
    finally:
        store.close()


@contextmanager
def server(config: Config) -> Iterator[Server]:
    store = _served(config.storage_url(), serial=True)
    try:
        yield store
    finally:
        store.close()


def current(config: Config, *, serial: bool = True) -> Store:
    """Brought up to date."""
    store = opened(config, serial=serial)
    store.migrate()
    return store
