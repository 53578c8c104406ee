"""The part `console` of bench: how long each page is counted among very many customers."""

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from bot.commands.bench_fill import EACH, STORES, TEAM, fill
from bot.commands.figures import Figure, Size
from handlers.console import door, pages
from handlers.console.values import Reader, View
from handlers.context import Ctx
from handlers.settings import Access, Advisor, Manager, Settings, Store
from handlers.team import Team
from nlp.lexicon import Lexicon
from scriptbank.bank import Bank
from storage import tallies
from storage.sqlite import Sqlite

AT = datetime(2026, 3, 6, 2, tzinfo=UTC)
TIMES = 15
READERS = (("一家店", "m0"), ("全部门店", "all"))


async def console(size: Size) -> list[Figure]:
    """Each page, for the manager of one store and for whoever sees all of them."""
    return await asyncio.to_thread(_measure, size)


def _measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        path = Path(folder) / "console.db"
        began = time.perf_counter()
        db = Sqlite(path)
        db.migrate()
        fill(db, size.customers, AT)
        db.run("pragma wal_checkpoint(truncate)")
        made = time.perf_counter()
        _count(db)
        counted = time.perf_counter()
        figures = list(_figures(db, size, path))
        db.close()
    return [*figures, _once("造这个库", made - began), _once("按天算好", counted - made)]


def _count(db: Sqlite) -> None:
    """The days that are over, as the program's own tick does it."""
    ctx = _ctx(db)
    done = 1
    while done:
        with db.atomic():
            done = tallies.roll(db, ctx.zone, ctx.today.toordinal())


def _once(what: str, took: float) -> Figure:
    return Figure("console", f"{what}用了", f"{took:.0f} s", None, "")


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
