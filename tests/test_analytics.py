"""The reports: each formula by its worked example, each table from what happened."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import demo
from handlers.analytics import ANALYSES, Scope, formulas
from handlers.analytics.formulas import GroupFigures, StoreFigures
from handlers.analytics.groups import rule
from storage import (
    checkins,
    customers,
    draws,
    events,
    followups,
    games,
    groups,
    lost,
    points,
    ratings,
    scores,
    scripts,
)
from storage.customers import Customer
from storage.games import Round
from storage.lost import Loss
from storage.ratings import Rating
from storage.scores import Score

DAY = timedelta(days=1)
DOC = (Path(__file__).parent.parent / "docs" / "formulas.md").read_text(encoding="utf-8")
CY, HD, GZ = "bj-cy", "bj-hd", "gz-th"


def at(words):
    return datetime.fromisoformat(words).replace(tzinfo=demo.START.tzinfo)


def worked(text):
    """The worked example stands in the documents as it is computed here."""
    assert text in DOC


# Pure


def test_a_share_of_too_few_is_nothing_and_never_zero():
    assert formulas.share(0, 4, 5) is None
    assert formulas.share(0, 5, 5) == 0.0
    assert formulas.share(0, 0, 0) is None


def test_the_worked_example_of_satisfaction():
    one = formulas.satisfied({5: 6, 4: 2, 3: 1, 2: 1}, 5)

    assert (one.good, one.middle, one.bad, one.share, one.mean) == (8, 1, 1, 0.8, 4.3)
    worked("**80 %**，平均 **4.3** 星")
    assert formulas.satisfied({5: 4}, 5).share is None
    assert formulas.satisfied({}, 5).mean is None


def test_the_worked_example_of_the_stores():
    found = {"甲": StoreFigures(40, 2, 20, 10, 4), "乙": StoreFigures(20, 2, 10, 8, 1)}

    score = formulas.store_scores(found, 5)

    assert {key: (one.raw, one.even) for key, one in score.items()} == {
        "甲": (125, 62.5), "乙": (75, 37.5)}  # fmt: skip
    worked("**125（折半 62.5）**")
    worked("**75（折半 37.5）**")
    tilts = formulas.tilts({key: one.even for key, one in score.items()}, 0.5, 2.0)
    assert tilts == {"甲": 1.2, "乙": 0.8}
    worked("62.5÷50＝**1.2**，37.5÷50＝**0.8**")


def test_a_store_with_few_visits_is_not_compared_and_drags_nobody():
    found = {"甲": StoreFigures(40, 2, 20, 10, 4), "乙": StoreFigures(20, 2, 10, 8, 1)}

    more = formulas.store_scores({**found, "丙": StoreFigures(900, 9, 4, 4, 4)}, 5)

    assert more == formulas.store_scores(found, 5)
    assert formulas.store_scores({"甲": found["甲"]}, 5) == {}


FIGURES = st.builds(StoreFigures, *[st.integers(0, 500)] * 2, st.integers(5, 90),
                    *[st.integers(0, 90)] * 2)  # fmt: skip


@given(st.dictionaries(st.sampled_from("甲乙丙丁戊"), FIGURES, min_size=2))
def test_both_scales_rank_alike_and_stay_in_their_bounds(found):
    score = formulas.store_scores(found, 5)

    assert all(0 <= one.raw <= 200 and 0 <= one.even <= 100 for one in score.values())
    by_raw = sorted(score, key=lambda k: (-score[k].raw, k))
    assert by_raw == sorted(score, key=lambda k: (-score[k].even, k))


def test_the_worked_example_of_a_group(talk):
    life = formulas.life(GroupFigures(100, 3, 1, 60, 10), rule(talk.ctx()))

    assert (round(life.value), life.stage) == (56, "成熟")
    worked("**56，成熟**")


@pytest.mark.parametrize(
    ("figures", "stage"),
    [
        ((100, 9, 0, 0, 1.9), "萌芽"),
        ((100, 9, 0, 0, 2), "成长"),
        ((100, 0, 0, 60, 9), "衰退"),
        ((100, 0, 5, 60, 9), "沉寂"),
    ],
)
def test_the_parts_of_a_group_s_life(talk, figures, stage):
    assert formulas.life(GroupFigures(*figures), rule(talk.ctx())).stage == stage


def test_an_empty_group_has_no_life(talk):
    assert formulas.life(GroupFigures(0, 0, 3, 0, 9), rule(talk.ctx())) is None


def test_the_worked_example_of_the_waits():
    one = formulas.waits([2, 4, 6, 10, 40], 1, 30, 5)

    assert (one.median, one.p90, round(one.within, 2)) == (6, 28, 0.67)
    worked("中位 **6 分钟**，P90 **28 分钟**，及时 4÷6＝**67 %**")


def test_few_waits_have_no_median():
    assert formulas.waits([2, 4], 1, 30, 5) == formulas.Waits(3, None, None, None)


@pytest.mark.parametrize(("today", "verdict"), [(6, "偏高"), (5, "正常"), (1, "正常"), (0, "偏低")])
def test_the_worked_example_of_the_bands(today, verdict):
    found = formulas.band(today, [2, 4] * 14, 2.0, 10)

    assert (found.mean, found.sd, found.verdict) == (3, 1, verdict)
    worked("上限 5、下限 1：今天 6 是 **偏高**，5 是 **正常**，0 是 **偏低**")


def test_a_band_needs_days_on_which_something_was_counted():
    assert formulas.band(99, [1] * 9 + [0] * 19, 2.0, 10).verdict == "样本不足"
    assert formulas.band(99, [], 2.0, 1).verdict == "样本不足"


# From what happened


def add(talk, key, store=CY, owner="lina", when=None, **more):
    customers.add(talk.db, Customer(id=key, name=f"客户{key}", store=store, owner=owner,
                                    added_at=when or talk.now, **more))  # fmt: skip


def happens(talk, customer, kind, when=None, evidence="", source="advisor"):
    events.add(talk.db, event_id=f"{customer}-{kind}-{when}", customer=customer, kind=kind,
               when=when or talk.now, source=source, evidence=evidence)  # fmt: skip


def run(talk, name, stores=(CY,), days=30, until=None):
    """The rows of a table by their first text cell, as dictionaries by heading."""
    until = until or talk.now + timedelta(minutes=1)
    table = ANALYSES[name].run(Scope(stores, until - days * DAY, until), talk.ctx())
    return [dict(zip((c.title for c in table.columns), row, strict=True)) for row in table.rows]


def row(found, key, value):
    return next(one for one in found if one[key] == value)


def test_the_funnel_divides_by_what_it_says(talk):
    for n in range(10):
        add(talk, f"n{n}")
        happens(talk, f"n{n}", "加微")
        if n < 7:
            happens(talk, f"n{n}", "开口")
        if n < 3:
            happens(talk, f"n{n}", "到店")

    found = run(talk, "funnel")

    assert row(found, "环节", "开口")["比率"] == 0.7
    assert row(found, "环节", "开口")["口径"] == "开口7÷加微10"
    assert row(found, "环节", "试驾")["比率"] is None
    assert row(found, "环节", "试驾")["口径"] == "样本不足（试驾0÷到店3）"


def test_talking_on_two_days_is_coming_back(talk):
    for key, hours in (("wang", (1, 30)), ("li", (1, 2))):
        for n in hours:
            customers.said(talk.db, msg_id=f"{key}{n}", customer_id=key, who="customer",
                           member="zhang", text="在吗", now=talk.now - timedelta(hours=n),
                           source="paste")  # fmt: skip

    assert row(run(talk, "funnel"), "环节", "再次沟通")["人数"] == 1


def test_aipl_counts_where_the_new_ones_stand_today(talk):
    for n, stage in enumerate(("加微", "开口", "报价", "下订", "交付", "战败")):
        add(talk, f"n{n}", stage=stage)
    add(talk, "old", when=talk.now - 60 * DAY, stage="交付")

    found = {one["层"]: one["人数"] for one in run(talk, "aipl", days=3)}

    assert found == {"认知": 1, "兴趣": 2, "购买": 1, "忠诚": 1, "离开": 1}


def test_the_worked_example_of_the_cohorts(talk):
    for n in range(6):
        add(talk, f"n{n}", when=at("2026-01-02T10:00"))
    for n in range(3):
        happens(talk, f"n{n}", "到店", at("2026-01-12T10:00"))
    happens(talk, "n4", "到店", at("2026-02-11T10:00"))

    found = row(run(talk, "cohorts", until=at("2026-02-20T10:00")), "加微月份", "2026-01")

    assert (found["人数"], found["30天内到店"], found["60天内到店"]) == (6, 0.5, None)
    assert "60天还没满" in found["口径"]
    worked("30 天内到店 3÷6＝**50 %**，60 天还没满")


def test_nobody_is_in_a_cohort_whose_days_are_not_over(talk):
    for n in range(6):
        add(talk, f"old{n}", when=at("2026-02-01T10:00"))
        add(talk, f"new{n}", when=at("2026-02-25T10:00"))
    happens(talk, "new1", "到店", at("2026-02-26T10:00"))

    found = row(run(talk, "cohorts", until=at("2026-03-06T10:00")), "加微月份", "2026-02")

    assert (found["人数"], found["30天内到店"]) == (12, 0.0)
    assert "30天÷6人" in found["口径"]


def test_reasons_are_counted_where_they_happened(talk):
    add(talk, "a", store=HD, owner="zhao", source="垂媒")
    happens(talk, "wang", "未到店", evidence="距离远")
    happens(talk, "li", "未试驾", evidence="距离远")
    happens(talk, "a", "未到店", evidence="她说不来了")

    found = run(talk, "reasons", (CY, HD))

    assert row(found, "原因", "距离远")["门店"] == "朝阳店2"
    assert row(found, "原因", "没说原因")["顾问"] == "赵敏1"
    assert row(found, "原因", "没说原因")["来源"] == "垂媒1"


@pytest.mark.parametrize(
    ("what", "heads"),
    [
        ("tier", {"高意向": 1, "低意向": 2}),
        ("level", {"H级": 1, "N级": 2}),
        ("model", {"S6": 1, "没说车型": 2}),
        ("source", {"垂媒": 1, "来源不明": 2}),
        ("concern", {"续航": 1, "价格": 1}),
        ("quadrant", {"高意向高活跃": 1}),
    ],
)
def test_people_are_crossed_with_what_they_are(talk, what, heads):
    add(talk, "a", owner="zhang", tier="high", level="H", model="S6", source="垂媒")
    for code in ("range", "price"):
        customers.tag(talk.db, "a", kind="concern", code=code, now=talk.now)
    scores.put(talk.db, "a", [Score("四象限", 2, "高意向高活跃", "", 1, talk.now)])

    found = row(run(talk, f"cross-{what}"), "顾问", "张伟")

    assert {key: n for key, n in found.items() if key not in ("顾问", "合计") and n} == heads


def test_several_stores_are_the_rows_instead_of_advisors(talk):
    add(talk, "a", store=HD, owner="zhao")

    assert {one["门店"] for one in run(talk, "cross-tier", (CY, HD))} == {"朝阳店", "海淀店"}


def visits(talk, store, owner, n, drives, orders):
    for k in range(n):
        key = f"{store}{k}"
        add(talk, key, store=store, owner=owner)
        happens(talk, key, "加微")
        happens(talk, key, "到店")
        if k < drives:
            happens(talk, key, "试驾")
        if k < orders:
            happens(talk, key, "下订")


def test_stores_are_ranked_in_their_city_and_a_tilt_is_proposed(talk):
    visits(talk, CY, "lina", 10, 8, 4)
    visits(talk, HD, "zhao", 6, 1, 0)
    visits(talk, GZ, "he", 9, 9, 9)

    found = run(talk, "stores", (CY, HD, GZ))

    assert [(one["门店"], one["名次"]) for one in found] == [
        ("朝阳店", 1), ("海淀店", 2), ("天河店", None)]  # fmt: skip
    best = row(found, "门店", "朝阳店")
    assert best["得分（0–200）"] == 2 * best["得分（0–100）"]
    assert (best["现在权重"], best["建议权重"]) == (1.0, 1.8)
    assert row(found, "门店", "海淀店")["建议权重"] == 0.5
    assert "不排名" in row(found, "门店", "天河店")["口径"]


def wait(talk, key, minutes, begin="2026-03-05T10:00", outcome="已回复"):
    began = at(begin)
    followups.plan(talk.db, followup_id=key, customer=key, advisor="zhang", kind="waiting",
                   due=began, reason="", now=began, rule="waiting")  # fmt: skip
    if minutes is not None:
        followups.close(talk.db, key, began + timedelta(minutes=minutes), outcome)


def test_answers_are_timed_in_opening_hours(talk):
    for n, minutes in enumerate((2, 4, 6, 10, 40)):
        wait(talk, f"w{n}", minutes)
    wait(talk, "open", None)
    wait(talk, "gone", 5, outcome="退订")

    found = row(run(talk, "responses"), "顾问", "张伟")

    assert (found["首响中位"], found["首响P90"], found["等过的次数"]) == (6, 28, 6)
    assert round(found["30分钟内"], 2) == 0.67


def test_the_night_is_no_waiting(talk):
    for n in range(5):  # 18:20 until 08:40 the next day: twenty minutes of opening hours
        wait(talk, f"w{n}", 14 * 60 + 20, "2026-03-04T18:20")

    assert row(run(talk, "responses"), "顾问", "张伟")["首响中位"] == 20


def test_ratings_are_those_of_the_own_store(talk):
    for n, (who, verdict) in enumerate((("zhang", 1), ("lina", 2), ("zhao", 1))):
        ratings.put(talk.db, Rating(f"a{n}", who, verdict, (2,) * (verdict == 2), "", talk.now))

    found = run(talk, "satisfaction")

    assert [(one["满意"], one["不满意"], one["不满意的原因"]) for one in found] == [
        (1, 1, "不完整1")]  # fmt: skip
    assert found[0]["口径"].startswith("样本不足")


def test_scripts_are_told_by_their_title_and_of_the_own_advisors(talk):
    script = next(iter(talk.knowledge.bank.all()))
    for n in range(6):
        scripts.shown(talk.db, ids=[(f"u{n}", script.id)], advisor="zhang", customer="wang",
                      question="q", now=talk.now)  # fmt: skip
        if n < 3:
            scripts.outcome(talk.db, f"u{n}", "adopted")
    scripts.shown(talk.db, ids=[("far", script.id)], advisor="he", customer="", question="q",
                  now=talk.now)  # fmt: skip

    found = run(talk, "scripts")

    assert found[0]["话术"] == script.title
    assert (found[0]["给出"], found[0]["采纳率"], found[0]["回复率"]) == (6, 0.5, None)


def test_the_voice_of_the_customer_by_week_model_and_rival(talk):
    customers.change(talk.db, "wang", model="S6")
    for key, days in (("wang", 1), ("li", 10)):
        customers.tag(talk.db, key, kind="concern", code="range", polarity=-1,
                      now=talk.now - days * DAY)  # fmt: skip
    customers.tag(talk.db, "wang", kind="rival", code="x", value="别家车", now=talk.now)

    found = run(talk, "voice")

    assert (found[0]["关注点"], found[0]["提到"], found[0]["未解决"]) == ("续航", 2, 2)
    assert list(found[0].values())[-4:] == [0, 0, 1, 1]
    assert row(run(talk, "voice-models"), "车型", "S6")["提到"] == 1
    assert run(talk, "voice-rivals") == [{"竞品": "别家车", "提到": 1, "同时在看": "S61"}]


def group(talk, chat="g", members=("wang", "li"), store=CY, weeks=10):
    groups.put(talk.db, chat_id=chat, name="看车群", kind="潜客", owner="zhang", store=store,
               now=talk.now - weeks * 7 * DAY)  # fmt: skip
    for member in members:
        groups.join(talk.db, chat, member, member, talk.now - 60 * DAY)


def test_a_group_shows_its_four_inputs(talk):
    group(talk, members=[f"m{n}" for n in range(10)])
    groups.join(talk.db, "g", "fresh", "新人", talk.now - DAY)
    groups.leave(talk.db, "g", "m9", talk.now - 2 * DAY)
    checkins.add(talk.db, chat_id="g", member="m1", day=talk.now.date(), now=talk.now)
    points.add(talk.db, key="p", chat_id="g", member="m2", delta=1, reason="答题", now=talk.now)
    customers.said(talk.db, msg_id="s", customer_id="m3", who="customer", member="g", text="好",
                   now=talk.now, source="archive")  # fmt: skip

    found = run(talk, "lives")[0]

    assert (found["客户"], found["流入"], found["流出"], found["沉默"]) == (10, 0.1, 0.1, 0.7)
    assert (found["系数"], found["阶段"], found["建群周数"]) == (49, "衰退", 10)


def test_what_came_of_a_game_and_a_draw(talk):
    group(talk)
    begin = talk.now - 10 * DAY
    games.begin(talk.db, Round("r", "g", "答题", "over", {}, "zhang", begin, begin + DAY))
    for key in ("wang", "li"):
        games.moved(talk.db, key=key, round_id="r", player=key, said="", now=begin)
    points.add(talk.db, key="p", chat_id="g", member="wang", delta=5, reason="答题", now=begin)
    draws.begin(talk.db, draws.Draw("d", "g", "周末抽奖", (), {}, "", "", "已开奖", "zhang",
                                    begin, begin))  # fmt: skip
    draws.enter(talk.db, "d", ticket="1", member="li", name="李", now=begin)
    happens(talk, "wang", "到店", begin + 3 * DAY)
    happens(talk, "wang", "下订", begin + 8 * DAY)  # too late to be the game's

    found = run(talk, "activities")

    quiz, draw = row(found, "活动", "答题"), row(found, "活动", "抽奖：周末抽奖")
    assert [quiz[k] for k in ("参加", "得分人数", "到店", "下订")] == [2, 1, 1, 0]
    assert [draw[k] for k in ("参加", "到店")] == [1, 0]


def test_recall_stands_beside_the_case(talk):
    for n in range(6):
        add(talk, f"l{n}")
        lost.put(talk.db, Loss(f"x{n}", f"l{n}", "lina", CY, "价格", "其他", talk.now - 5 * DAY,
                               state="同意", decided_at=talk.now - 4 * DAY))  # fmt: skip
        lost.wake(talk.db, wake_id=f"w{n}", loss=f"x{n}", customer=f"l{n}", reason="r",
                  now=talk.now)  # fmt: skip
        lost.woke(talk.db, f"w{n}", talk.now - 3 * DAY)
    lost.answered(talk.db, "l0", talk.now - 9 * DAY, talk.now - 2 * DAY)
    happens(talk, "l0", "下订", talk.now - DAY)

    found = run(talk, "recall")

    called = row(found, "指标", "召回率")
    assert (called["口径"], called["案例参考"]) == ("有回应1÷已唤醒6", "15%")
    assert row(found, "指标", "召回下订率")["口径"] == "样本不足（下订1÷有回应1）"


def test_what_has_no_source_is_said_to_be_missing(talk):
    happens(talk, "wang", "开口", source="paste")

    found = run(talk, "yardsticks", days=1)

    assert row(found, "指标", "开口率")["数据来源"] == "粘贴1"
    assert row(found, "指标", "每天沟通人数")["数据来源"].startswith("没有数据（贴客户的话")
    assert row(found, "指标", "到店率")["案例参考"] == "9%"


def test_a_day_is_compared_with_the_same_part_of_the_days_before(talk):
    for n in range(1, 29):
        for k in range(1 + n % 2):
            add(talk, f"d{n}-{k}")
            happens(talk, f"d{n}-{k}", "到店", talk.now - n * DAY - timedelta(minutes=5))
            happens(talk, f"d{n}-{k}", "报价", talk.now - n * DAY + timedelta(hours=8))
    for k in range(4):
        add(talk, f"t{k}")
        happens(talk, f"t{k}", "到店", talk.now - timedelta(minutes=5))

    found = run(talk, "odd", until=talk.now)

    assert found[0] == {"环节": "到店", "这一天": 4, "均值": 1.5, "标准差": 0.5, "下限": 0.5,
                        "上限": 2.5, "判断": "偏高"}  # fmt: skip
    assert row(found, "环节", "报价")["判断"] == "样本不足"  # all of them later in the day


def test_nothing_of_another_store_is_in_any_table(talk, demo_store):
    """A scope without stores sees nothing."""
    from storage.sqlite import Sqlite

    store = Sqlite(demo_store)
    talk.db = store
    for one in ANALYSES.values():
        table = one.run(Scope((), talk.now - 30 * DAY, talk.now), talk.ctx())
        counted = [cell for one_row in table.rows
                   for cell, column in zip(one_row, table.columns, strict=True)
                   if column.kind == "count" and cell]  # fmt: skip
        assert counted == [], one.name
    store.close()


@pytest.mark.parametrize("name", ANALYSES)
def test_every_table_is_as_wide_as_its_heading_and_says_what_it_counts(talk, demo_store, name):
    from storage.sqlite import Sqlite

    store = Sqlite(demo_store)
    talk.db = store
    table = ANALYSES[name].run(Scope((CY, HD, GZ), talk.now - 30 * DAY, talk.now), talk.ctx())
    store.close()

    assert all(len(one) == len(table.columns) for one in table.rows)
    assert table.note
    shares = [cell for row in table.rows for cell, column in zip(row, table.columns, strict=True)
              if column.kind == "share" and cell is not None]  # fmt: skip
    assert all(isinstance(cell, float) and cell >= 0 for cell in shares)
