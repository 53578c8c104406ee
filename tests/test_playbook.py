"""The playbook: the first row that fits is the advice, and the low tier is never pressed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import playbook
from handlers.playbook import Known, PlaybookError, Row
from handlers.scores import BANDS, QUADRANTS
from storage import customers, rules
from storage.customers import Customer

HOT = Known("high", "高意向高活跃", "中", "意向")
CASES = [
    (HOT, "hot.invite"),
    (replace(HOT, band="浓"), "hot.dense"),
    (replace(HOT, tags=frozenset({"价格敏感型"})), "hot.price"),
    (replace(HOT, tags=frozenset({"要和家人商量"})), "hot.family"),
    (Known("high", "高意向低活跃", "浅", "意向"), "cool.call"),
    (Known("mid", "低意向高活跃", "浅", "潜客"), "mid.lively"),
    (Known("mid", "低意向高活跃", "浅", "潜客", "高"), "spread.invite"),
    (Known("low", "低意向高活跃", "浅", "潜客"), "low.active"),
    (Known("low", "低意向低活跃", "无", "潜客"), "low.silent"),
    (Known("low", "高意向高活跃", "很浓", "意向"), "low.any"),
    (Known("high", "高意向高活跃", "浓", "车主", "高"), "owner.refer"),
    (Known("mid", "低意向低活跃", "无", "车主"), "owner.care"),
    (Known("low", "低意向低活跃", "无", "战败", tags=frozenset({"嫌贵"})), "lost.price"),
    (Known("low", "低意向低活跃", "无", "战败"), "lost.any"),
]


@pytest.mark.parametrize(("known", "name"), CASES)
def test_the_first_row_that_fits_is_named(known, name):
    assert playbook.choose(known, playbook.shipped()).name == name


KNOWN = st.builds(
    Known, st.sampled_from(playbook.TIERS), st.sampled_from(QUADRANTS), st.sampled_from(BANDS),
    st.sampled_from(playbook.GROUPS), st.sampled_from(playbook.SPREADS),
    st.frozensets(st.sampled_from(("价格敏感型", "嫌贵", "要和家人商量", "家庭尊享型"))),
)  # fmt: skip
ROWS = st.builds(
    Row, st.just("r"), st.sampled_from(("逼单", "了解")), st.sampled_from(("催TA下定", "聊聊")),
    st.sampled_from(("促成", "价格异议", "需求探寻")), st.just("怎么说"), st.just("电话"),
    tiers=st.sampled_from(((), ("low",), ("low", "high"))),
)  # fmt: skip


@given(KNOWN)
def test_there_is_always_an_advice_and_none_presses_the_low_tier(known):
    row = playbook.choose(known, playbook.shipped())

    assert row is not None
    assert known.tier != "low" or not row.presses


@given(KNOWN, st.lists(ROWS, max_size=4))
def test_no_table_presses_the_low_tier(known, rows):
    row = playbook.choose(known, tuple(rows))

    assert row is None or known.tier != "low" or not row.presses


GOOD = """[[row]]
name = "a"
goal = "g"
action = "聊聊"
stage = "需求探寻"
scene = "s"
channel = "电话"
"""
WRONG = [
    (GOOD.replace("需求探寻", "促成") + 'tiers = ["low"]', ["a", "低意向不逼单"]),
    (GOOD.replace("聊聊", "今天定了吧") + 'tiers = ["low"]', ["低意向不逼单"]),
    (GOOD.replace("需求探寻", "逼单"), ["stage", "'逼单'", "试驾邀约"]),
    (GOOD + 'quadrant = ["高高"]', ["quadrant", "'高高'", "高意向高活跃"]),
    (GOOD + 'tags = ["没有的"]', ["tags", "没有的"]),
    (GOOD + "colour = 3", ["colour", "channel"]),
    (GOOD.replace('goal = "g"\n', ""), ["goal", "要写文字"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_broken_row_says_what_is_allowed(tmp_path, text, words):
    path = tmp_path / "playbook.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(PlaybookError) as wrong:
        playbook.load(path)

    assert [w for w in ["playbook.toml", *words] if w not in str(wrong.value)] == []


def test_the_words_of_each_row_find_a_script(talk):
    """A scene that finds nothing would leave the advisor without words."""
    from scriptbank.script import Query

    found = {row.name: talk.knowledge.bank.suggest(
        Query(text=row.scene, day=talk.now.date(), stage=row.stage), 3).items
        for row in playbook.shipped()}  # fmt: skip

    assert [name for name, items in found.items() if not items] == []


def test_the_card_shows_the_advice_its_goal_and_its_row(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")

    talk.says("zhang", "客户 王女士")

    assert "建议：" in str(talk.did)
    assert "cool.call" in str(talk.did)
    assert "playbook.cool.call" in {row["rule"] for row in rules.hits(talk.db)}


@pytest.mark.parametrize("change", ["opted_out_at", "deleted_at"])
def test_no_advice_for_who_must_not_be_written_to(talk, change):
    customers.change(talk.db, "wang", **{change: talk.now})

    assert playbook.advice(talk.customer("wang"), talk.ctx()) is None


GROUPS = [("交付", "low", "车主"), ("战败", "low", "战败"), ("试驾", "low", "意向"),
          ("开口", "high", "意向"), ("开口", "mid", "潜客")]  # fmt: skip


@pytest.mark.parametrize(("stage", "tier", "group"), GROUPS)
def test_the_customer_groups_of_the_case(stage, tier, group):
    assert playbook.group(Customer(id="a", name="a", stage=stage, tier=tier)) == group
