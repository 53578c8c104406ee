"""The rules as rows: each is named, counted and versioned, and can be tried without harm."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import main
from handlers import rulebook, tiers, whatif
from handlers.settings import Settings, Tiers
from handlers.tiers import Facts, Signal, judge
from handlers.whatif import SettingError
from storage import customers, rules
from storage.customers import Customer

BOOK = rulebook.shipped()


@pytest.mark.parametrize("rule", BOOK.rules.values(), ids=lambda r: r.name)
def test_every_rule_says_what_it_does_with_settings_there_are(rule):
    assert set(rule.reads) <= Tiers.model_fields.keys()
    assert "{" not in rule.words(Tiers())
    assert rule.gives


def test_the_numbers_in_a_rule_are_those_that_hold():
    other = Tiers(talking_messages=9)

    assert "满 9 次" in BOOK.rules["tier.talking"].words(other)


FACTS = st.builds(
    Facts, signals=st.lists(st.builds(Signal, st.sampled_from("HABC"), st.just("x"),
                                      st.just(None)), max_size=0),
    ordered=st.booleans(), delivered=st.booleans(), friends=st.booleans(),
    opted_out=st.booleans(), spoken=st.integers(0, 9), played=st.integers(0, 3),
    group=st.sampled_from(("", "看车群")), in_group_spoken=st.integers(0, 5),
    owners_group=st.sampled_from(("", "车主群")), ever_spoke=st.booleans(),
    pinned=st.sampled_from(("", "high", "mid", "low")),
    side=st.sampled_from(("", "战败", "冷冻", "失控", "静默")),
)  # fmt: skip


@given(FACTS, st.sampled_from("OHABCN"))
def test_whatever_is_judged_is_judged_by_a_rule_of_the_book(facts, level):
    from bot.sandbox.demo import START

    verdict = judge(facts, Customer(id="a", name="a", level=level), START, Tiers())

    assert set(verdict.rules) <= BOOK.rules.keys()


def test_a_judgement_keeps_its_rules_and_their_version(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")

    now = talk.customer("wang")
    assert (now.level_rule, now.tier_rule) == ("level.signal", "tier.pursuing")
    assert now.rules_version == BOOK.version
    assert {"level.signal", "tier.pursuing"} <= {row["rule"] for row in rules.hits(talk.db)}


# What would be otherwise


def test_a_dry_run_tells_who_would_move_and_changes_nothing(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")
    talk.wait(days=8)
    before = talk.db.rows("select * from customers order by id")
    hits = rules.hits(talk.db)

    found = whatif.run(whatif.among("", 0, talk.ctx()), ["tiers.window_h_days=10"], talk.ctx())

    assert (found.judged, found.moved) == (2, 1)
    assert found.counts[("级别", "C级", "H级")] == 1
    assert found.counts[("意向", "低意向", "高意向")] == 1
    assert "定" in found.examples[0].reason
    assert talk.db.rows("select * from customers order by id") == before
    assert rules.hits(talk.db) == hits


def test_the_same_numbers_move_nobody(talk):
    talk.says("zhang", "客户王女士说：这周能定下来吗，定金多少")

    found = whatif.run(whatif.among("", 0, talk.ctx()), ["window_h_days=7"], talk.ctx())

    assert found.sentence == "看了2位客户，谁都不变。"


def test_days_leave_out_who_did_not_move(talk):
    customers.change(talk.db, "li", added_at=talk.now - timedelta(days=90))

    assert [c.id for c in whatif.among("", 30, talk.ctx())] == ["wang"]


WRONG = [
    ("window_x_days=3", ["window_x_days", "window_h_days"]),
    ("window_h_days", ["键=数字"]),
    ("window_h_days=many", ["tiers.window_h_days", "'many'", "整数"]),
    ("window_h_days=-3", ["tiers.window_h_days", "'-3'"]),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_setting_that_cannot_be_tried_says_what_can(text, words):
    with pytest.raises(SettingError) as wrong:
        whatif.changed([text], Settings())

    assert [w for w in words if w not in str(wrong.value)] == []


def test_a_manager_asks_in_the_chat_within_their_stores(talk):
    customers.add(talk.db, Customer(id="far", name="远女士", store="gz-th", owner="he",
                                    added_at=talk.now))  # fmt: skip
    for key in ("wang", "far"):
        customers.change(talk.db, key, level="H", level_at=talk.now - timedelta(days=9))
        customers.tag(talk.db, key, kind="signal", code="H", evidence="这周定",
                      now=talk.now - timedelta(days=8))  # fmt: skip

    talk.says("chen", "如果 window_h_days=10")

    assert "看了2位客户，1位会变，没有改动任何人" in talk.texts("chen")
    assert "王女士" in talk.texts("chen")
    assert "远女士" not in talk.texts("chen")
    assert talk.customer("wang").level == "H"


def test_an_advisor_cannot_try_settings(talk):
    talk.says("zhang", "如果 window_h_days=10")

    assert "给经理试设置" in talk.texts()


# The command line


@pytest.fixture
def asked(demo_store, tmp_path):
    """Run a subcommand on the demo's store; returns what it prints."""
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\nurl = "sqlite:///{demo_store}"\n'
                      '[[stores]]\nid = "bj-cy"\nname = "朝阳店"\n'
                      '[[advisors]]\nuserid = "zhang"\nname = "张伟"\nstore = "bj-cy"\n',
                      encoding="utf-8")  # fmt: skip

    def ask(*words, code=0):
        found = CliRunner().invoke(main, ["--config", str(config), *words])
        assert found.exit_code == code, found.output
        return found.output

    return ask


