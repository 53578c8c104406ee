"""Texts that nobody types, and that must not stop the next customer."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from nlp.lexicon import Lexicon

AT = datetime(2026, 3, 6, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
HOSTILE = {
    "letters": "a" * 10_000,
    "digits": "1" * 10_000, "numerals": "一" * 10_000, "ten": "十" * 10_000,
    "brackets": "（" * 5_000 + "）" * 5_000, "not": "不" * 10_000, "dear": "贵" * 10_000,
    "spaces": " " * 10_000, "commas": "," * 10_000, "dots": "1." * 5_000, "dashes": "1-" * 5_000,
    "emoji": "👨‍👩‍👧‍👦🏽" * 1_400,
    "money": "20万" * 3_300, "days": "周六下午3点" * 1_500,
    "months": "1月" * 5_000, "cars": "宋PLUS" * 1_700, "mixed": "价格太贵了不是问题吗，" * 900,
    "colons": "1:" * 5_000, "with": "和比跟" * 3_300, "places": "北京市" * 3_300,
}  # fmt: skip


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon.load()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_read_like_any_other(lexicon, name):
    text = HOSTILE[name]

    reading = lexicon.read(text, at=AT)

    assert reading.text == text
    assert all(text[s.span[0] : s.span[1]] == s.text for s in reading.slots)
