"""What others wrote gives no orders to a terminal or a log; no secret stands in either."""

import csv
import io
import json
import logging
import re
import sys
import unicodedata

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from bot.cli import main
from bot.commands.common import Options, fail, show
from bot.plain import LINES, TURNING, Lines, harmless, readable
from bot.sandbox import demo
from bot.sandbox.push import xml
from bot.wecom import envelope

HOSTILE = ["\x1b[2J\x1b[31m红", "\x1b]0;title\x07", "a\rb", "王\u202e女士", "一\u2028二", "\x9b31m",
           "a\nERROR bot.app all is lost", "\ud800"]  # fmt: skip


@given(st.text(alphabet=st.characters()))
@example("👨\u200d👩\u200d👧 一家")
def test_nothing_that_commands_is_left_and_everything_else_stays(text):
    plain = harmless(text)

    assert not [c for c in plain if c in TURNING or unicodedata.category(c) == "Cc"]
    if all(c.isprintable() for c in text):
        assert plain == text
    kept = harmless(text, LINES)
    assert kept.count("\n") == text.count("\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_nickname_is_only_text_in_a_table(name):
    @click.command()
    def people():
        show([{"name": name}, {"name": "[red]红[/red]"}], {"name": "姓名"}, as_json=False)

    said = CliRunner().invoke(people, color=True).output

    assert not [c for c in said if c in TURNING or (unicodedata.category(c) == "Cc" and c != "\n")]
    assert "[red]红[/red]" in said


def lines_of(say):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines("%(levelname)s %(message)s"))
    log = logging.Logger("here")
    log.addHandler(handler)
    say(log)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_line_of_the_log(name):
    (line,) = lines_of(lambda log: log.error("message %s failed", name))

    assert line == f"ERROR message {harmless(name)} failed"


def test_what_an_error_says_is_harmless_too():
    def fail(log):
        try:
            raise ValueError("\x1b[31mno")
        except ValueError:
            log.exception("oh")

    lines = lines_of(fail)
    assert lines[0] == "ERROR oh"
    assert lines[-1] == r"ValueError: \x1b[31mno"


def test_the_command_line_logs_like_that(monkeypatch):
    """And what a command prints loses the colours that stood in somebody's name."""
    found = []

    @click.command()
    @click.pass_obj
    def odd(options: Options):
        found.extend(logging.getLogger().handlers)
        click.echo("\x1b[31m红\x1b[0m")

    monkeypatch.setitem(main.commands, "odd", odd)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    said = CliRunner().invoke(main, ["odd"], color=True)

    assert [type(one.formatter) for one in found] == [Lines]
    assert said.output == "红\n"


ORDERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]")
ORDERS = "\x1b]0;标题\x07\x1bc\x9b2J\r王\u202e\u2028\ud800\x1b[2J"


@pytest.mark.parametrize("write", [click.echo, lambda text: sys.stdout.write(text + "\n"),
                                   lambda text: show([{"n": text}], {"n": "姓名"}, as_json=False),
                                   fail])  # fmt: skip
def test_no_command_gives_a_name_s_orders_to_the_terminal(monkeypatch, write):
    """Neither titles nor cursors nor another direction, whatever a command prints with."""
    monkeypatch.setitem(main.commands, "odd", click.Command("odd", callback=lambda: write(ORDERS)))

    said = CliRunner().invoke(main, ["odd"], color=True).output

    assert "王" in said
    assert not ORDERING.search(said)


def test_what_is_printed_for_programs_can_still_be_read(monkeypatch):
    def odd():
        show([{"name": ORDERS}], {"name": "姓名"}, as_json=True)

    monkeypatch.setitem(main.commands, "odd", click.Command("odd", callback=odd))
    said = CliRunner().invoke(main, ["odd"]).output

    assert not ORDERING.search(said)
    assert json.loads(said) == [{"name": ORDERS}]


def test_csv_keeps_the_ends_of_its_lines(monkeypatch):
    odd = click.Command("odd", callback=lambda: csv.writer(sys.stdout).writerow(["王", "\x1b]0;"]))
    monkeypatch.setitem(main.commands, "odd", odd)

    assert CliRunner().invoke(main, ["odd"]).stdout_bytes == "王,\\u001b]0;\r\n".encode()


def test_json_spells_them_out():
    @click.command()
    def people():
        show([{"name": "\x1b[31m红"}], {"name": "姓名"}, as_json=True)

    said = CliRunner().invoke(people).output

    assert "\x1b" not in said
    assert json.loads(said) == [{"name": "\x1b[31m红"}]


# A wall of the same, sent to everything that reads


WALLS = ["刚", "- ", "——", "1", "，", " ", "\n", "a", "一", "10点", "的客户", "王女士", "客户 "]


def test_as_much_is_read_as_anybody_types():
    assert readable("好 " * 100) == "好 " * 100
    assert readable("第一\n\n第二") == "第一\n\n第二"
    assert readable("好" + " " * 9000 + "的") == "好" + " " * 20
    assert readable("好" + " " * 900 + "的") == "好" + " " * 20 + "的"
    assert len(readable("好" * 9000)) == 5000


@pytest.mark.timeout(60)  # one of them alone once took longer than this
async def test_a_wall_of_the_same_keeps_nobody_waiting(played):
    app, n = played.running.app, 0
    for wall in WALLS:
        for began in ("", "记录 王女士 ", "提醒我", "选"):
            n += 1
            said = {"ToUserName": "c", "FromUserName": "zhang", "CreateTime": 1772758800,
                    "MsgType": "text", "Content": (began + wall * 10_000)[:10_000], "MsgId": n,
                    "AgentID": 1000002}  # fmt: skip
            await app.keep(envelope.identify("app", xml(said)))
        asked = {"msgid": f"m{n}", "chatid": demo.TEAM_CHAT, "chattype": "group",
                 "msgtype": "text", "from": {"userid": "zhang"},
                 "text": {"content": (wall * 10_000)[:10_000]}}  # fmt: skip
        await app.keep(envelope.identify("aibot", json.dumps(asked)))
    while await app.work():
        continue

    states = await app.writer.do(lambda db: db.rows("select distinct state from inbox"))
    assert states == [{"state": "done"}]
