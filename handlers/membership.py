"""Who belongs to an audience now: its conditions as a query, with dates counted from this moment.

The tags of the dictionary are worked out from rows, so a condition on one becomes the conditions
of that tag.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import tags
from handlers.audience import COUNTED, DATES, OPTIONS, VALUES, Audience
from handlers.context import Ctx
from handlers.dictionary import Condition, Tag
from handlers.tags import DENIED
from storage import audience as query
from storage.audience import (
    All,
    Believed,
    CheckedIn,
    Happened,
    InGroup,
    Is,
    Node,
    Not,
    Said,
    Scored,
    Some,
    State,
    Weighed,
    When,
)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns checked conditions into a tree, at this moment and with this dictionary."""

    ctx: Ctx

    @property
    def now(self) -> datetime:
        return self.ctx.now

    def ago(self, days: int | None) -> datetime | None:
        return None if days is None else self.now - timedelta(days=days)

    def node(self, rule: Mapping[str, Any]) -> Node:
        key = next(k for k in rule if k in OPTIONS)
        value = rule[key]
        if key == "all":
            return All(tuple(map(self.node, value)))
        if key == "any":
            return Some(tuple(map(self.node, value)))
        if key == "not":
            return Not(self.node(value))
        if key in DATES:
            return self._date(DATES[key], value)
        values = tuple(value) if isinstance(value, list) else (value,)
        if key in VALUES:
            return Is(key, values)
        build: Callable[[tuple[str, ...], Mapping[str, Any]], Node] = getattr(self, f"_{key}")
        return build(values, rule)

    def _date(self, column: str, value: Mapping[str, Any]) -> Node:
        if value.get("never"):
            return When(column, never=True)
        since, until = self.ago(value.get("within")), self.ago(value.get("before"))
        if month := value.get("month"):
            since, until = self._month(last=month == "last")
        return When(column, since, until)

    def _month(self, *, last: bool) -> tuple[datetime, datetime]:
        start = self.ctx.local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        after = (start + timedelta(days=32)).replace(day=1)
        return ((start - timedelta(days=1)).replace(day=1), start) if last else (start, after)

    def _state(self, values: tuple[str, ...], _: Mapping[str, Any]) -> Node:
        return Some(tuple(map(State, values)))

    def _group(self, values: tuple[str, ...], _: Mapping[str, Any]) -> Node:
        return InGroup(values)

    def _score(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        given = rule.get("class", ())
        grades = (given,) if isinstance(given, str) else tuple(given)
        return Some(tuple(Scored(v, rule.get("low"), rule.get("high"), grades) for v in values))

    def _event(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        least, most = rule.get("least", 1), rule.get("most", 0)
        return Happened(values, self.ago(rule.get("within")), least, most)

    def _count(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        least, most, days = rule.get("least", 1), rule.get("most", 0), rule["within"]
        return Some(tuple(self._counted(v, days, least, most) for v in values))

    def _counted(self, what: str, days: int, least: int, most: int) -> Node:
        since = self.now - timedelta(days=days)
        if what == "messages":
            return Said(since, least, most)
        if what == "checkins":
            day = since.astimezone(self.ctx.zone).date().isoformat()
            return CheckedIn(day, least, most)
        return Happened(COUNTED[what], since, least, most)

    def _read(self, kind: str, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        return Believed(kind, values, self.now, self.ago(rule.get("within")),
                        rule.get("polarity"), rule.get("confidence", 0.0),
                        rule.get("least", 1))  # fmt: skip

    def _intent(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        return self._read("intent", values, rule)

    def _signal(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        return self._read("signal", values, rule)

    def _concern(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        return self._read("concern", values, rule)

    def _slot(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        c = Condition("slot", values[0], value=rule.get("value", ""),
                      low=int(rule.get("low", 0)), high=int(rule.get("high", 0)))  # fmt: skip
        return Some(tuple(self._figure(kind, c, self.ago(rule.get("within"))) for kind in values))

    def _figure(self, kind: str, c: Condition, since: datetime | None) -> Node:
        """A slot's rows; which figures reach is decided here, for the few there are."""
        if not (c.low or c.high):
            return Believed(kind, (c.value,) if c.value else (), self.now, since)
        codes = query.codes(self.ctx.db, kind)
        wanted = [code for code in codes if tags.reaches(c, code)]
        reached = tuple(code for code in wanted if c.value in ("", code))
        unlike = tuple(code for code in codes if code not in reached)
        return Believed(kind, reached, self.now, since, unlike=unlike) if reached else Some(())

    # The dictionary's tags

    def _tag(self, values: tuple[str, ...], rule: Mapping[str, Any]) -> Node:
        entries = (self.ctx.tags.tags[name] for name in values if name in self.ctx.tags.tags)
        return Some(tuple(self.entry(entry, rule.get("confidence", 0.0)) for entry in entries))

    def entry(self, entry: Tag, confidence: float = 0.0) -> Node:
        """A tag as its conditions: heavy enough, not outweighed, not denied, nothing says more."""
        against = self._weights(self.ctx.tags.tags[entry.beats]) if entry.beats else ()
        firm = _sure(Weighed(self._weights(entry), entry.least, against, confidence))
        others = (self.ctx.tags.tags[name] for name in entry.unless)
        more = [Not(Weighed(self._weights(other), other.least)) for other in others]
        return All((firm, Not(Believed(DENIED, (entry.name,), self.now)), *more))

    def _weights(self, entry: Tag) -> tuple[tuple[int, Node], ...]:
        return tuple((c.weight, self._fact(c, entry.days)) for c in entry.when)

    def _fact(self, c: Condition, days: int) -> Node:
        since = self.now - timedelta(days=days)
        if c.basis == "event":
            return Happened((c.code,), None, c.mentions, lately=since)
        if c.basis == "count":
            return self._tally(c)
        if c.basis == "touch":
            found = (s for s in query.sources(self.ctx.db) if self.ctx.tags.touch(s) == c.code)
            return All((Is("source", tuple(found)), When("added_at", since)))
        if c.basis == "slot":
            return self._figure(c.code, c, since)
        return Believed(c.kind, (c.code,) if c.code else (), self.now, since, c.polarity,
                        mentions=c.mentions)  # fmt: skip

    def _tally(self, c: Condition) -> Node:
        if c.code != "silent":
            return self._counted(c.code, c.within, c.mentions, c.most)
        oldest = self.now - timedelta(days=c.most + 1) if c.most else None
        latest = self.now - timedelta(days=c.mentions) + timedelta(microseconds=1)
        return When("spoke_at", oldest and oldest + timedelta(microseconds=1), latest)


def _sure(firm: Weighed) -> Weighed:
    """Where one row decides, its own confidence does; only several have a mean."""
    part = firm.parts[0][1]
    alone = len(firm.parts) == 1 and isinstance(part, Believed) and len(part.codes) == 1
    if not (alone and isinstance(part, Believed)) or firm.against or firm.least > 1:
        return firm
    sure = max(0.0, firm.confidence - 0.005)
    return replace(firm, parts=((1, replace(part, confidence=sure)),), confidence=0.0)


def tree(audience: Audience, ctx: Ctx, *, stores: tuple[str, ...] | None = None,
         owner: str = "") -> Node:  # fmt: skip
    """The conditions at this moment, within a scope; None of stores means everywhere."""
    parts = [_Builder(ctx).node(audience.rule)]
    if owner:
        parts.append(Is("owner", (owner,)))
    elif stores is not None:
        parts.append(Is("store", stores))
    return All(tuple(parts))


def tag(name: str, ctx: Ctx) -> Node:
    """Who has a tag of the dictionary."""
    return _Builder(ctx).entry(ctx.tags.tags[name])
