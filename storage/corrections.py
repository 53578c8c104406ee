"""What advisors say was read wrongly, and what became of it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from storage import tags
from storage.db import Db, Row, at, one

OPEN, ACCEPTED, REJECTED, UNDONE = "open", "accepted", "rejected", "undone"
Was = Sequence[tuple[str, str, Row | None]]


@dataclass(frozen=True, slots=True)
class Correction:
    """`text` is masked; an empty `right_code` means that nothing of the kind was said."""

    id: str
    customer: str
    member: str
    at: datetime
    text: str
    kind: str
    code: str
    polarity: int
    evidence: str
    rule: str
    right_code: str
    right_polarity: int
    state: str
    seq: int = 0  # its number, given when it is kept


_KEPT = tuple(f.name for f in fields(Correction) if f.name != "seq")


def add(db: Db, correction: Correction, was: Was) -> None:
    """Keep it with the rows as they were before, kind and code first."""
    sql = """insert into corrections (id, seq, customer, member, at, text, kind, code, polarity,
            evidence, rule, right_code, right_polarity, was, state)
        values (:id, (select coalesce(max(seq), 0) + 1 from corrections), :customer, :member, :at,
            :text, :kind, :code, :polarity, :evidence, :rule, :right_code, :right_polarity, :was,
            :state) on conflict (id) do nothing"""
    values: dict[str, Any] = {name: getattr(correction, name) for name in _KEPT}
    db.run(sql, **values, was=json.dumps(was, ensure_ascii=False))


def of_state(db: Db, state: str) -> list[Correction]:
    """In the order in which they were made."""
    sql = """select id, customer, member, at, text, kind, code, polarity, evidence, rule,
            right_code, right_polarity, state, seq
        from corrections where state = :state order by seq"""
    return [Correction(**{**row, "at": at(row["at"])}) for row in db.rows(sql, state=state)]


def settle(db: Db, ids: Iterable[str], state: str, now: datetime) -> None:
    for correction_id in ids:
        db.run("update corrections set state = :state, settled_at = :now where id = :id",
               state=state, now=now, id=correction_id)  # fmt: skip


def take_back(db: Db, correction_id: str, now: datetime) -> bool:
    """Put the rows back as they were; False when it was taken back already or is not known."""
    row = one(db, "select * from corrections where id = :id", id=correction_id)
    if row is None or row["state"] == UNDONE:
        return False
    for kind, code, was in json.loads(row["was"]):
        if was is None:
            tags.remove(db, row["customer"], kind, code)
        else:
            tags.put(db, was)
    settle(db, (correction_id,), UNDONE, now)
    return True


def forget(db: Db, before: datetime) -> int:
    return db.run("delete from corrections where at < :before", before=before)


def history(db: Db, limit: int) -> list[str]:
    """What customers said, each wording once, the newest first."""
    sql = """select text, max(at) as at from messages where who = 'customer'
        group by text order by at desc, text limit :limit"""
    return [row["text"] for row in db.rows(sql, limit=limit)]
