"""Taking scripts: several at once, rewritten, favourites, a question to go with them."""

from handlers import pick
from handlers.values import Send
from storage import scripts

ASK = "客户王女士问：S6 冬天续航怎么样？有点贵"


def sent(did):
    return [a.text for a in did if isinstance(a, Send)]


# Several at once


def test_two_scripts_become_one_text_that_greets_once(talk):
    talk.says("zhang", ASK)

    texts = sent(talk.says("zhang", "采用 1 和 2"))

    one = texts[-1]
    assert "\n\n" in one
    assert one.count("您好") <= 1
    assert (
        talk.db.rows("select count(*) as n from script_uses where outcome='adopted'")[0]["n"] == 2
    )


def test_a_number_that_was_not_offered_is_named(talk):
    talk.says("zhang", ASK)

    assert "只有3条" in sent(talk.says("zhang", "采用 1、7"))[0]


def test_both_concerns_count_as_answered(talk):
    talk.says("zhang", ASK)
    talk.says("zhang", "采用 1 2")

    states = talk.db.rows("select code, state from tags where customer='wang' and kind='concern'")
    assert {r["state"] for r in states} == {"answered"}


# Rewritten


def test_an_edit_is_checked_kept_and_handed_back(talk):
    talk.says("zhang", ASK)
    talk.says("zhang", "采用 1")

    texts = sent(talk.says("zhang", "改成：王女士，零下7℃实测还有462公里，周末来店里我带您看数据"))

    assert texts[0] == "王女士，零下7℃实测还有462公里，周末来店里我带您看数据"
    kept = scripts.edits(talk.db, talk.now)
    assert [r["edited"] for r in kept] == [
        "{客户称呼}，零下7℃实测还有462公里，周末来店里我带您看数据"
    ]


def test_an_edit_that_may_not_be_said_is_refused(talk):
    talk.says("zhang", ASK)
    talk.says("zhang", "采用 1")

    texts = sent(talk.says("zhang", "改成：全国最低价，绝对最好"))

    assert texts[0].startswith("⛔ 不能这样发")
    assert scripts.edits(talk.db, talk.now) == []


def test_nothing_to_edit_before_something_was_taken(talk):
    talk.says("zhang", ASK)

    assert "先采用一条" in sent(talk.says("zhang", "改成：您好"))[0]


# What the customer did next


def test_words_within_two_days_answer_the_script_that_was_sent(talk):
    talk.says("zhang", ASK)
    talk.says("zhang", "采用 1")
    talk.wait(hours=3)
    talk.says("zhang", "客户王女士说：那电池质保多久")

    usage = pick.count(talk.db, talk.now)
    assert sum(u.replied for u in usage.values()) == 1


def test_words_after_two_days_answer_nothing(talk):
    talk.says("zhang", ASK)
    talk.says("zhang", "采用 1")
    talk.now = talk.now.replace(day=talk.now.day + 3)
    talk.says("zhang", "客户王女士说：那电池质保多久")

    assert sum(u.replied for u in pick.count(talk.db, talk.now).values()) == 0


# Favourites


def test_a_favourite_is_listed_taken_and_let_go(talk):
    talk.says("zhang", ASK)
    assert "已收藏" in sent(talk.says("zhang", "收藏 2"))[0]

    listed = sent(talk.says("zhang", "我的收藏"))[0]
    assert listed.startswith("我的收藏：\n1. ")
    assert len(sent(talk.says("zhang", "采用 1"))) >= 1

    talk.says("zhang", "我的收藏")
    assert "已取消收藏" in sent(talk.says("zhang", "取消收藏 1"))[0]
    assert "还没有收藏" in sent(talk.says("zhang", "我的收藏"))[0]


def test_favourites_are_ones_own(talk):
    talk.says("zhang", ASK)
    talk.says("zhang", "收藏 1")

    assert "还没有收藏" in sent(talk.says("lina", "我的收藏"))[0]


# A question to go with it


def test_the_question_is_one_that_nothing_known_answers(talk):
    talk.says("zhang", "客户王女士问：S6 冬天续航怎么样，平时上下班代步")

    asked = sent(talk.says("zhang", "加个问题"))[0]

    assert "预算" in asked


def test_without_a_customer_it_asks_whom(talk):
    assert "给哪位客户" in sent(talk.says("zhang", "加个问题"))[0]
