"""The advisor's chat: pasted words, scripts, and what is done with them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import library
from handlers.values import Card, Send, UpdateCard
from scriptbank.bank import Bank
from storage import followups, scripts

ASKED = "客户王女士问：S6 冬天续航怎么样？有点贵"


def test_pasted_words_become_tags_a_tier_and_three_scripts(talk):
    did = talk.says("zhang", ASKED)

    assert talk.concerns("wang") == {"range": 0, "price": -1}
    assert "王女士｜" in did[0].text
    assert "【3】" in did[0].text
    assert [b.text for b in did[1].buttons][:3] == ["采用 1", "采用 2", "采用 3"]


def test_the_scripts_answer_both_concerns_and_not_one_of_them_thrice(talk):
    did = talk.says("zhang", ASKED)

    assert "续航" in did[1].desc
    assert "价格" in did[1].desc


def test_adopting_sends_one_text_that_can_be_passed_on(talk):
    talk.says("zhang", ASKED)

    did = talk.taps("zhang", "采用 1")

    assert isinstance(did[0], UpdateCard)
    assert [type(a) for a in did[1:]] == [Send]
    assert "【" not in did[1].text
    assert talk.customer("wang").contacted_at == talk.now


def test_the_customer_s_words_are_told_apart_from_the_advisor_s(talk):
    talk.says(
        "zhang",
        "王女士 10:21\n冬天续航怎么样\n张伟 10:22\n有点贵是吧，我给您算算\n王女士 10:23\n嗯嗯",
    )

    assert talk.concerns("wang") == {"range": 0}


def test_a_transcript_with_two_strangers_is_asked_about(talk):
    talk.says("zhang", "王女士：冬天续航怎么样\n李先生：家里没车位怎么充电\n张伟：我看看")

    assert "哪位是客户" in talk.texts()
    talk.says("zhang", "2")
    assert talk.concerns("li").keys() == {"charging"}


def test_words_of_nobody_get_scripts_at_once_and_a_question_who_it_was(talk):
    talk.says("zhang", "家里没车位怎么充电")

    assert any(isinstance(a, Card) for a in talk.did)
    assert "哪位客户" in talk.texts()
    talk.says("zhang", "李先生")
    assert talk.concerns("li").keys() == {"charging"}


def test_after_a_customer_was_named_a_bare_paste_is_theirs(talk):
    talk.says("zhang", "客户 李先生")

    talk.says("zhang", "有点贵啊")

    assert talk.concerns("li") == {"price": -1}


def test_two_customers_of_one_name_are_offered_and_none_is_guessed(talk):
    talk.says("zhang", "客户王先生问：有点贵")

    assert "1. 王女士" in talk.texts()
    assert talk.concerns("wang") == {}
    talk.says("zhang", "1")
    assert talk.concerns("wang") == {"price": -1}


def test_why_names_the_words_and_the_numbers(talk):
    talk.says("zhang", ASKED)

    talk.says("zhang", "为什么")

    assert "“有点贵”" in talk.texts()
    assert "得分" in talk.texts()


def test_another_batch_has_other_scripts(talk):
    first = talk.says("zhang", ASKED)[0].text

    second = talk.says("zhang", "换一批")[0].text

    assert not {line for line in first.splitlines() if line.startswith("【")} & {
        line for line in second.splitlines() if line.startswith("【")
    }


def test_what_does_not_fit_goes_to_the_gaps(talk):
    talk.says("zhang", ASKED)

    talk.says("zhang", "不合适")

    assert [g["reason"] for g in scripts.gaps(talk.db, talk.now)] == ["顾问说不合适"]


def test_what_is_not_understood_gets_a_helpful_line(talk):
    talk.says("zhang", "嗯哼呃")

    assert "没看懂" in talk.texts()


def test_a_stranger_gets_one_polite_line_and_sees_nothing(talk):
    talk.says("nobody", "客户 王女士")

    assert [a.to for a in talk.did] == ["nobody"]
    assert "管理员" in talk.did[0].text


def test_another_advisor_s_customer_cannot_be_looked_up(talk):
    talk.says("lina", "客户 王女士")

    assert "没有找到" in talk.texts("lina")


def test_an_appointment_is_logged_and_can_be_taken_back(talk):
    talk.says("zhang", "记录 王女士 周六下午3点试驾")

    assert "周六(3月7日)" in talk.texts() or "明天下午3点" in talk.texts()
    assert talk.customer("wang").tier == "high"
    talk.says("zhang", "撤销")
    assert talk.customer("wang").tier == "low"


def test_opting_out_stops_everything_at_once(talk):
    talk.says("zhang", "客户王女士说：别再给我发了，退订")

    assert talk.customer("wang").opted_out_at == talk.now
    assert "王女士" not in str(talk.wait(days=4))


def test_a_complaint_reaches_the_manager_too(talk):
    talk.says("zhang", "客户王女士说：你们这是欺骗消费者，我要投诉到12315")

    assert "投诉" in talk.texts("chen")


def test_taking_an_order_back_is_asked_about_and_stops_no_messages(talk):
    talk.says("zhang", "客户王女士问：我要退订，定金能退吗")

    assert "退订单，还是不想再收消息" in talk.texts()
    assert talk.customer("wang").opted_out_at is None


def test_a_sentence_is_judged_before_it_goes_out(talk):
    talk.says("zhang", "检查 我们是全国第一品牌，今天最后一天优惠")

    assert "不能发" in talk.texts()
    talk.says("zhang", "检查 您第一次来的话，最后一排也可以坐坐看")
    assert "不能发" not in talk.texts()


def test_the_same_answer_comes_in_another_style(talk):
    talk.says("zhang", "客户王女士问：冬天续航能跑多少")
    longer = talk.says("zhang", "采用 1")[0].text

    shorter = talk.says("zhang", "短一点")[0].text

    assert len(shorter) < len(longer)
    assert "462" in shorter


@pytest.mark.parametrize(
    "text",
    [
        "王女士问冬天续航怎么样",
        "客户王女士刚刚问我，冬天续航怎么样",
        "王女士：冬天续航怎么样",
        "—————  2026-3-5  —————\n王女士:\n冬天续航怎么样\n张伟:\n我给您查一下",
        "王女士 2026/3/5 14:02:11\n冬天续航怎么样",
    ],
)
def test_words_are_booked_on_whoever_said_them_however_they_were_pasted(talk, text):
    talk.says("zhang", "客户 李先生")

    talk.says("zhang", text)

    assert talk.concerns("wang").keys() == {"range"}
    assert talk.concerns("li") == {}


def test_a_speaker_called_only_customer_is_whoever_was_named_last(talk):
    talk.says("zhang", "客户 李先生")

    talk.says("zhang", "客户：冬天续航怎么样")

    assert talk.concerns("li").keys() == {"range"}


def test_a_bare_name_shows_the_card(talk):
    assert isinstance(talk.says("zhang", "王女士")[0], Card)


def test_an_appointment_needs_no_command_word(talk):
    talk.says("zhang", "王女士周六下午3点过来试驾")

    assert "已记录：王女士" in talk.texts()


def test_a_reminder_of_one_s_own(talk):
    talk.says("zhang", "提醒我下午2点给王女士发配置表")

    assert "今天下午2点提醒你" in talk.texts()
    sent = talk.wait(hours=5, minutes=2)
    assert any("王女士" in a.title for a in sent if isinstance(a, Card))


def test_the_second_one_can_be_said_in_words(talk):
    second = talk.says("zhang", ASKED)[0].text.split("【2】")[1].split("\n")[1]

    assert talk.says("zhang", "用第二条")[0].text == second


# Own scripts and the likeliest next question


@pytest.fixture
def own(talk):
    """The same talk with a bank of its own, so that what is kept in it stays here."""
    talk.knowledge = replace(talk.knowledge, bank=Bank(talk.knowledge.bank.all()))
    return talk


def test_an_own_wording_is_found_at_once_and_by_nobody_else(own):
    own.says("zhang", "客户王女士问：能不能带猫一起试驾")
    own.says("zhang", "存为我的话术：王女士，可以带，提前说一声我备好垫子。")
    assert "已存为我的话术" in own.texts()

    mine = own.says("zhang", "客户李先生问：能不能带猫一起试驾")[0].text
    theirs = own.says("lina", "能不能带猫一起试驾")[0].text

    assert "【1】能不能带猫一起试驾" in mine
    assert "李先生，可以带，提前说一声我备好垫子。" in mine
    assert "备好垫子" not in theirs
    assert library.stored(own.db)[0].owner == "zhang"


def test_an_adopted_script_is_kept_with_the_question_it_was_wanted_for(own):
    own.says("zhang", "客户王女士问：北方零下二十度还剩多少公里啊")
    own.says("zhang", "采用 1")

    own.says("zhang", "存为我的话术")

    (kept,) = library.stored(own.db)
    assert (kept.scope, kept.owner, kept.also[0]) == (
        "个人", "zhang", "北方零下二十度还剩多少公里啊"
    )  # fmt: skip
    own.says("zhang", "存为我的话术")
    assert "已经存过" in own.texts()
    assert len(library.stored(own.db)) == 1


def test_kept_words_of_several_lines_stay_whole(own):
    own.says("zhang", "客户王女士问：能不能带猫一起试驾")

    own.says("zhang", "存为我的话术：可以带。\n提前说一声就行。")

    assert library.stored(own.db)[0].body == "可以带。\n提前说一声就行。"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("存为我的话术：我们是全国第一品牌", "没有存：⛔ “全国第一”"),
        ("存为我的话术：{老板}说可以带", "没有“老板”这个变量"),
        ("存为我的话术", "还没有采用"),
    ],
)
def test_what_may_not_be_kept_says_why(own, words, said):
    own.says("zhang", "客户王女士问：能不能带猫一起试驾")

    own.says("zhang", words)

    assert said in own.texts()
    assert library.stored(own.db) == ()


def test_before_any_question_there_is_nothing_to_keep(own):
    own.says("zhang", "存为我的话术：可以带")

    assert "先贴客户的话" in own.texts()


def test_own_scripts_are_listed_and_stopped_by_number(own):
    for n, asked in enumerate(("能不能带猫一起试驾", "车里能不能装鱼缸")):
        own.now += timedelta(minutes=1)
        own.says("zhang", f"客户王女士问：{asked}")
        own.says("zhang", f"存为我的话术：第{n}种写法")

    own.says("zhang", "我的话术")
    assert "1. 能不能带猫一起试驾：第0种写法\n2. 车里能不能装鱼缸：第1种写法" in own.texts()
    own.says("zhang", "删除我的话术 1")

    assert "已删除：“能不能带猫一起试驾”" in own.texts()
    own.says("zhang", "我的话术")
    assert "1. 车里能不能装鱼缸" in own.texts()
    assert "第0种写法" not in own.says("zhang", "客户李先生问：能不能带猫一起试驾")[0].text


def test_what_was_stopped_since_it_was_shown_is_not_handed_out(own):
    own.says("zhang", "客户王女士问：能不能带猫一起试驾")
    own.says("zhang", "存为我的话术：可以带，提前说一声。")
    own.says("zhang", "客户李先生问：能不能带猫一起试驾")
    own.says("zhang", "删除我的话术 1")

    own.says("zhang", "采用 1")

    assert "刚刚停用了" in own.texts()


def test_what_one_keeps_is_no_style_for_the_others(own):
    short = next(s for s in own.knowledge.bank.all() if s.style == "简短" and "{" not in s.body)
    own.knowledge = replace(own.knowledge, bank=Bank((short,)))
    own.says("zhang", f"客户王女士问：{short.q}")
    for words in ("采用 1", "存为我的话术"):
        own.says("zhang", words)

    (kept,) = library.stored(own.db)

    assert (kept.body, kept.style) == (short.body, "")


@pytest.mark.parametrize("n", [0, 3])
def test_a_number_that_is_no_own_script_is_told_the_range(own, n):
    own.says("zhang", "客户王女士问：能不能带猫一起试驾")
    own.says("zhang", "存为我的话术：可以")

    own.says("zhang", f"删除我的话术 {n}")

    assert "您有1条自己的话术" in own.texts()


def test_without_own_scripts_the_way_to_one_is_told(own):
    for words in ("我的话术", "删除我的话术 1"):
        own.says("zhang", words)
        assert "还没有自己的话术" in own.texts()


def test_the_next_question_is_one_word_away_once_five_customers_asked_it(talk):
    for n in range(5):
        scripts.follow(talk.db, use_id=f"u{n}", script="range-winter", next_script="battery-fire",
                       now=talk.now)  # fmt: skip
    did = talk.says("zhang", "客户王女士问：冬天续航能跑多少")
    assert "接下来常问：1) 电车会不会自燃（回复 下一问 1 看话术）" in did[0].text

    talk.says("zhang", "下一问 1")

    assert "【1】担心自燃" in talk.texts()


@pytest.mark.parametrize(
    ("before", "said"),
    [("客户王女士问：冬天续航能跑多少", "没有列出常问的下一问"), ("待办", "请先贴客户的话")],
)
def test_without_a_next_question_that_is_said(talk, before, said):
    talk.says("zhang", before)

    talk.says("zhang", "下一问 1")

    assert said in talk.texts()


def test_no_phone_number_stands_in_what_is_kept_of_a_conversation(talk):
    talk.says("zhang", "客户王女士问：冬天续航怎么样，我电话13812345678")
    talk.says("zhang", "客户王先生问：有点贵，打13812345678")
    talk.says("zhang", "记录 王女士 试驾了，电话13812345678")

    tables = ("dialogs", "events", "messages", "tags", "script_uses", "gaps")
    kept = [str(talk.db.rows(f"select * from {table}")) for table in tables]
    assert not any("13812345678" in rows for rows in kept)
    assert "138****5678" in kept[1]


# Tags


def test_what_was_pasted_shows_as_tags_with_words_and_reasons(talk):
    talk.says("zhang", "客户王女士问：S6 冬天续航怎么样？有点贵，预算20万以内")

    talk.says("zhang", "标签 王女士")

    assert "· 嫌贵：“有点贵”" in talk.texts()
    assert "· 预算15-20万：“20万以内”" in talk.texts()
    assert "资料：预算 20万以内、" in talk.says("zhang", "客户 王女士")[0].text
    talk.says("zhang", "为什么 嫌贵")
    assert "规则 price.dear" in talk.texts()


def test_a_wrong_tag_goes_at_once_and_comes_back_at_once(talk):
    talk.says("zhang", ASKED)

    talk.says("zhang", "标签不对 价格")
    assert talk.concerns("wang") == {"range": 0}

    talk.says("zhang", "撤销")
    assert talk.concerns("wang") == {"range": 0, "price": -1}


def test_customer_s_words_forwarded_in_pieces_are_one_question(talk):
    talk.says("zhang", "客户 李先生")
    for piece in ("续航", "冬天"):
        talk.says("zhang", piece)
        talk.now += timedelta(seconds=1)

    talk.says("zhang", "能跑多少")

    assert talk.concerns("li") == {"range": 0}
    assert "命中" in talk.texts()
    assert len(talk.db.rows("select id from messages where customer = 'li'")) == 3


# Said plainly


@pytest.mark.parametrize(
    ("words", "told"),
    [("王女士的清单", "下一步"), ("王女士的标签", "王女士"), ("王女士为什么是N级", "N级"),
     ("王女士为什么是低意向？", "低意向"), ("退订 王女士", "已记录：王女士 退订")],
)  # fmt: skip
def test_what_an_advisor_would_say_is_understood(talk, words, told):
    talk.says("zhang", words)

    assert told in talk.texts()
    assert "没看懂" not in talk.texts()


@pytest.mark.parametrize("words", ["电池的清单", "孙女士的标签", "退订 孙女士"])
def test_of_nobody_known_it_changes_nothing(talk, words):
    talk.says("zhang", words)

    assert all(talk.customer(key).opted_out_at is None for key in ("wang", "li"))


def test_a_whole_sentence_is_no_answer_to_whose_words_these_were(talk):
    talk.says("zhang", "冬天续航怎么样")
    assert "这是哪位客户说的" in talk.texts()

    talk.says("zhang", "李先生到店了")

    assert "已记录：李先生 到店" in talk.texts()
    talk.says("zhang", "王女士")
    assert talk.concerns("wang").keys() == {"range"} or "王女士" in talk.texts()


def test_what_the_customer_says_of_their_appointment_changes_it(talk):
    talk.says("zhang", "王女士约了周日下午3点")
    assert "已记录：王女士 周日(3月8日)下午3点 到店" in talk.texts()

    talk.says("zhang", "王女士说改到周一上午10点")
    assert "王女士改到周一(3月9日)上午10点" in talk.texts()
    talk.says("zhang", "王女士说不来了")
    assert "已记录：王女士取消了" in talk.texts()
    talk.says("zhang", "王女士说不来了")  # nobody is expected any more: words like others
    assert "取消了" not in talk.texts()


def test_a_reminder_is_taken_back_and_not_what_was_done_before_it(talk):
    talk.says("zhang", "记录 王女士 到店")
    talk.says("zhang", "明天9点提醒我给王女士发配置表")

    talk.says("zhang", "撤销")

    assert "已撤销：王女士的提醒。" in talk.texts()
    assert talk.customer("wang").stage == "到店"
    assert "own" not in {f.kind for f in followups.open_of(talk.db, "wang")}
    assert "thanks" in {f.kind for f in followups.open_of(talk.db, "wang")}
