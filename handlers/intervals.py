"""周期: how long customers take from one step to the next: median and P75, with the count."""

import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from nlp.labels import CONCERNS
from storage import customers, events
from storage.db import at, moment

STEPS = ("加微", "开口", "到店", "试驾", "报价", "下订", "交付")
NAMES = {"交付": "成交"}  # a deal is one that was delivered
PAIRS = (("加微", "开口"), ("开口", "到店"), ("到店", "试驾"), ("试驾", "报价"), ("报价", "下订"),
         ("下订", "交付"), ("加微", "到店"), ("加微", "试驾"), ("试驾", "交付"))  # fmt: skip
SINCE = "末次触达→今天"
BY = {"顾问": "advisor", "门店": "store", "来源": "source", "顾客": "customer", "顾虑": "concern",
      "关注点": "concern"}  # fmt: skip
WORDS = {code: word for word, code in reversed(BY.items())}
SHOWN = 8  # groups, or customers, of one message


@dataclass(frozen=True, slots=True)
class Path:
    """One customer's steps, each by its first time."""

    customer: str
    owner: str
    store: str
    source: str  # one of the five kinds where a lead tells it
    contacted: datetime | None  # None of somebody who must not be contacted any more, too
    times: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Span:
    """`early` counts those who did the second first: 先到店, 后加微; they are not in the median."""

    name: str
    count: int
    early: int
    median: timedelta | None
    p75: timedelta | None


@dataclass(frozen=True, slots=True)
class Table:
    """The spans of one group."""

    name: str
    customers: int
    spans: tuple[Span, ...]


# Pure


def days(found: Iterable[Path], pair: tuple[str, str], since: datetime) -> list[timedelta]:
    """From the first to the second step, of those who took the second since then."""
    first, second = pair
    return [p.times[second] - p.times[first] for p in found
            if first in p.times and p.times.get(second, since - timedelta(1)) >= since]  # fmt: skip


def span(name: str, lengths: Sequence[timedelta], samples: int) -> Span:
    """Median and P75 of those that are not negative; neither under so many samples."""
    whole = sorted(one for one in lengths if one >= timedelta())
    early = len(lengths) - len(whole)
    if len(whole) < max(samples, 2):
        return Span(name, len(whole), early, None, None)
    seconds = [one.total_seconds() for one in whole]
    p75 = statistics.quantiles(seconds, n=4, method="inclusive")[2]
    return Span(name, len(whole), early, timedelta(seconds=statistics.median(seconds)),
                timedelta(seconds=p75))  # fmt: skip


def table(name: str, found: Sequence[Path], since: datetime, samples: int) -> Table:
    spans = (span(label(pair), days(found, pair, since), samples) for pair in PAIRS)
    return Table(name, len(found), tuple(spans))


def label(pair: tuple[str, str]) -> str:
    return "→".join(NAMES.get(step, step) for step in pair)


# Reading


def window(ctx: Ctx) -> datetime:
    return ctx.now - timedelta(days=ctx.settings.journey.window_days)


def paths(ctx: Ctx, *, owner: str = "", stores: Iterable[str] = ()) -> list[Path]:
    """Of one advisor, or of stores: everybody who took a step within the window."""
    found: dict[str, Path] = {}
    times: dict[str, dict[str, datetime]] = {}
    for row in events.firsts(ctx.db, STEPS, window(ctx), owner=owner, stores=stores):
        mine = times.setdefault(row["customer"], {})
        mine[row["kind"]] = at(row["at"])
        gone = row["opted_out_at"] or row["deleted_at"]
        found[row["customer"]] = Path(
            row["customer"], row["owner"], row["store"], row["lead"] or row["source"],
            None if gone else moment(row["contacted_at"]), mine,
        )  # fmt: skip
    return list(found.values())


def of(member: str, ctx: Ctx) -> list[Path]:
    """What a member may see: a manager their stores, an advisor their own."""
    if manager := ctx.team.manager(member):
        return paths(ctx, stores=manager.stores)
    return paths(ctx, owner=member)


def touched(found: Sequence[Path], ctx: Ctx) -> Span:
    """末次触达→今天, of those who have not bought yet."""
    lengths = [ctx.now - p.contacted for p in found if p.contacted and "交付" not in p.times]
    return span(SINCE, lengths, ctx.settings.journey.samples)


def _concerns(path: Path, ctx: Ctx) -> list[str]:
    found = customers.tags(ctx.db, path.customer, ctx.now, "concern")
    return [CONCERNS.get(t.code, t.code) for t in found] or ["没说过顾虑"]


