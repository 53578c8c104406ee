"""The store for several processes: PostgreSQL, each transaction as if it were alone."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import RawCursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import DictRow, dict_row
from psycopg.types.numeric import Int8Dumper

from storage import dialect, move
from storage.db import Again, Row, StorageError, stamp
from storage.presence import ALONE, FAMILY, STEPS
from storage.schema import migrations
from storage.sqlite import Sqlite

OPTIONS = (
    "-c statement_timeout=60s -c idle_in_transaction_session_timeout=120s "
    "-c synchronous_commit=on"
)  # what was answered is on disk, whatever the database says
# Every look-up has its index; without it, a small table read as a whole would count as read
# by everybody, and each would have to wait for the others.
PLANNER = "-c enable_seqscan=off"
CONNECT_S = 5
OLDEST = 14  # the release that its makers still mend
SAFE = ("fsync", "full_page_writes")
PREPARED = 500
BEGIN = {
    True: "begin isolation level serializable; "
          f"select pg_advisory_xact_lock_shared({FAMILY}, {ALONE})",
    False: "begin isolation level read committed",
}  # fmt: skip
TRIES = 3  # in vain, then the next one is done alone
RACED = ("40001", "40P01", "55P03")  # could not serialize, deadlock, lock not available
TAKEN = "23505"  # a key that another process has just used, or a mistake of ours


class _Whole(Loader):
    """Sums of integers are integers, as in SQLite; averages are floats."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return float(text) if b"." in text or text == b"NaN" else int(text)


