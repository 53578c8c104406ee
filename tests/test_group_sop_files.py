"""Group plans outside the chat: Excel in and out, the command line, the console's calendar, the
welcome of a group, and two weeks of a group as its owner lives them."""

import asyncio
import json
import shutil
from datetime import date, time, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner
from console_kit import Visit, ask, cast
from hypothesis import given
from hypothesis import strategies as st
from test_group_sop import BOSS, begin, clock, group, joins, knock, never_rests, states, step_of
from wecom_kit import Clock

from bot import cli
from bot.sandbox import demo
from bot.sandbox.wecom import Pretend
from handlers.group_plans import plan, rooms, sheet, welcome
from handlers.group_plans.chat import begin as start_in
from handlers.group_plans.preview import would
from handlers.values import Card, Send
from scriptbank import tables
from storage import group_sop as rows
from storage import groups
from storage.sqlite import Sqlite

HEAD = ["天", "时间", "类型", "内容", "链接/素材", "对象", "备注"]
ROW = [1, "10:30", "互动", "大家好", "", "", ""]


def read(*lines, head=HEAD):
    return sheet.read([head, *lines], "周末.xlsx", name="周末看车")


# Excel


def test_a_table_becomes_a_plan_by_its_headings():
    found, given_, problems = read(
        ["第1天", "10点", "互动", "大家好", "", "", ""],
        ["3", time(19, 30), "口碑", "", "试驾感受", "本周新人", "看一眼"],
        [2.0, 0.4375, "知识", "看这里", "https://a.example/1", "", ""],
    )

    assert problems == ()
    assert [(n.day, n.at) for n in found.nodes] == [(1, "10:00"), (2, "10:30"), (3, "19:30")]
    assert found.nodes[1].link == "https://a.example/1"
    assert (found.nodes[2].material, found.nodes[2].to) == ("试驾感受", "本周新人")
    assert plan.kept(json.dumps(given_, ensure_ascii=False)) == found


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["", "10:30", "互动", "好", "", "", ""], "周末.xlsx:3 天：写的是 空，应为 1 到 60 的天数"),
        ([2, "早上", "互动", "好", "", "", ""], "周末.xlsx:3 时间：写的是 早上，应为 10:00 这样"),
        ([2, "25:00", "互动", "好", "", "", ""], "周末.xlsx:3 时间：写的是 25:00"),
        ([2, "10:30", "闲聊", "好", "", "", ""], "周末.xlsx:3 类型：写的是 “闲聊”，应为欢迎、"),
        ([2, "10:30", "互动", "", "", "", ""], "周末.xlsx:3 内容：写的是 “”，应为要发的话"),
        ([2, "10:30", "互动", "{手机}", "", "", ""], "周末.xlsx:3 内容：写的是 “手机”，应为变量"),
        ([2, "10:30", "互动", "好", "", "老板", ""], "周末.xlsx:3 对象：写的是 “老板”，应为全群、"),
    ],
)  # fmt: skip
def test_a_bad_row_is_told_by_its_number_and_nothing_is_taken(line, told):
    found, given_, problems = read(ROW, line)

    assert (found, given_ if problems[0].field in ("天", "时间") else {}) == (None, {})
    assert str(problems[0]).startswith(told)


def test_a_bad_row_is_told_where_it_stands_whatever_the_order_of_days():
    _, _, problems = read([5, "10:30", "闲聊", "好", "", "", ""], ROW)

    assert str(problems[0]).startswith("周末.xlsx:2 类型")


def test_without_its_columns_a_table_is_refused():
    _, _, problems = read(ROW, head=["日子", "钟点", "类型", "内容", "", "", ""])

    assert "应为有天、时间这几列" in str(problems[0])


@given(st.lists(st.lists(st.one_of(st.none(), st.text(), st.floats(), st.integers()), max_size=7)))
def test_no_table_breaks_the_reading(lines):
    found, _, problems = sheet.read([HEAD, *lines], "x.csv", name="试用")

    assert (found is None) == bool(problems)


