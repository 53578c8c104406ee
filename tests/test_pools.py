"""公海: warned, returned to the store, claimed by one colleague within the caps."""

from datetime import timedelta

import pytest

from handlers import pools
from handlers.values import Send
from storage import customers, events, followups, lost
from storage.customers import Customer


@pytest.fixture
def on(talk):
    section = talk.settings.pools.model_copy(update={"on": True, "per_day": 1})
    talk.settings = talk.settings.model_copy(update={"pools": section})
    return talk


def days(talk, n):
    """The walk of each of these days."""
    sent = []
    for _ in range(n):
        talk.now += timedelta(days=1)
        with talk.db.atomic():
            sent += list(pools.tick(talk.ctx()))
    return [a for a in sent if isinstance(a, Send)]


def test_off_by_default_nobody_moves(talk):
    assert days(talk, 90) == []
    talk.says("lina", "待领取")
    assert "公海没有打开" in talk.texts("lina")


def test_warned_three_days_before_then_returned_and_the_manager_told(on):
    told = days(on, 24)

    assert {a.to for a in told} == {"zhang"}
    assert "天后回流到门店：N级" in told[0].text
    assert len(told) == 2  # once for each of the two
    told = days(on, 3)
    assert {a.to for a in told} == {"zhang", "chen", "zhou"}
    assert "回流到门店了：N级，31天没有有效联系" in told[0].text
    assert followups.open_of(on.db, "wang") == []


def test_a_contact_keeps_them(on):
    days(on, 23)

    on.says("zhang", "已联系 王女士")
    days(on, 20)

    assert lost.pooled(on.db, "wang") is None
    assert lost.pooled(on.db, "li").state == "待领取"


@pytest.mark.parametrize("stage", ["下订", "交付", "战败"])
def test_who_bought_or_was_given_up_never_returns(on, stage):
    customers.change(on.db, "wang", stage=stage)

    days(on, 90)

    assert lost.pooled(on.db, "wang") is None


def test_nobody_is_returned_within_the_protection(on):
    customers.change(on.db, "wang", level="H")
    section = on.settings.pools.model_copy(update={"days": {"H": 7}})
    on.settings = on.settings.model_copy(update={"pools": section})

    days(on, 20)

    assert lost.pooled(on.db, "wang") is None


def test_a_colleague_claims_one_and_both_names_stay_in_the_log(on):
    days(on, 30)
    on.says("lina", "待领取")
    assert "1. 李先生｜N级｜加微｜原顾问张伟" in on.texts("lina")

    on.says("lina", "领取 1")

    assert on.customer("li").owner == "lina"
    assert "李先生现在由你跟进（之前是张伟），30天保护期" in on.texts("lina")
    assert "李先生 由李娜领走了" in on.texts("zhang")
    assert events.last(on.db, "li", "换顾问").evidence == "张伟→李娜"


def test_one_a_day_is_the_cap(on):
    days(on, 30)
    on.says("lina", "领取 李先生")

    on.says("lina", "领取 王女士")

    assert "今天已经领了1位（每天最多1位）" in on.texts("lina")
    on.says("wangq", "领取 王女士")
    assert on.customer("wang").owner == "wangq"


def test_so_many_within_the_protection_are_the_cap_of_one_person(on):
    section = on.settings.pools.model_copy(update={"per_day": 9, "per_person": 1})
    on.settings = on.settings.model_copy(update={"pools": section})
    days(on, 30)
    on.says("lina", "领取 李先生")

    on.says("lina", "领取 王女士")

    assert "你手上已有1位保护期内领来的" in on.texts("lina")


def test_who_was_claimed_stays_for_the_protection(on):
    days(on, 30)
    on.says("lina", "领取 李先生")

    days(on, 29)
    assert lost.pooled(on.db, "li").state == "已领取"
    days(on, 2)

    assert lost.pooled(on.db, "li").state == "待领取"


def test_only_the_own_store_sees_and_claims(on):
    days(on, 30)

    on.says("he", "待领取")
    assert "没有待领取" in on.texts("he")
    on.says("he", "领取 李先生")

    assert on.customer("li").owner == "zhang"


def test_who_speaks_meanwhile_is_not_free_any_more(on):
    days(on, 30)
    on.says("zhang", "客户李先生说：你好，还在吗")

    on.says("lina", "领取 李先生")

    assert "待领取里没有“李先生”" in on.texts("lina")


def test_the_walk_takes_everybody_in_small_steps(on, monkeypatch):
    for n in range(7):
        customers.add(on.db, Customer(id=f"p{n}", name=f"p{n}", store="bj-cy", owner="lina",
                                      added_at=on.now - timedelta(days=40)))  # fmt: skip
    monkeypatch.setattr(pools, "A_TICK", 3)
    on.now += timedelta(days=1, hours=1)

    for _ in range(4):
        list(pools.tick(on.ctx()))
        on.now += timedelta(minutes=1)

    assert sum(lost.pooled(on.db, f"p{n}") is not None for n in range(7)) == 7
