"""Words of a Chinese text; the only module that knows which segmenter does it."""

import functools
import importlib.util
import logging
import re
from collections.abc import Callable
from pathlib import Path

SEGMENTERS = ("jieba", "rjieba")
TYING = re.compile("[._-]")
LATIN = re.compile(r"([a-zA-Z0-9]+(?:\.\d+)?%?)")  # what jieba takes for one word


@functools.cache
def fastest() -> str:
    """rjieba where the extra `fast` is installed: the same words, twenty times faster."""
    return "rjieba" if importlib.util.find_spec("rjieba") else "jieba"


@functools.cache
def _segmenter(name: str) -> Callable[[str], list[str]]:
    return _fast() if name == "rjieba" else _plain()


@functools.cache
def _plain() -> Callable[[str], list[str]]:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    own = jieba.Tokenizer()
    # Its own way would read what anybody may have left at a known name in the system's folder for
    # passing files, and is slower than this.
    own.FREQ, own.total = _frequencies(Path(jieba.__file__).with_name(jieba.DEFAULT_DICT_NAME))
    own.initialized = True
    return own.lcut  # type: ignore[no-any-return]


def _frequencies(dictionary: Path) -> tuple[dict[str, int], int]:
    """How often each word is said, with every beginning of a word at 0; and the sum."""
    found, total = {}, 0
    with dictionary.open(encoding="utf-8") as lines:
        for line in lines:
            word, times, _ = line.split(" ", 2)
            found[word] = int(times)
            total += found[word]
            while (word := word[:-1]) and word not in found:  # shorter ones then are in as well
                found[word] = 0
    return found, total


def _fast() -> Callable[[str], list[str]]:
    fast: Callable[[str], list[str]] = importlib.import_module("rjieba").cut

    def cut(text: str) -> list[str]:
        try:
            return _untied(fast(text)) if TYING.search(text) else fast(text)
        except UnicodeEncodeError:  # half a surrogate pair, which only jieba takes
            return _plain()(text)

    return cut


def _untied(words: list[str]) -> list[str]:
    """rjieba leaves DM-i and 15-18 whole, where jieba makes three words of each."""
    return [
        piece
        for word in words
        for piece in (filter(None, LATIN.split(word)) if TYING.search(word) else (word,))
    ]


def load(segmenter: str = "") -> None:
    """Read the dictionary now (1-2 s, 76 MB), rather than in the first message."""
    cut("试驾", segmenter)


def cut(text: str, segmenter: str = "") -> list[str]:
    """The words of a text, in order; joined they are the text again."""
    return _segmenter(segmenter or fastest())(text)
