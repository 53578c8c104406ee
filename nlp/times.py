"""Dates and times in chat: 这周六下午两点, 月底前, 国庆后, 3号到5号; the future is meant.

A chat about buying a car looks ahead: 周三 is the coming one, 3号 in the next month once the 3rd is
past. What says otherwise (上周, 去年, 昨天) is obeyed.
"""

import contextlib
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlp import calendar, numbers

N = r"(?:\d{1,2}|[一二两三四五六七八九十廿]{1,3})"
CLOCK_START = r"[早上中下午晚凌清傍夜半零\d一二两三四五六七八九十]"

YEAR = r"""(?:(?P<yrel>大?后年|大?前年|今年|本年|当年|明年|来年|次年|去年|[上下]一?年|翌年|同年)
 |(?P<ynum>(?:19|20)\d\d|\d\d(?=年)|[〇零一二三四五六七八九]{4}|[〇零一二三四五六七八九]{2}(?=年))(?:年度?|\s年|(?=[-/.]\d)))"""
_YEAR_ALONE = YEAR.replace("yrel", "yrel2").replace("ynum", "ynum2")
MONTH = r"""(?:(?P<mrel>(?:这一?|本|当|同|下下|上上|下一?|上一?)个?月|次月)份?(?!供|租)
 |(?P<lmon>正月|腊月|冬月)|(?P<mnum>1[0-2]|0?[1-9](?!\d)|十[一二]?|[一二两三四五六七八九])月份?)"""
