"""判断题: a figure of the fact sheet, true or taken from another trim; first right answer wins."""

import re
from collections.abc import Sequence

from handlers.games.base import Game, Kit, State, Turn
from scriptbank.facts import ModelFact

_TRUE = re.compile(r"^(?:我?选|答案?是?|我觉得)?\s*+[:：]?\s*+(?:对的?|正确|√|✓|是对的)[。.!！]?$")
_FALSE = re.compile(
    r"^(?:我?选|答案?是?|我觉得)?\s*+[:：]?\s*+(?:错的?|不对|错误|×|✗|是错的)[。.!！]?$"
)
NO_FACTS = "车型资料里还没有能出判断题的数字。"


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    seen = {state["id"] for state in played}
    known = [f for f in kit.facts.on(kit.day) if f.value is not None and f.label and f.model]
    if not known:
        return NO_FACTS
    fact = kit.rng.choice([f for f in known if f.id not in seen] or known)
    others = [f.shown for f in known if f.label == fact.label and f.value != fact.value
              and f.unit == fact.unit]  # fmt: skip
    true = not others or kit.rng.random() < 0.5
    told = fact.shown if true else kit.rng.choice(others)
    return {"id": fact.id, "text": f"{called(fact)}的{fact.label}是{told}。", "true": true,
            "explain": f"{fact.text}（{fact.proof}）", "tried": [], "worth": kit.worth}  # fmt: skip


def called(fact: ModelFact) -> str:
    return f"{fact.model} {fact.trim}".strip()


def opening(state: State) -> str:
    return f"🎯 判断题：{state['text']}\n对还是错？@我 回复 对 或 错，每人一次机会。"


def menu(_: State) -> tuple[str, ...]:
    return "对", "错"


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    said = text.strip()
    if not (_TRUE.match(said) or _FALSE.match(said)):
        return None
    if player in state["tried"]:
        return Turn(state, f"{name}，这一题你已经答过了，留给其他人。", took=False)
    after = {**state, "tried": [*state["tried"], player]}
    if bool(_TRUE.match(said)) == state["true"]:
        won = ((player, state["worth"]),)
        return Turn(after, f"🎉 {name} 判断对了！{state['explain']}", gains=won, over=True)
    return Turn(after, f"{name} 判断错了。{state['explain']}", over=True)


def ending(state: State) -> Turn:
    answer = "对" if state["true"] else "错"
    return Turn(state, f"时间到，答案是“{answer}”。{state['explain']}", over=True)


GAME = Game(
    "判断题", "一句和车有关的话，回复 对 或 错，先判断对的得分。", setup, opening, play, ending,
    menu=menu, starts=("判断", "来一道判断题"), unit="题",
)  # fmt: skip
