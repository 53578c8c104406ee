"""The outbox of a store in memory, and the pretend WeCom it is sent to over HTTP."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from store_kit import memory
from wecom_kit import WORLD

from bot import outbox as sending
from bot.clock import SandboxClock
from bot.outbox import Sender
from bot.sandbox import demo
from bot.sandbox.wecom import Pretend
from bot.wecom.client import Client
from bot.writer import Writer
from storage import outbox


@dataclass
class Office:
    """The outbox of a store in memory, and the pretend WeCom it is sent to over HTTP."""

    writer: Writer
    pretend: Pretend
    client: Client
    clock: SandboxClock
    url: str
    folder: Path = Path()
    causes: int = 0
    hooks: dict[str, str] = field(default_factory=dict)
    operators: tuple[str, ...] = ()

    def address(self, path):
        return f"{self.url}/cgi-bin/{path}"

    def sender(self, **more):
        """A fresh one, as after a restart."""
        return Sender(writer=self.writer, client=self.client, secret=WORLD.app_secret,
                      contact_secret=WORLD.contact_secret, folder=self.folder,
                      agent_id=WORLD.agent_id, clock=self.clock, lanes=4,
                      rng=random.Random(1), hooks=self.hooks, operators=self.operators,
                      **more)  # fmt: skip

    async def put(self, *actions, cause=""):
        self.causes += 1
        name, now = cause or f"msg{self.causes}", self.clock.now()
        await self.writer.do(lambda db: sending.put(db, name, now, list(actions)))

    async def flush(self, sender=None):
        """Until nothing more can be done at this moment."""
        sender = sender or self.sender()
        while await sender.flush():
            continue

    async def settle(self, **step):
        """Let time pass until the outbox is empty or everything in it is given up."""
        sender = self.sender()
        for _ in range(100):
            await self.flush(sender)
            if not await self.writer.do(outbox.next_due):
                return
            self.clock.add(timedelta(**step))
        raise AssertionError("the outbox does not empty")

    def got(self, to="zhang"):
        return [i["text"] for i in self.pretend.received() if i["to"] == to and not i["dropped"]]

    async def rows(self):
        return await self.writer.do(lambda db: db.rows("select * from outbox order by seq"))

    async def states(self):
        return [row["state"] for row in await self.rows()]


@pytest.fixture
async def office(aiohttp_server):
    clock = SandboxClock(demo.START, frozen=True)
    async with aiohttp.ClientSession() as http:
        pretend = Pretend(WORLD, clock.now, clock.now, http)
        pretend.api.takes_taps = True
        app = web.Application()
        app.add_routes(pretend.routes())
        server = await aiohttp_server(app)
        client = Client(http, str(server.make_url("")), WORLD.corp_id, clock.now)
        writer = Writer(memory, asyncio.get_running_loop())
        await writer.start()
        url = str(server.make_url("")).rstrip("/")
        yield Office(writer, pretend, client, clock, url)
        await writer.close()
