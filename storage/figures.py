"""What the analyses count: always of some stores, within a time, by an index."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from storage import tallies, wide
from storage.db import Db, Row, number

Params = dict[str, Any]


def _list(prefix: str, values: Iterable[str]) -> tuple[str, Params]:
    """`(:a0, :a1)` with its parameters; nothing matches nobody."""
    named = {f"{prefix}{n}": value for n, value in enumerate(values)}
    return "(" + (", ".join(f":{name}" for name in named) or "null") + ")", named


# Steps of the journey


def steps(
    db: Db, stores: Iterable[str], kinds: Iterable[str], since: datetime, until: datetime
) -> dict[str, dict[str, int]]:
    """By store: how many customers took each step in that time, each once a step."""
    found: dict[str, dict[str, int]] = {}
    counted = tallies.steps(db, tuple(stores), tuple(kinds), (since, until), "store")
    for (store, kind), n in counted.items():
        found.setdefault(store, {})[kind] = n
    return found


def daily(
    db: Db, stores: Iterable[str], kinds: Iterable[str], spans: Sequence[tuple[datetime, datetime]]
) -> dict[str, list[int]]:
    """How many customers took each step in each of these spans, which do not overlap."""
    return tallies.parts(db, tuple(stores), tuple(kinds), spans)


def talked(
    db: Db, stores: Iterable[str], spans: Sequence[tuple[datetime, datetime]]
) -> list[int]:  # fmt: skip
    """How many customers wrote or were written to in each of these spans."""
    case, edges = _spans("m.at", spans)
    join, among, shops = _said(stores)
    sql = f"""select span, count(distinct customer) as n from (
            select m.customer, {case} as span from {join}
            where c.id = m.customer and c.store in {among} and m.at >= :since and m.at < :until)
            counted where span >= 0 group by span"""
    found = [0] * len(spans)
    for row in db.rows(sql, **edges, **shops):
        found[row["span"]] = row["n"]
    return found


def _said(stores: Iterable[str]) -> tuple[str, str, Params]:
    """Messages with their customers, from whichever are fewer; the stores with their names."""
    every = tuple(stores)
    among, shops = _list("s", every)
    return wide.join("messages m", every), among, shops


def _spans(column: str, spans: Sequence[tuple[datetime, datetime]]) -> tuple[str, Params]:
    """The number of the span that a time lies in, -1 between them; `since` and `until` of all."""
    edges: Params = {"since": min(a for a, _ in spans), "until": max(b for _, b in spans)}
    for n, (begin, end) in enumerate(spans):
        edges |= {f"f{n}": begin, f"u{n}": end}
    cases = " ".join(f"when {column} >= :f{n} and {column} < :u{n} then {n}"
                     for n in range(len(spans)))  # fmt: skip
    return f"case {cases} else -1 end", edges


def came_back(db: Db, stores: Iterable[str], days: Sequence[tuple[datetime, datetime]]) -> int:
    """Customers who spoke on two of these days or more: the first day is not the last one."""
    every = tuple(stores)
    among, shops = _list("s", every)
    first, edges = _spans("earliest", days)
    last, _ = _spans("latest", days)
    happened = len(every) > wide.WIDE
    who = wide.chosen("m.who", "'customer'", happened=happened)
    theirs = f"and m.customer in (select id from customers where store in {among})"
    sql = f"""select count(*) from (
            select m.customer, min(m.at) as earliest, max(m.at) as latest from messages m
            where {who} and m.at >= :since and m.at < :until {"" if happened else theirs}
            group by m.customer having min(m.at) < max(m.at)) said
        cross join customers c where c.id = said.customer and c.store in {among}
            and {first} <> {last}"""
    return number(db, sql, **edges, **shops)


def spoken(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> dict[str, int]:
    """By the way in which their words reached us, how many customers were talked to."""
    join, among, shops = _said(stores)
    sql = f"""select m.source, count(distinct m.customer) as n from {join}
        where c.id = m.customer and c.store in {among} and m.at >= :since and m.at < :until
        group by m.source"""
    rows = db.rows(sql, since=since, until=until, **shops)
    return {row["source"]: row["n"] for row in rows}


def told_by(
    db: Db, stores: Iterable[str], kinds: Iterable[str], since: datetime, until: datetime
) -> dict[str, int]:
    """Who said that these steps were taken: advisor, message, import, system."""
    among, shops = _list("s", stores)
    which, named = _list("k", kinds)
    sql = f"""select e.source, count(*) as n from customers c join events e on e.customer = c.id
        where c.store in {among} and e.kind in {which} and e.at >= :since and e.at < :until
            and e.undone_at is null group by e.source"""
    rows = db.rows(sql, since=since, until=until, **shops, **named)
    return {row["source"]: row["n"] for row in rows}


def stages(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> dict[str, int]:
    """In which stage those stand who were added in that time."""
    among, shops = _list("s", stores)
    sql = f"""select c.stage, count(*) as n from customers c where c.store in {among}
        and c.added_at >= :since and c.added_at < :until group by c.stage"""
    rows = db.rows(sql, since=since, until=until, **shops)
    return {row["stage"]: row["n"] for row in rows}


def introduced(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> int:
    """Customers who brought somebody in that time."""
    every = tuple(stores)
    among, shops = _list("s", every)
    sql = f"""select count(distinct r.introducer) from {wide.join("referrals r", every)}
        where r.introducer = c.id and c.store in {among} and r.made_at >= :since
            and r.made_at < :until"""
    return number(db, sql, since=since, until=until, **shops)


# Why they did not come


def reasons(
    db: Db, stores: Iterable[str], kinds: Iterable[str], since: datetime, until: datetime
) -> list[Row]:
    """What stood behind such events, by store, advisor and source."""
    among, shops = _list("s", stores)
    which, named = _list("k", kinds)
    sql = f"""select e.evidence as reason, c.store, c.owner, c.source, count(*) as n
        from customers c join events e on e.customer = c.id
        where c.store in {among} and e.kind in {which} and e.at >= :since and e.at < :until
            and e.undone_at is null group by e.evidence, c.store, c.owner, c.source"""
    return db.rows(sql, since=since, until=until, **shops, **named)


# Cross tables


COLUMNS = {"tier": "c.tier", "level": "c.level", "model": "c.model", "source": "c.source"}
ROWS = {"owner": "c.owner", "store": "c.store"}


def cross(
    db: Db, stores: Iterable[str], by: str, what: str, since: datetime, until: datetime
) -> list[Row]:
    """Customers who were added, spoke or were contacted in that time: `by` × `what`."""
    among, shops = _list("s", stores)
    first = ROWS[by]
    if what == "quadrant":
        second, join = "s.class", "join scores s on s.customer = c.id and s.name = '四象限'"
    elif what == "concern":
        second = "t.code"
        join = """join tags t on t.customer = c.id and t.kind = 'concern'
            and t.last_at >= :since and t.last_at < :until"""
    else:
        second, join = COLUMNS[what], ""
    sql = f"""select {first} as who, {second} as what, count(*) as n from customers c {join}
        where c.store in {among} and c.deleted_at is null and (
            (c.added_at >= :since and c.added_at < :until)
            or (c.spoke_at >= :since and c.spoke_at < :until)
            or (c.contacted_at >= :since and c.contacted_at < :until))
        group by {first}, {second}"""
    return db.rows(sql, since=since, until=until, **shops)


def cohort(
    db: Db, stores: Iterable[str], kinds: Iterable[str], joined: tuple[datetime, datetime],
    before: datetime,
) -> dict[str, int]:  # fmt: skip
    """Of those added in that time: how many took each step before then; "" is how many there are.

    Whoever wrote before they were added is counted, too.
    """
    among, shops = _list("s", stores)
    named = {f"k{n}": kind for n, kind in enumerate(kinds)}
    since, until = joined
    # Asked of each newcomer by their own events: with a bare kind SQLite would, for each of them,
    # go through everybody's events of that kind.
    taken = ", ".join(f"""sum(case when exists (select 1 from events e where e.customer = c.id
            and e.kind || '' = :{key} and e.at < :before and e.undone_at is null)
            then 1 else 0 end) as {key}""" for key in named)  # fmt: skip
    sql = f"""select count(*) as people, {taken} from customers c
        where c.store in {among} and c.added_at >= :since and c.added_at < :until"""
    row = db.rows(sql, since=since, until=until, before=before, **shops, **named)[0]
    return {"": row["people"], **{kind: int(row[key] or 0) for key, kind in named.items()}}


# How fast, how good


def waited(
    db: Db, advisors: Iterable[str], since: datetime, until: datetime
) -> list[Row]:  # fmt: skip
    """Every time that a customer was seen to wait for an answer, and when it came."""
    among, named = _list("a", advisors)
    sql = f"""select advisor, created_at, closed_at, outcome, state from followups
        where advisor in {among} and rule = 'waiting' and created_at >= :since
            and created_at < :until order by created_at"""
    return db.rows(sql, since=since, until=until, **named)


def rated(db: Db, since: datetime, until: datetime) -> list[Row]:
    """What members said of the answers they were given."""
    sql = """select member, verdict, reasons, count(*) as n from ratings
        where at >= :since and at < :until group by member, verdict, reasons"""
    return db.rows(sql, since=since, until=until)


def used(db: Db, advisors: Iterable[str], since: datetime, until: datetime) -> list[Row]:
    """How scripts fared with these advisors."""
    among, named = _list("a", advisors)
    sql = f"""select script, count(*) as shown,
            sum(case when outcome = 'adopted' then 1 else 0 end) as adopted,
            sum(case when outcome = 'refused' then 1 else 0 end) as refused,
            sum(case when edited <> '' then 1 else 0 end) as edited,
            sum(case when replied_at is not null then 1 else 0 end) as replied
        from script_uses where at >= :since and at < :until and advisor in {among}
        group by script order by script"""
    return db.rows(sql, since=since, until=until, **named)


# What customers speak of


def voices(
    db: Db, stores: Iterable[str], codes: Iterable[str], since: datetime, until: datetime
) -> list[Row]:
    """By concern: how many, how many worried, how many still unanswered."""
    among, shops = _list("s", stores)
    which, named = _list("k", codes)
    sql = f"""select t.code, count(*) as n,
            sum(case when t.polarity < 0 then 1 else 0 end) as worried,
            sum(case when t.state in ('', 'stuck') then 1 else 0 end) as unresolved
        from tags t join customers c on c.id = t.customer
        where t.kind = 'concern' and t.code in {which} and t.last_at >= :since
            and t.last_at < :until and c.store in {among} group by t.code"""
    return db.rows(sql, since=since, until=until, **shops, **named)


def voices_of_models(
    db: Db, stores: Iterable[str], codes: Iterable[str], since: datetime, until: datetime
) -> list[Row]:
    """Concern by the model that the customer looks at."""
    among, shops = _list("s", stores)
    which, named = _list("k", codes)
    sql = f"""select c.model, t.code, count(*) as n,
            sum(case when t.state in ('', 'stuck') then 1 else 0 end) as unresolved
        from tags t join customers c on c.id = t.customer
        where t.kind = 'concern' and t.code in {which} and t.last_at >= :since
            and t.last_at < :until and c.store in {among} group by c.model, t.code"""
    return db.rows(sql, since=since, until=until, **shops, **named)


def rivals(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> list[Row]:
    """Which other cars were named, by how many, beside which model of ours."""
    among, shops = _list("s", stores)
    sql = f"""select t.value as rival, c.model, count(*) as n from customers c
        join tags t on t.customer = c.id and t.kind = 'rival'
        where c.store in {among} and t.last_at >= :since and t.last_at < :until
        group by t.value, c.model"""
    return db.rows(sql, since=since, until=until, **shops)


# Groups


def groups(db: Db, stores: Iterable[str], inside: str, limit: int = 2000) -> list[Row]:
    """The customer groups of these stores; `inside` is the kind that holds staff only."""
    among, shops = _list("s", stores)
    sql = f"""select chat_id, name, kind, store, created_at from groups where store in {among}
        and dismissed_at is null and kind <> :inside order by store, name, chat_id limit :limit"""
    return db.rows(sql, inside=inside, limit=limit, **shops)


def founded(
    db: Db, stores: Iterable[str], inside: str, since: datetime, until: datetime
) -> dict[str, int]:
    """How many customer groups each store made in that time."""
    among, shops = _list("s", stores)
    sql = f"""select store, count(*) as n from groups where store in {among} and kind <> :inside
        and created_at >= :since and created_at < :until group by store"""
    rows = db.rows(sql, inside=inside, since=since, until=until, **shops)
    return {row["store"]: row["n"] for row in rows}


def flow(db: Db, chat: str, since: datetime) -> Row:
    """Customers in a group, how many of them joined since then, how many left."""
    sql = """select sum(case when left_at is null then 1 else 0 end) as members,
            sum(case when left_at is null and joined_at >= :since then 1 else 0 end) as joined,
            sum(case when left_at >= :since then 1 else 0 end) as gone
        from group_members where chat_id = :chat and staff = 0"""
    row = db.rows(sql, chat=chat, since=since)[0]
    return {name: int(value or 0) for name, value in row.items()}


_SILENT = """m.chat_id = :chat and m.left_at is null and m.staff = 0
    and not exists (select 1 from messages s where s.customer = m.member and s.at >= :since
        and s.member = :chat)
    and not exists (select 1 from checkins k where k.chat_id = :chat and k.member = m.member
        and k.day >= :day)
    and not exists (select 1 from points p where p.chat_id = :chat and p.member = m.member
        and p.at >= :since)"""


def silent(db: Db, chat: str, since: datetime) -> int:
    """Customers in a group who neither spoke, checked in nor played since then."""
    sql = f"select count(*) from group_members m where {_SILENT}"
    return number(db, sql, chat=chat, since=since, day=since.date().isoformat())


def silent_newcomers(
    db: Db, chat: str, joined: tuple[datetime, datetime], limit: int = 20
) -> list[Row]:
    """Who joined in that time and has done nothing since: their id and their name there."""
    sql = f"""select m.member, m.name, m.joined_at from group_members m where {_SILENT}
        and m.joined_at >= :since and m.joined_at < :until order by m.joined_at limit :limit"""
    since, until = joined
    return db.rows(sql, chat=chat, since=since, until=until, limit=limit,
                   day=since.date().isoformat())  # fmt: skip


# Activities


def rounds(db: Db, chats: Iterable[str], since: datetime, until: datetime) -> list[Row]:
    """The rounds of games in these groups, the newest first."""
    among, named = _list("c", chats)
    sql = f"""select id, chat_id, game, started_at, ends_at from games where chat_id in {among}
        and started_at >= :since and started_at < :until and state <> 'lobby'
        order by started_at desc, id limit 200"""
    return db.rows(sql, since=since, until=until, **named)


def draws(db: Db, chats: Iterable[str], since: datetime, until: datetime) -> list[Row]:
    among, named = _list("c", chats)
    sql = f"""select id, chat_id, title, made_at from draws where chat_id in {among}
        and made_at >= :since and made_at < :until order by made_at desc, id limit 200"""
    return db.rows(sql, since=since, until=until, **named)


def players(db: Db, round_id: str) -> list[str]:
    sql = "select distinct player from game_moves where round = :round order by player"
    return [row["player"] for row in db.rows(sql, round=round_id)]


def entrants(db: Db, draw_id: str) -> list[str]:
    sql = "select distinct member from draw_entries where draw = :draw order by member"
    return [row["member"] for row in db.rows(sql, draw=draw_id)]


def scored(db: Db, chat: str, game: str, since: datetime, until: datetime) -> int:
    """Who got points for a game in that time."""
    sql = """select count(distinct member) from points where chat_id = :chat and reason = :game
        and delta > 0 and at >= :since and at < :until"""
    return number(db, sql, chat=chat, game=game, since=since, until=until)


def afterwards(
    db: Db, people: Iterable[str], kinds: Iterable[str], since: datetime, until: datetime
) -> dict[str, int]:
    """How many of these people took each step in that time."""
    among, mine = _list("p", people)
    which, named = _list("k", kinds)
    sql = f"""select kind, count(distinct customer) as n from events where customer in {among}
        and kind in {which} and at >= :since and at < :until and undone_at is null group by kind"""
    rows = db.rows(sql, since=since, until=until, **mine, **named)
    return {row["kind"]: row["n"] for row in rows}


# Lost and called back


def recalled(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> Row:
    """Of those whose loss was agreed to in that time, of the kind that is called back: how many
    there are, were woken, answered, and ordered after that."""
    among, shops = _list("s", stores)
    sql = f"""select count(*) as lost,
            sum(case when woken > 0 then 1 else 0 end) as woken,
            sum(case when replied > 0 then 1 else 0 end) as answered,
            sum(case when replied > 0 and ordered > 0 then 1 else 0 end) as ordered
        from (select l.id,
                (select count(*) from wakeups w where w.loss = l.id and w.sent_at is not null)
                    as woken,
                (select count(*) from wakeups w where w.loss = l.id and w.answered_at is not null)
                    as replied,
                (select count(*) from events e where e.customer = l.customer and e.kind = '下订'
                    and e.undone_at is null and e.at > l.decided_at) as ordered
            from losses l where l.store in {among} and l.state = '同意' and l.kind = '其他'
                and l.decided_at >= :since and l.decided_at < :until) called"""
    row = db.rows(sql, since=since, until=until, **shops)[0]
    return {name: int(value or 0) for name, value in row.items()}


# A day


def day_of(db: Db, advisor: str, since: datetime, until: datetime) -> dict[str, int]:
    """What one advisor's day came to: customers contacted and heard, each step that was taken."""
    sql = """select
            sum(case when contacted_at >= :since and contacted_at < :until then 1 else 0 end)
                as contacted,
            sum(case when spoke_at >= :since and spoke_at < :until then 1 else 0 end) as heard,
            sum(case when level in ('O', 'H') then 1 else 0 end) as hot
        from customers where owner = :advisor and deleted_at is null"""
    row = db.rows(sql, advisor=advisor, since=since, until=until)[0]
    found = {name: int(value or 0) for name, value in row.items()}
    steps_ = """select e.kind, count(distinct e.customer) as n from customers c
        join events e on e.customer = c.id
        where c.owner = :advisor and e.at >= :since and e.at < :until and e.undone_at is null
        group by e.kind"""
    rows = db.rows(steps_, advisor=advisor, since=since, until=until)
    return {**found, **{row["kind"]: row["n"] for row in rows}}


