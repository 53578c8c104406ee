"""What customers are asked about a visit or a delivery: how it was, in one to five stars."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at, moment, one

WAITING, ASKED, GIVEN, RATED, OVER = "待问", "问过顾问", "给了链接", "已评", "不问"


@dataclass(frozen=True, slots=True)
class Star:
    """`event` is the visit; `due_at` when the advisor is asked, None once that is over."""

    id: str
    event: str
    customer: str
    advisor: str
    store: str
    kind: str
    state: str
    made_at: datetime
    due_at: datetime | None = None
    stars: int = 0
    words: str = ""
    channel: str = ""
    rated_at: datetime | None = None


def _star(row: Row) -> Star:
    times = {name: moment(row[name]) for name in ("due_at", "rated_at")}
    return Star(**{**row, **times, "made_at": at(row["made_at"])})


def put(db: Db, found: Star) -> None:
    sql = """insert into stars (id, event, customer, advisor, store, kind, state, made_at, due_at,
            stars, words, channel, rated_at)
        values (:id, :event, :customer, :advisor, :store, :kind, :state, :made, :due, 0, '', '',
            null)
        on conflict (id) do update set event = excluded.event, kind = excluded.kind"""
    db.run(sql, id=found.id, event=found.event, customer=found.customer, advisor=found.advisor,
           store=found.store, kind=found.kind, state=found.state, made=found.made_at,
           due=found.due_at)  # fmt: skip


def get(db: Db, star_id: str) -> Star | None:
    row = one(db, "select * from stars where id = :id", id=star_id)
    return _star(row) if row else None


def newest(db: Db, customer: str, since: datetime) -> Star | None:
    sql = """select * from stars where customer = :c and made_at >= :since
        order by made_at desc, id limit 1"""
    row = one(db, sql, c=customer, since=since)
    return _star(row) if row else None


def due(db: Db, now: datetime) -> list[Star]:
    sql = "select * from stars where due_at <= :now order by due_at, id limit 50"
    return [_star(row) for row in db.rows(sql, now=now)]


def move(db: Db, found: Star, state: str, due_at: datetime | None = None) -> bool:
    """From what was read; False for a process that comes second."""
    sql = "update stars set state = :state, due_at = :due where id = :id and state = :was"
    return db.run(sql, id=found.id, state=state, due=due_at, was=found.state) == 1


def rate(db: Db, star_id: str, stars: int, channel: str, now: datetime, over: str) -> bool:
    """Once; only what `over` wrote gives way to a later word."""
    sql = """update stars set state = :state, due_at = null, stars = :stars, channel = :channel,
            rated_at = :now
        where id = :id and (rated_at is null or channel = :over)"""
    return db.run(sql, id=star_id, state=RATED, stars=stars, channel=channel, now=now,
                  over=over) == 1  # fmt: skip


def restore(db: Db, was: Star) -> None:
    """As it was before somebody noted a rating."""
    sql = """update stars set state = :state, due_at = :due, stars = :stars, words = :words,
            channel = :channel, rated_at = :rated where id = :id"""
    db.run(sql, id=was.id, state=was.state, due=was.due_at, stars=was.stars, words=was.words,
           channel=was.channel, rated=was.rated_at)  # fmt: skip


def say(db: Db, star_id: str, words: str) -> None:
    db.run("update stars set words = :words where id = :id", id=star_id, words=words)


def counts(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> list[Row]:
    """How often each number of stars was given, by store, channel and what it was about."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    among = ", ".join(f":{key}" for key in names) or "null"
    sql = f"""select store, channel, kind, stars, count(*) as n from stars
        where store in ({among}) and rated_at >= :since and rated_at < :until
        group by store, channel, kind, stars order by store, channel, kind, stars"""
    return db.rows(sql, since=since, until=until, **names)


def by_advisor(db: Db, stores: Iterable[str], since: datetime, until: datetime) -> list[Row]:
    """How often each number of stars was given, by store, advisor and channel."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    among = ", ".join(f":{key}" for key in names) or "null"
    sql = f"""select store, advisor, channel, stars, count(*) as n from stars
        where store in ({among}) and rated_at >= :since and rated_at < :until
        group by store, advisor, channel, stars order by store, advisor, channel, stars"""
    return db.rows(sql, since=since, until=until, **names)


def low(
    db: Db, stores: Iterable[str], since: datetime, until: datetime, most: int, limit: int
) -> list[Row]:
    """Who gave so few stars or fewer, the fewest first."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    among = ", ".join(f":{key}" for key in names) or "null"
    sql = f"""select s.customer, c.name, s.stars, s.words, s.kind, s.advisor
        from stars s join customers c on c.id = s.customer
        where s.store in ({among}) and s.rated_at >= :since and s.rated_at < :until
            and s.stars <= :most
        order by s.stars, s.rated_at, s.id limit :limit"""
    return db.rows(sql, since=since, until=until, most=most, limit=limit, **names)


def fade(db: Db, before: datetime) -> int:
    """The figures stay, the sentences do not."""
    return db.run("update stars set words = '' where rated_at < :before and words <> ''",
                  before=before)  # fmt: skip
