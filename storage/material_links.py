"""Links to a material that were handed out: by whom, and for which customer, if for one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from storage.db import Db, Row, at, one


@dataclass(frozen=True, slots=True)
class Link:
    """`customer` is "" for a link that is for nobody in particular."""

    id: str
    material: str
    advisor: str
    customer: str
    at: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, "at": at(row["at"])})


def put(db: Db, link: Link) -> None:
    sql = """insert into material_links (id, material, advisor, customer, at)
        values (:id, :material, :advisor, :customer, :at) on conflict (id) do nothing"""
    db.run(sql, id=link.id, material=link.material, advisor=link.advisor,
           customer=link.customer, at=link.at)  # fmt: skip


def get(db: Db, link_id: str) -> Link | None:
    row = one(db, "select * from material_links where id = :id", id=link_id)
    return Link.from_row(row) if row else None


def same(db: Db, advisor: str, material: str, customer: str, since: datetime) -> Link | None:
    """One that was handed out lately for the same."""
    sql = """select * from material_links where advisor = :a and material = :m
        and customer = :c and at >= :since order by at desc, id"""
    row = one(db, sql, a=advisor, m=material, c=customer, since=since)
    return Link.from_row(row) if row else None
