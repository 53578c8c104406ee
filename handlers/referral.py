"""转介绍: who introduced whom, the thank-you that is due for it, and how many of them buy."""

import re
from collections.abc import Iterator
from datetime import timedelta

from handlers import enrol, names
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.undo import before, remember
from handlers.values import Action, Inbound, Send
from handlers.words import exactly, rate, short
from nlp import mask
from storage import customers, events
from storage import referral as rows
from storage.customers import Customer
from storage.db import Row, at
from storage.referral import Referral, Reward

EVENT, SOURCE = "转介绍", "转介绍"
YARDSTICK = "22–24%"  # the case's conversion of introductions; vertical media have 2–4 %
LONGEST = 20  # a chain is not followed further
VISITS = ("到店", "试驾")


def heard(customer: Customer, evidence: str, ctx: Ctx) -> Iterator[Action]:
    """The customer speaks of a friend: the advisor is asked for the name, once a fortnight."""
    if customer.opted_out_at:
        return
    held = customers.tags(ctx.db, customer.id, ctx.now, "intent")
    if any(t.code == "referral" and t.mentions > 1 for t in held):
        return
    said = short(mask.phones(evidence), 20)
    yield Send(customer.owner, f"{customer.name}提到介绍朋友（“{said}”）。问到朋友怎么称呼，"
                               f"加上微信后回复 转介绍 {customer.name} → 朋友称呼，"
                               "到店、下订有礼会提醒你发。")  # fmt: skip


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """李先生是王女士介绍的; None where one of them is nobody that this member knows."""
    return _link(match["by"], match["friend"], match.group(0), msg.sender, ctx)


