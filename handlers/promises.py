"""我明天把配置表发您: what an advisor promised is offered as a reminder, never set in silence."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from handlers import whens
from handlers.context import Ctx
from handlers.values import Action, Send
from handlers.words import short, when
from nlp import mask
from storage import customers, dialogs
from storage.customers import Customer
from storage.dialogs import Dialog

KIND = "promise"
LIVES = timedelta(hours=16)
_CLAUSE = re.compile(r"[^，,。！!；;\n]+")
_PROMISE = re.compile(
    r"(?:我|我们|咱们?)?.{0,16}(?:发|寄|送|算|查|问|确认|联系|打电话|电话|回复|答复|安排|约|准备|拍|通知)"
)
_ASKS = re.compile(r"[?？]|吗|呢$|吧$|要不要|能不能|可以不")
_TOWARDS = re.compile(r"您|你|给.{0,6}")
_I = re.compile(r"我")


def propose(customer: Customer, own: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """要我明天上午提醒你吗？ once a day for each customer."""
    found = find(own, ctx)
    if found is None or _asked(customer.id, member, ctx):
        return
    words, at = found
    body = {"customer": customer.id, "at": at.isoformat(), "words": mask.phones(words)}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind=KIND, body=body,
                  now=ctx.now)  # fmt: skip
    said = when(at.astimezone(ctx.zone), ctx.local)
    yield Send(member, f"你对{customer.name}说“{short(mask.phones(words), 30)}”。"
                       f"要我{said}提醒你吗？回复 好")  # fmt: skip


def find(own: str, ctx: Ctx) -> tuple[str, datetime] | None:
    """The first promise with a time that is still ahead: the words and when to be reminded."""
    for clause in _CLAUSE.findall(own):
        promised = _I.search(clause) and _TOWARDS.search(clause) and _PROMISE.search(clause)
        if promised and not _ASKS.search(clause) and (at := whens.said(clause, ctx)):
            return clause.strip(), at
    return None


def _asked(customer: str, member: str, ctx: Ctx) -> bool:
    latest = dialogs.newest(ctx.db, member, ctx.now - LIVES, KIND)
    return latest is not None and latest.body["customer"] == customer


def pending(member: str, ctx: Ctx) -> Dialog | None:
    """What 好 would mean, unless something else was asked since."""
    latest = dialogs.newest(ctx.db, member, ctx.now - LIVES)
    return latest if latest and latest.kind == KIND else None


def whose(dialog: Dialog, ctx: Ctx) -> Customer | None:
    return customers.get(ctx.db, dialog.body["customer"])
