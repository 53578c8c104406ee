"""What advisors paste: named questions, transcripts of several forms, and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import memory

from handlers import paste
from storage import customers

TOLD = [
    ("客户王女士问：S6冬天续航怎么样？", "王女士", "S6冬天续航怎么样？"),
    ("王女士问:有点贵", "王女士", "有点贵"),
    ("客户 王女士 问： 有点贵 ", "王女士", "有点贵"),
    ("客户“王女士”说：有点贵", "王女士", "有点贵"),
    ("王女士刚才问我：能便宜吗", "王女士", "能便宜吗"),
    ("王女士说了：不要了", "王女士", "不要了"),
    ("李先生又发来：\n冬天续航怎么样\n有点贵", "李先生", "冬天续航怎么样\n有点贵"),
    ("客户王女士在群里说：提车了吗", "王女士", "提车了吗"),
]


@pytest.mark.parametrize(("text", "name", "words"), TOLD)
def test_a_named_customer_s_words(text, name, words):
    found = paste.told(text)

    assert (found.name, found.text) == (name, words)


NOT_TOLD = [
    "有点贵",
    "S6 冬天续航怎么样？",
    "客户：",
    "问：",
    "王女士",
    "",
    "客户王女士问",
    "10:21",
]


@pytest.mark.parametrize("text", NOT_TOLD)
def test_what_names_nobody_is_nobody_s(text):
    assert paste.told(text) is None


CHATS = [
    # name and time on a line of their own
    ("王女士 10:21\n冬天续航怎么样\n张伟 10:22\n您好", "王女士", "冬天续航怎么样", "您好"),
    ("王女士 2026-03-06 10:21:33\n一\n二\n王女士 10:25\n三", "王女士", "一\n二\n三", ""),
    ("王女士 上午10:21\n有点贵\n我 10:22\n收到", "王女士", "有点贵", "收到"),
    ("王女士 3/6 10:21\n有点贵", "王女士", "有点贵", ""),
    ("王女士@微信 10:21\n有点贵", "王女士", "有点贵", ""),
    ("王女士 昨天 10:21\n有点贵", "王女士", "有点贵", ""),
    ("Amy Chen 10:21\n有点贵\n张伟 10:22\n好", "Amy Chen", "有点贵", "好"),
    # in front of the words
    ("王女士 10:21：有点贵\n张伟 10:22：您好", "王女士", "有点贵", "您好"),
    ("王女士(10:21): 有点贵\n张伟(10:22): 您好", "王女士", "有点贵", "您好"),
    # without times
    ("王女士：有点贵\n张伟：我给您算算\n王女士：好", "王女士", "有点贵\n好", "我给您算算"),
    ("王女士:有点贵\n\n我:您好", "王女士", "有点贵", "您好"),
]


@pytest.mark.parametrize(("text", "name", "words", "own"), CHATS)
def test_only_the_customer_s_lines_of_a_transcript_are_theirs(text, name, words, own):
    found = paste.transcript(text, "张伟")

    assert (found.name, found.text, found.own) == (name, words, own)


def test_several_strangers_are_asked_about_and_then_told_apart():
    text = "王女士：续航怎么样\n李先生：怎么充电\n张伟：好"

    assert paste.transcript(text, "张伟").unclear == ("王女士", "李先生")
    assert paste.pick(text, "张伟", "李先生").text == "怎么充电"


def test_only_the_advisor_s_own_words_are_nobody_s():
    found = paste.transcript("张伟 10:21\n您好\n张伟 10:22\n在吗", "张伟")

    assert (found.text, found.unclear) == ("", ())


NO_CHATS = [
    "有点贵", "王女士：有点贵", "第一行\n第二行", "10:21", "王女士 10:21", "续航怎么样？\n有点贵。",
    "", "：\n：", "明天 10:30 到店可以吗",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_CHATS)
def test_what_is_no_transcript(text):
    found = paste.transcript(text, "张伟")

    assert found is None or not found.text


PIECES = st.sampled_from(
    ["王女士", "张伟", " ", "10:21", "2026-03-06", "：", ":", "\n", "问", "客户", "（", "）", "说",
     "a", "有点贵", "？", "昨天", "上午", "“", "\u3000", "\r\n", "\x00", "👩‍👩‍👧", "\u202e"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)))
def test_no_text_breaks_the_reading(text):
    told, chat, named = paste.told(text), paste.transcript(text, "张伟"), paste.named(text)

    assert told is None or told.text.strip() == told.text
    assert named is None or named.text
    if chat and chat.unclear:
        assert len(chat.unclear) != 1
        assert all(paste.pick(text, "张伟", who).name == who for who in chat.unclear)


LONG = ["问" * 20_000, "：" * 20_000, " " * 20_000, "王女士 10:21\n" * 3_000, "客户" * 20_000,
        "a 1:1 " * 5_000, ("x" * 19 + " ") * 3_000]  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", LONG, ids=lambda t: t[:6])
def test_a_very_long_text_is_read_in_no_time(text):
    paste.told(text)
    paste.transcript(text, "张伟")


# In the conversation

HOSTILE = [
    "客户王女士问：" + "贵" * 5000,
    "客户王女士问：'; drop table customers; --",
    "客户王女士问：{车型} {{客户称呼}} %s {0}",
    "客户王女士问：<script>alert(1)</script> & ]]>",
    "客户王女士问：\u202e贵点有\u202c 👩‍👩‍👧‍👦",
    "王女士 10:21\n采用 1\n王女士 10:22\n撤销",
    "客户../../etc/passwd问：在吗",
    "客户%问：续航",
    "记录 ' or 1=1 试驾",
    "话术 " + "\\" * 50,
    "详情 99",
    "采用 9",
    "客户 " + "王" * 20,
    "為什麼這麼貴，續航怎麼樣",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: t[:12])
def test_hostile_words_are_only_words(talk, text):
    did = talk.says("zhang", text)

    assert did
    assert talk.customer("wang").name == "王女士"


@given(text=st.text(min_size=1, max_size=60))
def test_no_text_of_an_advisor_raises(knowledge, text):
    talk = fresh(knowledge)

    did = talk.says("zhang", text)

    assert did or not text.strip()
    talk.db.close()


def fresh(knowledge):
    """A conversation of its own for every example."""
    from conftest import Talk

    from bot.sandbox import demo

    db = memory()
    customers.add(db, customers.Customer(id="wang", name="王女士", owner="zhang", store="bj-cy",
                                         added_at=demo.START))  # fmt: skip
    return Talk(db, knowledge, demo.SETTINGS, demo.START)


def test_phone_numbers_are_kept_masked(talk):
    talk.says("zhang", "客户王女士说：我电话13812345678，有点贵")

    everything = [
        str(row)
        for table in ("messages", "tags", "events", "gaps", "script_uses")
        for row in talk.db.rows(f"select * from {table}")
    ]
    assert "13812345678" not in "".join(everything)
    assert "138****5678" in "".join(everything)


def test_a_variable_in_a_customer_s_words_is_not_filled(talk):
    talk.says("zhang", "客户王女士问：{车型}有点贵")

    assert "{车型}" not in talk.did[0].text.split("【1】")[-1]
