"""All values named in a message: cars, money, time, places, and single words that are values."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from nlp import money, numbers, times
from nlp.cars import Cars
from nlp.match import Hit
from nlp.normalise import Normal
from nlp.places import Places
from nlp.reading import Concern, Intent, Slot

PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d[- ]?\d{4}[- ]?\d{4})(?!\d)")
ABROAD = re.compile(r"(?:\+|(?<!\d)00)\s?(?!86)\d{1,3}[- ]*$")
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"
PLATE = re.compile(rf"[{PROVINCES}][a-z][·. -]?(?:[a-z0-9]{{5,6}})(?![a-z0-9])")
N = r"(?:\d{1,3}|[一二两三四五六七八九十俩仨]{1,3})"
# 豫R的牌, 川A开头, 挂沪C: the beginning alone, where a plate is spoken of; 太贵a is none.
REGION = re.compile(
    rf"(?:(?<=[挂上落])|(?<=牌照|车牌|号牌))[{PROVINCES}][a-z](?![a-z0-9级型版款])"
    rf"|[{PROVINCES}][a-z](?=的?(?:车牌|牌照|号牌|牌|号段|开头|本地|能|的车)(?!子))"
)
PEOPLE = re.compile(
    rf"(?:(?:一家|全家|家里|我们|咱们?)(?:有|就)?)?(?P<n>{N})(?:(?:-|到|至|~)(?P<m>{N}))?多?个?(?:口人|(?<!小.)口子?(?!味|碑|头|价)|号?个?人(?!民|工|气|均|生|家|说|品)|位(?!置|于|移)"
    r"|(?<=个)(?:朋友|同事|大人|小孩|孩子|老人|娃|亲戚))|(?:我们|咱们?|他们|姐妹|哥)(?P<three>[仨俩])"
)
MILEAGE = re.compile(
    rf"(?P<n>\d{{1,9}}(?:\.\d{{1,3}})?|[{numbers.CHINESE}]{{1,9}})(?P<vague>多|来|几)?(?P<u>万|w|千|k)?(?P<vague2>多|来)?(?:(?:-|到|至|~)(?P<m>\d{{1,9}}(?:\.\d{{1,3}})?|[{numbers.CHINESE}]{{1,9}})(?P<mu>万|w|千|k)?)?\s?(?P<km>公里|km|千米|里路)(?!/h|每小时|加速|油耗|时速|[的]?油)"
)
DIGITS, LATIN = re.compile("[0-9]"), re.compile("[a-z]")
QUICK_PEOPLE = re.compile(r"[人口位仨俩友事孩娃戚]")


def find(
    cars: Cars, places: Places, original: str, normal: Normal, hits: Sequence[Hit], now: datetime,
    own: Iterable[str],
) -> tuple[Slot, ...]:  # fmt: skip
    """Everything found, left to right; of two that overlap the kind that is read first wins."""
    text = normal.text
    own = frozenset(own)
    rows = [*_phones(text), *_plates(text)] if DIGITS.search(text) else []
    rows += _regions(text) if LATIN.search(text) else ()
    rows += _cars(cars, text, own)
    rows += _times(text, now)
    rows += _money(text)
    rows += _people(text)
    rows += _mileages(text)
    rows += _places(places, text)
    rows += _words(text, hits) if hits else ()
    if len(rows) < 2:
        return tuple(_slot(original, normal, *row) for row in rows)
    kept: list[Row] = []
    taken = bytearray(len(text) + 1)
    for start, end, kind, value in rows:
        if kind in ("payment", "purchase_kind", "usage", "hobby") or 1 not in taken[start:end]:
            taken[start:end] = b"\1" * (end - start)
            kept.append((start, end, kind, value))
    return tuple([_slot(original, normal, *row) for row in sorted(kept, key=PLACE)])


TRADED = "换购"
HOURS = frozenset(
    ("早上", "早晨", "上午", "中午", "下午", "傍晚", "晚上", "夜里", "半夜", "大半夜")
)
TIMED = frozenset(("visit", "test_drive", "delay", "ask_time", "order", "deposit"))


def settled(
    found: tuple[Slot, ...], intents: Iterable[Intent], felt: Iterable[Concern]
) -> tuple[Slot, ...]:
    """In the light of what is meant: who is after a price for the old car buys in its place, and
    a part of the day is a time only where something is planned (半夜爆胎 is none)."""
    meant = {i.code: i for i in intents if not i.negated}
    if TIMED.isdisjoint(meant):
        found = tuple([s for s in found if s.kind != "datetime" or s.text not in HOURS])
    old = meant.get("tradein_eval") or next((c for c in felt if c.code == "tradein"), None)
    if old is None or any(s.kind == "purchase_kind" for s in found):
        return found
    return (*found, Slot("purchase_kind", TRADED, old.evidence, old.span))


def _slot(original: str, normal: Normal, start: int, end: int, kind: str, value: Any) -> Slot:
    first, last = normal.span(start, end)
    return Slot(kind, value, original[first:last], (first, last))


Row = tuple[int, int, str, Any]
PLACE = itemgetter(0, 1)


def _phones(text: str) -> Iterator[Row]:
    for m in PHONE.finditer(text):
        if ABROAD.search(text, max(0, m.start() - 8), m.start()):
            continue
        yield m.start(1), m.end(1), "phone", re.sub(r"\D", "", m[1])


def _plates(text: str) -> Iterator[Row]:
    for m in PLATE.finditer(text):
        tight = re.sub(r"[·. -]", "", m.group()).upper()
        if sum(c.isdigit() for c in tight) >= 2:
            yield m.start(), m.end(), "plate", tight


def _regions(text: str) -> Iterator[Row]:
    for m in REGION.finditer(text):
        if m.group()[0] not in "使领":
            yield m.start(), m.end(), "plate", m.group().upper()


def _cars(cars: Cars, text: str, own: frozenset[str]) -> Iterator[Row]:
    for car in cars.find(text, own):
        kind = "rival" if own and car.brand not in own else "model"
        yield car.start, car.end, kind, car.value


def _times(text: str, now: datetime) -> Iterator[Row]:
    for when in times.find(text, now):
        if _habit(text, when):
            continue
        value = {"from": when.since.isoformat() + "+08:00", "to": when.until.isoformat() + "+08:00"}
        yield when.start, when.end, "datetime", value


WISHED = ("快乐", "愉快", "好啊", "好呀")
OPENING = re.compile("营业|休息|开门|关门|午休|每天|天天|平时")


def _habit(text: str, when: times.When) -> bool:
    """老师早, 新年快乐 and 晚上营业到几点 name no time that a calendar holds."""
    said = text[when.start : when.end]
    if said in ("早", "晚") or text.startswith(WISHED, when.end):
        return True
    if said == "年初" and text[when.start - 1 : when.start] == "大":
        return True
    if when.past and said.endswith("年") and text.startswith(("的", "款", "买", "提"), when.end):
        return True
    return said in times.PERIODS and OPENING.search(text) is not None


def _money(text: str) -> Iterator[Row]:
    for amount in money.find(text):
        yield amount.start, amount.end, amount.kind, amount.value


def _people(text: str) -> Iterator[Row]:
    if not QUICK_PEOPLE.search(text):
        return
    for m in PEOPLE.finditer(text):
        low = numbers.value(m["n"] or m["three"])
        high = numbers.value(m["m"]) if m["m"] else low
        if (
            low
            and high
            and high <= 60
            and m.group() not in ("一个人", "一位", "1位", "一人", "十位")
        ):
            yield m.start(), m.end(), "people", {"low": int(low), "high": int(high), "unit": "人"}


def _mileages(text: str) -> Iterator[Row]:
    if "公里" not in text and "km" not in text and "千米" not in text:
        return
    for m in MILEAGE.finditer(text):
        if (low := numbers.value(m["n"])) is None or m.group() in ("百公里", "一公里"):
            continue  # 百公里油耗 and 一公里几毛 are rates
        scale = money.SCALE.get(m["u"] or (m["mu"] or ""), 1.0)
        high = numbers.value(m["m"]) if m["m"] else None
        top = high * money.SCALE.get(m["mu"] or "", 1.0) if high else low * scale
        yield (
            m.start(),
            m.end(),
            "mileage",
            {"low": _whole(low * scale), "high": _whole(top), "unit": "km"},
        )


def _whole(amount: float) -> int | float:
    return int(amount) if amount == int(amount) else round(amount, 2)


NAMED_AFTER = ("话", "菜", "时代", "的电池", "电池", "火锅", "口音", "方言")  # 宁德的电池


def _places(places: Places, text: str) -> Iterator[Row]:
    for place in places.find(text):
        if text.startswith(NAMED_AFTER, place.end):
            continue
        yield place.start, place.end, "city", place.value


REFUSED = frozenset("不别没")  # 不贷款, 别按揭


def _words(text: str, hits: Sequence[Hit]) -> Iterator[Row]:
    longest: dict[tuple[str, str], Hit] = {}
    for hit in hits:
        if hit.rule.code == "payment" and text[max(0, hit.start - 1) : hit.start] in REFUSED:
            continue
        key = hit.rule.code, hit.rule.value
        if key not in longest or hit.end - hit.start > longest[key].end - longest[key].start:
            longest[key] = hit
    for (kind, value), hit in longest.items():
        yield hit.start, hit.end, kind, value
