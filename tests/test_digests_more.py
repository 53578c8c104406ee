"""The digest's further lines, what a manager does with a line, the longer editions, the recap."""

from datetime import datetime, timedelta

import pytest

from bot import pictures
from bot.sandbox import demo
from handlers import digest_longer, digests
from handlers.digest_values import MOST_BYTES, Edition, Part
from handlers.settings import Manager
from handlers.team import Team
from handlers.values import Card, Picture, Send
from storage import appointments, customers, events, followups, groups, scripts, surfaces
from storage.customers import Customer

DAY = timedelta(days=1)


def at(words):
    return datetime.fromisoformat(words).replace(tzinfo=demo.START.tzinfo)


def manager(talk, userid="chen"):
    return Team(talk.settings).manager(userid)


def add(talk, key, name, store="bj-cy", owner="lina", **more):
    customers.add(talk.db, Customer(id=key, name=name, store=store, owner=owner,
                                    added_at=talk.now - 9 * DAY, **more))  # fmt: skip


def happens(talk, customer, kind, when=None, evidence=""):
    events.add(talk.db, event_id=f"{customer}-{kind}-{when}", customer=customer, kind=kind,
               when=when or talk.now, source="advisor", evidence=evidence)  # fmt: skip


def owes(talk, key, advisor="zhang", due="2026-03-04T08:45"):
    followups.plan(talk.db, followup_id=f"f{key}", customer=key, advisor=advisor, kind="cadence",
                   due=at(due), reason="", now=talk.now)  # fmt: skip


def edition(talk, userid="chen", which="evening"):
    return digests.compile_for(manager(talk, userid), which, talk.ctx())


def part(found, name):
    return next((p for p in found.parts if p.name == name), None)


def number(talk, name, who="chen"):
    """Read the digest; the number of that line in it."""
    did = talk.says(who, "日报")
    text = next(a.text for a in did if isinstance(a, Send))
    line = next(row for row in text.splitlines() if name in row and row[0].isdigit())
    return line.partition(".")[0]


# Lines


def test_groups_tell_their_stage_who_is_silent_and_who_took_part(talk):
    groups.put(talk.db, chat_id="g", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now - 70 * DAY)  # fmt: skip
    groups.join(talk.db, "g", "old", "老人", talk.now - 60 * DAY)
    groups.join(talk.db, "g", "mute", "新人甲", talk.now - 5 * DAY)
    groups.join(talk.db, "g", "fresh", "刚到", talk.now - DAY)
    customers.said(talk.db, msg_id="s", customer_id="mute", who="customer", member="other",
                   text="好", now=talk.now, source="archive")  # fmt: skip

    found = part(edition(talk), "社群")

    assert found.line == "社群1个：成长1；沉默新人1位"
    assert "流入67%、流出0%、沉默100%、建群10周" in found.details[0]
    assert "沉默新人：新人甲" in found.details[0]
    assert found.action == "请群主和1位刚进群没说话的新人打个招呼"


def test_who_spoke_or_checked_in_is_not_silent(talk):
    groups.put(talk.db, chat_id="g", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now - 70 * DAY)  # fmt: skip
    groups.join(talk.db, "g", "new", "新人", talk.now - 5 * DAY)
    customers.said(talk.db, msg_id="s", customer_id="new", who="customer", member="g", text="好",
                   now=talk.now - DAY, source="archive")  # fmt: skip

    assert part(edition(talk), "社群").line == "社群1个：成长1"


def test_the_best_and_the_worst_script_are_named(talk):
    good, bad = list(talk.knowledge.bank.all())[:2]
    for n in range(6):
        scripts.shown(talk.db, ids=[(f"a{n}", good.id), (f"b{n}", bad.id)], advisor="zhang",
                      customer="", question="q", now=talk.now - DAY)  # fmt: skip
        scripts.outcome(talk.db, f"a{n}", "adopted")

    line = part(edition(talk), "话术").line

    assert line.startswith(f"话术近30天：采纳最高“{good.title[:8]}")
    assert "100%（6/6）" in line
    assert line.endswith("0%（0/6）")


def test_thanks_that_are_due_are_to_be_handed_out(talk):
    talk.db.run("""insert into rewards (id, friend, introducer, step, what, due_at, state, by_whom,
        proof) values ('r', 'li', 'wang', '到店', '周边一份', :now, '待发', '', '')""",
        now=talk.now)  # fmt: skip

    found = part(edition(talk), "奖品")

    assert found.line == "要发的：奖品待领0份，转介绍谢礼1份"
    assert found.details == ("转介绍谢礼 周边一份：王女士（张伟）",)


