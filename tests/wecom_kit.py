"""A small company, its clock, an inbox in memory and both servers, for the tests of the edge."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from bot.sandbox.wecom import Customer, Group, Internal, Member, Pretend, World
from bot.wecom import callback
from bot.wecom.client import Client
from bot.wecom.envelope import Channel, Kept

TOKEN = "qiwoTok7Vx"
AES_KEY = "9Zc2Qw7LrT4yUv0XbN6mKe1Ga8HsJd3PfRo5iCtVlEg"
CORP = "wwdemo0000000001"
WORLD = World(
    corp_id=CORP,
    agent_id=1000002,
    app_secret="app-secret",
    contact_secret="contact-secret",
    aibot_id="aib-demo",
    members=(Member("zhang", "张伟"), Member("chen", "陈静"), Member("Lin.Advisor", "林")),
    customers=(Customer("wang", "王女士", ("zhang",)), Customer("li", "李先生", ("zhang", "chen"))),
    groups=(Group("g1", "S6 车主群", "zhang", ("wang", "li")),),
    internal=(Internal("team", "门店内部群", ("zhang", "chen")),),
    bot_name="小福",
)
MORNING = datetime(2026, 3, 6, 1, 0, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = MORNING

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Notebook:
    """An inbox that keeps in memory. `replies` maps a message's words to its passive reply."""

    kept: list[Kept] = field(default_factory=list)
    reply: Callable[[Kept], str | None] = lambda kept: ""
    down: int = 0  # how many more times keeping fails
    waited: list[float] = field(default_factory=list)
    given: list[str] = field(default_factory=list)  # ids whose reply went out in the answer

    async def keep(self, kept: Kept) -> bool:
        if self.down:
            self.down -= 1
            raise OSError("disk full")
        known = any(one.id == kept.id for one in self.kept)
        if not known:
            self.kept.append(kept)
        return not known

    async def answer(self, message_id: str, wait_s: float) -> str | None:
        self.waited.append(wait_s)
        for kept in self.kept:
            if kept.id == message_id:
                return self.reply(kept)
        raise LookupError(message_id)

    async def gave(self, message_id: str) -> None:
        self.given.append(message_id)


def channels() -> dict[str, Channel]:
    return {
        "app": Channel("app", TOKEN, AES_KEY, CORP),
        "contact": Channel("contact", "contactTok", AES_KEY[::-1], CORP),
        "aibot": Channel("aibot", "botTok", AES_KEY, "", "json"),
    }


def counter() -> Counter:
    registry = CollectorRegistry()
    return Counter("salesbot_callbacks", "callbacks", ["path", "result"], registry=registry)


def counted(metrics: Counter) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["path"], sample.labels["result"]): sample.value
        for metric in metrics.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }


@dataclass
class Street:
    """The bot's callback side and the pretend WeCom, facing each other."""

    pretend: Pretend
    inbox: Notebook
    clock: Clock
    metrics: Counter
    client: Client
    http: aiohttp.ClientSession
    bot_url: str
    wecom_url: str

    def said(self, to: str | None = None) -> list[str]:
        return [item["text"] for item in self.pretend.received() if to in (None, item["to"])]


async def street(aiohttp_server, http: aiohttp.ClientSession, **settings) -> Street:
    clock, inbox, metrics = Clock(), Notebook(), counter()
    real = Clock(datetime(2026, 11, 22, tzinfo=UTC))
    app = web.Application()
    app.add_routes(callback.routes(channels(), inbox, real, 3600, metrics))
    bot = await aiohttp_server(app)
    quick = {"poll_s": 0.0, "repeat_s": 0.0, "limit_s": 1.0}
    pretend = Pretend(WORLD, clock, real, http, **{**quick, **settings})
    wecom_app = web.Application()
    wecom_app.add_routes(pretend.routes())
    wecom = await aiohttp_server(wecom_app)
    bot_url, wecom_url = (str(server.make_url("")).rstrip("/") for server in (bot, wecom))
    client = Client(http, wecom_url, CORP, clock)
    found = Street(pretend, inbox, clock, metrics, client, http, bot_url, wecom_url)
    await pretend.connect(addresses(bot_url))
    return found


def addresses(bot_url: str) -> dict[str, dict[str, str]]:
    return {
        name: {
            "url": f"{bot_url}/callback/{name}",
            "token": channel.token,
            "encoding_aes_key": channel.aes_key,
        }
        for name, channel in channels().items()
    }
