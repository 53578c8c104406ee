"""Performing actions: claim, send, note; retry with growing pauses, then park it in sight."""

import asyncio
import hashlib
import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot import afterwards, appchat, contacts, groupmsg, messages, pictures, webhook
from bot import kf as desk
from bot.clock import Clock
from bot.messages import UPLOADED, split
from bot.quota import SPENT, Quotas, urgency, way
from bot.shares import Shares
from bot.wecom.client import Client
from bot.wecom.errors import UNREACHABLE, WeComError
from bot.wecom.longlink import LongLink
from bot.writer import Writer
from handlers.values import (
    Action,
    Answer,
    Chat,
    Inbound,
    Kf,
    KfText,
    Later,
    Mass,
    Push,
    Register,
    Robot,
    Send,
    UpdateCard,
    Welcome,
)
from storage import materials, outbox, stops
from storage.db import Db
from storage.outbox import Parcel
from storage.presence import Side

log = logging.getLogger(__name__)

__all__ = ["PER_MINUTE", "Sender", "put", "put_answer", "request", "split"]

PER_MINUTE, PER_HOUR = 25, 900  # to one member; WeCom drops silently above 30 and 1000
ALL_PER_MINUTE = 9000  # by one app; the platform refuses what is above 10 000
BATCH = 200  # parcels of one round, which ends when the last of them is out of the way
CHECK_S = 14_400  # the longest duplicate check: a repeat within 4 h is shown once
REPEATS = 600  # so many equal messages within it are still told apart
WELCOME_LIFE = timedelta(seconds=20)
PAUSES_S = (2, 10, 30, 60, 120, 300, 600)  # the last one again and again
LIFE = timedelta(hours=24)  # what could not be sent by then is old news
TRIES = 24  # of a message that WeCom answers with an error of its own each time
WAITING = (UNREACHABLE, 45009)  # it is not about this message, however often it happens
OFTEN = 2  # a token that is refused after being fetched anew, so many times, is no accident
NOBODY = 81013  # what the platform says itself when all receivers were left out
LEFT_OUT = {"invaliduser": "这位成员不存在，或不在应用的可见范围内",
            "unlicenseduser": "这位成员没有接口许可，请在管理后台分配"}  # fmt: skip
FORGOTTEN = 40007  # invalid media_id
AIBOT = "aibot:"  # chats with the bot are lanes of their own
ANSWERS = {"enter_chat": "aibot_respond_welcome_msg",
           "template_card_event": "aibot_respond_update_msg"}  # fmt: skip
QUICK = timedelta(seconds=5)  # for these two; other answers have a day
NOTHING: Mapping[str, Any] = MappingProxyType({})
ENDED = 846608  # the stream was finished before: our answer is there already


@dataclass(frozen=True, slots=True)
class Limit:
    """How much may go to one receiver; rows of what was sent tell what is left of it."""

    minute: int
    hour: int


def limit(target: str) -> Limit:
    """Rows that lead to no person only keep the API's own pace."""
    if target.startswith(contacts.LANE):
        return Limit(contacts.PER_MINUTE, 60 * contacts.PER_MINUTE)
    if target.startswith(webhook.LANE):
        return Limit(webhook.PER_MINUTE, 60 * webhook.PER_MINUTE)
    if target.startswith(appchat.LANE):
        return Limit(appchat.PER_MINUTE, 60 * appchat.PER_MINUTE)
    return Limit(PER_MINUTE, PER_HOUR)


def left(db: Db, target: str, now: datetime) -> int:
    """How many may go to this receiver now."""
    most = limit(target)
    since, before = now - timedelta(minutes=1), now - timedelta(hours=1)
    count = outbox.moments_since if target.startswith(webhook.LANE) else outbox.sent_since
    spent = count(db, target, since), count(db, target, before)
    return max(min(most.minute - spent[0], most.hour - spent[1]), 0)


def put(db: Db, cause: str, now: datetime, actions: list[Action]) -> None:
    """Record what must leave; the ids follow from the cause, so a replay adds nothing twice."""
    for n, action in enumerate(actions):
        for part, found in enumerate(_bodies(action)):
            kind, target, body = found
            text = json.dumps(body, ensure_ascii=False, sort_keys=True)
            digest = hashlib.sha256(f"{target}\n{kind}\n{text}".encode()).hexdigest()[:32]
            due = now + afterwards.GRACE if isinstance(action, UpdateCard) else now
            outbox.put(db, parcel_id=f"{cause}#{n}.{part}", cause=cause, kind=kind, target=target,
                       body=text, digest=digest, now=now, due=due,
                       urgency=urgency(cause))  # fmt: skip


