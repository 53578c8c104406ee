"""Words of a Chinese text; the only module that knows which segmenter does it."""

import functools
import importlib
import logging
from collections.abc import Callable

SEGMENTERS = ("jieba", "rjieba")


@functools.cache
def _segmenter(name: str) -> Callable[[str], list[str]]:
    if name == "rjieba":
        cut: Callable[[str], list[str]] = importlib.import_module("rjieba").cut
        return cut
    import jieba

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba.lcut  # type: ignore[no-any-return]


def load(segmenter: str = "jieba") -> None:
    """Read the dictionary now (1-2 s, 76 MB), rather than in the first message."""
    cut("试驾", segmenter)


def cut(text: str, segmenter: str = "jieba") -> list[str]:
    """The words of a text, in order; joined they are the text again."""
    return _segmenter(segmenter)(text)
