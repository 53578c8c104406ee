"""The connecting page: keys made here, where they go, and a tick as soon as WeCom has called."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.clock import Clock
from bot.config import Config
from bot.connect import guide, links
from bot.connect.guide import Way
from bot.connect.links import Unwelcome
from bot.health import State, Ways
from bot.sidebar.session import Keyring, Session
from bot.wecom.cipher import Channel, fresh_keys

STATIC = Path(__file__).parent / "static"
FILES = {"connect.css": "text/css", "connect.js": "text/javascript"}
COOKIE = "salesbot_connect"
LIFE = timedelta(hours=2)
LARGEST = 4096
HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address may hold the link
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}  # fmt: skip
Handler = Callable[[web.Request], Awaitable[web.Response]]


class _Stop(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Connect:
    """Keys that were made here live in memory until the program starts with them."""

    def __init__(
        self, ways: Ways, clock: Clock, config: Config, channels: Mapping[str, Channel]
    ) -> None:
        self._ways = ways
        self._clock = clock
        self._config = config
        self._channels = channels
        self._keys = Keyring(ways.writer, clock, links.ROOM)
        self._made: dict[str, tuple[str, str]] = {}
        self._boot = secrets.token_hex(4)  # a page that sees another one knows of the restart
        self._pages = Environment(
            loader=FileSystemLoader(STATIC), autoescape=True, undefined=StrictUndefined
        )

    def routes(self) -> list[web.RouteDef]:
        return [
            # a look ahead by HEAD must not use the link up
            web.get(links.PATH, _guarded(self._page), allow_head=False),
            web.get(f"{links.PATH}/state", _guarded(self._state)),
            web.post(f"{links.PATH}/keys", _guarded(self._give)),
            web.get("/console/static/{name}", self._static),
        ]

    # Who is there

    async def _page(self, request: web.Request) -> web.Response:
        """Shown at once to whoever brings a link: a redirect might leave a strict cookie behind."""
        text = request.query.get("link", "")
        if not text:
            session = await self._session(request)
            if session is None:
                return self._note("这一页要用链接打开", links.AGAIN)
            return await self._show(session)
        try:
            name = await links.use(self._keys, self._ways.writer, self._clock, text)
        except Unwelcome as unwelcome:
            session = await self._session(request)
            if session is not None:  # the same browser again, by its own link
                return await self._show(session)
            return self._note("这条链接打不开", str(unwelcome))
        cookie, session = await self._keys.begin(name)
        answer = await self._show(session)
        answer.set_cookie(
            COOKIE, cookie, max_age=int(LIFE.total_seconds()), path=links.path(self._config),
            httponly=True, samesite="Strict", secure=self._outside(request),
        )  # fmt: skip
        return answer

    def _outside(self, request: web.Request) -> bool:
        public = urlsplit(self._config.server.public_url)
        return public.scheme == "https" and public.netloc == request.host

    async def _session(self, request: web.Request) -> Session | None:
        return await self._keys.session(request.cookies.get(COOKIE, ""), LIFE)

    async def _known(self, request: web.Request) -> Session:
        session = await self._session(request)
        if session is None:
            raise _Stop(403, "登录过期了。" + links.AGAIN)
        return session

    # What is shown

    async def _show(self, session: Session) -> web.Response:
        config = self._config
        return self._html(
            "connect.html", 200, token=await self._keys.token(session), boot=self._boot,
            ways=[self._card(way) for way in guide.WAYS], missing=_missing(config),
            window=f"{int(LIFE.total_seconds() // 3600)}小时",
        )  # fmt: skip

    def _card(self, way: Way) -> dict[str, Any]:
        return {"name": way.name, "title": way.title, "what": way.what, "where": way.where,
                "then": way.then, "note": way.note,
                "address": guide.address(self._config, way)}  # fmt: skip

    async def _state(self, request: web.Request) -> web.Response:
        await self._known(request)
        found = await self._ways.writer.do(self._ways.states)
        told = {way.name: self._told(way, found[way.name]) for way in guide.WAYS}
        return _json({"boot": self._boot, "ways": told})

    def _told(self, way: Way, state: State) -> dict[str, Any]:
        """In words, since the page only shows them."""
        made = way.name in self._made
        working = state["state"] == "working"
        refused = self._ways.refused.get(way.name)
        return {
            "state": state["state"], "words": self._words(way, state), "restart": made,
            "error": state.get("error", "")[:200] if working else "",
            "refused": "" if working or not refused else
            f"{self._clocked(refused.at)} 有一次没有通过：{guide.reason(refused.reason)}",
        }  # fmt: skip

    def _words(self, way: Way, state: State) -> str:
        if state["state"] == "working":
            since = datetime.fromisoformat(state["since"])
            return f"已接通，自 {self._clocked(since)}"
        if way.name in self._made:
            return "密钥已生成，保存后重启"
        return "等第一次校验" if state["state"] == "waiting" else "关"

    def _clocked(self, at: datetime) -> str:
        local = at.astimezone(ZoneInfo(self._config.server.timezone))
        return f"{local.month}月{local.day}日 {local:%H:%M}"

    # Keys

    async def _give(self, request: web.Request) -> web.Response:
        """The keys of one way: those that run, or fresh ones. They go into no log and no store."""
        session = await self._known(request)
        await self._ours(request, session)
        body = await _body(request)
        way = guide.BY_NAME.get(str(body.get("way")))
        if way is None:
            raise _Stop(400, "没有这一项。")
        token, key = self._pair(way, bool(body.get("fresh")))
        return _json({
            "token": token, "key": key, "section": guide.section(way, self._config),
            "environment": guide.environment(way, token, key), "restart": way.name in self._made,
        })  # fmt: skip

    def _pair(self, way: Way, fresh: bool) -> tuple[str, str]:
        running = self._channels.get(way.name)
        if not fresh and way.name in self._made:
            return self._made[way.name]
        if not fresh and running is not None:
            return running.token, running.aes_key
        self._made[way.name] = fresh_keys()
        return self._made[way.name]

    async def _ours(self, request: web.Request, session: Session) -> None:
        """Our own page sends the session's token along, which another site cannot read."""
        own = {f"{scheme}://{request.host}" for scheme in ("http", "https")}
        if request.headers.get("Origin", "") not in own:
            raise _Stop(403, "请求不是从这一页来的。")
        if not await self._keys.proves(session, request.headers.get("X-CSRF-Token", "")):
            raise _Stop(403, "页面过期了，请重新打开。")

    # Answers

    def _note(self, title: str, text: str) -> web.Response:
        return self._html("note.html", 403, title=title, text=text)

    def _html(self, name: str, status: int, **values: object) -> web.Response:
        text = self._pages.get_template(name).render(values)
        return web.Response(status=status, text=text, content_type="text/html")

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound
        body = (STATIC / name).read_bytes()
        return web.Response(body=body, content_type=FILES[name], charset="utf-8",
                            headers={"Cache-Control": "no-cache"})  # fmt: skip


def _missing(config: Config) -> list[str]:
    """What has to be filled in before anything can be connected."""
    found = []
    if not config.wecom.corp_id:
        found.append("[wecom] corp_id：我的企业 → 企业信息 → 企业ID")
    if not config.server.public_url:
        found.append("[server] public_url：企业微信访问得到的 https 地址，下面的 URL 由它而来")
    return found


def _guarded(answer: Handler) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            found = await answer(request)
        except _Stop as stop:
            found = _json({"error": str(stop)}, stop.status)
        found.headers.update(HEADERS)
        return found

    return handle


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise _Stop(415, "请求要用 JSON。")
    if (request.content_length or LARGEST + 1) > LARGEST:
        raise _Stop(413, "内容太长了。")
    try:
        found = json.loads(await request.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _Stop(400, "请求看不懂。")
    return found


def _json(found: Any, status: int = 200) -> web.Response:
    return web.json_response(
        found, status=status, dumps=lambda value: json.dumps(value, ensure_ascii=False)
    )
