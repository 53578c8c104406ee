"""How times, tiers and money are written for people."""

import re
from datetime import date, datetime, timedelta

TIERS = {"high": "高意向", "mid": "中意向", "low": "低意向"}
POLARITY = {1: "满意", 0: "在问", -1: "担心"}
CONCERN_STATES = {"": "未回应", "answered": "已回应", "solved": "已解决", "stuck": "仍卡住"}
WEEKDAYS = "一二三四五六日"


def weekday(day: date) -> str:
    return f"周{WEEKDAYS[day.weekday()]}"


def clock(at: datetime) -> str:
    """下午2点, 上午9点30分: a local time as people say it."""
    hour = at.hour
    parts = ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
    part = next(name for end, name in parts if hour < end)
    minutes = f"{at.minute}分" if at.minute else ""
    return f"{part}{hour - 12 if hour > 12 else hour}点{minutes}"


def exactly(at: datetime) -> str:
    """周六(5月17日)下午2点: right whenever it is read."""
    return f"{weekday(at.date())}({at.month}月{at.day}日){clock(at)}"


def when(at: datetime, now: datetime) -> str:
    """今天 / 明天下午2点 where that is plainer than the date. Both are local times."""
    return f"{day(at.date(), now.date())}{clock(at)}"


def day(at: date, today: date) -> str:
    """昨天, 周六(5月17日): no hour, since none was said."""
    near = {0: "今天", 1: "明天", -1: "昨天"}.get((at - today).days)
    return near or f"{weekday(at)}({at.month}月{at.day}日)"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in whole units: 刚刚, 3小时前, 5天前; 从未 for None."""
    if at is None:
        return "从未"
    gone = now - at
    if gone < timedelta(minutes=5):
        return "刚刚"
    if gone < timedelta(hours=1):
        return f"{gone.seconds // 60}分钟前"
    if gone < timedelta(days=1):
        return f"{gone.seconds // 3600}小时前"
    return f"{gone.days}天前"


_OPEN = re.compile(r"(?P<most>-)?(?P<sum>\d[\d.]*万?%?)(?(most)|-)")


def ranged(value: str) -> str:
    """A stored range with one end as people say it: -20万 is 20万以内, 15万- is 15万以上."""
    open_ended = _OPEN.fullmatch(value)
    if open_ended is None:
        return value
    return f"{open_ended['sum']}{'以内' if open_ended['most'] else '以上'}"


def short(text: str, limit: int) -> str:
    """Cut to so many characters, with … when something is missing."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def rate(part: int, whole: int) -> str:
    """A percentage with its denominator; of too few only the counts."""
    return share(part, whole) if whole >= 5 else f"样本不足（{part}/{whole}）"


def share(part: int, whole: int) -> str:
    """A percentage with its denominator, or 样本不足 under five."""
    return f"{part / whole:.0%}（{part}/{whole}）" if whole >= 5 else "样本不足"
