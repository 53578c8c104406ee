"""The host in a group: one game at a time, turns, pauses, hints, replays, and who is let alone."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sandbox.demo import SETTINGS
from handlers.games import host
from handlers.games.found import GAMES
from handlers.games.idioms import known
from handlers.games.seat import Seat, called
from handlers.settings import Games
from handlers.values import Inbound, Send
from storage import appointments, games, groups, points


def now_playing(talk):
    return games.current(talk.db, "team")


def follow(talk):
    """An idiom that fits."""
    state = now_playing(talk).body
    last = known()[state["used"][-1]].last
    return next(f"接 {i.words}" for i in known().values()
                if i.first == last and i.words not in state["used"])  # fmt: skip


def rich(talk, who, much=20):
    points.add(talk.db, key=f"gift:{who}", chat_id="team", member=who, delta=much, reason="运营",
               now=talk.now)  # fmt: skip


@pytest.mark.parametrize("other", ["成语接龙", "猜价格", "谜语", "组局 成语接龙"])
def test_one_game_at_a_time(talk, other):
    talk.asks("zhang", "答题")

    said = talk.asks("lina", other)

    assert "一次一局" in said
    assert [r.game for r in games.live(talk.db, "team")] == ["答题"]


def test_a_poll_runs_beside_a_game(talk):
    talk.asks("zhang", "答题")

    assert "投票：周末去哪" in talk.asks("zhang", "投票 周末去哪 西湖 莫干山")
    assert "投给了“西湖”" in talk.asks("lina", "投 A")
    assert "答对" in talk.asks("lina", now_playing_quiz(talk)["answer"])


def now_playing_quiz(talk):
    return next(r.body for r in games.live(talk.db, "team") if r.game == "答题")


def test_a_bare_letter_is_for_the_quiz_and_never_for_the_poll(talk):
    talk.asks("zhang", "投票 周末去哪 西湖 莫干山")

    assert "没看懂" in talk.asks("lina", "A")
    assert games.live(talk.db, "team")[0].body["votes"] == {}


def test_words_that_two_games_take_are_asked_about(talk):
    talk.asks("zhang", "投票 周末去哪 西湖 莫干山")
    talk.asks("zhang", "征集 我和爱车的春天")
    talk.asks("zhang", "投票 午饭吃啥 面 饭")

    said = talk.asks("lina", "投 A")

    assert "先结束一个" in said


def test_a_name_says_which_game_is_meant(talk):
    talk.asks("zhang", "接龙 试驾日 10人")
    talk.asks("zhang", "组局 成语接龙")

    assert "活动接龙 报名" in talk.asks("lina", "报名")
    assert "李娜 报名成功，有名额" in talk.asks("lina", "活动接龙 报名")
    assert "李娜 报名成功：张伟、李娜" in talk.asks("lina", "加入")


@pytest.mark.parametrize(
    "words", ["停", "好", "算了", "别玩了吧", "结束了吗", "继续吧", "暂停一下下"]
)
def test_common_words_neither_stop_nor_answer_a_game(talk, words):
    talk.asks("zhang", "成语接龙")
    before = now_playing(talk)

    talk.asks("zhang", words)

    assert now_playing(talk) == before


def test_a_game_is_ended_by_whoever_started_it_or_by_a_manager(talk):
    talk.asks("zhang", "成语接龙")
    assert "由发起人或店长来管" in talk.asks("lina", "结束")
    assert now_playing(talk)

    assert "接龙结束" in talk.asks("chen", "结束")
    assert now_playing(talk) is None


def test_a_pause_stops_the_clock(talk):
    talk.asks("zhang", "答题")
    talk.now += timedelta(minutes=20)
    talk.asks("zhang", "暂停")
    talk.now += timedelta(hours=3)
    assert "暂停着" in talk.asks("lina", "A")

    talk.asks("zhang", "继续")

    assert now_playing(talk).ends_at == talk.now + timedelta(minutes=10)


def test_a_paused_game_that_nobody_resumes_is_over_after_a_day(talk):
    talk.asks("zhang", "答题")
    talk.asks("zhang", "暂停")

    talk.wait(days=1, hours=1, minutes=2)

    assert games.live(talk.db, "team") == []


# Turns


@pytest.fixture
def turns(talk):
    """张伟, then 李娜; the chain has begun."""
    talk.asks("zhang", "组局 成语接龙")
    talk.asks("lina", "报名")
    assert "先请张伟" in talk.asks("zhang", "开始")
    return talk


def test_players_move_in_the_order_they_came(turns):
    assert "还没轮到您，现在是张伟" in turns.asks("lina", follow(turns))
    assert "下一局再来" in turns.asks("chen", follow(turns))

    assert "轮到李娜" in turns.asks("zhang", follow(turns))
    assert "轮到张伟" in turns.asks("lina", follow(turns))


def test_a_move_that_does_not_count_keeps_the_turn(turns):
    turns.asks("zhang", "接 一马当先马")

    assert now_playing(turns).host["order"][0] == "zhang"


def test_who_is_silent_is_passed_over_and_the_second_time_the_game_ends(turns):
    turns.now += timedelta(minutes=3, seconds=1)
    assert "张伟没接上，轮到李娜" in turns.asks("lina", follow(turns))
    turns.asks("lina", follow(turns))
    turns.now += timedelta(minutes=3, seconds=1)

    assert "接龙结束" in turns.asks("lina", follow(turns))


def test_a_lobby_needs_two_and_its_starter(talk):
    talk.asks("zhang", "组局 成语接龙")
    assert "至少要两位" in talk.asks("zhang", "开始")
    talk.asks("lina", "报名")
    assert "已经报过名" in talk.asks("lina", "报名")

    assert "等发起人" in talk.asks("lina", "开始")


def test_a_lobby_that_nobody_starts_is_gone(talk):
    talk.asks("zhang", "组局 成语接龙")
    talk.now += timedelta(minutes=16)

    assert "🎯" in talk.asks("zhang", "答题")


# Idempotency and restarts


def seat(who, key):
    return Seat("team", who, who, key)


def test_the_same_message_twice_is_answered_alike_and_counts_once(talk):
    talk.asks("zhang", "成语接龙")
    words = follow(talk)

    first = host.move(seat("lina", "m-1"), words, talk.ctx())
    again = host.move(seat("lina", "m-1"), words, talk.ctx())

    assert again.text == first.text
    assert len(now_playing(talk).body["used"]) == 2
    assert points.balance(talk.db, "team", "lina") in (1, 2)


def test_the_winning_message_again_wins_nothing_more(talk):
    talk.asks("zhang", "答题")
    letter = now_playing(talk).body["answer"]

    first = host.move(seat("lina", "m-1"), letter, talk.ctx())
    again = host.move(seat("lina", "m-1"), letter, talk.ctx())

    assert "答对了" in first.text
    assert again.text == first.text
    assert points.balance(talk.db, "team", "lina") == 5


def test_whatever_the_stage_the_game_is_one(talk):
    """A page and the aibot speak to the same round."""
    talk.asks("zhang", "猜价格")

    host.move(replace(seat("cust-1", "page-1"), name="群友甲"), "猜 20万", talk.ctx())

    assert "已有2人猜" in talk.asks("lina", "猜 21万")


# Points


def test_hints_cost_whoever_asks_and_never_more_than_they_have(talk):
    talk.asks("zhang", "谜语")
    assert "积分不够" in talk.asks("lina", "提示")
    rich(talk, "lina", 3)

    assert "李娜 -2分" in talk.asks("lina", "提示")
    assert "积分不够" in talk.asks("lina", "提示")
    assert points.balance(talk.db, "team", "lina") == 1


@pytest.mark.parametrize(("people", "paid"), [(("lina", "zhang"), False),
                                              (("lina", "zhang", "wmw"), True)])  # fmt: skip
def test_the_closest_is_paid_only_when_enough_people_played(talk, people, paid):
    talk.asks("chen", "猜价格")
    for n, who in enumerate(people):
        talk.asks(who, f"猜 {20 + 3 * n}万")

    said = talk.asks("chen", "结束")

    assert ("奖励+5分" in said) == paid
    assert ("满3位才发奖励分" in said) != paid


def test_a_day_brings_no_more_than_the_cap_of_its_source(talk):
    talk.settings = SETTINGS.model_copy(
        update={"points": SETTINGS.points.model_copy(update={"caps": {"答题": 7}})}
    )
    for _ in range(2):
        talk.asks("chen", "答题")
        said = talk.asks("zhang", now_playing(talk).body["answer"])

    assert "到上限了" in said
    assert points.balance(talk.db, "team", "zhang") == 7
    talk.now += timedelta(days=1)
    talk.asks("chen", "答题")
    assert "+5分，共12分" in talk.asks("zhang", now_playing(talk).body["answer"])


# Signing up


def test_the_waiting_list_moves_up_and_the_starter_gets_the_list(talk):
    talk.asks("zhang", "接龙 试驾日 2人 3月14日上午")
    for who in ("lina", "wmw", "chen"):
        talk.asks(who, "报名")

    assert "陈静 从候补转为正式名额" in talk.asks("lina", "退出报名")
    sent = talk.wait(days=7, hours=9)
    lists = [a.text for a in sent if isinstance(a, Send) and "接龙“试驾日" in a.text]
    assert len(lists) == 1
    assert "陈静" in lists[0]
    assert "李娜" not in lists[0]


def test_a_family_that_does_not_fit_lets_others_by_and_nobody_loses_a_place(talk):
    talk.asks("zhang", "接龙 试驾日 3人")
    talk.asks("zhang", "报名")
    talk.asks("lina", "报名")
    assert "候补第1位" in talk.asks("wmw", "报名 2人")
    assert "有名额" in talk.asks("chen", "报名")

    talk.asks("zhang", "退出报名")

    names = [one["name"] for one in games.live(talk.db, "team")[0].body["list"] if one["in"]]
    assert names == ["李娜", "陈静"]


# 不参加


def test_who_leaves_the_games_is_in_none_of_them(talk):
    talk.asks("lina", "签到")
    talk.asks("zhang", "猜价格")
    talk.asks("lina", "猜 20万")

    assert "不算您" in talk.asks("lina", "不参加")
    assert now_playing(talk).body["guesses"] == {}
    assert "不参加" in talk.asks("lina", "猜 20万")
    assert "不参加" in talk.asks("lina", "签到")
    assert "李娜" not in talk.asks("zhang", "排行榜")
    assert "欢迎回来" in talk.asks("lina", "参加")
    assert "记下了" in talk.asks("lina", "猜 20万")


def test_a_customer_who_wants_no_messages_plays_no_games(talk):
    talk.db.run("update customers set opted_out_at = :now where id = 'wang'", now=talk.now)

    said = host.start("答题", "", seat("wang", "p-1"), talk.ctx())

    assert "不参加" in said.text


# Names, and what is odd


@pytest.mark.parametrize(("raw", "shown"), [("<b>甲</b>", "b甲/b"), ("😀" * 2000, "😀" * 16),
                                            ("\n\x00", "群友"), ("", "群友")])  # fmt: skip
def test_a_nickname_is_one_short_line_without_markup(raw, shown):
    assert called(raw) == shown


def test_fifty_games_end_by_themselves(talk):
    """Whatever is opened is closed when its time is up, in any group."""
    rng = random.Random(7)
    talk.settings = SETTINGS.model_copy(update={"games": Games(per_day=99, quiz_per_day=99)})
    for n in range(50):
        game = rng.choice([g for g in GAMES.values()])
        where = replace(seat("zhang", f"s{n}"), chat=f"g{n}")
        host.start(game.name, "周六试驾日 西湖 莫干山", where, talk.ctx())

    talk.now += timedelta(days=4)
    list(host.tick(talk.ctx()))

    assert games.over_time(talk.db, talk.now) == []
    assert all(games.live(talk.db, f"g{n}") == [] for n in range(50))


# The service chat


def test_a_visitor_plays_alone_by_menus(talk):
    def says(text, n):
        fields = {"origin": 3, "msgtype": "text", "text": {"content": text}}
        return talk.tell(Inbound(f"k{n}", "kf", "text", "wang", talk.now, text, to="kf1",
                                 fields=fields))  # fmt: skip

    assert says("玩游戏", 1)[-1].menu[0][1] == "答题"
    asked = says("答题", 2)[-1]
    assert asked.menu[0][1].startswith("A. ")
    right = games.current(talk.db, "kf:wang").body
    option = next(o for _, o in asked.menu if o.startswith(right["answer"]))
    assert "答对了" in says(option, 3)[-1].text
    assert groups.get(talk.db, "kf:wang") is None


def test_a_twin_of_what_is_open_is_not_opened_beside_it(talk):
    for _ in range(2):
        said = talk.asks("chen", "投票 周末去哪 西湖 莫干山")

    assert "周末去哪" in said
    assert [one.body["text"] for one in games.live(talk.db, "team")] == ["周末去哪"]


def test_whoever_has_a_place_has_an_appointment_when_the_list_closes(talk):
    group = {"chat_id": "g1", "name": "看车群", "kind": "潜客", "owner": "zhang", "store": "bj-cy"}
    groups.put(talk.db, now=talk.now, **group)
    seats = [Seat("g1", who, name, f"k-{who}", True)
             for who, name in (("wang", "小王"), ("li", "阿李"), ("guest", "路人"))]  # fmt: skip
    with talk.db.atomic():
        host.start("活动接龙", "S6试驾日 10人 3月14日下午2点",
                   Seat("g1", "zhang", "张伟", "open", True), talk.ctx())  # fmt: skip
        for seat in seats:
            host.move(seat, "报名", talk.ctx())
    talk.says("zhang", "记录 李先生 3月18日上午10点到店")
    talk.now += timedelta(days=7, hours=8, minutes=1)

    with talk.db.atomic():
        sent = list(host.tick(talk.ctx()))

    (told,) = [a.text for a in sent if isinstance(a, Send) and "接龙“S6试驾日" in a.text]
    assert "已给1位记了预约，到时提醒各自的顾问确认：小王。" in told
    assert "还要您自己提醒（不是我们的客户，或另有预约）：阿李、路人。" in told
    (made,) = appointments.of(talk.db, "wang")
    assert made.kind == "试驾"
    assert f"{made.at.astimezone(talk.ctx().zone):%m-%d %H:%M}" == "03-14 14:00"
    assert made.knock_at is not None
    assert made.advisor == "zhang"
    assert appointments.of(talk.db, "guest") == []


@pytest.mark.parametrize("idiom", [
    "盲人摸象", "凤毛麟角", "马马虎虎", "步步高升", "荣华富贵", "毛遂自荐", "价值连城", "天马行空",
    "事半功倍", "卧虎藏龙",
])  # fmt: skip
def test_what_everybody_knows_is_an_idiom(idiom):
    assert idiom in known()
