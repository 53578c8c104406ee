"""Customers, what they said, and what is believed about them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

from storage import erasure, tallies
from storage.db import Db, Row, at, moment, number, one

_TIMES = ("level_at", "pinned_until", "added_at", "spoke_at", "contacted_at", "opted_out_at",
          "archive_refused_at", "deleted_at")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    name: str  # remark or nickname, as the advisor knows them
    title: str = ""  # 先生 or 女士, only when known
    store: str = ""
    owner: str = ""
    source: str = ""
    stage: str = "加微"
    model: str = ""
    phone: str = ""
    tier: str = "low"
    track: str = "to-wake"
    tier_reason: str = ""
    level: str = "N"
    level_reason: str = ""
    level_at: datetime | None = None
    pinned_until: datetime | None = None
    added_at: datetime | None = None
    spoke_at: datetime | None = None
    contacted_at: datetime | None = None
    opted_out_at: datetime | None = None
    archive_refused_at: datetime | None = None
    deleted_at: datetime | None = None
    tier_rule: str = ""  # the rules that judged, and of which version
    level_rule: str = ""
    rules_version: int = 0

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, **{name: moment(row[name]) for name in _TIMES}})


@dataclass(frozen=True, slots=True)
class Tag:
    """`kind` is concern, intent, signal or a slot's kind; `state` is the life of a concern."""

    kind: str
    code: str
    polarity: int
    value: str
    evidence: str
    confidence: float
    source: str
    state: str
    mentions: int
    first_at: datetime
    last_at: datetime
    expires_at: datetime | None
    rule: str = ""  # that read it from the words
    message: str = ""  # in which it was last said

    @classmethod
    def from_row(cls, row: Row) -> Self:
        times = {name: moment(row[name]) for name in ("first_at", "last_at", "expires_at")}
        return cls(**{**row, **times})


def add(db: Db, customer: Customer) -> bool:
    """Insert; False when the customer was there already, and then nothing changes.

    Whoever asked for no more messages and was erased since is not written to when they come again.
    """
    if customer.opted_out_at is None and erasure.refused(db, customer.id):
        customer = replace(customer, opted_out_at=customer.added_at)
    values = {f.name: getattr(customer, f.name) for f in fields(Customer)}
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    new = db.run(
        f"insert into customers ({names}) values ({marks}) on conflict (id) do nothing", **values
    ) == 1  # fmt: skip
    if new:
        tallies.moved(db, customer.id)  # what happened may be known before they are
    return new


def get(db: Db, customer_id: str) -> Customer | None:
    row = one(db, "select * from customers where id = :id", id=customer_id)
    return Customer.from_row(row) if row else None


def change(db: Db, customer_id: str, **values: Any) -> None:
    """Set these columns; their names come from our code, never from a message."""
    if unknown := values.keys() - {f.name for f in fields(Customer)}:
        raise ValueError(f"no such columns: {unknown}")
    pairs = ", ".join(f"{name} = :{name}" for name in values)
    if moves := not values.keys().isdisjoint(("store", "owner")):
        tallies.moved(db, customer_id)
    db.run(f"update customers set {pairs} where id = :id", id=customer_id, **values)
    if moves:
        tallies.moved(db, customer_id)


def of_owner(db: Db, owner: str) -> list[Customer]:
    sql = "select * from customers where owner = :owner and deleted_at is null order by name, id"
    return [Customer.from_row(row) for row in db.rows(sql, owner=owner)]


def owners(db: Db) -> list[str]:
    """Everybody who has customers."""
    sql = "select distinct owner from customers where owner <> '' order by owner"
    return [row["owner"] for row in db.rows(sql)]


def levels_of(db: Db, owner: str) -> dict[str, dict[str, int]]:
    """How many of each level an advisor has, by store; those who left are not counted."""
    sql = """select store, level, count(*) as n from customers where owner = :owner
        and deleted_at is null group by store, level order by store, level"""
    found: dict[str, dict[str, int]] = {}
    for row in db.rows(sql, owner=owner):
        found.setdefault(row["store"], {})[row["level"]] = row["n"]
    return found


def with_phone(db: Db, phone: str) -> list[Customer]:
    sql = """select * from customers where phone = :phone and phone <> ''
        order by added_at, id"""
    return [Customer.from_row(row) for row in db.rows(sql, phone=phone)]


def named(db: Db, name: str) -> list[Customer]:
    """All of that very name, wherever they belong."""
    sql = "select * from customers where name = :name order by id limit 500"
    return [Customer.from_row(row) for row in db.rows(sql, name=name)]


def came_by(db: Db, owner: str, source: str, since: datetime) -> int:
    """How many came to this advisor by that source since then."""
    sql = """select count(*) from customers where owner = :owner and source = :source
        and added_at >= :since"""
    return number(db, sql, owner=owner, source=source, since=since)


def of_stores(db: Db, stores: Iterable[str], limit: int = -1, stage: str = "") -> list[Customer]:
    """Those of these stores, of one stage or of all; with a limit, so many of each store."""
    found: list[Customer] = []
    more = f" limit {limit}" if limit >= 0 else ""
    sql = f"""select * from customers where store = :store and (:stage = '' or stage = :stage)
        order by name, id{more}"""
    for store in sorted(stores):
        found += [Customer.from_row(row) for row in db.rows(sql, store=store, stage=stage)]
    return found


