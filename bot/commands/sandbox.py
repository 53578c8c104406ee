"""sandbox: the whole bot with a pretend WeCom, to be tried without an account."""

import asyncio
import socket
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click

from bot.clock import WallClock
from bot.commands.common import BROKEN, WRONG_USE, fail
from bot.commands.run import stopped, until_stopped
from bot.connect import links
from bot.sandbox import demo, fortnight, player, stage
from bot.sandbox.crowd import Crowd
from bot.sandbox.page import Page
from bot.sandbox.player import PlayError, Step


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
        await until_stopped(found.running)


async def _only_wecom(port: int) -> None:
    async with stage.open_wecom(port, _now()) as url:
        click.echo(f"模拟企业微信开在 {url}/sandbox/wecom ，身份见 {url}/sandbox/wecom/identities")
        await stopped()


def _now() -> datetime:
    return WallClock().now()
