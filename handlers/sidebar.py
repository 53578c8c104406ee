"""The page beside a chat: who may see whom there, and what is shown of a customer or a group."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from handlers import cards, followups, ledger, names, relations, tags
from handlers.context import Ctx
from handlers.relations import Told
from handlers.tags import Held
from handlers.words import CONCERN_STATES, POLARITY, TIERS, ago, day, ranged, short, when
from nlp.labels import CONCERNS
from storage import customers, events, groups, scripts
from storage import followups as owed
from storage.customers import Customer, Tag

Shown = dict[str, Any]

LISTED = 30  # customers offered where WeCom does not tell whose chat it is
JOURNEY = 6
MOVES = ("级别", "意向", "顾虑", "清单")  # the reasons tell these already


# Who may see whom


def known(member: str, ctx: Ctx) -> bool:
    return ctx.team.known(member)


def find(customer_id: str, member: str, ctx: Ctx) -> Customer | None:
    """None for somebody unknown and for somebody else's alike."""
    customer = customers.get(ctx.db, customer_id)
    return customer if customer and names.may_see(customer, member, ctx) else None


def mine(words: str, member: str, ctx: Ctx) -> list[Shown]:
    """Customers to choose from: those of that name, or whoever was in touch last."""
    among = names.visible(member, ctx)
    like = [c for c in among if words in c.name]
    found = like or [*names.look(words, member, ctx).candidates]
    if not words:
        found = sorted(among, key=_last, reverse=True)
    return [_line(c) for c in found[:LISTED]]


def _last(customer: Customer) -> str:
    at = max(filter(None, (customer.spoke_at, customer.added_at)), default=None)
    return at.isoformat() if at else ""


def _line(c: Customer) -> Shown:
    what = "｜".join(part for part in (f"{c.level}级", c.stage, c.model) if part)
    return {"id": c.id, "name": c.name, "tier": c.tier, "level": c.level, "what": what}


# Somebody who is in the chat and not among the member's customers


def offer(customer_id: str, told: Mapping[str, Any], member: str, ctx: Ctx) -> Shown | None:
    """What can be done, `told` being WeCom's word on the contact; None when they are no contact."""
    if _relation(told, member, ctx) is None:
        return None
    customer = customers.get(ctx.db, customer_id)
    name = str((told.get("external_contact") or {}).get("name") or "") or relations.UNNAMED
    if customer is None or customer.deleted_at:
        return {"state": "free", "name": name}
    owner = ctx.team.name(customer.owner)
    return {"state": "other", "name": name,
            "said": f"这位客户由{owner}在跟进，请先和{owner}确认归属。"}  # fmt: skip


def take(customer_id: str, told: Mapping[str, Any], member: str, ctx: Ctx) -> Customer | None:
    """Make a contact of the member their own customer; None when that cannot be."""
    possible = offer(customer_id, told, member, ctx)
    relation = _relation(told, member, ctx)
    if relation is None or possible is None or possible["state"] != "free":
        return None
    relations.take(customer_id, told.get("external_contact") or {}, [relation], ctx)
    customer = find(customer_id, member, ctx)
    if customer:
        cards.focus(customer, member, ctx)
        followups.plan_cadence(customer, ctx)
    return customer


def _relation(told: Mapping[str, Any], member: str, ctx: Ctx) -> Told | None:
    sides = (relations.read(info, ctx) for info in told.get("follow_user") or [])
    return next((side for side in sides if side and side.advisor == member), None)


# The card


