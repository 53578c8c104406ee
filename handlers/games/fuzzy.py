"""Whether a typed answer is the one meant: spelling may differ, figures and letters may not."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from rapidfuzz import fuzz

RIGHT_RATIO, NEAR_RATIO = 80, 60
LONG = 4  # shorter answers must be exact: one character of three makes another word
_GUESS = re.compile(
    r"^(?:我猜是?|猜一?下?是?|我?答案?是?|是不是|应该是|会不会是|谜底是?)\s*+[:：，,]?\s*+(?P<words>.+)$"
)
_TAIL = re.compile(r"(?<![\s吗吧呢啊呀?？。.!！~～])[\s吗吧呢啊呀?？。.!！~～]+$")
_FIGURES = re.compile(r"[0-9a-z]+")
Verdict = Literal["right", "near", "wrong"]


def plain(text: str) -> str:
    """Letters, digits and characters only, in one width and case."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(ch for ch in folded if ch.isalnum())


def guess(text: str) -> tuple[str, bool]:
    """The words of an answer, and whether they were said to be one (猜 …, 是不是 …)."""
    words = _TAIL.sub("", text.strip())
    match = _GUESS.match(words)
    return (match["words"], True) if match else (words, False)


def judge(words: str, answers: Iterable[str]) -> Verdict:
    said = plain(words)
    verdicts = {_one(said, plain(answer)) for answer in answers} if said else {"wrong"}
    return "right" if "right" in verdicts else "near" if "near" in verdicts else "wrong"


def _one(said: str, answer: str) -> Verdict:
    if said == answer:
        return "right"
    if len(answer) < LONG or abs(len(said) - len(answer)) > 1:
        return "wrong"
    if _FIGURES.findall(said) != _FIGURES.findall(answer):
        return "wrong"  # S6 is not nearly S4
    ratio = fuzz.ratio(said, answer)
    return "right" if ratio >= RIGHT_RATIO else "near" if ratio >= NEAR_RATIO else "wrong"
