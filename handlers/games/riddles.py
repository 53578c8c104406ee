"""谜语: a riddle, whoever says the answer first wins."""

import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path

from handlers.games import guessing
from handlers.games.base import Game, Kit, State

FILE = Path(__file__).with_name("data") / "riddles.toml"


@functools.cache
def riddles() -> tuple[State, ...]:
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["riddle"])


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    found = guessing.fresh(list(riddles()), kit, played)
    clues = (found["text"], f"打一{found['kind']}")
    state = guessing.begin(found["id"], clues, found["answers"], found.get("explain", ""), kit)
    return {**state, "shown": 2}


def opening(state: State) -> str:
    text, kind = state["clues"][:2]
    more = "".join(f"\n· {clue}" for clue in state["clues"][2 : state["shown"]])
    return f"🏮 谜语：{text}（{kind}）{more}\n@我 说 猜 加谜底；想不出说 提示。"


GAME = Game(
    "谜语", "猜谜底，先猜中的得分，每人五次机会。", setup, opening, guessing.play,
    guessing.ending, guessing.hint, starts=("猜谜", "猜谜语", "来个谜语"), unit="题",
)  # fmt: skip
