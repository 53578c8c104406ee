"""Pull the archive: after a bell and by the clock, page by page, each kept with its place."""

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot import library
from bot.archive.messages import whole
from bot.archive.process import Broken, Gone, Process, Refusal
from bot.clock import Clock
from bot.writer import Writer
from storage import archive, inbox
from storage.archive import Sealed
from storage.db import Db

log = logging.getLogger(__name__)

PAGE = 1000  # the most that the library gives
PER_MINUTE = 4000  # calls that the platform allows
PAUSE_S, LONGEST_S = 1.0, 300.0
PATIENT = 3  # failures in a row after which what may pass by itself is told all the same
REINIT = 5  # and after which a new process may know better
CRASHES = 2  # of one message, after which it is left shut
ODD = "odd"
Opened = inbox.Kept | Sealed


@dataclass(frozen=True, slots=True)
class Setup:
    """What the library needs to know; `keys` are paths by version."""

    path: str
    corp_id: str
    secret: str
    keys: Mapping[int, str]
    proxy: str = ""
    password: str = ""
    timeout_s: int = 10
    every_s: float = 180.0

    def __repr__(self) -> str:
        return f"Setup({self.path!r}, ***)"


class Archive:
    """`said` tells the operators; `kept` rings when messages have been put into the inbox."""

    def __init__(
        self, setup: Setup, *, writer: Writer, clock: Clock, rng: random.Random,
        said: Callable[[str], Awaitable[None]], kept: Callable[[], None],
        patience_s: float = 0.0, pause_s: float = PAUSE_S, page: int = PAGE,
        per_minute: int = PER_MINUTE, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._setup = setup
        self._writer = writer
        self._clock = clock
        self._rng = rng
        self._said = said
        self._kept = kept
        self._pause_s = pause_s
        self._page = page
        self._per_minute = per_minute
        self._sleep = sleep
        self._process = Process(patience_s or setup.timeout_s + 30.0)
        self._bell = asyncio.Event()
        self._calls: deque[datetime] = deque()
        self._told: set[str] = set()  # what is wrong now
        self._mentioned: set[str] = set()
        self._crashes: dict[str, int] = {}
        self.problem = ""

    def ring(self) -> None:
        """The platform says that there is something new."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled; whatever goes wrong with the archive, the server goes on."""
        failures = 0
        try:
            while True:
                failures = 0 if await self._round(failures) else failures + 1
                if failures:
                    await self._sleep(self._wait_s(failures))
                else:
                    await self._rest()
        finally:
            await self._process.stop()

    async def _round(self, failures: int) -> bool:
        self._bell.clear()
        try:
            await self.pull()
        except Broken as exc:
            log.warning("archive: %s", exc)
            await self._complain(exc, failures)
            return False
        except Exception:  # a full disk, a store that is closing: tried again, like any round
            log.exception("archive: a round failed")
            self.problem = "内部错误，见日志"
            return False
        await self._well()
        return True

    async def _complain(self, exc: Broken, failures: int) -> None:
        """The same thing is told once until it is over; what may pass, when it has not."""
        self.problem = str(exc)
        if failures % REINIT == REINIT - 1:
            await self._process.stop()
        if self.problem in self._told or (exc.passing and failures < PATIENT - 1):
            return
        self._told.add(self.problem)
        await self._said(f"会话存档读不到：{exc}" + (f"；{exc.cure}" if exc.cure else ""))

    async def _well(self) -> None:
        self.problem = ""
        if self._told:
            self._told.clear()
            await self._said("会话存档已恢复，漏下的会接着读。")

    def _wait_s(self, failures: int) -> float:
        top: float = min(self._pause_s * 2 ** min(failures - 1, 20), LONGEST_S)
        return top * self._rng.uniform(0.5, 1.0)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._setup.every_s):
                await self._bell.wait()
        except TimeoutError:
            return

    # Pulling

    async def pull(self) -> None:
        """Everything there is now; raises Broken, and what was kept before that stays kept."""
        if not self._process.running:
            await self._start()
        while await self._next():
            continue

    async def _start(self) -> None:
        s = self._setup
        keys = {str(version): path for version, path in s.keys.items()}
        try:
            told = await self._process.ask(
                "start", path=s.path, corp_id=s.corp_id, secret=s.secret, keys=keys
            )
        except Refusal:
            await self._process.stop()  # what was not begun must begin anew
            raise
        for version, why in told["unread"].items():
            await self._once(f"会话存档第 {version} 版私钥用不了：{why}")
        await self._reopen(told["versions"])

    async def _once(self, sentence: str) -> None:
        if sentence not in self._mentioned:
            self._mentioned.add(sentence)
            await self._said(sentence)

    async def _next(self) -> bool:
        """One page; whether there may be another."""
        await self._budget()
        s = self._setup
        at = await self._writer.do(archive.seq)
        found = await self._process.ask(
            "page", seq=at, limit=self._page, proxy=s.proxy, password=s.password,
            timeout_s=s.timeout_s,
        )  # fmt: skip
        items = sorted(filter(_sound, found["items"]), key=lambda item: item["seq"])
        reached = await self._take(items, at)
        return reached > at and len(found["items"]) >= self._page

    async def _budget(self) -> None:
        minute = timedelta(minutes=1)
        while self._calls and self._clock.now() - self._calls[0] >= minute:
            self._calls.popleft()
        if len(self._calls) >= self._per_minute:
            left = self._calls[0] + minute - self._clock.now()
            await self._sleep(left.total_seconds())
            self._calls.clear()
        self._calls.append(self._clock.now())

    async def _take(self, items: Sequence[Mapping[str, Any]], at: int) -> int:
        """Open them and keep them; of a page that breaks off, what was opened before."""
        opened: list[Opened] = []
        reached = at
        try:
            for item in items:
                opened.append(await self._opened(_shut(item)))
                reached = max(reached, item["seq"])
        except Broken:
            await self._keep(opened, reached)
            raise
        await self._keep(opened, reached)
        return reached

    async def _opened(self, found: Sealed) -> Opened:
        if self._crashes.get(found.msgid, 0) >= CRASHES:
            return _because(found, "crash")
        try:
            told = await self._process.ask(
                "open", version=found.version, random_key=found.random_key, body=found.body
            )
        except Gone:
            self._crashes[found.msgid] = self._crashes.get(found.msgid, 0) + 1
            raise
        except Refusal as exc:
            return _because(found, f"sdk {exc.code}")
        if "shut" in told:
            return found
        return _read(found, str(told["text"]))

    async def _keep(self, opened: Sequence[Opened], reached: int) -> None:
        now = self._clock.now()
        told = await self._writer.do(lambda db: _store(db, opened, reached, now))
        for sentence in told:
            await self._said(sentence)
        if any(isinstance(one, inbox.Kept) for one in opened):
            self._kept()

    async def _reopen(self, versions: Sequence[int]) -> None:
        """What waited for a key that is there now."""
        after, now = 0, self._clock.now()
        while batch := await self._waiting(versions, after):
            opened = [await self._opened(one) for one in batch]
            read = [(one.msgid, got) for one, got in zip(batch, opened, strict=True)
                    if isinstance(got, inbox.Kept)]  # fmt: skip
            await self._writer.do(lambda db, read=read: _release(db, read, now))  # type: ignore[misc]
            if read:
                self._kept()
            after = batch[-1].seq

    async def _waiting(self, versions: Sequence[int], after: int) -> list[Sealed]:
        return await self._writer.do(lambda db: archive.sealed(db, versions, after))


