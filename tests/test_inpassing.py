"""What advisors say of a customer in passing, as people type on a phone."""

from datetime import timedelta

import pytest

from handlers.values import Card
from storage import appointments, customers, events
from storage import followups as owed


def kinds(talk, customer):
    return [e.kind for e in events.of(talk.db, customer)
            if e.kind not in ("级别", "意向", "开口")]  # fmt: skip


def contacted(talk, customer):
    return talk.customer(customer).contacted_at == talk.now


@pytest.mark.parametrize("words", [
    "王女士啥情况", "王女士什么级别", "王女士到哪一步了", "王女士上次聊了啥", "看下王女士",
    "帮我看看王女士的资料", "王女士的卡片", "王女士电话多少", "王女士来了吗", "查一下王女士",
])  # fmt: skip
def test_who_is_asked_about_is_shown(talk, words):
    did = talk.says("zhang", words)

    assert [a.title[:3] for a in did if isinstance(a, Card)] == ["王女士"]
    assert kinds(talk, "wang") == []


@pytest.mark.parametrize("words", [
    "王女士联系过了", "王女士我联系过了", "给王女士发了配置表", "打电话给王女士了", "已联系王女士",
    "刚和王女士聊完", "联系过王女士了", "今天给王女士打了电话", "跟王女士聊过了",
])  # fmt: skip
def test_what_was_done_counts_as_contact_and_is_taken_back(talk, words):
    talk.says("zhang", words)

    assert contacted(talk, "wang")
    assert "已撤销" in talk.says("zhang", "撤销")[0].text
    assert not contacted(talk, "wang")


@pytest.mark.parametrize("words", [
    "王女士没接电话", "王女士今天没接电话", "王女士电话打不通", "王女士一直没回我消息",
    "昨天给王女士打了电话，没接",
])  # fmt: skip
def test_whom_nobody_reached_was_not_contacted_and_gets_another_time(talk, words):
    talk.says("zhang", words)

    assert "这次不算联系上。什么时候再联系王女士？" in talk.texts()
    assert not contacted(talk, "wang")
    assert "今天下午3点再提醒你联系王女士" in talk.says("zhang", "下午3点")[0].text


DONE = [
    ("王女士定了一台S6", "下订"), ("王女士下单了", "下订"), ("王女士交了5000定金", "下订"),
    ("王女士试完车了说考虑一下", "试驾"), ("王女士提了车", "交付"), ("王女士看过车了", "到店"),
    ("王女士来过店里", "到店"), ("王女士退定了", "退单"), ("王女士退订单了", "退单"),
    ("给王女士报价19.8万了", "报价"), ("陪王女士试驾了", "试驾"), ("王女士把我删了", "退订"),
    ("王女士拉黑我了", "退订"), ("王女士别再联系她了", "退订"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "kind"), DONE, ids=[words for words, _ in DONE])
def test_what_happened_is_logged_however_it_is_said(talk, words, kind):
    talk.says("zhang", words)

    assert kinds(talk, "wang") == [kind]
    assert "已记录：王女士" in talk.texts()


@pytest.mark.parametrize("words", ["王女士想下订", "王女士要不要下订", "王女士还没下单",
                                   "王女士准备订车", "王女士打算退订单"])  # fmt: skip
def test_what_is_only_wished_for_did_not_happen(talk, words):
    talk.says("zhang", words)

    assert not {"下订", "退单"} & {*kinds(talk, "wang")}


def test_what_they_care_about_is_theirs_and_not_that_of_whoever_was_looked_at(talk):
    talk.says("zhang", "客户 王女士")

    talk.says("zhang", "李先生嫌贵")
    talk.says("zhang", "李先生担心质保怎么说")

    assert talk.concerns("li") == {"price": -1, "service": -1}
    assert talk.concerns("wang") == {}


def test_a_blocked_advisor_never_costs_another_customer_their_messages(talk):
    talk.says("zhang", "客户 王女士")

    talk.says("zhang", "李先生把我删了")

    assert talk.customer("li").opted_out_at == talk.now
    assert talk.customer("wang").opted_out_at is None
    talk.says("zhang", "撤销")
    assert talk.customer("li").opted_out_at is None


