"""The figures of docs/scale.md: web ×2 and worker ×2 on the embedded PostgreSQL, fsync on.

Run it by hand: `.venv/bin/python tests/scale_figures.py [seconds]`.
"""

import asyncio
import contextlib
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import postgres_kit
import worker_kit

from bot.clock import WallClock
from bot.wecom import cipher
from storage import inbox, presence
from storage.db import number
from storage.postgres import Postgres

CONNECTIONS = 16
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0


def sealed(n: int) -> tuple[dict[str, str], str]:
    now = int(WallClock().now().timestamp())
    who = f"a{n % worker_kit.LANES}"
    text = (f"<xml><ToUserName>ww1</ToUserName><FromUserName>{who}</FromUserName><CreateTime>{now}"
            f"</CreateTime><MsgType>text</MsgType><Content>记录 无名{n} 到店</Content><MsgId>{n}"
            "</MsgId><AgentID>1</AgentID></xml>")  # fmt: skip
    box = cipher.encrypt(worker_kit.CHANNEL, text, secrets.token_bytes(16))
    nonce = secrets.token_hex(6)
    query = {"msg_signature": cipher.sign(worker_kit.CHANNEL.token, str(now), nonce, box),
             "timestamp": str(now), "nonce": nonce}  # fmt: skip
    return query, f"<xml><Encrypt><![CDATA[{box}]]></Encrypt></xml>"


async def knocking(http, ports, took, until, start):
    """One connection's callbacks, one after the other; each time in milliseconds."""
    n = start
    while time.monotonic() < until:
        query, body = sealed(n)
        began = time.monotonic()
        async with http.post(
            f"http://127.0.0.1:{ports[n % len(ports)]}/callback/app", params=query, data=body
        ) as answer:
            assert answer.status == 200, answer.status
            await answer.read()
        took.append(1000 * (time.monotonic() - began))
        n += CONNECTIONS


def claimed(store: Postgres) -> float:
    """Conversations a second that are claimed, read, marked and given free, without deciding."""
    now = WallClock().now()
    with store.atomic():
        for n in range(4000):
            inbox.keep(store, inbox.Kept(f"j{n}", "x", f"lane{n % 500}", "{}"), now)
    began, done = time.monotonic(), 0
    while names := presence.lanes(store, 8):
        with store.atomic():
            found = inbox.waiting(store, 32, names)
            for one in found:
                inbox.done(store, one.kept.id, now)
        presence.free(store, presence.INBOX, names)
        done += len(found)
    return done / (time.monotonic() - began)


def tell(words: str) -> None:
    sys.stdout.write(words + "\n")


async def main() -> None:
    with contextlib.ExitStack() as closing:
        server = next(serving := postgres_kit.serve())
        closing.callback(lambda: next(serving, None))
        server.say("alter system set fsync = on", "select pg_reload_conf()")
        url = closing.enter_context(server.database(server.template))
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        store = Postgres(url, serial=False)
        tell(f"claim: {claimed(store):.0f} messages a second, one process")
        store.run("delete from inbox")
        async with worker_kit.wecom() as (memory, api), aiohttp.ClientSession() as http:
            await measured(folder, url, api, http, store, memory)
        store.close()


async def measured(folder, url, api, http, store, memory) -> None:
    sides, running = [], []
    for n, role in enumerate(("web", "web", "worker", "worker")):
        side = folder / f"{role}{n}"
        side.mkdir()
        port = worker_kit.configured(side, url, api)
        sides += [port] if role == "web" else []
        running.append(await worker_kit.started(side, role))
    for process in running:
        await process.stdout.readline()
    took: list[float] = []
    until = time.monotonic() + SECONDS
    await asyncio.gather(*(knocking(http, sides, took, until, n) for n in range(CONNECTIONS)))
    kept = number(store, "select count(*) from inbox")
    done = number(store, "select count(*) from inbox where state = 'done'")
    cuts = statistics.quantiles(took, n=1000)
    tell(f"ack: {len(took) / SECONDS:.0f} a second, p50 {cuts[499]:.1f} ms, p99 {cuts[989]:.1f} ms,"
          f" p99.9 {cuts[998]:.1f} ms; {kept} kept, {done} handled meanwhile")  # fmt: skip
    began = time.monotonic()
    waiting = "select count(*) from inbox where state = 'new'"
    while number(store, waiting):  # noqa: ASYNC110 - other processes
        await asyncio.sleep(0.1)
    after = number(store, "select count(*) from inbox where state = 'done'") - done
    tell(f"workers alone: {after / max(time.monotonic() - began, 0.001):.0f} messages a second")
    for process in running:
        await worker_kit.killed(process)


if __name__ == "__main__":
    asyncio.run(main())
