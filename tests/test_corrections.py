"""标签不对: what an advisor says was read wrongly is changed at once, and the lexicon learns."""

import json
import threading
import tomllib
from datetime import timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot import config, teaching
from bot.cli import main
from bot.sandbox import demo
from handlers import housekeeping, tags
from handlers.proposals import Rule
from handlers.values import Card
from nlp.lexicon import Lexicon
from storage import corrections, customers
from storage import tags as rows
from storage.customers import Customer
from storage.sqlite import Sqlite


@pytest.fixture
def read(talk):
    """王女士 was read as finding it dear and asking about the range."""
    talk.says("zhang", "客户王女士问：S6 冬天续航怎么样？有点贵")
    return talk


def kept(talk, state=corrections.OPEN):
    return corrections.of_state(talk.db, state)


def held(talk):
    return {h.entry.name for h in tags.held(talk.customer("wang"), talk.ctx())}


# In the chat


def test_a_wrong_tag_is_gone_at_once(read):
    read.says("zhang", "标签不对 王女士 价格")

    assert read.concerns("wang") == {"range": 0}
    assert "嫌贵" not in held(read)
    assert "已去掉王女士的价格（担心）“有点贵”" in read.texts()


def test_the_correction_is_kept_with_the_words_the_rule_and_what_was_read(read):
    read.says("zhang", "标签不对 王女士 价格")

    (made,) = kept(read)
    assert (made.kind, made.code, made.polarity, made.rule) == (
        "concern",
        "price",
        -1,
        "price.dear",
    )
    assert (made.text, made.evidence) == ("S6 冬天续航怎么样？有点贵", "有点贵")
    assert (made.right_code, made.member) == ("", "zhang")


RIGHT = [
    ("标签不对 王女士 价格 满意", {"range": 0, "price": 1}),
    ("标签不对 王女士 价格 应该是 金融", {"range": 0, "finance": -1}),
    ("标签不对 王女士 价格→金融 在问", {"range": 0, "finance": 0}),
    ("标签不对 王女士 嫌贵", {"range": 0}),
    ("标签不对 王女士 价格 没有", {"range": 0}),
    ("标签不对 价格", {"range": 0}),
    ("标签错了：价格", {"range": 0}),
]


@pytest.mark.parametrize(("said", "becomes"), RIGHT, ids=[said for said, _ in RIGHT])
def test_the_advisor_may_say_what_is_right(read, said, becomes):
    read.says("zhang", said)

    assert read.concerns("wang") == becomes
    assert len(kept(read)) == 1


@pytest.mark.parametrize("said", [said for said, _ in RIGHT])
def test_a_correction_can_be_taken_back(read, said):
    before = read.db.rows("select * from tags order by kind, code")
    read.says("zhang", said)

    read.says("zhang", "撤销")

    assert read.db.rows("select * from tags order by kind, code") == before
    assert "已撤销：王女士的标签更正" in read.texts()
    assert kept(read) == []
    assert len(kept(read, corrections.UNDONE)) == 1


def test_without_a_word_the_bot_asks_which(read):
    read.says("zhang", "标签不对")

    assert "1. 续航（在问）：“续航”" in read.texts() or "1. 价格（担心）" in read.texts()
    number = next(line[0] for line in read.texts().splitlines() if "价格（担心）" in line)
    read.says("zhang", number)

    assert read.concerns("wang") == {"range": 0}


def test_a_number_that_is_not_on_the_list_says_which_are(read):
    read.says("zhang", "标签不对")

    read.says("zhang", "88")

    assert "请回复 1 到" in read.texts()


def test_where_only_one_thing_was_read_it_is_that(talk):
    rows_ = [{"kind": "concern", "code": "trust"}]
    for row in rows_:
        customers.tag(talk.db, "wang", now=talk.now, polarity=-1, evidence="套路", **row)

    talk.says("zhang", "标签不对 王女士")

    assert talk.concerns("wang") == {}


def test_the_card_has_a_button_for_it(read):
    card = next(a for a in read.says("zhang", "客户 王女士") if isinstance(a, Card))
    assert len(card.buttons) <= 6

    read.taps("zhang", "标签不对")

    assert "哪个标签不对" in read.texts()


