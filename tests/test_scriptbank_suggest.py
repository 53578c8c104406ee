"""`salesbot suggest`: lines in, lines out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptbank import suggest
from scriptbank.problems import LoadError

BANK = [
    '{"id": "w", "q": "冬天续航怎么样", "also": ["零下掉电厉害吗"], "a": "看温度，CLTC 会打折"}',
    '{"id": 7, "q": "没有车位怎么充电"}',
    '{"id": "7", "q": "还能便宜吗"}',
    '{"id": "s", "q": "后备箱多大"}',
]


def ask(*lines, **options):
    return list(suggest.lines(BANK, lines, **options))


def test_a_question_gets_the_nearest_entries_with_the_words_found():
    [answer] = ask('{"q": "冬天的续航咋样"}')

    assert answer["id"] == 0
    assert answer["confident"] is True
    assert answer["suggestions"][0]["id"] == "w"
    assert answer["suggestions"][0]["matched"] == ["冬天", "续航"]
    assert 0 < answer["suggestions"][0]["score"] <= 1


def test_another_wording_finds_the_entry_as_well():
    [answer] = ask('{"q": "零下掉电厉害不"}')

    assert answer["suggestions"][0]["id"] == "w"


def test_ids_keep_their_type():
    answers = ask('{"q": "没有车位怎么充电", "id": "x"}', '{"q": "还能便宜吗", "id": 5}')

    assert [answer["id"] for answer in answers] == ["x", 5]
    assert answers[0]["suggestions"][0]["id"] == 7
    assert answers[1]["suggestions"][0]["id"] == "7"


@pytest.mark.parametrize(
    "line", ["", "x", "[]", '"q"', "{}", '{"q": 5}', '{"q": null}', "[" * 9999]
)
def test_a_line_that_is_no_question_gives_its_error_and_the_rest_goes_on(line):
    first, second = ask(line, '{"q": "后备箱多大"}')

    assert first["id"] == 0
    assert first["error"]
    assert second["suggestions"][0]["id"] == "s"


def test_the_error_of_a_line_with_an_id_carries_it():
    assert ask('{"id": "a1"}')[0]["id"] == "a1"


@pytest.mark.parametrize(("k", "count"), [(1, 1), (3, 3), (4, 4), (10, 4)])
@pytest.mark.parametrize("text", ["冬天续航", "", "？？", "xyz"])
def test_as_many_come_as_were_asked_for_when_the_bank_has_them(k, count, text):
    [answer] = ask(json.dumps({"q": text}), k=k)

    found = [json.dumps(s["id"]) for s in answer["suggestions"]]
    assert len(set(found)) == len(found) == count


def test_an_id_that_comes_again_gains_wordings():
    bank = [*BANK, '{"id": "s", "q": "行李箱放得下几个"}']
    [answer] = suggest.lines(bank, ['{"q": "行李箱放得下几个"}'], k=9)

    assert [found["id"] for found in answer["suggestions"]].count("s") == 1
    assert answer["suggestions"][0]["id"] == "s"


@pytest.mark.parametrize("text", ["\\ud800续航", "续" * 100_000, "\\u0000续航\\n", "🚗续航"])
def test_odd_and_endless_questions_are_answered(text):
    [answer] = ask(f'{{"q": "{text}"}}')

    assert len(answer["suggestions"]) == 3


def test_a_question_that_nothing_answers_is_not_confident():
    assert ask('{"q": "今晚有球赛"}')[0]["confident"] is False


@pytest.mark.parametrize("line", ["x", '{"q": "没有编号"}', '{"id": true, "q": "x"}', '{"id": 1}'])
def test_a_bank_with_a_bad_line_answers_nothing_and_names_the_line(line):
    with pytest.raises(LoadError, match="bank 第5行"):
        list(suggest.lines([*BANK, line], ['{"q": "x"}']))


def test_without_a_bank_the_shipped_library_answers():
    [answer] = suggest.lines(None, ['{"q": "家里没有固定车位怎么充电"}'])

    assert answer["confident"]
    assert answer["suggestions"][0]["id"].startswith("charge")


def test_pairs_teach_which_words_tell_questions_apart():
    bank = ['{"id": 1, "q": "怎样开通白卡"}', '{"id": 2, "q": "我想开通金卡"}']
    pairs = [
        *(f'{{"a": "怎样{x}白卡", "b": "我想{x}白卡", "label": 1}}' for x in "办用买查退换补领"),
        *(f'{{"a": "我想{x}白卡", "b": "我想{x}金卡", "label": 0}}' for x in "办用买查退换补领"),
    ]
    query = ['{"q": "我想开通白卡"}']
    [taught] = suggest.lines(bank, query, learn=pairs * 4)

    assert taught["suggestions"][0]["id"] == 1


def test_a_pair_that_is_none_is_named():
    with pytest.raises(LoadError, match="pairs 第1行"):
        list(suggest.lines(BANK, [], learn=['{"a": "x", "label": 1}']))


def test_stats_are_one_line_on_standard_error(capsys):
    list(suggest.lines(BANK, ['{"q": "续航"}'], stats=True))

    told = json.loads(capsys.readouterr().err)
    assert set(told) == {"index_s", "qps", "p50_us", "p99_us", "peak_mb"}


@given(st.lists(st.text(), max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_lines_give_one_answer_each_the_same_each_time(lines):
    answers = ask(*lines)

    assert len(answers) == len(lines)
    assert answers == ask(*lines)
