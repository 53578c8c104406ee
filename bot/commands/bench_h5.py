"""The part `h5` of bench: a whole group answers on its page at the same moment."""

import asyncio
import random
import time
from dataclasses import dataclass
from statistics import median, quantiles

import aiohttp

from bot.commands.figures import BenchError, Figure, Size
from bot.sandbox import demo, stage
from bot.sandbox.stage import Stage
from bot.sidebar.session import Keyring
from handlers.games import host
from handlers.games.seat import Seat
from storage import games, groups
from storage.db import Db

CHAT, OWNER = "g1", "zhang"
WITHIN_S = 2.0
BARE = 50  # empty requests, to compare with
PATIENCE_S = 60
MOVED = 303


@dataclass(frozen=True, slots=True)
class Player:
    """A member whose page is open: the session's cookie and the form's token."""

    id: str
    cookie: str
    token: str


async def h5(size: Size) -> list[Figure]:
    """Each member sends one answer at a time of their own; all must be booked."""
    people = [f"m{n:04d}" for n in range(size.members)]
    async with stage.open_stage(start=demo.START, frozen=False, empty=True) as found:
        await found.running.writer.do(lambda db: _open(db, found, people))
        players = await _signed_in(found, people)
        base = await found.link(CHAT)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        ) as http:
            bare = [await _empty(http, found.url) for _ in range(BARE)]
            rng = random.Random("h5")
            waits = await asyncio.gather(*(_answer(http, base, one, rng) for one in players))
        booked = await found.running.writer.do(_booked)
    return _figures(list(waits), booked, len(people), median(bare))


def _open(db: Db, found: Stage, people: list[str]) -> None:
    ctx = found.running.app.ctx(db, "bench", found.clock.now())
    groups.put(db, chat_id=CHAT, name="量一量", kind="潜客", owner=OWNER, store="bj-cy",
               now=ctx.now)  # fmt: skip
    for who in people:
        groups.join(db, CHAT, who, who, ctx.now)
    host.start("猜价格", "", Seat(CHAT, OWNER, "群主", "bench"), ctx)


async def _signed_in(found: Stage, people: list[str]) -> list[Player]:
    keys = Keyring(found.running.writer, found.running.app.clock, "h5")
    players = []
    for who in people:
        cookie, session = await keys.begin(f"x/{who}")
        players.append(Player(who, cookie, await keys.token(session)))
    return players


async def _empty(http: aiohttp.ClientSession, url: str) -> float:
    began = time.perf_counter()
    async with http.get(f"{url}/healthz") as answer:
        await answer.read()
    return time.perf_counter() - began


async def _answer(
    http: aiohttp.ClientSession, base: str, player: Player, rng: random.Random
) -> float:
    price = 10 + rng.randrange(200) / 10
    form = {"t": player.token, "once": f"bench-{player.id}", "words": f"猜 {price}万",
            "page": "play"}  # fmt: skip
    await asyncio.sleep(rng.random() * WITHIN_S)
    began = time.perf_counter()
    async with http.post(
        f"{base}say", data=form, headers={"Cookie": f"salesbot_h5={player.cookie}"},
        allow_redirects=False, timeout=aiohttp.ClientTimeout(PATIENCE_S),
    ) as answer:  # fmt: skip
        if answer.status != MOVED:
            raise BenchError(f"有一个答案没有收下：HTTP {answer.status}")
    return time.perf_counter() - began


def _booked(db: Db) -> int:
    """How many answers the round holds."""
    return len(games.shown(db, CHAT)[0].body["guesses"])


def _figures(waits: list[float], booked: int, sent: int, bare: float) -> list[Figure]:
    cuts = quantiles(waits, n=100)
    against = f"一次空的 HTTP 往返 {bare * 1000:.1f} ms"
    return [
        Figure("h5", f"{sent} 人在 {WITHIN_S:g} 秒内作答，落盘后应答 p50",
               f"{cuts[49] * 1000:.0f} ms", cuts[49] / bare, against),
        Figure("h5", "同上，p99", f"{cuts[98] * 1000:.0f} ms", cuts[98] / bare,
               "发请求的和应答的在同一个进程里"),
        Figure("h5", "丢掉的答案", f"{sent - booked}", None, f"收到 {booked} 个"),
    ]  # fmt: skip
