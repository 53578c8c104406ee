"""Labelled lines are compared with what is read from them."""

import json

import pytest

from nlp.evaluate import EXTRA, MISSED, evaluate, render
from nlp.lexicon import Lexicon


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon.load()


def line(text, **labelled):
    return json.dumps({"text": text, **labelled}, ensure_ascii=False)


def concern(code, polarity):
    return {"code": code, "polarity": polarity}


def test_a_line_read_as_labelled_has_no_miss(lexicon):
    report = evaluate(
        lexicon,
        [line("太贵了", concerns=[concern("price", -1)], intents=[], speech_act="statement")],
    )

    assert report.misses == []
    assert report.parts["concerns"].f1 == 1
    assert report.confusion["price", "price"] == 1


def test_what_has_no_label_is_not_scored(lexicon):
    report = evaluate(lexicon, [line("太贵了", intents=[])])

    assert set(report.parts) == {"intents"}
    assert not report.confusion


def test_a_code_in_the_place_of_another_is_a_confusion_and_a_miss(lexicon):
    report = evaluate(lexicon, [line("太贵了", concerns=[concern("cost", -1)])])

    assert report.confusion == {("cost", "price"): 1}
    (miss,) = report.misses
    assert (miss.text, miss.missed, miss.extra) == ("太贵了", ("cost -1",), ("price -1",))


def test_what_is_missed_and_what_is_too_much_have_columns_of_their_own(lexicon):
    report = evaluate(
        lexicon, [line("你好", concerns=[concern("space", 0)]), line("太贵了", concerns=[])]
    )

    assert report.confusion == {("space", MISSED): 1, (EXTRA, "price"): 1}


def test_a_wrong_polarity_counts_for_the_code_but_not_for_the_pair(lexicon):
    report = evaluate(lexicon, [line("太贵了", concerns=[concern("price", 1)])])

    assert report.parts["concern codes"].f1 == 1
    assert report.parts["concerns"].f1 == 0
    assert report.polarity == {(1, -1): 1}


@pytest.mark.parametrize(
    "slot",
    [
        {"kind": "budget", "value": {"high": 200000, "low": None, "unit": "CNY"}},
        {"kind": "budget", "text": "20万以内"},
    ],
)
def test_slots_are_compared_by_value_or_by_their_words(lexicon, slot):
    report = evaluate(lexicon, [line("20万以内", slots=[slot])])

    assert report.parts["slots"].f1 == 1


@pytest.mark.parametrize(
    "bad", ["nonsense", "[1]", '{"text": 3}', '{"text": "好", "concerns": [1]}']
)
def test_a_line_that_cannot_be_used_is_named_and_the_rest_counts(lexicon, bad):
    report = evaluate(lexicon, [bad, line("太贵了", concerns=[concern("price", -1)])])

    assert report.lines == 1
    assert report.errors[0].startswith("第 1 行")


def test_the_text_shows_figures_confusions_and_misses(lexicon):
    shown = render(
        evaluate(
            lexicon,
            [line("太贵了", concerns=[concern("cost", -1)], tier_signal="mid", speech_act="x")],
        )
    )

    assert "共 1 行" in shown
    assert "cost → price 1" in shown
    assert "「太贵了」" in shown
    assert "意向信号  F1 1.000" in shown
