"""How often one visitor may tap, whichever process serves them: kept in the store."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage import h5
from storage.db import Db


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket that fills up again all the time. `name` tells one from the others."""

    name: str
    most: int
    within: timedelta

    def allows(self, who: str, now: datetime, db: Db) -> bool:
        """The row names nobody, and is gone when its span is over."""
        key = hashlib.blake2s(f"{self.name}/{who}".encode(), digest_size=12).hexdigest()
        return h5.tapped(db, key, now, self.within / self.most, self.within)
