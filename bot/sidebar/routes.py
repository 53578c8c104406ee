"""What the sidebar's page may ask for, each time checked: who asks, from where, about whom."""

import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.app import App
from bot.sidebar import oauth
from bot.sidebar.page import Pages
from bot.sidebar.session import LIFE, LOGIN_LIFE, Keyring, Session
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from bot.wecom.tickets import Tickets, signature
from handlers import commands, sidebar, taps
from handlers.context import Ctx
from handlers.sidebar import Shown
from handlers.taps import Answered, NotTheirs, Tap, Unclear
from handlers.values import Action, Send
from storage import sessions

log = logging.getLogger(__name__)

SESSION, LOGIN = "salesbot_sidebar", "salesbot_login"
LARGEST = 64 * 1024
URL_LENGTH = 2048
REMEMBERED = timedelta(minutes=30)  # so long a repeated tap gets its first answer
ONCE = re.compile(r"[A-Za-z0-9-]{8,64}")
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
           "Referrer-Policy": "same-origin"}  # fmt: skip
NO_GROUP = "还不知道这个群，或者你不在群里。"
NOT_YOURS = "没有找到这位客户：不在你名下，也不是你的企业微信好友。请先加TA为好友，或请店长分配。"
Answer = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page lives and as which app it speaks to WeCom."""

    public_url: str
    oauth_base: str
    jssdk: str
    corp_id: str
    agent_id: int
    secret: str
    contact_secret: str

    @property
    def origin(self) -> str:
        return oauth.origin(self.public_url)

    @property
    def path(self) -> str:
        """Also behind a proxy that gives us a part of its address."""
        return urlsplit(self.public_url).path.rstrip("/") + "/sidebar/"


class Sidebar:
    def __init__(self, app: App, client: Client, place: Place) -> None:
        self._app = app
        self._client = client
        self._place = place
        self._keys = Keyring(app.writer, app.clock)
        self._tickets = Tickets(client, place.secret, app.clock.now)
        self._pages = Pages(place.jssdk)

    def routes(self) -> list[web.RouteDef]:
        gets: dict[str, Answer] = {
            "": self._page, "login": self._login, "sign": self._sign,
            "customer": self._read(self._customer), "chat": self._read(self._chat, NO_GROUP),
            "customers": self._read(self._customers),
        }  # fmt: skip
        posts = {name: self._tap(self._perform(name)) for name in taps.TAPS}
        posts["take"] = self._tap(self._take)
        return [
            web.get("/sidebar", self._slash),
            web.get("/sidebar/static/{name}", self._pages.static),
            *(web.get(f"/sidebar/{name}", _guarded(answer)) for name, answer in gets.items()),
            *(web.post(f"/sidebar/{name}", _guarded(answer)) for name, answer in posts.items()),
        ]

    async def _slash(self, _: web.Request) -> web.Response:
        return _moved(self._place.path)

    # Who is there

    async def _page(self, request: web.Request) -> web.Response:
        if not self._place.origin:
            return self._pages.note(503, "侧边栏还没有开", "管理员还没有填 [server] public_url。")
        session = await self._session(request)
        if session is None:
            return await self._ask()
        if not self._known(session.member):
            return await self._stranger(session.member)
        cookie = ""
        if session.old(self._app.clock.now()):
            cookie, session = await self._keys.begin(session.member)
        answer = self._pages.main(
            self._app.team.name(session.member), await self._keys.token(session),
            self._place.corp_id, self._place.agent_id,
        )  # fmt: skip
        if cookie:
            self._set(answer, SESSION, cookie, LIFE)
        return answer

    async def _ask(self) -> web.Response:
        """To WeCom and back; only the browser that was sent there may come back with the code."""
        cookie, state = await self._keys.login()
        place = self._place
        back = f"{place.origin}{place.path}login"
        answer = _moved(oauth.address(place.oauth_base, place.corp_id, place.agent_id, back, state))
        self._set(answer, LOGIN, cookie, LOGIN_LIFE)
        return answer

    async def _login(self, request: web.Request) -> web.Response:
        code, state = request.query.get("code", ""), request.query.get("state", "")
        cookie = request.cookies.get(LOGIN, "")
        if not code or not await self._keys.came_back(cookie, state):
            return self._again()
        try:
            visitor = await oauth.visitor(self._client, self._place.secret, code)
        except WeComError as error:
            return self._refused(error)
        if not visitor.userid:
            text = "这个页面只给本店的顾问和店长使用。有问题请直接在微信里问您的顾问。"
            return self._pages.note(403, "这里是店员的页面", text)
        member = self._app.team.userid(visitor.userid)
        if not self._known(member):
            return await self._stranger(member)
        return await self._welcome(member)

    async def _welcome(self, member: str) -> web.Response:
        cookie, _ = await self._keys.begin(member)
        answer = _moved(self._place.path)
        self._set(answer, SESSION, cookie, LIFE)
        answer.del_cookie(LOGIN, path=self._place.path)
        return answer

    def _again(self) -> web.Response:
        text = "登录链接过期了，或不是从这里打开的。请重新进入。"
        return self._pages.note(403, "请重新进入", text, again=True)

    def _refused(self, error: WeComError) -> web.Response:
        if error.code in oauth.SPENT:
            return self._again()
        log.error("sidebar login: %s", error)
        text = error.cure or "企业微信暂时没有回应，请稍后再打开。"
        return self._pages.note(502, "现在登录不了", text, again=True)

    async def _stranger(self, member: str) -> web.Response:
        """One polite page; the operators are told once a day."""
        told = [Send(operator, f"{member} 打开了侧边栏，但不在任何名单里。")
                for operator in self._app.settings.access.operators]  # fmt: skip
        cause = f"sidebar-stranger:{member}:{self._app.clock.now():%Y-%m-%d}"
        await self._app.decide(cause, lambda _: (None, told))
        return self._pages.note(403, "还没有开通", commands.STRANGER)

    def _known(self, member: str) -> bool:
        team = self._app.team
        return bool(team.advisor(member) or team.manager(member))

    async def _session(self, request: web.Request) -> Session | None:
        return await self._keys.session(request.cookies.get(SESSION, ""))

    async def _member(self, request: web.Request) -> str:
        session = await self._session(request)
        if session is None or not self._known(session.member):
            raise _Stop(401, "登录过期了，请重新打开侧边栏。")
        return session.member

    def _set(self, answer: web.Response, name: str, value: str, life: timedelta) -> None:
        answer.set_cookie(
            name, value, max_age=int(life.total_seconds()), path=self._place.path,
            httponly=True, samesite="Lax", secure=self._place.origin.startswith("https:"),
        )  # fmt: skip

    # Signatures

    async def _sign(self, request: web.Request) -> web.Response:
        session, url = await self._session(request), request.query.get("url", "")
        if session is None or not self._known(session.member):
            raise _Stop(403, "请先登录。")
        own = self._place.origin
        if not own or len(url) > URL_LENGTH or not url.startswith(f"{own}/"):
            raise _Stop(403, "只给本站的页面签名。")
        found = {"corp": _signed(await self._tickets.corp(), self._now(), url),
                 "app": _signed(await self._tickets.app(), self._now(), url)}  # fmt: skip
        return _json(found)

    def _now(self) -> int:
        return int(self._app.clock.now().timestamp())

    # Reading

    def _read(
        self, view: Callable[[str, Mapping[str, str]], Awaitable[Shown | None]],
        missing: str = NOT_YOURS,
    ) -> Answer:  # fmt: skip
        async def answer(request: web.Request) -> web.Response:
            found = await view(await self._member(request), request.query)
            if found is None:
                raise _Stop(404, missing)
            return _json(found)

        return answer

    async def _look(self, view: Callable[[Ctx], Shown | None]) -> Shown | None:
        app, now = self._app, self._app.clock.now()
        return await app.writer.do(lambda db: view(app.ctx(db, "sidebar", now)))

    async def _customer(self, member: str, query: Mapping[str, str]) -> Shown | None:
        key = query.get("id", "")

        def own(ctx: Ctx) -> Shown | None:
            found = sidebar.find(key, member, ctx)
            return {"state": "own", "card": sidebar.card(found, member, ctx)} if found else None

        found = await self._look(own)
        if found is not None:
            return found
        told = await self._contact(member, key)
        return await self._look(lambda ctx: sidebar.offer(key, told, member, ctx))

    async def _chat(self, member: str, query: Mapping[str, str]) -> Shown | None:
        return await self._look(lambda ctx: sidebar.chat(query.get("id", ""), member, ctx))

    async def _customers(self, member: str, query: Mapping[str, str]) -> Shown | None:
        words = query.get("q", "").strip()[:40]
        return await self._look(lambda ctx: {"customers": sidebar.mine(words, member, ctx)})

    async def _contact(self, member: str, key: str) -> dict[str, Any]:
        """What WeCom says of somebody we do not know as theirs; nothing when it knows nobody."""
        if not key or not self._app.team.advisor(member):
            return {}
        try:
            return await self._client.call(
                self._place.contact_secret, "GET", "externalcontact/get",
                params={"external_userid": key},
            )  # fmt: skip
        except WeComError as error:
            if error.kind in "SB":
                return {}
            raise

    # Doing

    def _tap(self, act: Callable[[str, dict[str, Any]], Awaitable[Shown]]) -> Answer:
        async def answer(request: web.Request) -> web.Response:
            member = await self._member(request)
            await self._ours(request)
            return _json(await act(member, await _body(request)))

        return answer

    async def _ours(self, request: web.Request) -> None:
        """Our own page sends the session's token along, which another site cannot read."""
        session = await self._session(request)
        token = request.headers.get("X-CSRF-Token", "")
        from_ = request.headers.get("Origin", self._place.origin)
        if from_ != self._place.origin or session is None:
            raise _Stop(403, "请求不是从侧边栏来的。")
        if not await self._keys.proves(session, token):
            raise _Stop(403, "页面过期了，请重新打开。")

    def _perform(self, name: str) -> Callable[[str, dict[str, Any]], Awaitable[Shown]]:
        async def perform(member: str, body: dict[str, Any]) -> Shown:
            def act(ctx: Ctx) -> Answered:
                return taps.perform(name, Tap(member, _whose(member, body, ctx), body), ctx)

            return await self._once(name, member, body, act)

        return perform

    async def _take(self, member: str, body: dict[str, Any]) -> Shown:
        key = str(body.get("customer", ""))
        told = await self._contact(member, key)

        def act(ctx: Ctx) -> Answered:
            found = sidebar.take(key, told, member, ctx)
            if found is None:
                raise NotTheirs
            said = f"已收为你的客户：{found.name}。"
            card = sidebar.card(found, member, ctx)
            return Answered({"state": "own", "said": said, "card": card})

        return await self._once("take", member, body, act)

    async def _once(
        self, name: str, member: str, body: dict[str, Any], act: Callable[[Ctx], Answered]
    ) -> Shown:
        """The same tap that arrives twice, over a bad network, is done once."""
        once = str(body.get("once", ""))
        if not ONCE.fullmatch(once):
            raise _Stop(400, "请求缺少 once。")
        tap_id = f"sidebar:{member}:{name}:{once}"

        def decide(ctx: Ctx) -> tuple[Shown, list[Action]]:
            if (kept := sessions.answered(ctx.db, tap_id)) is not None:
                return json.loads(kept), []
            done = act(ctx)
            sessions.forget(ctx.db, ctx.now - REMEMBERED)
            sessions.answer(ctx.db, tap_id, _dumps(done.shown), ctx.now)
            return done.shown, list(done.actions)

        return await self._app.decide(tap_id, decide)


