"""All rows of one store into another one that is empty; both are summed, table by table."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from storage.db import Db, Row, StorageError, number
from storage.sqlite import Sqlite

SIZE = 2**64
Told = Callable[[str, int], None]  # the table, how many more rows


class Side(Db, Protocol):
    def stream(self, sql: str, /) -> Iterator[Row]: ...

    def fill(self, table: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None: ...

    def number_on(self) -> None:
        """Let new numbers follow those that were brought in."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]

    @property
    def select(self) -> str:
        return f"select {', '.join(self.columns)} from {self.name}"


@dataclass(slots=True)
class Sum:
    """Of the rows in any order."""

    rows: int = 0
    mark: int = 0

    def add(self, values: list[Any]) -> None:
        text = json.dumps(values, ensure_ascii=False)
        digest = blake2b(text.encode(), digest_size=8).digest()
        self.rows += 1
        self.mark = (self.mark + int.from_bytes(digest)) % SIZE


def tables() -> list[Table]:
    """Those of the present schema."""
    store = Sqlite(None)
    store.migrate()
    names = store.rows("""select name from sqlite_master where type = 'table'
        and not name like '\\_%' escape '\\' and not name like 'sqlite%' order by name""")
    found = [Table(row["name"], _columns(store, row["name"])) for row in names]
    store.close()
    return found


def _columns(store: Sqlite, table: str) -> tuple[str, ...]:
    return tuple(row["name"] for row in store.rows(f"pragma table_info({table})"))


def total(source: Db) -> int:
    return sum(number(source, f"select count(*) from {table.name}") for table in tables())


def move(source: Side, target: Side, told: Told) -> dict[str, int]:
    """All or nothing; returns the rows of each table that has any."""
    moved = {}
    with source.atomic(), target.atomic():
        for table in tables():
            if number(target, f"select count(*) from (select 1 from {table.name} limit 1) one"):
                raise StorageError(
                    f"目标库不是空的（{table.name} 已有数据），没有动它；请换一个空库"
                )
            moved[table.name] = _table(source, target, table, told)
        target.number_on()
    return {name: rows for name, rows in moved.items() if rows}


def _table(source: Side, target: Side, table: Table, told: Told) -> int:
    sent, came = Sum(), Sum()
    target.fill(table.name, table.columns, _summed(source, table, sent, told))
    for _ in _summed(target, table, came, _unseen):
        continue
    if sent != came:
        raise StorageError(
            f"{table.name} 搬过去对不上（{sent.rows} 行，到了 {came.rows} 行），什么都没有搬"
        )
    return sent.rows


def _summed(side: Side, table: Table, found: Sum, told: Told) -> Iterator[list[Any]]:
    for row in side.stream(table.select):
        values = [_kept(row[name]) for name in table.columns]
        found.add(values)
        told(table.name, 1)
        yield values


def _kept(value: Any) -> Any:
    """As either store can keep it: PostgreSQL has no character of code zero."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _unseen(_: str, __: int) -> None:
    """Progress that nobody watches."""
