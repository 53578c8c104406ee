"""A made-up crowd of any size for the benches, written by the database itself.

A million customers with their tags, events, scores and what is owed them are eight million rows:
made one by one in Python they take minutes. Here each table is one statement over the numbers
from 1 to N, and its indexes come afterwards, in one sweep each.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from storage.db import stamp
from storage.sqlite import Sqlite

AT = datetime(2026, 3, 6, 2, tzinfo=UTC)  # ten in the morning
STORES, CUSTOMERS_EACH = 200, 330  # an advisor looks after so many
STAGES = ("加微", "开口", "开口", "到店", "试驾", "报价", "下订", "交付", "战败")
HAPPENED = ("到店", "试驾", "报价", "预约", "交付", "点击", "收藏")
BUDGETS = ("12万", "15万-18万", "20万", "25万")
LEVELS = ("H", "A", "B", "C", "C", "C", "N", "N")
TIERS = ("high", "mid", "low", "low")
QUADRANTS = ("高意向高活跃", "高意向低活跃", "低意向高活跃", "低意向低活跃")
SAID = (("concern", "price", -1), ("intent", "quote", 0), ("intent", "test_drive", 0),
        ("signal", "A", 0), ("concern", "range", 0))  # fmt: skip
OWED = "n * 5 - n % 5"  # one customer in five, of every advisor
P = 2147483647  # prime, and its square still fits into 64 bits


def chance(salt: int, of: str = "n") -> str:
    """A number that looks like chance, the same in each run: SQLite's own has no seed."""
    mixed = f"(({of} + {salt * 7919}) * 48271 % {P})"
    return f"(({mixed} * {mixed} + {salt * 104729 + 12345} * ({of} % 65521)) % {P} / 8)"


def pick(values: Sequence[str | int], salt: int, of: str = "n") -> str:
    cases = " ".join(f"when {n} then '{value}'" for n, value in enumerate(values))
    return f"case {chance(salt, of)} % {len(values)} {cases} end"


def ago(days: int, salt: int, of: str = "n", base: datetime = AT) -> str:
    """A minute within so many days before."""
    seconds = f"({int(base.timestamp())} - 60 - {chance(salt, of)} % {days * 1440} * 60)"
    return f"strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', {seconds}, 'unixepoch')"


def after(days: int, salt: int) -> str:
    seconds = f"({int(AT.timestamp())} + 86400 + {chance(salt)} % {days * 1440} * 60)"
    return f"strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', {seconds}, 'unixepoch')"


def ident(of: str = "n") -> str:
    """As long as WeCom's are, and in the order of their numbers, so that pages fill up."""
    return f"'wm' || substr('00000000' || ({of}), -8) || 'AAAAAAAAAAAAAAAAAAAAAA'"


def numbers(count: int, least: int = 1) -> str:
    return (f"with recursive nums (n) as (select {least} union all select n + 1 from nums"
            f" where n < {count})")  # fmt: skip


def fill(db: Sqlite, customers: int, shares: int = 49) -> None:
    """So many customers over a year; one in `shares` shared four times, one in fifty opted out."""
    with hasty(db), bare(db, ("customers", "tags", "events", "scores", "followups")):
        for statement in _statements(customers, shares):
            db.run(statement)


@contextmanager
def hasty(db: Sqlite) -> Iterator[None]:
    """A file that a power cut may spoil while it is made; afterwards it is the product's again."""
    for pragma in ("journal_mode = off", "synchronous = off", "secure_delete = off",
                   "cache_size = -400000", "temp_store = memory"):  # fmt: skip
        db.run(f"pragma {pragma}")
    yield
    for pragma in ("journal_mode = wal", "synchronous = full", "secure_delete = on",
                   "cache_size = -2000", "temp_store = default"):  # fmt: skip
        db.run(f"pragma {pragma}")


