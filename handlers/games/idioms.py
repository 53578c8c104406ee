"""成语接龙: each idiom begins with the last character of the one before, or with its sound."""

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from handlers.games.base import Game, Kit, State, Turn

FILE = Path(__file__).with_name("data") / "idioms.txt"
OPENERS = ("一马当先", "风和日丽", "四通八达", "一路顺风", "山清水秀", "千里迢迢", "马到成功",
           "日行千里", "车水马龙", "海阔天空", "一帆风顺", "轻车熟路", "春暖花开", "万里无云",
           "心旷神怡", "平步青云", "光明正大", "神采飞扬")  # fmt: skip
COMMON = 5000  # the file begins with the most frequent ones; hints come from these
ROAD = frozenset("车马路道途行驰驾程辕辙轮里")
NATURE = frozenset("山水风云花草江河湖海天日月星雨雪春秋林木")
EXACT = ("同字", "不谐音", "严格")
_FIELD = re.compile(r"^接[\s:：]+\S")  # meant for the game, whatever follows
_MOVE = re.compile(r"^(?:我?接龙?)?[\s:：]*(?P<idiom>[一-鿿]{4})[。.!！~]*$")
_MARKED = re.compile(r"^我?接龙?[\s:：]*(?=[一-鿿]{2})")


class Idiom(NamedTuple):
    words: str
    first: str  # sound of its first character, without the tone
    last: str


@functools.cache
def known() -> dict[str, Idiom]:
    """The most frequent ones first."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {row[0]: Idiom(*row) for row in rows}


@functools.cache
def _by_sound() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for words in list(known())[:COMMON]:
        found.setdefault(known()[words].first, []).append(words)
    return {sound: tuple(words) for sound, words in found.items()}


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    opened = {state["used"][0] for state in played[: len(OPENERS) - 1]}
    first = kit.rng.choice([one for one in OPENERS if one not in opened])
    return {"used": [first], "last": "", "scores": {}, "names": {},
            "sound": kit.subject.strip() not in EXACT, "hint": 0}  # fmt: skip


def opening(state: State) -> str:
    how = "同音也行，" if state["sound"] else "要同一个字，"
    return (
        f"🐉 成语接龙，现在接“{state['used'][-1]}”。\n@我 说 接 加成语，{how}"
        "不能重复，不能自己接自己。带路和车、山水风光的字多得1分；接不上说 提示。"
    )


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    said = text.strip()
    move = _MOVE.match(said)
    marked = bool(_MARKED.match(said))
    if move is None and _FIELD.match(said):
        told = f"{name}，要四个字的成语，现在接“{state['used'][-1]}”。"
        return Turn(state, told, took=False)
    if move is None or (not marked and move["idiom"] not in known()):
        return None  # four characters of talk are no idiom
    idiom = move["idiom"]
    if why_not := _why_not(state, player, idiom):
        return Turn(state, f"{name}，{why_not}", took=False)
    gained, why = _worth(idiom)
    scores = {**state["scores"], player: state["scores"].get(player, 0) + gained}
    after = {**state, "used": [*state["used"], idiom], "last": player, "scores": scores,
             "names": {**state["names"], player: name}, "hint": 0}  # fmt: skip
    say = f"{name} 接得好：{idiom}{why}，已接{len(after['used']) - 1}个。"
    if next(_following(after), None) is None:
        return _close(after, f"{say}\n没有成语能接“{idiom}”了，{name}收官！", player)
    return Turn(after, say, gains=((player, gained),))


def _why_not(state: State, player: str, idiom: str) -> str:
    now = state["used"][-1]
    if idiom not in known():
        return f"“{idiom}”不在成语表里，换一个试试。"
    if idiom in state["used"]:
        return f"“{idiom}”已经用过了。"
    if not _fits(now, idiom, sound=state["sound"]):
        same = "或同音字" if state["sound"] else ""
        return f"要用“{now[-1]}”{same}开头，现在接“{now}”。"
    return "刚才就是你接的，让别人接一个。" if player == state["last"] else ""


def _fits(now: str, idiom: str, *, sound: bool) -> bool:
    return idiom[0] == now[-1] or (sound and known()[idiom].first == known()[now].last)


def _worth(idiom: str) -> tuple[int, str]:
    """One point, and one more for words of the road or of nature."""
    if set(idiom) & ROAD:
        return 2, "（带路和车的字）"
    return (2, "（带山水风光的字）") if set(idiom) & NATURE else (1, "")


def _following(state: State) -> Iterator[str]:
    """What could come next, the most frequent first."""
    now, used = state["used"][-1], set(state["used"])
    return (i for i in known() if i not in used and _fits(now, i, sound=state["sound"]))


def hint(state: State) -> tuple[State, str] | None:
    """The first two characters of a common idiom that fits, then of another."""
    now = state["used"][-1]
    near = _by_sound().get(known()[now].last, ())
    used = set(state["used"])
    common = [i for i in near if i not in used and _fits(now, i, sound=state["sound"])]
    fitting = common or list(islice(_following(state), 1))
    if state["hint"] >= len(fitting):
        return None
    return {**state, "hint": state["hint"] + 1}, f"可以接“{fitting[state['hint']][:2]}…”"


def ending(state: State) -> Turn:
    return _close(state, "接龙结束。", "")


def _close(state: State, say: str, last: str) -> Turn:
    """The one with the most points gets a bonus; on a tie, who got there first."""
    scores: dict[str, int] = state["scores"]
    gained = ((last, _worth(state["used"][-1])[0]),) if last else ()
    if not scores:
        return Turn(state, f"{say}没有人接，下次再来。", over=True)
    best = max(scores, key=lambda player: scores[player])
    told = (
        f"{say}\n一共接了{len(state['used']) - 1}个，{state['names'][best]}最多，{scores[best]}分。"
    )
    return Turn(state, told, gains=gained, bonus=((best, 3),), over=True)


GAME = Game(
    "成语接龙",
    "用上一个成语的最后一个字（或同音字）开头接下去，一个1分，带路和车、山水风光的字2分。",
    setup, opening, play, ending, hint, starts=("玩成语接龙", "成语接龙吧", "来成语接龙"),
    subject=True, pace="chain",
)  # fmt: skip