def test_prizes_at_the_counter_are_those_of_the_own_store(talk):
    for n, store in enumerate(("bj-cy", "bj-cy", "gz-th")):
        talk.db.run("""insert into redemptions (id, code, prize, chat_id, member, name, cost, state,
            at, until, used_by, store, why) values (:id, :id, 'p', 'g', 'm', '雨伞', 1, '待领',
            :now, :until, '', :store, '')""", id=f"r{n}", now=talk.now, store=store,
            until=talk.now + 2 * DAY)  # fmt: skip

    assert part(edition(talk), "奖品").line == "要发的：奖品待领2份，2份三天内过期，转介绍谢礼0份"


def test_missing_data_is_said(talk):
    talk.db.run(
        """insert into inbox (id, seq, channel, lane, body, received_at, state, attempts)
        values ('x', 1, 'archive', '', '', :now, 'failed', 1)""",
        now=talk.now,
    )
    talk.now += timedelta(hours=3)
    surfaces.tell(talk.db, "archive", talk.now - timedelta(hours=3))

    found = part(edition(talk), "数据健康")

    assert found.line == "数据健康：会话存档从3小时前起没有消息进来；1条消息没处理成"


def test_all_is_well_is_not_said(talk):
    found = edition(talk)

    assert [part(found, n) for n in ("数据健康", "奖品", "异常", "表扬", "社群")] == [None] * 5


def test_a_day_out_of_the_band_is_an_anomaly(talk):
    for n in range(1, 29):
        for k in range(1 + n % 2):
            add(talk, f"d{n}{k}", "客")
            happens(talk, f"d{n}{k}", "投诉", talk.now - n * DAY - timedelta(minutes=5))
    for k in range(4):
        add(talk, f"t{k}", "客")
        happens(talk, f"t{k}", "投诉", talk.now - timedelta(minutes=5))

    found = part(edition(talk), "异常")

    assert found.line == "异常：投诉4偏高"
    assert "均值1.5，标准差0.5" in found.details[0]


def test_the_case_stands_beside_our_figures_with_their_source(talk):
    happens(talk, "wang", "到店", talk.now - timedelta(minutes=5))

    details = part(edition(talk), "漏斗").details

    assert any(d.startswith("到店率 ") and "案例 9%；来源：顾问记录1" in d for d in details)
    assert any(d.startswith("每天沟通人数") and "没有数据" in d for d in details)


def test_the_picture_shows_the_moves_of_level(talk):
    quiet = edition(talk).svg
    happens(talk, "wang", "级别", talk.now - timedelta(minutes=5), "N→H：“这周定”")

    assert "新H级" not in quiet
    assert "新H级" in edition(talk).svg
    assert pictures.png(edition(talk).svg)[:4] == b"\x89PNG"


def test_a_long_digest_is_one_message_and_nothing_is_lost():
    parts = tuple(Part(f"p{n}", "很长的一行" * 12, (), 0) for n in range(16))

    text = Edition("题", "首", parts, ("做这个",), "").text

    assert len(text.encode()) <= MOST_BYTES
    assert "另有" in text
    assert "▸ 做这个" in text


# Acting on a line


def test_the_only_customer_of_a_line_goes_to_whom_the_manager_says(talk):
    owes(talk, "wang")
    n = number(talk, "逾期")

    talk.says("chen", f"{n} 转李娜")

    assert talk.customer("wang").owner == "lina"
    assert "已把王女士从张伟转给李娜" in talk.texts("chen")
    assert "王女士 现在由你跟进" in talk.texts("lina")


def test_of_several_the_manager_is_asked_which(talk):
    owes(talk, "wang")
    owes(talk, "li")
    n = number(talk, "逾期")

    card = next(a for a in talk.says("chen", f"{n}转给李娜") if isinstance(a, Card))
    button = next(b.text for b in card.buttons if "李先生" in b.text)
    talk.taps("chen", button)

    assert talk.customer("li").owner == "lina"
    assert talk.customer("wang").owner == "zhang"


def test_or_names_one_at_once(talk):
    owes(talk, "wang")
    owes(talk, "li")

    talk.says("chen", f"{number(talk, '逾期')} 转李娜 王女士")

    assert [talk.customer(k).owner for k in ("wang", "li")] == ["lina", "zhang"]


