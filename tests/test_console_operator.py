"""The operator's desk: scripts through review, words tried and taken, settings, 急停."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner
from console_kit import Visit, ask, both, cast
from test_console import HOSTILE, MAY, rows_of, spoil

from bot import teaching
from bot.cli import main
from bot.config import Config, parse
from bot.console import setup
from bot.console.routes import RULES
from bot.console.setup import Setup
from handlers import library
from handlers.console import words
from handlers.library import Refused
from handlers.proposals import Rule
from nlp.lexicon import Lexicon
from scriptbank.script import Script
from storage import console, corrections, scripts, sop, stops
from storage.db import Row, stamp

ROOT = Path(__file__).parents[1]
POSTS = ("replay", "script", "lexicon", "operations")
BODY = "冬天开空调会多用一些电，正常用车不受影响。"


@pytest.fixture
async def door(played, tmp_path):
    """10:00; the company has a folder of its own for words."""
    played.clock.add(timedelta(hours=1))
    cast(played)
    running, folder = played.running, tmp_path / "lexicon"
    folder.mkdir()
    nlp = running.config.settings.nlp.model_copy(update={"lexicon": str(folder)})
    settings = running.config.settings.model_copy(update={"nlp": nlp})
    running.config = running.config.model_copy(update={"settings": settings})
    shared = running.app.knowledge
    running.app.knowledge = replace(shared, lexicon=Lexicon.load(folder))
    before, opened = {s.id: s for s in shared.bank.all()}, []

    async def visit(who="opera"):
        http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        opened.append(http)
        return await Visit(played, http).enter(who)

    visit.stage, visit.folder = played, folder
    yield visit
    for http in opened:
        await http.close()
    for script in shared.bank.all():  # other tests share it
        if script.id not in before:
            shared.bank.drop(script.id)
    for script in before.values():
        if shared.bank.get(script.id) != script:
            shared.bank.put(script)


async def typed(visit, path):
    """The fields of the page's first form that changes something, as a browser would send them."""
    _, page = await visit.get(path)
    return fields_of(page)


