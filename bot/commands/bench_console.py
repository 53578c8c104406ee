"""The part `console` of bench: how long each page is counted among very many customers."""

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bot.commands.figures import Figure, Size
from handlers.console import door, pages
from handlers.console.values import Reader, View
from handlers.context import Ctx
from handlers.settings import Access, Advisor, Manager, Settings, Store
from handlers.team import Team
from nlp.lexicon import Lexicon
from scriptbank.bank import Bank
from storage import stats
from storage.sqlite import Sqlite

AT = datetime(2026, 3, 6, 2, tzinfo=UTC)
STORES, TEAM = 200, 15  # stores, and advisors of each
EACH = 10  # events of a customer, over two years
SLICE = 20_000
TIMES = 15
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
KINDS = (*stats.FUNNEL, "级别", "意向", "投诉", "交付", "预约")
SQL_CUSTOMER = """insert into customers (id, name, title, store, owner, source, stage, model, phone,
        tier, track, tier_reason, level, level_reason, added_at, spoke_at, contacted_at)
    values (:id, :name, '', :store, :owner, 'web', '开口', 'S6', '', :tier, 'talking',
        '近14天发言2次', :level, '', :added, :spoke, :told)"""
SQL_EVENT = """insert into events (id, customer, kind, at, source, evidence, by_whom)
    values (:id, :c, :kind, :at, 'import', '', '')"""
SQL_OWED = """insert into followups (id, customer, advisor, kind, due_at, reason, say, state,
        origin_at, overdue, created_at)
    values (:id, :c, :owner, 'cadence', :at, '', '', 'open', :at, 0, :at)"""
SQL_USE = """insert into script_uses (id, script, advisor, customer, question, outcome, at)
    values (:id, :script, :owner, :c, '', :outcome, :at)"""
READERS = (("一家店", "m0"), ("全部门店", "all"))


async def console(size: Size) -> list[Figure]:
    """Each page, for the manager of one store and for whoever sees all of them."""
    return await asyncio.to_thread(_measure, size)


def _measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        path = Path(folder) / "console.db"
        db = Sqlite(path)
        db.migrate()
        rng = random.Random(1)
        for first in range(0, size.customers, SLICE):
            with db.atomic():
                _fill(db, range(first, min(first + SLICE, size.customers)), rng)
        db.run("pragma wal_checkpoint(truncate)")
        figures = list(_figures(db, size, path))
        db.close()
    return figures


def _figures(db: Sqlite, size: Size, path: Path) -> Iterator[Figure]:
    ctx = _ctx(db)
    for who, member in READERS:
        reader = door.reader(member, ctx)
        assert reader is not None
        for name, shown in pages.PAGES.items():
            if shown.menu and shown.roles & reader.roles:
                yield _page(who, reader, name, ctx)
    held, events = path.stat().st_size / 1e6, size.customers * EACH
    what = f"{size.customers} 位客户、{events} 件事的库"
    yield Figure("console", what, f"{held:.0f} MB", None, "")


def _page(who: str, reader: Reader, name: str, ctx: Ctx) -> Figure:
    view = door.view(reader, {}, ctx)
    first = _took(name, view, ctx)
    # what takes seconds is not asked so often
    took = [_took(name, view, ctx) for _ in range(TIMES if first < 1 else 3)]
    p50, p99 = median(took), quantiles(took, n=100, method="inclusive")[98]
    title = pages.PAGES[name].menu
    return Figure("console", f"{title}（{who}）", f"{p50 * 1000:.0f} ms", p50 / 0.1,
                  f"0.1秒；p99 {p99 * 1000:.0f} ms，第一次 {first * 1000:.0f} ms")  # fmt: skip


def _took(name: str, view: View, ctx: Ctx) -> float:
    began = time.perf_counter()
    pages.PAGES[name].build(view, ctx)
    return time.perf_counter() - began


def _ctx(db: Sqlite) -> Ctx:
    """A brand of two hundred stores, and an operator who may see everything."""
    stores = tuple(Store(id=f"s{n}", name=f"{n}店") for n in range(STORES))
    team = tuple(Advisor(userid=f"a{n}", name=f"顾问{n}", store=f"s{n % STORES}")
                 for n in range(STORES * TEAM))  # fmt: skip
    managers = (Manager(userid="m0", name="店长", stores=("s0",)),
                Manager(userid="all", name="总部", brand=True, names=True))  # fmt: skip
    settings = Settings(stores=stores, advisors=team, managers=managers,
                        access=Access(operators=("all",)))  # fmt: skip
    return Ctx(db=db, now=AT, lexicon=Lexicon.load(), bank=Bank(), rng=random.Random(1),
               settings=settings, team=Team(settings), cause="bench", usage={})  # fmt: skip


def _fill(db: Sqlite, numbers: range, rng: random.Random) -> None:
    db.many(SQL_CUSTOMER, (_customer(n, rng) for n in numbers))
    db.many(SQL_EVENT, (_event(n, k, rng) for n in numbers for k in range(EACH)))
    db.many(SQL_OWED, (_owed(n, rng) for n in numbers if n % 2))
    db.many(SQL_USE, (_use(n, rng) for n in numbers if n % 5 == 0))


def _ago(rng: random.Random, days: int) -> datetime:
    return AT - timedelta(minutes=rng.randrange(1, days * 1440))


def _id(n: int) -> str:
    return f"wm{n:08d}AAAAAAAAAAAAAAAAAAAAAA"


def _owner(n: int) -> str:
    return f"a{n % (STORES * TEAM)}"


def _customer(n: int, rng: random.Random) -> dict[str, Any]:
    spoke = _ago(rng, 400) if n % 4 else None
    return {
        "id": _id(n), "name": f"{rng.choice(SURNAMES)}{n}", "store": f"s{n % STORES}",
        "owner": _owner(n), "level": rng.choice("HABCCCNN"), "added": _ago(rng, 700),
        "tier": rng.choice(("high", "mid", "low", "low")), "spoke": spoke,
        "told": spoke + timedelta(minutes=9) if spoke and n % 20 else None,
    }  # fmt: skip


def _event(n: int, k: int, rng: random.Random) -> dict[str, Any]:
    return {"id": f"e{n}-{k}", "c": _id(n), "kind": rng.choice(KINDS), "at": _ago(rng, 730)}


def _owed(n: int, rng: random.Random) -> dict[str, Any]:
    """One in fifty is overdue."""
    at = _ago(rng, 7) if n % 51 == 0 else AT + timedelta(minutes=rng.randrange(1, 20_000))
    return {"id": f"f{n}", "c": _id(n), "owner": _owner(n), "at": at}


def _use(n: int, rng: random.Random) -> dict[str, Any]:
    outcome = rng.choice(("adopted", "shown", "refused"))
    return {"id": f"u{n}", "script": f"t{n % 400}", "owner": _owner(n), "c": _id(n),
            "outcome": outcome, "at": _ago(rng, 90)}  # fmt: skip
