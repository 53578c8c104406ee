"""猜配置: name a figure of the specification; the closest wins when the time is up."""

from collections.abc import Sequence

from handlers.games import closest
from handlers.games.base import Game, Kit, State
from scriptbank.facts import PRICE


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    known = (f for f in kit.facts.on(kit.day) if f.label and f.label != PRICE and f.model)
    return closest.begin(known, kit, played)


def opening(state: State) -> str:
    return (
        f"🔧 猜配置：{state['what']}是多少{state['unit']}？\n@我 说 {closest.example(state)}，"
        "可以改，到点揭晓，最接近的赢。"
    )


GAME = Game(
    "猜配置", "猜一个配置数字（续航、加速、轴距……），带上单位，最后最接近的赢。", setup, opening,
    closest.play, closest.ending, closest.hint, pace="round",
)  # fmt: skip
