"""salesbot scripts: what an operator sees from the table that comes in to the draft of a gap."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.clock import WallClock
from bot.commands import scripts as commands
from handlers import library
from scriptbank import tables
from scriptbank.script import Script
from storage import customers, scripts
from storage.customers import Customer
from storage.sqlite import Sqlite

ONE = Script(id="s1", title="冬天续航", body="冬天要打些折扣，我给您看实测。", stage="产品介绍",
             q="冬天续航怎么样", also=("冬天掉电吗",))  # fmt: skip
TWO = replace(ONE, id="s2", title="充电", q="怎么充电", also=(), body="我帮您看看小区能不能装桩。")
BLOCKED = replace(ONE, id="s3", title="第一", body="我们是全国第一品牌。")


class Office:
    """An operator at the command line, in a folder with a configuration and a store."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "config.toml").write_text("")
        self("migrate")

    def __call__(self, *words, stdin=None, code=0):
        done = CliRunner().invoke(main, [str(w) for w in words], input=stdin)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == code, done.output
        return done

    def table(self, name, *found):
        tables.write(self.folder / name, found)
        return name

    def store(self):
        return Sqlite(self.folder / "var" / "salesbot.db")

    def titles(self):
        store = self.store()
        found = {s.id: (s.title, s.status) for s in library.stored(store)}
        store.close()
        return found


