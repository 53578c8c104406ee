"""Leads: where from, to whom and why, accepted or passed on, walk-ins, two owners, merging."""

import pytest

from bot.sandbox.demo import SETTINGS
from handlers import leads
from handlers.origins import origin
from handlers.settings import Leads
from handlers.values import Card, Inbound, Send
from storage import customers, events, followups
from storage import leads as rows

# Friday 2026-03-06 09:00; zhang, lina and wangq of bj-cy are at work


def arrive(talk, **more):
    given = {"name": "刘先生", "source": "垂媒/汽车之家", "phone": "13800138000", "model": "S6",
             "store": "bj-cy"}  # fmt: skip
    found = leads.arrive(talk.ctx(), **{**given, **more})
    talk.did = list(found.actions)
    return found


def busy(talk, userid, count):
    for n in range(count):
        followups.plan(talk.db, followup_id=f"{userid}{n}", customer=f"z{userid}{n}",
                       advisor=userid, kind="cadence", due=talk.now.replace(year=2027), reason="",
                       now=talk.now)  # fmt: skip


def card(talk):
    return next(a for a in talk.did if isinstance(a, Card))


def only(talk):
    return rows.of(talk.db, talk.db.rows("select customer from leads")[0]["customer"])[0]


SOURCES = [
    ("垂媒/汽车之家", ("垂媒", "汽车之家")),
    ("汽车之家", ("垂媒", "汽车之家")),
    ("抖音直播", ("投放", "抖音直播")),
    ("自然到店", ("自然到店", "")),
    ("官网", ("官方", "官网")),
    ("expo-gz-04", ("活动", "expo-gz-04")),
    ("广州车展", ("活动", "广州车展")),
    ("别的", ("", "别的")),
]


@pytest.mark.parametrize(("words", "told"), SOURCES)
def test_a_source_is_one_of_five_kinds_with_its_detail(talk, words, told):
    assert origin(words, "", talk.ctx()) == told


def test_a_state_may_be_named_in_the_settings(talk):
    by_state = Leads(by_state={"q7": "投放/朋友圈"})
    talk.settings = SETTINGS.model_copy(update={"leads": by_state})

    assert origin("q7", "", talk.ctx()) == ("投放", "朋友圈")


# To whom


def test_it_goes_to_whoever_has_the_least_in_hand_and_says_why(talk):
    busy(talk, "zhang", 3)
    busy(talk, "wangq", 2)
    busy(talk, "lina", 1)

    found = arrive(talk)

    assert found.lead.advisor == "lina"
    assert "李娜：在班，手上1个待联系，最少" in card(talk).text
    assert "138****8000" in card(talk).text
    assert card(talk).to == "lina"


def test_who_accepts_has_the_customer_and_the_number(talk):
    arrive(talk)
    who = card(talk).to

    talk.taps(who, "接")

    lead = only(talk)
    assert (lead.state, lead.advisor, lead.due_at) == ("已接", who, None)
    assert customers.get(talk.db, lead.customer).owner == who
    assert "13800138000" in talk.texts(who)
    assert "lead" in {f.kind for f in followups.open_of(talk.db, lead.customer)}


def test_not_accepted_in_time_it_goes_on_and_after_all_to_the_manager(talk):
    arrive(talk)
    first = card(talk).to

    sent = [a for a in talk.wait(minutes=15) if isinstance(a, Card)]
    second = next(a.to for a in sent if "新线索" in a.title)
    assert second != first
    sent = [a for a in talk.wait(minutes=30) if isinstance(a, Card)]

    asked = [a for a in sent if "没有人接" in a.title]
    assert {a.to for a in asked} == {"chen", "zhou"}
    assert only(talk).state == "无人接"
    talk.did = [next(a for a in asked if a.to == "chen")]
    talk.says("chen", "转给李娜")
    assert (only(talk).advisor, only(talk).state) == ("lina", "已接")


@pytest.mark.parametrize("answer", ["不接：不在店", "3"])
def test_who_refuses_says_why_and_the_next_one_is_asked(talk, answer):
    arrive(talk)
    first = card(talk).to

    talk.says(first, answer)

    assert only(talk).passed == ((first, "不接：不在店"),)
    assert card(talk).to != first


def test_at_night_nobody_is_woken_and_the_clock_starts_at_the_opening(talk):
    talk.now = talk.now.replace(hour=22)
    found = arrive(talk)
    assert found.actions == ()

    sent = [
        a for a in talk.wait(hours=10, minutes=50) if isinstance(a, Card) and "新线索" in a.title
    ]

    assert len(sent) == 1


