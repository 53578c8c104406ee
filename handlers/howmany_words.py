"""Understanding 上周到店多少, 谁下订最多, 张伟这周怎么样: which figure, of what time, of whom."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from handlers.context import Ctx
from handlers.words import weekday

WORDS: Mapping[str, str] = MappingProxyType({
    "未到店": "未到店", "没来": "未到店", "爽约": "未到店", "加微信": "加微", "加微": "加微",
    "新加": "加微", "新增": "加微", "开口": "开口", "到店": "到店", "进店": "到店", "来店": "到店",
    "到访": "到店", "客流": "到店", "试驾": "试驾", "报价": "报价", "下订": "下订", "下定": "下订",
    "大定": "下订", "小定": "下订", "订单": "下订", "成交": "下订", "卖了": "下订",
    "订了": "下订",    "来了": "到店", "签单": "下订",
    "交付": "交付", "提车": "交付", "交车": "交付", "投诉": "投诉", "战败": "战败",
    "联系": "联系", "跟进": "联系", "逾期": "逾期",
})  # fmt: skip
RATES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "开口率": ("开口", "加微"), "到店率": ("到店", "加微"), "进店率": ("到店", "加微"),
    "试驾率": ("试驾", "到店"), "下订率": ("下订", "到店"), "下定率": ("下订", "到店"),
    "成交率": ("下订", "到店"), "到店转化率": ("到店", "加微"), "成交转化率": ("下订", "到店"),
})  # fmt: skip
WEEK = timedelta(days=7)
_COUNT = r"(?:多少|几)(?:个|位|人|台|单|组|批|次)?(?:人|客户)?"
_HOW = r"[做干]了(?:什么|啥)|怎么样|怎样|咋样|如何|情况|数据|业绩|战绩"
_MOST = r"(?:排名|排行|最多|第一)"
_WHAT = "|".join(sorted((*RATES, *WORDS), key=len, reverse=True))
_FILLER = re.compile(
    r"[\s，,。.？?！!的了有是呢啊呀吗]|一共|总共|共|都|现在|目前|还|我们|咱们?|店里|全店|门店|本店|"
    r"客户|人数|数量|看看|看下|查下|查一下|告诉我|请问|表现|做得?"
)
_SPANS = (("最近一周", 7), ("近一周", 7), ("最近半个月", 15), ("近半个月", 15), ("最近一个月", 30),
          ("近一个月", 30))  # fmt: skip
GOING_ON = MappingProxyType(
    {"前一天": "昨天同一时段", "前一周": "上周同期", "前一个月": "上月同期"}
)
AHEAD = re.compile(r"明|后天|大后天|下|周末|这周末")  # what is asked of these is an appointment
LATELY = ("最近", 7)
PATTERN = re.compile(rf"^(?=.{{2,24}}$)(?=.*(?:{_WHAT}|{_HOW}))(?P<words>\S.*)$")


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is asked about, and the one before it that it is compared with."""

    since: datetime
    until: datetime
    words: str
    before: tuple[datetime, datetime]
    earlier: str

    @property
    def previous(self) -> "Span":
        return replace(self, since=self.before[0], until=self.before[1])


@dataclass(frozen=True, slots=True)
class Asked:
    """What is left in `rest` is a name or no question of ours."""

    what: str  # 到店, 开口率; "" for how it is going
    span: Span
    rest: str
    me: bool
    counted: bool  # 几个, 多少: nobody but a colleague asks like this
    ranked: bool  # 谁到店最多


# Reading the question


