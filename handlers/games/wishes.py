"""许愿池: wishes are collected, and others may join in; the list goes to whoever asked for it."""

import re
from collections.abc import Sequence

from handlers.games.base import Game, Kit, State, Turn
from nlp import mask

_WISH = re.compile(r"^(?:我?许愿|我希望|愿望)\s*+[:：]?\s*+(?P<wish>\S.{1,})$", re.S)
_ALSO = re.compile(r"^(?:\+1|＋1|我也要|支持|附议|赞同)\s*(?P<n>\d{1,3})$")
LONGEST, MOST, SHOWN = 60, 300, 10


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    text = mask.phones(kit.subject.strip())[:LONGEST] or "您希望门店为您做点什么？"
    return {"id": text, "text": text, "wishes": []}


def opening(state: State) -> str:
    return "\n".join([f"🌠 许愿池：{state['text']}", *_listed(state),
                      "@我 说 许愿 加愿望；想跟一个说 +1 加序号。"])  # fmt: skip


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    said = text.strip()
    if match := _ALSO.match(said):
        return _also(state, player, name, int(match["n"]))
    if (match := _WISH.match(said)) is None:
        return None
    wishes = state["wishes"]
    if any(one["by"] == player for one in wishes):
        return Turn(state, f"{name}，每人一个愿望，你的已经在池子里了。", took=False)
    if len(wishes) >= MOST:
        return Turn(state, f"{name}，许愿池已经满了。", took=False)
    wish = {"text": mask.phones(match["wish"].strip())[:LONGEST], "by": player, "name": name,
            "with": []}  # fmt: skip
    after = {**state, "wishes": [*wishes, wish]}
    return Turn(after, f"{name} 的愿望是第{len(after['wishes'])}个：{wish['text']}")


def _also(state: State, player: str, name: str, n: int) -> Turn:
    wishes = state["wishes"]
    if not 1 <= n <= len(wishes):
        return Turn(state, f"{name}，现在有{len(wishes)}个愿望，序号从1开始。", took=False)
    wish = wishes[n - 1]
    if player == wish["by"] or player in wish["with"]:
        return Turn(state, f"{name}，这个愿望已经算你一个了。", took=False)
    changed = {**wish, "with": [*wish["with"], player]}
    after = {**state, "wishes": [*wishes[: n - 1], changed, *wishes[n:]]}
    return Turn(after, f"{name} 也想要“{wish['text']}”，现在{1 + len(changed['with'])}人。")


def _listed(state: State) -> list[str]:
    """Those that most people share come first, each with its number."""
    ranked = sorted(enumerate(state["wishes"], 1), key=lambda one: -len(one[1]["with"]))
    return [f"{n}. {wish['text']}（{1 + len(wish['with'])}人）" for n, wish in ranked[:SHOWN]]


def ending(state: State) -> Turn:
    told = f"许愿池“{state['text']}”收好了，共{len(state['wishes'])}个愿望。"
    return Turn(state, "\n".join([told, *_listed(state)]), over=True)


GAME = Game(
    "许愿池", "每人一个愿望，可以给别人的愿望 +1；结束后给发起人。", setup, opening, play, ending,
    starts=("开许愿池",), subject=True, pace="days",
)  # fmt: skip