def test_without_a_store_the_weights_decide(talk):
    stores = tuple(s.model_copy(update={"tilt": 2.0 if s.id == "bj-hd" else 1.0})
                   for s in SETTINGS.stores)  # fmt: skip
    talk.settings = SETTINGS.model_copy(update={"stores": stores})

    shares = [arrive(talk, store="", city="北京", phone="").lead.store for _ in range(6)]

    assert sorted(shares) == ["bj-cy"] * 2 + ["bj-hd"] * 4


def test_a_known_number_makes_no_second_customer(talk):
    customers.change(talk.db, "wang", phone="13800138000")

    found = arrive(talk)

    assert (found.known, found.customer.id) == (True, "wang")
    assert talk.did == [Send("zhang", talk.did[0].text)]
    assert "又从垂媒汽车之家来了一条线索" in talk.did[0].text


# Walk-ins


def test_a_walk_in_is_a_customer_before_any_friendship(talk):
    talk.says("zhang", "自然到店 刘先生 看S6 13800138000")

    lead = only(talk)
    c = customers.get(talk.db, lead.customer)
    assert (lead.kind, lead.state, lead.advisor) == ("自然到店", "已接", "zhang")
    assert (c.stage, c.model, c.phone, c.owner) == ("到店", "S6", "13800138000", "zhang")
    assert "138****8000" in events.last(talk.db, c.id, "到店").evidence
    assert "13800138000" not in talk.did[0].text


@pytest.mark.parametrize("words", ["自然到店客户多吗", "自然到店的客户怎么跟进"])
def test_a_question_about_walk_ins_is_no_walk_in(talk, words):
    talk.says("zhang", words)

    assert talk.db.rows("select 1 from leads") == []


def test_a_walk_in_of_a_known_name_is_asked_about(talk):
    talk.says("zhang", "自然到店 王女士 看S6")

    assert "名下已有王女士" in talk.texts()
    assert talk.db.rows("select 1 from leads") == []


async def test_a_walk_in_who_adds_the_advisor_is_proposed_for_merging(talk):
    talk.says("zhang", "自然到店 刘先生 看S6 13800138000")
    walked = only(talk).customer
    talk.tell(Inbound("e1", "contact", "event", "sys", talk.now, event="change_external_contact",
                      fields={"ChangeType": "add_external_contact", "UserID": "zhang",
                              "ExternalUserID": "wm1"}))  # fmt: skip
    talk.tell(Inbound("e2", "contact", "detail", "wm1", talk.now, fields={
        "external_contact": {"external_userid": "wm1", "name": "小刘"},
        "follow_user": [{"userid": "zhang", "remark": "刘总", "createtime": 1772758800,
                         "remark_mobiles": ["13800138000"]}]}))  # fmt: skip

    assert "电话相同" in card(talk).text
    assert customers.get(talk.db, walked)  # nothing happens by itself
    talk.taps("zhang", "合并")
    assert customers.get(talk.db, walked) is None
    assert events.last(talk.db, "wm1", "到店")


# Two owners


def test_who_invited_hands_over_and_still_sees_the_customer(talk):
    talk.says("zhang", "转顾问 王女士 给 李娜")

    assert talk.customer("wang").owner == "lina"
    assert "由张伟转给你跟进" in talk.texts("lina")
    assert "王女士" in talk.says("zhang", "客户 王女士")[0].title
    assert "王女士" in talk.says("lina", "客户 王女士")[0].title


def test_an_inviter_is_offered_no_leads_and_is_remembered_with_those_they_bring(talk):
    people = tuple(a.model_copy(update={"invites": a.userid == "zhang"}) for a in SETTINGS.advisors)
    talk.settings = SETTINGS.model_copy(update={"advisors": people})

    talk.says("zhang", "线索 垂媒 懂车帝 刘先生 13800138000 看S6")

    lead = only(talk)
    assert (lead.inviter, lead.channel, lead.kind) == ("zhang", "懂车帝", "垂媒")
    assert lead.advisor in ("lina", "wangq")
    assert "刘先生" in talk.says("zhang", "客户 刘先生")[0].title


def test_a_lead_without_a_name_or_source_is_asked_about(talk):
    talk.says("zhang", "线索 13800138000 看S6")

    assert "没看到称呼" in talk.texts()


def test_the_open_leads_are_listed(talk):
    arrive(talk)

    talk.says("chen", "我的线索")

    assert "1. 刘先生｜垂媒汽车之家" in talk.texts("chen")
