"""The port to a database: three calls and a transaction."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

Row = dict[str, Any]


class StorageError(Exception):
    """The store cannot be used as it is; the message says what to do."""


class Again(StorageError):
    """Undone for a reason that is not ours, so that the same may be done once more from the start.

    Another process was quicker, or the connection was lost before anything was committed.
    """


class Db(Protocol):
    """SQL with `:name` parameters; times go in as aware datetimes and are kept as `stamp` text."""

    def rows(self, sql: str, /, **params: Any) -> list[Row]: ...

    def run(self, sql: str, /, **params: Any) -> int:
        """Execute one statement; returns the number of rows it changed."""
        ...

    def many(self, sql: str, params: Iterable[Mapping[str, Any]], /) -> None: ...

    def atomic(self) -> AbstractContextManager[None]:
        """All or nothing; nests, an inner one that raises undoes only itself."""
        ...


def one(db: Db, sql: str, /, **params: Any) -> Row | None:
    """The first row or None."""
    rows = db.rows(sql, **params)
    return rows[0] if rows else None


def number(db: Db, sql: str, /, **params: Any) -> int:
    """A count or sum; 0 where the database answers null."""
    row = one(db, sql, **params)
    return int(next(iter(row.values())) or 0) if row else 0


def stamp(at: datetime) -> str:
    """UTC, fixed width, so that text order is time order in every database."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def at(text: str) -> datetime:
    """A time that is always there."""
    return datetime.fromisoformat(text)
