"""The console's addresses: who may open which, coming in and out, pages, files and 重发."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web

from bot import library
from bot.app import App
from bot.config import ConfigError
from bot.console import export
from bot.console.pages import HEADERS, Pages, one
from bot.console.setup import Setup
from bot.sidebar import oauth
from bot.sidebar.session import LOGIN_LIFE, Keyring, Session
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from bot.writer import Store
from handlers.console import door, pages, running, words
from handlers.console.door import OPERATOR, Unwelcome
from handlers.console.values import Missing, Page, Reader, View
from handlers.context import Ctx
from handlers.library import Refused
from handlers.tables import Table
from handlers.values import Action
from nlp.lexicon import LexiconError
from storage import audit, passes

log = logging.getLogger(__name__)
T = TypeVar("T")

ROOM, SESSION, LOGIN = "console", "salesbot_console", "salesbot_console_login"
ROOT = "/console/"
LIFE = timedelta(hours=12)
KEPT = timedelta(days=1)  # so long an old link is told to be old, not wrong
LARGEST = 16 * 1024
LONGEST = 128 * 1024  # of a form with a script in it
LOOK = "look"  # the button that changes nothing
AT_ONCE = 3  # pages that are counted at the same time
ASK = "请在企业微信里打开，或在电脑上给助手发“看板”，用它给的链接。"
CLOSED = ("看板还没有开", "管理员还没有填 config.toml 的 [server] public_url。"
          "填上企业微信访问得到的 https 地址，再重启。")  # fmt: skip
NOT_FOUND = ("没有找到", "没有这一页，或者不在您的范围里。")
NOT_YOURS = ("这一页不对您开放", "您的角色看不到这一页。需要的话请找管理员。")
STRANGER = ("看板给店长和运营用", "您的客户和待办，请直接在企业微信里问助手，或打开侧边栏。")
STALE = ("页面过期了", "请返回刷新页面，再点一次。")
Handler = Callable[[web.Request], Awaitable[web.Response]]

OPEN = frozenset({"任何人"})  # before there is a session: these only lead to one
KNOWN = pages.GROUPS  # whoever has a session
# Who may open which address. What does not stand here is not served.
RULES: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType({
    ("GET", "/console"): OPEN,
    ("GET", f"{ROOT}files/{{name}}"): OPEN,
    ("GET", f"{ROOT}oauth"): OPEN,
    ("GET", f"{ROOT}login"): OPEN,
    ("GET", f"{ROOT}in"): OPEN,
    ("POST", f"{ROOT}in"): OPEN,
    ("POST", f"{ROOT}out"): KNOWN,
    ("POST", f"{ROOT}replay"): frozenset({OPERATOR}),
    ("POST", f"{ROOT}lexicon"): frozenset({OPERATOR}),
    **{("POST", f"{ROOT}{name}"): deed.roles for name, deed in pages.ACTS.items()},
    **{("GET", f"{ROOT}{name}"): shown.roles for name, shown in pages.PAGES.items()},
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where the console lives and as which app it speaks to WeCom."""

    public_url: str
    oauth_base: str
    corp_id: str
    agent_id: int
    secret: str

    @property
    def origin(self) -> str:
        return oauth.origin(self.public_url)

    @property
    def path(self) -> str:
        """Also behind a proxy that gives us a part of its address."""
        return urlsplit(self.public_url).path.rstrip("/") + ROOT


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is known."""

    request: web.Request
    reader: Reader
    session: Session


class _Stop(Exception):
    """The request ends here, with a page for whoever sees it."""

    def __init__(self, status: int, said: tuple[str, str]) -> None:
        super().__init__(said[0])
        self.status = status
        self.said = said


class Console:
    """`open_store` opens one more connection: what a page counts must not hold up the callbacks."""

    def __init__(
        self, app: App, client: Client, place: Place, open_store: Callable[[], Store],
        setup: Setup,
    ) -> None:  # fmt: skip
        self._app = app
        self._client = client
        self._place = place
        self._open_store = open_store
        self._setup = setup
        self._keys = Keyring(app.writer, app.clock, ROOM)
        self._zone = ZoneInfo(app.settings.timezone)
        self._pages = Pages(place.path, self._zone)
        self._turns = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[web.RouteDef]:
        found: list[tuple[str, str, Handler]] = [
            ("GET", "/console", self._slash),
            ("GET", f"{ROOT}files/{{name}}", self._pages.static),
            ("GET", f"{ROOT}oauth", self._oauth),
            ("GET", f"{ROOT}login", self._login),
            ("GET", f"{ROOT}in", self._link),
            ("POST", f"{ROOT}in", self._use),
            ("POST", f"{ROOT}out", self._inside(self._out)),
            ("POST", f"{ROOT}replay", self._inside(self._replay)),
            ("POST", f"{ROOT}lexicon", self._inside(self._lexicon)),
            *(("POST", f"{ROOT}{name}", self._inside(self._desk(name))) for name in pages.ACTS),
            *(("GET", f"{ROOT}{name}", self._inside(self._page(name))) for name in pages.PAGES),
        ]
        return [web.route(method, path, self._guarded(answer)) for method, path, answer in found]

    def _guarded(self, answer: Handler) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                if not self._place.origin:
                    raise _Stop(503, CLOSED)
                return await answer(request)
            except _Stop as stop:
                return self._pages.note(stop.status, *stop.said)
            except Missing:
                return self._pages.note(404, *NOT_FOUND)
            except WeComError as error:
                log.error("console login: %s", error)
                said = error.cure or "企业微信暂时没有回应，请稍后再试。"
                return self._pages.note(502, "现在登录不了", said)

        return handle

    # Who is there

    def _inside(self, answer: Callable[[Visit], Awaitable[web.Response]]) -> Handler:
        """For whom RULES names at this address; nobody where it names nobody."""

        async def handle(request: web.Request) -> web.Response:
            session = await self._keys.session(request.cookies.get(SESSION, ""), LIFE)
            if session is None:
                return self._ask(request)
            held, reader = await self._look(lambda ctx: _known(session, ctx))
            if not held:
                return self._ask(request)
            if reader is None:
                raise _Stop(403, STRANGER)
            resource = request.match_info.route.resource
            rule = (request.method, resource.canonical if resource else "")
            if not RULES.get(rule, frozenset()) & reader.roles:
                if rule == ("GET", ROOT) and (begins := pages.first(reader.roles)):
                    return _moved(f"{self._place.path}{begins}")
                raise _Stop(403, NOT_YOURS)
            return await answer(Visit(request, reader, session))

        return handle

    def _ask(self, request: web.Request) -> web.Response:
        """Inside WeCom it takes no tap; elsewhere its page could not be opened."""
        if "MicroMessenger" in request.headers.get("User-Agent", ""):
            return _moved(f"{self._place.path}oauth")
        return self._pages.note(401, "请先登录", ASK, ask=True)

    async def _slash(self, _: web.Request) -> web.Response:
        return _moved(self._place.path)

    # By WeCom's word

    async def _oauth(self, _: web.Request) -> web.Response:
        """To WeCom and back; only the browser that was sent there may come back with the code."""
        cookie, state = await self._keys.login()
        place = self._place
        back = f"{place.origin}{place.path}login"
        answer = _moved(oauth.address(place.oauth_base, place.corp_id, place.agent_id, back, state))
        self._set(answer, LOGIN, cookie, LOGIN_LIFE)
        return answer

    async def _login(self, request: web.Request) -> web.Response:
        code, state = request.query.get("code", ""), request.query.get("state", "")
        if not code or not await self._keys.came_back(request.cookies.get(LOGIN, ""), state):
            return self._again()
        try:
            visitor = await oauth.visitor(self._client, self._place.secret, code)
        except WeComError as error:
            if error.code in oauth.SPENT:
                return self._again()
            raise
        return await self._welcome(self._app.team.userid(visitor.userid))

    def _again(self) -> web.Response:
        text = "登录链接过期了，或不是从这里打开的。"
        return self._pages.note(403, "请重新进入", text, ask=True)

    async def _welcome(self, member: str) -> web.Response:
        """A fresh session, whoever was there before; none for who has no business here."""
        if not member or await self._look(lambda ctx: door.reader(member, ctx)) is None:
            raise _Stop(403, STRANGER)
        cookie, session = await self._keys.begin(member)
        await self._write(lambda ctx: _begun(session.nonce, member, ctx))
        answer = _moved(self._place.path)
        self._set(answer, SESSION, cookie, LIFE)
        answer.del_cookie(LOGIN, path=self._place.path)
        return answer

    def _set(self, answer: web.Response, name: str, value: str, life: timedelta) -> None:
        answer.set_cookie(
            name, value, max_age=int(life.total_seconds()), path=self._place.path,
            httponly=True, samesite="Lax", secure=self._place.origin.startswith("https:"),
        )  # fmt: skip

    # By a link of the chat

    async def _link(self, request: web.Request) -> web.Response:
        """Looking does not use it up: a client that previews links must not lock anybody out."""
        text = request.query.get("link", "")
        try:
            await self._look(lambda ctx: door.check(text, ctx))
        except Unwelcome as unwelcome:
            return self._pages.note(403, "这条链接打不开", str(unwelcome))
        return self._pages.note(200, "打开看板", "链接只能用一次，打开后12小时内不用再登录。",
                                link=text)  # fmt: skip

    async def _use(self, request: web.Request) -> web.Response:
        self._ours(request)
        text = (await _form(request)).get("link", "")
        try:
            member = await self._write(lambda ctx: door.use(text, ctx))
        except Unwelcome as unwelcome:
            return self._pages.note(403, "这条链接打不开", str(unwelcome))
        return await self._welcome(member)

    async def _out(self, visit: Visit) -> web.Response:
        await self._proven(visit)
        now, nonce = self._app.clock.now(), visit.session.nonce
        await self._app.writer.do(lambda db: passes.end(db, nonce, now))
        answer = self._pages.note(200, "已退出", "下次打开要重新登录。")
        answer.del_cookie(SESSION, path=self._place.path)
        return answer

    # Pages and files

    def _page(self, name: str) -> Callable[[Visit], Awaitable[web.Response]]:
        async def show(visit: Visit) -> web.Response:
            query = {key: value[:200].replace("\0", "")
                     for key, value in visit.request.query.items()}  # fmt: skip
            kind = query.get("as", "")
            if kind not in ("", export.CSV, export.XLSX):
                raise Missing(kind)
            began = time.perf_counter()
            page = await self._build(name, visit.reader, query, whole=bool(kind))
            took = time.perf_counter() - began if page.timed else 0.0
            if name == "customer":
                await self._note(visit.reader, "show", query.get("id", ""))
            if kind:
                return await self._file(visit.reader, page, query.get("table", ""), kind)
            token = await self._keys.token(visit.session)
            return self._pages.page(name, page, visit.reader, query, token, took=took)

        return show

    # Forms

    def _desk(self, name: str) -> Callable[[Visit], Awaitable[web.Response]]:
        """A form is looked at, or acted on; what was refused comes back as it was typed."""

        async def act(visit: Visit) -> web.Response:
            form = {**await self._proven(visit, LONGEST)}
            if form.get("do") == LOOK:
                return await self._again_with(name, visit, form)
            view, deed = door.view, pages.ACTS[name]
            try:
                to, actions = await self._write_and_say(
                    lambda ctx: deed.act(view(visit.reader, form, ctx), ctx)
                )
            except Refused as refused:
                return await self._again_with(name, visit, {**form, "refused": str(refused)}, 409)
            log.info("console %s: %s, %d to send", name, form.get("do"), len(actions))
            return _moved(self._place.path + to, 303)

        return act

    async def _again_with(
        self, name: str, visit: Visit, form: Mapping[str, str], status: int = 200
    ) -> web.Response:
        page = await self._build(name, visit.reader, form, whole=False)
        token = await self._keys.token(visit.session)
        kept = {key: form[key] for key in ("key", "n") if form.get(key)}
        return self._pages.page(name, page, visit.reader, kept, token, status)

    async def _lexicon(self, visit: Visit) -> web.Response:
        """Words are tried in a thread, written into the file, and heard at once."""
        form = {**await self._proven(visit, LONGEST)}
        if form.get("do") == LOOK:
            return await self._again_with("lexicon", visit, form)
        by = visit.reader.member
        try:
            found = await self._look(
                lambda ctx: words.wanted(self._view(visit.reader, form, ctx), ctx)
            )
            await self._setup.write(found)
        except (Refused, ConfigError, LexiconError) as exc:
            group = {"n": form["id"]} if form.get("do") in ("accept", "reject") else {}
            told = {**form, **group, "refused": str(exc)}
            return await self._again_with("lexicon", visit, told, 409)
        to = await self._write(lambda ctx: words.settle(found, by, ctx))
        await library.refresh(self._app.knowledge, self._app.writer)
        return _moved(self._place.path + to, 303)

    def _view(
        self, reader: Reader, query: Mapping[str, str], ctx: Ctx, *, whole: bool = False
    ) -> View:
        return replace(door.view(reader, query, ctx, whole=whole), lent=self._setup.lent())

    async def _build(
        self, name: str, reader: Reader, query: Mapping[str, str], *, whole: bool
    ) -> Page:
        shown = pages.PAGES[name]

        def build(ctx: Ctx) -> Page:
            return shown.build(self._view(reader, query, ctx, whole=whole), ctx)

        return await self._look(build)

    async def _file(self, reader: Reader, page: Page, name: str, kind: str) -> web.Response:
        table = one(page, name)
        if table is None:
            raise Missing(name)
        await self._note(reader, f"console export {name} {len(table.rows)}", "")
        body = await asyncio.to_thread(export.written, table, kind, self._zone)
        answer = web.Response(body=body, headers={"Content-Type": export.TYPES[kind]})
        answer.headers.update(HEADERS)
        answer.headers["Content-Disposition"] = (
            f"attachment; filename*=UTF-8''{quote(_named(table, kind), safe='')}"
        )
        return answer

    async def _note(self, reader: Reader, what: str, customer: str) -> None:
        """Who looked is kept, as it is in the chat."""
        now = self._app.clock.now()
        await self._app.writer.do(
            lambda db: audit.note(db, who=reader.member, what=what, customer=customer, now=now)
        )

    # 重发

    async def _replay(self, visit: Visit) -> web.Response:
        form = await self._proven(visit)
        what, key = form.get("what", ""), form.get("id", "")
        done = await self._write(lambda ctx: running.replay(what, key, ctx))
        if done:
            await self._note(visit.reader, f"console replay {what}", "")
            self._app.ring()
        return _moved(f"{self._place.path}operations?done={'yes' if done else 'no'}", 303)

    async def _proven(self, visit: Visit, most: int = LARGEST) -> Mapping[str, str]:
        """The form of one of our pages: it brings the session's token, which nobody else can."""
        self._ours(visit.request)
        form = await _form(visit.request, most)
        if not await self._keys.proves(visit.session, form.get("token", "")):
            raise _Stop(403, STALE)
        return form

    def _ours(self, request: web.Request) -> None:
        if request.headers.get("Origin", self._place.origin) != self._place.origin:
            raise _Stop(403, ("请求不是从看板来的", "请回到看板，再点一次。"))

    # The store

    async def _look(self, view: Callable[[Ctx], T]) -> T:
        """Read on a connection of our own, in a thread of its own."""
        app, now = self._app, self._app.clock.now()

        def run() -> T:
            store = self._open_store()
            try:
                return view(app.ctx(store, "console", now))
            finally:
                store.close()

        async with self._turns:
            return await asyncio.to_thread(run)

    async def _write(self, act: Callable[[Ctx], T]) -> T:
        return await self._app.decide(self._cause(), lambda ctx: (act(ctx), []))

    def _cause(self) -> str:
        """Of this one tap: two at the same moment are two, and neither's messages are lost."""
        return f"console:{self._app.clock.now().isoformat()}:{secrets.token_hex(4)}"

    async def _write_and_say(
        self, act: Callable[[Ctx], tuple[str, Sequence[Action]]]
    ) -> tuple[str, Sequence[Action]]:
        """Where to go next, and what is sent; all of it or nothing."""
        cause = self._cause()

        def run(ctx: Ctx) -> tuple[tuple[str, Sequence[Action]], Sequence[Action]]:
            found = act(ctx)
            return found, found[1]

        return await self._app.decide(cause, run)


