"""Understanding what an advisor logs: which events, when they were or will be, what is wrong."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handlers import whens
from handlers import words as telling
from handlers.context import Ctx
from nlp.reading import Slot

# The event a word stands for, and whether it can be agreed on for a later time.
WORDS = (
    ("退单", "退单", False),
    ("退订", "退订", False),
    ("投诉", "投诉", False),
    ("战败", "战败", False),
    ("提车", "交付", True),
    ("交车", "交付", True),
    ("交付", "交付", True),
    ("成交", "下订", False),
    ("大定", "下订", False),
    ("小定", "下订", False),
    ("下定", "下订", False),
    ("下订", "下订", False),
    ("定金", "下订", False),
    ("签合同", "下订", False),
    ("试驾", "试驾", True),
    ("试乘", "试乘", True),
    ("到店", "到店", True),
    ("进店", "到店", True),
    ("来店", "到店", True),
    ("看车", "到店", True),
    ("报价", "报价", False),
    ("交期", "交期", False),
)
DEALS = "、".join(dict.fromkeys(kind for _, kind, _ in WORDS))
LATER = {kind for _, kind, later in WORDS if later}
SEPARATE = ("预约", "退订", "投诉", "改期", "确认", "取消预约", "冷冻", "失控", "解决", "卡住")
LONG = timedelta(hours=3)
WEEK = timedelta(days=7)
Span = tuple[datetime, datetime]

_MISSED = re.compile(r"没来|没到|爽约|未到(?!店?原因)|放鸽子|没有来|没有到")
_NOT = r"(?:没有?|未|还没|不肯|不想|不愿意?|暂不|不)(?:去|能|做|安排|成)?"
_AGREED = re.compile(r"约(?:了|好|定|在|到)")  # 约了周六下午3点, for what is not said
_CLAUSE = re.compile(r"[，,；;。！!、\n]|并且?|然后|接着|同时")
_ARRIVED = re.compile(r"^(?:人|客户|已经?|刚刚?|现在|准时|提前)*+(?:到了|来了|到店了|到达)")
_MOVED = re.compile(
    r"^(?:想|要|说)?(?:改到|改约到?|改成|推迟到|推到|延到|延后到|提前到|改期到?|改时间到?)"
    r"(?![OHABCN](?:级|[，, ]|$)|[高中低]意向)(?P<to>.+)$"
)
_CALLED_OFF = re.compile(
    r"^(?:说|预约|试驾|试乘|到店|看车)*(?:要)?(?:取消(?:了|预约|试驾|到店)*|不来了|来不了了?|不过来了)"
)
_OFF = re.compile(r"取消|不来了|来不了|不过来了")
# How the words above are said in passing.
_MEANS = tuple((re.compile(pattern), plain) for pattern, plain in (
    (r"试(?:完|了|过)?(?:一下|一圈)?车", "试驾"), (r"看(?:完|了|过)(?:实)?车", "看车"),
    (r"(到|来|进)(?:过|了)(?:一?[趟次])?(?:我们|咱们?)?店", r"\1店"),
    (r"提(?:了|完|好)车", "提车"), (r"交(?:了|完)车", "交车"),
    (r"退(?:掉|了)?(?:定金?|订金|订单|车)", "退单"),
    (r"(?:订|定|下)(?:了|好)(?:[一两12])?[台辆部]", "下订"), (r"下(?:了|完)?(?:订单|单)", "下订"),
    (r"[订定]车", "下订"),
))  # fmt: skip
_WISHED = re.compile(
    r"(?:想要?|打算|准备|考虑|犹豫|纠结|要不要|能不能|可不可以)先?(?:去|来)?"
    r"(?:下订|下定|大定|小定|[交付]?定金|退单|签合同|交付|提车)"
)
_CONFIRMED = re.compile(r"^(?:已|都)?(?:确认(?:了|会来|能来|过了?|到店|来)|会准时[来到]|说会来)")
_SOLVED = re.compile(
    r"^(?P<what>.{1,20}?)(?:的?(?:问题|事情?|顾虑|疑虑))?(?:已经?|都)?"
    r"(?:解决|搞定|谈妥|打消|不是问题)(?:了|掉了|好了)?[。！]?$"
    r"|^已?解决了?[:： ]?(?P<named>\S.{0,20}?)(?:的问题|的顾虑)?[。！]?$"
)
_STUCK = re.compile(
    r"^(?P<what>.{1,20}?)(?:的?(?:问题|事情?|顾虑|疑虑))?(?:还是?|仍然?|依然|一直)?"
    r"(?:(?:没有?|未)(?:解决|搞定|谈妥|打消)|卡住|卡着)(?:了|的)?[。！]?$"
    r"|^(?:还|仍然?|依然)?(?:(?:没有?|未)解决|卡住|卡在)[:： ]?(?P<named>\S.{0,20}?)[。！]?$"
)
_WEEKDAY = re.compile(r"(?:周|星期|礼拜)[一二三四五六日天]")  # 下周一 and 这周一 say which
_PART = re.compile(r"凌晨|清早|早上|上午|中午|下午|傍晚|晚上")
_OVER = re.compile(
    r"(?:" + "|".join(w for w, _, _ in WORDS) + r"|来|到|过来|看|订|定|交|谈)(?:过|了)"
)
_AHEAD = re.compile(r"约|要|想|会|准备|打算|可以|能来|改到|定在")
_FROZEN = re.compile(r"冷冻|冻结|暂停跟进|暂缓跟进")
_GONE = re.compile(r"失控|失联|空号|停机|联系不上")


@dataclass(frozen=True, slots=True)
class Note:
    kind: str  # the event
    at: datetime | None  # an agreed time in the future, or None for "it happened"
    missed: bool
    words: str
    when: datetime | None = None  # in the past, where that was said
    until: datetime | None = None  # of somebody frozen
    codes: tuple[str, ...] = ()  # of concerns that are solved
    reason: str = ""  # of somebody who did not come
    day: str = ""  # 昨天, 周六(3月7日)下午: what is told of a time whose hour nobody has said

    @property
    def happened(self) -> bool:
        return self.at is None and not self.missed and self.kind not in SEPARATE


def read(words: str, ctx: Ctx) -> tuple[Note, ...]:
    """Everything that is named, in the order of the journey's words; () when nothing is."""
    words = words.strip()
    if special := _special(words, ctx):
        return (special,)
    found: list[Note] = []
    before = ""
    for clause in filter(None, (part.strip() for part in _CLAUSE.split(words))):
        notes = _clause(before + clause, ctx)
        before = "" if notes else before + clause
        if notes:
            found += _inherit(notes, found, clause)
        elif found:
            found[-1] = _with_rest(found[-1], clause)
    return _distinct(found)