def test_an_intent_can_be_wrong_too_and_the_level_follows(talk):
    talk.says("zhang", "客户王女士说：我上周在别家试驾过了")
    customers.tag(talk.db, "wang", kind="intent", code="test_drive", now=talk.now, evidence="试驾")

    talk.says("zhang", "标签不对 王女士 想试驾")

    assert "想试驾" not in held(talk)
    assert "现在是" in talk.texts()


def test_a_conclusion_is_denied_and_what_it_rests_on_stays(talk):
    talk.says("zhang", "客户王女士问：跟Model Y比参数差多少")
    talk.now += timedelta(minutes=1)
    talk.says("zhang", "客户王女士问：百公里电耗多少，保值率怎么样")
    assert "理性型" in held(talk)
    concerns = talk.concerns("wang")

    talk.says("zhang", "标签不对 王女士 理性型")

    assert "理性型" not in held(talk)
    assert talk.concerns("wang") == concerns
    talk.says("zhang", "撤销")
    assert "理性型" in held(talk)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("标签不对 王女士 保值", "没有“保值”这个标签"),
        ("标签不对 王女士 价格 随便", "后面可以写"),
        ("标签不对 李先生", "不用改"),
    ],
)
def test_what_cannot_be_corrected_is_told(read, said, told):
    read.says("zhang", said)

    assert told in read.texts()
    assert kept(read) == []


def test_nobody_in_sight_is_asked_about(talk):
    talk.says("zhang", "标签不对")

    assert "哪位客户的标签不对" in talk.texts()


def test_no_phone_number_is_kept_with_a_correction(talk):
    talk.says("zhang", "客户王女士说：有点贵，打我13812345678")

    talk.says("zhang", "标签不对 价格")

    assert "13812345678" not in str(talk.db.rows("select * from corrections"))


def test_of_a_burst_all_the_words_are_kept(talk):
    talk.says("zhang", "客户王女士问：后排")
    for piece in ("空间", "有点小"):
        talk.now += timedelta(seconds=1)
        talk.says("zhang", piece)

    talk.says("zhang", "标签不对 王女士 空间")

    assert [c.text for c in kept(talk)] == ["后排空间有点小"]


def test_corrections_go_with_the_messages_that_they_quote(read):
    read.says("zhang", "标签不对 价格")
    read.now += timedelta(days=200)

    housekeeping.clean(read.ctx())

    assert kept(read) == []


def test_the_same_row_comes_back_after_a_correction_of_two(read):
    row = rows.get(read.db, "wang", "concern", "range")

    read.says("zhang", "标签不对 王女士 价格 续航")
    read.says("zhang", "撤销")

    assert rows.get(read.db, "wang", "concern", "range") == row


# The lexicon learns

BAND = ("动力火车的歌真好听", "动力火车的歌真好", "power", 1, "power.word")


@pytest.fixture
def shop(tmp_path):
    """A store on disk with a company's configuration; `lexicon` is its own folder."""
    config = tmp_path / "config.toml"
    config.write_text(
        '[storage]\nurl = "sqlite:///shop.db"\n[nlp]\nlexicon = "lexicon"\n', encoding="utf-8"
    )
    store = Sqlite(tmp_path / "shop.db")
    store.migrate()
    customers.add(store, Customer(id="wang", name="王女士", owner="zhang", added_at=demo.START))
    yield Shop(store, config)
    store.close()


class Shop:
    def __init__(self, store, config):
        self.store, self.config, self.n = store, config, 0

    def heard(self, text):
        self.n += 1
        customers.said(self.store, msg_id=f"m{self.n}", customer_id="wang", who="customer",
                       member="zhang", text=text, now=demo.START, source="paste")  # fmt: skip

    def corrected(self, text, evidence, code, polarity, rule, right="", sign=0, kind="concern"):
        self.heard(text)
        made = corrections.Correction(
            id=f"c{self.n}", customer="wang", member="zhang", at=demo.START, text=text, kind=kind,
            code=code, polarity=polarity, evidence=evidence, rule=rule, right_code=right,
            right_polarity=sign, state=corrections.OPEN,
        )  # fmt: skip
        corrections.add(self.store, made, [(kind, code, None)])

    def run(self, *args):
        return CliRunner().invoke(main, ["--config", str(self.config), "lexicon", *args])

    def reads(self, text):
        found = Lexicon.load(self.config.parent / "lexicon").read(text, at=demo.START)
        return {c.code: c.polarity for c in found.concerns}


