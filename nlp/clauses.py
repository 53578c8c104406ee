"""Where one thought ends and the next begins: clauses, and the mark that closes each."""

import re
from bisect import bisect_right
from typing import NamedTuple

# A comma or a point between two digits belongs to the number; a space only ends a clause where
# people use it for a comma, between two Chinese characters. All begin with one set of characters,
# and look back at what it was: so the search runs over everything else in one stride.
BREAK = re.compile(
    r"[,.。!?;…\n~\s但不可然只就虽而另还](?:"
    r"(?<=[,.])(?:(?<!\d[,.])[,.]*|[,.]*(?!\d))|(?<=[。!?;…\n~])[。!?;…\n~]*"
    r"|(?<=[^\x00-\x7f]\s)\s*(?=[^\x00-\x7f])"
    r"|(?P<turn>(?<=但)是?|(?<=不)过|(?<=[可只就])是|(?<=然)而|(?<=虽)[然说]|(?<=而)且|(?<=另)外|(?<=还)有))"
)


class Clause(NamedTuple):
    start: int
    end: int
    mark: str  # the punctuation that follows: "," "?" "" …


def split(text: str) -> tuple[Clause, ...]:
    """The clauses of a normalised text; empty ones are left out, but their marks are kept."""
    found: list[Clause] = []
    start = 0
    for cut in BREAK.finditer(text):
        since, until = cut.span()
        if cut.lastgroup:
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
