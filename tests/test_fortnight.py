"""Two weeks of one internal group with fifty members: streaks, games, prizes, a draw, and a ledger
that balances to the point."""

import json
import random
from collections import defaultdict
from datetime import timedelta

import pytest

from handlers import draws, earning, lots, prizes
from handlers.games.found import GAMES
from handlers.games.idioms import known
from handlers.games.seat import Seat
from handlers.groups import heard
from storage import checkins, games, points
from storage import draws as drawn
from storage import prizes as shelf
from storage.checkins import streak
from storage.prizes import LIVE, Prize

PEOPLE = [f"m{n:02d}" for n in range(50)]
DAYS = 14
OPENED = ("答题", "判断题", "成语接龙", "猜价格", "猜配置", "谜语", "猜词", "看图猜车", "盲盒话题",
          "投票 周末去哪 西湖 莫干山", "许愿池", "征集 我和爱车的春天",
          "接龙 试驾日 10人")  # fmt: skip
SAID = ("A", "B", "C", "对", "错", "投 A", "报名", "退出报名", "+1 1", "许愿 多开几次试驾会",
        "投稿 春天在方向盘后面等我", "我说 冬天先热车再上路")  # fmt: skip


class Fortnight:
    """Lives through the days, and counts on its own what everybody did."""

    def __init__(self, talk, seed):
        self.talk, self.rng, self.n = talk, random.Random(seed), 0
        self.days = defaultdict(set)

    def say(self, who, words, twice=0.1):
        """Some messages arrive twice; the second one must change nothing."""
        self.n += 1
        seat = Seat("team", who, who, f"msg-{self.n}")
        with self.talk.db.atomic():
            said = heard(words, seat, self.talk.ctx())
        if self.rng.random() < twice:
            before = self.ledger()
            with self.talk.db.atomic():
                heard(words, seat, self.talk.ctx())
            assert self.ledger() == before, words
        return said.text if said else ""

    def ledger(self):
        return self.talk.db.rows("select id, delta from points order by id")

    def live(self):
        for day in range(DAYS):
            self.day = day
            for who in PEOPLE:
                if self.rng.random() < 0.8:
                    self.check_in(who)
            for opened in self.rng.sample(OPENED, 4):
                self.play(opened)
            if day > 4:
                self.want_prizes()
            with self.talk.db.atomic():
                for tick in (earning.tick, prizes.tick):
                    list(tick(self.talk.ctx()))
            self.talk.now += timedelta(days=1)

    def check_in(self, who):
        words = "签到" if self.rng.random() < 0.6 else "今天想说 今天有客户夸我们的服务好"
        if "签到成功" in self.say(who, words):
            self.days[who].add(self.talk.now.date())

    def play(self, opened):
        starter = self.rng.choice(PEOPLE)
        self.say(starter, opened)
        for who in self.rng.sample(PEOPLE, 12):
            for words in self.moves():
                self.say(who, words)
        self.say(starter, "提示")
        self.say("chen", f"结束 {opened.split()[0]}" if " " in opened else "结束")
        self.talk.now += timedelta(minutes=5)

    def moves(self):
        """What somebody may say who knows some of the answers."""
        for round_ in games.live(self.talk.db, "team"):
            state, know = round_.body, self.rng.random() < 0.5
            if round_.game == "成语接龙":
                last = known()[state["used"][-1]].last
                yield next((f"接 {i.words}" for i in known().values() if i.first == last
                            and i.words not in state["used"]), "接")  # fmt: skip
            elif "answers" in state:
                yield f"猜 {state['answers'][0] if know else '不知道啊'}"
            elif "value" in state:
                unit = "000元" if state["unit"] == "元" else state["unit"]
                yield f"猜 {self.rng.randrange(100, 400)}{unit}"
            else:
                yield self.rng.choice(SAID)

    def want_prizes(self):
        for who in self.rng.sample(PEOPLE, 10):
            self.say(who, f"兑换 {self.rng.randint(1, 2)}")
            kept = [one for one in shelf.of_member(self.talk.db, who) if one.state == "待领"]
            if kept and self.rng.random() < 0.3:
                self.say(who, f"退回 {kept[0].code}")


