"""What the chat archive lets us read: the customer's own words, with their consent."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import (
    bursts,
    concerns,
    followups,
    promises,
    recalls,
    suggest,
    tiers,
    waiting,
    watch,
    watch_ears,
)
from handlers.context import Ctx
from handlers.router import Router, on
from handlers.values import Action, Inbound, Send
from handlers.words import short
from nlp import mask
from nlp.reading import Reading
from storage import archive, customers, groups, inbox, tags
from storage import followups as owed
from storage.customers import Customer
from storage.followups import FollowUp

log = logging.getLogger(__name__)

FRESH = timedelta(hours=12)  # a question older than that needs no script any more
URGENT = timedelta(days=5)  # the archive's own reach: a complaint missed in an outage is still told
NAMES = {
    "image": "图片", "voice": "语音", "video": "视频", "emotion": "表情", "file": "文件",
    "location": "位置", "card": "名片", "link": "链接", "weapp": "小程序", "chatrecord": "聊天记录",
    "redpacket": "红包", "external_redpacket": "红包", "meeting": "会议",
    "meeting_notification": "会议通知", "meeting_voice_call": "语音通话", "voiptext": "音视频通话",
    "voip_doc_share": "共享文档", "docmsg": "在线文档", "news": "图文", "calendar": "日程",
    "todo": "待办", "vote": "投票", "collect": "填表", "sphfeed": "视频号",
    "qydiskfile": "微盘文件",
    "mixed": "图文", "text": "引用",
}  # fmt: skip
AGREED = "agree"
CADENCE = "cadence"
OLD = (CADENCE, "rejudge")


def said(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A customer's line tags them; an advisor's counts as an answer. No consent: nothing."""
    customer = customers.get(ctx.db, msg.sender)
    watch.staffed(msg, ctx)
    if not _may_read(customer or _addressed(msg, ctx), ctx) or archive.recalled(ctx.db, msg.id):
        inbox.empty(ctx.db, msg.id)  # what may not be read is not kept either
    elif customer and not msg.text.strip():
        _active(customer, msg, ctx)
    elif customer and ctx.now - msg.sent_at > FRESH:
        yield from _past(customer, msg, ctx)
    elif customer:
        yield from _customer(customer, msg, ctx)
    elif other := _addressed(msg, ctx):
        _answered(other, msg, ctx)
        if ctx.now - msg.sent_at <= FRESH:
            yield from promises.propose(other, msg.text, msg.sender, ctx)
            yield from watch.own(other, msg.text, msg.sender, ctx)


def _addressed(msg: Inbound, ctx: Ctx) -> Customer | None:
    """The customer whom an advisor speaks to; in a room nobody in particular."""
    return customers.get(ctx.db, msg.to) if msg.to and ctx.team.advisor(msg.sender) else None


def _may_read(customer: Customer | None, ctx: Ctx) -> bool:
    if customer is None or customer.archive_refused_at:
        return False
    if refused := archive.refused_at(ctx.db, customer.id):  # before they were a customer of ours
        customers.change(ctx.db, customer.id, archive_refused_at=refused)
        return False
    return True


def _answered(other: Customer, msg: Inbound, ctx: Ctx) -> None:
    text = mask.phones(msg.text) if msg.text.strip() else _label(msg)
    customers.said(ctx.db, msg_id=msg.id, customer_id=other.id, who="advisor", member=msg.sender,
                   text=text, now=msg.sent_at, source="archive")  # fmt: skip
    waiting.answered(other.id, msg.sent_at, ctx)
    if other.contacted_at is None or other.contacted_at < msg.sent_at:
        customers.change(ctx.db, other.id, contacted_at=msg.sent_at)
        if ctx.now - msg.sent_at <= FRESH:
            followups.touched(other, ctx, msg.sent_at)


