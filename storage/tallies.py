"""Steps counted by the day: a page reads sums for the days that are over, and rows only for today.

A day is counted once it is over; who changes an older event, or whose it is, says so in
`step_touched`, and such a store is read from its rows until its days have been counted again. So
what is told here is always what the rows would tell.

A customer counts once a step, however many days are looked at. So each day is counted by its
`gap`, how many days earlier the same customer took the same step, 0 for never: of a span only
those are added up whose last time was before it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from storage import wide
from storage.db import Db, Row, at

KINDS = ("加微", "开口", "到店", "试驾", "报价", "下订", "交付", "未到店", "投诉", "战败", "退订")
REACH = 200  # days that are kept counted
DAYS = 5  # counted in one transaction, fewer where much happened
ROWS = 10_000  # after so many rows of events a slice is enough
SOILED = 20  # stores that are read from their rows; beyond it all are
HOURS = tuple(f"h{n:02d}" for n in range(24))
DAY = timedelta(days=1)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Range:
    """The days that are counted, as `date.toordinal` has them; `end` is not one of them."""

    zone: ZoneInfo
    first: int
    end: int

    def begin(self, day: int) -> datetime:
        return datetime.combine(date.fromordinal(day), time.min, tzinfo=self.zone)

    def day(self, when: datetime) -> int:
        return when.astimezone(self.zone).date().toordinal()

    def midnight(self, when: datetime) -> bool:
        return when == self.begin(self.day(when))


def counted(db: Db) -> Range | None:
    """None while nothing has been counted."""
    found = db.rows("select zone, first_day, end_day from step_range")
    if not found:
        return None
    return Range(ZoneInfo(found[0]["zone"]), found[0]["first_day"], found[0]["end_day"])


# Asked for


def steps(
    db: Db, stores: Sequence[str], kinds: Sequence[str], span: Span, by: str = ""
) -> Counter[tuple[str, str]]:
    """Customers who took each step in that time, each once a step: by store, owner or neither."""
    clean, soiled, end = _apart(db, stores, kinds, span)
    found = Counter[tuple[str, str]]()
    if clean and end is not None:
        found += _summed(db, clean, kinds, (end.first, end.end), by)
        found += _rows(db, clean, kinds, span, end.begin(end.end), by)
    if soiled:
        found += _rows(db, soiled, kinds, span, span[0], by)
    return found


def _apart(
    db: Db, stores: Sequence[str], kinds: Sequence[str], span: Span
) -> tuple[Sequence[str], Sequence[str], Range | None]:
    """The stores whose sums can be used, those whose rows must be, and the days that are summed."""
    days = counted(db)
    if days is None or not set(kinds) <= set(KINDS) or not days.midnight(span[0]):
        return (), stores, None
    first, end = days.day(span[0]), min(days.end, days.day(span[1]))
    if first < days.first or end <= first:
        return (), stores, None
    touched = _touched(db, first, end)
    soiled = [store for store in stores if store in touched]
    if len(soiled) > SOILED:
        return (), stores, None
    return [s for s in stores if s not in touched], soiled, Range(days.zone, first, end)


def _touched(db: Db, first: int, end: int) -> set[str]:
    sql = "select distinct store from step_touched where day >= :first and day < :end"
    return {row["store"] for row in db.rows(sql, first=first, end=end)}


def _summed(
    db: Db, stores: Sequence[str], kinds: Sequence[str], days: tuple[int, int], by: str
) -> Counter[tuple[str, str]]:
    table, n = ("step_owners", "n") if by == "owner" else ("step_days", HOURS[-1])
    which, named = _list("k", kinds)
    among, shops = _list("s", stores)
    sql = f"""select {by or "''"} as who, kind, sum({n}) as n from {table}
        where kind in {which} and store in {among} and day >= :first and day < :end
            and (gap = 0 or day - gap < :first) group by {_group("kind", by)}"""
    rows = db.rows(sql, first=days[0], end=days[1], **named, **shops)
    return Counter({(row["who"], row["kind"]): int(row["n"]) for row in rows})


def _rows(
    db: Db, stores: Sequence[str], kinds: Sequence[str], span: Span, since: datetime, by: str
) -> Counter[tuple[str, str]]:
    """Those who took a step between `since` and the end of the span for the first time in it."""
    if since >= span[1]:
        return Counter()
    begun = max(since, span[0])
    where, params = _where(stores, kinds, (begun, span[1]))
    before = _NOT_BEFORE if begun > span[0] else ""
    who = by and f"c.{by}"
    sql = f"""select {who or "''"} as who, e.kind, count(distinct e.customer) as n {where} {before}
        group by {_group("e.kind", who)}"""
    rows = db.rows(sql, **params, **({"begun": span[0]} if before else {}))
    return Counter({(row["who"], row["kind"]): int(row["n"]) for row in rows})


def _group(*columns: str) -> str:
    return ", ".join(column for column in columns if column)


_NOT_BEFORE = """and not exists (select 1 from events p where p.customer = e.customer
    and p.kind || '' = e.kind and p.at >= :begun and p.at < :since and p.undone_at is null)"""


def _where(
    stores: Sequence[str], kinds: Sequence[str], span: Span
) -> tuple[str, Mapping[str, Any]]:
    """Events and customers; from the events where there are few of them or many stores."""
    happened = wide.first(stores, *span)
    which, named = _list("k", kinds)
    among, shops = _list("s", stores)
    kind = wide.chosen("e.kind", which[1:-1], happened=happened)
    sql = f"""from {wide.ordered("events e", happened=happened)}
        where c.id = e.customer and {kind} and e.at >= :since
        and e.at < :until and e.undone_at is null and c.store in {among}"""
    return sql, {"since": span[0], "until": span[1], **named, **shops}


def _list(prefix: str, values: Iterable[str]) -> tuple[str, dict[str, str]]:
    """`(:a0, :a1)` with its parameters; nothing matches nobody."""
    named = {f"{prefix}{n}": value for n, value in enumerate(values)}
    return "(" + (", ".join(f":{name}" for name in named) or "null") + ")", named


# Asked for by the day


def parts(
    db: Db, stores: Sequence[str], kinds: Sequence[str], spans: Sequence[Span]
) -> dict[str, list[int]]:
    """How many customers took each step in each of these spans, each of a day or its first part."""
    found = {kind: [0] * len(spans) for kind in kinds}
    days = counted(db)
    fit = [n for n, span in enumerate(spans) if days and _fits(span, days)]
    clean, soiled = _clean(db, stores, kinds, [spans[n] for n in fit], days)
    if days and clean:
        _add_sums(db, found, clean, {n: spans[n] for n in fit}, days)
        _add_rows(db, found, clean, {n: spans[n] for n in range(len(spans)) if n not in fit})
        _add_ends(db, found, clean, {n: spans[n] for n in fit})
    _add_rows(db, found, soiled, dict(enumerate(spans)))
    return found


def _fits(span: Span, days: Range) -> bool:
    """It begins a day that is counted and does not go beyond it; no day of another length."""
    day = days.day(span[0])
    inside = days.first <= day < days.end and span[0] == days.begin(day)
    plain = days.begin(day + 1) - days.begin(day) == DAY
    return inside and plain and span[0] < span[1] <= span[0] + DAY


def _clean(
    db: Db, stores: Sequence[str], kinds: Sequence[str], spans: Sequence[Span], days: Range | None
) -> tuple[Sequence[str], Sequence[str]]:
    if days is None or not spans or not set(kinds) <= set(KINDS):
        return (), stores
    numbers = [days.day(begin) for begin, _ in spans]
    touched = _touched(db, min(numbers), max(numbers) + 1)
    soiled = [store for store in stores if store in touched]
    if len(soiled) > SOILED:
        return (), stores
    return [store for store in stores if store not in touched], soiled


def _hours(span: Span) -> int:
    return int((span[1] - span[0]) / timedelta(hours=1))


def _add_sums(
    db: Db, found: dict[str, list[int]], stores: Sequence[str], spans: Mapping[int, Span],
    days: Range,
) -> None:  # fmt: skip
    """Spans of as many whole hours are read together."""
    which, named = _list("k", found)
    among, shops = _list("s", stores)
    lengths: dict[int, dict[int, int]] = defaultdict(dict)
    for n, span in spans.items():
        lengths[_hours(span)][days.day(span[0])] = n
    for hours, places in lengths.items():
        if not hours:
            continue
        sql = f"""select kind, day, sum({HOURS[hours - 1]}) as n from step_days
            where kind in {which} and store in {among} and day >= :first and day <= :last
            group by kind, day"""
        for row in db.rows(sql, first=min(places), last=max(places), **named, **shops):
            if row["day"] in places:
                found[row["kind"]][places[row["day"]]] += int(row["n"])


def _add_ends(
    db: Db, found: dict[str, list[int]], stores: Sequence[str], spans: Mapping[int, Span]
) -> None:
    """What came after the last whole hour of each."""
    for n, span in spans.items():
        hour = span[0] + timedelta(hours=_hours(span))
        for (_, kind), count in _rows(db, stores, list(found), span, hour, "").items():
            found[kind][n] += count


def _add_rows(
    db: Db, found: dict[str, list[int]], stores: Sequence[str], spans: Mapping[int, Span]
) -> None:
    """From the events themselves, all spans at once."""
    if not spans or not stores:
        return
    case, edges = _cases(spans)
    among = (min(a for a, _ in spans.values()), max(b for _, b in spans.values()))
    where, params = _where(stores, list(found), among)
    sql = f"""select kind, span, count(distinct customer) as n from (
            select e.kind, e.customer, {case} as span {where}) counted
        where span >= 0 group by kind, span"""
    for row in db.rows(sql, **edges, **params):
        found[row["kind"]][row["span"]] += int(row["n"])


def _cases(spans: Mapping[int, Span]) -> tuple[str, dict[str, datetime]]:
    """The number of the span that a time lies in, -1 between them."""
    edges: dict[str, datetime] = {}
    for n, (begin, end) in spans.items():
        edges |= {f"f{n}": begin, f"u{n}": end}
    cases = " ".join(f"when e.at >= :f{n} and e.at < :u{n} then {n}" for n in spans)
    return f"case {cases} else -1 end", edges


# Said by whoever changes what may have been counted


def changed(db: Db, customer: str, kind: str, when: datetime) -> None:
    """A step of that time was written or taken back: its day, and that of the next such step."""
    days = counted(db)
    if days is None or kind not in KINDS or when >= days.begin(days.end):
        return
    sql = """select e.at, c.store from customers c join events e on e.customer = c.id
        where c.id = :c and e.kind || '' = :kind and e.at > :when and e.undone_at is null
        order by e.at limit 1"""
    later = db.rows(sql, c=customer, kind=kind, when=when)
    _mark(db, customer, {when, *(at(row["at"]) for row in later)}, days)


def moved(db: Db, customer: str) -> None:
    """A customer goes or came: before and after it, all their days, in the store they are in."""
    days = counted(db)
    if days is None:
        return
    sql = "select at from events where customer = :c and at >= :since and at < :until"
    since, until = days.begin(days.first), days.begin(days.end)
    rows = db.rows(sql, c=customer, since=since, until=until)
    _mark(db, customer, {at(row["at"]) for row in rows}, days)


def _mark(db: Db, customer: str, times: Iterable[datetime], days: Range) -> None:
    numbers = {days.day(when) for when in times}
    mine = [{"c": customer, "day": day} for day in numbers if days.first <= day < days.end]
    if mine:
        db.many(
            """insert into step_touched (store, day)
            select store, :day from customers where id = :c on conflict do nothing""",
            mine,
        )


# Counted


def roll(db: Db, zone: ZoneInfo, today: int) -> int:
    """A slice of what is still to be counted; returns the days. In a transaction."""
    days = counted(db)
    if days is None or days.zone.key != zone.key or days.end > today:
        days = _afresh(db, zone, today)
    done = rows = 0
    for number, stores in _due(db, days, today):
        rows += _count(db, days, number, stores)
        done += 1
        if done >= DAYS or rows >= ROWS:
            break
    return done


def _afresh(db: Db, zone: ZoneInfo, today: int) -> Range:
    """Days of another zone, or of a clock that went back, are other days."""
    for table in ("step_days", "step_owners", "step_touched", "step_range"):
        db.run(f"delete from {table}")
    db.run("insert into step_range (zone, first_day, end_day) values (:zone, :day, :day)",
           zone=zone.key, day=today)  # fmt: skip
    return Range(zone, today, today)


def _due(db: Db, days: Range, today: int) -> Iterator[tuple[int, Sequence[str]]]:
    """Days with the stores to be counted, none for all: touched ones, new ones, then older ones."""
    yield from _touched_days(db)
    for number in range(days.end, today):
        db.run("update step_range set end_day = :day", day=number + 1)
        yield number, ()
    floor = today - REACH
    _drop(db, days, floor)
    for number in range(days.first - 1, floor - 1, -1):
        if not db.rows("select 1 from events where at < :at limit 1", at=days.begin(number + 1)):
            db.run("update step_range set first_day = :day", day=floor)
            return
        db.run("update step_range set first_day = :day", day=number)
        yield number, ()


def _drop(db: Db, days: Range, floor: int) -> None:
    """Days that nobody looks at any more."""
    if days.first >= floor:
        return
    for table in ("step_days", "step_owners", "step_touched"):
        db.run(f"delete from {table} where day < :floor", floor=floor)
    db.run("update step_range set first_day = :floor", floor=floor)


def _touched_days(db: Db) -> Iterator[tuple[int, Sequence[str]]]:
    for row in db.rows(f"select distinct day from step_touched order by day desc limit {DAYS}"):
        marked = db.rows("select store from step_touched where day = :day", day=row["day"])
        stores = [one["store"] for one in marked]
        yield row["day"], stores if len(stores) <= wide.WIDE else ()


def again(db: Db, number: int) -> None:
    """Count a day once more, whatever it was thought to be; in a transaction."""
    days = counted(db)
    if days is not None and days.first <= number < days.end:
        _count(db, days, number, ())


def _count(db: Db, days: Range, number: int, stores: Sequence[str]) -> int:
    """A day of these stores, of all where none are named; returns how many rows were read."""
    rows = _taken(db, days, number, stores)
    by_store: dict[tuple[str, str, int], list[int]] = {}
    by_owner = Counter[tuple[str, str, str, int]]()
    for row in rows:
        gap = number - days.day(at(row["before"])) if row["before"] else 0
        hour = int((at(row["at"]) - days.begin(number)) / timedelta(hours=1))
        key = (row["kind"], row["store"], gap)
        by_store.setdefault(key, [0] * len(HOURS))[min(hour, len(HOURS) - 1)] += 1
        by_owner[row["kind"], row["store"], row["owner"], gap] += 1
    _forget(db, number, stores)
    _keep(db, number, by_store, by_owner)
    return len(rows)


def _taken(db: Db, days: Range, number: int, stores: Sequence[str]) -> list[Row]:
    """Each customer's first time of each step on that day, and the last time before it."""
    which, named = _list("k", KINDS)
    among, shops = _list("s", stores)
    of, join = (f"and c.store in {among}", "customers c cross join events e") if stores else (
        "", "events e cross join customers c")  # fmt: skip
    kind = f"e.kind || '' in {which}" if stores else f"e.kind in {which}"
    sql = f"""select c.store, c.owner, e.kind, e.customer, min(e.at) as at,
            (select max(p.at) from events p where p.customer = e.customer
                and p.kind || '' = e.kind and p.at >= :floor and p.at < :since
                and p.undone_at is null) as before
        from {join} where c.id = e.customer and {kind} and e.at >= :since and e.at < :until
            and e.undone_at is null {of}
        group by c.store, c.owner, e.kind, e.customer"""
    return db.rows(sql, since=days.begin(number), until=days.begin(number + 1),
                   floor=days.begin(number - REACH), **named, **shops)  # fmt: skip


