"""Texts that nobody types, and that must not stop the next customer."""

from datetime import datetime
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from nlp.lexicon import Lexicon

AT = datetime(2026, 3, 6, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
HOSTILE = {
    "letters": "a" * 10_000, "digits": "1" * 10_000, "numerals": "一" * 10_000, "ten": "十" * 10_000,
    "brackets": "（" * 5_000 + "）" * 5_000, "not": "不" * 10_000, "dear": "贵" * 10_000,
    "spaces": " " * 10_000, "commas": "," * 10_000, "dots": "1." * 5_000, "dashes": "1-" * 5_000,
    "emoji": "👨‍👩‍👧‍👦🏽" * 1_400, "money": "20万" * 3_300, "days": "周六下午3点" * 1_500,
    "months": "1月" * 5_000, "cars": "宋PLUS" * 1_700, "mixed": "价格太贵了不是问题吗，" * 900,
    "colons": "1:" * 5_000, "with": "和比跟" * 3_300, "places": "北京市" * 3_300,
}  # fmt: skip


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon.load()


@pytest.mark.parametrize("name", HOSTILE)
def test_work_grows_with_the_length_and_no_faster(lexicon, name):
    """Twice the text may cost three times the work, not four: CPU time of this thread, one run."""
    text = HOSTILE[name]
    lexicon.read(text, at=AT)

    half, whole = (
        min(_cost(lexicon, part) for _ in range(3)) for part in (text[:1_500], text[:3_000])
    )

    assert whole < max(0.05, 3.2 * half)


def _cost(lexicon, text):
    began = process_time()
    lexicon.read(text, at=AT)
    return process_time() - began
