"""答题: one question with a product fact in it; the first right answer wins."""

import random
import re
from collections.abc import Sequence

from handlers.games.base import Facts, State, Turn

name = "答题"
rules = "一题多个选项，回复选项字母，每人一次机会，先答对的得分。"
_LETTERS = "ABCDEF"
_MOVE = re.compile(r"^(?:我?选|答案?是?|回答)?\s*[:：]?\s*([A-Fa-fＡ-Ｆａ-ｆ])\s*[。.!！]?$")


def setup(facts: Facts, rng: random.Random, played: Sequence[State]) -> State:
    """Draw a question that was not asked lately."""
    asked = {state["id"] for state in played}
    quiz = [q for q in facts if not q.get("preference")]
    fresh = [q for q in quiz if q["id"] not in asked] or quiz
    question = rng.choice(fresh)
    return {
        "id": question["id"],
        "text": question["text"],
        "options": list(question["options"]),
        "answer": question["answer"],
        "explain": question["explain"],
        "source": question.get("source", ""),
        "tried": [],
    }


def opening(state: State) -> str:
    pairs = zip(_LETTERS, state["options"], strict=False)
    options = [f"{letter}. {option}" for letter, option in pairs]
    return "\n".join([f"🎯 答题：{state['text']}", *options, "@我 回复字母作答，每人一次机会。"])


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    move = _MOVE.match(text.strip())
    if move is None:
        return None
    letter = _letter(move[1])
    if _LETTERS.index(letter) >= len(state["options"]):
        last = _LETTERS[len(state["options"]) - 1]
        return Turn(state, f"{name}，选项只有 A 到 {last}。")
    if player in state["tried"]:
        return Turn(state, f"{name}，这一题你已经答过了，留给其他人。")
    after = {**state, "tried": [*state["tried"], player]}
    if letter == state["answer"]:
        return Turn(after, f"🎉 {name} 答对了！{_fact(state)}", winner=player, over=True)
    return Turn(after, f"{name} 选了{letter}，不对，其他人还有机会。")


def ending(state: State) -> str:
    return f"时间到，答案是 {state['answer']}。{_fact(state)}"


def _letter(raw: str) -> str:
    code = ord(raw)
    return chr(code - 0xFEE0 if code > 0xFF00 else code).upper()


def _fact(state: State) -> str:
    source = f"（{state['source']}）" if state["source"] else ""
    return f"{state['explain']}{source}"
