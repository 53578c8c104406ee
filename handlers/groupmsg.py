"""群发: a task for one's own contacts or groups, sent by hand in the client; who got it is read
back."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import h5_links, ledger
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.router import Router, on
from handlers.values import Action, Inbound, MassNudge, MassResult, MassTask, Send
from handlers.words import TIERS
from storage import customers, groupmsg, groups, touches
from storage.customers import Customer
from storage.db import Row
from storage.groupmsg import Task

EVERYONE = "全部"
AUDIENCES = {name: tier for tier, name in TIERS.items()} | {EVERYONE: ""}
TEXT_BYTES = 4000
MOST = 10_000
PAUSES = (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
DAYS = 3  # after that, whoever has not confirmed will not
STATES = {0: "waiting", 1: "sent", 2: "gone", 3: "full"}
MOST_GROUPS = 2000
MOST_LINKED = 20  # tasks to confirm one by one
ANY_GROUP = "客户"
REMINDERS, REMIND_HOURS = 3, 24  # the platform's limit for one task
SAID = {"sent": "已送达", "waiting": "还没发", "gone": "已不是好友", "full": "当月已收满",
        "failed": "平台不让发"}  # fmt: skip

USAGE = """群发给谁、发什么，写在一句里：
· 群发 中意向：本周六看车日，到店有礼（给您自己的客户）
· 群发 车主群：周六保养讲堂（给您当群主的群）
您在企业微信里确认后才发出；还没确认的可以 取消群发。"""


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """群发 高意向：内容; only whom one may write to now, and only one's own."""
    if ctx.team.advisor(msg.sender) is None:
        return None
    return _make(match["to"], match["words"].strip(), msg.sender, ctx)