def _known(session: Session, ctx: Ctx) -> tuple[bool, Reader | None]:
    """Whether it still holds, and what its member may do now: a role that is lost is lost."""
    return passes.holds(ctx.db, session.nonce), door.reader(session.member, ctx)


def _begun(session: str, member: str, ctx: Ctx) -> None:
    passes.forget(ctx.db, ctx.now - KEPT)
    passes.begin(ctx.db, session, member, ctx.now)
    audit.note(ctx.db, who=member, what="console", customer="", now=ctx.now)


def _named(table: Table, kind: str) -> str:
    plain = "".join(ch for ch in table.title if ch.isalnum() or ch in " ·-")
    return f"{plain[:60]}.{kind}"


async def _form(request: web.Request, most: int = LARGEST) -> Mapping[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise _Stop(415, STALE)
    if (request.content_length or most + 1) > most:
        raise _Stop(413, STALE)
    return {key: _typed(value) for key, value in (await request.post()).items()
            if isinstance(value, str)}  # fmt: skip


def _typed(value: str) -> str:
    """As it was typed: browsers send lines the way of typewriters, and no store keeps a null."""
    return value.replace("\r\n", "\n").replace("\0", "").encode("utf-8", "replace").decode()


def _moved(to: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": to, "Cache-Control": "no-store"})
