"""Reading the script library from TOML; all of it or, with every reason told, nothing."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from nlp import toml
from scriptbank import columns
from scriptbank.columns import COLUMNS, Row
from scriptbank.problems import LoadError, Problem
from scriptbank.script import Script

FOLDER = Path(__file__).with_name("scripts")
_ENTRY = re.compile(r"^[ \t]*\[\[[ \t]*script[ \t]*\]\]", re.MULTILINE)
_Found = tuple[int, dict[str, object]]
_FIELDS = {column.field: column for column in COLUMNS}
_HEADINGS = {column.heading: column.field for column in COLUMNS}


def library(folder: Path | None = None) -> tuple[Script, ...]:
    """Every script of the folder's TOML files, by default the library that ships."""
    place = folder or FOLDER
    rows: list[Row] = []
    problems: list[Problem] = []
    for path in sorted(place.glob("*.toml")):
        try:
            rows += toml_rows(path)
        except LoadError as wrong:
            problems += wrong.problems
    return scripts(rows, problems)


def scripts(rows: Iterable[Row], problems: Iterable[Problem] = ()) -> tuple[Script, ...]:
    """The scripts of all rows; raises `LoadError` when a single one is wrong."""
    found: list[Script] = []
    wrong = list(problems)
    places: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        read = columns.script(row)
        if isinstance(read, Script):
            found.append(read)
            places[read.id].append(row)
        else:
            wrong += read
    wrong += _duplicates(places)
    if wrong:
        raise LoadError(tuple(_at_line(problem) for problem in wrong))
    return tuple(found)


def toml_rows(path: Path) -> list[Row]:
    """The raw entries of one file, each with the line it begins at."""
    text = _text(path)
    found = _each(text) or _together(path, text)
    rows = [Row(str(path), line, entry) for line, entry in found]
    problems = [problem for row in rows for problem in _strange(row)]
    if problems:
        raise LoadError(tuple(map(_at_line, problems)))
    return rows


def _each(text: str) -> list[_Found]:
    """Entry by entry, which is quick in a long file; nothing when a piece is not one entry."""
    starts = [found.start() for found in _ENTRY.finditer(text)]
    if not starts:
        return []
    found: list[_Found] = []
    line = 1 + text.count("\n", 0, starts[0])
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        try:
            content = toml.loads(text[start:end])
        except tomllib.TOMLDecodeError:
            return []
        if list(content) != ["script"]:
            return []
        found.append((line, content["script"][0]))
        line += text.count("\n", start, end)
    return found if _only_comments(text[: starts[0]]) else []


def _only_comments(text: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.split("\n"))


def _together(path: Path, text: str) -> list[_Found]:
    """The file as a whole, with every reason why it is no list of scripts."""
    try:
        content = toml.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise LoadError((_broken(path, str(wrong)),)) from None
    entries = content.pop("script", [])
    if not isinstance(entries, list):
        raise LoadError((Problem("请用 [[script]] 开头（双括号）", path.name, 1, "script"),))
    if content:
        advice = "只认 [[script]]，请删去"
        raise LoadError(tuple(Problem(advice, path.name, 0, key) for key in content))
    return list(zip(_lines(text, entries), entries, strict=True))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise LoadError((Problem("请存为 UTF-8 编码", path.name),)) from None
    except OSError as wrong:
        raise LoadError((Problem(f"读不了：{wrong.strerror}", path.name),)) from None


def _broken(path: Path, words: str) -> Problem:
    found = re.search(r"at line (\d+), column (\d+)", words)
    line = int(found[1]) if found else 0
    return Problem(f"不是正确的 TOML（{words}）", path.name, line)


def _lines(text: str, entries: list[object]) -> list[int]:
    """Where each [[script]] begins; unknown (0) when a body's own text looks like a heading."""
    found = [text.count("\n", 0, m.start()) + 1 for m in _ENTRY.finditer(text)]
    return found if len(found) == len(entries) else [0] * len(entries)


def _strange(row: Row) -> Iterator[Problem]:
    for key in row.values:
        if key not in _FIELDS:
            yield row.problem(key, "", f"没有这个字段；可用：{'、'.join(_FIELDS)}")


def _duplicates(places: dict[str, list[Row]]) -> Iterator[Problem]:
    for key, rows in places.items():
        first = rows[0]
        for row in rows[1:]:
            where = f"{Path(first.file).name} 第{first.row}行"
            yield row.problem("编号", key, f"编号重复，已用于 {where}；请另取一个")


def _at_line(problem: Problem) -> Problem:
    """The problem with the file's bare name and, for TOML, the line of the field itself."""
    path = Path(problem.file)
    field = _HEADINGS.get(problem.column, problem.column)
    row = problem.row
    if path.suffix == ".toml" and row and path.is_file():
        row = _field_line(_text(path), row, field)
        return Problem(problem.advice, path.name, row, field, problem.seen, problem.script)
    return Problem(problem.advice, path.name, row, problem.column, problem.seen, problem.script)


def _field_line(text: str, start: int, field: str) -> int:
    lines = text.split("\n")
    pattern = re.compile(rf"\s*{re.escape(field)}\s*=")
    for number in range(start, len(lines)):
        if _ENTRY.match(lines[number]):
            break
        if pattern.match(lines[number]):
            return number + 1
    return start
