"""Which trim suits what a customer said, each with the facts that speak for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from scriptbank.facts import Facts, ModelFact

# What shows how well a trim answers a concern, and whether more of it is better.
SHOWS = {
    "range": ("CLTC 纯电续航", True), "power": ("0–100加速", False),
    "charging": ("快充10–80%", False), "energy": ("百公里电耗", False),
    "space": ("轴距", True), "safety": ("安全气囊", True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """A trim on offer; `wins` are the wishes that no other affordable trim answers better."""

    offer: ModelFact
    backing: tuple[ModelFact, ...]
    wins: tuple[str, ...]
    over: float = 0.0  # yuan above the budget


def fit(
    facts: Facts, budget: float | None, people: int, wishes: Iterable[str], day: date
) -> list[Fit]:
    """The trims with enough seats inside the budget, the best for these wishes first.

    When nothing is inside it, the cheapest with enough seats, with what is lacking.
    """
    roomy = {m.name for m in facts.model if max(m.seats, default=5) >= people}
    offers = [f for m in facts.model if m.name in roomy for f in facts.prices(m.name, day)]
    inside = [f for f in offers if budget is None or (f.value or 0) <= budget]
    shown = [w for w in dict.fromkeys(wishes) if w in SHOWS]
    if not inside:
        nearest = sorted(offers, key=lambda f: f.value or 0)[:1]
        return [_fit(facts, f, nearest, shown, day, (f.value or 0) - (budget or 0))
                for f in nearest]  # fmt: skip
    found = [_fit(facts, offer, inside, shown, day) for offer in inside]
    return sorted(found, key=lambda f: (-len(f.wins), f.offer.value or 0))


def _fit(
    facts: Facts, offer: ModelFact, among: list[ModelFact], wishes: list[str], day: date,
    over: float = 0.0,
) -> Fit:  # fmt: skip
    backing: list[ModelFact] = []
    wins: list[str] = []
    for wish in wishes:
        label, more = SHOWS[wish]
        own = figure(facts, offer, label, day)
        if own is None or own.value is None:
            continue
        backing.append(own)
        others = [figure(facts, other, label, day) for other in among]
        figures = [f.value for f in others if f and f.value is not None and f.unit == own.unit]
        if own.value == (max(figures) if more else min(figures)):
            wins.append(wish)
    return Fit(offer, tuple(backing), tuple(wins), over)


def figure(facts: Facts, offer: ModelFact, label: str, day: date) -> ModelFact | None:
    """The trim's own figure, or the one that holds for the whole series."""
    same = (f for f in facts.on(day) if f.label == label and f.model == offer.model)
    found = [f for f in same if f.trim in ("", offer.trim)]
    return max(found, key=lambda f: len(f.trim), default=None)