PART = (
    r"月?(?P<part>初(?![一二三四五六七八九十])|底|末|中旬|上旬|下旬|中(?![午秋])|伊始"
    r"|前半月|后半月|上半月|下半月)"
)
DAY = rf"(?P<dnum>{N})(?:日|号(?!线|楼|店|门|院|车|公路|国道|[a-z]))"
DATE = re.compile(
    rf"""(?:
 (?P<iso>(?P<iy>(?:19|20)\d\d)(?P<sep>[-/.])(?P<im>1[0-2]|0?[1-9])(?:(?P=sep)(?P<id>3[01]|[12]\d|0?[1-9]))?(?!\d))
 |(?P<packed>(?:19|20)\d\d(?:1[0-2]|0[1-9])(?:3[01]|[12]\d|0[1-9]))(?!\d)
 |(?:{YEAR}的?(?!$))?(?:
   (?P<half>[上下]半年)
  |第?(?P<quarter>[一二三四1-4]|q[1-4]|[上下本这]一?个?)季度?(?P<qpart>初|末|底)?
  |(?P<fest>元旦|春节|新年(?!款)|过年|除夕|元宵|清明|劳动节|五一|端午|中秋|国庆|双十一|双11|双十二|双12|618|圣诞|平安夜|情人节|七夕|六一|儿童节|妇女节|母亲节|父亲节|教师节|重阳|腊八|小年|感恩节|十一(?!月|点|万|号|日|[个岁年天块寸座人速代分米档]))节?
   (?:期间|假期|放假|长假|小长假|当天|那天|的?时候)?
  |大年(?:初(?P<newyear>[一二三四五六七八九十])|(?P<eve>三十))
  |(?P<season>暑假|寒假|(?<=年)(?:夏天|冬天|春天|秋天|夏季|冬季|春季|秋季))
  |(?<![\d一二三四五六七八九十])(?P<yearpart>年底|年末|年初|年中(?![国有期])|年尾)
  |(?P<lunar>农历|阴历)?{MONTH}(?:{PART}|的?第(?P<nthweek>[一二三四五1-5])个?(?:周|星期|礼拜)|初(?P<lday>[一二三四五六七八九十])|{DAY}|(?P<dbare>3[01]|[12]\d|0?[1-9]|二十[一二三四五六七八九]?|三十一?|十[一二三四五六七八九]?|廿[一二三四五六七八九]?|[一二三四五六七八九](?![个款点]))(?!\d|点|[万千kw%]|[-~到至]?\d*万|个))?
  )
 |{_YEAR_ALONE}(?P<part2>初|底|末|中(?![午秋])|伊始)?
 |(?P<mend>月[底初末中])(?!国)
 |(?:农历|阴历)(?P<moon>初[一二三四五六七八九十]|二?十[一二三四五六七八九]?|三十|廿[一二三四五六七八九]?)(?!月)
 |(?<!\d)(?<![.第几])(?P<md>(?P<mdm>1[0-2]|0?[1-9])[./](?P<mdd>3[01]|[12]\d|0?[1-9]))(?=号|日|去|过来|到店|上午|下午|晚上)[号日]?
 |(?P<drel>大后天|大前天|今天|今儿个?|今日|本日|今晨|明晨|明天|明儿个?|明日|后天|后日|昨天|昨日|前天|当天|次日|翌日|隔天|第二天|今晚|明晚|后晚|昨晚|今早|明早|今夜)
 |第(?P<nthday>[二三四五六七八九十])天
 |(?<!每)(?P<wrel>这一?个?|本|下下个?|下一?个?|上上个?|上一?个?)?(?:(?<=[这本下上个])周的?)?(?<![\d一二两三四五六七八九十]个)(?:周|星期|礼拜)(?P<wday>[一二三四五六日天末1-7](?!\d|次|年|个|定))(?P<wtwo>[到至和或、]?(?:周|星期|礼拜)?[二三四五六日天](?![点个]))?
 |(?P<week>(?:这|本|下下|下|上上|上)一?个?(?:周|星期|礼拜))(?!边|围|期)
 |(?<![a-z\d第.])(?<!\d[-/]){DAY.replace("dnum", "alone")}
 )""",
    re.VERBOSE,
)
CLOCK = re.compile(
    r"""(?:(?P<per>凌晨|清晨|清早|早间|晨间|早上|早晨|上午|中午|正午|午后|下午|傍晚|晚上|晚间|夜里|夜间|半夜|午夜|早(?=[^点些就已买订定知说该不换想有]|$)|晚(?=[^点些餐]|$))(?!上?好)
  (?:的?(?:(?P<f1>\d{1,2}|[一二两三四五六七八九十]{1,3})(?:到|至|-))?(?P<h1>\d{1,2}|[零一二两三四五六七八九十]{1,3})(?:点钟?|时(?!候)|:(?=[0-5]\d))(?P<m1>整|半|[123一二三两]刻|(?:[0-5]?\d|[零一二三四五六七八九十]{2,3})分?(?!\d|[万折])|[一二三四五六七八九]分)?)?
 |(?:(?P<f2>\d{1,2}|[一二两三四五六七八九十]{1,3})(?:到|至|-))?(?P<h2>(?:[01]?\d|2[0-4])|[零一二两三四五六七八九十]{1,3})(?:点钟?(?!几|[一二两三四五六七八九\d]?[万倍米升])|时(?!候|间|代|速|尚)|:(?=[0-5]\d))(?P<m2>整|半|[123一二三两]刻|(?:[0-5]\d)分?(?!\d|[万折])|[零一二三四五六七八九十]{2,3}分?|\d分|[一二三四五六七八九]分)?(?::[0-5]\d)?(?![0-9])
 )(?:左右|前后|许|多)?""",
    re.VERBOSE,
)
RELATIVE = re.compile(
    r"""(?:再?过)?(?P<n>半|几|两三|三四|三五|四五|五六|十几|\d{1,3}(?:\.5)?|[一二两三四五六七八九十]{1,3})(?P<half>个半)?
 (?P<u>个?多?月|年|周|个?星期|个?礼拜|天|日|个?小时|个?钟头?|分钟|刻钟)
 (?P<half2>半)?(?P<d>之后|以后|过后|后(?![天年排备座])|之内|以内|内(?!饰|部|存|容|部|外)|之前|以前|前(?![天年排后几]))
 |(?:再?过)(?P<pn>几|两|一|三|\d{1,2}|半)(?P<pu>天|周|个?星期|个?礼拜|个?月|年|个?小时)(?!的?电|前)
 |(?P<soon>这几天|这两天|近几天|最近几天|最近两天|近期|未来(?P<fn>几|[一二两三四五六七八九十\d]{1,3})(?P<fu>天|周|个?月|年)|接下来(?P<gn>几|[一二两三四五六七八九十\d]{1,3})(?P<gu>天|周|个?月))
 |(?P<ago>(?:过去|前|近)的?(?P<an>\d{1,3}|[几两三四五六七八九十]{1,3})(?P<au>天|周|个?星期|个?月|年|个?小时|个?钟头|分钟))(?!的?车)
 |(?:今后|未来|往后)(?P<hn>\d{1,3}|[几两三四五六七八九十]{1,3})(?P<hu>个?小时|年)
 |(?P<nyear>过完年|过了年|年后|年前)(?!的?价)
 |(?P<hol>节前|节后|放假前|放假后|假期|小长假|长假)""",
    re.VERBOSE,
)
EDGE = re.compile(
    r"\s?[或及]?(?:之前|以前|前(?![排后面年期轮置景天]))"
    r"|\s?[或及]?(?:之后|以后|过后|后(?![排备座面续视期轮悔天驱半]))|左右|前后|(?:开始|以来|起)(?![亚步])"
)
YEARLY = re.compile("[12]\\d{3}|年")
STARTS = re.compile(
    "(?<![0-9])[0-9]|[一二两三四五六七八九十〇零廿今明后去前昨大本这下上次当同隔第翌来早中晚午凌傍清正夜半周星礼年月节元"
    "春新过除劳五端国双圣平情七儿妇母父教重腊小感农阴冬暑寒再几最近未接放假长q]"
)
# Whatever is a time has one of these, which ends with a character of the first set: the search
# runs over all others in one stride, and looks back only where it may have found something.
TRIGGERS = re.compile(
    r"[儿晚早午夜拜周月年日号天时点:钟季期节庆一二秋明旦诞夕宵历0-9](?:(?<=[晚早午夜拜])|(?<=[今明昨后]儿)|(?<=周)(?!边|围)|(?<=月)(?!供|租)"
    r"|(?<=[\d〇零一二三四五六七八九十今本当明来次去后前上下翌同大小两几半完了过新]年)|(?<=年)[底末初中尾后前三]"
    r"|(?<=\d\s年)|(?<=[\d一二两三四五六七八九十廿卅]月)|(?<=[\d一二两三四五六七八九十廿][日号])|(?<=[今本次明后翌昨前]日)"
    r"|(?<=[今明后昨前当隔几半\d一二两三四五六七八九十]天)(?!窗|河)|(?<=[\d零一二两三四五六七八九十小]时)"
    r"|(?<=[\d零二两三四五六七八九十]点)|(?<=一点)(?=[钟半整]|$)|(?<=\d:)[0-5]\d|(?<=钟)"
    r"|(?<=[一二三四1-4上下本这个]季)|(?<=[星假近]期)|(?<=节)(?!约|省)|(?<=国庆)|(?<=[五十]一)|(?<=双十二)|(?<=中秋)"
    r"|(?<=清明)|(?<=[除七]夕)|(?<=元宵)|(?<=[农阴]历)|(?<=元旦)|(?<=圣诞)|(?<=618)|(?<=双1)|(?<=(?:19|20)\d\d)[-/.]\d|(?<=(?:19|20)\d{6})"
    r"|(?<=\d)[./]\d\d?(?=[号日去过到上下晚]))"
)
LEAD = 24  # no time begins further before the first of its triggers
PERIODS = {
    "凌晨": (0, 6), "清晨": (5, 8), "清早": (5, 8), "早间": (6, 10),
    "晨间": (6, 10), "早上": (6, 10), "早晨": (6, 10),
    "早": (6, 10), "上午": (8, 12), "中午": (11, 14), "正午": (12, 13), "午后": (12, 18),
    "下午": (12, 18), "傍晚": (17, 20), "晚上": (18, 24), "晚间": (18, 24), "晚": (18, 24),
    "夜里": (18, 24), "夜间": (18, 24), "半夜": (0, 6), "午夜": (0, 6),
}  # fmt: skip
DAYS = {
    "大后天": 3, "大前天": -3, "今天": 0, "今儿": 0, "今儿个": 0, "今日": 0, "明天": 1, "明儿": 1,
    "明儿个": 1, "明日": 1, "后天": 2, "后日": 2, "昨天": -1, "昨日": -1, "前天": -2, "当天": 0,
    "次日": 1, "翌日": 1, "隔天": 1, "第二天": 1, "今晚": 0, "今早": 0, "今夜": 0, "明晚": 1,
    "明早": 1, "本日": 0, "今晨": 0, "明晨": 1, "后晚": 2, "昨晚": -1,
}  # fmt: skip
YEARS = {
    "今年": 0, "本年": 0, "当年": 0, "同年": 0, "明年": 1, "来年": 1, "次年": 1, "翌年": 1,
    "下年": 1, "下一年": 1, "后年": 2, "大后年": 3, "去年": -1, "上年": -1, "上一年": -1,
    "前年": -2, "大前年": -3,
}  # fmt: skip
SEASONS = {"春": (3, 5), "夏": (6, 8), "秋": (9, 11), "冬": (12, 14)}
HOLIDAYS = {"暑假": (7, 8), "寒假": (1, 2)}
HOURS = re.compile("[一二两三四五六七八九]{2}")
WEEK = "一二三四五六日"
VAGUE = {"几": 3, "两三": 3, "三四": 4, "三五": 5, "四五": 5, "五六": 6, "十几": 15, "半": 0.5}
DAY1 = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of time, local and naive; `hours` says that a time of day was given."""

    start: int
    end: int
    since: dt.datetime
    until: dt.datetime
    hours: bool = False
    past: bool = False


def find(text: str, now: dt.datetime) -> list[When]:
    """All times that a normalised text names; `now` is when it was sent, local and naive."""
    triggers = [m.end() for m in TRIGGERS.finditer(text)]
    if not triggers:
        return []
    single = _single(text, max(0, triggers[0] - LEAD), triggers[-1], now)
    return list(_joined(text, list(single), now))


def _single(text: str, at: int, until: int, now: dt.datetime) -> Iterator[When]:
    while start := STARTS.search(text, at, until):
        at = start.start()
        end, found = _at(text, at, now)
        if found:
            yield found
        at = end if end > at else at + 1


def _at(text: str, at: int, now: dt.datetime) -> tuple[int, When | None]:
    """The time that begins here, and where to go on; 2月30号 and 25点 are passed over whole."""
    for firsts, pattern, meant in READERS:
        m = pattern.match(text, at) if text[at] in firsts else None
        if not m or m.end() == at:
            continue
        try:
            found = meant(m, now)
        except (ValueError, OverflowError):
            return m.end(), None
        if found:
            return found.end, found
    return at, None


def _dated(m: re.Match[str], now: dt.datetime) -> When:
    return _edge(m.string, _with_clock(m.string, _date(m, now), now), now)


def _clocked(m: re.Match[str], now: dt.datetime) -> When | None:
    if not _real_clock(m.string, m):
        return None
    return _edge(m.string, _clock(m, _midnight(now), now, loose=True), now)


def _real_clock(text: str, clock: re.Match[str]) -> bool:
    if clock["per"]:
        return True
    before = text[clock.start() - 1 : clock.start()]
    if (
        before in numbers.DIGITS
        or before.isdigit()
        or before in ("第", "有", ".", "快", "早", "差")
    ):
        return False
    bare = clock["h2"] in ("一", "两", "1") and clock["m2"] is None and ":" not in clock.group()
    return not (bare and text[clock.end() - 1] == "点" and not clock.group().endswith("点钟"))


def _with_clock(text: str, day: When, now: dt.datetime) -> When:
    """A time of day may follow the date: 周六下午两点, 3号 10:30."""
    if day.until - day.since > dt.timedelta(days=3) or day.hours:
        return day
    at = day.end
    while at < len(text) and text[at] in " 的,t-":
        at += 1
    clock = CLOCK.match(text, at) if at < len(text) and at - day.end <= 1 else None
    period = text[day.start : day.end][-1:]
    implied = {"晚": "晚上", "早": "早上", "夜": "晚上", "晨": "早上"}.get(period, "")
    if not clock or (at > day.end and text[day.end] == "-" and not clock["h2"]):
        return _period(day, implied) if implied else day
    found = _clock(clock, day.since, now, implied=implied)
    return When(day.start, found.end, found.since, found.until, True, day.past)


def _period(day: When, name: str) -> When:
    since, until = PERIODS[name]
    hour = dt.timedelta(hours=1)
    midnight = day.since
    return When(
        day.start, day.end, midnight + since * hour, midnight + until * hour, True, day.past
    )


def _clock(
    m: re.Match[str], day: dt.datetime, now: dt.datetime, *, implied: str = "", loose: bool = False
) -> When:
    period = m["per"] or implied
    hour = m["h1"] or m["h2"]
    first = m["f1"] or m["f2"]
    if hour and (first or HOURS.fullmatch(hour)):
        found = _hours(m, day, period, first or hour[0], hour if first else hour[1])
    elif hour is None:
        found = _period(When(m.start(), m.end(), day, day + DAY1), period)
    else:
        minute = _minute(m["m1"] or m["m2"])
        since = day + dt.timedelta(
            hours=_hour(int(_int(hour)), period, m.group()), minutes=minute or 0
        )
        long = dt.timedelta(hours=1) if minute is None else dt.timedelta(minutes=1)
        found = When(m.start(), m.end(), since, since + long, True)
    if loose and found.until <= now:  # that hour is over today
        return When(found.start, found.end, found.since + DAY1, found.until + DAY1, True)
    return found


def _hours(m: re.Match[str], day: dt.datetime, period: str, first: str, last: str) -> When:
    """五到六点, 两三点: from the one to the end of the other."""
    since, until = (_hour(int(_int(h)), period, m.group()) for h in (first, last))
    hour = dt.timedelta(hours=1)
    end = until if m["f1"] or m["f2"] else until + 1
    return When(m.start(), m.end(), day + since * hour, day + max(end, since + 1) * hour, True)


def _hour(hour: int, period: str, text: str) -> int:
    if hour > 24:
        raise ValueError(text)
    if period in ("下午", "午后", "傍晚", "晚上", "晚间", "晚", "夜里", "夜间") and hour < 12:
        return hour + 12
    if period in ("中午", "正午") and hour < 11:
        return hour + 12
    opening = 1 <= hour <= 7 and not period and ":" not in text
    return hour + 12 if opening else hour  # shops are open in the afternoon, not at three at night


def _minute(text: str | None) -> int | None:
    if not text:
        return None
    if text in ("整", "半"):
        return 0 if text == "整" else 30
    if text.endswith("刻"):
        return 15 * int(_int(text[0]))
    return int(_int(text.removesuffix("分")))


def _int(text: str) -> float:
    found = numbers.value(text)
    if found is None:
        raise ValueError(text)
    return found


def _span(m: re.Match[str], since: dt.date, until: dt.date, past: bool = False) -> When:
    first, last = (dt.datetime.combine(day, dt.time()) for day in (since, until))
    return When(m.start(), m.end(), first, last, past=past)


def _date(m: re.Match[str], now: dt.datetime) -> When:
    today = now.date()
    if m["iso"]:
        return _iso(m)
    if m["packed"]:
        day = dt.date(int(m["packed"][:4]), int(m["packed"][4:6]), int(m["packed"][6:]))
        return _span(m, day, day + DAY1)
    if m["drel"]:
        day = today + dt.timedelta(days=DAYS[m["drel"]])
        return _span(m, day, day + DAY1, day < today)
    if m["wday"]:
        return _weekday(m, today)
    if m["nthday"]:
        day = today + (int(_int(m["nthday"])) - 1) * DAY1
        return _span(m, day, day + DAY1)
    if m["week"]:
        return _week(m, today)
    return _of_year(m, today)


def _iso(m: re.Match[str]) -> When:
    year, month = int(m["iy"]), int(m["im"])
    if m["id"]:
        day = dt.date(year, month, int(m["id"]))
        return _span(m, day, day + DAY1)
    return _span(m, *_month(year, month))


def _month(year: int, month: int) -> tuple[dt.date, dt.date]:
    """A calendar month; numbers beyond 1..12 run into the neighbouring years."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    first = dt.date(year, month, 1)
    return first, (first + dt.timedelta(days=32)).replace(day=1)


