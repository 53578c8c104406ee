"""A customer goes to another advisor, with everything that is owed to them."""

from datetime import datetime

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


def begun(customer: Customer, to: str, since: datetime, ctx: Ctx) -> str:
    """Why they stay with whoever took over: they have begun, or handed on; "" for neither."""
    if customer.owner != to:
        return f"{customer.name}现在由{ctx.team.name(customer.owner) or '别人'}跟进"
    if customer.contacted_at and customer.contacted_at > since:
        return f"{ctx.team.name(to)}已经联系过{customer.name}"
    made = [e for e in events.of(ctx.db, customer.id, limit=10) if e.at >= since]
    if any(e.by_whom == to for e in made):
        return f"{ctx.team.name(to)}已经记录过{customer.name}的进展"
    return ""
