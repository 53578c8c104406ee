"""盲盒话题: a topic is drawn at random; whoever has something to say gets a point for it."""

import functools
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from handlers.games.base import Game, Kit, State, Turn
from nlp import mask

FILE = Path(__file__).with_name("data") / "topics.toml"
_SAY = re.compile(r"^(?:我说|话题|我来说|聊聊?)\s*+[:：]?\s*+(?P<words>\S.*)$", re.S)
SHORTEST, KEPT, LONGEST, POINTS = 6, 50, 100, 2


@functools.cache
def topics() -> tuple[State, ...]:
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["topic"])


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    seen = {state["id"] for state in played}
    found = kit.rng.choice([t for t in topics() if t["id"] not in seen] or topics())
    return {"id": found["id"], "kind": found["kind"], "text": found["text"], "said": {},
            "words": []}  # fmt: skip


def opening(state: State) -> str:
    return (
        f"🎁 盲盒话题（{state['kind']}）：{state['text']}\n"
        f"@我 说 我说 加你的话，{SHORTEST}个字以上，第一次得{POINTS}分。"
    )


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    match = _SAY.match(text.strip())
    if match is None:
        return None
    words = match["words"].strip()
    if len(words) < SHORTEST:
        return Turn(state, f"{name}，多说两句，{SHORTEST}个字以上。", took=False)
    first = player not in state["said"]
    kept = [*state["words"], [name, mask.phones(words)[:LONGEST]]][-KEPT:]
    after = {**state, "said": {**state["said"], player: name}, "words": kept}
    gained = ((player, POINTS),) if first else ()
    count = len(after["said"])
    return Turn(after, f"收到，{name}。已经有{count}位说了。", gains=gained)


def ending(state: State) -> Turn:
    return Turn(state, f"话题“{state['text']}”聊到这里，{len(state['said'])}位说了自己的想法。",
                over=True)  # fmt: skip


GAME = Game(
    "盲盒话题", "随机抽一个话题，说说你的想法，第一次说得分。", setup, opening, play, ending,
    starts=("抽话题", "开盲盒", "来个话题"), pace="round",
)  # fmt: skip