def test_corrections_are_listed_with_rule_hits_proposal_and_dry_run(shop):
    shop.corrected(*BAND)
    shop.heard("这车动力不错")

    said = shop.run("corrections").output

    assert "1. 动力（满意） → 不是（1次）" in said
    assert "是规则 power.word 读错的" in said
    assert "更正里读对：0/1 → 1/1" in said
    assert "历史 2 种说法里，另有 0 种读法会变" in said


def test_accepting_writes_the_rule_and_the_words_are_read_right(shop):
    shop.corrected(*BAND)

    result = shop.run("accept", "1")

    assert result.exit_code == 0, result.output
    assert "更正里读对：0/1 → 1/1" in result.output
    assert shop.reads("动力火车的歌真好听") == {}
    assert shop.reads("这车动力不错") == {"power": 1}
    assert "没有待处理的更正" in shop.run("corrections").output


def test_a_service_that_runs_notices_the_new_file(shop):
    shop.corrected(*BAND)
    running = Lexicon.load(shop.config.parent / "lexicon")
    assert not running.changed()

    shop.run("accept", "1")

    assert running.changed()
    assert not running.reload().read("动力火车的歌真好听", at=demo.START).concerns


LEARNT = [
    (("贵得离谱也是值得的", "贵得", "price", -1, "price.dear", "price", 1), {"price": 1}),
    (("外观件是哪家做的", "外观", "exterior", 0, "exterior.word", "quality", 0), {"quality": 0}),
    (("首付宝是什么", "首付", "finance", 0, "finance.word", "trust", -1), None),
]


@pytest.mark.parametrize(("made", "becomes"), LEARNT, ids=[made[0] for made, _ in LEARNT])
def test_another_concern_or_polarity_is_learnt_as_well(shop, made, becomes):
    shop.corrected(*made)

    result = shop.run("accept", "1")

    assert result.exit_code == (0 if becomes else 1), result.output
    assert becomes is None or shop.reads(made[0]) == becomes


def test_an_intent_that_was_none_is_hidden(shop):
    shop.corrected("定金罐在哪", "定金", "deposit", 0, "deposit.want", kind="intent")

    shop.run("accept", "1")

    found = Lexicon.load(shop.config.parent / "lexicon")
    assert found.read("定金罐在哪", at=demo.START).intent("deposit") is None
    assert found.read("定金多少", at=demo.START).intent("deposit") is not None


def test_the_dry_run_shows_what_else_would_change(shop):
    shop.corrected(*BAND)
    shop.heard("动力火车的歌真好听，不过后排空间有点小")

    said = shop.run("corrections").output

    assert "另有 1 种读法会变" in said
    assert "空间（担心）、动力（满意） → 空间（担心）" in said or (
        "动力（满意）、空间（担心） → 空间（担心）" in said
    )


def test_corrections_of_one_kind_come_together_and_the_most_frequent_first(shop):
    shop.corrected("外观件是哪家做的", "外观", "exterior", 0, "exterior.word")
    shop.corrected(*BAND)
    shop.corrected("动力煤的价格涨了", "动力", "power", 1, "power.word")

    said = shop.run("corrections").output

    assert said.index("2. 动力（满意） → 不是（2次）") < said.index("1. 外观（在问） → 不是（1次）")


def test_numbers_stay_when_another_is_settled(shop):
    shop.corrected(*BAND)
    shop.corrected("外观件是哪家做的", "外观", "exterior", 0, "exterior.word")
    shop.run("reject", "1")

    assert "2. 外观（在问）" in shop.run("corrections").output
    assert shop.run("reject", "2").exit_code == 0


