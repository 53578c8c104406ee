"""The script library as operators have it: Excel, CSV, TOML; in and out without loss."""

import csv
import dataclasses
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import xlsxwriter

from scriptbank import load, reader
from scriptbank.columns import COLUMNS, Column, Row, cell, clean
from scriptbank.problems import LoadError, Problem
from scriptbank.script import Script

SHEET = "话术"
MAX_BYTES = 50_000_000
MAX_RATIO = 100
MAX_CELLS = 4_000_000
_ROW = re.compile(rb'\br="[A-Z]{0,3}(\d{1,7})"')
_COLUMN = re.compile(rb'\br="([A-Z]{1,3})\d{1,7}"')
_BOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
# A spreadsheet runs a cell that begins so as a formula; full-width forms are folded by some.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_NAMES = {name: c for c in COLUMNS for name in (c.heading, c.field, *c.also)}


def read(path: Path) -> list[Script]:
    """The scripts of a table; raises `LoadError` with every problem and imports nothing then."""
    if path.suffix.lower() == ".toml":
        return list(load.scripts(load.toml_rows(path)))
    return list(load.scripts(rows(path)))


def write(path: Path, scripts: Iterable[Script]) -> None:
    """Write a table that `read` gives back unchanged, in the format the file's name asks for."""
    kind = path.suffix.lower()
    if kind == ".xlsx":
        _write_book(path, list(scripts))
    elif kind == ".csv":
        path.write_bytes(csv_text(scripts).encode("utf-8-sig"))
    elif kind == ".toml":
        path.write_text(toml_text(scripts), encoding="utf-8")
    else:
        raise _refuse(path, f"不认识的格式“{kind}”；请用 .xlsx、.csv 或 .toml")


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import would do, told before it is done."""

    new: tuple[Script, ...]
    changed: tuple[tuple[Script, Script], ...]  # as it is, as it would be
    removed: tuple[Script, ...]


def changes(have: Iterable[Script], read_in: Iterable[Script]) -> Changes:
    """Scripts by id; `removed` are those the table lacks, for who takes it as the whole library."""
    old = {script.id: script for script in have}
    new = {script.id: script for script in read_in}
    return Changes(
        tuple(script for key, script in new.items() if key not in old),
        tuple((old[key], s) for key, s in new.items() if key in old and old[key] != s),
        tuple(script for key, script in old.items() if key not in new),
    )


def mark(path: Path, problems: Iterable[Problem], out: Path) -> None:
    """Write the operator's own rows to a workbook, each bad cell coloured and with its advice."""
    cells = grid(path)
    names = [str(name).strip() for name in cells[0]] if cells else []
    notes: dict[tuple[int, int], list[str]] = {}
    for problem in problems:
        column = _NAMES.get(problem.column)
        at = next((n for n, name in enumerate(names) if _NAMES.get(name) is column), 0)
        at = names.index(problem.column) if problem.column in names else at
        notes.setdefault((max(problem.row - 1, 0), at), []).append(problem.advice)
    with workbook(out) as book:
        sheet = book.add_worksheet(SHEET)
        bad = book.add_format({"bg_color": "#FFC7CE"})
        for row, line in enumerate(cells):
            for n, value in enumerate(line):
                sheet.write_string(row, n, "" if value is None else clean(value))
        for (row, n), advice in notes.items():
            value = cells[row][n] if row < len(cells) and n < len(cells[row]) else ""
            sheet.write_string(row, n, "" if value is None else clean(value), bad)
            sheet.write_comment(row, n, "\n".join(advice))


def rows(path: Path) -> list[Row]:
    """The raw rows of a workbook or CSV, with the row numbers a spreadsheet shows."""
    return _rows(path, grid(path))


