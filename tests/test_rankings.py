"""The week's boards of a group: what counts, what is cheating, and who never appears."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from conftest import Talk
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import memory

from bot.sandbox import demo
from handlers import rankings
from handlers.rankings import EVERYBODY, NEWCOMERS
from handlers.values import Send
from storage import checkins, customers, games, groups, prizes
from storage.customers import Customer


@pytest.fixture
def room(talk):
    """Friday; g1 of zhang with an old member, two newcomers and two members of staff."""
    with talk.db.atomic():
        groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang",
                   store="bj-cy", now=talk.now - timedelta(days=60))  # fmt: skip
        for who, days, staff in (("zhang", 50, True), ("lina", 3, False), ("old", 40, False),
                                 ("n1", 5, False), ("n2", 4, False)):  # fmt: skip
            groups.seat(talk.db, "g1", who, name=f"昵称{who}", staff=staff, invitor="",
                        joined=talk.now - timedelta(days=days))  # fmt: skip
    return talk


def says(room, who, *texts, source="archive"):
    with room.db.atomic():
        for text in texts:
            room.count += 1
            customers.said(room.db, msg_id=f"s{room.count}", customer_id=who, who="customer",
                           member="g1", text=text, now=room.now, source=source)  # fmt: skip


def board(room, which=NEWCOMERS, back=0):
    return rankings.board("g1", which, room.ctx(), back)


def points(room, which=NEWCOMERS):
    return {one.score.member: one.score.points for one in board(room, which)}


@pytest.mark.parametrize(("texts", "counted"), [
    (["周末想去试驾", "续航怎么样呢"], 2), (["嗯嗯", "好的"], 0), (["哈哈哈哈哈"], 0),
    (["周末想去试驾"] * 5, 1), (["周末 想去试驾", "周末想去试驾"], 1),
    ([f"我想问第{n}个问题" for n in range(15)], 10),
])  # fmt: skip
def test_messages_count_up_to_ten_a_day_and_no_spam_does(room, texts, counted):
    says(room, "n1", *texts)

    assert points(room) == ({"n1": counted} if counted else {})


def test_a_picture_counts_for_nothing(room):
    says(room, "n1", "［图片］很大一张", source="archive:media")

    assert points(room) == {}


def test_games_check_ins_and_friends_count_by_their_weights(room):
    room.asks("n1", "签到", "g1")
    room.asks("n1", "谜语", "g1")
    room.asks("n1", "猜 不知道", "g1")
    groups.seat(room.db, "g1", "friend", name="朋友", staff=False, invitor="n2",
                joined=room.now)  # fmt: skip
    room.now += timedelta(minutes=1)

    found = {one.score.member: one.score for one in board(room)}
    assert (found["n1"].checked, found["n1"].played) == (1, 1)
    assert found["n1"].points == 2 + 3
    assert (found["n2"].invited, found["n2"].points) == (1, 5)


def test_newcomers_are_those_of_the_last_two_weeks_and_staff_is_nobody(room):
    for who in ("zhang", "lina", "old", "n1"):
        room.asks(who, "签到", "g1")
    room.now += timedelta(minutes=1)

    assert points(room) == {"n1": 2}
    assert points(room, EVERYBODY) == {"old": 2, "n1": 2}


def test_who_does_not_take_part_never_appears(room):
    customers.add(room.db, Customer(id="n2", name="钱女士", store="bj-cy", owner="zhang",
                                    added_at=room.now))  # fmt: skip
    for who in ("n1", "n2"):
        room.asks(who, "签到", "g1")
    room.now += timedelta(minutes=1)
    assert points(room).keys() == {"n1", "n2"}

    games.sit_out(room.db, "n1", room.now)
    customers.change(room.db, "n2", opted_out_at=room.now)

    assert points(room) == {}


def test_a_name_is_the_group_s_and_not_the_advisor_s_remark(room):
    checkins.add(room.db, chat_id="g1", member="n1", day=room.now.date(), now=room.now)
    room.now += timedelta(minutes=1)

    assert "🥇 昵称n1 2分（签到1）新上榜" in room.asks("n2", "新人榜", "g1")


def test_the_move_against_last_week_and_the_way_to_the_next_place(room):
    for who, back in (("n2", 3), ("n2", 2), ("n1", 2)):
        checkins.add(room.db, chat_id="g1", member=who, now=room.now,
                     day=(room.now - timedelta(days=back)).date())  # fmt: skip
    room.now += timedelta(days=3)  # Monday
    for who in ("n1", "n2"):
        checkins.add(room.db, chat_id="g1", member=who, now=room.now, day=room.now.date())
    says(room, "n1", "今天去店里看看", "三点可以吗")

    said = room.asks("n2", "新人榜", "g1")

    assert "🥇 昵称n1 4分（发言2、签到1）↑1" in said
    assert "🥈 昵称n2 2分（签到1）↓1" in said
    assert "第2名，2分，再得3分就超过第1名" in said


def test_on_monday_the_owner_gets_last_week_s_board_once_and_the_prize_is_given_once(room):
    s = room.settings.rankings.model_copy(update={"prizes": ("车模",)})
    room.settings = room.settings.model_copy(update={"rankings": s})
    checkins.add(room.db, chat_id="g1", member="n1", day=room.now.date(), now=room.now)
    room.wait(minutes=1)
    room.now += timedelta(days=2, hours=23, minutes=58)

    sent = [a.text for a in room.wait(hours=2) if isinstance(a, Send) and a.to == "zhang"]

    told = [text for text in sent if "新人榜" in text]
    assert len(told) == 1
    assert "🌱 新人榜（3月2日到3月8日，进群14天内）" in told[0]
    assert "🎁 昵称n1 得到车模" in told[0]
    assert [one.name for one in prizes.of_member(room.db, "n1")] == ["车模"]
    rankings._closed(groups.get(room.db, "g1"), room.ctx())
    assert len(list(rankings._closed(groups.get(room.db, "g1"), room.ctx()))) == 2
    assert len(prizes.of_member(room.db, "n1")) == 1


@settings(max_examples=25)
@given(texts=st.lists(st.text(max_size=12), max_size=40))
def test_no_words_bring_more_than_ten_points_a_day(texts):
    db = memory()
    talk = Talk(db, SimpleNamespace(lexicon=None, bank=None, quiz=(), facts=None), demo.SETTINGS,
                demo.START)  # fmt: skip
    groups.seat(db, "g1", "m", name="m", staff=False, invitor="", joined=demo.START)
    talk.now += timedelta(minutes=1)
    says(talk, "m", *texts)
    talk.now += timedelta(minutes=1)

    assert sum(points(talk, EVERYBODY).values()) <= 10
    db.close()