def adopted(db: Db, since: datetime, until: datetime) -> dict[str, int]:
    """How many scripts each advisor took."""
    sql = """select advisor, count(*) as n from script_uses where at >= :since and at < :until
        and outcome = 'adopted' group by advisor"""
    return {row["advisor"]: row["n"] for row in db.rows(sql, since=since, until=until)}


def took_part(db: Db, chat: str, since: datetime, until: datetime) -> int:
    """Who checked in or played in a group."""
    sql = """select count(*) from (
            select member from checkins where chat_id = :chat and day >= :first and day <= :last
                and at >= :since and at < :until
            union select m.player from games g join game_moves m on m.round = g.id
            where g.chat_id = :chat and g.started_at >= :week and m.at >= :since and m.at < :until
        ) together"""
    return number(db, sql, chat=chat, since=since, until=until, week=since - timedelta(days=7),
                  first=(since - timedelta(days=1)).date().isoformat(),
                  last=(until + timedelta(days=1)).date().isoformat())  # fmt: skip


def to_hand_out(db: Db, stores: Iterable[str], now: datetime) -> list[Row]:
    """Prizes that were exchanged and wait to be fetched, the first to lapse first."""
    among, shops = _list("s", stores)
    sql = f"""select r.name, r.until, r.store from redemptions r where r.state = '待领'
        and r.until >= :now and r.store in {among} order by r.until, r.id limit 200"""
    return db.rows(sql, now=now, **shops)


def thanks_due(db: Db, stores: Iterable[str]) -> list[Row]:
    """Thank-you gifts for who brought a friend, not handed over yet."""
    every = tuple(stores)
    among, shops = _list("s", every)
    sql = f"""select w.what, w.due_at, c.id as customer, c.name, c.owner
        from {wide.join("rewards w", every)}
        where w.introducer = c.id and w.state = '待发' and c.store in {among}
        order by w.due_at, w.id limit 200"""
    return db.rows(sql, **shops)


def broken(db: Db, since: datetime) -> Row:
    """What could not be handled or sent since then."""
    sql = """select
        (select count(*) from inbox where state = 'failed' and received_at >= :since) as failed,
        (select count(*) from outbox where seq > (select coalesce(max(seq), 0) - 5000 from outbox)
            and state in ('dead', 'unknown') and created_at >= :since) as dead"""
    return db.rows(sql, since=since)[0]
