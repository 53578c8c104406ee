"""Which customer an advisor means; two candidates are offered, none is guessed."""

import re
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from handlers.context import Ctx
from storage import customers
from storage.customers import Customer

LIKELY = 60  # a likeness under this is somebody else
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


def visible(member: str, ctx: Ctx) -> list[Customer]:
    """The customers a member may ask about: an advisor's own, those of a manager's stores."""
    own = customers.of_owner(ctx.db, member) if ctx.team.advisor(member) else []
    manager = ctx.team.manager(member)
    if manager:
        seen = {c.id for c in own}
        own += [c for c in customers.of_stores(ctx.db, manager.stores) if c.id not in seen]
    return own


def find(name: str, among: list[Customer]) -> Found:
    name = name.strip(" 　“”\"'：:，,。")
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


def not_found(name: str, ctx: Ctx, among: list[Customer]) -> str:
    """What was looked for, what there is, what to do."""
    same = [c for c in among if c.name[:1] == name[:1]]
    if same:
        who = "、".join(c.name for c in same[:6])
        return f"没有找到“{name}”，您有{len(same)}位姓{name[:1]}的客户：{who}。请发完整称呼。"
    return f"没有找到“{name}”，您名下有{len(among)}位客户。回复 客户 加姓名 再试，例如：客户 王女士"
