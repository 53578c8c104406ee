"""What nobody did: overdue, then the managers, then offered to somebody else."""

from datetime import datetime, timedelta

import pytest

from handlers.values import Card, Send
from storage import customers, events, followups
from storage.customers import Customer

# Friday 2026-03-06 09:00; chen manages bj-cy, zhou bj-cy and bj-hd


def on(talk, day, clock="09:35"):
    at = datetime.fromisoformat(f"2026-03-{day:02d}T{clock}").replace(tzinfo=talk.ctx().zone)
    return talk.wait(seconds=(at - talk.now).total_seconds())


def owe(talk, key="wang", kind="own", reason="发配置表", days=0, advisor="zhang"):
    followups.plan(talk.db, followup_id=f"{key}-{kind}", customer=key, advisor=advisor, kind=kind,
                   due=talk.now - timedelta(days=days), reason=reason, now=talk.now)  # fmt: skip


def copies(did, manager="chen"):
    texts = [a.text for a in did if isinstance(a, Send) and a.to == manager]
    return [text for text in texts if "没有人联系" in text]


def offers(did, manager="chen"):
    return [a for a in did if isinstance(a, Card) and a.to == manager and "换人" in a.title]


def test_the_ladder_day_by_day(talk):
    owe(talk)

    assert "已逾期1天" in str([a for a in on(talk, 7) if a.to == "zhang"])
    assert copies(on(talk, 8)) == []
    (third,) = copies(on(talk, 9))
    assert "1. 王女士 N级｜顾问张伟｜逾期3天｜发配置表" in third
    assert offers(on(talk, 12, "23:00")) == []
    week = on(talk, 13)
    assert "逾期7天｜高风险" in copies(week)[0]
    (offer,) = offers(week)
    assert [b.text for b in offer.buttons] == ["转给李娜", "转给王强", "保持"]


def test_one_message_a_day_for_each_manager(talk):
    owe(talk, days=4)
    owe(talk, "li", days=5)
    customers.add(talk.db, Customer(id="far", name="何先生", store="bj-hd", owner="zhao",
                                    added_at=talk.now))  # fmt: skip
    owe(talk, "far", days=4, advisor="zhao")

    did = on(talk, 6, "20:00")

    assert [len(copies(did, m)) for m in ("chen", "zhou", "lin")] == [1, 1, 0]
    assert copies(did)[0].startswith("⚠️ 2位客户到期3天以上")
    assert copies(did, "zhou")[0].startswith("⚠️ 3位客户到期3天以上")
    assert copies(did)[0].index("李先生") < copies(did)[0].index("王女士")  # the gravest first


@pytest.mark.parametrize("heard", ["spoke_at", "contacted_at"])
def test_a_message_or_a_contact_stops_it(talk, heard):
    owe(talk, days=4)
    customers.change(talk.db, "wang", **{heard: talk.now - timedelta(days=1)})

    assert copies(on(talk, 6)) == []


@pytest.mark.parametrize("gone", ["opted_out_at", "deleted_at"])
def test_who_left_is_nobody_s_fault(talk, gone):
    owe(talk, days=8)
    customers.change(talk.db, "wang", **{gone: talk.now})

    assert copies(on(talk, 6)) == []


def test_the_low_frequency_is_counted_and_not_listed(talk):
    owe(talk, kind="cadence", reason="", days=9)
    customers.change(talk.db, "wang", level="C")

    did = on(talk, 6)

    assert "其中1位是低频联系" in copies(did)[0]
    assert "王女士" not in copies(did)[0]
    assert offers(did) == []


def test_a_tap_moves_the_customer_with_what_is_owed_and_tells_all_three(talk):
    owe(talk, days=8)
    talk.says("zhang", "记录 王女士 周日下午3点试驾")
    customers.change(talk.db, "wang", contacted_at=None)
    talk.did = offers(on(talk, 6))

    talk.taps("chen", "转给李娜")

    assert talk.customer("wang").owner == "lina"
    assert {f.advisor for f in followups.open_of(talk.db, "wang")} == {"lina"}
    assert "由陈静转给李娜跟进" in talk.texts("zhang")
    assert "王女士 现在由你跟进（之前是张伟）" in talk.texts("lina")
    assert "在职继承" in talk.texts("chen")
    moved = events.last(talk.db, "wang", "换顾问")
    assert (moved.evidence, moved.by_whom) == ("张伟→李娜", "chen")


def test_to_keep_is_asked_about_again_after_a_week(talk):
    owe(talk, days=8)
    talk.did = on(talk, 6)
    talk.says("chen", "3")
    assert "仍由张伟跟进" in talk.texts("chen")

    assert [len(offers(on(talk, day))) for day in range(7, 14)] == [0] * 6 + [1]


def test_two_managers_cannot_move_one_customer_twice(talk):
    owe(talk, days=8)
    talk.did = on(talk, 6)
    shown = list(talk.did)
    talk.taps("zhou", "转给王强")
    first = talk.customer("wang").owner
    talk.did = [a for a in shown if a.to == "chen"]

    talk.taps("chen", "转给李娜")

    assert talk.customer("wang").owner == first == "wangq"
    assert "已经转给王强了" in talk.texts("chen")


def test_a_manager_moves_somebody_by_words(talk):
    talk.says("chen", "转给 李娜 王女士")

    assert talk.customer("wang").owner == "lina"
    assert [f.advisor for f in followups.open_of(talk.db, "wang")] == ["lina"]  # not with nothing


REFUSED = [
    ("zhang", "转给 李娜 王女士", "由门店经理来转"),
    ("chen", "转给 何静 王女士", "店里没有顾问“何静”"),
    ("chen", "转给 张伟 王女士", "本来就由张伟跟进"),
    ("chen", "转给 李娜 欧阳先生", "是哪一位"),
    ("lin", "转给 何静 王女士", "店里没有这个姓名的客户"),
]


@pytest.mark.parametrize(("who", "words", "said"), REFUSED)
def test_what_cannot_be_moved_says_why(talk, who, words, said):
    talk.says(who, words)

    assert said in talk.texts(who)
    assert talk.customer("wang").owner == "zhang"