def _whose(member: str, body: Mapping[str, Any], ctx: Ctx) -> Any:
    key = body.get("customer")
    if not key:
        return None
    found = sidebar.find(str(key), member, ctx)
    if found is None:
        raise NotTheirs
    return found


class _Stop(Exception):
    """The request ends here, with a sentence for whoever sees it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def _guarded(answer: Answer) -> Answer:
    async def handle(request: web.Request) -> web.Response:
        try:
            found = await answer(request)
        except _Stop as stop:
            found = _json({"error": str(stop)}, stop.status)
        except NotTheirs:
            found = _json({"error": NOT_YOURS}, 404)
        except Unclear as unclear:
            found = _json({"error": str(unclear)}, 400)
        except WeComError as error:
            log.error("sidebar: %s", error)
            said = error.cure or "企业微信暂时没有回应，请稍后再试。"
            found = _json({"error": said}, 502)
        found.headers.update(HEADERS)
        return found

    return handle


def _signed(ticket: str, stamp: int, url: str) -> dict[str, Any]:
    nonce = secrets.token_hex(8)
    mark = signature(ticket, nonce, stamp, url)
    return {"timestamp": stamp, "nonceStr": nonce, "signature": mark}


async def _body(request: web.Request) -> dict[str, Any]:
    """A JSON object; a form of another site could not be sent as one."""
    if request.content_type != "application/json":
        raise _Stop(415, "请求要用 JSON。")
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST:
            raise _Stop(413, "内容太长了。")
    try:
        found = json.loads(raw)
        _dumps(found).encode()  # half a character could not be kept
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _Stop(400, "请求看不懂。")
    return found


def _moved(to: str) -> web.Response:
    return web.Response(status=302, headers={"Location": to})


def _json(found: Any, status: int = 200) -> web.Response:
    return web.json_response(found, status=status, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
