"""Somebody whom WeCom does not name leaves a number; an advisor says whether it is who it seems.

The page answers the same whatever was found, so that nobody learns whose customer a number is.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from handlers import privacy
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.h5_drive import UNTICKED, phone
from handlers.h5_guests import STRANGER, Guest
from handlers.values import Action, Send
from storage import customers, h5
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.h5 import Visitor

DO = "h5_claim"
CONSENT = "群页面认人"
NOTICE = "电话只用来核对您是不是群里的成员，由顾问确认，不作别的用途；没有对上的不保存。"
SENT = "已提交。顾问核对之后，您再打开这个页面就可以参加了。"
AGAIN = timedelta(days=1)


def claim(given: str, agreed: bool, found: Guest, ctx: Ctx) -> tuple[str, list[Action]]:
    number = phone(given)
    if not number:
        return "电话看起来不对，应为11位手机号。", []
    if not agreed:
        return UNTICKED, []
    if found.role == "looking" and found.who.startswith(f"{STRANGER}/"):
        return SENT, list(_looked_up(number, found, ctx))
    return SENT, []


def _looked_up(number: str, found: Guest, ctx: Ctx) -> Iterator[Action]:
    """One who is in this group under that number, asked about once a day."""
    before = h5.visitor(ctx.db, found.who) or Visitor(found.who, "", "", "", found.chat, ctx.now)
    if before.claimed and ctx.now - before.at < AGAIN:
        return
    inside = [c for c in customers.with_phone(ctx.db, number) if h5.seat(ctx.db, found.chat, c.id)]
    if len(inside) != 1 or not (to := inside[0].owner or str(found.group["owner"])):
        return
    customer = inside[0]
    h5.put(ctx.db, replace(before, claimed=customer.id, chat_id=found.chat, at=ctx.now))
    yield ask(to, _question(customer, number, found), ctx)


def _question(customer: Customer, number: str, found: Guest) -> Choice:
    text = (
        f"有人打开了“{found.group['name']}”的页面，微信没有说是谁，留的电话尾号{number[-4:]}"
        f"和{customer.name}的一样。问过TA再点：点了“是本人”，那部手机就能用TA的积分。"
    )
    return Choice(DO, f"是{customer.name}本人吗？", text, (("是本人", "yes"), ("不是", "no")),
                  {"visitor": found.who, "customer": customer.id})  # fmt: skip


def chosen(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    found = h5.visitor(ctx.db, dialog.body["visitor"])
    customer = customers.get(ctx.db, dialog.body["customer"])
    if found is None or customer is None or found.claimed != customer.id:
        yield Send(dialog.member, "这条登记已经处理过了。")
    elif answer == "yes":
        h5.put(ctx.db, replace(found, customer=customer.id, claimed="", at=ctx.now))
        privacy.note(customer, CONSENT, True, NOTICE, "page", dialog.member, ctx)  # theirs, now
        yield Send(dialog.member, f"好，{customer.name}再打开群页面就能参加了。")
    else:
        h5.put(ctx.db, replace(found, claimed="", at=ctx.now))
        yield Send(dialog.member, f"好，没有认成{customer.name}，那部手机还是只能看。")