def _bodies(action: Action) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, target and body of each parcel; an answer leaves with the callback's own."""
    if isinstance(action, Answer):
        return
    if isinstance(action, Welcome):
        yield "welcome", action.external_userid, {"code": action.code, "text": action.text}
    elif isinstance(action, Push):
        yield "push", f"{AIBOT}{action.chat}", {"text": action.text, "group": action.group}
    elif isinstance(action, Later):
        yield afterwards.packed(action)
    elif isinstance(action, KfText):
        for n, piece in enumerate(split(action.text)):
            yield desk.packed(action if not n else replace(action, text=piece, menu=(), code=""))
    elif isinstance(action, Kf):
        yield desk.packed(action)
    elif isinstance(action, Register):
        yield contacts.packed(action)
    elif isinstance(action, Mass):
        yield groupmsg.packed(action)
    elif isinstance(action, Robot):
        yield from webhook.packed(action)
    elif isinstance(action, Chat):
        yield from appchat.packed(action)
    else:
        yield from messages.packed(action)


def put_answer(db: Db, msg: Inbound, reply: str, now: datetime) -> None:
    """An aibot's answer that leaves by the long connection, since no request waits for it."""
    cmd = ANSWERS.get(msg.event, "aibot_respond_msg")
    target = f"{AIBOT}{msg.chat or msg.sender}"
    body = json.dumps({"cmd": cmd, "req_id": msg.fields["req_id"], "body": json.loads(reply)},
                      ensure_ascii=False, sort_keys=True)  # fmt: skip
    outbox.put(db, parcel_id=f"{msg.id}#answer", cause=msg.id, kind="answer", target=target,
               body=body, digest=msg.id, now=now)  # fmt: skip


def request(parcel: Parcel, agent_id: int, media_id: str = "") -> str:
    """The exact body of message/send.

    WeCom swallows a body that is the same as a recent one. That is wanted for a repeat of this
    parcel, and wrong for a new message that happens to say the same: each such message asks for
    a check that is one second shorter, which makes its body another.
    """
    kind, part = messages.part(parcel.kind, json.loads(parcel.body), media_id)
    message = {
        "touser": parcel.target, "msgtype": kind, "agentid": agent_id, kind: part,
        "enable_duplicate_check": 1, "duplicate_check_interval": CHECK_S - parcel.repeat % REPEATS,
    }  # fmt: skip
    return json.dumps(message, ensure_ascii=False)


def _grouped(lane: list[Parcel]) -> list[list[Parcel]]:
    """What leaves as one message; only robots merge what waits."""
    if lane[0].target.startswith(webhook.LANE):
        return webhook.grouped(lane)
    return [[parcel] for parcel in lane]


def _nobody() -> None:
    """Rung when an answer has come in, until somebody listens."""


