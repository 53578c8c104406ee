"""salesbot: the command line."""

import logging
from pathlib import Path

import click

from bot.commands import bench, data, people, run, scripts, texts
from bot.commands.common import Options


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "path", default="config.toml", show_default=True,
              type=click.Path(path_type=Path), help="配置文件")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="多打日志")
@click.version_option(package_name="salesbot")
@click.pass_context
def main(ctx: click.Context, path: Path, verbose: bool) -> None:
    """企业微信里的汽车销售助手。没有账号先试：salesbot sandbox"""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    ctx.obj = Options(path)


for command in (
    run.serve, run.sandbox, run.doctor, data.migrate, data.backup, data.restore, data.replay,
    texts.tag, texts.train, texts.suggest, scripts.scripts, texts.lexicon, people.customers,
    people.followups_, people.digest, bench.bench,
):  # fmt: skip
    main.add_command(command)
