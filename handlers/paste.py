"""What an advisor pasted: who said what to whom.

Three forms are read: 客户王女士问：…, a transcript with names and times, and bare words.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TOLD = re.compile(
    r"^\s*+(?:客户|顾客)?\s*+[“\"]?(?P<name>[^\s：:，,。？?！!“”\"]{1,12}?)[”\"]?\s*+"
    r"(?:刚才|刚刚|刚|又|来|在群里)?(?:问我|问到|问|说|发来|发|回复|回|留言)(?:了|道|过)?\s*+"
    r"[：:]\s*+(?P<text>.+)$",
    re.S,
)
_DAY = r"(?:(?:\d{2,4}[-/年])?\d{1,2}[-/月]\d{1,2}日?\s*|(?:昨天|前天|星期.|周.)\s*)?"
_CLOCK = _DAY + r"(?:[上下]午\s*|中午\s*|晚上\s*)?\d{1,2}[:：]\d{2}(?:[:：]\d{2})?"
_HEAD = re.compile(rf"^(?P<name>\S(?:.{{0,18}}?\S)??)\s+(?P<at>{_CLOCK})\s*$")
_TIMED = re.compile(
    rf"^(?P<name>\S{{1,16}}?)\s*[（(\[]?\s*{_CLOCK}\s*[)）\]]?\s*[：:]\s*(?P<text>.+)$"
)
_SAYS = re.compile(r"^(?P<name>[^\s：:，,。？?！!]{1,10})\s*[：:]\s*(?P<text>.+)$")
_NAMED_ABOVE = re.compile(r"^(?P<name>[^\s：:，,。？?！!]{1,10})\s*[：:]$")
_RULE = re.compile(r"^[\s—\-=*·]*+(?:\d{2,4}[-/年]\d{1,2}[-/月]\d{1,2}日?)?[\s—\-=*·]*$")
_ASKS = re.compile(
    r"^(?:刚才|刚刚|刚|又|在群里)?来?(?:问我|问到|想问|问|说|发来|反映|留言)(?:了|道|过)?"
    r"[：:，,\s]*(?P<text>.+)$",
    re.S,
)
GENERIC = frozenset(("客户", "顾客", "对方", "他", "她", "TA", "ta"))  # somebody, but who?
_NOTE = re.compile(r"@(?:微信|企业微信|\S+)$")


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Paste:
    """`text` is the customer's words; `name` is who said them, "" when nobody was named.

    `unclear` holds the speakers when it cannot be told which of them is the customer.
    """

    text: str
    name: str = ""
    own: str = ""  # the advisor's own words in a transcript
    unclear: tuple[str, ...] = ()


def told(text: str) -> Paste | None:
    """客户王女士问：冬天续航怎么样"""
    match = _TOLD.match(text.strip())
    if match is None:
        return None
    return Paste(match["text"].strip(), _person(match["name"]))


def _person(name: str) -> str:
    """The name without 客户 before it; "" where only 客户 or 他 is said."""
    return "" if name in GENERIC else name.removeprefix("客户")


def about(text: str, known: Iterable[str]) -> tuple[str, str] | None:
    """A text that begins with the name of a known customer: the name and the rest."""
    bare = text.strip().removeprefix("客户").strip()
    name = max((n for n in known if n and bare.startswith(n)), key=len, default="")
    return (name, bare[len(name) :].strip(" ，,：:")) if name else None


def asks(rest: str) -> str:
    """The words in 问冬天续航怎么样, "" when nothing is being reported."""
    match = _ASKS.match(rest)
    return match["text"].strip() if match else ""


def named(text: str) -> Paste | None:
    """李先生：保值率咋样 on a line of its own; whether that is a name, the caller knows."""
    match = _SAYS.match(text.strip())
    if match is None or "\n" in text.strip():
        return None
    return Paste(match["text"].strip(), _person(match["name"]))


def transcript(text: str, me: str) -> Paste | None:
    """A pasted chat; None when it is no transcript. `me` is the advisor's name."""
    lines = _lines(text)
    if lines is None:
        return None
    mine = {me, "我", "自己"}
    others = tuple(dict.fromkeys(line.name for line in lines if line.name not in mine))
    own = "\n".join(line.text for line in lines if line.name in mine)
    if len(others) != 1:
        return Paste("", own=own, unclear=others)
    said = "\n".join(line.text for line in lines if line.name == others[0])
    return Paste(said, _person(others[0]), own)


def lines(text: str) -> list[tuple[str, str]]:
    """Who said what in the pasted chat of a group; one line is enough."""
    one = _SAYS.match(text.strip())
    found = _lines(text) or ([Line(_who(one["name"]), one["text"])] if one else [])
    return [(line.name, line.text) for line in found]


def pick(text: str, me: str, name: str) -> Paste:
    """The same transcript, once it is known which speaker is the customer."""
    lines = _lines(text) or []
    said = "\n".join(line.text for line in lines if line.name == name)
    return Paste(said, name)


def _lines(text: str) -> list[Line] | None:
    rows = [row.strip() for row in text.strip().splitlines() if not _RULE.match(row)]
    headed = _headed(rows, _HEAD) or _headed(rows, _NAMED_ABOVE)
    if headed:
        return headed
    timed = [_TIMED.match(row) for row in rows]
    if rows and all(timed):
        return [Line(_who(m["name"]), m["text"]) for m in timed if m]
    says = [_SAYS.match(row) for row in rows]
    if len(rows) >= 2 and all(says):
        return [Line(_who(m["name"]), m["text"]) for m in says if m]
    return None


def _headed(rows: list[str], pattern: re.Pattern[str]) -> list[Line]:
    """Name, perhaps with a time, on a line of its own, the words on those below it."""
    found: list[Line] = []
    if not rows or not pattern.match(rows[0]):
        return found
    for row in rows:
        head = pattern.match(row)
        if head:
            found.append(Line(_who(head["name"]), ""))
        else:
            last = found[-1]
            found[-1] = Line(last.name, f"{last.text}\n{row}".strip())
    return [line for line in found if line.text]


def _who(name: str) -> str:
    return _NOTE.sub("", name.strip()).strip()