def _sound(item: Any) -> bool:
    """Without a place nothing can be kept; it has never been seen."""
    return isinstance(item, dict) and isinstance(item.get("seq"), int)


def _shut(item: Mapping[str, Any]) -> Sealed:
    version = str(item.get("publickey_ver"))
    return Sealed(
        str(item.get("msgid") or f"seq-{item['seq']}"), item["seq"],
        int(version) if version.isdecimal() else 0, str(item.get("encrypt_random_key") or ""),
        str(item.get("encrypt_chat_msg") or ""), archive.NO_KEY,
    )  # fmt: skip


def _because(found: Sealed, why: str) -> Sealed:
    return Sealed(found.msgid, found.seq, found.version, found.random_key, found.body, why)


def _read(found: Sealed, text: str) -> Opened:
    """The message's own id is the one that a recall names; it may differ from the envelope's."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return _because(found, ODD)
    if not isinstance(data, dict) or not whole(data):
        return _because(found, ODD)
    data = {**data, "msgid": str(data.get("msgid") or found.msgid)}
    kept = library.archived(data)
    return inbox.Kept(kept.id, kept.channel, kept.lane, kept.body)


def _store(db: Db, opened: Sequence[Opened], reached: int, now: datetime) -> list[str]:
    """Keep everything and move on; returns what the operators must hear of."""
    known = {(row["version"], row["why"]) for row in archive.shut(db)}
    fresh = {}
    for one in opened:
        if isinstance(one, inbox.Kept):
            inbox.keep(db, one, now)
        elif archive.seal(db, one, now) and (one.version, one.why) not in known:
            fresh[one.version, one.why] = one
    archive.move(db, reached, now)
    return [_sentence(one) for one in fresh.values()]


def _sentence(one: Sealed) -> str:
    if one.why == archive.NO_KEY:
        return (f"会话存档有用第 {one.version} 版公钥加密的消息，没有能打开它的私钥。消息先封存着，"
                "把这一版的私钥加进 wecom.archive.private_keys 并重启后会自动补读。")  # fmt: skip
    why = "SDK 两次在它上面崩溃" if one.why == "crash" else f"打不开或读不懂（{one.why}）"
    return f"会话存档有一条消息（{one.msgid}）{why}，已封存，其余照常读。"


def _release(db: Db, read: Sequence[tuple[str, inbox.Kept]], now: datetime) -> None:
    for msgid, kept in read:
        inbox.keep(db, kept, now)
        archive.unseal(db, msgid)
