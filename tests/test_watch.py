"""Alerts of the groups: from what is heard, from what nobody did, and what becomes of them."""

from datetime import timedelta

import pytest

from handlers import h5, h5_guests, watch, watch_words
from handlers.analytics import ANALYSES, Scope
from handlers.settings import Colleague
from handlers.values import Card, Inbound, Send
from storage import archive, checkins, customers, erasure, groups, inbox
from storage import watch as rows
from storage.customers import Customer


@pytest.fixture
def room(talk):
    """g1 of zhang, five customers in it, all of whom agreed to the archive."""
    with talk.db.atomic():
        groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang",
                   store="bj-cy", now=talk.now - timedelta(days=60))  # fmt: skip
        groups.seat(talk.db, "g1", "zhang", name="张伟", staff=True, invitor="", joined=talk.now)
        for n in range(1, 6):
            customers.add(talk.db, Customer(id=f"c{n}", name=f"顾客{n}", store="bj-cy",
                                            owner="zhang", phone=f"1380000000{n}",
                                            added_at=talk.now - timedelta(days=30)))  # fmt: skip
            groups.seat(talk.db, "g1", f"c{n}", name=f"群友{n}", staff=False, invitor="",
                        joined=talk.now - timedelta(days=20))  # fmt: skip
    return talk


def hears(room, who, text, chat="g1", to=""):
    msg = Inbound(f"a{room.count}", "archive", "text", who, room.now, text, chat=chat, to=to)
    return room.tell(msg)


def alerts(room, *kinds):
    found = rows.of_stores(room.db, ("bj-cy",), room.now - timedelta(days=30),
                           room.now + timedelta(days=1), 100)  # fmt: skip
    return [one for one in found if not kinds or one.kind in kinds]


def cards(did, to="zhang"):
    return [a for a in did if isinstance(a, Card) and a.to == to and a.title.startswith("⚠️")]


def test_three_members_within_ten_minutes_are_a_matter_and_two_are_not(room):
    hears(room, "c1", "S6冬天续航太差了")
    room.now += timedelta(minutes=3)
    did = hears(room, "c2", "续航确实不行，虚标")
    assert alerts(room, "舆情") == []

    room.now += timedelta(minutes=3)
    did = hears(room, "c3", "我也觉得续航打折太多了")

    (found,) = alerts(room, "舆情")
    assert found.why == "10分钟内3位成员抱怨续航（规则：3位），从会话存档听到"
    assert found.evidence.count("群友") == 3
    assert "顾客" not in found.evidence
    (card,) = cards(did)
    assert "⚠️ 舆情：看车群" in card.title
    assert [b.text for b in card.buttons] == ["处理中", "已解决", "误报"]
    assert "请在周五(3月6日)上午11点6分前处理" in card.text


def test_the_same_member_three_times_or_too_slowly_is_no_matter(room):
    for _ in range(3):
        hears(room, "c1", "S6冬天续航太差了")
    for who in ("c2", "c3"):
        room.now += timedelta(minutes=11)
        hears(room, who, "续航确实不行，虚标")

    assert alerts(room, "舆情") == []


def test_it_is_not_told_again_before_its_time(room):
    for _ in range(2):
        for who in ("c1", "c2", "c3", "c4"):
            hears(room, who, "S6冬天续航太差了")
    assert len(alerts(room, "舆情")) == 1

    room.now += timedelta(hours=25)
    for who in ("c1", "c2", "c3"):
        hears(room, who, "S6冬天续航太差了")
    assert len(alerts(room, "舆情")) == 2


@pytest.mark.parametrize(("text", "found"), [
    ("听说S6又减配了", "减配"), ("这批车断轴了大家小心", "断轴"), ("网传你们要倒闭", "倒闭"),
    ("会不会自燃啊", ""), ("S6不会自燃吧，没有召回过", ""), ("刹车失灵过吗？", ""),
    ("听说召回了是真的吗", "召回"), ("周末去试驾", ""),
])  # fmt: skip
def test_a_rumour_is_told_as_hearsay_or_as_a_fact_and_a_question_is_none(room, text, found):
    hears(room, "c1", text)

    told = alerts(room, "谣言")
    assert [one.topic for one in told] == ([found] if found else [])


