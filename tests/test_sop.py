"""One-to-one plans: who starts, who waits, what the advisor gets, what ends it."""

import json
import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import main
from handlers import enrol, plans, sop, steps
from handlers.values import Card, MassTask, Send
from storage import customers, events, followups, groups, touches
from storage import sop as rows
from storage.customers import Customer

# Friday 2026-03-06 09:00, zhang at work until 18:30; he rests on Tuesdays


def drafts(did, to="zhang"):
    return [a for a in did if isinstance(a, Card) and a.to == to and "步" in a.title]


def go(talk, **step):
    """Let time pass in steps of ten minutes, with the ticks of plans alone."""
    sent, until = [], talk.now + timedelta(**step)
    while talk.now < until:
        talk.now = min(talk.now + timedelta(minutes=10), until)
        for tick in (plans.tick, steps.tick):
            with talk.db.atomic():
                sent += list(tick(talk.ctx()))
    return sent


def on(talk, *names):
    for name in names:
        talk.says("chen", f"开启 {name}")
    go(talk, minutes=10)


def states(talk, key="wang"):
    return {run.plan: run.state for run in rows.newest(talk.db, key)}


# Starting


def test_what_is_off_starts_for_nobody(talk):
    talk.says("zhang", "记录 王女士 试驾")

    assert drafts(talk.wait(hours=4)) == []
    assert states(talk) == {}


def test_a_step_comes_as_a_draft_through_the_program_s_own_ticks(talk):
    talk.says("chen", "开启 试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")

    (card,) = drafts(talk.wait(hours=4))

    assert card.title == "王女士｜试驾后5天 第1/4步"
    assert "当天问感受，答一个没解决的顾虑" in card.text
    assert [b.text for b in card.buttons] == ["发送", "改天", "跳过", "退出"]


