"""What a step leaves behind so that 撤销 can put everything back: events, appointments, states."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from handlers.context import Ctx
from storage import appointments, concerns, customers, events, leads, lost, pins, referral, sides
from storage.appointments import Appointment
from storage.customers import Customer
from storage.db import moment
from storage.pins import Pin
from storage.sides import Told


@dataclass(frozen=True, slots=True)
class Kept:
    """`was` are rows as they were before; what was `made` did not exist."""

    events: tuple[str, ...] = ()
    was: tuple[Appointment, ...] = ()
    made: tuple[str, ...] = ()
    concerns: tuple[tuple[str, str], ...] = ()  # code and state
    side: Told | None = None
    sided: bool = False  # the side state was touched
    leads: tuple[str, ...] = ()  # made
    stage: str = ""
    notes: tuple[Mapping[str, str], ...] = ()  # what was logged, for a correction
    losses: tuple[str, ...] = ()  # applications filed
    referrals: tuple[str, ...] = ()  # made
    rewards: tuple[str, ...] = ()  # handed over
    pinned: str = ""  # a tier or level was decided; `pin` is what was decided before
    pin: Mapping[str, str] = field(default_factory=dict)
    judged: Mapping[str, str] = field(default_factory=dict)  # what the decision wrote over

    def and_(self, other: "Kept") -> "Kept":
        """Both, as one step."""
        return replace(
            self, events=self.events + other.events, was=self.was + other.was,
            made=self.made + other.made, concerns=self.concerns + other.concerns,
        )  # fmt: skip


def judged(customer: Customer) -> dict[str, str]:
    """What a decision about the level writes over."""
    times = {n: at.isoformat() if (at := getattr(customer, n)) else ""
             for n in ("level_at", "pinned_until")}  # fmt: skip
    return {"level": customer.level, "level_reason": customer.level_reason, **times}


def pack(kept: Kept) -> dict[str, Any]:
    """As it is written into a dialog."""
    plain = asdict(kept)
    plain["was"] = [_texts(asdict(one)) for one in kept.was]
    plain["side"] = _texts(asdict(kept.side)) if kept.side else None
    return plain


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in row.items()}


def put_back(customer: str, plain: Mapping[str, Any], ctx: Ctx) -> None:
    for event in plain.get("events", ()):
        events.undo(ctx.db, event, ctx.now)
    for made in plain.get("made", ()):
        appointments.remove(ctx.db, made)
    for row in plain.get("was", ()):
        appointments.put(ctx.db, Appointment.from_row(row))
        events.undo(ctx.db, row["event"], None)
    for code, state in plain.get("concerns", ()):
        concerns.state(ctx.db, customer, code, state)
    for lead in plain.get("leads", ()):
        leads.remove(ctx.db, lead)
    for loss in plain.get("losses", ()):
        lost.withdraw(ctx.db, loss)
    for made in plain.get("referrals", ()):
        referral.remove(ctx.db, made)
    for given in plain.get("rewards", ()):
        referral.not_given(ctx.db, given)
    if plain.get("sided"):
        _side(customer, plain["side"], ctx)
    if what := plain.get("pinned"):
        _unpin(customer, what, plain, ctx)


def _unpin(customer: str, what: str, plain: Mapping[str, Any], ctx: Ctx) -> None:
    pins.remove(ctx.db, customer, what)
    if plain["pin"]:
        pins.put(ctx.db, Pin.from_row(dict(plain["pin"])))
    if what == "level":
        was = plain["judged"]
        times = {name: moment(was[name] or None) for name in ("level_at", "pinned_until")}
        customers.change(ctx.db, customer, level=was["level"], level_reason=was["level_reason"],
                         **times)  # fmt: skip


def _side(customer: str, row: Mapping[str, Any] | None, ctx: Ctx) -> None:
    if row is None:
        sides.remove(ctx.db, customer)
    else:
        sides.put(ctx.db, Told.from_row(dict(row)))


def time_of(note: Mapping[str, str]) -> datetime | None:
    """When the logged thing happened, as it was kept."""
    return moment(note.get("at") or None)
