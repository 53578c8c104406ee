"""偏好题: a question without a right answer; what it is asked for stands beside it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from handlers.games.base import LETTERS, Game, Kit, State, Turn

NAME = "偏好题"
NOTICE = "答案会用于为您推荐内容，可回复 退订。"
HOW = "@我 说 偏好题 A 这样选，可以改。"
_MOVE = re.compile(
    r"^(?:我?选|喜欢)?\s*+[:：]?\s*+(?P<letter>[A-Ha-h])\s*(?:[.、]\s*(?P<words>\S.*)|[。.!！])?$"
)


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    """Draw a question that was not asked lately; the words after the name choose one."""
    asked = {state["id"] for state in played}
    liking = [q for q in kit.questions if q.get("preference")]
    if not liking:
        return "题库里还没有偏好题。"
    named = [q for q in liking if kit.subject and kit.subject in q["text"]]
    fresh = [q for q in liking if q["id"] not in asked]
    question = kit.rng.choice(named or fresh or liking)
    return {
        "id": question["id"], "text": question["text"],
        "options": [option["text"] for option in question["options"]],
        "tags": [list(option["tags"]) for option in question["options"]], "votes": {},
    }  # fmt: skip


def opening(state: State) -> str:
    return "\n".join([f"💬 偏好题：{state['text']}", *menu(state), HOW, NOTICE])


def menu(state: State) -> tuple[str, ...]:
    pairs = zip(LETTERS, state["options"], strict=False)
    return tuple(f"{letter}. {option}" for letter, option in pairs)


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    move = _MOVE.match(unicodedata.normalize("NFKC", text.strip()))
    if move is None:
        return None
    letter = move["letter"].upper()
    if move["words"] and f"{letter}. {move['words']}" not in menu(state):
        return None
    n = LETTERS.index(letter)
    if n >= len(state["options"]):
        last = LETTERS[len(state["options"]) - 1]
        return Turn(state, f"{name}，选项只有 A 到 {last}。", took=False)
    after = {**state, "votes": {**state["votes"], player: n}}
    changed = "改成了" if player in state["votes"] else "选了"
    return Turn(after, f"{name} {changed}“{state['options'][n]}”。没有对错，谢谢参与！")


def ending(state: State) -> Turn:
    """Sums only: who likes what is nobody's business in a group."""
    votes = Counter(state["votes"].values())
    lines = [f"{state['options'][n]}：{count}位" for n, count in votes.most_common()]
    told = f"偏好题“{state['text']}”结束，{len(state['votes'])}位选了。"
    return Turn(state, "\n".join([told, *lines]), over=True)


GAME = Game(
    NAME, "没有对错，说说您喜欢什么，答了就有分；答案用来给您推荐内容。", setup, opening, play,
    ending, menu=menu, starts=("来一道偏好题",), subject=True, pace="days", unit="题",
)  # fmt: skip
