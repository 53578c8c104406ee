"""Amounts with unit and kind: 20来万, 15-18万, 23万8落地, 首付三成, 月供三千以内, 分36期."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nlp import numbers
from nlp.words import Words

CN = "零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟"
AMOUNT = (
    rf"(?:\d{{1,3}}(?:,\d{{3}}){{1,4}}(?:\.\d{{1,4}})?|\d{{1,12}}(?:\.\d{{1,4}})?|"
    rf"[{CN}]{{1,12}}(?:点[一二三四五六七八九零]{{1,4}})?)"
)
SYMBOLS = {"¥": "CNY", "￥": "CNY", "$": "USD", "€": "EUR", "£": "GBP", "hk$": "HKD"}
CURRENCIES = {
    "元": "CNY", "块": "CNY", "块钱": "CNY", "人民币": "CNY", "元钱": "CNY", "圆": "CNY",
    "rmb": "CNY", "元人民币": "CNY", "元整": "CNY", "圆整": "CNY", "美元": "USD", "美金": "USD",
    "刀": "USD", "港元": "HKD", "港币": "HKD", "欧元": "EUR", "英镑": "GBP", "日元": "JPY",
    "韩元": "KRW", "台币": "TWD", "新台币": "TWD", "澳元": "AUD", "加元": "CAD", "泰铢": "THB",
    "卢布": "RUB", "日币": "JPY", "元日币": "JPY", "新加坡元": "SGD",
    "澳门元": "MOP", "澳门币": "MOP",
}  # fmt: skip
SIGNS = SYMBOLS | CURRENCIES
CURRENCY = "|".join(sorted(CURRENCIES, key=len, reverse=True))
SCALE = {
    "万": 1e4, "w": 1e4, "萬": 1e4, "千": 1e3, "k": 1e3, "百": 1e2, "亿": 1e8, "个亿": 1e8,
    "百万": 1e6,
    "千万": 1e7, "万亿": 1e12, "个": 1e4, "个w": 1e4, "个万": 1e4, "十万": 1e5,
}  # fmt: skip
SMALL = ("千", "百")  # too little to be money by themselves
HUNDREDS = r"个(?=亿|[w万]|[,。!?;]|左右|以内|以下|能|可以|拿|落地|的?预算|$)"
ABROAD = "人民|rmb|[港澳台日]币|[美港日韩欧澳加]元|美金|英镑|新台|新加|澳门|泰铢|卢布"
UNIT = (
    r"(?:个亿|个[w万]|万亿|百万|千万|[万w亿](?!亿)|千(?!米|瓦|克)|百(?!公里|米|分)|k(?![a-z])|"
    r"个(?=[,。!?;]|左右|以内|以下|能|可以|拿|落地|的?预算|$))"
)
MEASURES = (
    "公里|km|千米|里(?!外)|人(?!民币)|台|辆|次|转|米|粉|年|个月|个?小时|天|分钟|期|斤|平|吨|升|毫|马力|"
    "[lt](?![a-z])|左右公里|多?公里|多?台|多?辆|度|瓦|安|毫安|座|后|瓶|名|位|家|篇|条|注|起|字|票|户|"
    "锂|催化|只|头|艘|种|倍|册|本(?!金)|部|件|尺|步|股|分(?!钱)|%|岁"
)
NOT_MONEY = rf"(?!\s?(?:{MEASURES}))"
ONE = re.compile(
    rf"""(?P<sign>hk\$|[¥$€£]|港币|人民币|美元|美金|欧元|rmb)?\s?(?P<n>(?<![\d.a-z]){AMOUNT}|(?<=[a-z]){AMOUNT}(?=万|元)|几|数)\s?
    (?:(?P<vague>几|来|多)?\s?(?P<u>{UNIT})(?P<more>多|来)?
       (?P<tail>[1-9](?![\d.])千?|\d{{4}}(?!\d)|[一二两三四五六七八九零][{CN}]{{0,9}}(?![点个成折期年月天台辆次]))?)?
    (?P<some>几|多|来)?
    \s?(?P<cur>{CURRENCY})?(?P<jiao>[\d一二三四五六七八九][角毛](?:[\d一二三四五六七八九]分)?|\d(?!\d)|(?<=块)[一二三四五六七八九](?![个斤次度天年月张十百千万]))?{NOT_MONEY}""",
    re.VERBOSE,
)
PAIR = re.compile(
    "(?P<tens>[二三四五六七八九]?十)?(?P<a>[一二三四五六七八九])(?P<b>[二三四五六七八九])(?P<unit>[百千])?"
)
RANGE = re.compile(r"\s?(?:\([含不]+\))?\s?(?:-+|~|到|至|或者?)\s?")
BEFORE = re.compile(
    r"(?:(?P<high>不超过|不要超过|别超过|最多|顶多|最高|不到|低于|小于|不足)|(?P<low>不低于|至少|最少|最低|起码|超过|高于|大于))$"
)
AFTER = re.compile(
    r"\s?(?:(?P<high>以内|之内|内(?!饰|存)|以下|之下|封顶|不到|打住)|(?P<low>以上|之上|起步?(?![床来])|多(?=[的了,吧]|$)|往上|朝上|出头|打底)|(?P<about>左右|上下))"
)
APART = ("封顶", "打住", "起步")  # they bound an amount and are no part of it
SHARE = re.compile(rf"(?P<n>[{CN}]|\d{{1,2}})(?:成(?P<half>半)?(?!交|本|为|品|了)|(?P<pct>%))")
TERM = re.compile(
    rf"(?P<n>\d{{1,3}}|[{CN}]{{1,3}})\s?(?P<u>期|年|个月)(?!款|前|后|检|内|的?车|保|度|份|底|末|初|里|多)"
)
CUES = {
    "monthly": ("月供", "每月", "月付", "一个月", "每个月", "月还", "还款", "一月"),
    "down_payment": ("首付", "首期", "头款", "先付", "首次付", "先给", "先掏"),
    "budget": (
        "预算", "出到", "拿下", "心理价", "价位", "打算", "准备", "控制在", "手里", "手头",
        "能接受", "想买", "的车", "买个", "买台", "买辆", "的suv", "的轿车", "推荐", "封顶", "搞定",
        "拿得下", "左右的", "以内的", "预期", "搞得定", "往上的", "往下的", "手上", "攒", "存折",
        "存了", "积蓄", "凑了", "凑个", "凑到", "打得住", "卡在", "够拿", "够买", "能买", "的七座",
        "的混动", "的电车", "有哪些", "给报", "安置费", "彩礼", "陪嫁", "陪一台", "全砸", "定死",
    ),
    "price": (
        "落地", "裸车", "报价", "指导价", "优惠", "卖", "便宜", "降", "定金", "订金", "价格",
        "售价", "置换", "补贴", "保险", "旧车", "二手", "现金", "评估", "省", "贵", "返", "全款",
        "开票", "加价", "差价", "收", "才给", "别人", "隔壁", "那边", "一公里", "保养", "一年",
        "成交", "谈到", "总价", "税", "尾款", "利息", "手续费", "赠", "送", "押金", "提的",
    ),
}  # fmt: skip
CUED = Words({cue: kind for kind, cues in CUES.items() for cue in cues})
FINANCE = (
    "贷",
    "分期",
    "免息",
    "月供",
    "首付",
    "利息",
    "利率",
    "期",
    "按揭",
    "金融",
    "还款",
    "还清",
    "剩下",
    "其余",
    "余下",
    "剩余",
)
# All begin with one set of characters, so that the search runs over the others in one stride.
BARE = re.compile(
    rf"[首月每预心落裸优报便定订控总降少出](?:(?<=出)到|(?<=首)付|(?<=月)[供还付]|(?<=每)个?月|(?<=预)算|(?<=心)理价位?"
    rf"|(?<=落)地价?|(?<=裸)车价?|(?<=优)惠|(?<=报)价|(?<=便)宜|(?<=[定订])金|(?<=控)制在|(?<=总)价"
    rf"|(?<=降)了?|(?<=少))(?:款|大概|大约|差不多|也就|一共|就|能|是|在|只有|最多|不超过|可以|到|了|给|给到|付|压到|控制在|掏|凑到|卡死|从|我最多|能降到|降到|出到|,|:|\s){{0,12}}(?P<n>{AMOUNT}(?:(?:-|~|到){AMOUNT})?)(?![\d.万wk千百%成折年个期月亿点]|{CURRENCY})"
)
BARGAIN = re.compile(
    rf"(?<![\d.a-z]){AMOUNT}(?:-|~|到){AMOUNT}(?=(?:左右|以内)?(?:能|可以)?(?:拿下|落地|搞定|拿|之间))"
)
CLAUSE = re.compile(r"(?<!\d)[,.]|[,.](?!\d)|[。!?;…\n~]")
_UNITED = (
    rf"\s?[几多来]?\s?(?:[万wk亿元块圆刀]|{HUNDREDS}|{ABROAD})"
    r"|(?<=\d)\s?[几多来]?\s?[百千]|(?<=[¥$€£])|(?<=[港民]币)|(?<=[美欧]元)|(?<=美金)|(?<=rmb)"
)
# A sign that there is an amount with a unit: a figure before it, or a currency before a figure.
COUNTED = re.compile(rf"[\d{CN}几数.¥$€£币元金b](?:{_UNITED})")
HEAD = re.compile(rf"[\s\d{CN}几数¥$€£h港人美欧r]")  # what ONE may begin with
LEAD = 24  # no amount begins further before the first sign of one
# The same, or a share, a term or a range; without one of these or a cue there is no money.
FIGURED = re.compile(
    rf"[\d{CN}几数.¥$€£币元金b](?:{_UNITED}|\s?(?:[期年成%]|个月)|(?:-|~|到)[\d{CN}])"
)
HINTED = re.compile(rf"{FIGURED.pattern}|[一二两三四五六七八九][千百]|[零0]首付")
GRASPED = re.compile("[拿落搞之]")  # one is in every bargain
LENDING = re.compile("[贷期免月首利按金还剩余]")  # one is in each of FINANCE


@dataclass(frozen=True, slots=True)
class Amount:
    kind: str
    value: dict[str, Any]
    start: int
    end: int


def find(text: str) -> list[Amount]:
    """The amounts of a normalised text, left to right; none overlaps another."""
    if not HINTED.search(text) and not BARE.search(text):
        return []
    found = [*_amounts(text), *_bare(text), *_spoken(text)]
    found += _shares(text)
    terms = list(_terms(text))
    if len(found) + len(terms) < 2:
        return found + terms
    kept = _apart(sorted(found, key=lambda a: (a.start, -a.end)))
    return _apart(sorted([*kept, *terms], key=lambda a: (a.start, -a.end)))


def _apart(found: list[Amount]) -> list[Amount]:
    kept: list[Amount] = []
    for amount in found:
        if not kept or amount.start >= kept[-1].end:
            kept.append(amount)
    return kept


def _amounts(text: str) -> Iterator[Amount]:
    counted = [m.span() for m in COUNTED.finditer(text)]
    if not counted:
        return
    at, until = max(0, counted[0][0] - LEAD), counted[-1][1]
    while head := HEAD.search(text, at, until):
        m = ONE.match(text, head.start())
        if not m:
            at = head.end()
            continue
        at = m.end()
        second = _second(text, m)
        last = second or m
        if not (_money(last) or (second and _money(m))):
            at = max(m.start() + 1, m.end("n"))
            continue
        yield _amount(text, m, second)
        at = last.end()


def _second(text: str, m: re.Match[str]) -> re.Match[str] | None:
    joint = RANGE.match(text, m.end())
    if not joint or joint.end() == m.end():
        return None
    second = ONE.match(text, joint.end())
    return second if second and _money(second) and second["n"] not in ("几", "数") else None


def _money(m: re.Match[str]) -> bool:
    if m["n"] in ("几", "数") and m["u"] in (None, "个"):
        return False
    if m["n"] == "一" and m["u"] == "个":
        return False
    if m["n"] == "三" and m["cur"] == "元" and m.string[m.end() : m.end() + 1] in "的还锂好和电":
        return False  # a kind of battery
    if m["sign"] or m["cur"]:
        return not (m["cur"] in ("块", "刀") and m["n"] == "一" and not m["u"])
    return m["u"] is not None and (m["u"] not in SMALL or bool(m["tail"]))


def _amount(text: str, m: re.Match[str], second: re.Match[str] | None) -> Amount:
    unit = CURRENCIES.get((second or m)["cur"] or "", SIGNS.get(m["sign"] or "", "CNY"))
    low, high = _ends(m, second["u"] if second else None)
    if second:
        high = _ends(second, m["u"] if m["u"] and not second["u"] and not second["cur"] else None)[
            1
        ]
        low = _rescaled(low, high, m)
    start, end = m.start(), (second or m).end()
    start, end, low, high = _bounds(text, start, end, low, high)
    while text[end - 1] == " ":
        end -= 1
    value = {"low": _whole(low), "high": _whole(high), "unit": unit}
    return Amount(_kind(text, start, end, low, high), value, start + _lead(text, start), end)


def _lead(text: str, start: int) -> int:
    return 1 if text[start] == " " else 0


def _rescaled(low: float | None, high: float | None, m: re.Match[str]) -> float | None:
    """In 1千-5千万 and 8000-1万 each end has its own unit; in 15-18万 they share one."""
    if low is not None and high is not None and low > high and m["u"] is None:
        return float(numbers.value(m["n"]) or 0)
    return low


def _ends(m: re.Match[str], borrowed: str | None) -> tuple[float | None, float | None]:
    unit = m["u"] or (borrowed if not m["cur"] else None)
    scale = SCALE.get(unit or "", 1.0)
    if m["n"] in ("几", "数"):
        return 2 * scale, 9 * scale
    if pair := PAIR.fullmatch(m["n"]):
        return _pair(pair, scale)
    count = numbers.value(m["n"]) or 0.0
    if m["some"] and not m["u"]:
        return count, count + _step(count)
    low = count * scale + _tail(m["tail"], scale) + _jiao(m["jiao"])
    if m["vague"] == "几":
        return low + scale, low + 9 * scale
    if m["vague"] == "来" and count % 10 == 0:  # 20来万 is twenty and some
        return low, low + 9 * scale
    if m["vague"] == "多" or m["more"] == "多":
        return low, low + scale * (10 if count >= 10 and count % 10 == 0 and not m["more"] else 1)
    return low, low


def _pair(m: re.Match[str], scale: float) -> tuple[float, float]:
    """十七八万 lies between seventeen and eighteen, 三五百 between three and five hundred."""
    tens = (numbers.value(m["tens"]) or 0.0) if m["tens"] else 0.0
    scale *= numbers.UNITS.get(m["unit"] or "", 1)
    return (tens + numbers.DIGITS[m["a"]]) * scale, (tens + numbers.DIGITS[m["b"]]) * scale


def _step(count: float) -> float:
    """How far 几 or 多 may reach: 十几 ends below 20, 3000多 below 4000."""
    step = 1.0
    while count % (step * 10) == 0 and step < count:
        step *= 10
    return step


def _tail(tail: str | None, scale: float) -> float:
    if not tail:
        return 0.0
    amount = numbers.value(tail.rstrip("千") if tail[0].isdigit() else tail) or 0.0
    if len(tail) == 1 or (tail.endswith("千") and tail[0].isdigit()):
        return amount * scale / 10  # 23万8
    return amount


def _jiao(text: str | None) -> float:
    if not text:
        return 0.0
    digits = [int(numbers.value(c) or 0) for c in text if c not in "角毛分"]
    return digits[0] / 10 + (digits[1] / 100 if len(digits) > 1 else 0)


def _whole(amount: float | None) -> int | float | None:
    if amount is None:
        return None
    rounded = round(amount, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def _bounds(
    text: str, start: int, end: int, low: float | None, high: float | None
) -> tuple[int, int, float | None, float | None]:
    before = BEFORE.search(text, max(0, start - 4), start)
    after = AFTER.match(text, end)
    if after:
        end = end if text.startswith(APART, end) else after.end()
        low, high = (None if after["high"] else low), (None if after["low"] else high)
        return start, end, low, high
    if before:
        start = before.start()
        low, high = (None if before["high"] else low), (None if before["low"] else high)
    return start, end, low, high


def _kind(text: str, start: int, end: int, low: float | None, high: float | None) -> str:
    """The nearest cue decides; a bare limit (20万以内) is what somebody wants to spend."""
    before = CLAUSE.split(text[max(0, start - 9) : start])[-1]
    after = CLAUSE.split(text[end : end + 7])[0]
    after = text[start:end] + after
    cues = [(at, kind) for at, _, kind in CUED.find(before)]
    places = {kind: at for at, kind in cues}
    for kind in ("monthly", "down_payment"):  # 月供控制在四千 is no budget
        if kind in places and not any(c.isdigit() for c in before[places[kind] :]):
            return kind
    nearest = max(cues, default=(-1, ""))
    after_first = min(((at, kind) for at, _, kind in CUED.find(after)), default=(99, ""))
    if nearest[1] and not (after_first[0] <= end - start + 1 and nearest[0] < len(before) - 6):
        return nearest[1]
    if after_first[1]:
        return after_first[1]
    limited = low is None or (
        text[max(0, end - 2) : end] in ("左右", "上下") and (high or 0) >= 30_000
    )
    return "budget" if (limited or high is None) and (high or low or 0) >= 30_000 else "price"


def _bare(text: str) -> Iterator[Amount]:
    """预算15到18, 月供3000: the cue alone makes it money, the size tells the unit."""
    bargains = BARGAIN.finditer(text) if GRASPED.search(text) else ()
    for m in (*BARE.finditer(text), *bargains):
        start, end = (m.start("n"), m.end("n")) if "n" in m.groupdict() else m.span()
        ends = [numbers.value(part) for part in re.split(r"-|~|到", text[start:end])]
        if None in ends or not _plausible(ends[-1] or 0):
            continue
        scale = 1e4 if (ends[-1] or 0) < 500 else 1
        low, high = (ends[0] or 0) * scale, (ends[-1] or 0) * scale
        start, end, low_end, high_end = _bounds(text, start, end, low, high)
        kind = _kind(text, start, end, low_end, high_end)
        yield Amount(
            kind, {"low": _whole(low_end), "high": _whole(high_end), "unit": "CNY"}, start, end
        )


def _plausible(amount: float) -> bool:
    return 3 <= amount <= 200 or amount >= 500


NOTHING = re.compile("[零0]首付")
PAID = re.compile("[首付期]")


def _shares(text: str) -> Iterator[Amount]:
    """首付三成 is a share of a price that is not known yet, so its unit is %; 零首付 is nothing."""
    if not PAID.search(text):
        return
    for m in NOTHING.finditer(text):
        yield Amount("down_payment", {"low": 0, "high": 0, "unit": "CNY"}, *m.span())
    for m in SHARE.finditer(text):
        near = text[max(0, m.start() - 8) : m.end() + 4]
        count = numbers.value(m["n"])
        if count is None or not ("首" in near or text[m.start() - 1 : m.start()] == "付"):
            continue
        share = float(count if m["pct"] else count * 10 + (5 if m["half"] else 0))
        start, end, low, high = _bounds(text, m.start(), m.end(), share, share)
        value = {"low": _whole(low), "high": _whole(high), "unit": "%"}
        yield Amount("down_payment", value, start, end)


SPOKEN = re.compile(
    rf"(?<![\d{CN}.第年月])(?P<n>[一二两三四五六七八九]?十?[一二两三四五六七八九](?:[千百][{CN}]{{0,5}}))(?P<some>多|来)?"
    rf"(?![{CN}\d万w块元公平里米多个%成])(?!\s?(?:{MEASURES}|遍|次|回|号|颗|步|页|字))"
)
SUMS = re.compile(
    "[贵便优降涨补抢省返送赔罚花付交退收租掏贴跌亏赚抵差加减](?!油)|[费价钱税金]|月供|保养|小[订定]|还款|高|低|没了"
)


def _spoken(text: str) -> Iterator[Amount]:
    """保养一回八百多, 便宜五千: hundreds in words with no unit are money beside a word for it."""
    for m in SPOKEN.finditer(text):
        clause = CLAUSE.split(text[max(0, m.start() - 14) : m.start()])[-1] + text[m.end() :][:8]
        count = numbers.value(m["n"])
        if count is None or not SUMS.search(clause):
            continue
        top = count + _step(count) if m["some"] else count
        start, end, low, high = _bounds(text, m.start(), m.end(), count, top)
        value = {"low": _whole(low), "high": _whole(high), "unit": "CNY"}
        yield Amount(_kind(text, start, end, low, high), value, start, end)


def _terms(text: str) -> Iterator[Amount]:
    if not LENDING.search(text) or not any(word in text for word in FINANCE):
        return
    for m in TERM.finditer(text):
        count = numbers.value(m["n"])
        near = text[max(0, m.start() - 10) : m.end() + 8]
        if count and any(word in near for word in FINANCE):
            months = int(count * 12) if m["u"] == "年" else int(count)
            yield Amount("term", {"months": months}, *m.span())
