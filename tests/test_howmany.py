"""A figure asked for in passing: 上周到店多少, 张伟这周怎么样, 谁在等我回复."""

from datetime import timedelta

import pytest

from handlers import howmany_words
from handlers.settings import Advisor, Colleague, Manager
from storage import customers, events
from storage.customers import Customer


@pytest.fixture
def busy(talk):
    """Visits of three weeks of 朝阳店, one of 海淀店; it is Friday 2026-03-06 09:00."""
    brand = Manager(userid="brand", name="品牌", brand=True)
    wuqi = Colleague(userid="wuqi", name="吴琪", role="社群运营", stores=("bj-cy",))
    talk.settings = talk.settings.model_copy(
        update={"managers": (*talk.settings.managers, brand), "colleagues": (wuqi,)}
    )
    more = (("chen1", "陈女士", "bj-cy", "lina"), ("zhao1", "周先生", "bj-hd", "zhao"))
    for key, name, store, owner in more:
        customers.add(talk.db, Customer(id=key, name=name, store=store, owner=owner,
                                        added_at=talk.now - timedelta(days=30)))  # fmt: skip
    days = (("wang", 1), ("wang", 8), ("li", 9), ("chen1", 9), ("li", 16), ("zhao1", 9))
    for n, (key, back) in enumerate(days):
        events.add(talk.db, event_id=f"v{n}", customer=key, kind="到店", source="advisor",
                   when=talk.now - timedelta(days=back))  # fmt: skip
    return talk


SAID = [
    ("上周到店多少", "朝阳店上周（2月23日至3月1日）到店3位，前一周1位，多2位。"),
    ("本周到店几个人", "朝阳店本周（3月2日至3月6日）到店1位，上周同期3位，少2位。"),
    ("昨天到店多少？", "朝阳店昨天到店1位，前一天0位，多1位。"),
    ("这个月到店几位", "朝阳店3月（3月1日至3月6日）到店1位，上月同期0位，多1位。"),
    ("上个月成交几台", "朝阳店2月（2月1日至2月28日）下订0位，前一个月0位，一样。"),
    ("最近一周来店的有多少", "朝阳店近7天到店1位，此前7天3位，少2位。"),
    ("周一到店多少", "朝阳店周一（3月2日）到店0位，前一天0位，一样。"),
    ("今天开口率", "今天（到09:00）开口率：样本不足（开口0÷加微0），昨天同一时段样本不足"),
    ("昨天没来的有几个", "朝阳店昨天未到店0位"),
    ("张伟上周到店几个", "张伟上周（2月23日至3月1日）到店2位，前一周1位，多1位。"),
    ("张伟这周怎么样", "张伟本周（3月2日至3月6日）：联系0位，到店1位（2），试驾0位（0），"
                       "下订0位（0），现在逾期0位。括号里是上周同期。"),
    ("店里这周情况怎么样", "朝阳店本周（3月2日至3月6日）：加微0（0）、开口0（0）、到店1（3）"),
    ("谁上周到店最多", "上周（2月23日至3月1日）到店：张伟2位、李娜1位。"),
    ("逾期多少", "朝阳店现在逾期0位。"),
    ("谁逾期了", "现在逾期：一位也没有。"),
    ("这周联系了多少客户", "有往来的客户，每天平均0位。"),
]  # fmt: skip


def test_a_manager_is_answered_in_one_line_with_span_and_comparison(busy):
    for asked, answer in SAID:
        busy.says("chen", asked)

        assert answer in busy.texts("chen"), asked
        assert len(busy.did) == 1
    assert "更多回复 看板。" in str(busy.says("chen", "上周到店多少"))


def test_everybody_asks_only_for_what_they_may_see(busy):
    """Stores by name within the scope, advisors for who runs them, oneself for an advisor."""
    cases = (
        ("zhou", "上周到店多少", "朝阳店、海淀店上周（2月23日至3月1日）到店4位"),
        ("zhou", "海淀上周到店多少", "海淀店上周（2月23日至3月1日）到店1位"),
        ("chen", "海淀店上周到店多少", "您的范围里没有叫“海淀店”的门店或顾问"),
        ("chen", "赵敏上周到店几个", "您的范围里没有叫“赵敏”的门店或顾问"),
        ("brand", "上周到店多少", "到店4位"),
        ("brand", "张伟这周怎么样", "您的范围只看数字，不看某一位顾问"),
        ("brand", "谁上周到店最多", "您的范围只看数字"),
        ("zhang", "我这周怎么样", "您本周（3月2日至3月6日）：联系0位，到店1位（2）"),
        ("zhang", "上周到店几个", "您上周（2月23日至3月1日）到店2位"),
        ("zhang", "我还有几个逾期", "您现在逾期0位。回复 待办 看名单。"),
        ("zhang", "李娜这周怎么样", "同事的数字只有店长看得到"),
        ("zhang", "我上周联系了几个", "联系了几位算不出来"),
    )
    for who, asked, answer in cases:
        busy.says(who, asked)

        assert answer in busy.texts(who), (who, asked)
    assert "到店3位" not in str(busy.says("wuqi", "上周到店多少"))


