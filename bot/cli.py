"""salesbot: the command line."""

import logging
from pathlib import Path
from typing import Any

import click

from bot.commands import (
    activity,
    bench,
    chats,
    connect,
    corrections,
    customers,
    data,
    draw,
    events,
    groups,
    journey,
    learning,
    materials,
    menu,
    people,
    prizes,
    ratings,
    reconcile,
    report,
    rules,
    run,
    scripts,
    sending,
    sop,
    tags,
    texts,
    whatif,
)
from bot.commands.common import Options, fail
from bot.plain import Lines


class Plain(click.Group):
    """Whatever goes wrong is told in a sentence; -v shows where it happened."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as exc:  # the last resort of the command line
            if ctx.params["verbose"]:
                raise
            fail(f"内部错误：{type(exc).__name__}: {exc}；加 -v 再试一次可以看到出处")


@click.group(cls=Plain, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "path", default="config.toml", show_default=True,
              type=click.Path(path_type=Path), help="配置文件")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="多打日志")
@click.version_option(package_name="salesbot")
@click.pass_context
def main(ctx: click.Context, path: Path, verbose: bool) -> None:
    """企业微信里的汽车销售助手。没有账号先试：salesbot sandbox"""
    level = logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler()
    handler.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    ctx.color = False  # what click prints loses its colours, wherever they came from
    ctx.obj = Options(path)


for command in (
    run.serve, run.sandbox, connect.connect, run.doctor, data.migrate, data.backup, data.restore,
    data.replay,
    texts.tag, texts.train, texts.evaluate, texts.suggest, scripts.scripts, texts.lexicon,
    tags.tags, materials.materials, prizes.prizes, draw.draw, activity.activity,
    menu.menu, chats.chats, ratings.ratings,
    customers.customers, people.followups_,
    rules.rules, rules.audience, whatif.whatif,
    people.digest, report.report, journey.journey, sop.sop, sop.winback, groups.groups, bench.bench,
    reconcile.reconcile, events.events,
    sending.pause, sending.resume, sending.shadow,
):  # fmt: skip
    main.add_command(command)
for command in (learning.learn, learning.weights, learning.edits, learning.trial):
    scripts.scripts.add_command(command)
for command in (corrections.corrections, corrections.accept, corrections.reject):
    texts.lexicon.add_command(command)
