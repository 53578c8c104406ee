"""Prizes: points against a code, stock that never goes below nothing, handing out once."""

import csv
import threading
from datetime import date, timedelta

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.sandbox.demo import SETTINGS
from handlers import earning, prizes
from handlers.games.seat import Seat
from handlers.values import Send
from storage import groups, points
from storage import prizes as rows
from storage.customers import Customer
from storage.prizes import LIVE, Prize
from storage.sqlite import Sqlite


def prize(**given):
    usual = {
        "id": "p1", "name": "车模", "cost": 10, "stock": 2, "worth": 199, "how": "自提",
        "store": "", "per_member": 1, "conditions": "", "until": None, "state": LIVE,
    }  # fmt: skip
    return usual | given


def offer(talk, **given):
    rows.add(talk.db, Prize(**prize(**given), at=talk.now))


def give(talk, who, much=30):
    points.add(talk.db, key=f"gift:{who}:{talk.now}", chat_id="team", member=who, delta=much,
               reason="运营", now=talk.now)  # fmt: skip


@pytest.fixture
def rich(talk):
    for who in ("zhang", "lina", "wmw"):
        give(talk, who)
    offer(talk)
    return talk


def code(talk, who="zhang"):
    return rows.of_member(talk.db, who)[0].code


def balance(talk, who="zhang"):
    return points.balance(talk.db, "team", who)


def test_the_catalogue_says_what_it_costs_and_what_is_left(rich):
    assert "1. 车模 10分，还剩2份" in rich.asks("zhang", "奖品")


def test_an_exchange_takes_points_and_stock_and_gives_a_code_to_its_owner_alone(rich):
    said = rich.asks("zhang", "兑换 1")

    assert "兑换成功：车模，-10分，还剩20分" in said
    private = [a.text for a in rich.did if isinstance(a, Send)]
    assert code(rich) in private[0]
    assert code(rich) not in rich.did[0].text
    assert rows.get(rich.db, "p1").stock == 1


def test_who_has_too_few_is_told_how_many_are_missing(talk):
    offer(talk)
    give(talk, "zhang", 7)

    assert "您有7分，还差3分" in talk.asks("zhang", "兑换 1")
    assert balance(talk) == 7


def test_the_last_one_goes_once(rich):
    rich.asks("zhang", "兑换 1")
    rich.asks("lina", "兑换 1")

    assert "刚被兑完了" in rich.asks("wmw", "兑换 1")
    assert balance(rich, "wmw") == 30


def test_one_each(rich):
    rich.asks("zhang", "兑换 1")

    assert "每人限1份" in rich.asks("zhang", "兑换 1")


def test_the_same_message_twice_is_one_exchange(rich):
    seat = Seat("team", "zhang", "张伟", "m-1")
    prizes.exchange(1, seat, rich.ctx())

    again = prizes.exchange(1, seat, rich.ctx())

    assert code(rich) in again.report[1]
    assert balance(rich) == 20


def test_a_prize_of_the_past_or_of_another_store_is_not_offered(talk):
    groups.put(talk.db, chat_id="team", name="内部群", kind="内部", owner="chen", store="bj-cy",
               now=talk.now)  # fmt: skip
    offer(talk, id="p1", until=date(2026, 3, 5))
    offer(talk, id="p2", store="gz-th")

    assert "没有可以兑换" in talk.asks("zhang", "奖品")


# 核销


def test_a_code_is_handed_out_once_after_asking(rich):
    rich.asks("zhang", "兑换 1")
    shown = rich.says("lina", f"核销 {code(rich).lower()}")
    assert "车模" in shown[0].text
    assert rows.of_member(rich.db, "zhang")[0].state == "待领"

    rich.taps("lina", "已交给本人")

    assert "已核销：车模" in rich.texts("lina")
    assert rows.of_member(rich.db, "zhang")[0].used_by == "lina"
    rich.says("lina", f"核销 {code(rich)}")
    assert "已领" in rich.texts("lina")
    assert "不能再核销" in rich.texts("lina")