@pytest.mark.parametrize(("text", "found"), [
    ("我在别家销售那边，我家更便宜", True), ("加我微信 abc_12345 有低价", True),
    ("看这个 https://bad.example/x", True), ("13911112222 联系我", True),
    ("加个微信群吧", False), ("价格能不能便宜点", False), ("我手机是13911112222", False),
])  # fmt: skip
def test_poaching_is_seen_by_its_words_links_and_numbers(room, text, found):
    hears(room, "c1", text)

    told = alerts(room, "拉人")
    assert bool(told) == found
    assert "13911112222" not in "".join(one.evidence + one.why for one in told)


def test_a_question_that_staff_answer_is_none_and_one_they_miss_is_told(room):
    hears(room, "c1", "S6冬天续航能跑多少")
    room.now += timedelta(minutes=20)
    hears(room, "zhang", "大概四百多")
    hears(room, "c2", "后备箱能放婴儿车吗")

    sent = room.wait(minutes=61)

    (found,) = alerts(room, "没人答")
    assert found.evidence == "群友2：后备箱能放婴儿车吗"
    assert "60分钟没人回" in found.why
    assert len(cards(sent)) == 1


def test_nothing_is_read_of_who_refused_the_archive(room):
    archive.consent(room.db, "c1", "g1", False, room.now)
    hears(room, "c1", "听说S6又减配了，加我微信 abc_12345")

    assert alerts(room) == []


def test_a_complaint_in_a_group_is_an_alert_with_its_words(room):
    hears(room, "c1", "我要投诉你们，态度太差了")

    (found,) = alerts(room, "投诉")
    assert found.why.startswith("群友1在群里投诉")
    assert found.about == "c1"


def test_an_open_alert_goes_to_the_manager_at_its_deadline_once(room):
    hears(room, "c1", "听说S6又减配了")

    assert cards(room.wait(minutes=118), "chen") == []
    sent = room.wait(minutes=5)
    assert next(c.text for c in cards(sent, "chen")).startswith("超时没处理完（张伟，待处理）")
    assert any("预警超时" in a.text for a in sent if isinstance(a, Send) and a.to == "zhang")
    assert cards(room.wait(minutes=30), "chen") == []


@pytest.mark.parametrize(("button", "state", "open_"), [
    ("处理中", "处理中", True), ("已解决", "已解决", False), ("误报", "误报", False),
])  # fmt: skip
def test_the_buttons_settle_it(room, button, state, open_):
    hears(room, "c1", "听说S6又减配了")
    room.taps("zhang", button)

    (found,) = alerts(room, "谣言")
    assert found.state == state
    assert (found.ended_at is None) == open_
    assert bool(cards(room.wait(minutes=125), "chen")) == open_


def test_it_is_listed_closed_by_its_number_and_given_a_note(room):
    hears(room, "c1", "听说S6又减配了")
    assert "1. 谣言｜看车群｜群友1提到“减配”" in room.says("zhang", "预警")[0].text

    room.says("zhang", "预警 1 已解决 已在群里说明13911112222")
    assert alerts(room, "谣言")[0].note == "已在群里说明139****2222"
    room.says("zhang", "预警说明 又私信解释了一次")
    assert alerts(room, "谣言")[0].note == "又私信解释了一次"
    assert "没有待处理" in room.says("zhang", "预警")[0].text
    assert "没有这一条" in room.says("zhang", "预警 3 误报")[0].text


def test_others_do_not_see_it_and_a_manager_of_the_store_does(room):
    hears(room, "c1", "听说S6又减配了")

    assert "没有待处理" in room.says("lina", "预警")[0].text
    assert "没有待处理" in room.says("lin", "预警")[0].text
    assert "谣言｜看车群" in room.says("chen", "预警")[0].text


