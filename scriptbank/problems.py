"""What is wrong with a script, a table or a file, said so that an operator can mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it is, what was seen there and what to do."""

    advice: str
    file: str = ""
    row: int = 0  # the line of a TOML file, the row of a table; 0 when the whole file is meant
    column: str = ""
    seen: str = ""
    script: str = ""
    rule: str = ""
    severity: str = "error"  # error, warn

    def __str__(self) -> str:
        place = " ".join(part for part in (self.file, self._line(), self._field()) if part)
        seen = f"看到“{short(self.seen)}”，" if self.seen else ""
        return f"{place}：{seen}{self.advice}" if place else f"{seen}{self.advice}"

    def _line(self) -> str:
        return f"第{self.row}行" if self.row else (f"[{self.script}]" if self.script else "")

    def _field(self) -> str:
        return f"“{self.column}”" if self.column else ""


class LoadError(Exception):
    """Nothing was imported; `problems` lists every reason at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def short(text: str, limit: int = 40) -> str:
    """The beginning of a text on one line, for messages."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