_GROUP: Mapping[str, Callable[[Path, Ctx], list[str]]] = MappingProxyType({
    "advisor": lambda path, ctx: [ctx.team.name(path.owner) or "无人跟进"],
    "store": lambda path, ctx: [ctx.team.store(path.store).name],
    "source": lambda path, ctx: [path.source or "来源不明"],
    "concern": _concerns,
})  # fmt: skip


def tables(member: str, by: str, ctx: Ctx) -> list[Table]:
    """One table for all, or one for each group, the largest first."""
    found = of(member, ctx)
    s = ctx.settings.journey
    if by not in _GROUP:
        whole = table("全部", found, window(ctx), s.samples)
        return [Table(whole.name, whole.customers, (*whole.spans, touched(found, ctx)))]
    groups: dict[str, list[Path]] = {}
    for path in found:
        for name in _GROUP[by](path, ctx):
            groups.setdefault(name, []).append(path)
    ranked = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [table(name, mine, window(ctx), s.samples) for name, mine in ranked]


def p75(store: str, ctx: Ctx) -> dict[str, timedelta]:
    """By the stage in which one waits: how long three in four of a store need for the next."""
    found = table("", paths(ctx, stores=[store]), window(ctx), ctx.settings.journey.samples)
    return {pair[0]: one.p75 for pair, one in zip(PAIRS[:6], found.spans, strict=False) if one.p75}


# Words


def long(length: timedelta | None) -> str:
    """2.5天, 3小时: in the unit that says most."""
    if length is None:
        return "样本不足"
    hours = length.total_seconds() / 3600
    if hours >= 23.5:
        return f"{hours / 24:.1f}天"
    return f"{hours:.0f}小时" if hours >= 1 else "1小时内"


def words(one: Span) -> str:
    first, _, second = one.name.partition("→")
    early = f"，另{one.early}位先{second}后{first}不计" if one.early else ""
    if one.median is None:
        return f"{one.name} 样本不足（{one.count}位{early}）"
    return f"{one.name} 中位{long(one.median)}，P75 {long(one.p75)}（{one.count}位{early}）"


def too_many(member: str, ctx: Ctx) -> str:
    """Why it is not worked out in the chat, where everybody else would wait; "" when it is."""
    manager = ctx.team.manager(member)
    most = ctx.settings.journey.chat_customers
    if manager is None or events.people(ctx.db, manager.stores) <= most:
        return ""
    return (f"您看的门店客户超过{most}位，在聊天里算会让别人等。"
            f"请管理员运行：salesbot journey --for {member} --by store")  # fmt: skip


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """周期, 周期 按来源."""
    by = BY.get(match["by"] or "", "")
    if why_not := too_many(msg.sender, ctx):
        yield Send(msg.sender, why_not)
        return
    manager = ctx.team.manager(msg.sender)
    if by == "customer" and manager and not manager.names:
        yield Send(msg.sender, "您看的是汇总，不看客户姓名。可以用：周期 按门店、周期 按来源。")
        return
    if by == "customer":
        yield Send(msg.sender, "\n".join(_people(msg.sender, ctx)))
        return
    found = tables(msg.sender, by, ctx)
    days_ = ctx.settings.journey.window_days
    head = f"近{days_}天的周期{f'（按{WORDS[by]}）' if by else ''}："
    if not found or not found[0].customers:
        yield Send(msg.sender, f"{head}还没有客户走过任何一步。")
        return
    lines = [head]
    for one in found[:SHOWN]:
        lines += _lines(one, grouped=bool(by))
    if len(found) > SHOWN:
        lines.append(f"另有{len(found) - SHOWN}组，命令行 salesbot journey 看全部。")
    yield Send(msg.sender, "\n".join(lines))


def _lines(one: Table, *, grouped: bool) -> list[str]:
    if not grouped:
        return [f"· {words(s)}" for s in one.spans]
    said = [f"{s.name} {long(s.median)}/{long(s.p75)}" for s in one.spans if s.median]
    known = "；".join(said) if said else "样本不足"
    return [f"· {one.name}（{one.customers}位，中位/P75）：{known}"]


def _people(member: str, ctx: Ctx) -> list[str]:
    """Each customer's own steps, whoever moved last first."""
    found = sorted(of(member, ctx), key=lambda p: max(p.times.values()), reverse=True)
    lines = ["每位客户走到现在用了多久："]
    for path in found[:SHOWN]:
        customer = customers.get(ctx.db, path.customer)
        taken = sorted(path.times.items(), key=lambda pair: pair[1])
        parts = [NAMES.get(taken[0][0], taken[0][0])] if taken else []
        for (_, before), (kind, then) in pairwise(taken):
            parts.append(f"{long(then - before)}→{NAMES.get(kind, kind)}")
        lines.append(f"· {customer.name if customer else '客户'}：{''.join(parts)}")
    return lines
