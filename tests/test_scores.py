"""The scores: each a pure function with its inputs in words; the document's examples are these."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.demo import START as NOW
from handlers import scores
from handlers.scores import Facts
from handlers.settings import Scores
from storage import checkins, customers, events, groups
from storage import scores as rows
from storage.customers import Customer

S = Scores()
DOC = (Path(__file__).parent.parent / "docs" / "formulas.md").read_text(encoding="utf-8")
DAY = timedelta(days=1)


def examples():
    """The bold result of each worked example, by its heading."""
    parts = re.split(r"^## (.+)$", DOC, flags=re.M)
    shown = [(n, t) for n, t in zip(parts[1::2], parts[2::2], strict=True) if "算例：" in t]
    return {name: re.search(r"算例：.*?\*\*(.+?)\*\*", text, re.S)[1] for name, text in shown}


# The worked examples

BUYER = Facts(level="A", budget=180_000, price=179_800, liked=1, worried=1, rival=True)
# as many worries as things they like, and a rival: 3 + 1 - 1
GUEST = Facts(last_joined=NOW.date() - 10 * DAY, joined_year=6, joined_ever=6)
CLICKED = Facts(actions={"点击": (5, NOW), "收藏": (1, NOW)})


def test_the_example_of_the_potential():
    found = scores.potential(BUYER, S)

    assert found.value == 3.75
    assert str(found) == "潜客价值 3.8（B）：意向4×0.5＋预算4×0.25＋品牌3×0.25"
    assert examples()["潜客价值"] in str(found)


def test_the_example_of_the_activeness():
    found = scores.activeness(GUEST, NOW.date(), S)

    assert f"{found.value:.1f}（{found.grade}）" == examples()["活跃度价值"]
    assert found.inputs == "最近4（10天前）×0.4＋一年4（6次）×0.4＋累计3（6次）×0.2"


def test_five_clicks_and_saving_are_seventy_percent():
    found = scores.concentration(CLICKED, NOW, S)

    assert found.value == 70
    assert str(found) == "线索浓度 70%（中）：点击50×5/5＋收藏20×1/1"
    assert examples()["线索浓度"].replace(" ", "") == f"{found.value:.0f}%（{found.grade}）"


def test_an_action_is_worth_half_after_thirty_days():
    found = scores.concentration(CLICKED, NOW + 30 * DAY, S)

    assert found.value == 35
    assert "×0.50" in found.inputs


def test_more_than_the_cap_adds_nothing():
    often = Facts(actions={"点击": (50, NOW)})

    assert scores.concentration(often, NOW, S).value == 50


def test_the_example_of_the_quadrant():
    facts = Facts(level="A", budget=180_000, price=179_800, liked=1, worried=1, rival=True,
                  counts={"发言": 3, "到店": 1})  # fmt: skip
    lively = scores.activity(facts, S)

    assert lively.value == 8
    found = scores.quadrant(scores.potential(facts, S), lively, S)
    assert found.grade == examples()["活跃分和四象限"]
    assert found.inputs == "潜客价值3.8≥3，活跃分8≥5"


def test_the_example_of_the_spreading():
    facts = Facts(last_joined=NOW.date() - 10 * DAY, joined_year=6, joined_ever=6, owner=True,
                  shares=2, referrals=1)  # fmt: skip
    found = scores.spreading(scores.activeness(facts, NOW.date(), S), facts)

    assert f"{found.value:.1f}（{found.grade}）" == examples()["传播价值"]
    assert found.inputs == "活跃度价值3.8，分享2次，转介绍1次，车主"


# Steps

BUDGETS = [(0, False, 2), (0, True, 3), (143_000, False, 1), (144_000, False, 2),
           (162_000, False, 3), (180_000, False, 4), (198_000, False, 5)]  # fmt: skip


@pytest.mark.parametrize(("budget", "paying", "points"), BUDGETS)
def test_the_budget_is_held_against_the_price(budget, paying, points):
    facts = Facts(budget=budget, price=180_000, paying=paying)

    assert f"预算{points}×" in scores.potential(facts, S).inputs


RECENT = [(7, 5), (8, 4), (14, 4), (15, 3), (30, 3), (31, 2), (90, 2), (91, 1)]


@pytest.mark.parametrize(("days", "points"), RECENT)
def test_recency_falls_in_steps(days, points):
    facts = Facts(last_joined=NOW.date() - days * DAY)

    assert f"最近{points}（{days}天前）" in scores.activeness(facts, NOW.date(), S).inputs


BANDS = [(0, "无"), (3, "无"), (4, "浅"), (30, "中"), (80, "浓"), (120, "很浓")]


@pytest.mark.parametrize(("percent", "band"), BANDS)
def test_the_bands(percent, band):
    s = Scores(actions=(f"点击 {percent}/1",))

    assert scores.concentration(Facts(actions={"点击": (1, NOW)}), NOW, s).grade == band


@given(st.builds(
    Facts, level=st.sampled_from("OHABCN"), budget=st.floats(0, 1e7), price=st.floats(0, 1e7),
    liked=st.integers(0, 9), worried=st.integers(0, 9), rival=st.booleans(),
    joined_year=st.integers(0, 400), joined_ever=st.integers(0, 4000),
    actions=st.dictionaries(st.sampled_from(("点击", "收藏", "试驾", "别的")),
                            st.tuples(st.integers(1, 99), st.just(NOW)), max_size=4),
    shares=st.integers(0, 99), referrals=st.integers(0, 99),
))  # fmt: skip
def test_scores_stay_in_their_range_and_always_say_their_inputs(facts):
    found = {v.name: v for v in scores.all_of(facts, NOW, S)}

    assert tuple(found) == scores.NAMES
    assert 1 <= found["潜客价值"].value <= 5
    assert 1 <= found["活跃度价值"].value <= 5
    assert 0 <= found["线索浓度"].value <= 250
    assert all(v.inputs for v in found.values())


# From the store


def test_words_raise_the_score_at_once_and_the_card_shows_it(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少，预算18万")

    found = rows.of(talk.db, "wang")
    assert found["潜客价值"].inputs.startswith("意向5×0.5")
    assert found["潜客价值"].version > 0
    talk.says("zhang", "客户 王女士")
    assert "评分：" in str(talk.did)
    talk.says("zhang", "评分 王女士")
    assert all(name in talk.texts() for name in scores.NAMES)
    assert found["潜客价值"].inputs in talk.texts()


def test_a_value_that_can_fade_is_looked_at_again_at_night(talk):
    talk.says("zhang", "记录 王女士 到店")
    before = rows.of(talk.db, "wang")["线索浓度"]

    talk.wait(days=2)

    after = rows.of(talk.db, "wang")["线索浓度"]
    assert after.value < before.value
    assert after.review_at > before.review_at


def test_whose_values_cannot_fade_is_not_looked_at(talk):
    scores.refresh(talk.customer("li"), talk.ctx())

    assert all(s.review_at is None for s in rows.of(talk.db, "li").values())
    assert rows.due(talk.db, talk.now + 400 * DAY) == []


def test_the_night_reads_by_index(embedded):
    plan = embedded.rows("""explain query plan select distinct customer from scores
        where review_at <= '2026' order by review_at, customer limit 300""")

    assert "scores_review" in str(plan)


def test_nothing_is_written_when_nothing_changed(talk):
    scores.refresh(talk.customer("wang"), talk.ctx())
    before = rows.of(talk.db, "wang")
    talk.now += timedelta(hours=1)

    scores.refresh(talk.customer("wang"), talk.ctx())

    assert rows.of(talk.db, "wang") == before


def test_whoever_refused_the_archive_has_no_scores(talk):
    talk.says("zhang", "记录 王女士 到店")
    customers.change(talk.db, "wang", archive_refused_at=talk.now)

    scores.refresh(talk.customer("wang"), talk.ctx())

    assert rows.of(talk.db, "wang") == {}
    talk.says("zhang", "评分 王女士")
    assert "不打分" in talk.texts()


# 谁能带人


def active_owner(talk, key="wang"):
    groups.put(talk.db, chat_id="g1", name="车主群", kind="车主", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    groups.join(talk.db, "g1", key, key, talk.now - 90 * DAY)
    for n in range(12):
        checkins.add(talk.db, chat_id="g1", member=key, day=talk.now.date() - n * DAY,
                     now=talk.now)  # fmt: skip
    events.add(talk.db, event_id=f"d{key}", customer=key, kind="交付", when=talk.now - 60 * DAY,
               source="import")  # fmt: skip
    scores.refresh(talk.customer(key), talk.ctx())


def test_who_brings_others_is_listed_with_reasons_and_opens_by_digit(talk):
    active_owner(talk)

    talk.says("zhang", "谁能带人")

    assert "1. 王女士｜传播价值" in talk.texts()
    assert "车主" in talk.texts()
    assert "李先生" not in talk.texts()
    talk.says("zhang", "1")
    assert "王女士" in str(talk.did)


def test_the_list_holds_nobody_who_may_not_be_written_to(talk):
    active_owner(talk)
    customers.change(talk.db, "wang", opted_out_at=talk.now)

    talk.says("zhang", "谁能带人")

    assert "王女士" not in talk.texts()


def test_a_colleague_s_customers_are_not_listed_but_the_manager_s_are(talk):
    customers.add(talk.db, Customer(id="far", name="远女士", store="gz-th", owner="he",
                                    added_at=talk.now))  # fmt: skip
    active_owner(talk)
    active_owner(talk, "far")

    talk.says("lina", "谁能带人")
    assert "王女士" not in talk.texts("lina")
    talk.says("chen", "谁能带人")
    assert "王女士" in talk.texts("chen")
    assert "远女士" not in talk.texts("chen")
