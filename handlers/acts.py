"""What is done for one customer, once it is plain who is meant."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from handlers import (
    amend,
    brief,
    cards,
    checklist,
    concerns,
    followups,
    intaking,
    journey,
    logged,
    lost,
    merge,
    names,
    overrides,
    plans,
    privacy,
    promises,
    referral,
    rhythm,
    scores,
    stars_told,
    suggest,
    tags,
    undo,
    watch,
    watch_ears,
)
from handlers.context import Ctx
from handlers.values import Action, Send
from handlers.words import TIERS, when
from nlp import mask
from nlp.labels import CONCERNS
from storage import audit, customers, dialogs
from storage import followups as owed
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.followups import FollowUp


def recent(member: str, ctx: Ctx, *kinds: str) -> Dialog | None:
    """The newest open dialog of today; what was asked yesterday is not answered by a digit."""
    return dialogs.newest(ctx.db, member, ctx.now - timedelta(hours=16), *kinds)


def focused(member: str, ctx: Ctx) -> Customer | None:
    """The customer named a moment ago, whose words a bare paste is taken for."""
    since = ctx.now - timedelta(minutes=ctx.settings.followups.focus_minutes)
    dialog = dialogs.newest(ctx.db, member, since, "focus")
    return customers.get(ctx.db, dialog.body["customer"]) if dialog else None


def looked_at(member: str, ctx: Ctx) -> Customer | None:
    """Whoever the newest card, list of scripts or mention was about."""
    dialog = recent(member, ctx, "suggest", "item", "focus")
    return customers.get(ctx.db, dialog.body["customer"]) if dialog else None


def choose(name: str, member: str, then: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    """Offer the candidates; the answer continues with `then`."""
    found = names.look(name, member, ctx)
    if not found.candidates:
        yield Send(member, names.not_found(name, member, ctx))
        return
    ids = [c.id for c in found.candidates]
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="which",
                  body={"ids": ids, **_masked(then)}, now=ctx.now)  # fmt: skip
    head = f"有{len(ids)}位“{name}”，" if found.exact else f"没有“{name}”，是不是："
    rows = [f"{n}. {names.describe(c, ctx)}" for n, c in enumerate(found.candidates, 1)]
    yield Send(
        member, "\n".join([head + ("请选一位：" if found.exact else ""), *rows, "回复序号。"])
    )


def _masked(then: dict[str, str]) -> dict[str, str]:
    """What waits for an answer is a stored record, so no phone number stands in it."""
    return {name: mask.phones(text) for name, text in then.items()}


def with_customer(name: str, member: str, then: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    """Do `then` for the customer of that name, asking when it is not plain who that is."""
    customer = names.look(name, member, ctx).one
    if customer is None:
        yield from choose(name, member, then, ctx)
    else:
        yield from perform(customer, member, then, ctx)


def perform(customer: Customer, member: str, then: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    """What was asked for, now that it is known whom it is about; who asked is kept."""
    do, text = then["do"], then.get("text", "")
    audit.note(ctx.db, who=member, what=do, customer=customer.id, now=ctx.now)
    if do == "words":
        yield from booked(customer, text, member, ctx)
        yield from promises.propose(customer, then.get("own", ""), member, ctx)
    elif do in privacy.DOES:
        yield from privacy.perform(customer, member, then, ctx)
    elif do in TOLD:
        cards.focus(customer, member, ctx)
        yield Send(member, TOLD[do](customer, then, ctx))
    elif do in WITH_WORDS:
        yield from WITH_WORDS[do](customer, text, member, ctx)
    else:
        yield from WITHOUT[do](customer, member, ctx)


def _listed(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    cards.focus(customer, member, ctx)
    yield from checklist.show(customer, member, ctx)


def recorded(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    if meant := logged.wrong(words) or logged.becomes(words, ctx):
        yield from amend.amend(meant, member, ctx, customer)
        return
    notes = logged.read(words, ctx)
    if not notes:
        yield Send(member, f"没看懂要给{customer.name}记什么。可以记：{journey.DEALS}，"
                           f"例如：记录 {customer.name} 周六下午3点试驾")  # fmt: skip
        return
    yield from journey.record_all(customer, notes, member, ctx)


def booked(
    customer: Customer, words: str, member: str, ctx: Ctx, *, piece: bool = False
) -> Iterator[Action]:
    """Words of a known customer: tags, tier, alarms, then three scripts."""
    noted = concerns.note(customer, words, ctx, source="paste", member=member, piece=piece)
    cards.focus(customer, member, ctx)
    yield from suggest.offer(noted.reading.text, noted.customer, noted, member, ctx)
    yield from concerns.alarms(noted, ctx)
    yield from watch_ears.private(noted.customer, words, noted.reading, watch.PASTED, ctx)


def book_only(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """Scripts were given already; now it is known whose words they were."""
    noted = concerns.note(customer, words, ctx, source="paste", member=member)
    cards.focus(customer, member, ctx)
    c = noted.customer
    head = f"已记到{c.name}名下｜{TIERS[c.tier]}·{c.level}级"
    lines = [head, *concerns.summary(noted.reading), f"依据：{c.tier_reason}；{c.level_reason}"]
    yield Send(member, "\n".join(lines))
    yield from concerns.alarms(noted, ctx)
    yield from watch_ears.private(noted.customer, words, noted.reading, watch.PASTED, ctx)


def contacted(
    customer: Customer, followup: FollowUp | None, member: str, ctx: Ctx
) -> Iterator[Action]:
    """The advisor has been in touch: close what was owed, plan the next."""
    was = undo.before(customer, ctx)
    open_ones = was.owed
    target = followup or next((f for f in open_ones if f.kind not in followups.ASKED), None)
    for one in open_ones:
        if one.due_at <= ctx.now or one.reminded_at or one == target or one.kind == "waiting":
            owed.close(ctx.db, one.id, ctx.now, "已联系")
    customers.change(ctx.db, customer.id, contacted_at=ctx.now)
    rhythm.touched(customer.id, ctx)
    undo.remember(ctx, member, f"{customer.name} 已联系", was)
    fresh = customers.get(ctx.db, customer.id) or customer
    followups.plan_cadence(fresh, ctx)
    ahead = [f for f in owed.open_of(ctx.db, customer.id)]
    said = f"下次{when(ahead[0].due_at.astimezone(ctx.zone), ctx.local)}提醒" if ahead else ""
    note = (
        f"{customer.name} 已联系。{said}。记错了回复 撤销。"
        if said
        else f"{customer.name} 已联系。"
    )
    yield Send(member, note)


def snoozer(
    to: datetime,
) -> Callable[[Customer, FollowUp | None, str, Ctx], Iterator[Action]]:
    def snooze(
        customer: Customer, followup: FollowUp | None, member: str, ctx: Ctx
    ) -> Iterator[Action]:
        target = followup or next(iter(owed.open_of(ctx.db, customer.id)), None)
        undo.remember(ctx, member, f"{customer.name} 的提醒改期", undo.before(customer, ctx))
        if target is not None and target.state == "open":
            owed.snooze(ctx.db, target.id, to)
        else:
            owed.plan(ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=member,
                      kind="own", due=to, reason="你设的提醒", now=ctx.now)  # fmt: skip
        said = when(to.astimezone(ctx.zone), ctx.local)
        yield Send(member, f"好，{said}再提醒你联系{customer.name}。改错了回复 撤销。")

    return snooze


def remind(customer: Customer, at: datetime, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """Owe what the advisor asked to be reminded of; it stands beside the cadence."""
    undo.remember(ctx, member, f"{customer.name}的提醒", undo.before(customer, ctx))
    owed.plan(ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=member, kind="own",
              due=at, reason=words, now=ctx.now)  # fmt: skip
    said = when(at.astimezone(ctx.zone), ctx.local)
    yield Send(member, f"好，{said}提醒你：{words}")


def other(dialog: Dialog, ctx: Ctx) -> Iterator[Action]:
    """换话术 for a reminder or a card."""
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None:
        yield Send(dialog.member, "这位客户已经不在名单里了。")
        return
    followup = owed.get(ctx.db, dialog.body["followup"])
    yield from advise(customer, dialog.member, ctx, followup)


def advise(
    customer: Customer, member: str, ctx: Ctx, followup: FollowUp | None = None
) -> Iterator[Action]:
    """Three scripts for what is unresolved, else for the moment."""
    cards.focus(customer, member, ctx)
    found = customers.tags(ctx.db, customer.id, ctx.now, "concern")
    stuck = "；".join(f"{CONCERNS[t.code]} {t.evidence}" for t in found if t.state in ("", "stuck"))
    stage, words = followups.moment(followup, customer, ctx)
    yield from suggest.search(stuck or words, member, customer, ctx, stage)


Plain = Callable[[Customer, str, Ctx], Iterator[Action]]
Worded = Callable[[Customer, str, str, Ctx], Iterator[Action]]
TOLD: Mapping[str, Callable[[Customer, dict[str, str], Ctx], str]] = MappingProxyType({
    "tags": lambda customer, _, ctx: tags.listing(customer, ctx),
    "tag": lambda customer, then, ctx: tags.explain(then["tag"], customer, ctx),
    "why": lambda customer, _, ctx: cards.why(customer, ctx),
    "scores": lambda customer, _, ctx: scores.listing(customer, ctx),
    "appointment": lambda customer, _, ctx: brief.coming(customer, ctx),
})  # fmt: skip
WITH_WORDS: Mapping[str, Worded] = MappingProxyType({
    "book": book_only, "record": recorded, "hand_over": intaking.hand_over,
    "override": overrides.perform, "give": referral.give, "lost": lost.apply, "merge": merge.ask,
    "rate": stars_told.noted,
})  # fmt: skip
WITHOUT: Mapping[str, Plain] = MappingProxyType({
    "show": cards.show, "checklist": _listed, "level": overrides.offer, "part": merge.part,
    "leave_sop": plans.leave,
    "done": lambda customer, member, ctx: contacted(customer, None, member, ctx),
})  # fmt: skip
