"""lexicon corrections, accept, reject: what advisors corrected becomes rules of the lexicon."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from bot import teaching
from bot.clock import WallClock
from bot.commands.common import WRONG_USE, Options, context, fail, json_option, opened, show, told
from bot.config import Config
from handlers import proposals
from handlers.context import Ctx
from handlers.proposals import Cluster, Trial
from handlers.words import short
from storage import corrections as rows
from storage import rules
from storage.db import Db


@dataclass(frozen=True, slots=True)
class Desk:
    """What the operator works on: open corrections, the store, the history to try rules on."""

    config: Config
    store: Db
    ctx: Ctx
    clusters: list[Cluster]
    history: list[str]

    def propose(self, cluster: Cluster) -> Trial | None:
        return proposals.propose(cluster, teaching.teach(self.config), self.history, self.ctx)

    def picked(self, n: int) -> Cluster:
        found = next((c for c in self.clusters if c.number == n), None)
        if found is None:
            known = "、".join(str(c.number) for c in self.clusters) or "没有"
            fail(f"没有第 {n} 组更正，待处理的序号：{known}", WRONG_USE)
        return found


@contextmanager
def _desk(options: Options) -> Iterator[Desk]:
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, WallClock().now())
            made = proposals.clusters(rows.of_state(store, rows.OPEN))
            yield Desk(config, store, ctx, made, proposals.history(ctx))


@click.command()
@json_option
@click.pass_obj
def corrections(options: Options, as_json: bool) -> None:
    """顾问说标签不对的，归成组；每组建议加什么规则，在历史上试一遍会怎样。"""
    with _desk(options) as desk:
        used = {row["rule"]: row["hits"] for row in rules.hits(desk.store)}
        now = proposals.fired(desk.history, desk.ctx) if desk.clusters else Counter()
        table = [{**_row(cluster, desk), "hits": used.get(cluster.first.rule, 0),
                  "fired": now[cluster.first.rule]}
                 for cluster in desk.clusters]  # fmt: skip
    if as_json:
        show(table, {}, as_json=True)
        return
    for row in table:
        click.echo("\n".join(_lines(row)))
    click.echo(
        "salesbot lexicon accept 序号 采纳，reject 序号 不采纳。" if table else "没有待处理的更正。"
    )


def _row(cluster: Cluster, desk: Desk) -> dict[str, Any]:
    found = desk.propose(cluster)
    return {
        "n": cluster.number, "title": cluster.title, "times": len(cluster.made),
        "rule": cluster.first.rule,
        "texts": [c.text for c in cluster.made[:3]],
        "proposal": proposals.described(found) if found else [],
        "mended": found.mended if found else 0, "changed": len(found.changes) if found else 0,
        "history": len(desk.history),
    }  # fmt: skip


def _lines(row: dict[str, Any]) -> Iterator[str]:
    yield f"{row['n']}. {row['title']}（{row['times']}次）"
    if row["rule"]:
        yield (f"   是规则 {row['rule']} 读错的：累计命中 {row['hits']} 次，"
               f"历史 {row['history']} 种说法里 {row['fired']} 种")  # fmt: skip
    yield from (f"   原话：“{short(text, 40)}”" for text in row["texts"])
    nothing = ["加词改不了，请手工改词库，或不采纳"]
    yield from (f"   {line}" for line in row["proposal"] or nothing)


@click.command()
@click.argument("n", metavar="序号", type=int)
@click.pass_obj
def accept(options: Options, n: int) -> None:
    """采纳一组更正：规则写进公司自己的词库，运行中的服务一分钟内读到。"""
    with _desk(options) as desk:
        cluster = desk.picked(n)
        found = desk.propose(cluster)
        if found is None:
            fail(f"第{n}组“{cluster.title}”没有能自动加的规则；请手工改词库，或 reject {n}")
        path = teaching.accept(desk.config, found.rules, _note(cluster, desk.ctx))
        with desk.store.atomic():
            rows.settle(desk.store, cluster.ids, rows.ACCEPTED, desk.ctx.now)
    click.echo(f"已采纳“{cluster.title}”，写进 {path}")
    click.echo("\n".join(proposals.described(found)))


def _note(cluster: Cluster, ctx: Ctx) -> str:
    return f"{ctx.today.isoformat()} 采纳：{cluster.title}，更正{len(cluster.made)}次"


@click.command()
@click.argument("n", metavar="序号", type=int)
@click.pass_obj
def reject(options: Options, n: int) -> None:
    """不采纳一组更正：词库不变，以后不再列出；客户身上的更正照旧。"""
    with _desk(options) as desk:
        cluster = desk.picked(n)
        with desk.store.atomic():
            rows.settle(desk.store, cluster.ids, rows.REJECTED, desk.ctx.now)
    click.echo(f"没有采纳“{cluster.title}”，词库不变。")
