"""Many words at once: a text is walked a single time, whatever their number."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from ahocorasick_rs import AhoCorasick

T = TypeVar("T")
Found = list[tuple[int, int, int]]
"""Which word, where it starts and where it ends; overlapping ones too, in the order of the ends."""


class Words(Generic[T]):
    """Words, each with what it stands for."""

    def __init__(self, meanings: Mapping[str, T]) -> None:
        self._meanings = tuple(meanings.values())
        self._automaton = AhoCorasick(meanings, store_patterns=False)

    def find(self, text: str) -> list[tuple[int, int, T]]:
        """Start, end and meaning of every word in the text, also of those inside others."""
        meanings = self._meanings
        found = walk(self._automaton, text)
        return [(start, end, meanings[word]) for word, start, end in found]


def walk(automaton: AhoCorasick, text: str) -> Found:
    """Every word of the automaton that stands in the text."""
    try:
        return automaton.find_matches_as_indexes(text, overlapping=True)
    except UnicodeEncodeError:  # half a surrogate pair; it is in no word, so any character will do
        return walk(automaton, text.encode("utf-8", "replace").decode())
