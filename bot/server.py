"""The HTTP side and the assembly: from a Config to a running App."""

import asyncio
import logging
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from bot import library, stores
from bot.app import App
from bot.archive import keys as archive_keys
from bot.archive.puller import Archive, Setup
from bot.clock import Clock, WallClock
from bot.config import Aibot, Config, ConfigError
from bot.connect.routes import Connect
from bot.console.routes import Console
from bot.console.routes import Place as Door
from bot.console.setup import Setup as Desk
from bot.gate import Gate
from bot.h5.materials import Materials
from bot.h5.routes import H5
from bot.h5.stars import Stars
from bot.health import Health, Ways
from bot.outbox import Sender
from bot.shares import Shares
from bot.sidebar.routes import Place, Sidebar
from bot.wecom import callback
from bot.wecom.client import Client, Shelf
from bot.wecom.envelope import Channel
from bot.wecom.longlink import LongLink
from bot.writer import Store, Writer
from storage.db import StorageError

log = logging.getLogger(__name__)
# No access log, since the query holds signatures; a compressed body reaches our own refusal
# instead of being unpacked; a refused, unfinished body does not keep its connection.
GUARDS: dict[str, Any] = {"access_log": None, "auto_decompress": False, "lingering_time": 1}
VERIFY_NAME = "WW_verify_"


@dataclass(frozen=True, slots=True)
class Keys:
    """The app's identity, read from the configuration when it is needed."""

    corp_id: str
    agent_id: int
    secret: str
    contact_secret: str  # the app's, unless the corporation still has one for 客户联系
    channels: Mapping[str, Channel]
    kf_secret: str = ""  # the app's where it is empty
    bot_secret: str = ""  # of the aibot's long connection, where that is on
    archive: Setup | None = None  # where the chat archive is read, not only rung for
    hooks: Mapping[str, str] = field(default_factory=dict)  # addresses of group robots by name


def keys(config: Config) -> Keys:
    """Every secret that the switched-on channels need; a missing one is an error with its name."""
    wecom = config.wecom
    if not wecom.corp_id or wecom.app is None:
        raise ConfigError(
            "wecom.corp_id 和 [wecom.app] 没有填；没有企业微信账号请先运行 salesbot sandbox"
        )
    app = wecom.app
    channels = {"app": _channel(config, "app")}
    for name in ("contact", "kf", "archive"):
        if getattr(wecom, name) is not None:
            channels[name] = _channel(config, name)
    if wecom.aibot is not None and wecom.aibot.mode == "callback":
        channels["aibot"] = _channel(config, "aibot")
    secret = app.secret.get("wecom.app.secret")
    own = wecom.contact.secret if wecom.contact else None
    contact = own.get("wecom.contact.secret") if own else secret
    kf = wecom.kf.secret.get("wecom.kf.secret") if wecom.kf and wecom.kf.secret else ""
    return Keys(
        wecom.corp_id, app.agent_id, secret, contact, channels, kf, _bot_secret(config),
        archive(config), _hooks(config),
    )  # fmt: skip


def _hooks(config: Config) -> dict[str, str]:
    """Robots by name; whoever names one that does not exist reads so at the start."""
    found = {hook.name: hook.url.get("webhooks.url") for hook in config.webhooks}
    for manager in config.settings.managers:
        if manager.webhook and not found.get(manager.webhook):
            raise ConfigError(f"{manager.userid} 的 webhook 是 {manager.webhook!r}，"
                              "但没有这个名字的 [[webhooks]]，或它的 url 是空的")  # fmt: skip
    for hook in config.webhooks:
        if hook.chat and not found[hook.name]:
            raise ConfigError(f"[[webhooks]] {hook.name} 填了 chat，但 url 是空的")
    return found


def archive(config: Config) -> Setup | None:
    """What the archive's process needs; None where no library is named."""
    own, wecom = config.wecom.archive, config.wecom
    if own is None or not own.sdk_path:
        return None
    secret = own.secret.get("wecom.archive.secret")
    found = archive_keys.versions(config)
    if not secret or not found:
        missing = "private_keys" if secret else "secret"
        raise ConfigError(f"填了 wecom.archive.sdk_path，还要填 wecom.archive.{missing}")
    return Setup(
        str(config.path(own.sdk_path).absolute()), wecom.corp_id, secret, found, own.proxy,
        own.proxy_password.get("wecom.archive.proxy_password"), own.timeout_s, own.every_s,
    )  # fmt: skip


