"""What a page, a sheet and a message show alike: a table with its heading and note."""

from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: text, count, share (0..1), days, minutes, money, time (a `db.stamp` text)."""

    key: str
    title: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows are as wide as `columns`; None is "not known" and shown as –, never as 0.

    `note` says where the figures come from and what is divided by what.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
