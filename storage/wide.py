"""In which order two tables are joined: from whichever has the fewer rows to look through."""

from collections.abc import Sequence

WIDE = 10  # stores from which it is quicker to begin with what happened than with the customers


def join(rows: str, stores: Sequence[str]) -> str:
    """`events e` with their customers `c`; the condition stands in the `where`.

    SQLite, which counts no rows, keeps a cross join in the order it is written; PostgreSQL, which
    does count them, takes it for any other join.
    """
    first, second = (rows, "customers c") if len(stores) > WIDE else ("customers c", rows)
    return f"{first} cross join {second}"


def among(column: str, marks: str, stores: Sequence[str]) -> str:
    """`column in (…)`; once the customer is known, their own rows are fewer than those of a kind.

    An expression has no index, so that the one of the customer is taken.
    """
    return f"{column} in ({marks})" if len(stores) > WIDE else f"{column} || '' in ({marks})"
