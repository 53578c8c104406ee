"""公海: a customer whom nobody has looked after for long is free for a colleague of the store.

Off unless the company switches it on, since it moves customers. Until somebody claims them they
stay with their advisor, whose next valid contact takes them out again.
"""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta

from handlers import clockwatch, handover, sides
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from handlers.words import ago
from storage import appointments, customers, dialogs
from storage import followups as owed
from storage import lost as rows
from storage import sop as walks
from storage.customers import Customer
from storage.lost import Pooled

WALK, AT = "pools", time(9, 10)
A_TICK = 200
LIST = "pool"
EXEMPT = ("下订", "交付", "战败")
SET_ASIDE = ("冷冻", "失控")
OFF = "公海没有打开。要用请运营在配置里写 [pools] on = true"


def limit(customer: Customer, ctx: Ctx) -> timedelta | None:
    """How long they may be left alone, never shorter than the protection; None for ever."""
    days = ctx.settings.pools.days.get(customer.level)
    if days is None or customer.stage in EXEMPT:
        return None
    return timedelta(days=max(days, ctx.settings.pools.protect_days))


def touched(customer: Customer) -> datetime | None:
    """The last valid touch: either side was heard, or they were added."""
    times = (customer.spoke_at, customer.contacted_at, customer.added_at)
    return max((at for at in times if at), default=None)


def tick(ctx: Ctx) -> Iterator[Action]:
    """Once a day everybody is looked at, a few at a time."""
    if not ctx.settings.pools.on or clockwatch.held(ctx):
        return
    due, spot = walks.scan(ctx.db, WALK, ctx.on(ctx.today, AT))
    if due > ctx.now:
        return
    ids = walks.people(ctx.db, spot, A_TICK)
    for key in ids:
        if customer := customers.get(ctx.db, key):
            yield from look(customer, ctx)
    if len(ids) < A_TICK:
        walks.scanned(ctx.db, WALK, ctx.tomorrow(AT), "")
    else:
        walks.scanned(ctx.db, WALK, ctx.now, ids[-1])


def look(customer: Customer, ctx: Ctx) -> Iterator[Action]:
    """Warn, return, or take out again."""
    most, since = limit(customer, ctx), touched(customer)
    held = rows.pooled(ctx.db, customer.id)
    if most is None or since is None or not customer.owner or _kept(customer, held, ctx):
        return
    left = since + most - ctx.now
    if left > timedelta(days=ctx.settings.pools.warn_days):
        if held and held.state != rows.CLAIMED:
            rows.leave_pool(ctx.db, customer.id)
    elif left > timedelta():
        yield from _warn(customer, held, left, ctx)
    elif held is None or held.state != rows.FREE:
        yield from _return(customer, since, ctx)


def _kept(customer: Customer, held: Pooled | None, ctx: Ctx) -> bool:
    """An appointment ahead, set aside by a word, or claimed a short while ago."""
    if appointments.ahead(ctx.db, customer.id, ctx.now):
        return True
    if sides.of(customer, ctx).state in SET_ASIDE:
        return True
    protect = timedelta(days=ctx.settings.pools.protect_days)
    fresh = held is not None and held.state == rows.CLAIMED and held.claimed_at is not None
    return bool(fresh and held and held.claimed_at and ctx.now - held.claimed_at < protect)


def _warn(
    customer: Customer, held: Pooled | None, left: timedelta, ctx: Ctx
) -> Iterator[Action]:  # fmt: skip
    if held and held.state == rows.WARNED:
        return
    why = f"{customer.level}级{ago(touched(customer), ctx.now)}之后没有有效联系"
    rows.pool(ctx.db, Pooled(customer.id, customer.store, customer.owner, rows.WARNED, why,
                             ctx.now))  # fmt: skip
    if reader := ctx.team.advisor(customer.owner):
        days = max(1, left.days)
        yield Send(reader.userid, f"⏳ {customer.name}{days}天后回流到门店：{why}。联系一次"
                                  f"（回复 已联系 {customer.name}）就留在你这里。")  # fmt: skip


def _return(customer: Customer, since: datetime, ctx: Ctx) -> Iterator[Action]:
    days = (ctx.now - since).days
    why = f"{customer.level}级，{days}天没有有效联系"
    rows.pool(ctx.db, Pooled(customer.id, customer.store, customer.owner, rows.FREE, why,
                             ctx.now))  # fmt: skip
    owed.drop(ctx.db, customer.id, ctx.now, "回流")
    owner = ctx.team.name(customer.owner)
    said = (f"{customer.name}（顾问{owner}）回流到门店了：{why}。"
            f"店里顾问可以回复 领取 {customer.name}")  # fmt: skip
    for who in [customer.owner, *(m.userid for m in ctx.team.managers_of(customer.store))]:
        yield Send(who, said)


