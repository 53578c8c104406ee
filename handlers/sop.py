"""One-to-one plans as values: read from TOML, checked with line and field, when each step is due.

Pure: nothing here knows a customer's row or the clock.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from handlers.stages import FORWARD
from handlers.words import TIERS
from nlp import toml
from scriptbank.fill import VARIABLES, variables
from scriptbank.script import STAGES

FOLDER = Path(__file__).with_name("data") / "plans"
EVENTS = ("加微", "开口", "到店", "试驾", "试乘", "报价", "下订", "退单", "交付", "战败", "未到店",
          "未试驾", "取消预约", "转介绍", "入群", "退群", "粉丝培育", "解冻")  # fmt: skip
HAPPENS = ("event", "level", "tier", "joined")
WALKS = ("silent", "tag", "date")
TRIGGERS = (*HAPPENS, *WALKS)
AUDIENCE = ("stages", "tiers", "levels", "models", "stores", "tags", "lost", "groups", "names")
DOES = ("draft", "task", "mass", "recall")
EXITS = ("reply", "optout")
THEN = ("tag", "plan", "group")
GROUPS = ("潜客", "意向", "车主", "活动", "1vN")
LEVELS = tuple("OHABCN")
TIER_NAMES = tuple(TIERS.values())
_AFTER = re.compile(r"^(?:(?P<m>\d{1,5})m|(?P<h>\d{1,4})h|(?P<d>\d{1,3})d(?: (?P<at>\d\d:\d\d))?)$")
_KEYS = ("name", "priority", "on", "wakeup", "replaces", "trigger", "audience", "step", "exit",
         "then")  # fmt: skip
_STEP_KEYS = ("after", "do", "script", "text", "say")
MOST_STEPS = 30


@dataclass(frozen=True, slots=True)
class Trigger:
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """`say` is why, for the advisor; the words are a script's, or `text` as it stands."""

    after: str
    do: str
    say: str
    stage: str = ""
    words: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    priority: int
    trigger: Trigger
    steps: tuple[Step, ...]
    audience: Mapping[str, tuple[str, ...]]
    exits: tuple[str, ...] = ("reply", "optout")
    then: Mapping[str, str] = field(default_factory=dict)
    on: bool = False
    wakeup: bool = False
    replaces: tuple[str, ...] = ()

    @property
    def walks(self) -> bool:
        """Nothing happens that starts it: everybody has to be looked at, once a day."""
        return self.trigger.kind in WALKS

    @property
    def lasts(self) -> timedelta:
        return max((offset(s.after) for s in self.steps), default=timedelta())


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file."""

    file: str
    line: int
    field: str
    seen: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.field}：写的是 {self.seen}，应为{self.wanted}"


# When


def offset(after: str) -> timedelta:
    found = _AFTER.match(after)
    if found is None:
        raise ValueError(f"after = {after}")
    return timedelta(minutes=int(found["m"] or 0), hours=int(found["h"] or 0),
                     days=int(found["d"] or 0))  # fmt: skip


def due(step: Step, base: datetime, zone: ZoneInfo, morning: time) -> datetime:
    """2h after it began, or at an hour of the so-manieth day after it."""
    found = _AFTER.match(step.after)
    if found is None or not found["d"]:
        return base + offset(step.after)
    day = base.astimezone(zone).date() + timedelta(days=int(found["d"]))
    at = time.fromisoformat(found["at"]) if found["at"] else morning
    return max(base, datetime.combine(day, at, tzinfo=zone))


def following(
    plan: Plan, done: int, planned: datetime, now: datetime
) -> datetime:  # fmt: skip
    """When the step after `done` is due: as planned, and not on the heels of one that was late."""
    gap = offset(plan.steps[done + 1].after) - offset(plan.steps[done].after)
    return max(planned, now + min(max(gap, timedelta(hours=1)), timedelta(hours=20)))


# Who


def among(value: str, wanted: Sequence[str]) -> bool:
    return not wanted or value in wanted


# Reading


@functools.cache
def shipped() -> tuple[Plan, ...]:
    found, problems = read_folder(FOLDER)
    if problems:
        raise ValueError(str(problems[0]))
    return found


@functools.lru_cache(maxsize=4)
def _own(folder: str) -> tuple[tuple[Plan, ...], tuple[Problem, ...]]:
    return read_folder(Path(folder))


def known(folder: str) -> tuple[Plan, ...]:
    """The shipped plans and the company's own; an own one of the same name takes its place."""
    own = _own(folder)[0] if folder else ()
    named = {plan.name: plan for plan in (*shipped(), *own)}
    return tuple(sorted(named.values(), key=lambda plan: (-plan.priority, plan.name)))