class Sender:
    """Empties the outbox: one lane a receiver, in order; lanes do not wait for each other."""

    def __init__(
        self, *, writer: Writer, client: Client, secret: str, contact_secret: str, agent_id: int,
        clock: Clock, lanes: int, rng: random.Random, folder: Path, kf_secret: str = "",
        hooks: Mapping[str, str] = MappingProxyType({}), operators: Sequence[str] = (),
        shadow: bool = False, shares: Shares | None = None,
    ) -> None:  # fmt: skip
        """`folder` holds the material library's files; `hooks` are the robots' addresses.

        In `shadow` nothing leaves: everything is noted as what would have been sent.
        """
        self._operators = operators
        self._shadow = shadow
        self._shares = shares or Shares()
        self._writer = writer
        self._client = client
        self._secret = secret
        self._contact_secret = contact_secret
        self._agent_id = agent_id
        self._clock = clock
        self._lanes = asyncio.Semaphore(lanes)
        self._rng = rng
        self._folder = folder
        self._busy = asyncio.Lock()
        self._quotas = Quotas()
        self.on_answer: Callable[[], None] = _nobody
        self.pace = ALL_PER_MINUTE
        self._register = contacts.Register(writer, client, contact_secret, clock, self._ring)
        self._desk = desk.Desk(writer, client, kf_secret or secret, clock, self._ring)
        self._tasks = groupmsg.Tasks(writer, client, contact_secret, clock, self._ring)
        self._robots = webhook.Robots(client, hooks)
        self._later = afterwards.Afterwards(writer, client, secret, clock, agent_id)
        self._chats = appchat.Chats(writer, client, secret, clock, self._ring)
        self.link: LongLink | None = None  # the aibot's, where it is on

    def _ring(self) -> None:
        self.on_answer()

    def side(self, side: Side) -> None:
        """Which receivers this process reaches, where several share the work."""
        self._shares.side = side

    async def flush(self) -> int:
        """Try once everything that is due; returns how many were tried."""
        async with self._busy:  # two rounds at a time would send the same parcels twice
            return await self._round()

    async def _round(self) -> int:
        async with self._shares.receivers(self._clock.now()) as ours:
            if ours == []:
                return 0
            parcels = await self._writer.do(lambda db: self._claim(db, ours))
            lanes: dict[str, list[Parcel]] = {}
            for parcel in parcels:
                lanes.setdefault(parcel.target, []).append(parcel)
            await asyncio.gather(*(self._lane(lane) for lane in lanes.values()))
        return len(parcels)

    def _claim(self, db: Db, ours: list[str] | None) -> list[Parcel]:
        """What may go now; its exact bytes are kept before the first attempt."""
        now = self._clock.now()
        room = self.pace - outbox.sent_in_all(db, now - timedelta(minutes=1))
        stopped = frozenset(stop.way for stop in stops.on(db))
        self._quotas.read(db, now)
        while due := outbox.due(db, now, max(min(room, BATCH), 0), ours):
            lanes = self._lanes_of(db, due, now)
            left = [lane for lane in lanes if not self._stopped(db, lane, stopped, now)
                    and not self._shut(db, lane, now)]  # fmt: skip
            going = self._quotas.chosen(left)
            ready = [parcel for lane in going for parcel in self._allowed(db, lane, now)]
            if ready or left:
                return ready
        return []  # where all of it was stopped, what stands behind it was looked at too

    def _lanes_of(self, db: Db, due: list[Parcel], now: datetime) -> list[list[Parcel]]:
        """By receiver; in the shadow only what asks, the rest is noted."""
        lanes: dict[str, list[Parcel]] = {}
        for parcel in due:
            if self._shadow and parcel.kind not in stops.READING:
                outbox.shadowed(db, parcel.id, now)
            else:
                lanes.setdefault(parcel.target, []).append(parcel)
        return list(lanes.values())

    def _stopped(self, db: Db, lane: list[Parcel], stopped: frozenset[str], now: datetime) -> bool:
        """By 急停: it waits, and is looked at again in a minute. Operators are always told."""
        if lane[0].target in self._operators or not stops.holds(stopped, lane[0]):
            return False
        outbox.held(db, lane[0].target, now + timedelta(minutes=1))
        return True

    def _shut(self, db: Db, lane: list[Parcel], now: datetime) -> bool:
        """Its call takes nothing just now: it waits, and no failure is counted."""
        until = self._quotas.until(way(lane[0]), now)
        if until is not None:
            outbox.held(db, lane[0].target, until)
        return until is not None

    def _allowed(self, db: Db, lane: list[Parcel], now: datetime) -> list[Parcel]:
        """As many of a lane as its receiver may get; the others wait, and no failure is counted."""
        target = lane[0].target
        spare = left(db, target, now)
        ready = [parcel for group in _grouped(lane)[:spare] for parcel in group]
        if len(ready) < len(lane):
            outbox.held(db, target, now + timedelta(minutes=1))
        return [self._prepared(db, parcel) for parcel in ready]

    def _prepared(self, db: Db, parcel: Parcel) -> Parcel:
        now = self._clock.now()
        if parcel.request is None and parcel.kind in messages.READY:
            body = self._request(parcel)
            outbox.prepared(db, parcel.id, body, now)
            return replace(parcel, request=body)
        once = parcel.request is not None or parcel.kind == "mass"
        if once and parcel.tried_at is None:
            outbox.prepared(db, parcel.id, parcel.request, now)
        return parcel

    def _request(self, parcel: Parcel) -> str | None:
        """None when no bytes can be made of it: sending will say why."""
        try:
            return request(parcel, self._agent_id)
        except (KeyError, TypeError, ValueError):
            return None

    async def _lane(self, parcels: list[Parcel]) -> None:
        async with self._lanes:
            groups = _grouped(parcels)
            for n, group in enumerate(groups, 1):
                if not await self._send(group):
                    return await self._untried(groups[n:])

    async def _untried(self, groups: list[list[Parcel]]) -> None:
        """The rest of a lane waits, so that order is kept; nobody need doubt what became of it."""
        rest = [parcel for group in groups for parcel in group]
        await self._writer.do(lambda db: outbox.untried(db, rest))

    async def _send(self, group: list[Parcel]) -> bool:
        """True when it is out of the way: sent, or given up."""
        parcel = group[0]
        until = self._quotas.until(way(parcel), self._clock.now())
        if until is not None:  # another lane of this round has just found out
            await self._writer.do(lambda db: outbox.held(db, parcel.target, until))
            await self._untried([group])
            return False
        try:
            done = await self._perform(parcel, group)
            await self._fine(way(parcel))
            return done
        except WeComError as error:
            return await self._failed(parcel, error)
        except Exception as exc:  # a parcel that cannot be made must not stop the others
            log.exception("message %s to %s cannot be sent", parcel.id, parcel.target)
            why = f"{type(exc).__name__}: {exc}"
            await self._writer.do(lambda db: outbox.dead(db, parcel.id, why))
            return True

    async def _fine(self, name: str) -> None:
        """Only where there was a refusal is there anything to note."""
        if self._quotas.knows(name):
            now = self._clock.now()
            await self._writer.do(lambda db: self._quotas.fine(db, name, now))

    async def _perform(self, parcel: Parcel, group: list[Parcel]) -> bool:
        for asking in (self._register, self._tasks):
            if parcel.kind in asking.kinds:
                await asking.send(parcel)
                return True
        if parcel.kind == "answer":
            return await self._answer(parcel)
        if parcel.kind == "welcome":
            return await self._welcome(parcel)
        for doing in (self._desk, self._later, self._chats):
            if parcel.kind in doing.kinds:
                await doing.send(parcel)
                return await self._gone(group)
        if parcel.kind in webhook.KINDS:
            await self._robots.send(group)
            return await self._gone(group)
        if parcel.kind == "push":
            return await self._push(parcel)
        body = parcel.request or await self._with_file(parcel)
        return await self._gone(
            group, _reached(await self._client.send(self._secret, body.encode()))
        )

    async def _gone(self, group: list[Parcel], told: Mapping[str, Any] = NOTHING) -> bool:
        now, ids = self._clock.now(), [parcel.id for parcel in group]
        names = str(told.get("msgid") or ""), str(told.get("response_code") or "")
        await self._writer.do(lambda db: outbox.sent(db, ids, now, *names))
        return True

    async def _push(self, parcel: Parcel) -> bool:
        """By the long connection; the platform takes it only where somebody spoke to the bot."""
        if self.link is None:
            raise WeComError(UNREACHABLE, "没有开智能机器人长连接", permanent=True)
        given = json.loads(parcel.body)
        body = {"chat_type": 2 if given["group"] else 1, "msgtype": "markdown",
                "markdown": {"content": given["text"]}}  # fmt: skip
        await self.link.push(parcel.target.removeprefix(AIBOT), body)
        return await self._gone([parcel])

    async def _answer(self, parcel: Parcel) -> bool:
        """By the long connection, under the name the question came with."""
        now = self._clock.now()
        given = json.loads(parcel.body)
        if given["cmd"] != "aibot_respond_msg" and now - parcel.created_at > QUICK:
            await self._writer.do(lambda db: outbox.dead(db, parcel.id, "超过5秒，平台不再收"))
            return True
        if self.link is None:
            raise WeComError(UNREACHABLE, "没有开智能机器人长连接", permanent=True)
        try:
            await self.link.respond(given["cmd"], given["req_id"], given["body"])
        except WeComError as error:
            if error.code != ENDED:
                raise
        await self._writer.do(lambda db: outbox.sent(db, [parcel.id], now))
        return True

    async def _welcome(self, parcel: Parcel) -> bool:
        """The code holds for 20 s and one use; late, the advisor's first touch takes its place."""
        now = self._clock.now()
        if now - parcel.created_at > WELCOME_LIFE:
            await self._writer.do(lambda db: outbox.dead(db, parcel.id, "欢迎语超过20秒，已过期"))
            return True
        body = json.loads(parcel.body)
        greeting = {"welcome_code": body["code"], "text": {"content": body["text"]}}
        await self._client.call(
            self._contact_secret, "POST", "externalcontact/send_welcome_msg", json=greeting
        )
        await self._writer.do(lambda db: outbox.sent(db, [parcel.id], now))
        return True

    async def _with_file(self, parcel: Parcel) -> str:
        if parcel.kind not in UPLOADED:
            return request(parcel, self._agent_id)  # says why it cannot be made
        if parcel.kind == "media":
            return await self._with_material(parcel)
        return await self._with_own(parcel)

    async def _with_material(self, parcel: Parcel) -> str:
        """Uploaded once for all who are sent it, and again before WeCom forgets it."""
        body = json.loads(parcel.body)
        key, place, now = body["material"], self._folder / body["place"], self._clock.now()
        media_id = await self._writer.do(lambda db: materials.media_of(db, key, now))
        if not media_id:
            data = await asyncio.to_thread(place.read_bytes)
            name = body["title"] + place.suffix
            media_id = await self._client.upload(self._secret, body["kind"], name, data)
            await self._writer.do(lambda db: materials.uploaded(db, key, media_id, now))
        text = request(parcel, self._agent_id, media_id)
        await self._writer.do(lambda db: outbox.prepared(db, parcel.id, text, now))
        return text

    async def _with_own(self, parcel: Parcel) -> str:
        """Draw or write, and upload; the media id becomes part of the bytes that are kept."""
        kind, name, data = await asyncio.to_thread(_made, parcel)
        media_id = await self._client.upload(self._secret, kind, name, data)
        body = request(parcel, self._agent_id, media_id)
        now = self._clock.now()
        await self._writer.do(lambda db: outbox.prepared(db, parcel.id, body, now))
        return body

    async def _tell(self, error: WeComError, now: datetime) -> None:
        """What only an operator can put right, once a day for each code: ids follow the cause."""
        cause = f"trouble:{error.code}:{now:%Y-%m-%d}"
        texts: list[Action] = [Send(operator, _trouble(error)) for operator in self._operators]
        await self._writer.do(lambda db: put(db, cause, now, texts))

    async def _failed(self, parcel: Parcel, error: WeComError) -> bool:
        now = self._clock.now()
        if parcel.kind == "media" and error.code == FORGOTTEN and not parcel.attempts:
            await self._writer.do(lambda db: _upload_again(db, parcel, now))
            return False
        if error.kind == "C" or (error.kind == "T" and parcel.attempts >= OFTEN):
            await self._tell(error, now)
        tried = (parcel.tried_at or now) if error.doubt else parcel.tried_at
        if tried and now - tried > timedelta(seconds=CHECK_S - REPEATS):
            log.error("message %s to %s: nobody knows whether it arrived", parcel.id, parcel.target)
            why = f"不确定对方有没有收到：{error}"
            await self._writer.do(lambda db: outbox.unknown(db, parcel.id, why))
            return True
        if _hopeless(parcel, error, now):
            log.error("message %s to %s given up: %s", parcel.id, parcel.target, error)
            why = f"{error} {error.cure}".strip()
            await self._writer.do(lambda db: outbox.dead(db, parcel.id, why))
            return True
        due = await self._again(parcel, error, now)
        await self._writer.do(lambda db: outbox.postponed(db, parcel, due, str(error), tried))
        return False

    async def _again(self, parcel: Parcel, error: WeComError, now: datetime) -> datetime:
        """Not all at the same moment; only a spent quota opens for all at once."""
        if error.code in SPENT:
            name = way(parcel)
            return await self._writer.do(lambda db: self._quotas.spent(db, name, now))
        pause = error.retry_after or PAUSES_S[min(parcel.attempts, len(PAUSES_S) - 1)]
        return now + timedelta(seconds=pause * self._rng.uniform(0.5, 1.0))