@pytest.mark.parametrize("one", plan.shipped(), ids=lambda one: one.name)
def test_every_shipped_plan_goes_out_and_comes_back(one):
    lines = [list(line) for line in sheet.lines(one)]

    found, _, problems = sheet.read(lines, "x.xlsx", name=one.name)

    assert problems == ()
    assert found.nodes == one.nodes


# The command line


@pytest.fixture
def company(tmp_path, demo_store, monkeypatch):
    """The demo's people and store, and a way to run a command there."""
    store = tmp_path / "var" / "salesbot.db"
    store.parent.mkdir()
    shutil.copy(demo_store, store)
    lines = [f'[[stores]]\nid = "{s.id}"\nname = "{s.name}"' for s in demo.STORES]
    lines += [f'[[advisors]]\nuserid = "{a.userid}"\nname = "{a.name}"\nstore = "{a.store}"'
              for a in demo.ADVISORS]  # fmt: skip
    lines += [f'[[managers]]\nuserid = "{m.userid}"\nname = "{m.name}"\n'
              f"stores = {json.dumps(list(m.stores))}" for m in demo.MANAGERS]  # fmt: skip
    (tmp_path / "config.toml").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        done = CliRunner().invoke(cli.main, ["groups", *map(str, words)])
        assert "Traceback" not in done.output
        return done

    return run


def store():
    return Sqlite(Path("var") / "salesbot.db")


def test_the_template_is_filled_in_and_imported(company, tmp_path):
    file = tmp_path / "计划.xlsx"
    assert company("plan", "template", file).exit_code == 0

    done = company("plan", "import", file, "--name", "我的计划", "--priority", "70")

    assert "“我的计划”已导入" in done.output
    found = json.loads(company("plan", "list", "--for", "chen", "--json").output)
    assert [one["priority"] for one in found if one["name"] == "我的计划"] == [70]
    assert company("plan", "forget", "我的计划").exit_code == 0
    assert company("plan", "forget", "我的计划").exit_code == 2


def test_a_table_with_a_bad_row_is_not_imported(company, tmp_path):
    file = tmp_path / "坏.csv"
    file.write_text("天,时间,类型,内容\n1,10:30,互动,好\n二,10:30,互动,好\n", encoding="utf-8")

    done = company("plan", "import", file)

    assert done.exit_code == 1
    assert "坏.csv:3 天：写的是 二" in done.output
    assert rows.imported(store()) == []


