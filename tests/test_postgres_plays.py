"""The whole program on PostgreSQL says the same bytes as on SQLite."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from player_kit import hurried

from bot.app import Knowledge
from bot.sandbox import demo, player, stage
from storage import move
from storage.sqlite import Sqlite

EXAMPLES = Path(__file__).parent.parent / "examples"
CAST = player.cast_of(demo.SETTINGS, demo.world())
# The days of the others are long; `make soak` lives through them as well.
PLAYS = os.environ.get("SALESBOT_PLAYS", "first-day names archive-on group-page").split()


@pytest.fixture(scope="session")
def demo_template(server, demo_store: Path) -> Iterator[str]:
    """The sixty days of the demo, moved over once and copied for each play."""
    from storage.postgres import Postgres

    name = f"demo_{server.template}"
    server.say(f"create database {name} template {server.template}")
    source, target = Sqlite(demo_store), Postgres(server.named(name))
    move.move(source, target, lambda _, __: None)
    source.close()
    target.close()
    return name


async def said(play: str, knowledge: Knowledge, folder: Path, store: str) -> list[str]:
    steps = player.parse((EXAMPLES / f"{play}.txt").read_text(encoding="utf-8"), CAST)
    async with stage.open_stage(
        start=player.begins(steps, demo.START), frozen=True, knowledge=replace(knowledge),
        folder=folder, store=store,
    ) as found:  # fmt: skip
        return [line async for line in hurried(found).play(steps)]


@pytest.mark.parametrize("play", PLAYS)
async def test_a_play_is_the_same_to_the_byte(
    play, knowledge, demo_store, demo_template, server, tmp_path
):
    with server.database(demo_template) as url:
        shared = await said(play, knowledge, tmp_path, url)

    (tmp_path / "sandbox.db").write_bytes(demo_store.read_bytes())
    assert shared == await said(play, knowledge, tmp_path, "sqlite:///sandbox.db")
    assert shared
