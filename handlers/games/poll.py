"""投票: a question with options; everybody has one vote and may change it."""

import re
from collections import Counter
from collections.abc import Sequence

from handlers.games import fuzzy
from handlers.games.base import LETTERS, Game, Kit, State, Turn
from nlp import mask

_VOTE = re.compile(r"^(?P<said>我?[投选]票?给?|投票)?\s*+[:：]?\s*+(?P<what>.+?)[。.!！]*$")
_SPLIT = re.compile(r"[\s、,，;；|/]+")
HOW = "写法：投票 周末去哪 西湖 莫干山（问题和选项用空格隔开，2 到 8 个选项）"
LONGEST = 30


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    question, *options = [part for part in _SPLIT.split(kit.subject.strip()) if part] or [""]
    options = list(dict.fromkeys(mask.phones(one)[:LONGEST] for one in options))
    if not 2 <= len(options) <= len(LETTERS):
        return HOW
    return {"id": question, "text": mask.phones(question)[:60], "options": options, "votes": {}}


def opening(state: State) -> str:
    return "\n".join([f"🗳️ 投票：{state['text']}", *menu(state),
                      "@我 说 投 A 这样投票，一人一票，可以改。"])  # fmt: skip


def menu(state: State) -> tuple[str, ...]:
    pairs = zip(LETTERS, state["options"], strict=False)
    return tuple(f"{letter}. {option}" for letter, option in pairs)


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    match = _VOTE.match(text.strip())
    chosen = _chosen(match["what"], bool(match["said"]), state) if match else None
    if chosen is None:
        return None
    before = state["votes"].get(player)
    after = {**state, "votes": {**state["votes"], player: chosen}}
    told = "改投" if before not in (None, chosen) else "投给"
    return Turn(after, f"{name} {told}了“{state['options'][chosen]}”。{counted(after)}")


def _chosen(what: str, said_so: bool, state: State) -> int | None:
    """By its words, by both as they stand in a menu, or by its letter where that is said to be a
    vote: a bare A may be a late answer to a quiz."""
    said = fuzzy.plain(what)
    for n, option in enumerate(state["options"]):
        letter = LETTERS[n].lower()
        if (said_so and said == letter) or said in (
            fuzzy.plain(option),
            letter + fuzzy.plain(option),
        ):
            return n
    return None


def counted(state: State) -> str:
    votes = Counter(state["votes"].values())
    each = "，".join(f"{LETTERS[n]} {votes[n]}票" for n in range(len(state["options"])))
    return f"现在：{each}。"


def ending(state: State) -> Turn:
    votes = Counter(state["votes"].values())
    lines = [f"{state['options'][n]}：{count}票" for n, count in votes.most_common()]
    told = "\n".join([f"投票“{state['text']}”结束，{len(state['votes'])}人投了票。", *lines])
    return Turn(state, told, over=True)


GAME = Game(
    "投票", "一人一票，可以改；发 投票 问题 选项 选项 发起。", setup, opening, play, ending,
    menu=menu, starts=("发起投票",), subject=True, pace="days",
)  # fmt: skip
