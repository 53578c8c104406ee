"""A group reaches something together: counted once, unlocked once, and kindly closed."""

from datetime import timedelta

import pytest
from conftest import Talk
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import memory

from bot.sandbox import demo
from handlers import customer_groups, together
from handlers.games.seat import Seat
from handlers.values import Send
from storage import draws, games, groups, points
from storage import together as goals

PRIZE = "抽奖 车模 3份 199元"


@pytest.fixture
def room(talk):
    with talk.db.atomic():
        groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang",
                   store="bj-cy", now=talk.now - timedelta(days=30))  # fmt: skip
        groups.seat(talk.db, "g1", "zhang", name="张伟", staff=True, invitor="", joined=talk.now)
        for n in range(1, 8):
            groups.seat(talk.db, "g1", f"m{n}", name=f"群友{n}", staff=False, invitor="",
                        joined=talk.now - timedelta(days=20))  # fmt: skip
    return talk


def part(room, member, key, counts=together.RIGHT):
    with room.db.atomic():
        return together.note(Seat("g1", member, member, key), counts, key, room.ctx())


def goal(room):
    return goals.of_chat(room.db, "g1", *("进行中", "达成", "没达成", "取消"))[0]


def test_the_owner_sets_a_goal_and_gets_the_words_for_the_group(room):
    did = room.says("zhang", "共同目标 看车群 答对3题 奖励 每人10分")

    assert "🎯 共同目标：答对3题 ░░░░░░░░░░ 0/3，还差3题" in did[-1].text
    assert "截止：周五(3月13日)晚上9点" in did[-1].text
    assert "出过力的每人10分" in did[-1].text


def test_points_go_to_everybody_who_helped_and_only_once(room):
    room.says("zhang", "共同目标 看车群 答对3题 奖励 每人10分")
    part(room, "m1", "k1")
    assert part(room, "m1", "k1") == ""
    part(room, "m1", "k2")

    said = part(room, "m2", "k3")
    part(room, "m3", "k4")

    assert "🎉 共同目标达成：答对3题！出过力的2位每人10分" in said
    assert [points.balance(room.db, "g1", m) for m in ("m1", "m2", "m3")] == [10, 10, 0]


def test_a_draw_is_unlocked_with_its_promise_and_the_owner_is_told(room):
    room.says("zhang", f"共同目标 看车群 答对2题 到周日 奖励 {PRIZE}")
    part(room, "m1", "k1")

    said = part(room, "m2", "k2")
    sent = room.wait(minutes=1)

    assert "抽奖解锁了" in said
    assert "种子承诺" in said
    assert len(draws.of_chat(room.db, "g1", draws.OPEN)) == 1
    told = [a.text for a in sent if isinstance(a, Send) and a.to == "zhang"]
    assert any("看车群的共同目标达成了" in text for text in told)
    assert any("种子承诺" in text for text in told)
    assert not [a for a in room.wait(minutes=2) if "达成" in getattr(a, "text", "")]


@pytest.mark.parametrize(("words", "why"), [
    ("抽奖 豪车 1份 60000元", "最高50000元"),
    ("抽奖 现金红包 1份 100元", "只发实物和服务"),
    ("抽奖 车模", "要写清名称、份数、价值"),
    ("请大家吃饭", "奖励写"),
])  # fmt: skip
def test_what_the_law_or_the_rules_forbid_is_refused_at_once(room, words, why):
    did = room.says("zhang", f"共同目标 看车群 答对2题 奖励 {words}")

    assert why in did[0].text
    assert goals.of_chat(room.db, "g1", "进行中") == []


def test_who_does_not_run_the_group_sets_no_goal(room):
    did = room.says("lina", "共同目标 看车群 答对2题 奖励 每人5分")

    assert "没有叫“看车群”的、由您管的群" in did[0].text


def test_who_left_the_games_helps_no_goal_and_gets_nothing(room):
    room.says("zhang", "共同目标 看车群 签到2次 奖励 每人5分")
    part(room, "m1", "k1", together.CHECKIN)
    games.sit_out(room.db, "m1", room.now)
    games.sit_out(room.db, "m3", room.now)

    assert part(room, "m3", "k2", together.CHECKIN) == ""
    part(room, "m2", "k3", together.CHECKIN)

    assert goal(room).state == "达成"
    assert [points.balance(room.db, "g1", m) for m in ("m1", "m2", "m3")] == [0, 5, 0]


def test_a_goal_that_was_missed_ends_with_thanks(room):
    room.says("zhang", "共同目标 看车群 答对50题 奖励 每人5分")
    part(room, "m1", "k1")
    with room.db.atomic():
        room.db.run("update goals set until = :t", t=room.now + timedelta(minutes=1))

    sent = room.wait(minutes=2)

    told = [a.text for a in sent if isinstance(a, Send) and "到时间了" in a.text]
    assert told == ["看车群：共同目标“答对50题”到时间了，大家一起做到了1题，就差49题，"
                    "谢谢每一位！下次再来。"]  # fmt: skip
    assert goal(room).state == "没达成"


