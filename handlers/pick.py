"""Which three scripts to show: the best answer, one for each further concern, no variant twice."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from handlers import trials
from handlers.context import Ctx
from nlp.reading import Reading
from scriptbank.bank import Ranked
from scriptbank.script import Query, Suggestions, Usage
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
    found = ctx.bank.rank(query, 4 * (n + len(skip)))
    shown = {_question(r) for r in found.best if r.script.id in skip}
    other_arm = trials.hidden(query, customer.id if customer else "", ctx)
    fresh = [r for r in found.best
             if _question(r) not in shown and r.script.id not in other_arm]  # fmt: skip
    picked = ((r, asked) for r, asked in _spread(fresh, shown, reading, query, ctx)
              if r.script.id not in other_arm)  # fmt: skip
    return Suggestions(found.confident, ctx.bank.tell(islice(picked, n)))


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
    best: Sequence[Ranked], shown: Iterable[str], reading: Reading, query: Query, ctx: Ctx
) -> Iterator[tuple[Ranked, Query]]:
    """Each with the question that it was found by; looked for when somebody wants it."""
    picked = [(r, query) for r in best[:1]]
    yield from picked
    for concern in reading.concerns:
        if any(concern.code in r.script.concerns for r, _ in picked):
            continue
        own = replace(query, text=concern.evidence, concerns={concern.code: concern.polarity})
        near = [r for r in ctx.bank.rank(own, 4).best if concern.code in r.script.concerns]
        further = [(r, own) for r in _distinct(near, [*shown, *_questions(picked)])[:1]]
        yield from further
        picked += further
    yield from ((r, query) for r in _distinct(best, _questions(picked)))


def _questions(picked: Iterable[tuple[Ranked, Query]]) -> list[str]:
    return [_question(r) for r, _ in picked]


def _distinct(found: Iterable[Ranked], taken: Iterable[str]) -> list[Ranked]:
    """Those whose question was not answered yet, one style of each."""
    seen = set(taken)
    left = []
    for r in found:
        if _question(r) not in seen:
            seen.add(_question(r))
            left.append(r)
    return left


def _question(r: Ranked) -> str:
    """The same for scripts that are mere variants of style."""
    return r.script.q or r.script.id