def _steps(text: str) -> int:
    for word, step in (("下下", 2), ("上上", -2), ("下", 1), ("上", -1), ("次", 1)):
        if text.startswith(word):
            return step
    return 0


def _weekday(m: re.Match[str], today: dt.date) -> When:
    monday = (
        today - dt.timedelta(days=today.weekday()) + dt.timedelta(weeks=_steps(m["wrel"] or ""))
    )
    name = m["wday"]
    if name == "末":
        if not m["wrel"] and today.weekday() == 6:
            return _span(m, today, today + DAY1)
        return _span(m, monday + 5 * DAY1, monday + 7 * DAY1)
    day = monday + _weekday_number(name) * DAY1
    if not m["wrel"] and day < today:
        day += dt.timedelta(weeks=1)
    until = day + DAY1
    if m["wtwo"]:
        until = monday + (_weekday_number(m["wtwo"][-1]) + 1) * DAY1
        until += dt.timedelta(weeks=1) if until <= day else dt.timedelta()
    return _span(m, day, until, day < today)


def _weekday_number(name: str) -> int:
    name = "日" if name in "天7" else name
    return int(name) - 1 if name.isdigit() else WEEK.index(name)


def _week(m: re.Match[str], today: dt.date) -> When:
    monday = today - dt.timedelta(days=today.weekday()) + dt.timedelta(weeks=_steps(m["week"]))
    return _span(m, monday, monday + 7 * DAY1, monday + 6 * DAY1 < today)


