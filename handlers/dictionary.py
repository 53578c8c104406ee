"""The dictionary of tags: what an advisor may see of a customer, and what gives each tag."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from nlp import toml
from nlp.load import SLOTS as WORDED
from nlp.reading import CONCERNS, INTENTS

SHIPPED = Path(__file__).parent / "data" / "tags.toml"
KINDS = {"interest": "兴趣", "behavior": "行为", "category": "品类", "core_intent": "核心意向"}
EVENTS = ("加微", "开口", "预约", "到店", "试驾", "试乘", "报价", "下订", "交付", "退单", "战败",
          "退订", "投诉", "未到店", "删除好友")  # fmt: skip
COUNTS = ("messages", "checkins", "silent")
SLOTS = (*WORDED, "budget", "price", "down_payment", "monthly", "term", "datetime", "city",
         "model", "rival", "phone", "people", "mileage", "plate")  # fmt: skip
_HEADER = re.compile(r"^\s*\[\[tag\]\]")


class Touch(StrEnum):
    """Where a customer and the company may meet."""

    AUTO_SHOW = "auto_show"
    STORE = "store"
    TEST_DRIVE = "test_drive"
    DELIVERY = "delivery"
    SERVICE = "service"
    PHONE = "phone"
    CONTACT = "contact"
    PRIVATE_CHAT = "private_chat"
    CUSTOMER_GROUP = "customer_group"
    KF = "kf"
    OFFICIAL_ACCOUNT = "official_account"
    VIDEO_ACCOUNT = "video_account"
    MINI_PROGRAM = "mini_program"
    SEARCH = "search"
    WEBSITE = "website"
    VERTICAL = "vertical"
    LIVE = "live"
    SHORT_VIDEO = "short_video"
    ADS = "ads"
    REFERRAL = "referral"
    GAME = "game"

    @property
    def label(self) -> str:
        return _TOUCHES[self.value]


_TOUCHES = {
    "auto_show": "车展", "store": "门店", "test_drive": "试驾", "delivery": "交车",
    "service": "售后", "phone": "电话", "contact": "加微", "private_chat": "私聊",
    "customer_group": "客户群",
    "kf": "微信客服", "official_account": "公众号", "video_account": "视频号",
    "mini_program": "小程序", "search": "搜一搜", "website": "官网", "vertical": "垂直媒体",
    "live": "直播", "short_video": "短视频", "ads": "广告投放", "referral": "转介绍",
    "game": "群互动",
}  # fmt: skip


# What a condition may rest on, and the values that its main field may have; "" means any.
BASES: Mapping[str, tuple[str, ...]] = {
    "concern": CONCERNS, "intent": INTENTS, "signal": ("H", "A", "B", "C"), "slot": SLOTS,
    "about": (), "preference": (), "event": EVENTS, "count": COUNTS, "touch": tuple(Touch),
}  # fmt: skip


class DictionaryError(ValueError):
    """The dictionary is broken; the text says in which file, line and field, and the cure."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that speaks for a tag; `code` is the main field's value, "" for any."""

    basis: str
    code: str
    polarity: int | None = None
    value: str = ""  # of a slot
    low: int = 0  # a slot's figure must be above this,
    high: int = 0  # and not above this; 0 for no limit
    mentions: int = 1
    most: int = 0  # of a count, 0 for no limit
    within: int = 0  # days that a count looks back
    weight: int = 1

    @property
    def kind(self) -> str:
        """The kind of the stored row that it asks for."""
        return self.code if self.basis == "slot" else self.basis

    @property
    def key(self) -> tuple[str, str]:
        """Kind and code of such a row; "" where the code does not matter."""
        return self.kind, "" if self.basis == "slot" else self.code