def fields_of(page):
    form = re.search(r'<section class="form">.*?</section>', page, re.S)[0]
    found = dict(re.findall(r'<input [^>]*name="([^"]+)" value="([^"]*)"', form))
    found |= dict(re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.S))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)">(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else re.search(r'value="([^"]*)"', options)[1]
    return {name: html.unescape(value) for name, value in found.items()}


async def send(visit, path, form, do, **more):
    return await visit.post(path, **{**form, "token": visit.token, "do": do, **more})


async def made(on_stage, key="s-1", status=library.LIVE, **more):
    """A script of the library, also in the bank that answers."""
    values = {"body": BODY, "stage": "产品介绍", "title": "冬天空调", "q": "冬天开空调费电吗"}
    script = Script(id=key, status=status, version=0, **(values | more))
    now = on_stage.clock.now()
    await ask(on_stage, lambda db: library.save(db, (script,), now, "chen", "写的"))
    found = await ask(on_stage, lambda db: library.get(db, key))
    on_stage.running.app.knowledge.bank.put(found)
    return found


async def stored(stage, key="s-1"):
    return await ask(stage, lambda db: library.get(db, key))


async def audited(stage):
    return [r["what"] for r in await ask(stage, lambda db: db.rows("select what from audit"))]


# Who may press what


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("who", [*MAY, ""])
async def test_only_an_operator_s_own_page_presses_a_button(door, path, who):
    visit = await door(who or "opera")
    await visit.get()
    if not who:
        visit.wear("nobody")
    asked = {"do": "stop", "way": "*", "sure": "yes", "why": "x", "title": "t", "body": "b"}

    foreign, _ = await visit.post(path, origin="https://evil.example", token=visit.token, **asked)
    without, _ = await visit.post(path, **asked)
    status, _ = await visit.post(path, token=visit.token, **asked)

    refused = 403 if who else 401
    assert (foreign, without) == (refused, refused)
    assert status == refused or who == "opera"
    assert who == "opera" or await ask(door.stage, stops.on) == []


def test_what_changes_something_is_for_operators_alone():
    assert {RULES["POST", f"/console/{path}"] for path in POSTS} == {frozenset({"运营"})}


# The library


async def test_scripts_are_found_by_words_state_and_date(door):
    stage = door.stage
    await made(stage, "s-1", title="空调费电吗", scene="极地")
    await made(stage, "s-2", library.REVIEW, title="等人看的", q="甲")
    soon = stage.clock.now().date() + timedelta(days=9)
    await made(stage, "s-3", valid_to=soon, title="快过期", q="乙")
    await made(stage, "s-4", title="我自己的", scope="个人", owner="zhang")
    visit = await door()

    assert await listed(visit, q="空调费电吗") == ["range-summer", "s-1"]
    assert await listed(visit, q="s-1 空调费电吗") == ["s-1"]
    assert await listed(visit, scene="极地") == ["s-1"]
    assert await listed(visit, status="待审") == ["s-2"]
    assert "s-3" in await listed(visit, due="yes")
    assert await listed(visit, q="我自己的") == []
    assert (await visit.get("script", key="s-4"))[0] == 404
    assert (await visit.get("script", key="none"))[0] == 404


async def listed(visit, **query):
    await visit.get("library", **query, **{"as": "csv", "table": "library"})
    return [row[-1] for row in rows_of(visit.body)[1:]] if visit.answer.status == 200 else []


async def test_looking_shows_what_an_edit_does_and_writes_nothing(door):
    await made(door.stage)
    visit = await door()
    form = await typed(visit, "script?key=s-1")
    form["body"] = "{客户称呼}，这是全国最好的车。[[优惠到{优惠截止}。]]"

    _, page = await send(visit, "script", form, "look", sample="name", ask="冬天开空调费电吗")

    assert "李先生，这是全国最好的车。</p>" in page  # the sentence that lacks its value is gone
    assert "<mark>最好</mark>" in page
    assert "有不能发的话" in page
    assert "<del>" in page
    assert "<ins>" in page
    assert "现在会推荐" in page
    assert "<mark>冬天空调（这一条）</mark>" in page
    assert (await stored(door.stage)).body == BODY
    assert await audited(door.stage) == []


async def test_the_test_box_tells_what_an_edit_changes(door):
    await made(door.stage, "s-1", library.DRAFT)
    visit = await door()
    form = await typed(visit, "script?key=s-1")
    form |= {"q": "后备箱能放下两把大提琴吗", "also": ""}

    _, page = await send(visit, "script", form, "look", ask="后备箱能放下两把大提琴吗")
    was, now = page.split("现在会推荐")[1].split("改了并发布后")

    assert "（这一条）" not in was
    assert "（这一条）" in now
    assert "命中：" in now
    assert "问法" in now
    assert door.stage.running.app.knowledge.bank.get("s-1").q == "冬天开空调费电吗"


async def test_the_test_box_heeds_tier_stage_and_model(door):
    await made(door.stage, tiers=("high",), models=("S6",), stage="价格异议")
    visit = await door()
    form = await typed(visit, "script?key=s-1") | {"ask": "冬天开空调费电吗"}

    _, page = await send(visit, "script", form, "look", ask_tier="high", ask_model="S6",
                         ask_stage="价格异议")  # fmt: skip
    _, other = await send(visit, "script", form, "look", ask_model="E5")

    assert {"意向", "车型", "阶段"} <= set(re.findall(r"(\w+) 1\.00", page))
    assert "（这一条）" not in other


async def test_a_new_script_goes_through_review_to_the_advisors(door):
    stage, visit = door.stage, await door()
    form = await typed(visit, "script")
    question = "后备箱能放下两把大提琴吗"
    form |= {"title": "大提琴", "body": "放倒后排可以放下，欢迎带琴来试。", "q": question,
             "concerns": "空间", "why": "客户问过"}  # fmt: skip

    status, _ = await send(visit, "script", form, "review")
    at = visit.answer.headers["Location"].removeprefix("/console/")
    key = re.search(r"key=([\w-]+)", at)[1]
    found = await stored(stage, key)
    assert (status, found.status, found.concerns) == (303, library.REVIEW, ("space",))
    assert "大提琴" not in await say(stage, "zhang", question)

    await send(visit, "script", await typed(visit, at), "publish")

    assert (await stored(stage, key)).status == library.LIVE
    assert "放倒后排可以放下" in await say(stage, "zhang", question)
    _, page = await visit.get("script", key=key)
    assert "待审→发布" in page
    assert await audited(stage) == [f"console script {key} v1", f"console script {key} v2"]


async def say(stage, who, text):
    seen = len(stage.pretend.received())
    await stage.say("app", who, text)
    await stage.running.app.idle()
    return "\n".join(i.get("text", "") for i in stage.pretend.received()[seen:])


async def test_sending_back_needs_a_reason_that_stands_in_the_versions(door):
    await made(door.stage, status=library.REVIEW)
    visit = await door()
    form = await typed(visit, "script?key=s-1")

    status, page = await send(visit, "script", form, "back")
    assert (status, "退回要写原因" in page) == (409, True)
    await send(visit, "script", form, "back", why="缺出处")

    assert (await stored(door.stage)).status == library.DRAFT
    last = (await ask(door.stage, lambda db: scripts.versions(db, "s-1")))[0]
    assert (last.why, last.by_whom) == ("待审→草稿：缺出处", "opera")


@pytest.mark.parametrize(("status", "do", "change", "said"), [
    (library.LIVE, "save", {"body": "全国最好的车"}, "不能发布"),
    (library.REVIEW, "publish", {"body": "全国最好的车"}, "不能发布"),
    (library.REVIEW, "publish", {"valid_to": "2026-01-01"}, "已过"),
    (library.LIVE, "save", {}, "没有变"),
    (library.LIVE, "save", {"title": ""}, "标题"),
    (library.LIVE, "save", {"valid_to": "明年"}, "应为日期"),
    (library.LIVE, "save", {"facts": "只有内容"}, "每行一条依据"),
    (library.DRAFT, "publish", {}, "不能这样做"),
    (library.DRAFT, "nonsense", {}, "不能这样做"),
])  # fmt: skip
async def test_what_is_not_fit_is_refused_and_stays_typed(door, status, do, change, said):
    before = await made(door.stage, status=status)
    visit = await door()
    form = await typed(visit, "script?key=s-1") | change

    code, page = await send(visit, "script", form, do, why="还在吗")

    assert (code, said in page) == (409, True)
    assert "还在吗" in fields_of(page)["why"]
    assert await stored(door.stage) == before


async def test_who_comes_second_sees_both_texts_and_can_save_then(door):
    await made(door.stage)
    first, second = await door(), await door()
    ours, theirs = [await typed(v, "script?key=s-1") for v in (first, second)]
    await send(first, "script", ours | {"body": "甲写的一句话。"}, "save")

    status, page = await send(second, "script", theirs | {"body": "乙写的一句话。"}, "save")

    assert (status, "别人已经存了" in page) == (409, True)
    assert "刚存了第2版" in page
    assert "您的和新存的比" in page
    assert {"甲", "乙"} <= set("".join(re.findall(r"<(?:del|ins)>(.*?)</", page)))
    assert (await stored(door.stage)).body == "甲写的一句话。"
    await send(second, "script", fields_of(page), "save")
    assert (await stored(door.stage)).body == "乙写的一句话。"
    assert (await stored(door.stage)).version == 3


async def test_an_earlier_version_comes_back_as_the_newest(door):
    stage = door.stage
    await made(stage)
    visit = await door()
    form = await typed(visit, "script?key=s-1")
    await send(visit, "script", form, "save", body="新写的一句。")

    _, page = await visit.get("script", key="s-1", at="1")
    assert "<ins>" in page
    await send(visit, "script", fields_of(page), "restore")

    found = await stored(stage)
    assert (found.body, found.version, found.status) == (BODY, 3, library.LIVE)
    assert stage.running.app.knowledge.bank.get("s-1").body == BODY
    again, page = await send(visit, "script", await typed(visit, "script?key=s-1&at=1"), "restore")
    assert (again, "不用恢复" in page) == (409, True)
    for n in ("9", "x", "-1"):
        assert (await visit.get("script", key="s-1", at=n))[0] == 404


async def test_stopping_a_script_takes_it_from_the_advisors(door):
    await made(door.stage)
    visit = await door()
    await send(visit, "script", await typed(visit, "script?key=s-1"), "stop", why="换了政策")

    assert (await stored(door.stage)).status == library.STOPPED


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_is_typed_into_a_script_is_only_text(door, text):
    await made(door.stage, status=library.DRAFT)
    visit = await door()
    form = await typed(visit, "script?key=s-1")
    for name in ("title", "body", "scene", "q", "also", "note", "why", "ask", "objection"):
        form[name] = f"字{text[:40]}".encode("utf-8", "replace").decode()

    _, looked = await send(visit, "script", form, "look")
    status, _ = await send(visit, "script", form, "save")
    _, page = await visit.get("script", key="s-1")

    assert status == 303
    for shown in (looked, page):
        assert "<script>window" not in shown
        assert "<img" not in shown
        assert "onerror=" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", shown)
    kept = fields_of(page)["body"]
    assert kept == (await stored(door.stage)).body


# The lexicon

SAID = ("这个小金库有点虚", "小金库能用吗", "小金库能用吗", "我们去看小金库存车吧", "你好")


async def spoke(stage, texts=SAID):
    now = stage.clock.now()
    sql = """insert into messages (id, customer, who, member, text, at, source)
        values (:id, 'wang', 'customer', 'zhang', :text, :at, 'archive')"""
    await ask(stage, lambda db: db.many(sql, [
        {"id": f"said-{n}", "text": text, "at": now - timedelta(minutes=n)}
        for n, text in enumerate(texts)]))  # fmt: skip


def words_form(*found, **more):
    return {"words": "\n".join(found), "kind": "concern", "concern": "finance", "sign": "-1",
            **more}  # fmt: skip


@pytest.mark.parametrize(("found", "said"), [
    ((), "还没有写词"), (("贵",), "只有一个字"), (("好" * 21,), "太长"), (("(a|b",), "要成对"),
    (("小金库…",), "夹在两段字中间"), (("，。！",), "要有字"),
    (tuple(f"词语{n}" for n in range(21)), "一次最多20个"),
])  # fmt: skip
def test_what_is_wrong_with_words_is_said_plainly(found, said):
    with pytest.raises(Refused, match=re.escape(said)):
        words.rule(words_form(*found))


@pytest.mark.parametrize(("form", "rule"), [
    (words_form("小金库"), Rule("cue", ("小金库",), "finance", -1)),
    (words_form("小金库", "小金库", sign="0"), Rule("topic", ("小金库",), "finance")),
    (words_form("去瞅瞅", kind="intent", intent="visit"), Rule("intent", ("去瞅瞅",), "visit")),
    (words_form("贵妃", kind="shadow"), Rule("shadow", ("贵妃",))),
])  # fmt: skip
def test_a_form_is_a_rule(form, rule):
    assert words.rule(form) == rule


@pytest.mark.parametrize("form", [words_form("小金库", kind="about"),
                                  words_form("小金库", concern="none"),
                                  words_form("小金库", kind="intent", intent="none")])  # fmt: skip
def test_a_form_that_nobody_was_given_is_no_rule(form):
    with pytest.raises(Refused, match="请选"):
        words.rule(form)


async def test_words_are_tried_on_what_was_said_and_nothing_is_written(door):
    await spoke(door.stage)
    visit = await door()
    await visit.get("lexicon")

    status, page = await send(visit, "lexicon", words_form("小金库"), "look")

    assert status == 200
    assert re.search(r"\d+条客户的话里，4条会变", page)
    assert "“<mark>小金库</mark>能用吗” ×2" in page
    assert "<ins>金融（担心）</ins>" in page
    assert "可能误伤" in page
    assert "没有和已有的规则矛盾" in page
    assert list(door.folder.iterdir()) == []


@pytest.mark.parametrize(("word", "said"), [
    ("后排太小", "1条里有这些词，读法都不变"), ("大提琴", "历史里没有人这样说过"),
])  # fmt: skip
async def test_words_that_change_nothing_say_why(door, word, said):
    await spoke(door.stage, ("后排太小", "你好"))
    visit = await door()
    await visit.get("lexicon")
    form = words_form(word, concern="space")

    assert said in (await send(visit, "lexicon", form, "look"))[1]


async def test_words_inside_longer_ones_are_a_hint_of_false_alarms(door):
    await spoke(door.stage, ("价格高低差多少", "你好"))
    visit = await door()
    await visit.get("lexicon")
    _, page = await send(visit, "lexicon", words_form("价格高", concern="range"), "look")

    assert "只是更长的词的一部分，例如“价格高低差多少”" in page


async def test_words_that_are_known_or_contradict_are_said(door):
    visit = await door()
    await visit.get("lexicon")

    _, page = await send(visit, "lexicon", words_form("价格高", concern="price"), "look")
    _, other = await send(visit, "lexicon", words_form("价格高", concern="range"), "look")

    assert "“价格高”已经读得出来（price.dear）" in page
    assert "“价格高”同时属于 price.dear、新加的这条" in other
    assert "cue" not in other.split("请看一眼")[1].split("</section>")[0]


async def test_taken_words_are_heard_at_once_and_can_be_withdrawn(door):
    stage, visit = door.stage, await door()
    await visit.get("lexicon")

    status, _ = await send(visit, "lexicon", words_form("小金库"), "add")
    assert (status, read(stage, "小金库能用吗")) == (303, [("finance", -1)])
    _, page = await visit.get("lexicon")
    assert "小金库" in page
    await send(visit, "lexicon", {"what": "withdraw", "id": "own.1"}, "")

    assert read(stage, "小金库能用吗") == []
    assert await audited(stage) == ["console lexicon accepted cue", "console lexicon own.1"]
    gone, _ = await send(visit, "lexicon", {"what": "withdraw", "id": "own.1"}, "")
    assert gone == 404


def read(stage, text):
    found = stage.running.app.ctx(None, "t", stage.clock.now()).read(text)
    return [(c.code, c.polarity) for c in found.concerns]


async def test_without_a_folder_words_can_be_tried_but_not_taken(door):
    running = door.stage.running
    running.config = Config()
    visit = await door()
    _, page = await visit.get("lexicon")
    assert "[nlp] 里写 lexicon" in page

    _, looked = await send(visit, "lexicon", words_form("小金库"), "look")
    status, page = await send(visit, "lexicon", words_form("小金库"), "add")

    assert "条会变" in looked
    assert (status, "没有采用" in page) == (409, True)
    assert "小金库" in fields_of(page)["words"]


async def corrected(stage, text="这个保养套餐不贵吧", evidence="贵", n=1):
    made = corrections.Correction(
        id=f"c{n}", customer="wang", member="zhang", at=stage.clock.now(), text=text,
        kind="concern", code="price", polarity=-1, evidence=evidence, rule="price.dear",
        right_code="", right_polarity=0, state=corrections.OPEN)  # fmt: skip
    await ask(stage, lambda db: corrections.add(db, made, ()))


async def test_a_correction_is_looked_at_and_taken_with_one_tap(door):
    stage = door.stage
    text = "这车太贵了点评说得对"
    await corrected(stage, text, "太贵")
    visit = await door()
    _, page = await visit.get("lexicon")
    assert "价格（担心） → 不是" in html.unescape(page)
    _, shown = await visit.get("lexicon", n="1")
    assert f"“{text}”" in shown
    assert "建议" in shown

    status, _ = await send(visit, "lexicon", {"what": "accept", "id": "1"}, "")

    assert status == 303
    assert ("price", -1) not in read(stage, text)
    assert await ask(stage, lambda db: corrections.of_state(db, corrections.OPEN)) == []
    assert (await visit.get("lexicon", n="1"))[0] == 404


async def test_a_correction_that_is_not_taken_leaves_the_lexicon(door):
    await corrected(door.stage)
    visit = await door()
    await visit.get("lexicon")
    await send(visit, "lexicon", {"id": "1"}, "reject")

    assert await ask(door.stage, lambda db: corrections.of_state(db, corrections.OPEN)) == []
    assert list(door.folder.iterdir()) == []


async def test_rules_that_never_fired_are_listed(door):
    visit = await door()
    await visit.get("lexicon", **{"as": "csv", "table": "dead"})
    dead = {row[0] for row in rows_of(visit.body)[1:]}
    hit = {row["rule"] for row in await ask(door.stage, lambda db: db.rows(
        "select rule from rule_hits"))}  # fmt: skip

    assert dead == set(door.stage.running.app.knowledge.lexicon.rules) - hit


def test_withdrawing_leaves_the_rest_of_the_file_as_it_stands(tmp_path):
    config = parse('[nlp]\nlexicon = "lex"\n', tmp_path / "config.toml")
    for word in ("小金库", "大金库", "老金库"):
        teaching.accept(config, (Rule("cue", (word,), "finance", -1),), f"加 {word}")
    path = tmp_path / "lex" / "own.toml"
    before = path.read_text("utf-8")

    teaching.withdraw(config, "own.2")

    after = path.read_text("utf-8")
    assert [(name, rule.words) for name, rule in teaching.own(config)] == [
        ("own.1", ("小金库",)), ("own.3", ("老金库",))]  # fmt: skip
    assert "# 加 老金库" in after
    assert len(before.splitlines()) - len(after.splitlines()) >= 5


# Settings


def test_every_documented_setting_stands_on_the_page():
    rows, wrong = setup.settings(Config())
    keys = {row.key for row in rows}
    documented = re.findall(r"^\| `([\w.]+)` \|", (ROOT / "docs/settings.md").read_text("utf-8"),
                            re.M)  # fmt: skip

    optional = {"app", "contact", "kf", "archive", "aibot"}
    missing = [key for key in documented if key not in keys and key.split(".")[0] not in keys
               and not (key.startswith("wecom.") and key.split(".")[1] in optional)
               and ".".join(key.split(".")[:2]) not in keys]  # fmt: skip
    assert (missing, wrong) == ([], "")
    assert [row.key for row in rows if not row.group] == []


async def test_a_setting_tells_where_it_comes_from_and_never_a_secret(door, tmp_path, monkeypatch):
    monkeypatch.setenv("APP_SECRET", "canary-1")
    text = ('[wecom]\ncorp_id = "ww1"\n[wecom.app]\nagent_id = 1\nsecret = "env:APP_SECRET"\n'
            'token = "canary-2"\nencoding_aes_key = "canary-3"\n[[webhooks]]\nname = "群"\n'
            'url = "https://canary-4"\n[storage]\nurl = "postgresql://u:canary-5@h/d"\n'
            "[tiers]\nwindow_h_days = 9\n")  # fmt: skip
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    door.stage.running.config = parse(text, file)
    visit = await door()
    found = {row[0]: row for row in await settings_rows(visit)}
    _, page = await visit.get("settings")

    assert found["tiers.window_h_days"][1:4] == ["9", "7", "config.toml 第14行"]
    assert found["tiers.window_a_days"][3] == "默认"
    assert found["wecom.app.secret"][1:4:2] == ["已设置", "环境变量 APP_SECRET"]
    assert found["tiers.window_h_days"][5] == "[tiers] window_h_days = 9"
    assert "canary" not in page + str(found)


async def settings_rows(visit):
    _, page = await visit.get("settings")
    names = sorted(set(re.findall(r'<section id="(part\d+)"', page)))
    rows = []
    for name in names:
        await visit.get("settings", **{"as": "csv", "table": name})
        rows += rows_of(visit.body)[1:]
    return rows


async def test_a_file_that_was_changed_since_says_what_a_restart_brings(door, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("[tiers]\nwindow_h_days = 9\n", encoding="utf-8")
    door.stage.running.config = parse(file.read_text("utf-8"), file)
    visit = await door()
    file.write_text("[tiers]\nwindow_h_days = 12\n", encoding="utf-8")
    found = {row[0]: row for row in await settings_rows(visit)}
    assert "文件已改成 12，重启后生效" in found["tiers.window_h_days"][3]

    file.write_text("[tiers]\nwindow_x_days = 12\n", encoding="utf-8")
    _, page = await visit.get("settings")
    assert "文件现在有错" in page
    assert "是不是 window_" in page


async def test_settings_are_searched_and_lead_to_what_if(door):
    visit = await door()
    _, page = await visit.get("settings", q="window_h")

    assert "tiers.window_h_days" in page
    assert "window_a_days" not in page
    assert 'href="/console/whatif?given=tiers.window_h_days"' in page


# What if


async def test_what_if_begins_with_the_value_of_now(door):
    visit = await door()
    _, page = await visit.get("whatif", given="tiers.window_h_days")

    assert fields_of(page)["given"] == "tiers.window_h_days=7"


async def test_what_if_names_who_moves_to_their_manager_alone(door):
    manager, operator = await door("chen"), await door("opera")
    query = {"given": "tiers.window_h_days=30", "ago": "30"}
    before = await ask(door.stage, whole)

    _, page = await manager.get("whatif", **query)
    _, other = await operator.get("whatif", **query)

    assert "谁会变" in page
    assert re.search(r"先生|女士", page)
    assert "customer?id=" in page
    assert not re.search(r"先生|女士|customer\?id", other)
    assert "您看不到姓名" in other
    assert re.search(r"用了 \d+\.\d 秒", page)
    assert await ask(door.stage, whole) == before


def whole(db) -> list[Row]:
    return db.rows("select id, tier, level, tier_reason from customers order by id")


async def test_what_if_says_when_it_took_only_some(door, monkeypatch):
    monkeypatch.setattr("handlers.console.iffy.SEEN", 5)
    visit = await door("chen")
    _, page = await visit.get("whatif", given="tiers.window_h_days=30")

    assert "取了5位来算" in page


@pytest.mark.parametrize("given", ["tiers.nothing=1", "server.port=1", "tiers.window_h_days=x"])
async def test_what_cannot_be_tried_is_said(door, given):
    visit = await door("chen")
    status, page = await visit.get("whatif", given=given)

    assert (status, "不能这样试" in page) == (200, True)


# SOP


async def test_a_manager_sees_a_month_of_plans_and_turns_them(door):
    stage = door.stage
    visit = await door("chen")
    await visit.get("sop", **{"as": "csv", "table": "plans"})
    assert {row[0]: row[1] for row in rows_of(visit.body)}["试驾后5天"] == "停着"
    await visit.get("sop")

    status, _ = await visit.post("sop", token=visit.token, what="on", id="试驾后5天")
    assert (status, visit.answer.headers["Location"]) == (303, "/console/sop?done=started")
    await walks(stage, "wang", "试驾后5天")
    _, page = await visit.get("sop", day="2026-03-06")
    assert "王女士" in page
    assert re.search(r'class="entry[^>]*>.*?试驾后5天 <small>1位 · 第1步', page)
    assert 'href="/console/sop?day=2026-03-06#day"' in page
    _, brand = await (await door("brand")).get("sop", day="2026-03-06")
    assert "王女士" not in brand
    assert "客户1" in brand
    assert "<button>停止</button>" not in brand

    await visit.post("sop", token=visit.token, what="off", id="试驾后5天")
    assert (await ask(stage, lambda db: sop.open_of(db, "wang"))) == []
    assert await audited(stage) == ["console export plans 6", "console sop on 试驾后5天",
                                    "console sop off 试驾后5天"]  # fmt: skip


async def walks(stage, customer, plan):
    now = stage.clock.now()
    run = sop.Run("r1", customer, plan, "e", sop.RUNNING, 70, 0, now, now, now)
    await ask(stage, lambda db: sop.put(db, run))


async def test_a_manager_turns_plans_of_their_own_stores_only(door):
    stage, visit = door.stage, await door("chen")
    await visit.get("sop")
    await visit.post("sop", token=visit.token, what="on", id="试驾后5天")

    stores = {store for _, store in await ask(stage, sop.switches)}
    assert stores == {"bj-cy"}
    assert (await visit.post("sop", token=visit.token, what="on", id="没有"))[0] == 404


@pytest.mark.parametrize("who", ["brand", "opera"])
async def test_whoever_runs_no_store_turns_no_plan(door, who):
    visit = await door(who)
    await visit.get("sop")

    assert (await visit.post("sop", token=visit.token, what="on", id="试驾后5天"))[0] == 403
    assert await ask(door.stage, sop.switches) == {}


@pytest.mark.parametrize("query", [{"month": "x"}, {"month": "2020-01"}, {"month": "2026-05"}])
async def test_only_the_months_ahead_are_looked_at(door, query):
    status, page = await (await door("chen")).get("sop", **query)

    shown = "2026年5月" if query["month"] == "2026-05" else "2026年3月"
    assert (status, f"<h2>{shown}</h2>" in page) == (200, True)


async def test_a_day_that_is_none_is_not_found(door):
    assert (await (await door("chen")).get("sop", day="2026-13-40"))[0] == 404


# 运行


async def test_an_operator_stops_a_way_and_lifts_it(door):
    stage = door.stage
    both(stage)
    visit = await door("chen")
    await visit.get("operations")
    form = {"way": "app", "why": "发错了", "sure": "yes"}

    assert (await send(visit, "operations", form, "stop"))[0] == 303
    held = await ask(stage, stops.on)
    assert [(one.way, one.by_whom, one.why) for one in held] == [("app", "chen", "发错了")]
    _, page = await visit.get("operations")
    assert "应用正在急停" in page
    assert "急停中" in page
    await send(visit, "operations", {"way": "app"}, "go")
    await stage.running.app.idle()

    assert await ask(stage, stops.on) == []
    told = [i["text"] for i in stage.pretend.received() if i["to"] == "chen"]
    assert [text[:4] for text in told] == ["🛑 陈静", "已恢复发"]
    assert await audited(stage) == ["console pause app", "console resume app"]


@pytest.mark.parametrize("form", [{"sure": "yes"}, {"why": "x"}, {"why": " ", "sure": "yes"}])
async def test_stopping_wants_a_reason_and_a_second_look(door, form):
    visit = await door()
    await visit.get("operations")
    status, page = await send(visit, "operations", {"way": "*", **form}, "stop")

    assert (status, "急停要写为什么" in page) == (409, True)
    assert await ask(door.stage, stops.on) == []


async def test_there_is_no_other_way_to_stop(door):
    visit = await door()
    await visit.get("operations")
    form = {"way": "moon", "why": "x", "sure": "yes"}

    assert (await send(visit, "operations", form, "stop"))[0] == 404
    assert (await send(visit, "operations", {**form, "way": "app"}, "jump"))[0] == 404


async def test_the_audit_is_checked_on_demand(door):
    visit = await door()
    await visit.get("library", **{"as": "csv", "table": "library"})
    assert "审计链完好" in (await visit.get("operations", do="check"))[1]
    await ask(door.stage, lambda db: db.run("update audit set what = 'nothing' where seq = 1"))

    assert "从第1条起被改动过" in (await visit.get("operations", do="check"))[1]


async def test_what_is_off_says_why(door):
    visit = await door()
    await visit.get("operations", **{"as": "csv", "table": "surfaces"})
    found = {row[0]: row[1:3] for row in rows_of(visit.body)[1:]}

    assert found["会话存档"] == ["关", "没有写 [wecom.archive]"]
    assert found["自建应用"][0] == "开"


def test_a_backup_is_remembered_with_its_age(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('[storage]\nurl = "sqlite:///s.db"\n', encoding="utf-8")
    run = CliRunner().invoke
    run(main, ["--config", str(file), "migrate"], catch_exceptions=False)
    done = run(main, ["--config", str(file), "backup", str(tmp_path / "copy.db")])
    assert done.exit_code == 0, done.output

    from storage.sqlite import Sqlite

    db = Sqlite(tmp_path / "s.db")
    assert console.last_backup(db)["bytes"] == (tmp_path / "copy.db").stat().st_size
    db.close()


async def test_an_old_backup_is_a_warning(door):
    now, visit = door.stage.clock.now(), await door()
    assert "没有记录" in (await visit.get("operations"))[1]
    await ask(door.stage, lambda db: console.backed_up(db, 2_000_000, now - timedelta(days=9)))
    assert '<li class="warn"><span>备份</span><b>9天前' in (await visit.get("operations"))[1]
    await ask(door.stage, lambda db: console.backed_up(db, 2_000_000, now - timedelta(hours=3)))
    assert "<b>3小时前</b>" in (await visit.get("operations"))[1]


async def test_hostile_words_are_only_text_on_every_page_of_the_operator(door):
    stage = door.stage
    await ask(stage, lambda db: spoil(db, stage.clock.now()))
    both(stage)
    for n, text in enumerate(HOSTILE[:5]):
        await corrected(stage, text, text, n)
        way, at = stops.WAYS[n], stamp(stage.clock.now())
        await ask(stage, lambda db, way=way, text=text, at=at: db.run(
            "insert into stops (way, by_whom, why, at) values (:w, :t, :t, :at)",
            w=way, t=text, at=at))  # fmt: skip
    visit = await door("chen")

    for name in ("library", "script", "lexicon", "settings", "whatif", "operations"):
        status, page = await visit.get(name, q=HOSTILE[0], given=HOSTILE[1], n="")
        assert status == 200, name
        assert "<script>window" not in page
        assert "<img" not in page


def test_one_file_is_written_by_one_at_a_time():
    assert Setup(Config).turn.locked() is False


async def test_who_wrote_a_script_does_not_publish_it_where_there_are_two(door):
    both(door.stage, "wen")
    writer, other = await door(), await door("wen")
    form = await typed(writer, "script") | {"title": "大提琴", "body": "欢迎带琴来试。"}
    await send(writer, "script", form, "review")
    at = writer.answer.headers["Location"].removeprefix("/console/")
    key = re.search(r"key=([\w-]+)", at)[1]

    status, page = await send(writer, "script", await typed(writer, at), "publish")
    assert (status, "这一版是您写的" in page, "请wen看一遍" in page) == (409, True, True)
    assert "opera写的，要wen审核" in (await writer.get(at))[1]

    status, page = await send(other, "script", await typed(other, at), "publish", body="改了一句。")
    assert (status, "审核时又改了内容" in page) == (409, True)
    await send(other, "script", await typed(other, at), "publish")
    assert (await stored(door.stage, key)).status == library.LIVE

    status, page = await send(other, "script", await typed(other, at), "save", body="再改一句。")
    assert (status, "改了要另一位审核" in page) == (409, True)
    await send(other, "script", await typed(other, at), "review", body="再改一句。")
    status, _ = await send(other, "script", await typed(other, at), "publish")
    assert (status, (await stored(door.stage, key)).status) == (409, library.REVIEW)
    await send(writer, "script", await typed(writer, at), "publish")
    assert (await stored(door.stage, key)).body == "再改一句。"

    early = f"{at.partition('&')[0]}&at=1"  # as it waited for review, published by nobody
    status, page = await send(other, "script", await typed(other, early), "restore")
    assert (status, "第1版没有发布过" in page) == (409, True)