def _of_year(m: re.Match[str], today: dt.date) -> When:
    year, said = _year(m, today)
    if m["fest"] or m["newyear"] or m["eve"]:
        return _festival(m, year, said, today)
    if m["half"]:
        first = 1 if m["half"][0] == "上" else 7
        return _span(m, dt.date(year, first, 1), _month(year, first + 5)[1])
    if m["quarter"]:
        return _quarter(m, year, today)
    if m["season"]:
        first, last = SEASONS[m["season"][0]] if m["season"][1] != "假" else HOLIDAYS[m["season"]]
        year += 0 if said or _month(year, last)[1] > today else 1
        return _span(m, _month(year, first)[0], _month(year, last)[1])
    if m["yearpart"]:
        return _span(
            m, *_year_part(m["yearpart"][1], year if said else _next_part(m["yearpart"], today))
        )
    if m["mend"]:
        return _span(m, *_month_part(m["mend"][1], today.year, today.month, roll=today))
    if m["moon"]:
        return _moon_day(m, today)
    if m["md"]:
        return _month_day(m, year, int(m["mdm"]), int(m["mdd"]), said, today)
    if m["mrel"] or m["mnum"] or m["lmon"]:
        return _of_month(m, year, said, today)
    if m["alone"]:
        return _bare_day(m, int(_int(m["alone"])), today)
    if m["part2"]:
        return _span(m, *_year_part(m["part2"][0], year))
    return _span(m, dt.date(year, 1, 1), dt.date(year + 1, 1, 1), year < today.year)