def test_what_no_longer_phrase_can_mend_is_said(shop):
    shop.corrected("有点贵", "有点贵", "price", -1, "price.dear")

    assert "加词改不了" in shop.run("corrections").output
    result = shop.run("accept", "1")
    assert result.exit_code == 1
    assert "没有能自动加的规则" in result.stderr


def test_rejecting_leaves_the_lexicon_as_it_is(shop):
    shop.corrected(*BAND)

    assert shop.run("reject", "1").exit_code == 0

    assert "没有待处理的更正" in shop.run("corrections").output
    assert shop.reads("动力火车的歌真好听") == {"power": 1}


def test_what_the_company_wrote_itself_stays_in_the_file(shop):
    own = shop.config.parent / "lexicon" / "own.toml"
    own.parent.mkdir()
    own.write_text('# 自己写的\n[[rule]]\nkind = "cue"\nname = "own.7"\ncode = "space"\n'
                   'polarity = 1\nwords = ["能躺平"]\n', encoding="utf-8")  # fmt: skip
    shop.corrected(*BAND)

    shop.run("accept", "1")

    text = own.read_text(encoding="utf-8")
    assert text.startswith("# 自己写的")
    assert 'name = "own.8"' in text
    assert shop.reads("后排能躺平") == {"space": 1}


def test_two_processes_that_write_at_once_lose_nothing(tmp_path, monkeypatch):
    """Whoever comes second waits with reading until the first has written."""
    found = config.parse('[nlp]\nlexicon = "lexicon"\n', tmp_path / "config.toml")
    folder, reads = tmp_path / "lexicon", threading.Event()
    folder.mkdir()
    first, second = (Rule("cue", (word,), "space", 1) for word in ("能躺平", "能放下婴儿车"))
    monkeypatch.setattr(teaching, "teach", lambda config: lambda rules: reads.set())
    other = threading.Thread(target=teaching.accept, args=(found, [second], ""))

    with teaching._turn(folder):
        other.start()
        assert not reads.wait(0.1)
        (folder / teaching.OWN).write_text(teaching.added("", [first]), encoding="utf-8")
    other.join(10)

    assert [rule.words for _, rule in teaching.own(found)] == [first.words, second.words]


def test_a_broken_file_is_told_and_not_written_over(shop):
    own = shop.config.parent / "lexicon" / "own.toml"
    own.parent.mkdir()
    own.write_text('[[rule]]\nkind = "nonsense"\n', encoding="utf-8")
    shop.corrected(*BAND)

    result = shop.run("accept", "1")

    assert result.exit_code == 1
    assert "own.toml:1" in result.stderr
    assert own.read_text(encoding="utf-8") == '[[rule]]\nkind = "nonsense"\n'


def test_without_a_folder_of_its_own_the_company_is_told_where_to_name_one(shop):
    text = shop.config.read_text(encoding="utf-8").replace('lexicon = "lexicon"', "")
    shop.config.write_text(text, encoding="utf-8")
    shop.corrected(*BAND)

    result = shop.run("accept", "1")

    assert result.exit_code == 2
    assert "[nlp]" in result.stderr
    assert "1/1" in shop.run("corrections").output


@pytest.mark.parametrize("command", ["accept", "reject"])
def test_a_number_that_is_not_there_is_refused(shop, command):
    result = shop.run(command, "1")

    assert result.exit_code == 2
    assert "没有第 1 组更正" in result.stderr


def test_the_list_is_there_for_programs_too(shop):
    shop.corrected(*BAND)

    (row,) = json.loads(shop.run("corrections", "--json").output)

    assert (row["n"], row["times"], row["mended"], row["changed"]) == (1, 1, 1, 0)


@given(words=st.text(min_size=1, max_size=12))
def test_any_words_survive_the_file(words):
    rules = (Rule("shadow", (words,)),)

    found = tomllib.loads(teaching.added("", rules, "note\nof two lines"))["rule"]

    assert found == [{"kind": "shadow", "name": "own.1", "words": [words]}]