def _bot_secret(config: Config) -> str:
    aibot = config.wecom.aibot
    if aibot is None or aibot.mode != "websocket":
        return ""
    secret = aibot.secret.get("wecom.aibot.secret")
    if not aibot.bot_id or not secret:
        raise ConfigError("长连接要填 wecom.aibot.bot_id 和 wecom.aibot.secret（机器人详情页里）")
    return secret


def _channel(config: Config, name: str) -> Channel:
    app = config.wecom.app
    own = getattr(config.wecom, name)
    values = {}
    for part in ("token", "encoding_aes_key"):
        from_own = bool(getattr(own, part)) or name in ("app", "aibot")
        section, holder = (name, own) if from_own else ("app", app)
        key = f"wecom.{section}.{part}"
        values[part] = getattr(holder, part).get(key)
        if not values[part]:
            raise ConfigError(f"{key} 是空的；请填企业微信后台生成的值，空值等于不验证签名")
    receive_id = "" if name == "aibot" else config.wecom.corp_id
    style = "json" if name == "aibot" else "xml"
    try:
        return Channel(name, values["token"], values["encoding_aes_key"], receive_id, style)
    except ValueError:
        raise ConfigError(
            f"wecom.{name}.encoding_aes_key 不对：要 43 位字母和数字，现在是"
            f" {len(values['encoding_aes_key'])} 位"
        ) from None