def named_in(db: Db, words: str, *, owner: str = "", store: str = "") -> list[Customer]:
    """An advisor's or a store's customers whose names stand somewhere in these words."""
    mine = "owner = :owner and deleted_at is null" if owner else "store = :store"
    sql = f"""select * from customers where {mine} and name <> ''
        and :words like '%' || name || '%' order by length(name) desc, id limit 50"""
    whose = {"owner": owner} if owner else {"store": store}
    found = (Customer.from_row(row) for row in db.rows(sql, words=words, **whose))
    return [c for c in found if c.name in words]  # a % in a name matches anything


def pages(
    db: Db, *, stores: Iterable[str] = (), owner: str = "", everybody: bool = False,
    size: int = 500,
) -> Iterator[list[Customer]]:  # fmt: skip
    """Customers who are still friends, so many at a time and in the order of their ids."""
    names = {f"s{n}": store for n, store in enumerate(stores)}
    of_stores = f"store in ({', '.join(f':{name}' for name in names) or 'null'})"
    whose = "1 = 1" if everybody else "owner = :owner" if owner else of_stores
    params = names if not (everybody or owner) else {"owner": owner} if not everybody else {}
    after = ""
    while True:
        sql = f"""select * from customers where id > :after and {whose} and deleted_at is null
            order by id limit :size"""
        page = [Customer.from_row(r) for r in db.rows(sql, after=after, size=size, **params)]
        if not page:
            return
        yield page
        after = page[-1].id


def fading(db: Db, after: str = "", limit: int = 10**9) -> list[Customer]:
    """Those whose level or tier can still sink, from the one after that id."""
    sql = """select * from customers where deleted_at is null and id > :after
        and (level in ('H', 'A', 'B') or tier <> 'low') order by id limit :limit"""
    return [Customer.from_row(row) for row in db.rows(sql, after=after, limit=limit)]


def tag(
    db: Db, customer_id: str, *, kind: str, code: str, now: datetime, polarity: int = 0,
    value: str = "", evidence: str = "", confidence: float = 1.0, source: str = "message",
    keep_days: int = 0, state: str = "", rule: str = "", message: str = "",
) -> None:  # fmt: skip
    """Add a tag or refresh it: the newest words win, the first sight and the count stay."""
    sql = """insert into tags (customer, kind, code, polarity, value, evidence, confidence, source,
            state, mentions, first_at, last_at, expires_at, rule, message)
        values (:customer, :kind, :code, :polarity, :value, :evidence, :confidence, :source,
            :state, 1, :now, :now, :expires, :rule, :message)
        on conflict (customer, kind, code) do update set polarity = excluded.polarity,
            value = excluded.value, evidence = excluded.evidence,
            confidence = excluded.confidence, source = excluded.source, state = excluded.state,
            mentions = tags.mentions + 1, last_at = excluded.last_at,
            expires_at = excluded.expires_at, rule = excluded.rule, message = excluded.message"""
    expires = now + timedelta(days=keep_days) if keep_days else None
    db.run(
        sql, customer=customer_id, kind=kind, code=code, polarity=polarity, value=value,
        evidence=evidence, confidence=confidence, source=source, state=state, now=now,
        expires=expires, rule=rule, message=message,
    )  # fmt: skip


def tags(db: Db, customer_id: str, now: datetime, kind: str = "") -> list[Tag]:
    """Tags that have not expired, the freshest first."""
    sql = """select kind, code, polarity, value, evidence, confidence, source, state, mentions,
            first_at, last_at, expires_at, rule, message
        from tags where customer = :c and (:kind = '' or kind = :kind)
            and (expires_at is null or expires_at > :now)
        order by last_at desc, kind, code"""
    return [Tag.from_row(row) for row in db.rows(sql, c=customer_id, kind=kind, now=now)]


def settle(db: Db, customer_id: str, was: str, becomes: str, codes: Iterable[str] = ()) -> None:
    """Move concerns from one state of their life to the next; no codes means all of them."""
    wanted = set(codes)
    for row in db.rows(
        "select code from tags where customer = :c and kind = 'concern' and state = :was",
        c=customer_id, was=was,
    ):  # fmt: skip
        if not wanted or row["code"] in wanted:
            db.run(
                """update tags set state = :becomes where customer = :c and kind = 'concern'
                and code = :code""",
                c=customer_id, code=row["code"], becomes=becomes,
            )  # fmt: skip


def said(
    db: Db, *, msg_id: str, customer_id: str, who: str, member: str, text: str, now: datetime,
    source: str,
) -> None:  # fmt: skip
    """Log what was said; `text` is masked already, `who` is customer or advisor."""
    sql = """insert into messages (id, customer, who, member, text, at, source)
        values (:id, :c, :who, :member, :text, :now, :source) on conflict (id) do nothing"""
    db.run(sql, id=msg_id, c=customer_id, who=who, member=member, text=text, now=now, source=source)


def spoken(db: Db, customer_id: str, since: datetime) -> int:
    sql = """select count(*) from messages where customer = :c and who = 'customer'
        and at >= :since"""
    return number(db, sql, c=customer_id, since=since)


def spoke_times(db: Db, customer_id: str, since: datetime) -> list[datetime]:
    """When they wrote, the oldest first."""
    sql = """select at from messages where customer = :c and who = 'customer' and at >= :since
        order by at"""
    return [at(row["at"]) for row in db.rows(sql, c=customer_id, since=since)]


def talk(db: Db, customer_id: str, limit: int = 20) -> list[Row]:
    sql = "select * from messages where customer = :c order by at desc, id limit :limit"
    return db.rows(sql, c=customer_id, limit=limit)