def grid(path: Path) -> list[list[object]]:
    """The cells of a CSV or of a workbook's first sheet; `LoadError` for what is no table."""
    kind = path.suffix.lower()
    if kind == ".csv":
        text = _decode(path)
        if text.count(",") + text.count("\n") > MAX_CELLS:
            raise _refuse(path, "表格的格子太多；请删去多余的行列后再试")
        try:
            lines = list(csv.reader(io.StringIO(text)))
        except csv.Error as wrong:
            raise _refuse(path, f"CSV 读不懂（{wrong}）；请检查引号") from None
        return [[_unguard(value) for value in line] for line in lines]
    if kind in _BOOKS:
        return _book(path)
    raise _refuse(path, f"不认识的格式“{kind}”；请用 .xlsx、.csv 或 .toml")


def _refuse(path: Path, advice: str) -> LoadError:
    return LoadError((Problem(advice, path.name),))


def _rows(path: Path, cells: list[list[object]]) -> list[Row]:
    if not cells or not any(cells[0]):
        raise _refuse(path, "第一行应是列名：编号、标题、阶段、话术正文……")
    header = _header(path, [str(name).strip() for name in cells[0]])
    found = []
    for number, line in enumerate(cells[1:], start=2):
        values = {c.field: value for c, value in zip(header, line, strict=False) if c}
        if any(value not in (None, "") for value in values.values()):
            found.append(Row(path.name, number, values))
    return found


def _header(path: Path, names: Sequence[str]) -> list[Column | None]:
    header = [_NAMES.get(name) for name in names]
    missing = [c for c in COLUMNS if c.required and c not in header]
    problems = [Problem("缺少这一列", path.name, 1, c.heading) for c in missing]
    problems += [
        Problem("不认识的列名；请改名或删去这一列", path.name, 1, name)
        for name, column in zip(names, header, strict=True)
        if name and column is None
    ]
    if problems:
        raise LoadError(tuple(problems))
    return header


def _decode(path: Path) -> str:
    content = _bytes(path)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refuse(path, "编码认不出；请在 Excel 里另存为“CSV UTF-8”")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:  # some files never end, some are larger than all memory
            content = file.read(MAX_BYTES + 1)
    except OSError as wrong:
        raise _refuse(path, f"读不了：{wrong.strerror}") from None
    if len(content) > MAX_BYTES:
        raise _refuse(path, "文件太大，请分成几份")
    return content


def _book(path: Path) -> list[list[object]]:
    _weigh(path)
    child = [sys.executable, "-I", reader.__file__, str(path.absolute()), str(MAX_CELLS)]
    with tempfile.TemporaryFile() as out:  # on disk: what it says may be large, too
        code = subprocess.run(
            child, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, check=False
        ).returncode
        out.seek(0)
        if code:
            raise _refuse(path, _unread(code, out.read(200).decode("ascii", "replace")))
        return [[_cell(value) for value in json.loads(line)] for line in out]


def _unread(code: int, said: str) -> str:
    if code == reader.BROKEN:
        return f"打不开这个工作簿（{said}）；请另存为 .xlsx 再试"
    if code == reader.TOO_LARGE:
        height, _, width = said.partition(" ")
        return _far(int(height), int(width))
    return "打不开这个工作簿：展开后太大或已损坏；请删去多余的行列、图片后另存为 .xlsx 再试"


def _far(height: int, width: int) -> str:
    return f"表格有{height}行×{width}列，太大；请删去多余的行列后再试"


def _cell(value: object) -> object:
    """Times come as what they are and how they are written."""
    if not isinstance(value, list):
        return value
    kind, told = value
    if kind == "timedelta":
        return timedelta(seconds=told)
    read: dict[str, Callable[[str], object]] = {
        "date": date.fromisoformat,
        "datetime": datetime.fromisoformat,
        "time": time.fromisoformat,
    }
    return read[kind](told)


