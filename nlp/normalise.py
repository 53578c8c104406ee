"""One way to write the same thing: width, case, traditional characters, dashes and spaces."""

import functools
import unicodedata
from typing import NamedTuple

import opencc

DASHES = "‐‑‒–—―−－─﹣～〜∼"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f\u00ad"
LONGEST = 2000  # a WeCom text has at most 2,048 bytes; what is longer was not typed
MOVES = "\uffff"  # stands for a character that becomes several or none; nobody can type it


class Normal(NamedTuple):
    """A text for matching, and where each of its characters stood in the original."""

    text: str
    starts: tuple[int, ...] | None  # None: character i came from original character i
    length: int

    @classmethod
    def of(cls, original: str) -> "Normal":
        original = original[:LONGEST]
        text = original.translate(_table())
        if MOVES in text:
            return _moved(original)
        return cls(text, None, len(original))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of the original that text[start:end] came from."""
        if self.starts is None:
            return start, end
        first = self.starts[start] if start < len(self.starts) else self.length
        last = self.starts[end - 1] + 1 if end > start else first
        return first, last


def plain(text: str) -> str:
    """The text as it is matched: NFKC, lower case, simplified, one kind of dash and space."""
    changed = text.translate(_table())
    if MOVES in changed:
        changed = "".join(map(_changed, text))
    return " ".join(changed.split())


def _moved(original: str) -> Normal:
    chars: list[str] = []
    starts: list[int] = []
    for at, char in enumerate(original):
        new = _changed(char)
        chars.append(new)
        starts.extend([at] * len(new))
    return Normal("".join(chars), tuple(starts), len(original))


def _changed(char: str) -> str:
    return _changes().get(ord(char), char)


@functools.cache
def _table() -> list[str]:
    """What becomes of each character; a list, since a dictionary that lacks one is slow to say."""
    table = list(map(chr, range(0x10000)))
    for point, new in _changes().items():
        table[point] = new if len(new) == 1 else MOVES
    return table


@functools.cache
def _changes() -> dict[int, str]:
    table = {point: new for point in range(0x80, 0x10000) if (new := _folded(point)) != chr(point)}
    table |= {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    table |= _simplified()
    table |= dict.fromkeys(map(ord, INVISIBLE), "") | dict.fromkeys(map(ord, DASHES), "-")
    table |= {ord(c): " " for c in "\t\v\f\r\x85\xa0\u3000\u2028\u2029"}
    return table


def _folded(point: int) -> str:
    char = chr(point)
    if 0xD800 <= point < 0xE000 or char == "…":  # NFKC would turn the ellipsis into full stops
        return char
    return unicodedata.normalize("NFKC", char).lower()


def _simplified() -> dict[int, str]:
    ideographs = [chr(p) for p in range(0x4E00, 0xA000)]
    simple = opencc.OpenCC("t2s").convert("\n".join(ideographs)).split("\n")
    pairs = zip(ideographs, simple, strict=True)
    # 乾 is only sometimes traditional (乾隆), 着 and 著 swap meaning: leave what people type alone
    return {ord(a): b for a, b in pairs if a != b and len(b) == 1 and a not in "乾著瞭"}
