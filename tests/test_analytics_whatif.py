"""如果 and salesbot whatif: what past days would have been; nothing is changed by asking."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from bot.cli import main
from handlers import whatif, whatif_digests, whatif_past, whatif_replay
from handlers.digest_values import Edition, Part
from handlers.settings import Settings
from handlers.team import Team
from handlers.whatif import SettingError
from storage import customers, events
from storage.customers import Customer

DAY = timedelta(days=1)


def run(talk, *given, days=30):
    manager = Team(talk.settings).manager("chen")
    ctx = talk.ctx()
    found = whatif_past.run(whatif.among("chen", 0, ctx), manager, list(given), days, ctx)
    return found, {d.what: (d.was, d.now) for d in found.rows}


def test_a_shorter_rhythm_means_more_reminders(talk):
    pinned = talk.now + 60 * DAY
    for key in ("wang", "li"):
        customers.change(talk.db, key, level="H", tier="high", pinned_until=pinned)

    found, rows = run(talk, "followups.cadence_low_tier_days=5", "followups.cadence_h_days=1",
                      "followups.cadence_n_days=5")  # fmt: skip

    was, now = rows["提醒 次数"]
    assert 0 < was < now
    assert found.sentence.startswith("如果 followups.cadence_low_tier_days=5、")
    assert "看了2位客户、近30天" in found.sentence


def test_a_wider_band_has_fewer_anomalies_in_the_digests(talk):
    for n in range(1, 40):
        for k in range(1 + n % 2 + 3 * (n == 3)):
            customers.add(talk.db, Customer(id=f"d{n}{k}", name="客", store="bj-cy", owner="lina",
                                            added_at=talk.now - 90 * DAY))  # fmt: skip
            events.add(talk.db, event_id=f"d{n}{k}", customer=f"d{n}{k}", kind="到店",
                       when=talk.now - n * DAY, source="advisor")  # fmt: skip

    _, rows = run(talk, "analytics.band_width=9", days=7)

    assert rows["日报 异常“到店”"] == (1, 0)


def test_what_changes_nothing_says_so(talk):
    found, rows = run(talk, "digest.evening=18:00")

    assert rows == {}
    assert found.sentence.endswith("什么都不变。")


def test_nothing_is_written(talk):
    before = [talk.customer(key) for key in ("wang", "li")]
    events_before = talk.db.rows("select count(*) as n from events")

    run(talk, "followups.cadence_h_days=1", "tiers.window_h_days=30")

    assert [talk.customer(key) for key in ("wang", "li")] == before
    assert talk.db.rows("select count(*) as n from events") == events_before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("privacy.messages_days=1", "privacy 不能试"),
        ("followups.nothing=1", "里没有 nothing"),
        ("followups.cadence_h_days=x", "不能是 x"),
        ("window_h_days=x", "tiers.window_h_days"),
    ],
)
def test_a_setting_that_cannot_be_tried_is_told_why(text, said):
    with pytest.raises(SettingError, match=said):
        whatif_past.changed([text], Settings())


def test_a_manager_asks_in_the_chat(talk):
    talk.says("chen", "如果 followups.cadence_low_tier_days=1")

    assert talk.texts("chen").startswith("如果 followups.cadence_low_tier_days=1：看了2位客户")
    assert "没有改动任何人" in talk.texts("chen")


def test_an_advisor_may_not(talk):
    talk.says("zhang", "如果 followups.cadence_low_tier_days=1")

    assert "给经理试设置用的" in talk.texts("zhang")


def test_the_command_line_tells_the_same(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[storage]\nurl = "sqlite:///{tmp_path}/s.db"\n[[stores]]\nid = "a"\nname = "A"\n'
        '[[managers]]\nuserid = "m"\nname = "M"\nstores = ["a"]\n',
        encoding="utf-8",
    )
    start = ["--config", str(config)]
    CliRunner().invoke(main, [*start, "migrate"])

    done = CliRunner().invoke(main, [*start, "whatif", "tiers.window_h_days=9", "--for", "m",
                                     "--days", "2", "--json"])  # fmt: skip
    wrong = CliRunner().invoke(main, [*start, "whatif", "x.y=1", "--for", "m"])

    assert json.loads(done.output)["sentence"].endswith("什么都不变。")
    assert wrong.exit_code == 2
    assert "不能试" in wrong.output


def test_the_days_are_walked_through_again(talk):
    """Said twelve days ago that it would be within a week: H until the window closes."""
    customers.change(talk.db, "wang", added_at=talk.now - 60 * DAY, level="C", level_at=talk.now)
    events.add(talk.db, event_id="up", customer="wang", kind="级别", evidence="N→H",
               when=talk.now - 12 * DAY, source="message")  # fmt: skip
    customers.tag(talk.db, "wang", kind="signal", code="H", evidence="这周能定", confidence=1.0,
                  source="message", now=talk.now - 12 * DAY)  # fmt: skip

    _, rows = run(talk, "tiers.window_h_days=3")
    hot = rows["回放 H·A级人日"]
    said = talk.says("chen", "如果 tiers.window_h_days=3")[-1].text

    assert (hot[0] - hot[1], hot[1] > 0) == (4, True)
    assert f"H·A级人日{hot[0]}→{hot[1]}" in said
    assert "回放近30天：" in said


def test_a_walk_ends_where_the_customer_stands(talk):
    """An order that was taken back, and one that was not there yet, in their days."""
    customers.change(talk.db, "wang", added_at=talk.now - 60 * DAY)
    for n, (kind, ago) in enumerate((("下订", 20), ("退单", 10))):
        events.add(talk.db, event_id=f"o{n}", customer="wang", kind=kind,
                   when=talk.now - ago * DAY, source="advisor")  # fmt: skip

    found = whatif_replay.walked(customers.get(talk.db, "wang"), 30, talk.ctx())

    assert found["回放 高意向人日"] == 10
    assert (found["回放 升级次数"], found["回放 降级次数"]) == (1, 1)
    assert sum(n for key, n in found.items() if "意向" in key) == 30


# How the digests would read


def arrivals(talk, *counts, store="bj-cy"):
    """So many came on each of the last days, yesterday first."""
    for ago, n in enumerate(counts, 1):
        for k in range(n):
            key = f"{store}{ago}-{k}"
            customers.add(talk.db, Customer(id=key, name="客", store=store, owner="lina",
                                            added_at=talk.now - 90 * DAY))  # fmt: skip
            events.add(talk.db, event_id=key, customer=key, kind="到店",
                       when=talk.now - ago * DAY, source="advisor")  # fmt: skip


def read(found):
    return {(what, how): (n, people, was, now)
            for what, how, was, now, n, people in found.digests.rows}  # fmt: skip


def test_a_headline_that_would_read_otherwise_stands_beside_the_one_of_now(talk):
    arrivals(talk, 3, *[1] * 7, *[5] * 20)

    found, _ = run(talk, "digest.mean_days=28", days=2)

    _, people, was, now = read(found)["标题句", "换了说法"]
    assert was == "昨天到店3人，高于近7日均值1.0。"
    assert now == "昨天平稳：各环节都在近28日均值附近。"
    assert people == 1
    assert "日报改" in found.sentence
    assert "位收件人" in found.sentence


def test_a_line_that_would_come_or_go_is_told_with_its_words(talk):
    arrivals(talk, 4, *[k % 2 for k in range(27)])

    found, _ = run(talk, "analytics.band_width=9", days=1)

    went = read(found)["异常", "少了"]
    assert "到店4偏高" in went[2]
    assert went[3] == ""


def test_another_order_is_told_as_such():
    def edition(*names):
        parts = tuple(Part(name, f"{name}一行", (), 0) for name in names)
        return Edition("题", "句", parts, (), "")

    (found,) = whatif_digests.between(edition("漏斗", "逾期"), edition("逾期", "漏斗"), "chen")
    (gone,) = whatif_digests.between(edition("漏斗", "逾期"), edition("漏斗"), "chen")

    assert (found.how, found.was, found.now) == ("换了顺序", "漏斗、逾期", "逾期、漏斗")
    assert (gone.what, gone.how) == ("逾期", "少了")


def test_a_line_below_the_end_of_a_message_is_not_read():
    parts = tuple(Part(f"第{n}", "很长的一行" * 30, (), 0) for n in range(20))
    whole = Edition("题", "句", parts, (), "")

    assert 1 < len(whole.lines) < 20
    assert f"另有{20 - len(whole.lines)}条" in whole.text


def test_tiers_that_would_be_others_change_the_line_of_the_customers(talk):
    customers.tag(talk.db, "wang", kind="signal", code="H", evidence="这周能定", confidence=1.0,
                  source="message", now=talk.now - 12 * DAY)  # fmt: skip
    customers.change(talk.db, "wang", level="C", level_at=talk.now - 20 * DAY)

    found, _ = run(talk, "tiers.window_h_days=20", days=1)
    talk.says("chen", "如果 tiers.window_h_days=20")

    _, _, was, now = read(found)["客户", "换了说法"]
    assert (was, now) == ("客户：低意向2", "客户：高意向1、低意向1")
    assert "客户换了说法" in talk.texts("chen")


def test_what_others_read_is_counted_and_not_shown(talk):
    """The city's manager asks; the stores' managers get lines that are none of hers."""
    arrivals(talk, 3, *[1] * 7, *[5] * 20, store="bj-hd")
    manager = Team(talk.settings).manager("zhou")
    among = whatif_digests.readers(manager, talk.ctx())

    assert among[0].userid == "zhou"
    assert "chen" in [one.userid for one in among]
    assert "lin" not in [one.userid for one in among]
    change = whatif_digests.Change("异常", "多了", "", "异常：到店3偏高", "chen")
    assert whatif_digests.table([change], "zhou", 7).rows == (("异常", "多了", "", "", 1, 1),)