def read(words: str, ctx: Ctx) -> Asked | None:
    span, said = _span(words, ctx)
    if said and span is None:
        return None  # of a time that is ahead nothing has been counted
    rest = words.replace(said, "", 1) if said else words
    what, rest = _cut(rf"{_WHAT}", rest)
    count, rest = _cut(_COUNT, rest)
    how, rest = bool(re.search(_HOW, rest)), re.sub(_HOW, "", rest)
    most, rest = _cut(_MOST, rest)
    late = what == "逾期"
    who, rest = _cut(r"谁|哪位|哪个顾问|各顾问|顾问", rest) if most or late else ("", rest)
    me, rest = _cut(r"我(?!们)|自己", rest)
    asks = count or how or most or what in RATES or (what and said) or what == "逾期"
    if not asks or not (what or how):
        return None
    return Asked(what, span or _week(ctx), _FILLER.sub("", rest), bool(me), bool(count or how),
                 bool((most and who) or most == "排名" or (what == "逾期" and who)))  # fmt: skip


def _cut(pattern: str, words: str) -> tuple[str, str]:
    found = re.search(pattern, words)
    return (found.group(), words[: found.start()] + words[found.end() :]) if found else ("", words)


def _span(words: str, ctx: Ctx) -> tuple[Span | None, str]:
    """The time in these words and the words that say it; what is ahead looks back."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    fixed = _SPANS if slot else (*_SPANS, LATELY)
    if found := next(((said, n) for said, n in fixed if said in words), None):
        return _days(found[1], ctx), found[0]
    if slot is None or slot.text not in words:
        return None, ""
    since, until = (datetime.fromisoformat(slot.value[k]).astimezone(ctx.zone)
                    for k in ("from", "to"))  # fmt: skip
    if since > ctx.now and not AHEAD.match(slot.text):
        since, until = _back(since, until)
    said = f"最{slot.text}" if f"最{slot.text}" in words else slot.text
    return None if since > ctx.now else _spanned(since, until, said, ctx), said


def _back(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Of 周一 the last one, of 十二月 that of the year before."""
    if until - since <= timedelta(days=1):
        return since - WEEK, until - WEEK
    return since.replace(year=since.year - 1), until.replace(year=until.year - 1)


def _week(ctx: Ctx) -> Span:
    monday = ctx.on(ctx.today - timedelta(days=ctx.today.weekday()), datetime.min.time())
    return _spanned(monday, monday + WEEK, "本周", ctx)


def _days(n: int, ctx: Ctx) -> Span:
    since = ctx.on(ctx.today - timedelta(days=n - 1), datetime.min.time())
    return Span(since, ctx.now, f"近{n}天", (since - timedelta(days=n), since), f"此前{n}天")


def _spanned(since: datetime, end: datetime, said: str, ctx: Ctx) -> Span:
    """A time that is still going on is compared with as much of the one before."""
    until = min(end, ctx.now)
    length, days = end - since, max(1, round((end - since) / timedelta(days=1)))
    before = _month_before(since) if days in range(28, 32) else since - length
    words, earlier = _named(since, until, days, said, ctx)
    if end > ctx.now:
        earlier = GOING_ON.get(earlier, earlier)
    return Span(since, until, words, (before, min(since, before + (until - since))), earlier)


def _month_before(since: datetime) -> datetime:
    first = (since - timedelta(days=1)).replace(day=1)
    return first if since.day == 1 else since - 4 * WEEK


def _named(
    since: datetime, until: datetime, days: int, said: str, ctx: Ctx
) -> tuple[str, str]:  # fmt: skip
    """How the time and the one before it are called."""
    last, gone = (until - timedelta(seconds=1)).date(), (ctx.today - since.date()).days
    dates = f"{since.month}月{since.day}日至{last.month}月{last.day}日"
    if days == 1 and not gone:
        return f"今天（到{ctx.local:%H:%M}）", "前一天"
    if days == 1:
        day = {1: "昨天", 2: "前天"}.get(gone)
        return day or f"{weekday(last)}（{since.month}月{since.day}日）", "前一天"
    if days == 7 and since.weekday() == 0:
        return f"{ ({0: '本周', 1: '上周'}.get(gone // 7, said)) }（{dates}）", "前一周"
    if days in range(28, 32) and since.day == 1:
        return f"{since.month}月（{dates}）", "前一个月"
    return f"{said}（{dates}）", f"此前{days}天"
