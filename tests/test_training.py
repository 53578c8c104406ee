"""Advisors practise: questions from the library and the quiz, wrong ones come again."""

from datetime import timedelta

import pytest
from conftest import Talk
from hypothesis import given
from hypothesis import strategies as st
from store_kit import memory

from bot.sandbox import demo
from handlers import training
from handlers.values import Card, Send
from storage import dialogs, games, groups, points
from storage import training as rows


def asked(did):
    return next(a.text for a in did if isinstance(a, Send) and a.text.startswith("📝"))


def right(talk):
    """The letter that fits, as the card knows it."""
    card = next(a for a in talk.did if isinstance(a, Card))
    return dialogs.get(talk.db, card.task_id).body["right"]


def practise(talk, who, good):
    """One question, answered well or not; returns its key."""
    did = talk.says(who, "练习")
    card = next(a for a in did if isinstance(a, Card))
    body = dialogs.get(talk.db, card.task_id).body
    wrong = "A" if body["right"] != "A" else "B"
    talk.taps(who, body["right"] if good else wrong)
    return body["question"]


def test_a_question_has_four_answers_of_different_scenes(talk):
    ctx = talk.ctx()
    known = training.usable(ctx)
    assert len(known) > 100

    for script in list(known.values())[:60]:
        found = training.of_script(script, known)
        assert len(set(found.options)) == 4
        assert found.options[found.right] == training._said(script)
        assert found == training.of_script(script, known)
        wrong = [known[k] for k in known if training._said(known[k]) in found.options
                 and k != script.id]  # fmt: skip
        assert not [o for o in wrong if training._said(o) != found.options[found.right]
                    and set(o.concerns) >= set(script.concerns)]  # fmt: skip


def test_the_letters_are_spread_so_that_no_letter_is_a_good_guess(talk):
    ctx = talk.ctx()
    known = training.usable(ctx)
    letters = [training.of_script(s, known).letter for s in list(known.values())[:80]]

    assert all(8 <= letters.count(letter) <= 40 for letter in "ABCD")


def test_practising_in_the_app_chat(talk):
    did = talk.says("zhang", "练话术")

    text = asked(did)
    assert len(text.splitlines()) == 5 or "？" in text
    letter = right(talk)
    talk.taps("zhang", letter)
    assert talk.texts().startswith("✅ 对。")
    assert "1天后再练一次" in talk.texts()


def test_a_wrong_answer_comes_again_the_next_day_before_anything_new(talk):
    key = practise(talk, "zhang", good=False)
    talk.now += timedelta(days=1)

    assert practise(talk, "zhang", good=True) == key
    assert practise(talk, "zhang", good=True) != key


@given(answers=st.lists(st.booleans(), min_size=1, max_size=9))
def test_each_right_answer_moves_a_question_further_away(talk_of, answers):
    ctx = talk_of()
    box = 0
    for n, good in enumerate(answers):
        days = training.learnt(f"a{n}", "zhang", "script:x", good, ctx)
        box = box + 1 if good else 0
        assert days == (1, 3, 7, 14, 30)[min(max(box, 1), 5) - 1]
    assert rows.state(ctx.db, "zhang", "script:x")["box"] == box
    assert rows.answered(ctx.db, "zhang", ctx.now - timedelta(days=1)) == len(answers)


@pytest.fixture(scope="module")
def talk_of(knowledge):
    """A fresh store for each example."""

    def fresh():
        db = memory()
        return Talk(db, knowledge, demo.SETTINGS, demo.START).ctx()

    return fresh


def test_the_same_card_twice_counts_once(talk):
    talk.says("zhang", "练习")
    shown = list(talk.did)
    talk.taps("zhang", right(talk))
    talk.did = shown
    talk.taps("zhang", "A")

    assert "不对，应该选" not in talk.texts()
    assert rows.answered(talk.db, "zhang", talk.now - timedelta(hours=1)) == 1


def test_a_day_has_an_end(talk):
    training_ = talk.settings.training.model_copy(update={"per_day": 2})
    talk.settings = talk.settings.model_copy(update={"training": training_})
    practise(talk, "zhang", good=True)
    practise(talk, "zhang", good=True)

    assert "今天练了2题，够了" in talk.says("zhang", "练习")[0].text


def test_the_scoreboard_is_for_who_runs_the_store(talk):
    practise(talk, "zhang", good=True)
    practise(talk, "zhang", good=False)
    practise(talk, "he", good=True)

    told = talk.says("chen", "成绩")[0].text
    assert "· 张伟：2题，答对1题（50%）；要再看：" in told
    assert "何静" not in told
    assert "何静：1题" in talk.says("he", "成绩")[0].text
    assert "没有人练过" in talk.says("lina", "成绩")[0].text


def test_the_morning_sheet_says_who_practised_yesterday(talk):
    practise(talk, "zhang", good=True)
    assert "练话术" not in talk.says("chen", "晨会")[0].text

    talk.now += timedelta(days=1)
    assert "昨天练话术（对/答）：张伟1/1" in talk.says("chen", "晨会")[0].text


def test_the_internal_group_practises_together_without_points(talk):
    groups.put(talk.db, chat_id="team", name="内训群", kind="内部", owner="chen", store="bj-cy",
               now=talk.now)  # fmt: skip
    assert "哪句合适" in talk.asks("zhang", "练话术")
    body = games.current(talk.db, "team").body
    wrong = "A" if body["answer"] != "A" else "B"

    talk.asks("lina", wrong)
    said = talk.asks("zhang", body["answer"])

    assert "答对了" in said
    assert "+0分" not in said
    assert points.balance(talk.db, "team", "zhang") == 0
    since = talk.now - timedelta(days=1)
    assert rows.scores(talk.db, ["zhang", "lina"], since, talk.now + timedelta(days=1)) == {
        "zhang": (1, 1), "lina": (1, 0)}  # fmt: skip


def test_customers_are_not_drilled(talk):
    groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip

    assert "哪句合适" not in talk.asks("m1", "练话术", "g1")
