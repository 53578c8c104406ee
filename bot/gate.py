"""Callbacks only from the platform's own addresses, where a company wants that as well."""

import ipaddress
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from aiohttp import web

from bot.wecom.client import Client
from bot.wecom.errors import WeComError

log = logging.getLogger(__name__)
FRESH = timedelta(days=1)  # the addresses change
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gate:
    """Open until the platform has told its addresses: the signature is what really keeps out."""

    def __init__(self, client: Client, secret: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._secret = secret
        self._now = now
        self._known: tuple[Network, ...] = ()
        self._asked: datetime | None = None

    async def refresh(self) -> None:
        """Once a day; when it fails, the addresses of yesterday hold, and it is tried again."""
        if self._asked and self._now() - self._asked < FRESH:
            return
        try:
            told = await self._client.call(self._secret, "GET", "getcallbackip")
        except WeComError as error:
            log.warning("the addresses of callbacks could not be read: %s", error.code)
            return
        self._known = tuple(_networks(told.get("ip_list") or ()))
        self._asked = self._now()

    def admits(self, address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return not self._known
        return not self._known or any(ip in network for network in self._known)

    def guard(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            address = sender(request)
            if self.admits(address):
                return await handler(request)
            log.warning("a callback from %s, which is none of the platform's addresses", address)
            return web.Response(status=403)

        return guarded


def sender(request: web.Request) -> str:
    """Who sent it; a proxy on our own side says so in the last entry of its header."""
    peer = request.remote or ""
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return told if told and _own(peer) else peer


def _own(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_private
    except ValueError:
        return False


def _networks(told: Iterable[object]) -> Iterable[Network]:
    for entry in told:
        try:
            yield ipaddress.ip_network(str(entry), strict=False)
        except ValueError:
            log.warning("an address of the platform that cannot be read: %r", entry)
