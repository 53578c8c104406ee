"""Audiences as SQL: a tree of conditions becomes one query with bound parameters only.

Whoever opted out or left belongs to no audience: they are counted apart, never listed. The text of
a query is made of our own words; everything that somebody may have written is a parameter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storage.db import Db, Row, number, one

COLUMNS = ("store", "owner", "tier", "track", "level", "stage", "source", "model")
DATES = ("added_at", "spoke_at", "contacted_at")
LIVE = "c.deleted_at is null and c.opted_out_at is null"
GONE = "(c.deleted_at is not null or c.opted_out_at is not null)"
STATES = {"退订": "c.opted_out_at is not null", "已不是好友": "c.deleted_at is not null",
          "未同意存档": "c.archive_refused_at is not null"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class Is:
    """A column is one of these values."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    name: str


@dataclass(frozen=True, slots=True)
class When:
    """A date lies in that time; `never` asks for none at all."""

    column: str
    since: datetime | None = None
    until: datetime | None = None
    never: bool = False


@dataclass(frozen=True, slots=True)
class Believed:
    """A row of what was read from their words; `unlike` are codes a newer row must not have."""

    kind: str
    codes: tuple[str, ...] = ()  # () for any
    now: datetime | None = None
    since: datetime | None = None
    polarity: int | None = None
    confidence: float = 0.0
    mentions: int = 1
    unlike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """Events of these kinds so often since then; `last` counts over all time, the last lately."""

    kinds: tuple[str, ...]
    since: datetime | None = None
    least: int = 1
    most: int = 0  # 0 for no limit
    lately: datetime | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Messages since then, a minute counted once."""

    since: datetime
    least: int = 1
    most: int = 0


@dataclass(frozen=True, slots=True)
class CheckedIn:
    day: str
    least: int = 1
    most: int = 0


@dataclass(frozen=True, slots=True)
class Scored:
    name: str
    low: float | None = None
    high: float | None = None
    grades: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InGroup:
    kinds: tuple[str, ...] = ()  # () for any


@dataclass(frozen=True, slots=True)
class Weighed:
    """Conditions with weights that must reach `least`, and outweigh those of `against`."""

    parts: tuple[tuple[int, "Node"], ...]
    least: int = 1
    against: tuple[tuple[int, "Node"], ...] = ()
    confidence: float = 0.0


Node = (
    All | Some | Not | Is | State | When | Believed | Happened | Said | CheckedIn | Scored | InGroup
    | Weighed
)  # fmt: skip


@dataclass(slots=True)
class Query:
    """The text that grows, and what is bound to it."""

    params: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f":{name}"

    def among(self, values: Sequence[Any]) -> str:
        return f"({', '.join(self.bind(v) for v in values) or 'null'})"

    def test(self, node: Node, *, few: bool = False) -> str:
        """A condition on the customer `c`; of a few customers each is looked up by itself."""
        match node:
            case All(parts):
                return self._all(parts, few)
            case Some(parts):
                return " or ".join(f"({self.test(p, few=few)})" for p in parts) or "1 = 0"
            case Not(part):
                return f"not ({self.test(part, few=few)})"
            case Is(column, values):
                return f"c.{_known(column, COLUMNS)} in {self.among(values)}"
            case State(name):
                return STATES[name]
            case When():
                return self._when(node)
            case Happened() | Said() | CheckedIn() if not node.least:
                return f"c.id not in ({self.select(_more(node))})"
            case _:
                return (few and self._each(node)) or f"c.id in ({self.select(node)})"

    def _all(self, parts: tuple[Node, ...], few: bool) -> str:
        """A count of many times leaves but few: the rest is not worked out for everybody."""
        first = next((p for p in parts if _rare(p)), None)
        rest = [p for p in parts if p is not first]
        texts = [self.test(first, few=few)] if first else []
        texts += [self.test(p, few=few or first is not None) for p in rest]
        return " and ".join(f"({text})" for text in texts) or "1 = 1"

    def _each(self, node: Node) -> str:
        """By the customer's own rows; "" where only the whole can tell. An index by kind is of no
        use here, and the empty text keeps the planner from it."""
        match node:
            case Believed():
                return f"exists ({self._believed(node, '', each=True)})"
            case Happened(least=1, most=0, lately=None):
                since = f"and e.at >= {self.bind(node.since)}" if node.since else ""
                return f"""exists (select 1 from events e where e.customer = c.id
                    and e.kind || '' in {self.among(node.kinds)} and e.undone_at is null {since})"""
            case Weighed(least=1, against=(), confidence=0.0):
                return " or ".join(f"({self.test(part, few=True)})" for _, part in node.parts)
            case _:
                return ""

    def _when(self, node: When) -> str:
        column = f"c.{_known(node.column, DATES)}"
        if node.never:
            return f"{column} is null"
        since = [f"{column} >= {self.bind(node.since)}"] if node.since else []
        until = [f"{column} < {self.bind(node.until)}"] if node.until else []
        return " and ".join(since + until) or f"{column} is not null"

    def select(self, node: Node, extra: str = "") -> str:
        """A query for the ids of customers; `extra` are further columns of each row."""
        match node:
            case Believed():
                return self._believed(node, extra)
            case Happened():
                return self._happened(node, extra)
            case Said(since, least, most):
                where = f"who = 'customer' and at >= {self.bind(since)}"
                how = "count(distinct substr(at, 1, 16))"
                return self._often("customer", "messages", where, (least, most), extra, how)
            case CheckedIn(day, least, most):
                where = f"day >= {self.bind(day)}"
                return self._often("member", "checkins", where, (least, most), extra)
            case Scored():
                return self._scored(node, extra)
            case InGroup(kinds):
                of = f"and g.kind in {self.among(kinds)}" if kinds else ""
                return f"""select m.member{extra} from groups g join group_members m
                    on m.chat_id = g.chat_id where m.left_at is null {of}"""
            case Weighed():
                return self._weighed(node)
            case _:
                return f"select c.id{extra} from customers c where {self.test(node)}"

    def _often(
        self, who: str, table: str, where: str, bounds: tuple[int, int], extra: str,
        how: str = "count(*)",
    ) -> str:  # fmt: skip
        least, most = bounds
        sql = f"select {who}{extra} from {table} where {where}"
        if least <= 1 and not most and not extra:
            return sql
        top = f" and {how} <= {self.bind(most)}" if most else ""
        return f"{sql} group by {who} having {how} >= {self.bind(least)}{top}"

    def _happened(self, node: Happened, extra: str) -> str:
        kinds = f"kind in {self.among(node.kinds)} and undone_at is null"
        since = f" and at >= {self.bind(node.since)}" if node.since else ""
        bounds = (node.least, node.most)
        sql = self._often("customer", "events", kinds + since, bounds, extra)
        if node.lately is None:
            return sql
        late = f"max(at) > {self.bind(node.lately)}"
        if " having " in sql:
            return f"{sql} and {late}"
        return f"{sql} and at > {self.bind(node.lately)}"

    def _believed(self, node: Believed, extra: str, *, each: bool = False) -> str:
        kind = self.bind(node.kind)
        parts = ["t.customer = c.id", f"t.kind || '' = {kind}"] if each else [f"t.kind = {kind}"]
        if node.codes:
            parts.append(f"t.code in {self.among(node.codes)}")
        if node.since:
            parts.append(f"t.last_at > {self.bind(node.since)}")
        if node.polarity is not None:
            parts.append(f"t.polarity = {self.bind(node.polarity)}")
        if node.confidence:
            parts.append(f"t.confidence >= {self.bind(node.confidence)}")
        if node.mentions > 1:
            parts.append(f"t.mentions >= {self.bind(node.mentions)}")
        now = self.bind(node.now) if node.now else ""
        if now:
            parts.append(f"(t.expires_at is null or t.expires_at > {now})")
        if node.unlike:
            parts.append(self._still(node, each=each))
        return f"select t.customer{extra} from tags t where {' and '.join(parts)}"

    def _still(self, node: Believed, *, each: bool) -> str:
        """No newer row says otherwise; looked up only for the few who have such a row at all."""
        kind, codes = self.bind(node.kind), self.among(node.unlike)
        newer = f"""not exists (select 1 from tags n where n.customer = t.customer
            and n.kind || '' = {kind} and n.code in {codes} and n.last_at > t.last_at)"""
        if each:
            return newer
        others = f"select n.customer from tags n where n.kind = {kind} and n.code in {codes}"
        return f"(t.customer not in ({others}) or {newer})"

    def _scored(self, node: Scored, extra: str) -> str:
        parts = [f"name = {self.bind(node.name)}"]
        if node.low is not None:
            parts.append(f"value >= {self.bind(node.low)}")
        if node.high is not None:
            parts.append(f"value <= {self.bind(node.high)}")
        if node.grades:
            parts.append(f"class in {self.among(node.grades)}")
        return f"select customer{extra} from scores where {' and '.join(parts)}"

    def _weighed(self, node: Weighed) -> str:
        if node.least <= 1 and not node.against and not node.confidence:
            return " union all ".join(self.select(part) for _, part in node.parts)
        rows = [self._row(part, weight, 0) for weight, part in node.parts]
        rows += [self._row(part, 0, weight) for weight, part in node.against]
        wins = " and sum(w) > sum(b)" if node.against else ""
        sure = f" and avg(sure) >= {self.bind(node.confidence - 0.005)}" if node.confidence else ""
        return f"""select id from (select null as id, 0 as w, 0 as b, 0.0 as sure where 1 = 0
            union all {" union all ".join(rows)}) weighed group by id
            having sum(w) >= {self.bind(node.least)}{wins}{sure}"""

    def _row(self, part: Node, weight: int, against: int) -> str:
        """One row for each fact, with its weight on either side and how sure it is."""
        sure = "t.confidence" if isinstance(part, Believed) else "1.0"
        if against:
            sure = "null"
        return self.select(part, f", {int(weight)}, {int(against)}, {sure}")


def _rare(node: Node) -> bool:
    """What few customers do: something three times, or the only such condition of a choice."""
    match node:
        case Some((only,)) | All((only,)):
            return _rare(only)
        case Happened(least=least) | CheckedIn(least=least) | Said(least=least):
            return least >= 3
        case _:
            return False


def _more(node: Happened | Said | CheckedIn) -> Node:
    """The same, more often than it may be."""
    beyond = node.most + 1
    if isinstance(node, Happened):
        return Happened(node.kinds, node.since, beyond, 0, node.lately)
    if isinstance(node, Said):
        return Said(node.since, beyond)
    return CheckedIn(node.day, beyond)


def _known(column: str, allowed: tuple[str, ...]) -> str:
    if column not in allowed:
        raise ValueError(f"no such column: {column}")
    return column


# Asking


def count(db: Db, node: Node) -> int:
    """How many may be written to."""
    query = Query()
    return number(db, f"select count(*) from customers c where {LIVE} and ({query.test(node)})",
                  **query.params)  # fmt: skip


def withheld(db: Db, node: Node) -> int:
    """How many would belong, but opted out or left: they are never written to."""
    query = Query()
    return number(db, f"select count(*) from customers c where {GONE} and ({query.test(node)})",
                  **query.params)  # fmt: skip


def members(db: Db, node: Node, limit: int = 100, after: str = "") -> list[Row]:
    """Those who may be written to, by id; go on after the last one."""
    query = Query()
    test = query.test(node)
    sql = f"""select c.id, c.name, c.store, c.owner, c.tier, c.level, c.stage, c.model
        from customers c where {LIVE} and ({test}) and c.id > {query.bind(after)}
        order by c.id limit {query.bind(limit)}"""
    return db.rows(sql, **query.params)


def holds(db: Db, node: Node, customer: str) -> bool:
    query = Query()
    test = query.test(node)
    sql = f"select 1 as yes from customers c where c.id = {query.bind(customer)} and ({test})"
    return one(db, sql, **query.params) is not None


def codes(db: Db, kind: str) -> list[str]:
    """The different codes of a kind, found by steps along the index."""
    sql = "select min(code) as next from tags where kind = :kind and code > :after"
    return list(_steps(db, sql, kind=kind))


def sources(db: Db) -> list[str]:
    return list(_steps(db, "select min(source) as next from customers where source > :after"))


def _steps(db: Db, sql: str, **params: Any) -> Iterator[str]:
    after = ""
    while (found := one(db, sql, after=after, **params)) and found["next"] is not None:
        after = found["next"]
        yield after
