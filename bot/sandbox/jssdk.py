"""A stand-in of the JS-SDK: the client's side of the sidebar, with the platform's refusals."""

import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.contacts import Contacts
from bot.sandbox.devices import COOKIE, Device, Devices
from bot.sandbox.oauth import LOCAL
from bot.sandbox.origin import refusal
from bot.sandbox.world import ApiError, World

STATIC = Path(__file__).parent / "static"
FILES = {"jssdk.js": "text/javascript", "authorise.css": "text/css"}
LIFE = timedelta(seconds=7200)
PER_HOUR = {"corp": 400, "app": 100}
# Another phone has not logged in yet.
FORGOTTEN = (("salesbot_sidebar", "/sidebar/"), ("salesbot_login", "/sidebar/"),
             ("salesbot_h5", "/h5/"))  # fmt: skip
NEEDED = {
    "text": ("content",), "image": ("mediaid",), "video": ("mediaid",), "file": ("mediaid",),
    "news": ("link", "title"), "miniprogram": ("appid", "title", "page"),
}  # fmt: skip
Block = Mapping[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Put = Callable[[str, str, Block], Block]


@dataclass(slots=True)
class _Ticket:
    value: str = ""
    good_until: datetime | None = None
    fetched: deque[datetime] = field(default_factory=deque)


class Tickets:
    """Of the corporation and of its app; the same until it expires."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._held = {"corp": _Ticket(), "app": _Ticket()}
        self._count = 0

    def calls(self) -> Mapping[str, Callable[[Block, Block], dict[str, Any]]]:
        return {"get_jsapi_ticket": lambda query, body: self._give("corp"), "ticket/get": self._app}

    def _app(self, query: Block, _: Block) -> dict[str, Any]:
        if query.get("type") != "agent_config":
            raise ApiError(40035, "invalid parameter: type")
        return self._give("app")

    def _give(self, kind: str) -> dict[str, Any]:
        held, at = self._held[kind], self._now()
        while held.fetched and at - held.fetched[0] >= timedelta(hours=1):
            held.fetched.popleft()
        if len(held.fetched) >= PER_HOUR[kind]:
            raise ApiError(45009, "api freq out of limit")
        held.fetched.append(at)
        if held.good_until is None or at >= held.good_until:
            self._count += 1
            digest = hashlib.sha256(f"{kind}{self._count}".encode()).hexdigest()[:24]
            held.value, held.good_until = f"TICKET-{kind}-{digest}", at + LIFE
        return {"ticket": held.value, "expires_in": int((held.good_until - at).total_seconds())}

    def signed(self, kind: str, url: str, by: Block) -> bool:
        """Whether the page's signature is right for the ticket that holds now."""
        held = self._held[kind]
        text = (f"jsapi_ticket={held.value}&noncestr={by.get('nonceStr')}"
                f"&timestamp={by.get('timestamp')}&url={url}")  # fmt: skip
        mark = hashlib.sha1(text.encode()).hexdigest()
        alive = held.good_until is not None and self._now() < held.good_until
        return alive and by.get("signature") == mark


class Client:
    """What the script asks of the client, for the device its cookie names."""

    def __init__(
        self, world: World, tickets: Tickets, contacts: Contacts, devices: Devices, put: Put
    ) -> None:
        self._world = world
        self._tickets = tickets
        self._contacts = contacts
        self._devices = devices
        self._put = put

    def routes(self) -> list[web.RouteDef]:
        base = "/sandbox/wecom"
        return [
            web.get(f"{base}/open", self._open),
            web.post(f"{base}/client/register", _shared(self._register)),
            web.post(f"{base}/client/call", _shared(self._call)),
            *(web.get(f"{base}/{name}", _file(name)) for name in FILES),
        ]

    async def _open(self, request: web.Request) -> web.Response:
        """A member opens a page of the toolbar: ?member=zhang&customer=wang, or &chat=g1."""
        query, to = request.query, request.query.get("url", "/sidebar/")
        if not to.startswith("/") and urlsplit(to).hostname not in LOCAL:
            return web.Response(status=400, text="url 只能是本机的页面。")
        device = Device(query.get("member", ""), query.get("customer", ""), query.get("chat", ""))
        answer = web.Response(status=302, headers={"Location": to, "Cache-Control": "no-store"})
        answer.set_cookie(COOKIE, self._devices.start(device), path="/", samesite="Lax")
        for name, path in FORGOTTEN:
            answer.del_cookie(name, path=path)
        return answer

    async def _register(self, request: web.Request) -> web.Response:
        device, given = self._devices.of(request), await _object(request)
        if device is None:
            return _said("config:fail", "not in WeCom")
        world = self._world
        if (given.get("corpId"), str(given.get("agentId"))) != (
            world.corp_id, str(world.agent_id),
        ):  # fmt: skip
            return _said("config:fail", "invalid appid")
        url = str(given.get("url", ""))
        for kind, name in (("corp", "config"), ("app", "agentConfig")):
            if not self._tickets.signed(kind, url, given.get(kind) or {}):
                return _said(f"{name}:fail", "invalid signature")
        device.registered = True
        return _said("config:ok")

    async def _call(self, request: web.Request) -> web.Response:
        device, given = self._devices.of(request), await _object(request)
        name = str(given.get("name"))
        acts: dict[str, Callable[[Device, Block], web.Response]] = {
            "getContext": self._context, "getCurExternalContact": self._contact,
            "getCurExternalChat": self._chat, "sendChatMessage": self._send,
        }  # fmt: skip
        if device is None or not device.registered or name not in acts:
            return _said(f"{name}:no permission")
        return acts[name](device, given.get("params") or {})

    def _context(self, device: Device, _: Block) -> web.Response:
        return _said("getContext:ok", entry=device.entry, shareTicket="")

    def _contact(self, device: Device, _: Block) -> web.Response:
        if not device.customer:
            return _said("getCurExternalContact:without context of external contact")
        return _said("getCurExternalContact:ok", userId=device.customer)

    def _chat(self, device: Device, _: Block) -> web.Response:
        if not device.chat:
            return _said("getCurExternalChat:without context of external chat")
        return _said("getCurExternalChat:ok", chatId=device.chat)

    def _send(self, device: Device, params: Block) -> web.Response:
        """At once and in the member's name, as the platform does it."""
        kind = str(params.get("msgtype"))
        part = params.get(kind)
        whole = isinstance(part, dict) and all(part.get(key) for key in NEEDED.get(kind, ("?",)))
        to = device.customer or device.chat
        if not to:
            return _said("sendChatMessage:without context of external contact")
        if not whole or not isinstance(part, dict):
            return _said("sendChatMessage:fail", "invalid params")
        if device.customer and not self._contacts.related(device.who, device.customer):
            return _said("sendChatMessage:no permission")
        text = str(part.get("content") or part.get("title") or f"［{kind}］")
        self._put(to, "chat", {"type": kind, "text": text, "from": device.who})
        return _said("sendChatMessage:ok")


def _shared(answer: Handler) -> Handler:
    """For the page of any program on this machine, and for no other site's."""

    async def handle(request: web.Request) -> web.StreamResponse:
        page = request.headers.get("Origin", "")
        if page and urlsplit(page).hostname not in LOCAL:
            return refusal()
        found = await answer(request)
        if urlsplit(page).hostname in LOCAL:
            found.headers["Access-Control-Allow-Origin"] = page
            found.headers["Access-Control-Allow-Credentials"] = "true"
        return found

    return handle


def _said(message: str, why: str = "", **more: Any) -> web.Response:
    text = f"{message},{why}" if why else message
    return web.json_response({"errMsg": text, "err_msg": text, **more})


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.read() or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _file(name: str) -> Handler:
    async def serve(_: web.Request) -> web.StreamResponse:
        body = (STATIC / name).read_bytes()
        return web.Response(body=body, content_type=FILES[name], charset="utf-8")

    return serve
