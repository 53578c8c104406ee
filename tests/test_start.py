"""The program is there quickly: nothing is read, compiled or imported before it is needed."""

import subprocess
import sys

import click
import pytest

from bot.cli import main
from bot.commands import COMMANDS

HEAVY = (
    "aiohttp", "jieba", "rjieba", "pydantic", "wechatpy", "requests", "sqlite_utils", "rich",
    "PIL", "xlsxwriter", "cryptography", "jinja2", "prometheus_client", "asyncio",
    "handlers", "storage", "scriptbank", "nlp",
)  # fmt: skip
LISTING = """
import sys
from bot.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(*words):
    done = subprocess.run([sys.executable, "-c", LISTING, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_the_list_of_commands_needs_nothing_of_the_program(words):
    assert imported(*words).isdisjoint(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_it_says_of_itself(name):
    command = main.get_command(click.Context(main), name)

    assert command.name == name
    assert COMMANDS[name][1] == command.get_short_help_str(1000)


def test_a_command_that_does_not_exist_is_still_a_plain_refusal():
    assert main.get_command(click.Context(main), "nothing") is None
