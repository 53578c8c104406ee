"""What an advisor logs, and takes back: events, stages, what is owed afterwards."""

from datetime import timedelta

import pytest

from handlers import journey
from storage import events, followups


def owed(talk, customer="wang"):
    return {f.kind: f.due_at for f in followups.open_of(talk.db, customer)}


def happened(talk, *kinds, customer="wang"):
    return [e.kind for e in events.of(talk.db, customer, *kinds)]


WORDS = [
    ("周六下午3点试驾", "试驾", True, False),
    ("试驾", "试驾", False, False),
    ("今天到店了", "到店", False, False),
    ("明天来店看看", "到店", True, False),
    ("大定", "下订", False, False),
    ("小定了", "下订", False, False),
    ("报价23.8万", "报价", False, False),
    ("约了试驾没来", "试驾", False, True),
    ("爽约了", "到店", False, True),
    ("退单", "退单", False, False),
    ("战败，买了别家", "战败", False, False),
    ("明天提车", "交付", True, False),
]


@pytest.mark.parametrize(("words", "kind", "ahead", "missed"), WORDS)
def test_what_is_logged_is_read_from_plain_words(talk, words, kind, ahead, missed):
    note = journey.parse(words, talk.ctx())

    assert (note.kind, note.at is not None, note.missed) == (kind, ahead, missed)


@pytest.mark.parametrize("words", ["天气不错", "", "你好"])
def test_words_that_name_no_event_are_asked_about(talk, words):
    assert journey.parse(words, talk.ctx()) is None


def test_a_visit_moves_the_stage_and_the_next_contact(talk):
    talk.says("zhang", "记录 王女士 到店")

    wang = talk.customer("wang")
    assert (wang.stage, wang.contacted_at) == ("到店", talk.now)
    assert happened(talk, "到店") == ["到店"]
    assert "cadence" in owed(talk)


def test_without_a_blank_the_name_is_found_all_the_same(talk):
    talk.says("zhang", "记录王女士今天到店了")

    assert talk.customer("wang").stage == "到店"


def test_an_appointment_taken_back_reminds_of_nothing(talk):
    before = owed(talk)
    talk.says("zhang", "记录 王女士 周日下午3点试驾")

    talk.says("zhang", "撤销")

    assert owed(talk) == before
    assert talk.customer("wang").contacted_at is None
    assert not any("王女士" in str(did) for did in talk.wait(days=3))


def test_a_new_appointment_takes_the_place_of_the_old(talk):
    talk.says("zhang", "记录 王女士 周日下午3点试驾")
    talk.now += timedelta(minutes=5)
    talk.says("zhang", "记录 王女士 周六下午2点试驾")

    card = talk.says("zhang", "客户 王女士")[0]

    assert "明天下午2点" in card.text
    assert "周日" not in card.text
    talk.says("zhang", "撤销")
    assert "周日" in talk.says("zhang", "客户 王女士")[0].text


def test_a_defeat_taken_back_is_followed_up_again(talk):
    talk.says("zhang", "客户王女士说：S6有点贵")
    before = owed(talk)
    talk.says("chen", "记录 王女士 战败，价格没谈拢，差1万")  # who runs the store asks nobody
    assert owed(talk) == {}

    talk.says("chen", "撤销")

    assert owed(talk) == before
    assert talk.customer("wang").stage == "开口"


def test_contacted_taken_back_owes_what_was_owed(talk):
    talk.says("zhang", "客户王女士说：S6有点贵")
    before, then = owed(talk), talk.customer("wang").contacted_at
    talk.now += timedelta(days=20)
    talk.says("zhang", "已联系 王女士")

    talk.says("zhang", "撤销")

    assert owed(talk) == before
    assert talk.customer("wang").contacted_at == then


def test_only_the_last_hour_can_be_taken_back(talk):
    talk.says("zhang", "记录 王女士 到店")
    talk.now += timedelta(minutes=61)

    talk.says("zhang", "撤销")

    assert "没有可以撤销" in talk.texts()
    assert talk.customer("wang").stage == "到店"


def test_two_steps_are_taken_back_one_after_the_other(talk):
    talk.says("zhang", "记录 王女士 到店")
    talk.now += timedelta(minutes=1)
    talk.says("zhang", "记录 王女士 下订")

    talk.says("zhang", "撤销")
    assert talk.customer("wang").stage == "到店"
    talk.says("zhang", "撤销")
    assert talk.customer("wang").stage == "加微"
    talk.says("zhang", "撤销")
    assert "没有可以撤销" in talk.texts()


def test_an_order_taken_back_is_no_order(talk):
    talk.says("zhang", "记录 王女士 下订")

    talk.says("zhang", "撤销")

    assert talk.customer("wang").level != "O"
    assert talk.customer("wang").tier == "low"


def test_who_did_not_come_is_asked_why(talk):
    talk.says("zhang", "记录 王女士 没来")
    assert "什么原因" in talk.texts()

    talk.says("zhang", "价格没谈拢")

    missed = events.last(talk.db, "wang", "未到店")
    assert missed.evidence == "价格没谈拢"


def test_an_opt_out_that_is_logged_stops_everything(talk):
    talk.says("zhang", "客户王女士说：S6有点贵")

    talk.says("zhang", "记录 王女士 退订")

    assert talk.customer("wang").opted_out_at == talk.now
    assert owed(talk) == {}


def test_an_opt_out_logged_by_mistake_can_be_taken_back(talk):
    talk.says("zhang", "记录 李先生 到店")
    talk.now += timedelta(minutes=1)
    talk.says("zhang", "记录 王女士 退订")

    talk.says("zhang", "撤销")

    assert talk.customer("wang").opted_out_at is None
    assert talk.customer("li").stage == "到店"


def test_what_cannot_be_logged_is_answered_with_an_example(talk):
    talk.says("zhang", "记录 王女士 天气不错")

    assert "例如：记录 王女士" in talk.texts()
