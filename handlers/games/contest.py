"""征集: entries are handed in, then voted on; the entry with the most votes gets the bonus."""

import re
from collections import Counter
from collections.abc import Sequence

from handlers.games.base import Game, Kit, State, Turn
from nlp import mask

_ENTRY = re.compile(r"^(?:我要?)?投稿\s*+[:：]?\s*+(?P<words>\S.*)$", re.S)
_VOTE = re.compile(r"^(?:我?投票?给?)\s*(?P<n>\d{1,3})\s*号?[。.!！]*$")
_TURN = re.compile(r"^(?:开始投票|投稿结束)$")
SHORTEST, LONGEST, SHOWN, MOST = 5, 200, 20, 300
HOW = "写法：征集 主题，例如：征集 我和爱车的春天"


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    subject = mask.phones(kit.subject.strip())[:60]
    if not subject:
        return HOW
    return {"id": subject, "text": subject, "by": kit.by, "voting": False, "entries": [],
            "votes": {}, "worth": kit.worth}  # fmt: skip


def opening(state: State) -> str:
    how = "@我 说 投 加序号，一人一票，不能投自己。" if state["voting"] else \
          "@我 说 投稿 加你的话；发起人说 开始投票 后大家投。"  # fmt: skip
    return "\n".join([f"📮 征集：{state['text']}", *_listed(state), how])


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    said = text.strip()
    if _TURN.match(said):
        return _open_votes(state, player, name)
    if match := _VOTE.match(said):
        return _vote(state, player, name, int(match["n"])) if state["voting"] else None
    match = _ENTRY.match(said)
    return _hand_in(state, player, name, match["words"].strip()) if match else None


def _open_votes(state: State, player: str, name: str) -> Turn:
    if player != state["by"]:
        return Turn(state, f"{name}，由发起人来宣布开始投票。", took=False)
    if len(state["entries"]) < 2:
        return Turn(state, "至少要有两份投稿才能投票。", took=False)
    after = {**state, "voting": True}
    return Turn(after, opening(after))


def _hand_in(state: State, player: str, name: str, words: str) -> Turn:
    if state["voting"]:
        return Turn(state, f"{name}，投稿已经截止，现在是投票。", took=False)
    if len(words) < SHORTEST:
        return Turn(state, f"{name}，至少写{SHORTEST}个字。", took=False)
    entries = [one for one in state["entries"] if one["by"] != player]
    if len(entries) >= MOST:
        return Turn(state, f"{name}，投稿已经满了。", took=False)
    mine = {"by": player, "name": name, "text": mask.phones(words)[:LONGEST]}
    told = "换好了" if len(entries) < len(state["entries"]) else "收到了"
    return Turn({**state, "entries": [*entries, mine]},
                f"{name} 的投稿{told}，共{len(entries) + 1}份。")  # fmt: skip


def _vote(state: State, player: str, name: str, n: int) -> Turn:
    if not 1 <= n <= len(state["entries"]):
        return Turn(state, f"{name}，序号是1到{len(state['entries'])}。", took=False)
    if state["entries"][n - 1]["by"] == player:
        return Turn(state, f"{name}，不能投给自己。", took=False)
    after = {**state, "votes": {**state["votes"], player: state["entries"][n - 1]["by"]}}
    return Turn(after, f"{name} 投给了{n}号。已有{len(after['votes'])}票。")


def _listed(state: State) -> list[str]:
    found = [f"{n}. {one['name']}：{one['text']}" for n, one in enumerate(state["entries"], 1)]
    more = [f"……共{len(found)}份"] if len(found) > SHOWN else []
    return found[:SHOWN] + more


def ending(state: State) -> Turn:
    told = f"征集“{state['text']}”结束，共{len(state['entries'])}份投稿。"
    votes = Counter(state["votes"].values())
    voted = [one for one in state["entries"] if votes[one["by"]]]
    if not voted:
        return Turn(state, f"{told}没有投票。", over=True)
    won = max(voted, key=lambda one: votes[one["by"]])  # the earlier entry on a tie
    told += f"\n第一名 {won['name']}，{votes[won['by']]}票：{won['text']}"
    return Turn(state, told, bonus=((won["by"], 2 * state["worth"]),), over=True)


GAME = Game(
    "征集", "先投稿，再投票，票数最多的得奖励分；发 征集 主题 发起。", setup, opening, play, ending,
    starts=("投稿赛", "征集投稿"), subject=True, pace="days",
)  # fmt: skip
