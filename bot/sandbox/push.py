"""How the pretend WeCom calls the program under test: encrypted, signed, repeated, and strict."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from bot.wecom import cipher, elements, kinds
from bot.wecom.cipher import Channel, Refused


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Delivery:
    """How it went: the last status (0 = no answer in time), and the reply when there was one."""

    status: int
    attempts: int
    reply: str = ""
    problem: str = ""

    @property
    def delivered(self) -> bool:
        return self.status == 200


@dataclass(frozen=True, slots=True)
class Pusher:
    http: aiohttp.ClientSession
    real_now: Callable[[], datetime]
    limit_s: float = 5.0
    check_s: float = 1.0
    repeats: int = 3
    pause: Callable[[], Any] | None = None  # awaited before each repeat

    async def check(self, address: Address) -> str:
        """The test made when settings are saved; what is wrong with the address, or ""."""
        wanted = secrets.token_hex(8)
        params = self._signed(address.channel, self._encrypted(address.channel, wanted), "echostr")
        timeout = aiohttp.ClientTimeout(total=self.check_s)
        try:
            async with self.http.get(address.url, params=params, timeout=timeout) as response:
                body = await response.content.read(4096)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            return f"no answer within {self.check_s:g} s ({type(exc).__name__})"
        if status != 200:
            return f"answered {status}"
        return "" if body == wanted.encode() else "did not answer the bare plaintext"

    async def deliver(self, address: Address, plaintext: str) -> Delivery:
        """Once, and again for as long as the answer is not 200: same words, new encryption."""
        status = 0
        for attempt in range(1, self.repeats + 2):
            if attempt > 1 and self.pause is not None:
                await self.pause()
            status, body, nonce = await self._post(address, plaintext)
            if status == 200:
                return _judged(address.channel, body, nonce, attempt)
        return Delivery(status, self.repeats + 1, problem=f"last answer {status or 'none'}")

    async def _post(self, address: Address, plaintext: str) -> tuple[int, bytes, str]:
        channel = address.channel
        encrypted = self._encrypted(channel, plaintext)
        params = self._signed(channel, encrypted, "")
        timeout = aiohttp.ClientTimeout(total=self.limit_s)
        body = _envelope(channel, encrypted)
        try:
            async with self.http.post(
                address.url, params=params, data=body, timeout=timeout
            ) as response:
                return response.status, await response.read(), params["nonce"]
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, b"", params["nonce"]

    def _encrypted(self, channel: Channel, plaintext: str) -> str:
        return cipher.encrypt(channel, plaintext, secrets.token_bytes(16))

    def _signed(self, channel: Channel, encrypted: str, name: str) -> dict[str, str]:
        timestamp = str(int(self.real_now().timestamp()))
        nonce = secrets.token_hex(8)
        signature = cipher.sign(channel.token, timestamp, nonce, encrypted)
        params = {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}
        return {**params, name: encrypted} if name else params


def _envelope(channel: Channel, encrypted: str) -> bytes:
    if channel.style == "json":
        return json.dumps({"encrypt": encrypted}).encode()
    return xml({"ToUserName": channel.receive_id, "Encrypt": encrypted}).encode()


def _judged(channel: Channel, body: bytes, nonce: str, attempts: int) -> Delivery:
    if body.strip() in (b"", b"success"):
        return Delivery(200, attempts)
    try:
        reply = _opened(channel, body, nonce)
    except Refused as refused:
        return Delivery(200, attempts, problem=f"passive reply refused: {refused.reason}")
    return Delivery(200, attempts, "" if reply == "{}" else reply)


def _opened(channel: Channel, body: bytes, nonce: str) -> str:
    """The plaintext of a passive reply whose signature and frame hold."""
    found = _reply_fields(channel, body)
    encrypted, signature, timestamp, own_nonce = found
    if channel.style == "json" and own_nonce != nonce:
        raise Refused(400, "nonce")
    cipher.verify(channel, signature, timestamp, own_nonce, encrypted)
    return cipher.decrypt(channel, encrypted)


def _reply_fields(channel: Channel, body: bytes) -> tuple[str, str, str, str]:
    try:
        text = body.decode()
        found = json.loads(text) if channel.style == "json" else elements.read(text)
    except (ValueError, RecursionError):
        raise Refused(400, "format") from None
    names = ("encrypt", "msgsignature", "timestamp", "nonce")
    if channel.style != "json":
        names = ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
    if not isinstance(found, dict) or not all(found.get(name) for name in names):
        raise Refused(400, "fields")
    encrypted, signature, timestamp, nonce = (str(found[name]) for name in names)
    return encrypted, signature, timestamp, nonce


def xml(fields: Mapping[str, Any]) -> str:
    """Numbers plain, texts in CDATA, a list as repeated elements."""
    return f"<xml>{_inner(fields)}</xml>"


def _inner(fields: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, Mapping):
        return f"<{name}>{_inner(value)}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    return f"<{name}><![CDATA[{kinds.cdata(str(value))}]]></{name}>"
