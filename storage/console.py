"""What the console's pages count and list, always within the stores that the reader may see."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from storage import tallies, wide
from storage.customers import Customer, get
from storage.db import Db, Row


def among(values: Sequence[str], letter: str) -> tuple[str, dict[str, str]]:
    """`in (…)` with one parameter for each; no values match nothing."""
    names = {f"{letter}{n}": value for n, value in enumerate(values)}
    return f"({', '.join(f':{name}' for name in names) or 'null'})", names


# Figures


def steps(
    db: Db, stores: Sequence[str], kinds: Sequence[str], since: datetime, until: datetime, by: str
) -> list[Row]:
    """Customers who took each step in that time, by store or owner, each counted once a step."""
    found = tallies.steps(db, stores, kinds, (since, until), by)
    return [{by: who, "kind": kind, "n": n} for (who, kind), n in found.items()]


def late(db: Db, stores: Sequence[str], before: datetime) -> list[Row]:
    """Of how many customers something fell due before that time, by advisor."""
    of, params = among(stores, "s")
    sql = f"""select c.store, f.advisor as owner, count(distinct f.customer) as n
        from {wide.join("followups f", stores)}
        where c.id = f.customer and f.state = 'open' and f.origin_at < :before and c.store in {of}
        group by c.store, f.advisor"""
    return db.rows(sql, before=before, **params)


def called(db: Db, ids: Sequence[str], stores: Sequence[str]) -> dict[str, str]:
    """The names of those of these customers who belong to the stores."""
    found: dict[str, str] = {}
    for key in ids:
        for row in db.rows("select name, store from customers where id = :id", id=key):
            if row["store"] in stores:
                found[key] = str(row["name"])
    return found


def used(db: Db, advisors: Sequence[str], since: datetime, until: datetime) -> list[Row]:
    """What became of each script that these advisors were shown."""
    of, params = among(advisors, "a")
    sql = f"""select script, advisor, count(*) as shown,
            sum(case when outcome = 'adopted' then 1 else 0 end) as adopted,
            sum(case when outcome = 'refused' then 1 else 0 end) as refused,
            sum(case when edited <> '' then 1 else 0 end) as edited,
            sum(case when replied_at is not null then 1 else 0 end) as replied
        from script_uses where at >= :since and at < :until and advisor in {of}
        group by script, advisor"""
    return db.rows(sql, since=since, until=until, **params)


# Customers


def page(
    db: Db, stores: Sequence[str], wanted: Mapping[str, str], after: tuple[str, str], size: int
) -> list[Customer]:
    """The customers behind that name and id, so many; each store gives its own by its index."""
    where, params = _wanted(wanted)
    sql = f"""select name, id from customers where store = :store
        and (name, id) > (:name, :id) {where} order by name, id limit :size"""
    name, key = after

    def one(store: str) -> Iterator[tuple[str, str]]:
        rows = db.rows(sql, store=store, name=name, id=key, size=size, **params)
        return ((row["name"], row["id"]) for row in rows)

    found = islice(merge(*(one(store) for store in stores)), size)
    return [c for _, key in found if (c := get(db, key))]


def _wanted(wanted: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Conditions for what was chosen; the names of the columns are ours."""
    parts = [f"and {name} = :{name}_" for name in ("tier", "level", "owner", "stage")
             if wanted.get(name)]  # fmt: skip
    params: dict[str, Any] = {f"{name}_": value for name, value in wanted.items() if value}
    if wanted.get("concern"):
        parts.append("""and exists (select 1 from tags t where t.customer = customers.id
            and t.kind = 'concern' and t.code = :concern_)""")
    if wanted.get("q"):
        parts.append("and name like :q_ escape '\\'")
        params["q_"] = f"%{_plain(wanted['q'])}%"
    return " ".join(parts), params


