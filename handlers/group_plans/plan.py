"""A group's plan as a value: plan, day, node; read from TOML, checked with line and field.

Pure: nothing here knows a group's row or the clock.
"""

import functools
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

from handlers.sop import GROUPS, Problem
from nlp import toml
from scriptbank.fill import variables

FOLDER = Path(__file__).parents[1] / "data" / "group_plans"
KINDS = GROUPS
STAGES = ("萌芽", "成长", "成熟", "衰退", "沉寂")
WEEKS = ("1-2", "3-4", "5+")
DOES = {"card": "转发", "mass": "群发", "task": "任务"}
TYPES = ("欢迎", "互动", "话题", "知识", "口碑", "故事", "福利", "邀约", "转介绍", "活动", "祝福",
         "任务")  # fmt: skip
EVERYBODY, NEWCOMERS, THIS_WEEK = "全群", "新人", "本周新人"
WHOM = (EVERYBODY, NEWCOMERS, THIS_WEEK)
TOPIC = "话题"  # a node of this type without a text takes the topic of the day
VARIABLES = ("群名", "群链接", "门店", "门店地址", "顾问名", "昨日话题", "新人", "试驾门店",
             "转介绍礼")  # fmt: skip
MOST_DAYS, MOST_NODES, LONGEST = 60, 120, 1000
_KEYS = ("name", "priority", "say", "kinds", "stages", "weeks", "repeat", "dated", "day")
_DAY_KEYS = ("day", "theme", "node")
_NODE_KEYS = ("at", "do", "kind", "to", "weeks", "text", "link", "material", "note")
Where = Callable[[str, int], int]  # the line of a key; of the n-th node when n is told


@dataclass(frozen=True, slots=True)
class Node:
    """One thing to be done: a text to pass on, a 群发 to confirm, or something outside the chat.

    `weeks` keeps a message from groups whose members are further along; `material` names a kind
    or a word of the library; `note` is for the owner only.
    """

    day: int
    at: str
    do: str
    kind: str
    to: str = EVERYBODY
    weeks: str = ""
    text: str = ""
    link: str = ""
    material: str = ""
    note: str = ""

    @property
    def spoken(self) -> bool:
        """Whether it is a message into the group."""
        return self.do != "task"

    @property
    def clock(self) -> time:
        return time.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Plan:
    """`dated` plans belong to days of the calendar: what is missed is not made up later."""

    name: str
    priority: int
    say: str
    nodes: tuple[Node, ...]
    themes: Mapping[int, str]
    kinds: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    weeks: tuple[str, ...] = ()
    repeat: bool = False
    dated: bool = False

    @property
    def days(self) -> int:
        return max(node.day for node in self.nodes)


@functools.cache
def shipped() -> tuple[Plan, ...]:
    found, problems = read_folder(FOLDER)
    if problems:
        raise ValueError(str(problems[0]))
    return found


@functools.lru_cache(maxsize=4)
def own(folder: str) -> tuple[tuple[Plan, ...], tuple[Problem, ...]]:
    return read_folder(Path(folder))


def read_folder(folder: Path) -> tuple[tuple[Plan, ...], tuple[Problem, ...]]:
    plans: list[Plan] = []
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.toml")):
        plan, found = read(file.name, file.read_text(encoding="utf-8"))
        problems += found
        plans += [plan] if plan else []
    return tuple(plans), tuple(problems)


def read(file: str, text: str) -> tuple[Plan | None, tuple[Problem, ...]]:
    """The plan, or everything that is wrong with it."""
    try:
        given = toml.loads(text)
    except tomllib.TOMLDecodeError as exc:
        line = re.search(r"line (\d+)", str(exc))
        return None, (Problem(file, int(line[1]) if line else 1, "文件", str(exc), "TOML"),)
    return checked(given, file, functools.partial(_line, text))


@functools.lru_cache(maxsize=200)
def kept(body: str) -> Plan | None:
    """One that was imported and lies in the store as JSON."""
    return checked(json.loads(body), "", lambda key, n: 0)[0]


def checked(
    given: Mapping[str, Any], file: str, where: Where
) -> tuple[Plan | None, tuple[Problem, ...]]:
    problems = tuple(_Check(file, where).plan(given))
    return (None, problems) if problems else (_plan(given), ())


def _line(text: str, key: str, n: int) -> int:
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.strip() == "[[day.node]]"]
    begin = starts[n - 1] if 0 < n <= len(starts) else 0
    found = (i for i, line in enumerate(lines[begin:], begin + 1)
             if re.match(rf"\s*\[*{re.escape(key)}\b", line))  # fmt: skip
    return next(found, begin + 1)


def _plan(given: Mapping[str, Any]) -> Plan:
    days = given["day"]
    nodes = [_node(one, day["day"]) for day in days for one in day["node"]]
    return Plan(
        name=given["name"], priority=given.get("priority", 50), say=given["say"],
        nodes=tuple(sorted(nodes, key=lambda node: (node.day, node.at))),
        themes={day["day"]: day.get("theme", "") for day in days},
        kinds=many(given.get("kinds")), stages=many(given.get("stages")),
        weeks=many(given.get("weeks")), repeat=given.get("repeat", False),
        dated=given.get("dated", False),
    )  # fmt: skip


