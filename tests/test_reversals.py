"""撤销 of a hand-over, of a plan's step that was sent, of leaving a plan; and its refusals."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import plans, steps
from handlers.values import Card, Send
from storage import customers, events, followups, leads, touches
from storage import sop as rows
from storage.leads import Lead

# Friday 2026-03-06 09:00; zhang and lina sell at bj-cy, which chen manages


def go(talk, **step):
    """Let time pass with the ticks of plans alone."""
    sent, until = [], talk.now + timedelta(**step)
    while talk.now < until:
        talk.now = min(talk.now + timedelta(minutes=10), until)
        for tick in (plans.tick, steps.tick):
            with talk.db.atomic():
                sent += list(tick(talk.ctx()))
    return [a for a in sent if isinstance(a, Card)]


def said(did):
    return "\n".join(a.text for a in did if isinstance(a, Send))


@pytest.fixture
def drive(talk):
    """王女士 is at the first step of a plan, and its card lies before zhang."""
    talk.says("chen", "开启 试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    talk.did = [card for card in go(talk, hours=4) if "步" in card.title]
    return talk


def state(talk):
    run = rows.last_of(talk.db, "wang", "试驾后5天")
    return run.state, run.step


# 转给


def test_a_hand_over_is_taken_back_with_all_that_went_along(talk):
    talk.says("zhang", "提醒我明天下午3点给王女士发配置表")
    owed = followups.open_of(talk.db, "wang")
    talk.says("chen", "转给 李娜 王女士")
    assert {f.advisor for f in followups.open_of(talk.db, "wang")} == {"lina"}

    did = talk.says("chen", "撤销")

    assert "已撤销：王女士转给李娜。又由张伟跟进，提醒和预约一起回来了。" in said(did)
    assert {a.to for a in did} == {"chen", "zhang", "lina"}
    assert customers.get(talk.db, "wang").owner == "zhang"
    assert [(f.id, f.advisor) for f in followups.open_of(talk.db, "wang")] == [
        (f.id, "zhang") for f in owed
    ]
    assert events.of(talk.db, "wang", "换顾问") == []


@pytest.mark.parametrize(
    ("words", "why"),
    [("已联系 王女士", "李娜已经联系过王女士"), ("记录 王女士 到店", "李娜已经"),
     ("记录 王女士 报价 20万", "李娜已经")],
)  # fmt: skip
def test_once_the_new_advisor_has_begun_it_stays(talk, words, why):
    talk.says("chen", "转给 李娜 王女士")
    talk.wait(minutes=2)
    talk.says("lina", words)

    answer = said(talk.says("chen", "撤销"))

    assert "王女士转给李娜”撤销不了" in answer
    assert why in answer
    assert customers.get(talk.db, "wang").owner == "lina"


def test_what_was_handed_on_again_is_not_taken_from_the_third(talk):
    talk.says("chen", "转给 李娜 王女士")
    customers.change(talk.db, "wang", owner="zhou")

    assert "撤销不了：王女士现在由" in said(talk.says("chen", "撤销"))


def test_what_an_inviter_handed_on_comes_back_with_the_lead(talk):
    leads.put(talk.db, Lead("l1", "wang", "垂媒", "", "导入", talk.now, advisor="zhang",
                            store="bj-cy", inviter="wmw"))  # fmt: skip
    talk.says("zhang", "转顾问 李先生 给 李娜")
    talk.says("zhang", "转顾问 王女士 给 李娜")
    assert leads.of(talk.db, "wang")[0].advisor == "lina"
    assert leads.of(talk.db, "li")[0].inviter == "zhang"

    for name in ("王女士", "李先生"):
        did = talk.says("zhang", "撤销")
        assert f"已撤销：{name}转给李娜。又由张伟跟进" in said(did)

    assert {customers.get(talk.db, key).owner for key in ("wang", "li")} == {"zhang"}
    assert (leads.of(talk.db, "wang")[0].advisor, leads.of(talk.db, "wang")[0].inviter) == (
        "zhang", "wmw")  # fmt: skip
    assert leads.of(talk.db, "li") == []


# 发送


def test_a_step_that_was_sent_is_no_touch_any_more_and_comes_again(drive):
    before = customers.get(drive.db, "wang").contacted_at
    day = drive.now - timedelta(hours=6)
    drive.taps("zhang", "发送")
    assert touches.count(drive.db, "wang", "marketing", day) + touches.count(
        drive.db, "wang", "answer", day) == 1  # fmt: skip

    answer = said(drive.says("zhang", "撤销"))

    assert "已撤销：王女士“试驾后5天”第1步已发送。没有算作联系，这一步半小时内再给您。" in answer
    assert touches.count(drive.db, "wang", "marketing", day) == 0
    assert touches.count(drive.db, "wang", "answer", day) == 0
    assert customers.get(drive.db, "wang").contacted_at == before
    assert [c.title for c in go(drive, minutes=40)] == ["王女士｜试驾后5天 第1/4步"]


def test_a_step_stays_sent_once_the_customer_has_answered(drive):
    drive.taps("zhang", "发送")
    drive.wait(minutes=2)
    drive.says("zhang", "客户王女士说：挺好的，我再想想")

    assert "撤销不了：王女士之后已经说话了" in said(drive.says("zhang", "撤销"))


def test_a_step_stays_sent_once_the_next_has_begun(drive):
    drive.taps("zhang", "发送")
    rows.put(drive.db, replace(rows.last_of(drive.db, "wang", "试驾后5天"), step=2))

    assert "撤销不了：下一步已经开始了" in said(drive.says("zhang", "撤销"))


# 退出


def test_who_was_taken_off_a_plan_goes_on_at_the_same_step(drive):
    drive.taps("zhang", "退出")
    assert state(drive) == ("退出", 1)

    answer = said(drive.says("zhang", "撤销"))

    assert "已撤销：王女士退出“试驾后5天”。回到“试驾后5天”第1步，后面照常。" in answer
    assert state(drive) == ("进行中", 0)
    assert [c.title for c in go(drive, minutes=40)] == ["王女士｜试驾后5天 第1/4步"]


def test_leaving_by_name_is_taken_back_too(drive):
    drive.says("zhang", "退出SOP 王女士")
    assert state(drive)[0] == "退出"

    assert "回到“试驾后5天”第2步" in said(drive.says("zhang", "撤销"))
    assert state(drive) == ("进行中", 1)


def test_nobody_is_put_back_on_a_plan_that_was_stopped_meanwhile(drive):
    drive.says("zhang", "退出SOP 王女士")
    drive.says("chen", "停止 试驾后5天")

    assert "撤销不了：计划停了" in said(drive.says("zhang", "撤销"))
    assert state(drive)[0] == "退出"