def _with_rest(note: Note, clause: str) -> Note:
    """没来，堵车: what follows a miss is its reason."""
    return replace(note, words=f"{note.words}，{clause}", reason=clause if note.missed else "")


def _inherit(notes: list[Note], found: list[Note], clause: str) -> list[Note]:
    """昨天到店并试驾: both were yesterday; 周六到店并试驾 is one appointment."""
    last = found[-1] if found else None
    if last is None or any(n.when or n.at or n.missed for n in notes):
        return notes
    if last.at and not re.search(r"了|已|过", clause):
        found[-1] = replace(last, kind=notes[0].kind, words=f"{last.words}，{clause}")
        return []
    return [replace(n, when=last.when, day=last.day) for n in notes]


def _distinct(found: Iterable[Note]) -> tuple[Note, ...]:
    kinds: dict[tuple[str, bool, datetime | None], Note] = {}
    for note in found:
        kinds.setdefault((note.kind, note.missed, note.at), note)
    return tuple(kinds.values())


def _clause(words: str, ctx: Ctx) -> list[Note]:
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    span = _span(slot, words, ctx) if slot else None
    day = _day(slot, span, ctx) if slot and span else ""
    past = _past(span, ctx) if span else None
    if _MISSED.search(words) and not re.search(r"(?:没到|未到)(?:货|账|期|手)", words):
        kind = next((k for w, k, _ in WORDS if w in words and k in LATER), "到店")
        why = _MISSED.split(words)[-1].strip(" ，,因为是了试驾到店")
        return [Note(kind, None, True, words, when=past, reason=why, day=day)]
    kinds, refused = _kinds(words, slot)
    ahead = agreed(span, ctx) if span else None
    if ahead and (later := [k for k in kinds if k in LATER]):
        return [Note("试驾" if "试驾" in later else later[0], ahead, False, words, day=day)]
    if ahead and slot and not kinds and (_AGREED.search(words) or f"约{slot.text}" in words):
        return [Note("到店", ahead, False, words, day=day)]
    notes = [Note(kind, None, False, words, when=past, day=day) for kind in kinds]
    return notes + [Note("未试驾", None, False, words, when=past, day=day)] * refused


def _span(slot: Slot, words: str, ctx: Ctx) -> Span:
    """周一试驾了, said on a Friday, was last Monday: what is over is not ahead."""
    start, end = _starts(slot), datetime.fromisoformat(slot.value["to"])
    over = start > ctx.now and _OVER.search(words) and not _AHEAD.search(words)
    if over and _WEEKDAY.match(slot.text):
        return start - WEEK, end - WEEK
    return start, end


def _day(slot: Slot, span: Span, ctx: Ctx) -> str:
    """The day and its part as they were said; "" where an hour was, or only 刚才."""
    length = span[1] - span[0]
    if length < LONG:
        return ""
    if length > timedelta(days=1):
        return slot.text
    part = _PART.search(slot.text)
    return telling.day(span[0].astimezone(ctx.zone).date(), ctx.today) + (part[0] if part else "")


