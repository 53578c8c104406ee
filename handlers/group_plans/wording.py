"""What a node says in one group: its text with everything filled in, what goes along, and why."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from handlers import h5_address
from handlers.analytics import Scope, formulas, stores
from handlers.context import Ctx
from handlers.group_plans import topics, weeks
from handlers.group_plans.plan import EVERYBODY, TOPIC, Node, Plan
from handlers.group_plans.rooms import Room
from nlp import mask
from scriptbank import fill, guard
from scriptbank.rules import ALLOW, BLOCK, WARN
from scriptbank.script import Script
from storage import materials
from storage.materials import Material

PLACE = "试驾门店"
HEARSAY = "口碑"  # “listen to them” makes no sense without their words
NO_WORDS = "没有要发的话：素材库里没有“{}”"


@dataclass(frozen=True, slots=True)
class Wording:
    """Ready to be pasted, unless `not_now` says why not; `why` tells how it came about."""

    text: str
    why: tuple[str, ...] = ()
    material: Material | None = None
    not_now: str = ""


def of(node: Node, room: Room, day: date, ctx: Ctx, *, keep: bool = True) -> Wording:
    """Of that day; asked again on the same day it is the same, once it was kept."""
    found = room.state
    if refusal := weeks.not_now(node.weeks, found):
        return Wording("", not_now=refusal)
    people = weeks.meant(node.to, found.seats, ctx)
    if node.to != EVERYBODY and not people:
        return Wording("", not_now=f"现在没有{node.to}")
    material = _material(node, room, ctx)
    body, reason = node.text, list(_whom(node, people))
    if not body and node.kind == TOPIC and not node.material:
        picked = topics.pick(room.id, day, ctx, keep=keep)
        body, material = picked.topic.text, materials.get(ctx.db, picked.topic.material)
        reason.append(f"话题“{picked.topic.title}”：{picked.why}")
    if material is None and (not body or (node.material and node.kind == HEARSAY)):
        return Wording("", not_now=NO_WORDS.format(node.material))
    return _filled(node, room, body, material, reason, ctx)


def _filled(
    node: Node, room: Room, body: str, material: Material | None, reason: list[str], ctx: Ctx
) -> Wording:
    known = values(node, room, body, ctx)
    if f"{{{PLACE}}}" in body:
        known[PLACE], why = place(room, ctx)
        reason.append(why)
    done = fill.fill(Script(id="group", title=node.kind, body=body, stage="通用"), known)
    text = "\n".join(part for part in (done.text, node.link) if part)
    if done.missing:
        return Wording(text, not_now=f"还不知道{'、'.join(done.missing)}，先补上再发")
    seen = guard.check(text, ctx.today)
    if blocked := [f.words for f in seen if f.severity == BLOCK]:
        return Wording(text, not_now=f"有不能发的词：{'、'.join(blocked)}")
    if risky := [f.words for f in seen if f.severity == WARN]:
        reason.append(f"⚠️ 发之前先核对“{'、'.join(risky)}”")
    return Wording(mask.phones(text), tuple(reason), material)


def doubts(plan: Plan, day: date) -> Iterator[str]:
    """Words of a plan's texts that must not be said, or not without a source."""
    for node in plan.nodes:
        for found in guard.check(node.text, day):
            if found.severity != ALLOW:
                yield f"第{node.day}天 {node.at}“{found.words}”（{found.rule}）{found.advice}"


def _whom(node: Node, people: Sequence[weeks.Seat]) -> list[str]:
    if node.to == EVERYBODY:
        return []
    return [f"{node.to}{len(people)}位：{weeks.names(people)}"]


def values(node: Node, room: Room, body: str, ctx: Ctx) -> dict[str, str]:
    """The variables that are known; what is not is simply not there."""
    store = ctx.team.store(room.row["store"])
    people = weeks.meant(node.to, room.state.seats, ctx)
    rewards = ctx.settings.referral.rewards
    pairs = {
        "群名": room.name, "群链接": h5_address.link(room.id, ctx), "门店": store.name,
        "门店地址": store.address, "顾问名": ctx.team.name(room.row["owner"]),
        "新人": weeks.names(people), "转介绍礼": gifts(rewards),
        "昨日话题": topics.yesterday(room.id, ctx.today, ctx) if "昨日话题" in body else "",
    }  # fmt: skip
    return {name: value for name, value in pairs.items() if value}


def gifts(rewards: dict[str, str]) -> str:
    """朋友到店送品牌周边一份，下订送首次保养券一张."""
    return "，".join(f"朋友{step}后送{what}" for step, what in rewards.items())


# The store of a light test drive


def place(room: Room, ctx: Ctx) -> tuple[str, str]:
    """The store of the city with the best score, and why it is that one."""
    own = ctx.team.store(room.row["store"])
    near = tuple(s.id for s in ctx.settings.stores if s.id == own.id or s.city == own.city != "")
    days = ctx.settings.group_sop.score_days
    scope = Scope(near, ctx.now - timedelta(days=days), ctx.now)
    scored = formulas.store_scores(stores.counted(scope, ctx), ctx.settings.analytics.samples)
    if not scored:
        return (
            own.name,
            f"试驾门店选{own.name}：同城只有这一家，或近{days}天到店的样本不足，就用本群的店",
        )
    best = max(scored, key=lambda key: (scored[key].even, key == own.id))
    name = ctx.team.store(best).name
    return name, (f"试驾门店选{name}：近{days}天同城{len(scored)}家店里得分最高"
                  f"（{scored[best].even:.0f}/100，按加微、建群、试驾率、下订率）")  # fmt: skip


# Materials


def _material(node: Node, room: Room, ctx: Ctx) -> Material | None:
    """Of that kind, or with that word in its title; another one for another node and group."""
    if not node.material:
        return None
    live = materials.live(ctx.db, ctx.today)
    found = [one for one in live if node.material == one.kind or node.material in one.title]
    if not found:
        return None
    return min(found, key=lambda one: _rank(room.id, node, one.id))


def _rank(chat_id: str, node: Node, material: str) -> str:
    words = f"{chat_id}/{node.day}/{node.kind}/{material}"
    return hashlib.blake2s(words.encode(), digest_size=8).hexdigest()
