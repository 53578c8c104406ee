"""Reading the lexicon's files; an error names file, line, field, what was seen, what is allowed."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp import toml
from nlp.cars import Brand, Context, Series
from nlp.match import PatternError, Rule, parse
from nlp.reading import CONCERNS, INTENTS

KINDS = (
    "topic", "cue", "ask", "good", "bad", "up", "down", "worry", "asked", "asks", "rhetorical",
    "praise", "blame", "supposed", "shadow", "eclipse", "intent", "act", "signal", "slot",
    "about", "foreign", "home", "mock", "mishap", "glad", "sad",
)  # fmt: skip
SLOTS = ("payment", "purchase_kind", "usage", "hobby", "color", "trim")
FIELDS: dict[str, type | tuple[type, ...]] = {
    "kind": str, "name": str, "code": str, "polarity": int, "strength": (int, float), "scale": str,
    "level": str, "tier": str, "value": str, "words": list,
}  # fmt: skip
ALLOWED: dict[str, tuple[Any, ...]] = {
    "kind": KINDS, "polarity": (-1, 0, 1), "scale": ("", "low", "high"),
    "level": ("", "H", "A", "B", "C"), "tier": ("", "high", "mid", "low"),
}  # fmt: skip
CODED = {
    "topic": CONCERNS,
    "cue": CONCERNS,
    "ask": CONCERNS,
    "intent": INTENTS,
    "slot": SLOTS,
}
HEADER = re.compile(r"^\s*\[\[(rule|brand)\]\]")
Entry = tuple[str, Rule]


class LexiconError(ValueError):
    """A lexicon file is broken; the text says where, what was seen and what is allowed."""


@dataclass(frozen=True, slots=True)
class Source:
    """One lexicon file as read, with the lines on which its tables begin."""

    path: Path
    data: dict[str, Any]
    lines: tuple[int, ...]

    def error(self, index: int, field: str, seen: object, allowed: str) -> LexiconError:
        line = self.lines[index] if index < len(self.lines) else 1
        return LexiconError(f"{self.path.name}:{line}: {field}: {seen!r} is not allowed; {allowed}")


def read(path: Path) -> Source:
    try:
        text = path.read_text("utf-8")
        data = toml.loads(text)
    except (OSError, UnicodeDecodeError) as exc:
        raise LexiconError(f"{path.name}: cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise LexiconError(f"{path.name}: not valid TOML: {exc}") from exc
    lines = [n for n, line in enumerate(text.splitlines(), 1) if HEADER.match(line)]
    return Source(path, data, tuple(lines))


def rules(source: Source) -> Iterator[Entry]:
    """The patterns of a file with their rules."""
    for key in source.data:
        if key != "rule":
            raise source.error(0, "table", key, "only [[rule]] tables belong here")
    for index, table in enumerate(source.data.get("rule", [])):
        rule = _rule(source, index, table)
        for word in table["words"]:
            yield _pattern(source, index, word), rule


def _rule(source: Source, index: int, table: dict[str, Any]) -> Rule:
    for field, seen in table.items():
        if field not in FIELDS:
            raise source.error(index, field, seen, f"fields are {', '.join(FIELDS)}")
        if not isinstance(seen, FIELDS[field]) or isinstance(seen, bool):
            raise source.error(index, field, seen, f"it is a {_type_name(FIELDS[field])}")
        if field in ALLOWED and seen not in ALLOWED[field]:
            raise source.error(index, field, seen, f"one of {', '.join(map(str, ALLOWED[field]))}")
    for field in ("kind", "name", "words"):
        if not table.get(field):
            raise source.error(index, field, table.get(field), "it must be there and not empty")
    codes = CODED.get(table["kind"])
    if codes and table.get("code") not in codes:
        raise source.error(index, "code", table.get("code"), f"one of {', '.join(codes)}")
    return Rule(**{k: v for k, v in table.items() if k != "words"})


def _type_name(kind: type | tuple[type, ...]) -> str:
    return (
        "number"
        if isinstance(kind, tuple)
        else {str: "text", int: "whole number", list: "list"}[kind]
    )


def _pattern(source: Source, index: int, word: object) -> str:
    if (
        not isinstance(word, str)
        or not word.strip("…")
        or word.startswith("…")
        or word.endswith("…")
    ):
        raise source.error(index, "words", word, "a word or a pattern; … stands between two parts")
    try:
        parse(word)
    except PatternError as exc:
        raise source.error(index, "words", word, str(exc)) from exc
    return word


def cars(source: Source) -> tuple[list[Brand], Context]:
    """The brands of a file, and the words around them that make an everyday word a car."""
    context = Context(**{k: tuple(v) for k, v in source.data.get("context", {}).items()})
    return [_brand(source, i, t) for i, t in enumerate(source.data.get("brand", []))], context


def _brand(source: Source, index: int, table: dict[str, Any]) -> Brand:
    for field, seen in table.items():
        if field not in ("name", "alias", "series", "demo"):
            raise source.error(index, field, seen, "fields are name, alias, series, demo")
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise source.error(index, "name", name, "the brand's official name")
    for field in ("alias", "series"):
        if not all(isinstance(s, str) and s.strip("*|") for s in table.get(field, [])):
            raise source.error(index, field, table.get(field), "a list of names")
    aliases = [a.lstrip("*") for a in table.get("alias", [])]
    doubtful = tuple(a.lstrip("*") for a in [name, *table.get("alias", [])] if a.startswith("*"))
    return Brand(
        name.lstrip("*"), tuple(aliases), tuple(map(_series, table.get("series", []))), doubtful,
        bool(table.get("demo")),
    )  # fmt: skip


def _series(line: str) -> Series:
    name, *aliases = line.lstrip("*").split("|")
    return Series(name, tuple(aliases), line.startswith("*"))