@pytest.fixture
def office(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Office(tmp_path)


@pytest.fixture
def filled(office):
    office("scripts", "import", office.table("a.csv", ONE, TWO))
    return office


# Two pairs of eyes


@pytest.fixture
def two(office):
    (office.folder / "config.toml").write_text('[access]\noperators = ["lihua", "wangfang"]\n')
    return office


def test_what_is_imported_waits_for_a_second_person(two):
    name = two.table("a.csv", ONE, TWO)
    assert "没写是谁" in two("scripts", "import", name, code=1).stderr
    assert two.titles() == {}

    said = two("scripts", "import", name, "--by", "lihua").output
    assert "等另一位运营审核，先不用 2 条" in said
    assert "salesbot scripts approve --by" in said
    assert {status for _, status in two.titles().values()} == {"待审"}

    assert "没写是谁" in two("scripts", "approve", code=1).stderr
    for by in ("gong", "命令行"):
        assert f"没有叫 {by} 的运营" in two("scripts", "approve", "--by", by, code=1).stderr
    mine = two("scripts", "approve", "--by", "lihua", code=1).output
    assert "没有发布 2 条" in mine
    assert "这一版是您写的，要另一位来审核：请wangfang看一遍再发布" in mine
    assert "发布 2 条。" in two("scripts", "approve", "--by", "wangfang").output
    assert {status for _, status in two.titles().values()} == {"发布"}
    assert "没有待审的话术" in two("scripts", "approve", "--by", "wangfang").output


def test_a_published_one_that_is_changed_goes_back_to_review(two):
    two("scripts", "import", two.table("a.csv", ONE), "--by", "lihua")
    two("scripts", "approve", "--by", "wangfang")

    two("scripts", "import", two.table("b.csv", replace(ONE, body="新的正文")), "--by", "wangfang")

    assert two.titles()["s1"][1] == "待审"
    assert "您写的" in two("scripts", "set", "s1", "发布", "--by", "wangfang", code=1).stderr
    assert "没写是谁" in two("scripts", "set", "s1", "发布", code=1).stderr
    two("scripts", "set", "s1", "发布", "--by", "lihua")
    assert two.titles()["s1"][1] == "发布"
    two("scripts", "set", "s1", "停用")  # that is anybody's
    versions = json.loads(two("scripts", "versions", "s1", "--json").stdout)
    assert [one["by"] for one in versions] == ["命令行", "lihua", "wangfang", "wangfang", "lihua"]


def test_what_the_guard_blocks_is_left_when_the_rest_goes_out(two):
    two("scripts", "import", two.table("a.csv", ONE, BLOCKED), "--by", "lihua")

    said = two("scripts", "approve", "--by", "wangfang", code=1).output

    assert "发布 1 条。" in said
    assert "“第一”不能发布" in said
    assert (two.titles()["s1"][1], two.titles()["s3"][1]) == ("发布", "待审")


def test_the_library_that_ships_needs_no_second_person(two):
    two("scripts", "import")

    assert "发布" in {status for _, status in two.titles().values()}


@pytest.mark.parametrize("operators", ["[]", '["lihua"]'])
def test_whoever_is_named_is_an_operator_even_where_one_pair_of_eyes_is_enough(office, operators):
    (office.folder / "config.toml").write_text(f"[access]\noperators = {operators}\n")
    name = office.table("a.csv", ONE)

    for words in (("import", name), ("approve",), ("set", "s1", "停用"), ("rollback", "s1", "1")):
        said = office("scripts", *words, "--by", "gong", code=1).stderr
        assert "没有叫 gong 的运营" in said
        assert "lihua" in said or "access.operators" in said
    office("scripts", "import", name)
    assert office.titles()["s1"][1] == "发布"


# Import and undo


def test_the_preview_names_what_is_new_changed_and_missing(filled):
    name = filled.table("b.csv", replace(ONE, title="冬季续航", body="新的正文"), BLOCKED)

    done = filled("scripts", "import", name, "--dry-run")

    assert "新增 1 条：\n  s3 第一" in done.stdout
    assert "改动 1 条：\n  s1 冬天续航：标题、话术正文" in done.stdout
    assert "文件里没有（不动；要停用加 --remove） 1 条：\n  s2 充电" in done.stdout
    assert "有不能发的话，先进待审 1 条：\n  s3 第一" in done.stdout
    assert filled.titles().keys() == {"s1", "s2"}


def test_a_long_preview_is_cut(office):
    many = [replace(ONE, id=f"n{n}") for n in range(13)]

    done = office("scripts", "import", office.table("a.csv", *many), "--dry-run")

    assert "另有 3 条" in done.stdout


def test_what_the_file_lacks_is_stopped_only_when_asked(filled):
    filled("scripts", "import", filled.table("b.csv", ONE))
    assert filled.titles()["s2"] == ("充电", "发布")

    done = filled("scripts", "import", "b.csv", "--remove")

    assert "停用 1 条。" in done.stdout
    assert filled.titles()["s2"] == ("充电", "停用")


def test_an_import_is_taken_back_as_a_whole(filled):
    before = filled.titles()
    done = filled("scripts", "import", filled.table("b.csv", replace(ONE, title="改"), BLOCKED),
                  "--remove")  # fmt: skip

    back = filled("scripts", "undo")

    assert "要撤销这次导入：salesbot scripts undo" in done.stdout
    assert "已撤销导入“b.csv”：恢复 2 条，去掉 1 条。" in back.stdout
    assert filled.titles() == before


def test_what_was_changed_since_is_named_and_left_alone(filled):
    filled("scripts", "set", "s1", "停用")

    back = filled("scripts", "undo")

    assert "又改过的 1 条没有动：s1" in back.stdout
    assert filled.titles() == {"s1": ("冬天续航", "停用")}


def test_without_an_import_there_is_nothing_to_undo(office):
    assert "没有可以撤销的导入" in office("scripts", "undo", code=1).stderr


@pytest.mark.parametrize(("answer", "imported"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_at_a_terminal_the_operator_is_asked(office, monkeypatch, answer, imported):
    monkeypatch.setattr(commands, "at_terminal", lambda: True)

    done = office("scripts", "import", office.table("a.csv", ONE), stdin=answer)

    assert "导入吗？" in done.stderr
    assert bool(office.titles()) == imported


def test_yes_is_not_asked_and_neither_is_what_changes_nothing(filled, monkeypatch):
    monkeypatch.setattr(commands, "at_terminal", lambda: True)

    same = filled("scripts", "import", "a.csv")
    more = filled("scripts", "import", filled.table("b.csv", BLOCKED), "--yes")

    assert "没变 2。" in same.stdout
    assert "导入吗" not in same.stderr + more.stderr


def test_the_preview_for_programs(filled):
    name = filled.table("b.csv", replace(ONE, title="改"), BLOCKED)

    dry = json.loads(filled("scripts", "import", name, "--dry-run", "--json").stdout)
    done = json.loads(filled("scripts", "import", name, "--json").stdout)

    assert dry == {
        "new": ["s3"], "changed": [{"id": "s1", "fields": ["title"]}], "removed": ["s2"],
        "unchanged": 0, "held": ["s3"], "wait": [], "copies": [],
        "applied": False,
    }  # fmt: skip
    assert done == {**dry, "applied": True}


@pytest.fixture
def broken(office):
    tables.write(office.folder / "a.csv", [ONE, TWO])
    text = (office.folder / "a.csv").read_text(encoding="utf-8-sig")
    wrong = text.replace("产品介绍", "没有的阶段", 1)
    (office.folder / "a.csv").write_text(wrong, encoding="utf-8")
    return office


def test_errors_come_back_in_a_marked_copy(broken):
    plain = broken("scripts", "import", "a.csv", code=1)
    done = broken("scripts", "import", "a.csv", "--marked", "错误.xlsx", code=1)

    assert "第2行 “阶段”：看到“没有的阶段”" in done.stderr
    assert "标好的副本：错误.xlsx" in done.stderr
    assert "--marked" in plain.stderr
    raw = (broken.folder / "错误.xlsx").read_bytes()
    assert raw.startswith(b"PK")
    assert broken.titles() == {}


def test_a_copy_that_cannot_be_written_is_told(broken):
    done = broken("scripts", "import", "a.csv", "--marked", "no/such/x.xlsx", code=1)

    assert "写不进" in done.stderr


def test_a_file_that_is_no_table_needs_no_copy(office):
    (office.folder / "a.toml").write_text('[[script]]\nid = "x"\n', encoding="utf-8")

    done = office("scripts", "import", "a.toml", "--marked", "x.xlsx", code=1)

    assert "副本" not in done.stderr
    assert not (office.folder / "x.xlsx").exists()


# Versions and status


def test_versions_and_their_difference(filled):
    filled("scripts", "import", filled.table("b.csv", replace(ONE, body="新的正文\n第二行"), TWO))

    found = json.loads(filled("scripts", "versions", "s1", "--json").stdout)
    shown = filled("scripts", "diff", "s1").stdout
    other = json.loads(filled("scripts", "diff", "s1", "2", "1", "--json").stdout)

    assert [(v["version"], v["why"], v["changed"]) for v in found] == [
        (2, "导入 b.csv", "话术正文"), (1, "导入 a.csv", ""),
    ]  # fmt: skip
    assert shown == (
        "s1 第1版 → 第2版\n话术正文\n  - 冬天要打些折扣，我给您看实测。\n  + 新的正文\n  + 第二行\n"
    )
    assert other == [{"field": "body", "was": "新的正文\n第二行", "now": ONE.body}]
    assert "导入 b.csv" in filled("scripts", "versions", "s1").stdout


def test_a_script_of_one_version_differs_from_nothing(filled):
    assert "没有差别" in filled("scripts", "diff", "s1").stdout


def test_rolling_back(filled):
    filled("scripts", "import", filled.table("b.csv", replace(ONE, title="改"), TWO))

    done = filled("scripts", "rollback", "s1", "1")

    assert "已回到第1版的内容，记为第3版" in done.stdout
    assert filled.titles()["s1"] == ("冬天续航", "发布")


NOT_THERE = [
    ("versions", "s9"), ("diff", "s9"), ("diff", "s1", "1", "7"), ("rollback", "s1", "7"),
    ("rollback", "s9", "1"), ("set", "s9", "停用"), ("draft", "1"),
]  # fmt: skip


@pytest.mark.parametrize("words", NOT_THERE, ids=" ".join)
def test_what_is_not_there_is_told_in_one_sentence(filled, words):
    done = filled("scripts", *words, code=1)

    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_the_guard_stands_before_publishing(office):
    office("scripts", "import", office.table("a.csv", BLOCKED))

    done = office("scripts", "set", "s3", "发布", code=1)

    assert "不能发布：“全国第一”" in done.stderr
    assert "（" in done.stderr
    assert office.titles()["s3"] == ("第一", "待审")


def test_from_review_to_the_customers_and_back(filled):
    for status in ("待审", "发布", "停用"):
        assert f"现在是{status}" in filled("scripts", "set", "s1", status).stdout

    filled("scripts", "set", "s1", "卖光", code=2)


# Gaps


@pytest.fixture
def asked(filled):
    """Three questions about wheels, one of which was answered, and one about a colour."""
    store = filled.store()
    now = WallClock().now() - timedelta(hours=5)
    customers.add(store, Customer(id="wang", name="王女士", owner="zhang", added_at=now))
    questions = ("可以改装轮毂吗", "能不能改装轮毂", "可以改装轮毂吗", "有没有香槟色")
    for n, question in enumerate(questions):
        scripts.gap(store, gap_id=f"g{n}", question=question, advisor="zhang", reason="匹配不足",
                    now=now, customer="wang" if n == 1 else "")  # fmt: skip
    customers.said(store, msg_id="m", customer_id="wang", who="advisor", member="zhang",
                   text="王女士，原厂可以选装21寸轮毂。", now=now + timedelta(minutes=3),
                   source="archive")  # fmt: skip
    store.close()
    return filled


def test_gaps_are_shown_in_clusters_with_what_there_is_to_answer(asked):
    first, second = json.loads(asked("scripts", "gaps", "--json").stdout)

    assert (first["n"], first["times"], first["question"]) == (1, 3, "可以改装轮毂吗")
    assert first["examples"] == ["能不能改装轮毂"]
    assert first["answer"] == "{客户称呼}，原厂可以选装21寸轮毂。"
    assert {"reason", "nearest", "score"} <= first.keys()
    assert second["question"] == "有没有香槟色"
    assert "scripts draft" in asked("scripts", "gaps").stdout


def test_a_gap_is_made_a_draft_reviewed_and_published(asked):
    done = asked("scripts", "draft", "1")
    made = done.stdout.split()[1].partition("：")[0]

    asked("scripts", "set", made, "发布", code=1)
    asked("scripts", "set", made, "待审")
    asked("scripts", "set", made, "发布")

    assert asked.titles()[made] == ("可以改装轮毂吗", "发布")
    left = json.loads(asked("scripts", "gaps", "--json").stdout)
    assert [g["question"] for g in left] == ["有没有香槟色"]


def test_a_draft_without_an_answer_goes_out_and_in_but_not_to_customers(asked):
    made = asked("scripts", "draft", "2").stdout.split()[1].partition("：")[0]
    asked("scripts", "set", made, "待审")

    refused = asked("scripts", "set", made, "发布", code=1)
    asked("scripts", "export", "out.xlsx")
    back = asked("scripts", "import", "out.xlsx")

    assert "正文还没写" in refused.stderr
    assert "新增 0，改动 0" in back.stdout
