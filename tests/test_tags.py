"""Tags: the dictionary, what gives a customer which, what the advisor sees, how well they work."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import main
from handlers import dictionary, health, tags
from handlers.dictionary import SHIPPED, DictionaryError, Touch
from handlers.values import Card
from storage import customers, events
from storage import tags as rows

DICTIONARY = dictionary.shipped()


def says(talk, words, **wait):
    """The customer's words reach the bot; returns the names of her tags."""
    talk.says("zhang", f"客户王女士问：{words}")
    talk.now += timedelta(**(wait or {"minutes": 1}))
    return held(talk)


def held(talk, who="wang"):
    return {h.entry.name for h in tags.held(talk.customer(who), talk.ctx())}


# The dictionary


def test_ten_groups_under_four_kinds_hold_more_than_a_hundred_tags():
    assert len(DICTIONARY.groups) == 10
    assert {g.kind for g in DICTIONARY.groups.values()} == {
        "interest", "behavior", "category", "core_intent",
    }  # fmt: skip
    assert len(DICTIONARY.tags) >= 100
    assert all(DICTIONARY.of_group(code) for code in DICTIONARY.groups)


def test_there_are_21_touch_points_and_each_has_a_name():
    assert len(Touch) == 21
    assert len({t.label for t in Touch}) == 21


def test_the_shipped_dictionary_has_nothing_doubtful():
    assert dictionary.warnings(DICTIONARY) == []


@pytest.mark.parametrize(
    ("name", "days"),
    [("先了解不急", 14), ("想试驾", 14), ("预算15-20万", 60), ("替家人看车", 365), ("爱露营", 365)],
)
def test_moods_pass_budgets_last_a_season_a_family_a_year(name, days):
    assert DICTIONARY.tags[name].days == days


