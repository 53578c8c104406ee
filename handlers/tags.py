"""The tags of a customer, worked out from what is stored: each with its words, dates and reason.

Nothing here is kept beside the rows: whoever takes a row away takes its tags away, and a change
of the dictionary holds at once for everybody.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handlers import bursts
from handlers.context import Ctx
from handlers.dictionary import EVENTS, KINDS, Condition, Dictionary, Group
from handlers.dictionary import Tag as Entry
from handlers.words import POLARITY, ranged, short
from nlp.labels import CONCERNS, INTENTS
from nlp.labels import SLOTS as SLOT_NAMES
from storage import checkins, customers, events
from storage.customers import Customer
from storage.customers import Tag as Fact

DENIED = "denied"  # the kind of row by which an advisor refuses a conclusion
STRONGEST = 6  # tags on the card
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(万?)")


@dataclass(frozen=True, slots=True)
class Held:
    """A tag that a customer has, with the facts that give it, the weightiest first."""

    entry: Entry
    group: Group
    facts: tuple[Fact, ...]
    confidence: float
    first_at: datetime
    last_at: datetime
    expires_at: datetime

    @property
    def name(self) -> str:
        """With the value, where the entry leaves open which: 知道所在城市（北京）."""
        value = self.facts[0].value
        free = any(c.basis == "slot" and not (c.value or c.low or c.high) for c in self.entry.when)
        if not value or not free or len(self.entry.when) > 1 or self.facts[0].kind == "phone":
            return self.entry.name
        return f"{self.entry.name}（{value}）"

    def strength(self, now: datetime) -> float:
        """How much it tells now: sure, fresh, and of a group that matters."""
        life = (self.expires_at - self.last_at).total_seconds() or 1.0
        left = max(0.0, (self.expires_at - now).total_seconds()) / life
        often = min(5, max(f.mentions for f in self.facts))
        return self.group.weight * self.confidence * (0.5 + 0.5 * left) * (1 + 0.1 * often)


def held(customer: Customer, ctx: Ctx) -> list[Held]:
    """Everything that holds now, the strongest first."""
    found = derive(ctx.tags, facts(customer, ctx), ctx.now)
    return sorted(found, key=lambda h: (-h.strength(ctx.now), h.entry.name))


# What there is to know


def facts(customer: Customer, ctx: Ctx) -> list[Fact]:
    """What tags may rest on: what was read from the words, what happened, how often, from where."""
    found = [*customers.tags(ctx.db, customer.id, ctx.now), *_happened(customer, ctx)]
    found += _counted(customer, ctx)
    touch = ctx.tags.touch(customer.source)
    if touch and customer.added_at:
        found.append(_fact("touch", touch, f"来源 {customer.source}", customer.added_at))
    return found


def _fact(kind: str, code: str, evidence: str, at: datetime, mentions: int = 1) -> Fact:
    return Fact(kind=kind, code=code, polarity=0, value="", evidence=evidence, confidence=1.0,
                source="record", state="", mentions=mentions, first_at=at, last_at=at,
                expires_at=None)  # fmt: skip


def _happened(customer: Customer, ctx: Ctx) -> list[Fact]:
    found: dict[str, Fact] = {}
    for e in events.of(ctx.db, customer.id, *EVENTS, limit=500):  # the newest first
        newest = found.get(e.kind)
        found[e.kind] = (
            replace(newest, mentions=newest.mentions + 1, first_at=e.at) if newest
            else _fact("event", e.kind, e.evidence or e.kind, min(e.at, ctx.now))
        )  # fmt: skip
    return list(found.values())


def _counted(customer: Customer, ctx: Ctx) -> Iterator[Fact]:
    """A fact for each count that the dictionary asks for; `value` tells over how many days."""
    for code, within in ctx.tags.counts:
        since = ctx.now - timedelta(days=within)
        if code == "messages":
            n, said = bursts.spoken(customer.id, since, ctx), f"近{within}天说话%d次"
        elif code == "checkins":
            n = checkins.since(ctx.db, customer.id, since.astimezone(ctx.zone).date())
            said = f"近{within}天签到%d次"
        else:
            spoke = customer.spoke_at
            n, said = ((ctx.now - spoke).days if spoke else 0), "%d天没说话"
        if n:
            yield replace(_fact("count", code, said % n, ctx.now, n), value=str(within))


# From facts to tags


def derive(dictionary: Dictionary, known: Sequence[Fact], now: datetime) -> list[Held]:
    """Pure: the same facts at the same time give the same tags."""
    by_kind: dict[str, list[Fact]] = {}
    for fact in known:
        by_kind.setdefault(fact.kind, []).append(fact)
    denied = {fact.code for fact in by_kind.get(DENIED, ())}
    near = {name for fact in known for name in dictionary.given(fact.kind, fact.code)}
    weighed = {name: _weigh(dictionary.tags[name], by_kind, now) for name in near}
    heavy = {name: _total(found) for name, found in weighed.items()}
    firm = frozenset(n for n, total in heavy.items() if total >= dictionary.tags[n].least)
    return [
        _held(entry, dictionary, [fact for _, fact in weighed[name]])
        for name, entry in dictionary.tags.items()
        if name in firm and name not in denied and _wins(entry, heavy, firm)
    ]


def _wins(entry: Entry, heavy: Mapping[str, int], firm: frozenset[str]) -> bool:
    """Against the tag that it is weighed with, and those that say more."""
    beaten = not entry.beats or heavy[entry.name] > heavy.get(entry.beats, 0)
    return beaten and firm.isdisjoint(entry.unless)


def denial(h: Held) -> Fact:
    """The row that keeps a tag away, whatever speaks for it."""
    return replace(h.facts[0], kind=DENIED, code=h.entry.name, rule="", polarity=0)


Weighed = list[tuple[int, Fact]]


def _weigh(entry: Entry, by_kind: dict[str, list[Fact]], now: datetime) -> Weighed:
    """The facts that speak for a tag, with their weights; what is older than its days does not."""
    since = now - timedelta(days=entry.days)
    found = [
        (c.weight, fact)
        for c in entry.when
        for fact in _newest(c, by_kind.get(c.kind, ()))
        if fact.last_at > since and _meets(c, fact)
    ]
    return sorted(found, key=lambda wf: (-wf[0], -wf[1].confidence, -wf[1].last_at.timestamp()))


def _total(weighed: Weighed) -> int:
    return sum(weight for weight, _ in weighed)


def _newest(c: Condition, among: Sequence[Fact]) -> Sequence[Fact]:
    """A figure that was named again takes the place of the earlier one."""
    if c.basis == "slot" and (c.low or c.high) and among:
        return (max(among, key=lambda f: f.last_at),)
    return among


def _meets(c: Condition, fact: Fact) -> bool:
    if c.basis == "count":
        within = fact.code == c.code and fact.value == str(c.within)
        return within and c.mentions <= fact.mentions and not 0 < c.most < fact.mentions
    if c.basis == "slot":
        return c.value in ("", fact.value) and reaches(c, fact.value)
    same = c.code in ("", fact.code) and c.polarity in (None, fact.polarity)
    return same and fact.mentions >= c.mentions


def reaches(c: Condition, value: str) -> bool:
    """15万-18万 is meant up to its upper end; a figure without one is meant to lie above it."""
    if not (c.low or c.high):
        return True
    found = amounts(value)
    if not found:
        return False
    top = max(found) + (1 if value.endswith("-") else 0)
    return c.low < top and not 0 < c.high < top


def amounts(value: str) -> list[float]:
    """The sums of money in a slot's value: 15万-18万 are two."""
    return [float(n) * (10000 if unit else 1) for n, unit in _AMOUNT.findall(value)]