def forget() -> None:
    """Read the company's own plans anew when they are asked for next."""
    _own.cache_clear()


def wrong(folder: str) -> tuple[Problem, ...]:
    """What is wrong with the company's own files; those are left out until it is put right."""
    return _own(folder)[1] if folder else ()


def read_folder(folder: Path) -> tuple[tuple[Plan, ...], tuple[Problem, ...]]:
    plans: list[Plan] = []
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.toml")):
        plan, found = read(file.name, file.read_text(encoding="utf-8"))
        problems += found
        if plan:
            plans.append(plan)
    return tuple(plans), tuple(problems)


def read(file: str, text: str) -> tuple[Plan | None, tuple[Problem, ...]]:
    """The plan, or everything that is wrong with it."""
    try:
        given = toml.loads(text)
    except tomllib.TOMLDecodeError as exc:
        line = re.search(r"line (\d+)", str(exc))
        seen = Problem(file, int(line[1]) if line else 1, "文件", str(exc), "TOML")
        return None, (seen,)
    problems = tuple(_check(_File(file, text), given))
    return (None, problems) if problems else (_plan(given), ())


def _plan(given: Mapping[str, Any]) -> Plan:
    ((kind, value),) = given["trigger"].items()
    audience = {key: _many(value) for key, value in given.get("audience", {}).items()}
    return Plan(
        name=given["name"], priority=given.get("priority", 50), trigger=Trigger(kind, str(value)),
        steps=tuple(_step(one) for one in given["step"]), audience=MappingProxyType(audience),
        exits=tuple(given.get("exit", ("reply", "optout"))),
        then=MappingProxyType(dict(given.get("then", {}))), on=given.get("on", False),
        wakeup=given.get("wakeup", False), replaces=tuple(given.get("replaces", ())),
    )  # fmt: skip


