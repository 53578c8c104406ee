"""The callback addresses an administrator has set, and the way out through them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

import aiohttp

from bot.sandbox.faults import Faults
from bot.sandbox.push import Address, Delivery, Pusher
from bot.sandbox.world import Impossible
from bot.wecom.cipher import Channel

CHANNELS = ("app", "contact", "kf", "archive", "aibot")


class Callbacks:
    """Time stamps follow `real_now`, since receivers compare them with their own clock."""

    def __init__(
        self,
        corp_id: str,
        http: aiohttp.ClientSession | None,
        real_now: Callable[[], datetime],
        repeat_s: float,
        limit_s: float,
    ) -> None:
        self.keys: dict[str, dict[str, str]] = {}
        self.faults = Faults()
        self._held: list[tuple[str, str]] = []  # what is delivered after the one behind it
        self.problems: list[str] = []  # what was wrong with deliveries and their answers
        self._corp_id = corp_id
        self._http = http
        self._real_now = real_now
        self._repeat_s = repeat_s
        self._limit_s = limit_s
        self._addresses: dict[str, Address] = {}

    def has(self, channel: str) -> bool:
        return channel in self._addresses

    def require(self, channel: str) -> Address:
        address = self._addresses.get(channel)
        if address is None:
            raise Impossible(f"还没有设置 {channel} 的回调地址。", 409)
        return address

    async def connect(self, given: Mapping[str, Mapping[str, str]]) -> None:
        """Set addresses and keys. Each is tested as the admin page does; all are taken or none."""
        found = {name: self._read(name, one) for name, one in given.items()}
        for name, address in found.items():
            wrong = await self._pusher().check(address)
            if wrong:
                raise Impossible(f"{name} 的回调地址没有通过验证：{wrong}")
        self._addresses.update(found)
        self.keys.update({name: dict(one) for name, one in given.items()})

    def _read(self, name: str, given: Mapping[str, str]) -> Address:
        if name not in CHANNELS:
            raise Impossible(f"没有这种回调：{name}")
        receive_id, style = ("", "json") if name == "aibot" else (self._corp_id, "xml")
        try:
            token, key = given["token"], given["encoding_aes_key"]
            return Address(given["url"], Channel(name, token, key, receive_id, style))
        except KeyError as exc:
            raise Impossible(f"{name} 的回调缺少 {exc.args[0]}") from None
        except ValueError as exc:
            raise Impossible(str(exc)) from None

    async def push(self, channel: str, plaintext: str) -> Delivery:
        """Deliver, through whatever faults are switched on."""
        self.require(channel)
        if self.faults.hits("late"):
            await asyncio.sleep(self.faults.late_s)
        if self.faults.hits("forged"):
            await self._forge(channel, plaintext)
        if self.faults.hits("reorder"):
            self._held.append((channel, plaintext))
            return Delivery(200, 0, problem="held back")
        delivery = await self._deliver(channel, plaintext)
        if self.faults.hits("repeat"):
            await self._deliver(channel, plaintext)
        await self.release()
        return delivery

    async def release(self) -> None:
        """Deliver what was held back."""
        held, self._held = self._held, []
        for channel, plaintext in held:
            await self._deliver(channel, plaintext)

    async def _forge(self, channel: str, plaintext: str) -> None:
        """A copy under another token, which must not be taken."""
        address = self.require(channel)
        other = replace(address, channel=replace(address.channel, token="forged"))
        delivery = await replace(self._pusher(), repeats=0).deliver(other, plaintext)
        if delivery.delivered:
            self.problems.append(f"{channel}: a forged signature was taken")

    async def _deliver(self, channel: str, plaintext: str) -> Delivery:
        delivery = await self._pusher().deliver(self.require(channel), plaintext)
        if delivery.problem:
            self.problems.append(f"{channel}: {delivery.problem}")
        return delivery

    def _pusher(self) -> Pusher:
        if self._http is None:
            raise Impossible("沙盒还没有可用的 HTTP 会话。", 503)
        pause = partial(asyncio.sleep, self._repeat_s)
        return Pusher(self._http, self._real_now, limit_s=self._limit_s, pause=pause)
