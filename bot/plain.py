"""Text of others on a terminal and in the log: it may say anything, but it gives no orders there.

A nickname with escape sequences could repaint the operator's screen, one with line ends could
forge a line of the log, one with direction marks could turn a sentence round.
"""

import logging
import re
import unicodedata
from typing import Any, TextIO

LINES = "\n\t"
LONGEST = 5000  # characters of a message that are read; nobody types more than WeCom takes
BLANKS = re.compile(r"(\s{20})\s+")  # patterns that look for blanks try each of them anew
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ORDERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
    rf"{''.join(sorted(TURNING))}]|\r(?!\n)|\x1b(?!\[[0-9;]*m)"
)


def harmless(text: str, keep: str = "") -> str:
    """With control characters and direction marks spelt out; `keep` names those that may stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or not _commands(c) else _spelt(c) for c in text)


class Screen:
    """Standard output on which no name gives orders: no title, no repainting, no turning round.

    Colours stay, since the tables of ours have them; those in what people typed are gone before.
    What is spelt out is spelt as JSON does, so that a program can still read it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(ORDERS.sub(lambda m: f"\\u{ord(m[0]):04x}", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def readable(text: str) -> str:
    """As much of a message as is read: a stranger's wall of blanks must not keep the others."""
    return BLANKS.sub(r"\1", text[:LONGEST])


def _commands(character: str) -> bool:
    return character in TURNING or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def _spelt(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class Lines(logging.Formatter):
    """One record is one line, and its traceback the lines below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = harmless(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        return harmless(super().formatException(ei), LINES)  # type: ignore[arg-type]
