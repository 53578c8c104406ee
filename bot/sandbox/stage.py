"""The whole bot and the pretend WeCom in one process, joined by real HTTP on loopback."""

import hashlib
import json
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot import library, server
from bot.app import Knowledge
from bot.clock import SandboxClock, WallClock
from bot.config import Config, Server, Storage, Wecom
from bot.sandbox import demo, phones, player
from bot.sandbox.origin import ours, refusal
from bot.sandbox.player import PlayError, Step
from bot.sandbox.wecom import Pretend
from bot.sandbox.world import Impossible, World
from bot.server import Keys, Running
from bot.wecom.cipher import fresh_keys
from bot.wecom.envelope import Channel
from handlers import h5_address
from handlers.settings import Reach
from scriptbank import facts
from scriptbank.bank import Bank
from storage import customers, games
from storage.db import Db

Result = dict[str, Any]
UPLOADS = 32 * 1024 * 1024  # the pretend API takes files of up to 20 MB
LINKED = {
    phones.MATERIAL: (re.compile(r"https?://\S+/h5/m/\S+/"),
                      "还没有人要过素材链接；先写 advisor zhang: 素材链接 1 王女士"),
    phones.RATING: (re.compile(r"https?://\S+/h5/r/\S+/"),
                    "还没有评价链接；到店之后两小时，顾问点“给我链接”才有"),
}  # fmt: skip
USUAL = "http://127.0.0.1:8080"
MINUTE = timedelta(minutes=1)
NAP = timedelta(minutes=10)
BETWEEN = timedelta(seconds=5)  # what passes between two lines of a play


@dataclass(frozen=True, slots=True)
class PrivateLine:
    """Something said between a customer and an advisor, or in a customer group."""

    n: int
    at: datetime
    chat: str  # userid of the advisor, or chat_id
    customer: str
    who: str  # customer or advisor
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a member typed to the app or the aibot, so that the page can show it."""

    order: int
    at: datetime
    surface: str
    who: str
    chat: str
    text: str


@dataclass
class Stage:
    """Everything on it is reached the way the platform reaches it, callbacks and API included."""

    running: Running
    pretend: Pretend
    clock: SandboxClock
    url: str
    archive: bool = False
    private: list[PrivateLine] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.phones = phones.Phones(self.link)

    # What people do

    async def say(self, to: str, sender: str, text: str, group: str | None = None) -> Result:
        where = group or sender
        self.said.append(Said(len(self.said), self.clock.now(), to, sender, where, text))
        return await self.pretend.say(to, sender, text, group)

    async def tap(self, sender: str, button: str, n: int | None = None) -> Result:
        order = len(self.said)
        self.said.append(Said(order, self.clock.now(), "app", sender, sender, f"［点按］{button}"))
        return await self.pretend.tap(sender, button, n)

    async def say_private(self, customer: str, chat: str, text: str, who: str = "customer") -> None:
        """A private chat or customer group: the bot reads it only where the archive is on."""
        number = len(self.private) + 1
        line = PrivateLine(number, self.clock.now(), chat, customer, who, text)
        self.private.append(line)
        if self.archive:
            await self._archive(line)

    async def _archive(self, line: PrivateLine) -> None:
        group = line.chat in self.pretend.api.contacts.chats
        sender, to = (
            (line.customer, line.chat) if line.who == "customer" else (line.chat, line.customer)
        )
        message = {
            "msgid": f"sandbox-{line.n}_external", "action": "send", "from": sender,
            "tolist": [] if group else [to], "roomid": line.chat if group else "",
            "msgtime": int(line.at.timestamp() * 1000), "msgtype": "text",
            "text": {"content": line.text},
        }  # fmt: skip
        await self.running.app.keep(library.archived(message))

    async def consent(self, customer: str, agreed: bool) -> None:
        at = None if agreed else self.clock.now()
        await self.running.writer.do(
            lambda db: customers.change(db, customer, archive_refused_at=at)
        )

    async def move(self, to: datetime, every: timedelta = MINUTE) -> None:
        """Let time pass to that moment, with every tick between; at night fewer, as all sleep."""
        if to <= self.clock.now():
            self.clock.set(to)
            return
        knock = _next_minute(self.clock.now())
        while knock <= to:
            self.clock.set(knock)
            await self.running.app.tick()
            await self.running.app.idle()
            knock += max(every, NAP) if _asleep(knock) else every
        self.clock.set(to)

    # A play

    async def play(self, steps: list[Step]) -> AsyncIterator[str]:
        """Perform a conversation file; yields what people receive, as it is printed."""
        seen = len(self.pretend.received())
        for n, step in enumerate(steps):
            try:
                if step.verb == "page":
                    yield await self._page(step)
                await self._perform(step)
            except Impossible as wrong:
                raise PlayError(f"第{step.number}行：{wrong}") from None
            # @clock +0s between two lines makes them one burst
            burst = any(s.verb == "@clock" and s.text == "+0s" for s in steps[n : n + 2])
            if not burst or n + 1 == len(steps):
                await self.running.app.idle()
                self.clock.add(BETWEEN)
            for item in self.pretend.received(seen):
                seen = item["n"]
                if not item.get("dropped"):
                    yield player.shown(item).replace(self.url, USUAL)  # the port is any free one

    async def link(self, chat: str) -> str:
        """The address that the group's owner would paste, or that an advisor was given."""
        if chat in LINKED:
            return self._handed_out(chat)
        now, app = self.clock.now(), self.running.app
        return await app.writer.do(lambda db: h5_address.link(chat, app.ctx(db, "link", now)))

    def _handed_out(self, what: str) -> str:
        """What an advisor was given last."""
        link, missing = LINKED[what]
        texts = (str(item.get("text") or "") for item in reversed(self.pretend.received()))
        found = next((m for text in texts if (m := link.search(text))), None)
        if found is None:
            raise PlayError(missing)
        return found[0]

    async def _page(self, step: Step) -> str:
        said = await self.phones.does(step.who, step.to, step.text)
        return player.shown({"to": step.who, "type": "text", "text": said})

    async def _perform(self, step: Step) -> None:
        if step.verb in ("advisor", "manager"):
            await self.say("app", step.who, step.text)
        elif step.verb == "tap":
            await self.tap(step.who, step.text)
        elif step.verb == "group":
            await self.say("aibot", step.who, step.text, step.to)
        elif step.verb == "kf":
            await self.say("kf", step.who, step.text)
        elif step.verb == "customer":
            await self.say_private(step.who, step.to, step.text)
        elif step.verb == "event":
            await self.pretend.event(step.who, **player.fields(step.text))
        elif step.verb == "@clock":
            await self.move(player.target(step.text, self.clock.now()))
        elif step.verb == "@fault":
            self.pretend.callbacks.faults.told(step.text)
        elif step.verb == "@archive":
            self.archive = step.text == "on"
        elif step.verb == "@consent":
            who, _, state = step.text.partition(" ")
            await self.consent(who, state == "on")