def _year(m: re.Match[str], today: dt.date) -> tuple[int, bool]:
    relative, number = m["yrel"] or m["yrel2"], m["ynum"] or m["ynum2"]
    if relative:
        return today.year + YEARS[relative], True
    if not number:
        return today.year, False
    year = int(_int(number))
    if year < 100:
        year += 2000 if year <= (today.year + 10) % 100 else 1900
    return year, True


def _next_part(text: str, today: dt.date) -> int:
    return today.year + 1 if text in ("年初",) and today.month > 2 else today.year


def _year_part(part: str, year: int) -> tuple[dt.date, dt.date]:
    first, last = {"初": (1, 2), "伊": (1, 1), "中": (6, 7)}.get(part, (11, 12))
    return _month(year, first)[0], _month(year, last)[1]


def _quarter(m: re.Match[str], year: int, today: dt.date) -> When:
    name = m["quarter"].removeprefix("q")
    current = (today.month - 1) // 3
    number = current + _steps(name) if name[0] in "上下本这" else int(_int(name)) - 1
    first = 3 * number + 1
    if m["qpart"]:
        first += 0 if m["qpart"] == "初" else 2
        return _span(m, *_month(year, first))
    return _span(m, _month(year, first)[0], _month(year, first + 2)[1])


def _festival(m: re.Match[str], year: int, said: bool, today: dt.date) -> When:
    since, until = _festival_of(m, year)
    if not said and until <= today:
        since, until = _festival_of(m, year + 1)
    return _span(m, since, until, until <= today)