def _node(given: Mapping[str, Any], day: int) -> Node:
    own_text = {key: str(given.get(key, "")).strip()
                for key in ("weeks", "text", "link", "material", "note")}  # fmt: skip
    return Node(day=day, at=given["at"], do=given.get("do", "card"), kind=given["kind"],
                to=given.get("to", EVERYBODY), **own_text)  # fmt: skip


def many(value: Any) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)


@dataclass(frozen=True, slots=True)
class _Check:
    file: str
    where: Where

    def wrong(self, key: str, seen: Any, wanted: str, n: int = 0) -> Problem:
        shown = f"“{seen}”" if isinstance(seen, str) else str(seen)
        named = f"节点{n}.{key}" if n else key
        return Problem(self.file, self.where(key, n), named, shown, wanted)

    def plan(self, given: Mapping[str, Any]) -> Iterator[Problem]:
        for key in given.keys() - set(_KEYS):
            yield self.wrong(key, key, "、".join(_KEYS) + "之一")
        name, priority = given.get("name"), given.get("priority", 50)
        if not isinstance(name, str) or not 1 <= len(name) <= 20 or re.search(r"\s", name):
            yield self.wrong("name", name, "1 到 20 个字、没有空格的名字")
        if not isinstance(priority, int) or not 0 <= priority <= 100:
            yield self.wrong("priority", priority, "0 到 100 的整数")
        if not isinstance(given.get("say"), str) or not given["say"].strip():
            yield self.wrong("say", given.get("say"), "一句给运营看的用处")
        for key, allowed in (("kinds", KINDS), ("stages", STAGES), ("weeks", WEEKS)):
            for one in many(given.get(key)):
                if one not in allowed:
                    yield self.wrong(key, one, "、".join(allowed) + "之一")
        for key in ("repeat", "dated"):
            if not isinstance(given.get(key, False), bool):
                yield self.wrong(key, given[key], " true 或 false")
        yield from self.days(given.get("day"))

    def days(self, given: Any) -> Iterator[Problem]:
        if not isinstance(given, list) or not given:
            yield self.wrong("day", given, "一个以上的 [[day]]")
            return
        seen: set[int] = set()
        n = 0
        for day in given:
            number, nodes = day.get("day"), day.get("node")
            for key in day.keys() - set(_DAY_KEYS):
                yield self.wrong(key, key, "、".join(_DAY_KEYS) + "之一", n + 1)
            if type(number) is not int or not 1 <= number <= MOST_DAYS or number in seen:
                yield self.wrong("day", number, f"1 到 {MOST_DAYS} 的天数，不重复", n + 1)
            seen.add(number)
            if not isinstance(nodes, list) or not nodes:
                yield self.wrong("node", nodes, "一个以上的 [[day.node]]", n + 1)
                continue
            for node in nodes:
                n += 1
                yield from self.node(node, n)
        if n > MOST_NODES:
            yield self.wrong("day", n, f"不多于 {MOST_NODES} 个节点")

    def node(self, given: Mapping[str, Any], n: int) -> Iterator[Problem]:
        for key in given.keys() - set(_NODE_KEYS):
            yield self.wrong(key, key, "、".join(_NODE_KEYS) + "之一", n)
        if not _is_clock(given.get("at")):
            yield self.wrong("at", given.get("at"), " 10:00 这样的钟点", n)
        rules: Sequence[tuple[str, Any, Sequence[str]]] = (
            ("do", given.get("do", "card"), tuple(DOES)), ("kind", given.get("kind"), TYPES),
            ("to", given.get("to", EVERYBODY), WHOM),
            ("weeks", given.get("weeks", ""), ("", *WEEKS)),
        )  # fmt: skip
        for key, seen, allowed in rules:
            if seen not in allowed:
                yield self.wrong(key, seen, "、".join(filter(None, allowed)) + "之一", n)
        yield from self.words(given, n)

    def words(self, given: Mapping[str, Any], n: int) -> Iterator[Problem]:
        text, kind = str(given.get("text", "")).strip(), given.get("kind")
        if not text and kind != TOPIC and not given.get("material"):
            yield self.wrong("text", "", "要发的话；只有话题和素材可以不写", n)
        if len(text) > LONGEST:
            yield self.wrong("text", f"{len(text)}字", f"不多于 {LONGEST} 个字", n)
        for name in variables(text):
            if name not in VARIABLES:
                yield self.wrong("text", name, f"变量 {'、'.join(VARIABLES)}之一", n)
        link = str(given.get("link", "")).strip()
        if link and not link.startswith(("https://", "http://")):
            yield self.wrong("link", link, " https:// 开头的地址", n)


def _is_clock(value: Any) -> bool:
    found = isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value)
    return bool(found)
