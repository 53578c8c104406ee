"""A customer goes to another advisor, with everything that is owed to them."""

from handlers import cadence
from handlers.context import Ctx
from handlers.settings import Advisor
from storage import appointments, customers, events, leads
from storage import followups as owed
from storage.customers import Customer


def move(customer: Customer, to: Advisor, ctx: Ctx, by: str = "") -> Customer:
    """Customer, reminders and appointments; both names stay in the log."""
    customers.change(ctx.db, customer.id, owner=to.userid, store=to.store)
    owed.hand_over(ctx.db, customer.id, to.userid)
    appointments.hand_over(ctx.db, customer.id, to.userid)
    leads.taken(ctx.db, customer.id, to.userid, to.store, ctx.now)
    names = f"{ctx.team.name(customer.owner)}→{to.name}"
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind="换顾问", when=ctx.now,
               source="advisor" if by else "system", evidence=names, by_whom=by)  # fmt: skip
    now = customers.get(ctx.db, customer.id) or customer
    if not owed.open_of(ctx.db, customer.id):
        cadence.plan(now, ctx)  # whoever takes over is not to begin with nothing
    return now
