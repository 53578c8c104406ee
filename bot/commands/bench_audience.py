"""The part `audience` of bench: crowds, minutes, lists and spans among very many customers."""

import asyncio
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bot.commands.bench_people import AT, CUSTOMERS_EACH, STORES, fill
from bot.commands.figures import Figure, Size
from handlers import (
    audience,
    escalation,
    followups,
    intervals,
    knocks,
    leads,
    leave,
    membership,
    overrides,
    scores,
    sweep,
    thaw,
)
from handlers.context import Ctx
from handlers.settings import Advisor, Settings, Store
from handlers.team import Team
from nlp.lexicon import Lexicon
from scriptbank.bank import Bank
from storage import audience as query
from storage.sqlite import Sqlite

TIMES = 5
JOBS = (sweep.tick, leave.tick, followups.tick, escalation.tick, knocks.tick, thaw.tick,
        leads.tick, overrides.tick, scores.tick)  # fmt: skip
LISTED = 20  # advisors whose morning lists are made
WEEK = timedelta(days=7)  # by then a quarter of what is owed has fallen due


async def audiences(size: Size) -> list[Figure]:
    """Each audience that ships, counted on a file of that size, and what else a day asks of it."""
    return await asyncio.to_thread(_measure, size)


def _measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        path = Path(folder) / "audience.db"
        db = Sqlite(path)
        db.migrate()
        built = _took(lambda: fill(db, size.customers))
        before = _peak()
        figures = [*_crowds(db), *_day(db, size)]
        size_mb = path.stat().st_size / 1e6
        held = f"{size_mb:.0f} MB，{built.wall:.0f} 秒建好（处理器 {built.cpu:.0f} 秒）"
        figures.append(Figure("audience", f"{size.customers} 位客户的库", held, None,
                              f"以上各项多占的内存 {_peak() - before:.0f} MB"))  # fmt: skip
        db.close()
    return figures


def _crowds(db: Sqlite) -> Iterator[Figure]:
    ctx = _ctx(db, Settings())
    for one in audience.standard().rules.values():
        node = membership.tree(one, ctx)
        found = query.count(db, node)
        yield _figure(f"{one.name}（{found} 位）", _mid(lambda node=node: query.count(db, node)))  # type: ignore[misc]


def _day(db: Sqlite, size: Size) -> Iterator[Figure]:
    """A minute in which nothing is due, the morning lists, the spans of a manager."""
    ctx = _ctx(db, _settings(size.customers))
    for job in JOBS:
        list(job(ctx))  # the first run sets the timers
    yield _figure("没有到期的一分钟，跟进、升级、线索、评分等九项",
                  _mid(lambda: [list(job(ctx)) for job in JOBS]))  # fmt: skip
    later = replace(ctx, now=AT + WEEK)
    morning = [_took(lambda a=a: list(followups.morning(a, later)))  # type: ignore[misc]
               for a in ctx.settings.advisors[:LISTED]]  # fmt: skip
    yield _figure("一位顾问的晨间名单", _middle(morning))
    advisor = ctx.settings.advisors[0].userid
    yield _figure("一位顾问的周期", _mid(lambda: intervals.paths(ctx, owner=advisor)))
    store = ctx.settings.stores[0].id
    yield _figure("一家店的周期", _mid(lambda: intervals.paths(ctx, stores=[store])))


@dataclass(frozen=True, slots=True)
class Took:
    """By the clock on the wall, and of the processor alone, which others at work do not change."""

    wall: float
    cpu: float


def _figure(what: str, took: Took) -> Figure:
    against = f"一秒；处理器时间 {took.cpu * 1000:.1f} ms"
    return Figure("audience", what, f"{took.wall * 1000:.1f} ms", took.wall, against)


def _mid(act: Callable[[], Any]) -> Took:
    return _middle([_took(act) for _ in range(TIMES)])


def _middle(found: Sequence[Took]) -> Took:
    return Took(median(t.wall for t in found), median(t.cpu for t in found))


def _took(act: Callable[[], Any]) -> Took:
    began, worked = time.perf_counter(), time.process_time()
    act()
    return Took(time.perf_counter() - began, time.process_time() - worked)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _settings(customers: int) -> Settings:
    count = max(1, customers // CUSTOMERS_EACH)
    shops = tuple(Store(id=f"s{n}", name=f"{n}店") for n in range(min(count, STORES)))
    team = tuple(Advisor(userid=f"a{n}", name=f"顾问{n}", store=f"s{n % STORES}")
                 for n in range(count))  # fmt: skip
    return Settings(stores=shops, advisors=team)


def _ctx(db: Sqlite, settings: Settings) -> Ctx:
    return Ctx(db=db, now=AT, lexicon=Lexicon.load(), bank=Bank(), rng=random.Random(1),
               settings=settings, team=Team(settings), cause="bench", usage={})  # fmt: skip
