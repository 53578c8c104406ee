"""The chat archive: with consent the customer's own words; without it nothing is read."""

import pytest

from handlers.values import Inbound
from storage import customers, groups


def line(talk, sender, text, to="", chat=""):
    return talk.tell(Inbound(f"archive:{talk.count}", "archive", "text", sender, talk.now, text,
                             to=to, chat=chat))  # fmt: skip


def messages(talk):
    return [(m["who"], m["text"]) for m in customers.talk(talk.db, "wang")]


def test_a_customer_s_line_tags_them_and_helps_the_advisor(talk):
    line(talk, "wang", "S6冬天续航怎么样？", to="zhang")

    assert talk.concerns("wang") == {"range": 0}
    assert talk.customer("wang").spoke_at == talk.now
    assert "王女士说：S6冬天续航怎么样？" in talk.texts()
    assert "【1】" in talk.texts()


def test_small_talk_brings_no_scripts(talk):
    line(talk, "wang", "好的谢谢", to="zhang")

    assert talk.texts() == ""
    assert messages(talk) == [("customer", "好的谢谢")]


def test_the_advisor_s_line_counts_as_an_answer_and_tags_nobody(talk):
    line(talk, "zhang", "续航您放心，冬天也够用", to="wang")

    assert talk.customer("wang").contacted_at == talk.now
    assert talk.concerns("wang") == {}
    assert messages(talk) == [("advisor", "续航您放心，冬天也够用")]


def test_a_line_in_a_group_says_where_it_was_said(talk):
    groups.put(talk.db, chat_id="g1", name="S6看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip

    line(talk, "wang", "S6冬天续航怎么样？", chat="g1")

    assert "王女士在S6看车群说：" in talk.texts()


@pytest.mark.parametrize("sender", ["wang", "zhang"])
def test_without_consent_nothing_is_read_kept_or_counted(talk, sender):
    customers.change(talk.db, "wang", archive_refused_at=talk.now)
    before = talk.customer("wang")

    to = "zhang" if sender == "wang" else "wang"
    did = line(talk, sender, "S6冬天续航怎么样？太贵了，我要投诉", to=to)

    assert did == []
    assert talk.customer("wang") == before
    assert talk.concerns("wang") == {}
    assert messages(talk) == []
    assert "未同意存档" in talk.says("zhang", "客户 王女士")[0].text


@pytest.mark.parametrize("sender", ["stranger", "zhang"])
def test_people_we_do_not_know_are_left_alone(talk, sender):
    assert line(talk, sender, "有点贵", to="stranger2") == []


def test_a_complaint_in_the_archive_reaches_advisor_and_manager(talk):
    line(talk, "wang", "你们这是欺骗消费者，我要投诉到12315", to="zhang")

    assert "投诉" in talk.texts()
    assert "投诉" in talk.texts("chen")


def test_an_opt_out_in_the_archive_holds_at_once(talk):
    line(talk, "wang", "别再给我发了，退订", to="zhang")

    assert talk.customer("wang").opted_out_at == talk.now


def test_phone_numbers_are_masked_where_they_are_kept_and_shown(talk):
    line(talk, "wang", "S6多少钱？打我13812345678", to="zhang")

    assert "13812345678" not in str(talk.db.rows("select * from messages"))
    assert "13812345678" not in talk.texts()


def test_a_picture_in_the_archive_is_no_text(talk):
    msg = Inbound("archive:x", "archive", "image", "wang", talk.now, to="zhang")

    assert talk.tell(msg) == []


async def test_lines_are_read_only_while_the_archive_is_on(played):
    await played.say_private("wang", "zhang", "S6冬天续航怎么样？")
    await played.running.app.idle()
    assert played.pretend.received() == []

    played.archive = True
    await played.say_private("wang", "zhang", "S6冬天续航怎么样？")
    await played.running.app.idle()
    assert "续航" in str(played.pretend.received())

    before = len(played.pretend.received())
    await played.consent("wang", False)
    await played.say_private("wang", "zhang", "S6有点贵啊，能便宜吗？")
    await played.running.app.idle()
    assert len(played.pretend.received()) == before
