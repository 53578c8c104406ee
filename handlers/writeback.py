"""Our strongest tags written back to the platform, where advisors see them beside the chat.

Only tags of our own group are ever given or taken; what people tagged by hand stays as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

from handlers import tags
from handlers.context import Ctx
from handlers.values import Action, Ask, Inbound, Mark
from storage import customers, relations, timers
from storage.customers import Customer
from storage.relations import CorpTag, Relation

FAMILY = "销售助手"
LONGEST = 30  # characters of a tag's name
KEPT = 2 * tags.STRONGEST  # one that was written stays while it is among so many
SETTLE = timedelta(minutes=10)  # a talk gives several tags
PAUSE = timedelta(hours=1)  # between two marks of one customer
OVERLAP = timedelta(minutes=15)  # what was said may be handled later than it came
BATCH = 20
FULL = time(4, 0)
TIMER = "writeback"


def tick(ctx: Ctx) -> Iterator[Action]:
    """A few customers a minute, so that nothing else waits for it."""
    if not ctx.settings.contacts.write_tags:
        return
    _queue(ctx)
    for customer_id in relations.queued(ctx.db, ctx.now, BATCH):
        yield from _write(customer_id, ctx)


def _queue(ctx: Ctx) -> None:
    """Whom something was noted of; everybody at first, and once a night."""
    if TIMER not in timers.known(ctx.db):
        timers.ensure(ctx.db, TIMER, ctx.now)
        relations.queue_all(ctx.db, ctx.now)
    for name, was in timers.due(ctx.db, TIMER, ctx.now):
        if timers.advance(ctx.db, name, was, ctx.now + timedelta(minutes=1), ctx.now):
            relations.queue(ctx.db, was - OVERLAP, ctx.now + SETTLE)
            if was < ctx.on(ctx.today, FULL) <= ctx.now:
                relations.queue_all(ctx.db, ctx.now)


def _write(customer_id: str, ctx: Ctx) -> Iterator[Action]:
    customer = customers.get(ctx.db, customer_id)
    relation = relations.get(ctx.db, customer_id, customer.owner) if customer else None
    if customer is None or relation is None or not relation.live:
        relations.requeue(ctx.db, customer_id, None)
        return
    if relation.marked_at and ctx.now - relation.marked_at < PAUSE:
        relations.requeue(ctx.db, customer_id, relation.marked_at + PAUSE)
        return
    relations.requeue(ctx.db, customer_id, None)
    mark = _change(customer, relation, ctx)
    if mark.add or mark.remove:
        relations.put(ctx.db, replace(relation, marked_at=ctx.now))
        yield mark


def _change(customer: Customer, relation: Relation, ctx: Ctx) -> Mark:
    """From what stands on the relation to what is wanted there."""
    worn = relations.tag_ids(ctx.db, customer.id, relation.advisor)
    ours = relations.corp_tags(ctx.db, FAMILY)
    have = {name for name, tag in ours.items() if tag.id in worn}
    want = wanted(customer, have, ctx)
    add = tuple(name for name in want if name not in have)
    return Mark(relation.advisor, customer.id, add, tuple(sorted(have.difference(want))))


def wanted(customer: Customer, have: set[str], ctx: Ctx) -> list[str]:
    """The strongest, and those written before that are still among the stronger ones.

    Nothing of who asked to be left alone or refused the archive.
    """
    if customer.opted_out_at or customer.archive_refused_at or customer.deleted_at:
        return []
    names = [h.entry.name[:LONGEST] for h in tags.held(customer, ctx)]
    return names[: tags.STRONGEST] + [n for n in names[tags.STRONGEST : KEPT] if n in have]


# What the platform tells of tags


def changed(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Tags were made, renamed or deleted in the console; their order means nothing to us."""
    key, change = str(msg.fields.get("Id") or ""), msg.fields.get("ChangeType")
    is_group = msg.fields.get("TagType") == "tag_group"
    if not key or change == "shuffle":
        return
    if change == "delete":
        relations.forget_tags(ctx.db, **{"family" if is_group else "tag": key})
        return
    yield Ask("tags", {"group_id" if is_group else "tag_id": [key]})


def told(answer: Mapping[str, Any], asked: Mapping[str, Any], ctx: Ctx) -> None:
    """How these tags stand now; one that was asked for and not told is no more."""
    found = learnt(answer)
    relations.learn_tags(ctx.db, found)
    for key in {str(key) for key in asked.get("tag_id") or ()} - {tag.id for tag in found}:
        relations.forget_tags(ctx.db, tag=key)
    for key in {str(key) for key in asked.get("group_id") or ()} - {tag.family for tag in found}:
        relations.forget_tags(ctx.db, family=key)


def learnt(answer: Mapping[str, Any]) -> list[CorpTag]:
    """The tags of an answer; making tells one group, listing tells several."""
    told = answer.get("tag_group") or []
    groups = told if isinstance(told, list) else [told]
    return [
        CorpTag(str(tag["id"]), str(tag["name"]), str(group["group_id"]), str(group["group_name"]))
        for group in groups
        for tag in group.get("tag") or ()
    ]
