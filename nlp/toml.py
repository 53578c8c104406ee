"""TOML of a company's own file: what is nested beyond sense is a mistake like any other."""

import tomllib
from collections.abc import Iterator
from typing import Any

DEEPEST = 40  # ours need four
OPENS, CLOSES = "[{", "]}"


def loads(text: str) -> dict[str, Any]:
    """Raise `TOMLDecodeError`, with its line, also where Python would only run out of stack."""
    try:
        found = tomllib.loads(text)
    except RecursionError:
        found = None
    if found is None or _deeper(found):
        said = f"括号或带点的键套得太深，最多{DEEPEST}层，请删掉多余的"
        raise tomllib.TOMLDecodeError(f"{said} (at line {_line(text)}, column 1)")
    return found


def _deeper(found: dict[str, Any]) -> bool:
    """Level by level, since what is too deep for the reader is too deep for us."""
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _line(text: str) -> int:
    """Where it becomes too deep, brackets in texts counted too: near enough to look at."""
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        most = depth
        for sign in line:
            depth += (sign in OPENS) - (sign in CLOSES)
            most = max(most, depth)
        if most > DEEPEST or line.count(".") > DEEPEST:
            return number
        depth = max(depth, 0)
    return 1