@dataclass(slots=True)
class Running:
    """What is alive while the program runs."""

    app: App
    writer: Writer
    client: Client
    config: Config
    ids: Keys
    link: LongLink | None = None
    gate: Gate | None = None  # before the callbacks, where addresses are looked at
    archive: Archive | None = None

    async def run(self) -> None:
        """Handle, send and listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.app.run())
            group.create_task(self.listen())

    async def listen(self) -> None:
        """What the platform wants from one process only: the long connection, the archive."""
        async with asyncio.TaskGroup() as group:
            if self.link is not None:
                group.create_task(self.link.run())
            if self.archive is not None:
                group.create_task(self.archive.run())

    async def knock(self) -> None:
        """Once a minute: take over changed files, then do what is due."""
        await self.refresh()
        await self.app.tick()
        zone = ZoneInfo(self.config.settings.timezone)
        await library.teach(self.app.knowledge, self.writer, self.app.clock.now(), zone)

    async def refresh(self) -> None:
        """Take over what changed in files and in the library; each process for itself."""
        if self.gate is not None:
            await self.gate.refresh()
        said = await library.refresh(self.app.knowledge, self.writer)
        for sentence in said:
            log.warning("%s", sentence)
        if said:
            await self.app.tell_operators(said)


@asynccontextmanager
async def assemble(
    config: Config, ids: Keys, clock: Clock, session: aiohttp.ClientSession, *,
    open_store: Callable[[], Store] | None = None, knowledge: library.Knowledge | None = None,
    lanes: int = 32, salt: str = "", bot_name: str = "",
) -> AsyncIterator[Running]:  # fmt: skip
    """Open the store, read the lexicon and the scripts, build the App; close in reverse order."""
    loop = asyncio.get_running_loop()
    writer = Writer(open_store or opener(config), loop)
    door = None if open_store else _door(config, loop)
    await writer.start()
    try:
        if door is not None:
            await door.start()
        shares = Shares(door)
        known = knowledge or await library.read(config, writer)
        shelf = Shelf(writer)
        client = Client(session, config.wecom.api_base, ids.corp_id, clock.now, shelf)
        sender = Sender(
            writer=door or writer, client=client, secret=ids.secret,
            contact_secret=ids.contact_secret, agent_id=ids.agent_id, clock=clock, lanes=lanes,
            rng=random.Random(salt or None),
            folder=config.materials(), kf_secret=ids.kf_secret, hooks=ids.hooks,
            operators=config.settings.access.operators, shadow=config.server.shadow, shares=shares,
        )  # fmt: skip
        app = App(config.settings, ids.corp_id, bot_name, clock, writer, sender, known, salt,
                  shadow=config.server.shadow, shares=shares)  # fmt: skip
        running = Running(app, writer, client, config, ids)
        if config.wecom.callback_ips:
            running.gate = Gate(client, ids.secret, clock.now)
        if ids.bot_secret:
            running.link = sender.link = _link(config, ids, session, app, salt)
        if ids.archive:
            running.archive = _archive(ids.archive, app, salt)
            app.on_bell = running.archive.ring
        yield running
    finally:
        if door is not None:
            await door.close()
        await writer.close()


def _door(config: Config, loop: asyncio.AbstractEventLoop) -> Writer | None:
    """A second connection where the store is shared: for callbacks, for sending, for the locks.

    What it does is right however it falls between the decisions of others, so none waits for it.
    """
    if not stores.shared(config):
        return None
    return Writer(lambda: stores.opened(config, serial=False), loop)


def _link(
    config: Config, ids: Keys, session: aiohttp.ClientSession, app: App, salt: str
) -> LongLink:
    async def said(sentence: str) -> None:
        await app.tell_operators([sentence])

    aibot = config.wecom.aibot or Aibot()
    return LongLink(
        session=session, url=aibot.ws_url, bot_id=aibot.bot_id, secret=ids.bot_secret,
        keep=app.keep, rng=random.Random(salt or None), said=said,
    )  # fmt: skip


def _archive(setup: Setup, app: App, salt: str) -> Archive:
    async def said(sentence: str) -> None:
        await app.tell_operators([sentence])

    return Archive(setup, writer=app.writer, clock=app.clock, rng=random.Random(salt or None),
                   said=said, kept=app.ring)  # fmt: skip


def opener(config: Config) -> Callable[[], Store]:
    return lambda: stores.current(config)


@asynccontextmanager
async def shelf(config: Config) -> AsyncIterator[Shelf | None]:
    """The tokens that `serve` and the commands share; none where there is no store yet.

    A command that fetched its own would do no harm, but each has its share of the day's fetches.
    """
    if not _in_step(config):
        yield None
        return
    writer = Writer(lambda: stores.opened(config), asyncio.get_running_loop())
    await writer.start()
    try:
        yield Shelf(writer)
    finally:
        await writer.close()


def _in_step(config: Config) -> bool:
    """Whether there is a store that lacks no step; a broken one is told of by whoever needs it."""
    if not stores.there(config):
        return False
    try:
        store = stores.opened(config)
        try:
            return not store.pending()
        finally:
            store.close()
    except (StorageError, sqlite3.DatabaseError):
        return False


def routes(running: Running, channels: Mapping[str, Channel], window_s: int) -> list[web.RouteDef]:
    """Callbacks, sidebar, group pages, the connecting page, health, metrics, the domain check."""
    registry = CollectorRegistry()
    counter = Counter("salesbot_callbacks", "Callbacks by path and result", ["path", "result"],
                      registry=registry)  # fmt: skip
    ways = _ways(running)
    door = callback.routes(channels, running.app, WallClock().now, window_s, counter, ways)
    if running.gate is not None:
        gate = running.gate
        door = [web.route(r.method, r.path, gate.guard(r.handler), **r.kwargs) for r in door]
    found = [
        *door,
        *Sidebar(running.app, running.client, _place(running)).routes(),
        *H5(running.app, running.client, _place(running)).routes(),
        *Materials(
            running.app, running.client, _place(running), running.config.materials()
        ).routes(),
        *Stars(running.app, _place(running)).routes(),
        *_console(running).routes(),
        *Connect(ways, running.app.clock, running.config, channels).routes(),
        *Health(ways, registry).routes(),
    ]
    if running.config.server.verify_dir:
        folder = running.config.path(running.config.server.verify_dir)
        found.append(web.get("/" + VERIFY_NAME + "{name:[A-Za-z0-9]{1,64}}.txt", _verifier(folder)))
    return found


def _ways(running: Running) -> Ways:
    ids, link = running.ids, running.link
    on = frozenset((*ids.channels, *(["aibot"] if ids.bot_secret else [])))

    def linked() -> str | None:
        return link.problem if link is not None else None

    return Ways(running.writer, running.app.clock.now, on, bool(ids.hooks), linked)


def _console(running: Running) -> Console:
    ids, config = running.ids, running.config
    place = Door(config.server.public_url, config.wecom.oauth_base, ids.corp_id, ids.agent_id,
                 ids.secret)  # fmt: skip
    on = frozenset((*ids.channels, *(["aibot"] if ids.bot_secret else [])))
    setup = Desk(lambda: running.config, on, bool(ids.hooks))
    return Console(running.app, running.client, place,
                   lambda: stores.opened(config, serial=False), setup)  # fmt: skip


def _place(running: Running) -> Place:
    ids, wecom = running.ids, running.config.wecom
    return Place(
        running.config.server.public_url, wecom.oauth_base, wecom.jssdk_url, ids.corp_id,
        ids.agent_id, ids.secret, ids.contact_secret,
    )  # fmt: skip


def _verifier(folder: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def verify(request: web.Request) -> web.StreamResponse:
        """WeCom's check that the domain is ours: a small file at the root."""
        path = folder / f"{VERIFY_NAME}{request.match_info['name']}.txt"
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)

    return verify