@pytest.fixture(params=[1, 7])
def fortnight(request, talk):
    for key, name, cost, stock in (("p1", "钥匙扣", 6, 12), ("p2", "车模", 14, 3)):
        shelf.add(talk.db, Prize(key, name, cost, stock, 99, "自提", "", 2, "", None, LIVE,
                                 talk.now))  # fmt: skip
    played = Fortnight(talk, request.param)
    played.live()
    return played


def test_a_fortnight_balances(fortnight):
    db = fortnight.talk.db
    kept = [one for who in PEOPLE for one in shelf.of_member(db, who, 99)]
    held = [one for one in kept if one.state == "待领"]

    for who in PEOPLE:
        mine = [row["delta"] for row in points.history(db, "team", who, 9999)]
        assert points.balance(db, "team", who) == sum(mine) >= 0
        assert points.grown(db, "team", who) == sum(
            row["delta"] for row in points.history(db, "team", who, 9999)
            if row["delta"] > 0 and not row["reason"].startswith("退")
        )  # fmt: skip
    for key, stock in (("p1", 12), ("p2", 3)):
        assert shelf.get(db, key).stock == stock - sum(one.prize == key for one in held) >= 0
    spent = -sum(r["delta"] for r in db.rows("select delta from points where reason like '兑换%'"))
    back = sum(r["delta"] for r in db.rows("select delta from points where reason like '退%'"))
    assert spent - back == sum(one.cost for one in held) > 0


def test_the_streaks_of_a_fortnight_are_those_of_the_days(fortnight):
    db, today = fortnight.talk.db, fortnight.talk.now.date()
    for who in PEOPLE:
        assert set(checkins.days(db, "team", who)) == fortnight.days[who]
        length = streak(sorted(fortnight.days[who], reverse=True), today)
        assert f"连续签到{length}天" in fortnight.say(who, "我的积分")


def test_no_day_gave_more_than_its_cap(fortnight):
    sql = """select member, reason, substr(at, 1, 10) as day, sum(delta) as n from points
        where delta > 0 and reason not like '退%' group by member, reason, substr(at, 1, 10)"""

    assert max(row["n"] for row in fortnight.talk.db.rows(sql)) <= 30


def test_the_board_ranks_by_points(fortnight):
    said = fortnight.say("m00", "排行榜").splitlines()[1:]
    totals = [int(line.split()[-1].removesuffix("分")) for line in said]

    best = sorted((points.balance(fortnight.talk.db, "team", who) for who in PEOPLE), reverse=True)
    assert totals == best[: len(totals)]
    assert len(totals) == 10


def test_every_game_was_played_and_none_is_left_open(fortnight):
    db = fortnight.talk.db
    assert {row["game"] for row in db.rows("select distinct game from games")} <= set(GAMES)
    assert len(db.rows("select distinct game from games")) == len(OPENED)

    fortnight.talk.now += timedelta(days=60)
    list(games.over_time(db, fortnight.talk.now))
    from handlers.games import host

    list(host.tick(fortnight.talk.ctx()))
    assert games.live(db, "team") == []


def test_the_draw_at_the_end_can_be_done_again(fortnight):
    talk = fortnight.talk
    found = draws.new("team", "两周抽奖", [draws.prize_of("保温杯 5份 59元")],
                      {"spoke": True, "once": True, "weights": "连签"},
                      talk.now + timedelta(hours=1), "chen", talk.ctx())  # fmt: skip
    for who in PEOPLE:
        fortnight.say(who, "参加抽奖")
    fortnight.say("m05", "不参加", twice=0)
    told = draws.close(drawn.get(talk.db, found.id), talk.ctx())

    record = json.loads(json.dumps(draws.export(drawn.get(talk.db, found.id), talk.ctx())))
    assert list(lots.complaints(record)) == []
    assert len(record["entries"]) == 49
    assert "m05" not in told
    assert {entry["weight"] for entry in record["entries"]} >= {1, 2}
