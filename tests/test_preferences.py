"""偏好题: the notice, the consent, the tags, and whom nothing is kept of."""

import tomllib
from datetime import timedelta

import pytest

from bot import library
from handlers import dictionary, tags
from handlers.games.found import GAMES
from handlers.games.preference import NOTICE
from handlers.preferences import WHAT
from handlers.values import Inbound, Send
from storage import consents, customers, erasure, games, groups, points


@pytest.fixture
def room(talk):
    with talk.db.atomic():
        groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang",
                   store="bj-cy", now=talk.now - timedelta(days=60))  # fmt: skip
        for who in ("wang", "li", "guest"):
            groups.seat(talk.db, "g1", who, name=f"昵称{who}", staff=False, invitor="",
                        joined=talk.now)  # fmt: skip
    talk.asks("zhang", "偏好题 主要在哪里充电", "g1")
    return talk


def liking(room, who="wang"):
    return customers.tags(room.db, who, room.now, "preference")


def test_a_dozen_questions_are_shipped_and_each_option_has_its_tag():
    asked = [q for q in library.quiz() if q["preference"]]
    codes = {code for q in asked for option in q["options"] for code in option["tags"]}
    given = {c.code for tag in dictionary.shipped().tags.values() for c in tag.when
             if c.basis == "preference"}  # fmt: skip

    assert len(asked) >= 12
    assert codes == given


def test_the_notice_stands_with_the_question(room):
    asked = games.shown(room.db, "g1")[0]

    assert NOTICE in GAMES["偏好题"].opening(asked.body)
    assert NOTICE == "答案会用于为您推荐内容，可回复 退订。"


def test_an_answer_becomes_a_tag_with_source_evidence_and_consent(room):
    said = room.asks("wang", "A", "g1")

    assert "没有对错" in said
    (tag,) = liking(room)
    assert (tag.code, tag.source, tag.confidence, tag.rule) == ("家充", "quiz", 0.8, "pref-charge")
    assert tag.evidence == "偏好题“您以后主要在哪里充电？”选了“家里的桩”"
    assert tag.expires_at == room.now + timedelta(days=180)
    (consent,) = [c for c in consents.of(room.db, "wang") if c.what == WHAT]
    assert (consent.given, consent.words, consent.channel) == (True, NOTICE, "group")
    held = tags.held(room.customer("wang"), room.ctx())
    assert "家充" in {h.name for h in held}


def test_a_changed_answer_replaces_the_tag_and_pays_no_second_time(room):
    room.asks("wang", "A", "g1")
    room.asks("wang", "选 C", "g1")

    assert [tag.code for tag in liking(room)] == ["公共充电"]
    assert points.balance(room.db, "g1", "wang") == 1
    assert len([c for c in consents.of(room.db, "wang") if c.what == WHAT]) == 1


def test_who_is_no_customer_or_refused_the_archive_is_not_tagged(room):
    customers.change(room.db, "li", archive_refused_at=room.now)
    room.asks("guest", "A", "g1")
    room.asks("li", "B", "g1")

    assert liking(room, "guest") == liking(room, "li") == []
    assert points.balance(room.db, "g1", "guest") == 1


def test_who_does_not_take_part_is_not_asked(room):
    room.asks("wang", "不参加", "g1")

    assert "不参加" in room.asks("wang", "A", "g1")
    assert liking(room) == []


def test_knowing_the_right_answer_is_no_liking(room):
    before = customers.tags(room.db, "wang", room.now)
    room.asks("zhang", "结束 偏好题", "g1")
    room.asks("wang", "答题", "g1")
    body = games.current(room.db, "g1").body
    room.asks("wang", body["answer"], "g1")

    assert customers.tags(room.db, "wang", room.now) == before


def test_refusing_forgets_the_liking_and_stops_everything_at_once(room):
    room.asks("wang", "A", "g1")

    said = room.tell(_word(room, "wang", "退订"))

    assert "偏好也删掉了" in said[0].text
    assert liking(room) == []
    assert room.customer("wang").opted_out_at == room.now
    assert [c.given for c in consents.of(room.db, "wang") if c.what == WHAT] == [False, True]
    assert any(isinstance(a, Send) and a.to == "zhang" and "已停止" in a.text for a in said)


def test_who_is_no_customer_hears_that_nothing_was_kept(room):
    assert "没有记过您的偏好" in room.asks("guest", "退订", "g1")


def _word(room, who, text):
    return Inbound(f"w{room.count}", "aibot", "text", who, room.now, text, chat="g1")


def test_the_result_names_nobody(room):
    room.asks("wang", "A", "g1")
    room.asks("li", "A", "g1")

    said = room.asks("zhang", "结束 偏好题", "g1")

    assert "家里的桩：2位" in said
    assert "昵称" not in said
    assert "王女士" not in said


def test_forgetting_a_customer_forgets_what_they_like(room):
    room.asks("wang", "A", "g1")
    with room.db.atomic():
        erasure.erase(room.db, erasure.Person("wang", ("王女士",)))

    assert liking(room) == []
    assert consents.of(room.db, "wang") == []


def test_every_code_reads_as_chinese():
    with library.QUIZ.open("rb") as file:
        asked = [q for q in tomllib.load(file)["question"] if q["preference"]]

    assert all(2 <= len(q["options"]) <= 6 for q in asked)
