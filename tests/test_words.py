"""How times, counts and shares are written for people."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.demo import START as NOW
from handlers import words

CLOCKS = [
    ((0, 0), "凌晨0点"), ((5, 30), "凌晨5点30分"), ((8, 45), "上午8点45分"), ((11, 0), "上午11点"),
    ((12, 0), "中午12点"), ((13, 0), "下午1点"), ((17, 59), "下午5点59分"), ((18, 0), "晚上6点"),
    ((23, 5), "晚上11点5分"),
]  # fmt: skip


@pytest.mark.parametrize(("time", "said"), CLOCKS)
def test_a_time_of_day_as_people_say_it(time, said):
    assert words.clock(datetime(2026, 3, 6, *time, tzinfo=NOW.tzinfo)) == said


WHENS = [
    (timedelta(hours=6), "今天下午3点"), (timedelta(days=1), "明天上午9点"),
    (timedelta(days=-1), "昨天上午9点"), (timedelta(days=2), "周日(3月8日)上午9点"),
    (timedelta(days=-2), "周三(3月4日)上午9点"), (timedelta(hours=16), "明天凌晨1点"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "said"), WHENS)
def test_a_near_day_by_its_name_a_far_one_by_its_date(step, said):
    assert words.when(NOW + step, NOW) == said


AGOS = [
    (None, "从未"), (timedelta(0), "刚刚"), (timedelta(minutes=4, seconds=59), "刚刚"),
    (timedelta(minutes=5), "5分钟前"), (timedelta(minutes=59), "59分钟前"),
    (timedelta(hours=1), "1小时前"), (timedelta(hours=23, minutes=59), "23小时前"),
    (timedelta(days=1), "1天前"), (timedelta(days=400), "400天前"),
]  # fmt: skip


@pytest.mark.parametrize(("gone", "said"), AGOS)
def test_how_long_ago_in_whole_units(gone, said):
    assert words.ago(None if gone is None else NOW - gone, NOW) == said


@given(st.text(max_size=60), st.integers(2, 40))
def test_a_shortened_text_fits_on_one_line_and_says_that_something_is_missing(text, limit):
    cut = words.short(text, limit)

    assert len(cut) <= limit
    assert len(cut.splitlines()) <= 1
    assert cut.endswith("…") or cut == " ".join(text.split())


SHARES = [(1, 4, "样本不足"), (0, 0, "样本不足"), (3, 5, "60%（3/5）"), (1, 3000, "0%（1/3000）")]


def test_a_range_with_one_end_is_said_in_words():
    said = {"-20万": "20万以内", "15万-": "15万以上", "-3000": "3000以内", "-30%": "30%以内",
            "15万-18万": "15万-18万", "20万": "20万", "-": "-", "S6-": "S6-"}  # fmt: skip

    assert {value: words.ranged(value) for value in said} == said


@pytest.mark.parametrize(("part", "whole", "said"), SHARES)
def test_a_share_tells_its_denominator_or_that_it_is_too_small(part, whole, said):
    assert words.share(part, whole) == said
