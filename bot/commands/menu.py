"""menu: the app's menu in the client, kept in step with what the program answers."""

import asyncio
from typing import Any

import aiohttp
import click

from bot import server
from bot.clock import WallClock
from bot.commands.common import BROKEN, Options, fail, told
from bot.config import Config
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers import menu as entries

NO_MENU = 46003


@click.group()
def menu() -> None:
    """自建应用聊天窗口底部的菜单。"""


@menu.command()
@click.option("--dry-run", is_flag=True, help="只比较，不改")
@click.pass_obj
def push(options: Options, dry_run: bool) -> None:
    """让企业微信里的菜单和程序的一致；一样就什么都不做。"""
    with told():
        config = options.load()
        try:
            changed = asyncio.run(_push(config, dry_run))
        except WeComError as error:
            fail(f"企业微信没有收下：{error} {error.cure}".strip(), BROKEN)
    if not changed:
        click.echo("菜单已经一致，没有改动。")
        return
    click.echo("菜单和程序不一致，去掉 --dry-run 就改成：" if dry_run else "菜单已更新：")
    for line in lines():
        click.echo(line)


def lines() -> list[str]:
    found = []
    for entry in entries.MENU:
        found.append(entry.name)
        if isinstance(entry, entries.Folder):
            found += [f"  {item.name}" for item in entry.items]
    return found


async def _push(config: Config, dry_run: bool) -> bool:
    """Whether something differs; it is put right unless this is only a look."""
    ids = server.keys(config)
    async with aiohttp.ClientSession() as session, server.shelf(config) as shelf:
        client = Client(session, config.wecom.api_base, ids.corp_id, WallClock().now, shelf)
        if entries.same(await shown(client, ids.secret, ids.agent_id)):
            return False
        if not dry_run:
            agent = {"agentid": str(ids.agent_id)}
            body = entries.body()
            await client.call(ids.secret, "POST", "menu/create", json=body, params=agent)
        return True


async def shown(client: Client, secret: str, agent_id: int) -> dict[str, Any]:
    """The menu that stands there now; {} for none."""
    try:
        return await client.call(secret, "GET", "menu/get", params={"agentid": str(agent_id)})
    except WeComError as error:
        if error.code != NO_MENU:
            raise
        return {}