def _forget(db: Db, number: int, stores: Sequence[str]) -> None:
    among, shops = _list("s", stores)
    of = f"and store in {among}" if stores else ""
    for table in ("step_days", "step_owners", "step_touched"):
        db.run(f"delete from {table} where day = :day {of}", day=number, **shops)


def _keep(
    db: Db, number: int, by_store: Mapping[tuple[str, str, int], Sequence[int]],
    by_owner: Mapping[tuple[str, str, str, int], int],
) -> None:  # fmt: skip
    names, marks = ", ".join(HOURS), ", ".join(f":{hour}" for hour in HOURS)
    db.many(
        f"""insert into step_days (kind, store, day, gap, {names})
            values (:kind, :store, :day, :gap, {marks})""",
        ({"kind": kind, "store": store, "day": number, "gap": gap,
          **dict(zip(HOURS, _running(hours), strict=True))}
         for (kind, store, gap), hours in by_store.items()),
    )  # fmt: skip
    db.many(
        """insert into step_owners (kind, store, day, owner, gap, n)
            values (:kind, :store, :day, :owner, :gap, :n)""",
        ({"kind": kind, "store": store, "day": number, "owner": owner, "gap": gap, "n": n}
         for (kind, store, owner, gap), n in by_owner.items()),
    )  # fmt: skip


def _running(hours: Sequence[int]) -> Iterator[int]:
    """Up to and with each hour."""
    total = 0
    for n in hours:
        total += n
        yield total