@dataclass(frozen=True, slots=True)
class Group:
    code: str
    name: str
    kind: str
    weight: float = 1.0  # what stands first on the card


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry: `least` is the weight that its conditions must reach together."""

    name: str
    group: str
    days: int
    when: tuple[Condition, ...]
    least: int = 1
    beats: str = ""
    unless: tuple[str, ...] = ()  # others that say more


@dataclass(frozen=True, slots=True)
class Dictionary:
    groups: Mapping[str, Group]
    tags: Mapping[str, Tag]
    touches: Mapping[str, Touch]  # beginnings of a channel's State
    kept: Mapping[tuple[str, str], int]  # days for which tags need a row of that kind and code
    rests: Mapping[tuple[str, str], tuple[str, ...]]  # tags that a row of that kind may give
    counts: tuple[tuple[str, int], ...]  # what is counted, over how many days
    path: Path
    signature: tuple[int, int]  # time and size of the file when it was read

    def given(self, kind: str, code: str) -> tuple[str, ...]:
        """Names of the tags that such a row may speak for."""
        return (*self.rests.get((kind, code), ()), *self.rests.get((kind, ""), ()))

    def changed(self) -> bool:
        """Whether the file was touched since it was read."""
        return self.path.exists() and _signature(self.path) != self.signature

    def reload(self) -> "Dictionary":
        """The file as it is now; this one stays when that raises."""
        return load(self.path)

    def seen(self) -> "Dictionary":
        """The same one, which knows that its file is worse now: told once, not every minute."""
        return replace(self, signature=_signature(self.path))

    def of_group(self, code: str) -> list[Tag]:
        return [tag for tag in self.tags.values() if tag.group == code]

    def keep(self, kind: str, code: str) -> int:
        """Days for which a stored row may be needed; 0 when no tag rests on it."""
        return max(self.kept.get((kind, code), 0), self.kept.get((kind, ""), 0))

    def touch(self, source: str) -> Touch | None:
        """Where a channel's State says that somebody came from."""
        bare = source.strip().lower()
        return next((t for start, t in self.touches.items() if bare.startswith(start)), None)