def test_preview_start_pause_resume_and_stop(company):
    found = json.loads(company("plan", "preview", "自动", "--for", "chen", "--json").output)
    assert {one["plan"] for one in found} == {"沉寂唤醒"}
    assert "前三条" not in company("plan", "preview", "每日话题", "--for", "chen").output

    assert "已为2个群安排“每日话题”" in company("plan", "start", "每日话题", "--for", "chen").output
    for verb in ("pause", "resume", "stop"):
        assert "2个群的“每日话题”" in company("plan", verb, "每日话题", "--for", "chen").output

    assert rows.on_plan(store(), "每日话题") == []


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "preview", "没有这个", "--for", "chen"),
        ("plan", "preview", "每日话题", "火星", "--for", "chen"),
        ("plan", "list", "--for", "zhang"),
        ("welcome", "没有这个群", "--for", "chen"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(company, words):
    done = company(*words)

    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1


def test_files_of_the_company_are_checked(company, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "x"\n', encoding="utf-8")

    done = company("plan", "lint", plan.FOLDER / "quiz.toml", bad)

    assert "“答题周”没有问题，7天8条" in done.output
    assert done.exit_code == 1


def test_words_of_a_plan_that_must_not_be_said_are_told(company, tmp_path):
    text = (plan.FOLDER / "quiz.toml").read_text(encoding="utf-8")
    file = tmp_path / "own.toml"
    file.write_text(text.replace("答题周开始啦！", "全国第一的答题周！"), encoding="utf-8")

    assert "第1天 10:30“全国第一”" in company("plan", "lint", file).output


# The welcome


def test_a_welcome_is_shown_before_it_is_made(company):
    done = company("welcome", "青屿S6看车群", "--for", "chen")

    assert "%NICKNAME% 您好，欢迎来到“青屿S6看车群”！我是朝阳店的张伟" in done.output
    assert "只是预览" in done.output


def test_a_welcome_that_must_not_be_said_is_refused(company):
    done = company("welcome", "青屿S6看车群", "--for", "chen", "--text", "全网最低价")

    assert done.exit_code == 1
    assert "有不能发的词" in done.output


async def test_a_welcome_becomes_a_template_for_the_owner_to_choose(
    company, aiohttp_server, tmp_path
):
    world = demo.world()
    async with aiohttp.ClientSession() as http:
        pretend = Pretend(world, Clock(), Clock(), http)
        app = web.Application()
        app.add_routes(pretend.routes())
        base = str((await aiohttp_server(app)).make_url("")).rstrip("/")
        with (tmp_path / "config.toml").open("a", encoding="utf-8") as file:
            file.write(
                f'\n[wecom]\ncorp_id = "{world.corp_id}"\napi_base = "{base}"\n[wecom.app]\n'
                f'agent_id = {world.agent_id}\nsecret = "{world.app_secret}"\ntoken = "t"\n'
                'encoding_aes_key = "9Zc2Qw7LrT4yUv0XbN6mKe1Ga8HsJd3PfRo5iCtVlEg"\n'
            )
        words = ("welcome", "青屿S6看车群", "--for", "chen", "--push")

        done = await asyncio.to_thread(company, *words)

        assert "模板建好了（GW-1）" in done.output
        assert welcome.CHOOSE in done.output
        assert "欢迎来到" in pretend.api.tasks.greetings["GW-1"]["text"]["content"]


# The calendar


@pytest.fixture
async def chen(played):
    """A browser of 陈静, whose two groups begin the daily topics tomorrow and a holiday later."""
    played.clock.add(timedelta(hours=1))
    cast(played)
    app = played.running.app

    def fill(db):
        ctx = app.ctx(db, "fill", played.clock.now())
        found = rooms.select(rooms.Filter(), "chen", ctx)
        start_in(would("每日话题", found, ctx), ctx.today, "chen", ctx)
        start_in(would("长假出行", found, ctx), ctx.today + timedelta(days=10), "chen", ctx)

    await ask(played, fill)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield await Visit(played, http).enter("chen")


async def test_the_calendar_shows_what_goes_where(chen):
    status, page = await chen.get("calendar")

    assert status == 200
    assert "2026年3月" in page
    assert "每日话题·话题" in page
    assert "长假出行·知识 <small>2个群 · 已安排" in page
    assert "青屿S6看车群" in page  # the day in full


async def test_a_day_a_month_and_a_plan_are_chosen_by_the_address(chen):
    _, page = await chen.get("calendar", month="2026-04", plan="长假出行")
    assert "2026年4月" in page
    assert "每日话题·话题" not in page

    _, page = await chen.get("calendar", day="2026-03-08")
    assert "3月8日 周日" in page
    assert (await chen.get("calendar", day="x", month="2026-99"))[0] == 200


async def test_a_brand_sees_groups_and_nobody_and_an_advisor_sees_nothing(chen):
    chen.http.cookie_jar.clear()
    await chen.enter("brand")
    _, page = await chen.get("calendar")
    assert "每日话题·话题" in page

    chen.http.cookie_jar.clear()
    await chen.enter("zhang")
    assert (await chen.get("calendar"))[0] in (302, 303, 401, 403)


# Two weeks of a group


def test_two_weeks_of_a_group_read_sensibly(talk):
    """Joiners on different days, an owner who answers, one day forgotten, a holiday in between."""
    never_rests(talk)
    group(talk)
    joins(talk, "g1", 0, 0, 1)
    begin(talk, "新人两周 今天")
    told = {}
    for n in range(14):
        if n in (3, 8):  # somebody new comes
            groups.join(talk.db, "g1", f"late{n}", f"新朋友{n}", talk.now)
        for hour in ("10:30", "12:00", "17:30"):
            clock(talk, hour, days=int(n > 0 and hour == "10:30"))
            did = knock(talk)
            texts = [a.text for a in did if isinstance(a, Send)]
            cards = [a for a in did if isinstance(a, Card)]
            told.setdefault(n + 1, []).extend(texts)
            for card in [] if n == 5 else cards:  # the sixth day is forgotten
                talk.did = [card]
                button = next(b.text for b in card.buttons if b.text in ("已发", "做完了"))
                talk.taps("zhang", button)
    clock(talk, "10:30", days=1)
    knock(talk)

    assert told[1][0].startswith("欢迎阿m0、阿m1、阿m2来到")
    assert told[5][0].startswith("新朋友3、阿m0、阿m1、阿m2，这周新来的朋友")
    assert told[12][0].startswith("新朋友8，这周新来的朋友")
    assert all(len(texts) <= 2 for texts in told.values())
    (run,) = map(rows.Run.from_row, talk.db.rows("select * from group_runs"))
    assert run.state == "走完"
    found = {s.node: (s.state, s.why) for s in rows.of_run(talk.db, run.id)}
    assert found[5] == ("过期", "给过了，当天没有点“已发”")
    assert found[10] == ("过期", "没有要发的话：素材库里没有“试驾感受”")
    assert {n for n, (state, _) in found.items() if state == "过期"} == {5, 10}
    assert states(talk) == {}


def test_an_imported_plan_runs_like_the_shipped_ones(talk):
    never_rests(talk)
    group(talk)
    joins(talk, "g1", 1, 2)
    _, given_, _ = read(ROW)
    rows.keep(talk.db, "周末看车", json.dumps(given_), "ops", talk.now)

    begin(talk, "周末看车 今天", BOSS)
    clock(talk, "10:30")

    assert knock(talk)[0] == Send("zhang", "大家好")
    assert step_of(talk, "周末看车").on_day == date(2026, 3, 6)


def test_a_plan_whose_file_is_gone_ends_with_the_reason(talk):
    never_rests(talk)
    group(talk)
    joins(talk, "g1", 1, 2)
    _, given_, _ = read(ROW)
    rows.keep(talk.db, "周末看车", json.dumps(given_), "ops", talk.now)
    begin(talk, "周末看车 今天")
    rows.forget(talk.db, "周末看车")
    clock(talk, "10:30")

    assert knock(talk) == []
    (step,) = rows.of_day(talk.db, "g1", talk.ctx().today)
    assert (step.state, step.why) == ("过期", "计划文件里没有这一步了")


def test_the_program_itself_knocks(talk):
    """The tick is among those of the program, and the card's buttons are answered there."""
    never_rests(talk)
    group(talk)
    joins(talk, "g1", 1, 2)
    begin(talk, "每日话题 明天")
    clock(talk, "10:29", days=1)

    sent = talk.wait(minutes=2)

    assert any(isinstance(a, Card) and "每日话题" in a.title for a in sent)


def test_the_tables_of_scripts_and_plans_are_read_alike(tmp_path):
    file = tmp_path / "计划.csv"
    file.write_text("天,时间,类型,内容\n1,10:30,互动,'=1+1\n", encoding="gb18030")

    found, _, problems = sheet.read(tables.grid(file), file.name, name="试用")

    assert problems == ()
    assert found.nodes[0].text == "=1+1"


def test_a_column_that_nobody_knows_is_named_and_a_slip_keeps_the_plan_out():
    line = ("1", "10:30", "话题", "大家好", "小王")
    found, _, problems = sheet.read([("天", "时间", "类型", "文案", "负责人"), line], "x.xlsx",
                                    name="试用")  # fmt: skip
    assert found.nodes[0].text == "大家好"
    assert "列名：写的是 负责人，应为" in str(problems[0])
    assert "这一列没有用上" in str(problems[0])

    found, _, problems = sheet.read([("天", "时间", "类型", "文按", "负责人"), line], "x.xlsx",
                                    name="试用")  # fmt: skip
    assert found is None
    assert "列名：写的是 文按，应为“文案”（写法相近），不要就删掉这一列" in str(problems[0])
