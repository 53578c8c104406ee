"""The aibot's long connection: subscribe, ping, come back after a break, one answer at a time."""

import asyncio
import json
import logging
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from bot.wecom import envelope
from bot.wecom.cipher import Refused
from bot.wecom.envelope import Kept
from bot.wecom.errors import UNREACHABLE, WeComError, failure

log = logging.getLogger(__name__)

PING_S = 30.0
MISSED = 2  # pings without an answer after which the line is taken for dead
RECEIPT_S = 5.0
PAUSE_S, LONGEST_S = 1.0, 30.0
REFUSALS = 5  # wrong credentials so often mean that they are wrong
LARGEST = 1024 * 1024
ODD = (ValueError, TypeError, KeyError, AttributeError, RecursionError)  # of strange frames
REQ_ID = "req_id"  # where a kept message remembers under which name it may be answered


class LongLink:
    """Frames come in through `keep`; `respond` raises WeComError like any call to the platform.

    There is one live connection a bot. When another takes its place this one stays away, since
    two that fight for it would both be useless; `said` then tells the operator.
    """

    def __init__(
        self, *, session: aiohttp.ClientSession, url: str, bot_id: str, secret: str,
        keep: Callable[[Kept], Awaitable[bool]], rng: random.Random,
        said: Callable[[str], Awaitable[None]], ping_s: float = PING_S, pause_s: float = PAUSE_S,
    ) -> None:  # fmt: skip
        self._session = session
        self._url = url
        self._bot_id = bot_id
        self._secret = secret
        self._keep = keep
        self._rng = rng
        self._said = said
        self._ping_s = ping_s
        self._pause_s = pause_s
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._receipts: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._replaced = False
        self.up = asyncio.Event()  # set while subscribed
        self.problem = "还没有连上"

    async def run(self) -> None:
        """Until cancelled, replaced by another connection, or refused too often."""
        failures = refusals = 0
        while not self._replaced:
            try:
                await self._once()
                failures = refusals = 0
            except WeComError as error:
                refusals += 1
                self.problem = f"订阅被拒：{error} {error.cure}".strip()
                if refusals >= REFUSALS:
                    await self._said(f"智能机器人长连接{self.problem}，已停止重试")
                    return
            except (aiohttp.ClientError, TimeoutError, OSError) as exc:
                self.problem = f"连不上：{type(exc).__name__}"
            failures += 1
            log.warning("long connection: %s", self.problem)
            if not self._replaced:
                await asyncio.sleep(self._wait_s(failures))

    def _wait_s(self, failures: int) -> float:
        """Doubling, with jitter, so that many programs do not come back in the same moment."""
        top: float = min(self._pause_s * 2 ** (failures - 1), LONGEST_S)
        return top * self._rng.uniform(0.5, 1.0)

    async def _once(self) -> None:
        """One connection from opening to loss."""
        async with self._session.ws_connect(self._url, max_msg_size=LARGEST) as socket:
            if socket._response.history:  # it is followed before anybody could refuse it
                raise aiohttp.ClientError("redirected: the secret is for the platform only")
            self._socket = socket
            reading = asyncio.create_task(self._read(socket))
            try:
                body = {"bot_id": self._bot_id, "secret": self._secret}
                await self._ask("aibot_subscribe", f"aibot_subscribe-{uuid.uuid4().hex}", body)
                self.problem = ""
                self.up.set()
                await self._hold(socket, reading)
            finally:
                self.up.clear()
                self._socket = None
                self.problem = self.problem or "连接断了"
                reading.cancel()
                self._lose()
                await asyncio.wait({reading})
                if not reading.cancelled() and (problem := reading.exception()):
                    log.error("long connection: reading has stopped", exc_info=problem)

    async def _hold(
        self, socket: aiohttp.ClientWebSocketResponse, reading: "asyncio.Task[None]"
    ) -> None:
        """Ping until the reader ends or two pings in a row stay unanswered."""
        missed = 0
        while missed < MISSED:
            done, _ = await asyncio.wait({reading}, timeout=self._ping_s)
            if done:
                return
            try:
                await self._ask("ping", f"ping-{uuid.uuid4().hex}", None)
                missed = 0
            except WeComError:
                missed += 1
        await socket.close()

    def _lose(self) -> None:
        for waiting in self._receipts.values():
            if not waiting.done():
                waiting.set_exception(_unreachable("连接断了"))
        self._receipts.clear()

    # In

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            try:
                await self._take(json.loads(message.data))
            except (*ODD, Refused) as exc:
                log.warning("long connection: a frame was not understood (%s)", type(exc).__name__)

    async def _take(self, frame: dict[str, Any]) -> None:
        req_id = str(frame["headers"]["req_id"])
        waiting = self._receipts.pop(req_id, None) if "cmd" not in frame else None
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(frame)
            return
        if frame.get("cmd") not in ("aibot_msg_callback", "aibot_event_callback"):
            return
        body = {**frame["body"], REQ_ID: req_id}
        kept = envelope.identify("aibot", json.dumps(body, ensure_ascii=False))
        if kept.kind == "disconnected_event":
            self._replaced = True
            self.problem = "另一个程序用同一个机器人建了连接，这边已让出"
            await self._said(f"智能机器人长连接：{self.problem}")
            return
        await self._keep(kept)

    # Out

    async def respond(self, cmd: str, req_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer, and wait for the receipt. Answers to one message must go one by one, as the
        outbox's lanes do."""
        return await self._ask(cmd, req_id, body)

    async def push(self, chat: str, body: dict[str, Any]) -> dict[str, Any]:
        """Speak into a chat in which somebody has written to the bot before."""
        req_id = f"aibot_send_msg-{uuid.uuid4().hex}"
        return await self._ask("aibot_send_msg", req_id, {"chatid": chat, **body})

    async def _ask(self, cmd: str, req_id: str, body: dict[str, Any] | None) -> dict[str, Any]:
        socket = self._socket
        if socket is None or socket.closed:
            raise _unreachable(self.problem)
        receipt = self._receipts[req_id] = asyncio.get_running_loop().create_future()
        frame = {"cmd": cmd, "headers": {"req_id": req_id}}
        try:
            await socket.send_json(frame if body is None else {**frame, "body": body})
            async with asyncio.timeout(RECEIPT_S):
                found: dict[str, Any] = await receipt
        except (TimeoutError, ConnectionError):
            raise _unreachable("没有回执") from None
        finally:
            self._receipts.pop(req_id, None)
        if code := int(found.get("errcode") or 0):
            raise failure(code, str(found.get("errmsg") or ""))
        return found


def _unreachable(why: str) -> WeComError:
    return WeComError(UNREACHABLE, why, permanent=False, retry_after=2.0)
