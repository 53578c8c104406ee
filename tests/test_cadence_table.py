"""A company's own rows of the cadence: in the place of those that ship, before them, or without."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from handlers import cadence, cadence_table
from handlers.cadence_table import CadenceError
from storage import followups

DOC = Path(__file__).parents[1] / "docs" / "cadence.md"
OWN = re.search(r"```toml\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)[1]


def write(path, *changes, text=OWN):
    for was, becomes in changes:
        assert was in text
        text = text.replace(was, becomes, 1)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def own(tmp_path, talk):
    """The rows that the document shows, as the company's own."""
    path = write(tmp_path / "cadence-own.toml")
    table = {"followups": talk.settings.followups.model_copy(update={"table": str(path)})}
    talk.settings = talk.settings.model_copy(update=table)
    return talk


def owed(talk):
    return {f.rule: f.due_at.astimezone(talk.ctx().zone).strftime("%d %H:%M")
            for f in followups.open_of(talk.db, "wang") if f.kind != "cadence"}  # fmt: skip


def test_own_rows_are_owed_explained_and_ended_like_those_that_ship(own):
    own.says("zhang", "记录 王女士 到店")
    assert owed(own) == {"visit.thanks": "06 11:00", "visit.call": "07 15:00"}  # its own hour

    own.says("zhang", "记录 王女士 周日下午3点到店")  # high
    own.says("zhang", "记录 王女士 试驾")
    assert owed(own)["drive.album"] == "07 10:00"
    sent = [a for a in own.wait(days=1, hours=2) if "王女士" in str(a)]
    assert "昨天试驾的照片修好了，发给客户" in str(sent)
    own.says("zhang", "记录 王女士 退单")
    assert "drive.album" not in owed(own)

    own.says("zhang", "记录 王女士 交付")
    assert "owner.day3" not in owed(own)
    assert {"owner.day1", "owner.day7", "owner.day30"} <= owed(own).keys()


def test_why_names_the_own_row(own):
    own.says("zhang", "记录 王女士 昨天上午10点到店")
    own.wait(hours=7)
    own.says("zhang", "待办")

    own.says("zhang", "为什么 1")

    assert "visit.call" in own.texts()


def test_a_cycle_of_ones_own_is_asked_first_and_may_tell_its_days(tmp_path, talk):
    text = """[[row]]
name = "cycle.weekly"
moment = "cycle"
kind = "cadence"
label = "每周一联"
levels = ["N"]
due = "9d"
reason = "还没判断级别，每{days}天联系一次"
stage = "二次触达"
words = ["客户没回第二次怎么联系"]
"""
    path = write(tmp_path / "own.toml", text=text)
    table = {"followups": talk.settings.followups.model_copy(update={"table": str(path)})}
    talk.settings = talk.settings.model_copy(update=table)

    found = cadence.pace(talk.customer("wang"), talk.ctx())

    assert (found.row.name, found.days) == ("cycle.weekly", 9)
    assert found.reason(talk.customer("wang")) == "还没判断级别，每9天联系一次"


WRONG = [
    ('moment = "到店"', 'moment = "到点"', 5, "moment 写的是 到点，应为其中之一：cycle、加微"),
    ('due = "1d 15:00"', 'due = "1d 25:00"', 8, "due 写的是 1d 25:00，应为 5m、2h、2d 或 2d 10:00"),
    ("until = 3", 'until = "三天"', 9, "until 写的是 三天，应为 0 到 36500 的整数（天）"),
    ('label = "离店回访"\n', "", 3, "这一行少了 label，请补上"),
    ('unless = "contact"', 'unless = "reply"', 21, "unless 写的是 reply，应为其中之一：spoke"),
    ('tiers = ["high", "mid"]', 'tiers = ["高"]', 22, "tiers 写的是 高，应为其中之一：high"),
    ('tiers = ["high", "mid"]', 'tiers = "high"', 22, "tiers 写的是 high，应为一组文字"),
    ('stage = "试驾邀约"', 'stage = "试驾"', 24, "stage 写的是 试驾，应为其中之一："),
    ('reason = "昨天', 'reason = "{name}昨天', 23, "花括号里只能是 {days}、{level}、{unanswered}"),
    ('name = "drive.album"', 'name = "visit.call"', 15, "前面已经有一行叫 visit.call，请换个名字"),
    ('label = "试驾照片"', 'label = "试驾照片"\nwhom = "全部"', 19, "没有 whom 这一项；可用的是"),
    ('without = ["owner.day3"]', 'without = ["owner.day4"]', 1, "owner.day4 不是自带的一行；有："),
    ('without = ["owner.day3"]', 'without = ["friend.first"]', 1, "friend.first 去不掉"),
    ('without = ["owner.day3"]', 'without = ["cycle.C"]', 29, "没有一行管 C 级的定期联系"),
    ('kinds = ["album"]', 'kinds = "album"', 29, "[[end]] 要写 moment 和 kinds"),
    ('without = ["owner.day3"]', "rows = 1", 1, "没有 rows 这一项；可用的是 [[row]]、[[end]]"),
    ("[[end]]", "[[end]", None, "不是合法的 TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("was", "becomes", "line", "told"), WRONG, ids=[w[3] for w in WRONG])
def test_what_is_wrong_is_told_with_file_line_and_cure(tmp_path, was, becomes, line, told):
    with pytest.raises(CadenceError) as raised:
        cadence_table.with_own(write(tmp_path / "own.toml", (was, becomes)))

    said = str(raised.value)
    assert told in said
    assert line is None or said.startswith(f"own.toml:{line} ")


def test_all_problems_are_told_at_once(tmp_path):
    path = write(tmp_path / "own.toml", ("until = 3", "until = -1"), ('"1d 10:00"', '"soon"'))

    with pytest.raises(CadenceError) as raised:
        cadence_table.with_own(path)

    assert len(str(raised.value).splitlines()) == 2


def test_a_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CadenceError, match="读不到节奏表 none"):
        cadence_table.with_own(tmp_path / "none.toml")


def test_from_the_command_line(demo_store, tmp_path):
    config = tmp_path / "config.toml"
    head = f'[storage]\nurl = "sqlite:///{demo_store}"\n[followups]\n'
    config.write_text(f'{head}table = "cadence-own.toml"\n', encoding="utf-8")
    path = write(tmp_path / "cadence-own.toml")

    def asked(*words, code=0):
        found = CliRunner().invoke(main, ["--config", str(config), "rules", *words])
        assert found.exit_code == code, found.output
        return found.output

    listed = {row["rule"]: row for row in json.loads(asked("list", "--json"))}
    assert listed["followup.drive.album"]["gives"] == "试驾照片"
    assert "followup.owner.day3" not in listed
    assert "节奏表没有错，和自带的合起来" in asked("lint", str(path))
    dry = ("dry-run", "cadence", "--json", "--at", "2026-03-06T09:00")
    held = {row["rule"]: row for row in json.loads(asked(*dry))}
    assert held["drive.album"]["was"] == held["drive.album"]["now"] > 0
    bare = tmp_path / "cadence-bare.toml"
    bare.write_text('without = ["drive.family"]\n', encoding="utf-8")
    tried = {row["rule"]: row for row in json.loads(asked(*dry, "--file", str(bare)))}
    assert tried["drive.album"]["now"] == 0 < tried["drive.album"]["was"]
    assert tried["drive.family"]["now"] == 0 < tried["drive.family"]["was"]
    write(path, ("until = 3", "until = -1"))
    cadence.table.cache_clear()
    assert "cadence-own.toml:9 until 写的是 -1" in asked("list", code=2)
