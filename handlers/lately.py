"""未到店原因, 大家最近在问什么, 谁在看别家: the first lines of an analysis, in one sentence."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from handlers.analytics import ANALYSES, Scope
from handlers.analytics.picture import bars
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import stats

DAYS, SHOWN = 28, 5
# The analysis, what of it is named, what is counted, in which unit.
TOLD: Mapping[str, tuple[str, str, str, str]] = MappingProxyType({
    "reasons": ("reasons", "reason", "n", "次"), "voice": ("voice", "concern", "n", "位"),
    "rivals": ("voice-rivals", "rival", "n", "位"),
    "responses": ("responses", "who", "median", "分钟"),
    "scripts": ("scripts", "title", "adopted", "次采用"),
})  # fmt: skip
_LATELY = r"(?:这周|本周|上周|最近|近期|这个月|本月|现在|都|大家|客户们?|顾客)*+"
WORDS = (
    (
        "reasons",
        rf"{_LATELY}(?:未到店|没到店|没来|爽约|不来|未试驾)的?(?:的)?(?:原因|理由)(?:是什么|有哪些)?",
    ),
    ("reasons", rf"{_LATELY}(?:为什么|为啥)(?:都)?(?:没来|不来|没到店|不到店)"),
    ("voice", rf"{_LATELY}(?:最?关心|最?关注|在问|问得?最多|在意|问)(?:的是)?(?:什么|啥|哪些)"),
    ("voice", r"(?:客户)?(?:关注点|关心什么|之声)|客户之声"),
    (
        "rivals",
        rf"{_LATELY}(?:谁在|在)?(?:看别家|看哪家|对比哪些?|比哪家|看哪些竞品|竞品)(?:情况|有哪些)?",
    ),
    ("responses", rf"{_LATELY}(?:回复速度|首响|响应速度|回复快不快|谁回得慢|谁回复慢)"),
    ("scripts", rf"{_LATELY}话术(?:效果|用得怎么样|使用情况|排行|采纳率)"),
)
PATTERN = re.compile("^(?:" + "|".join(f"(?:{words})" for _, words in WORDS) + ")[？?]?$")
UNANSWERED = (
    r"^(?:现在)?(?:还)?(?:有)?(?:谁|哪些(?:客户|人)|有没有)(?:还)?没(?:有)?(?:人)?回复?"
    r"(?:的)?(?:客户|消息)?[的吗]?[？?]?$"
)
_EACH = tuple((name, re.compile(f"(?:{words})[？?]?")) for name, words in WORDS)


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """For who runs a store; of an advisor these are a customer's words."""
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        return None
    name = next(name for name, words in _EACH if words.fullmatch(match.group(0)))
    return iter([Send(msg.sender, _told(name, manager.stores, ctx))])


def unanswered(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """谁还没回客户: as the digest counts it."""
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        return None
    minutes = ctx.settings.followups.waiting_minutes[-1]
    before = ctx.now - timedelta(minutes=minutes)
    rows = stats.unanswered(ctx.db, manager.stores, before, ctx.now - timedelta(days=3))
    by = Counter(ctx.team.name(row["owner"]) for row in rows)
    whose = "、".join(f"{who}{n}位" for who, n in by.most_common(SHOWN)) if manager.names else ""
    said = f"超{minutes}分钟没回的客户{len(rows)}位" + (f"：{whose}" if whose else "")
    return iter([Send(msg.sender, f"{said}。名单回复 日报，看“未回复”的详情。")])


def _told(name: str, stores: tuple[str, ...], ctx: Ctx) -> str:
    analysis, label, value, unit = TOLD[name]
    begin = ctx.on(ctx.today - timedelta(days=DAYS - 1), datetime.min.time())
    table = ANALYSES[analysis].run(Scope(stores, begin, ctx.now), ctx)
    found = [one for one in bars(table, label, value) if one.value][:SHOWN]
    said = "、".join(f"{one.label}{one.value:g}{unit}" for one in found)
    return (
        f"近{DAYS}天{table.title}：{said or '还没有记录'}。怎么算的、全部的，回复 看板 打开“分析”。"
    )
