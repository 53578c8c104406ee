"""转介绍: who introduced whom, the chain, the thank-you, how many buy."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from handlers import plans
from handlers.settings import Referral as Section
from handlers.values import Send
from storage import customers, events
from storage import referral as rows
from storage.customers import Customer


@pytest.fixture
def three(talk):
    customers.add(talk.db, Customer(id="zhao1", name="赵先生", store="bj-cy", owner="zhang",
                                    added_at=talk.now))  # fmt: skip
    return talk


def ticked(talk):
    return [a for a in plans.tick(talk.ctx()) if isinstance(a, Send)]


@pytest.mark.parametrize(
    "words",
    ["转介绍 王女士 → 李先生", "转介绍 王女士 李先生", "转介绍 王女士->李先生",
     "李先生是王女士介绍的", "李先生是王女士推荐来的。", "王女士介绍了李先生"],
)  # fmt: skip
def test_it_is_noted_however_it_is_said(talk, words):
    talk.says("zhang", words)

    assert "已记录：李先生是王女士介绍的。介绍链 王女士→李先生" in talk.texts()
    assert rows.of_friend(talk.db, "li").introducer == "wang"
    assert talk.customer("li").source == "转介绍"
    assert events.last(talk.db, "li", "转介绍").evidence == "王女士介绍"


def test_a_chain_is_told_and_a_circle_refused(three):
    three.says("zhang", "转介绍 赵先生 → 王女士")
    three.says("zhang", "转介绍 王女士 → 李先生")
    assert "介绍链 赵先生→王女士→李先生" in three.texts()

    three.says("zhang", "转介绍 李先生 → 赵先生")

    assert "会绕成一圈" in three.texts()
    assert rows.of_friend(three.db, "zhao1") is None


def test_nobody_introduces_themselves(talk):
    talk.says("zhang", "转介绍 王女士 → 王女士")

    assert "会绕成一圈" in talk.texts()


def test_somebody_is_introduced_once(three):
    three.says("zhang", "转介绍 王女士 → 李先生")

    three.says("zhang", "转介绍 赵先生 → 李先生")

    assert "李先生已经记着是王女士介绍的" in three.texts()


def test_taken_back(talk):
    talk.says("zhang", "转介绍 王女士 → 李先生")

    talk.says("zhang", "撤销")

    assert rows.of_friend(talk.db, "li") is None
    assert events.last(talk.db, "li", "转介绍") is None


def test_who_is_not_known_is_told_how_to_add(talk):
    talk.says("zhang", "转介绍 王女士 → 欧阳老师")

    assert "先回复 线索 转介绍 欧阳老师 加电话" in talk.texts()


def test_a_colleague_s_customer_cannot_be_named(talk):
    talk.says("lina", "转介绍 王女士 → 李先生")

    assert rows.of_friend(talk.db, "li") is None
    assert "没有找到" in talk.texts("lina")


def test_words_that_name_nobody_stay_a_customer_s(talk):
    did = talk.says("zhang", "这车是朋友推荐的")

    assert "转介绍" not in talk.texts()
    assert did


# Rewards


def test_an_order_of_the_friend_makes_a_thank_you_due_once(talk):
    talk.says("zhang", "转介绍 王女士 → 李先生")
    talk.says("zhang", "记录 李先生 下订")
    talk.now += timedelta(minutes=1)

    did = ticked(talk)

    assert [a.to for a in did] == ["zhang", "chen"]
    assert "王女士介绍的李先生下订了，该给王女士发：首次保养券一张" in did[0].text
    assert ticked(talk) == []


def test_handing_over_wants_a_proof_and_can_be_taken_back(talk):
    talk.says("zhang", "转介绍 王女士 → 李先生")
    talk.says("zhang", "记录 李先生 到店")
    ticked(talk)
    talk.says("zhang", "发放 王女士")
    assert "要写凭证" in talk.texts()

    talk.says("zhang", "发放 王女士 签收单0312")

    assert "给王女士发了品牌周边一份，凭证“签收单0312”" in talk.texts()
    assert rows.due(talk.db, "wang") == []
    talk.says("zhang", "撤销")
    assert [r.what for r in rows.due(talk.db, "wang")] == ["品牌周边一份"]


def test_what_happened_long_before_the_introduction_earns_nothing(talk):
    events.add(talk.db, event_id="old", customer="li", kind="下订",
               when=talk.now - timedelta(days=2), source="import")  # fmt: skip
    talk.says("zhang", "转介绍 王女士 → 李先生")
    talk.now += timedelta(hours=2)
    plans.rows.scan(talk.db, plans.LATE_NEWS, talk.now)

    assert ticked(talk) == []


@pytest.mark.parametrize("what", ["现金500", "红包", "返现", "200元"])
def test_cash_is_refused_by_the_settings(what):
    with pytest.raises(ValidationError, match="非现金"):
        Section(rewards={"下订": what})


def test_a_step_that_does_not_exist_is_refused_by_the_settings():
    with pytest.raises(ValidationError, match="可以写"):
        Section(rewards={"点赞": "一份礼"})


# Heard, listed


def test_words_about_a_friend_ask_for_the_name_once(talk):
    talk.says("zhang", "客户王女士说：我有个朋友也想买")
    assert "问到朋友怎么称呼" in talk.texts()

    talk.says("zhang", "客户王女士说：我同事也想看看")

    assert "问到朋友怎么称呼" not in talk.texts()


def test_the_conversion_stands_beside_the_case_s_figure(talk):
    for n in range(5):
        key = f"p{n}"
        customers.add(talk.db, Customer(id=key, name=f"钱{'一二三四五'[n]}先生", store="bj-cy",
                                        owner="zhang", added_at=talk.now))  # fmt: skip
        talk.says("zhang", f"转介绍 王女士 → 钱{'一二三四五'[n]}先生")
    talk.says("zhang", "记录 钱一先生 到店")
    talk.says("zhang", "记录 钱二先生 试驾")
    talk.says("zhang", "记录 钱二先生 下订")

    talk.says("chen", "转介绍")

    assert "介绍来5位" in talk.texts("chen")
    assert "到店率 40%（2/5）" in talk.texts("chen")
    assert "下订率 20%（1/5）＝下订÷介绍来；案例参考 22–24%" in talk.texts("chen")
    talk.says("lin", "转介绍")
    assert "介绍来0位" in talk.texts("lin")


def test_the_card_shows_both_sides(talk):
    talk.says("zhang", "转介绍 王女士 → 李先生")

    assert "介绍了1位：李先生" in talk.says("zhang", "客户 王女士")[0].text
    assert "由王女士介绍" in talk.says("zhang", "客户 李先生")[0].text


@pytest.mark.parametrize("words", ["王女士转介绍了赵先生", "赵先生是王女士介绍的。"])
def test_a_friend_who_is_nobody_yet_becomes_one_first(talk, words):
    talk.says("zhang", words)
    assert "先回复 线索 转介绍 赵先生 加电话" in talk.texts()

    talk.says("zhang", "线索 转介绍 赵先生 13800138000 看S6")
    assert "已记录线索：赵先生，转介绍来的。" in talk.texts()
    talk.says("zhang", words)

    (friend,) = customers.named(talk.db, "赵先生")
    assert (friend.owner, friend.source, friend.phone) == ("zhang", "转介绍", "13800138000")
    assert rows.of_friend(talk.db, friend.id).introducer == "wang"
    talk.says("zhang", "撤销")
    assert rows.of_friend(talk.db, friend.id) is None
    talk.says("zhang", "线索 转介绍 赵先生")
    assert "你名下已有“赵先生”" in talk.texts()


def test_a_customer_who_was_introduced_says_so_in_words_of_their_own(talk):
    talk.says("zhang", "王女士推荐了我")

    assert "转介绍" not in talk.texts()
    assert events.last(talk.db, "wang", "转介绍") is None