@pytest.mark.parametrize("words", [
    "现在下订多少钱", "今天下订优惠多少", "交付要多久", "上周到店有礼品吗", "试驾要几个小时",
    "这周优惠怎么样", "S6续航怎么样", "王女士到店几次了", "明天到店几个",
])  # fmt: skip
def test_what_a_customer_may_ask_is_no_question_for_a_figure(talk, words):
    asked = howmany_words.read(words, talk.ctx())

    assert asked is None or asked.rest


def test_what_is_asked_of_lately_is_the_head_of_the_analysis(busy):
    busy.says("zhang", "客户王女士问：有点贵，充电怎么办")
    busy.now += timedelta(minutes=1)
    cases = (
        ("大家最近在问什么", "近28天客户之声：充电1位、价格1位"),
        ("未到店原因", "还没有记录"),
        ("话术效果", "近28天话术效果"),
        ("谁在看别家", "竞品"),
        ("谁还没回客户", "超30分钟没回"),
    )
    for asked, answer in cases:
        busy.says("chen", asked)

        assert answer in busy.texts("chen"), asked
    assert "近28天" not in str(busy.says("zhang", "话术效果"))


def test_an_advisor_lists_their_own_by_what_they_are(talk):
    with talk.db.atomic():
        customers.change(talk.db, "wang", tier="high", level="H",
                         spoke_at=talk.now - timedelta(hours=1))  # fmt: skip
        customers.change(talk.db, "li", contacted_at=talk.now - timedelta(days=2))

    cases = (
        ("高意向的有哪些", "高意向客户1位：\n1. 王女士｜H级"),
        ("我有几个H级", "H级客户1位"),
        ("我有多少客户", "您名下的客户2位"),
        ("谁在等我回复", "在等您回复的客户1位：\n1. 王女士"),
        ("哪些客户没回我", "联系过、还没回您的客户1位：\n1. 李先生"),
        ("最近加的客户", "近7天加的客户2位"),
        ("还没联系过的有谁", "还没联系过的客户1位：\n1. 王女士"),
        ("低意向有哪些", "低意向客户1位"),
        ("C级有几个", "没有C级客户。"),
    )
    for asked, answer in cases:
        talk.says("zhang", asked)

        assert answer in talk.texts(), asked
    talk.says("zhang", "高意向的有哪些")
    assert "王女士" in talk.says("zhang", "1")[0].title
    talk.says("chen", "H级有几个")
    assert "H级客户1位：张伟1。名单回复 看板" in talk.texts("chen")


def test_who_comes_is_told_of_any_time_that_is_ahead(talk):
    talk.says("zhang", "王女士周日下午3点来试驾")

    for who, asked in (
        ("zhang", "周末谁来试驾"),
        ("chen", "后天有几个试驾"),
        ("zhang", "后天谁来"),
    ):
        talk.says(who, asked)
        assert "有1个预约：\n1. 下午3点 王女士｜试驾" in talk.texts(who), asked
    talk.says("zhang", "明天谁来")
    assert "明天没有预约" in talk.texts()
    talk.says("lina", "周末谁来试驾")
    assert "王女士" not in talk.texts("lina").replace("王女士周六下午3点来试驾", "")


def test_a_span_before_it_is_as_long_as_what_is_over_of_it(talk):
    asked = howmany_words.read("这个月下订几个", talk.ctx())

    span = asked.span
    assert (span.since.day, span.before[0].month) == (1, 2)
    assert span.before[1] - span.before[0] == span.until - span.since


def test_an_advisor_of_no_store_of_theirs_is_not_looked_up(talk):
    other = Advisor(userid="ma", name="马超", store="gz-th")
    talk.settings = talk.settings.model_copy(update={"advisors": (*talk.settings.advisors, other)})
    assert "马超" not in str(talk.says("chen", "马超怎么样"))
