"""One link, good for a quarter of an hour and for one browser."""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.config import Config
from bot.sidebar.session import Keyring
from bot.writer import Writer
from storage import links

ROOM = "connect"
LIFE = timedelta(minutes=15)
REMEMBERED = timedelta(days=1)  # so long an old link is told to be old, not wrong
PATH = "/console/connect"
AGAIN = "请在服务器上再运行一次 salesbot connect，用它打出的新链接。"


class Unwelcome(Exception):
    """The link does not open the page; the message is for whoever came with it."""


async def make(writer: Writer, clock: Clock) -> str:
    """The text that stands behind `?link=`."""
    name, now = secrets.token_hex(8), clock.now()
    await writer.do(lambda db: links.forget(db, now - REMEMBERED))
    await writer.do(lambda db: links.add(db, name, now))
    return await Keyring(writer, clock, ROOM).link(name)


async def use(keys: Keyring, writer: Writer, clock: Clock, text: str) -> str:
    """Who comes with it, by the link's name; raises Unwelcome."""
    found = await keys.linked(text, REMEMBERED)
    if found is None:
        raise Unwelcome("这条链接不是这个程序给的，或者没有抄全。" + AGAIN)
    name, made = found
    if clock.now() - made > LIFE:
        raise Unwelcome("这条链接过了15分钟，已经失效。" + AGAIN)
    if not await writer.do(lambda db: links.use(db, name, clock.now())):
        raise Unwelcome("这条链接已经用过一次。" + AGAIN)
    return name


def addresses(config: Config, text: str) -> list[str]:
    """Where the page can be reached: on this machine, and from outside where that is known."""
    host = config.server.host
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    bases = [config.server.public_url.rstrip("/"), f"http://{host}:{config.server.port}"]
    return [f"{base}{PATH}?link={text}" for base in dict.fromkeys(bases) if base]


def path(config: Config) -> str:
    """Also behind a proxy that gives us a part of its address."""
    return urlsplit(config.server.public_url).path.rstrip("/") + "/console/"
