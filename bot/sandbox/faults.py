"""What can go wrong between WeCom and a program, switched on by name, at random by seed."""

import random
from dataclasses import dataclass, field

from bot.sandbox.world import Impossible

# Callbacks first, then the API's answers. The words are for the sandbox's page and its scripts.
KINDS = {
    "late": "回调晚到",
    "repeat": "回调重复送",
    "reorder": "回调先后颠倒",
    "forged": "多送一份签名不对的",
    "token": "access_token 突然失效（40014）",
    "busy": "接口太频繁（45009）",
    "system": "系统繁忙（-1）",
    "http500": "接口答 500",
    "html": "接口答一页 HTML",
    "hang": "接口一直不答",
    "lost": "接口做了但回答丢了",
}


@dataclass(slots=True)
class Switch:
    """`rate` of the occasions, and for how many of them; None goes on until it is off."""

    rate: float = 0.0
    times: int | None = None


@dataclass(slots=True)
class Faults:
    """The same seed and the same course of events give the same faults."""

    seed: int = 0
    late_s: float = 2.0
    hang_s: float = 12.0
    switches: dict[str, Switch] = field(default_factory=dict)
    happened: dict[str, int] = field(default_factory=dict)
    _rng: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def set(self, name: str, rate: float = 1.0, times: int | None = None) -> None:
        if name not in KINDS:
            raise Impossible(f"没有故障 {name}，可用的有 {'、'.join(KINDS)}")
        if not 0 <= rate <= 1 or (times is not None and times < 0):
            raise Impossible("比例是 0 到 1，次数不小于 0")
        self.switches[name] = Switch(rate, times)

    def reseed(self, seed: int) -> None:
        """From here the dice fall as they do for everybody with this seed."""
        self.seed = seed
        self._rng = random.Random(seed)

    def clear(self) -> None:
        self.switches.clear()

    def everything(self, rate: float) -> None:
        """All of them, each at that rate."""
        for name in KINDS:
            self.set(name, rate)

    def hits(self, name: str) -> bool:
        """Whether it happens now; a switch that is off draws nothing from the dice."""
        switch = self.switches.get(name)
        if switch is None or not switch.rate or switch.times == 0:
            return False
        if self._rng.random() >= switch.rate:
            return False
        if switch.times is not None:
            switch.times -= 1
        self.happened[name] = self.happened.get(name, 0) + 1
        return True

    def told(self, text: str) -> None:
        """`late 0.1`, `busy x3`, `all 0.05`, `seed 7`, `off`: the words behind @fault."""
        name, _, rest = text.strip().partition(" ")
        if name == "seed":
            self.reseed(_whole(rest.strip()))
            return
        if name == "off":
            self.clear()
            return
        rate, times = _amount(rest.strip())
        if name == "all":
            self.everything(rate)
        else:
            self.set(name, rate, times)


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise Impossible(f"seed 后面写一个数字，不是“{text}”")
    return int(text)


def _amount(text: str) -> tuple[float, int | None]:
    """Nothing means every time, x3 the next three times, 0.1 one in ten."""
    if not text:
        return 1.0, None
    if text[:1] in "x×" and text[1:].isdecimal():
        return 1.0, int(text[1:])
    try:
        return float(text), None
    except ValueError:
        raise Impossible(f"看不懂“{text}”：写 0.1（十次里一次）或 x3（接下来三次）") from None
