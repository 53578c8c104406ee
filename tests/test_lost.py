"""战败: filed with its reason, agreed to or sent back, and only then done."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import lost
from handlers.values import Card, Send
from storage import customers, events, followups
from storage import lost as rows


def contact(talk, name="王女士", times=3):
    for _ in range(times):
        talk.now += timedelta(hours=5)
        talk.says("zhang", f"已联系 {name}")


def file(talk, words="王女士 太贵了，差1.2万"):
    contact(talk)
    return talk.says("zhang", f"战败 {words}")


def cards(did, to="chen"):
    return [a for a in did if isinstance(a, Card) and a.to == to]


def test_too_few_contacts_are_refused_with_the_count_and_what_counts(talk):
    contact(talk, times=1)

    talk.says("zhang", "战败 王女士 太贵了")

    assert "已记1次（联系1次，到店、试驾、报价0次），至少要3次" in talk.texts()
    assert "算数的：采用话术发出、已联系、到店、试驾、报价" in talk.texts()
    assert rows.newest(talk.db, "wang") is None


def test_a_visit_counts_as_a_contact(talk):
    contact(talk, times=2)
    talk.says("zhang", "记录 王女士 到店")

    talk.says("zhang", "战败 王女士 太贵了，差1万")

    assert rows.newest(talk.db, "wang").contacts == 3


def test_the_customer_s_own_words_need_no_contacts(talk):
    talk.says("zhang", "客户王女士说：我已经买了比亚迪海豹了")

    did = talk.says("zhang", "战败 王女士")

    (card,) = cards(did)
    assert "竞品选择" in card.text
    assert "客户原话“买了比亚迪" in card.text


def test_what_the_words_do_not_tell_is_asked_for_one_by_one(talk):
    contact(talk)

    talk.says("zhang", "战败 王女士")
    assert "5 竞品选择" in talk.texts()
    talk.says("zhang", "5")
    assert "选了哪款" in talk.texts()
    talk.says("zhang", "海豹")

    loss = rows.newest(talk.db, "wang")
    assert (loss.reason, loss.rival, loss.kind, loss.state) == ("竞品选择", "海豹", "其他", "待批")


def test_a_digit_answers_the_price_gap_in_ten_thousands(talk):
    contact(talk)
    talk.says("zhang", "战败 王女士 价格没谈拢")

    talk.says("zhang", "1.2万")

    assert rows.newest(talk.db, "wang").gap == 12000


def test_what_nobody_knows_is_left_open(talk):
    contact(talk)
    talk.says("zhang", "战败 王女士 价格没谈拢")

    talk.says("zhang", "不清楚")

    assert "的战败申请已交给陈静、周涛：价格。" in talk.texts()


def test_nothing_moves_before_a_manager_agrees(talk):
    did = file(talk)

    assert [len(cards(did, who)) for who in ("chen", "zhou", "lin")] == [1, 1, 0]
    assert talk.customer("wang").stage == "加微"
    assert followups.open_of(talk.db, "wang") != []
    talk.taps("zhou", "同意")
    assert talk.customer("wang").stage == "战败"
    assert followups.open_of(talk.db, "wang") == []
    assert "周涛同意了王女士的战败：价格（差1.2万元）" in talk.texts("zhang")
    assert events.last(talk.db, "wang", "战败").by_whom == "zhou"


def test_the_second_manager_is_told_who_was_first(talk):
    did = file(talk)
    talk.did = cards(did, "chen")
    first = list(talk.did)
    talk.taps("chen", "同意")
    talk.did = cards(did, "zhou")
    assert first

    talk.taps("zhou", "退回")

    assert "已由陈静处理：同意" in talk.texts("zhou")
    assert talk.customer("wang").stage == "战败"


def test_sent_back_asks_for_a_reason_which_goes_to_the_advisor(talk):
    file(talk)
    talk.did = cards(talk.did)
    talk.taps("chen", "退回")

    talk.says("chen", "再约一次试驾，电话13800138000")

    assert "陈静退回了王女士的战败申请：再约一次试驾" in talk.texts("zhang")
    assert "13800138000" not in talk.texts("zhang")
    assert talk.customer("wang").stage == "加微"
    assert rows.newest(talk.db, "wang").state == "退回"


def test_a_manager_may_change_the_kind_first(talk):
    file(talk)
    talk.did = cards(talk.did)

    talk.taps("chen", "改类别")
    assert "需求不匹配（经理改的），不召回" in cards(talk.did)[0].text
    talk.taps("chen", "同意")

    assert rows.newest(talk.db, "wang").kind == "需求不匹配"


def test_an_approval_taken_back_waits_again(talk):
    file(talk)
    before = {f.kind: f.due_at for f in followups.open_of(talk.db, "wang")}
    talk.did = cards(talk.did)
    talk.taps("chen", "同意")

    talk.says("chen", "撤销")

    assert talk.customer("wang").stage == "加微"
    assert {f.kind: f.due_at for f in followups.open_of(talk.db, "wang")} == before
    assert "王女士战败，批不批？" in cards(talk.says("chen", "待批战败"))[0].title


def test_an_application_taken_back_cannot_be_agreed_to(talk):
    did = file(talk)
    talk.says("zhang", "撤销")
    talk.did = cards(did)

    talk.taps("chen", "同意")

    assert talk.customer("wang").stage == "加微"


def test_who_runs_the_store_needs_nobody_else(talk):
    talk.says("chen", "记录 王女士 战败，家人不同意")

    assert talk.customer("wang").stage == "战败"
    assert "陈静同意了王女士的战败：家人反对" in talk.texts("zhang")


def test_a_visit_and_a_defeat_of_one_line_are_both_taken(talk):
    contact(talk, times=2)

    talk.says("zhang", "记录 王女士 到店了，战败，家人不同意")

    assert events.last(talk.db, "wang", "到店") is not None
    assert rows.newest(talk.db, "wang").reason == "家人反对"


def test_an_order_must_be_given_up_first(talk):
    talk.says("zhang", "记录 王女士 下订")

    talk.says("zhang", "战败 王女士 太贵")

    assert "先记：记录 王女士 退单" in talk.texts()


def test_another_store_s_manager_sees_no_application(talk):
    file(talk)

    talk.says("lin", "待批战败")

    assert talk.texts("lin") == "没有等着批的战败申请。"


def test_the_digest_lists_what_waits(talk):
    file(talk)

    did = talk.says("chen", "日报")

    text = next(a.text for a in did if isinstance(a, Send))
    assert "等着批的战败1份" in text
    n = next(line.split(".")[0] for line in text.splitlines() if "等着批的" in line)
    talk.says("chen", f"详情 {n}")
    assert "王女士（张伟）：价格（差1.2万元）" in talk.texts("chen")


def test_the_card_tells_that_it_waits(talk):
    file(talk)

    did = talk.says("zhang", "客户 王女士")

    assert "战败申请待批：价格（差1.2万元）" in did[0].text


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("太贵了", "价格"),
        ("贷款没批下来", "金融未过"),
        ("想要的颜色没现车", "配置/颜色无现车"),
        ("老婆不同意", "家人反对"),
        ("在老家买了", "异地购车"),
        ("买了二手", "二手车"),
        ("电话空号联系不上", "联系不上"),
        ("加错人了，是同行", "误报/无效"),
        ("充电桩装不了", "续航/充电"),
        ("等太久了", "交付太久"),
        ("14", "误报/无效"),
    ],
)
def test_an_advisor_s_words_name_the_reason(words, name):
    assert lost.meant(words).name == name


@pytest.mark.parametrize("words", ["15", "0", "嗯", ""])
def test_what_names_none_is_none(words):
    assert lost.meant(words) is None


@pytest.mark.parametrize(
    ("words", "yuan"),
    [("差1.2万", 12000), ("贵了8000", 8000), ("便宜3千", 3000), ("1.5", 15000), ("2w", 20000),
     ("5000元", 5000), ("差不多吧", 0), ("S6", 0)],
)  # fmt: skip
def test_the_gap_is_read_with_its_unit(words, yuan):
    assert lost.gap(words) == yuan


@given(st.text(max_size=40))
def test_no_words_break_the_form(words):
    assert lost.gap(words) >= 0
    found = lost.meant(words)
    assert found is None or found in lost.reasons()


def test_each_reason_has_a_kind_that_is_known():
    assert {r.kind for r in lost.reasons()} == {lost.MISMATCH, lost.OTHER}
    assert len(lost.reasons()) == 14


def test_an_advisor_cannot_file_for_a_colleague_s_customer(talk):
    customers.change(talk.db, "wang", owner="lina")

    talk.says("zhang", "战败 王女士 太贵")

    assert "没有找到" in talk.texts()
