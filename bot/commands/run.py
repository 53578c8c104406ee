"""serve, sandbox, doctor: running the bot, trying it, checking it."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

import aiohttp
import click
from aiohttp import web

from bot import doctor as checks
from bot import roles, server, stores
from bot.clock import WallClock
from bot.commands.common import BROKEN, WRONG_USE, Options, fail, json_option, show, told
from bot.config import Config
from bot.connect import links
from bot.patience import Patience, many_files
from bot.sandbox import demo, fortnight, player, stage
from bot.sandbox.crowd import Crowd
from bot.sandbox.page import Page
from bot.sandbox.player import PlayError, Step


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
        if role in ("worker", "ticker"):
            click.echo(f"{role} 已启动，{stores.name(config)}")
            await _until_stopped(running, role)
            return
        async with _listening(running):
            click.echo(_surfaces(config))
            await _until_stopped(running, role)


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


async def _until_stopped(running: server.Running, role: roles.Role = "all") -> None:
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
@click.option("--port", default=8080, show_default=True, help="页面的端口")
@click.option("--empty", is_flag=True, help="不要演示数据")
@click.option("--only-wecom", is_flag=True, help="只开模拟企业微信，给别的程序联调")
@click.option("--script", type=click.Path(path_type=Path), help="播放一个会话文件后退出")
@click.option("--play", "story", type=click.Choice(("fortnight",)),
              help="演一段后退出：fortnight 是一个50人的群的两周")  # fmt: skip
@click.option("--seed", default=7, show_default=True, help="--play 的种子；同一个种子同一个故事")
def sandbox(
    port: int, empty: bool, only_wecom: bool, script: Path | None, story: str | None, seed: int
) -> None:
    """不用账号试用：整个机器人加一个模拟的企业微信。"""
    if story:
        asyncio.run(_tell(seed))
        return
    if script is not None:  # "-" is standard input
        steps = _steps(script)
        try:
            asyncio.run(_play(steps, empty))
        except PlayError as exc:
            fail(str(exc), BROKEN)
        return
    if not _free(port):
        fail(f"端口 {port} 已被占用，请换一个：salesbot sandbox --port {port + 1}", BROKEN)
    with suppress(KeyboardInterrupt):
        asyncio.run(_only_wecom(port) if only_wecom else _show(port, empty))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _steps(script: Path) -> list[Step]:
    try:
        text = sys.stdin.read() if str(script) == "-" else script.read_text(encoding="utf-8")
        return player.parse(text, player.cast_of(demo.SETTINGS, demo.world()))
    except (OSError, UnicodeDecodeError) as exc:
        fail(f"读不到会话文件 {script}：{exc}", WRONG_USE)
    except PlayError as exc:
        fail(f"{script} {exc}", WRONG_USE)


async def _play(steps: list[Step], empty: bool) -> None:
    start = player.begins(steps, demo.START)
    async with stage.open_stage(start=start, frozen=True, empty=empty) as found:
        async for line in found.play(steps):
            click.echo(line)


async def _tell(seed: int) -> None:
    """Two weeks of one group, line by line as they are lived."""
    async with stage.open_stage(start=fortnight.START, frozen=True, empty=True) as found:
        async for line in fortnight.Fortnight(found, Crowd(found, seed)).told():
            click.echo(line)


async def _show(port: int, empty: bool) -> None:
    click.echo("正在准备演示数据…")
    now = WallClock().now()
    async with stage.open_stage(
        start=now, frozen=False, port=port, empty=empty, more=lambda s: Page(s).routes()
    ) as found:
        click.echo(f"沙盒开在 {found.url}/ ，用浏览器打开；按 Ctrl-C 结束。")
        link = await links.make(found.running.writer, found.clock)
        click.echo(f"接入向导长这样（链接只能用一次）：{found.url}{links.PATH}?link={link}")
        await _until_stopped(found.running)


async def _only_wecom(port: int) -> None:
    async with stage.open_wecom(port, _now()) as url:
        click.echo(f"模拟企业微信开在 {url}/sandbox/wecom ，身份见 {url}/sandbox/wecom/identities")
        await stopped()


def _now() -> datetime:
    return WallClock().now()


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
