"""draw: promise a draw, close it, and check one that somebody exported."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.clock import WallClock
from bot.commands.common import (
    WRONG_USE,
    Options,
    context,
    fail,
    json_option,
    moment,
    opened,
    show,
    told,
)
from handlers import draws, lots
from handlers.context import Ctx
from handlers.draws import WEIGHED, Unlawful
from storage import draws as rows
from storage import group_sop, groups
from storage.db import Db
from storage.draws import OPEN, Draw

BY = "命令行"
NAMED = 12  # groups that are named where one was mistyped


@click.group()
def draw() -> None:
    """抽奖：先公布承诺，后公布种子，谁都能复算。"""


@draw.command()
@click.argument("chat", metavar="群号")
@click.argument("title", metavar="标题")
@click.option("--prize", "given", multiple=True, required=True,
              help="“名称 份数 价值”，例如“车模 3份 199元”，可写多次")  # fmt: skip
@click.option("--closes", required=True, help="截止时间，例如 2026-03-14T18:00")
@click.option("--joined-before", default="", help="这个时间之前入群的才能参加")
@click.option("--spoke", is_flag=True, help="要签到、玩过游戏或发过言")
@click.option("--many", is_flag=True, help="一人可以中多次（默认只中一次）")
@click.option("--weights", is_flag=True, help="连续签到每满 7 天多一个签，会写进公告")
@click.option("--by", default=BY, help="主办人的 userid，开奖结果发给他；主办人不能中奖")
@click.pass_obj
def new(
    options: Options, chat: str, title: str, given: tuple[str, ...], closes: str,
    joined_before: str, spoke: bool, many: bool, weights: bool, by: str,
) -> None:  # fmt: skip
    """建一个抽奖，打出要发到群里的公告。"""
    with told(), _lawful():
        config = options.load()
        zone = config.settings.timezone
        before = moment(joined_before, zone).isoformat() if joined_before else ""
        rules: dict[str, Any] = {"joined_before": before, "spoke": spoke, "once": not many,
                                 "weights": WEIGHED if weights else ""}  # fmt: skip
        with opened(config) as db, db.atomic():
            ctx = context(db, config, WallClock().now())
            _there(chat, ctx)
            prizes = [draws.prize_of(one) for one in given]
            found = draws.new(chat, title, prizes, rules, moment(closes, zone), by, ctx)
            text = draws.announcement(found, ctx)
    click.echo(f"抽奖编号 {found.id}，公告：\n{text}")


def _there(chat: str, ctx: Ctx) -> None:
    """A draw in a group that does not exist would be won by nobody."""
    room = groups.get(ctx.db, chat)
    if room is None or room["dismissed_at"]:
        stores = [shop.id for shop in ctx.settings.stores]
        known = group_sop.rooms(ctx.db, stores, "", NAMED)
        named = "、".join(f"{row['chat_id']}（{row['name']}）" for row in known)
        fail(f"没有群 {chat}。{f'有的是：{named}' if named else '现在一个群都没有'}", WRONG_USE)


@contextmanager
def _lawful() -> Iterator[None]:
    """What the law or the rules forbid is told in a sentence."""
    try:
        yield
    except Unlawful as exc:
        fail(str(exc), WRONG_USE)


@draw.command("list")
@json_option
@click.pass_obj
def list_(options: Options, as_json: bool) -> None:
    """全部抽奖。"""
    with told(), opened(options.load()) as db:
        table = [{"id": d.id, "title": d.title, "chat": d.chat_id, "state": d.state,
                  "closes": d.closes_at.isoformat(), "entries": rows.entered(db, d.id)}
                 for d in rows.everything(db)]  # fmt: skip
    show(table, {"id": "编号", "title": "标题", "chat": "群号", "state": "状态", "closes": "截止",
                 "entries": "报名"}, as_json=as_json)  # fmt: skip


@draw.command()
@click.argument("draw_id", metavar="编号")
@click.pass_obj
def close(options: Options, draw_id: str) -> None:
    """现在就开奖，不等截止时间；已经开过的再打一遍结果。"""
    with told(), _lawful():
        config = options.load()
        with opened(config) as db, db.atomic():
            found = _found(db, draw_id)
            ctx = context(db, config, WallClock().now())
            text = draws.close(found, ctx) if found.state == OPEN else found.told
    click.echo(text)


@draw.command()
@click.argument("draw_id", metavar="编号")
@click.argument("ticket", metavar="抽奖号")
@click.option("--reason", required=True, help="为什么作废，会一起公布")
@click.option("--by", default=BY, help="谁决定的")
@click.pass_obj
def redraw(options: Options, draw_id: str, ticket: str, reason: str, by: str) -> None:
    """作废一个中奖，按同样的算法顺延。"""
    with told(), _lawful():
        config = options.load()
        with opened(config) as db, db.atomic():
            ctx = context(db, config, WallClock().now())
            text = draws.redraw(_found(db, draw_id), ticket, reason, by, ctx)
    click.echo(text)


@draw.command()
@click.argument("draw_id", metavar="编号")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def export(options: Options, draw_id: str, file: Path) -> None:
    """导出公开的记录：承诺、种子、名单、结果；没有任何人的身份。"""
    with told(), _lawful():
        config = options.load()
        with opened(config) as db:
            found = draws.export(_found(db, draw_id), context(db, config, WallClock().now()))
    file.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    click.echo(f"记录写进 {file}，可以发到群里。核对：salesbot draw verify {file}")


def _found(db: Db, draw_id: str) -> Draw:
    found = rows.get(db, draw_id)
    return found if found else fail(f"没有抽奖 {draw_id}，用 salesbot draw list 看编号")


@draw.command()
@click.argument("file", type=click.Path(path_type=Path))
def verify(file: Path) -> None:
    """按公布的算法重算一份导出的记录；不要配置，不要数据库。"""
    try:
        record = json.loads(file.read_text(encoding="utf-8-sig"))
        wrong = list(lots.complaints(record))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as exc:
        fail(f"{file} 读不了：{exc}")
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        fail(f"{file} 不是抽奖记录：缺少或写错了 {exc}")
    if wrong:
        fail("\n".join(["核对没通过：", *(f"· {one}" for one in wrong)]))
    closed = datetime.fromisoformat(record["closed_at"]).date() if record["closed_at"] else ""
    click.echo(f"核对通过：“{record['title']}”{closed}，{len(record['entries'])}人报名，"
               f"{len(record['results'])}个结果，承诺、名单和结果都对得上。")  # fmt: skip