def test_a_remark_reaches_the_advisor_and_stays_on_the_card(talk):
    owes(talk, "wang")
    n = number(talk, "逾期")

    talk.says("chen", f"{n} 批注 今天务必联系，电话13800138000")

    assert "陈静批注了王女士：今天务必联系，电话138****8000" in talk.texts("zhang")
    card = next(a for a in talk.says("zhang", "客户 王女士") if isinstance(a, Card))
    assert "批注：今天务必联系，电话138****8000（陈静，刚刚）" in card.text


def test_a_line_without_customers_takes_no_remark(talk):
    talk.says("chen", f"{number(talk, '漏斗')} 批注 加油")

    assert "没有可以这样处理的客户" in talk.texts("chen")


def test_somebody_who_left_the_store_is_not_moved_by_an_old_digest(talk):
    owes(talk, "wang")
    n = number(talk, "逾期")
    customers.change(talk.db, "wang", store="gz-th", owner="he")

    talk.says("chen", f"{n} 转李娜")

    assert talk.customer("wang").owner == "he"


def test_a_number_that_is_no_line_is_told_the_range(talk):
    talk.says("chen", "日报")

    talk.says("chen", "19 批注 今天联系")

    assert "日报只有" in talk.texts("chen")


def test_an_advisor_s_words_are_not_taken_for_a_manager_s(talk):
    owes(talk, "wang")
    number(talk, "逾期")

    for words in ("1 转李娜", "1 批注 今天", "有用 1", "表扬"):
        talk.says("zhang", words)

    assert talk.customer("wang").owner == "zhang"
    assert events.of(talk.db, "wang", "批注") == []


def test_what_is_useful_moves_up_for_this_manager_only(talk):
    owes(talk, "wang")
    assert edition(talk).parts[0].name == "逾期"

    for word, name in (("没用", "逾期"), ("有用", "漏斗")) * 3:
        talk.now += timedelta(minutes=1)
        talk.says("chen", f"{word} {number(talk, name)}")

    assert "“漏斗”往前排" in talk.texts("chen")
    assert edition(talk).parts[0].name == "漏斗"
    assert edition(talk, "zhou").parts[0].name == "逾期"


def test_why_tells_the_rule_the_source_and_the_place(talk):
    owes(talk, "wang")
    n = number(talk, "逾期")
    talk.says("chen", f"有用 {n}")

    talk.says("chen", f"为什么 {n}")

    said = talk.texts("chen")
    assert "怎么算：应联系日早于今天" in said
    assert "紧急度80，您说过有用（+1）" in said
    assert "· 张伟｜王女士" in said


def test_why_of_a_list_is_still_that_of_the_list(talk):
    owes(talk, "wang", due="2026-03-06T08:45")
    talk.says("zhang", "待办")

    talk.says("zhang", "为什么 1")

    assert "怎么算" not in talk.texts("zhang")


def test_praise_is_sent_by_the_managers_tap_only(talk):
    happens(talk, "wang", "下订", talk.now - DAY)
    talk.says("chen", "日报")
    assert "值得表扬：张伟" in talk.texts("chen")

    talk.says("chen", "表扬")
    assert talk.texts("zhang") == ""
    talk.taps("chen", "发送")

    assert talk.texts("zhang").endswith("成交1单，辛苦了，给你点赞！——陈静")


# The brand


@pytest.fixture
def brand(talk):
    extra = Manager(userid="brand", name="品牌", brand=True)
    managers = (*talk.settings.managers, extra)
    talk.settings = talk.settings.model_copy(update={"managers": managers})
    return talk


def test_the_brand_reads_counts_and_moves_nobody(brand):
    owes(brand, "wang")
    n = number(brand, "逾期", "brand")

    for words in (f"{n} 转李娜", f"{n} 批注 今天", f"为什么 {n}", f"详情 {n}", "晨会", "周报"):
        brand.says("brand", words)
        assert "王女士" not in repr(brand.did).replace("· 客户王女士问：", "").replace(
            "客户 王女士", ""
        )

    assert brand.customer("wang").owner == "zhang"


# Meetings and the recap


def test_the_morning_meeting_has_a_line_for_each_advisor(talk):
    owes(talk, "wang")
    talk.says("zhang", "记录 李先生 今天下午3点试驾")
    assert appointments.of(talk.db, "li")

    talk.says("chen", "晨会")

    lines = talk.texts("chen").splitlines()
    assert lines[0] == "晨会｜3月6日"
    assert lines[1].startswith("· 张伟：待跟进1位（逾期1），预约1位（下午3点试驾），")
    assert "先联系王女士" in lines[1]
    assert [line[2:4] for line in lines[1:]] == ["张伟", "李娜", "王强"]