def card(customer: Customer, member: str, ctx: Ctx) -> Shown:
    """Everything an advisor needs at a glance; each judgement with the words that say so."""
    found = customers.tags(ctx.db, customer.id, ctx.now)
    reasons = [customer.tier_reason or "尚未判断", customer.level_reason or "尚未判断"]
    return {
        "id": customer.id, "name": customer.name, "own": customer.owner == member,
        "owner": ctx.team.name(customer.owner), "store": ctx.team.store(customer.store).name,
        "tier": customer.tier, "tier_name": TIERS[customer.tier], "level": customer.level,
        "stage": customer.stage, "model": customer.model, "reasons": reasons,
        "concerns": [_concern(t, ctx) for t in _open_first(found)],
        "tags": [_tag(h, ctx) for h in tags.held(customer, ctx)],
        "known": [{"name": cards.SLOTS[t.kind], "value": ranged(t.value),
                   "words": short(t.evidence, 24)}
                  for t in found if t.kind in cards.SLOTS and t.value],
        "journey": [_event(e, ctx) for e in events.of(ctx.db, customer.id, limit=30)
                    if e.kind not in MOVES][:JOURNEY],
        "touches": list(_touches(customer, ctx)),
        "warning": ledger.ask(customer, ctx),
        "unread": customer.archive_refused_at is not None,
    }  # fmt: skip


def _open_first(found: list[Tag]) -> list[Tag]:
    """Unanswered worries before everything else."""
    concerns = [t for t in found if t.kind == "concern"]
    return sorted(concerns, key=lambda t: (t.state not in ("", "stuck"), t.polarity))


def _concern(tag: Tag, ctx: Ctx) -> Shown:
    return {
        "kind": tag.kind, "code": tag.code, "name": CONCERNS.get(tag.code, tag.code),
        "mood": POLARITY[tag.polarity], "polarity": tag.polarity,
        "state": CONCERN_STATES[tag.state], "open": tag.state in ("", "stuck"),
        "words": short(tag.evidence, 40), "often": tag.mentions, "at": _day(tag.last_at, ctx),
    }  # fmt: skip


def _tag(held: Held, ctx: Ctx) -> Shown:
    fact = held.facts[0]
    return {"name": held.name, "tag": held.entry.name, "group": held.group.name,
            "words": short(fact.evidence, 40), "at": _day(held.last_at, ctx)}  # fmt: skip


def _event(event: events.Event, ctx: Ctx) -> Shown:
    """The hour only of today: of an earlier day it may never have been said."""
    local = event.at.astimezone(ctx.zone)
    at = _said(event.at, ctx) if local.date() == ctx.today else day(local.date(), ctx.today)
    return {"what": event.kind, "words": short(event.evidence, 30), "at": at}


def _touches(customer: Customer, ctx: Ctx) -> Iterator[Shown]:
    yield {"what": "客户说话", "when": ago(customer.spoke_at, ctx.now)}
    yield {"what": "联系客户", "when": ago(customer.contacted_at, ctx.now)}
    for row in scripts.adopted(ctx.db, customer.id, 2):
        script = ctx.bank.get(row["script"])
        if script:
            sent = ago(datetime.fromisoformat(row["at"]), ctx.now)
            yield {"what": "发过话术", "when": sent, "words": script.title}
    for followup in owed.open_of(ctx.db, customer.id)[:1]:
        yield {"what": "下次跟进", "when": _said(followup.due_at, ctx),
               "words": followups.reason(followup, customer, ctx)}  # fmt: skip


def _said(at: datetime, ctx: Ctx) -> str:
    return when(at.astimezone(ctx.zone), ctx.local)


def _day(at: datetime, ctx: Ctx) -> str:
    local = at.astimezone(ctx.zone)
    return f"{local.month}月{local.day}日"


# A customer group


def chat(chat_id: str, member: str, ctx: Ctx) -> Shown | None:
    """The group and the member's own customers in it; None for a group that is not theirs."""
    group = groups.get(ctx.db, chat_id)
    if group is None:
        return None
    inside = groups.inside(ctx.db, chat_id)
    if not _of_group(group, inside, member, ctx):
        return None
    seen = [c for key in inside if (c := find(key, member, ctx))]
    seen.sort(key=lambda c: ({"high": 0, "mid": 1}.get(c.tier, 2), "OHABCN".find(c.level), c.name))
    return {"id": chat_id, "name": group["name"], "kind": group["kind"], "people": len(inside),
            "customers": [_line(c) for c in seen]}  # fmt: skip


def _of_group(group: Mapping[str, Any], inside: list[str], member: str, ctx: Ctx) -> bool:
    manager = ctx.team.manager(member)
    return member in (group["owner"], *inside) or bool(manager and group["store"] in manager.stores)
