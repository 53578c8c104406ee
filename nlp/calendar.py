"""Festivals and public holidays: where they begin, how many days people are off."""

import datetime as dt
import functools

import chinese_calendar
from lunar_python import Lunar

SOLAR = {
    "元旦": (1, 1, 1), "情人节": (2, 14, 1), "妇女节": (3, 8, 1), "三八节": (3, 8, 1),
    "清明": (4, 5, 3), "五一": (5, 1, 5), "劳动节": (5, 1, 5), "六一": (6, 1, 1),
    "儿童节": (6, 1, 1), "七一": (7, 1, 1), "八一": (8, 1, 1), "教师节": (9, 10, 1),
    "国庆": (10, 1, 7), "十一": (10, 1, 7), "双十一": (11, 11, 1), "双11": (11, 11, 1),
    "双十二": (12, 12, 1), "双12": (12, 12, 1), "618": (6, 18, 1), "圣诞": (12, 25, 1),
    "平安夜": (12, 24, 1),
}  # fmt: skip
LUNAR = {
    "春节": (1, 1, 7), "过年": (1, 1, 7), "新年": (1, 1, 7), "元宵": (1, 15, 1),
    "端午": (5, 5, 3), "七夕": (7, 7, 1), "中秋": (8, 15, 3), "重阳": (9, 9, 1),
    "腊八": (12, 8, 1), "小年": (12, 23, 1),
}  # fmt: skip
WEEKDAYS = {"母亲节": (5, 2, 6), "父亲节": (6, 3, 6), "感恩节": (11, 4, 3)}
OFF = ("元旦", "春节", "清明", "五一", "端午", "中秋", "国庆")


@functools.lru_cache(maxsize=512)
def festival(name: str, year: int) -> tuple[dt.date, dt.date]:
    """First day and the day after the last one, for the festival of that (solar) year."""
    if name == "除夕":
        eve = lunar(year, 1, 1) - dt.timedelta(days=1)
        return eve, eve + dt.timedelta(days=1)
    if name in WEEKDAYS:
        day = _nth_weekday(year, *WEEKDAYS[name])
        return day, day + dt.timedelta(days=1)
    if name in LUNAR:
        month, number, days = LUNAR[name]
        first = lunar(year, month, number)
    else:
        month, number, days = SOLAR[name]
        first = dt.date(year, month, number)
    return (first, first + dt.timedelta(days=1)) if days == 1 else _holiday(first, days)


@functools.lru_cache(maxsize=512)
def lunar(year: int, month: int, day: int) -> dt.date:
    """The solar date of a day of the lunar calendar; a 30th that the month lacks is its 29th."""
    try:
        solar = Lunar.fromYmd(year, month, day).getSolar()
    except Exception:  # the library raises bare Exception for a day that the month does not have
        if day < 30:
            raise
        solar = Lunar.fromYmd(year, month, 29).getSolar()
    return dt.date(solar.getYear(), solar.getMonth(), solar.getDay())


@functools.lru_cache(maxsize=512)
def moon_day(number: int, today: dt.date) -> dt.date:
    """The next day with that number in its lunar month; not every month has a thirtieth."""
    days = (today + dt.timedelta(days=ahead) for ahead in range(120))
    return next(day for day in days if _moon(day) == number)


def _moon(day: dt.date) -> int:
    return int(Lunar.fromDate(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)).getDay())


def day_off(day: dt.date) -> bool:
    """Whether offices are closed, 调休 included; by weekday alone for years not yet published."""
    try:
        return bool(chinese_calendar.is_holiday(day))
    except NotImplementedError:
        return day.weekday() >= 5


def public(day: dt.date) -> bool | None:
    """True on a public holiday, False on a weekend day worked in lieu, None on all other days.

    A year that is not published yet has no such days: what is unknown closes nothing.
    """
    if not published(day.year):
        return None
    if bool(chinese_calendar.get_holiday_detail(day)[1]) and chinese_calendar.is_holiday(day):
        return True
    return False if day.weekday() >= 5 and chinese_calendar.is_workday(day) else None


def published(year: int) -> bool:
    """Whether the public holidays of that year are known."""
    try:
        chinese_calendar.is_holiday(dt.date(year, 7, 1))
    except NotImplementedError:
        return False
    return True


def next_holiday(day: dt.date) -> tuple[dt.date, dt.date]:
    """The next public holiday that has not ended on that day."""
    spans = (festival(name, year) for year in (day.year, day.year + 1) for name in OFF)
    return min(span for span in spans if span[1] > day)


def _holiday(first: dt.date, days: int) -> tuple[dt.date, dt.date]:
    """The days off around a festival; the published plan rules, the usual length stands in."""
    try:
        begin, end = first, first
        while _off(begin - dt.timedelta(days=1)):
            begin -= dt.timedelta(days=1)
        while _off(end):
            end += dt.timedelta(days=1)
    except NotImplementedError:
        return first, first + dt.timedelta(days=days)
    return (begin, end) if end > first else (first, first + dt.timedelta(days=days))


def _off(day: dt.date) -> bool:
    """A day of a named holiday, weekends inside it included."""
    return bool(chinese_calendar.get_holiday_detail(day)[0])


def _nth_weekday(year: int, month: int, nth: int, weekday: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