def _many(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _step(given: Mapping[str, Any]) -> Step:
    script = given.get("script", {})
    return Step(given["after"], given.get("do", "draft"), given["say"], script.get("stage", ""),
                script.get("words", ""), given.get("text", ""))  # fmt: skip


# Checking


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    text: str

    def problem(self, where: str, seen: Any, wanted: str, n: int = 0) -> Problem:
        return Problem(self.name, self.line(where.rpartition(".")[2], n), where,
                       f"“{seen}”" if isinstance(seen, str) else str(seen), wanted)  # fmt: skip

    def line(self, key: str, n: int) -> int:
        """Where a key stands; of the n-th step when n is told."""
        lines = self.text.splitlines()
        starts = [i for i, line in enumerate(lines) if line.strip() == "[[step]]"]
        begin = starts[n - 1] if 0 < n <= len(starts) else 0
        found = (i for i, line in enumerate(lines[begin:], begin + 1)
                 if re.match(rf"\s*\[*{re.escape(key)}\b", line))  # fmt: skip
        return next(found, begin + 1)


def _check(file: _File, given: Mapping[str, Any]) -> Iterator[Problem]:
    for key in given.keys() - set(_KEYS):
        yield file.problem(key, key, "、".join(_KEYS) + "之一")
    name, priority = given.get("name"), given.get("priority", 50)
    if not isinstance(name, str) or not 1 <= len(name) <= 20 or re.search(r"\s", name):
        yield file.problem("name", name, "1 到 20 个字、没有空格的名字")
    if not isinstance(priority, int) or not 0 <= priority <= 100:
        yield file.problem("priority", priority, "0 到 100 的整数")
    for key in ("on", "wakeup"):
        if not isinstance(given.get(key, False), bool):
            yield file.problem(key, given[key], " true 或 false")
    yield from _trigger(file, given.get("trigger"))
    yield from _audience(file, given.get("audience", {}))
    yield from _steps(file, given.get("step"))
    yield from _ends(file, given)


def _trigger(file: _File, given: Any) -> Iterator[Problem]:
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in TRIGGERS:
        yield file.problem("trigger", given, f"{'、'.join(TRIGGERS)}中的一个")
        return
    ((kind, value),) = given.items()
    allowed = {"event": EVENTS, "level": LEVELS, "tier": TIER_NAMES, "joined": GROUPS}.get(kind)
    if allowed and value not in allowed:
        yield file.problem(f"trigger.{kind}", value, "、".join(allowed) + "之一")
    elif kind == "silent" and not (isinstance(value, int) and 1 <= value <= 3650):
        yield file.problem("trigger.silent", value, "天数，1 到 3650")
    elif kind == "date" and not isinstance(value, date):
        yield file.problem("trigger.date", value, "日期，例如 2026-05-01")
    elif kind == "tag" and not isinstance(value, str):
        yield file.problem("trigger.tag", value, "标签的名字")


def _audience(file: _File, given: Any) -> Iterator[Problem]:
    if not isinstance(given, dict):
        yield file.problem("audience", given, "一节条件")
        return
    allowed = {"stages": (*FORWARD, "战败"), "tiers": TIER_NAMES, "levels": LEVELS,
               "groups": GROUPS, "lost": ("需求不匹配", "其他")}  # fmt: skip
    for key, value in given.items():
        if key not in AUDIENCE:
            yield file.problem(f"audience.{key}", key, "、".join(AUDIENCE) + "之一")
            continue
        for one in _many(value):
            if key in allowed and one not in allowed[key]:
                yield file.problem(f"audience.{key}", one, "、".join(allowed[key]) + "之一")


def _steps(file: _File, given: Any) -> Iterator[Problem]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_STEPS:
        yield file.problem("step", given and len(given), f"1 到 {MOST_STEPS} 个 [[step]]")
        return
    last = timedelta()
    for n, step in enumerate(given, 1):
        yield from _one_step(file, step, n)
        if isinstance(step.get("after"), str) and _AFTER.match(step["after"]):
            now = offset(step["after"])
            if now < last:
                wanted = "不早于前一步的时间"
                yield file.problem(f"step{n}.after", step["after"], wanted, n)
            last = max(last, now)


def _one_step(file: _File, step: Mapping[str, Any], n: int) -> Iterator[Problem]:
    for key in step.keys() - set(_STEP_KEYS):
        yield file.problem(f"step{n}.{key}", key, "、".join(_STEP_KEYS) + "之一", n)
    after, do = step.get("after"), step.get("do", "draft")
    if not isinstance(after, str) or not _AFTER.match(after):
        yield file.problem(f"step{n}.after", after, " 30m、2h、3d 或 3d 10:00", n)
    elif (at := after.partition(" ")[2]) and not "00:00" <= at < "24:00":
        yield file.problem(f"step{n}.after", after, " 00:00 到 23:59 的钟点", n)
    if do not in DOES:
        yield file.problem(f"step{n}.do", do, "、".join(DOES) + "之一", n)
    if not isinstance(step.get("say"), str) or not step["say"].strip():
        yield file.problem(f"step{n}.say", step.get("say"), "一句给顾问看的理由", n)
    yield from _words(file, step, do, n)


def _words(file: _File, step: Mapping[str, Any], do: Any, n: int) -> Iterator[Problem]:
    text, script = step.get("text", ""), step.get("script", {})
    if do == "recall":
        return
    if bool(text) == bool(script):
        yield file.problem(f"step{n}.text", text, " text 或 script 两者之一", n)
    for name in variables(str(text)):
        if name not in VARIABLES:
            yield file.problem(f"step{n}.text", name, f"变量 {'、'.join(VARIABLES)}之一", n)
        elif do == "mass":
            yield file.problem(f"step{n}.text", name, "不带变量的话，群发人人一样", n)
    if do == "mass" and script:
        yield file.problem(f"step{n}.script", "script", " text，群发人人一样", n)
    if script and (not isinstance(script, dict) or script.get("stage") not in STAGES):
        seen = script.get("stage") if isinstance(script, dict) else script
        yield file.problem(f"step{n}.script", seen, f"stage 是{'、'.join(STAGES)}之一", n)
    elif script and not script.get("words"):
        yield file.problem(f"step{n}.script", "", "找话术用的 words", n)


def _ends(file: _File, given: Mapping[str, Any]) -> Iterator[Problem]:
    for one in _many(given.get("exit", [])):
        stage = one.removeprefix("stage:")
        if one not in EXITS and not (stage != one and stage in (*FORWARD, "战败")):
            yield file.problem("exit", one, " reply、optout 或 stage:下订")
    if "optout" not in given.get("exit", ("optout",)):
        yield file.problem("exit", given["exit"], "含 optout：退订的人一定要退出")
    then = given.get("then", {})
    for key in then.keys() - set(THEN):
        yield file.problem(f"then.{key}", key, "、".join(THEN) + "之一")
    if then.get("group", "1vN") != "1vN":
        yield file.problem("then.group", then["group"], " 1vN，别的群不替您建")
