"""The sandbox page: four chat windows, the clock, and what the bot did, on loopback only."""

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox import player, view
from bot.sandbox.origin import ours, refusal
from bot.sandbox.player import PlayError
from bot.sandbox.stage import Stage
from bot.sandbox.world import ApiError, Impossible

STATIC = Path(__file__).parent / "static"
FILES = {"page.css": "text/css", "page.js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'"
)

Act = Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]


class Page:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def routes(self) -> list[web.RouteDef]:
        acts: dict[str, Act] = {
            "clock": self._clock, "say": self._say, "tap": self._tap, "private": self._private,
            "archive": self._archive, "newcomer": self._newcomer, "visit": self._visit,
        }  # fmt: skip
        found = [
            web.get("/", self._index),
            web.get("/sandbox/", self._index),
            web.get("/sandbox/state", self._state),
            web.get("/sandbox/group", self._group),
            web.get("/sandbox/picture/{media_id}", self._picture),
        ]
        found += [web.get(f"/sandbox/static/{name}", _file(name)) for name in FILES]
        found += [web.post(f"/sandbox/{name}", self._act(act)) for name, act in acts.items()]
        return found

    async def _index(self, _: web.Request) -> web.Response:
        html = (STATIC / "index.html").read_text(encoding="utf-8")
        headers = {"Content-Security-Policy": POLICY}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def _state(self, request: web.Request) -> web.Response:
        query = request.query
        wanted = view.Wanted(
            customer=query.get("customer", "wang"), advisor=query.get("advisor", "zhang"),
            manager=query.get("manager", "chen"), desk=query.get("desk") == "1",
        )  # fmt: skip
        found = await view.state(self._stage, wanted)
        return web.json_response(found, dumps=_dumps)

    async def _group(self, request: web.Request) -> web.Response:
        """A customer opens the page of their group, on a phone of their own."""
        query = request.query
        link = await self._stage.link(query.get("chat", "g1"))
        phone = urlencode({"member": query.get("customer", "wang"), "url": link})
        raise web.HTTPFound(f"/sandbox/wecom/open?{phone}")

    async def _picture(self, request: web.Request) -> web.Response:
        try:
            media = self._stage.pretend.api.media.get(
                request.match_info["media_id"], self._stage.clock.now()
            )
        except ApiError:
            raise web.HTTPNotFound from None
        return web.Response(body=media.data, content_type="image/png")

    def _act(self, act: Act) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            if not ours(request):
                return refusal()
            try:
                body = json.loads(await request.read() or b"{}")
                found = await act(body if isinstance(body, dict) else {})
            except (Impossible, PlayError, ApiError) as wrong:
                return _wrong(str(wrong), 400)
            except (KeyError, ValueError, TypeError) as wrong:
                return _wrong(f"请求不对：{wrong}", 400)
            return web.json_response({"ok": True, **found}, dumps=_dumps)

        return handle

    async def _clock(self, body: dict[str, Any]) -> dict[str, Any]:
        """Set or move the clock; every tick between is run."""
        now = self._stage.clock.now()
        to = player.moment(body, now)
        if (to - now).days > view.FURTHEST_DAYS:
            raise PlayError(f"一次最多走{view.FURTHEST_DAYS}天，请分几次。")
        await self._stage.move(to)
        return {"at": self._stage.clock.now().isoformat()}

    async def _say(self, body: dict[str, Any]) -> dict[str, Any]:
        to, sender, text = str(body["to"]), str(body["from"]), str(body["text"])
        group = str(body["group"]) if body.get("group") else None
        return await self._stage.say(to, sender, text, group)

    async def _tap(self, body: dict[str, Any]) -> dict[str, Any]:
        n = int(body["n"]) if "n" in body else None
        return await self._stage.tap(str(body["from"]), str(body["button"]), n)

    async def _private(self, body: dict[str, Any]) -> dict[str, Any]:
        await self._stage.say_private(
            str(body["customer"]), str(body["chat"]), str(body["text"]), str(body["who"])
        )
        return {}

    async def _visit(self, body: dict[str, Any]) -> dict[str, Any]:
        """A customer opens the service chat."""
        await self._stage.pretend.event("kf_enter", customer=str(body["customer"]))
        return {}

    async def _archive(self, body: dict[str, Any]) -> dict[str, Any]:
        self._stage.archive = bool(body["on"])
        return {}

    async def _newcomer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody scans an advisor's code and becomes a contact."""
        number = len(self._stage.pretend.api.contacts.names) + 1
        name = str(body.get("name") or f"新客户{number}")
        fields = {"user": str(body["advisor"]), "customer": f"new-{number}", "name": name,
                  "state": "sandbox"}  # fmt: skip
        await self._stage.pretend.event("add_external_contact", **fields)
        return {"customer": f"new-{number}"}


def _file(name: str) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
    async def serve(_: web.Request) -> web.Response:
        body = (STATIC / name).read_bytes()
        return web.Response(body=body, content_type=FILES[name], charset="utf-8")

    return serve


def _wrong(text: str, status: int) -> web.Response:
    return web.json_response({"ok": False, "error": text}, status=status, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=list)
