"""The routes WeCom calls: verify, keep, answer. Nothing else happens before the 200."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiohttp import web
from prometheus_client import Counter

from bot.wecom import envelope
from bot.wecom.envelope import Channel, Kept, Refused

log = logging.getLogger(__name__)

PATHS = ("app", "contact", "kf", "archive", "aibot")
BODY_LIMIT_S = 10.0
# WeCom hangs up after 5 s and asks again; what is not ready by then goes another way.
AIBOT_WAIT_S = 4.0
CARD_WAIT_S = 3.0
REFRESH_WAIT_S = 1.0
CARD_EVENTS = frozenset({"template_card_event", "template_card_menu_event"})
OURSELVES = "salesbot-doctor"  # who checks an address as WeCom does is not WeCom
THINKING = "正在想…"
LOST = "抱歉，这条消息没有找到，请再发一次。"
NOTHING = "这条消息不需要回复。"


class Inbox(Protocol):
    async def keep(self, kept: Kept) -> bool:
        """Durable when it returns; False when the id was known."""

    async def answer(self, message_id: str, wait_s: float) -> str | None:
        """The passive reply kept with the message: its plaintext, "" when there is to be none,
        None when it is not ready in time. LookupError when there is no such message, or it failed.
        """

    async def gave(self, message_id: str) -> None:
        """The passive reply is on its way."""


class Watch(Protocol):
    """Told how the doors fare, for whoever connects the program just now."""

    async def passed(self, path: str) -> None:
        """WeCom has checked the address, and its echo was right."""

    def turned_away(self, path: str, reason: str) -> None: ...


def routes(
    channels: Mapping[str, Channel],
    inbox: Inbox,
    now: Callable[[], datetime],
    window_s: int,
    metrics: Counter,
    watch: Watch | None = None,
) -> list[web.RouteDef]:
    """`metrics` counts by `path` and `result`; a path whose channel is absent answers 404."""
    found: list[web.RouteDef] = []
    for path in dict.fromkeys((*PATHS, *channels)):
        channel = channels.get(path)
        door = (
            _Door(path, channel, inbox, now, window_s, metrics, watch)
            if channel
            else _Shut(metrics, watch)
        )
        address = f"/callback/{path}"
        found.append(web.get(address, door.check, allow_head=False))
        found.append(web.post(address, door.receive))
    return found


@dataclass(frozen=True, slots=True)
class _Shut:
    metrics: Counter
    watch: Watch | None

    async def check(self, request: web.Request) -> web.Response:
        path = request.path.rpartition("/")[2]
        self.metrics.labels(path, "off").inc()
        if self.watch is not None:
            self.watch.turned_away(path, "off")
        return web.Response(status=404)

    receive = check


@dataclass(frozen=True, slots=True)
class _Door:
    path: str
    channel: Channel
    inbox: Inbox
    now: Callable[[], datetime]
    window_s: int
    metrics: Counter
    watch: Watch | None

    async def check(self, request: web.Request) -> web.Response:
        try:
            echo = envelope.check_url(self.channel, request.query, self.now(), self.window_s)
        except Refused as refused:
            return self._refuse(refused)
        self._count("echo")
        if self.watch is not None and request.headers.get("User-Agent") != OURSELVES:
            await self.watch.passed(self.path)
        return web.Response(text=echo)

    async def receive(self, request: web.Request) -> web.Response:
        try:
            kept = await self._read(request)
        except Refused as refused:
            return self._refuse(refused)
        if self.channel.style == "json" and kept.kind == "stream":
            return await self._refresh(request, kept)
        try:
            fresh = await self.inbox.keep(kept)
        except Exception:  # whatever broke, WeCom will bring the message again
            log.exception("callback %s could not be kept", kept.id)
            self._count("error")
            return web.Response(status=503)
        self._count("kept" if fresh else "duplicate")
        return self._sealed(request, await self._reply(kept))

    async def _read(self, request: web.Request) -> Kept:
        body = await _body(request)
        plaintext = envelope.open(self.channel, request.query, body, self.now(), self.window_s)
        return envelope.identify(self.path, plaintext)

    def _refuse(self, refused: Refused) -> web.Response:
        log.info("callback %s refused: %s", self.path, refused.reason)
        self._count(refused.reason)
        if self.watch is not None:
            self.watch.turned_away(self.path, refused.reason)
        answer = web.Response(status=refused.status)
        if refused.status in (408, 413, 415):
            answer.force_close()  # the rest of the body is still coming
        return answer

    def _count(self, result: str) -> None:
        self.metrics.labels(self.path, result).inc()

    async def _reply(self, kept: Kept) -> str | None:
        """The plaintext of the passive reply; None for the empty answer nearly all get."""
        if self.channel.style == "json":
            return await self._say(kept)
        if kept.kind in CARD_EVENTS:
            return await self._face(kept.id)
        return None

    async def _face(self, message_id: str) -> str | None:
        """The card's new buttons; what is not ready in time is brought by a call of its own."""
        answer = await self._answer(message_id, CARD_WAIT_S)
        if answer:
            try:
                await self.inbox.gave(message_id)
            except Exception:  # then it is told twice, which the platform minds less than silence
                log.exception("the answer to %s could not be noted", message_id)
        return answer

    async def _say(self, kept: Kept) -> str | None:
        answer = await self._answer(kept.id, AIBOT_WAIT_S)
        if answer is None and kept.waits:
            rated = envelope.single(kept)
            return envelope.stream_reply(kept.id, THINKING, finish=False, rated=rated)
        return answer

    async def _answer(self, message_id: str, wait_s: float) -> str | None:
        try:
            return await self.inbox.answer(message_id, wait_s)
        except LookupError:
            return ""

    async def _refresh(self, request: web.Request, kept: Kept) -> web.Response:
        """WeCom asks for the rest of a streamed answer; the question itself is no message."""
        self._count("refresh")
        stream = envelope.stream_asked(kept)
        message_id = envelope.stream_message(stream)
        if message_id is None:
            return self._sealed(request, envelope.stream_text(stream, LOST))
        try:
            answer = await self.inbox.answer(message_id, REFRESH_WAIT_S)
        except LookupError:
            return self._sealed(request, envelope.stream_text(stream, LOST))
        if answer is None:
            return self._sealed(request, envelope.stream_text(stream, THINKING, finish=False))
        said = envelope.unrated(answer) if answer else envelope.stream_text(stream, NOTHING)
        return self._sealed(request, said)

    def _sealed(self, request: web.Request, plaintext: str | None) -> web.Response:
        if not plaintext:
            return web.Response()
        nonce, timestamp = request.query["nonce"], request.query["timestamp"]
        sealed = envelope.seal(self.channel, plaintext, nonce, timestamp)
        kind = "application/json" if self.channel.style == "json" else "text/xml"
        return web.Response(text=sealed, content_type=kind)


async def _body(request: web.Request) -> bytes:
    """At most 256 KiB, uncompressed; a declared length is believed before a byte is read."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "encoding")
    if (request.content_length or 0) > envelope.MAX_BODY:
        raise Refused(413, "size")
    if request.content.is_eof():  # nearly always: it came with the head, so nothing to wait for
        return request.content.read_nowait()
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            return await _chunks(request)
    except TimeoutError:
        raise Refused(408, "slow") from None


async def _chunks(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > envelope.MAX_BODY:
            raise Refused(413, "size")
    return bytes(body)
