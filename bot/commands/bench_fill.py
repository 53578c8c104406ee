"""A store of any size for the benches, made by the database itself: a million rows in seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from nlp.labels import CONCERNS
from storage import stats
from storage.sqlite import Sqlite

STORES, TEAM = 200, 15  # stores, and advisors of each
EACH = 10  # events of a customer, over two years
KINDS = (*stats.FUNNEL, "级别", "意向", "投诉", "交付", "预约", "活动")
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
FILLED = ("customers", "events", "messages", "tags", "followups", "script_uses")


@dataclass(frozen=True, slots=True)
class Dice:
    """Numbers that look thrown and are the same in every run: a prime's remainders, squared."""

    seed: str  # an SQL expression, another one for each row

    def __call__(self, salt: int, sides: int) -> str:
        thrown = f"((({self.seed}) * 11 + {salt}) * 48271 % 2147483647)"
        return f"({thrown} * {thrown} % 2147483647 * 69621 % 2147483647 % {sides})"


def fill(db: Sqlite, people: int, at: datetime) -> None:
    """So many customers with what happened to them up to that time, in one transaction."""
    with db.atomic(), _bare(db):
        db.run("drop table if exists temp.numbers")
        db.run(f"""create temp table numbers as with recursive counted(n) as (
            select 0 union all select n + 1 from counted where n + 1 < {people})
            select n from counted""")
        for sql in (_customers, _events, _messages, _tags, _owed, _uses):
            db.run(sql(at))
        db.run("drop table temp.numbers")


@contextmanager
def _bare(db: Sqlite) -> Iterator[None]:
    """Without indexes, which are built at the end in one go."""
    marks = ", ".join(f"'{table}'" for table in FILLED)
    found = db.rows(f"""select name, sql from sqlite_master where type = 'index'
        and sql is not null and tbl_name in ({marks})""")
    for row in found:
        db.run(f"drop index {row['name']}")
    yield
    for row in found:
        db.run(row["sql"])


ID = "printf('wm%08dAAAAAAAAAAAAAAAAAAAAAA', n)"
OWNER = f"'a' || (n % {STORES * TEAM})"


def _ago(minutes: str, at: datetime) -> str:
    """So many minutes before that time, as times are kept."""
    seconds = f"{int(at.timestamp())} - ({minutes}) * 60"
    return f"strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || '.000000+00:00'"


def _back(dice: Dice, salt: int, days: int, at: datetime) -> str:
    return _ago(f"1 + {dice(salt, days * 1440 - 1)}", at)


def _one_of(values: str, dice: Dice, salt: int) -> str:
    """A letter of the text."""
    return f"substr('{values}', 1 + {dice(salt, len(values))}, 1)"


def _customers(at: datetime) -> str:
    """One in four never spoke; one in twenty was not answered."""
    dice = Dice("n")
    tier = _one_of("hmll", dice, 3)
    spoke = f"1 + {dice(5, 400 * 1440 - 1)}"
    return f"""insert into customers (id, name, title, store, owner, source, stage, model, phone,
            tier, track, tier_reason, level, level_reason, added_at, spoke_at, contacted_at)
        select {ID}, {_one_of(SURNAMES, dice, 1)} || n, '', 's' || (n % {STORES}), {OWNER}, 'web',
            '开口', 'S6', '', case {tier} when 'h' then 'high' when 'm' then 'mid' else 'low' end,
            'talking', '近14天发言2次', {_one_of("HABCCCNN", dice, 2)}, '',
            {_back(dice, 4, 700, at)}, case when n % 4 then {_ago(spoke, at)} end,
            case when n % 4 and n % 20 then {_ago(f"{spoke} - 1", at)} end
        from numbers"""


def _events(at: datetime) -> str:
    dice = Dice(f"n * {EACH} + k")
    kinds = " ".join(f"when {n} then '{kind}'" for n, kind in enumerate(KINDS))
    ks = " union all ".join(f"select {k} as k" for k in range(EACH))
    return f"""insert into events (id, customer, kind, at, source, evidence, by_whom)
        select 'e' || n || '-' || k, {ID}, case {dice(1, len(KINDS))} {kinds} end,
            {_back(dice, 2, 730, at)}, 'import', '', ''
        from numbers, ({ks})"""


def _messages(at: datetime) -> str:
    """One of each customer's, in the last ninety days."""
    return f"""insert into messages (id, customer, who, member, text, at, source)
        select 'm' || n, {ID}, 'customer', '', '在的', {_back(Dice("n"), 6, 90, at)}, 'import'
        from numbers"""


def _tags(at: datetime) -> str:
    """One concern of each customer, of the last four hundred days."""
    dice = Dice("n")
    codes = " ".join(f"when {n} then '{code}'" for n, code in enumerate(CONCERNS))
    when = _back(dice, 10, 400, at)
    return f"""insert into tags (customer, kind, code, polarity, value, evidence, confidence,
            source, state, mentions, first_at, last_at)
        select {ID}, 'concern', case {dice(11, len(CONCERNS))} {codes} end,
            {dice(12, 3)} - 1, '', '', 1, 'message', case n % 3 when 0 then 'solved' else '' end, 1,
            {when}, {when}
        from numbers"""


def _owed(at: datetime) -> str:
    """Every other customer is owed something; one in fifty of these is overdue."""
    dice = Dice("n")
    due = (f"case when n % 51 = 0 then {_back(dice, 7, 7, at)}"
           f" else {_ago(f'-1 - {dice(8, 20_000)}', at)} end")  # fmt: skip
    return f"""insert into followups (id, customer, advisor, kind, due_at, reason, say, state,
            origin_at, overdue, created_at)
        select 'f' || n, {ID}, {OWNER}, 'cadence', {due}, '', '', 'open', {due}, 0, {due}
        from numbers where n % 2"""


def _uses(at: datetime) -> str:
    outcome = "case n % 3 when 0 then 'adopted' when 1 then 'shown' else 'refused' end"
    return f"""insert into script_uses (id, script, advisor, customer, question, outcome, at)
        select 'u' || n, 't' || (n % 400), {OWNER}, {ID}, '', {outcome},
            {_back(Dice("n"), 9, 90, at)}
        from numbers where n % 5 = 0"""
