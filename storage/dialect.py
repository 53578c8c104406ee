"""What PostgreSQL spells otherwise: parameters, the collation of text, running numbers."""

import re

# Strings and casts are left alone; what remains of `:name` is a parameter.
_PARTS = re.compile(r"'(?:[^']|'')*'|::\w+|:(\w+)")
_BARE = re.compile(r"(\$\d+)(?= is (?:not )?null)")  # of what type it is nothing else tells
_TEXT = re.compile(r"(\w+ )text\b")
# Two writers at once read the same maximum; a sequence gives each its own number.
_NEXT = re.compile(r"\(select coalesce\(max\(seq\), 0\) \+ 1 from (\w+)\)")
NUMBERED = ("inbox", "outbox", "dialogs", "corrections")


def sequence(table: str) -> str:
    return f"{table}_number"


def query(sql: str) -> tuple[str, tuple[str, ...]]:
    """With `$1` for the first name; and the names in that order."""
    names: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        name = found[1]
        return f"${names.setdefault(name, len(names) + 1)}" if name else found[0]

    told = _BARE.sub(r"\1::text", _PARTS.sub(numbered, sql))
    return _NEXT.sub(lambda m: f"nextval('{sequence(m[1])}')", told), tuple(names)


def step(statement: str) -> str:
    """A statement of the schema. Text is compared by its code points, as SQLite does, whatever
    the server's language: ids that begin alike lie together, and lists come in the same order."""
    if not statement.lstrip().startswith(("create table", "alter table")):
        return statement
    return _TEXT.sub(r'\1text collate "C"', statement)