def test_the_tap_hands_out_the_text_alone_and_notes_the_touch(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    talk.did = drafts(go(talk, hours=4))

    _, text = talk.taps("zhang", "发送")

    assert isinstance(text, Send)
    assert "王女士" in text.text
    assert touches.count(talk.db, "wang", "marketing", talk.now) == 1
    assert talk.customer("wang").contacted_at == talk.now


def test_only_a_tap_counts_as_a_touch(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")

    go(talk, hours=5)

    assert touches.count(talk.db, "wang", "marketing", talk.now - timedelta(days=1)) == 0


def test_the_same_event_starts_a_plan_once(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")

    go(talk, hours=6)

    assert talk.db.rows("select count(*) as n from sop_runs")[0]["n"] == 1


def test_what_was_logged_for_yesterday_starts_within_the_hour(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 昨天下午试驾")

    go(talk, minutes=90)

    (run,) = rows.open_of(talk.db, "wang")
    assert run.step == 1  # the talk on the day itself comes too late, the next morning's does not


def test_what_the_plan_replaces_is_owed_no_longer(talk):
    on(talk, "试驾后5天")

    talk.says("zhang", "记录 王女士 试驾")
    assert {"feeling", "family"} <= {f.kind for f in followups.open_of(talk.db, "wang")}
    go(talk, minutes=10)

    assert not {"feeling", "family"} & {f.kind for f in followups.open_of(talk.db, "wang")}


# The ledger and the shift


def test_a_refusal_of_the_ledger_puts_the_step_off_and_says_why(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    touches.note(talk.db, touch_id="t", person="wang", channel="advisor", kind="marketing",
                 by="zhang", now=talk.now)  # fmt: skip

    assert drafts(go(talk, hours=5)) == []
    (line,) = enrol.line(talk.customer("wang"), talk.ctx())
    assert "今天已主动联系过王女士1次" in line


def test_nobody_is_bothered_outside_the_shift(talk):
    on(talk, "报价后3天")
    talk.now += timedelta(hours=8)
    talk.says("zhang", "记录 王女士 报价")

    assert drafts(go(talk, hours=12)) == []
    assert len(drafts(go(talk, hours=4))) == 1


def test_the_ledger_is_asked_again_at_the_tap(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    talk.did = drafts(go(talk, hours=4))
    touches.note(talk.db, touch_id="t", person="wang", channel="advisor", kind="marketing",
                 by="zhang", now=talk.now)  # fmt: skip

    talk.taps("zhang", "发送")

    assert "今天已主动联系过王女士1次" in talk.texts()
    assert "再给您" in talk.texts()
    assert len(drafts(go(talk, days=1))) == 1  # it comes once more


def test_several_drafts_of_an_hour_are_one_list(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    talk.says("zhang", "记录 李先生 试驾")

    did = go(talk, hours=4)

    (text,) = [a.text for a in did if isinstance(a, Send) and a.to == "zhang"]
    assert "1. 李先生｜试驾后5天 第1步" in text or "1. 王女士｜试驾后5天 第1步" in text
    (card,) = drafts(talk.says("zhang", "2"))
    assert card.title[:3] == text.splitlines()[2][3:6]


# What a draft may be answered with


def card_of(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    talk.did = drafts(go(talk, hours=4))


def test_another_day_brings_the_same_step_again(talk):
    card_of(talk)

    talk.taps("zhang", "改天")

    (card,) = drafts(go(talk, days=1))
    assert "第1/4步" in card.title


def test_a_skipped_step_is_followed_by_the_next(talk):
    card_of(talk)
    talk.taps("zhang", "跳过")

    (card,) = drafts(go(talk, days=1))

    assert "第2/4步" in card.title


def test_leaving_ends_it(talk):
    card_of(talk)

    talk.taps("zhang", "退出")

    assert drafts(go(talk, days=6)) == []
    assert states(talk) == {"试驾后5天": "退出"}


def test_leaving_by_name(talk):
    card_of(talk)

    talk.says("zhang", "退出SOP 王女士")

    assert "已退出“试驾后5天”" in talk.texts()
    assert rows.open_of(talk.db, "wang") == []


def test_an_old_card_gives_nothing_out_after_an_opt_out(talk):
    card_of(talk)
    shown = list(talk.did)
    talk.says("zhang", "客户王女士说：别再给我发了，退订")
    talk.did = shown

    talk.taps("zhang", "发送")

    assert talk.texts() == "王女士不用发了：已退订。"


# What ends it


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("客户王女士说：我再想想", "客户说话了"),
        ("客户王女士说：别再给我发了，退订", "已退订"),
        ("记录 王女士 下订", "已经下订"),
    ],
)
def test_a_reply_an_opt_out_or_a_stage_ends_it(talk, said, why):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    go(talk, minutes=20)

    talk.says("zhang", said)

    assert drafts(go(talk, days=6)) == []
    (run,) = rows.newest(talk.db, "wang")
    assert (run.state, run.why) == ("退出", why)


def test_an_event_taken_back_takes_its_plan_along(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    go(talk, minutes=20)

    talk.says("zhang", "撤销")

    assert drafts(go(talk, days=6)) == []
    assert rows.newest(talk.db, "wang")[0].why == "触发它的事撤销了"


def test_stopping_a_plan_takes_everybody_off_it(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    go(talk, minutes=20)

    talk.says("chen", "停止 试驾后5天")

    assert "1位都退出了" in talk.texts("chen")
    assert drafts(go(talk, days=6)) == []


def test_an_advisor_starts_no_plan_and_a_manager_only_for_their_stores(talk):
    talk.says("zhang", "开启 试驾后5天")
    assert "由门店经理开启" in talk.texts()

    talk.says("lin", "开启 试驾后5天")

    assert rows.switches(talk.db).keys() == {("试驾后5天", "gz-th")}


# One at a time


def test_the_stronger_plan_goes_first_and_the_other_goes_on_after_it(talk):
    on(talk, "试驾后5天", "报价后3天")
    talk.says("zhang", "记录 王女士 试驾")
    go(talk, minutes=20)
    customers.change(talk.db, "wang", stage="试驾")
    events.add(talk.db, event_id="quote", customer="wang", kind="报价", when=talk.now,
               source="advisor")  # fmt: skip

    go(talk, minutes=20)

    assert states(talk) == {"试驾后5天": "排队", "报价后3天": "进行中"}
    lines = list(enrol.line(talk.customer("wang"), talk.ctx()))
    assert "“试驾后5天”排队，让给“报价后3天”（优先级80更高或一样）" in lines[1]
    quoted, _ = rows.open_of(talk.db, "wang")
    enrol.leave(quoted, rows.LEFT, "张伟退出", talk.ctx())
    assert states(talk)["试驾后5天"] == "进行中"


def test_the_weaker_plan_waits_and_gives_up_after_its_patience(talk):
    on(talk, "报价后3天", "试驾后5天")
    strong, weak = (enrol.plan_of(n, talk.ctx()) for n in ("报价后3天", "试驾后5天"))
    customer = talk.customer("wang")
    enrol.start(strong, customer, "a", talk.now, talk.ctx())

    waiting = enrol.start(weak, customer, "b", talk.now, talk.ctx())
    assert waiting.state == "排队"
    talk.now += timedelta(days=15)
    enrol.leave(rows.open_of(talk.db, "wang")[0], rows.DONE, "走完了", talk.ctx())

    assert rows.get(talk.db, waiting.id).state == "没有开始"
    assert rows.get(talk.db, waiting.id).why == "排队超过14天"


def test_why_tells_the_plan_and_its_step(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    go(talk, minutes=20)

    talk.says("zhang", "为什么 王女士")

    assert "SOP：“试驾后5天”第1/4步，周五(3月6日)" in talk.texts()


# Tasks, 群发, what comes after


OWN = """name = "车展邀请"
priority = 30
[trigger]
silent = 2
[audience]
stages = ["加微"]
[[step]]
after = "0d 10:00"
do = "mass"
text = "周六有看车日，来店有热茶。"
say = "请来看车日"
[then]
tag = "请过车展"
plan = "车展跟进"
"""
AFTER = """name = "车展跟进"
on = true
[trigger]
event = "到店"
[[step]]
after = "1d"
do = "task"
text = "打个电话"
say = "问车展感受"
"""


@pytest.fixture
def own(talk, tmp_path):
    (tmp_path / "a.toml").write_text(OWN, encoding="utf-8")
    (tmp_path / "b.toml").write_text(AFTER, encoding="utf-8")
    settings = talk.settings.sop.model_copy(update={"plans": str(tmp_path)})
    talk.settings = talk.settings.model_copy(update={"sop": settings})
    return talk


def test_a_walk_over_everybody_ends_in_one_mass_task_to_confirm(own):
    own.says("chen", "开启 车展邀请")

    own.did = [a for a in go(own, days=1, hours=3) if isinstance(a, Card)]
    (card,) = own.did
    assert card.title == "车展邀请 第1步：给2位的群发"
    customers.change(own.db, "li", opted_out_at=own.now)
    did = own.taps("zhang", "建群发")

    (task,) = [a for a in did if isinstance(a, MassTask)]
    assert (task.sender, task.customers) == ("zhang", ("wang",))


def test_at_the_end_a_tag_stays_and_the_next_plan_begins(own):
    own.says("chen", "开启 车展邀请")

    go(own, days=4)

    (tag,) = customers.tags(own.db, "wang", own.now, "sop")
    assert tag.code == "请过车展"
    assert rows.last_of(own.db, "wang", "车展跟进").origin.endswith(":then")


def test_a_task_stands_among_the_reminders(own):
    own.says("chen", "开启 车展邀请")
    go(own, days=5)

    own.says("zhang", "待办")

    assert "SOP 车展跟进第1步：问车展感受" in own.texts()


def test_a_broken_file_is_left_out_and_told_where_plans_are_listed(own, tmp_path):
    (tmp_path / "c.toml").write_text('name = "x"\n[trigger]\nevent = "飞了"\n', encoding="utf-8")
    folder = own.settings.sop.plans
    sop._own.cache_clear()

    own.says("chen", "SOP")

    assert "车展邀请" in own.texts("chen")
    assert "c.toml:3 trigger.event：写的是 “飞了”" in own.texts("chen")
    assert [plan.name for plan in sop.known(folder)].count("x") == 0


# 预览


def test_the_preview_says_who_would_get_what_when(talk):
    talk.says("zhang", "记录 王女士 试驾")

    talk.says("zhang", "预览 试驾后5天")

    assert "停着，开启之后是这样" in talk.texts()
    assert "周五(3月6日)中午12点 王女士 第1步 话术：当天问感受" in talk.texts()
    assert "周三(3月11日)上午10点30分 王女士 第4步 任务" in talk.texts()


def test_the_preview_of_a_colleague_shows_nobody_of_mine(talk):
    talk.says("zhang", "记录 王女士 试驾")

    talk.says("lina", "预览 试驾后5天")
    assert "王女士" not in talk.texts("lina")
    talk.says("lin", "预览 试驾后5天")
    assert "王女士" not in talk.texts("lin")
    talk.says("chen", "预览 试驾后5天")
    assert "王女士" in talk.texts("chen")


def test_the_preview_is_what_happens(talk):
    talk.says("chen", "开启 试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    told = [p.when for p in plans.preview(enrol.plan_of("试驾后5天", talk.ctx()), "zhang",
                                          talk.ctx())]  # fmt: skip

    came = []
    for _ in range(24 * 6):
        if drafts(go(talk, hours=1)):
            came.append(talk.now)

    assert [abs(a - b) <= timedelta(hours=1) for a, b in zip(told, came, strict=False)] == [
        True
    ] * 3


# Ninety days


FAMILY = "王钱张刘陈杨黄赵吴周徐孙"


def people(talk):
    for n, family in enumerate(FAMILY):
        customers.add(talk.db, Customer(id=f"p{n}", name=f"{family}先生", store="bj-cy",
                                        owner=("zhang", "lina", "wangq")[n % 3],
                                        added_at=talk.now - timedelta(days=n)))  # fmt: skip
        events.add(talk.db, event_id=f"add{n}", customer=f"p{n}", kind="加微", when=talk.now,
                   source="system")  # fmt: skip
    return [f"p{n}" for n in range(len(FAMILY))]


def test_ninety_days_with_replies_and_opt_outs(talk):
    """Nobody gets a draft after 退订, nobody is on two plans, no cap is broken."""
    everybody, dice = [*people(talk), "wang"], random.Random("ninety")
    for name in ("新客7天", "试驾后5天", "报价后3天", "沉默唤醒", "交付关怀"):
        talk.says("chen", f"开启 {name}")
    out: dict[str, datetime] = {}
    sent: dict[str, list[datetime]] = defaultdict(list)
    late, shown = [], 0
    for _ in range(90):
        for key in everybody:
            customer = talk.customer(key)
            luck = dice.random()
            if key in out:
                continue
            if luck < 0.012:
                talk.says(customer.owner, f"记录 {customer.name} 退订")
                out[key] = talk.now
            elif luck < 0.06:
                talk.says(customer.owner, f"客户{customer.name}说：好的，我再看看")
            elif luck < 0.2:
                step = dice.choice(("到店", "试驾", "报价", "下订", "交付"))
                talk.says(customer.owner, f"记录 {customer.name} {step}")
        for _ in range(20):
            talk.now += timedelta(minutes=30)
            did = [a for tick in (plans.tick, steps.tick) for a in run(talk, tick)]
            for action in did:
                for card in opened(talk, action):
                    shown += 1
                    key = by_title(talk, card.title)
                    late += [key] if key in out else []
                    talk.did = [card]
                    talk.taps(card.to, "发送" if dice.random() < 0.8 else "跳过")
                    if touches.count(talk.db, key, "marketing", talk.now):
                        sent[key].append(talk.now)
            alone(talk)
        talk.now += timedelta(hours=14)

    assert shown > 60
    assert len(out) > 3
    assert late == []
    for key, times in sent.items():
        days = [at.astimezone(ZoneInfo("Asia/Shanghai")).date() for at in times]
        assert len(days) == len(set(days)), key


def run(talk, tick):
    with talk.db.atomic():
        return list(tick(talk.ctx()))


def opened(talk, action):
    """The cards behind a list one after the other, or the card itself."""
    if isinstance(action, Card) and "步" in action.title:
        yield action
    elif isinstance(action, Send) and "SOP 到点" in action.text:
        for n in range(1, action.text.count("｜") + 1):
            yield from (a for a in talk.says(action.to, str(n)) if isinstance(a, Card))


def by_title(talk, title):
    name = title.partition("｜")[0]
    return next(c.id for c in customers.named(talk.db, name))


def alone(talk):
    rows_ = talk.db.rows("""select customer, count(*) as n from sop_runs where state = '进行中'
        group by customer having count(*) > 1""")
    assert rows_ == []


def test_a_restart_and_a_second_tick_change_nothing(talk):
    on(talk, "试驾后5天")
    talk.says("zhang", "记录 王女士 试驾")
    go(talk, hours=2, minutes=50)
    talk.now += timedelta(minutes=10)

    first = run(talk, plans.tick) + run(talk, steps.tick)
    second = run(talk, plans.tick) + run(talk, steps.tick)

    assert len(drafts(first)) == 1
    assert second == []


@pytest.mark.parametrize(
    ("audience", "why"),
    [
        ({"stages": ("报价",)}, "加微不在报价里"),
        ({"tiers": ("高意向",)}, "低意向不在高意向里"),
        ({"models": ("M8",)}, "不明不在M8里"),
        ({"stores": ("gz-th",)}, "bj-cy不在gz-th里"),
        ({"tags": ("嫌贵",)}, "没有标签“嫌贵”"),
        ({"groups": ("车主",)}, "不在车主群里"),
        ({"lost": ("其他",)}, "战败类别不是其他"),
        ({"names": ("高高象限",)}, "不在人群“高高象限”里"),
        ({"names": ("没有的",)}, "没有叫“没有的”的人群"),
        ({"stages": ("加微",), "levels": ("N", "C")}, ""),
    ],
)
def test_for_whom_a_plan_is_and_why_not(talk, audience, why):
    plan = replace(enrol.plan_of("试驾后5天", talk.ctx()), audience=audience)

    assert enrol.unfit(plan, talk.customer("wang"), talk.ctx()) == why


def test_a_move_of_level_starts_what_waits_for_it(talk):
    plan = replace(enrol.plan_of("试驾后5天", talk.ctx()), trigger=sop.Trigger("level", "H"))

    assert enrol.fits(plan, "级别", "B→H：这周能定", talk.ctx())
    assert not enrol.fits(plan, "级别", "H→C：说了“→H”", talk.ctx())
    assert not enrol.fits(plan, "意向", "低意向→高意向", talk.ctx())


def test_a_group_of_its_kind_starts_what_waits_for_it(talk):
    groups.put(talk.db, chat_id="g9", name="青屿S6看车群", kind="潜客", owner="zhang",
               store="bj-cy", now=talk.now)  # fmt: skip
    plan = replace(enrol.plan_of("试驾后5天", talk.ctx()), trigger=sop.Trigger("joined", "潜客"))

    assert enrol.fits(plan, "入群", "青屿S6看车群", talk.ctx())
    assert not enrol.fits(plan, "入群", "别的群", talk.ctx())


# The command line


@pytest.fixture
def salesbot(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('[storage]\nurl = "sqlite:///x.db"\n[wecom]\ncorp_id = "c"\n'
                      '[[managers]]\nuserid = "chen"\nname = "陈静"\nstores = ["a"]\n'
                      '[[advisors]]\nuserid = "zhang"\nname = "张伟"\nstore = "a"\n'
                      '[[stores]]\nid = "a"\nname = "A店"\n', encoding="utf-8")  # fmt: skip
    runner = CliRunner()

    def run_(*words):
        return runner.invoke(main, ["--config", str(config), *words])

    assert run_("migrate").exit_code == 0
    return run_


def test_a_plan_is_started_and_stopped_from_the_command_line(salesbot):
    assert "已开启“试驾后5天”：a" in salesbot("sop", "start", "试驾后5天", "--for", "chen").output
    found = json.loads(salesbot("sop", "list", "--for", "chen", "--json").output)
    assert [row["on"] for row in found if row["name"] == "试驾后5天"] == ["a"]

    assert "0位退出" in salesbot("sop", "stop", "试驾后5天", "--for", "chen").output

    assert (
        json.loads(salesbot("sop", "preview", "试驾后5天", "--for", "chen", "--json").output) == []
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("start", "没有的", "--for", "chen"), "没有叫“没有的”的计划；有：战败召回"),
        (("start", "试驾后5天", "--for", "zhang"), "由经理来"),
        (("list", "--for", "nobody"), "nobody 不在"),
    ],
)
def test_wrong_use_is_told(salesbot, words, told):
    result = salesbot("sop", *words)

    assert result.exit_code == 2
    assert told in result.output


def test_lint_tells_the_line_and_fails(salesbot, tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(GOOD.replace("2h", "两小时"), encoding="utf-8")

    assert "“试试”没有问题，1步" in salesbot("sop", "lint", str(good)).output
    result = salesbot("sop", "lint", str(bad))

    assert result.exit_code == 1
    assert "bad.toml:5 step1.after：写的是 “两小时”" in result.output


# Files


def test_the_shipped_plans_are_sound():
    found, problems = sop.read_folder(sop.FOLDER)

    assert problems == ()
    assert {p.name for p in found} == {"新客7天", "试驾后5天", "报价后3天", "沉默唤醒", "交付关怀",
                                       "战败召回"}  # fmt: skip


def test_every_shipped_script_is_in_the_library(talk):
    customer = replace(talk.customer("wang"), model="S6")

    for plan in sop.shipped():
        for n, step in enumerate(plan.steps):
            if step.do != "recall":
                assert steps.text(plan, n, customer, talk.ctx())[0], (plan.name, n)


GOOD = """name = "试试"
[trigger]
event = "试驾"
[[step]]
after = "2h"
text = "您好"
say = "问一句"
"""


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ('name = "试试"', 'name = "试 试"', "x.toml:1 name：写的是 “试 试”，应为1 到 20 个字"),
        ('event = "试驾"', 'event = "预约"', "x.toml:3 trigger.event：写的是 “预约”，应为加微"),
        ('event = "试驾"', 'evnt = "试驾"', "trigger：写的是"),
        ('after = "2h"', 'after = "两小时"', "x.toml:5 step1.after：写的是 “两小时”，应为 30m、2h"),
        ('after = "2h"', 'after = "1d 25:00"', "step1.after"),
        ('text = "您好"', 'text = "{客户}好"', "x.toml:6 step1.text：写的是 “客户”，应为变量"),
        ('text = "您好"', "", "step1.text"),
        ('text = "您好"', 'text = "a"\ndo = "send"', "step1.do：写的是 “send”，应为draft"),
        ('say = "问一句"', "", "step1.say"),
        ('say = "问一句"', 'say = "a"\nwhen = 1', "step1.when"),
        (
            'name = "试试"',
            'name = "试试"\npriority = 900',
            "x.toml:2 priority：写的是 900，应为0 到",
        ),
        ('name = "试试"', 'name = "试试"\nexit = ["reply"]', "含 optout"),
        ('name = "试试"', 'name = "试试"\nexit = ["stage:飞", "optout"]', "stage:下订"),
        ('name = "试试"', 'name = "试试"\nfoo = 1', "foo：写的是"),
        ("[[step]]", '[audience]\nlevels = ["X"]\n[[step]]', "audience.levels：写的是 “X”"),
        ("[[step]]", "[audience\n[[step]]", "TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_field(was, becomes, told):
    plan, problems = sop.read("x.toml", GOOD.replace(was, becomes))

    assert plan is None
    assert told in "\n".join(map(str, problems))


def test_steps_go_forward_in_time():
    later = GOOD + '[[step]]\nafter = "1h"\ntext = "a"\nsay = "b"\n'

    _, (problem,) = sop.read("x.toml", later)

    assert str(problem) == "x.toml:9 step2.after：写的是 “1h”，应为不早于前一步的时间"


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text):
    plan, problems = sop.read("x.toml", text)

    assert plan is None
    assert problems


ZONE = ZoneInfo("Asia/Shanghai")
BASE = datetime(2026, 3, 6, 15, 0, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("after", "when"),
    [
        ("30m", datetime(2026, 3, 6, 15, 30, tzinfo=ZONE)),
        ("2h", datetime(2026, 3, 6, 17, 0, tzinfo=ZONE)),
        ("1d", datetime(2026, 3, 7, 8, 45, tzinfo=ZONE)),
        ("3d 10:30", datetime(2026, 3, 9, 10, 30, tzinfo=ZONE)),
        ("0d 10:30", BASE),  # that hour of the day is over
    ],
)
def test_when_a_step_is_due(after, when):
    step = sop.Step(after, "draft", "")

    assert sop.due(step, BASE.astimezone(UTC), ZONE, time(8, 45)) == when
