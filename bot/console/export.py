"""A table as a file: text stays text, whatever it begins with."""

import csv
import io
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import xlsxwriter

from handlers.tables import Cell, Column, Table
from scriptbank import tables

CSV, XLSX = "csv", "xlsx"
TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
LONGEST = 32_000  # characters of a cell; a spreadsheet takes 32,767
FORMATS = {"share": "0.0%", "count": "#,##0", "money": "#,##0.00", "days": "0.0", "minutes": "0.0"}
UNPRINTABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))  # no XML may hold them


def written(table: Table, kind: str, zone: ZoneInfo) -> bytes:
    return _csv(table, zone) if kind == CSV else _xlsx(table, zone)


def shown(cell: Cell, kind: str, zone: ZoneInfo) -> str | int | float:
    """Times as the business tells them; what is not known is an empty cell."""
    if cell is None:
        return ""
    if kind == "time" and isinstance(cell, str) and cell:
        return f"{datetime.fromisoformat(cell).astimezone(zone):%Y-%m-%d %H:%M}"
    return _plain(cell) if isinstance(cell, str) else cell


def _plain(text: str) -> str:
    """Without what no file can hold: control marks, half a character."""
    return text.translate(UNPRINTABLE)[:LONGEST].encode("utf-8", "replace").decode()


def _csv(table: Table, zone: ZoneInfo) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_guarded(_plain(column.title)) for column in table.columns])
    for row in table.rows:
        writer.writerow([_guarded(shown(cell, column.kind, zone))
                         for cell, column in zip(row, table.columns, strict=True)])  # fmt: skip
    return out.getvalue().encode("utf-8-sig")


def _guarded(cell: str | int | float) -> str | int | float:
    return tables.guarded(cell) if isinstance(cell, str) else cell


def _xlsx(table: Table, zone: ZoneInfo) -> bytes:
    with TemporaryDirectory(prefix="salesbot-") as folder:
        path = Path(folder) / "table.xlsx"
        with tables.workbook(path) as book:
            sheet = book.add_worksheet("数据")
            sheet.freeze_panes(1, 1)
            bold = book.add_format({"bold": True})
            for n, column in enumerate(table.columns):
                sheet.write_string(0, n, _plain(column.title), bold)
                sheet.set_column(n, n, 22 if column.kind in ("text", "time") else 12)
                _column(sheet, book, table, n, column, zone)
            sheet.write_string(len(table.rows) + 2, 0, _plain(table.note))
        return path.read_bytes()


def _column(
    sheet: xlsxwriter.worksheet.Worksheet, book: xlsxwriter.Workbook, table: Table, n: int,
    column: Column, zone: ZoneInfo,
) -> None:  # fmt: skip
    form = book.add_format({"num_format": FORMATS.get(column.kind, "General")})
    for number, row in enumerate(table.rows, start=1):
        cell = shown(row[n], column.kind, zone)
        if isinstance(cell, str):
            sheet.write_string(number, n, cell)
        else:
            sheet.write_number(number, n, cell, form)
