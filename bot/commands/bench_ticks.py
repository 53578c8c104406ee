"""The part `ticks` of bench: what a minute costs when the store of customers is large."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bot.commands.figures import Figure, Size
from handlers import escalation, followups, leave, sweep
from handlers.context import Ctx
from handlers.settings import Advisor, Settings, Store
from handlers.team import Team
from nlp.lexicon import Lexicon
from scriptbank.bank import Bank
from storage import followups as owed
from storage.sqlite import Sqlite

AT = datetime(2026, 3, 6, 2, tzinfo=UTC)  # ten in the morning
EACH = 330  # customers of an advisor
SHARE = 5  # of so many customers one is owed a contact
DUE = 1000
JOBS = (sweep.tick, leave.tick, followups.tick, escalation.tick)
SQL_CUSTOMER = """insert into customers (id, name, title, store, owner, source, stage, model, phone,
        tier, track, tier_reason, level, level_reason, added_at, spoke_at)
    values (:id, :name, '', 's1', :owner, '', '开口', '', '', 'mid', 'talking', '', 'B', '', :at,
        :at)"""
SQL_OWED = """insert into followups (id, customer, advisor, kind, due_at, reason, say, state,
        origin_at, overdue, created_at)
    values (:id, :customer, :advisor, 'cadence', :due, '', '', 'open', :due, 0, :at)"""


async def ticks(size: Size) -> list[Figure]:
    """An empty minute, the read of what is due, and a morning list, on a file of that size."""
    return await asyncio.to_thread(_measure, size)


def _measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        db = Sqlite(Path(folder) / "ticks.db")
        db.migrate()
        settings = _settings(size.customers)
        _fill(db, size.customers, settings)
        ctx = _ctx(db, settings)
        db.run("select 1")
        bare = _took(lambda: db.rows("select 1 as one"), size.asked)
        figures = list(_figures(db, ctx, size, bare))
        db.close()
    return figures


def _figures(db: Sqlite, ctx: Ctx, size: Size, bare: float) -> Iterator[Figure]:
    of = f"{size.customers} 位客户、{size.customers // SHARE} 条待跟进"
    against = f"一句 select 1，{bare * 1e6:.0f} µs"
    for job in JOBS:
        list(job(ctx))  # the first run sets the timers
    alone = _took(lambda: list(followups.tick(ctx)), size.asked)
    yield _figure(f"没有到期的一次跟进检查（{of}）", alone, bare, against)
    every = _took(lambda: [list(job(ctx)) for job in JOBS], size.asked)
    yield _figure("同上，跟进、请假、入群满期、逾期四项一起", every, bare, against)
    _due(db, ctx.now)
    read = _took(lambda: owed.due(db, ctx.now, DUE), 20)
    yield _figure(f"读出 {DUE} 条到期的", read, bare, against)
    listed = [_once(lambda a=a: list(followups.morning(a, ctx)))  # type: ignore[misc]
              for a in ctx.settings.advisors[:20]]  # fmt: skip
    yield _figure("一份 8 位的晨间名单（不含话术检索）", median(listed), bare, against)


def _figure(what: str, took: float, bare: float, against: str) -> Figure:
    return Figure("ticks", what, f"{took * 1000:.3f} ms", took / bare, against)


def _took(act: Callable[[], Any], times: int) -> float:
    return median(_once(act) for _ in range(times))


def _once(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _settings(customers: int) -> Settings:
    team = tuple(Advisor(userid=f"a{n}", name=f"顾问{n}", store="s1")
                 for n in range(max(1, customers // EACH)))  # fmt: skip
    return Settings(stores=(Store(id="s1", name="一店"),), advisors=team)


def _ctx(db: Sqlite, settings: Settings) -> Ctx:
    return Ctx(db=db, now=AT, lexicon=Lexicon.load(), bank=Bank(), rng=random.Random(1),
               settings=settings, team=Team(settings), cause="bench", usage={})  # fmt: skip


def _fill(db: Sqlite, customers: int, settings: Settings) -> None:
    """Everybody's contact lies in the days ahead."""
    team = len(settings.advisors)
    made = AT - timedelta(days=40)
    db.many(SQL_CUSTOMER, ({"id": f"c{n}", "name": f"客户{n}", "owner": f"a{n % team}", "at": made}
                           for n in range(customers)))  # fmt: skip
    db.many(SQL_OWED, ({"id": f"f{n}", "customer": f"c{n}", "advisor": f"a{n % team}", "at": made,
                        "due": AT + timedelta(days=1, minutes=n % 40_000)}
                       for n in range(customers // SHARE)))  # fmt: skip


def _due(db: Sqlite, now: datetime) -> None:
    """A thousand fall due, and eight of each of the first advisors."""
    wanted = [f"f{n}" for n in range(DUE)]
    db.many("update followups set due_at = :now, origin_at = :now where id = :id",
            ({"id": key, "now": now} for key in wanted))  # fmt: skip
    for advisor in range(20):
        rows = owed.owed_by(db, f"a{advisor}", now + timedelta(days=60))[:8]
        db.many("update followups set due_at = :now where id = :id",
                ({"id": f.id, "now": now} for f in rows))  # fmt: skip
