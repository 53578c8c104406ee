"""What the pages of a customer group may ask for, each time checked: which group, who, from where.

Every page lies under the group's signed link, so that one browser may have several groups open.
A tap is a form that is sent once: it is answered by a redirect to the page, which then says what
came of it, and the same form again says the same and does nothing.
"""

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from aiohttp import web

from bot import pictures
from bot.app import App
from bot.h5.limits import Limit
from bot.h5.pages import Pages
from bot.sidebar import oauth
from bot.sidebar.oauth import Visitor
from bot.sidebar.routes import Place
from bot.sidebar.session import LIFE, LOGIN_LIFE, Keyring, Session
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers import h5, h5_address, h5_claims, h5_drive, h5_guests, h5_views, posters
from handlers.context import Ctx
from handlers.h5_guests import CUSTOMER, MEMBER, STRANGER, Guest
from handlers.values import Action
from storage import sessions

log = logging.getLogger(__name__)

SESSION, LOGIN, PATH = "salesbot_h5", "salesbot_h5_login", "/h5/"
LARGEST = 16 * 1024
REMEMBERED = timedelta(minutes=30)  # so long a repeated form gets its first answer
ONCE = re.compile(r"[A-Za-z0-9-]{8,64}")
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
           "Referrer-Policy": "same-origin"}  # fmt: skip
