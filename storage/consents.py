"""What a customer agreed to or refused, with the words and the channel: a ledger, never edited."""

from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, at


@dataclass(frozen=True, slots=True)
class Consent:
    customer: str
    what: str
    given: bool
    words: str
    channel: str  # advisor, kf, archive, page
    by_whom: str
    at: datetime


def note(
    db: Db, *, consent_id: str, customer: str, what: str, given: bool, words: str, channel: str,
    by: str, now: datetime,
) -> None:  # fmt: skip
    sql = """insert into consents (id, customer, what, given, words, channel, by_whom, at)
        values (:id, :c, :what, :given, :words, :channel, :by, :now) on conflict (id) do nothing"""
    db.run(sql, id=consent_id, c=customer, what=what, given=int(given), words=words,
           channel=channel, by=by, now=now)  # fmt: skip


def of(db: Db, customer: str) -> list[Consent]:
    """All of them, the newest first."""
    sql = """select customer, what, given, words, channel, by_whom, at from consents
        where customer = :c order by at desc, id"""
    return [Consent(**{**row, "given": bool(row["given"]), "at": at(row["at"])})
            for row in db.rows(sql, c=customer)]  # fmt: skip
