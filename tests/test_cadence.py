"""Whom to contact after what: the table row by row, the rhythm of each customer, and why."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import cadence, followups, playbook, rhythm, unknowns
from handlers.settings import Followups
from handlers.values import Card, Send
from storage import customers, events, groups, rhythms, rules
from storage import followups as owed
from storage.rhythms import Rhythm

# Friday 2026-03-06 09:00


def at(talk, words):
    return datetime.fromisoformat(f"2026-{words.replace(' ', 'T')}").replace(tzinfo=talk.ctx().zone)


def due(talk, key="wang"):
    """What is owed, by rule, and when."""
    return {f.rule or f.kind: f"{f.due_at.astimezone(talk.ctx().zone):%m-%d %H:%M}"
            for f in owed.open_of(talk.db, key)}  # fmt: skip


def until(talk, words):
    return talk.wait(seconds=(at(talk, words) - talk.now).total_seconds())


# After what happened


MOMENTS = [
    ("到店", {"visit.thanks": "03-06 11:00", "visit.call": "03-07 08:45"}),
    ("试驾", {"drive.feeling": "03-06 12:00", "drive.family": "03-08 08:45"}),
    ("报价", {"quote.check": "03-06 11:00", "quote.again": "03-07 10:00"}),
    ("交付", {"owner.day1": "03-07 10:00", "owner.day3": "03-09 10:00",
              "owner.day7": "03-13 10:00", "owner.day30": "04-05 10:00"}),
    ("交期", {"order.delay": "03-06 09:00"}),
    ("交期提前", {"order.earlier": "03-06 09:00"}),
]  # fmt: skip


@pytest.mark.parametrize(("moment", "rows"), MOMENTS, ids=[m for m, _ in MOMENTS])
def test_each_moment_owes_its_rows(talk, moment, rows):
    cadence.happened(talk.customer("wang"), moment, talk.ctx())

    assert due(talk) == rows


@pytest.mark.parametrize("moment", ["到店", "试驾", "报价", "交付"])
def test_what_an_advisor_logs_owes_them_too(talk, moment):
    talk.says("zhang", f"记录 王女士 {moment}")

    rows = {row.name for row in cadence.table().rows if row.moment == moment}
    assert rows <= due(talk).keys()


def test_a_drive_after_the_visit_leaves_one_follow_up_of_the_day(talk):
    talk.says("zhang", "记录 王女士 到店")
    talk.says("zhang", "记录 王女士 试驾")

    assert "visit.thanks" not in due(talk)
    assert "drive.feeling" in due(talk)


def test_an_order_ends_what_was_owed_before_it(talk):
    for word in ("到店", "试驾", "报价", "下订"):
        talk.says("zhang", f"记录 王女士 {word}")

    assert {f.kind for f in owed.open_of(talk.db, "wang")} == {"cadence"}


def test_a_quote_that_was_answered_is_asked_about_no_more(talk):
    cadence.happened(talk.customer("wang"), "报价", talk.ctx())
    talk.now += timedelta(minutes=30)
    talk.says("zhang", "客户王女士说：收到了，我看看")

    until(talk, "03-07 12:00")

    assert not due(talk).keys() & {"quote.check", "quote.again"}


def test_thanks_that_were_given_are_not_asked_for_and_the_call_still_is(talk):
    cadence.happened(talk.customer("wang"), "到店", talk.ctx())
    talk.now += timedelta(minutes=30)
    customers.change(talk.db, "wang", contacted_at=talk.now)

    did = until(talk, "03-07 09:00")

    assert "刚离店" not in str(did)
    assert "离店一天，打个电话" in str(did)


def test_thanks_of_a_late_visit_are_due_while_the_advisor_is_still_there(talk):
    until(talk, "03-06 16:50")
    cadence.happened(talk.customer("wang"), "到店", talk.ctx())

    assert due(talk)["visit.thanks"] == "03-06 18:00"


def test_thanks_that_nobody_gave_are_still_owed_but_not_in_the_words_of_that_day(talk):
    cadence.happened(talk.customer("wang"), "到店", talk.ctx())
    thanks = next(f for f in owed.open_of(talk.db, "wang") if f.kind == "thanks")
    same_day = followups.advice(talk.customer("wang"), thanks, talk.ctx())
    owed.drop(talk.db, "wang", talk.now, "试", ("call",))
    until(talk, "03-07 09:00")

    assert owed.get(talk.db, thanks.id).state == "open"
    late = followups.item(thanks, talk.customer("wang"), talk.ctx())
    assert late.why.startswith("离店致谢过了时候，")
    assert late.say != same_day


def test_moments_that_passed_in_a_holiday_make_one_line(talk):
    cadence.happened(talk.customer("wang"), "交付", talk.ctx())
    found = [f for f in owed.open_of(talk.db, "wang") if f.kind.startswith("owner")]
    talk.now = at(talk, "04-06 09:59")

    talk.wait(minutes=1)

    shown = {f.kind: (owed.get(talk.db, f.id).state, owed.get(talk.db, f.id).outcome)
             for f in found}  # fmt: skip
    assert {k: v for k, v in shown.items() if k != "owner30"} == dict.fromkeys(
        ("owner1", "owner3", "owner7"), ("done", "过了时候")
    )
    assert shown["owner30"][0] == "open"


def test_nothing_is_owed_to_who_opted_out(talk):
    customers.change(talk.db, "wang", opted_out_at=talk.now)

    cadence.happened(talk.customer("wang"), "到店", talk.ctx())

    assert due(talk) == {}


@pytest.mark.parametrize("source", ["垂媒", "活动"])
def test_a_lead_that_pays_is_reached_within_two_hours(talk, source):
    customers.change(talk.db, "wang", source=source)

    cadence.lead(talk.customer("wang"), talk.ctx())

    assert due(talk) == ({"lead.high": "03-06 11:00"} if source == "垂媒" else {})


def test_every_row_is_sound_and_finds_a_script(talk):
    wang = talk.customer("wang")
    for row in cadence.table().rows:
        if row.moment == cadence.CYCLE:
            assert isinstance(getattr(Followups(), row.due), int), row.name
        else:
            assert cadence.due_at(row, talk.ctx()) >= talk.now, row.name
        followup = owed.FollowUp("x", "wang", "zhang", row.kind, talk.now, row.reason, "", "open",
                                 talk.now, None, 0, talk.now, None, None, row.name)  # fmt: skip
        assert len(followups.advice(wang, followup, talk.ctx())) > 20, row.name


def test_the_names_are_unlike():
    names = [row.name for row in cadence.table().rows]

    assert len(names) == len(set(names))


# The steady rhythm, and who changes it


def pace(talk, **more):
    return cadence.pace(replace(talk.customer("wang"), **more), talk.ctx())


def known(talk, touches, replies, unanswered=0, bands=None, key="wang"):
    rhythms.put(talk.db, Rhythm(key, bands or {}, touches, replies, unanswered))


CYCLES = [
    ({"level": "O", "tier": "high"}, "cycle.O", 7), ({"level": "H", "tier": "high"}, "cycle.H", 2),
    ({"level": "B", "tier": "mid"}, "cycle.B", 7), ({"level": "C", "tier": "low"}, "cycle.low", 15),
    ({"level": "B", "tier": "mid", "track": "fan"}, "cycle.fan", 30),
    ({"level": "H", "tier": "high", "track": "fan"}, "cycle.H", 2),
]  # fmt: skip


@pytest.mark.parametrize(("more", "rule", "days"), CYCLES)
def test_the_row_of_the_cycle(talk, more, rule, days):
    found = pace(talk, **more)

    assert (found.row.name, found.days) == (rule, days)


def test_a_low_tier_that_answers_is_asked_the_next_question(talk):
    talk.says("zhang", "客户王女士说：在的")
    wang = replace(talk.customer("wang"), tier="low", level="C")
    found = cadence.pace(wang, talk.ctx())
    followup = owed.open_of(talk.db, "wang")[0]

    assert found.row.name == "cycle.dig"
    assert found.days == 15  # never sooner than its level
    assert followups.advice(wang, followup, talk.ctx()) == unknowns.best(wang, talk.ctx()).text


@pytest.mark.parametrize(
    ("touches", "replies", "days"), [(10, 9, 3), (10, 5, 4), (10, 0, 6), (4, 0, 4)]
)
def test_who_answers_is_contacted_sooner_and_who_does_not_later(talk, touches, replies, days):
    known(talk, touches, replies)

    found = pace(talk, level="A", tier="high")

    assert found.days == days
    assert (days != 4) == (f"{touches}次联系回了{replies}次" in found.reason(talk.customer("wang")))


def test_an_order_is_never_contacted_later(talk):
    known(talk, 10, 0, unanswered=9)

    assert pace(talk, level="O", tier="high").days == 7


def test_three_touches_without_an_answer_are_the_low_frequency_until_they_speak(talk):
    customers.change(talk.db, "wang", level="A", tier="high", level_at=talk.now)
    for _ in range(3):
        talk.says("zhang", "已联系 王女士")
        talk.now += timedelta(days=1)
    assert cadence.pace(talk.customer("wang"), talk.ctx()).days == 14
    assert "连续3次没回" in str(followups.reason(owed.open_of(talk.db, "wang")[0],
                                                 talk.customer("wang"), talk.ctx()))  # fmt: skip

    talk.says("zhang", "客户王女士说：周末可以试驾吗")

    assert cadence.pace(talk.customer("wang"), talk.ctx()).row.name != "cycle.silent"


def test_a_contact_that_is_taken_back_was_no_touch(talk):
    talk.says("zhang", "已联系 王女士")
    talk.says("zhang", "撤销")

    assert rhythms.of(talk.db, "wang").unanswered == 0
    assert rhythms.of(talk.db, "wang").touches == 0


# The hour that suits


def talked(talk, hour, answer, days):
    """So many days a touch at nine and an answer at that hour."""
    for _ in range(days):
        rhythm.touched("wang", talk.ctx())
        talk.now = talk.now.replace(hour=hour)
        if answer:
            rhythm.replied("wang", talk.ctx())
        talk.now = (talk.now + timedelta(days=1)).replace(hour=9)


def test_who_answers_in_the_afternoon_is_due_in_the_afternoon_and_is_told_why(talk):
    talked(talk, 15, True, 6)
    customers.change(talk.db, "wang", level="A", tier="high", level_at=talk.now)

    followups.plan_cadence(talk.customer("wang"), talk.ctx())

    (found,) = owed.open_of(talk.db, "wang")
    assert f"{found.due_at.astimezone(talk.ctx().zone):%H:%M}" == "14:00"
    assert "TA多在下午回复（6次里6次）" in followups.explain(
        found, talk.customer("wang"), talk.ctx()
    )


def test_an_hour_after_the_shift_is_the_end_of_it(talk):
    talked(talk, 20, True, 6)

    found = rhythm.hour(rhythms.of(talk.db, "wang"), talk.settings.advisors[0], talk.ctx())

    assert f"{found[0]:%H:%M}" == "18:00"
    assert found[1] == "TA多在晚上7点后回复（6次里6次），你18:30下班，排在18:00"


def test_four_answers_are_no_habit_yet(talk):
    talked(talk, 15, True, 4)

    assert rhythm.best(rhythms.of(talk.db, "wang"), talk.ctx()) is None


def test_an_answer_after_two_days_answers_no_touch(talk):
    rhythm.touched("wang", talk.ctx())
    talk.now += timedelta(hours=49)

    rhythm.replied("wang", talk.ctx())

    assert rhythms.of(talk.db, "wang").replies == 0


def test_what_goes_on_is_one_touch(talk):
    for _ in range(3):
        rhythm.touched("wang", talk.ctx())
        talk.now += timedelta(minutes=40)

    assert rhythms.of(talk.db, "wang").touches == 1


@given(touches=st.integers(0, 500), replies=st.integers(0, 500))
def test_a_rate_is_one(touches, replies):
    assert 0 < rhythm.rate(touches, min(touches, replies)) < 1


# Judging again


def fell_silent(talk):
    """The morning on which the level is asked about."""
    talk.says("zhang", "客户王女士说：现在有现车吗，这周能定")
    assert due(talk)["level.stale"] == "03-10 08:45"
    owed.drop(talk.db, "wang", talk.now, "test", ("cadence",))
    talk.did = until(talk, "03-11 09:00")
    assert "两个周期没有说话" in str(talk.did)
    talk.says("zhang", "1")


def test_a_level_that_fell_silent_is_asked_about_and_the_answer_holds(talk):
    fell_silent(talk)

    card = next(a for a in talk.did if isinstance(a, Card))
    assert card.title == "王女士还是H级吗？"
    talk.says("zhang", "4")

    assert talk.customer("wang").level == "C"
    assert talk.customer("wang").level_reason == "张伟判断"
    assert "记为" in talk.texts()


def test_a_verdict_can_be_taken_back(talk):
    fell_silent(talk)
    was = talk.customer("wang")
    owing = due(talk)
    talk.taps("zhang", "C级")
    assert talk.customer("wang").level == "C"

    talk.says("zhang", "撤销")

    now = talk.customer("wang")
    assert (now.level, now.pinned_until) == (was.level, was.pinned_until)
    assert due(talk) == owing


def test_who_spoke_since_is_not_asked_about(talk):
    talk.says("zhang", "客户王女士说：现在有现车吗，这周能定")
    until(talk, "03-09 12:00")
    talk.says("zhang", "客户王女士说：首付多少")

    assert due(talk)["level.stale"] > "03-12"


def member(talk, days, **more):
    groups.put(talk.db, chat_id="g1", name="意向群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    groups.join(talk.db, "g1", "wang", "王女士", talk.now - timedelta(days=days))
    pinned = talk.now + timedelta(days=30)
    customers.change(talk.db, "wang", pinned_until=pinned, level_at=talk.now, **more)


def test_two_weeks_in_a_group_ask_for_a_decision(talk):
    until(talk, "03-06 09:01")
    member(talk, 13, tier="mid", level="B", spoke_at=talk.now - timedelta(days=3))

    did = until(talk, "03-07 09:00")
    assert "入群满14天，该定意向了" in str(did)
    talk.did = did
    talk.says("zhang", "1")
    talk.taps("zhang", "高意向")

    wang = talk.customer("wang")
    assert (wang.tier, wang.level) == ("high", "A")
    assert events.last(talk.db, "wang", "级别").evidence == "B→A：张伟判断"


def test_five_weeks_without_a_step_make_a_fan(talk):
    until(talk, "03-06 09:01")
    member(talk, 34, tier="mid", level="C")

    did = until(talk, "03-07 09:00")

    assert talk.customer("wang").track == "fan"
    assert "已转粉丝培育" in str(did)
    assert due(talk)["cadence"] == "04-06 08:45"


def test_whoever_moved_on_is_no_fan(talk):
    until(talk, "03-06 09:01")
    member(talk, 34, tier="high", level="H")

    until(talk, "03-07 09:00")

    assert talk.customer("wang").track != "fan"


# 为什么


def test_why_of_a_line_names_the_rule_and_the_times(talk):
    cadence.happened(talk.customer("wang"), "到店", talk.ctx())
    talk.did = until(talk, "03-06 11:00")

    talk.says("zhang", "为什么")

    assert "规则 visit.thanks（离店致谢）：刚离店，2小时内道谢" in talk.texts()
    assert "应在周五(3月6日)上午11点" in talk.texts()


def test_why_of_the_steady_rhythm_names_the_play(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，S6多少钱")
    cadence.plan(talk.customer("wang"), talk.ctx())
    [due] = [f for f in owed.open_of(talk.db, "wang") if f.kind == "cadence"]
    tip = playbook.advice(talk.customer("wang"), talk.ctx())

    said = followups.explain(due, talk.customer("wang"), talk.ctx())

    assert f"打法 {tip.name}：{tip.action}" in said


def test_why_of_a_number(talk):
    for key in ("wang", "li"):
        cadence.happened(talk.customer(key), "到店", talk.ctx())
    talk.did = until(talk, "03-06 11:00")
    assert any(isinstance(a, Send) and "到点跟进这2位" in a.text for a in talk.did)

    talk.says("zhang", "为什么 2")

    assert "规则 visit.thanks" in talk.texts()
    talk.says("zhang", "为什么 9")
    assert "没有这个序号" in talk.texts()


def test_each_row_counts_how_often_it_reminded(talk):
    cadence.happened(talk.customer("wang"), "到店", talk.ctx())
    until(talk, "03-06 11:00")

    hits = {row["rule"]: row["hits"] for row in rules.hits(talk.db)}
    assert hits["followup.visit.thanks"] == 1
