"""The quiz, and how the host starts, keeps, pauses and ends games in a group."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_games_battery import setup

from bot.library import quiz as questions
from handlers.games.found import GAMES
from storage import games, points

FACTS = questions()


# The questions


ASKED = [q for q in FACTS if not q["preference"]]


@pytest.mark.parametrize("question", ASKED, ids=lambda q: q["id"])
def test_every_question_has_its_answer_among_its_options(question):
    options = question["options"]

    assert 2 <= len(options) <= 6
    assert len(set(options)) == len(options)
    assert question["answer"] in "ABCDEF"[: len(options)]
    assert question["explain"]
    assert question["source"]


def test_questions_have_ids_of_their_own():
    assert len({q["id"] for q in FACTS}) == len(FACTS)


@given(st.integers(0, 500))
def test_the_quiz_never_asks_for_a_preference(seed):
    assert setup(GAMES["答题"], seed)["id"] in {q["id"] for q in ASKED}


def test_a_question_does_not_come_back_before_the_others_were_asked():
    game, played = GAMES["答题"], []
    for seed in range(len(ASKED)):
        played.append(setup(game, seed, played))

    assert len({state["id"] for state in played}) == len(ASKED)
    assert setup(game, 1, played)["id"]


# Played in the group


@pytest.fixture
def quiz(talk):
    """A question is open; its right answer is known to the test."""
    talk.asks("chen", "答题")
    return talk


def right(talk):
    return games.latest(talk.db, "team").body["answer"]


def wrong(talk):
    return next(letter for letter in "AB" if letter != right(talk))


def test_a_question_is_asked_with_its_options(talk):
    asked = talk.asks("chen", "答题")

    assert asked.startswith("🎯 答题：")
    assert "A. " in asked
    assert "B. " in asked


def test_the_first_right_answer_wins_and_brings_a_fact(quiz):
    said = quiz.asks("zhang", right(quiz))

    assert said.startswith("🎉 张伟 答对了！")
    assert "+5分，共5分" in said
    assert games.current(quiz.db, "team") is None


def test_two_right_answers_at_once_make_one_winner(quiz):
    letter = right(quiz)
    quiz.asks("zhang", letter)

    late = quiz.asks("lina", letter)

    assert late == "这一题已经结束了，发 答题 再来一题。"
    assert points.balance(quiz.db, "team", "lina") == 0


def test_a_wrong_answer_is_the_only_one_of_that_player(quiz):
    assert "不对，其他人还有机会" in quiz.asks("zhang", wrong(quiz))

    assert "已经答过了" in quiz.asks("zhang", right(quiz))
    assert "答对了" in quiz.asks("lina", right(quiz))


SPELT = ["{}", "{} ", "选{}", "我选{}", "答案是{}", "回答：{}", "{}。", "{}！"]


@pytest.mark.parametrize("form", SPELT)
@pytest.mark.parametrize("full_width", [False, True])
@pytest.mark.parametrize("lower", [False, True])
def test_an_answer_may_be_written_in_many_ways(quiz, form, full_width, lower):
    letter = right(quiz).lower() if lower else right(quiz)
    letter = chr(ord(letter) + 0xFEE0) if full_width else letter

    assert "答对了" in quiz.asks("zhang", form.format(letter))


CHATTER = ["好", "停", "A级客户怎么跟", "AB", "我觉得这题太难了", "答题规则是什么"]


@pytest.mark.parametrize("text", CHATTER)
def test_chatter_is_no_answer(quiz, text):
    quiz.asks("zhang", text)

    assert games.current(quiz.db, "team").body["tried"] == []


def test_a_letter_that_is_no_option_costs_no_chance(quiz):
    count = len(games.latest(quiz.db, "team").body["options"])
    if count < 6:
        assert "选项只有" in quiz.asks("zhang", "F")

    assert "答对了" in quiz.asks("zhang", right(quiz))


def test_an_answer_after_the_time_tells_the_right_one(quiz):
    letter = right(quiz)
    quiz.now += timedelta(minutes=31)

    assert quiz.asks("zhang", letter).startswith(f"时间到，答案是 {letter}")
    assert points.balance(quiz.db, "team", "zhang") == 0


def test_while_a_question_is_open_it_is_shown_again(quiz):
    assert quiz.asks("zhang", "答题").startswith("上一题还没答完")

    quiz.now += timedelta(minutes=31)
    assert quiz.asks("zhang", "答题").startswith("🎯")


def test_five_questions_a_day(talk):
    for _ in range(5):
        assert talk.asks("chen", "答题").startswith("🎯")
        talk.asks("zhang", right(talk))
        talk.now += timedelta(minutes=5)

    assert "今天的5题都玩过了" in talk.asks("chen", "答题")
    talk.now += timedelta(days=1)
    assert talk.asks("chen", "答题").startswith("🎯")


def test_groups_play_apart(quiz):
    assert quiz.asks("zhang", right(quiz), chat="other") != ""
    assert games.current(quiz.db, "team") is not None


def test_a_letter_where_nobody_plays_is_answered_with_help(talk):
    assert "没看懂" in talk.asks("zhang", "A")


def test_in_private_the_aibot_looks_scripts_up(talk):
    assert "【1】" in talk.asks("zhang", "冬天续航怎么答", chat="")
    assert "话术" in talk.asks("zhang", "", chat="")


def test_a_stranger_in_private_sees_nothing(talk):
    assert "不在使用名单" in talk.asks("nobody", "冬天续航怎么答", chat="")
