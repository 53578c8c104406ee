"""Bursts: what one person says in one breath is read together, and counts once."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import app, library
from bot.sandbox import demo
from handlers import bursts, housekeeping
from handlers.values import Card, Inbound
from nlp import tokens
from storage import customers, events, inbox
from storage import tags as rows

DEV = Path(__file__).parent / "data" / "nlp_dev.jsonl"
PIECES = ("续航", "冬天", "能跑多少")


@pytest.fixture
def chat(talk):
    """The archive is on: what wang says to zhang reaches the bot line by line."""
    return Chat(talk)


class Chat:
    def __init__(self, talk):
        self.talk, self.n = talk, 0

    def says(self, text, after=1.0, sender="wang", to="zhang", name=""):
        self.talk.now += timedelta(seconds=after)
        self.n += 1
        return self.again(Inbound(name or f"archive:{self.n}", "archive", "text", sender,
                                  self.talk.now, text, to=to))  # fmt: skip

    def again(self, msg):
        self.last = msg
        return self.talk.tell(msg)

    def tag(self, code, kind="concern"):
        found = customers.tags(self.talk.db, "wang", self.talk.now, kind)
        return next((t for t in found if t.code == code), None)

    def heard(self):
        """What the advisor is told that was said."""
        return self.talk.texts().splitlines()[0].partition("说：")[2]

    def log(self):
        return [m["text"] for m in reversed(customers.talk(self.talk.db, "wang"))]


# The archive


def test_three_short_messages_are_one_question(chat):
    for piece in PIECES:
        chat.says(piece)

    assert "王女士说：续航冬天能跑多少" in chat.talk.texts()
    assert chat.talk.concerns("wang") == {"range": 0}
    assert chat.tag("range").mentions == 1


def test_the_log_keeps_every_message_as_it_came(chat):
    for piece in PIECES:
        chat.says(piece)

    assert chat.log() == list(PIECES)


def test_what_only_a_fragment_seemed_to_say_does_not_stay(chat):
    chat.says("价格")
    assert chat.tag("price") is not None

    chat.says("不是问题")

    assert chat.tag("price") is None


def test_a_fragment_s_judgement_comes_with_the_rest(chat):
    for piece in ("后排", "空间", "有点小"):
        chat.says(piece)

    assert chat.talk.concerns("wang") == {"space": -1}


def test_sentences_of_one_breath_stay_sentences(chat):
    chat.says("价格有点贵")
    chat.says("续航怎么样")

    assert chat.talk.concerns("wang") == {"price": -1, "range": 0}


def test_what_was_known_before_is_there_again_when_the_fragment_meant_nothing(chat):
    chat.says("有点贵", after=3600)
    before = rows.get(chat.talk.db, "wang", "concern", "price")
    chat.says("价格", after=3600)
    assert rows.get(chat.talk.db, "wang", "concern", "price") != before

    chat.says("不是问题")

    assert rows.get(chat.talk.db, "wang", "concern", "price") == before


def test_tier_and_level_follow_the_whole_and_not_the_fragment(chat):
    before = chat.talk.customer("wang")
    chat.says("周六试驾")
    assert chat.talk.customer("wang").level == "H"

    chat.says("就不去了，先了解一下")

    assert chat.talk.customer("wang").level != "H"
    moves = events.of(chat.talk.db, "wang", "级别")
    assert [m.evidence for m in moves if m.evidence.startswith(f"{before.level}→H")] == []


@pytest.mark.parametrize("pause", [3.5, 60])
def test_after_a_pause_words_stand_for_themselves(chat, pause):
    chat.says("续航")

    chat.says("太贵了", after=pause)

    assert chat.heard() == "太贵了"
    assert chat.talk.concerns("wang") == {"range": 0, "price": -1}


def test_the_window_runs_from_message_to_message(chat):
    for piece in ("我想问下", "你们那个S6", "冬天续航", "怎么样"):
        chat.says(piece, after=2.5)

    assert chat.heard() == "我想问下你们那个S6冬天续航怎么样"


def test_an_answer_in_between_begins_a_new_breath(chat):
    chat.says("续航")
    chat.says("您说", sender="zhang", to="wang")

    chat.says("能便宜吗")

    assert chat.heard() == "能便宜吗"


def test_two_people_at_one_time_are_not_mixed(chat):
    chat.says("续航")

    chat.says("有点贵，能便宜吗", sender="li")

    assert chat.talk.concerns("li") == {"price": -1}
    assert chat.heard() == "有点贵，能便宜吗"


def test_with_the_window_at_nought_each_message_is_read_alone(chat):
    nlp = replace_setting(chat.talk.settings, burst_seconds=0)
    chat.talk.settings = nlp

    for piece in ("后排", "空间", "有点小"):
        chat.says(piece)

    assert chat.talk.concerns("wang") == {"space": 0}


def replace_setting(settings, **values):
    return settings.model_copy(update={"nlp": settings.nlp.model_copy(update=values)})


def test_a_complaint_is_told_once_however_many_pieces_follow(chat):
    first = chat.says("你们这是欺骗消费者，我要投诉到12315")

    second = chat.says("听到没有")

    assert "投诉" in str(first)
    assert "🔴" not in str(second)
    assert len(events.of(chat.talk.db, "wang", "投诉")) == 1


def test_a_telephone_number_is_not_lost_with_the_next_piece(chat):
    chat.says("电话13812345678")

    chat.says("周六能试驾吗")

    assert chat.tag("138****5678", "phone") is not None
    assert "13812345678" not in str(chat.talk.db.rows("select * from bursts"))


# Replays


def test_the_same_message_again_changes_nothing(chat):
    chat.says("有点贵")
    before = chat.tag("price")

    chat.again(chat.last)

    assert chat.tag("price") == before
    assert chat.log() == ["有点贵"]


def test_a_piece_that_is_replayed_later_is_read_at_its_place(chat):
    for piece in PIECES:
        chat.says(piece)
    lost = Inbound("archive:lost", "archive", "text", "wang",
                   chat.talk.now - timedelta(seconds=1), "高速上", to="zhang")  # fmt: skip
    chat.talk.now += timedelta(hours=2)

    chat.again(lost)

    assert "续航冬天高速上能跑多少" in chat.talk.texts()
    assert chat.tag("range").mentions == 1


def test_a_replay_of_an_older_breath_leaves_the_newest_one_alone(chat):
    chat.says("续航")
    old = chat.last
    chat.says("有点贵", after=600)
    kept = chat.talk.db.rows("select * from bursts")

    late = replace(old, id="archive:late", text="冬天怎么样",
                   sent_at=old.sent_at + timedelta(seconds=1))  # fmt: skip
    chat.again(late)

    assert chat.talk.db.rows("select * from bursts") == kept
    assert chat.talk.concerns("wang") == {"range": 0, "price": -1}


def test_the_archive_s_own_times_decide_and_not_when_it_was_fetched(chat):
    fetched = chat.talk.now
    message = {"msgid": "m1", "from": "wang", "tolist": ["zhang"], "msgtype": "text",
               "msgtime": int((fetched - timedelta(minutes=5)).timestamp() * 1000),
               "text": {"content": "续航"}}  # fmt: skip

    msg = app.archived(_kept(message), fetched)

    assert msg.sent_at == fetched - timedelta(minutes=5)
    assert app.archived(_kept({**message, "msgtime": "?"}), fetched).sent_at == fetched


def test_tomorrow_is_the_day_after_it_was_said(chat):
    said_at = chat.talk.now
    chat.talk.now += timedelta(days=3)

    chat.again(Inbound("archive:old", "archive", "text", "wang", said_at, "明天下午3点过去试驾",
                       to="zhang"))  # fmt: skip

    slot = customers.tags(chat.talk.db, "wang", chat.talk.now, "datetime")[0]
    assert slot.code.startswith("2026-03-07")


def _kept(message):
    kept = library.archived(message)
    return inbox.Kept(kept.id, kept.channel, kept.lane, kept.body)


# What waits already


def put(talk, n, text, seconds, sender="wang"):
    at = talk.now + timedelta(seconds=seconds)
    message = {"msgid": f"w{n}", "from": sender, "tolist": ["zhang"], "roomid": "",
               "msgtime": int(at.timestamp() * 1000), "msgtype": "text",
               "text": {"content": text}}  # fmt: skip
    kept = _kept(message)
    inbox.keep(talk.db, kept, at)
    return replace(app.archived(kept, at), sent_at=at)


def test_pieces_that_wait_together_bring_scripts_once(talk):
    waiting = [put(talk, n, piece, n) for n, piece in enumerate(("续航怎么样", "冬天", "高速上呢"))]
    shown = 0
    for msg in waiting:
        talk.now = msg.sent_at
        shown += any(isinstance(a, Card) for a in talk.tell(msg))
        inbox.done(talk.db, msg.id, talk.now)

    assert shown == 1
    assert "冬天高速上呢" in talk.texts()


def test_what_waits_but_came_later_does_not_hold_the_answer_back(talk):
    first = put(talk, 1, "续航怎么样", 0)
    put(talk, 2, "在吗", 60)

    assert any(isinstance(a, Card) for a in talk.tell(first))


@pytest.mark.parametrize(
    ("more", "comes"),
    [
        ({}, True),
        ({"origin": 5}, False),
        ({"msgtype": "image"}, False),
        ({"send_time": 60}, False),
        ({"external_userid": "li"}, False),
    ],
)
def test_customer_service_tells_times_in_seconds_and_who_wrote(talk, more, comes):
    first = Inbound("kf:1", "kf", "text", "wang", talk.now, "续航")
    body = {"msgid": "2", "external_userid": "wang", "send_time": 2, "origin": 3,
            "msgtype": "text", "text": {"content": "冬天"}, **more}  # fmt: skip
    body["send_time"] += int(talk.now.timestamp())
    for name, said in (("kf:1", {}), ("kf:2", body)):
        row = inbox.Kept(name, "kf", "wang", json.dumps(said))
        inbox.keep(talk.db, row, talk.now)

    assert bursts.more_coming(first, talk.ctx()) is comes


# Pasted in pieces


def test_pieces_that_an_advisor_forwards_are_one_question(talk):
    talk.says("zhang", "客户王女士问：后排")
    talk.now += timedelta(seconds=1)
    talk.says("zhang", "空间")
    talk.now += timedelta(seconds=1)

    talk.says("zhang", "有点小")

    assert talk.concerns("wang") == {"space": -1}
    assert "空间有点小" in talk.texts()


def test_a_piece_that_says_nothing_alone_is_no_riddle(talk):
    talk.says("zhang", "客户王女士问：续航")
    talk.now += timedelta(seconds=1)

    talk.says("zhang", "冬天")

    assert "没看懂" not in talk.texts()


def test_pieces_of_nobody_are_put_together_before_the_name_is_told(talk):
    talk.says("zhang", "后排空间")
    talk.now += timedelta(seconds=1)
    talk.says("zhang", "有点小")

    talk.says("zhang", "李先生")

    assert talk.concerns("li") == {"space": -1}


def test_two_reports_in_one_breath_stay_two(talk):
    talk.says("zhang", "客户王女士问：价格")

    talk.says("zhang", "客户王女士说：不是问题")

    assert talk.concerns("wang").keys() == {"price"}


# Joining


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (("续航", "冬天", "能跑多少"), "续航冬天能跑多少"),
        (("价格有点贵", "续航怎么样"), "价格有点贵\n续航怎么样"),
        (("好的。", "那充电呢"), "好的。\n那充电呢"),
        (("S6", "Max", "多少钱"), "S6 Max多少钱"),
        (("有点贵",), "有点贵"),
    ],
)
def test_fragments_are_joined_and_sentences_are_not(talk, pieces, whole):
    assert bursts.joined(pieces, talk.ctx()) == whole


def f1(pairs):
    """Of what was read against what is meant."""
    right = sum(len(found & meant) for found, meant in pairs)
    return 2 * right / sum(len(found) + len(meant) for found, meant in pairs)


def concerns(reading):
    return {(c.code, c.polarity) for c in reading.concerns}


def test_sentences_that_came_in_pieces_are_read_nearly_as_well_as_whole_ones(knowledge):
    rng, ctx = random.Random(7), Reader(knowledge.lexicon)
    alone, together, whole = [], [], []
    for line in DEV.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        words = tokens.cut(row["text"])
        cuts = sorted(rng.sample(range(1, len(words)), 2)) if len(words) > 2 else []
        bounds = pairwise([0, *cuts, len(words)])
        pieces = ["".join(words[start:end]).strip() or "嗯" for start, end in bounds]
        meant = {(code, sign) for code, sign in row["concerns"]}
        alone.append((set().union(*(concerns(ctx.read(p)) for p in pieces)), meant))
        together.append((concerns(ctx.read(bursts.joined(pieces, ctx))), meant))
        whole.append((concerns(ctx.read(row["text"])), meant))

    assert f1(together) > f1(alone) + 0.1
    assert f1(together) > f1(whole) - 0.05


@given(pieces=st.lists(st.text(min_size=1, max_size=15), min_size=1, max_size=6))
def test_no_pieces_break_the_joining_and_no_letter_is_lost(knowledge, pieces):
    ctx = Reader(knowledge.lexicon)

    whole = bursts.joined(pieces, ctx)

    assert "".join(whole.split()) == "".join("".join(pieces).split())


class Reader:
    """Of a context only what joining asks for."""

    def __init__(self, lexicon):
        self.lexicon = lexicon

    def read(self, text):
        return self.lexicon.read(text, at=demo.START)


def test_old_bursts_are_forgotten(chat):
    chat.says("有点贵")
    chat.talk.now += timedelta(days=2)

    housekeeping.clean(chat.talk.ctx())

    assert chat.talk.db.rows("select * from bursts") == []
    assert chat.log() == ["有点贵"]
