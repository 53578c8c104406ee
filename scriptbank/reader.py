"""Run as a process of its own: the first sheet of a workbook, a line of JSON for each row.

A workbook may say of itself that it has seventeen thousand million cells, and in more ways than
can be looked for beforehand. So it is read where memory and time are limited by the system, and
whatever happens then happens to this process only. It imports nothing of ours.
"""

import json
import sys
from datetime import date, datetime, time, timedelta

import python_calamine

MEMORY, SECONDS = 1_000_000_000, 60
BROKEN, TOO_LARGE = 3, 4


def main(path: str, most: int) -> int:
    _limit()
    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        sheet = book.get_sheet_by_index(0)
        height, width = sheet.total_height + 1, sheet.total_width + 1  # places of the last cell
        if height * width > most:
            sys.stdout.write(f"{height} {width}")
            return TOO_LARGE
        for row in sheet.to_python(skip_empty_area=False):
            sys.stdout.write(json.dumps(row, default=_told, ensure_ascii=True) + "\n")
    except (python_calamine.CalamineError, OSError, IndexError) as wrong:
        sys.stdout.write(str(wrong))
        return BROKEN
    return 0


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; what is declared was looked at before
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _told(value: object) -> list[object]:
    """Times have no form of their own in JSON; a list is no cell, so it can stand for one."""
    if isinstance(value, timedelta):
        return ["timedelta", value.total_seconds()]
    assert isinstance(value, date | datetime | time)
    return [type(value).__name__, value.isoformat()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
