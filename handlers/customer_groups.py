"""Customer groups: who is in them, who owns them, what they are called."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers import group_tasks, tiers, together
from handlers.context import Ctx
from handlers.relations import seconds, whole
from handlers.values import Action, Ask, Inbound
from storage import customers, events, groups
from storage.db import Row

INTERNAL = "内部"
NO_SUCH = (40050, 90501, 90509)
TRIES = 3
LAG = timedelta(minutes=1)
STAFF = 1
MOVES = ("add_member", "del_member")
KINDS = tuple((re.compile(pattern), kind) for pattern, kind in (
    (r"一对一|1对1|1v|专属|服务群|交付群", "1vN"), (r"车主|车友|提车", "车主"),
    (r"活动|试驾|团购|车展|抽奖", "活动"), (r"意向|报价|定金|小订", "意向"),
))  # fmt: skip


def kind_of(name: str) -> str:
    """What a group is for, as far as its name tells."""
    return next((kind for pattern, kind in KINDS if pattern.search(name)), "潜客")


def ask(chat_id: str, run: str = "", number: int = 0) -> Ask:
    return Ask("chat", {"chat_id": chat_id, "need_name": 1}, run, number)


def changed(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Members are taken from the event where it follows on what is known; all else is read."""
    chat_id, change = str(msg.fields["ChatId"]), msg.fields.get("ChangeType")
    known = groups.get(ctx.db, chat_id)
    if change == "dismiss":
        if known:
            dismiss(chat_id, ctx)
        return
    if known and _follows(known, msg):
        _apply(known, msg, ctx)
        if msg.fields["UpdateDetail"] == "del_member":
            return  # whoever came has a name, which only the list tells
    if known and msg.fields.get("UpdateDetail") in MOVES:
        groups.outdate(ctx.db, chat_id, known["version"])
    yield ask(chat_id)


def _follows(known: Row, msg: Inbound) -> bool:
    """Whether the event's list is the whole difference to what is known."""
    last, listed = str(msg.fields.get("LastMemVer") or ""), _listed(msg)
    complete = whole(msg.fields.get("MemChangeCnt") or len(listed)) == len(listed) > 0
    moves = msg.fields.get("UpdateDetail") in MOVES
    return moves and complete and last == known["version"] != ""


def _listed(msg: Inbound) -> list[str]:
    found = msg.fields.get("MemChangeList") or []
    return [str(one) for one in found] if isinstance(found, list) else []


def _apply(known: Row, msg: Inbound, ctx: Ctx) -> None:
    chat_id, joined = known["chat_id"], msg.fields["UpdateDetail"] == "add_member"
    for member in _listed(msg):
        if joined:
            staff = ctx.team.advisor(member) is not None or ctx.team.manager(member) is not None
            _join(known, member, "", staff, "", msg.sent_at, ctx)
        else:
            _leave(known, member, msg.sent_at, ctx)
    groups.move(ctx.db, chat_id, str(msg.fields.get("CurMemVer") or ""))


def told(answer: Mapping[str, Any], asked: Mapping[str, Any], ctx: Ctx) -> Counter[str]:
    """Bring a group in step with the list; returns what changed and how often."""
    chat_id = str(asked["chat_id"])
    known = groups.get(ctx.db, chat_id)
    if (answer.get("errcode") or 0) in NO_SUCH:
        gone = known is not None and known["dismissed_at"] is None
        if gone:
            dismiss(chat_id, ctx)
        return Counter({"dismissed": int(gone)})
    found = answer.get("group_chat")
    if not found or not _ours(found, ctx):
        return Counter()
    changes, group = _described(chat_id, known, found, ctx)
    if known is None or not _lags(known, found, ctx):
        changes += _members(group, found, ctx)
        group_tasks.grouped(chat_id, ctx)
    return changes


def _ours(found: Mapping[str, Any], ctx: Ctx) -> bool:
    """A group of people who are on no list is their own."""
    inside = (str(seat["userid"]) for seat in found.get("member_list") or ())
    return any(ctx.team.advisor(one) or ctx.team.manager(one)
               for one in (str(found.get("owner", "")), *inside))  # fmt: skip


def _lags(known: Row, found: Mapping[str, Any], ctx: Ctx) -> bool:
    """The event can be seconds ahead of the list: read again while the version has not moved."""
    version = str(found.get("member_version") or "")
    again = version != "" and version == known["outdated"] and known["rereads"] < TRIES
    if again:
        groups.reread(ctx.db, known["chat_id"], ctx.now + LAG)
    else:
        groups.move(ctx.db, known["chat_id"], version)
    return again


