"""答题: one question with a product fact in it; the first right answer wins."""

import re
import unicodedata
from collections.abc import Sequence

from handlers.games.base import LETTERS, Game, Kit, State, Turn

_MOVE = re.compile(
    r"^(?:我?选|答案?是?|回答)?\s*+[:：]?\s*+(?P<letter>[A-Fa-fＡ-Ｆａ-ｆ])\s*"
    r"(?:[.、．]\s*(?P<words>\S.*)|[。.!！])?$"
)


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    """Draw a question that was not asked lately."""
    asked = {state["id"] for state in played}
    quiz = [q for q in kit.questions if not q.get("preference")]
    if not quiz:
        return "题库里还没有题目。"
    question = kit.rng.choice([q for q in quiz if q["id"] not in asked] or quiz)
    return {
        "id": question["id"],
        "text": question["text"],
        "options": list(question["options"]),
        "answer": question["answer"],
        "explain": question["explain"],
        "source": question.get("source", ""),
        "tried": [],
        "out": [],  # options that a hint has ruled out
        "worth": kit.worth,
    }


def opening(state: State) -> str:
    return "\n".join(
        [f"🎯 答题：{state['text']}", *menu(state), "@我 回复字母作答，每人一次机会。"]
    )


def menu(state: State) -> tuple[str, ...]:
    pairs = zip(LETTERS, state["options"], strict=False)
    return tuple(f"{letter}. {option}" for letter, option in pairs if letter not in state["out"])


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    letter = _chosen(state, text.strip())
    if letter is None:
        return None
    if LETTERS.index(letter) >= len(state["options"]):
        last = LETTERS[len(state["options"]) - 1]
        return Turn(state, f"{name}，选项只有 A 到 {last}。", took=False)
    if player in state["tried"]:
        return Turn(state, f"{name}，这一题你已经答过了，留给其他人。", took=False)
    after = {**state, "tried": [*state["tried"], player]}
    if letter == state["answer"]:
        won = ((player, state["worth"]),)
        return Turn(after, f"🎉 {name} 答对了！{_fact(state)}", gains=won, over=True)
    return Turn(after, f"{name} 选了{letter}，不对，其他人还有机会。")


def _chosen(state: State, text: str) -> str | None:
    """The letter that was said, or that of the option which was tapped in full."""
    move = _MOVE.match(text)
    if move is None:
        return None
    letter = unicodedata.normalize("NFKC", move["letter"]).upper()
    tapped = move["words"]
    return None if tapped and f"{letter}. {tapped}" not in menu(state) else letter


def hint(state: State) -> tuple[State, str] | None:
    """Rule one wrong option out, while two are left."""
    letters = LETTERS[: len(state["options"])]
    wrong = [one for one in letters if one != state["answer"] and one not in state["out"]]
    if len(wrong) < 2:
        return None
    return {**state, "out": [*state["out"], wrong[0]]}, f"不是 {wrong[0]}"


def ending(state: State) -> Turn:
    return Turn(state, f"时间到，答案是 {state['answer']}。{_fact(state)}", over=True)


def _fact(state: State) -> str:
    source = f"（{state['source']}）" if state["source"] else ""
    return f"{state['explain']}{source}"


GAME = Game(
    "答题", "一题多个选项，回复选项字母，每人一次机会，先答对的得分。", setup, opening, play,
    ending, hint, menu, starts=("来一题", "出题", "开始答题", "再来一题"), unit="题",
)  # fmt: skip