def _reached(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The platform says 0 also when the one receiver was left out; then nobody has it."""
    for name, why in LEFT_OUT.items():
        if told.get(name):
            raise WeComError(NOBODY, why, permanent=True)
    return told


def _trouble(error: WeComError) -> str:
    """With the address that the platform saw, which stands in its own words."""
    words = error.message.partition(", more info")[0]
    return f"企业微信拒绝了一次调用：{error.cure}\n（{error.code} {words}）"


def _made(parcel: Parcel) -> tuple[str, str, bytes]:
    """Kind, name and bytes of what is uploaded for this parcel alone."""
    body = json.loads(parcel.body)
    if parcel.kind == "file":
        return "file", body["name"], body["text"].encode("utf-8-sig")  # Excel looks for the mark
    return "image", body["name"], pictures.png(body["svg"])


def _hopeless(parcel: Parcel, error: WeComError, now: datetime) -> bool:
    """Refused for good, too often, or too late to be of use."""
    own = error.kind == "R" and error.code not in WAITING
    too_often = own and parcel.attempts >= TRIES
    return error.permanent or too_often or now - parcel.created_at > LIFE


def _upload_again(db: Db, parcel: Parcel, now: datetime) -> None:
    """WeCom forgot the file early: nothing was shown, so other bytes do no harm."""
    materials.uploaded(db, json.loads(parcel.body)["material"], "", now)
    outbox.postponed(db, parcel, now, "media_id 失效，重新上传")
    outbox.prepared(db, parcel.id, None)