def tick(ctx: Ctx) -> Iterator[Action]:
    """Groups whose list had not followed the event yet."""
    for chat_id in groups.stale(ctx.db, ctx.now):
        groups.reread(ctx.db, chat_id, ctx.now + TRIES * LAG)
        yield ask(chat_id)


def _described(
    chat_id: str, known: Row | None, found: Mapping[str, Any], ctx: Ctx
) -> tuple[Counter[str], Row]:
    name = str(found.get("name") or "") or (known["name"] if known else "未命名的群")
    owner = ctx.team.userid(str(found.get("owner") or ""))
    advisor = ctx.team.advisor(owner)
    store = advisor.store if advisor else (known["store"] if known else "")
    kind = known["kind"] if known and known["name"] == name else kind_of(name)
    if known is None:
        created = seconds(found.get("create_time")) or ctx.now
        groups.put(ctx.db, chat_id=chat_id, name=name, kind=kind, owner=owner, store=store,
                   now=created)  # fmt: skip
        groups.move(ctx.db, chat_id, str(found.get("member_version") or ""))
    groups.describe(ctx.db, chat_id, name=name, kind=kind, owner=owner, store=store,
                    notice=str(found.get("notice") or ""))  # fmt: skip
    return _differences(known, name, owner), {"chat_id": chat_id, "name": name}


def _differences(known: Row | None, name: str, owner: str) -> Counter[str]:
    if known is None:
        return Counter(groups=1)
    return Counter(regrouped=int(known["name"] != name or known["owner"] != owner))


def _members(group: Row, found: Mapping[str, Any], ctx: Ctx) -> Counter[str]:
    before = groups.members(ctx.db, group["chat_id"])
    seats = {_id(seat, ctx): seat for seat in found.get("member_list") or ()}
    for member, seat in seats.items():
        invitor = str((seat.get("invitor") or {}).get("userid") or "")
        name, staff = str(seat.get("name") or ""), whole(seat.get("type")) == STAFF
        was = before.get(member)
        joined = seconds(seat.get("join_time")) or (
            datetime.fromisoformat(was["joined_at"]) if was else ctx.now)  # fmt: skip
        if was is None:
            _join(group, member, name, staff, invitor, joined, ctx)
        elif (was["name"], was["invitor"]) != (name or was["name"], invitor):
            groups.seat(ctx.db, group["chat_id"], member, name=name, staff=staff,
                        invitor=invitor, joined=joined)  # fmt: skip
        if invitor and not staff and (was is None or was["invitor"] != invitor):
            together.invited(group["chat_id"], ctx.team.userid(invitor), member, joined, ctx)
    left = [member for member in before if member not in seats]
    for member in left:
        _leave(group, member, ctx.now, ctx)
    return Counter(joined=len(seats.keys() - before.keys()), left=len(left))


def _id(seat: Mapping[str, Any], ctx: Ctx) -> str:
    return ctx.team.userid(str(seat["userid"]))


def _join(
    group: Row, member: str, name: str, staff: bool, invitor: str, at: datetime, ctx: Ctx
) -> None:
    """Being in a group is one of the things a tier rests on."""
    known = None if staff else customers.get(ctx.db, member)
    groups.seat(ctx.db, group["chat_id"], member, name=name or (known.name if known else ""),
                staff=staff, invitor=invitor, joined=at)  # fmt: skip
    if known:
        _event(ctx, member, "入群", group["name"], at)
        tiers.rejudge(known, ctx)


def _leave(group: Row, member: str, at: datetime, ctx: Ctx) -> None:
    groups.leave(ctx.db, group["chat_id"], ctx.team.userid(member), at)
    together.left(group["chat_id"], member, ctx)
    known = customers.get(ctx.db, member)
    if known:
        _event(ctx, member, "退群", group["name"], at)
        tiers.rejudge(known, ctx)


def dismiss(chat_id: str, ctx: Ctx) -> None:
    inside = groups.members(ctx.db, chat_id)
    groups.dismiss(ctx.db, chat_id, ctx.now)
    for member in inside:
        if known := customers.get(ctx.db, member):
            tiers.rejudge(known, ctx)


def _event(ctx: Ctx, customer: str, kind: str, group: str, at: datetime) -> None:
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer, kind=kind, when=at,
               source="system", evidence=group)  # fmt: skip
