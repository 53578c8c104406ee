"""群发: a task for one's own contacts, sent by hand in the client; who got it is read back."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import ledger
from handlers.context import Ctx
from handlers.router import Router, on
from handlers.values import Action, Inbound, MassResult, MassTask, Send
from handlers.words import TIERS
from storage import customers, groupmsg, touches
from storage.customers import Customer
from storage.groupmsg import Task

EVERYONE = "全部"
AUDIENCES = {name: tier for tier, name in TIERS.items()} | {EVERYONE: ""}
TEXT_BYTES = 4000
MOST = 10_000
PAUSES = (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
DAYS = 3  # after that, whoever has not confirmed will not
STATES = {0: "waiting", 1: "sent", 2: "gone", 3: "full"}
SAID = {"sent": "已送达", "waiting": "还没发", "gone": "已不是好友", "full": "当月已收满",
        "failed": "平台不让发"}  # fmt: skip


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """群发 高意向：内容; only whom one may write to now, and only one's own."""
    if ctx.team.advisor(msg.sender) is None:
        return None
    return _make(match["to"], match["words"].strip(), msg.sender, ctx)


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


def took(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What the platform answered: to the making of a task, or to the question how it went."""
    told = msg.fields
    if "poll" not in told:
        yield from _made(told, ctx)
    elif "send_list" in told:
        yield from _results(told, ctx)


def _made(told: Mapping[str, Any], ctx: Ctx) -> Iterator[Action]:
    if told.get("errcode") or not told.get("msgid"):
        yield Send(str(told["sender"]), f"群发没有建成：{told.get('errmsg') or '平台没有说原因'}")
        return
    failed = [str(one) for one in told.get("fail_list") or []]
    people = len(told["customers"]) - len(failed)
    task = Task(str(told["task"]), str(told["msgid"]), str(told["sender"]), str(told["text"]),
                people, ctx.now + PAUSES[0], 0, ctx.now)  # fmt: skip
    groupmsg.add(ctx.db, task)
    groupmsg.note(ctx.db, task.id, ((one, "failed", None) for one in failed))
    yield Send(task.sender, f"群发建好了，共{people}位。请到“客户联系 > 群发助手”里确认，"
                            "确认之后才会发出；结果我会告诉你。")  # fmt: skip


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
    return str(one.get("external_userid") or ""), state, when


def _end(task: Task, ctx: Ctx) -> Iterator[Action]:
    """Everybody has a result, or nobody will confirm any more."""
    counts = groupmsg.counts(ctx.db, task.id)
    late = ctx.now - task.created_at > timedelta(days=DAYS)
    if counts.get("waiting") and not late:
        return
    groupmsg.close(ctx.db, task.id)
    parts = "，".join(f"{words}{counts[key]}位" for key, words in SAID.items() if counts.get(key))
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