Form = Mapping[str, str]
Shown = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.Response]]
Deed = Callable[[Form, Guest, Ctx], tuple[str, list[Action]]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its template, what it shows, and whether only members have one."""

    name: str
    view: Callable[[Guest, Form, Ctx], Shown]
    own: bool = False


PAGES = (
    Page("home", lambda g, _, c: h5_views.home(g, c)),
    Page("checkin", lambda g, _, c: h5_views.month(g, c), own=True),
    Page("play", lambda g, _, c: h5_views.play(g, c)),
    Page("points", lambda g, _, c: h5_views.ledger(g, c), own=True),
    Page("prizes", lambda g, q, c: h5_views.catalogue(g, q.get("pick", ""), c)),
    Page("draw", lambda g, _, c: h5_views.lottery(g, c)),
    Page("board", lambda g, _, c: h5_views.board(g, c)),
    Page("drive", lambda g, _, c: h5_views.drive(g, c)),
    Page("me", lambda g, _, c: {}),
)
NAMES = {page.name: page for page in PAGES}
NOTICES = {"notice": h5_drive.NOTICE, "claiming": h5_claims.NOTICE}


def _words(form: Form) -> str:
    """A field of a game leaves out the word that the chat would want before it."""
    lead, words = form.get("lead", ""), form.get("words", "").strip()
    return words if not lead or words.startswith(lead) else f"{lead} {words}"


def _say(form: Form, found: Guest, ctx: Ctx) -> tuple[str, list[Action]]:
    return h5.say(_words(form), found, form["once"], ctx)


def _alone(form: Form, found: Guest, ctx: Ctx) -> tuple[str, list[Action]]:
    said = h5.alone_with(_words(form), found, form["once"], ctx)
    return said.text, []


def _exchange(form: Form, found: Guest, ctx: Ctx) -> tuple[str, list[Action]]:
    return h5.exchange(form.get("prize", ""), found, form["once"], ctx), []


def _claim(form: Form, found: Guest, ctx: Ctx) -> tuple[str, list[Action]]:
    return h5_claims.claim(form.get("phone", ""), form.get("agree") == "1", found, ctx)


DEEDS: Mapping[str, Deed] = {
    "say": _say, "alone": _alone, "exchange": _exchange, "claim": _claim,
    "request": h5_drive.request,
}  # fmt: skip


class H5:
    def __init__(self, app: App, client: Client, place: Place) -> None:
        self._app = app
        self._client = client
        self._place = place
        self._keys = Keyring(app.writer, app.clock, "h5")
        self._pages = Pages({**NOTICES, "root": self._root})
        s = app.settings.h5
        self._taps = Limit("tap", s.posts_per_minute, timedelta(minutes=1))
        self._rereads = Limit("reread", 1, timedelta(minutes=s.reread_minutes))
        self._pictures = Limit("picture", s.posts_per_minute, timedelta(minutes=5))

    def routes(self) -> list[web.RouteDef]:
        base = "/h5/g/{link}/"
        return [
            web.get("/h5/static/{name}", self._pages.static),
            web.get("/h5/g/{link}", self._guarded(self._slash)),
            web.get(f"{base}login", self._guarded(self._login)),
            web.get(f"{base}poster.png", self._guarded(self._poster)),
            web.get(base + "proof/{draw:[A-Za-z0-9]+}", self._guarded(self._proof)),
            web.get(base + "proof/{draw:[A-Za-z0-9]+}.json", self._guarded(self._record)),
            web.get(base + "{page:[a-z]*}", self._guarded(self._page)),
            web.post(base + "{deed:[a-z]+}", self._guarded(self._post)),
        ]

    # Who is there

    def _path(self, request: web.Request) -> str:
        return f"{self._root}/h5/g/{request.match_info['link']}/"

    @property
    def _root(self) -> str:
        return self._place.path.removesuffix("/sidebar/")

    async def _slash(self, request: web.Request) -> web.Response:
        return moved(self._path(request))

    async def _session(self, request: web.Request) -> Session | None:
        return await self._keys.session(request.cookies.get(SESSION, ""))

    async def _ask(self, request: web.Request) -> web.Response:
        """To WeCom and back; only the browser that was sent there may come back with the code."""
        cookie, state = await self._keys.login()
        place = self._place
        back = f"{place.origin}{self._path(request)}login"
        answer = moved(oauth.address(place.oauth_base, place.corp_id, place.agent_id, back, state))
        self._set(answer, LOGIN, cookie, LOGIN_LIFE)
        return answer

    async def _login(self, request: web.Request) -> web.Response:
        code, state = request.query.get("code", ""), request.query.get("state", "")
        if not code or not await self._keys.came_back(request.cookies.get(LOGIN, ""), state):
            raise Stop(403, "请重新打开", "登录过期了，或不是从这里打开的。", again=True)
        who = name_of(await oauth.visitor(self._client, self._place.secret, code))
        if not who:
            raise Stop(403, "请在微信里打开", "微信没有说您是谁，请在微信里点开群里的链接。")
        cookie, _ = await self._keys.begin(who)
        answer = moved(self._path(request))
        self._set(answer, SESSION, cookie, LIFE)
        answer.del_cookie(LOGIN, path=f"{self._root}{PATH}")
        return answer

    def _set(self, answer: web.Response, name: str, value: str, life: timedelta) -> None:
        answer.set_cookie(
            name, value, max_age=int(life.total_seconds()), path=f"{self._root}{PATH}",
            httponly=True, samesite="Lax", secure=self._place.origin.startswith("https:"),
        )  # fmt: skip

    def _guest(self, request: web.Request, session: Session, ctx: Ctx) -> Guest:
        group = h5_address.opened(request.match_info["link"], ctx)
        if group is None:
            raise Stop(404, "链接失效了", GONE)
        return h5_guests.guest(session.member, group, ctx)

    # Looking

    async def _page(self, request: web.Request) -> web.Response:
        page = NAMES.get(request.match_info["page"] or "home")
        if page is None:
            raise web.HTTPNotFound
        session = await self._visitor(request)
        if session is None:
            return await self._ask(request)
        values = await self._shown(page, request, session)
        name = "looking" if page.own and values["me"]["role"] != "member" else page.name
        token, base = await self._keys.token(session), self._path(request)
        answer = self._pages.html(name, page=page.name, base=base, token=token, **values)
        if seconds := values["refresh"]:
            to = "" if page.name == "home" else page.name
            answer.headers["Refresh"] = f"{seconds}; url={base}{to}"
        return answer

    async def _visitor(self, request: web.Request) -> Session | None:
        """Before anybody is sent away to log in, the link has to be one of ours."""
        if not self._place.origin:
            raise Stop(503, "页面还没有开", "管理员还没有填 [server] public_url。")
        session = await self._session(request)
        if session is None:
            await self._look(request, lambda ctx: self._known(request, ctx))
        return session

    def _known(self, request: web.Request, ctx: Ctx) -> None:
        if h5_address.opened(request.match_info["link"], ctx) is None:
            raise Stop(404, "链接失效了", GONE)

    async def _look(self, request: web.Request, view: Callable[[Ctx], Any]) -> Any:
        app, now = self._app, self._app.clock.now()
        return await app.writer.do(lambda db: view(app.ctx(db, "h5", now)))

    async def _shown(self, page: Page, request: web.Request, session: Session) -> Shown:
        """The page's values; a look ends rounds whose time is up, and has members read anew."""
        now, query = self._app.clock.now(), request.query
        said_by = tap_id(session, query.get("said", ""))

        def act(ctx: Ctx) -> tuple[Shown, list[Action]]:
            found = self._guest(request, session, ctx)
            actions = h5.settled(found, ctx)
            if found.role == "looking" and self._rereads.allows(found.chat, now, ctx.db):
                actions += h5_guests.reread(found)
            top = h5_views.me(found, ctx)
            shown = page.view(found, query, ctx) if found.role == "member" or not page.own else {}
            said = sessions.answered(ctx.db, said_by) if query.get("said") else ""
            known = found.who.partition("/")[0]
            again = h5_views.refresh(page.name, found, ctx)
            return {"me": top, "it": shown, "said": said or "", "known": known,
                    "refresh": again}, actions  # fmt: skip

        cause = f"h5:look:{session.nonce}:{now.isoformat()}"
        return await self._app.decide(cause, act)

    async def _proof(self, request: web.Request) -> web.Response:
        session = await self._visitor(request)
        if session is None:
            return await self._ask(request)

        def view(ctx: Ctx) -> tuple[Shown, Shown]:
            found = self._guest(request, session, ctx)
            shown = h5_views.proof(found, request.match_info["draw"], ctx)
            if shown is None:
                raise Stop(404, "没有这次抽奖", "没有开过这次奖，或者不是这个群的。")
            return h5_views.me(found, ctx), shown

        top, shown = await self._look(request, view)
        return self._pages.html("proof", page="draw", base=self._path(request),
                                me=top, it=shown, said="")  # fmt: skip

    async def _record(self, request: web.Request) -> web.Response:
        """The whole record to download; it holds nobody's id."""
        session = await self._visitor(request)
        if session is None:
            return await self._ask(request)

        def view(ctx: Ctx) -> Shown | None:
            found = self._guest(request, session, ctx)
            return h5_views.proof(found, request.match_info["draw"], ctx)

        shown = await self._look(request, view)
        if shown is None:
            raise Stop(404, "没有这次抽奖", "没有开过这次奖，或者不是这个群的。")
        text = json.dumps(shown["record"], ensure_ascii=False, indent=1)
        kept = {"Content-Disposition": f'attachment; filename="draw-{shown["id"]}.json"'}
        return web.Response(text=text + "\n", content_type="application/json", headers=kept)

    async def _poster(self, request: web.Request) -> web.Response:
        session = await self._visitor(request)
        if session is None:
            return await self._ask(request)

        def view(ctx: Ctx) -> Shown | None:
            if not self._pictures.allows(session.member, ctx.now, ctx.db):
                raise Stop(429, "请稍后再试", "海报画得太勤了，过一会儿再来。")
            found = self._guest(request, session, ctx)
            return h5_views.poster(found, ctx) if found.role == "member" else None

        shown = await self._look(request, view)
        if shown is None:
            raise Stop(403, "先进群", h5.LOOKING)
        svg = posters.draw(shown)
        return web.Response(body=await asyncio.to_thread(pictures.png, svg),
                            content_type="image/png")  # fmt: skip

    # Doing

    async def _post(self, request: web.Request) -> web.Response:
        name = request.match_info["deed"]
        deed = DEEDS.get(name)
        if deed is None:
            raise web.HTTPNotFound
        session = await self._session(request)
        if session is None:
            raise Stop(401, "请重新打开", "登录过期了，请重新打开群里的链接。", again=True)
        form = await form_of(request)
        await self._ours(request, session, form)
        await self._do(deed, form, request, session)
        page = form.get("page", "")
        to = "" if page not in NAMES or page == "home" else page
        return moved(f"{self._path(request)}{to}?{urlencode({'said': form['once']})}", 303)

    async def _ours(self, request: web.Request, session: Session, form: Form) -> None:
        """Our own page sends the session's token along, which another site cannot read."""
        from_ = request.headers.get("Origin", self._place.origin)
        if from_ != self._place.origin or not await self._keys.proves(session, form.get("t", "")):
            raise Stop(403, "请重新打开", "页面过期了，或不是从这里点的。", again=True)
        if not ONCE.fullmatch(form.get("once", "")):
            raise Stop(400, "请重新打开", "请求不完整，请回到页面再点一次。", again=True)

    async def _do(self, deed: Deed, form: Form, request: web.Request, session: Session) -> None:
        key = tap_id(session, form["once"])

        def decide(ctx: Ctx) -> tuple[None, list[Action]]:
            if sessions.answered(ctx.db, key) is not None:
                return None, []
            if not self._taps.allows(session.member, ctx.now, ctx.db):
                raise Stop(429, "点得太快了", "歇一会儿再点，刚才的都记着呢。", again=True)
            said, actions = deed(form, self._guest(request, session, ctx), ctx)
            sessions.forget(ctx.db, ctx.now - REMEMBERED)
            sessions.answer(ctx.db, key, said, ctx.now)
            return None, actions

        await self._app.decide(key, decide)

    # Answers

    def _guarded(self, answer: Answer) -> Answer:
        async def handle(request: web.Request) -> web.Response:
            try:
                found = await answer(request)
            except Stop as stop:
                again = self._path(request) if stop.again else ""
                found = self._pages.note(stop.status, stop.title, str(stop), again)
            except WeComError as error:
                found = self._failed(error, self._path(request))
            found.headers.update(HEADERS)
            return found

        return handle

    def _failed(self, error: WeComError, path: str) -> web.Response:
        if error.code in oauth.SPENT:
            return self._pages.note(403, "请重新打开", "登录过期了，请重新打开。", path)
        log.error("h5: %s", error)
        return self._pages.note(502, "请稍后再试", "企业微信暂时没有回应，请稍后再打开。", path)


GONE = "这个链接过期了，或者不完整。请向群主要一个新的，或点群里最新的那条。"


class Stop(Exception):
    """The request ends here, with a page that says why."""

    def __init__(self, status: int, title: str, text: str, again: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.again = again


def tap_id(session: Session, once: str) -> str:
    """A form belongs to a visitor, and only they are told its answer; it names nobody."""
    whose = f"{session.member}/{once}".encode()
    return f"h5:{hashlib.blake2s(whose, digest_size=16).hexdigest()}"


def name_of(visitor: Visitor) -> str:
    """How a visitor is told from others; "" for one of whom nothing is known."""
    for kind, key in ((MEMBER, visitor.userid), (CUSTOMER, visitor.external_userid),
                      (STRANGER, visitor.openid)):  # fmt: skip
        if key:
            return f"{kind}/{key}"
    return ""


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of a plain form; a file or a page of text is none of ours."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Stop(415, "请重新打开", "请求看不懂。", again=True)
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST:
            raise Stop(413, "内容太长了", "请写短一些再提交。", again=True)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=30)
        return {name: value.encode().decode() for name, value in pairs}
    except ValueError:
        raise Stop(400, "请重新打开", "请求看不懂。", again=True) from None


URI = "%/:?#[]@!$&'()*+,;=~"  # what may stand in an address; a guest's own address may hold more


def moved(to: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": quote(to, safe=URI)})