def _festival_of(m: re.Match[str], year: int) -> tuple[dt.date, dt.date]:
    if m["eve"]:
        return calendar.festival("除夕", year)
    if m["newyear"]:
        day = calendar.lunar(year, 1, int(_int(m["newyear"])))
        return day, day + DAY1
    return calendar.festival(m["fest"], year)


def _of_month(m: re.Match[str], year: int, said: bool, today: dt.date) -> When:
    if m["lmon"]:
        return _lunar_month(m, year, said, today)
    if m["mrel"]:
        steps = _steps(m["mrel"])
        year, month = (today.year, today.month + steps) if not said else (year, today.month + steps)
        said = True
    else:
        month = int(_int(m["mnum"]))
    if m["nthweek"]:
        return _nth_week(m, year, month)
    day = m["dnum"] or m["dbare"]
    if m["lday"] or m["lunar"]:
        return _lunar_day(m, year, month, today)
    if day:
        return _month_day(m, year, month, int(_int(day)), said, today)
    since, until = _month_part(m["part"][0] if m["part"] else "", year, month)
    if m["part"] and m["part"].endswith("半月"):
        since, until = _half_month(m["part"], year, month)
    if not said and until <= today:
        return _whole_month_later(m, since, until)
    return _span(m, since, until, until <= today)


def _whole_month_later(m: re.Match[str], since: dt.date, until: dt.date) -> When:
    ahead = since.replace(year=since.year + 1)
    return _span(m, ahead, ahead + (until - since))


def _half_month(part: str, year: int, month: int) -> tuple[dt.date, dt.date]:
    first, after = _month(year, month)
    middle = first + 15 * DAY1
    return (first, middle) if part[0] in "前上" else (middle, after)


def _nth_week(m: re.Match[str], year: int, month: int) -> When:
    first = _month(year, month)[0]
    monday = first + dt.timedelta(days=-first.weekday() % 7, weeks=int(_int(m["nthweek"])) - 1)
    return _span(m, monday, monday + 7 * DAY1)


def _lunar_month(m: re.Match[str], year: int, said: bool, today: dt.date) -> When:
    month = {"正月": 1, "冬月": 11, "腊月": 12}[m["lmon"]]
    number = m["dnum"] or m["dbare"] or m["lday"]
    day = int(_int(number)) if number else 1
    since = calendar.lunar(year, month, day)
    until = since + (DAY1 if number else 29 * DAY1)
    if not said and until <= today:
        since, until = calendar.lunar(year + 1, month, day), until + 354 * DAY1
    return _span(m, since, max(until, since + DAY1))


