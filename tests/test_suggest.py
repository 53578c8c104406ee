"""What is done with the three scripts: missing values, refusals, quiet hours."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.app import Knowledge
from scriptbank.bank import Bank
from storage import customers, dialogs, scripts


@pytest.fixture
def asking(talk):
    """A script that needs something nobody knows yet was shown, and is taken."""
    one = talk.knowledge.bank.all()[0]
    needy = replace(
        one, id="needy", body="{客户称呼}，现在{优惠}，{优惠截止}前有效。", follow_up=""
    )
    bank = Bank((*talk.knowledge.bank.all(), needy))
    talk.knowledge = Knowledge(talk.knowledge.lexicon, bank, talk.knowledge.quiz)
    body = {"customer": "wang", "text": "有什么优惠", "uses": [("u1", needy.id)], "skip": [],
            "why": "", "style": ""}  # fmt: skip
    dialogs.begin(talk.db, dialog_id="d1", member="zhang", kind="suggest", body=body, now=talk.now)
    talk.now += timedelta(seconds=5)
    talk.says("zhang", "采用 1")
    assert "现在该填什么" in talk.texts()
    talk.now += timedelta(seconds=5)
    return talk


def answered(talk, value="8000元"):
    """Tell a value until nothing is missing any more."""
    for _ in range(6):
        talk.says("zhang", value)
        if "现在该填什么" not in talk.texts():
            return talk.texts()
    raise AssertionError("it never stops asking")


def test_what_is_missing_is_asked_for_and_never_sent_raw(asking):
    text = answered(asking)

    assert "8000元" in text
    assert "{" not in text


def test_a_paste_is_no_value(asking):
    asking.says("zhang", "客户李先生问：有点贵")

    assert asking.concerns("li") == {"price": -1}


@pytest.mark.parametrize("words", ["换一批", "帮助", "待办"])
def test_a_command_is_no_value(asking, words):
    asking.says("zhang", words)

    assert f"现在{words}" not in asking.texts()
    assert "“优惠截止”" not in asking.texts()


def test_hours_later_words_are_words_again(asking):
    asking.now += timedelta(hours=3)

    asking.says("zhang", "李先生：家里没车位怎么充电")

    assert asking.concerns("li").keys() == {"charging"}


def test_a_script_that_was_taken_is_not_shown_to_that_customer_first_again(talk):
    first = talk.says("zhang", "客户王女士问：冬天续航怎么样")[0].text.split("【1】")[1][:20]
    talk.says("zhang", "采用 1")
    talk.now += timedelta(days=1)

    again = talk.says("zhang", "客户王女士问：冬天续航怎么样")[0].text

    assert first not in again.split("【2】")[0]


def test_a_number_that_was_not_offered_is_told_the_range(talk):
    talk.says("zhang", "客户王女士问：冬天续航怎么样")

    talk.says("zhang", "采用 9")

    assert "请回复 采用 1 到 采用 3" in talk.texts()


def test_nothing_to_take_says_what_to_do_first(talk):
    for words in ("采用 1", "换一批", "不合适"):
        talk.says("zhang", words)

        assert "请先贴客户的话" in talk.texts()


def test_batches_come_to_an_end_and_say_so(talk):
    talk.says("zhang", "客户王女士问：冬天续航怎么样")
    for _ in range(60):
        talk.now += timedelta(seconds=5)
        talk.says("zhang", "换一批")
        if "没有更多" in talk.texts():
            break

    assert "没有更多对题的话术" in talk.texts()


def test_what_no_script_answers_goes_to_the_gaps_once(talk):
    talk.says("zhang", "客户王女士问：你们的车能飞到月球上去养恐龙吗")

    assert "没有把握" in talk.texts()
    assert len(scripts.gaps(talk.db, talk.now)) == 1


def test_an_unsolicited_text_at_night_comes_with_a_warning(talk):
    talk.says("zhang", "话术 充电桩")
    customers.change(talk.db, "wang", contacted_at=talk.now)
    talk.now = datetime.fromisoformat("2026-03-06T22:00").replace(tzinfo=talk.now.tzinfo)
    talk.says("zhang", "客户 王女士")
    talk.now += timedelta(seconds=5)
    talk.says("zhang", "话术 充电桩")
    talk.now += timedelta(seconds=5)

    talk.says("zhang", "采用 1")

    assert "安静时段" in talk.texts()
    assert "上午9点" in talk.texts()


def test_an_answer_to_the_customer_s_own_question_is_free_of_it(talk):
    talk.now = datetime.fromisoformat("2026-03-06T22:00").replace(tzinfo=talk.now.tzinfo)
    talk.says("zhang", "客户王女士问：冬天续航怎么样")
    talk.now += timedelta(seconds=5)

    talk.says("zhang", "采用 1")

    assert "安静时段" not in talk.texts()


def test_a_second_unsolicited_text_a_day_comes_with_a_warning(talk):
    for _ in range(2):
        talk.now += timedelta(minutes=1)
        talk.says("zhang", "客户 王女士")
        talk.now += timedelta(seconds=5)
        talk.says("zhang", "话术 充电桩")
        talk.now += timedelta(seconds=5)
        talk.says("zhang", "采用 1")

    assert "今天已主动联系过王女士1次" in talk.texts()


def test_who_opted_out_gets_no_marketing_without_a_warning(talk):
    talk.says("zhang", "记录 王女士 退订")
    talk.says("zhang", "客户 王女士")
    talk.now += timedelta(seconds=5)
    talk.says("zhang", "话术 充电桩")
    talk.now += timedelta(seconds=5)

    talk.says("zhang", "采用 1")

    assert "已退订" in talk.texts()


def test_a_customer_s_why_is_a_question_and_no_command(talk):
    talk.says("zhang", "客户 王女士")

    talk.says("zhang", "为什么比别家贵")

    assert talk.concerns("wang")
