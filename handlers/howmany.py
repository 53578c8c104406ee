"""上周到店多少, 张伟这周怎么样: a figure that is asked for in passing, answered in one line.

Every figure is that of the console and the digests; here are only the words around it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from handlers.analytics import Scope, telling
from handlers.analytics.journey import STEPS
from handlers.context import Ctx
from handlers.howmany_words import PATTERN as PATTERN
from handlers.howmany_words import RATES, WORDS, Asked, Span, read
from handlers.settings import Advisor, Manager
from handlers.values import Action, Inbound, Send
from storage import figures, stats

CONTACTED, LATE = "联系", "逾期"
SHOWN = ("到店", "试驾", "下订")  # of one advisor, beside whom they talked to and what is overdue
MOST = 5  # advisors in a line
MORE = "更多回复 看板。"
FIGURES = "您的范围只看数字，不看某一位顾问。" + MORE
COLLEAGUE = "同事的数字只有店长看得到。看自己的回复：我这周怎么样"
LAST_ONLY = "联系了几位算不出来：只记着每位客户最近一次联系"


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """None where these words ask no figure that this member may be told."""
    asked = read(match["words"].strip(), ctx)
    if asked is None:
        return None
    manager, advisor = ctx.team.manager(msg.sender), ctx.team.advisor(msg.sender)
    if manager and not (asked.me and advisor):
        told = _of_stores(asked, manager, ctx)
    else:
        told = _of_self(asked, advisor, ctx)
    return iter([Send(msg.sender, told)]) if told else None


def _of_self(asked: Asked, advisor: Advisor | None, ctx: Ctx) -> str:
    """An advisor's own; "" where it might be a customer who asks."""
    if advisor is None:
        return ""
    if asked.rest in {one.name for one in ctx.settings.advisors} - {advisor.name}:
        return COLLEAGUE
    mine = asked.me or (asked.counted and asked.what)
    if asked.rest not in ("", advisor.name) or asked.ranked or not mine:
        return ""
    return _of_person(asked, advisor, "您", ctx)


def _of_stores(asked: Asked, manager: Manager, ctx: Ctx) -> str:
    """Of the stores and advisors that are named, or of all that this manager runs."""
    shops = {s: ctx.team.store(s).name for s in manager.stores}
    named = [s for s, name in shops.items() if name and name.removesuffix("店") in asked.rest]
    people = [a for a in ctx.team.advisors_of(manager.stores) if a.name in asked.rest]
    rest = _without(asked.rest, [*(shops[s] for s in named), *(a.name for a in people)])
    if rest or (asked.me and not asked.what):
        return _nobody(rest, asked, list(shops.values()))
    if people:
        return _of_people(asked, people, manager, ctx)
    scope = tuple(named or manager.stores)
    if asked.ranked:
        return _ranking(asked, scope, ctx) if manager.names else FIGURES
    return _of_scope(asked, scope, ctx)


def _without(words: str, names: Sequence[str]) -> str:
    for name in names:
        words = words.replace(name, "").replace(name.removesuffix("店"), "")
    return "" if set(words) <= set("店、和跟") else words


def _nobody(rest: str, asked: Asked, shops: Sequence[str]) -> str:
    """A name that is none of theirs, where it is plain that a figure was asked for."""
    if not asked.counted or not asked.what or not re.fullmatch(r"[一-鿿]{2,6}", rest):
        return ""
    return f"您的范围里没有叫“{rest}”的门店或顾问。您看得到的门店：{'、'.join(shops[:6])}。"


def _of_people(asked: Asked, people: Sequence[Advisor], manager: Manager, ctx: Ctx) -> str:
    if not manager.names:
        return FIGURES
    return "\n".join(_of_person(asked, one, one.name, ctx) for one in people[:MOST])


# Stores


def _of_scope(asked: Asked, stores: tuple[str, ...], ctx: Ctx) -> str:
    place, span, kind = _place(stores, ctx), asked.span, WORDS.get(asked.what, "")
    if kind == LATE:
        return f"{place}现在逾期{_late(stores, ctx)}位。名单在 日报 的“逾期”里。{MORE}"
    if asked.what in RATES:
        now, was = (_counted(RATES[asked.what], stores, s, ctx) for s in (span, span.previous))
        return f"{place}{span.words}{_rate(asked.what, now, was, span, ctx)}。{MORE}"
    if kind == CONTACTED:
        return f"{place}{span.words}有往来的客户，每天平均{_talked(stores, span, ctx)}位。{MORE}"
    steps = (kind,) if kind else STEPS
    now, was = (_counted(steps, stores, one, ctx) for one in (span, span.previous))
    if kind:
        return f"{place}{span.words}{kind}{_beside(now[kind], was[kind], span)}。{MORE}"
    shown = "、".join(f"{step}{now[step]}（{was[step]}）" for step in STEPS)
    late = _late(stores, ctx)
    return f"{place}{span.words}：{shown}；现在逾期{late}位。括号里是{span.earlier}。{MORE}"


