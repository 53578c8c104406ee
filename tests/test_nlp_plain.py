"""Plain sentences of customers, each with what nobody would misread in it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from nlp.lexicon import Lexicon

AT = datetime(2026, 3, 6, 9, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="module")
def read():
    lexicon = Lexicon.load()
    return lambda text: lexicon.read(text, at=AT)


CONCERNS = [
    ("充电不方便", "charging", -1),
    ("冬天掉电太厉害了吧", "range", -1),
    ("隔壁店比你们便宜", "price", -1),
    ("没有现车就算了", "delivery", 0),
    ("续航虚标太严重", "range", -1),
    ("你们家销售态度真差", "service", -1),
    ("便宜点我今天就定", "price", 0),
    ("老婆不同意", "family", -1),
    ("这价格真香", "price", 1),
    ("价格还行吧", "price", 1),
    ("呵呵，你们这智驾也太智能了，差点撞了", "smart", -1),
    ("保养贵不贵", "cost", 0),
    ("能不能便宜点", "price", 0),
    ("刹车软", "safety", -1),
    # our own
    ("报价比别家高一万", "price", -1),
    ("这个价我能接受", "price", 1),
    ("月供四千压力有点大", "finance", -1),
    ("利息高不高", "finance", 0),
    ("免息三年挺划算", "finance", 1),
    ("我的旧车能抵多少", "tradein", 0),
    ("旧车才估八万，太低了", "tradein", -1),
    ("国补还有吗", "policy", 0),
    ("补贴没了那我亏大了", "policy", -1),
    ("摇号摇了五年都没中", "policy", -1),
    ("提车要等两个月，太久了", "delivery", -1),
    ("什么时候能提车", "delivery", 0),
    ("续航够我上下班了", "range", 1),
    ("高速上续航掉得厉害", "range", -1),
    ("小区不让装桩", "charging", -1),
    ("楼下就有超充，充电很方便", "charging", 1),
    ("会不会自燃啊", "battery", 0),
    ("就怕电池衰减", "battery", -1),
    ("油耗有点高啊", "energy", -1),
    ("百公里才五个油，真省", "energy", 1),
    ("起步太肉了", "power", -1),
    ("提速嗖嗖的", "power", 1),
    ("方向盘太重了", "handling", -1),
    ("底盘很扎实", "handling", 1),
    ("风噪太大了", "comfort", -1),
    ("座椅坐着真舒服", "comfort", 1),
    ("后排坐三个人挤不挤", "space", 0),
    ("后备箱太小了，放不下婴儿车", "space", -1),
    ("这颜色我不喜欢", "exterior", -1),
    ("车头真帅", "exterior", 1),
    ("内饰全是塑料", "interior", -1),
    ("内饰做工挺精致", "interior", 1),
    ("连个天窗都没有", "config", -1),
    ("配置挺全的", "config", 1),
    ("车机老卡", "smart", -1),
    ("服了，这车机又死机了", "smart", -1),
    ("语音识别特别准", "smart", 1),
    ("刹车距离长不长", "safety", 0),
    ("撞得这么狠人没事，真结实", "safety", 1),
    ("开了一年修了三次", "quality", -1),
    ("开了三年没修过，省心", "quality", 1),
    ("这牌子没听过啊", "brand", -1),
    ("口碑一直不错", "brand", 1),
    ("售后电话打不通", "service", -1),
    ("附近有没有服务网点", "service", 0),
    ("三年就掉一半，太不保值了", "resale", -1),
    ("这车保值吗", "resale", 0),
    ("保险一年要多少", "cost", 0),
    ("养车太贵了养不起", "cost", -1),
    ("人家小鹏比你们配置高多了", "config", -1),
    ("我媳妇挺喜欢的", "family", 1),
    ("回去跟老婆商量下", "family", 0),
    ("你们不会有隐形消费吧", "trust", 0),
    ("说好送脚垫结果没送，套路真多", "trust", -1),
]


@pytest.mark.parametrize(("text", "code", "polarity"), CONCERNS)
def test_a_worry_or_a_pleasure_is_felt(read, text, code, polarity):
    found = {c.code: c.polarity for c in read(text).concerns}

    assert found.get(code) == polarity


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("保养贵不贵", {"price"}),
        ("充电不方便", {"service"}),
        ("就怕电池衰减", {"range"}),
        ("群里有人提车了吗", {"price", "trust"}),
        ("刹车软", {"comfort"}),
        ("养车太贵了养不起", {"price"}),
        ("电费贵不贵", {"price"}),
        ("保险贵吗", {"price"}),
        ("今天充电宝没电了", {"charging", "range"}),
        ("我在贵阳", {"price"}),
    ],
)
def test_what_is_not_meant_is_not_felt(read, text, codes):
    assert not codes & {c.code for c in read(text).concerns}


INTENTS = [
    ("我要退订，定金能退吗", {"cancel_order"}, {"opt_out"}),
    ("退订", {"opt_out"}, {"cancel_order"}),
    ("别发了", {"opt_out"}, set()),
    ("TD", {"opt_out"}, set()),
    ("不考虑你们了", {"lost"}, set()),
    ("你们家销售态度真差", {"complaint"}, set()),
    ("便宜点我今天就定", {"order", "ask_promo"}, set()),
    ("能不能便宜点", {"ask_promo"}, {"quote"}),
    ("群里有人提车了吗", set(), {"lost", "cool_off", "order"}),
    ("有人提车了吗", set(), {"lost", "cool_off", "greeting"}),
    ("隔壁店比你们便宜", {"compare"}, {"ask_promo"}),
    # our own
    ("周六想过去试一下车", {"test_drive"}, set()),
    ("还没试驾过，不知道开着怎么样", set(), {"lost"}),
    ("我下午到店", {"visit"}, set()),
    ("最近没空去店里", {"delay"}, set()),
    ("落地一共多少", {"quote"}, set()),
    ("行，我定了", {"order"}, {"lost"}),
    ("我定了一台你们的S6", set(), {"lost"}),
    ("小定能退吗", {"deposit", "cancel_order"}, {"opt_out"}),
    ("车我不要了，定金退我", {"cancel_order"}, {"opt_out"}),
    ("把订单给我退了", {"cancel_order"}, {"opt_out"}),
    ("订单取消，别再打电话了", {"cancel_order", "opt_out"}, set()),
    ("贷款三年月供多少", {"finance_plan"}, set()),
    ("老车想换新的，能收吗", {"tradein_eval"}, set()),
    ("跟Model Y比哪个好", {"compare"}, set()),
    ("有没有360影像", {"ask_spec"}, set()),
    ("你们店在哪条路", {"ask_address"}, set()),
    ("你们几点关门", {"ask_time"}, set()),
    ("改到下周吧", {"delay"}, set()),
    ("我再想想", {"cool_off"}, set()),
    ("已经提了别家的车", {"lost"}, set()),
    ("买了比亚迪了，谢谢", {"lost", "thanks"}, set()),
    ("我要找你们经理", {"complaint"}, set()),
    ("修三次了还没好，给个说法", {"complaint"}, set()),
    ("以后不要给我发消息了", {"opt_out"}, set()),
    ("烦死了天天发广告", {"opt_out"}, set()),
    ("别忘了把地址发我", {"ask_address"}, {"opt_out"}),
    ("照片怎么还没发我，别光发广告", {"opt_out"}, set()),
    ("我同事也想看看这车", {"referral"}, set()),
    ("在吗", {"greeting"}, set()),
    ("好的谢谢", {"thanks"}, {"complaint"}),
    ("今天好冷啊哈哈", {"chitchat"}, set()),
    ("我定了理想", {"lost"}, {"order"}),
    ("我朋友昨天提车了，说不错", set(), {"lost"}),
    ("空间够用了", set(), {"ask_spec"}),
    ("帮我退订短信", {"opt_out"}, {"cancel_order"}),
    ("不退订，就是问问定金", {"deposit"}, {"opt_out"}),
]


@pytest.mark.parametrize(("text", "wanted", "unwanted"), INTENTS)
def test_what_somebody_wants_is_heard(read, text, wanted, unwanted):
    found = {i.code for i in read(text).intents if not i.negated}

    assert wanted <= found
    assert not unwanted & found


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("群里有人提车了吗", "none"),
        ("有人提车了吗", "none"),
        ("便宜点我今天就定", "high"),
        ("不考虑你们了", "low"),
        ("行，我定了", "high"),
        ("刚提车，开着真不错", "none"),
        ("我朋友提车了", "none"),
        ("我已经提车了，买的别家", "low"),
        ("谁提车了，聊聊", "none"),
        ("哈哈", "none"),
        ("晚上好", "none"),
        ("小定可以退吗", "high"),
    ],
)
def test_the_nearness_of_a_purchase_is_not_guessed(read, text, tier):
    assert read(text).tier_signal == tier


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("没有现车就算了", "condition"),
        ("便宜点我今天就定", "condition"),
        ("退订", "refusal"),
        ("老婆不同意", "statement"),
        ("冬天掉电太厉害了吧", "statement"),
        ("合适就定", "condition"),
        ("能不能便宜点", "question"),
    ],
)
def test_the_act_of_a_plain_sentence(read, text, act):
    assert read(text).speech_act == act


@pytest.mark.parametrize(
    ("text", "kind", "low", "high"),
    [
        ("20来万", "price", 200000, 290000),
        ("预算20来万", "budget", 200000, 290000),
        ("20多万", "price", 200000, 300000),
        ("20万以内", "budget", None, 200000),
        ("20万以上的", "budget", 200000, None),
        ("十五六万", "price", 150000, 160000),
        ("18万左右", "budget", 180000, 180000),
        ("首付五万", "down_payment", 50000, 50000),
    ],
)
def test_an_amount_has_the_ends_that_were_said(read, text, kind, low, high):
    (slot,) = read(text).slots

    assert (slot.kind, slot.value["low"], slot.value["high"]) == (kind, low, high)


def test_so_so_is_less_sure_than_praise(read):
    (faint,), (plain,) = read("价格还行吧").concerns, read("这价格真香").concerns

    assert faint.confidence < plain.confidence


@pytest.mark.parametrize(
    "text",
    [
        "别再打扰我了",
        "不要再给我发消息了，谢谢",
        "以后不用联系我了",
        "能不能别老发广告",
        "再发我就拉黑了",
        "TD",
        "退订短信",
        "烦死了天天发",
        "请把我删了吧",
        "我不想再收到你们的消息",
        "请停止推送",
        "把我从群里移出去吧",
        "麻烦不要给我打电话",
        "谢谢，暂时不需要，别联系了",
    ],
)
def test_nobody_who_wants_to_be_left_alone_is_missed(read, text):
    assert read(text).intent("opt_out")


@pytest.mark.parametrize(
    "text",
    [
        "我要去消协告你们",
        "再不处理我就发抖音曝光你们",
        "你们店大欺客",
        "叫你们经理来，什么破服务",
        "车子修了三次还没好，要求退车",
        "骗子，说好送的脚垫没有",
        "提车一个月就坏了，你们必须给个说法",
        "合同和当初说的不一样，我要维权",
        "打12345投诉你们",
        "太过分了，等了两个月还不给车",
        "你们这是虚假宣传",
        "我已经找律师了",
        "退钱！",
        "销售承诺的保养不认账",
        "差评，再也不来了",
    ],
)
def test_nobody_who_complains_is_missed(read, text):
    assert read(text).intent("complaint")


@pytest.mark.parametrize(
    ("text", "code", "polarity"),
    [
        ("动力没有劲", "power", -1),
        ("空间是不是太小了", "space", -1),
        ("底盘是不是偏硬", "comfort", -1),
        ("座椅是不是硬", "comfort", 0),
        ("车子没有想象中舒服", "comfort", -1),
        ("没有异响", "quality", 1),
        ("没觉得贵", "price", 1),
        ("这个价不算贵", "price", 1),
        ("一点都不便宜", "price", -1),
        ("隔音不怎么样", "comfort", -1),
        ("后排不挤", "space", 1),
        ("续航没有虚标", "range", 1),
        ("有没有劲", "power", 0),
    ],
)
def test_what_no_turns_round_is_not_turned_back(read, text, code, polarity):
    assert {c.code: c.polarity for c in read(text).concerns}.get(code) == polarity


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("下午过来看车", "datetime", True),
        ("晚上再说", "datetime", True),
        ("半夜爆胎一个电话就来人了", "datetime", False),
        ("晚上尾灯一亮真好看", "datetime", False),
        ("半夜两点半到店", "datetime", True),
        ("你们压我旧车价压得太狠了", "purchase_kind", True),
        ("后排坐三个人挤不挤", "purchase_kind", False),
    ],
)
def test_a_value_is_told_in_the_light_of_what_is_meant(read, text, kind, told):
    """A part of the day is a time only where something is planned."""
    assert (read(text).slot(kind) is not None) == told


@pytest.mark.parametrize(
    ("text", "felt", "unheard"),
    [
        ("他嫌贵", {"price": -1}, "opt_out"),
        ("她说后排挤", {"space": -1}, "opt_out"),
        ("回我了", {}, "opt_out"),
        ("晚点再打", {}, "opt_out"),
        ("标签错了", {}, "order"),
    ],
)
def test_what_an_advisor_notes_of_a_customer_is_heard_as_told(read, text, felt, unheard):
    reading = read(text)

    assert {c.code: c.polarity for c in reading.concerns} == felt
    assert not reading.intent(unheard)


def test_two_of_our_own_cars_side_by_side_are_no_rivals():
    lexicon = Lexicon.load()

    ours = lexicon.read("S6和S4差在哪", at=AT, own_brands=("青屿",))
    theirs = lexicon.read("S6和Model Y差在哪", at=AT, own_brands=("青屿",))

    assert "rival" not in {c.code for c in ours.concerns}
    assert "rival" in {c.code for c in theirs.concerns}


@pytest.mark.parametrize(
    ("text", "code", "polarity"),
    [
        ("哪里便宜了", "price", -1),
        ("便宜啥呀", "price", -1),
        ("呵呵，便宜？", "price", -1),
        ("这也叫便宜", "price", -1),
        ("谁说续航不行", "range", 1),
        ("好一个遥遥领先，又死机了", "smart", -1),
        ("真行啊，等了仨月还没信", "delivery", -1),
        ("油耗不是一般的高", "energy", -1),
        ("这车便宜吗", "price", 0),
    ],
)
def test_what_is_asked_for_show_means_the_opposite(read, text, code, polarity):
    assert {c.code: c.polarity for c in read(text).concerns}.get(code) == polarity


@pytest.mark.parametrize(
    ("text", "code", "polarity"),
    [
        ("一个月电费一百，美滋滋", "energy", 1),
        ("变速箱低速一顿一顿的，难受", "power", -1),
        ("后排空间看了，真不错", "space", 1),
        ("后排空间多大，不错吧", "space", 0),
    ],
)
def test_a_clause_that_only_judges_judges_what_was_named_before(read, text, code, polarity):
    assert {c.code: c.polarity for c in read(text).concerns}.get(code) == polarity


@pytest.mark.parametrize(
    ("text", "polarity"),
    [("特斯拉比你们便宜", -1), ("你们比特斯拉便宜多了", 1)],
)
def test_a_comparison_says_whose_price_is_better(read, text, polarity):
    found = {c.code: c.polarity for c in read(text).concerns}

    assert found["price"] == polarity


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("没有四驱就算了", set(), {"lost"}),
        ("说好月底交车，现在又往后推", set(), {"delay"}),
        ("顶配和高配差在哪", {"compare"}, {"ask_spec"}),
        ("国补还有吗", set(), {"ask_spec"}),
        ("后备箱能放几个箱子", {"ask_spec"}, set()),
        ("利息太高了", set(), {"finance_plan"}),
        ("不取消订单，我就问问流程", set(), {"cancel_order"}),
        ("我没拉黑你，是手机卡", set(), {"opt_out"}),
        ("我表弟要看车，让他加你", {"referral"}, {"visit"}),
        ("哈哈，后排挤不挤", {"ask_spec"}, {"chitchat"}),
    ],
)
def test_an_intent_is_heard_in_the_light_of_the_rest(read, text, wanted, unwanted):
    found = {i.code for i in read(text).intents if not i.negated}

    assert wanted <= found
    assert not unwanted & found


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("你们这是欺诈，我要去12315", "none"),
        ("定金给我退回来", "none"),
        ("月供多少", "high"),
        ("有现车不", "high"),
        ("落地一共多少钱", "high"),
        ("跟理想比怎么样", "mid"),
        ("再想想", "low"),
    ],
)
def test_the_tier_follows_from_what_is_done_and_felt(read, text, tier):
    assert read(text).tier_signal == tier


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("保养一回八百，抢钱呢", "statement"),
        ("忽悠谁呢，赠品半年了没影", "statement"),
        ("座椅按摩带不带，我腰不好", "question"),
        ("零首付的话马上签", "condition"),
        ("订单帮我取消了吧", "requirement"),
        ("别发语音", "refusal"),
    ],
)
def test_a_question_that_waits_for_no_answer_is_none(read, text, act):
    assert read(text).speech_act == act


@pytest.mark.parametrize(
    ("text", "kind", "low", "high", "unit"),
    [
        ("首付三成", "down_payment", 30, 30, "%"),
        ("首付50%以上", "down_payment", 50, None, "%"),
        ("零首付", "down_payment", 0, 0, "CNY"),
        ("保养一回八百多", "price", 800, 900, "CNY"),
        ("隔壁比你们便宜五千", "price", 5000, 5000, "CNY"),
        ("充电一度两块一", "price", 2.1, 2.1, "CNY"),
        ("月供能降到1500不", "monthly", 1500, 1500, "CNY"),
        ("预算20个w", "budget", 200000, 200000, "CNY"),
    ],
)
def test_amounts_as_people_say_them(read, text, kind, low, high, unit):
    slot = read(text).slot(kind)

    assert (slot.value["low"], slot.value["high"], slot.value["unit"]) == (low, high, unit)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("老师早", "datetime"), ("新年快乐", "datetime"), ("晚上营业到几点", "datetime"),
        ("大年初几开门", "datetime"), ("不贷款，直接买", "payment"), ("宁德的电池", "city"),
        ("四川话听得懂不", "city"), ("加92还是95", "model"), ("图个吉利", "model"),
        ("三元的还是铁锂的", "price"), ("定位来一个", "price"),
    ],
)  # fmt: skip
def test_words_that_only_look_like_a_value(read, text, kind):
    assert read(text).slot(kind) is None


@pytest.mark.parametrize(
    ("text", "county"),
    [("闵行有店吗", "闵行区"), ("我在天河这边", "天河区"), ("坐标苏州吴中", "吴中区")],
)
def test_a_district_by_its_short_name(read, text, county):
    assert read(text).slot("city").value["county"] == county


@pytest.mark.parametrize(
    "text",
    [
        "没完没了了是吧",
        "一天打八个电话有病吧",
        "把我拉进黑名单吧",
        "求放过",
        "这种信息以后免了",
        "不要在群里@我",
        "号码删掉别再打",
        "我不是你客户别发了",
        "以后不用通知我活动",
        "把我从群发名单里拿掉",
    ],
)
def test_a_wish_to_be_left_alone_in_many_words(read, text):
    assert read(text).intent("opt_out")


@pytest.mark.parametrize(
    "text",
    [
        "定金不给退是吧，等着收传票",
        "你们销售当着我面撒谎",
        "出了问题就互相推",
        "客服电话打了二十个没人管",
        "展车当新车卖，你们要脸吗",
        "乱收费，我要投诉到物价局",
        "车刚买十天降一万五，必须补我差价",
        "什么破售后",
    ],
)
def test_a_grievance_in_many_words(read, text):
    assert read(text).intent("complaint")


@pytest.mark.parametrize(
    ("text", "felt"),
    [
        ("补贴那点钱有没有都行，我不在乎", set()),
        ("小毛病哪台车都有，这个我看得开", set()),
        ("空间小点没事，就我一个人开", set()),
        ("早几天晚几天提都没关系", set()),
        ("我买车开到报废，保不保值跟我没关系", set()),
        ("续航焦虑彻底没了", {("range", 1)}),
        ("上班来回三百公里，油耗太高", {("energy", -1)}),
        ("白色有现车吗，最好这周就能提", {("delivery", 0)}),
        ("方向盘有点重，倒车费劲", {("handling", -1)}),
        ("跟帕萨特比舒适性差多少", {("comfort", 0)}),
        ("一次充满能跑多少", {("range", 0)}),
        ("听说这牌子要倒闭了是真的吗", {("brand", -1)}),
        ("说优惠了三万，你这边怎么才一万五", {("price", -1)}),
        ("我朋友说优惠了三万", {("price", -1)}),
        ("这车不是杂牌吧", {("brand", 0)}),
        ("异响正常吗", {("quality", 0)}),
    ],
)
def test_only_what_is_at_stake_is_a_concern(read, text, felt):
    assert {(c.code, c.polarity) for c in read(text).concerns} == felt


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("保险必须在店里买吗", set(), {"visit"}),
        ("不考虑电车，就想买油车", set(), {"lost"}),
        ("不考虑电车了", {"lost"}, set()),
        ("有没有优惠", {"ask_promo"}, {"ask_spec"}),
        ("有没有试驾车", {"test_drive"}, set()),
        ("有事微信说，别打电话，上班不方便", set(), {"opt_out"}),
        ("别打电话了", {"opt_out"}, set()),
        ("今天先别发了，我忙完找你", {"delay"}, {"opt_out"}),
        ("我不是要投诉，就问问进度", set(), {"complaint"}),
        ("怕那个自动驾驶出事没人负责", set(), {"complaint"}),
        ("早上降价下午又降", set(), {"greeting"}),
        ("老师早", {"greeting"}, set()),
        ("别家我就不看了，认准你了", set(), {"lost"}),
        ("首保一次多少钱", {"ask_spec"}, {"quote"}),
        ("保险一年多少钱", {"quote"}, {"ask_spec"}),
        ("公积金贷款可以吗", {"finance_plan"}, set()),
        ("给的优惠挺到位", set(), {"ask_promo"}),
        ("麻烦走一下退订流程", {"cancel_order"}, {"opt_out"}),
        ("老小区没有固定车位", set(), {"order"}),
    ],
)
def test_words_of_a_wish_that_mean_something_else(read, text, wanted, unwanted):
    found = {i.code for i in read(text).intents if not i.negated}

    assert wanted <= found
    assert not unwanted & found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("店里那台能再让个零头不", "price"),
        ("帮我拉个还款表", "finance"),
        ("我那台车能换回多少，你们收不收", "tradein"),
    ],
)
def test_a_wish_says_what_it_is_about(read, text, code):
    assert code in {c.code for c in read(text).concerns}


def test_an_offer_of_another_shop_is_no_concern_about_a_car(read):
    assert not read("奶茶第二杯送不送").concerns
