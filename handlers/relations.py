"""A customer's advisors as the platform tells them: found, renamed, gone, handed over.

Everything here changes rows in silence; whether somebody is told is for the caller to decide.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from handlers import cadence, tiers
from handlers.context import Ctx
from storage import appointments, customers, events, leads, relations
from storage import followups as owed
from storage.customers import Customer
from storage.relations import Relation

UNNAMED = "新客户"
NAMELESS = (UNNAMED, "微信访客")
TITLES = {1: "先生", 2: "女士"}
LONGEST = 40
WAYS = {1: "扫码", 2: "搜手机号", 3: "名片分享", 4: "群聊", 5: "手机通讯录", 6: "微信好友",
        10: "视频号", 16: "获客链接", 24: "微信好友申请", 201: "同事分享",
        202: "管理员分配"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One advisor's side of a contact; `tags` is None where the answer does not tell them."""

    advisor: str
    since: datetime | None
    remark: str = ""
    state: str = ""
    add_way: int = 0
    tags: tuple[str, ...] | None = None


def read(info: Mapping[str, Any], ctx: Ctx) -> Told | None:
    """None for a member who is not on the list: their contacts are their own."""
    advisor = ctx.team.advisor(str(info.get("userid", "")))
    if advisor is None:
        return None
    return Told(
        advisor.userid, seconds(info.get("createtime")), str(info.get("remark") or "").strip(),
        str(info.get("state") or ""), whole(info.get("add_way")), _tags(info),
    )  # fmt: skip