def _signature(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@cache
def shipped() -> Dictionary:
    """The dictionary that comes with the program."""
    return load(SHIPPED)


def load(path: Path) -> Dictionary:
    """Read a dictionary; everything that is wrong is told at once."""
    try:
        signature = _signature(path)
        text = path.read_text("utf-8")
        data = toml.loads(text)
    except (OSError, UnicodeDecodeError) as exc:
        raise DictionaryError(f"读不到标签字典 {path.name}：{exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise DictionaryError(f"{path.name} 不是合法的 TOML：{exc}") from exc
    lines = [n for n, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    checked = _Checked(path, data, lines, signature)
    if problems := list(checked.problems()):
        raise DictionaryError("\n".join(problems))
    return checked.dictionary()


def warnings(found: Dictionary) -> list[str]:
    """What loads, but is worth a look: two tags that always come together, groups without tags."""
    owners: dict[tuple[Condition, ...], list[str]] = {}
    for tag in found.tags.values():
        owners.setdefault(tag.when, []).append(tag.name)
    twins = [f"{'、'.join(names)} 的规则完全一样" for names in owners.values() if len(names) > 1]
    empty = [f"{g.name} 组里没有标签" for g in found.groups.values() if not found.of_group(g.code)]
    return twins + empty


@dataclass(frozen=True, slots=True)
class _Checked:
    """A file as read; `problems` says what is wrong, `dictionary` is safe once nothing is."""

    path: Path
    data: Mapping[str, Any]
    lines: list[int]
    signature: tuple[int, int]

    @property
    def name(self) -> str:
        return self.path.name

    def problems(self) -> Iterator[str]:
        for key in self.data.keys() - {"group", "tag", "touch"}:
            yield f"{self.name}：没有 {key} 这种表；可用的是 [[group]]、[[tag]]、[touch]"
        yield from self._groups()
        yield from self._touches()
        for index, row in enumerate(self.data.get("tag", [])):
            line = self.lines[index] if index < len(self.lines) else 1
            for field, said in self._tag(row):
                yield f"{self.name}:{line}：{row.get('name', '（没有名字）')} 的 {field}：{said}"
        yield from self._twice()

    def _groups(self) -> Iterator[str]:
        for row in self.data.get("group", []):
            if row.get("kind") not in KINDS or not row.get("code") or not row.get("name"):
                yield (f"{self.name}：[[group]] {row.get('code', '?')} 要有 code、name，"
                       f"kind 是 {'、'.join(KINDS)} 之一")  # fmt: skip

    def _touches(self) -> Iterator[str]:
        for start, touch in self.data.get("touch", {}).items():
            if touch not in tuple(Touch):
                yield f"{self.name}：[touch] {start} 是 {touch!r}；可用的是 {'、'.join(Touch)}"

    def _tag(self, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        known = {f.name for f in fields(Tag)}
        for field in row.keys() - known:
            yield field, f"没有这个字段；可用的是 {'、'.join(sorted(known))}"
        groups = [g.get("code") for g in self.data.get("group", [])]
        if not isinstance(row.get("name"), str) or not row["name"].strip():
            yield "name", "要有名字，写顾问看得懂的中文"
        if row.get("group") not in groups:
            yield (
                "group",
                f"{row.get('group')!r} 不是已有的组；可用的是 {'、'.join(map(str, groups))}",
            )
        for field in ("days", "least"):
            if not _whole(row.get(field, 1 if field == "least" else None)):
                yield field, "要写大于 0 的整数"
        others = {t.get("name") for t in self.data.get("tag", [])} - {row.get("name")}
        if row.get("beats", "") and row["beats"] not in others:
            yield "beats", f"没有“{row['beats']}”这个标签；写另一个标签的名字"
        for other in row.get("unless", []):
            if other not in others:
                yield "unless", f"没有“{other}”这个标签；写另一个标签的名字"
        yield from _conditions(row.get("when"))

    def _twice(self) -> Iterator[str]:
        rows = self.data.get("tag", [])
        counted = Counter(row.get("name") for row in rows)
        for row, line in zip(rows, self.lines, strict=False):
            if counted[row.get("name")] > 1:
                yield f"{self.name}:{line}：name：“{row['name']}”写了不止一次；改名或合并"

    def dictionary(self) -> Dictionary:
        groups = {g["code"]: Group(**g) for g in self.data.get("group", [])}
        tags = {row["name"]: _entry(row) for row in self.data.get("tag", [])}
        touches = {start: Touch(t) for start, t in self.data.get("touch", {}).items()}
        counted = {(c.code, c.within) for t in tags.values() for c in t.when if c.basis == "count"}
        return Dictionary(
            groups, tags, touches, kept=_kept(tags.values()), rests=_rests(tags.values()),
            counts=tuple(sorted(counted)), path=self.path, signature=self.signature,
        )  # fmt: skip


def _kept(tags: Iterable[Tag]) -> dict[tuple[str, str], int]:
    longest: dict[tuple[str, str], int] = {}
    for tag in tags:
        for c in tag.when:
            longest[c.key] = max(longest.get(c.key, 0), tag.days)
    return longest


def _rests(tags: Iterable[Tag]) -> dict[tuple[str, str], tuple[str, ...]]:
    names: dict[tuple[str, str], dict[str, None]] = {}
    for tag in tags:
        for c in tag.when:
            names.setdefault(c.key, {})[tag.name] = None
    return {key: tuple(found) for key, found in names.items()}


def _entry(row: Mapping[str, Any]) -> Tag:
    unless = tuple(row.get("unless", ()))
    return Tag(**{**row, "when": tuple(map(_condition, row["when"])), "unless": unless})


def _condition(row: Mapping[str, Any]) -> Condition:
    basis = next(name for name in row if name in BASES)
    more = {name: value for name, value in row.items() if name != basis}
    return Condition(basis, row[basis], **more)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _conditions(rows: object) -> Iterator[tuple[str, str]]:
    if not isinstance(rows, list) or not rows:
        yield "when", '至少要有一个条件，例如 when = [{ intent = "test_drive" }]'
        return
    for row in rows:
        yield from _rule(row) if isinstance(row, dict) else [("when", f"{row!r} 不是 {{ … }}")]


def _rule(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    named = [name for name in row if name in BASES]
    if len(named) != 1:
        yield "when", f"{dict(row)} 要写且只写 {'、'.join(BASES)} 中的一个"
        return
    basis, code = named[0], row[named[0]]
    if not isinstance(code, str) or (code and BASES[basis] and code not in BASES[basis]):
        yield basis, f"{code!r} 不认识；可用的是 {'、'.join(BASES[basis])}"
    for field in row.keys() - {basis} - _OPTIONS[basis]:
        allowed = "、".join(sorted(_OPTIONS[basis]))
        yield basis, f"不能带 {field}；可以带 {allowed}"
    for field in row.keys() & _FIGURES:
        if not _whole(row[field]) and row[field] != 0:
            yield field, f"{row[field]!r} 要写整数"
    if row.get("polarity", 0) not in (-1, 0, 1):
        yield "polarity", f"{row['polarity']!r} 要写 -1、0 或 1"
    if not isinstance(row.get("value", ""), str):
        yield "value", f"{row['value']!r} 要写文字"


_FIGURES = frozenset(("low", "high", "mentions", "most", "within", "weight"))
_COMMON = {"mentions", "weight"}
_OPTIONS: Mapping[str, set[str]] = {
    "concern": _COMMON | {"polarity"}, "intent": _COMMON, "signal": _COMMON, "about": _COMMON,
    "preference": _COMMON,
    "slot": _COMMON | {"value", "low", "high"}, "event": _COMMON, "touch": {"weight"},
    "count": _COMMON | {"within", "most"},
}  # fmt: skip