def test_the_evening_meeting_tells_what_was_done(talk):
    talk.says("zhang", "记录 王女士 到店了")
    talk.now = at("2026-03-06T18:00")

    talk.says("chen", "夕会")

    assert "· 张伟：联系1位、到店1位；没做完" in talk.texts("chen")
    assert "· 李娜：今天没有记录" in talk.texts("chen")


def test_an_advisor_reads_their_own_line_only(talk):
    talk.says("zhang", "晨会")

    assert "张伟" in talk.texts("zhang")
    assert "李娜" not in talk.texts("zhang")


def recaps(did):
    return {a.to: a.text for a in did if isinstance(a, Send) and "今天辛苦了" in a.text}


def until(talk, words):
    return talk.wait(seconds=(at(words) - talk.now).total_seconds())


def test_who_did_something_reads_their_own_day_in_the_evening(talk):
    talk.says("zhang", "记录 王女士 到店了")

    assert recaps(until(talk, "2026-03-06T17:59")) == {}
    found = recaps(until(talk, "2026-03-06T18:05"))

    assert list(found) == ["zhang"]
    assert found["zhang"].startswith("今天辛苦了：联系1位、到店1位。\n明天先做一件事：联系")
    assert "李娜" not in found["zhang"]


def test_the_recap_can_be_switched_off_and_is_not_made_up_for(talk):
    off = talk.settings.digest.model_copy(update={"recap": False})
    on = talk.settings
    until(talk, "2026-03-06T09:05")
    talk.says("zhang", "记录 王女士 到店了")
    talk.settings = on.model_copy(update={"digest": off})
    assert recaps(until(talk, "2026-03-06T18:05")) == {}
    talk.settings = on
    talk.now = at("2026-03-07T23:00")

    assert recaps(until(talk, "2026-03-07T23:02")) == {}


# The week and the month


def weekly(did):
    return [a.text for a in did if isinstance(a, Send) and a.text.startswith("【周报】")]


def test_the_week_comes_on_monday_and_once(talk):
    until(talk, "2026-03-06T09:30")
    talk.now = at("2026-03-09T08:50")

    did = until(talk, "2026-03-09T10:00")

    mine = [t for t in weekly(did) if "朝阳店 3月2日" in t]
    assert mine[0].startswith("【周报】朝阳店 3月2日至3月8日")
    assert len([t for t in weekly(did) if t.startswith("【周报】朝阳店 ")]) == 1
    assert weekly(until(talk, "2026-03-10T10:00")) == []


def test_a_week_is_compared_with_the_one_before(talk):
    for n, day in enumerate(("2026-03-02", "2026-03-08", "2026-02-27")):
        add(talk, f"n{n}", "客")
        happens(talk, f"n{n}", "到店", at(f"{day}T10:00"))
    talk.now = at("2026-03-09T09:00")

    did = talk.says("chen", "周报")

    assert isinstance(did[0], Picture)
    assert "1. 漏斗：加微0→开口0→到店2" in talk.texts("chen")
    assert "到店2人，高于前一周1人" in talk.texts("chen")


def test_the_month_is_the_last_whole_one(talk):
    talk.says("chen", "月报")

    assert talk.texts("chen").startswith("【月报】朝阳店 2月1日至2月28日")


@pytest.mark.parametrize(
    ("edition_", "now", "due"),
    [
        ("weekly", "2026-03-06T09:00", "2026-03-09T09:00"),
        ("weekly", "2026-03-09T09:00", "2026-03-16T09:00"),
        ("weekly", "2026-03-09T08:59", "2026-03-09T09:00"),
        ("monthly", "2026-12-06T09:00", "2027-01-01T09:00"),
        ("monthly", "2026-03-01T08:00", "2026-03-01T09:00"),
    ],
)
def test_when_the_next_one_is_due(talk, edition_, now, due):
    talk.now = at(now)

    assert digest_longer.following(edition_, talk.ctx()) == at(due)


def test_the_longer_editions_can_be_switched_off(talk):
    off = talk.settings.digest.model_copy(update={"weekly": False})
    talk.settings = talk.settings.model_copy(update={"digest": off})
    until(talk, "2026-03-06T09:30")
    talk.now = at("2026-03-09T08:50")

    assert weekly(until(talk, "2026-03-09T10:00")) == []