def _place(stores: Sequence[str], ctx: Ctx) -> str:
    names = [ctx.team.store(s).name for s in stores]
    return "、".join(names) if len(names) <= 2 else f"{names[0]}等{len(names)}家店"


def _counted(kinds: Sequence[str], stores: tuple[str, ...], span: Span, ctx: Ctx) -> dict[str, int]:
    found = figures.steps(ctx.db, stores, kinds, span.since, span.until)
    return {kind: sum(one.get(kind, 0) for one in found.values()) for kind in kinds}


def _beside(now: int, was: int, span: Span) -> str:
    gap = f"多{now - was}位" if now > was else f"少{was - now}位" if was > now else "一样"
    return f"{now}位，{span.earlier}{was}位，{gap}"


def _rate(what: str, now: Mapping[str, int], was: Mapping[str, int], span: Span, ctx: Ctx) -> str:
    return f"{what}：{_share(what, now, ctx)}，{span.earlier}{_share(what, was, ctx)}"


def _share(what: str, found: Mapping[str, int], ctx: Ctx) -> str:
    part, whole = RATES[what]
    share, of = telling.over(found.get(part, 0), found.get(whole, 0), f"{part}÷{whole}", ctx)
    return f"{share:.0%}（{of}）" if share is not None else of


def _talked(stores: tuple[str, ...], span: Span, ctx: Ctx) -> str:
    """Who wrote or was written to, day by day as the digest has it."""
    days = figures.talked(ctx.db, stores, Scope(stores, span.since, span.until).days)
    return f"{sum(days) / len(days):.0f}"


def _late(stores: Sequence[str], ctx: Ctx, advisor: str = "") -> int:
    rows = stats.overdue(ctx.db, stores, ctx.on(ctx.today, datetime.min.time()))
    return sum(advisor in ("", row["advisor"]) for row in rows)


# One advisor


def _of_person(asked: Asked, advisor: Advisor, name: str, ctx: Ctx) -> str:
    span, kind = asked.span, WORDS.get(asked.what, "")
    late = f"现在逾期{_late([advisor.store], ctx, advisor.userid)}位"
    if kind == LATE:
        return f"{name}{late}。" + ("回复 待办 看名单。" if name == "您" else MORE)
    now, was = (figures.day_of(ctx.db, advisor.userid, one.since, one.until)
                for one in (span, span.previous))  # fmt: skip
    if asked.what in RATES:
        return f"{name}{span.words}{_rate(asked.what, now, was, span, ctx)}。"
    if kind == CONTACTED:
        return f"{name}{span.words}{_contacted(now, span, ctx) or LAST_ONLY}。"
    if kind:
        return f"{name}{span.words}{kind}{_beside(now.get(kind, 0), was.get(kind, 0), span)}。"
    did = [f"{step}{now.get(step, 0)}位（{was.get(step, 0)}）" for step in SHOWN]
    parts = [*filter(None, [_contacted(now, span, ctx)]), *did, late]
    return f"{name}{span.words}：{'，'.join(parts)}。括号里是{span.earlier}。"


def _contacted(now: Mapping[str, int], span: Span, ctx: Ctx) -> str:
    """Only the last contact is kept, so of a time that is over nothing is claimed."""
    return f"联系{now['contacted']}位" if span.until >= ctx.now else ""


def _ranking(asked: Asked, stores: tuple[str, ...], ctx: Ctx) -> str:
    kind = WORDS.get(asked.what, "下订")
    count = _counting(kind, asked.span, ctx)
    found = [(count(one), one.name) for one in ctx.team.advisors_of(stores)]
    ranked = sorted(((n, who) for n, who in found if n), key=lambda pair: (-pair[0], pair[1]))
    head = "现在" if kind == LATE else asked.span.words
    told = "、".join(f"{who}{n}位" for n, who in ranked[:MOST]) or "一位也没有"
    return f"{head}{kind}：{told}。{MORE}"


def _counting(kind: str, span: Span, ctx: Ctx) -> Callable[[Advisor], int]:
    if kind == LATE:
        return lambda one: _late([one.store], ctx, one.userid)
    name = "contacted" if kind == CONTACTED else kind
    return lambda one: figures.day_of(ctx.db, one.userid, span.since, span.until).get(name, 0)
