"""Tier and level: raised at once, lowered slowly, each with the words or numbers that say so."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.demo import START as NOW
from handlers import housekeeping, tiers
from handlers.settings import Room, Tiers
from handlers.tiers import Facts, Signal, judge
from handlers.values import Send
from storage import customers, events, groups, timers
from storage.customers import Customer

SETTINGS = Tiers()


def customer(level="N", days=10, **more):
    """Somebody who has had their level for some days."""
    return Customer(id="wang", name="王女士", level=level, level_at=NOW - timedelta(days=days),
                    level_reason="从前的话", **more)  # fmt: skip


def signal(level, days=0.0, words="这周能定"):
    return Signal(level, words, NOW - timedelta(days=days))


def level(was, *signals, **facts):
    return judge(Facts(signals=signals, **facts), was, NOW, SETTINGS).level


RAISED = [
    ("N", "H", 0), ("C", "H", 0), ("B", "A", 0), ("A", "H", 0), ("C", "B", 0), ("N", "C", 0),
]  # fmt: skip


@pytest.mark.parametrize(("was", "said", "days"), RAISED)
def test_a_strong_signal_raises_at_once(was, said, days):
    assert level(customer(was, days), signal(said)) == said


# was, days in that level, what was said, days since then, becomes
LOWERED = [
    ("H", 0, "B", 0, "H"),  # a weaker word does not lower at once
    ("H", 2.9, "B", 0, "H"),
    ("H", 3, "B", 0, "B"),  # dwell is over
    ("A", 3, "C", 0, "C"),
    ("A", 0, "C", 0, "C"),  # 先了解, 不急: explicit words lower at once
    ("H", 0, "C", 0, "C"),
    ("H", 10, "H", 8, "C"),  # its own signal has grown old, none is left
    ("H", 10, "A", 8, "A"),
    ("A", 20, "A", 16, "C"),
    ("B", 40, "B", 31, "C"),
    ("C", 100, "C", 95, "C"),  # below C nobody falls
    ("N", 100, "C", 95, "N"),
]


@pytest.mark.parametrize(("was", "days", "said", "ago", "becomes"), LOWERED)
def test_a_level_sinks_only_after_its_dwell_or_by_explicit_words(was, days, said, ago, becomes):
    assert level(customer(was, days), signal(said, ago)) == becomes


def test_cool_words_are_outweighed_by_a_later_wish():
    cooled, warm = signal("C", 2, "不急"), signal("H", 0, "这周能定")

    assert level(customer("C", 2), cooled, warm) == "H"
    assert level(customer("H", 0), signal("H", 2), signal("C", 0, "不急")) == "C"


WINDOWS = [("H", 7), ("A", 15), ("B", 30), ("C", 90)]


@pytest.mark.parametrize(("said", "days"), WINDOWS)
def test_a_signal_counts_to_the_end_of_its_window(said, days):
    assert level(customer("N"), signal(said, days)) == said
    assert level(customer("N"), signal(said, days + 0.01)) == "N"


def test_an_order_is_level_o_whatever_was_said():
    assert level(customer("H"), signal("C", 0, "不急"), ordered=True) == "O"
    assert level(customer("O", 0), ordered=True) == "O"
    assert level(customer("O", 99), signal("C"), ordered=True) == "O"


def test_an_order_that_was_taken_back_is_no_longer_o():
    verdict = judge(Facts(), customer("O", 0), NOW, SETTINGS)

    assert verdict.level == "N"
    assert "取消" in verdict.level_reason
    assert level(customer("O", 0), signal("A")) == "A"


def test_a_delivered_car_is_no_longer_o():
    verdict = judge(Facts(ordered=True, delivered=True), customer("O", 0), NOW, SETTINGS)

    assert verdict.level != "O"
    assert "交付" in verdict.level_reason
    assert verdict.tier == "high"


def test_a_pinned_level_stays_until_its_day():
    pinned = customer("B", pinned_until=NOW + timedelta(days=1))

    assert level(pinned, signal("H")) == "B"
    assert level(customer("B", pinned_until=NOW - timedelta(days=1)), signal("H")) == "H"


TIERS = [
    ({"ordered": True}, "high", "ordered"),
    ({"ordered": True, "friends": False}, "high", "ordered"),
    ({"friends": False, "spoken": 9}, "low", "unwoken"),
    ({"opted_out": True, "spoken": 9}, "low", "unwoken"),
    ({"appointment": timedelta(days=1)}, "high", "pursuing"),
    ({"appointment": timedelta(days=14)}, "high", "pursuing"),
    ({"appointment": timedelta(days=15)}, "low", "to-wake"),
    ({"appointment": timedelta(days=-1)}, "low", "to-wake"),  # it is over
    ({"signals": [signal("H")]}, "high", "pursuing"),
    ({"signals": [signal("A")]}, "high", "pursuing"),
    ({"signals": [signal("B")], "ever_spoke": True}, "mid", "talking"),
    ({"group": "看车群", "played": 1}, "mid", "group-active"),
    ({"group": "看车群", "played": 0}, "low", "to-wake"),
    ({"spoken": 2, "ever_spoke": True}, "mid", "talking"),
    ({"spoken": 1, "ever_spoke": True}, "low", "unwoken"),
    ({}, "low", "to-wake"),
]


@pytest.mark.parametrize(("facts", "tier", "track"), TIERS)
def test_tiers_are_those_of_the_case(facts, tier, track):
    if "appointment" in facts:
        facts = {**facts, "appointment": NOW + facts["appointment"]}

    verdict = judge(Facts(**facts), customer(), NOW, SETTINGS)

    assert (verdict.tier, verdict.track) == (tier, track)
    assert verdict.tier_reason


def test_reasons_carry_the_numbers():
    active = Facts(group="看车群", in_group_days=12, played=1)

    assert judge(active, customer(), NOW, SETTINGS).tier_reason == "入群12天，近14天参加1次互动"
    assert "近14天发言6次" in judge(Facts(spoken=6), customer(), NOW, SETTINGS).tier_reason
    assert "“这周能定”" in judge(Facts([signal("H")]), customer(), NOW, SETTINGS).level_reason


LEVELS = st.sampled_from("HABC")
SIGNALS = st.lists(
    st.builds(signal, LEVELS, st.floats(0, 120, allow_nan=False)), max_size=6
)  # fmt: skip


@given(st.sampled_from("OHABCN"), st.floats(0, 60), SIGNALS, st.booleans())
def test_no_facts_break_the_judgement_and_an_order_is_never_lowered(was, days, signals, ordered):
    verdict = judge(Facts(signals, ordered=ordered), customer(was, days), NOW, SETTINGS)

    assert verdict.level in tiers.ORDER
    assert (verdict.level == "O") == ordered
    assert verdict.level_reason


@given(st.sampled_from("HABCN"), st.floats(0, 60), SIGNALS)
def test_judging_again_at_once_changes_nothing(was, days, signals):
    first = judge(Facts(signals), customer(was, days), NOW, SETTINGS)
    after = Customer(id="wang", name="王女士", level=first.level, level_reason=first.level_reason,
                     level_at=NOW - timedelta(days=days if first.level == was else 0))  # fmt: skip

    assert judge(Facts(signals), after, NOW, SETTINGS).level == first.level


# From the store


def test_every_move_is_logged_with_its_evidence(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")

    moves = events.of(talk.db, "wang", "级别")
    assert moves[0].evidence.startswith("N→H：")
    assert "这周能定" in moves[0].evidence or "定金" in moves[0].evidence


def test_what_was_hot_sinks_when_nobody_says_more(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")
    assert talk.customer("wang").level == "H"

    talk.wait(days=8)

    assert talk.customer("wang").level == "C"
    assert talk.customer("wang").tier == "low"


def test_an_order_an_order_taken_back_and_a_delivery(talk):
    talk.says("zhang", "记录 王女士 下订")
    assert (talk.customer("wang").level, talk.customer("wang").tier) == ("O", "high")

    talk.now += timedelta(hours=1)
    talk.says("zhang", "记录 王女士 退单")
    assert talk.customer("wang").level == "N"

    talk.now += timedelta(hours=1)
    talk.says("zhang", "记录 王女士 下订")
    talk.now += timedelta(hours=1)
    talk.says("zhang", "记录 王女士 交付")
    assert talk.customer("wang").level == "C"

    talk.now += timedelta(hours=1)
    talk.says("zhang", "记录 王女士 下订")  # a second car
    assert talk.customer("wang").level == "O"


def test_an_order_stays_one_through_two_years_of_level_moves(talk):
    talk.says("zhang", "记录 王女士 下订")
    for n in range(60):
        events.add(talk.db, event_id=f"x{n}", customer="wang", kind="级别",
                   when=talk.now + timedelta(days=n), source="system")  # fmt: skip
    talk.now += timedelta(days=90)

    tiers.decay(talk.ctx())

    assert talk.customer("wang").level == "O"


def test_an_appointment_makes_somebody_high_until_it_is_over(talk):
    talk.says("zhang", "记录 王女士 周六下午3点试驾")
    assert talk.customer("wang").tier == "high"

    talk.wait(days=3)

    assert talk.customer("wang").tier == "low"


def test_a_large_store_is_judged_slice_by_slice_and_goes_on_where_it_stopped(talk):
    many = housekeeping.SLICE + 20
    for n in range(many):
        who = replace(talk.customer("wang"), id=f"x{n:04}", name=f"客户{n}", tier="high")
        customers.add(talk.db, who)
    talk.wait(minutes=1)
    talk.now = talk.ctx().tomorrow(housekeeping.AT) - timedelta(minutes=1)

    def high():
        return sum(talk.customer(f"x{n:04}").tier == "high" for n in range(many))

    talk.wait(minutes=1)
    assert 0 < high() <= 40
    talk.wait(minutes=1)
    assert high() == 0
    assert not [name for name in timers.known(talk.db) if name.startswith(housekeeping.DECAY)]


def test_an_opt_out_is_low_at_once(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")

    talk.says("zhang", "客户王女士说：算了，别再给我发消息了")

    assert talk.customer("wang").tier == "low"
    assert talk.customer("wang").tier_reason == "已退订"


def test_a_game_in_a_group_makes_somebody_middle(talk):
    from storage import checkins

    groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    groups.join(talk.db, "g1", "wang", "王女士", talk.now - timedelta(days=12))
    checkins.add(talk.db, chat_id="g1", member="wang", day=talk.now.date(), now=talk.now)

    tiers.rejudge(talk.customer("wang"), talk.ctx())

    assert talk.customer("wang").tier_reason == "入群12天，近14天参加1次互动"


def test_why_tells_the_moves_and_the_words(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")

    did = talk.says("zhang", "为什么 王女士")

    assert isinstance(did[0], Send)
    assert "N→H" in did[0].text
    assert "高意向" in did[0].text


def test_a_night_judges_everybody_again_once(talk):
    customers.change(talk.db, "wang", level="H", tier="high", level_at=NOW - timedelta(days=9))

    talk.wait(days=1)

    assert talk.customer("wang").level == "C"
    assert len(events.of(talk.db, "wang", "级别")) == 1


# The official groups, the pursued, and those nobody pursues


GROUPED = [
    ({"ordered": True, "owners_group": "S6车主群"}, "high", "tier.owner", "已下订，在S6车主群"),
    ({"ordered": True}, "high", "tier.ordered", "下一步：邀请进车主群"),
    ({"group": "看车群", "in_group_spoken": 3}, "mid", "tier.group", "近14天发言3次"),
    ({"group": "看车群", "in_group_spoken": 2}, "low", "tier.quiet", "不足2次"),
    ({"in_group_spoken": 9}, "low", "tier.quiet", "不足2次"),  # in no official group
    ({"signals": [signal("H")], "side": "战败"}, "low", "tier.lost", "战败"),
    ({"signals": [signal("H")], "side": "冷冻"}, "low", "tier.lost", "冷冻"),
    ({"signals": [signal("H")], "side": "静默"}, "high", "tier.pursuing", "线索跟进中"),
    ({"ordered": True, "side": "失控"}, "high", "tier.ordered", "已下订"),
    ({"pinned": "mid", "pinned_why": "老客户"}, "mid", "tier.pinned", "老客户"),
    ({"pinned": "high", "opted_out": True}, "low", "tier.gone", "已退订"),
    ({"pinned": "low", "ordered": True}, "high", "tier.ordered", "已下订"),
]


@pytest.mark.parametrize(("facts", "tier", "rule", "words"), GROUPED)
def test_a_tier_tells_its_rule_and_its_words(facts, tier, rule, words):
    verdict = judge(Facts(**facts), customer(), NOW, SETTINGS)

    assert (verdict.tier, verdict.tier_rule) == (tier, rule)
    assert words in verdict.tier_reason


def in_group(talk, kind="潜客", official=True):
    groups.put(talk.db, chat_id="g1", name="S6群", kind=kind, owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    groups.settle(talk.db, "g1", kind=kind, official=official)
    groups.join(talk.db, "g1", "wang", "王女士", talk.now - timedelta(days=12))


def chats(talk, times, where="g1"):
    for n in range(times):
        customers.said(talk.db, msg_id=f"{where}{n}", customer_id="wang", who="customer",
                       member=where, text="x", now=talk.now - timedelta(hours=n + 1),
                       source="archive")  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "official", "rule"),
    [("潜客", True, "tier.group"), ("潜客", False, "tier.quiet"), ("内部", True, "tier.quiet")],
)
def test_only_what_is_said_in_official_customer_groups_counts(talk, kind, official, rule):
    in_group(talk, kind, official)
    chats(talk, 3)

    now = tiers.rejudge(talk.customer("wang"), talk.ctx())

    assert now.tier_rule == rule


def test_what_is_said_in_a_group_is_no_talk_with_the_advisor(talk):
    in_group(talk)
    chats(talk, 2)
    assert tiers.rejudge(talk.customer("wang"), talk.ctx()).tier == "low"

    chats(talk, 2, "zhang")

    assert tiers.rejudge(talk.customer("wang"), talk.ctx()).tier_rule == "tier.talking"


def test_the_configuration_says_what_a_group_is_for(talk):
    in_group(talk)
    talk.settings = talk.settings.model_copy(update={"groups": (Room(chat="S6群", kind="车主"),)})

    talk.says("zhang", "记录 王女士 下订")

    assert talk.customer("wang").tier_rule == "tier.owner"


def test_whoever_is_lost_is_not_pursued_whatever_they_once_said(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")
    talk.now += timedelta(hours=1)

    events.add(talk.db, event_id="lost", customer="wang", kind="战败", when=talk.now,
               source="advisor")  # fmt: skip
    tiers.rejudge(talk.customer("wang"), talk.ctx())

    assert talk.customer("wang").tier_rule == "tier.lost"
