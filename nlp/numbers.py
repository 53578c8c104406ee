"""Chinese and Arabic numerals: 23, 2.5, 二十三, 两百五, 十来, 一万二."""

DIGITS = {
    "零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "俩": 2, "三": 3, "四": 4, "五": 5, "六": 6,
    "七": 7, "八": 8, "九": 9, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7,
    "捌": 8, "玖": 9, "仨": 3, "廿": 20, "卅": 30,
}  # fmt: skip
UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
GROUPS = {"万": 10_000, "w": 10_000, "亿": 100_000_000}
CHINESE = "零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟"


def value(text: str) -> float | None:
    """The number that the text writes, or None: 23 · 2,300.5 · 二十三点五 · 三千五 · 一百零二万."""
    text = text.replace(",", "").replace(" ", "")
    if text.isascii():
        return _ascii(text)
    if "点" in text:
        return _decimal(text)
    return _grouped(text)


def _ascii(text: str) -> float | None:
    whole = text.replace(".", "", 1)
    return float(text) if whole.isdigit() else None


def _decimal(text: str) -> float | None:
    whole, _, part = text.partition("点")
    left = _grouped(whole) if whole else 0.0
    digits = "".join(str(DIGITS[c]) if c in DIGITS else c for c in part)
    if left is None or not digits.isdigit():
        return None
    return left + float("0." + digits)


def _grouped(text: str) -> float | None:
    total = 0.0
    for group in ("亿", "万"):
        left, found, text_after = text.partition(group)
        if found:
            count = _small(left)
            if count is None:
                return None
            total += count * GROUPS[group]
            text = text_after
            if len(text) == 1 and text in DIGITS:  # 一万二 is 12,000
                return total + DIGITS[text] * GROUPS[group] / 10
    rest = _small(text) if text else 0.0
    return None if rest is None else total + rest


def _small(text: str) -> float | None:
    if text.isascii():
        return _ascii(text) if text else None
    if all(c in DIGITS for c in text):  # 二〇二六, 一五
        return float("".join(str(DIGITS[c]) for c in text))
    return _counted(text)


def _counted(text: str) -> float | None:
    total, digit, unit = 0.0, None, 1
    for char in text:
        if char in UNITS:
            unit = UNITS[char]
            total += (1 if digit is None else digit) * unit
            digit = None
        elif char in DIGITS or char.isdigit():
            digit = DIGITS[char] if char in DIGITS else int(char)
            unit = unit if char not in "零〇" else 10
        else:
            return None
    if digit is None:
        return total
    short = unit >= 100 and text[-2:-1] in UNITS  # 两百五 is 250, 两百零五 is 205
    return total + digit * (unit / 10 if short else 1)