def _weigh(path: Path) -> None:
    """Refuse what would fill the memory, by what the file declares and before it is parsed."""
    content = _bytes(path)
    if not zipfile.is_zipfile(io.BytesIO(content)):
        if path.suffix.lower() != ".xls" or len(content) > MAX_BYTES // 5:
            raise _refuse(path, "不是工作簿；请另存为 .xlsx 再试")
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            _weigh_parts(path, parts, len(content))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as wrong:
        raise _refuse(path, f"工作簿已损坏或加密（{wrong}）；请另存为 .xlsx 再试") from None


def _weigh_parts(path: Path, parts: zipfile.ZipFile, size: int) -> None:
    declared = sum(part.file_size for part in parts.infolist())
    if declared > MAX_BYTES or declared > MAX_RATIO * max(size, 1):
        raise _refuse(path, f"展开后有{declared // 1_000_000}MB，太大；请删去空行、图片后再试")
    for name in parts.namelist():
        # Reading stops at the declared size and notices a part that is longer than it says.
        content = parts.read(name)
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            _measure(path, content)


def _measure(path: Path, sheet: bytes) -> None:
    """One cell in the far corner makes a reader lay out seventeen thousand million of them."""
    height = max(map(int, set(_ROW.findall(sheet))), default=1)
    width = max(map(_column_number, set(_COLUMN.findall(sheet))), default=1)
    if height * width > MAX_CELLS:
        raise _refuse(path, _far(height, width))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def csv_text(scripts: Iterable[Script]) -> str:
    """The table as CSV; a cell that a spreadsheet would run as a formula is made plain text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.heading for column in COLUMNS])
    for script in scripts:
        writer.writerow([guarded(value) for value in _cells(script)])
    return out.getvalue()


def _cells(script: Script) -> Iterator[str]:
    for column in COLUMNS:
        yield cell(column, getattr(script, column.field))


def guarded(value: str) -> str:
    """A cell of CSV that no spreadsheet runs as a formula."""
    return f"'{value}" if value.startswith((*_FORMULA, "'")) else value


def _unguard(value: object) -> object:
    if isinstance(value, str) and value[:1] == "'" and value[1:].startswith((*_FORMULA, "'")):
        return value[1:]
    return value


def workbook(path: Path) -> xlsxwriter.Workbook:
    """A workbook to write; what people typed stays text."""
    # A nickname that begins with = must not become a formula in the operator's spreadsheet.
    return xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})


def _write_book(path: Path, scripts: list[Script]) -> None:
    with workbook(path) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.freeze_panes(1, 3)
        bold = book.add_format({"bold": True})
        for n, column in enumerate(COLUMNS):
            sheet.write_string(0, n, column.heading, bold)
            sheet.set_column(n, n, 48 if column.field == "body" else 16)
            _choices(sheet, n, column, len(scripts))
        for number, script in enumerate(scripts, start=1):
            for n, value in enumerate(_cells(script)):
                sheet.write_string(number, n, value)


def _choices(sheet: xlsxwriter.worksheet.Worksheet, n: int, column: Column, rows: int) -> None:
    allowed = [word for word in column.allowed if word]
    if allowed:
        # Excel refuses the list in the file above 255 characters; the stages fit.
        sheet.data_validation(1, n, rows + 200, n, {"validate": "list", "source": allowed})


def toml_text(scripts: Iterable[Script]) -> str:
    """The scripts as the library's own files are written, fields at their default left out."""
    return "\n".join(_toml_entry(script) for script in scripts)


def _toml_entry(script: Script) -> str:
    lines = ["[[script]]"]
    for column in COLUMNS:
        value = getattr(script, column.field)
        if column.required or value != _DEFAULTS.get(column.field):
            lines.append(f"{column.field} = {_toml(value)}")
    return "\n".join(lines) + "\n"


_DEFAULTS = {f.name: f.default for f in dataclasses.fields(Script)}


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | date):
        return str(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's too, but for the delete character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    fields = dataclasses.asdict(value)  # type: ignore[call-overload]
    return f"{{ {', '.join(f'{name} = {_toml(v)}' for name, v in fields.items())} }}"