# Claiming


def _stores(member: str, ctx: Ctx) -> tuple[str, ...]:
    advisor, manager = ctx.team.advisor(member), ctx.team.manager(member)
    mine = (advisor.store,) if advisor else ()
    return tuple(dict.fromkeys([*mine, *(manager.stores if manager and manager.names else ())]))


def free(member: str, ctx: Ctx) -> list[tuple[Pooled, Customer]]:
    """Who waits in the stores of a member; whoever was heard of since is not free any more."""
    pairs = [(one, c) for one in rows.free(ctx.db, _stores(member, ctx))
             if (c := customers.get(ctx.db, one.customer))]  # fmt: skip
    return [(one, c) for one, c in pairs if _still(one, c)]


def _still(one: Pooled, customer: Customer) -> bool:
    last = touched(customer)
    gone = customer.opted_out_at or customer.deleted_at
    return not gone and (last is None or last < one.at)


def listing(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not ctx.settings.pools.on:
        yield Send(msg.sender, OFF)
        return
    found = free(msg.sender, ctx)
    if not found:
        yield Send(msg.sender, "现在没有待领取的客户。")
        return
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind=LIST,
                  body={"ids": [c.id for _, c in found[:10]]}, now=ctx.now)  # fmt: skip
    lines = [f"{n}. {c.name}｜{c.level}级｜{c.stage}｜原顾问{ctx.team.name(one.advisor)}｜{one.why}"
             for n, (one, c) in enumerate(found[:10], 1)]  # fmt: skip
    tail = "回复 领取 1 或 领取 姓名。"
    yield Send(msg.sender, "\n".join([f"待领取{len(found)}位：", *lines, tail]))


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """领取 王女士, 领取 1: within the caps, and only one gets them."""
    advisor = ctx.team.advisor(msg.sender)
    found = _meant(match["name"], msg.sender, ctx)
    if not ctx.settings.pools.on:
        yield Send(msg.sender, OFF)
    elif advisor is None:
        yield Send(msg.sender, "领取要由顾问自己来；经理换人请回复 转给 顾问姓名 客户姓名。")
    elif found is None:
        yield Send(msg.sender, f"待领取里没有“{match['name']}”。回复 待领取 看名单。")
    elif refusal := _refused(found, msg.sender, ctx):
        yield Send(msg.sender, refusal)
    elif rows.claim(ctx.db, found.id, msg.sender, ctx.now):
        was = customers.get(ctx.db, found.id) or found
        now = handover.move(was, advisor, ctx, msg.sender)
        yield Send(msg.sender, f"{now.name}现在由你跟进（之前是{ctx.team.name(was.owner)}），"
                               f"{ctx.settings.pools.protect_days}天保护期。企业微信里还不是好友的，"
                               f"请经理办“在职继承”。回复 客户 {now.name} 看卡片。")  # fmt: skip
        yield Send(was.owner, f"{now.name} 由{advisor.name}领走了。")


def _meant(name: str, member: str, ctx: Ctx) -> Customer | None:
    found = [c for _, c in free(member, ctx)]
    if name.isdecimal():
        shown = dialogs.newest(ctx.db, member, ctx.now - timedelta(hours=16), LIST)
        ids = shown.body["ids"] if shown else []
        key = ids[int(name) - 1] if 1 <= int(name) <= len(ids) else ""
        return next((c for c in found if c.id == key), None)
    same = [c for c in found if c.name == name]
    return same[0] if len(same) == 1 else None


def _refused(customer: Customer, member: str, ctx: Ctx) -> str:
    s = ctx.settings.pools
    today = rows.claims(ctx.db, member, ctx.on(ctx.today, time()))
    held = rows.claims(ctx.db, member, ctx.now - timedelta(days=s.protect_days))
    if customer.owner == member:
        return (f"{customer.name}本来就是你的客户，联系一次（回复 已联系 {customer.name}）"
                "就不算回流。")  # fmt: skip
    if today >= s.per_day:
        return f"今天已经领了{today}位（每天最多{s.per_day}位），明天再来。"
    if held >= s.per_person:
        return f"你手上已有{held}位保护期内领来的（最多{s.per_person}位），先跟进这些。"
    return ""


def line(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """For the card."""
    held = rows.pooled(ctx.db, customer.id) if ctx.settings.pools.on else None
    if held and held.state == rows.FREE and _still(held, customer):
        yield f"公海：待领取（{held.why}）"