def _held(entry: Entry, dictionary: Dictionary, found: Sequence[Fact]) -> Held:
    last = max(f.last_at for f in found)
    return Held(
        entry, dictionary.groups[entry.group], tuple(found),
        confidence=round(sum(f.confidence for f in found) / len(found), 2),
        first_at=min(f.first_at for f in found), last_at=last,
        expires_at=last + timedelta(days=entry.days),
    )  # fmt: skip


# What the advisor sees


def line(customer: Customer, ctx: Ctx) -> list[str]:
    """One line for the card; none while nothing is known."""
    found = held(customer, ctx)
    return ["标签：" + "、".join(h.name for h in found[:STRONGEST])] if found else []


def listing(customer: Customer, ctx: Ctx) -> str:
    """All of them by group, with the customer's words and when they were said."""
    found = held(customer, ctx)
    if not found:
        return f"{customer.name}还没有标签。贴TA说的话给我就会有。"
    lines = [f"{customer.name}的标签（{len(found)}个）："]
    for group in ctx.tags.groups.values():
        own = [h for h in found if h.group == group]
        if own:
            lines.append(f"【{group.name}】")
            lines += [f"· {_shown(h, ctx)}" for h in own]
    example = found[0].entry.name
    lines.append(f"回复 为什么 {customer.name} {example} 看依据；标签不对 {customer.name} {example}"
                 " 来改。")  # fmt: skip
    return "\n".join(lines)


