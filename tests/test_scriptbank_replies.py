"""Which of an advisor's messages answers the customer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriptbank import replies

TALKS = [
    ("充电要多久", ("您好", "在忙", "快充半小时", "您哪天来"), (False, False, True, False)),
    ("保养多少钱", ("稍等", "我问一下", "一次三百六", "好的"), (False, False, True, False)),
    ("有现车吗", ("有现车的", "您要什么颜色", "好的"), (True, False, False)),
]


@pytest.mark.parametrize(
    ("question", "said", "answer"),
    [
        ("电池质保多久", ["您好", "电池质保是八年", "您还想了解什么"], 1),
        ("首付多少", ["您是首套吗？", "首付六万左右", "好的"], 1),
        ("有现车吗", ["有的，白色现车", "您什么时候来？"], 0),
        ("能装充电桩吗", ["您小区有固定车位吗？", "可以装桩，先问物业"], 1),
        ("后备箱多大", ["好的", "", "嗯嗯"], None),
        ("后备箱多大", [], None),
    ],
)
def test_the_message_that_answers_is_found(question, said, answer):
    assert replies.best(question, said) == answer


def test_of_equal_messages_the_earlier_goes_first():
    assert replies.ranked("有白色吗", ["有白色", "有白色"]) == [0, 1]


def test_what_was_marked_is_learnt_and_the_same_talks_teach_the_same():
    weights = replies.learn(TALKS)

    assert replies.learn(TALKS) == weights
    assert [replies.best(q, said, weights) for q, said, _ in TALKS] == [2, 2, 0]


@given(st.text(), st.lists(st.text(), max_size=6))
def test_any_messages_are_put_in_order(question, said):
    found = replies.best(question, said)

    assert sorted(replies.ranked(question, said)) == list(range(len(said)))
    assert found is None or 0 <= found < len(said)
