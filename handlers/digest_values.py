"""What a digest is made of: its lines, the time it looks at, the whole as it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.db import Row

MORNING, EVENING, WEEKLY, MONTHLY = "morning", "evening", "weekly", "monthly"
EDITIONS = {MORNING: "早报", EVENING: "晚报", WEEKLY: "周报", MONTHLY: "月报"}
MOST_BYTES = 2048  # of a text in the app chat; what is longer would come as two
FIGURES_TAIL = "回复 详情 3 看数字，为什么 3 看怎么算；有用 3 调顺序。"
TAIL = "回复 详情 3 看名单，为什么 3 看怎么算；3 转李娜、3 批注 今天联系 交给顾问；有用 3 调顺序。"


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the digest and the list behind it; `urgency` sorts, the highest first."""

    name: str
    line: str
    details: tuple[str, ...]
    urgency: int
    action: str = ""  # what to do about it
    personal: bool = False  # names customers, beyond the line itself
    customers: tuple[str, ...] = ()  # whom the details are about, in their order
    source: str = ""  # by which way the figures reached us
    about: str = ""  # userid of the colleague it is about
    figures: str = ""  # the line for who sees figures only, where it must be another one


@dataclass(frozen=True, slots=True)
class Window:
    """The time a digest looks at: yesterday in the morning, today in the evening.

    `counts` are the steps within it, `mean` what they are on a day, or in a period, before it.
    """

    since: datetime
    until: datetime
    word: str
    stores: tuple[str, ...]
    counts: Mapping[str, int]
    mean: Mapping[str, float]
    before: str  # 近7日均值
    late: tuple[Row, ...] = ()  # who is overdue now
    standing: tuple[Row, ...] = ()  # customers by tier and level, now

    @property
    def earlier(self) -> str:
        """The time that `mean` looks back on: 此前7天, 前一周."""
        days = self.before.removeprefix("近").removesuffix("日均值")
        return self.before if days == self.before else f"此前{days}天"

    @property
    def days(self) -> int:
        return max(1, round((self.until - self.since) / timedelta(days=1)))


@dataclass(frozen=True, slots=True)
class Edition:
    title: str
    headline: str
    parts: tuple[Part, ...]
    actions: tuple[str, ...]
    svg: str
    tail: str = TAIL

    @property
    def text(self) -> str:
        """As many lines as one message holds, the most urgent first."""
        return self._with(self._rows, self._shown)

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The lines that are seen at once, each with the name of its part."""
        return tuple((part.name, part.line) for part in self.parts[: self._shown])

    @property
    def _rows(self) -> list[str]:
        return [f"{n}. {p.line}" for n, p in enumerate(self.parts, 1)]

    @property
    def _shown(self) -> int:
        rows = self._rows
        shown = len(rows)
        while shown > 1 and len(self._with(rows, shown).encode()) > MOST_BYTES:
            shown -= 1
        return shown

    def _with(self, rows: list[str], shown: int) -> str:
        lines = [self.title, self.headline, "", *rows[:shown]]
        if shown < len(rows):
            lines.append(f"另有{len(rows) - shown}条，回复 详情 {shown + 1} 起逐条看。")
        if self.actions:
            lines += ["", "建议今天做三件事："] if len(self.actions) == 3 else ["", "建议："]
            lines += [f"▸ {action}" for action in self.actions]
        return "\n".join([*lines, "", self.tail])