def test_words_that_only_name_another_customer_are_asked_about(talk):
    talk.says("zhang", "客户 王女士")

    talk.says("zhang", "李先生推荐我来看的，S6有优惠吗")

    assert "哪位客户说的" in talk.texts()
    assert talk.concerns("li") == talk.concerns("wang") == {}
    talk.says("zhang", "王女士")
    assert talk.concerns("wang") == {"price": 0}


def test_words_for_a_customer_are_not_their_own(talk):
    talk.says("zhang", "王女士您好，周末有空来试驾吗")

    assert "像是要发给王女士的话" in talk.texts()
    assert kinds(talk, "wang") == []


def test_two_customers_in_one_line_get_each_their_own(talk):
    talk.says("zhang", "王女士和李先生都到店了")
    assert (kinds(talk, "wang"), kinds(talk, "li")) == (["到店"], ["到店"])
    talk.says("zhang", "撤销")
    talk.says("zhang", "撤销")
    assert (kinds(talk, "wang"), kinds(talk, "li")) == ([], [])

    talk.says("zhang", "王女士昨天到店了，李先生今天试驾")
    assert (kinds(talk, "wang"), kinds(talk, "li")) == (["到店"], ["试驾"])
    talk.says("zhang", "联系了王女士和李先生")
    assert contacted(talk, "wang")
    assert contacted(talk, "li")
    talk.says("zhang", "王女士 李先生都说贵")
    assert "请一位一位说" in talk.texts()
    assert talk.concerns("wang") == {}


def test_one_line_may_hold_what_was_done_and_what_came_of_it(talk):
    talk.says("zhang", "已联系王女士，约了周六上午")
    assert contacted(talk, "wang")
    assert [a.kind for a in appointments.open_of(talk.db, "wang")] == ["到店"]

    talk.says("zhang", "刚和李先生聊完 他嫌贵")
    assert contacted(talk, "li")
    assert talk.concerns("li") == {"price": -1}


def test_an_appointment_is_called_off_whichever_way(talk):
    for words in ("王女士周日的试驾取消", "王女士周日来不了了", "王女士说不来了"):
        talk.says("zhang", "王女士约周日下午3点，带她妈妈")
        assert "下午3点" in talk.says("zhang", "王女士什么时候来")[0].text

        talk.says("zhang", words)

        assert "取消了" in talk.texts(), words
        assert appointments.open_of(talk.db, "wang") == []


LATER = [
    ("王女士周一再联系", "周一(3月9日)上午8点45分再提醒"),
    ("王女士国庆后再说", "冷冻到"), ("王女士下个月再联系", "冷冻到"),
    ("王女士暂时不跟了", "冷冻到什么时候"),
    ("周日给王女士送合同", "周日(3月8日)上午8点45分提醒你：给王女士送合同"),
    ("明天上午10点联系王女士", "明天上午10点提醒你：联系王女士"),
    ("王女士没接电话，下午4点再打", "今天下午4点再提醒你联系王女士"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "answer"), LATER, ids=[words for words, _ in LATER])
def test_what_is_put_off_is_kept_for_then(talk, words, answer):
    talk.says("zhang", words)

    assert answer in talk.texts()
    assert not contacted(talk, "wang")


def test_levels_losses_and_telephones_are_said_as_one_likes(talk):
    talk.says("zhang", "李先生降到C吧，他说明年再买")
    assert "李先生是低意向·C级（你定的：他说明年再买）" in talk.texts()
    for words in ("把王女士调成H级", "王女士升A"):
        assert "要有理由" in talk.says("zhang", words)[0].text
    talk.says("zhang", "王女士手机13800138000")
    assert talk.customer("wang").phone == "13800138000"
    for words in ("王女士不买了", "王女士买了比亚迪", "王女士去别家买了理想L6"):
        assert "还不能报战败" in talk.says("zhang", words)[0].text, words
    assert kinds(talk, "wang") == ["更正"]


