"""A tier or level that a person decides: with a reason, until a day, taken back or ended."""

from datetime import timedelta

import pytest

from handlers.values import Card, Send
from storage import customers, events, pins
from storage.customers import Customer


def test_words_decide_a_level_with_a_reason_and_a_day(talk):
    talk.says("zhang", "王女士改成H，客户说周末定，到周日")

    now = talk.customer("wang")
    assert (now.level, now.tier) == ("H", "high")
    assert "到周日(3月8日)为止" in talk.texts()
    assert pins.get(talk.db, "wang", "level").why == "客户说周末定"
    move = events.of(talk.db, "wang", "级别")[0]
    assert move.evidence == "N→H：张伟定的：客户说周末定"
    assert move.by_whom == "zhang"


SAID = [
    ("王女士改成H级，客户说周末定", "level", "H", "客户说周末定", 7),
    ("王女士改为b 家里要商量", "level", "B", "家里要商量", 7),
    ("王女士调成高意向，老客户介绍的，到周一", "tier", "high", "老客户介绍的", 3),
    ("王女士定为A，到店聊过，保持到3月20日", "level", "A", "到店聊过", 14),
]


@pytest.mark.parametrize(("text", "what", "value", "why", "days"), SAID)
def test_it_is_said_in_many_ways(talk, text, what, value, why, days):
    talk.says("zhang", text)

    pin = pins.get(talk.db, "wang", what)
    assert (pin.value, pin.why) == (value, why)
    assert (pin.until.astimezone(talk.now.tzinfo).date() - talk.now.date()).days == days + 1


def test_a_reason_is_required(talk):
    talk.says("zhang", "王女士改成H")

    assert "要有理由" in talk.texts()
    assert talk.customer("wang").level == "N"
    assert pins.of(talk.db, "wang") == []


def test_a_phone_number_in_the_reason_is_masked(talk):
    talk.says("zhang", "王女士改成H，13812345678 打来说周末定")

    assert "13812345678" not in pins.get(talk.db, "wang", "level").why


def test_by_tapping_a_level_then_a_reason(talk):
    talk.says("zhang", "客户 王女士")
    talk.taps("zhang", "改级别")
    card = next(a for a in talk.did if isinstance(a, Card))
    assert [b.text for b in card.buttons] == ["H级", "A级", "B级", "C级", "高意向", "中意向"]

    talk.taps("zhang", "A级")
    talk.taps("zhang", "电话里说的")

    assert talk.customer("wang").level == "A"
    assert pins.get(talk.db, "wang", "level").why == "电话里说的"


def test_what_the_customer_says_does_not_change_it_before_its_day(talk):
    talk.says("zhang", "王女士改成C，先放一放，到3月12日")

    talk.now += timedelta(minutes=10)
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")

    assert talk.customer("wang").level == "C"
    assert talk.customer("wang").level_rule == "level.pinned"


def test_a_tier_that_was_decided_holds_against_silence_but_not_against_an_opt_out(talk):
    talk.says("zhang", "王女士改成高意向，老客户介绍")
    assert (talk.customer("wang").tier, talk.customer("wang").tier_rule) == ("high", "tier.pinned")

    talk.says("zhang", "客户王女士说：别再给我发消息了")

    assert talk.customer("wang").tier == "low"


def test_it_ends_by_itself_and_the_advisor_is_told(talk):
    talk.says("zhang", "王女士改成H，客户说周末定，到周日")

    sent = talk.wait(days=4)

    told = [a.text for a in sent if isinstance(a, Send) and "到期了" in a.text]
    assert len(told) == 1
    assert "“H级”（张伟定的：客户说周末定）到期了，现在按规则是C级" in told[0]
    assert pins.of(talk.db, "wang") == []
    assert talk.customer("wang").pinned_until is None


def test_nobody_is_told_at_night(talk):
    talk.says("zhang", "王女士改成中意向，在聊，到周日")
    pin = pins.get(talk.db, "wang", "tier")
    pins.move(talk.db, pin, pin.until)

    talk.now = pin.until - timedelta(minutes=2)
    sent = talk.wait(hours=1)

    assert not [a for a in sent if isinstance(a, Send) and "到期了" in a.text]
    assert pins.get(talk.db, "wang", "tier").knock_at > talk.now


def test_it_can_be_taken_back(talk):
    talk.says("zhang", "客户王女士说：先了解一下，不急")
    before = talk.customer("wang")
    talk.now += timedelta(minutes=5)
    talk.says("zhang", "王女士改成H，客户说周末定")

    talk.says("zhang", "撤销")

    now = talk.customer("wang")
    assert (now.level, now.tier, now.level_reason) == (before.level, before.tier,
                                                       before.level_reason)  # fmt: skip
    assert pins.of(talk.db, "wang") == []
    assert now.pinned_until is None


def test_taking_back_the_second_leaves_the_first(talk):
    talk.says("zhang", "王女士改成A，电话里说的，到3月10日")
    talk.now += timedelta(minutes=5)
    talk.says("zhang", "王女士改成H，又说周末定")

    talk.says("zhang", "撤销")

    assert talk.customer("wang").level == "A"
    assert pins.get(talk.db, "wang", "level").value == "A"


REFUSED = [
    ("王女士改成O，付了定金", "O 级由下订得来"),
    ("王女士改成N，重新判断", "能改成 H、A、B、C"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_cannot_be_decided_says_why(talk, text, words):
    talk.says("zhang", text)

    assert words in talk.texts()
    assert pins.of(talk.db, "wang") == []


@pytest.mark.parametrize("text", ["王女士改成C，不急", "王女士改成低意向，不急", "改级别 王女士"])
def test_an_order_is_never_lowered(talk, text):
    talk.says("zhang", "记录 王女士 下订")

    talk.says("zhang", text)

    assert "级别保持 O" in talk.texts()
    assert (talk.customer("wang").level, talk.customer("wang").tier) == ("O", "high")


def test_it_is_said_in_one_breath_too(talk):
    talk.says("zhang", "改级别 王女士 A 客户说月底前定")

    assert talk.customer("wang").level == "A"
    assert "客户说月底前定" in pins.get(talk.db, "wang", "level").why


def test_nobody_decides_about_a_colleague_s_customer(talk):
    customers.add(talk.db, Customer(id="zhao", name="赵女士", store="bj-cy", owner="lina",
                                    added_at=talk.now))  # fmt: skip

    talk.says("zhang", "赵女士改成H，客户说周末定")

    assert talk.customer("zhao").level == "N"


def test_a_new_time_for_a_visit_is_no_level(talk):
    talk.says("zhang", "记录 王女士 周六下午3点试驾")

    talk.says("zhang", "王女士改到周日上午")

    assert "到期" not in talk.texts()
    assert pins.of(talk.db, "wang") == []


def test_why_shows_the_rule_its_numbers_and_the_decision(talk):
    talk.says("zhang", "王女士改成H，客户说周末定，到周日")

    talk.says("zhang", "为什么 王女士")

    said = talk.texts()
    assert "规则 level.pinned：" in said
    assert "规则 tier.pursuing：没下订，H 或 A 级，顾问在跟" in said
    assert "张伟定了H级到周日(3月8日)：客户说周末定" in said
    assert "N→H" in said
