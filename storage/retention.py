"""Deleting what has been kept long enough."""

from datetime import datetime

from storage.db import Db


def messages(db: Db, before: datetime) -> int:
    return db.run("delete from messages where at < :before", before=before)


def tags(db: Db, now: datetime) -> int:
    """Tags whose time is over; without an expiry they stay."""
    return db.run("delete from tags where expires_at < :now", now=now)


def quiet(db: Db, before: datetime) -> int:
    """What is believed of customers whom nobody has heard or told anything since then."""
    return db.run(
        """delete from tags where last_at < :t and customer in (select id from customers
            where coalesce(spoke_at, added_at) < :t and coalesce(contacted_at, added_at) < :t)""",
        t=before,
    )


def questions(db: Db, before: datetime) -> int:
    """The customers' words beside a script that was used; that it was used stays."""
    return db.run("update script_uses set question = '' where question <> '' and at < :t",
                  t=before)  # fmt: skip


def digests(db: Db, before: datetime) -> int:
    return db.run("delete from digests where at < :t", t=before)


def traffic(db: Db, before: datetime) -> int:
    """Finished messages in and out; failed ones stay until somebody has looked at them."""
    gone = db.run("delete from inbox where state = 'done' and received_at < :t", t=before)
    return gone + db.run("delete from outbox where state = 'sent' and created_at < :t", t=before)
