"""pause, resume, shadow: whether anything leaves, and what would have left."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click

from bot.clock import WallClock
from bot.commands.common import Options, fail, json_option, opened, show, told
from handlers.stopping import NAMES, OLD, WAYS
from handlers.stopping import told as said
from storage import outbox, stops

BY = "命令行"
NAMED = [name for name in WAYS if name]


@click.command()
@click.argument("way", metavar="[哪一面]", type=click.Choice(NAMED), default="全部")
@click.option("--why", default="", help="为什么，给接手的人看")
@click.pass_obj
def pause(options: Options, way: str, why: str) -> None:
    """急停：这一面什么都不再发出去，收和算照常；正在跑的服务马上照办。"""
    with told(), opened(options.load()) as store, store.atomic():
        stops.put(store, WAYS[way], by=BY, why=why, now=WallClock().now())
    click.echo(f"已急停{way}的发送，要发的都排着。恢复：salesbot resume")


@click.command()
@click.argument("way", metavar="[哪一面]", type=click.Choice(NAMED), default="全部")
@click.pass_obj
def resume(options: Options, way: str) -> None:
    """恢复发送；等得太久的不再发。"""
    with told(), opened(options.load()) as store, store.atomic():
        lifted = stops.lift(store, WAYS[way])
        old = stops.expire(store, WallClock().now() - OLD) if lifted else 0
        waiting, still = stops.waiting(store), stops.on(store)
    click.echo(said(lifted=lifted, old=old, waiting=waiting))
    for one in still:
        click.echo(f"还停着：{NAMES[one.way]}（{one.by_whom} {one.why}）")


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="哪一天，默认今天")
@json_option
@click.pass_obj
def shadow(options: Options, day: datetime | None, as_json: bool) -> None:
    """影子模式里本来会发的：谁、什么、几点。"""
    with told():
        config = options.load()
        if not config.server.shadow:
            fail("没有开影子模式；在 config.toml 的 [server] 里写 shadow = true，再启动 serve")
        zone = ZoneInfo(config.server.timezone)
        start = (day or WallClock().now().astimezone(zone)).replace(
            hour=0, minute=0, second=0, microsecond=0, tzinfo=zone
        )
        with opened(config) as store:
            rows = outbox.would_have(store, start, start + timedelta(days=1))
    table = [{"at": f"{datetime.fromisoformat(r['tried_at']).astimezone(zone):%H:%M}",
              "to": r["target"], "kind": r["kind"], "what": _gist(r["body"])}
             for r in rows]  # fmt: skip
    show(table, {"at": "几点", "to": "给谁", "kind": "种类", "what": "内容"}, as_json=as_json)
    if not as_json:
        click.echo(f"{start:%Y-%m-%d} 本来会发 {len(rows)} 条，一条都没有发出去。")


def _gist(body: str) -> str:
    """The words of a parcel, without its frame."""
    given = json.loads(body) if body else {}
    found = [given[k] for k in ("content", "text", "title", "description") if k in given]
    words = next((w for w in found if isinstance(w, str) and w), body)
    return " ".join(words.split())[:60]
