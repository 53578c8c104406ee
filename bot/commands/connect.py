"""connect: the link to the page that walks through connecting WeCom."""

import asyncio

import click
from aiohttp import web

from bot import server, stores
from bot.clock import WallClock
from bot.commands.common import BROKEN, Options, fail, told
from bot.commands.run import stopped
from bot.config import Config
from bot.connect import links
from bot.connect.routes import Connect
from bot.health import Ways
from bot.writer import Writer


@click.command()
@click.pass_obj
def connect(options: Options) -> None:
    """打出接入向导的链接：15 分钟内有效，只能用一次。"""
    with told():
        config = options.load()
        with stores.held(config) as ours:
            try:
                asyncio.run(_connect(config, serving=not ours))
            except OSError as exc:
                fail(
                    f"端口 {config.server.port} 打不开（{exc.strerror}）；请改 server.port", BROKEN
                )


async def _connect(config: Config, *, serving: bool) -> None:
    """Beside a running `serve` only the link is made; without one the page is served from here."""
    clock = WallClock()
    writer = Writer(server.opener(config), asyncio.get_running_loop())
    await writer.start()
    try:
        text = await links.make(writer, clock)
        runner = None if serving else await _open(config, writer)
        click.echo("用浏览器打开（15 分钟内，一次）：")
        for address in links.addresses(config, text):
            click.echo(f"  {address}")
        if runner is not None:
            click.echo("serve 没有在运行，这一页由本命令开着；填好配置后按 Ctrl-C，"
                       "再运行 salesbot serve。")  # fmt: skip
            await stopped()
            await runner.cleanup()
    finally:
        await writer.close()


async def _open(config: Config, writer: Writer) -> web.AppRunner:
    """The page alone: nothing is connected yet, and nothing else is served."""
    clock = WallClock()
    app = web.Application()
    app.add_routes(Connect(Ways(writer, clock.now), clock, config, {}).routes())
    runner = web.AppRunner(app, **server.GUARDS)
    await runner.setup()
    await web.TCPSite(runner, config.server.host, config.server.port).start()
    return runner