def test_who_reads_figures_only_gets_figures(room):
    hears(room, "c1", "听说S6又减配了")
    ctx = room.ctx()
    span = (room.now - timedelta(days=1), room.now + timedelta(days=1))

    assert watch.figures(("bj-cy",), *span, ctx).rows == (("朝阳店", "谣言", 1, 1),)
    row = watch.table(("bj-cy",), *span, ctx).rows[0]
    assert row[1:3] == ("谣言", "看车群")
    assert row[3] == "群友1提到“减配”，像是传言（规则：传言的词，又是听来的或断言），从会话存档听到"


# By the clock


def test_silent_newcomers_are_told_in_the_morning_and_not_again(room):
    with room.db.atomic():
        for who, days in (("n1", 4), ("n2", 5), ("n3", 1)):
            groups.seat(room.db, "g1", who, name=f"新人{who}", staff=False, invitor="",
                        joined=room.now - timedelta(days=days))  # fmt: skip
        checkins.add(room.db, chat_id="g1", member="n2", day=room.now.date(), now=room.now)

    room.wait(hours=2)

    (found,) = alerts(room, "沉默新人")
    assert found.evidence == "新人n1"
    assert found.why == "进群3天以上还没说话、没玩过的新人1位"


def test_a_group_that_falls_a_stage_is_told_with_its_four_inputs(room):
    rows.keep_stage(room.db, "g1", "成长", room.now)

    room.wait(hours=2)

    (found,) = alerts(room, "群变弱")
    assert found.why == "从成长掉到沉寂" or found.why == "从成长掉到衰退"
    assert "流入0%、流出0%、沉默100%" in found.evidence


def test_a_contact_in_a_nickname_of_who_just_came_is_told(room):
    groups.seat(room.db, "g1", "x1", name="老王 微信 laowang888", staff=False, invitor="",
                joined=room.now)  # fmt: skip
    room.wait(hours=2)

    assert [one.about for one in alerts(room, "拉人")] == ["x1"]


def test_what_can_wait_is_told_within_the_shift(room):
    room.now += timedelta(hours=12)  # nine in the evening
    did = hears(room, "c1", "看这个 https://bad.example/x")
    assert cards(did) == []

    assert cards(room.wait(hours=10)) == []
    assert len(cards(room.wait(hours=2))) == 1


# What an advisor says


@pytest.mark.parametrize(("text", "kind"), [
    ("这是他的身份证 110101199003077571", "泄露"), ("卡号 6222 0200 0000 0000 000", "泄露"),
    ("另一位客户的电话13800000002你问问", "泄露"), ("定金直接转我微信就行", "私下交易"),
    ("我们是全国销量第一品牌", "违规词"), ("周六下午三点店里见", ""),
    ("您的手机号13800000001对吗", ""), ("订单号 1234567890123456789", ""),
])  # fmt: skip
def test_an_advisor_s_words_are_watched_for_leaks_and_claims(room, text, kind):
    did = hears(room, "zhang", text, chat="", to="c1")

    found = alerts(room)
    assert [one.kind for one in found] == ([kind] if kind else [])
    if kind:
        assert len(cards(did, "chen")) == 1
        assert any(isinstance(a, Send) and a.to == "zhang" and "刚才发给" in a.text for a in did)
    assert "110101199003077571" not in "".join(one.evidence for one in found)
    assert "6222 0200 0000" not in "".join(one.evidence for one in found)


def test_a_card_number_is_told_by_its_check_digit():
    assert watch_words._card("6222020000000000000")
    assert not watch_words._card("6222020000000000001")


# What groups speak of


def test_the_week_s_topics_and_hours_of_a_group(room):
    for n in range(1, 6):
        hears(room, f"c{n}", "S6冬天续航太差了")
    span = (room.now - timedelta(days=7), room.now + timedelta(days=1))

    table = ANALYSES["moods"].run(Scope(("bj-cy",), *span), room.ctx())

    assert table.rows == (("朝阳店", "看车群", 5, "续航5人", 1.0, "担心5÷提到5", "9点（5次）"),)


