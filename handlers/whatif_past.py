"""If this rule had been otherwise: reminders, tiers and digests of past days under other numbers.

Read from the stored rows; nothing is written and nobody is told.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from pydantic import ValidationError

from handlers import cadence, digests, whatif, whatif_digests, whatif_replay
from handlers.analytics import odd
from handlers.context import Ctx
from handlers.digest_values import MORNING
from handlers.settings import Manager, Section, Settings
from handlers.tables import Column, Table
from handlers.values import Action, Inbound, Send
from handlers.whatif import MOST, SettingError
from handlers.whatif_digests import Change, Side
from handlers.words import TIERS
from storage.customers import Customer

Standing = tuple[str, str, str]  # store, tier and level
SEEN = "客户"
TRIED = ("tiers", "followups", "digest", "analytics")  # whose keys can be tried
COLUMNS = (
    Column("what", "会变的"),
    Column("was", "现在", "count"),
    Column("now", "改了以后", "count"),
    Column("more", "差", "count"),
)
NOTE = (
    "提醒＝按今天的级别和节奏，每位客户在这些天里该联系几次；意向、级别按库里的记录重判；回放＝从那时的"
    "级别起一天一天重走，升降几次、各意向共多少人日；日报按那些天的事件重算。没有改动任何人。"
)


@dataclass(frozen=True, slots=True)
class Difference:
    what: str
    was: int
    now: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would be otherwise, in a sentence and a table."""

    sentence: str
    rows: tuple[Difference, ...]
    digests: Table | None = None  # how they would read, where anything is otherwise

    @property
    def table(self) -> Table:
        rows = tuple((d.what, d.was, d.now, d.now - d.was) for d in self.rows)
        return Table("whatif", "如果", COLUMNS, rows, NOTE)


def section(text: str) -> str:
    """Of which part of the settings a key is; one without a part is of the tiers."""
    key = text.replace("＝", "=").partition("=")[0].strip()
    return key.partition(".")[0] if "." in key else "tiers"


def changed(given: Iterable[str], settings: Settings) -> Settings:
    """The settings with `followups.cadence_h_days=1` and the like in them."""
    for text in given:
        name = section(text)
        if name not in TRIED:
            raise SettingError(f"{name} 不能试；可以试的有：{'、'.join(TRIED)} 里的键")
        settings = _with(name, text, settings)
    return settings


def _with(name: str, text: str, settings: Settings) -> Settings:
    if name == "tiers":
        return whatif.changed([text], settings)
    key, equals, value = (part.strip() for part in text.replace("＝", "=").partition("="))
    key, part = key.partition(".")[2], getattr(settings, name)
    model: type[Section] = type(part)
    if not equals or key not in model.model_fields:
        raise SettingError(f"[{name}] 里没有 {key or text}；可用：{'、'.join(model.model_fields)}")
    try:
        fresh = model.model_validate({**part.model_dump(), key: value})
    except ValidationError as exc:
        said = exc.errors(include_url=False)[0]["msg"]
        raise SettingError(f"{name}.{key} 不能是 {value}：{said}") from exc
    return settings.model_copy(update={name: fresh})


def run(
    among: Iterable[Customer], manager: Manager | None, given: list[str], days: int, ctx: Ctx
) -> Outcome:
    """The same days twice, as it is set and as it would be."""
    other = replace(ctx, settings=changed(given, ctx.settings))
    again = any(section(text) == "tiers" for text in given)
    was, now = Counter[str](), Counter[str]()
    stood, would = Counter[Standing](), Counter[Standing]()
    for customer in among:
        was.update(_of(customer, days, ctx, stood))
        now.update(_of(customer, days, other, would))
        if again:
            was.update(whatif_replay.walked(customer, days, ctx))
            now.update(whatif_replay.walked(customer, days, other))
    if manager is not None:
        was.update(_digests(manager, days, ctx))
        now.update(_digests(manager, days, other))
    rows = tuple(Difference(what, was[what], now[what]) for what in sorted(was | now)
                 if was[what] != now[what])  # fmt: skip
    sides = (Side(ctx, stood if again else {}), Side(other, would if again else {}))
    read = _read(manager, days, *sides) if manager else []
    told = whatif_digests.table(read, manager.userid, days) if manager and read else None
    return Outcome(_sentence(given, was[SEEN], days, rows, read), rows, told)


def _read(manager: Manager, days: int, was: Side, now: Side) -> list[Change]:
    among = whatif_digests.readers(manager, was.ctx)
    return list(whatif_digests.compared(among, days, was, now))


