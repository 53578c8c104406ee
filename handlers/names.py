"""Which customer an advisor means; two candidates are offered, none is guessed."""

import re
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from handlers import shifts
from handlers.context import Ctx
from storage import customers, leads
from storage.customers import Customer

LIKELY = 60  # a likeness under this is somebody else
QUOTES = " 　“”\"'：:，,。"
TITLES = ("女士", "小姐", "先生", "太太", "老师", "总", "哥", "姐")


@dataclass(frozen=True, slots=True)
class Found:
    """`exact` holds the customers of that very name, `like` those that come near."""

    exact: tuple[Customer, ...] = ()
    like: tuple[Customer, ...] = ()

    @property
    def one(self) -> Customer | None:
        return self.exact[0] if len(self.exact) == 1 else None

    @property
    def candidates(self) -> tuple[Customer, ...]:
        return self.exact or self.like


SERVICE, OWNER = "车友服务官", "交付"
WIDE = 5000  # customers of a store that a likeness is looked for among


def may_see(customer: Customer, member: str, ctx: Ctx) -> bool:
    """The one rule of who sees whom: an advisor their own, a manager those of their stores.

    Whoever invited them still sees them; a deputy sees those of an absent colleague to whom
    something is owed; 车友服务官 sees the owners of their stores. Who sees only counts, as a brand
    does, sees nobody, and neither does 社群运营.
    """
    advisor, manager = ctx.team.advisor(member), ctx.team.in_charge(member)
    if manager and customer.store in manager.stores:
        return True
    service = ctx.team.colleague(member, SERVICE)
    if service and customer.store in service.stores and customer.stage == OWNER:
        return True
    if advisor is None or customer.deleted_at is not None:
        return False
    if customer.owner == advisor.userid or leads.invites(ctx.db, advisor.userid, customer.id):
        return True
    return customer.id in shifts.lent(advisor.userid, ctx)


def _invited(member: str, ctx: Ctx) -> list[Customer]:
    found = (customers.get(ctx.db, key) for key in leads.invited(ctx.db, member))
    return [c for c in found if c and c.deleted_at is None]


def visible(member: str, ctx: Ctx, limit: int = WIDE) -> list[Customer]:
    """The customers a member may see, at most so many of each store (-1 for all)."""
    found = customers.of_owner(ctx.db, member) if ctx.team.advisor(member) else []
    found += _lent(member, ctx) + _invited(member, ctx)
    if manager := ctx.team.in_charge(member):
        found += customers.of_stores(ctx.db, manager.stores, limit)
    if service := ctx.team.colleague(member, SERVICE):
        found += customers.of_stores(ctx.db, service.stores, limit, OWNER)
    return list({c.id: c for c in found}.values())


def _lent(member: str, ctx: Ctx) -> list[Customer]:
    if not ctx.team.advisor(member):
        return []
    return [c for i in shifts.lent(member, ctx) if (c := customers.get(ctx.db, i))]


def look(name: str, member: str, ctx: Ctx) -> Found:
    """Whom a member means by a name: first those of that very name, found by index."""
    wanted = name.strip(QUOTES)
    exact = (
        [c for c in customers.named(ctx.db, wanted) if may_see(c, member, ctx)] if wanted else []
    )
    return Found(tuple(exact)) if exact else find(name, visible(member, ctx))


def mentioned(words: str, member: str, ctx: Ctx) -> list[Customer]:
    """Customers whose names stand in these words, the longest name first."""
    found = customers.named_in(ctx.db, words, owner=member) if ctx.team.advisor(member) else []
    found += [c for c in (*_lent(member, ctx), *_invited(member, ctx)) if c.name in words]
    wide = ctx.team.in_charge(member) or ctx.team.colleague(member, SERVICE)
    for store in wide.stores if wide else ():
        among = customers.named_in(ctx.db, words, store=store)
        found += [c for c in among if may_see(c, member, ctx)]
    return sorted({c.id: c for c in found}.values(), key=lambda c: (-len(c.name), c.id))


def find(name: str, among: list[Customer]) -> Found:
    """Those of that name among these, otherwise those that come near."""
    name = name.strip(QUOTES)
    if not name:
        return Found()
    exact = tuple(c for c in among if c.name == name)
    if exact:
        return Found(exact)
    plain = _plain(name)  # nothing is left of a nickname that is but an emoji
    bare = tuple(c for c in among if plain and _plain(c.name) == plain)
    if bare:
        return Found(bare)
    choices = {c.id: c.name for c in among}
    near = process.extract(name, choices, scorer=fuzz.ratio, score_cutoff=LIKELY, limit=5)
    by_id = {c.id: c for c in among}
    family = [c for c in among if c.name[:1] == name[:1]]
    like = [by_id[key] for _, _, key in near]
    # Of the same family name first: 王先生 is rather 王女士 than 李先生.
    like.sort(key=lambda c: c not in family)
    titled = [c for c in family if c.name[1:] in TITLES and c not in like]
    return Found(like=tuple([*titled, *like][:5]))


def _plain(name: str) -> str:
    """Without brackets and emoji: 王女士🌸(朝阳) is 王女士."""
    return re.sub(r"[（(].*?[)）]|[^\w]", "", name)


def describe(customer: Customer, ctx: Ctx) -> str:
    """Enough to tell two people of one name apart."""
    parts = [customer.name, customer.model, f"{customer.level}级"]
    if customer.added_at:
        local = customer.added_at.astimezone(ctx.zone)
        parts.append(f"{local.month}月{local.day}日加微")
    return " ".join(part for part in parts if part)


def not_found(name: str, member: str, ctx: Ctx) -> str:
    """What was looked for, what there is, what to do."""
    among = visible(member, ctx)
    same = [c for c in among if c.name[:1] == name[:1]]
    if same:
        who = "、".join(c.name for c in same[:6])
        return f"没有找到“{name}”，您有{len(same)}位姓{name[:1]}的客户：{who}。请发完整称呼。"
    return f"没有找到“{name}”，您名下有{len(among)}位客户。回复 客户 加姓名 再试，例如：客户 王女士"
