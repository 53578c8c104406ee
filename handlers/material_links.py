"""素材链接 1 王女士: a page for one material, so that who opens, keeps and passes it on is known.

A customer's own opening counts once a day as 点击, keeping it as 收藏; when somebody else opens the
link that was made for them, they passed it on: 分享. The page says so, and who does not want it
taps once. Nothing is asked of third parties, and what only looks for a preview never logs in.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from handlers import acts, h5_guests, ledger, names, privacy, scores, signed
from handlers.context import Ctx
from handlers.h5_guests import MEMBER
from handlers.materials import usable
from handlers.values import Action, Inbound, Send
from storage import consents, customers, events, material_links, materials
from storage.customers import Customer
from storage.material_links import Link
from storage.materials import Material

PATTERN = r"^素材链接\s*(?P<n>\d)?(?:\s*(?:给|发给)?\s*(?P<name>\D\S{0,20}))?$"
LINK = "material"
RECORD = "素材浏览记录"
QUIET = "好，不再记录您在素材页面上看了什么。"
UNKNOWN = "微信没有说您是谁，收藏不了；顾问发给您的那条在微信里打开就可以。"
FOR_ONE = "下面这段可以转给{name}。TA打开、收藏、转给朋友打开，都会记到TA名下，页面上写明了。"
FOR_ALL = "下面这段谁都可以转。写上客户名字（素材链接 1 王女士），还能看到TA转给朋友没有。"
OFF = "素材页面还没有开：管理员还没有填 [server] public_url。"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a visitor is shown; `mine` is whether they are a customer we know."""

    link: Link
    material: Material
    advisor: str
    kept: bool
    mine: bool
    recorded: bool


# The advisor's side


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not ctx.settings.reach.pages:
        yield Send(msg.sender, OFF)
        return
    material = _chosen(int(match["n"] or 1), msg.sender, ctx)
    if isinstance(material, str):
        yield Send(msg.sender, material)
        return
    name = (match["name"] or "").strip()
    customer = names.look(name, msg.sender, ctx).one if name else None
    if name and customer is None:
        yield Send(msg.sender, names.not_found(name, msg.sender, ctx))
    elif customer and (refusal := ledger.ask(customer, ctx)):
        yield Send(msg.sender, refusal)
    else:
        yield from _handed(material, customer, msg.sender, ctx)


def _chosen(n: int, member: str, ctx: Ctx) -> Material | str:
    """Of the list that was shown last; otherwise what to do, in words."""
    dialog = acts.recent(member, ctx, "materials")
    ids = dialog.body["ids"] if dialog else []
    found = materials.get(ctx.db, ids[n - 1]) if 1 <= n <= len(ids) else None
    if found is None:
        return f"请回复 素材链接 1 到 素材链接 {len(ids)}。" if ids else "先回复 素材 加关键词。"
    return found if usable(found, ctx) else "这份素材已经停用或过期。"


def _handed(
    material: Material, customer: Customer | None, member: str, ctx: Ctx
) -> Iterator[Action]:
    link = make(material, customer.id if customer else "", member, ctx)
    told = FOR_ALL if customer is None else FOR_ONE.format(name=customer.name)
    yield Send(member, f"{told}{ctx.settings.h5.link_days}天内有效。")
    yield Send(member, f"{material.title}\n{address(link, ctx)}")


def make(material: Material, customer: str, member: str, ctx: Ctx) -> Link:
    """The same one for the same on the same day."""
    before = material_links.same(ctx.db, member, material.id, customer,
                                 ctx.now - timedelta(days=1))  # fmt: skip
    if before:
        return before
    link = Link(ctx.new_id(), material.id, member, customer, ctx.now)
    material_links.put(ctx.db, link)
    return link


def address(link: Link, ctx: Ctx) -> str:
    return f"{ctx.settings.reach.pages}/h5/m/{signed.token(LINK, link.id, ctx)}/"


