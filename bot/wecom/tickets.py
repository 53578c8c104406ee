"""The tickets behind JS-SDK signatures, each kept until shortly before it expires."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from storage.tokens import Token

LIFE_S = 7200  # where the answer does not tell
EARLY = timedelta(seconds=300)
PAUSE = timedelta(seconds=30)  # after a refusal: the hour has only a hundred fetches


@dataclass(slots=True)
class _Ticket:
    """The lock lets everybody who meets an expired one fetch it once."""

    path: str
    params: dict[str, str]
    value: str = ""
    good_until: datetime | None = None
    refusal: WeComError | None = None
    refused_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def usable(self, at: datetime) -> bool:
        return self.good_until is not None and at < self.good_until


class Tickets:
    """Of one app; the corporation's ticket is fetched with the app's token too."""

    def __init__(self, client: Client, secret: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._secret = secret
        self._now = now
        self._corp = _Ticket("get_jsapi_ticket", {})
        self._app = _Ticket("ticket/get", {"type": "agent_config"})

    async def corp(self) -> str:
        """For wx.config: the corporation's identity. Raises WeComError."""
        return await self._held(self._corp)

    async def app(self) -> str:
        """For wx.agentConfig: the app's identity. Raises WeComError."""
        return await self._held(self._app)

    async def _held(self, ticket: _Ticket) -> str:
        if ticket.usable(self._now()):
            return ticket.value
        async with ticket.lock:
            if not ticket.usable(self._now()):
                await self._fetch(ticket)
            return ticket.value

    async def _fetch(self, ticket: _Ticket) -> None:
        at = self._now()
        if ticket.refusal and ticket.refused_at and at - ticket.refused_at < PAUSE:
            raise ticket.refusal
        try:
            found = await self._shared(ticket, at)
        except WeComError as error:
            ticket.refusal, ticket.refused_at = error, at
            raise
        ticket.refusal = None
        ticket.value, ticket.good_until = found.value, found.good_until

    async def _shared(self, ticket: _Ticket, at: datetime) -> Token:
        """What another process fetched, or a fresh one that is left for the others."""
        shelf = self._client.shelf
        if shelf is None:
            return await self._asked(ticket, at)
        key = self._client.key(self._secret, ticket.path)
        found = await shelf.take(key, "", at)
        if found is not None:
            return found
        try:
            fresh = await self._asked(ticket, at)
        except WeComError:
            await shelf.release(key)
            raise
        await shelf.keep(key, fresh)
        return fresh

    async def _asked(self, ticket: _Ticket, at: datetime) -> Token:
        answer = await self._client.call(self._secret, "GET", ticket.path, params=ticket.params)
        life = timedelta(seconds=_seconds(answer.get("expires_in")))
        return Token(str(answer.get("ticket", "")), at + life - min(EARLY, life / 2))


def _seconds(value: object) -> int:
    try:
        return max(int(str(value)), 0)
    except ValueError:
        return LIFE_S


def signature(ticket: str, nonce: str, stamp: int, url: str) -> str:
    """As the client computes it: the address without #…, and otherwise exactly as it stands."""
    page = url.partition("#")[0]
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={stamp}&url={page}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
