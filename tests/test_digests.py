"""The manager's digest: due once, own stores only, details by number, a picture with Chinese."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot import pictures
from bot.sandbox import demo
from handlers import charts, digests
from handlers.charts import Bar
from handlers.team import Team
from handlers.values import Picture, Send
from storage import customers, events, followups, scripts
from storage.customers import Customer
from storage.sqlite import Sqlite

GOLDEN = Path(__file__).parent / "golden"


def at(words):
    return datetime.fromisoformat(words).replace(tzinfo=demo.START.tzinfo)


def manager(userid="chen"):
    return Team(demo.SETTINGS).manager(userid)


def add(talk, key, name, store="bj-cy", owner="lina", **more):
    customers.add(talk.db, Customer(id=key, name=name, store=store, owner=owner,
                                    added_at=talk.now, **more))  # fmt: skip


def happens(talk, customer, kind, when=None, evidence=""):
    events.add(talk.db, event_id=f"{customer}-{kind}-{when}", customer=customer, kind=kind,
               when=when or talk.now, source="advisor", evidence=evidence)  # fmt: skip


def morning_after(talk, userid="chen"):
    talk.now = at("2026-03-07T08:45")
    return digests.compile_for(manager(userid), "morning", talk.ctx())


def part(edition, name):
    return next((p for p in edition.parts if p.name == name), None)


# When


def sent(talk, words, to="chen"):
    step = at(words) - talk.now
    return [a for a in talk.wait(seconds=step.total_seconds()) if a.to == to]


def test_both_editions_come_on_time_and_once(talk):
    assert sent(talk, "2026-03-06T17:44") == []
    evening = sent(talk, "2026-03-06T17:45")
    assert sent(talk, "2026-03-07T08:44") == []
    morning = sent(talk, "2026-03-07T08:45")
    assert sent(talk, "2026-03-07T17:44") == []

    assert [type(a) for a in evening] == [type(a) for a in morning] == [Picture, Send]
    assert evening[1].text.startswith("【晚报】朝阳店 3月6日 周五")
    assert morning[1].text.startswith("【早报】朝阳店 3月6日 周五")


def test_after_days_off_only_the_latest_edition_comes(talk):
    sent(talk, "2026-03-06T09:30")
    talk.now = at("2026-03-09T18:00")

    did = sent(talk, "2026-03-09T18:05")

    assert [a.text[:4] for a in did if isinstance(a, Send)] == ["【晚报】"]


def test_what_was_missed_is_not_caught_up_at_night(talk):
    sent(talk, "2026-03-06T09:30")
    talk.now = at("2026-03-07T03:00")

    assert sent(talk, "2026-03-07T08:44") == []
    assert len(sent(talk, "2026-03-07T08:45")) == 2


def test_a_manager_may_ask_at_any_time(talk):
    did = talk.says("chen", "日报")

    assert did[1].text.startswith("【早报】")
    talk.now = at("2026-03-06T18:00")
    assert talk.says("chen", "日报")[1].text.startswith("【晚报】")


def test_an_advisor_has_no_digest(talk):
    talk.says("zhang", "日报")

    assert "【早报】" not in talk.texts()


# What


def test_a_quiet_day_is_said_to_be_quiet(talk):
    edition = morning_after(talk)

    assert edition.headline == "昨天还没有记录：加微、开口、到店都没有。"
    assert edition.actions == ()


def test_the_funnel_counts_each_customer_once_a_step(talk):
    for n in range(6):
        add(talk, f"n{n}", f"客户{n}")
        happens(talk, f"n{n}", "加微")
        happens(talk, f"n{n}", "到店", at("2026-03-06T11:00"))
        happens(talk, f"n{n}", "到店", at("2026-03-06T16:00"))

    edition = morning_after(talk)

    assert part(edition, "漏斗").line == (
        "漏斗：加微6→开口0→到店6→试驾0→报价0→下订0（开口率0%（0/6））"
    )
    assert edition.headline == "昨天加微6人，此前7天一位也没有。"


def test_yesterday_ends_at_midnight_of_the_business_zone(talk):
    add(talk, "late", "夜猫")
    happens(talk, "late", "到店", at("2026-03-06T23:59"))
    happens(talk, "wang", "到店", at("2026-03-07T00:00"))

    assert "到店1" in part(morning_after(talk), "漏斗").line


def test_nobody_else_s_store_is_counted(talk):
    add(talk, "far", "广州客户", store="gz-th", owner="he")
    happens(talk, "far", "到店")
    happens(talk, "far", "投诉", evidence="骗人")

    edition = morning_after(talk)

    assert part(edition, "漏斗").line == "漏斗：昨天六个环节都没有人"
    assert part(edition, "投诉") is None
    assert "广州客户" not in edition.text
    assert "广州客户" in str(morning_after(talk, "lin").parts)


def test_a_complaint_comes_first_and_is_the_first_thing_to_do(talk):
    talk.says("zhang", "客户王女士说：你们这是欺骗消费者，我要投诉到12315")

    edition = morning_after(talk)

    assert edition.parts[0].name == "投诉"
    assert "王女士" in edition.actions[0]
    assert len(edition.actions) <= 3


def test_overdue_is_told_by_advisor(talk):
    add(talk, "a", "赵女士")
    add(talk, "b", "孙先生", level="H")
    for key, advisor in (("a", "lina"), ("b", "lina"), ("wang", "zhang")):
        followups.plan(talk.db, followup_id=key, customer=key, advisor=advisor, kind="cadence",
                       due=at("2026-03-04T08:45"), reason="", now=talk.now)  # fmt: skip

    overdue = part(morning_after(talk), "逾期")

    assert overdue.line == "逾期跟进3位：李娜2、张伟1"
    assert "孙先生" in overdue.action
    assert len(overdue.details) == 3


def test_who_waits_for_an_answer_is_named(talk):
    talk.now = at("2026-03-06T20:00")
    talk.says("zhang", "客户王女士问：S6冬天续航怎么样")

    waiting = part(morning_after(talk), "未回复")

    assert waiting.line == "超30分钟未回复1位"
    assert waiting.action == "提醒张伟回复王女士的提问"


def test_moves_of_level_are_counted_up_and_down(talk):
    for n, move in enumerate(("N→H：“这周能定”", "H→C：“不急”", "C→B：“看看”")):
        happens(talk, "wang", "级别", at("2026-03-06T10:00") + timedelta(hours=n), move)

    levels = part(morning_after(talk), "级别")

    assert levels.line == "级别变化：升2、降1、新增H级1"


def test_gaps_are_those_of_the_own_advisors(talk):
    for n, advisor in enumerate(("zhang", "lina", "he")):
        scripts.gap(talk.db, gap_id=f"g{n}", question=f"问题{n}", advisor=advisor,
                    reason="没有话术", now=talk.now)  # fmt: skip

    assert "话术缺口2个" in part(morning_after(talk), "话术缺口").line


def test_the_share_of_questions_that_were_answered_stands_beside_the_gaps(talk):
    for n in range(8):
        scripts.shown(talk.db, ids=[(f"u{n}", "a"), (f"v{n}", "b")], advisor="zhang", customer="",
                      question=f"问题{n}", now=talk.now)  # fmt: skip
    scripts.gap(talk.db, gap_id="g", question="问题1", advisor="zhang", reason="没有话术",
                now=talk.now)  # fmt: skip

    assert "覆盖率88%（7/8）" in part(morning_after(talk), "话术缺口").line


# Details


def test_details_of_a_line_are_the_list_behind_it(talk):
    talk.says("zhang", "客户王女士说：你们这是欺骗消费者，我要投诉到12315")
    talk.now += timedelta(minutes=1)
    talk.says("chen", "日报")

    talk.says("chen", "详情 1")

    assert talk.texts("chen").startswith("1. 🔴 投诉1起\n· 王女士（张伟）：")


@pytest.mark.parametrize("n", [0, 99])
def test_a_number_that_is_no_line_is_told_the_range(talk, n):
    talk.says("chen", "日报")

    talk.says("chen", f"详情 {n}")

    assert "请回复 详情 1 到 详情" in talk.texts("chen")


def test_details_without_a_digest_say_how_to_get_one(talk):
    talk.says("chen", "详情 1")

    assert "回复 日报" in talk.texts("chen")


def test_details_are_of_the_digest_that_was_read(talk):
    """What happens later changes the next digest, not the numbers of this one."""
    talk.says("chen", "日报")
    before = talk.says("chen", "详情 1")
    talk.now += timedelta(minutes=1)
    talk.says("zhang", "客户王女士说：你们这是欺骗消费者，我要投诉到12315")

    assert talk.says("chen", "详情 1") == before


def test_a_manager_cannot_read_another_s_digest(talk):
    talk.says("lin", "日报")

    talk.says("chen", "详情 1")

    assert "还没有日报" in talk.texts("chen")


def test_every_detail_of_every_line_can_be_shown(talk, demo_store):
    store = Sqlite(demo_store)
    talk.db, talk.now = store, at("2026-03-06T09:00")
    with store.atomic():
        edition = digests.compile_for(manager(), "morning", talk.ctx())
    store.close()

    assert all(part.details for part in edition.parts)


# Hostile names


HOSTILE = ["<b>王</b>", "{客户}", "[red]王[/]", "王&\"'女士", "\u202e士女王", "🚗🚗", "王]]>女士"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_nickname_is_literal_in_text_and_picture(talk, name):
    add(talk, "bad", name, owner="lina")
    happens(talk, "bad", "投诉", evidence="“<script>”")
    followups.plan(talk.db, followup_id="bad", customer="bad", advisor="lina", kind="cadence",
                   due=at("2026-03-04T08:45"), reason="", now=talk.now)  # fmt: skip

    edition = morning_after(talk)

    assert name in part(edition, "投诉").details[0]
    assert pictures.png(edition.svg)[:4] == b"\x89PNG"
    assert pictures.png(charts.bars(name, name, [(name, [Bar(name, 1)])]))


# The picture


def test_chinese_words_leave_marks_and_each_its_own():
    blank, one, other = (pictures.png(charts.bars(word, "", [])) for word in ("", "漏斗", "逾期"))

    assert len({blank, one, other}) == 3
    assert min(len(one), len(other)) > len(blank)


def test_a_worse_number_is_drawn_in_another_colour_and_longer():
    one = charts.bars("t", "", [("逾期", [Bar("张伟", 1, warn=True), Bar("李娜", 4)])])

    assert charts.WARM in one
    assert 'width="100"' in one
    assert 'width="400"' in one


# The demo's morning, word for word


def test_the_demo_s_digest_is_the_one_that_was_read(knowledge, demo_store):
    """Renew with SALESBOT_GOLDEN=1 pytest tests/test_digests.py, and read what changed."""
    store = Sqlite(demo_store)
    from conftest import Talk

    talk = Talk(store, knowledge, demo.SETTINGS, at("2026-03-07T08:45"))
    edition = digests.compile_for(manager(), "morning", talk.ctx())
    store.close()

    file = GOLDEN / "digest-chen-0307.txt"
    if os.environ.get("SALESBOT_GOLDEN"):
        file.write_text(edition.text + "\n", encoding="utf-8")
    assert edition.text + "\n" == file.read_text(encoding="utf-8")
    assert len(pictures.png(edition.svg)) > 10_000


def test_a_customer_to_whom_two_things_are_owed_is_one_line(talk):
    for n in range(3):
        followups.plan(talk.db, followup_id=f"f{n}", customer="wang", advisor="zhang",
                       kind=f"k{n}", due=talk.now - timedelta(days=2 + n), reason=f"第{n}件",
                       now=talk.now)  # fmt: skip

    edition = digests.compile_for(manager(), "morning", talk.ctx())

    late = next(p for p in edition.parts if p.name == "逾期")
    assert "逾期跟进1位" in late.line
    assert len(late.details) == 1
    assert "第2件" in late.details[0]
