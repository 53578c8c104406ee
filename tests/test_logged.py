"""What an advisor logs in their own words: several at once, in the past, put right, set aside."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import demo
from handlers import logged, sidebar, sides
from handlers.settings import Journey, Reach
from handlers.sides import Facts
from handlers.values import Card
from storage import appointments, customers, events, followups
from storage.sides import Told

# Friday 2026-03-06 09:00


def at(words):
    return datetime.fromisoformat(f"2026-03-{words.replace(' ', 'T')}:00+08:00")


def happened(talk, *kinds, customer="wang"):
    return [(e.kind, e.at) for e in reversed(events.of(talk.db, customer, *kinds))]


def state(talk, code, customer="wang"):
    tags = customers.tags(talk.db, customer, talk.now, "concern")
    return next(t.state for t in tags if t.code == code)


SEVERAL = [
    ("到店并试驾，报价23.8万", ["到店", "试驾", "报价"]),
    ("到店试驾了", ["到店", "试驾"]),
    ("昨天到店、试驾，今天下订", ["到店", "试驾", "下订"]),
    ("到店但没试驾", ["到店", "未试驾"]),
    ("试乘试驾", ["试驾"]),
    ("成交", ["下订"]),
    ("周六到店并试驾", ["试驾"]),
    ("没来，堵车", ["到店"]),
    ("充电桩解决了", ["解决"]),
    ("价格的事谈妥了", ["解决"]),
    ("价格的事还没谈妥", ["卡住"]),
    ("充电桩还没解决", ["卡住"]),
    ("已解决 续航", ["解决"]),
    ("仍卡住 充电", ["卡住"]),
    ("冷冻到国庆后", ["冷冻"]),
    ("失控", ["失控"]),
    ("改到周日上午", ["改期"]),
    ("改成H，客户说周末定，到周五", []),
    ("看到了活动", []),
    ("不来了", ["取消预约"]),
    ("确认了", ["确认"]),
]


@pytest.mark.parametrize(("words", "kinds"), SEVERAL)
def test_one_line_may_say_several_things(talk, words, kinds):
    assert [note.kind for note in logged.read(words, talk.ctx())] == kinds


PAST = [
    ("昨天到店", "05 12:00"),
    ("昨天下午到店", "05 15:00"),
    ("昨天下午3点到店了", "05 15:00"),
    ("3月2日到店", "02 12:00"),
]


@pytest.mark.parametrize(("words", "when"), PAST)
def test_what_was_in_the_past_is_logged_for_then(talk, words, when):
    talk.says("zhang", f"记录 王女士 {words}")

    assert happened(talk, "到店") == [("到店", at(when))]


@given(words=st.text(max_size=30))
def test_no_words_break_the_reading(knowledge, words):
    ctx = demo._ctx(None, knowledge, demo.START, "t")  # type: ignore[arg-type]
    for note in logged.read(words, ctx):
        assert note.kind


def test_all_of_one_line_is_logged_as_one_step_and_taken_back_as_one(talk):
    talk.says("zhang", "记录 王女士 昨天到店并试驾，报价23.8万")

    assert [k for k, _ in happened(talk, "到店", "试驾", "报价")] == ["到店", "试驾", "报价"]
    assert talk.customer("wang").stage == "报价"
    talk.says("zhang", "撤销")
    assert happened(talk, "到店", "试驾", "报价") == []
    assert talk.customer("wang").stage == "加微"


def test_yesterday_s_visit_does_not_put_an_order_back(talk):
    talk.says("zhang", "记录 王女士 下订")
    talk.says("zhang", "记录 王女士 昨天到店")

    assert talk.customer("wang").stage == "下订"


def test_yesterday_s_visit_owes_no_thank_you_within_two_hours(talk):
    talk.says("zhang", "记录 王女士 昨天到店")

    assert not any("道谢" in str(a) for a in talk.wait(hours=4))


def test_a_visit_without_a_drive_is_asked_why(talk):
    talk.says("zhang", "王女士到店但没试驾")
    assert "没有试驾" in talk.texts()

    talk.says("zhang", "8")

    assert events.last(talk.db, "wang", "未试驾").evidence == "车型没到店"


# Put right


@pytest.mark.parametrize(
    ("first", "then", "stays"),
    [
        ("记录 王女士 报价", "记错了，是下订不是报价", ["下订"]),
        ("记录 王女士 到店，报价", "记错了，是下订不是报价", ["到店", "下订"]),
        ("记录 王女士 到店", "记错了，是试驾", ["试驾"]),
        ("记录 王女士 报价", "王女士记错了，是下订不是报价", ["下订"]),
    ],
)
def test_what_was_wrong_is_put_right_and_the_rest_stays(talk, first, then, stays):
    talk.says("zhang", first)
    talk.now += timedelta(minutes=2)

    talk.says("zhang", then)

    assert [k for k, _ in happened(talk, "到店", "试驾", "报价", "下订")] == stays


def test_the_time_alone_is_put_right(talk):
    talk.says("zhang", "记录 王女士 到店")

    talk.says("zhang", "改成昨天下午到店")

    assert happened(talk, "到店") == [("到店", at("05 15:00"))]


def test_a_correction_can_be_taken_back_too(talk):
    talk.says("zhang", "记录 王女士 报价")
    talk.says("zhang", "记错了，是下订不是报价")

    talk.says("zhang", "撤销")

    assert happened(talk, "报价", "下订") == []


def test_an_older_event_is_put_right_by_its_name(talk):
    talk.says("zhang", "记录 王女士 报价")
    then = talk.now
    talk.now += timedelta(days=2)

    talk.says("zhang", "王女士记错了，是下订不是报价")

    assert happened(talk, "报价", "下订") == [("下订", then)]


def test_nothing_to_put_right_says_so(talk):
    talk.says("zhang", "记错了，是下订不是报价")

    assert "没有记过" in talk.texts()


# Concerns


def test_a_concern_lives_from_asked_to_answered_to_stuck_to_solved(talk):
    talk.says("zhang", "客户王女士问：家里没车位怎么充电")
    assert state(talk, "charging") == ""
    talk.now += timedelta(minutes=10)
    talk.says("zhang", "采用 1")
    assert state(talk, "charging") == "answered"
    talk.now += timedelta(days=1)

    talk.says("zhang", "客户王女士说：充电还是担心，没车位")
    assert state(talk, "charging") == "stuck"
    talk.says("zhang", "王女士充电桩解决了")

    assert state(talk, "charging") == "solved"
    moves = [e.evidence.partition("（")[0] for e in reversed(events.of(talk.db, "wang", "顾虑"))]
    assert moves == ["充电：未回应→已回应", "充电：已回应→仍卡住", "充电：仍卡住→已解决"]
    talk.says("zhang", "撤销")
    assert state(talk, "charging") == "stuck"

    talk.says("zhang", "已解决 王女士 充电")
    assert state(talk, "charging") == "solved"
    talk.says("zhang", "王女士充电桩还没解决")
    assert state(talk, "charging") == "stuck"
    talk.says("zhang", "撤销")
    assert state(talk, "charging") == "solved"


# Side states


def test_frozen_until_a_day_and_woken_by_itself(talk):
    talk.says("zhang", "王女士冷冻到下周三")
    assert "冷冻" in talk.texts()
    assert "侧面状态：冷冻" in talk.says("zhang", "客户 王女士")[0].text
    quiet = talk.wait(days=4)
    assert not any("王女士" in str(a) for a in quiet)

    did = talk.wait(days=1, hours=1)

    assert any("冷冻到期" in str(a) for a in did)
    assert "回流加热" in talk.says("zhang", "客户 王女士")[0].text


def test_frozen_without_a_day_is_asked_until_when(talk):
    talk.says("zhang", "王女士冷冻")

    assert "冷冻到什么时候" in talk.texts()


def test_out_of_reach_is_taken_back(talk):
    talk.says("zhang", "王女士失控")
    talk.says("zhang", "撤销")

    assert "侧面状态" not in talk.says("zhang", "客户 王女士")[0].text


NOW = datetime.fromisoformat("2026-03-06T09:00:00+08:00")


def ago(days):
    return NOW - timedelta(days=days)


SIDES = [
    (Facts(added=ago(5)), ""),
    (Facts(added=ago(59)), ""),
    (Facts(added=ago(60)), "休眠"),
    (Facts(added=ago(90), contacted=ago(10)), ""),
    (Facts(added=ago(90), delivered=True), ""),
    (Facts(added=ago(9), unanswered=3), "静默"),
    (Facts(added=ago(9), unanswered=2), ""),
    (Facts(deleted=ago(1), unanswered=5), "失控"),
    (Facts(added=ago(40), lost=ago(20), spoke=ago(30)), "战败"),
    (Facts(added=ago(40), lost=ago(20), spoke=ago(13)), "回流加热"),
    (Facts(added=ago(40), lost=ago(20), spoke=ago(14)), ""),
    (Facts(added=ago(9), told=Told("c", "失控", ago(3))), "失控"),
    (Facts(added=ago(9), spoke=ago(1), told=Told("c", "失控", ago(3))), "回流加热"),
    (Facts(added=ago(9), told=Told("c", "冷冻", ago(3), until=ago(-1))), "冷冻"),
    (Facts(added=ago(9), spoke=ago(1), told=Told("c", "冷冻", ago(3), until=ago(-1))), "回流加热"),
    (Facts(added=ago(9), told=Told("c", "冷冻", ago(3), until=ago(1))), "回流加热"),
]


@pytest.mark.parametrize(("facts", "state"), SIDES)
def test_the_side_state_follows_from_the_facts(facts, state):
    found = sides.judge(facts, NOW, Journey(), 3)

    assert found.state == state
    assert bool(found.reason) == bool(state)


# An earlier day


@pytest.mark.parametrize(
    ("words", "kinds"),
    [("昨天王女士到店", ["到店"]), ("昨天下午王女士来店试驾了", ["到店", "试驾"]),
     ("刚才王女士到店了", ["到店"]), ("3月3日，王女士报价21万", ["报价"])],
)  # fmt: skip
def test_the_day_may_be_said_before_the_name(talk, words, kinds):
    talk.says("zhang", words)

    assert [kind for kind, _ in happened(talk, "到店", "试驾", "报价")] == kinds


def test_what_a_customer_asks_about_a_day_is_no_record(talk):
    talk.says("zhang", "昨天王女士问：冬天续航怎么样")
    talk.says("zhang", "昨天王女士到店了吗")

    assert happened(talk, "到店") == []


def owed(talk):
    return {f.kind: f.due_at.astimezone(talk.ctx().zone).strftime("%m-%d %H:%M")
            for f in followups.open_of(talk.db, "wang") if f.kind != "cadence"}  # fmt: skip


def test_a_visit_of_yesterday_is_followed_up_as_one_of_today_would_be(talk):
    talk.settings = talk.settings.model_copy(update={"reach": Reach(pages="https://s.example")})
    talk.says("zhang", "昨天下午3点王女士到店")

    # the thank-you was yesterday's; the call is still of use, and not put into the past
    assert owed(talk) == {"call": "03-06 09:00"}
    sent = talk.wait(hours=8)
    cards = [a for a in sent if isinstance(a, Card) and "评价一下" in a.title]
    assert [card.to for card in cards] == ["zhang"]
    assert "王女士3月5日来店看车" in cards[0].text
    told = [a for a in sent if isinstance(a, Card) and "离店一天" in a.text]
    assert len({a.title for a in told}) == len(told) == 2  # the call, and what level they are now
    assert not any("逾期" in a.text for a in told)

    talk.says("zhang", "记录 王女士 昨天到店")  # said again: not asked again
    again = talk.wait(days=2)
    assert not [a for a in again if isinstance(a, Card) and "评价一下" in a.title]


@pytest.mark.parametrize(
    ("words", "kinds"),
    [("昨天王女士到店并试驾", {"family"}), ("记录 王女士 2月20日到店", set()),
     ("记录 王女士 3月1日试驾", {"family"}), ("记录 王女士 2月20日试驾", set()),
     ("记录 王女士 昨天报价23万", {"quote_again"}),
     ("记录 王女士 2月26日交付", {"owner7", "owner30"})],
)  # fmt: skip
def test_only_what_can_still_be_said_is_owed(talk, words, kinds):
    talk.says("zhang", words)

    assert set(owed(talk)) == kinds
    assert all(f.due_at >= talk.now for f in followups.open_of(talk.db, "wang"))


def test_who_wrote_since_the_offer_is_not_asked_about_it(talk):
    talk.says("zhang", "客户王女士问：冬天续航怎么样")
    talk.says("zhang", "记录 王女士 昨天报价23万")

    assert "quote_again" not in owed(talk)


def test_who_did_not_come_yesterday_is_asked_why_and_keeps_what_lies_ahead(talk):
    talk.says("zhang", "记录 王女士 周日下午3点试驾")
    talk.says("zhang", "昨天王女士没来")
    assert "是什么原因" in talk.texts()
    talk.says("zhang", "堵车")

    assert happened(talk, "未到店") == [("未到店", at("05 12:00"))]
    assert [one.state for one in appointments.open_of(talk.db, "wang")] == ["已约"]


def test_a_delivery_date_that_changed_is_told_at_once_and_is_no_contact(talk):
    before = talk.customer("wang").contacted_at
    talk.says("zhang", "记录 王女士 交期推迟到5月20日")

    assert owed(talk) == {"delivery": "03-06 09:00"}
    assert (talk.customer("wang").contacted_at, talk.customer("wang").stage) == (before, "加微")
    assert "交期有变，马上告诉客户" in str(talk.wait(minutes=5))


DAYS = [
    ("王女士昨天到店", "王女士 昨天 到店"), ("王女士昨天下午到店", "王女士 昨天下午 到店"),
    ("王女士前天下午3点到店", "王女士 周三(3月4日)下午3点 到店"),
    ("王女士上周到店了", "王女士 上周 到店"),
    ("王女士昨天到店并试驾", "昨天 到店（昨天到店）、昨天 试驾（试驾）"),
    ("王女士周一试驾了", "王女士 周一(3月2日) 试驾"),
    ("王女士周日过来试驾", "王女士 周日(3月8日) 试驾（没说几点，先按上午10点）"),
    ("王女士周日下午3点过来试驾", "王女士 周日(3月8日)下午3点 试驾。"),
    ("王女士约了周一下午试驾", "周一(3月9日)下午 试驾（没说几点，先按下午2点）"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), DAYS, ids=[words for words, _ in DAYS])
def test_an_hour_that_nobody_said_is_not_told(talk, words, told):
    talk.says("zhang", words)

    assert told in talk.texts()


def test_the_sidebar_tells_the_hour_of_today_only(talk):
    talk.says("zhang", "王女士昨天到店")
    talk.says("zhang", "王女士试驾了")

    journey = sidebar.card(talk.customer("wang"), "zhang", talk.ctx())["journey"]

    assert [(e["what"], e["at"]) for e in journey[:2]] == [
        ("试驾", "今天上午9点"),
        ("到店", "昨天"),
    ]


def test_an_hour_is_not_told_after_a_correction_or_a_change_either(talk):
    talk.says("zhang", "王女士昨天到店")
    talk.says("zhang", "记错了，是试驾")
    assert "王女士 昨天 试驾（试驾）" in talk.texts()

    talk.says("zhang", "王女士周日下午3点来店")
    talk.says("zhang", "王女士改到周一")
    assert "改到周一(3月9日)到店（没说几点，先按上午10点）" in talk.texts()


def test_a_date_of_handover_that_comes_nearer_is_other_news(talk):
    talk.says("zhang", "记录 王女士 交期推迟到5月20日")
    talk.says("zhang", "记录 李先生 交期提前到3月20日")

    sent = str(talk.wait(minutes=5))

    assert "比原定日期晚一些" in sent
    assert "交期提前了，马上告诉客户" in sent
    assert "比原定日期早一些" in sent