GROUP = '[[group]]\ncode = "g"\nname = "组"\nkind = "interest"\n'
TAG = GROUP + '[[tag]]\nname = "甲"\ngroup = "g"\ndays = 30\n'
WRONG = [
    (TAG + 'when = [{ concern = "prise" }]', ["d.toml:5", "甲", "concern", "prise", "price"]),
    (TAG + 'when = [{ slot = "budget", polarity = 1 }]', ["slot", "polarity", "value"]),
    (TAG + 'when = [{ intent = "quote", event = "到店" }]', ["d.toml:5", "只写"]),
    (TAG + 'when = [{ mood = "bad" }]', ["when", "concern", "event"]),
    (TAG + "when = []", ["when", "至少要有一个条件"]),
    (TAG + "when = [1]", ["when"]),
    (TAG + 'when = [{ concern = "price", polarity = 2 }]', ["polarity", "-1、0 或 1"]),
    (TAG + 'when = [{ concern = "price", mentions = "many" }]', ["mentions", "整数"]),
    (TAG + 'when = [{ slot = "color", value = 3 }]', ["value", "文字"]),
    (TAG + 'beats = "乙"\nwhen = [{ intent = "quote" }]', ["beats", "乙"]),
    (TAG + 'unless = ["丙"]\nwhen = [{ intent = "quote" }]', ["unless", "丙"]),
    (TAG + 'colour = 1\nwhen = [{ intent = "quote" }]', ["colour", "没有这个字段"]),
    (TAG.replace("30", "0") + 'when = [{ intent = "quote" }]', ["days", "大于 0"]),
    (TAG.replace('"g"\nd', '"x"\nd') + 'when = [{ intent = "quote" }]', ["group", "'x'", "g"]),
    (GROUP.replace("interest", "hobby"), ["kind", "interest"]),
    ('[touch]\nexpo = "moon"', ["expo", "moon", "auto_show"]),
    ("[[tags]]", ["tags", "[[tag]]"]),
    (TAG + 'when = [{ intent = "quote" }]\n' + TAG.removeprefix(GROUP)
     + 'when = [{ intent = "order" }]', ["d.toml:5", "d.toml:10", "不止一次"]),
    ("[[tag", ["TOML"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[told[0] + told[-1] for _, told in WRONG])
def test_what_is_wrong_is_told_with_file_line_field_and_cure(tmp_path, text, told):
    file = tmp_path / "d.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(DictionaryError) as wrong:
        dictionary.load(file)

    assert [word for word in told if word not in str(wrong.value)] == []


@given(text=st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_dictionary(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("d") / "d.toml"
    file.write_bytes(text.encode("utf-8", "replace"))
    try:
        dictionary.load(file)
    except DictionaryError as wrong:
        assert "d.toml" in str(wrong)  # noqa: PT017


# What gives a tag

SAID = [
    ("有点贵", {"嫌贵"}),
    ("冬天续航怎么样", {"关注续航"}),
    ("这个内饰太好看了", {"喜欢内饰"}),
    ("预算20万以内", {"预算15-20万"}),
    ("预算15-18万", {"预算15-20万"}),
    ("预算40万以上", {"预算40万以上"}),
    ("平时上下班开", {"通勤用车"}),
    ("帮我爸看的", {"替家人看车"}),
    ("周末喜欢去露营", {"爱露营"}),
    ("打算全款买", {"打算全款"}),
    ("周六能试驾吗", {"想试驾", "7天内有望成交"}),
    ("先了解一下，不急", {"先了解不急", "要等等看"}),
    ("电话13812345678", {"给过电话"}),
]


@pytest.mark.parametrize(("words", "wanted"), SAID, ids=[words for words, _ in SAID])
def test_words_give_their_tags(talk, words, wanted):
    assert wanted <= says(talk, words)


def test_who_asks_for_figures_and_comparisons_is_rational(talk):
    says(talk, "百公里电耗多少，保值率怎么样")

    found = says(talk, "跟Model Y比参数差多少")

    assert "理性型" in found
    assert "感性型" not in found


def test_who_speaks_of_looks_and_family_is_emotional(talk):
    says(talk, "外观好看，我老婆特别喜欢内饰")

    found = says(talk, "坐着也舒服")

    assert "感性型" in found
    assert "理性型" not in found


def test_unknown_stays_neutral(talk):
    assert {"理性型", "感性型"}.isdisjoint(says(talk, "在吗"))


def test_events_counts_and_channels_give_tags_too(talk):
    customers.change(talk.db, "wang", source="expo-gz-04", spoke_at=talk.now - timedelta(days=10))
    events.add(
        talk.db, event_id="e1", customer="wang", kind="试驾", when=talk.now, source="advisor"
    )

    assert {"试驾过", "车展来的", "沉默一周"} <= held(talk)


def test_a_mood_passes_and_a_worry_stays_longer(talk):
    says(talk, "有点贵，先了解一下，不急")

    talk.now += timedelta(days=15)

    assert "先了解不急" not in held(talk)
    assert "嫌贵" in held(talk)


def test_a_stronger_window_hides_the_weaker_one(talk):
    found = says(talk, "首付多少？周六能试驾吗")

    assert "7天内有望成交" in found
    assert "15天内有望成交" not in found


def test_the_same_facts_give_the_same_tags(talk):
    says(talk, "有点贵，预算20万以内，周六能试驾吗")
    known = tags.facts(talk.customer("wang"), talk.ctx())

    once = tags.derive(DICTIONARY, known, talk.now)

    assert once == tags.derive(DICTIONARY, known, talk.now)
    assert all(0 <= h.confidence <= 1 and h.first_at <= h.last_at < h.expires_at for h in once)


def test_a_tag_remembers_message_rule_and_words(talk):
    says(talk, "有点贵")

    fact = customers.tags(talk.db, "wang", talk.now, "concern")[0]

    assert (fact.rule, fact.evidence) == ("price.dear", "有点贵")
    assert [m["id"] for m in customers.talk(talk.db, "wang")] == [fact.message]


def test_a_row_that_was_taken_away_comes_back_as_it_was(talk):
    says(talk, "有点贵")
    row = rows.get(talk.db, "wang", "concern", "price")

    assert rows.remove(talk.db, "wang", "concern", "price")
    assert "嫌贵" not in held(talk)
    rows.put(talk.db, row)

    assert rows.get(talk.db, "wang", "concern", "price") == row
    assert "嫌贵" in held(talk)


# What the advisor sees


def test_the_card_shows_the_strongest_tags_in_one_line(talk):
    says(talk, "有点贵，预算20万以内，周六能试驾吗")

    card = next(a for a in talk.says("zhang", "客户 王女士") if isinstance(a, Card))

    line = next(row for row in card.text.splitlines() if row.startswith("标签："))
    assert "预算15-20万" in line
    assert "想试驾" in line


def test_all_tags_are_listed_by_group_with_words_and_dates(talk):
    says(talk, "有点贵，周六能试驾吗")

    talk.says("zhang", "标签 王女士")

    assert "【购买顾虑】\n· 嫌贵：“有点贵”（3月6日）" in talk.texts()
    assert "【购买意向】" in talk.texts()


def test_without_a_name_the_last_customer_is_meant(talk):
    says(talk, "有点贵")

    talk.says("zhang", "标签")

    assert "王女士的标签" in talk.texts()


def test_nobody_in_sight_is_asked_about(talk):
    talk.says("zhang", "标签")

    assert "想看哪一位" in talk.texts()


def test_a_customer_without_tags_has_a_way_to_get_some(talk):
    talk.says("zhang", "标签 李先生")

    assert "还没有标签" in talk.texts()


def test_why_explains_one_tag(talk):
    says(talk, "有点贵")

    talk.says("zhang", "为什么 王女士 嫌贵")

    assert "价格（担心）：“有点贵”，3月6日，规则 price.dear" in talk.texts()
    assert "前有效" in talk.texts()


@pytest.mark.parametrize("asked", ["为什么 嫌贵", "为什么是嫌贵？", "为什么嫌贵"])
def test_why_needs_no_name_for_whoever_was_looked_at(talk, asked):
    says(talk, "有点贵")

    talk.says("zhang", asked)

    assert "王女士的“嫌贵”" in talk.texts()


def test_a_tag_that_she_does_not_have_is_not_explained(talk):
    says(talk, "有点贵")

    talk.says("zhang", "为什么 王女士 理性型")

    assert "现在没有“理性型”" in talk.texts()


def test_the_tags_of_somebody_else_s_customer_stay_closed(talk):
    talk.says("lina", "标签 王女士")

    assert "没有找到" in talk.texts("lina")


# How well they work


def test_the_health_view_tells_what_is_filled_fresh_and_never_comes(talk):
    says(talk, "有点贵")
    talk.now += timedelta(days=40)

    found = health.measure(talk.ctx())

    worry = next(f for f in found.groups if f.group.code == "worry")
    assert (worry.bearers, worry.customers, worry.fresh, worry.held) == (1, 2, 0, 1)
    assert worry.age == 40
    assert "爱滑雪" in found.silent
    assert "嫌贵" not in found.silent


@pytest.fixture
def cli(tmp_path, demo_store):
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    file = tmp_path / "config.toml"
    file.write_text('[storage]\nurl = "sqlite:///sandbox.db"\n', encoding="utf-8")

    def run(*args):
        return CliRunner().invoke(main, ["--config", str(file), *args])

    return run


def test_the_operator_sees_every_group(cli):
    result = cli("tags", "--at", "2026-03-06T09:00", "--json")

    found = json.loads(result.output)
    assert len(found) == 11
    assert any("%" in row["filled"] for row in found[:-1])
    assert found[-1]["silent"]


def test_the_table_ends_with_what_nobody_has(cli):
    result = cli("tags", "--at", "2026-03-06T09:00")

    assert result.exit_code == 0
    assert "现在没有一位客户有的标签" in result.output


def test_the_list_tells_what_gives_each_tag(cli):
    rows_ = json.loads(cli("tags", "list", "--json").output)

    told = {row["name"]: row["rule"] for row in rows_}
    assert told["嫌贵"] == "价格（担心）"
    assert told["预算15-20万"] == "预算150000到200000"
    assert "且重于感性型" in told["理性型"]


def test_one_group_can_be_listed_without_a_configuration(tmp_path):
    result = CliRunner().invoke(
        main, ["--config", str(tmp_path / "none.toml"), "tags", "list", "--group", "style"]
    )

    assert "理性型" in result.output
    assert "嫌贵反复提" not in result.output


def test_lint_passes_what_ships_and_names_what_is_broken(cli, tmp_path):
    broken = tmp_path / "d.toml"
    broken.write_text(TAG + 'when = [{ concern = "prise" }]', encoding="utf-8")

    assert cli("tags", "lint", str(SHIPPED)).exit_code == 0
    result = cli("tags", "lint", str(broken))
    assert result.exit_code == 1
    assert "d.toml:5" in result.output


def test_a_company_s_own_dictionary_is_taken_and_read_again_when_it_changes(tmp_path):
    own = Path(shutil.copy(SHIPPED, tmp_path / "own.toml"))
    known = dictionary.load(own)
    assert not known.changed()

    text = own.read_text(encoding="utf-8").replace('"嫌贵"', '"觉得贵了"', 1)
    own.write_text(text, encoding="utf-8")

    assert known.changed()
    assert "觉得贵了" in known.reload().tags
    assert not known.seen().changed()
