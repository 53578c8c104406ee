"""Conversation files: what people say, line by line, and what everybody receives."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.sandbox import phones
from bot.sandbox.faults import Faults
from bot.sandbox.world import Impossible, World
from handlers.settings import Settings

ZONE = ZoneInfo("Asia/Shanghai")


class PlayError(Exception):
    """A line of the file cannot be played; the message names its number."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line: `verb` is advisor, manager, tap, group, customer, event, @clock, @archive..."""

    number: int
    verb: str
    who: str
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Who may appear in a file."""

    advisors: frozenset[str]
    managers: frozenset[str]
    customers: frozenset[str]
    groups: frozenset[str]
    internal: frozenset[str]


_CUSTOMER = re.compile(r"^customer (?P<who>\S+)\s*->\s*(?P<to>[^\s:：]+)\s*[:：]\s?(?P<text>.+)$")
_GROUP = re.compile(r"^group (?P<to>\S+) (?P<who>[^\s:：]+)\s*[:：]\s?(?P<text>.+)$")
_SPEAKS = re.compile(
    r"^(?P<verb>advisor|manager|tap|kf) (?P<who>[^\s:：]+)\s*[:：]\s?(?P<text>.+)$"
)
_PAGE = re.compile(r"^page (?P<to>\S+) (?P<who>[^\s:：]+)\s*[:：]\s?(?P<text>.+)$")
_EVENT = re.compile(r"^event (?P<who>\S+)(?P<text>(?:\s+\w+=\S*)*)$")
_CLOCK = re.compile(
    r"^@clock\s+(?:(?P<day>\d{4}-\d{2}-\d{2})\s+(?P<time>\d{1,2}:\d{2})"
    r"|(?P<steps>(?:\+?\d+[dhms])+)(?:\s+(?P<at>\d{1,2}:\d{2}))?)$"
)
_STEP = re.compile(r"(\d+)([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse(text: str, cast: Cast) -> list[Step]:
    """Every line is checked before anything is played."""
    steps: list[Step] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line and not line.startswith("#"):
            step = _step(number, line)
            _check(step, cast, steps)
            steps.append(step)
    return steps


def _step(number: int, line: str) -> Step:
    if match := _CUSTOMER.match(line):
        return Step(number, "customer", match["who"], match["to"], match["text"])
    if match := _GROUP.match(line):
        return Step(number, "group", match["who"], match["to"], match["text"])
    if match := _SPEAKS.match(line):
        return Step(number, match["verb"], match["who"], "", match["text"])
    if match := _PAGE.match(line):
        return Step(number, "page", match["who"], match["to"], match["text"])
    if match := _EVENT.match(line):
        return Step(number, "event", match["who"], "", match["text"].strip())
    verb, _, rest = line.partition(" ")
    if verb.startswith("@"):
        return Step(number, verb, "", "", rest.strip())
    raise PlayError(
        f"第{number}行看不懂：{line}。行首要是 advisor、manager、tap、group、customer、kf、page、"
        "event、@clock、@archive、@consent 或 @fault"
    )


def _check(step: Step, cast: Cast, before: list[Step]) -> None:
    checks: dict[str, Callable[[], str]] = {
        "advisor": lambda: _known(step.who, cast.advisors, "顾问"),
        "manager": lambda: _known(step.who, cast.managers, "经理"),
        "tap": lambda: _known(step.who, cast.advisors | cast.managers, "成员"),
        "kf": lambda: "",  # anybody may come in from WeChat
        "group": lambda: (
            _known(step.to, cast.internal, "内部群")
            or _known(step.who, cast.advisors | cast.managers, "成员")
        ),
        "customer": lambda: (
            _known(step.who, _customers(cast, before), "客户")
            or _known(step.to, cast.advisors | cast.groups, "顾问或客户群")
        ),
        "page": lambda: (
            (step.to not in phones.NO_GROUP and _known(step.to, cast.groups, "客户群"))
            or _known(step.who, _customers(cast, before) | cast.advisors | cast.managers, "成员")
            or phones.wrong(step.text)
        ),
        "event": lambda: _event(step, cast),
        "@clock": lambda: _clock(step.text),
        "@fault": lambda: _fault(step.text),
        "@archive": lambda: "" if step.text in ("on", "off") else "@archive 后面写 on 或 off",
        "@consent": lambda: _consent(step, _customers(cast, before)),
    }
    check = checks.get(step.verb, lambda: f"没有 {step.verb} 这个指令")
    if problem := check():
        raise PlayError(f"第{step.number}行：{problem}")


_CLOCK_HELP = "@clock 后面写 2026-03-06 09:00、+1d、+6m 或 +1d 08:45"


def _known(name: str, among: frozenset[str], what: str) -> str:
    if name in among:
        return ""
    return f"没有{what} {name}，可用的有 {'、'.join(sorted(among)[:12])}"


def _customers(cast: Cast, before: list[Step]) -> frozenset[str]:
    """Those of the demo and those whom an earlier line added."""
    added = {fields(s.text).get("customer", "") for s in before if s.verb == "event"}
    return cast.customers | frozenset(added - {""})


EVENTS = {
    "add_external_contact": {"user", "customer", "state", "name"},
    "add_half_external_contact": {"user", "customer", "state", "name"},
    "del_external_contact": {"user", "customer"},
    "del_follow_user": {"user", "customer"},
    "kf_enter": {"customer", "scene", "param"},
    "kf_end": {"customer"},
    "enter_agent": {"user"},
    "click": {"user", "key"},
    "groupmsg_confirm": {"user"},
    "feedback": {"user", "type", "reasons", "words"},
}
NEEDED = {"user", "customer", "key"}


def _event(step: Step, cast: Cast) -> str:
    if step.who not in EVENTS:
        return f"没有事件 {step.who}，可用的有 {'、'.join(sorted(EVENTS))}"
    given = fields(step.text)
    unknown = given.keys() - EVENTS[step.who]
    if unknown:
        return f"{step.who} 没有字段 {min(unknown)}，可用的有 {'、'.join(sorted(EVENTS[step.who]))}"
    missing = (EVENTS[step.who] & NEEDED) - given.keys()
    if missing:
        return f"{step.who} 缺少字段 {min(missing)}"
    staff = cast.advisors | cast.managers
    return _known(given["user"], staff, "成员") if "user" in given else ""


def _fault(text: str) -> str:
    """What is wrong with it, found out on switches of nobody."""
    try:
        Faults().told(text)
    except Impossible as wrong:
        return str(wrong)
    return ""


def _consent(step: Step, customers: frozenset[str]) -> str:
    who, _, state = step.text.partition(" ")
    if state not in ("on", "off"):
        return "@consent 后面写客户和 on 或 off，例如 @consent wang off"
    return _known(who, customers, "客户")


def fields(text: str) -> Mapping[str, str]:
    return dict(part.split("=", 1) for part in text.split() if "=" in part)


def _clock(text: str) -> str:
    """What is wrong with it; from which moment it is counted makes no difference."""
    try:
        target(text, datetime(2026, 3, 6, tzinfo=ZONE))
    except PlayError as wrong:
        return str(wrong)
    return ""


def begins(steps: Sequence[Step], otherwise: datetime) -> datetime:
    """When a play starts: at the time its first line sets, if it sets one."""
    first = steps[0] if steps else None
    if first and first.verb == "@clock" and first.text[:1].isdecimal():
        return target(first.text, otherwise)
    return otherwise


def target(text: str, now: datetime) -> datetime:
    """Where `@clock …` leads from `now`; a bare time of day is that of the day reached."""
    try:
        return _target(text, now)
    except (ValueError, OverflowError) as wrong:  # the 32nd, 25 o'clock, a million years
        raise PlayError(f"没有“{text}”这个时间；{_CLOCK_HELP}") from wrong


def _target(text: str, now: datetime) -> datetime:
    match = _CLOCK.match(f"@clock {text}")
    if match is None:
        raise PlayError(_CLOCK_HELP)
    if match["day"]:
        return datetime.fromisoformat(f"{match['day']} {match['time']:0>5}").replace(tzinfo=ZONE)
    step = timedelta(**_added(match["steps"]))
    reached = (now + step).astimezone(ZONE)
    if match["at"]:
        hour, minute = map(int, match["at"].split(":"))
        reached = reached.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return reached


def moment(body: Mapping[str, Any], now: datetime) -> datetime:
    """Where `{"at": ISO}` or `{"add": "1d2h"}` leads."""
    if "at" not in body:
        return target(str(body["add"]), now)
    to = datetime.fromisoformat(str(body["at"]))
    return to if to.tzinfo else to.replace(tzinfo=ZONE)


def _added(steps: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for number, unit in _STEP.findall(steps):
        total[_UNITS[unit]] = total.get(_UNITS[unit], 0) + int(number)
    return total


def shown(item: Mapping[str, object]) -> str:
    """How a received message is printed; further lines are indented by two blanks."""
    body = _body(item)
    safe = "".join(ch if ch == "\n" or unicodedata.category(ch)[0] != "C" else "" for ch in body)
    first, *rest = [*safe.splitlines(), *_menu(item)] or [""]
    return "\n".join([f"-> {item['to']}: {first}".rstrip(), *(f"  {row}".rstrip() for row in rest)])


def _menu(item: Mapping[str, object]) -> list[str]:
    """The items of a service chat's menu, to be chosen by saying their words."""
    menu: list[Mapping[str, str]] = item.get("menu") or []  # type: ignore[assignment]
    return [f"［{'／'.join(one['content'] for one in menu)}］"] if menu else []


