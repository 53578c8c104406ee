"""Which three scripts to show: the best answer, one for each further concern, no variant twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from handlers import trials
from handlers.context import Ctx
from nlp.reading import Reading
from scriptbank.script import Query, Suggestion, Suggestions, Usage
from storage import scripts
from storage.customers import Customer
from storage.db import Db


def find(
    text: str, reading: Reading, customer: Customer | None, member: str,
    skip: tuple[str, ...], ctx: Ctx, stage: str = "",
) -> Suggestions:  # fmt: skip
    """As many as the settings want; those in `skip`, and their variants, are left out."""
    query = Query(
        text=text, day=ctx.today, concerns={c.code: c.polarity for c in reading.concerns},
        intents=tuple(i.code for i in reading.intents if not i.negated), stage=stage,
        tier=customer.tier if customer else "", model=_model(reading, customer),
        store=customer.store if customer else "", advisor=member, seen=_seen(customer, ctx),
        usage=usage(ctx), favourites=frozenset(scripts.favourites(ctx.db, member)),
    )  # fmt: skip
    n = ctx.settings.scriptbank.suggestions
    found = ctx.bank.suggest(query, 4 * (n + len(skip)))
    shown = {_question(s) for s in found.items if s.script.id in skip}
    other_arm = trials.hidden(query, customer.id if customer else "", ctx)
    fresh = [s for s in found.items
             if _question(s) not in shown and s.script.id not in other_arm]  # fmt: skip
    picked = _spread(fresh, shown, reading, query, ctx)
    mine = [s for s in picked if s.script.id not in other_arm]
    return Suggestions(found.confident, tuple(mine[:n]))


def _model(reading: Reading, customer: Customer | None) -> str:
    slot = reading.slot("model")
    said = str(slot.value.get("series") or "") if slot else ""
    return said or (customer.model if customer else "")


def _seen(customer: Customer | None, ctx: Ctx) -> frozenset[str]:
    days = timedelta(days=ctx.settings.scriptbank.seen_days)
    return scripts.seen_by(ctx.db, customer.id, ctx.now - days) if customer else frozenset()


def usage(ctx: Ctx) -> Mapping[str, Usage]:
    """Shown, taken and refused over 30 days; counted here only where the shell has not done so."""
    return count(ctx.db, ctx.now) if ctx.usage is None else ctx.usage


def count(db: Db, now: datetime) -> dict[str, Usage]:
    rows = scripts.usage(db, now - timedelta(days=30))
    return {r["script"]: Usage(r["shown"], r["adopted"], r["refused"], r["replied"], r["edited"])
            for r in rows}  # fmt: skip


def _spread(
    best: Sequence[Suggestion], shown: Iterable[str], reading: Reading, query: Query, ctx: Ctx
) -> list[Suggestion]:
    picked = list(best[:1])
    for concern in reading.concerns:
        if any(concern.code in s.script.concerns for s in picked):
            continue
        own = replace(query, text=concern.evidence, concerns={concern.code: concern.polarity})
        near = [s for s in ctx.bank.suggest(own, 4).items if concern.code in s.script.concerns]
        picked += _distinct(near, [*shown, *map(_question, picked)])[:1]
    return [*picked, *_distinct(best, map(_question, picked))]


def _distinct(found: Iterable[Suggestion], taken: Iterable[str]) -> list[Suggestion]:
    """Those whose question was not answered yet, one style of each."""
    seen = set(taken)
    left = []
    for s in found:
        if _question(s) not in seen:
            seen.add(_question(s))
            left.append(s)
    return left


def _question(s: Suggestion) -> str:
    """The same for scripts that are mere variants of style."""
    return s.script.q or s.script.id
