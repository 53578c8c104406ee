"""The long connection of the pretend WeCom: one live socket a bot, frames of JSON, receipts."""

import asyncio
import base64
import binascii
import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox import cards, replies
from bot.sandbox.api import Api
from bot.sandbox.push import Delivery
from bot.sandbox.world import ApiError

PATH = "/sandbox/wecom/ws"
ANSWER_LIFE = timedelta(hours=24)
STREAM_LIFE = timedelta(minutes=6)
QUICK = timedelta(seconds=5)  # for a welcome, and for the update of a pressed card
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PER_MINUTE, PER_HOUR = 30, 1000
UPLOAD_LIFE = timedelta(minutes=30)
CHUNK, CHUNKS = 512 * 1024, 100
FRAME = 1024 * 1024
MEDIA = ("file", "image", "voice", "video")

Frame = Mapping[str, Any]


@dataclass(slots=True)
class _Asked:
    """A message or event that was handed out and may be answered under its req_id."""

    cmd: str
    chat: str
    at: datetime
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    stream: str = ""
    item: int = 0  # number of the item in the feed that shows the stream
    finished: bool = False


@dataclass(slots=True)
class _Upload:
    kind: str
    name: str
    size: int
    chunks: int
    md5: str
    at: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class LongLink:
    """`number` gives the next id. Chats are userids for single ones, chatids for groups."""

    def __init__(self, api: Api, number: Callable[[], int]) -> None:
        self._api = api
        self._number = number
        self._live: web.WebSocketResponse | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._asked: dict[str, _Asked] = {}
        self._known: set[str] = set()  # chats in which somebody has written to the bot
        self._sent: dict[str, deque[datetime]] = {}
        self._uploads: dict[str, _Upload] = {}
        self.drop_receipts = 0  # so many receipts are lost on the way

    @property
    def on(self) -> bool:
        return self._live is not None

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.serve)]

    async def close(self) -> None:
        for socket in list(self._sockets):
            await socket.close()

    async def cut(self) -> None:
        """The line breaks, as networks do."""
        if self._live is not None:
            await self._live.close(code=1011)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=FRAME, heartbeat=None)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(socket, message.data)
        finally:
            self._sockets.discard(socket)
            if self._live is socket:
                self._live = None
        return socket

    # What comes from the program

    async def _receive(self, socket: web.WebSocketResponse, raw: str) -> None:
        req_id = ""
        try:
            frame = json.loads(raw)
            req_id = str(frame["headers"]["req_id"])
            found = await self._obey(socket, str(frame["cmd"]), req_id, frame.get("body") or {})
            answer = {"headers": {"req_id": req_id}, "errcode": 0, "errmsg": "ok", **found}
        except ApiError as error:
            answer = _receipt(req_id, error.code, error.text)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            answer = _receipt(req_id, 40058, f"invalid frame ({type(exc).__name__})")
        if self.drop_receipts > 0 and "aibot_respond" in raw:
            self.drop_receipts -= 1
            return
        if not socket.closed:
            await socket.send_json(answer)

    async def _obey(
        self, socket: web.WebSocketResponse, cmd: str, req_id: str, body: Frame
    ) -> dict[str, Any]:
        if cmd == "ping":
            return {}
        if cmd == "aibot_subscribe":
            await self._subscribe(socket, body)
            return {}
        if socket is not self._live:
            raise ApiError(40014, "not subscribed")
        return self._do(cmd, req_id, body)

    def _do(self, cmd: str, req_id: str, body: Frame) -> dict[str, Any]:
        if cmd == "aibot_send_msg":
            return self._push(body)
        if cmd == "aibot_upload_media_init":
            return {"body": {"upload_id": self._begin(body)}}
        if cmd == "aibot_upload_media_chunk":
            self._chunk(body)
            return {}
        if cmd == "aibot_upload_media_finish":
            return {"body": self._finish(body)}
        self._respond(cmd, req_id, body)
        return {}

    async def _subscribe(self, socket: web.WebSocketResponse, body: Frame) -> None:
        world = self._api.world
        if body["bot_id"] != world.aibot_id or body["secret"] != world.aibot_secret:
            raise ApiError(40001, "invalid credential")
        older, self._live = self._live, socket
        if older is not None and older is not socket:
            event = {"msgtype": "event", "event": {"eventtype": "disconnected_event"},
                     "aibotid": world.aibot_id, "msgid": f"m-{self._number()}"}  # fmt: skip
            await older.send_json(_frame("aibot_event_callback", self._new_id(), event))
            await older.close()

    # Answers

    def _respond(self, cmd: str, req_id: str, body: Frame) -> None:
        asked = self._asked.get(req_id)
        wanted = ANSWERS.get(cmd)
        if wanted is None:
            raise ApiError(40008, "invalid cmd")
        now = self._api.now()
        life = ANSWER_LIFE if cmd == "aibot_respond_msg" else QUICK
        if asked is None or asked.cmd not in wanted or now - asked.at > life:
            raise ApiError(846605, "invalid req_id")
        if cmd == "aibot_respond_update_msg":
            self._update(asked, body)
            return
        self._count(asked.chat)
        self._show(asked, body, welcome=cmd == "aibot_respond_welcome_msg", now=now)

    def _show(self, asked: _Asked, body: Frame, *, welcome: bool, now: datetime) -> None:
        kind = body["msgtype"]
        if kind == "stream_with_template_card" or (body.get("stream") or {}).get("msg_item"):
            raise ApiError(40008, "not supported in a long connection")
        if kind in ("markdown", *MEDIA) and not welcome:
            self._api.feed.put(asked.chat, "aibot", self._content(body))
        elif kind == "stream":
            self._stream(asked, body, now)
            return
        else:
            self._api.feed.put(asked.chat, "aibot", replies.shown(_valid(body, welcome)))
        asked.answered.set()

    def _stream(self, asked: _Asked, body: Frame, now: datetime) -> None:
        """Each state holds the whole text so far; the same stream stays one message."""
        reply = _valid(body, False)
        if asked.finished and asked.stream == reply["stream"]["id"]:
            raise ApiError(846608, "stream has ended")
        if now - asked.at > STREAM_LIFE:
            raise ApiError(846608, "stream expired")
        shown = replies.shown(reply)
        if asked.stream == reply["stream"]["id"]:
            self._api.feed.items[asked.item - 1].update(shown)
        else:
            first = {**shown, "rating": replies.rating(reply)}
            asked.item = self._api.feed.put(asked.chat, "aibot", first)["n"]
            asked.stream = reply["stream"]["id"]
        asked.finished = bool(reply["stream"]["finish"])
        if asked.finished:
            asked.answered.set()

    def _update(self, asked: _Asked, body: Frame) -> None:
        if body.get("response_type") != "update_template_card":
            raise ApiError(40008, "response_type")
        card = body["template_card"]
        cards.check(card)
        for item in self._api.feed.items:
            if (item["card"] or {}).get("task_id") == card.get("task_id"):
                item["card"] = dict(card)
        asked.answered.set()

    # What the program says of itself

    def _push(self, body: Frame) -> dict[str, Any]:
        chat, kind = str(body["chatid"]), body["msgtype"]
        if chat not in self._known:
            raise ApiError(846609, "nobody has written to the bot in this chat")
        if kind == "template_card" and any(g.chatid == chat for g in self._api.world.internal):
            raise ApiError(40008, "template_card only in single chats")
        if kind not in ("markdown", "template_card", *MEDIA):
            raise ApiError(40008, "invalid message type")
        self._count(chat)
        shown = self._content(body) if kind != "template_card" else replies.shown(
            _valid(body, True))  # fmt: skip
        self._api.feed.put(chat, "aibot", shown)
        return {"body": {"msgid": f"p-{self._number()}"}}

    def _content(self, body: Frame) -> dict[str, Any]:
        kind = str(body["msgtype"])
        if kind == "markdown":
            text = str(body["markdown"]["content"])
            if not 0 < len(text.encode()) <= replies.STREAM_BYTES:
                raise ApiError(40058, "markdown content")
            return {"type": "markdown", "text": text}
        stored = self._api.media.get(body[kind]["media_id"], self._api.now(), kind)
        seen = {"name": stored.name, "media_id": stored.media_id}
        return {"type": kind, "text": stored.name, kind: seen}

    def _count(self, chat: str) -> None:
        """Everything into one chat counts together: 30 a minute, 1000 an hour."""
        now, sent = self._api.now(), self._sent.setdefault(chat, deque())
        while sent and now - sent[0] > HOUR:
            sent.popleft()
        if len(sent) >= PER_HOUR or sum(now - at < MINUTE for at in sent) >= PER_MINUTE:
            raise ApiError(45009, "api freq out of limit")
        sent.append(now)

    # Uploads

    def _begin(self, body: Frame) -> str:
        size, chunks = int(body["total_size"]), int(body["total_chunks"])
        if body["type"] not in MEDIA:
            raise ApiError(40004, "invalid media type")
        if size < 5 or not 1 <= chunks <= CHUNKS or size > chunks * CHUNK:
            raise ApiError(40006, "invalid media size")
        if len(str(body["filename"]).encode()) > 256:
            raise ApiError(40058, "filename too long")
        key = f"upload-{self._number()}"
        self._uploads[key] = _Upload(str(body["type"]), str(body["filename"]), size, chunks,
                                     str(body.get("md5") or ""), self._api.now())  # fmt: skip
        return key

    def _upload(self, body: Frame) -> _Upload:
        found = self._uploads.get(str(body["upload_id"]))
        if found is None or self._api.now() - found.at > UPLOAD_LIFE:
            raise ApiError(40007, "invalid upload_id")
        return found

    def _chunk(self, body: Frame) -> None:
        """In any order and twice; counted from 0 or, as one sample has it, from 1."""
        upload, index = self._upload(body), int(body["chunk_index"])
        try:
            data = base64.b64decode(body["base64_data"], validate=True)
        except binascii.Error:
            raise ApiError(40058, "base64_data") from None
        if not 0 <= index <= upload.chunks or not 0 < len(data) <= CHUNK:
            raise ApiError(40058, "chunk")
        upload.parts[index] = data

    def _finish(self, body: Frame) -> dict[str, Any]:
        upload = self._upload(body)
        data = b"".join(upload.parts[n] for n in sorted(upload.parts))
        if len(upload.parts) != upload.chunks or len(data) != upload.size:
            raise ApiError(40006, "chunks are missing")
        if upload.md5 and hashlib.md5(data, usedforsecurity=False).hexdigest() != upload.md5:
            raise ApiError(40006, "md5 mismatch")
        now = self._api.now()
        stored = self._api.media.put(upload.kind, upload.name, data, now)
        return {"type": upload.kind, "media_id": stored.media_id,
                "created_at": str(int(now.timestamp()))}  # fmt: skip

    # What goes to the program

    async def push(self, body: Frame, chat: str, wait_s: float) -> Delivery:
        """Hand a message or event over and wait until it is answered to the end."""
        socket = self._live
        if socket is None:
            return Delivery(0, 1, problem="no long connection")
        event = (body.get("event") or {}).get("eventtype", "")
        req_id = self._new_id()
        asked = self._asked[req_id] = _Asked(event or "message", chat, self._api.now())
        self._known.add(chat)
        cmd = "aibot_event_callback" if event else "aibot_msg_callback"
        given = {name: value for name, value in body.items() if name != "response_url"}
        await socket.send_json(_frame(cmd, req_id, given))
        try:
            async with asyncio.timeout(wait_s):
                await asked.answered.wait()
        except TimeoutError:
            return Delivery(200, 1, problem="not answered in time")
        return Delivery(200, 1)

    async def tell(self, body: Frame) -> Delivery:
        """An event that nobody answers."""
        if self._live is None:
            return Delivery(0, 1, problem="no long connection")
        await self._live.send_json(_frame("aibot_event_callback", self._new_id(), body))
        return Delivery(200, 1)

    def _new_id(self) -> str:
        return f"REQ-{self._number()}"


# Which frames may answer what.
ANSWERS = {
    "aibot_respond_msg": ("message", "template_card_event"),
    "aibot_respond_welcome_msg": ("enter_chat",),
    "aibot_respond_update_msg": ("template_card_event",),
}


def _valid(body: Frame, welcome: bool) -> dict[str, Any]:
    try:
        return replies.read(json.dumps(body), welcome)
    except ValueError as exc:
        raise ApiError(40058, str(exc)) from None


def _frame(cmd: str, req_id: str, body: Frame) -> dict[str, Any]:
    return {"cmd": cmd, "headers": {"req_id": req_id}, "body": dict(body)}


def _receipt(req_id: str, code: int, text: str) -> dict[str, Any]:
    return {"headers": {"req_id": req_id}, "errcode": code, "errmsg": text}