More = Callable[[Stage], list[web.RouteDef]]


def _asleep(at: datetime) -> bool:
    return at.astimezone(player.ZONE).hour < 7


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)


@asynccontextmanager
async def open_stage(
    *, start: datetime, frozen: bool, port: int = 0, empty: bool = False,
    knowledge: Knowledge | None = None, folder: Path | None = None, more: More | None = None,
    store: str = "sqlite:///sandbox.db",
) -> AsyncIterator[Stage]:  # fmt: skip
    """Serve it on loopback; `folder` None keeps the store in a temporary one."""
    with tempfile.TemporaryDirectory(prefix="salesbot-") as temporary:
        base = folder or Path(temporary)
        wish = _Wish(start, frozen, empty, knowledge, more, store)
        async with (
            aiohttp.ClientSession() as session,
            _serving(base, session, _Site(port), wish) as stage,
        ):
            yield stage


@dataclass(frozen=True, slots=True)
class _Wish:
    """How the stage is to be set."""

    start: datetime
    frozen: bool
    empty: bool
    knowledge: Knowledge | None
    more: More | None
    store: str


@asynccontextmanager
async def _serving(
    base: Path, session: aiohttp.ClientSession, site: "_Site", wish: _Wish
) -> AsyncIterator[Stage]:
    clock = SandboxClock(wish.start, frozen=wish.frozen)
    world = demo.world()
    known = wish.knowledge or load()
    # The port is needed before the routes are known, since the API base is on it.
    url = await site.bind()
    config = _config(world, base, site.port, url)
    config = config.model_copy(update={"storage": Storage(url=wish.store)})
    ids = Keys(world.corp_id, world.agent_id, world.app_secret, world.contact_secret,
               _channels(world))  # fmt: skip
    async with server.assemble(
        config, ids, clock, session, knowledge=known, lanes=1 if wish.frozen else 4,
        salt="sandbox", bot_name=world.bot_name,
    ) as running:  # fmt: skip
        await running.writer.do(lambda db: _prepare(db, known, clock.now(), wish.empty))
        if wish.frozen:
            await running.writer.do(_open_secrets)
        pretend = Pretend(
            world, clock.now, WallClock().now, session, base_url=config.wecom.api_base,
            poll_s=0.05 if wish.frozen else 1.0,
        )  # fmt: skip
        stage = Stage(running, pretend, clock, url)
        site.app.add_routes(server.routes(running, ids.channels, 3600))
        site.app.add_routes(pretend.routes())
        site.app.add_routes(wish.more(stage) if wish.more else [])
        async with site:
            await pretend.connect(_addresses(url, ids.channels))
            yield stage
            await stage.phones.close()
            await pretend.close()