def _lunar_day(m: re.Match[str], year: int, month: int, today: dt.date) -> When:
    number = int(_int(m["lday"] or m["dnum"] or m["dbare"] or "一"))
    day = calendar.lunar(year, (month - 1) % 12 + 1, number)
    if day < today and not (m["yrel"] or m["ynum"]):
        day = calendar.lunar(year + 1, (month - 1) % 12 + 1, number)
    return _span(m, day, day + DAY1)


def _moon_day(m: re.Match[str], today: dt.date) -> When:
    """阴历十六 is the next sixteenth of the lunar calendar."""
    number = int(_int(m["moon"].removeprefix("初").replace("廿", "二十")))
    day = calendar.moon_day(number, today)
    return _span(m, day, day + DAY1)


def _month_day(
    m: re.Match[str], year: int, month: int, day: int, said: bool, today: dt.date
) -> When:
    found = _month(year, month)[0].replace(day=day)
    # A date just past is more likely a slip or a report than one eleven months ahead.
    if not said and found < today - dt.timedelta(days=90):
        found = found.replace(year=year + 1)
    return _span(m, found, found + DAY1, found < today)


def _bare_day(m: re.Match[str], day: int, today: dt.date) -> When:
    for step in range(12):
        first, after = _month(today.year, today.month + step)
        if first + day * DAY1 <= after and (found := first + (day - 1) * DAY1) >= today:
            return _span(m, found, found + DAY1)
    raise ValueError(f"no month has a day {day}")


def _month_part(
    part: str, year: int, month: int, roll: dt.date | None = None
) -> tuple[dt.date, dt.date]:
    first, after = _month(year, month)
    bounds = {"初": (0, 10), "上": (0, 10), "伊": (0, 10), "中": (10, 20), "下": (20, 31)}
    since, until = bounds.get(part, (24 if part else 0, 31))
    found = first + since * DAY1, min(first + until * DAY1, after)
    if roll and found[1] <= roll:
        return _month_part(part, year, month + 1)
    return found


def _relative(m: re.Match[str], now: dt.datetime) -> When | None:
    if m["nyear"]:
        return _new_year(m, now.date())
    if m["hol"]:
        return _near_holiday(m, now)
    if m["soon"]:
        return _soon(m, now.date())
    if m["ago"]:
        return _ago(m, now)
    if m["hn"]:
        return When(
            m.start(), m.end(), now, _moved(now, VAGUE.get(m["hn"]) or _int(m["hn"]), m["hu"])
        )
    count, unit = (m["pn"], m["pu"]) if m["pn"] else (m["n"], m["u"])
    number = VAGUE.get(count) or _int(count)
    if m["half"] or m["half2"]:
        number += 0.5
    return _ahead(m, number, unit, m["d"] or "后", now)


def _ago(m: re.Match[str], now: dt.datetime) -> When:
    number = VAGUE.get(m["an"]) or _int(m["an"])
    since = _moved(now if _hourly(m["au"]) or "分" in m["au"] else _midnight(now), -number, m["au"])
    return When(m.start(), m.end(), since, now, False, True)


def _ahead(m: re.Match[str], number: float, unit: str, way: str, now: dt.datetime) -> When | None:
    sign = -1 if "前" in way else 1
    target = _moved(now, sign * number, unit)
    if "内" in way:
        until = target if _hourly(unit) else _midnight(target) + DAY1
        return When(m.start(), m.end(), now.replace(microsecond=0), until, _hourly(unit))
    if _hourly(unit):
        grain = dt.timedelta(minutes=1) if "分" in unit or "刻" in unit else dt.timedelta(hours=1)
        return When(m.start(), m.end(), target, target + grain, True, sign < 0)
    day = _midnight(target)
    wide = {"年": 30, "月": 7}.get(unit[-1], 1)
    return When(m.start(), m.end(), day, day + wide * DAY1, False, sign < 0)


def _hourly(unit: str) -> bool:
    return any(c in unit for c in "时钟")


def _midnight(at: dt.datetime) -> dt.datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _moved(at: dt.datetime, number: float, unit: str) -> dt.datetime:
    last = unit[-1]
    if last in "月年":
        months = number * (12 if last == "年" else 1)
        first = _month(at.year, at.month + int(months))
        day = min(at.day, (first[1] - first[0]).days)
        moved = dt.datetime.combine(first[0].replace(day=day), at.time())
        return moved + dt.timedelta(days=round(30 * (months - int(months))))
    minutes = {"天": 1440, "日": 1440, "时": 60, "分": 1}.get(last, 0)
    if not minutes:
        minutes = 10080 if any(c in unit for c in "周期拜") else (
            15 if "刻" in unit else 1 if "分" in unit else 60
        )  # fmt: skip
    return at + dt.timedelta(minutes=number * minutes)


