"""如果, as a reader sees it: which lines of the digests come, go, change or trade places.

Past editions are put together twice from the same rows, under the settings that hold and under
those that are tried, and laid side by side for everybody who gets one of these stores.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from handlers import digests
from handlers.context import Ctx
from handlers.digest_values import EVENING, MORNING, Edition
from handlers.settings import Manager
from handlers.tables import Column, Table
from handlers.words import short
from storage import stats
from storage.db import Row

DAYS = 7  # the editions of so many days, today's included
CAME, WENT, OTHER, ORDER = "多了", "少了", "换了说法", "换了顺序"
HEAD, DEEDS, WHOLE = "标题句", "建议", "整份"
READERS = 10  # whose editions are read; of a brand with a hundred stores more say no more
SHOWN = 6  # changes in a chat
LONGEST = 60  # characters of an example
COLUMNS = (
    Column("what", "日报里的"), Column("how", "会怎样"), Column("was", "现在写的"),
    Column("now", "改了以后写的"), Column("n", "几份", "count"),
    Column("readers", "几位收件人", "count"),
)  # fmt: skip
NOTE = (
    "近{days}天的早报和晚报，按现在的和改了以后的设置各写一遍再逐行比；逾期、待回复这类只有现在的数。"
    "例子取最近的一份、您自己收到的；别人的只计份数，最多看{people}位收件人。"
)
Standing = Mapping[tuple[str, str, str], int]  # by store, tier and level


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of one edition that one person gets."""

    what: str
    how: str
    was: str
    now: str
    reader: str


@dataclass(frozen=True, slots=True)
class Side:
    """One way to have the settings; `standing` where everybody was judged by them."""

    ctx: Ctx
    standing: Standing


def readers(manager: Manager, ctx: Ctx) -> list[Manager]:
    """Who gets a digest of these stores or some of them; the one who asks comes first."""
    team = ctx.team.managers.values()
    others = [m for m in team if m.userid != manager.userid and {*m.stores} <= {*manager.stores}]
    return [manager, *others][:READERS]


def compared(among: Sequence[Manager], days: int, was: Side, now: Side) -> Iterator[Change]:
    """The newest edition first, so that what is shown as an example is the latest."""
    for ago in range(min(days, DAYS)):
        for edition in (EVENING, MORNING):
            for reader in among:
                first, second = (_written(reader, edition, ago, side) for side in (was, now))
                if first and second:
                    yield from between(first, second, reader.userid)


def _written(reader: Manager, edition: str, ago: int, side: Side) -> Edition | None:
    """As it would have been put together then; None for one that is still to come."""
    ctx = side.ctx
    at = ctx.on(ctx.today - timedelta(days=ago), getattr(ctx.settings.digest, edition))
    if at > ctx.now:
        return None
    then = replace(ctx, now=at)
    return digests.compile_for(reader, edition, then, standing=_standing(reader, side))


def _standing(reader: Manager, side: Side) -> list[Row] | None:
    """As judged under these settings; None where not all of the reader's customers were."""
    counts = Counter[tuple[str, str]]()
    for (store, tier, level), n in side.standing.items():
        counts[tier, level] += n if store in reader.stores else 0
    held = stats.people(side.ctx.db, reader.stores)
    if sum(counts.values()) != sum(row["n"] for row in held):
        return None
    return [{"tier": t, "level": lv, "n": n} for (t, lv), n in sorted(counts.items()) if n]


def between(was: Edition, now: Edition, reader: str) -> Iterator[Change]:
    """Line by line, as far as a message shows them."""
    first, second = (dict(one.lines) for one in (was, now))
    went, came = first.keys() - second.keys(), second.keys() - first.keys()
    yield from (Change(name, WENT, first[name], "", reader) for name in first if name in went)
    yield from (Change(name, CAME, "", second[name], reader) for name in second if name in came)
    both = [name for name in first if name in second]
    yield from (Change(name, OTHER, first[name], second[name], reader) for name in both
                if first[name] != second[name])  # fmt: skip
    order = [name for name in second if name in first]
    if both != order:
        yield Change(WHOLE, ORDER, "、".join(both), "、".join(order), reader)
    if was.headline != now.headline:
        yield Change(HEAD, OTHER, was.headline, now.headline, reader)
    if was.actions != now.actions:
        yield Change(DEEDS, OTHER, "；".join(was.actions), "；".join(now.actions), reader)


# In words


def table(found: Iterable[Change], mine: str, days: int) -> Table:
    """Each kind of change once: in how many editions, for how many readers, the latest of mine."""
    grouped: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for one in found:
        grouped[one.what, one.how].append(one)
    ranked = sorted(grouped.values(), key=lambda some: (-len(some), some[0].what, some[0].how))
    rows = tuple(
        (some[0].what, some[0].how, *_example(some, mine), len(some), len({c.reader for c in some}))
        for some in ranked
    )
    note = NOTE.format(days=min(days, DAYS), people=READERS)
    return Table("digests", "日报读起来会怎样", COLUMNS, rows, note)


def _example(some: Sequence[Change], mine: str) -> tuple[str, str]:
    own = next((one for one in some if one.reader == mine), None)
    return (short(own.was, LONGEST), short(own.now, LONGEST)) if own else ("", "")


def lines(found: Table | None) -> Iterator[str]:
    """For a chat: what changes most, with one example each."""
    for what, how, was, now, n, _ in found.rows[:SHOWN] if found else ():
        said = f"{what}{how}，{n}份"
        yield f"{said}：{was or '（没有）'} → {now or '（没有）'}" if was or now else said


def sentence(found: Sequence[Change]) -> str:
    """日报里多2行、少1行、改3行、换顺序1次，2位收件人; "" where all read the same."""
    if not found:
        return ""
    many = Counter(one.how for one in found)
    said = [f"{word}{many[how]}行" for how, word in ((CAME, "多"), (WENT, "少"), (OTHER, "改"))
            if many[how]]  # fmt: skip
    said += [f"换顺序{many[ORDER]}份"] * bool(many[ORDER])
    return f"日报{'、'.join(said)}，涉及{len({one.reader for one in found})}位收件人"