def plainly(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """In a sentence that might be a customer's: one must be known, the other is called a name."""
    pair = [match["by"], match["friend"].rstrip("。！")]
    known = [bool(names.look(name, msg.sender, ctx).exact) for name in pair]
    named = all(yes or name.endswith(names.TITLES) for yes, name in zip(known, pair, strict=True))
    return command(match, msg, ctx) if any(known) and named else None


def _link(by: str, friend: str, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    pair = []
    for name in (by, friend):
        found = names.look(name, member, ctx)
        if found.one is None:
            yield Send(member, _which(name, member, ctx))
            return
        pair.append(found.one)
    yield from link(pair[0], pair[1], words, member, ctx)


def _which(name: str, member: str, ctx: Ctx) -> str:
    found = names.look(name, member, ctx)
    if found.exact:
        known = "；".join(names.describe(c, ctx) for c in found.exact[:5])
        return f"有{len(found.exact)}位“{name}”：{known}。请先改备注区分开，再记转介绍。"
    return (f"{names.not_found(name, member, ctx)}\n"
            f"还没加微信的，先回复 线索 转介绍 {name} 加电话，再记转介绍。")  # fmt: skip


def chain(customer_id: str, ctx: Ctx) -> list[str]:
    """Who introduced them, who introduced those, and so on; the nearest first."""
    found: list[str] = []
    edge = rows.of_friend(ctx.db, customer_id)
    while edge and edge.introducer not in found and len(found) < LONGEST:
        found.append(edge.introducer)
        edge = rows.of_friend(ctx.db, edge.introducer)
    return found


def link(
    by: Customer, friend: Customer, words: str, member: str, ctx: Ctx
) -> Iterator[Action]:  # fmt: skip
    was = rows.of_friend(ctx.db, friend.id)
    if by.id == friend.id or friend.id in chain(by.id, ctx):
        yield Send(member, f"不能这样记：{_path(by, ctx)}，{friend.name}在{by.name}的前面，"
                           "会绕成一圈。")  # fmt: skip
    elif was and was.introducer == by.id:
        yield Send(member, f"已经记过：{friend.name}是{by.name}介绍的。")
    elif was:
        other = customers.get(ctx.db, was.introducer)
        name = other.name if other else "别人"
        yield Send(member, f"{friend.name}已经记着是{name}介绍的。记错了的话，刚记的回复 撤销。")
    else:
        yield from _add(by, friend, words, member, ctx)


def _add(
    by: Customer, friend: Customer, words: str, member: str, ctx: Ctx
) -> Iterator[Action]:  # fmt: skip
    made = Referral(ctx.new_id(), friend.id, by.id, mask.phones(words), ctx.now, member)
    kept_before = before(friend, ctx)
    rows.add(ctx.db, made)
    event = ctx.new_id()
    events.add(ctx.db, event_id=event, customer=friend.id, kind=EVENT, when=ctx.now,
               source="advisor", evidence=f"{by.name}介绍", by_whom=member)  # fmt: skip
    if not friend.source:
        customers.change(ctx.db, friend.id, source=SOURCE)
    remember(ctx, member, f"{friend.name}的转介绍", kept_before,
             kept=Kept(events=(event,), referrals=(made.id,)))  # fmt: skip
    rewards = "，".join(f"{step}了发{what}" for step, what in ctx.settings.referral.rewards.items())
    yield Send(member, f"已记录：{friend.name}是{by.name}介绍的。{_path(friend, ctx)}。"
                       f"{friend.name}{rewards}，到时提醒你。记错了回复 撤销。")  # fmt: skip


def _path(customer: Customer, ctx: Ctx) -> str:
    """赵先生→王女士→李先生."""
    ids = [*reversed(chain(customer.id, ctx)), customer.id]
    known = [c.name for i in ids if (c := customers.get(ctx.db, i))]
    return "介绍链 " + "→".join(known)


def line(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """For the card."""
    edge = rows.of_friend(ctx.db, customer.id)
    if edge and (by := customers.get(ctx.db, edge.introducer)):
        yield f"由{by.name}介绍"
    friends = [c.name for one in rows.by(ctx.db, customer.id)
               if (c := customers.get(ctx.db, one.friend))]  # fmt: skip
    if friends:
        yield f"介绍了{len(friends)}位：{'、'.join(friends[:5])}"
    for reward in rows.due(ctx.db, customer.id):
        yield f"待发转介绍礼：{reward.what}（回复 发放 {customer.name} 加凭证）"


# Rewards


def news(event: Row, ctx: Ctx) -> Iterator[Action]:
    """What a friend did may be worth a thank-you."""
    what = ctx.settings.referral.rewards.get(event["kind"])
    edge = rows.of_friend(ctx.db, event["customer"]) if what else None
    if edge is None or what is None or at(event["at"]) < edge.made_at - timedelta(days=1):
        return
    by, friend = customers.get(ctx.db, edge.introducer), customers.get(ctx.db, edge.friend)
    key = enrol.run_id("reward", edge.id, event["kind"])
    reward = Reward(key, edge.friend, edge.introducer, event["kind"], what, ctx.now)
    if by is None or friend is None or not rows.owe(ctx.db, reward):
        return
    said = (f"{by.name}介绍的{friend.name}{event['kind']}了，该给{by.name}发：{what}。"
            f"发好了回复 发放 {by.name} 加凭证（签收单号、照片说明）。")  # fmt: skip
    for who in dict.fromkeys([by.owner, *(m.userid for m in ctx.team.managers_of(by.store)[:1])]):
        yield Send(who, said)


def give(customer: Customer, proof: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """发放 王女士 签收单0312: the oldest that is due."""
    due = rows.due(ctx.db, customer.id)
    if not due:
        yield Send(member, f"{customer.name}没有待发的转介绍礼。")
    elif len(proof.strip()) < 2:
        yield Send(member, f"发{due[0].what}要写凭证，例如：发放 {customer.name} 签收单0312")
    else:
        was = before(customer, ctx)
        rows.give(ctx.db, due[0].id, mask.phones(proof), member, ctx.now)
        remember(ctx, member, f"给{customer.name}的发放", was, kept=Kept(rewards=(due[0].id,)))
        more = f"还有{len(due) - 1}份待发。" if len(due) > 1 else ""
        kept = mask.phones(proof)
        yield Send(member, f"已记录：给{customer.name}发了{due[0].what}，凭证“{kept}”。"
                           f"{more}记错了回复 撤销。")  # fmt: skip


# The list


def listing(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """转介绍: conversion beside the case's figure, rewards that wait."""
    since = ctx.now - timedelta(days=ctx.settings.referral.window_days)
    manager = ctx.team.manager(msg.sender)
    if manager:
        found = rows.since(ctx.db, since, stores=manager.stores)
    else:
        found = rows.since(ctx.db, since, owner=msg.sender)
    lines = [*_rates(found, ctx)]
    if manager is None or manager.names:
        lines += [f"· {one}" for one in _edges(found, ctx)]
        lines += [f"待发：{one}" for one in _waiting(found, ctx)]
    yield Send(msg.sender, "\n".join([*lines, "记一笔：转介绍 王女士 → 李先生"]))


def _rates(found: list[Referral], ctx: Ctx) -> Iterator[str]:
    came = [one for one in found if events.last(ctx.db, one.friend, *VISITS)]
    bought = [one for one in found if events.last(ctx.db, one.friend, "下订")]
    yield f"转介绍（近{ctx.settings.referral.window_days}天）：介绍来{len(found)}位"
    yield f"到店率 {rate(len(came), len(found))}＝到店或试驾÷介绍来"
    yield f"下订率 {rate(len(bought), len(found))}＝下订÷介绍来；案例参考 {YARDSTICK}"


def _edges(found: list[Referral], ctx: Ctx) -> Iterator[str]:
    for one in found[-8:]:
        by, friend = customers.get(ctx.db, one.introducer), customers.get(ctx.db, one.friend)
        if by and friend:
            yield f"{by.name}→{friend.name}（{friend.stage}）"


def _waiting(found: list[Referral], ctx: Ctx) -> Iterator[str]:
    for introducer in dict.fromkeys(one.introducer for one in found):
        by = customers.get(ctx.db, introducer)
        for reward in rows.due(ctx.db, introducer) if by else ():
            due = exactly(reward.due_at.astimezone(ctx.zone))
            yield f"{by.name if by else ''}｜{reward.what}｜{due}起"