def _tags(info: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The single look-up tells objects, the batch ids; a member's own tags have no id."""
    if "tag_id" in info:
        return tuple(str(tag) for tag in info["tag_id"] or ())
    if "tags" in info:
        return tuple(str(tag["tag_id"]) for tag in info["tags"] or () if tag.get("tag_id"))
    return None


def whole(value: object) -> int:
    """A number, also where it is written as text."""
    return int(str(value)) if str(value).isdecimal() else 0


def seconds(value: object) -> datetime | None:
    """A time of the platform; None where there is none, or none that can be."""
    stamp = whole(value)
    return datetime.fromtimestamp(stamp, UTC) if 0 < stamp < 1 << 35 else None


def take(
    customer_id: str, contact: Mapping[str, Any], found: Iterable[Told], ctx: Ctx, run: str = ""
) -> set[str]:
    """Bring the rows in step; returns what changed: added, second, back, owner, renamed."""
    told = list(found)
    if not told:
        return set()
    nickname = str(contact.get("name") or "").strip()
    before = relations.of(ctx.db, customer_id)
    known = customers.get(ctx.db, customer_id)
    for one in told:
        _note(customer_id, one, nickname, run, ctx)
    if known is None:
        _found(customer_id, contact, ctx)
        return {"added"}
    fresh = {one.advisor for one in told} - {r.advisor for r in before if r.live}
    changed = {"second"} if fresh - {known.owner} else set()
    changed |= settle(customer_id, ctx)
    return changed | _rename(known, contact, before, ctx)


def others(customer: Customer, ctx: Ctx) -> list[str]:
    """Names of those who have them as a contact beside the owner."""
    found = relations.of(ctx.db, customer.id)
    return [ctx.team.name(r.advisor) for r in found if r.live and r.advisor != customer.owner]


def _note(customer_id: str, told: Told, nickname: str, run: str, ctx: Ctx) -> None:
    was = relations.get(ctx.db, customer_id, told.advisor)
    since = told.since or (was.since if was else ctx.now)
    now = Relation(
        customer_id, told.advisor, since, told.remark, nickname, told.state, told.add_way,
        met_at=was.met_at if was and was.live else None, run=run or (was.run if was else ""),
        marked_at=was.marked_at if was else None,
    )  # fmt: skip
    if now != was:
        relations.put(ctx.db, now)
    if told.tags is not None:
        relations.retag(ctx.db, customer_id, told.advisor, told.tags)


def _found(customer_id: str, contact: Mapping[str, Any], ctx: Ctx) -> None:
    """A contact no event told of: kept as they are, nothing is owed and nobody is told."""
    first = next(r for r in relations.of(ctx.db, customer_id) if r.live)
    advisor = ctx.team.advisor(first.advisor)
    customer = Customer(
        id=customer_id, name=_called(first, contact) or f"{UNNAMED}{customer_id[-4:]}",
        title=_title(contact), store=advisor.store if advisor else "", owner=first.advisor,
        source=first.state, added_at=first.since, level_at=first.since,
    )  # fmt: skip
    customers.add(ctx.db, customer)
    evidence = first.state or WAYS.get(first.add_way, "")
    _event(ctx, customer_id, "加微", evidence, first.since)
    tiers.rejudge(customer, ctx)


def _called(relation: Relation, contact: Mapping[str, Any]) -> str:
    """The advisor's remark, otherwise the nickname."""
    return (relation.remark or str(contact.get("name") or "").strip())[:LONGEST]


def _title(contact: Mapping[str, Any]) -> str:
    return TITLES.get(whole(contact.get("gender")), "")


def _rename(
    was: Customer, contact: Mapping[str, Any], before: Iterable[Relation], ctx: Ctx
) -> set[str]:
    """A name that came from the platform follows it; one given here counts for more."""
    customer = customers.get(ctx.db, was.id) or was
    relation = relations.get(ctx.db, was.id, customer.owner)
    if relation is None:
        return set()
    name = _called(relation, contact)
    theirs = {str(contact.get("name") or "").strip()[:LONGEST]}
    theirs |= {words[:LONGEST] for r in before for words in (r.remark, r.nickname)}
    values: dict[str, str] = {}
    if name and name != was.name and (was.name in theirs or was.name.startswith(NAMELESS)):
        values["name"] = name
    if not was.title and _title(contact):
        values["title"] = _title(contact)
    if not was.source and relation.state:
        values["source"] = relation.state
    if values:
        customers.change(ctx.db, was.id, **values)
    return {"renamed"} if "name" in values else set()


def end(customer_id: str, advisor: str, by: str, at: datetime, ctx: Ctx) -> None:
    """They are contacts no longer; told of somebody whose beginning was never seen as well."""
    was = relations.get(ctx.db, customer_id, advisor) or Relation(customer_id, advisor, at)
    relations.put(ctx.db, replace(was, ended_at=at, ended_by=by, marked_at=None))
    relations.retag(ctx.db, customer_id, advisor, ())


def settle(customer_id: str, ctx: Ctx) -> set[str]:
    """The customer's own row follows from their relations: gone, back, or another's now.

    An owner of whom the platform never told, by import or 微信客服, stays the owner, unless they
    have left the list.
    """
    customer = customers.get(ctx.db, customer_id)
    rows = relations.of(ctx.db, customer_id)
    if customer is None or not rows:
        return set()
    known = customer.owner in {r.advisor for r in rows} or not ctx.team.advisor(customer.owner)
    if not any(r.live for r in rows):
        return _gone(customer, rows, ctx) if known and not customer.deleted_at else set()
    changed = _back(customer, ctx) if customer.deleted_at else set()
    here = [r.advisor for r in rows if r.live and ctx.team.advisor(r.advisor)]
    if here and known and customer.owner not in here:
        changed |= _hand_over(customer, here[0], ctx)
    return changed


def _gone(customer: Customer, rows: Iterable[Relation], ctx: Ctx) -> set[str]:
    by = next((r.ended_by for r in rows if r.advisor == customer.owner), "")
    said = {"customer": "客户删除", "advisor": "员工删除"}.get(by, "平台上已不是好友")
    customers.change(ctx.db, customer.id, deleted_at=ctx.now)
    owed.drop(ctx.db, customer.id, ctx.now, "已删除好友")
    _event(ctx, customer.id, "删除好友", said, ctx.now)
    tiers.rejudge(replace(customer, deleted_at=ctx.now), ctx)
    return {"gone"}


def _back(customer: Customer, ctx: Ctx) -> set[str]:
    customers.change(ctx.db, customer.id, deleted_at=None)
    _event(ctx, customer.id, "加微", "重新添加", ctx.now)
    tiers.rejudge(replace(customer, deleted_at=None), ctx)
    return {"back"}


def _hand_over(customer: Customer, to: str, ctx: Ctx) -> set[str]:
    advisor = ctx.team.advisor(to)
    store = advisor.store if advisor else customer.store
    customers.change(ctx.db, customer.id, owner=to, store=store)
    owed.hand_over(ctx.db, customer.id, to)
    appointments.hand_over(ctx.db, customer.id, to)
    leads.taken(ctx.db, customer.id, to, store, ctx.now)
    names = f"{ctx.team.name(customer.owner)}→{ctx.team.name(to)}"
    _event(ctx, customer.id, "换顾问", names, ctx.now)
    if not owed.open_of(ctx.db, customer.id):  # whoever takes over does not begin with nothing
        cadence.plan(replace(customer, owner=to, store=store), ctx)
    return {"owner"}


def _event(ctx: Ctx, customer: str, kind: str, evidence: str, when: datetime) -> None:
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer, kind=kind, when=when,
               source="system", evidence=evidence)  # fmt: skip
