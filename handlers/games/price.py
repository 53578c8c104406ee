"""猜价格: name the list price of a trim; the closest wins when the time is up."""

from collections.abc import Sequence

from handlers.games import closest
from handlers.games.base import Game, Kit, State
from scriptbank.facts import PRICE


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    return closest.begin((f for f in kit.facts.on(kit.day) if f.label == PRICE), kit, played)


def opening(state: State) -> str:
    return (
        f"💰 猜价格：{state['what']}是多少？\n@我 说 {closest.example(state)}，可以改，"
        "到点揭晓，最接近的赢。"
    )


GAME = Game(
    "猜价格", "猜一款车的指导价，带上单位，最后最接近的赢。", setup, opening, closest.play,
    closest.ending, closest.hint, pace="round",
)  # fmt: skip