def test_a_manager_urges_and_hands_over_in_passing(talk):
    talk.says("chen", "提醒张伟联系王女士")
    assert "陈静批注了王女士：联系王女士" in talk.texts("zhang")

    talk.says("chen", "把王女士转给李娜")
    assert talk.customer("wang").owner == "lina"
    talk.says("zhang", "提醒李娜联系李先生")
    assert "批注" not in talk.texts("lina")


def test_what_is_not_understood_of_somebody_says_what_could_be_said(talk):
    talk.says("zhang", "王女士呃呃呃")

    assert "没看懂要给王女士做什么" in talk.texts()
    assert "记录 王女士 到店" in talk.texts()


def test_nobody_does_anything_for_the_customer_of_somebody_else(talk):
    for words in ("给王女士发了配置表", "王女士把我删了", "王女士下单了", "王女士升A，我说的",
                  "王女士没接电话", "王女士不买了"):  # fmt: skip
        talk.says("lina", words)

    assert kinds(talk, "wang") == []
    assert not contacted(talk, "wang")
    assert owed.open_of(talk.db, "wang") == []


def test_after_scripts_short_words_are_about_them(talk):
    asked = "客户王女士问：S6 冬天续航怎么样？有点贵"
    first = talk.says("zhang", asked)[0].text
    for words in ("换个说法", "这条不对"):
        assert talk.says("zhang", words)[-2].text != first, words
        assert "王女士" in str(talk.did)
    talk.says("zhang", asked)
    for words in ("太长了", "有没有短点的", "短一点"):
        assert str(talk.says("zhang", words)) == str(talk.says("zhang", "短一点")), words
    talk.says("zhang", "发了")
    assert contacted(talk, "wang")
    assert talk.customer("wang").opted_out_at is None
    assert [a.text for a in talk.says("zhang", "谢谢")] == ["不客气，有事随时说。"]


def test_a_greeting_to_us_is_no_customer_s(talk):
    assert "在的。" in talk.says("zhang", "在吗")[0].text
    assert len(talk.did) == 1

    for words in ("我今天要联系谁", "还有谁没联系", "今天干什么", "逾期的有谁", "下一个"):
        assert str(talk.says("zhang", words)) == str(talk.says("zhang", "待办")), words
    customers.change(talk.db, "li", contacted_at=talk.now - timedelta(days=1))
    assert "卡住" in talk.says("zhang", "卡住的")[0].text


def test_notes_reasons_stars_and_rights_are_said_in_passing_too(talk):
    talk.says("zhang", "王女士备注喜欢白色，13800138000")
    assert "已记在王女士的卡片上：喜欢白色" in talk.texts()
    assert "13800138000" not in talk.texts()
    assert "喜欢白色" in str(talk.says("zhang", "客户 王女士"))
    assert "已撤销：王女士的备注" in talk.says("zhang", "撤销")[0].text
    assert "喜欢白色" not in str(talk.says("zhang", "客户 王女士"))

    talk.says("zhang", "为啥王女士是C")
    assert str(talk.did) == str(talk.says("zhang", "为什么 王女士"))
    talk.says("zhang", "王女士到店了")
    assert "5星" in talk.says("zhang", "王女士给了5星 服务好")[0].text
    assert "删除王女士的全部资料" in talk.says("zhang", "王女士要删除资料")[0].title
    assert "计划" in talk.says("zhang", "王女士停掉sop")[0].text
    for words in ("王女士和李先生是同一个人", "合并 王女士 李先生"):
        assert "合并" in str(talk.says("zhang", words)), words


@pytest.mark.parametrize("words", ["展厅来了个孙女士 看S6", "孙女士到店了 没加微信"])
def test_who_walks_in_is_a_customer_before_any_contact(talk, words):
    talk.says("zhang", words)

    (found,) = customers.named(talk.db, "孙女士")
    assert (found.owner, found.source) == ("zhang", "自然到店")
    assert kinds(talk, found.id)[0] == "到店"


def test_scripts_are_looked_for_in_other_words(talk):
    for words in ("找个充电的话术", "搜 充电", "搜索 充电", "查一下充电话术"):
        assert str(talk.says("zhang", words)[0].text) == talk.says("zhang", "话术 充电")[0].text, (
            words
        )
