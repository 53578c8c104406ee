"""What 猜价格 and 猜配置 share: everybody names a figure, the closest wins when it ends."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from handlers.games.base import Kit, State, Turn
from handlers.games.truth import called
from nlp import numbers
from scriptbank.facts import ModelFact

_NUMBER = re.compile(
    r"^(?P<said>(?:我?猜是?|我?出|我觉得|估计|大概是?|应该是?|[:：\s])*+)(?P<n>\d{1,7}(?:\.\d{1,3})?)\s*"
    r"(?P<unit>万元?|元|块|w|[a-z/%()\d]*[a-z%)]|公里|千米|秒|分钟|个|升|毫米|度|小时)?[吧。.!！]*$"
)
_MARKED = re.compile(r"^\s*猜[\s:：]+\S")
_WRITTEN = re.compile(r"[零〇一二两三四五六七八九十百千点万]{2,12}")
_UNITS = {"公里": "km", "千米": "km", "升": "l", "毫米": "mm", "度": "kwh", "块": "元"}
MOST = 10_000_000


def begin(facts: Iterable[ModelFact], kit: Kit, played: Sequence[State]) -> State | str:
    known = [f for f in facts if f.value]
    if not known:
        return "车型资料里还没有这类数字，先在车型资料文件里补上。"
    seen = {state["id"] for state in played}
    fact = kit.rng.choice([f for f in known if f.id not in seen] or known)
    return {"id": fact.id, "what": f"{called(fact)}的{fact.label}", "value": fact.value,
            "unit": fact.unit, "shown": fact.shown, "explain": f"{fact.text}（{fact.proof}）",
            "guesses": {}, "worth": kit.worth, "hints": 0}  # fmt: skip


def example(state: State) -> str:
    return "猜 18.5万" if state["unit"] == "元" else f"猜 100{state['unit']}"


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    """A bare number is talk (666); it must have its unit or be said to be a guess."""
    match = _NUMBER.match(_figures(unicodedata.normalize("NFKC", text.strip()).lower()))
    if match is None or not (match["said"].strip(" :：") or match["unit"]):
        told = f"{name}，写一个数，例如：{example(state)}"
        return Turn(state, told, took=False) if _MARKED.match(text) else None
    value = _value(match["n"], match["unit"] or "", state["unit"])
    if value is None or value > MOST:
        return Turn(state, f"{name}，单位是{state['unit']}，例如：{example(state)}", took=False)
    again = player in state["guesses"]
    after = {**state, "guesses": {**state["guesses"], player: [name, value]}}
    told = "改好了" if again else "记下了"
    shown = shown_as(value, state["unit"])
    return Turn(after, f"{name} 猜{shown}，{told}。已有{len(after['guesses'])}人猜，到点揭晓，"
                       "最接近的赢。")  # fmt: skip


def _figures(text: str) -> str:
    """十八万五 as 185000元, 六点九秒 as 6.9秒; what is no number stays as it is."""
    found = _WRITTEN.search(text)
    number = numbers.value(found[0]) if found else None
    if found is None or number is None:
        return text
    digits = f"{number:.3f}".rstrip("0").rstrip(".")
    unit = "元" if "万" in found[0] and not text[found.end() :].startswith("元") else ""
    return f"{text[: found.start()]}{digits}{unit}{text[found.end() :]}"


def _value(digits: str, unit: str, wanted: str) -> float | None:
    """In the unit of the fact; None when another one was named."""
    number = float(digits)
    if wanted == "元":
        if unit in ("万", "万元", "w"):
            return number * 10_000
        return number * 10_000 if not unit and number < 1000 else number if _same(unit, wanted) \
            else None  # fmt: skip
    return number if _same(unit, wanted) else None


def _same(unit: str, wanted: str) -> bool:
    return not unit or _UNITS.get(unit, unit) == wanted.lower()


def shown_as(value: float, unit: str) -> str:
    return f"{value / 10_000:g}万元" if unit == "元" and value >= 10_000 else f"{value:g}{unit}"


def hint(state: State) -> tuple[State, str] | None:
    """A range that narrows, twice."""
    if state["hints"] >= 2:
        return None
    share = (0.3, 0.12)[state["hints"]]
    low, high = (shown_as(round(state["value"] * f, 1), state["unit"])
                 for f in (1 - share, 1 + share / 2))  # fmt: skip
    return {**state, "hints": state["hints"] + 1}, f"在{low}到{high}之间"


def ending(state: State) -> Turn:
    answer = f"揭晓：{state['what']}是{state['shown']}。{state['explain']}"
    guesses: dict[str, tuple[str, float]] = state["guesses"]
    if not guesses:
        return Turn(state, f"{answer}\n这次没有人猜。", over=True)
    off = {player: abs(value - state["value"]) for player, (_, value) in guesses.items()}
    best = min(off, key=lambda player: off[player])  # the earliest of equals
    name, value = guesses[best]
    hit = "正好猜中" if off[best] == 0 else "最接近"
    told = f"{answer}\n{name} 猜{shown_as(value, state['unit'])}，{hit}！共{len(guesses)}人猜。"
    exact = ((best, state["worth"]),) if off[best] == 0 else ()
    return Turn(state, told, gains=exact, bonus=((best, state["worth"]),), over=True)
