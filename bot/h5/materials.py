"""The page of one material: read, kept, passed on. Each tap is a plain form, as on the others."""

import asyncio
from collections.abc import Callable, Mapping
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.app import App
from bot.h5.routes import H5, Shown, Stop, form_of, moved, tap_id
from bot.sidebar.routes import Place
from bot.sidebar.session import Session
from bot.wecom.client import Client
from handlers import material_links
from handlers.context import Ctx
from handlers.material_links import Seen
from handlers.materials import is_link, media_kind
from handlers.values import Action
from storage import sessions
from storage.material_links import Link
from storage.materials import Material

UNTYPED = "application/octet-stream"
GONE = "这个链接过期了，或者内容已经下架。请向顾问要一个新的。"
Deed = Callable[[Link, Material, str, Ctx], str]
DEEDS: Mapping[str, Deed] = {
    "keep": lambda link, it, who, ctx: material_links.keep(link, it, who, True, ctx),
    "drop": lambda link, it, who, ctx: material_links.keep(link, it, who, False, ctx),
    "quiet": lambda link, it, who, ctx: material_links.quiet(link, who, ctx),
}


class Materials(H5):
    def __init__(self, app: App, client: Client, place: Place, folder: Path) -> None:
        super().__init__(app, client, place)
        self._folder = folder

    def routes(self) -> list[web.RouteDef]:
        base = "/h5/m/{link}/"
        return [
            web.get("/h5/m/{link}", self._guarded(self._slash), allow_head=False),
            web.get(f"{base}login", self._guarded(self._login), allow_head=False),
            web.get(f"{base}file", self._guarded(self._file), allow_head=False),
            web.get(base, self._guarded(self._read), allow_head=False),
            web.post(base + "{deed:[a-z]+}", self._guarded(self._tapped)),
        ]

    def _path(self, request: web.Request) -> str:
        return f"{self._root}/h5/m/{request.match_info['link']}/"

    def _known(self, request: web.Request, ctx: Ctx) -> None:
        self._opened(request, ctx)

    def _opened(self, request: web.Request, ctx: Ctx) -> tuple[Link, Material]:
        found = material_links.opened(request.match_info["link"], ctx)
        if found is None:
            raise Stop(404, "链接失效了", GONE)
        return found

    async def _read(self, request: web.Request) -> web.Response:
        session = await self._visitor(request)
        if session is None:
            return await self._ask(request)
        said_by = tap_id(session, request.query.get("said", ""))

        def act(ctx: Ctx) -> tuple[tuple[Seen, str], list[Action]]:
            seen = material_links.look(*self._opened(request, ctx), session.member, ctx)
            return (seen, sessions.answered(ctx.db, said_by) or ""), []

        cause = f"h5:material:{session.nonce}:{self._app.clock.now().isoformat()}"
        seen, said = await self._app.decide(cause, act)
        token = await self._keys.token(session)
        return self._pages.html("material", base=self._path(request), token=token, said=said,
                                it=_shown(seen))  # fmt: skip

    async def _file(self, request: web.Request) -> web.Response:
        session = await self._visitor(request)
        if session is None:
            return await self._ask(request)
        _, material = await self._look(request, lambda ctx: self._opened(request, ctx))
        path = (self._folder / material.place).resolve()
        inside = path.is_relative_to(self._folder.resolve())
        if not material.place or is_link(material.place) or not inside or not path.is_file():
            raise Stop(404, "没有文件", "这份素材没有文件，或者已经下架。")
        body = await asyncio.to_thread(path.read_bytes)
        return web.Response(body=body, content_type=guess_type(path.name)[0] or UNTYPED)

    async def _tapped(self, request: web.Request) -> web.Response:
        deed = DEEDS.get(request.match_info["deed"])
        if deed is None:
            raise web.HTTPNotFound
        session = await self._session(request)
        if session is None:
            raise Stop(401, "请重新打开", "登录过期了，请重新打开链接。", again=True)
        form = await form_of(request)
        await self._ours(request, session, form)
        await self._done(deed, form["once"], request, session)
        return moved(f"{self._path(request)}?{urlencode({'said': form['once']})}", 303)

    async def _done(self, deed: Deed, once: str, request: web.Request, session: Session) -> None:
        key = tap_id(session, once)

        def decide(ctx: Ctx) -> tuple[None, list[Action]]:
            if sessions.answered(ctx.db, key) is not None:
                return None, []
            if not self._taps.allows(session.member, ctx.now, ctx.db):
                raise Stop(429, "点得太快了", "歇一会儿再点，刚才的都记着呢。", again=True)
            said = deed(*self._opened(request, ctx), session.member, ctx)
            sessions.answer(ctx.db, key, said, ctx.now)
            return None, []

        await self._app.decide(key, decide)


def _shown(seen: Seen) -> Shown:
    it = seen.material
    kind: Any = media_kind(it) if it.place and not is_link(it.place) else ""
    return {"title": it.title, "words": it.words.splitlines(), "kind": kind,
            "link": it.place if is_link(it.place) else "", "advisor": seen.advisor,
            "kept": seen.kept, "mine": seen.mine, "recorded": seen.recorded}  # fmt: skip
