"""In which order two tables are joined: from whichever has the fewer rows to look through."""

from collections.abc import Sequence
from datetime import datetime, timedelta

WIDE = 10  # stores from which it is quicker to begin with what happened than with the customers
SHORT = timedelta(days=2)  # a time in which even all stores together do little


def first(stores: Sequence[str], since: datetime, until: datetime) -> bool:
    """Whether to begin with what happened then."""
    return len(stores) > WIDE or until - since <= SHORT


def join(rows: str, stores: Sequence[str]) -> str:
    """`events e` with their customers `c`; the condition stands in the `where`.

    SQLite, which counts no rows, keeps a cross join in the order it is written; PostgreSQL, which
    does count them, takes it for any other join.
    """
    return ordered(rows, happened=len(stores) > WIDE)


def ordered(rows: str, *, happened: bool) -> str:
    """With what happened in front, or with the customers."""
    return f"{rows} cross join customers c" if happened else f"customers c cross join {rows}"


def among(column: str, marks: str, stores: Sequence[str]) -> str:
    """`column in (…)`; once the customer is known, their own rows are fewer than those of a kind.

    An expression has no index, so that the one of the customer is taken.
    """
    return chosen(column, marks, happened=len(stores) > WIDE)


def chosen(column: str, marks: str, *, happened: bool) -> str:
    return f"{column} in ({marks})" if happened else f"{column} || '' in ({marks})"
