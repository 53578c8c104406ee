"""How a customer answers: touches and replies in all and by the part of the day."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from storage.db import Db, moment, one


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`bands` has touches and replies by the hour at which a part of the day begins."""

    customer: str
    bands: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    touches: int = 0
    replies: int = 0
    unanswered: int = 0  # touches since they were heard last
    touched_at: datetime | None = None  # the touch that an answer would be credited to


def of(db: Db, customer: str) -> Rhythm:
    row = one(db, "select * from rhythms where customer = :c", c=customer)
    if row is None:
        return Rhythm(customer)
    bands = {hour: (n[0], n[1]) for hour, n in json.loads(row["bands"]).items()}
    return Rhythm(**{**row, "bands": bands, "touched_at": moment(row["touched_at"])})


def put(db: Db, found: Rhythm) -> None:
    sql = """insert into rhythms (customer, bands, touches, replies, unanswered, touched_at)
        values (:c, :bands, :touches, :replies, :unanswered, :at)
        on conflict (customer) do update set bands = excluded.bands, touches = excluded.touches,
            replies = excluded.replies, unanswered = excluded.unanswered,
            touched_at = excluded.touched_at"""
    db.run(sql, c=found.customer, bands=json.dumps(dict(found.bands)), touches=found.touches,
           replies=found.replies, unanswered=found.unanswered, at=found.touched_at)  # fmt: skip
