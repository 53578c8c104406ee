"""Activities: from template to report, in the chat and on the command line."""

import json
import shutil
from datetime import timedelta

import pytest
from click.testing import CliRunner

from bot.cli import main
from handlers import activities
from handlers.activities import Template, Unfit
from handlers.analytics import ANALYSES, Scope, campaigns
from handlers.values import Card
from storage import activities as rows
from storage import customers, events, groups
from storage import together as goals
from storage.customers import Customer


@pytest.fixture
def room(talk):
    with talk.db.atomic():
        for chat, name in (("g1", "看车群"), ("g2", "意向群")):
            groups.put(talk.db, chat_id=chat, name=name, kind="潜客", owner="zhang",
                       store="bj-cy", now=talk.now - timedelta(days=60))  # fmt: skip
            groups.seat(talk.db, chat, "zhang", name="张伟", staff=True, invitor="",
                        joined=talk.now)  # fmt: skip
        for n in range(1, 11):
            customers.add(talk.db, Customer(id=f"c{n}", name=f"顾客{n}", store="bj-cy",
                                            owner="zhang", added_at=talk.now))  # fmt: skip
            groups.seat(talk.db, "g1", f"c{n}", name=f"昵称{n}", staff=False, invitor="",
                        joined=talk.now - timedelta(days=20))  # fmt: skip
    return talk


def template(**changed):
    given = {"name": "小活动", "days": 3, "goal": "签到", "target": 5, "games": (),
             "budget": 600, "prizes": ("车模 3份 199元",), "rules": "签到就行。",
             "steps": ("发公告",)}  # fmt: skip
    return Template(**{**given, **changed})


@pytest.mark.parametrize("name", activities.templates())
def test_every_shipped_template_may_be_held_as_it_is(room, name):
    found = activities.templates()[name]
    given = activities.fit(found, room.now + timedelta(days=found.days), room.ctx())

    assert activities.cost(given) <= found.budget


@pytest.mark.parametrize(("changed", "why"), [
    ({"prizes": ("豪车 1份 60000元",), "budget": 70000}, "最高50000元"),
    ({"prizes": ("红包 10份 10元",)}, "现金"), ({"prizes": ("车模",)}, "写清名称、份数、价值"),
    ({"prizes": ()}, "至少要有一个奖品"), ({"budget": 500}, "奖品一共597元，超过了预算500元"),
    ({"budget": 200_000}, "超过了一场活动的上限100000元"),
])  # fmt: skip
def test_what_may_not_be_held_says_why_and_begins_nothing(room, changed, why):
    with pytest.raises(Unfit, match=why):
        activities.new(template(**changed), groups.get(room.db, "g1"), "zhang", room.ctx())

    assert rows.running(room.db, "g1", room.now) == []


def test_by_three_taps_in_the_chat(room):
    room.says("zhang", "活动 新建")
    room.taps("zhang", "答题周")
    did = room.taps("zhang", "看车群")
    assert "奖品车模3份（价值199元），预算600元" in next(a for a in did if isinstance(a, Card)).text
    room.taps("zhang", "开始")

    (found,) = rows.running(room.db, "g1", room.now)
    assert found.title == "答题周"
    assert "🎪 答题周，到周五(3月13日)晚上9点" in room.texts()
    assert goals.of_chat(room.db, "g1", "进行中")[0].target == 50
    assert "看车群｜答题周" in room.says("zhang", "活动")[0].text


def test_the_same_again_or_no_group_is_told_in_words(room):
    room.says("zhang", "活动 新建 答题周 看车群")
    room.taps("zhang", "开始")
    room.says("zhang", "活动 新建 答题周 看车群")
    room.taps("zhang", "开始")
    assert "正开着一场答题周" in room.texts()

    assert "现在没有这样的群" in room.says("lina", "活动 新建")[0].text
    room.says("zhang", "活动 新建 签到月 看车群")
    room.taps("zhang", "先不开")
    assert len(rows.running(room.db, "g1", room.now)) == 1


def test_the_report_counts_reach_part_takers_tags_and_what_followed(room):
    with room.db.atomic():
        activities.new(template(), groups.get(room.db, "g1"), "zhang", room.ctx())
    for n in range(1, 6):
        room.asks(f"c{n}", "签到", "g1")
    with room.db.atomic():
        customers.tag(room.db, "c1", kind="concern", code="range", now=room.now)
        for n, (who, kind, days) in enumerate((("c1", "线索", 2), ("c2", "线索", 16),
                                               ("c3", "线索", 18), ("c1", "到店", 5),
                                               ("c9", "到店", 5), ("c1", "下订", 6))):  # fmt: skip
            events.add(room.db, event_id=f"e{n}", customer=who, kind=kind, source="advisor",
                       when=room.now + timedelta(days=days))  # fmt: skip
    room.now += timedelta(days=30)

    scope = Scope(("bj-cy",), room.now - timedelta(days=60), room.now)
    table = ANALYSES["campaigns"].run(scope, room.ctx())

    (row,) = table.rows
    got = dict(zip([c.key for c in table.columns], row, strict=True))
    assert (got["reach"], got["people"], got["share"]) == (10, 5, 0.5)
    assert (got["tags"], got["leads"], got["visits"], got["orders"]) == (1, 2, 1, 1)
    assert (got["cost"], got["each"]) == (600, 300)
    assert "14天内" in table.note
    assert "覆盖10，参加5" in room.says("chen", "活动 效果")[0].text
    assert "近90天没有活动" in room.says("lin", "活动 效果")[0].text


