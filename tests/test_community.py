"""Two weeks of one group with fifty members: games, goals, friends, boards; then the books."""

import random
from collections import Counter
from datetime import timedelta

import pytest

from bot.app import TICKS
from handlers import customer_groups, rankings
from handlers.values import Send
from storage import customers, draws, games, groups, points
from storage import together as goals
from storage.customers import Customer

MEMBERS = tuple(f"m{n:02d}" for n in range(50))
OUT = ("m48", "m49")
DAYS = 14


def room(talk):
    with talk.db.atomic():
        groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang",
                   store="bj-cy", now=talk.now - timedelta(days=60))  # fmt: skip
        groups.seat(talk.db, "g1", "zhang", name="张伟", staff=True, invitor="", joined=talk.now)
        for n, who in enumerate(MEMBERS):
            customers.add(talk.db, Customer(id=who, name=f"顾客{n}", store="bj-cy", owner="zhang",
                                            added_at=talk.now))  # fmt: skip
            groups.seat(talk.db, "g1", who, name=f"群友{n}", staff=False, invitor="",
                        joined=talk.now - timedelta(days=n % 30))  # fmt: skip
    return talk


def knock(talk):
    """Everything that is due at this moment."""
    sent = []
    for tick in TICKS:
        with talk.db.atomic():
            sent += list(tick(talk.ctx()))
    return sent


def listed(talk, friends):
    """The platform's list of the group: the fifty, and who has brought whom."""
    seats = [{"userid": who, "type": 2} for who in MEMBERS]
    seats += [{"userid": who, "type": 2, "join_time": int(at.timestamp()),
               "invitor": {"userid": by}} for who, (by, at) in friends.items()]  # fmt: skip
    found = {"chat_id": "g1", "name": "看车群", "owner": "zhang",
             "member_list": [{"userid": "zhang", "type": 1}, *seats]}  # fmt: skip
    with talk.db.atomic():
        customer_groups.told({"errcode": 0, "group_chat": found}, {"chat_id": "g1"}, talk.ctx())


def quiz(talk, rng):
    """A question that some get wrong before somebody gets it right; who won it."""
    talk.asks("zhang", "答题", "g1")
    found = games.current(talk.db, "g1")
    if found is None:
        return
    wrong = "A" if found.body["answer"] != "A" else "B"
    players = rng.sample(MEMBERS, 4)
    for who in players[:3]:
        talk.asks(who, wrong, "g1")
    talk.asks(players[3], found.body["answer"], "g1")


def live(talk):
    """Fourteen days; returns everything that was sent."""
    rng, sent, friends = random.Random("fortnight"), [], {}
    for who in OUT:
        talk.asks(who, "不参加", "g1")
    talk.says("zhang", "共同目标 看车群 答对12题 到3月15日 奖励 抽奖 车模 3份 199元")
    talk.says("zhang", "共同目标 看车群 签到120次 到3月18日 奖励 每人10分")
    talk.asks("zhang", "偏好题 主要在哪里充电", "g1")
    for day in range(DAYS):
        sent += knock(talk)
        for who in rng.sample(MEMBERS, 12):
            talk.asks(who, "签到", "g1")
        for _ in range(3):
            quiz(talk, rng)
            talk.now += timedelta(minutes=31)
            sent += knock(talk)
        if day < 3:
            for who in rng.sample(MEMBERS, 5):
                talk.asks(who, rng.choice(("偏好题 A", "偏好题 B")), "g1")
        if day % 3 == 0:
            friends[f"f{day}"] = (rng.choice(MEMBERS[:40]), talk.now)
            listed(talk, friends)
        if day == 5:
            del friends["f3"]
            listed(talk, friends)
        for _ in draws.of_chat(talk.db, "g1", draws.OPEN):
            for who in rng.sample(MEMBERS, 6):
                talk.asks(who, "参加抽奖", "g1")
        for hours in (9, 10):  # the evening, and nine in the morning
            talk.now += timedelta(hours=hours)
            sent += knock(talk)
        talk.now = talk.now.replace(hour=9, minute=31)
    return sent


@pytest.fixture
def fortnight(talk):
    return room(talk), live(talk)


def test_the_books_balance_after_two_weeks(fortnight):
    talk, sent = fortnight
    ledger = talk.db.rows("select * from points order by at, id")
    by_member = Counter()
    for row in ledger:
        by_member[row["member"]] += row["delta"]
        assert by_member[row["member"]] >= 0, row

    assert len(ledger) > 150
    assert {m: points.balance(talk.db, "g1", m) for m in by_member} == dict(by_member)
    assert not set(OUT) & by_member.keys()
    assert not {"zhang"} & by_member.keys()
    grown = Counter()
    for row in talk.db.rows("select member, delta from growth"):
        grown[row["member"]] += row["delta"]
    earned = Counter()
    for row in ledger:
        earned[row["member"]] += row["delta"] if row["reason"] != "邀请收回" else 0
    assert grown == earned

    friends = [row for row in ledger if row["reason"].startswith("邀请")]
    assert Counter(row["reason"] for row in friends) == {"邀请": 5, "邀请收回": 1}

    reached = {g.title: g.state for g in goals.of_chat(talk.db, "g1", "达成", "没达成", "进行中")}
    assert reached == {"答对12题": "达成", "签到120次": "达成"}
    assert len(draws.of_chat(talk.db, "g1", draws.OPEN, draws.DONE, draws.VOID)) == 1
    shared = [row for row in ledger if row["reason"] == "共同目标"]
    assert len(shared) == len({row["member"] for row in shared}) > 20

    texts = [a.text for a in sent if isinstance(a, Send) and a.to == "zhang"]
    assert sum("共同目标达成了" in text for text in texts) == 2
    assert sum(text.startswith("🌱 新人榜") for text in texts) == 2  # two Mondays
    board = rankings.board("g1", rankings.EVERYBODY, talk.ctx())
    assert not set(OUT) & {one.score.member for one in board}
    assert [one.score.points for one in board] == sorted(
        (one.score.points for one in board), reverse=True)  # fmt: skip
