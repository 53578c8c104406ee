"""The second ear: suspicions with their words, learnt the same way each time, asked about."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import alarms
from nlp.normalise import Normal
from storage import events

DATA = Path(__file__).parent / "data"


def test_two_wordings_apart_are_told_apart():
    texts = ["别再给我发消息了", "不要再发广告了", "别老发这些", "冬天续航多少", "后排坐得下吗"] * 3
    ear = alarms.learn(texts, [n % 5 < 3 for n in range(15)])

    def chance(text):
        plain = alarms._plain(text)
        return ear.chance(alarms.pieces(plain), alarms._norm(plain))

    assert chance("麻烦别再发了") > 0.5 > chance("续航掉不掉")
    assert alarms.learn(texts, [n % 5 < 3 for n in range(15)]) == ear


@given(st.text())
def test_any_text_can_be_heard(text):
    normal = Normal.of(text)

    assert all(0 <= chance <= 1 for _, chance, _ in alarms.shipped().hear(normal.text))


def test_a_suspicion_says_which_words_weighed(talk):
    hit = talk.ctx().read(suspected(talk, "opt_out")).intent("opt_out")

    assert hit.strength < alarms.STRONG + 0.01
    assert hit.rule.removeprefix(f"{alarms.SUSPICION}: ").split()


@pytest.mark.parametrize("text", ["别发语音打字吧", "不用发了我看到了", "我没拉黑你，是手机卡了",
                                  "冬天续航怎么样", "您好", "谢谢"])  # fmt: skip
def test_what_only_looks_like_an_alarm_is_none(talk, text):
    reading = talk.ctx().read(text)

    assert not {i.code for i in reading.intents if not i.negated} & set(alarms.CODES)


def suspected(talk, code):
    """A line of the sets that only the second ear hears."""
    for name in ("nlp_alarms1", "nlp_alarms2"):
        for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            text = json.loads(line)["text"]
            hit = talk.ctx().read(text).intent(code)
            if hit and hit.rule.startswith(alarms.SUSPICION):
                return text
    raise AssertionError(f"no line is only suspected to be {code}")


def test_a_suspected_wish_to_be_left_alone_is_asked_about_before_anything_is_done(talk):
    talk.says("zhang", f"客户王女士说：{suspected(talk, 'opt_out')}")

    assert "可能不想再被打扰" in talk.texts()
    assert talk.customer("wang").opted_out_at is None
    talk.says("zhang", "记录 王女士 退订")
    assert talk.customer("wang").opted_out_at is not None


def test_a_suspected_complaint_becomes_one_when_the_advisor_says_so(talk):
    talk.says("zhang", f"客户王女士说：{suspected(talk, 'complaint')}")
    assert "可能在投诉" in talk.texts()
    assert events.last(talk.db, "wang", "投诉") is None

    talk.says("zhang", "记录 王女士 投诉")

    assert events.last(talk.db, "wang", "投诉") is not None
    assert "客户投诉" in talk.texts("chen")
