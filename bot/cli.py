"""salesbot: the command line."""

import logging
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO, cast

import click

from bot import garbage
from bot.commands import BELOW, COMMANDS
from bot.plain import Lines, Screen


class Plain(click.Group):
    """Loads no command but the one that is run; whatever goes wrong is told in a sentence, and
    -v shows where it happened."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with redirect_stdout(cast(TextIO, Screen(sys.stdout))):
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as exc:  # the last resort of the command line
            if ctx.params["verbose"]:
                raise
            from bot.commands.common import fail

            if isinstance(exc, RecursionError):  # a file of brackets, which no format reads
                fail("文件里的括号一层套一层，太深了，读不了；请检查给的文件")
            fail(f"内部错误：{type(exc).__name__}: {exc}；加 -v 再试一次可以看到出处")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            with garbage.resting():
                self.add_command(_loaded(cmd_name), cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._says(name)) for name in self.list_commands(ctx)])

    def _says(self, name: str) -> str:
        own = self.commands.get(name)
        return COMMANDS[name][1] if name in COMMANDS else own.get_short_help_str() if own else ""


def _loaded(name: str) -> click.Command:
    module, _ = COMMANDS[name]
    command = _at(module if "." in module else f"{module}.{name}")
    for place in BELOW.get(name, ()):
        assert isinstance(command, click.Group)
        command.add_command(_at(place))
    return command


def _at(place: str) -> click.Command:
    module, _, function = place.partition(".")
    found = getattr(import_module(f"bot.commands.{module}"), function)
    assert isinstance(found, click.Command)
    return found


@click.group(cls=Plain, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "path", default="config.toml", show_default=True,
              type=click.Path(path_type=Path), help="配置文件")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="多打日志")
@click.version_option(package_name="salesbot")
@click.pass_context
def main(ctx: click.Context, path: Path, verbose: bool) -> None:
    """企业微信里的汽车销售助手。没有账号先试：salesbot sandbox"""
    from bot.commands.common import Options

    level = logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler()
    handler.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    ctx.color = False  # what click prints loses its colours, wherever they came from
    ctx.obj = Options(path)
