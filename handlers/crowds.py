"""人群, 人群 深耕: what audiences there are and who belongs, in the chat and for other features."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from handlers import membership
from handlers.audience import Audience, Audiences
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from handlers.words import TIERS
from storage import audience as query
from storage import dialogs, rules
from storage.db import Row

SHOWN = 10
MANAGERS = "人群由经理来看。您自己的客户回复 待办，或 客户 加姓名。"


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many may be written to, how many belong but must not be, and the first of them."""

    audience: Audience
    count: int
    withheld: int
    members: tuple[Row, ...] = ()


def known(ctx: Ctx) -> Audiences:
    return ctx.audiences


def see(
    one: Audience, ctx: Ctx, *, stores: tuple[str, ...] | None = None, owner: str = "",
    limit: int = 0, after: str = "",
) -> Crowd:  # fmt: skip
    """Work an audience out, within a scope."""
    node = membership.tree(one, ctx, stores=stores, owner=owner)
    found = query.members(ctx.db, node, limit, after) if limit else []
    return Crowd(one, query.count(ctx.db, node), query.withheld(ctx.db, node), tuple(found))


def scope(member: str, ctx: Ctx) -> tuple[tuple[str, ...] | None, str]:
    """Stores and owner that bound what a member may see; () and "" for nobody at all."""
    if manager := ctx.team.manager(member):
        return manager.stores, ""
    advisor = ctx.team.advisor(member)
    return ((), advisor.userid) if advisor else ((), "")


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        yield Send(msg.sender, MANAGERS)
        return
    rows, name = known(ctx).rules, match["name"]
    if name is None:
        lines = [_line(see(one, ctx, stores=manager.stores)) for one in rows.values()]
        yield Send(msg.sender, "\n".join(["您门店的人群：", *lines, "回复 人群 加名字看是谁。"]))
    elif name not in rows:
        yield Send(msg.sender, f"没有“{name}”这个人群。有：{'、'.join(rows)}。")
    else:
        yield from _shown(rows[name], msg.sender, bool(manager.names), manager.stores, ctx)


def _line(crowd: Crowd) -> str:
    return f"· {crowd.audience.name} {crowd.count}位：{crowd.audience.says}"


def _shown(
    one: Audience, member: str, named: bool, stores: tuple[str, ...], ctx: Ctx
) -> Iterator[Action]:
    crowd = see(one, ctx, stores=stores, limit=SHOWN if named else 0)
    rules.hit(ctx.db, [f"audience.{one.name}"], ctx.now)
    lines = [f"{one.name}：{crowd.count}位（{one.says}）"]
    lines += [_member(n, row, ctx) for n, row in enumerate(crowd.members, 1)]
    if crowd.count > len(crowd.members) and named:
        lines.append(f"另有{crowd.count - len(crowd.members)}位。")
    if crowd.withheld:
        lines.append(f"另有{crowd.withheld}位符合，但已退订或已不是好友，不算在内，也不会发。")
    if crowd.members:
        body = {"ids": [row["id"] for row in crowd.members]}
        dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="people", body=body,
                      now=ctx.now)  # fmt: skip
        lines.append("回复序号看客户。")
    yield Send(member, "\n".join(lines))


def _member(n: int, row: Row, ctx: Ctx) -> str:
    who = ctx.team.name(row["owner"]) or "没有顾问"
    return f"{n}. {row['name']}｜{TIERS[row['tier']]}·{row['level']}级｜{row['stage']}｜{who}"