def _of(customer: Customer, days: int, ctx: Ctx, stood: Counter[Standing]) -> Iterator[str]:
    """Tier and level, and as many reminders as fall into these days."""
    judged = whatif.judged(customer, ctx)
    stood[customer.store, judged.tier, judged.level] += 1
    yield SEEN
    yield f"级别 {judged.level}级"
    yield f"意向 {TIERS[judged.tier]}"
    if cadence.owable(customer, ctx):
        pace = cadence.pace(replace(customer, level=judged.level, tier=judged.tier), ctx)
        yield from ["提醒 次数"] * (days // max(pace.days, 1))


def _digests(manager: Manager, days: int, ctx: Ctx) -> Iterator[str]:
    """Each morning's anomalies and headline, of the days that are over."""
    for n in range(days):
        morning = ctx.on(ctx.today - timedelta(days=n), datetime.min.time())
        then = replace(ctx, now=morning)
        found = odd.bands(manager.stores, morning, then)
        yield from (f"日报 异常“{kind}”" for kind, band in found.items() if band.odd)
        if "平稳" not in digests.headline_of(manager, MORNING, then):
            yield "日报 标题说有变化的天数"


def _sentence(
    given: list[str], n: int, days: int, rows: tuple[Difference, ...], read: list[Change]
) -> str:  # fmt: skip
    said = "、".join(given)
    parts = [f"{d.what}{d.was}→{d.now}" for d in rows[:4]]
    told = "；".join(filter(None, (*parts, whatif_digests.sentence(read))))
    if not told:
        return f"如果 {said}：看了{n}位客户、近{days}天，什么都不变。"
    return f"如果 {said}：看了{n}位客户、近{days}天，{told}。没有改动任何人。"


# In the chat

DAYS = 30
REPLAYED = 500  # customers whose days a chat walks through; the command line takes all


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """如果 followups.cadence_h_days=1; what is of the tiers is answered with examples."""
    text = match["text"]
    manager = ctx.team.manager(msg.sender)
    if manager is None or section(text) == "tiers":
        for action in whatif.command(match, msg, ctx):
            yield _with_replay(action, text, msg.sender, ctx) if manager else action
        return
    among = (c for _, c in zip(range(MOST), whatif.among(msg.sender, 0, ctx), strict=False))
    try:
        found = run(among, manager, [text], DAYS, ctx)
    except SettingError as exc:
        yield Send(msg.sender, str(exc))
        return
    rows = [f"· {d.what}：{d.was}→{d.now}（{d.now - d.was:+d}）" for d in found.rows[:10]]
    rows += [f"· {line}" for line in whatif_digests.lines(found.digests)]
    yield Send(msg.sender, "\n".join([found.sentence, *rows, NOTE]))


def _with_replay(action: Action, text: str, member: str, ctx: Ctx) -> Action:
    """Below who would be judged otherwise today: what the last days would have been."""
    if not isinstance(action, Send):
        return action
    try:
        other = replace(ctx, settings=changed([text], ctx.settings))
    except SettingError:
        return action  # which says what is wrong
    was, now = Counter[str](), Counter[str]()
    among = list(islice(whatif.among(member, 0, ctx), REPLAYED + 1))
    for customer in among[:REPLAYED]:
        was.update(whatif_replay.walked(customer, DAYS, ctx))
        now.update(whatif_replay.walked(customer, DAYS, other))
    read = _digests_read(member, among, ctx, other)
    moved = [f"{key.removeprefix('回放 ')}{was[key]}→{now[key]}" for key in sorted(was | now)
             if was[key] != now[key]]  # fmt: skip
    said = "，".join(moved) if moved else "升降和意向都不变"
    cut = f"（按编号取{REPLAYED}位）" if len(among) > REPLAYED else ""
    return replace(action, text="\n".join([f"{action.text}\n回放近{DAYS}天{cut}：{said}。", *read]))


def _digests_read(member: str, among: list[Customer], ctx: Ctx, other: Ctx) -> list[str]:
    """How the digests would read, where everybody could be judged anew."""
    manager = ctx.team.manager(member)
    if manager is None or len(among) > REPLAYED:
        return []
    found = _read(manager, DAYS, Side(ctx, _stood(among, ctx)), Side(other, _stood(among, other)))
    told = whatif_digests.table(found, member, DAYS)
    return [f"{whatif_digests.sentence(found)}：", *whatif_digests.lines(told)] if found else []


def _stood(among: Iterable[Customer], ctx: Ctx) -> Counter[Standing]:
    judged = ((c.store, whatif.judged(c, ctx)) for c in among)
    return Counter((store, found.tier, found.level) for store, found in judged)