class _Flag(Loader):
    """A comparison is 1 or 0, as in SQLite."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class Postgres:
    """One connection, opened anew when it was lost; usable in the thread that opened it."""

    def __init__(self, url: str, *, serial: bool = True) -> None:
        """`serial`: transactions hold as if they had run one after another; Again where not."""
        self._url = url
        self._serial = serial
        self._spelt: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._depth = 0
        self._unset: list[str] = []  # names of savepoints that nothing was done after yet
        self._vain = 0  # how often in a row we had to begin again
        self._conn = self._connected()

    def _connected(self) -> "psycopg.Connection[DictRow]":
        try:
            conn = psycopg.connect(
                self._url, autocommit=True, row_factory=dict_row, cursor_factory=RawCursor,
                connect_timeout=CONNECT_S, options=f"{OPTIONS} {PLANNER if self._serial else ''}",
            )  # fmt: skip
        except psycopg.Error as exc:
            raise StorageError(f"连不上 PostgreSQL：{_line(exc)}。请检查地址、账号和网络") from exc
        if conn.info.encoding != "utf-8":
            conn.close()
            raise StorageError("PostgreSQL 的库不是 UTF8 编码，请用 encoding 'UTF8' 重建一个")
        conn.prepared_max = PREPARED
        conn.adapters.register_dumper(int, Int8Dumper)
        conn.adapters.register_loader("numeric", _Whole)
        conn.adapters.register_loader("bool", _Flag)
        return conn

    def rows(self, sql: str, /, **params: Any) -> list[Row]:
        return self._execute(sql, params).fetchall()

    def run(self, sql: str, /, **params: Any) -> int:
        return self._execute(sql, params).rowcount

    def many(self, sql: str, params: Iterable[Mapping[str, Any]], /) -> None:
        spelt, names = self._spelling(sql)
        with self.atomic(), _raised(self):
            self._set()
            rows = [[_bound(p[name]) for name in names] for p in params]
            self._conn.cursor().executemany(spelt.encode(), rows)

    def stream(self, sql: str, /) -> Iterator[Row]:
        """Row after row, for tables that do not fit into memory; in a transaction."""
        with _raised(self), psycopg.RawServerCursor(self._conn, "stream") as cursor:
            cursor.itersize = 2000
            yield from cursor.execute(sql.encode())

    def fill(self, table: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
        """Put many rows into an empty table."""
        sql = f"copy {table} ({', '.join(columns)}) from stdin"
        self._set()
        self._say("set local statement_timeout = 0")
        with _raised(self), self._conn.cursor().copy(sql.encode()) as copy:
            for row in rows:
                copy.write_row([_bound(value) for value in row])

    def _execute(self, sql: str, params: Mapping[str, Any]) -> "psycopg.Cursor[DictRow]":
        spelt, names = self._spelling(sql)
        if not self._depth:
            self._reopen()
        self._set()
        with _raised(self):
            return self._conn.execute(spelt.encode(), [_bound(params[name]) for name in names])

    def _spelling(self, sql: str) -> tuple[str, tuple[str, ...]]:
        if sql not in self._spelt:
            if len(self._spelt) > 2 * PREPARED:  # lists of names make new statements for ever
                self._spelt.clear()
            self._spelt[sql] = dialect.query(sql)
        return self._spelt[sql]

    @contextmanager
    def atomic(self) -> Iterator[None]:
        if self._depth:
            with self._savepoint():
                yield
            return
        alone = self._begin()
        self._depth = 1
        self._unset.clear()
        try:
            yield
        except BaseException as exc:
            self._depth = 0
            self._undo(exc)
            raise
        else:
            self._depth = 0
            self._commit()
        finally:
            if alone and not self._conn.closed:
                self._say(f"select pg_advisory_unlock({FAMILY}, {ALONE})")

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        name = f"s{self._depth}"
        self._depth += 1
        self._unset.append(name)
        try:
            yield
        except Again:
            raise  # the whole of it is done once more
        except BaseException:
            self._leave(name, f"rollback to savepoint {name}; release savepoint {name}")
            raise
        else:
            self._leave(name, f"release savepoint {name}")
        finally:
            self._depth -= 1

    def _leave(self, name: str, words: str) -> None:
        if name in self._unset:
            self._unset.remove(name)
        elif not self._conn.closed:
            self._say(words)

    def _set(self) -> None:
        """Savepoints are set when something is to be done after them: most of a tick asks once."""
        if self._unset:
            names, self._unset = self._unset, []
            self._say("; ".join(f"savepoint {name}" for name in names))

    def _begin(self) -> bool:
        """True when it is done alone: whoever was overtaken again and again gets through."""
        self._reopen()
        try:
            return self._began()
        except Again:
            self._reopen()  # found out only now that the server was started anew
            return self._began()

    def _began(self) -> bool:
        alone = self._serial and self._vain >= TRIES
        if alone:
            self._say(f"select pg_advisory_lock({FAMILY}, {ALONE})")
        self._say(BEGIN[self._serial])
        return alone

    def _commit(self) -> None:
        try:
            self._conn.execute(b"commit", prepare=False)
        except psycopg.Error as exc:
            if exc.sqlstate in RACED:
                self._vain += 1
                raise Again(f"数据库请求重做：{_line(exc)}") from exc
            # The answer was lost, so nobody knows: told, not done twice.
            raise StorageError(f"提交时数据库断开，结果不明：{_line(exc)}") from exc
        self._vain = 0

    def _undo(self, why: BaseException) -> None:
        self._vain = self._vain + 1 if isinstance(why, Again) else 0
        if not self._conn.closed:
            with _raised(self):
                self._conn.execute(b"rollback", prepare=False)

    def _say(self, words: str) -> None:
        with _raised(self):
            self._conn.execute(words.encode(), prepare=False)

    def _reopen(self) -> None:
        if self._conn.closed:
            self._conn = self._connected()

    def pending(self) -> list[str]:
        """Names of the steps that this store still lacks."""
        known = [step.name for step in migrations._migrations]
        done = self._done()
        if newer := [name for name in done if name not in known]:
            raise StorageError(f"数据库由更新的版本写成（含步骤 {newer[-1]}），请用新版程序打开")
        return [name for name in known if name not in done]

    def _done(self) -> list[str]:
        if not self.rows("select 1 as found where to_regclass('schema_steps') is not null"):
            return []
        return [row["name"] for row in self.rows("select name from schema_steps order by name")]

    def migrate(self) -> list[str]:
        """Bring the schema up to date, all steps or none; of many who start at once, one does."""
        self._say(f"select pg_advisory_lock({FAMILY}, {STEPS})")
        try:
            steps = self.pending()
            if steps:
                with self.atomic():
                    self._apply(steps)
        finally:
            if not self._conn.closed:
                self._say(f"select pg_advisory_unlock({FAMILY}, {STEPS})")
        return steps

    def _apply(self, names: list[str]) -> None:
        self._say('create table if not exists schema_steps (name text collate "C" primary key)')
        for step in migrations._migrations:
            if step.name in names:
                step.fn(cast(Any, _Script(self)))
                self.run("insert into schema_steps (name) values (:name)", name=step.name)
        for table in dialect.NUMBERED:
            self._say(f"create sequence if not exists {dialect.sequence(table)}")

    def number_on(self) -> None:
        """After rows were brought in: new numbers follow the highest one."""
        for table in dialect.NUMBERED:
            self._say(f"select setval('{dialect.sequence(table)}', "
                      f"(select coalesce(max(seq), 0) + 1 from {table}), false)")  # fmt: skip

    def wrong(self) -> tuple[str, str] | None:
        """What may lose data, and the cure; None when all is well."""
        told = {name: self._setting(name) for name in ("server_version_num", *SAFE)}
        if int(told["server_version_num"]) < OLDEST * 10_000:
            return f"PostgreSQL 低于 {OLDEST} 版", f"请升级到 {OLDEST} 或更新的版本"
        off = [name for name in SAFE if told[name] == "off"]
        if not off:
            return None
        return (f"{'、'.join(off)} 是 off，断电会丢掉已答复的消息",
                "在 postgresql.conf 里改回 on，再重新加载配置")  # fmt: skip

    def _setting(self, name: str) -> str:
        return str(self.rows("select current_setting(:name) as value", name=name)[0]["value"])

    def backup(self, target: Path) -> None:
        """A consistent copy in one file, an embedded store, taken while this one is in use."""
        copy = Sqlite(target)
        try:
            copy.migrate()
            move.move(self, copy, _unseen)
        finally:
            copy.close()

    def set_aside(self, name: str) -> None:
        """Keep everything under another name and begin empty; in a transaction."""
        own = self.rows("select current_schema() as name")[0]["name"]  # sets the savepoints too
        self._say(f"alter schema {own} rename to {name}")
        self._say(f"create schema {own}")

    def settle(self) -> None:
        """Nothing follows a commit: whoever restores keeps the records of the store before it."""

    def vacuum(self) -> None:
        self._say("vacuum full")

    def close(self) -> None:
        self._conn.close()


class _Script:
    """What a step of the schema is run on."""

    def __init__(self, store: Postgres) -> None:
        self._store = store

    def execute(self, statement: str) -> None:
        self._store._say(dialect.step(statement))


@contextmanager
def _raised(store: Postgres) -> Iterator[None]:
    """Our own errors instead of the driver's."""
    try:
        yield
    except psycopg.Error as exc:
        lost = store._conn.closed
        taken = exc.sqlstate == TAKEN and store._serial and store._vain < TRIES
        if lost or exc.sqlstate in RACED or taken:
            raise Again(f"数据库请求重做：{_line(exc)}") from exc
        raise StorageError(f"数据库不接受：{_line(exc)}") from exc


def _unseen(_: str, __: int) -> None:
    """Progress that nobody watches."""


def _line(exc: BaseException) -> str:
    """The first line, without the address, which may hold a password."""
    return str(exc).strip().split("\n")[0]


def _bound(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and "\0" in value:
        return value.replace("\0", "\ufffd")  # the one character it cannot keep
    return value
