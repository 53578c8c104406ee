"""HTTP in front of the pretend WeCom: the API under both its addresses, and the script calls."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from bot.sandbox.api import hint
from bot.sandbox.faults import KINDS, Faults, Switch
from bot.sandbox.media import LARGEST
from bot.sandbox.origin import ours, refusal
from bot.sandbox.world import ApiError, Impossible

if TYPE_CHECKING:
    from bot.sandbox.wecom import Pretend

log = logging.getLogger(__name__)

# A caller over HTTP is not kept waiting for a slow stream; what it brings shows in `received`.
SCRIPT_WAIT_S = 8.0


class Doors:
    def __init__(self, pretend: "Pretend") -> None:
        self._pretend = pretend
        self._api = pretend.api
        self._errors = 0
        self._running: set[asyncio.Task[dict[str, Any]]] = set()

    def routes(self) -> list[web.RouteDef]:
        script = "/sandbox/wecom"
        return [
            *self._api_routes("/cgi-bin"),
            *self._api_routes(f"{script}/cgi-bin"),
            web.get(f"{script}/identities", self._identities),
            web.get(f"{script}/received", self._received),
            web.post(f"{script}/callbacks", self._script(self._callbacks)),
            web.post(f"{script}/say", self._script(self._say)),
            web.post(f"{script}/tap", self._script(self._tap)),
            web.post(f"{script}/event", self._script(self._event)),
            web.get(f"{script}/faults", self._switches),
            web.post(f"{script}/faults", self._script(self._switch)),
        ]

    def _api_routes(self, base: str) -> list[web.RouteDef]:
        return [
            web.get(f"{base}/gettoken", self._coded(self._gettoken)),
            web.get(f"{base}/media/get", self._coded(self._media)),
            web.post(f"{base}/media/upload", self._coded(self._upload)),
            web.post(f"{base}/aibot/response", self._coded(self._answer)),
            web.post(f"{base}/webhook/send", self._coded(self._post)),
            web.get(f"{base}/{{path:.+}}", self._coded(self._call)),
            web.post(f"{base}/{{path:.+}}", self._coded(self._call)),
        ]

    def _coded(
        self, answer: Callable[[web.Request], Coroutine[Any, Any, web.Response | dict[str, Any]]]
    ) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
        """Errors in the platform's shape: HTTP 200, the code inside, hint and address in words."""

        async def handle(request: web.Request) -> web.Response:
            if broken := await self._broken(request):
                return broken
            try:
                found = await answer(request)
                if self._faults.hits("lost") and request.transport is not None:
                    request.transport.abort()
            except ApiError as error:
                self._errors += 1
                text = hint(error.code, error.text, self._errors, request.remote or "")
                return web.json_response({"errcode": error.code, "errmsg": text})
            if isinstance(found, web.Response):
                return found
            return web.json_response({"errcode": 0, "errmsg": "ok", **found}, dumps=_dumps)

        return handle

    @property
    def _faults(self) -> Faults:
        return self._pretend.callbacks.faults

    async def _broken(self, request: web.Request) -> web.Response | None:
        """An answer that is none, before anything was done."""
        faults = self._faults
        if faults.hits("hang"):
            await asyncio.sleep(faults.hang_s)
            if request.transport is not None:
                request.transport.abort()
        if faults.hits("http500"):
            return web.Response(status=500, text="Internal Server Error")
        if faults.hits("html"):
            return web.Response(text="<html><body>502</body></html>", content_type="text/html")
        if faults.hits("token"):
            self._api.void_tokens()
        for name, code in (("busy", 45009), ("system", -1)):
            if faults.hits(name):
                text = hint(code, name, self._errors, request.remote or "")
                return web.json_response({"errcode": code, "errmsg": text})
        return None

    async def _gettoken(self, request: web.Request) -> dict[str, Any]:
        return self._api.gettoken(request.query)

    async def _call(self, request: web.Request) -> web.Response | dict[str, Any]:
        path = request.match_info["path"]
        if not self._api.knows(path):
            return web.Response(status=404, text="404 Not Found")
        body = _object(await request.read()) if request.method == "POST" else {}
        return self._api.call(path, request.query, body)

    async def _answer(self, request: web.Request) -> dict[str, Any]:
        code = request.query.get("response_code", "")
        self._pretend.aibot.answer_late(code, _object(await request.read()))
        return {}

    async def _post(self, request: web.Request) -> dict[str, Any]:
        return self._api.post(request.query, _object(await request.read()))

    async def _media(self, request: web.Request) -> web.Response:
        self._api.admit("media/get", request.query)
        stored = self._api.media.get(request.query.get("media_id"), self._api.now())
        disposition = f"attachment; filename*=UTF-8''{quote(stored.name)}"
        return web.Response(body=stored.data, headers={"Content-Disposition": disposition})

    async def _upload(self, request: web.Request) -> dict[str, Any]:
        self._api.admit("media/upload", request.query)
        name, data = await _part(request)
        kind = request.query.get("type", "")
        stored = self._api.media.put(kind, name, data, self._api.now())
        created = str(int(stored.at.timestamp()))  # text here, though a number elsewhere
        return {"type": kind, "media_id": stored.media_id, "created_at": created}

    async def _identities(self, request: web.Request) -> web.Response:
        return web.json_response(self._pretend.identities(), dumps=_dumps)

    async def _received(self, request: web.Request) -> web.Response:
        after = request.query.get("after") or "0"
        if not (after.isascii() and after.isdecimal()):
            return _wrong("after 必须是数字。", 400)
        found = self._pretend.received(int(after))
        last = len(self._api.feed.items)
        return web.json_response({"messages": found, "last": last}, dumps=_dumps)

    def _script(
        self, act: Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]
    ) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            if not ours(request):
                return refusal()
            try:
                found = await act(_object(await request.read()))
            except Impossible as wrong:
                return _wrong(str(wrong), wrong.status)
            except ApiError as error:
                return _wrong(error.text, 400)
            return web.json_response({"ok": True, **found}, dumps=_dumps)

        return handle

    async def _callbacks(self, body: dict[str, Any]) -> dict[str, Any]:
        given = body.get("callbacks", body)
        if not isinstance(given, dict) or not all(isinstance(v, dict) for v in given.values()):
            raise Impossible('需要 {"app": {"url", "token", "encoding_aes_key"}, …}。')
        await self._pretend.connect(given)
        return {}

    async def _say(self, body: dict[str, Any]) -> dict[str, Any]:
        to, sender, text = (_text(body, name) for name in ("to", "from", "text"))
        group = _text(body, "group") if body.get("group") else None
        return await self._soon(self._pretend.say(to, sender, text, group))

    async def _tap(self, body: dict[str, Any]) -> dict[str, Any]:
        n, selected = body.get("n"), body.get("selected")
        if n is not None and not isinstance(n, int):
            raise Impossible("n 必须是数字。")
        if selected is not None and not isinstance(selected, dict):
            raise Impossible("selected 必须是对象。")
        sender, button = _text(body, "from"), _text(body, "button")
        return await self._soon(self._pretend.tap(sender, button, n, selected))

    async def _event(self, body: dict[str, Any]) -> dict[str, Any]:
        name = _text(body, "event")
        fields = {key: str(value) for key, value in body.items() if key != "event"}
        return await self._soon(self._pretend.event(name, **fields))

    async def _switches(self, _: web.Request) -> web.Response:
        faults = self._faults
        listed = [{"name": name, "words": words, "rate": s.rate, "times": s.times,
                   "happened": faults.happened.get(name, 0)}
                  for name, words in KINDS.items()
                  for s in (faults.switches.get(name, Switch()),)]  # fmt: skip
        return web.json_response({"faults": listed, "seed": faults.seed}, dumps=_dumps)

    async def _switch(self, body: dict[str, Any]) -> dict[str, Any]:
        """`{"name": "late", "rate": 0.1, "times": null}`; without a rate it goes off.

        The name `all` means every one of them; `{"seed": 7}` throws the dice anew.
        """
        if "seed" in body:
            if not isinstance(body["seed"], int):
                raise Impossible("seed 是整数。")
            self._faults.reseed(body["seed"])
            if "name" not in body:
                return {}
        name, rate, times = _text(body, "name"), body.get("rate", 0), body.get("times")
        if not isinstance(rate, int | float) or not isinstance(times, int | None):
            raise Impossible("rate 是 0 到 1 的数字，times 是整数或空。")
        if name == "all":
            self._faults.everything(float(rate))
        else:
            self._faults.set(name, float(rate), times)
        return {}

    async def _soon(self, doing: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """The result, or a word that it is still under way; it goes on in the background."""
        task = asyncio.create_task(doing)
        self._running.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=SCRIPT_WAIT_S)
        return task.result() if done else {"pending": True}

    def _ended(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception():
            log.info("script call ended: %s", task.exception())

    async def close(self) -> None:
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _part(request: web.Request) -> tuple[str, bytes]:
    """Name and bytes of the first file of a multipart body."""
    if not request.content_type.startswith("multipart/"):
        raise ApiError(44001, "empty media data")
    try:
        part = await (await request.multipart()).next()
    except ValueError:
        part = None
    if not isinstance(part, aiohttp.BodyPartReader):
        raise ApiError(44001, "empty media data")
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data += chunk
        if len(data) > LARGEST:
            raise ApiError(45001, "media too large")
    return _filename(part), bytes(data)


def _filename(part: aiohttp.BodyPartReader) -> str:
    """The RFC 5987 form is not understood: such a file has no name."""
    disposition = part.headers.get("Content-Disposition", "")
    return "" if "filename*" in disposition else part.filename or ""


def _object(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise ApiError(47001, "data format error") from None
    if not isinstance(found, dict):
        raise ApiError(47001, "data format error")
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Impossible(f"缺少 {name}。")
    return value


def _wrong(text: str, status: int) -> web.Response:
    return web.json_response({"ok": False, "error": text}, status=status, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=list)
