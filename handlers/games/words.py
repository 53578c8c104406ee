"""猜词: clues in words come one after the other; whoever names the thing first wins."""

import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path

from handlers.games import guessing
from handlers.games.base import Game, Kit, State

FILE = Path(__file__).with_name("data") / "words.toml"


@functools.cache
def words() -> tuple[State, ...]:
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["word"])


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    found = guessing.fresh(list(words()), kit, played)
    return guessing.begin(found["id"], found["clues"], found["answers"],
                          found.get("explain", ""), kit)  # fmt: skip


def opening(state: State) -> str:
    return f"🔤 猜词，听线索：\n{guessing.shown(state)}\n@我 说 猜 加答案；要下一条线索说 提示。"


GAME = Game(
    "猜词", "听线索猜一个词，先猜中的得分，每人五次机会。", setup, opening, guessing.play,
    guessing.ending, guessing.hint, starts=("你说我猜", "你画我猜"), unit="题",
)  # fmt: skip