def test_check_ins_and_right_answers_count_as_they_happen(room):
    room.says("zhang", "共同目标 看车群 签到2次 奖励 每人5分")
    room.asks("m1", "签到", "g1")
    said = room.asks("m2", "签到", "g1")

    assert "共同目标达成：签到2次" in said

    room.says("zhang", "共同目标 看车群 答对1题 奖励 每人5分")
    room.asks("m1", "答题", "g1")
    answer = games.current(room.db, "g1").body["answer"]
    assert "共同目标达成：答对1题" in room.asks("m2", answer, "g1")


def test_playing_counts_once_a_round_for_each_and_an_idiom_is_no_answer(room):
    room.says("zhang", "共同目标 看车群 参加5次 奖励 每人5分")
    room.says("zhang", "共同目标 看车群 答对1题 奖励 每人5分")
    room.asks("m1", "谜语", "g1")
    for _ in range(3):
        room.asks("m1", "猜 不知道", "g1")
    room.asks("m2", "猜 也不知道", "g1")

    told = room.asks("m1", "共同目标", "g1")
    assert "2/5" in told
    assert "0/1" in told


def test_it_is_shown_in_the_group_and_can_be_called_off(room):
    room.says("zhang", "共同目标 看车群 答对5题 奖励 每人5分")
    part(room, "m1", "k1")

    assert "1/5" in room.asks("m1", "共同目标", "g1")
    assert "您出了1份力" in room.asks("m1", "共同目标", "g1")
    room.says("zhang", "取消共同目标 看车群")
    assert "现在没有共同目标" in room.asks("m1", "共同目标", "g1")


@settings(max_examples=60)
@given(moves=st.lists(st.tuples(st.sampled_from(["m1", "m2", "m3"]),
                                st.sampled_from("abcdefgh")), max_size=30),
       target=st.integers(1, 8))  # fmt: skip
def test_it_unlocks_exactly_once_at_its_target_whatever_comes_again(knowledge, moves, target):
    db = memory()
    for n in range(1, 4):
        groups.seat(db, "g1", f"m{n}", name="", staff=False, invitor="", joined=demo.START)
    ctx, said = Talk(db, knowledge, demo.SETTINGS, demo.START).ctx(), []
    goals.begin(db, goals.Goal("g", "g1", "t", "答对", target, {"points": 3}, "进行中", "zhang",
                               ctx.now, ctx.now + timedelta(days=1)))  # fmt: skip
    for member, key in moves:
        said.append(together.note(Seat("g1", member, member, key), "答对", key, ctx))

    reached = len({key for _, key in moves}) >= target
    assert sum("达成" in one for one in said) == int(reached)
    assert goals.done(db, "g") == min(target, len({key for _, key in moves}))
    assert (goals.get(db, "g").state == "达成") == reached
    db.close()


# Bringing a friend


def seated(room, *people):
    """The platform's list of the group, with who brought whom."""
    rows = [{"userid": "zhang", "type": 1}, *({"userid": f"m{n}", "type": 2} for n in range(1, 4))]
    stamp = int(room.now.timestamp())
    rows += [{"userid": who, "type": 2, "join_time": stamp, "invitor": {"userid": by}}
             for who, by in people]  # fmt: skip
    found = {"chat_id": "g1", "name": "看车群", "owner": "zhang", "member_list": rows}
    with room.db.atomic():
        customer_groups.told({"errcode": 0, "group_chat": found}, {"chat_id": "g1"}, room.ctx())


def balance(room, member="m1"):
    return points.balance(room.db, "g1", member)


def test_who_brings_a_friend_gets_points_once_for_each(room):
    seated(room, ("new1", "m1"))
    seated(room, ("new1", "m1"), ("new2", "m1"))
    assert balance(room) == 10

    seated(room, ("new2", "m1"))  # new1 left
    seated(room, ("new2", "m1"), ("new1", "m2"))  # and came again, by somebody else
    assert (balance(room), balance(room, "m2")) == (5, 0)


def test_a_friend_who_stays_a_week_takes_nothing_along(room):
    seated(room, ("new1", "m1"))
    room.now += timedelta(days=8)
    seated(room)

    assert balance(room) == 5


def test_what_was_spent_is_not_taken_below_nothing(room):
    seated(room, ("new1", "m1"))
    points.spend(room.db, key="s", chat_id="g1", member="m1", cost=4, reason="兑换", now=room.now)
    seated(room)

    assert balance(room) == 0
    assert {row["reason"] for row in points.history(room.db, "g1", "m1")} >= {"邀请收回"}


def test_staff_and_who_does_not_take_part_get_no_points(room):
    games.sit_out(room.db, "m2", room.now)
    seated(room, ("new1", "zhang"), ("new2", "m2"))

    assert balance(room, "zhang") == balance(room, "m2") == 0
