"""Where one thought ends and the next begins: clauses, and the mark that closes each."""

import re
from bisect import bisect_right
from dataclasses import dataclass

# A comma or a point between two digits belongs to the number; a space only ends a clause where
# people use it for a comma, between two Chinese characters. Every branch begins with a character,
# none with a look around, so that the search skips to the few that can begin one.
BREAK = re.compile(
    r"[,.](?<!\d[,.])[,.]*|[,.]+(?!\d)|[。!?;…\n~]+|\s(?<=[^\x00-\x7f]\s)\s*(?=[^\x00-\x7f])"
    r"|(?P<turn>但是|不过|可是|然而|只是|就是|但|虽然|虽说|而且|另外|还有)"
)


@dataclass(frozen=True, slots=True)
class Clause:
    start: int
    end: int
    mark: str  # the punctuation that follows: "," "?" "" …


def split(text: str) -> tuple[Clause, ...]:
    """The clauses of a normalised text; empty ones are left out, but their marks are kept."""
    found: list[Clause] = []
    start = 0
    for cut in BREAK.finditer(text):
        since, until = cut.span()
        if cut["turn"]:
            until = since  # 但是 begins the clause that follows
        if since > start:
            found.append(Clause(start, since, text[since:until].strip()))
        start = max(start, until)
    if start < len(text):
        found.append(Clause(start, len(text), ""))
    return tuple(found)


def index(ends: list[int], at: int) -> int:
    """Which clause a position lies in, given the ends of all."""
    return min(bisect_right(ends, at), len(ends) - 1)
