"""Draws: promised before, shown after, done again by anybody; who may win, what the law says."""

import copy
import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cli import main
from handlers import draws, lots, prizes
from handlers.draws import Unlawful
from handlers.games.seat import Seat
from handlers.lots import Entry, Step
from handlers.values import Send
from storage import draws as rows
from storage import games, groups
from storage import prizes as stock

DOC = Path(__file__).parent.parent / "docs" / "draws.md"
(SCRIPT,) = re.findall(r"^```python\n(.*?)^```$", DOC.read_text(encoding="utf-8"), re.S | re.M)
RULES = {"joined_before": "", "spoke": False, "once": True, "weights": ""}


def announce(talk, chat="team", by="chen", given=("车模 1份 199元", "钥匙扣 2份 29元"), **rules):
    return draws.new(chat, "三月抽奖", [draws.prize_of(one) for one in given], RULES | rules,
                     talk.now + timedelta(days=1), by, talk.ctx())  # fmt: skip


def enters(talk, who, chat="team"):
    return draws.enter(Seat(chat, who, who, f"{who}-{talk.count}"), talk.ctx()).text


def held(talk, people=("a", "b", "c", "d", "e", "f"), **given):
    found = announce(talk, **given)
    for who in people:
        assert "报名成功" in enters(talk, who)
    told = draws.close(found, talk.ctx())
    return rows.get(talk.db, found.id), told


def record(talk, found):
    return json.loads(json.dumps(draws.export(found, talk.ctx()), ensure_ascii=False))


