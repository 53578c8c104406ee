"""Rows of what is believed of a customer: taken away, put back, counted over everybody."""

from dataclasses import fields

from storage.customers import Customer, Tag
from storage.db import Db, Row, one

_COLUMNS = tuple(f.name for f in fields(Tag))


def get(db: Db, customer_id: str, kind: str, code: str) -> Row | None:
    """The row as it stands, to be put back later."""
    sql = "select * from tags where customer = :c and kind = :kind and code = :code"
    return one(db, sql, c=customer_id, kind=kind, code=code)


def remove(db: Db, customer_id: str, kind: str, code: str) -> bool:
    sql = "delete from tags where customer = :c and kind = :kind and code = :code"
    return db.run(sql, c=customer_id, kind=kind, code=code) == 1


def put(db: Db, row: Row) -> None:
    """Write a row as `get` gave it, in place of what stands there."""
    remove(db, row["customer"], row["kind"], row["code"])
    names = ("customer", *_COLUMNS)
    marks = ", ".join(f":{name}" for name in names)
    values = {name: row[name] for name in names}
    db.run(f"insert into tags ({', '.join(names)}) values ({marks})", **values)


def bearers(db: Db) -> list[Customer]:
    """Everybody whom somebody looks after."""
    sql = "select * from customers where deleted_at is null and owner <> '' order by id"
    return [Customer.from_row(row) for row in db.rows(sql)]
