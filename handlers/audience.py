"""Audiences: a small language of rules in TOML, read and checked with plain errors.

A condition names one thing (a tag, an event, a count, a score, a date, a column) with its limits;
`all`, `any` and `not` put conditions together. `handlers.membership` makes a query of them.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from handlers.dictionary import EVENTS, SLOTS, Dictionary, shipped
from nlp import toml
from nlp.reading import CONCERNS, INTENTS
from storage.audience import STATES
from storage.scores import NAMES as SCORES

SHIPPED = Path(__file__).parent / "data" / "audiences.toml"
BEHAVIOURS = ("点击", "收藏", "分享", "浏览", "活动", "转介绍", "入群", "退群")
COUNTED = {"share": ("分享",), "click": ("点击",), "favourite": ("收藏",), "activity": ("活动",),
           "visit": ("到店", "试驾", "试乘", "点击", "浏览", "活动")}  # fmt: skip
COUNTS = (*COUNTED, "messages", "checkins")
DATES = {"added": "added_at", "spoke": "spoke_at", "contacted": "contacted_at"}
VALUES: Mapping[str, tuple[str, ...]] = {
    "tier": ("high", "mid", "low"), "level": tuple("OHABCN"),
    "track": ("ordered", "pursuing", "group-active", "talking", "unwoken", "to-wake", "fan"),
    "stage": (), "store": (), "owner": (), "source": (), "model": (),
}  # fmt: skip
SIGNALS = ("H", "A", "B", "C")
GROUPS = ("潜客", "意向", "车主", "活动", "1vN", "内部")
_TIMES = frozenset(("within",))
_OFTEN = frozenset(("within", "least", "most"))
OPTIONS: Mapping[str, frozenset[str]] = {
    "all": frozenset(), "any": frozenset(), "not": frozenset(),
    "tag": frozenset(("confidence",)), "event": _OFTEN, "count": _OFTEN,
    "intent": _TIMES | {"confidence", "least"}, "signal": _TIMES | {"confidence"},
    "concern": _TIMES | {"confidence", "polarity", "least"},
    "slot": _TIMES | {"value", "low", "high"}, "score": frozenset(("low", "high", "class")),
    "state": frozenset(), "group": frozenset(), **dict.fromkeys(VALUES, frozenset()),
    **dict.fromkeys(DATES, frozenset()),
}  # fmt: skip
LIMITS = ("within", "before", "month", "never")
DEEPEST = 6
_NAMED = re.compile(r"“(.+?)”")


class AudienceError(ValueError):
    """An audience is broken; the text says in which file, which audience and key, and the cure."""


@dataclass(frozen=True, slots=True)
class Audience:
    name: str
    says: str
    rule: Mapping[str, Any]
    version: int = 1


@dataclass(frozen=True, slots=True)
class Audiences:
    rules: Mapping[str, Audience]
    version: int
    path: Path
    signature: tuple[int, int] = (0, 0)  # time and size of the file when it was read

    def changed(self) -> bool:
        """Whether the file was touched since it was read."""
        return self.path.exists() and _signature(self.path) != self.signature

    def reload(self, dictionary: Dictionary) -> "Audiences":
        """The file as it is now; this one stays when that raises."""
        return load(self.path, dictionary)

    def seen(self) -> "Audiences":
        """The same ones, which know that their file is worse now: told once, not every minute."""
        return replace(self, signature=_signature(self.path))


def _signature(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


@cache
def standard() -> Audiences:
    """Those that come with the program."""
    return load(SHIPPED)


def load(path: Path, dictionary: Dictionary | None = None) -> Audiences:
    """Read a file of audiences; everything that is wrong is told at once."""
    try:
        signature = _signature(path)
        text = path.read_text("utf-8")
        data = toml.loads(text)
    except (OSError, UnicodeDecodeError) as exc:
        raise AudienceError(f"读不到人群文件 {path.name}：{exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise AudienceError(f"{path.name} 不是合法的 TOML：{exc}") from exc
    found = list(_problems(data, dictionary or shipped()))
    if found:
        raise AudienceError("\n".join(f"{path.name}{_line(text, said)}：{said}" for said in found))
    version = data.get("version", 1)
    rules = {row["name"]: Audience(row["name"], row.get("says", ""), _rule(row), version)
             for row in data.get("audience", ())}  # fmt: skip
    return Audiences(rules, version, path, signature)


def _line(text: str, said: str) -> str:
    """:12 where the audience that a problem names begins; "" where it names none."""
    named = _NAMED.match(said)
    lines = text.splitlines() if named else []
    wanted = f'name = "{named[1]}"' if named else ""
    return next((f":{n}" for n, line in enumerate(lines, 1) if line.strip() == wanted), "")


def _rule(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("name", "says")}


# Checking


def _problems(data: Mapping[str, Any], dictionary: Dictionary) -> Iterator[str]:
    for key in data.keys() - {"audience", "version"}:
        yield f"没有 {key} 这种表；可用的是 version、[[audience]]"
    rows = data.get("audience", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        yield "audience 要写成 [[audience]]"
        return
    seen: set[str] = set()
    for row in rows:
        name = row.get("name")
        if not isinstance(name, str) or not name.strip():
            yield "有一个 [[audience]] 没有 name"
            continue
        if name in seen:
            yield f"“{name}”写了不止一次；改名或合并"
        seen.add(name)
        for where, said in _condition(_rule(row), dictionary, 0):
            yield f"“{name}”的 {where}：{said}"


Problem = tuple[str, str]


def _condition(rule: object, dictionary: Dictionary, depth: int) -> Iterator[Problem]:
    if not isinstance(rule, dict):
        yield "条件", f"{rule!r} 不是 {{ … }}"
        return
    if depth > DEEPEST:
        yield "条件", f"套了 {DEEPEST} 层以上；拆成几个人群"
        return
    named = [key for key in rule if key in OPTIONS]
    if len(named) != 1:
        unknown = named or [key for key in rule if key not in OPTIONS]
        yield (str("、".join(unknown) or "条件"),
               f"一个条件要写且只写一样；可用的是 {'、'.join(OPTIONS)}")  # fmt: skip
        return
    key = named[0]
    for extra in rule.keys() - {key} - OPTIONS[key]:
        allowed = "、".join(sorted(OPTIONS[key])) or "没有别的"
        yield f"{key}.{extra}", f"不认识；{key} 还可以带 {allowed}"
    yield from _main(key, rule[key], dictionary, depth)
    yield from _limits(key, rule)


def _main(key: str, value: Any, dictionary: Dictionary, depth: int) -> Iterator[Problem]:
    if key in ("all", "any"):
        if not isinstance(value, list) or not value:
            yield key, "要写成 [ 条件, 条件 ]，至少一个"
            return
        for part in value:
            yield from _condition(part, dictionary, depth + 1)
    elif key == "not":
        yield from _condition(value, dictionary, depth + 1)
    elif key in DATES:
        yield from _date(key, value)
    else:
        yield from _values(key, value, dictionary)


def _values(key: str, value: Any, dictionary: Dictionary) -> Iterator[Problem]:
    allowed = _allowed(key, dictionary)
    given = value if isinstance(value, list) else [value]
    if not given:
        yield key, "是空的；写一个或几个值"
    for one in given:
        if not isinstance(one, str) or not one:
            yield key, f"{one!r} 要写文字"
        elif allowed and one not in allowed:
            shown = (
                allowed if len(allowed) <= 40 else [*allowed[:12], "…（salesbot tags list 看全部）"]
            )
            yield key, f"{one!r} 不认识；可用的是 {'、'.join(shown)}"


def _allowed(key: str, dictionary: Dictionary) -> tuple[str, ...]:
    return {
        "tag": tuple(dictionary.tags), "event": (*EVENTS, *BEHAVIOURS), "count": COUNTS,
        "intent": tuple(INTENTS), "signal": SIGNALS, "concern": tuple(CONCERNS),
        "slot": tuple(SLOTS), "score": SCORES, "state": tuple(STATES), "group": GROUPS,
    }.get(key) or VALUES.get(key, ())  # fmt: skip


def _date(key: str, value: Any) -> Iterator[Problem]:
    usage = (
        f'{key} = {{ within = 14 }}、{{ before = 30 }}、{{ month = "this" }} 或 {{ never = true }}'
    )
    if not isinstance(value, dict) or not value or value.keys() - set(LIMITS):
        yield key, f"写成 {usage}"
        return
    for name in ("within", "before"):
        if name in value and not _whole(value[name]):
            yield f"{key}.{name}", f"{value[name]!r} 要写 0 到 3650 的天数"
    if value.get("month", "this") not in ("this", "last"):
        yield f"{key}.month", "要写 this 或 last"
    if value.get("never", True) is not True:
        yield f"{key}.never", "要写 true"


def _limits(key: str, rule: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("within", "least", "most"):
        if name in rule and not _whole(rule[name]):
            yield f"{key}.{name}", f"{rule[name]!r} 要写 0 到 3650 的整数"
    for name in ("low", "high", "confidence"):
        number = rule.get(name, 0)
        if isinstance(number, bool) or not isinstance(number, int | float):
            yield f"{key}.{name}", f"{number!r} 要写数字"
    if rule.get("polarity", 0) not in (-1, 0, 1):
        yield f"{key}.polarity", f"{rule['polarity']!r} 要写 -1、0 或 1"
    if key == "count" and "within" not in rule:
        yield key, "要写 within，最近多少天"
    if rule.get("least") == 0 and not rule.get("most") and key in ("event", "count"):
        yield f"{key}.least", "0 次以上是所有人；不要谁就用 not"
    for name in ("class", "value"):
        given = rule.get(name, [])
        if not all(isinstance(v, str) for v in (given if isinstance(given, list) else [given])):
            yield f"{key}.{name}", f"{given!r} 要写文字"


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3650