@contextmanager
def bare(db: Sqlite, tables: Iterable[str]) -> Iterator[None]:
    """Without their indexes meanwhile."""
    names = ", ".join(f"'{name}'" for name in tables)
    found = db.rows(f"""select name, sql from sqlite_master
        where type = 'index' and sql is not null and tbl_name in ({names})""")
    for row in found:
        db.run(f"drop index {row['name']}")
    yield
    for row in found:
        db.run(row["sql"])


def _statements(customers: int, shares: int) -> Iterator[str]:
    everybody = numbers(customers)
    advisors = max(1, customers // CUSTOMERS_EACH)
    yield f"""insert into customers (id, name, title, store, owner, source, stage, model, phone,
            tier, track, tier_reason, level, level_reason, added_at, spoke_at, opted_out_at)
        {everybody} select {ident()}, '客户' || n, '', 's' || (n % {advisors} % {STORES}),
            'a' || (n % {advisors}), 'web', {pick(STAGES, 1)}, 'S6', '', {pick(TIERS, 2)},
            'talking', '近14天发言2次', {pick(LEVELS, 3)}, '', {ago(700, 4)},
            case when n % 4 then {ago(400, 5)} end,
            case when n % 50 = 0 then '{stamp(AT)}' end from nums"""
    yield from _tags(everybody)
    yield from _events(everybody, customers // shares + 1, shares)
    yield from _scores(everybody)
    yield f"""insert into followups (id, customer, advisor, kind, due_at, reason, say, state,
            origin_at, overdue, created_at)
        {numbers(customers // 5)} select 'f' || n, {ident(OWED)}, 'a' || (({OWED}) % {advisors}),
            'cadence', due, '', '', 'open', due, 0, '{stamp(AT)}'
        from (select n, {after(28, 6)} as due from nums)"""


def _tags(everybody: str) -> Iterator[str]:
    head = """insert or ignore into tags (customer, kind, code, polarity, value, evidence,
        confidence, source, state, mentions, first_at, last_at, expires_at)"""
    for turn in (10, 20):
        kind, code, polarity = (pick([row[k] for row in SAID], turn) for k in range(3))
        yield f"""{head} {everybody} select {ident()}, {kind}, {code}, cast({polarity} as integer),
                {code}, '客户的原话', 0.8, 'archive', '', 2, {ago(300, turn + 1)},
                {ago(300, turn + 1)}, {_later(300, turn + 1, 90)} from nums"""
    yield f"""{head} {everybody} select {ident()}, 'budget', {pick(BUDGETS, 30)}, 0,
            {pick(BUDGETS, 30)}, '客户的原话', 0.8, 'archive', '', 2, {ago(120, 31)},
            {ago(120, 31)}, {_later(120, 31, 60)} from nums where n % 2"""


def _later(days: int, salt: int, lasts: int) -> str:
    return f"""strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', {int(AT.timestamp())} - 60
        - {chance(salt)} % {days * 1440} * 60 + {lasts * 86400}, 'unixepoch')"""


def _events(everybody: str, sharers: int, every: int) -> Iterator[str]:
    head = "insert into events (id, customer, kind, at, source, evidence, by_whom)"
    for turn in range(4):
        salt = 40 + turn * 5
        yield f"""{head} {everybody} select 'e{turn}-' || substr('00000000' || n, -8), {ident()},
                {pick(HAPPENED, salt)}, {ago(365, salt + 1)}, 'import', '', '' from nums
            where {chance(60)} % 5 > {turn}"""
        yield f"""{head} {numbers(sharers - 1)} select 's{turn}-' || substr('00000000' || n, -8),
                {ident(f"n * {every}")}, '分享', {ago(120, salt + 2)}, 'import', '', '' from nums"""


def _scores(everybody: str) -> Iterator[str]:
    head = "insert into scores (customer, name, value, class, inputs, version, at)"
    yield f"""{head} {everybody} select {ident()}, '四象限', 1.0, {pick(QUADRANTS, 70)}, '', 1,
        '{stamp(AT)}' from nums"""
    yield f"""{head} {everybody} select {ident()}, '传播价值', {chance(71)} % 500 / 100.0, '中',
        '', 1, '{stamp(AT)}' from nums where n % 3 = 0"""
