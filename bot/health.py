"""How the program stands: whether it takes messages, what waits, and each way into WeCom."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from bot.writer import Writer
from storage import inbox, surfaces
from storage import outbox as parcels
from storage.db import Db

log = logging.getLogger(__name__)
State = dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A callback that was not taken, with the word for why."""

    at: datetime
    reason: str


@dataclass(slots=True)
class Ways:
    """The ways into WeCom: which are on, and what their doors saw.

    `linked` tells why a long connection is down, "" while it is up, None where there is none.
    """

    writer: Writer
    now: Callable[[], datetime]
    on: frozenset[str] = frozenset()
    robots: bool = False
    linked: Callable[[], str | None] = lambda: None
    refused: dict[str, Refusal] = field(default_factory=dict)

    async def passed(self, path: str) -> None:
        """Kept, so that it is still known after a restart; failing at it must not fail a check."""
        now = self.now()
        self.refused.pop(path, None)
        try:
            async with asyncio.timeout(0.5):
                await self.writer.do(lambda db: surfaces.check(db, path, now), urgent=True)
        except Exception:  # WeCom waits one second for its echo, whatever the store does
            log.exception("the check of %s could not be noted", path)

    def turned_away(self, path: str, reason: str) -> None:
        self.refused[path] = Refusal(self.now(), reason)

    def states(self, db: Db) -> dict[str, State]:
        """Each way: off, waiting for its first check or message, or working since then."""
        errors, checked = surfaces.errors(db), surfaces.checked(db)
        found = {name: self._state(db, name, checked) for name in surfaces.CHANNELS}
        found["webhook"] = {"state": "on" if self.robots else "off"}
        for name, error in errors.items():
            found.setdefault(name, {})["error"] = error
        if problem := self.linked():
            found["aibot"]["error"] = problem
        return found

    def _state(self, db: Db, name: str, checked: Mapping[str, datetime]) -> State:
        if name not in self.on:
            return {"state": "off"}
        seen, check = surfaces.seen(db, name), checked.get(name)
        moments = [m for m in (seen.since if seen else None, check) if m]
        if not moments:
            return self._unseen(name)
        last = seen.last if seen else max(moments)
        return {"state": "working", "since": min(moments).isoformat(), "last": last.isoformat()}

    def _unseen(self, name: str) -> State:
        """A long connection that is up works, though nobody has said anything yet."""
        if name == "aibot" and self.linked() == "":
            return {"state": "working", "since": self.now().isoformat()}
        return {"state": "waiting"}


class Health:
    def __init__(self, ways: Ways, registry: CollectorRegistry) -> None:
        self._ways = ways
        self._registry = registry
        self._waiting = Gauge("salesbot_inbox_waiting", "Messages not handled yet",
                              registry=registry)  # fmt: skip
        self._parcels = Gauge("salesbot_outbox", "Parcels by state", ["state"], registry=registry)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def alive(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def ready(self, _: web.Request) -> web.Response:
        """Able to take messages: the store answers, and does so in time."""
        try:
            async with asyncio.timeout(1):
                found = await self._ways.writer.do(self._ways.states, urgent=True)
        except Exception as exc:  # whatever it is, it is the reason
            return web.json_response({"ready": False, "reason": f"数据库不可用：{exc}"}, status=503)
        return web.json_response({"ready": True, "surfaces": found})

    async def metrics(self, _: web.Request) -> web.Response:
        self._waiting.set(await self._ways.writer.do(inbox.depth))
        self._parcels.clear()  # a state that is empty now has no row
        for state, n in (await self._ways.writer.do(parcels.depth)).items():
            self._parcels.labels(state).set(n)
        return web.Response(body=generate_latest(self._registry), content_type="text/plain")
