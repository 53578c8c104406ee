"""kill -9 in the middle of bursts: what was answered 200 is kept, handled once and shown once.

At the end a SIGTERM in the middle of one, which it obeys. A few kills in every run; `make soak`
makes it two hundred.
"""

import asyncio
import json
import os
import random
import secrets
import signal
import socket
import sqlite3
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from statistics import median

import aiohttp
import pytest

from bot.clock import WallClock
from bot.sandbox import demo, stage
from bot.wecom import cipher
from bot.wecom.cipher import Channel

KILLS = int(os.environ.get("SALESBOT_KILLS", "2"))
CONNECTIONS = 16
READY_S = 60.0  # a busy machine starts slowly; how slowly is for the bench to tell
WORLD = demo.world()
CHANNEL = Channel("app", "soak", "soaksoaksoaksoaksoaksoaksoaksoaksoaksoaksoA", WORLD.corp_id)
CONFIG = """
[server]
port = {port}
[wecom]
corp_id = "{corp}"
api_base = "{api}/sandbox/wecom"
[wecom.app]
agent_id = {agent}
secret = "{secret}"
token = "{token}"
encoding_aes_key = "{key}"
[[stores]]
id = "s1"
name = "一店"
{advisors}
"""
ADVISOR = '[[advisors]]\nuserid = "{0}"\nname = "{0}"\nstore = "s1"\n'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bot:
    """`salesbot serve` as its own process, started again after each kill."""

    def __init__(self, folder, api):
        self.port = free_port()
        self.folder = folder
        self.starts: list[float] = []  # seconds until each was ready
        advisors = "".join(ADVISOR.format(m.userid) for m in WORLD.members)
        text = CONFIG.format(
            port=self.port, corp=WORLD.corp_id, api=api, agent=WORLD.agent_id,
            secret=WORLD.app_secret, token=CHANNEL.token, key=CHANNEL.aes_key, advisors=advisors,
        )  # fmt: skip
        (folder / "config.toml").write_text(text, encoding="utf-8")

    @asynccontextmanager
    async def running(self, http):
        log = (self.folder / "serve.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "--config", str(self.folder / "config.toml"), "serve",
            stdout=log, stderr=log,
        )  # fmt: skip
        began = time.monotonic()
        try:
            async with asyncio.timeout(READY_S):
                while not await self.ready(http):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            self.starts.append(time.monotonic() - began)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
            log.close()

    async def ready(self, http):
        try:
            async with http.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def rows(self, sql):
        with sqlite3.connect(self.folder / "var" / "salesbot.db") as db:
            return db.execute(sql).fetchall()


class Burst:
    """Callbacks from many connections at once; remembers which were answered 200."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/callback/app"
        self.sent = 0
        self.acked = set()

    async def one(self, http):
        self.sent += 1
        number = self.sent
        who = WORLD.members[number % len(WORLD.members)].userid
        now = int(WallClock().now().timestamp())
        text = (f"<xml><ToUserName><![CDATA[{WORLD.corp_id}]]></ToUserName><FromUserName><![CDATA["
                f"{who}]]></FromUserName><CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]>"
                f"</MsgType><Content><![CDATA[记录 无名{number} 到店]]></Content><MsgId>{number}"
                f"</MsgId><AgentID>{WORLD.agent_id}</AgentID></xml>")  # fmt: skip
        sealed = cipher.encrypt(CHANNEL, text, secrets.token_bytes(16))
        nonce = secrets.token_hex(6)
        query = {"msg_signature": cipher.sign(CHANNEL.token, str(now), nonce, sealed),
                 "timestamp": str(now), "nonce": nonce}  # fmt: skip
        body = f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        try:
            async with http.post(self.url, params=query, data=body) as answer:
                if answer.status == 200:
                    self.acked.add(f"app:m:{WORLD.agent_id}:{number}")
        except (aiohttp.ClientError, OSError):
            return  # the kill came first

    async def until(self, process, http):
        while process.returncode is None:
            await self.one(http)


@pytest.mark.timeout(7200)
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is meant literally")
async def test_nothing_acknowledged_is_lost_or_done_twice(tmp_path):
    dice = random.Random(KILLS)
    now = WallClock().now()
    async with stage.open_wecom(0, now) as api, aiohttp.ClientSession() as http:
        bot = Bot(tmp_path, api)
        burst = Burst(bot.port)
        for end in [signal.SIGKILL] * KILLS + [signal.SIGTERM]:
            async with bot.running(http) as process:
                load = [asyncio.create_task(burst.until(process, http))
                        for _ in range(CONNECTIONS)]  # fmt: skip
                await asyncio.sleep(dice.uniform(0.2, 0.8))
                process.send_signal(end)
                ended = await asyncio.wait_for(process.wait(), READY_S)
                assert ended == (-signal.SIGKILL if end == signal.SIGKILL else 0)
                await asyncio.gather(*load)
        async with bot.running(http):
            async with asyncio.timeout(120 + 10 * KILLS):
                unread = "select count(*) from inbox where state = 'new'"
                while bot.rows(unread)[0][0]:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.2)
        async with http.get(f"{api}/sandbox/wecom/received") as answer:
            shown = Counter(i["text"] for i in json.loads(await answer.text())["messages"])

    kept = dict(bot.rows("select id, state from inbox"))
    assert burst.acked, "nothing was acknowledged at all"
    assert burst.acked - kept.keys() == set()
    assert set(kept.values()) == {"done"}
    causes = Counter(cause for (cause,) in bot.rows("select cause from outbox"))
    assert {key for key in kept if causes[key] != 1} == set()
    assert max(shown.values()) == 1
    told = f"{KILLS} kills: {len(burst.acked)} acknowledged, {len(kept)} kept, {len(shown)} shown"
    ready = f"ready after {median(bot.starts):.1f} s, at most {max(bot.starts):.1f} s"
    sys.stdout.write(f"{told}; {ready}\n")
    assert bot.rows("pragma integrity_check") == [("ok",)]