def test_who_is_forgotten_leaves_no_words_in_an_alert(room):
    hears(room, "c1", "听说S6又减配了")
    hears(room, "c1", "后备箱能放婴儿车吗")
    with room.db.atomic():
        erasure.erase(room.db, erasure.Person("c1", ("顾客1", "群友1")))

    (found,) = alerts(room, "谣言")
    assert (found.evidence, found.about == "c1", "群友1" in found.why) == ("", False, False)
    assert room.db.rows("select * from group_questions") == []


def test_words_of_matters_long_closed_fade(room):
    hears(room, "c1", "听说S6又减配了")
    room.taps("zhang", "误报")
    room.now += timedelta(days=181)

    rows.fade(room.db, room.now - timedelta(days=1), room.now - timedelta(days=180))

    assert room.db.rows("select evidence from alerts") == [{"evidence": ""}]
    assert room.db.rows("select * from group_voices") == []


# Where the archive does not reach


LEAK = "请帮看下王女士，身份证 110101199003074258"
INSIDE = (("听说S6又减配了，群里都在传", "谣言", "张伟在内部群的话提到“减配”"),
          (LEAK, "泄露", "张伟在内部群的话里有身份证号"),
          ("大家加这个群 https://bad.vip/x 领红包", "拉人", "张伟在内部群的话像是"))  # fmt: skip


@pytest.mark.parametrize(("words", "kind", "why"), INSIDE, ids=[kind for _, kind, _ in INSIDE])
def test_words_to_the_aibot_among_staff_are_heard(room, words, kind, why):
    room.asks("zhang", words)

    (found,) = alerts(room, kind)
    assert found.why.startswith(why)
    assert found.why.endswith("，从内部群@机器人听到")
    assert found.owner == "chen"
    assert "19900307" not in found.evidence


@pytest.mark.parametrize(
    ("who", "name", "owner"),
    [("newbie01", "名单外的同事", "chen"), ("yun", "孙悦", "chen"), ("chen", "陈静", "zhou")],
)
def test_whoever_speaks_among_staff_is_heard_and_a_stranger_not_named(room, who, name, owner):
    groups.put(room.db, chat_id="team", name="朝阳店内部群", kind="内部", owner="chen",
               store="bj-cy", now=room.now)  # fmt: skip
    colleague = Colleague(userid="yun", name="孙悦", role="社群运营", stores=("bj-cy",))
    room.settings = room.settings.model_copy(update={"colleagues": (colleague,)})

    room.asks(who, LEAK)

    (found,) = alerts(room, "泄露")
    assert found.why.startswith(f"{name}在内部群的话里有身份证号")
    assert (found.owner, found.store) == (owner, "bj-cy")
    assert "newbie01" not in str(room.db.rows("select * from alerts"))
    assert "newbie01" not in "".join(c.text + c.title for c in cards(room.did))
    room.asks("newbie02", LEAK)
    assert len(alerts(room, "泄露")) == 1  # one matter is told once


def test_a_game_among_staff_is_no_matter(room):
    for words in ("签到", "今天想说 听说S6又减配了这个谣言我们要澄清", "排行榜"):
        room.asks("zhang", words)

    assert alerts(room) == []


def on_page(room, who, words):
    guest = h5_guests.guest(f"x/{who}", groups.get(room.db, "g1"), room.ctx())
    with room.db.atomic():
        said, room.did = h5.say(words, guest, f"once-{room.count}", room.ctx())
    return said


def test_complaints_on_the_page_are_voices_of_the_group(room):
    for who, words in (("c1", "许愿 S6冬天续航太差了"), ("c2", "续航确实不行，虚标"),
                       ("c3", "今天想说 我也觉得续航打折太多了")):  # fmt: skip
        on_page(room, who, words)

    (found,) = alerts(room, "舆情")
    assert found.why == "10分钟内3位成员抱怨续航（规则：3位），从群页面听到"
    assert found.evidence.count("群友") == 3
    assert cards(room.did)