def usage(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """群发 alone."""
    yield Send(msg.sender, USAGE)


def _make(audience: str, text: str, member: str, ctx: Ctx) -> Iterator[Action]:
    found = [c for c in customers.of_owner(ctx.db, member) if _meant(c, AUDIENCES[audience])]
    allowed = [c for c in found if not ledger.ask(c, ctx)][:MOST]
    if len(text.encode()) > TEXT_BYTES:
        yield Send(member, f"群发最多{TEXT_BYTES // 3}个字左右，请短一些再发一次。")
    elif not allowed:
        yield Send(member, _nobody(len(found), audience))
    else:
        yield MassTask(ctx.new_id(), member, tuple(c.id for c in allowed), text)


def _meant(customer: Customer, tier: str) -> bool:
    return customer.stage != "线索" and tier in ("", customer.tier)


def _nobody(found: int, audience: str) -> str:
    if not found:
        return f"你名下没有{audience}的客户，没有建群发。"
    return f"{audience}的{found}位现在都不适合发（安静时段、已到上限、退订或投诉），没有建群发。"


def to_groups(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """群发 车主群：内容; only groups that one owns, since their owner sends it."""
    if not (ctx.team.advisor(msg.sender) or ctx.team.manager(msg.sender)):
        return None
    return _make_for_groups(match["kind"], match["words"].strip(), msg.sender, ctx)


def _make_for_groups(kind: str, text: str, member: str, ctx: Ctx) -> Iterator[Action]:
    found = [group for group in _own_groups(member, ctx) if kind in (ANY_GROUP, group["kind"])]
    allowed = [g["chat_id"] for g in found if not ledger.ask_group(g["chat_id"], g["name"], ctx)]
    named = "客户群" if kind == ANY_GROUP else f"{kind}群"
    if len(text.encode()) > TEXT_BYTES:
        yield Send(member, f"群发最多{TEXT_BYTES // 3}个字左右，请短一些再发一次。")
    elif not found:
        yield Send(member, f"没有群主是你的{named}，没有建群发。群发要由群主自己确认。")
    elif not allowed:
        why_not = "现在都不适合发（安静时段或已到上限），没有建群发。"
        yield Send(member, f"{len(found)}个{named}{why_not}")
    elif h5_links.VARIABLE in text:  # each group has a link of its own, so a task of its own
        for chat in allowed[:MOST_LINKED]:
            yield MassTask(ctx.new_id(), member, (), h5_links.filled(text, chat, ctx), (chat,))
    else:
        yield MassTask(ctx.new_id(), member, (), text, tuple(allowed[:MOST_GROUPS]))


def _own_groups(member: str, ctx: Ctx) -> list[Row]:
    known = (groups.get(ctx.db, g["chat_id"]) for g in groups.of_member(ctx.db, member))
    return [g for g in known
            if g and g["owner"] == member and g["kind"] != INTERNAL]  # fmt: skip


def cancel(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """取消群发: the newest that one has made; what was sent stays sent."""
    if not (ctx.team.advisor(msg.sender) or ctx.team.manager(msg.sender)):
        return None
    return _cancel(msg.sender, ctx)


def _cancel(member: str, ctx: Ctx) -> Iterator[Action]:
    task = next(iter(groupmsg.open_of(ctx.db, member)), None)
    if task is None:
        yield Send(member, "没有还没发完的群发可以取消。")
        return
    yield MassNudge(task.id, task.msgid, task.sender, "cancel", member)


def remind(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """催群发: a manager's advisors, or oneself, are reminded in the client to confirm."""
    manager, advisor = ctx.team.manager(msg.sender), ctx.team.advisor(msg.sender)
    if not (manager or advisor):
        return None
    team = [a.userid for a in ctx.team.advisors_of(manager.stores)] if manager else []
    return _remind(list(dict.fromkeys([msg.sender, *team])), msg.sender, ctx)


def _remind(members: list[str], by: str, ctx: Ctx) -> Iterator[Action]:
    waiting = [t for one in members for t in groupmsg.open_of(ctx.db, one) if _unconfirmed(t, ctx)]
    since = ctx.now - timedelta(hours=REMIND_HOURS)
    ready = [t for t in waiting if groupmsg.reminded(ctx.db, t.id, since) < REMINDERS]
    for task in ready:
        groupmsg.remind(ctx.db, ctx.new_id(), task.id, ctx.now)
        yield MassNudge(task.id, task.msgid, task.sender, "remind", by)
    if not waiting:
        yield Send(by, "没有等着确认的群发。")
    elif not ready:
        yield Send(by, f"这些群发{REMIND_HOURS}小时内已经催过{REMINDERS}次，平台不让再催。")


def _unconfirmed(task: Task, ctx: Ctx) -> bool:
    return not groupmsg.counts(ctx.db, task.id).get("sent")


def took(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What the platform answered: to the making of a task, to a nudge, to how it went."""
    told = msg.fields
    if "what" in told:
        yield from _nudged(told, ctx)
    elif "poll" not in told:
        yield from _made(told, ctx)
    elif "send_list" in told:
        yield from _results(told, ctx)


def _nudged(told: Mapping[str, Any], ctx: Ctx) -> Iterator[Action]:
    what, by = str(told["what"]), str(told["by"])
    whose = "" if told["sender"] == by else f"{ctx.team.name(str(told['sender']))}的"
    if told.get("errcode"):
        verb = "取消" if what == "cancel" else "催"
        yield Send(by, f"{whose}群发没有{verb}成：{told.get('errmsg') or '平台没有说原因'}")
    elif what == "cancel":
        groupmsg.close(ctx.db, str(told["task"]))
        yield Send(by, "群发已取消：还没发出的不会再发，已经发出的收不回来。")
    else:
        yield Send(by, f"已在企业微信里提醒：{whose}群发还等着确认。")


def _made(told: Mapping[str, Any], ctx: Ctx) -> Iterator[Action]:
    if told.get("errcode") or not told.get("msgid"):
        yield Send(str(told["sender"]), f"群发没有建成：{told.get('errmsg') or '平台没有说原因'}")
        return
    failed = [str(one) for one in told.get("fail_list") or []]
    chats = tuple(str(one) for one in told.get("chats") or ())
    people = len(chats or told["customers"]) - len(failed)
    task = Task(str(told["task"]), str(told["msgid"]), str(told["sender"]), str(told["text"]),
                people, ctx.now + PAUSES[0], 0, ctx.now, chats)  # fmt: skip
    groupmsg.add(ctx.db, task)
    groupmsg.note(ctx.db, task.id, ((one, "failed", None) for one in failed))
    yield Send(task.sender, f"群发建好了，共{people}{task.unit}。请到“客户联系 > 群发助手”里确认，"
                            "确认之后才会发出；结果我会告诉你。不发了回复 取消群发。")  # fmt: skip


def _results(told: Mapping[str, Any], ctx: Ctx) -> Iterator[Action]:
    task = groupmsg.get(ctx.db, str(told["task"]))
    if task is None:
        return
    found = [_read(one) for one in told["send_list"]]
    groupmsg.note(ctx.db, task.id, found)
    for person, state, when in found:
        if state == "sent":
            touches.note(ctx.db, touch_id=f"mass:{task.id}:{person}", person=person,
                         channel="groupmsg", kind="marketing", by=task.sender,
                         now=when or ctx.now)  # fmt: skip
    if told.get("next_cursor"):
        yield _question(task, int(told["poll"]), str(told["next_cursor"]))
    else:
        yield from _end(task, ctx)


def _read(one: Mapping[str, Any]) -> tuple[str, str, datetime | None]:
    seconds, status = one.get("send_time"), one.get("status")
    when = datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and seconds else None
    state = STATES.get(status, "waiting") if isinstance(status, int) else "waiting"
    return str(one.get("chat_id") or one.get("external_userid") or ""), state, when


def _end(task: Task, ctx: Ctx) -> Iterator[Action]:
    """Everybody has a result, or nobody will confirm any more."""
    counts = groupmsg.counts(ctx.db, task.id)
    late = ctx.now - task.created_at > timedelta(days=DAYS)
    if counts.get("waiting") and not late:
        return
    groupmsg.close(ctx.db, task.id)
    parts = "，".join(f"{words}{counts[key]}{task.unit}"
                     for key, words in SAID.items() if counts.get(key))  # fmt: skip
    yield Send(task.sender, f"群发结果：{parts}。")


def tick(ctx: Ctx) -> Iterator[Action]:
    """Ask how the open ones went, less and less often; no event tells that one is through."""
    for task in groupmsg.due(ctx.db, ctx.now):
        pause = PAUSES[min(task.polls + 1, len(PAUSES) - 1)]
        if groupmsg.advance(ctx.db, task, ctx.now + pause):
            yield _question(task, task.polls)


def _question(task: Task, poll: int, cursor: str = "") -> MassResult:
    return MassResult(task.id, task.msgid, task.sender, poll, cursor)


router = Router(((on("contact", "mass"), took),))
