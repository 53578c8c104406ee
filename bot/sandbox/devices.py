"""Pretend clients: whose phone a page is opened on, and next to which chat."""

import secrets
from dataclasses import dataclass, field

from aiohttp import web

COOKIE = "sandbox_client"


@dataclass(slots=True)
class Device:
    who: str
    customer: str = ""
    chat: str = ""
    registered: bool = False  # with both signatures right

    @property
    def entry(self) -> str:
        if self.customer:
            return "single_chat_tools"
        return "group_chat_tools" if self.chat else "normal"


@dataclass
class Devices:
    """Told apart by a cookie, so that several windows of one browser are one device."""

    known: dict[str, Device] = field(default_factory=dict)

    def of(self, request: web.Request) -> Device | None:
        return self.known.get(request.cookies.get(COOKIE, ""))

    def start(self, device: Device) -> str:
        key = secrets.token_hex(12)
        self.known[key] = device
        return key
