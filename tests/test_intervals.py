"""周期, 卡住名单, 清单: how long steps take, who is stuck, what comes next."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import main
from handlers import checklist, intervals
from handlers.intervals import Path
from handlers.settings import Journey
from handlers.values import Card
from storage import customers, events
from storage.customers import Customer
from storage.sqlite import Sqlite

DAY = timedelta(days=1)
NOW = datetime.fromisoformat("2026-03-06T09:00:00+08:00")
START = NOW - 60 * DAY


def path(key="c", **times):
    return Path(key, "zhang", "bj-cy", "垂媒", None, {k: START + d * DAY for k, d in times.items()})


def live(talk, key, owner="zhang", store="bj-cy", stage="", source="垂媒", **days):
    """A customer with the first time of each step, so many days ago."""
    stage = stage or list(days)[-1]
    customers.add(talk.db, Customer(id=key, name=f"客{key}", owner=owner, store=store, stage=stage,
                                    source=source, added_at=talk.now - 80 * DAY,
                                   contacted_at=talk.now - 9 * DAY))  # fmt: skip
    for kind, n in days.items():
        events.add(talk.db, event_id=f"{key}{kind}", customer=key, kind=kind,
                   when=talk.now - n * DAY, source="advisor")  # fmt: skip


# Pure


def test_median_and_p75_are_those_of_the_spans():
    found = [path(加微=0, 到店=n) for n in (1, 2, 3, 4, 10)]

    span = intervals.span("x", intervals.days(found, ("加微", "到店"), START), 5)

    assert (span.count, span.median, span.p75) == (5, 3 * DAY, 4 * DAY)


def test_under_five_it_says_so():
    span = intervals.span("加微→到店", [DAY] * 4, 5)

    assert (span.median, span.p75) == (None, None)
    assert intervals.words(span) == "加微→到店 样本不足（4位）"


def test_who_came_before_the_friendship_is_counted_and_not_averaged():
    lengths = [DAY] * 5 + [-2 * DAY]

    span = intervals.span("加微→到店", lengths, 5)

    assert (span.count, span.early, span.median) == (5, 1, DAY)
    assert "另1位先到店后加微不计" in intervals.words(span)


def test_a_step_before_the_window_is_not_counted_but_its_time_is_known():
    found = [path(加微=0, 到店=50), path(加微=0, 到店=1)]

    assert intervals.days(found, ("加微", "到店"), START + 40 * DAY) == [50 * DAY]


@given(st.lists(st.timedeltas(min_value=-9 * DAY, max_value=99 * DAY), max_size=40))
def test_the_figures_stay_between_the_least_and_the_most(lengths):
    span = intervals.span("a→b", lengths, 5)

    whole = [one for one in lengths if one >= timedelta()]
    assert span.count + span.early == len(lengths)
    if span.median is not None:
        assert min(whole) <= span.median <= span.p75 <= max(whole)


# In the chat


def test_an_advisor_sees_their_own_and_a_manager_the_store(talk):
    for n in range(5):
        live(talk, f"a{n}", 加微=20, 到店=20 - n)
        live(talk, f"b{n}", owner="lina", 加微=20, 到店=10)
        live(talk, f"x{n}", owner="he", store="gz-th", 加微=20, 到店=1)

    talk.says("zhang", "周期")
    assert "加微→到店 中位2.0天，P75 3.0天（5位）" in talk.texts()
    talk.says("chen", "周期")
    assert "加微→到店 中位" in talk.texts("chen")
    assert "（10位）" in talk.texts("chen")
    talk.says("chen", "周期 按顾问")
    assert "李娜（5位，中位/P75）：加微→到店 10.0天/10.0天" in talk.texts("chen")


@pytest.mark.parametrize(
    ("words", "group"), [("来源", "垂媒"), ("门店", "朝阳店"), ("顾虑", "没说过顾虑")]
)
def test_it_is_told_by_source_store_and_concern(talk, words, group):
    for n in range(5):
        live(talk, f"a{n}", 加微=20, 到店=15)

    talk.says("chen", f"周期 按{words}")

    assert f"· {group}（5位" in talk.texts("chen")


def test_what_was_taken_back_does_not_count(talk):
    for n in range(5):
        live(talk, f"a{n}", 加微=20, 到店=15)
    events.undo(talk.db, "a0到店", talk.now)

    talk.says("zhang", "周期")

    assert "加微→到店 样本不足（4位）" in talk.texts()


def test_each_customer_s_own_way_is_told(talk):
    live(talk, "a", 加微=20, 开口=19, 到店=15)

    talk.says("zhang", "周期 按顾客")

    assert "客a：加微1.0天→开口4.0天→到店" in talk.texts()


@pytest.mark.parametrize("words", ["周期", "周期 按顾客", "卡住名单"])
def test_what_would_make_the_others_wait_is_left_to_the_command_line(talk, words):
    few = Journey(chat_customers=1)
    talk.settings = talk.settings.model_copy(update={"journey": few})

    talk.says("chen", words)

    assert "salesbot journey --for chen" in talk.texts("chen")
    talk.says("zhang", words)
    assert "salesbot" not in talk.texts()


# Stuck


def test_who_stays_longer_than_the_store_does_is_listed_with_why_and_what_next(talk):
    for n in range(5):
        live(talk, f"a{n}", 到店=20, 试驾=20 - n)
    live(talk, "s", 加微=30, 到店=10)
    customers.tag(talk.db, "s", kind="concern", code="charging", now=talk.now, evidence="没车位",
                  polarity=-1)  # fmt: skip

    talk.says("zhang", "卡住名单")

    assert "客s｜N级｜到店10天（本店P75是3.0天）" in talk.texts()
    assert "卡在：充电没解决" in talk.texts()
    assert "下一步：" in talk.texts()


def test_without_enough_samples_the_default_is_named(talk):
    live(talk, "s", 加微=30, 到店=10)
    live(talk, "t", 加微=30, 到店=2)

    talk.says("zhang", "卡住名单")

    assert "客s" in talk.texts()
    assert "样本不足，按默认3.0天" in talk.texts()
    assert "客t" not in talk.texts()


def test_a_digit_opens_the_card(talk):
    live(talk, "s", 加微=30, 到店=10)
    live(talk, "t", 加微=30, 到店=20)
    talk.says("zhang", "卡住名单")

    titles = [a.title for a in talk.says("zhang", "2") if isinstance(a, Card)]

    assert [t[:2] for t in titles] == ["客s"]


def test_who_is_frozen_is_not_stuck(talk):
    live(talk, "s", 加微=30, 到店=10)
    talk.says("zhang", "记录 客s 冷冻到下月")

    talk.says("zhang", "卡住名单")

    assert "没有卡住" in talk.texts()


# Checklist


def test_the_list_ticks_what_is_known_and_names_the_next_step(talk):
    talk.says("zhang", "客户王女士说：S6家里没车位怎么充电，预算20万以内")

    text = talk.says("zhang", "清单 王女士")[0].text

    assert "王女士｜需求分析（开口）" in text
    assert "✓ 问清预算或月供（客户说过" in text
    assert "□ 问清用途" in text
    assert "下一步：问清用途" in text
    card = talk.says("zhang", "客户 王女士")[0]
    assert "下一步：问清用途" in card.text


def test_a_step_is_ticked_by_the_advisor_s_word_and_taken_back(talk):
    talk.says("zhang", "客户王女士说：S6多少钱")
    text = talk.says("zhang", "清单 王女士")[0].text
    n = next(line[0] for line in text.splitlines() if "问清用途" in line)

    talk.says("zhang", f"打勾 {n}")
    assert "✓ 问清用途：谁用、怎么用（张伟打的勾）" in talk.says("zhang", "清单 王女士")[0].text
    talk.says("zhang", "撤销")

    assert "□ 问清用途" in talk.says("zhang", "清单 王女士")[0].text


def test_every_piece_of_evidence_can_be_looked_for(talk):
    known = checklist.gather(talk.customer("wang"), talk.ctx())

    ticks = [checklist._tick(i, known) for s in checklist.stages_() for i in s.items]

    assert len({t.item.id for t in ticks}) == len(ticks)


def test_the_command_line_tells_the_same(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[storage]\nurl = "sqlite:///{tmp_path}/s.db"\n[[stores]]\nid = "a"\nname = "A"\n'
        '[[managers]]\nuserid = "m"\nname = "M"\nstores = ["a"]\n',
        encoding="utf-8",
    )
    run = CliRunner()
    run.invoke(main, ["--config", str(config), "migrate"])

    done = run.invoke(main, ["--config", str(config), "journey", "--for", "m", "--json"])
    lost = run.invoke(main, ["--config", str(config), "journey", "--for", "nobody"])

    assert json.loads(done.output)[0]["spans"][0]["step"] == "加微→开口"
    assert lost.exit_code == 2


def test_who_is_stuck_can_be_listed_at_the_command_line(tmp_path):
    store = Sqlite(tmp_path / "s.db")
    store.migrate()
    met = datetime(2026, 3, 1, 9, tzinfo=UTC)
    with store.atomic():
        customers.add(store, Customer(id="w", name="王女士", store="a", owner="z", stage="加微",
                                      added_at=met))  # fmt: skip
        events.add(store, event_id="e", customer="w", kind="加微", when=met, source="system")
    store.close()
    config = tmp_path / "config.toml"
    config.write_text(
        f'[storage]\nurl = "sqlite:///{tmp_path}/s.db"\n[[stores]]\nid = "a"\nname = "A"\n'
        '[[managers]]\nuserid = "m"\nname = "M"\nstores = ["a"]\n',
        encoding="utf-8",
    )

    def rows(at):
        command = ["--config", str(config), "journey", "--for", "m", "--stuck", "--at", at]
        return json.loads(CliRunner().invoke(main, [*command, "--json"]).output)

    assert rows("2026-03-03T09:00") == []
    [found] = rows("2026-03-11T18:00")
    assert (found["name"], found["stage"], found["days"], found["by"]) == (
        "王女士", "加微", 10, "默认")  # fmt: skip
