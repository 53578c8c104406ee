"""What it means that nobody is forgotten."""

from datetime import timedelta

from handlers import cadence
from storage import customers, followups
from storage.db import moment

TOLERANCE = 3  # days: one of rest, a list that was full, a morning that was put off


def living(life):
    sql = "select id from customers where opted_out_at is null and deleted_at is null"
    rows = life.db.rows(sql)
    return [customers.get(life.db, row["id"]) for row in rows]


def forgotten(life):
    """Customers of high and middle tier who stood on no list for longer than their cadence."""
    last = {customer: at for at, customer, _ in life.claims}
    for customer in living(life):
        if customer.tier == "low":
            continue
        days = cadence.pace(customer, life.ctx()).days
        known = (last.get(customer.id), customer.contacted_at, customer.spoke_at, customer.added_at,
                 customer.level_at, *_planned(life, customer.id))  # fmt: skip
        since = max(at for at in known if at)
        if life.now - since > timedelta(days=days + TOLERANCE):
            yield f"{customer.name} {customer.level} every {days} days, last {since:%m-%d}"


def _planned(life, customer):
    """When the contact was last planned anew, since a longer cadence may have held until then."""
    sql = "select created_at from followups where customer = :c order by created_at desc limit 1"
    return [moment(row["created_at"]) for row in life.db.rows(sql, c=customer)]


def stuck(life):
    """Everybody who may be written to is owed a contact, and nothing due lies about unseen."""
    for customer in living(life):
        found = followups.open_of(life.db, customer.id)
        if not found:
            yield f"{customer.name} is owed nothing"
        for one in found:
            if one.due_at < life.now - timedelta(days=2):
                yield f"{customer.name} {one.kind} due {one.due_at:%m-%d %H:%M}"