def _config(world: World, base: Path, port: int, url: str) -> Config:
    return Config(
        server=Server(port=port, public_url=url),
        wecom=Wecom(
            corp_id=world.corp_id, api_base=f"{url}/sandbox/wecom",
            oauth_base=f"{url}/sandbox/wecom", jssdk_url=f"{url}/sandbox/wecom/jssdk.js",
        ),
        settings=demo.SETTINGS.model_copy(update={"reach": Reach(pages=url)}), folder=base,
    )  # fmt: skip


@asynccontextmanager
async def open_wecom(port: int, start: datetime) -> AsyncIterator[str]:
    """The pretend WeCom alone, for other people's programs."""
    clock = SandboxClock(start, frozen=False)
    site = _Site(port)
    url = await site.bind()
    async with aiohttp.ClientSession() as session:
        base = f"{url}/sandbox/wecom"
        pretend = Pretend(demo.world(), clock.now, WallClock().now, session, base_url=base)
        site.app.add_routes(pretend.routes())
        site.app.router.add_get("/healthz", _alive)
        site.app.router.add_post("/sandbox/clock", _clock_of(clock))
        async with site:
            yield url


def _clock_of(clock: SandboxClock) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def set_clock(request: web.Request) -> web.Response:
        if not ours(request):
            return refusal()
        try:
            body = json.loads(await request.read())
            clock.set(player.moment(body, clock.now()))
        except (PlayError, ValueError, KeyError, TypeError, AttributeError) as wrong:
            return web.json_response({"ok": False, "error": str(wrong)}, status=400)
        return web.json_response({"ok": True, "at": clock.now().isoformat()})

    return set_clock


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


def load() -> Knowledge:
    """The lexicon, the shipped scripts and the quiz."""
    return Knowledge(
        library.shipped_lexicon(), Bank(library.shipped()), library.quiz(), facts.load()
    )


def _prepare(db: Db, known: Knowledge, end: datetime, empty: bool) -> None:
    """Scripts and history, unless the store that was given has them."""
    if library.stored(db):
        return
    library.save(db, known.bank.all(), end - timedelta(days=demo.DAYS))
    if not empty:
        demo.fill(db, known, end)


def _open_secrets(db: Db) -> None:
    """A play shows the same codes, tickets and addresses each time."""
    for name in ("prizes", "draws", "h5"):
        games.given(db, name, hashlib.sha256(name.encode()).hexdigest())


def _channels(world: World) -> Mapping[str, Channel]:
    """Fresh keys for each start; nobody outside this process needs them."""
    return {
        name: Channel(
            name, *fresh_keys(),
            "" if name == "aibot" else world.corp_id, "json" if name == "aibot" else "xml",
        )
        for name in ("app", "contact", "kf", "aibot")
    }  # fmt: skip


def _addresses(url: str, channels: Mapping[str, Channel]) -> Mapping[str, Mapping[str, str]]:
    return {
        name: {"url": f"{url}/callback/{name}", "token": c.token, "encoding_aes_key": c.aes_key}
        for name, c in channels.items()
    }


class _Site:
    """A server whose port is known before its routes are."""

    def __init__(self, port: int) -> None:
        self.app = web.Application(client_max_size=UPLOADS)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._wanted = port
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def bind(self) -> str:
        self._socket.bind(("127.0.0.1", self._wanted))
        self.port = int(self._socket.getsockname()[1])
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "_Site":
        self._runner = web.AppRunner(self.app, **server.GUARDS)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()
        return self

    async def __aexit__(self, *_: Any) -> None:
        if self._runner:
            await self._runner.cleanup()