def by_script(tmp_path, told):
    """What the independent script of the document says."""
    (tmp_path / "check.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "draw.json").write_text(json.dumps(told), encoding="utf-8")
    done = subprocess.run([sys.executable, "-X", "utf8", "check.py", "draw.json"], cwd=tmp_path,
                          capture_output=True, encoding="utf-8", check=False)  # fmt: skip
    return done.stdout.strip() or done.stderr


def test_everything_is_announced_before_and_the_seed_is_not(talk):
    found = announce(talk, spoke=True)

    said = talk.asks("zhang", "抽奖")

    for words in ("车模1份（价值199元）", "钥匙扣2份", "3月7日09:00", "签到、玩过游戏",
                  "每人最多中一次", found.commitment, "不花积分"):  # fmt: skip
        assert words in said
    assert found.seed not in said
    with pytest.raises(Unlawful, match="还没开奖"):
        draws.export(found, talk.ctx())


def test_a_draw_closes_by_itself_and_everybody_can_read_who_won(talk):
    found = announce(talk)
    for who in ("zhang", "lina", "wmw"):
        assert "抽奖号" in talk.asks(who, "参加抽奖")
    sent = talk.wait(days=1, minutes=1)

    told = talk.asks("zhang", "中奖名单")

    assert found.seed in told
    assert rows.get(talk.db, found.id).entries_hash in told
    assert any(a.text == told for a in sent if isinstance(a, Send) and a.to == "chen")
    assert len([w for w in rows.wins(talk.db, found.id) if w.ticket]) == 3


def test_an_export_is_right_by_our_check_and_by_the_one_of_the_document(talk, tmp_path):
    found, _ = held(talk)
    told = record(talk, found)

    assert list(lots.complaints(told)) == []
    assert by_script(tmp_path, told) == "对得上"


def test_an_export_names_nobody(talk):
    found, _ = held(talk, people=("wang-external-id", "b", "c"))

    assert "wang-external-id" not in json.dumps(record(talk, found))


def fake(field):
    def change(told):
        if field == "seed":
            told["seed"] = "0" * 64
        elif field == "entry":
            told["entries"].pop()
        elif field == "weight":
            told["entries"][0]["weight"] = 5
        elif field == "winner":
            a, b = told["results"][0], told["results"][1]
            a["ticket"], b["ticket"] = b["ticket"], a["ticket"]
        elif field == "list and hash":
            told["entries"].pop()
            entries = [Entry(e["ticket"], e["weight"]) for e in told["entries"]]
            told["entries_hash"] = lots.entries_hash(entries)
        elif field == "result":
            told["results"].pop()
        elif field == "twice":
            told["entries"].append(dict(told["entries"][0]))
        return told

    return change


@pytest.mark.parametrize(
    "field", ["seed", "entry", "weight", "winner", "list and hash", "result", "twice"]
)
def test_whatever_is_changed_afterwards_is_found_out(talk, field):
    found, _ = held(talk)

    told = fake(field)(copy.deepcopy(record(talk, found)))

    assert list(lots.complaints(told))


def test_the_command_checks_a_file_without_configuration(talk, tmp_path):
    found, _ = held(talk)
    told = record(talk, found)
    good, bad, odd = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "odd.json"
    good.write_text(json.dumps(told), encoding="utf-8")
    bad.write_text(json.dumps(fake("winner")(told)), encoding="utf-8")
    odd.write_text("[]", encoding="utf-8")
    run = CliRunner().invoke

    assert "核对通过" in run(main, ["draw", "verify", str(good)]).output
    assert run(main, ["draw", "verify", str(bad)]).exit_code == 1
    assert run(main, ["draw", "verify", str(odd)]).exit_code == 1


def test_a_mistyped_group_is_refused_with_what_there_is(demo_store, tmp_path, monkeypatch):
    (tmp_path / "var").mkdir()
    shutil.copy(demo_store, tmp_path / "var" / "salesbot.db")
    store = '[[stores]]\nid = "bj-cy"\nname = "朝阳店"\n'
    (tmp_path / "config.toml").write_text(store, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(main, ["draw", "new", "G1", "三月抽奖", "--prize", "车模 3份 199元",
                                     "--closes", "2099-03-14T18:00"])  # fmt: skip

    assert done.exit_code == 2
    assert "没有群 G1。有的是：" in done.output
    assert "g1（青屿S6看车群）" in done.output


# Redrawing


@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_redraw_goes_on_by_the_same_rule_and_says_why(talk, tmp_path, times):
    found, _ = held(talk)
    for _ in range(times):
        ticket = next(w.ticket for w in rows.wins(talk.db, found.id) if w.state == "中奖")
        said = draws.redraw(found, ticket, "联系不上", "chen", talk.ctx())

    told = record(talk, rows.get(talk.db, found.id))
    assert "作废：联系不上" in said
    assert list(lots.complaints(told)) == []
    assert by_script(tmp_path, told) == "对得上"
    winners = [w.ticket for w in rows.wins(talk.db, found.id) if w.state == "中奖"]
    assert len(set(winners)) == len(winners)


def test_a_redraw_needs_a_reason_and_a_prize_that_was_not_handed_out(talk):
    found, _ = held(talk)
    win = rows.wins(talk.db, found.id)[0]
    with pytest.raises(Unlawful, match="写原因"):
        draws.redraw(found, win.ticket, " ", "chen", talk.ctx())
    stock.settle(talk.db, f"draw:{win.id}", state="已领", by="lina", now=talk.now)

    with pytest.raises(Unlawful, match="已经核销"):
        draws.redraw(found, win.ticket, "反悔了", "chen", talk.ctx())


def test_a_win_is_picked_up_by_a_code(talk):
    found, _ = held(talk, people=("zhang", "lina", "wmw"))

    talk.asks("zhang", "我的奖品")

    private = next(a.text for a in talk.did if isinstance(a, Send))
    code = re.search(r"领取码 (\w{8})", private)[1]
    assert "已核销" in confirm(talk, code)
    assert list(prizes.tick(talk.ctx())) == []
    assert rows.get(talk.db, found.id).state == "已开奖"


def confirm(talk, code):
    talk.says("lina", f"核销 {code}")
    talk.taps("lina", "已交给本人")
    return talk.texts("lina")


# Who may win


@pytest.fixture
def customers_group(talk):
    groups.put(talk.db, chat_id="g1", name="S6车主群", kind="车主", owner="zhang", store="bj-cy",
               now=talk.now - timedelta(days=60))  # fmt: skip
    return talk


@pytest.mark.parametrize("who", ["zhang", "chen", "lina"])
def test_staff_do_not_win_among_customers(customers_group, who):
    announce(customers_group, "g1")

    assert "员工不参加" in enters(customers_group, who, "g1")


@pytest.mark.parametrize(("who", "may"), [("chen", False), ("zhang", True)])
def test_in_an_internal_group_only_whoever_runs_it_may_not(talk, who, may):
    announce(talk)

    assert ("报名成功" in enters(talk, who)) == may


def test_who_came_too_late_is_told_since_when(talk):
    talk.asks("zhang", "签到")
    announce(talk, joined_before=(talk.now - timedelta(hours=1)).isoformat())

    assert "前入群才能参加" in enters(talk, "zhang")


def test_who_never_spoke_is_told_what_to_do(talk):
    announce(talk, spoke=True)
    assert "先发 签到" in enters(talk, "zhang")
    talk.asks("zhang", "签到")

    assert "报名成功" in enters(talk, "zhang")


def test_who_leaves_before_the_end_is_not_drawn(talk):
    found = announce(talk)
    for who in ("a", "b", "c", "d", "e"):
        enters(talk, who)
    groups.leave(talk.db, "team", "a", talk.now)
    games.sit_out(talk.db, "b", talk.now)

    told = draws.close(found, talk.ctx())

    assert "3人报名" in told
    assert {row["member"] for row in rows.entries(talk.db, found.id)} == {"c", "d", "e"}


def test_who_leaves_the_games_is_out_of_the_draw_at_once(talk):
    found = announce(talk)
    enters(talk, "zhang")

    talk.asks("zhang", "不参加")

    assert rows.entries(talk.db, found.id) == []


def test_too_few_means_no_draw(talk):
    found = announce(talk)
    enters(talk, "a")

    assert "不足3人，这次不开奖" in draws.close(found, talk.ctx())
    assert rows.wins(talk.db, found.id) == []


def test_entering_twice_is_one_entry(talk):
    announce(talk)
    enters(talk, "zhang")

    assert "已经报过名了" in enters(talk, "zhang")


def test_fewer_people_than_prizes_leave_prizes_over(talk, tmp_path):
    found, told = held(talk, people=("a", "b", "c"), given=("贴纸 5份 5元",))

    assert told.count("没有人可以中") == 2
    assert by_script(tmp_path, record(talk, found)) == "对得上"


# The law

FORBIDDEN = [
    (["汽车 1份 60000元"], "最高50000元"), (["现金 1份 100元"], "现金"),
    (["红包 10份 8元"], "现金"), ([], "至少要有一个奖品"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "why"), FORBIDDEN)
def test_what_the_law_forbids_is_not_announced(talk, given, why):
    with pytest.raises(Unlawful, match=why):
        announce(talk, given=given)


@pytest.mark.parametrize("words", ["车模", "车模 3份", "车模 199元", "神秘大奖", "车模 三份 199元"])
def test_a_prize_must_be_clear_in_kind_quantity_and_value(words):
    with pytest.raises(Unlawful, match="写清名称、份数、价值"):
        draws.prize_of(words)


# The algorithm

ENTRIES = st.lists(st.tuples(st.uuids().map(str), st.integers(1, 5)), max_size=20,
                   unique_by=lambda e: e[0]).map(lambda es: [Entry(*e) for e in es])  # fmt: skip


@given(ENTRIES, st.text(), st.integers(1, 8), st.booleans(), st.randoms())
def test_the_order_of_the_list_makes_no_difference(entries, seed, units, once, rng):
    steps = [Step(n, 1) for n in range(1, units + 1)]
    mixed = list(entries)
    rng.shuffle(mixed)

    assert lots.winners(seed, entries, steps, once) == lots.winners(seed, mixed, steps, once)


@given(ENTRIES, st.text(), st.integers(1, 8))
def test_nobody_wins_twice_when_once_was_announced(entries, seed, units):
    found = [t for t in lots.winners(seed, entries, [Step(n, 1) for n in range(1, units + 1)], True)
             if t]  # fmt: skip

    assert len(set(found)) == len(found) == min(units, len(entries))


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_weight_of_three_wins_about_three_times_as_often(start):
    heavy = [Entry("heavy", 3), *(Entry(f"t{n}", 1) for n in range(3))]

    wins = sum(lots.winners(f"{start + n}", heavy, [Step(1, 1)], True) == ["heavy"]
               for n in range(300))  # fmt: skip

    assert 110 <= wins <= 190  # 150 is the mean, five standard deviations are 43