def _new_year(m: re.Match[str], today: dt.date) -> When:
    since, until = calendar.festival("春节", today.year)
    if until <= today:
        since, until = calendar.festival("春节", today.year + 1)
    if m["nyear"] == "年前":
        return _span(m, today, since)
    return _span(m, until, until + 23 * DAY1)


def _near_holiday(m: re.Match[str], now: dt.datetime) -> When:
    since, until = calendar.next_holiday(now.date())
    if m["hol"].endswith("前"):
        return _span(m, now.date(), max(since, now.date() + DAY1))
    if m["hol"].endswith("后"):
        return _span(m, until, until + 7 * DAY1)
    return _span(m, since, until)


def _soon(m: re.Match[str], today: dt.date) -> When:
    count, unit = m["fn"] or m["gn"], m["fu"] or m["gu"] or "天"
    number = VAGUE.get(count) or _int(count) if count else 3
    midnight = dt.datetime.combine(today, dt.time())
    until = _moved(midnight, number, unit)
    if m["soon"] == "近期":
        until = midnight + 14 * DAY1
    return When(m.start(), m.end(), midnight, until)


def _edge(text: str, when: When, now: dt.datetime) -> When:
    """月底前 runs from now to the month's end; 国庆后 begins when the holiday is over."""
    m = EDGE.match(text, when.end)
    if not m:
        return when
    word = m.group()
    since, until = when.since, when.until
    if word.endswith("前"):
        day_end = until if until - since > 2 * DAY1 and text[when.end - 1] in "底末内" else since
        if not when.hours and until - since == DAY1:
            day_end = since
        now = now.replace(microsecond=0)
        since, until = (now if now < day_end else when.since - 30 * DAY1), day_end
    elif word.endswith("后") and word != "前后":
        since, until = until, until + 7 * DAY1
    return When(when.start, m.end(), since, until, when.hours, when.past)


def _joined(text: str, found: list[When], now: dt.datetime) -> Iterator[When]:
    """3号到5号, 周六-周日, 下午2点到4点 are one stretch."""
    held: When | None = None
    for when in found:
        if held and (joined := _join(text, held, when, now)):
            held = joined
            continue
        if held:
            yield held
        held = when
    if held:
        yield held


def _join(text: str, a: When, b: When, now: dt.datetime) -> When | None:
    between = text[a.end : b.start].strip()
    if between not in ("到", "至", "-", "~", "—", "开始到", "起至", "--"):
        return None
    since, until = a.since, b.until
    if b.hours and not text[b.start : b.end].startswith(tuple("今明后昨周星礼")) and a.hours:
        shift = dt.datetime.combine(a.since.date(), dt.time()) - dt.datetime.combine(
            b.since.date(), dt.time()
        )
        if until + shift > since:
            until += shift
            if until - since > dt.timedelta(hours=12) and since.hour >= 12:
                return None
    while until <= since and until.year == since.year and until.month <= since.month:
        until = _moved(until, 1, "月")
    year = since.year
    if until.year > year and not YEARLY.search(text, b.start, b.end):
        with contextlib.suppress(ValueError):  # 29 February has no other year
            until = until.replace(year=year) if until.replace(year=year) > since else until
    if until <= since:
        return None
    if b.hours and until - b.since >= dt.timedelta(hours=1) and not b.past:
        until = until - dt.timedelta(hours=1) if a.hours else until
    start = a.start - 1 if text[a.start - 1 : a.start] in ("从", "自") else a.start
    return When(start, b.end, since, until, a.hours or b.hours, a.past)


NUMERALS = "0123456789零一二两三四五六七八九十廿半几"
# With which characters each can begin: a pattern of this size is dear even where it fails at once.
READERS = (
    (frozenset(NUMERALS + "再过数这近最未接前今往年节放假小长"), RELATIVE, _relative),
    (frozenset(NUMERALS + "大后前今本当明来次去上下翌同〇正腊冬月第q元春新除清劳五端中国双圣平情"
     "七妇儿母父教重小感暑寒农阴夏秋昨隔这周星礼年过"), DATE, _dated),
    (frozenset(NUMERALS + "凌清早晨上中正午下傍晚夜"), CLOCK, _clocked),
)  # fmt: skip