def _body(item: Mapping[str, object]) -> str:
    kind = item["type"]
    if kind == "template_card":
        return _card(item["card"])  # type: ignore[arg-type]
    if kind == "image":
        image: Mapping[str, object] = item["image"]  # type: ignore[assignment]
        return f"[图片] {image['name']} {image['width']}x{image['height']}"
    return str(item.get("text") or "")


def _card(card: Mapping[str, object]) -> str:
    title: Mapping[str, str] = card.get("main_title") or {}  # type: ignore[assignment]
    buttons: list[Mapping[str, str]] = card.get("button_list") or []  # type: ignore[assignment]
    head = title.get("title", "")
    rows = [f"[卡片] {head} | 按钮: {'/'.join(b['text'] for b in buttons)}"]
    rows += [title["desc"]] if title.get("desc") else []
    rows += str(card["sub_title_text"]).splitlines() if card.get("sub_title_text") else []
    return "\n".join(rows)


def cast_of(settings: Settings, world: World) -> Cast:
    """Everybody of a world, and what part they may play."""
    return Cast(
        advisors=frozenset(a.userid for a in settings.advisors),
        managers=frozenset(m.userid for m in settings.managers),
        customers=frozenset(c.external_userid for c in world.customers),
        groups=frozenset(g.chat_id for g in world.groups),
        internal=frozenset(g.chatid for g in world.internal),
    )
