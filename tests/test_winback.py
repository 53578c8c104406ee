"""召回: who was lost is written to again with a new reason each time, and what came of it."""

import json
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from bot.cli import main
from handlers import plans, sides, steps, winback
from handlers.values import Card, Send
from storage import customers, lost, materials
from storage import sop as rows
from storage.customers import Customer
from storage.materials import Material


def give_up(talk, key="wang", words="太贵了，差1万"):
    talk.says("chen", f"记录 {talk.customer(key).name} 战败，{words}")


def go(talk, days):
    """Ten in the morning of so many days, one after the other, then every ten minutes till noon."""
    sent = []
    for _ in range(days):
        talk.now += timedelta(days=1)
        for _ in range(18):
            talk.now += timedelta(minutes=10)
            for tick in (plans.tick, steps.tick):
                with talk.db.atomic():
                    sent += list(tick(talk.ctx()))
        talk.now -= timedelta(hours=3)
    return sent


@pytest.fixture
def gone(talk):
    give_up(talk)
    for tick in (plans.tick, steps.tick):
        list(tick(talk.ctx()))
    return talk


def calls(did):
    return [a for a in did if isinstance(a, Card) and "战败召回" in a.title]


def test_seven_thirty_and_ninety_days_with_a_new_reason_each_time(gone):
    reasons = []
    for days in (8, 23, 61):
        (card,) = calls(go(gone, days))
        reasons.append(card.text.partition("理由：")[2].partition("。")[0])
        gone.did = [card]
        gone.taps("zhang", "发送")

    assert reasons == ["听听真实车主怎么说", "带家人来坐坐，不谈价", "用车打算变了没有"]
    assert calls(go(gone, 30)) == []


def test_the_words_are_about_feelings_and_not_about_discounts(gone):
    gone.did = calls(go(gone, 8))

    gone.taps("zhang", "发送")

    assert "王女士，您当时的顾虑我一直记着" in gone.texts()
    assert "优惠" not in gone.texts()


def test_without_a_new_reason_nobody_is_woken(gone):
    for reason in ("owner.hear", "drive.family", "plan.changed"):
        key = f"w-{reason}"
        lost.wake(gone.db, wake_id=key, loss="x", customer="wang", reason=reason, now=gone.now)
        lost.woke(gone.db, key, gone.now - timedelta(days=60))

    assert calls(go(gone, 10)) == []
    assert "没有新的理由" in rows.open_of(gone.db, "wang")[0].why


def test_two_wake_ups_in_thirty_days_are_the_most(gone):
    for n in (1, 2):
        lost.wake(gone.db, wake_id=f"w{n}", loss="x", customer="wang", reason=f"r{n}", now=gone.now)
        lost.woke(gone.db, f"w{n}", gone.now)

    assert calls(go(gone, 20)) == []
    assert "30天内已经唤醒过2次（上限2）" in rows.open_of(gone.db, "wang")[0].why


def test_an_owner_s_own_words_come_first(gone):
    materials.add(gone.db, Material(
        "m1", "试驾感受", "赵先生的三个月", "", "冬天一次充电跑380公里，够用。", "", "", "本人同意",
        None, "live", gone.now, "chen",
    ))  # fmt: skip

    (card,) = calls(go(gone, 8))

    assert "车主感受“赵先生的三个月”" in card.text
    assert "冬天一次充电跑380公里" in card.text


def test_a_mismatch_is_never_called_back(talk):
    give_up(talk, words="贷款没批下来")

    assert calls(go(talk, 40)) == []


def test_a_reply_heats_up_stops_the_plan_and_is_told_at_once(gone):
    gone.did = calls(go(gone, 8))
    gone.taps("zhang", "发送")

    gone.says("zhang", "客户王女士说：现在还有活动吗")

    assert "🔥 王女士回应了召回。现在是回流加热" in gone.texts()
    assert sides.of(gone.customer("wang"), gone.ctx()).state == "回流加热"
    assert calls(go(gone, 40)) == []


def test_an_opt_out_stops_it(gone):
    gone.says("zhang", "记录 王女士 退订")

    assert calls(go(gone, 95)) == []


def test_the_result_stands_beside_the_case_s_figures(talk):
    for n in range(6):
        name = f"钱{'一二三四五六'[n]}先生"
        customers.add(talk.db, Customer(id=f"p{n}", name=name, store="bj-cy", owner="zhang",
                                        added_at=talk.now))  # fmt: skip
        give_up(talk, f"p{n}")
        loss = lost.newest(talk.db, f"p{n}")
        lost.wake(
            talk.db, wake_id=f"w{n}", loss=loss.id, customer=f"p{n}", reason="r", now=talk.now
        )
        lost.woke(talk.db, f"w{n}", talk.now)
    talk.now += timedelta(days=1)
    talk.says("zhang", "客户钱一先生说：我又想看看了")
    talk.says("zhang", "记录 钱一先生 下订")

    talk.says("chen", "召回")

    assert "可召回6位，已唤醒6位" in talk.texts("chen")
    assert "召回率 17%（1/6）＝有回应÷已唤醒；案例参考 15%" in talk.texts("chen")
    assert "下订率 样本不足（1/1）＝下订÷有回应；案例参考 40%" in talk.texts("chen")
    assert "· 钱一先生（1天前战败，价格）唤醒1次，已下订" in talk.texts("chen")
    talk.says("lina", "召回")
    assert "可召回0位" in talk.texts("lina")


LOSS = SimpleNamespace(reason="价格")


@pytest.mark.parametrize(
    ("more", "holds"),
    [
        ({}, True),
        ({"lost": ("金融未过",)}, False),
        ({"models": ("M8",)}, False),
        ({"begins": date(2026, 3, 7)}, False),
        ({"ends": date(2026, 3, 5)}, False),
        ({"begins": date(2026, 3, 6), "ends": date(2026, 3, 6)}, True),
    ],
)
def test_a_reason_holds_within_its_dates_and_for_whom_it_is_meant(more, holds):
    reason = winback.Reason("r", "t", "w", **more)

    assert reason.holds(LOSS, "S6", date(2026, 3, 6)) is holds


def test_a_company_s_own_reasons_take_the_place_of_the_shipped(gone, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('[[reason]]\nid = "p"\ntitle = "价保"\nwords = "有价保了"\nto = 2026-12-31\n',
                    encoding="utf-8")  # fmt: skip
    section = gone.settings.lost.model_copy(update={"reasons": str(file)})
    gone.settings = gone.settings.model_copy(update={"lost": section})

    (card,) = calls(go(gone, 8))

    assert "理由：价保" in card.text


def test_the_command_line_tells_the_same(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('[storage]\nurl = "sqlite:///x.db"\n[wecom]\ncorp_id = "c"\n'
                      '[[managers]]\nuserid = "chen"\nname = "陈静"\nstores = ["a"]\n'
                      '[[stores]]\nid = "a"\nname = "A店"\n', encoding="utf-8")  # fmt: skip
    runner = CliRunner()
    runner.invoke(main, ["--config", str(config), "migrate"])

    said = runner.invoke(main, ["--config", str(config), "winback", "--for", "chen"]).output
    found = runner.invoke(main, ["--config", str(config), "winback", "--for", "chen", "--json"])

    assert "可召回0位" in said
    assert json.loads(found.output)[0]["yardstick_answered"] == 0.15


def test_only_a_reminder_reaches_the_advisor_and_nothing_the_customer(gone):
    did = go(gone, 8)

    assert {a.to for a in did if isinstance(a, Card | Send)} <= {"zhang", "chen", "zhou"}
