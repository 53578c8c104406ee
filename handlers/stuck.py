"""卡住名单: who stays in a stage longer than three in four of the store do, and why."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from handlers import checklist, followups, intervals, sides
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from handlers.words import ago
from storage import customers, dialogs, events
from storage.customers import Customer
from storage.db import at

SHOWN = 8
WAITS = ("加微", "开口", "到店", "试驾", "报价", "下订")
RESTING = ("冷冻", "失控", "战败", "休眠")


@dataclass(frozen=True, slots=True)
class Stuck:
    customer: Customer
    days: int
    limit: timedelta
    measured: bool  # by the store's P75, not by the default

    @property
    def over(self) -> float:
        return self.days / max(self.limit / timedelta(days=1), 0.5)


def find(member: str, ctx: Ctx) -> list[Stuck]:
    """Whoever a member may see, the longest over the limit first."""
    manager = ctx.team.manager(member)
    scope: Any = {"stores": manager.stores} if manager else {"owner": member}
    rows = events.standing(ctx.db, WAITS, intervals.window(ctx), **scope)
    measured = {store: intervals.p75(store, ctx) for store in {r["store"] for r in rows}}
    defaults = dict(zip(WAITS, ctx.settings.journey.stuck_days, strict=True))
    found = []
    for row in rows:
        known = measured[row["store"]].get(row["stage"])
        limit = known or timedelta(days=defaults[row["stage"]])
        since = at(row["at"])
        if ctx.now - since > limit and (c := customers.get(ctx.db, row["id"])):
            found.append(Stuck(c, (ctx.now - since).days, limit, known is not None))
    awake = [one for one in found if sides.of(one.customer, ctx).state not in RESTING]
    return sorted(awake, key=lambda one: (-one.over, one.customer.id))


def command(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if why_not := intervals.too_many(msg.sender, ctx):
        yield Send(msg.sender, why_not)
        return
    found = find(msg.sender, ctx)
    if not found:
        yield Send(msg.sender, "没有卡住的客户：每位都还在正常的周期里。")
        return
    manager = ctx.team.manager(msg.sender)
    if manager and not manager.names:
        yield Send(msg.sender, _counts(found, ctx))
        return
    lines = [f"卡住{len(found)}位（停得比本店四分之三的客户久）："]
    lines += [f"{n}. {line(one, msg.sender, ctx)}" for n, one in enumerate(found[:SHOWN], 1)]
    if len(found) > SHOWN:
        lines.append(f"另有{len(found) - SHOWN}位。")
    body = {"ids": [one.customer.id for one in found[:SHOWN]]}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="people", body=body,
                  now=ctx.now)  # fmt: skip
    yield Send(msg.sender, "\n".join([*lines, "回复序号看卡片。"]))


def _counts(found: list[Stuck], ctx: Ctx) -> str:
    """For who sees no names: how many in each store."""
    stores = Counter(ctx.team.store(one.customer.store).name for one in found)
    return f"卡住{len(found)}位：" + "、".join(f"{name}{n}" for name, n in stores.most_common())


def line(one: Stuck, member: str, ctx: Ctx) -> str:
    c = one.customer
    basis = "本店P75是" if one.measured else "样本不足，按默认"
    owner = f"｜{ctx.team.name(c.owner)}" if c.owner != member else ""
    limit = f"{basis}{intervals.long(one.limit)}"
    head = f"{c.name}｜{c.level}级{owner}｜{c.stage}{one.days}天（{limit}）"
    step = checklist.next_step(c, ctx)
    return f"{head}\n   卡在：{why(c, ctx)}" + (f"\n   下一步：{step}" if step else "")


def why(customer: Customer, ctx: Ctx) -> str:
    """What is known to hold them up: a worry, a miss, silence on either side."""
    if worries := followups.unresolved(customer, ctx):
        return "、".join(worries[:2]) + "没解决"
    missed = events.last(ctx.db, customer.id, "未到店", "未试驾", "到店")
    if missed and missed.kind != "到店":
        return f"{missed.kind}：{missed.evidence}"
    if (side := sides.of(customer, ctx)).state:
        return f"{side.state}，{side.reason}"
    told = customer.contacted_at
    if told is None:
        return "还没联系过"
    if (ctx.now - told).days >= ctx.settings.followups.cadence_b_days:
        return f"上次联系{ago(told, ctx.now)}"
    return f"客户上次说话{ago(customer.spoke_at, ctx.now)}，没说原因"