def _shown(h: Held, ctx: Ctx) -> str:
    said = _quoted(h.facts[0])
    return f"{h.name}：{short(said, 24)}（{_day(h.last_at, ctx)}）"


def _quoted(fact: Fact) -> str:
    return fact.evidence if fact.kind in ("event", "count", "touch") else f"“{fact.evidence}”"


def _day(at: datetime, ctx: Ctx) -> str:
    local = at.astimezone(ctx.zone)
    return f"{local.month}月{local.day}日"


def find(words: str, customer: Customer, ctx: Ctx) -> Held | None:
    """The tag of that name which the customer has."""
    return next((h for h in held(customer, ctx) if h.entry.name == words), None)


def explain(name: str, customer: Customer, ctx: Ctx) -> str:
    """Why they have it, or that they do not."""
    h = find(name, customer, ctx)
    if h is None:
        return f"{customer.name}现在没有“{name}”这个标签。回复 标签 {customer.name} 看有哪些。"
    head = f"{customer.name}的“{h.name}”（{KINDS[h.group.kind]}·{h.group.name}）："
    reasons = [f"· {label(f)}：{_reason(f, ctx)}" for f in h.facts[:8]]
    tail = f"把握{h.confidence:.0%}，{_day(h.expires_at, ctx)}前有效，再提到就延长。"
    return "\n".join([head, *reasons, tail])


def _reason(fact: Fact, ctx: Ctx) -> str:
    often = f"，提过{fact.mentions}次" if fact.mentions > 1 and fact.kind != "count" else ""
    rule = f"，规则 {fact.rule}" if fact.rule else ""
    return f"{_quoted(fact)}，{_day(fact.last_at, ctx)}{often}{rule}"


def label(fact: Fact) -> str:
    """What a fact is called: 价格（担心）, 意图 试驾, 预算 15万-18万."""
    if fact.kind == "concern":
        return f"{CONCERNS.get(fact.code, fact.code)}（{POLARITY[fact.polarity]}）"
    if fact.kind == "intent":
        return f"意图 {INTENTS.get(fact.code, fact.code)}"
    if fact.kind == "signal":
        return f"{fact.code}级信号"
    names = {
        DENIED: "标签",
        "event": "发生过",
        "count": "次数",
        "touch": "来源",
        "about": "替谁问",
        "preference": "偏好题",
        **SLOT_NAMES,
    }
    return f"{names.get(fact.kind, fact.kind)} {ranged(fact.value) or fact.code}".strip()