def _kinds(words: str, slot: Slot | None) -> tuple[list[str], bool]:
    """The events named and not denied; whether a test drive was declined."""
    rest = _plainer(words.replace(slot.text, "") if slot else words)
    refused = bool(re.search(_NOT + "试驾", rest))
    rest = re.sub(_NOT + "(?:" + "|".join(w for w, _, _ in WORDS) + ")", "", rest)
    kinds = list(dict.fromkeys(kind for word, kind, _ in WORDS if word in rest))
    if _ARRIVED.match(rest.strip()) and "到店" not in kinds:
        kinds.append("到店")
    if "试驾" in kinds and "试乘" in kinds:
        kinds.remove("试乘")
    order = ("到店", "试乘", "试驾", "报价", "下订", "交付")
    kinds.sort(key=lambda k: order.index(k) if k in order else -1)
    return kinds, refused


def _plainer(words: str) -> str:
    """定了一台, 试完车 in the words above; what is only wished for is not said at all."""
    for pattern, plain in _MEANS:
        words = pattern.sub(plain, words)
    return _WISHED.sub("", words)


def _starts(slot: Slot) -> datetime:
    return datetime.fromisoformat(slot.value["from"])


def agreed(span: Span, ctx: Ctx) -> datetime | None:
    """When somebody is expected: the hour that was named, or a sensible one of that day."""
    start, end = span
    if start <= ctx.now:
        return None
    at = start
    if end - start >= LONG:
        local = start.astimezone(ctx.zone)
        afternoon = local.hour >= 12 and end - start < timedelta(days=1)
        clock = whens.AFTERNOON if afternoon else ctx.settings.journey.visit_at
        at = start if local.hour >= 17 else ctx.on(local.date(), clock)
    return max(at, start)


def timed(words: str, ctx: Ctx) -> tuple[datetime | None, str]:
    """When an appointment named in these words is, and what is told of it without an hour."""
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    if slot is None:
        return None, ""
    span = _starts(slot), datetime.fromisoformat(slot.value["to"])
    return agreed(span, ctx), _day(slot, span, ctx)


def _past(span: Span, ctx: Ctx) -> datetime | None:
    """When it was: the middle of a day or an afternoon, the hour where one was named."""
    start, end = span
    if start > ctx.now or end > ctx.now:
        return start if start < ctx.now and end - start < LONG else None
    return start if end - start < LONG else start + (end - start) / 2


# What is no event of its own


def _special(words: str, ctx: Ctx) -> Note | None:
    if wrong(words):
        return None
    if _CALLED_OFF.match(_timeless(words, ctx)):
        return Note("取消预约", None, False, words)
    if _CONFIRMED.match(words):
        return Note("确认", None, False, words)
    if moved := _MOVED.match(words):
        at, day = timed(moved["to"], ctx)
        if at:
            return Note("改期", at, False, words, day=day)
    if _FROZEN.search(words):
        return Note("冷冻", None, False, words, until=whens.said(words, ctx))
    if _GONE.search(words) and not _MISSED.search(words):
        return Note("失控", None, False, words)
    return _solved(words, ctx)


def _timeless(words: str, ctx: Ctx) -> str:
    """周六的试驾取消 without its day, which is that of the appointment."""
    if not _OFF.search(words):
        return words
    slot = ctx.lexicon.read(words, at=ctx.now, sender="advisor").slot("datetime")
    return words.replace(slot.text, "", 1).lstrip("的 ") if slot else words


def _solved(words: str, ctx: Ctx) -> Note | None:
    """What the advisor says of a concern; 还没解决 before 解决, which it contains."""
    for kind, said in (("卡住", _STUCK), ("解决", _SOLVED)):
        if found := said.match(words):
            what = found["what"] or found["named"]
            codes = tuple(c.code for c in ctx.read(what).concerns)
            return Note(kind, None, False, words, codes=codes) if codes else None
    return None


# Corrections

_WRONG = re.compile(
    r"^(?:我|刚才)?(?:记错|说错|写错)了?[，,：:。 ]*(?:应该|其实)?是?(?P<right>.*?)"
    r"(?:[，,]?而?不是(?P<wrong>.+?))?[。！]?$"
)
_BECOMES = re.compile(r"^改成(?P<right>[^:：].*)$")


@dataclass(frozen=True, slots=True)
class Correction:
    right: str
    wrong: str = ""


def wrong(words: str) -> Correction | None:
    """记错了，是下订不是报价; 是下订不是报价; None for anything else."""
    found = _WRONG.match(words.strip())
    return Correction(found["right"].strip(), (found["wrong"] or "").strip()) if found else None


def becomes(words: str, ctx: Ctx) -> Correction | None:
    """改成昨天下午到店: another event or a time that has passed, no new appointment."""
    found = _BECOMES.match(words.strip())
    notes = read(found["right"], ctx) if found else ()
    return Correction(found["right"]) if found and notes and notes[0].happened else None
