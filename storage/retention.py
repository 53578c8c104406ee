"""Deleting what has been kept long enough."""

from datetime import datetime

from storage.db import Db


def messages(db: Db, before: datetime) -> int:
    return db.run("delete from messages where at < :before", before=before)


def tags(db: Db, now: datetime) -> int:
    """Tags whose time is over; without an expiry they stay."""
    return db.run("delete from tags where expires_at < :now", now=now)


def traffic(db: Db, before: datetime) -> int:
    """Finished messages in and out; failed ones stay until somebody has looked at them."""
    gone = db.run("delete from inbox where state = 'done' and received_at < :t", t=before)
    return gone + db.run("delete from outbox where state = 'sent' and created_at < :t", t=before)
