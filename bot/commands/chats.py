"""chats: internal groups that the app makes and posts into."""

import asyncio

import aiohttp
import click

from bot import appchat, server
from bot.clock import WallClock
from bot.commands.common import BROKEN, WRONG_USE, Options, fail, told
from bot.config import Config
from bot.wecom.client import Client
from bot.wecom.errors import WeComError

HELLO = "群建好了：日报和提醒会发到这里。群里说的话助手收不到，有事请在应用里找它。"


@click.group()
def chats() -> None:
    """应用自己建的内部群：日报可以发进去。"""


@chats.command()
@click.argument("name")
@click.argument("members", nargs=-1, metavar="USERID...")
@click.pass_obj
def create(options: Options, name: str, members: tuple[str, ...]) -> None:
    """建一个内部群，第一位是群主；打出的群号填进 [[managers]] 的 chat。"""
    found = tuple(dict.fromkeys(members))
    if not appchat.LEAST <= len(found) <= appchat.MOST:
        fail(f"群里要 {appchat.LEAST} 到 {appchat.MOST} 个人，写上他们的 userid", WRONG_USE)
    if len(name) > appchat.NAME:
        fail(f"群名最多 {appchat.NAME} 个字", WRONG_USE)
    with told():
        config = options.load()
        try:
            chat = asyncio.run(_create(config, name, found))
        except WeComError as error:
            fail(f"没有建成：{error} {error.cure}".strip(), BROKEN)
    click.echo(f"群“{name}”建好了，{len(found)}个人。日报要发进去，在 config.toml 里写：")
    click.echo(f'[[managers]]\n# …\nchat = "{chat}"')


async def _create(config: Config, name: str, members: tuple[str, ...]) -> str:
    ids = server.keys(config)
    async with aiohttp.ClientSession() as session, server.shelf(config) as shelf:
        client = Client(session, config.wecom.api_base, ids.corp_id, WallClock().now, shelf)
        return await appchat.create(client, ids.secret, name, members, HELLO)
