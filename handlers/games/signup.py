"""活动接龙: places for an event, a waiting list that moves up, the list for whoever opened it."""

import re
from collections.abc import Sequence

from handlers.games.base import Game, Kit, State, Turn, forget
from nlp import mask

_PLACES = re.compile(r"(?:限|共)?(?P<n>\d{1,3})\s*(?:人|位|个名额|名)")
_IN = re.compile(
    r"^(?:我要?)?(?:报名|参加活动|\+1|＋1)\s*(?:带?\s*(?P<n>\d{1,2})\s*(?:人|位)?)?[。.!！]*$"
)
_OUT = re.compile(r"^(?:我?(?:退出|取消)(?:报名|接龙)|不去了|来不了)[。.!！]*$")
_LIST = re.compile(r"^(?:名单|报名名单|接龙名单)$")
DEFAULT, MOST = 20, 5
HOW = "写法：接龙 周六试驾日 10人 3月14日上午"


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    subject = mask.phones(kit.subject.strip())
    found = _PLACES.search(subject)
    title = " ".join(_PLACES.sub("", subject, count=1).split())[:60]
    places = int(found["n"]) if found else DEFAULT
    if not title or places < 1:
        return HOW
    return {"id": title, "text": title, "places": places, "list": [],
            "day": kit.when.isoformat() if kit.when else ""}  # fmt: skip


def opening(state: State) -> str:
    return "\n".join([f"📝 接龙：{state['text']}，{state['places']}个名额", *_listed(state),
                      "@我 说 报名（带家人说 报名 2人）；来不了说 退出报名。"])  # fmt: skip


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    said = text.strip()
    if _LIST.match(said):
        return Turn(state, opening(state), took=False)
    if _OUT.match(said):
        return _withdraw(state, player, name)
    match = _IN.match(said)
    return _sign(state, player, name, int(match["n"] or 1)) if match else None


def _sign(state: State, player: str, name: str, people: int) -> Turn:
    if not 1 <= people <= min(MOST, state["places"]):
        most = min(MOST, state["places"])
        return Turn(state, f"{name}，一次最多报{most}人。", took=False)
    mine = _of(player, state)
    if mine and mine["people"] == people:
        return Turn(state, f"{name} 已经报过名了（{_where(player, state)}）。", took=False)
    entry = {"by": player, "name": name, "people": people, "in": False}
    rest = [entry if one is mine else one for one in state["list"]]
    after = _filled({**state, "list": rest if mine else [*rest, entry]})
    told = f"改为{people}人" if mine else "报名成功"
    return Turn(after, f"{name} {told}，{_where(player, after)}。{_left(after)}")


def _withdraw(state: State, player: str, name: str) -> Turn:
    if _of(player, state) is None:
        return Turn(state, f"{name} 还没有报名。", took=False)
    after = _filled({**state, "list": [one for one in state["list"] if one["by"] != player]})
    before = {one["by"] for one in seated(state)[0]}
    up = [one["name"] for one in seated(after)[0] if one["by"] not in before]
    moved = f"\n{'、'.join(up)} 从候补转为正式名额。" if up else ""
    return Turn(after, f"{name} 退出了报名。{_left(after)}{moved}")


def _of(player: str, state: State) -> State | None:
    return next((one for one in state["list"] if one["by"] == player), None)


def seated(state: State) -> tuple[list[State], list[State]]:
    """Who has a place and who waits, in their order."""
    return ([one for one in state["list"] if one["in"]],
            [one for one in state["list"] if not one["in"]])  # fmt: skip


def _filled(state: State) -> State:
    """Free places go down the list; whoever has one keeps it, a family too large lets others by."""
    left = state["places"] - sum(one["people"] for one in state["list"] if one["in"])
    rows = []
    for one in state["list"]:
        fits = one["in"] or one["people"] <= left
        left -= one["people"] if fits and not one["in"] else 0
        rows.append({**one, "in": fits})
    return {**state, "list": rows}


def _where(player: str, state: State) -> str:
    _, waiting = seated(state)
    ids = [one["by"] for one in waiting]
    return f"候补第{ids.index(player) + 1}位" if player in ids else "有名额"


def _left(state: State) -> str:
    inside, waiting = seated(state)
    left = state["places"] - sum(one["people"] for one in inside)
    return f"还剩{left}个名额" + (f"，候补{len(waiting)}位。" if waiting else "。")


def _listed(state: State) -> list[str]:
    inside, waiting = seated(state)
    rows = [f"{n}. {_line(one)}" for n, one in enumerate(inside, 1)]
    return rows + [f"候补{n}. {_line(one)}" for n, one in enumerate(waiting, 1)]


def _line(one: State) -> str:
    return str(one["name"]) + (f"（{one['people']}人）" if one["people"] > 1 else "")


def ending(state: State) -> Turn:
    inside, _ = seated(state)
    people = sum(one["people"] for one in inside)
    told = f"接龙“{state['text']}”报名结束，{people}人。请提前一天逐位提醒。"
    return Turn(state, "\n".join([told, *_listed(state)]), over=True)


def without(state: State, player: str) -> State:
    return _filled(forget(state, player))


GAME = Game(
    "活动接龙", "报名占名额，满了进候补，有人退出自动递补；发 接龙 主题 10人 日期 发起。", setup,
    opening, play, ending, forget=without, starts=("接龙", "报名接龙", "发起接龙"),
    subject=True, pace="days",
)  # fmt: skip