def test_a_price_of_no_lead_is_unknown_and_not_nothing(room):
    with room.db.atomic():
        activities.new(template(), groups.get(room.db, "g1"), "zhang", room.ctx())

    assert activities.campaigns.measured(rows.running(room.db, "g1", room.now)[0],
                                         room.ctx())[-1] is None  # fmt: skip


def test_a_company_s_own_template_is_read_and_a_broken_one_is_named(tmp_path):
    good = (activities.SHIPPED / "quiz-week.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(good.replace("答题周", "店庆答题"), encoding="utf-8")
    assert "店庆答题" in activities.templates(str(tmp_path))

    (tmp_path / "bad.toml").write_text('name = "x"', encoding="utf-8")
    with pytest.raises(Unfit, match=r"bad\.toml 少了"):
        activities.templates.__wrapped__(str(tmp_path))


# On the command line


@pytest.fixture
def cli(tmp_path, demo_store):
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    file = tmp_path / "config.toml"
    file.write_text(
        '[storage]\nurl = "sqlite:///sandbox.db"\n[[stores]]\nid = "bj-cy"\nname = "朝阳店"\n',
        encoding="utf-8",
    )

    def run(*args):
        return CliRunner().invoke(main, ["--config", str(file), "activity", *args])

    return run


def test_new_list_report_and_compare_tell_of_the_same_activity(cli):
    assert "🎪 答题周" in cli("new", "答题周", "g1", "--by", "zhang").output

    (listed,) = json.loads(cli("list", "--json").output)
    assert (listed["title"], listed["budget"]) == ("答题周", 600)
    (report,) = json.loads(cli("report", listed["id"], "--json").output)
    (compared,) = json.loads(cli("compare", "--json").output)
    assert report == compared
    assert report["reach"] > 0
    assert report["each"] is None
    assert "可用的模板：签到月" in cli("list").output


@pytest.mark.parametrize(("args", "code", "said"), [
    (("new", "没有", "g1"), 2, "没有模板 没有"), (("new", "答题周", "g9"), 2, "没有客户群 g9"),
    (("report", "x"), 1, "没有活动 x"),
])  # fmt: skip
def test_what_is_not_there_is_told_in_a_sentence(cli, args, code, said):
    result = cli(*args)

    assert result.exit_code == code
    assert result.output.startswith(said)


def test_what_was_really_spent_is_told_in_the_chat_and_weighed(room):
    with room.db.atomic():
        one = activities.new(template(), groups.get(room.db, "g1"), "zhang", room.ctx())
    assert "没有这样的、由您管的活动" in room.says("zhang", "活动花费 没有 300元")[0].text
    said = room.says("zhang", "活动花费 300元 气球，找13800001234订的")[0].text
    assert "小活动花了300元（气球，找138****1234订的），一共300元，预算600元。" in said
    room.says("zhang", "活动花费 看车群 80元 误记")
    assert "已撤销：小活动的花费80元（误记）" in room.says("zhang", "撤销")[0].text
    said = room.says("zhang", "活动花费 小活动 400")[0].text
    assert "一共700元，预算600元，超出预算100元" in said
    for n in (1, 2):
        room.asks(f"c{n}", "签到", "g1")
    with room.db.atomic():
        customers.tag(room.db, "c1", kind="concern", code="range", now=room.now)
        for n, kind in enumerate(("线索", "线索", "到店", "下订")):
            events.add(room.db, event_id=f"e{n}", customer=f"c{n % 2 + 1}", kind=kind,
                       source="advisor", when=room.now + timedelta(days=2))  # fmt: skip
    room.now += timedelta(days=10)

    table = campaigns.compared(Scope(("bj-cy",), room.now - timedelta(days=60), room.now),
                               room.ctx())  # fmt: skip
    got = dict(zip([c.key for c in table.columns], table.rows[0], strict=True))
    assert (got["budget"], got["cost"]) == (600, 700)
    each = [got[key] for key in ("each_tag", "each", "each_visit", "each_order")]
    assert each == [700, 350, 700, 700]
    bills = campaigns.bills(Scope(("bj-cy",), room.now - timedelta(days=60), room.now), room.ctx())
    assert [row[2] for row in bills.rows] == [300, 400]
    assert rows.costs(room.db, one.id)[0]["by_whom"] == "zhang"


@pytest.mark.parametrize(("words", "said"), [
    ("活动花费", "写法：活动花费"), ("活动花费 很多钱", "写法："), ("活动花费 0元", "至少1元"),
    ("活动花费 300元", "有2场，写上活动名或群名：大活动、小活动"),
])  # fmt: skip
def test_a_sum_that_is_unclear_is_asked_about(room, words, said):
    with room.db.atomic():
        activities.new(template(), groups.get(room.db, "g1"), "zhang", room.ctx())
        if "300" in words:
            activities.new(template(name="大活动"), groups.get(room.db, "g2"), "zhang", room.ctx())

    assert said in room.says("zhang", words)[0].text


def test_who_does_not_run_the_group_books_nothing(room):
    with room.db.atomic():
        activities.new(template(), groups.get(room.db, "g1"), "zhang", room.ctx())

    assert "由您管的活动" in room.says("lina", "活动花费 300元")[0].text
