"""A script (话术): one good answer, when it fits, and what it needs to be true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

STAGES = (
    "加好友欢迎", "首次触达", "二次触达", "需求探寻", "产品介绍", "竞品对比", "试驾邀约",
    "到店接待", "价格异议", "金融置换", "促成", "订单交付", "售后关怀", "沉默唤醒", "战败挽回",
    "转介绍", "社群话题", "游戏主持", "投诉安抚", "节日生日", "通用",
)  # fmt: skip
STYLES = ("", "理性", "感性", "简短", "正式")
STATUSES = ("草稿", "待审", "发布", "停用")
SCOPES = ("企业", "门店", "个人")


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure or claim the body leans on, with where it was read and when."""

    text: str
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class Script:
    """One entry of the library; empty tuples and strings mean "fits all"."""

    id: str
    title: str
    body: str
    stage: str
    scene: str = ""
    q: str = ""  # the standard wording of the customer's question
    also: tuple[str, ...] = ()  # other wordings of the same question
    concerns: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    objection: str = ""
    tiers: tuple[str, ...] = ()  # high, mid, low
    style: str = ""
    models: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    owner: str = ""
    scope: str = "企业"
    version: int = 1
    status: str = "发布"
    valid_from: date | None = None
    valid_to: date | None = None
    attachments: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    follow_up: str = ""  # the question that closes the answer
    note: str = ""  # for the advisor only
    tags: tuple[str, ...] = ()
    pinned: bool = False

    def live(self, day: date) -> bool:
        """Published and inside its dates (both ends included)."""
        return (
            self.status == "发布"
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day <= self.valid_to)
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """How a script fared with advisors and customers over the last 30 days."""

    shown: int = 0
    adopted: int = 0
    refused: int = 0
    replied: int = 0
    edited: int = 0  # taken, but not in these words


@dataclass(frozen=True, slots=True)
class Query:
    """What is known when an answer is looked for; only the text is required."""

    text: str
    day: date | None = None
    concerns: Mapping[str, int] = field(default_factory=dict)  # code -> polarity
    intents: tuple[str, ...] = ()
    stage: str = ""
    tier: str = ""
    style: str = ""
    model: str = ""
    store: str = ""
    advisor: str = ""
    seen: frozenset[str] = frozenset()  # sent to this customer lately, or just refused
    favourites: frozenset[str] = frozenset()  # the advisor's own choice
    usage: Mapping[str, Usage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suggestion:
    script: Script
    score: float  # 0..1
    matched: tuple[str, ...]  # the words of the question that were found
    reason: str  # one line an advisor can read: 命中：续航+冬天；近30天采纳率42%
    parts: Mapping[str, float]  # what the score is made of


@dataclass(frozen=True, slots=True)
class Suggestions:
    confident: bool  # False is answered with 没有把握
    items: tuple[Suggestion, ...]
