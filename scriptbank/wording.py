"""How a text is compared: written plainly, with other ways to say the same brought together."""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from nlp import normalise, toml

FILE = Path(__file__).with_name("synonyms.toml")
LONGEST = 2000  # characters; nobody asks a longer question
MEANING = "~"  # begins the name of a feature that stands for a group of words


@dataclass(frozen=True, slots=True)
class Synonyms:
    """`folded` words are replaced by one of them, `meanings` are added beside the words; words
    from `elsewhere` say that the talk is of something this trade does not answer for."""

    folded: Mapping[str, str]
    meanings: Mapping[str, str]
    fold_pattern: re.Pattern[str]
    meaning_pattern: re.Pattern[str]
    elsewhere_pattern: re.Pattern[str]

    @classmethod
    def read(cls, path: Path) -> "Synonyms":
        content = toml.loads(path.read_text(encoding="utf-8"))
        folded = {word: to for to, words in content["fold"].items() for word in words}
        groups = [group["words"] for group in content["same"]]
        meanings = {word: MEANING + words[0] for words in groups for word in words}
        elsewhere = content["elsewhere"]["words"]
        return cls(folded, meanings, _any(folded), _any(meanings), _any(elsewhere))


def _any(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, words), key=lambda w: (-len(w), w))))


@functools.cache
def shipped() -> Synonyms:
    return Synonyms.read(FILE)


def letters(text: str) -> str:
    """The text as it is compared: plain, without punctuation and spaces."""
    return "".join(filter(str.isalnum, normalise.plain(text[:LONGEST])))


def fold(plain: str) -> str:
    """The letters with words that ask or link written one way: 如何, 怎样, 咋 are 怎."""
    known = shipped()
    return known.fold_pattern.sub(lambda found: known.folded[found[0]], plain) or plain


def features(plain: str, folded: str) -> set[str]:
    """Characters, pairs of neighbours, and the groups of words that mean the same."""
    known = shipped()
    found = set(folded)
    found.update(map("".join, pairwise(folded)))
    found.update(known.meanings[word] for word in known.meaning_pattern.findall(plain))
    return found


def trade(plain: str) -> int:
    """How many of this trade's subjects the letters name."""
    known = shipped()
    return len({known.meanings[word] for word in known.meaning_pattern.findall(plain)})


def strays(plain: str, found: str) -> bool:
    """Do the letters name something outside this trade that the found text does not have?"""
    return any(word not in found for word in shipped().elsewhere_pattern.findall(plain))
