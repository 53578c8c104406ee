"""高意向的有哪些, 我有几个H级, 谁在等我回复: an advisor's own customers by what they are."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from handlers.context import Ctx
from handlers.settings import Manager
from handlers.values import Action, Inbound, Send
from handlers.words import TIERS, ago
from storage import customers, dialogs, stats
from storage.customers import Customer

SHOWN = 10
FRESH = timedelta(days=7)
WAITING = timedelta(days=3)
_ALL = "客户"
_ASK = r"多少|几个|几位|哪些|哪几[个位]|有谁|谁|名单|列表"
_WHICH = (
    r"高意向|中意向|低意向|[OHABCNohabcn]级|(?:最近|新|刚)(?:新)?加的?|新客户|"
    r"(?:没|还没|从没)联系过的?|(?:没|不|一直没|还没)回(?:复)?(?:我|消息|微信)+的?|"
    r"(?:在)?等(?:着)?我?回复?的?|沉默的?|不说话的?"
)
PATTERN = re.compile(
    rf"^(?=.{{2,24}}$)(?=.*(?:{_ASK}|我的|的客户))"
    rf"(?:客户|我们?|咱们|店里|全店|现在|目前|手里|手上|名下|的|还|一共|总共|都|有|是|在|{_ASK})*+"
    rf"(?P<which>{_WHICH})?(?:的|客户|人|有|都|是|在|{_ASK})*+[？?]?$"
)
TAIL = "回复序号看卡片。"


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """None for words that speak of no customers of ours."""
    which = (match["which"] or "").removesuffix("的")
    if not which and _ALL not in msg.text:
        return None
    if manager := ctx.team.manager(msg.sender):
        return _counted(which, msg.sender, manager, ctx)
    advisor = ctx.team.advisor(msg.sender)
    return _listed(which, advisor.userid, ctx) if advisor else None


def _fits(which: str, ctx: Ctx) -> Callable[[Customer], bool]:
    if which in BY_TIER:
        return lambda c: c.tier == BY_TIER[which]
    if which.endswith("级"):
        return lambda c: c.level == which[0].upper()
    if "加" in which or which == "新客户":
        return lambda c: c.added_at is not None and ctx.now - c.added_at < FRESH
    if "联系" in which:
        return lambda c: c.contacted_at is None
    if "等" in which:
        return lambda c: _waits(c, ctx)
    return _silent if which else lambda _: True


BY_TIER: Mapping[str, str] = MappingProxyType({name: tier for tier, name in TIERS.items()})


def _waits(c: Customer, ctx: Ctx) -> bool:
    """They spoke last, and not long ago."""
    spoke = c.spoke_at
    return bool(spoke and ctx.now - spoke < WAITING
                and (c.contacted_at is None or c.contacted_at < spoke))  # fmt: skip


def _silent(c: Customer) -> bool:
    """They were contacted and have not spoken since."""
    told = c.contacted_at
    return told is not None and (c.spoke_at is None or c.spoke_at < told)


def _listed(which: str, owner: str, ctx: Ctx) -> Iterator[Action]:
    """The hottest first, of these whoever has waited longest."""
    fits = _fits(which, ctx)
    found = [c for c in customers.of_owner(ctx.db, owner) if c.opted_out_at is None and fits(c)]
    found.sort(key=lambda c: ("OHABCN".find(c.level), c.contacted_at or c.added_at or ctx.now))
    name = _name(which)
    if not found:
        yield Send(owner, f"没有{name}。")
        return
    lines = [f"{name}{len(found)}位："]
    lines += [f"{n}. {c.name}｜{c.level}级｜{c.stage}｜上次联系{ago(c.contacted_at, ctx.now)}"
              for n, c in enumerate(found[:SHOWN], 1)]  # fmt: skip
    more = [f"另有{len(found) - SHOWN}位。"] if len(found) > SHOWN else []
    body = {"ids": [c.id for c in found[:SHOWN]]}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=owner, kind="people", body=body,
                  now=ctx.now)  # fmt: skip
    yield Send(owner, "\n".join([*lines, *more, TAIL]))


def _name(which: str) -> str:
    if which in BY_TIER or which.endswith("级"):
        return f"{which.upper()}客户"
    if "加" in which or which == "新客户":
        return f"近{FRESH.days}天加的客户"
    if "联系" in which:
        return "还没联系过的客户"
    if "等" in which:
        return "在等您回复的客户"
    return "联系过、还没回您的客户" if which else "您名下的客户"


def _counted(
    which: str, member: str, manager: Manager, ctx: Ctx
) -> Iterator[Action] | None:  # fmt: skip
    """Of stores only how many, and whose; the names are in the console."""
    if which and which not in BY_TIER and not which.endswith("级"):
        return None
    rows = stats.standing(ctx.db, manager.stores, "owner")
    kind, wanted = ("tier", BY_TIER[which]) if which in BY_TIER else ("level", which[:1].upper())
    by: dict[str, int] = {}
    for row in rows:
        if not which or row[kind] == wanted:
            by[row["owner"]] = by.get(row["owner"], 0) + row["n"]
    whole = sum(by.values())
    ranked = sorted(by.items(), key=lambda pair: (-pair[1], pair[0]))[:6]
    whose = "、".join(f"{ctx.team.name(who) or '无人跟进'}{n}" for who, n in ranked)
    told = f"：{whose}" if manager.names and whose else ""
    name = f"{which.upper()}客户" if which else "客户"
    return iter([Send(member, f"{name}{whole}位{told}。名单回复 看板，打开“客户”。")])