def test_two_who_confirm_the_same_code_hand_out_one_prize(rich):
    rich.asks("zhang", "兑换 1")
    first = rich.says("lina", f"核销 {code(rich)}")
    rich.says("chen", f"核销 {code(rich)}")
    rich.taps("chen", "已交给本人")
    rich.did = first

    rich.taps("lina", "已交给本人")

    assert "不能再核销" in rich.texts("lina")


def test_not_now_keeps_the_code(rich):
    rich.asks("zhang", "兑换 1")
    rich.says("lina", f"核销 {code(rich)}")

    rich.taps("lina", "先不核销")

    assert "还有效" in rich.texts("lina")
    assert rows.of_member(rich.db, "zhang")[0].state == "待领"


def test_nobody_hands_out_to_themselves(rich):
    rich.asks("zhang", "兑换 1")
    rich.says("zhang", f"核销 {code(rich)}")

    rich.taps("zhang", "已交给本人")

    assert "请同事核销" in rich.texts("zhang")


@pytest.mark.parametrize("said", ["核销 22222222", "核销 ABCD"])
def test_a_code_that_does_not_exist_is_told(talk, said):
    talk.says("lina", said)

    assert "没有领取码" in talk.texts("lina")


def test_another_store_s_code_is_not_ours_to_hand_out(talk):
    groups.put(talk.db, chat_id="team", name="内部群", kind="内部", owner="chen", store="bj-cy",
               now=talk.now)  # fmt: skip
    offer(talk, store="bj-cy")
    give(talk, "zhang")
    talk.asks("zhang", "兑换 1")
    other = next(a for a in SETTINGS.advisors if a.store != "bj-cy").userid

    talk.says(other, f"核销 {code(talk)}")

    assert "没有领取码" in talk.texts(other)


# Back again


def test_what_was_not_handed_out_can_be_given_back_once(rich):
    rich.asks("zhang", "兑换 1")
    assert "+10分，共30分" in rich.asks("zhang", f"退回 {code(rich)}")

    assert "退不了" in rich.asks("zhang", f"退回 {code(rich)}")
    assert rows.get(rich.db, "p1").stock == 2
    assert balance(rich) == 30


def test_somebody_else_cannot_give_it_back(rich):
    rich.asks("zhang", "兑换 1")

    assert "您没有" in rich.asks("lina", f"退回 {code(rich)}")


def test_a_code_that_nobody_came_for_is_worth_its_points_again(rich):
    rich.asks("zhang", "兑换 1")
    rich.now += timedelta(days=30, minutes=1)

    list(prizes.tick(rich.ctx()))
    list(prizes.tick(rich.ctx()))

    assert rows.of_member(rich.db, "zhang")[0].state == "过期"
    assert (balance(rich), rows.get(rich.db, "p1").stock) == (30, 2)


# At once, from several connections on a real file


def test_many_who_want_the_last_ones_at_once_share_what_there_is(tmp_path, talk):
    path = tmp_path / "bot.db"
    store = Sqlite(path)
    store.migrate()
    people = [f"m{n}" for n in range(12)]
    with store.atomic():
        rows.add(store, Prize(**prize(stock=5), at=talk.now))
        for who in people:
            groups.join(store, "team", who, who, talk.now)
            points.add(store, key=f"gift:{who}", chat_id="team", member=who, delta=10,
                       reason="运营", now=talk.now)  # fmt: skip
    store.close()
    contexts = [talk.ctx() for _ in people]
    at_once(path, people, contexts)

    store = Sqlite(path)
    assert rows.get(store, "p1").stock == 0
    assert len(rows.listed(store, ["待领"])) == 5
    assert sum(points.balance(store, "team", who) for who in people) == 12 * 10 - 5 * 10
    assert len({row["code"] for row in rows.listed(store, ["待领"])}) == 5
    store.close()


