"""One filter for many groups: by store, city, kind, stage, weeks, official or not, size, name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.group_plans import weeks
from handlers.group_plans.plan import KINDS, STAGES, WEEKS
from handlers.group_plans.weeks import State
from handlers.h5_links import RUNS
from storage import group_sop as rows
from storage.db import Row

HELP = ("可以写：门店、城市、潜客群、意向群、车主群、活动群、1vN群、官方、非官方、萌芽、成长、"
        "成熟、衰退、沉寂、1-2周、3-4周、5+周、50人以上、200人以下、群名=看车")  # fmt: skip
_SIZE = re.compile(
    r"^(?:(?P<n>\d{1,4})人?(?P<way>以上|以下)|(?P<least>\d{1,4})-(?P<most>\d{1,4})人)$"
)


class Unclear(ValueError):
    """A word of the filter that nobody knows; the message is for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty parts let everything through."""

    stores: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    weeks: tuple[str, ...] = ()
    official: bool | None = None
    least: int = 0
    most: int = 1_000_000
    name: str = ""
    said: tuple[str, ...] = field(default=())

    @property
    def words(self) -> str:
        return " ".join(self.said) or "全部群"


@dataclass(frozen=True, slots=True)
class Room:
    """A group that was found, and where it stands."""

    row: Row
    state: State

    @property
    def id(self) -> str:
        return str(self.row["chat_id"])

    @property
    def name(self) -> str:
        return str(self.row["name"] or "未命名的群")


def scope(member: str, ctx: Ctx) -> tuple[str, ...]:
    """The stores whose groups somebody plans for: operators all, managers and 社群运营 theirs."""
    if member.lower() in {one.lower() for one in ctx.settings.access.operators}:
        return tuple(shop.id for shop in ctx.settings.stores)
    manager, runs = ctx.team.manager(member), ctx.team.colleague(member, RUNS)
    both = (*(manager.stores if manager else ()), *(runs.stores if runs else ()))
    return tuple(dict.fromkeys(both))


def parse(words: Sequence[str], ctx: Ctx) -> Filter:
    """Words in any order; raises `Unclear` with the word and what could have been written."""
    found = Filter(said=tuple(words))
    for word in words:
        fitting = next((one for one in _read(word, found, ctx)), None)
        if fitting is None:
            raise Unclear(f"看不懂“{word}”。{HELP}。")
        found = fitting
    return found


def _read(word: str, was: Filter, ctx: Ctx) -> Iterator[Filter]:
    kind, stage, week = word.removesuffix("群"), word, word.removeprefix("第").removesuffix("周")
    shops = [s.id for s in ctx.settings.stores if word in (s.id, s.name, s.city, f"{s.city}市")]
    if shops:
        yield replace(was, stores=(*was.stores, *shops))
    if kind in KINDS:
        yield replace(was, kinds=(*was.kinds, kind))
    if stage in STAGES:
        yield replace(was, stages=(*was.stages, stage))
    if week in WEEKS:
        yield replace(was, weeks=(*was.weeks, week))
    if word in ("官方", "非官方"):
        yield replace(was, official=word == "官方")
    if size := _SIZE.match(word):
        yield _sized(size, was)
    if word.startswith(("群名=", "群名＝")) and len(word) > 3:
        yield replace(was, name=word[3:])
    if word in ("全部", "全部群", "所有群"):
        yield was


def _sized(found: re.Match[str], was: Filter) -> Filter:
    if found["least"]:
        return replace(was, least=int(found["least"]), most=int(found["most"]))
    n = int(found["n"])
    return replace(was, least=n) if found["way"] == "以上" else replace(was, most=n)


def select(wanted: Filter, member: str, ctx: Ctx) -> list[Room]:
    """The groups in the scope of a member that a filter lets through; cheap conditions first."""
    stores = [one for one in scope(member, ctx) if not wanted.stores or one in wanted.stores]
    found = [row for row in rows.rooms(ctx.db, stores, INTERNAL) if _fits(row, wanted)]
    known = (Room(row, weeks.state(row, ctx)) for row in found)
    return [room for room in known if _stands(room, wanted)]


def _fits(row: Row, wanted: Filter) -> bool:
    return (
        (not wanted.kinds or row["kind"] in wanted.kinds)
        and wanted.official in (None, bool(row["official"]))
        and wanted.name in row["name"]
    )


def _stands(room: Room, wanted: Filter) -> bool:
    return (
        (not wanted.stages or room.state.stage in wanted.stages)
        and (not wanted.weeks or room.state.band in wanted.weeks)
        and wanted.least <= len(room.state.seats) <= wanted.most
    )