def test_the_list_shows_what_each_rule_did(asked):
    rows = {row["rule"]: row for row in json.loads(asked("rules", "list", "--json"))}

    assert rows["level.signal"]["hits"] > 0
    assert rows["level.signal"]["last"]
    assert rows["tier.talking"]["version"] == BOOK.version
    assert "playbook.hot.invite" in rows


def test_a_dry_run_on_the_stored_days(asked):
    said = asked("rules", "dry-run", "--set", "tiers.talking_messages=100", "--json",
                 "--at", "2026-03-06T09:00")  # fmt: skip
    (found,) = json.loads(said)

    assert found["moved"] > 0
    assert {"what": "意向", "from": "中意向", "to": "低意向"}.items() <= found["counts"][0].items()
    assert len(found["examples"]) <= 2 * whatif.EXAMPLES


def test_a_wrong_setting_is_wrong_use(asked):
    assert "window_h_days" in asked("rules", "dry-run", "--set", "tiers.x=1", code=2)


def test_audiences_are_listed_counted_and_written(asked):
    rows = json.loads(asked("audience", "--json", "--at", "2026-03-06T09:00"))
    assert {row["name"]: row["count"] for row in rows}["拉新"] > 0

    (found,) = json.loads(asked("audience", "拉新", "--json", "--limit", "3",
                                "--at", "2026-03-06T09:00"))  # fmt: skip
    assert len(found["members"]) == 3
    assert all(row["sendable"] for row in found["members"])

    lines = asked("audience", "拉新", "--csv", "--at", "2026-03-06T09:00").splitlines()
    assert lines[0].startswith("编号,客户,顾问")
    assert len(lines) > 3


def test_an_audience_for_an_advisor_holds_their_customers(asked, demo_store):
    (found,) = json.loads(asked("audience", "促活", "--for", "zhang", "--json",
                                "--at", "2026-03-06T09:00"))  # fmt: skip

    assert {row["owner"] for row in found["members"]} == {"张伟"}
    assert "nobody" in asked("audience", "--for", "nobody", code=2)
    assert "拉新" in asked("audience", "没有", code=2)


def test_the_lint_says_what_is_wrong(asked, tmp_path):
    assert "没有错" in asked("rules", "lint")
    broken = tmp_path / "own.toml"
    broken.write_text('[[audience]]\nname = "甲"\nlevel = "X"\n', encoding="utf-8")

    assert "O、H、A、B、C、N" in asked("rules", "lint", str(broken), code=1)


# In the chat


def test_a_manager_sees_the_crowds_and_opens_one(talk):
    talk.says("chen", "人群")
    assert "· 拉新 2位：" in talk.texts("chen")

    talk.says("chen", "人群 拉新")
    assert "王女士" in talk.texts("chen")
    talk.says("chen", "1")
    assert talk.did

    talk.says("chen", "人群 没有的")
    assert "拉新" in talk.texts("chen")
    talk.says("zhang", "人群")
    assert "由经理来看" in talk.texts()


def test_who_opted_out_is_told_of_as_withheld(talk):
    customers.change(talk.db, "li", opted_out_at=talk.now)

    talk.says("chen", "人群 拉新")

    assert "拉新：1位" in talk.texts("chen")
    assert "另有1位符合，但已退订" in talk.texts("chen")
    assert "李先生" not in talk.texts("chen")


def test_official_groups_are_set_in_the_chat(talk):
    from storage import groups

    groups.put(talk.db, chat_id="g1", name="S6看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    groups.join(talk.db, "g1", "wang", "王女士", talk.now - timedelta(days=12))

    talk.says("chen", "设群 S6看车群 官方 车主")
    assert "S6看车群是官方车主群" in talk.texts("chen")
    talk.says("zhang", "记录 王女士 下订")
    assert talk.customer("wang").tier_rule == "tier.owner"

    talk.says("chen", "设群 S6看车群 非官方")
    tiers.rejudge(talk.customer("wang"), talk.ctx())
    assert talk.customer("wang").tier_rule == "tier.ordered"


SET = [
    ("chen", "设群 没有的群 官方", "没有叫"),
    ("chen", "设群 看车群 漂亮", "写法"),
    ("zhang", "设群 看车群 官方", "由经理来做"),
]


@pytest.mark.parametrize(("who", "text", "words"), SET)
def test_what_cannot_be_set_says_why(talk, who, text, words):
    talk.says(who, text)

    assert words in talk.texts(who)
