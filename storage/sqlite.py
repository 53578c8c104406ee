"""The embedded store: SQLite in WAL mode, every commit on disk before it returns."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlite_utils

from storage import erasure, records
from storage.db import Row, StorageError, stamp
from storage.schema import migrations


class Sqlite:
    """One connection, usable in the thread that opened it."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the file; None keeps everything in memory."""
        self._path = path
        self._erased: int | None = None  # the newest erasure that is noted beside the store
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path or ":memory:", timeout=3, cached_statements=512)
            self._db = sqlite_utils.Database(connection)
            self._conn = self._db.conn
            self._conn.execute("pragma journal_mode = wal")
            # NORMAL would lose acknowledged rows at a power cut; WeCom does not send them again.
            self._conn.execute("pragma synchronous = full")
            self._conn.execute("pragma secure_delete = on")
        except (OSError, sqlite3.Error) as exc:
            raise StorageError(f"数据库 {path} 打不开：{exc}。请检查路径、权限与磁盘空间") from exc

    def rows(self, sql: str, /, **params: Any) -> list[Row]:
        cursor = self._conn.execute(sql, _bound(params))
        found = cursor.fetchall()
        if not found:  # as most questions of a tick are answered
            return []
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def run(self, sql: str, /, **params: Any) -> int:
        if self._conn.in_transaction:
            return self._conn.execute(sql, _bound(params)).rowcount
        return self._db.execute(sql, _bound(params)).rowcount

    def many(self, sql: str, params: Iterable[Mapping[str, Any]], /) -> None:
        with self.atomic():
            self._conn.executemany(sql, [_bound(p) for p in params])

    def stream(self, sql: str, /) -> Iterator[Row]:
        """Row after row, for tables that do not fit into memory."""
        cursor = self._conn.execute(sql)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def fill(self, table: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
        """Put many rows into an empty table."""
        names = tuple(columns)
        sql = f"insert into {table} ({', '.join(names)}) values ({', '.join('?' for _ in names)})"
        self._conn.executemany(sql, (tuple(row) for row in rows))

    def number_on(self) -> None:
        """Numbers follow the highest one anyway."""

    @contextmanager
    def atomic(self) -> Iterator[None]:
        if self._conn.in_transaction:
            with self._point():
                yield
            return
        # At once: one that reads first and writes later is refused when another process wrote.
        self._conn.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._conn.rollback()
            raise
        self._conn.commit()

    @contextmanager
    def _point(self) -> Iterator[None]:
        """A transaction within one; of several points of one name the newest is meant, and a name
        that is always the same is prepared once."""
        self._conn.execute("savepoint within")
        try:
            yield
        except BaseException:
            if self._conn.in_transaction:  # an error of the drive may have ended all of it
                self._conn.execute("rollback to within")
                self._conn.execute("release within")
            raise
        self._conn.execute("release within")

    def pending(self) -> list[str]:
        """Names of the steps that this store still lacks."""
        known = {step.name for step in migrations._migrations}
        newer = [done.name for done in migrations.applied(self._db) if done.name not in known]
        if newer:
            raise StorageError(f"数据库由更新的版本写成（含步骤 {newer[-1]}），请用新版程序打开")
        return [step.name for step in migrations.pending(self._db)]

    def migrate(self) -> list[str]:
        """Bring the schema up to date; returns the steps that were applied."""
        steps = self.pending()
        with self._db.atomic():  # its table and its index, or neither
            migrations.ensure_migrations_table(self._db)
        migrations.apply(self._db)
        return steps

    def wrong(self) -> tuple[str, str] | None:
        """What may lose data, and the cure; None when all is well."""
        if self.rows("pragma quick_check")[0]["quick_check"] == "ok":
            return None
        return "数据库文件损坏", "用 salesbot restore 恢复最近的备份"

    def backup(self, target: Path) -> None:
        """A consistent copy, taken while the store is in use."""
        try:
            with closing(sqlite3.connect(target)) as copy:
                self._conn.backup(copy)
        except sqlite3.Error as exc:
            raise StorageError(f"备份写不进 {target}：{exc}。请检查路径、权限与磁盘空间") from exc

    def settle(self) -> None:
        """After a commit: whoever was erased leaves the log too, and the record outlives the file.

        The record holds keyed marks, no ids, so that a backup from before it can be cleaned.
        """
        row = self._conn.execute("select coalesce(max(rowid), 0) from erasures").fetchone()
        if row[0] == self._erased:
            return
        if row[0] and self._path is not None:
            records.write(records.place(self._path), erasure.key(self).hex(), erasure.records(self))
            self._conn.execute("pragma wal_checkpoint(truncate)")
        self._erased = row[0]  # only now: what could not be written is tried at the next commit

    def vacuum(self) -> None:
        """Write the file anew, without a byte of what was deleted."""
        self._conn.execute("vacuum")
        self._conn.execute("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        self._db.close()


def _bound(params: Mapping[str, Any]) -> dict[str, Any]:
    return {k: stamp(v) if isinstance(v, datetime) else v for k, v in params.items()}