def _customer(customer: Customer, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    noted = _noted(customer, msg, ctx)
    where = groups.get(ctx.db, msg.chat) if msg.chat else None
    place = f"在{where['name']}" if where else ""
    reading = noted.reading
    asks = reading.speech_act == "question" or any(c.polarity < 0 for c in reading.concerns)
    worth = asks and (reading.concerns or reading.intents)
    if customer.owner and worth and not bursts.more_coming(msg, ctx):
        said = short(mask.phones(reading.text), 60)
        yield Send(customer.owner, f"{customer.name}{place}说：{said}")
        yield from suggest.offer(reading.text, noted.customer, noted, customer.owner, ctx)
    _waits(noted.customer, msg, reading, ctx)
    yield from concerns.alarms(noted, ctx)
    yield from watch.heard(noted.customer, msg, reading, ctx)
    if not msg.chat:
        yield from watch_ears.private(noted.customer, msg.text, reading, watch.ARCHIVE, ctx)


def _waits(customer: Customer, msg: Inbound, reading: Reading | None, ctx: Ctx) -> None:
    """Only between two people is it known whose answer is awaited."""
    if not msg.chat and ctx.team.advisor(msg.to) and ctx.now - msg.sent_at <= FRESH:
        waiting.heard(customer, msg.text, msg.sent_at, reading, ctx)


def _noted(customer: Customer, msg: Inbound, ctx: Ctx) -> concerns.Noted:
    return concerns.note(customer, msg.text, ctx, source="archive", member=msg.to or msg.chat,
                         msg_id=msg.id, said_at=msg.sent_at, piece=True)  # fmt: skip


# What was said long ago


def _past(customer: Customer, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Imported, or fetched late: it counts from when it was said, and no advisor is called."""
    then = replace(ctx, now=msg.sent_at)
    if customer.spoke_at and customer.spoke_at > msg.sent_at:
        _fill_in(customer, msg, then)
        tiers.rejudge(customer, ctx)
        return
    before = owed.open_of(ctx.db, customer.id)
    noted = _noted(customer, msg, then)
    _owe(noted.customer, before, msg, ctx)
    told = list(concerns.alarms(noted, then))
    if ctx.now - msg.sent_at <= URGENT:
        yield from told


def _owe(customer: Customer, before: Sequence[FollowUp], msg: Inbound, ctx: Ctx) -> None:
    """Who spoke lately is owed a contact from now on; words from long ago owe nothing new."""
    if ctx.now - msg.sent_at <= timedelta(days=ctx.settings.tiers.active_days):
        followups.plan_cadence(customer, ctx)
        return
    owed.drop(ctx.db, customer.id, ctx.now, "旧消息", OLD)
    for followup in before:
        if followup.kind in OLD:
            owed.reopen(ctx.db, followup)


def _fill_in(customer: Customer, msg: Inbound, then: Ctx) -> None:
    """Older than what is known: it adds, and what was said since stays as it is."""
    since = archive.newer(then.db, customer.id, msg.sent_at)
    customers.said(then.db, msg_id=msg.id, customer_id=customer.id, who="customer",
                   member=msg.to or msg.chat, text=mask.phones(msg.text), now=msg.sent_at,
                   source="archive")  # fmt: skip
    concerns.tag(customer.id, then.read(msg.text), then, "archive", msg.id)
    for row in since:
        tags.put(then.db, row)


# What has no words


def seen(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A picture, a voice, a card: that somebody wrote, not what."""
    customer = customers.get(ctx.db, msg.sender)
    other = _addressed(msg, ctx)
    watch.staffed(msg, ctx)
    if not _may_read(customer or other, ctx) or archive.recalled(ctx.db, msg.id):
        inbox.empty(ctx.db, msg.id)
    elif customer:
        _active(customer, msg, ctx)
    elif other:
        _answered(other, msg, ctx)
    return
    yield


def _active(customer: Customer, msg: Inbound, ctx: Ctx) -> None:
    if customer.spoke_at is None or customer.spoke_at <= msg.sent_at:
        then = replace(ctx, now=msg.sent_at)
        before = owed.open_of(ctx.db, customer.id)
        noted = concerns.note(customer, "", then, source=archive.WORDLESS,
                              member=msg.to or msg.chat, msg_id=msg.id,
                              said_at=msg.sent_at)  # fmt: skip
        _owe(noted.customer, before, msg, ctx)
        _waits(noted.customer, msg, None, ctx)
        archive.relabel(ctx.db, msg.id, _label(msg))
        return
    customers.said(ctx.db, msg_id=msg.id, customer_id=customer.id, who="customer",
                   member=msg.to or msg.chat, text=_label(msg), now=msg.sent_at,
                   source=archive.WORDLESS)  # fmt: skip


def _label(msg: Inbound) -> str:
    return f"［{NAMES.get(msg.kind, '其他消息')}］"


# Consent


def consented(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A customer answered the notice, to a member or in a room."""
    body = msg.fields.get(msg.kind)
    told: dict[str, Any] = body if isinstance(body, dict) else {}
    customer = str(told.get("userid") or msg.sender)
    with_whom = msg.chat or (msg.to if msg.sender == customer else msg.sender)
    at = _moment(told.get(f"{msg.kind}_time")) or msg.sent_at
    # to WeCom, capitals of a userid mean nothing
    archive.consent(ctx.db, customer, with_whom.lower(), msg.kind == AGREED, at)
    yield from _settle(customer, ctx)


def approved(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The same by callback; the platform tells of agreement only."""
    customer = str(msg.fields["ExternalUserID"])
    member = str(msg.fields.get("UserID", "")).lower()
    archive.consent(ctx.db, customer, member, True, msg.sent_at)
    yield from _settle(customer, ctx)


def _settle(customer_id: str, ctx: Ctx) -> Iterator[Action]:
    customer = customers.get(ctx.db, customer_id)
    refused = archive.refused_at(ctx.db, customer_id)
    if customer is None or customer.archive_refused_at == refused:
        return
    customers.change(ctx.db, customer_id, archive_refused_at=refused)
    if refused and not customer.archive_refused_at and customer.owner:
        yield Send(customer.owner, f"{customer.name}不同意会话存档：TA的聊天不再读取、不打标签。"
                                   "需要时把TA的话贴给我。")  # fmt: skip


def _moment(stamp: Any) -> datetime | None:
    """Milliseconds, as the page says; seconds where it is that short."""
    if not isinstance(stamp, int) or not 0 < stamp < 10**14:
        return None
    return datetime.fromtimestamp(stamp / 1000 if stamp > 10**11 else stamp, UTC)


# The rest


def switched(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A member turned to another company in the client: their chats there are none of ours."""
    log.info("archive: %s switched the company (%s)", msg.sender, msg.id)
    return
    yield


def bell(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """It was rung when it was kept; there is nothing to decide."""
    return
    yield


def _approval(msg: Inbound) -> bool:
    return (
        msg.event == "change_external_contact"
        and msg.fields.get("ChangeType") == "msg_audit_approved"
    )


router = Router(
    (
        (lambda m: m.event == "msgaudit_notify", bell),
        (_approval, approved),
        (on("archive", "agree", "disagree"), consented),
        (on("archive", "revoke"), recalls.recalled),
        (on("archive", "switch"), switched),
        (on("archive", "text", "mixed", "markdown"), said),
        (lambda m: m.channel == "archive" and m.kind != "event", seen),
    )
)
