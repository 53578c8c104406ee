"""serve, doctor: running the bot, checking it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import click
from aiohttp import web

from bot import doctor as checks
from bot import garbage, roles, server, stores
from bot.clock import WallClock
from bot.commands.common import BROKEN, WRONG_USE, Options, fail, json_option, show, told
from bot.config import Config
from bot.patience import Patience, many_files


@click.command()
@click.option("--role", type=click.Choice(roles.ROLES), default="all",
              show_default=True, help="进程角色；嵌入式数据库只能用 all")  # fmt: skip
@click.pass_obj
def serve(options: Options, role: roles.Role) -> None:
    """接真实的企业微信。"""
    with told():
        config = options.load()
        if role != "all" and not stores.shared(config):
            fail(f"--role {role} 要配 PostgreSQL；SQLite 只有一个进程，请用 --role all", WRONG_USE)
        server.keys(config)
        with stores.held(config, serving=True) as ours:  # other commands see who is there
            if not ours:
                fail(f"{stores.name(config)} 正被另一个 salesbot 使用；先停掉它，再启动")
            asyncio.run(_serve(config, role))


async def _serve(config: Config, role: roles.Role = "all") -> None:
    many_files()
    ids = server.keys(config)
    name = config.wecom.aibot.name if config.wecom.aibot else ""
    async with (
        aiohttp.ClientSession() as session,
        server.assemble(config, ids, WallClock(), session, bot_name=name) as running,
    ):
        garbage.settled()
        if role in ("worker", "ticker"):
            click.echo(f"{role} 已启动，{stores.name(config)}")
            await until_stopped(running, role)
            return
        async with _listening(running):
            click.echo(_surfaces(config))
            await until_stopped(running, role)


@asynccontextmanager
async def _listening(running: server.Running) -> AsyncIterator[None]:
    """The port is open: callbacks and pages."""
    config, app = running.config, web.Application()
    app.add_routes(server.routes(running, running.ids.channels, config.wecom.callback_window_s))
    runner = web.AppRunner(app, **server.GUARDS)
    Patience().watch(app, runner)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.server.host, config.server.port).start()
        yield
    finally:
        await runner.cleanup()


SURFACES = {"app": "自建应用", "contact": "客户联系", "kf": "微信客服", "archive": "会话存档",
            "aibot": "智能机器人"}  # fmt: skip


def _surfaces(config: Config) -> str:
    """Which surfaces are on, why the others are not, and what is on but not served yet."""
    lines = [f"监听 http://{config.server.host}:{config.server.port}"]
    lines += [f"  {name}：{_state(config, key)}" for key, name in SURFACES.items()]
    calendar = checks.holidays(config, WallClock().now())
    if calendar.state != "ok":
        lines.append(f"  {calendar.name}：{calendar.said}")
    on = bool(config.server.public_url)
    lines += [f"  {name}：{'开' if on else '关（没有填 [server] public_url）'}"
              for name in ("侧边栏", "群页面", "看板")]  # fmt: skip
    return "\n".join(lines)


def _state(config: Config, key: str) -> str:
    section = getattr(config.wecom, key)
    if section is None:
        return f"关（没有 [wecom.{key}] 一节）"
    if key == "archive":
        return "开（SDK）" if section.sdk_path else "只收下回调，没有 sdk_path"
    if key == "aibot" and section.mode == "websocket":
        return "开（长连接）"
    return "开"


async def stopped() -> None:
    """Until SIGTERM or Ctrl-C."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(name, stop.set)
    await stop.wait()


async def until_stopped(running: server.Running, role: roles.Role = "all") -> None:
    """Work until SIGTERM or Ctrl-C; what is being handled is finished first."""
    work = asyncio.create_task(roles.run(running, role))
    stop = asyncio.create_task(stopped())
    try:
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        work.cancel()
        stop.cancel()
        await asyncio.gather(work, stop, return_exceptions=True)


@click.command()
@json_option
@click.pass_obj
def doctor(options: Options, as_json: bool) -> None:
    """检查配置、密钥、存储、字体、时钟、接口和回调。"""
    with told():
        config = options.load()
    rows = asyncio.run(checks.run(config))
    columns = {"mark": "", "name": "检查", "said": "结果", "cure": "怎么办"}
    show([checks.row(r) for r in rows], columns, as_json=as_json)
    if any(r.state == "bad" for r in rows):
        raise SystemExit(BROKEN)
