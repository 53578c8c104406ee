"""The draft guard: what blocks, what warns and what only looks risky."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptbank import guard
from scriptbank.rules import BLOCK, WARN
from scriptbank.script import Fact

TODAY = date(2026, 3, 6)
DATA = Path(__file__).with_name("data")


def labelled(name):
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [(row["text"], row["severity"], row["rule"]) for row in map(json.loads, lines)]


def judged(text):
    """The gravest severity, and the rules that say so."""
    findings = [f for f in guard.check(text, TODAY) if f.severity in (BLOCK, WARN)]
    gravest = min((f.severity for f in findings), default="pass")
    return gravest, {f.rule for f in findings if f.severity == gravest}


SENTENCES = labelled("guard_dev.jsonl") + labelled("guard_held.jsonl")


@pytest.mark.parametrize(("text", "severity", "rule"), SENTENCES)
def test_a_labelled_sentence_is_judged_as_a_lawyer_would(text, severity, rule):
    found, rules = judged(text)

    assert found == severity
    assert not rule or rule in rules


def test_a_finding_names_the_words_and_a_better_way():
    [finding] = guard.check("这是最安全的车", TODAY)

    assert (finding.words, finding.span) == ("最安全", (2, 5))
    assert finding.advice


def test_spans_are_places_in_the_text_as_it_was_typed():
    text = "【限時】Ｓ６續航７０５公里"
    findings = guard.check(text, TODAY)

    assert [f.words for f in findings] == ["續航７０５公里"]
    assert all(text[slice(*f.span)] == f.words for f in findings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("零 首 付开回家", "零 首 付"),
        ("全国第\u200b一品牌", "全国第\u200b一"),
        ("１００％放心", "１００％"),
    ],
)
def test_spaces_and_wide_characters_hide_nothing(text, words):
    assert [f.words for f in guard.check(text, TODAY)] == [words]


def test_an_amount_in_a_dated_fact_of_the_script_needs_no_further_source():
    text = "S6 入门版 18.98 万元。"
    fact = Fact("S6 入门版指导价 18.98 万元", "青屿S6配置表", "2026-01-15")

    assert [f.rule for f in guard.check(text, TODAY)] == ["金额没有出处"]
    assert guard.check(text, TODAY, [fact]) == ()


def test_a_fact_without_a_date_backs_nothing():
    fact = Fact("置换补贴8000元", "门店公示", "")

    assert guard.check("置换补贴8000元", TODAY, [fact])


def test_the_same_offer_is_fine_until_its_date_has_passed():
    text = "置换补贴至3月31日止，以门店公示为准。"

    assert guard.check(text, date(2026, 3, 31)) == ()
    assert [f.rule for f in guard.check(text, date(2026, 4, 1))] == ["日期已过"]


def test_a_denied_claim_is_allowed_with_a_word_why():
    [finding] = guard.check("这不是自动驾驶", TODAY)

    assert (finding.severity, finding.words) == ("allow", "自动驾驶")


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_checked_and_every_span_holds_its_words(text):
    for finding in guard.check(text, TODAY):
        assert text[slice(*finding.span)] == finding.words


@pytest.mark.parametrize("piece", ["最", "第一", "续航", "100%", "1", "(", "[[", "私下转", "不"])
def test_ten_thousand_repeated_characters_are_checked_all_the_same(piece):
    assert isinstance(guard.check(piece * 5000, TODAY), tuple)
