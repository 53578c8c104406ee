"""The pages of the console by their addresses, and whose eyes they are for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from handlers.console import (
    calendar,
    editor,
    iffy,
    life,
    numbers,
    people,
    reports,
    rota,
    running,
    shops,
    words,
)
from handlers.console.door import BRAND, COMMUNITY, MANAGER, OPERATOR
from handlers.console.values import Page, View
from handlers.context import Ctx
from handlers.values import Action

FIGURES = frozenset((MANAGER, BRAND, OPERATOR))
NAMES = frozenset((MANAGER,))
PEOPLE = frozenset((MANAGER, OPERATOR))  # the brand reads figures, of nobody in particular
RUNNING = frozenset((OPERATOR,))
GROUPS = FIGURES | {COMMUNITY}  # what happens in groups, and nothing of customers or sales


@dataclass(frozen=True, slots=True)
class Shown:
    """`menu` is its name there, "" for a page that is only linked to."""

    menu: str
    roles: frozenset[str]
    build: Callable[[View, Ctx], Page]


PAGES: Mapping[str, Shown] = MappingProxyType({
    "": Shown("今天", FIGURES, shops.today),
    "funnel": Shown("漏斗", FIGURES, shops.funnel),
    "stores": Shown("门店", FIGURES, shops.stores),
    "advisors": Shown("顾问", PEOPLE, shops.advisors),
    "customers": Shown("客户", NAMES, people.listing),
    "customer": Shown("", NAMES, people.card),
    "groups": Shown("群", GROUPS, life.groups),
    "calendar": Shown("社群日历", GROUPS, calendar.calendar),
    "scripts": Shown("话术", FIGURES, life.results),
    "activities": Shown("活动", GROUPS, life.activities),
    "alerts": Shown("预警", GROUPS, people.alerts),
    "analyses": Shown("分析", FIGURES, reports.analyses),
    "sop": Shown("SOP", FIGURES, rota.page),
    "library": Shown("话术库", RUNNING, editor.listing),
    "script": Shown("", RUNNING, editor.page),
    "lexicon": Shown("词库", RUNNING, words.page),
    "whatif": Shown("如果", FIGURES, iffy.page),
    "settings": Shown("设置", RUNNING, numbers.page),
    "operations": Shown("运行", RUNNING, running.operations),
})  # fmt: skip


def first(roles: frozenset[str]) -> str:
    """Where somebody begins who may not see the first page; "" for nowhere else."""
    return next((name for name, one in PAGES.items() if one.menu and one.roles & roles), "")


@dataclass(frozen=True, slots=True)
class Deed:
    """What the forms of a page do, for whom: it tells where to go next and what is to be sent."""

    roles: frozenset[str]
    act: Callable[[View, Ctx], tuple[str, Sequence[Action]]]


ACTS: Mapping[str, Deed] = MappingProxyType({
    "script": Deed(RUNNING, editor.act),
    "operations": Deed(RUNNING, running.act),
    "sop": Deed(NAMES, rota.act),
})  # fmt: skip