def _plain(text: str) -> str:
    """Letters that mean something to `like` stand for themselves."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# Groups


def groups(db: Db, stores: Sequence[str], limit: int) -> list[Row]:
    of, params = among(stores, "s")
    sql = f"""select chat_id, name, kind, owner, store, created_at, official from groups
        where store in {of} and dismissed_at is null order by name, chat_id limit :limit"""
    return db.rows(sql, limit=limit, **params)


def played(db: Db, chat_id: str, since: datetime) -> list[Row]:
    """Rounds of each game in a group since then, and how many took part."""
    sql = """select g.game, count(distinct g.id) as rounds, count(distinct m.player) as players,
            count(m.id) as moves
        from games g left join game_moves m on m.round = g.id
        where g.chat_id = :chat and g.started_at >= :since and g.state <> 'lobby'
        group by g.game order by g.game"""
    return db.rows(sql, chat=chat_id, since=since)


def earned(db: Db, chat_id: str, since: datetime) -> list[Row]:
    """What points came for in a group since then."""
    sql = """select reason, count(*) as n, count(distinct member) as members, sum(delta) as points
        from points where chat_id = :chat and at >= :since and delta > 0
        group by reason order by reason"""
    return db.rows(sql, chat=chat_id, since=since)


def draws(db: Db, chat_id: str, since: datetime) -> list[Row]:
    sql = """select d.id, d.title, d.state, d.closes_at, d.closed_at,
            (select count(*) from draw_entries e where e.draw = d.id) as entries,
            (select count(*) from draw_wins w where w.draw = d.id and w.state <> '作废') as wins
        from draws d where d.chat_id = :chat and d.made_at >= :since order by d.made_at, d.id"""
    return db.rows(sql, chat=chat_id, since=since)


def prizes(db: Db) -> list[Row]:
    """What is left of each prize, and what became of those that were exchanged."""
    sql = """select p.id, p.name, p.store, p.cost, p.stock, p.state,
            (select count(*) from redemptions r where r.prize = p.id
                and r.state = '待领') as waiting,
            (select count(*) from redemptions r where r.prize = p.id and r.state = '已领') as given
        from prizes p order by p.at, p.id limit 500"""
    return db.rows(sql)


# What must not be overlooked


def risks(db: Db, stores: Sequence[str], limit: int) -> list[Row]:
    """Whom nobody has been in touch with for so long that it was told to be a risk."""
    of, params = among(stores, "s")
    sql = f"""select f.customer, f.advisor, f.kind, f.rule, f.reason, f.origin_at, f.risk_at,
            c.name, c.level, c.store from followups f cross join customers c
        where c.id = f.customer and f.risk_at is not null and f.state = 'open' and c.store in {of}
        order by f.risk_at desc, f.id limit :limit"""
    return db.rows(sql, limit=limit, **params)


def told(
    db: Db, stores: Sequence[str], kinds: Sequence[str], since: datetime, limit: int
) -> list[Row]:
    """Events of these kinds, the newest first, with when the customer was last spoken to.

    Of many stores each kind gives its own newest ones by its index, however many are behind them.
    """
    many = len(stores) > wide.WIDE
    found = [row for some in ([(kind,) for kind in kinds] if many else [tuple(kinds)])
             for row in _told(db, stores, some, since, limit)]  # fmt: skip
    found.sort(key=lambda row: str(row["id"]))
    return sorted(found, key=lambda row: str(row["at"]), reverse=True)[:limit]


def _told(
    db: Db, stores: Sequence[str], kinds: Sequence[str], since: datetime, limit: int
) -> list[Row]:
    of, params = among(stores, "s")
    marks, named = among(kinds, "k")
    sql = f"""select e.id, e.kind, e.at, e.evidence, c.id as customer, c.name, c.owner, c.store,
            c.level, c.contacted_at
        from {wide.join("events e", stores)}
        where c.id = e.customer and {wide.among("e.kind", marks[1:-1], stores)}
            and e.at >= :since and e.undone_at is null and c.store in {of}
        order by e.at desc, e.id limit :limit"""
    return db.rows(sql, since=since, limit=limit, **params, **named)


def closed(db: Db, customer: str, since: str) -> str:
    """What somebody wrote when they closed what was owed to this customer after that moment."""
    sql = """select outcome from followups where customer = :c and state <> 'open'
        and closed_at > :since and outcome is not null order by closed_at limit 1"""
    rows = db.rows(sql, c=customer, since=since)
    return str(rows[0]["outcome"]) if rows else ""


# How the program stands


def states(db: Db) -> list[Row]:
    """Messages that came in and parcels that go out, by what became of them."""
    sql = """select 'in' as way, state, count(*) as n from inbox group by state
        union all select 'out', state, count(*) from outbox where state <> 'waiting' group by state
        union all select 'out', state, count(*) from outbox where state = 'waiting'
        group by state"""
    return db.rows(sql)


def stuck(db: Db, limit: int = 500) -> list[Row]:
    """Parcels that were refused for good, or of which nobody knows whether they arrived."""
    sql = """select id, kind, state, created_at, error from outbox
        where state in ('dead', 'unknown') and state <> 'waiting' order by seq limit :limit"""
    return db.rows(sql, limit=limit)


def refusals(db: Db, since: datetime) -> list[Row]:
    """Why customers were not written to, by the words of the refusal."""
    sql = """select refused, count(*) as n, max(at) as last_at from touches
        where refused is not null and at >= :since
        group by refused order by n desc, refused limit 200"""
    return db.rows(sql, since=since)


def revive(db: Db, parcel_id: str, now: datetime) -> bool:
    """One parcel that was given up tries again; a picture is uploaded anew."""
    sql = """update outbox set state = 'waiting', due_at = :now, attempts = 0,
        request = case when kind = 'picture' then null else request end
        where id = :id and state = 'dead'"""
    return db.run(sql, id=parcel_id, now=now) == 1


def said(db: Db, limit: int) -> list[Row]:
    """The newest messages of customers: each wording, and how often it stands among them."""
    sql = """select text, count(*) as n from (
            select text from messages where who = 'customer' order by at desc limit :limit) m
        group by text order by text"""
    return db.rows(sql, limit=limit)


def backed_up(db: Db, size: int, now: datetime) -> None:
    """A copy was written and checked; only the newest few are remembered."""
    db.run("insert into backups (at, bytes) values (:now, :size) on conflict (at) do nothing",
           now=now, size=size)  # fmt: skip
    db.run("""delete from backups where at not in (
        select at from backups order by at desc limit 30)""")


def last_backup(db: Db) -> Row | None:
    """`at` and `bytes` of the newest copy, None when none was ever made by this program."""
    found = db.rows("select at, bytes from backups order by at desc limit 1")
    return found[0] if found else None


def last_look(db: Db) -> Row | None:
    """`seq` and `at` of the newest row of the audit."""
    found = db.rows("select seq, at from audit order by seq desc limit 1")
    return found[0] if found else None
