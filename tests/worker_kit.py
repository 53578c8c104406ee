"""A WeCom that only remembers what it was sent, and `serve` processes that may be killed."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from bot.wecom.cipher import Channel

EVENTS = int(os.environ.get("SALESBOT_EVENTS", "600"))
LANES = max(40, EVENTS // 20)  # more than 25 a minute are kept from one person
CHANNEL = Channel("app", "soak", "soaksoaksoaksoaksoaksoaksoaksoaksoaksoaksoA", "ww1")
CONFIG = """
[server]
port = {port}
[storage]
url = "{store}"
[wecom]
corp_id = "ww1"
api_base = "{api}"
[wecom.app]
agent_id = 1
secret = "s"
token = "{token}"
encoding_aes_key = "{key}"
[checkins]
remind = false
[[stores]]
id = "s1"
name = "一店"
{advisors}
"""
ADVISOR = '[[advisors]]\nuserid = "a{0}"\nname = "顾问{0}"\nstore = "s1"\n'


class Memory:
    """What everyone was sent, in order; the same bytes twice are shown once, as there."""

    def __init__(self):
        self.bodies = set()
        self.shown = {}

    async def token(self, _):
        return web.json_response({"errcode": 0, "access_token": "t", "expires_in": 7200})

    async def send(self, request):
        raw = await request.read()
        if raw not in self.bodies:
            self.bodies.add(raw)
            body = await request.json()
            text = body[body["msgtype"]]
            self.shown.setdefault(body["touser"], []).append(text.get("content", ""))
        return web.json_response({"errcode": 0, "msgid": "m"})

    async def other(self, _):
        return web.json_response({"errcode": 0})


@asynccontextmanager
async def wecom():
    memory = Memory()
    app = web.Application()
    app.router.add_get("/cgi-bin/gettoken", memory.token)
    app.router.add_post("/cgi-bin/message/send", memory.send)
    app.router.add_route("*", "/{rest:.*}", memory.other)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    yield memory, f"http://127.0.0.1:{port}"
    await runner.cleanup()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configured(folder: Path, store: str, api: str) -> int:
    """Write the configuration; returns the port of its web process."""
    port = free_port()
    text = CONFIG.format(port=port, store=store, api=api, token=CHANNEL.token,
                         key=CHANNEL.aes_key,
                         advisors="".join(ADVISOR.format(n) for n in range(LANES)))  # fmt: skip
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return port


async def started(folder: Path, role: str):
    with (folder / f"{role}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "--config", str(folder / "config.toml"), "serve",
            "--role", role, stdout=asyncio.subprocess.PIPE, stderr=log,
            cwd=Path(__file__).parent.parent, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip


async def killed(process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.communicate()  # and its pipe is closed
