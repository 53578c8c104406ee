"""撤回 in the chat archive: who takes a message back takes back what was read from it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from handlers import bursts, concerns, followups, tiers
from handlers.bursts import MASKED, Breath
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import archive, customers, inbox, tags
from storage import bursts as kept_bursts
from storage.bursts import Burst
from storage.customers import Customer
from storage.db import Row, at

SHOWN = "［已撤回］"
Key = tuple[str, str]


def recalled(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The words go from the log and the inbox; one that has not come yet will not be read."""
    body = msg.fields.get("revoke")
    name = f"archive:{body.get('pre_msgid')}" if isinstance(body, dict) else ""
    return take_back(name, ctx)


def take_back(name: str, ctx: Ctx) -> Iterator[Action]:
    """The same for a message of any channel, by its id in the inbox."""
    archive.recall(ctx.db, name, ctx.now)
    archive.forget(ctx.db, ctx.now - timedelta(days=ctx.settings.privacy.inbox_days))
    inbox.empty(ctx.db, name)
    row = kept_bursts.message(ctx.db, name)
    customer = customers.get(ctx.db, row["customer"]) if row else None
    if row and customer and row["who"] == "customer":
        gone = _unread(customer, name, ctx)
        if gone and customer.owner:
            yield Send(customer.owner, f"{customer.name}撤回了一条消息，由它得到的判断已收回。")
    elif row:
        archive.mark(ctx.db, name, SHOWN)


def _unread(customer: Customer, name: str, ctx: Ctx) -> bool:
    """Whether anything had been read from it."""
    runs = breaths(archive.spoken(ctx.db, customer.id), ctx)
    run = next((r for r in runs if any(row["id"] == name for row in r)), [])
    ids = [row["id"] for row in run] or [name]
    keys = {(r["kind"], r["code"]) for r in archive.resting_on(ctx.db, customer.id, ids)}
    archive.mark(ctx.db, name, SHOWN)
    burst = kept_bursts.get(ctx.db, customer.id)
    if burst and name in burst.body["ids"]:
        now = _unburst(customer, burst, keys, ctx)
        _reread([[row for row in run if row["id"] != name]], customer, ctx)
    else:
        now = _rebuild(customer, keys, _without(runs, name), ctx)
    followups.plan_cadence(tiers.rejudge(now, ctx), ctx)
    return bool(keys)


def breaths(rows: Sequence[Row], ctx: Ctx) -> list[list[Row]]:
    """The log's words as they were read: what came in one breath together."""
    window = timedelta(seconds=ctx.settings.nlp.burst_seconds)
    runs: list[list[Row]] = []
    for row in rows:
        last = runs[-1][-1] if runs else None
        same = last and (last["source"], last["member"]) == (row["source"], row["member"])
        if last and same and at(row["at"]) - at(last["at"]) <= window:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _without(runs: Sequence[Sequence[Row]], name: str) -> list[list[Row]]:
    return [[row for row in run if row["id"] != name] for run in runs]


def _unburst(customer: Customer, burst: Burst, keys: set[Key], ctx: Ctx) -> Customer:
    """As before the newest burst: rows, level and tier were kept for that."""
    before = bursts.take_back(
        customer, Breath("", burst.first_at, burst.last_at, tuple(burst.body["ids"]), burst), ctx
    )
    for kind, code in keys:
        if kind in MASKED:  # of these no earlier row was kept
            tags.remove(ctx.db, customer.id, kind, code)
    archive.part(ctx.db, customer.id)
    return before


def _rebuild(
    customer: Customer, keys: set[Key], runs: Sequence[Sequence[Row]], ctx: Ctx
) -> Customer:
    """Read the log again for what rested on that message; everything else stays as it is."""
    others = [row for row in archive.tags(ctx.db, customer.id) if _key(row) not in keys]
    for key in keys:
        tags.remove(ctx.db, customer.id, *key)
    _reread(runs, customer, ctx)
    for row in archive.tags(ctx.db, customer.id):
        if _key(row) not in keys:
            tags.remove(ctx.db, customer.id, *_key(row))
    for row in others:
        tags.put(ctx.db, row)
    if any(kind == "model" for kind, _ in keys):
        known = customers.tags(ctx.db, customer.id, ctx.now, "model")
        customers.change(ctx.db, customer.id, model=known[0].value if known else "")
    if any(kind == "signal" for kind, _ in keys) and not customer.pinned_until:
        return replace(customer, level="N", level_reason="", level_at=None)
    return customer


def _key(row: Row) -> Key:
    return row["kind"], row["code"]


def _reread(runs: Sequence[Sequence[Row]], customer: Customer, ctx: Ctx) -> None:
    for run in runs:
        if run and run[-1]["source"] != archive.WORDLESS:
            then = replace(ctx, now=at(run[-1]["at"]))
            reading = then.read(bursts.joined([row["text"] for row in run], ctx))
            concerns.tag(customer.id, reading, then, run[-1]["source"], run[-1]["id"])
