"""The page on which a customer says how a visit was: five buttons, one sentence, no login.

The link itself is the key: it names one visit, counts once, and says nobody's name.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.app import App
from bot.h5.limits import Limit
from bot.h5.pages import Pages, once
from bot.h5.routes import HEADERS, Form, Stop, form_of, moved
from bot.sidebar.routes import Place
from handlers import stars
from handlers.context import Ctx
from handlers.values import Action
from storage.stars import Star

Deed = Callable[[Star, Form, Ctx], tuple[str, list[Action]]]


def _rate(one: Star, form: Form, ctx: Ctx) -> tuple[str, list[Action]]:
    given = form.get("stars", "")
    return stars.rated(one, int(given) if given in ("1", "2", "3", "4", "5") else 0, ctx)


DEEDS: Mapping[str, Deed] = {
    "rate": _rate,
    "say": lambda one, form, ctx: stars.said(one, form.get("words", ""), ctx),
}


class Stars:
    def __init__(self, app: App, place: Place) -> None:
        self._app = app
        self._place = place
        self._root = place.path.removesuffix("/sidebar/")
        self._pages = Pages({"root": self._root})
        self._taps = Limit("stars", app.settings.h5.posts_per_minute, timedelta(minutes=1))

    def routes(self) -> list[web.RouteDef]:
        base = "/h5/r/{link}/"
        return [
            web.get("/h5/r/{link}", self._guarded(self._slash), allow_head=False),
            web.get(base, self._guarded(self._read), allow_head=False),
            web.post(base + "{deed:[a-z]+}", self._guarded(self._tapped)),
        ]

    def _path(self, request: web.Request) -> str:
        return f"{self._root}/h5/r/{request.match_info['link']}/"

    async def _slash(self, request: web.Request) -> web.Response:
        return moved(self._path(request))

    async def _read(self, request: web.Request) -> web.Response:
        """Looking changes nothing, so that whoever fetches a preview rates nothing."""
        now = self._app.clock.now()

        def view(ctx: Ctx) -> dict[str, Any]:
            return shown(self._opened(request, ctx), ctx)

        it = await self._app.writer.do(lambda db: view(self._app.ctx(db, "h5", now)))
        return self._pages.html("stars", base=self._path(request), it=it, said="")

    def _opened(self, request: web.Request, ctx: Ctx) -> Star:
        if not self._place.origin:
            raise Stop(503, "页面还没有开", "管理员还没有填 [server] public_url。")
        found = stars.opened(request.match_info["link"], ctx)
        if isinstance(found, str):
            raise Stop(404, "链接失效了", found)
        return found

    async def _tapped(self, request: web.Request) -> web.Response:
        """The answer is the page itself: sent once more, it says that it was counted before."""
        deed = DEEDS.get(request.match_info["deed"])
        if deed is None:
            raise web.HTTPNotFound
        if request.headers.get("Origin", self._place.origin) != self._place.origin:
            raise Stop(403, "请重新打开", "请在评价页面上点。", again=True)
        form = await form_of(request)

        def act(ctx: Ctx) -> tuple[tuple[str, dict[str, Any]], list[Action]]:
            one = self._opened(request, ctx)
            if not self._taps.allows(one.id, ctx.now, ctx.db):
                raise Stop(429, "点得太快了", "歇一会儿再点。", again=True)
            said, actions = deed(one, form, ctx)
            return (said, shown(self._opened(request, ctx), ctx)), actions

        said, it = await self._app.decide(f"h5:stars:{once()}", act)
        return self._pages.html("stars", base=self._path(request), it=it, said=said)

    def _guarded(
        self, answer: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                found = await answer(request)
            except Stop as stop:
                again = self._path(request) if stop.again else ""
                found = self._pages.note(stop.status, stop.title, str(stop), again)
            found.headers.update(HEADERS)
            return found

        return handle


def shown(one: Star, ctx: Ctx) -> dict[str, Any]:
    given = one.stars if stars.own(one) else 0
    return {"store": ctx.team.store(one.store).name, "advisor": ctx.team.name(one.advisor),
            "visit": stars.visit(one, ctx), "rated": given,
            "name": stars.NAMES.get(given, ""), "low": given <= ctx.settings.stars.low,
            "words": one.words if given else "",
            "options": tuple(stars.NAMES.items()), "longest": stars.LONGEST}  # fmt: skip