def opened(token: str, ctx: Ctx) -> tuple[Link, Material] | None:
    """None for a link that is not ours, is too old, or whose material is over."""
    key = signed.key_of(LINK, token, ctx)
    link = material_links.get(ctx.db, key) if key else None
    if link is None or ctx.now - link.at > timedelta(days=ctx.settings.h5.link_days):
        return None
    material = materials.get(ctx.db, link.material)
    return (link, material) if material and usable(material, ctx) else None


# The customer's side


def look(link: Link, material: Material, who: str, ctx: Ctx) -> Seen:
    """Note who opened it, and what they are to be shown."""
    customer = _customer(who, ctx)
    if customer and recorded(customer, ctx):
        _note(customer, "点击", f"{link.id}/{customer.id}/{ctx.today}", material, link, ctx)
    _passed_on(link, material, who, customer, ctx)
    kept = customer is not None and _keeps(customer, material, ctx)
    mine = customer is not None
    return Seen(link, material, ctx.team.name(link.advisor), kept, mine,
                customer is None or recorded(customer, ctx))  # fmt: skip


def _passed_on(
    link: Link, material: Material, who: str, customer: Customer | None, ctx: Ctx
) -> None:
    """Somebody else has opened what was made for one: counted for each, but not who it was."""
    owner = customers.get(ctx.db, link.customer) if link.customer else None
    if owner is None or who.startswith(f"{MEMBER}/") or (customer and customer.id == owner.id):
        return
    if recorded(owner, ctx):
        _note(owner, "分享", f"{link.id}/{who}", material, link, ctx)


def keep(link: Link, material: Material, who: str, wanted: bool, ctx: Ctx) -> str:
    """收藏, or not any more."""
    customer = _customer(who, ctx)
    if customer is None:
        return UNKNOWN
    if wanted and not recorded(customer, ctx):
        return "您选了不记录，收藏也就不存了。"
    event = _event_id("收藏", f"{material.id}/{customer.id}")
    if events.exists(ctx.db, event):
        events.undo(ctx.db, event, None if wanted else ctx.now)
        scores.refresh(customer, ctx)
    elif wanted:
        _note(customer, "收藏", f"{material.id}/{customer.id}", material, link, ctx)
    return f"已收藏“{material.title}”。" if wanted else "已取消收藏。"


def quiet(link: Link, who: str, ctx: Ctx) -> str:
    """From now on nothing of what this customer does here is noted."""
    customer = _customer(who, ctx)
    if customer and recorded(customer, ctx):
        privacy.note(customer, RECORD, False, "点了不要记录", "page", link.advisor, ctx)
    return QUIET


def recorded(customer: Customer, ctx: Ctx) -> bool:
    """Not of who asked for no messages, has left, or said that they do not want it."""
    if customer.opted_out_at or customer.deleted_at or customer.archive_refused_at:
        return False
    said = next((c for c in consents.of(ctx.db, customer.id) if c.what == RECORD), None)
    return said is None or said.given


def _customer(who: str, ctx: Ctx) -> Customer | None:
    """Staff who look at their own link are no customers."""
    if who.startswith(f"{MEMBER}/"):
        return None
    person = h5_guests.identity(who, ctx)
    return customers.get(ctx.db, person) if person else None


def _keeps(customer: Customer, material: Material, ctx: Ctx) -> bool:
    event = _event_id("收藏", f"{material.id}/{customer.id}")
    return events.get(ctx.db, event) is not None


def _note(
    customer: Customer, kind: str, key: str, material: Material, link: Link, ctx: Ctx
) -> None:
    event = _event_id(kind, key)
    if events.exists(ctx.db, event):
        return
    events.add(ctx.db, event_id=event, customer=customer.id, kind=kind, when=ctx.now,
               source="page", evidence=f"素材“{material.title}”", by_whom=link.advisor)  # fmt: skip
    scores.refresh(customer, ctx)


def _event_id(kind: str, key: str) -> str:
    """The same thing is noted once; whoever was passed the link cannot be read from it."""
    return hashlib.blake2s(f"{kind}/{key}".encode(), digest_size=10).hexdigest()
