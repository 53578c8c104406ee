"""The documents tell what is there: every command, option and setting, and no line that fails."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import aiohttp
import click
import pytest
from player_kit import hurried
from pydantic_core import PydanticUndefined

from bot import config, server
from bot.cli import main
from bot.sandbox import demo, player, stage
from bot.sandbox.api import Api
from bot.sandbox.page import Page
from bot.wecom.callback import PATHS
from handlers import settings, values
from handlers.settings import Section

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
READMES = ("README.md", "README.zh-CN.md")
PAGES = [*(ROOT / name for name in READMES), *sorted(DOCS.glob("*.md"))]
PLAYS = sorted((ROOT / "examples").glob("*.txt"))
LOST = "没看懂"


def read(path):
    return path.read_text(encoding="utf-8")


def fences(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", read(path), re.S | re.M)


# Commands


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        at = click.Context(command)
        for child in command.list_commands(at):
            yield from commands(command.get_command(at, child), f"{name} {child}")


COMMANDS = dict(commands(main, "salesbot"))


def sections():
    """What docs/commands.md says of each command, by its heading."""
    parts = re.split(r"^##+ (salesbot.*)$", read(DOCS / "commands.md"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_its_section_and_no_section_lacks_its_command():
    assert sections().keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_named_where_its_command_is(name):
    options = [p for p in COMMANDS[name].params if isinstance(p, click.Option)]

    missing = [opt for p in options for opt in p.opts if f"`{opt}`" not in sections()[name]]

    assert missing == []


@pytest.mark.parametrize("name", [n for n, c in COMMANDS.items() if not isinstance(c, click.Group)])
def test_every_command_has_an_example(name):
    assert re.search(rf"^(?:.*\| )?{name}\b", sections()[name], re.M)


# Settings


def keys(model: type[Section], prefix: str) -> Iterator[tuple[str, object]]:
    """Every key by its full name, with its default."""
    for name, field in model.model_fields.items():
        if (prefix, name) in {("", "settings"), ("", "folder"), ("", "timezone"), ("", "reach")}:
            continue
        inner = config._model(field.annotation)
        if inner:
            yield from keys(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, field.default


KEYS = dict([*keys(config.Config, ""), *keys(settings.Settings, "")])
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|", read(DOCS / "settings.md"), re.M))


def test_every_setting_is_told_and_none_that_does_not_exist():
    assert ROWS.keys() == KEYS.keys()


@pytest.mark.parametrize("key", KEYS)
def test_the_default_that_is_told_is_the_one_that_holds(key):
    default, told = KEYS[key], ROWS[key]

    if default is PydanticUndefined or key.startswith("wecom.app."):
        assert told == "必填"
    elif isinstance(default, config.Secret):
        assert told == '`""`'
    else:
        assert json.loads(told.strip("`")) == json.loads(json.dumps(default, default=str))


# What one can say


def spoken(talk, line):
    """Say one line of a play; returns everything that came back as text."""
    step = player._step(0, line)
    if step.verb == "group":
        return talk.asks(step.who, step.text.removeprefix("@小福 "), step.to)
    did = talk.taps(step.who, step.text) if step.verb == "tap" else talk.says(step.who, step.text)
    return "\n".join(getattr(action, "text", "[图片]") for action in did)


@pytest.mark.parametrize("play", fences(DOCS / "conversation.md", "play"))
def test_every_example_of_the_conversation_is_understood(talk, play):
    for line in play.splitlines():
        said = spoken(talk, line)

        assert said, line
        assert LOST not in said, line


@pytest.mark.parametrize("paste", fences(DOCS / "conversation.md", "paste"))
def test_the_pasted_transcript_is_read(talk, paste):
    talk.says("zhang", paste)

    assert talk.concerns("wang").keys() == {"range"}


@pytest.mark.parametrize("text", fences(DOCS / "conversation.md", "text"))
def test_the_conversation_file_that_is_shown_is_well_formed(text):
    steps = player.parse(text, player.cast_of(demo.SETTINGS, demo.world()))

    assert len(steps) == len(text.splitlines())


# Examples


@pytest.mark.parametrize("path", PLAYS, ids=lambda p: p.stem)
async def test_every_example_plays(played, path):
    steps = player.parse(read(path), player.cast_of(demo.SETTINGS, demo.world()))

    lines = [line async for line in hurried(played).play(steps)]

    assert lines
    assert LOST not in "".join(lines)
    assert played.pretend.problems == []
    failed = "select id from inbox where state = 'failed'"
    assert await played.running.writer.do(lambda db: db.rows(failed)) == []


# The sandbox's calls


@pytest.fixture
async def open_page(knowledge, demo_store, tmp_path):
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    async with stage.open_stage(
        start=demo.START, frozen=True, knowledge=knowledge, folder=tmp_path,
        more=lambda s: Page(s).routes(),
    ) as found:  # fmt: skip
        yield hurried(found)


def request(line, base):
    """Method, address and body of a curl line."""
    words = shlex.split(line)
    assert words[0] == "curl"
    address = next(w for w in words if w.startswith("http"))
    body = words[words.index("-d") + 1] if "-d" in words else None
    return (
        ("POST" if "POST" in words else "GET"),
        address.replace("http://127.0.0.1:8080", base),
        body,
    )


async def test_the_sandbox_s_calls_work_as_they_are_written(open_page):
    lines = [line for fence in fences(DOCS / "sandbox.md", "sh") for line in fence.splitlines()]
    async with aiohttp.ClientSession() as http:
        for line in lines:
            method, address, body = request(line, open_page.url)
            async with http.request(method, address, data=body) as answer:
                found = await answer.json()
                assert answer.status == 200, line
                assert found.get("ok", True), line
                assert not found.get("errcode"), line
            await open_page.running.app.idle()

    received = [item["text"] for item in open_page.pretend.received()]
    assert any("签到成功" in text for text in received)
    assert any("早报" in text for text in received)


def test_the_configuration_of_the_rehearsal_is_right():
    (text,) = fences(DOCS / "sandbox.md", "toml")

    found = config.parse(text, ROOT / "config.toml")

    assert server.keys(found).channels.keys() == {"app"}


# Links


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(page))

    lost = [to for to in links if not to.startswith("http") and not (page.parent / to).exists()]

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_page_can_be_reached_from_the_readmes(page):
    names = {page.name} - {*READMES}
    texts = [read(ROOT / name) for name in READMES]

    assert all(f"docs/{name}" in text for name in names for text in texts)


# What WeCom offers


def surfaces():
    rows = re.findall(r"^\| (.+) \|$", read(DOCS / "wecom.md"), re.M)
    return [[cell.strip() for cell in row.split(" | ")] for row in rows[1:]]


def named(column, pattern):
    return [name for row in surfaces() for name in re.findall(pattern, row[column])]


def test_every_callback_has_its_row():
    assert {name for row in surfaces() for name in re.findall(r"`(\w+)`", row[0])} == set(PATHS)


def test_every_action_that_leaves_stands_in_the_table():
    actions = {t.__name__ for t in get_args(values.Action)}

    assert set(named(2, r"`(\w+)`")) == actions


def test_every_call_in_the_table_is_answered_by_the_pretend_wecom():
    api = Api(demo.world(), lambda: demo.START)
    calls = set(named(3, r"`([a-z_]+(?:/[a-z_]+)+)`"))

    assert calls
    assert {c for c in calls if not api.knows(c)} <= {"media/upload"}  # it has a door of its own


def test_every_proof_in_the_table_is_there():
    proofs = named(4, r"`(tests/\w+\.py)`")

    assert proofs
    assert [p for p in proofs if not (ROOT / p).is_file()] == []


# Promises


def test_every_promise_names_proofs_that_are_there():
    rows = re.findall(r"^\| (\d)\. (.+?) \| (.+?) \|", read(DOCS / "promises.md"), re.M)
    proofs = {row[0]: re.findall(r"`(\w+\.py)::(\w+)`", row[2]) for row in rows}

    assert list(proofs) == list("123456789")
    assert all(proofs.values())
    missing = [
        f"{file}::{name}"
        for found in proofs.values()
        for file, name in found
        if f"def {name}(" not in read(ROOT / "tests" / file)
    ]
    assert missing == []
