"""Understanding, as somebody who chats with a store would test it."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import explain, labels, mask, tag, tokens
from nlp.lexicon import Lexicon, LexiconError
from nlp.normalise import Normal, plain
from nlp.reading import CONCERNS, INTENTS, SPEECH_ACTS, TIER_SIGNALS

AT = datetime(2026, 3, 6, 9, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Friday


@pytest.fixture(scope="session")
def lexicon():
    return Lexicon.load()


@pytest.fixture
def read(lexicon):
    return lambda text, **kw: lexicon.read(text, at=AT, **kw)


def concerns(reading):
    return {(c.code, c.polarity) for c in reading.concerns}


def values(reading, *kinds):
    return [s.value for s in reading.slots if s.kind in kinds]


def test_the_example_of_the_interface_comes_out_as_it_is_written_there(lexicon):
    line = json.dumps({"id": "a", "text": "价格有点小贵，15-18万能拿下吗"}, ensure_ascii=False)

    (out,) = tag.lines(lexicon, [line], AT)

    assert out["id"] == "a"
    assert out["speech_act"] == "question"
    assert out["tier_signal"] == "mid"
    (concern,) = out["concerns"]
    assert (concern["code"], concern["polarity"]) == ("price", -1)
    assert (concern["evidence"], concern["span"]) == ("有点小贵", [2, 6])
    (intent,) = out["intents"]
    assert (intent["code"], intent["evidence"], intent["span"]) == (
        "ask_promo",
        "能拿下吗",
        [13, 17],
    )
    (slot,) = out["slots"]
    assert slot == {
        "kind": "budget",
        "value": {"low": 150000, "high": 180000, "unit": "CNY"},
        "text": "15-18万",
        "span": [7, 13],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("后备箱挺大的", {("space", 1)}),
        ("后排空间太小了", {("space", -1)}),
        ("我担心冬天续航", {("range", -1)}),
        ("续航怎么样", {("range", 0)}),
        ("不担心续航", set()),
        ("价格不是问题", set()),
        ("不是不喜欢，是太贵", {("price", -1)}),
        ("空间大，就是油耗有点高", {("space", 1), ("energy", -1)}),
        ("不吵", {("comfort", 1)}),
        ("我想吃火锅，有什么好看的电影", set()),
    ],
)
def test_a_concern_has_the_polarity_of_the_clause_that_carries_it(read, text, expected):
    assert concerns(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("周六可以试驾吗", "test_drive"),
        ("地址发我", "ask_address"),
        ("别再发了", "opt_out"),
        ("TD", "opt_out"),
        ("我要投诉你们", "complaint"),
        ("我想取消订单", "cancel_order"),
        ("退订单", "cancel_order"),
        ("先了解一下，不急", "cool_off"),
        ("已经买了别的车", "lost"),
        ("我有个朋友也想买", "referral"),
        ("谢谢", "thanks"),
    ],
)
def test_an_intent_is_found_by_its_words(read, text, code):
    assert read(text).intent(code)


def test_who_cancels_an_order_does_not_refuse_messages(read):
    assert read("我想退订单").intent("opt_out") is None


def test_a_denied_intent_is_kept_as_denied(read):
    reading = read("不想试驾")

    (intent,) = [i for i in reading.intents if i.code == "test_drive"]
    assert intent.negated
    assert reading.intent("test_drive") is None


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("有没有L2？", "question"),
        ("我要L2", "requirement"),
        ("没有L2就算了", "condition"),
        ("不用了，别再联系", "refusal"),
        ("空间挺大的", "statement"),
        ("", "statement"),
    ],
)
def test_the_speech_act_tells_asking_from_wanting(read, text, act):
    assert read(text).speech_act == act


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("现在有现车吗", "high"),
        ("几点可以试驾", "high"),
        ("首付多少，月供多少", "high"),
        ("和小鹏G6比怎么样", "mid"),
        ("先了解，不急", "low"),
        ("你好", "none"),
    ],
)
def test_words_tell_how_near_a_purchase_is(read, text, tier):
    assert read(text).tier_signal == tier


def test_the_signals_name_their_level_and_words(read):
    (signal,) = [s for s in read("首付多少").signals if s.name == "money"]

    assert (signal.tier, signal.level, signal.evidence) == ("high", "A", "首付")


def test_the_evidence_of_a_price_holds_the_whole_sum(read):
    (concern,) = [c for c in read("充电方便吗，预算20万以内").concerns if c.code == "price"]

    assert (concern.evidence, concern.span) == ("20万以内", (8, 13))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("预算20来万", "budget", {"low": 200000, "high": 290000, "unit": "CNY"}),
        ("23万8落地", "price", {"low": 238000, "high": 238000, "unit": "CNY"}),
        ("首付三成", "down_payment", {"low": 30, "high": 30, "unit": "%"}),
        ("月供三千以内", "monthly", {"low": None, "high": 3000, "unit": "CNY"}),
        ("20个能拿下吗", "budget", {"low": 200000, "high": 200000, "unit": "CNY"}),
        ("贷款分36期", "term", {"months": 36}),
        ("贷三年", "term", {"months": 36}),
        ("一家五口", "people", {"low": 5, "high": 5, "unit": "人"}),
        ("每天通勤50公里", "mileage", {"low": 50, "high": 50, "unit": "km"}),
        ("我电话 138 1234 5678", "phone", "13812345678"),
        ("车牌粤B12345", "plate", "粤B12345"),
        ("全款", "payment", "全款"),
        ("想要黑的", "color", "黑色"),
    ],
)
def test_a_slot_has_kind_and_value(read, text, kind, value):
    assert value in values(read(text), kind)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("周六下午两点", "2026-03-07T14:00:00+08:00", "2026-03-07T15:00:00+08:00"),
        ("这周末", "2026-03-07T00:00:00+08:00", "2026-03-09T00:00:00+08:00"),
        ("下周三", "2026-03-11T00:00:00+08:00", "2026-03-12T00:00:00+08:00"),
        ("大后天", "2026-03-09T00:00:00+08:00", "2026-03-10T00:00:00+08:00"),
        ("3号到5号", "2026-04-03T00:00:00+08:00", "2026-04-06T00:00:00+08:00"),
        ("月底前", "2026-03-06T09:00:00+08:00", "2026-04-01T00:00:00+08:00"),
        ("国庆", "2026-10-01T00:00:00+08:00", "2026-10-08T00:00:00+08:00"),
        ("大年初三", "2027-02-08T00:00:00+08:00", "2027-02-09T00:00:00+08:00"),
        ("三天后", "2026-03-09T00:00:00+08:00", "2026-03-10T00:00:00+08:00"),
    ],
)
def test_a_time_is_meant_ahead_of_the_message(read, text, since, until):
    assert values(read(text), "datetime") == [{"from": since, "to": until}]


@pytest.mark.parametrize("text", ["三天", "两个小时", "每天", "一点都不好", "2月30号", "25点"])
def test_what_is_no_date_is_no_slot(read, text):
    assert values(read(text), "datetime") == []


@pytest.mark.parametrize(
    ("text", "brand", "series"),
    [
        ("宋PLUS DM-i怎么样", "比亚迪", "宋PLUS"),
        ("Mach-E", "福特", "野马"),
        ("ES6和es8", "蔚来", "ES6"),
        ("江铃E200", "江铃", "E200"),
        ("东风风神AX7新能源", "东风风神", "AX7"),
        ("我想买理想", "理想", None),
        ("特斯拉 model y", "特斯拉", "Model Y"),
    ],
)
def test_a_car_is_found_by_any_of_its_names(read, text, brand, series):
    assert values(read(text), "model")[0]["brand"] == brand
    assert values(read(text), "model")[0]["series"] == series


@pytest.mark.parametrize("text", ["价格不理想", "元旦有活动吗", "大众点评", "几万元", "武汉"])
def test_an_everyday_word_is_no_car(read, text):
    assert values(read(text), "model") == []


def test_others_cars_are_rivals_once_the_own_brand_is_known(read):
    reading = read("S6和小鹏G6哪个好", own_brands=("青屿",))

    assert [(s.kind, s.text) for s in reading.slots] == [("model", "S6"), ("rival", "小鹏G6")]


def test_an_advisor_has_slots_but_neither_concerns_nor_intents(read):
    reading = read("落地23万8，周六来试驾", sender="advisor")

    assert reading.concerns == ()
    assert reading.intents == ()
    assert [s.kind for s in reading.slots] == ["price", "datetime"]


def test_it_is_told_for_whom_somebody_asks(read):
    assert read("帮我爸看的").about == "爸"
    assert read("续航怎么样").about == ""


def test_a_place_says_no_more_than_follows(read):
    assert values(read("我在广州天河"), "city") == [
        {"province": "广东省", "city": "广州市", "county": "天河区"}
    ]
    assert values(read("朝阳区"), "city") == [{"province": None, "city": None, "county": "朝阳区"}]


def test_a_bad_line_is_an_error_and_the_rest_goes_on(lexicon):
    out = list(tag.lines(lexicon, ['{"text": "好"}', "nonsense", "[1]", '{"id": 7}'], AT))

    assert [o["id"] for o in out] == [0, 1, 2, 7]
    assert [("error" in o) for o in out] == [False, True, True, True]


def test_a_time_without_offset_is_a_time_in_shanghai(lexicon):
    lines = ['{"text": "明天", "at": "2026-01-01T23:30"}', '{"text": "明天", "at": "yesterday"}']

    first, second = tag.lines(lexicon, lines, AT)

    assert first["slots"][0]["value"]["from"] == "2026-01-02T00:00:00+08:00"
    assert "at" in second["error"]


@pytest.mark.parametrize(
    ("text", "aspect", "expected"),
    [
        ("后备箱挺大的，就是隔音差", "后备箱", 1),
        ("后备箱挺大的，就是隔音差", "隔音", -1),
        ("油耗低", "油耗", 1),
        ("配置低", "配置", -1),
        ("你好", "油耗", None),
    ],
)
def test_the_polarity_of_a_named_part(lexicon, text, aspect, expected):
    line = json.dumps({"text": text, "aspect": aspect})

    (out,) = tag.lines(lexicon, [line], AT)

    assert out["aspect_polarity"] == expected


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话13812345678", "电话138****5678"),
        ("138-1234-5678找我", "138****5678找我"),
        ("１３８１２３４５６７８", "138****5678"),
        ("身份证110101199003071234", "身份证110101********1234"),
        ("车牌粤B12345", "车牌粤B***45"),
        ("订单1381234567890", "订单1381234567890"),
        ("预算20万", "预算20万"),
    ],
)
def test_personal_numbers_are_masked(text, masked):
    assert mask.phones(text) == masked


def test_traditional_and_full_width_text_reads_the_same(read):
    assert concerns(read("價格太貴")) == concerns(read("价格太贵"))
    assert plain("ＳＵＶ—續航") == "suv-续航"


@given(st.text(max_size=60))
def test_every_span_is_the_evidence_itself(lexicon, text):
    reading = lexicon.read(text, at=AT)

    for part in (*reading.concerns, *reading.intents, *reading.signals):
        assert text[part.span[0] : part.span[1]] == part.evidence
    for slot in reading.slots:
        assert text[slot.span[0] : slot.span[1]] == slot.text


WORDS = list("太不贵吗，。？㎞👍1-万号月到½電İ")
WORDS += ["价格", "续航", "周六", "下午", "3点", "20万", "首付", "S6", "理想"]


@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join))
def test_every_reading_keeps_to_the_codes(lexicon, text):
    reading = lexicon.read(text, at=AT)

    assert {c.code for c in reading.concerns} <= set(CONCERNS)
    assert {i.code for i in reading.intents} <= set(INTENTS)
    assert reading.speech_act in SPEECH_ACTS
    assert reading.tier_signal in TIER_SIGNALS
    assert all(text[s.span[0] : s.span[1]] == s.text for s in reading.slots)
    assert set(reading.rules) <= lexicon.rules
    json.dumps([s.value for s in reading.slots])


@given(st.text(max_size=80))
def test_normalised_positions_lead_back_into_the_text(text):
    normal = Normal.of(text)

    start, end = normal.span(0, len(normal.text))
    assert 0 <= start <= end <= len(text)


def test_every_code_has_a_name():
    assert set(labels.CONCERNS) == set(CONCERNS)
    assert set(labels.INTENTS) == set(INTENTS)


def test_the_explanation_shows_words_and_rule(read):
    shown = explain.underline(read("价格有点小贵"))

    assert "有点小贵" in shown
    assert "price.dear" in shown


def test_the_brand_file_is_wide_enough(lexicon):
    brands, series = lexicon.cars.size

    assert brands >= 120
    assert series >= 900


def test_both_segmenters_cut_alike():
    pytest.importorskip("rjieba")
    texts = [
        "价格有点小贵",
        "周六下午想过去试驾",
        "S6冬天续航怎么样",
        "卡罗拉锐放",
    ]

    for text in texts:
        assert tokens.cut(text) == tokens.cut(text, "rjieba")
        assert "".join(tokens.cut(text)) == text


def test_a_broken_lexicon_says_where_and_leaves_the_old_one(tmp_path, lexicon):
    (tmp_path / "signals.toml").write_text(
        '[[rule]]\nkind = "signal"\nname = "x"\ntier = "huge"\nwords = ["急"]\n', "utf-8"
    )

    with pytest.raises(LexiconError, match=r"signals\.toml:1: tier: 'huge'.*high, mid, low"):
        lexicon.reload(tmp_path)

    assert lexicon.read("先了解，不急", at=AT).tier_signal == "low"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('kind = "topic"\nname = "x"\ncode = "colour"\nwords = ["a"]', "code: 'colour'"),
        ('kind = "signal"\nname = "x"\nwords = ["(a|b"]', "words"),
        ('kind = "signal"\nname = "x"\nwords = ["…a"]', "words"),
        ('kind = "signal"\nname = "x"\nwords = []', "words"),
        ('kind = "signal"\nname = "x"\nword = ["a"]', "word"),
        ('kind = "signal"\nname = "x"\nstrength = "1"\nwords = ["a"]', "strength"),
        ("kind =", "not valid TOML"),
    ],
)
def test_each_mistake_in_a_rule_is_named(tmp_path, rule, message):
    (tmp_path / "signals.toml").write_text(f"[[rule]]\n{rule}\n", "utf-8")

    with pytest.raises(LexiconError, match=r"signals\.toml") as caught:
        Lexicon.load(tmp_path)

    assert message in str(caught.value)


def test_an_edited_file_is_noticed_and_read(tmp_path):
    lexicon = Lexicon.load(tmp_path)
    assert not lexicon.changed()

    (tmp_path / "signals.toml").write_text(
        '[[rule]]\nkind = "signal"\nname = "signal.x"\ntier = "high"\nwords = ["冲鸭"]\n', "utf-8"
    )

    assert lexicon.changed()
    assert lexicon.reload().read("冲鸭", at=AT).tier_signal == "high"
