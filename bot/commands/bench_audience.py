"""The part `audience` of bench: how long a crowd takes to find among very many customers."""

import asyncio
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bot.commands.figures import Figure, Size
from handlers import audience, membership
from handlers.context import Ctx
from handlers.settings import Settings
from handlers.team import Team
from nlp.lexicon import Lexicon
from scriptbank.bank import Bank
from storage import audience as query
from storage.sqlite import Sqlite

AT = datetime(2026, 3, 6, 2, tzinfo=UTC)
STAGES = ("加微", "开口", "开口", "到店", "试驾", "报价", "下订", "交付", "战败")
HAPPENED = ("到店", "试驾", "报价", "预约", "交付", "点击", "收藏")
BUDGETS = ("12万", "15万-18万", "20万", "25万")
TAGS = (("concern", "price", -1), ("intent", "quote", 0), ("intent", "test_drive", 0),
        ("signal", "A", 0), ("concern", "range", 0))  # fmt: skip
SQL_CUSTOMER = """insert into customers (id, name, title, store, owner, source, stage, model, phone,
        tier, track, tier_reason, level, level_reason, added_at, spoke_at, opted_out_at)
    values (:id, :name, '', :store, :owner, 'web', :stage, 'S6', '', :tier, 'talking',
        '近14天发言2次', :level, '', :added, :spoke, :out)"""
SQL_TAG = """insert into tags (customer, kind, code, polarity, value, evidence, confidence, source,
        state, mentions, first_at, last_at, expires_at)
    values (:c, :kind, :code, :polarity, :code, '客户的原话', 0.8, 'archive', '', 2, :at, :at,
        :ends)
    on conflict do nothing"""
SQL_EVENT = """insert into events (id, customer, kind, at, source, evidence, by_whom)
    values (:id, :c, :kind, :at, 'import', '', '')"""
SQL_SCORE = """insert into scores (customer, name, value, class, inputs, version, at)
    values (:c, :name, :value, :grade, '', 1, :at)"""
TIMES = 5


async def audiences(size: Size) -> list[Figure]:
    """Each audience that ships, counted on a file of that size."""
    return await asyncio.to_thread(_measure, size)


def _measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="salesbot-bench-") as folder:
        path = Path(folder) / "audience.db"
        db = Sqlite(path)
        db.migrate()
        rng = random.Random(1)
        with db.atomic():
            for first in range(0, size.customers, 20_000):
                _fill(db, range(first, min(first + 20_000, size.customers)), rng)
        db.run("pragma wal_checkpoint(truncate)")
        figures = list(_figures(db, size, path))
        db.close()
    return figures


def _figures(db: Sqlite, size: Size, path: Path) -> Iterator[Figure]:
    ctx = _ctx(db)
    before = _peak()
    for one in audience.standard().rules.values():
        node = membership.tree(one, ctx)
        found = query.count(db, node)
        took = median(_took(db, node) for _ in range(TIMES))
        yield Figure("audience", f"{one.name}（{found} 位）", f"{took * 1000:.0f} ms", took,
                     "一秒")  # fmt: skip
    used = _peak() - before
    held = path.stat().st_size / 1e6
    yield Figure("audience", f"{size.customers} 位客户的库", f"{held:.0f} MB", None,
                 f"查询多占的内存 {used:.0f} MB")  # fmt: skip


def _took(db: Sqlite, node: query.Node) -> float:
    began = time.perf_counter()
    query.count(db, node)
    return time.perf_counter() - began


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ctx(db: Sqlite) -> Ctx:
    settings = Settings()
    return Ctx(db=db, now=AT, lexicon=Lexicon.load(), bank=Bank(), rng=random.Random(1),
               settings=settings, team=Team(settings), cause="bench", usage={})  # fmt: skip


def _fill(db: Sqlite, numbers: range, rng: random.Random) -> None:
    """Two or three tags and events each, over a year; one in fifty opted out, or shares."""
    db.many(SQL_CUSTOMER, (_customer(n, rng) for n in numbers))
    db.many(SQL_TAG, (_tag(n, rng) for n in numbers for _ in range(2)))
    db.many(SQL_TAG, (_budget(n, rng) for n in numbers if n % 2))
    db.many(SQL_EVENT, (_event(n, k, rng) for n in numbers for k in range(rng.randrange(5))))
    db.many(SQL_EVENT, (_share(n, k, rng) for n in numbers if n % 49 == 0 for k in range(4)))
    db.many(SQL_SCORE, (_score(n, rng) for n in numbers))
    db.many(SQL_SCORE, (_spreading(n, rng) for n in numbers if n % 3 == 0))


def _ago(rng: random.Random, days: int) -> datetime:
    return AT - timedelta(minutes=rng.randrange(1, days * 1440))


def _customer(n: int, rng: random.Random) -> dict[str, Any]:
    return {
        "id": _id(n), "name": f"客户{n}", "store": f"s{n % 200}",
        "owner": f"a{n % 3000}", "stage": rng.choice(STAGES), "level": rng.choice("HABCCCNN"),
        "tier": rng.choice(("high", "mid", "low", "low")), "added": _ago(rng, 700),
        "spoke": _ago(rng, 400) if n % 4 else None, "out": AT if n % 50 == 0 else None,
    }  # fmt: skip


def _id(n: int) -> str:
    return f"wm{n:08d}AAAAAAAAAAAAAAAAAAAAAA"


def _tag(n: int, rng: random.Random) -> dict[str, Any]:
    kind, code, polarity = rng.choice(TAGS)
    at = _ago(rng, 300)
    ends = at + timedelta(days=90)
    return {"c": _id(n), "kind": kind, "code": code, "polarity": polarity, "at": at, "ends": ends}


def _budget(n: int, rng: random.Random) -> dict[str, Any]:
    at = _ago(rng, 120)
    return {"c": _id(n), "kind": "budget", "code": rng.choice(BUDGETS), "polarity": 0, "at": at,
            "ends": at + timedelta(days=60)}  # fmt: skip


def _event(n: int, k: int, rng: random.Random) -> dict[str, Any]:
    return {"id": f"e{n}-{k}", "c": _id(n), "kind": rng.choice(HAPPENED), "at": _ago(rng, 365)}


def _share(n: int, k: int, rng: random.Random) -> dict[str, Any]:
    return {"id": f"s{n}-{k}", "c": _id(n), "kind": "分享", "at": _ago(rng, 120)}


def _score(n: int, rng: random.Random) -> dict[str, Any]:
    name = rng.choice(("高意向高活跃", "高意向低活跃", "低意向高活跃", "低意向低活跃"))
    return {"c": _id(n), "name": "四象限", "value": 1.0, "grade": name, "at": AT}


def _spreading(n: int, rng: random.Random) -> dict[str, Any]:
    return {"c": _id(n), "name": "传播价值", "value": rng.random() * 5, "grade": "中", "at": AT}
