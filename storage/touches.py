"""The ledger of touches: every message towards a customer, and every one that was refused."""

from datetime import datetime

from storage.db import Db, number


def note(
    db: Db, *, touch_id: str, person: str, channel: str, kind: str, by: str, now: datetime,
    refused: str | None = None,
) -> None:  # fmt: skip
    sql = """insert into touches (id, person, channel, kind, at, by_whom, refused)
        values (:id, :person, :channel, :kind, :now, :by, :refused) on conflict (id) do nothing"""
    db.run(
        sql, id=touch_id, person=person, channel=channel, kind=kind, now=now, by=by,
        refused=refused,
    )  # fmt: skip


def take_back(db: Db, touch_id: str) -> None:
    """It never went out: whoever noted it has said so."""
    db.run("delete from touches where id = :id", id=touch_id)


def count(db: Db, person: str, kind: str, since: datetime) -> int:
    """Touches of a kind that went out."""
    sql = """select count(*) from touches where person = :p and kind = :kind and at >= :since
        and refused is null"""
    return number(db, sql, p=person, kind=kind, since=since)