def at_once(path, people, contexts):
    start = threading.Barrier(len(people))
    failures = []

    def want(who, ctx):
        mine = Sqlite(path)
        object.__setattr__(ctx, "db", mine)
        try:
            start.wait()
            for turn in ("first", "second"):  # and everybody clicks twice
                with mine.atomic():
                    prizes.exchange(1, Seat("team", who, who, f"{who}:{turn}"), ctx)
        except Exception as exc:  # told to the test's own thread
            failures.append(exc)
        finally:
            mine.close()

    threads = [threading.Thread(target=want, args=pair) for pair in zip(people, contexts,
                                                                        strict=True)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# Expiry and levels


def test_points_age_first_in_first_out(talk):
    give(talk, "zhang", 10)
    talk.now += timedelta(days=100)
    give(talk, "zhang", 7)
    points.spend(talk.db, key="s1", chat_id="team", member="zhang", cost=4, reason="提示",
                 now=talk.now)  # fmt: skip
    list(earning.tick(talk.ctx()))
    talk.now += timedelta(days=266)

    list(earning.tick(talk.ctx()))
    assert balance(talk) == 7  # six of the ten were left, and are gone; the seven are younger
    talk.now += timedelta(days=1)
    list(earning.tick(talk.ctx()))
    assert balance(talk) == 7


def test_growth_stays_when_points_are_spent(rich):
    rich.asks("zhang", "签到")
    rich.asks("zhang", "兑换 1")

    assert "成长值1" in rich.asks("zhang", "我的积分")


LEVELS = [
    (0, ("新人", 50, "活跃")), (50, ("活跃", 150, "达人")), (1499, ("资深", 1, "元老")),
    (9999, ("元老", 0, "")),
]  # fmt: skip


@pytest.mark.parametrize(("growth", "level"), LEVELS)
def test_levels(talk, growth, level):
    assert earning.level(growth, talk.ctx()) == level


# The command line


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A store on disk, and the commands run on it."""
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(main, ["--config", "config.toml", *words])

    run.folder = tmp_path
    assert run("migrate").exit_code == 0, run("migrate").output
    return run


def test_prizes_are_kept_from_the_command_line(shop):
    assert "p1" in shop("prizes", "add", "车模", "--cost", "100", "--stock", "3").output
    assert "现在23份" in shop("prizes", "stock", "p1", "20").output
    less = shop("prizes", "stock", "p1", "-50")
    assert (less.exit_code, "减不了50份" in less.output) == (1, True)
    assert '"stock": 23' in shop("prizes", "list", "--json").output
    assert shop("prizes", "stop", "p1").exit_code == 0


@pytest.mark.parametrize("name", ["现金红包", "100元红包", "积分卡"])
def test_cash_is_no_prize(shop, name):
    assert shop("prizes", "add", name, "--cost", "1", "--stock", "1").exit_code == 2


def test_the_shipping_list_masks_phones_and_codes(shop, talk):
    path = next(shop.folder.rglob("*.db"))
    store = Sqlite(path)
    from storage import customers

    with store.atomic():
        customers.add(store, Customer(id="c1", name="=王", phone="13800138000", added_at=talk.now))
        rows.add(store, Prize(**prize(how="邮寄"), at=talk.now))
        points.add(store, key="g", chat_id="g1", member="c1", delta=99, reason="运营",
                   now=talk.now)  # fmt: skip
        ctx = talk.ctx()
        object.__setattr__(ctx, "db", store)
        prizes.exchange(1, Seat("g1", "c1", "王", "m1", True), ctx)
        secret = rows.of_member(store, "c1")[0].code
    store.close()

    assert shop("prizes", "export", "a.csv").exit_code == 0
    assert shop("prizes", "export", "a.xlsx").exit_code == 0
    text = (shop.folder / "a.csv").read_text(encoding="utf-8-sig")
    assert "13800138000" not in text
    assert secret not in text
    assert [row["方式"] for row in csv.DictReader(text.splitlines())] == ["邮寄"]
    back = shop("prizes", "refund", secret, "--reason", "缺货")
    assert "还给会员10分" in back.output