def test_a_question_on_the_page_reaches_the_owner_once(room):
    said = on_page(room, "c1", "S6冬天续航到底能跑多少公里？")

    assert said == "这个问题已经转给群主，TA会在群里回您。"
    (card,) = cards(room.did)
    assert "没人答：看车群" in card.title
    assert "群友1问了一个问题，从群页面听到" in card.text
    assert on_page(room, "c1", "S6冬天续航到底能跑多少公里呀？") == said
    assert len(alerts(room, "没人答")) == 1


def test_nobody_who_sits_out_looks_on_or_plays_is_heard_on_the_page(room):
    on_page(room, "c1", "不参加")
    for who, words in (("c1", "听说S6又减配了"), ("nobody", "听说S6又减配了"), ("c2", "A")):
        on_page(room, who, words)

    assert alerts(room) == []


def test_what_the_owner_pastes_out_of_the_group_is_heard(room):
    did = room.says("zhang", "群里说 看车群\n群友1：S6冬天续航太差了\n路人：续航不行，虚标\n"
                             "群友3：我也觉得续航打折太多了\n张伟：续航太差了，我查查")  # fmt: skip

    (found,) = alerts(room, "舆情")
    assert found.why == "10分钟内3位成员抱怨续航（规则：3位），从顾问粘贴听到"
    assert "看了4句，要处理的在卡片里" in did[0].text
    assert cards(did)


@pytest.mark.parametrize(("words", "said"), [
    ("群里说 看车群\n群友1：听说S6又减配了", "看了1句"), ("群里说 看车群\n群友1：早", "没有要预警"),
    ("群里说 别人的群\n群友1：听说S6又减配了", "没有叫“别人的群”的"), ("群里说", "写法：第一行"),
    ("群里说 看车群", "写法：第一行"), ("群里说 看车群\n没有名字的一段话", "写法：第一行"),
])  # fmt: skip
def test_a_paste_of_a_group_is_answered_whatever_it_is(room, words, said):
    room.says("zhang", words)

    assert said in room.texts()


def test_private_words_of_several_customers_are_a_matter_of_the_store(room):
    for name, words in (("顾客1", "S6冬天续航太差了"), ("顾客2", "续航确实不行，虚标")):
        room.says("zhang", f"客户{name}说：{words}")
    assert alerts(room, "舆情") == []

    did = room.says("zhang", "客户顾客3说：我也觉得续航打折太多了")

    (found,) = alerts(room, "舆情")
    assert found.why == "10分钟内3位客户抱怨续航（规则：3位），从顾问粘贴听到"
    assert (found.owner, found.chat_id) == ("chen", "")
    assert "⚠️ 舆情：朝阳店" in cards(did, "chen")[0].title
    assert "顾客1：S6冬天续航太差了" in found.evidence


def test_a_single_chat_of_the_archive_is_heard_for_the_store(room):
    hears(room, "c1", "听说S6又减配了", chat="", to="zhang")

    (found,) = alerts(room, "谣言")
    assert found.why.endswith("，从会话存档听到")
    assert found.owner == "chen"


def test_the_service_chat_is_heard(room):
    fields = {"open_kfid": "wk1", "origin": 3}
    room.tell(Inbound("k1", "kf", "text", "c1", room.now, "听说S6又减配了", to="wk1",
                      fields=fields))  # fmt: skip

    (found,) = alerts(room, "谣言")
    assert found.why.endswith("，从微信客服听到")


def test_where_nothing_can_be_heard_it_is_said(room):
    assert "没有会话存档，客户群里说的话程序听不到" in room.says("zhang", "预警")[0].text
    inbox.keep(room.db, inbox.Kept("a", "archive", "c1", "{}"), room.now)

    assert "现在听得到：会话存档（最近一条" in room.says("zhang", "预警")[0].text
