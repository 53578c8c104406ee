"""The platform's API: one shared token for each secret, one timeout, one kind of error."""

import asyncio
import hashlib
import io
import json as jsonlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot.wecom.errors import (
    CODES,
    REFUSED_TOKEN,
    UNREACHABLE,
    Code,
    WeComError,
    classify,
    failure,
)
from bot.writer import Writer
from storage import tokens
from storage.db import Db

__all__ = ["CODES", "UNREACHABLE", "Client", "Code", "Shelf", "WeComError", "classify"]

TIMEOUT = aiohttp.ClientTimeout(total=10)
LARGEST = 16_000_000  # bytes; the longest lists of the API come in pages far below it
MEDIA_TIMEOUT = aiohttp.ClientTimeout(total=60)
EARLY = timedelta(seconds=300)  # renew before anybody meets an expired token
FETCHES = 3  # gettoken calls a minute; more only means that the secret is wrong
MINUTE = timedelta(minutes=1)
JSON = {"Content-Type": "application/json"}
LOOK_S = 0.1  # how often to look whether another process has fetched
LOOKS = 120  # then it is dead, whatever the clock of its lease says

Body = bytes | Callable[[], aiohttp.FormData]


@dataclass(slots=True)
class _Token:
    """The token of one secret. The lock lets fifty who meet an expired one fetch it once."""

    value: str = ""
    good_until: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    fetched: deque[datetime] = field(default_factory=deque)
    refusal: WeComError | None = None

    def usable(self, at: datetime) -> bool:
        return self.good_until is not None and at < self.good_until

    @property
    def refused(self) -> str:
        """The value that was dropped; "" while there is none."""
        return self.value if self.good_until is None else ""

    def drop(self, value: str) -> None:
        """Forget the token that was refused, unless somebody has replaced it meanwhile."""
        if self.value == value:
            self.good_until = None

    def wait_s(self, at: datetime) -> float:
        """Seconds until another fetch is allowed; 0 when it is."""
        while self.fetched and not timedelta(0) <= at - self.fetched[0] < MINUTE:
            self.fetched.popleft()
        if len(self.fetched) < FETCHES:
            return 0.0
        return (self.fetched[0] + MINUTE - at).total_seconds()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the tokens lie that all processes of this store share."""

    writer: Writer

    async def take(self, key: str, refused: str, now: datetime) -> tokens.Token | None:
        """A good token; None when it is ours to fetch one."""
        for _ in range(LOOKS):
            found, ours = await self.writer.do(lambda db: _look(db, key, refused, now), urgent=True)
            if found or ours:
                return found
            await asyncio.sleep(LOOK_S)
        return None

    async def keep(self, key: str, token: tokens.Token) -> None:
        await self.writer.do(lambda db: tokens.keep(db, key, token), urgent=True)

    async def release(self, key: str) -> None:
        await self.writer.do(lambda db: tokens.release(db, key), urgent=True)


def _look(db: Db, key: str, refused: str, now: datetime) -> tuple[tokens.Token | None, bool]:
    """Claiming comes first: SQLite lets nobody write who has read while another wrote."""
    ours = tokens.claim(db, key, now)
    found = tokens.take(db, key, refused, now)
    if found and ours:
        tokens.release(db, key)
    return found, ours


class Client:
    """Calls with tokens. URLs carry tokens and secrets, so none is ever logged or raised."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_base: str,
        corp_id: str,
        now: Callable[[], datetime],
        shelf: Shelf | None = None,
    ) -> None:
        """Without a shelf the tokens live as long as this client."""
        self._shelf = shelf
        self._session = session
        self._base = api_base.rstrip("/") + "/cgi-bin/"
        self._corp_id = corp_id
        self._now = now
        self._tokens: dict[str, _Token] = {}

    async def call(
        self,
        secret: str,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        data: Body | None = None,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The decoded answer, or WeComError. A refused token is replaced once."""
        body = data if json is None else jsonlib.dumps(json, ensure_ascii=False).encode()
        token = await self._token(secret)
        answer = await self._ask(method, path, {**(params or {}), "access_token": token}, body)
        if self._token_refused(secret, token, answer):
            token = await self._token(secret)
            answer = await self._ask(method, path, {**(params or {}), "access_token": token}, body)
            self._token_refused(secret, token, answer)
        if _errcode(answer):
            raise _failure(answer)
        return answer

    def _token_refused(self, secret: str, token: str, answer: Mapping[str, Any]) -> bool:
        if _errcode(answer) not in REFUSED_TOKEN:
            return False
        held = self._held(secret)
        held.drop(token)
        held.refusal = _failure(answer)
        return True

    async def send(self, secret: str, body: bytes) -> dict[str, Any]:
        """Send exactly these bytes: a repeat is told from a new message by being identical."""
        return await self.call(secret, "POST", "message/send", data=body)

    async def post(self, url: str, body: Mapping[str, Any]) -> None:
        """To a group robot: its address is its own key, and no token goes with it."""
        data = jsonlib.dumps(body, ensure_ascii=False).encode()
        answer = await self._reach("POST", url, "webhook/send", {}, data)
        if _errcode(answer):
            raise _failure(answer)

    async def upload(self, secret: str, kind: str, filename: str, data: bytes) -> str:
        """The media id, good for three days."""

        def form() -> aiohttp.FormData:
            # receivers see the name, and WeCom reads raw UTF-8 only, not the RFC 5987 form
            fields = aiohttp.FormData(quote_fields=False)
            fields.add_field("media", io.BytesIO(data), filename=_plain(filename))
            return fields

        answer = await self.call(secret, "POST", "media/upload", data=form, params={"type": kind})
        return str(answer.get("media_id", ""))

    async def token(self, secret: str) -> str:
        """A token that is good now; for checks of the configuration."""
        return await self._token(secret)

    @property
    def shelf(self) -> Shelf | None:
        return self._shelf

    def key(self, secret: str, what: str = "") -> str:
        """Under which a token or ticket lies on the shelf; nobody can read the secret from it."""
        name = f"{self._base}\n{self._corp_id}\n{secret}" + (f"\n{what}" if what else "")
        return hashlib.sha256(name.encode()).hexdigest()

    def _held(self, secret: str) -> _Token:
        return self._tokens.setdefault(secret, _Token())

    async def _token(self, secret: str) -> str:
        held = self._held(secret)
        if held.usable(self._now()):
            return held.value
        async with held.lock:
            if not held.usable(self._now()):
                await self._renew(secret, held)
            return held.value

    async def _renew(self, secret: str, held: _Token) -> None:
        """Take what another process fetched, or fetch and leave it for the others."""
        if self._shelf is None:
            await self._fetch(secret, held)
            return
        key = self.key(secret)
        found = await self._shelf.take(key, held.refused, self._now())
        if found is not None:
            held.value, held.good_until = found.value, found.good_until
            return
        try:
            await self._fetch(secret, held)
        except WeComError:
            await self._shelf.release(key)
            raise
        if held.good_until is not None:
            await self._shelf.keep(key, tokens.Token(held.value, held.good_until))

    async def _fetch(self, secret: str, held: _Token) -> None:
        at = self._now()
        wait_s = held.wait_s(at)
        if wait_s:
            raise _paused(held.refusal, wait_s)
        held.fetched.append(at)
        try:
            answer = await self._ask(
                "GET", "gettoken", {"corpid": self._corp_id, "corpsecret": secret}, None
            )
        except WeComError as error:
            error.doubt = False  # whatever became of it, nothing was sent
            raise
        if _errcode(answer):
            held.refusal = _failure(answer)
            raise held.refusal
        held.value = str(answer.get("access_token", ""))
        lifetime = timedelta(seconds=_lifetime(answer))
        held.good_until = at + lifetime - min(EARLY, lifetime / 2)

    async def _ask(
        self, method: str, path: str, params: Mapping[str, str], body: Body | None
    ) -> dict[str, Any]:
        return await self._reach(method, self._base + path, path, params, body)

    async def _reach(
        self, method: str, url: str, name: str, params: Mapping[str, str], body: Body | None
    ) -> dict[str, Any]:
        """`name` stands for the address in errors, which may be shown."""
        data = body() if callable(body) else body
        try:
            async with self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=JSON if isinstance(data, bytes) else None,
                timeout=MEDIA_TIMEOUT if callable(body) else TIMEOUT,
                allow_redirects=False,  # another host would get the token
            ) as response:
                return _decoded(response.status, await _whole(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            # the exception's own text may hold the whole URL
            error = failure(UNREACHABLE, f"{name}: {type(exc).__name__}")
            error.doubt = not isinstance(exc, aiohttp.ClientConnectorError)
            raise error from None


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The body; an answer that never ends shall not fill the memory until its time is over."""
    found = bytearray()
    async for chunk in response.content.iter_any():
        found += chunk
        if len(found) > LARGEST:
            raise aiohttp.ClientPayloadError("too large")
    return bytes(found)


def _paused(refusal: WeComError | None, wait_s: float) -> WeComError:
    code = refusal.code if refusal else 45009
    message = refusal.message if refusal else "too many token requests"
    return WeComError(code, message, False, wait_s)


def _decoded(status: int, body: bytes) -> dict[str, Any]:
    """Judge by the content: the type header varies, and gateways answer in HTML."""
    try:
        answer = jsonlib.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or status >= 500:
        raise failure(UNREACHABLE, f"HTTP {status}, not an answer of the API")
    return answer


def _errcode(answer: Mapping[str, Any]) -> int:
    """Some gateways write the number as text."""
    try:
        return int(answer.get("errcode") or 0)
    except (TypeError, ValueError):
        return UNREACHABLE


def _failure(answer: Mapping[str, Any]) -> WeComError:
    return failure(_errcode(answer), str(answer.get("errmsg", "")))


def _lifetime(answer: Mapping[str, Any]) -> int:
    try:
        return max(int(answer["expires_in"]), 0)
    except (KeyError, TypeError, ValueError):
        return 7200


def _plain(filename: str) -> str:
    """A name that cannot break out of its header line."""
    return "".join("_" if c in '"\\\r\n' else c for c in filename)
