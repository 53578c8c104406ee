"""The company's own rule files while the program runs: taken up when right, told when wrong."""

import asyncio
import os

import pytest

from bot import library
from bot.app import Knowledge
from bot.reload import Watch
from bot.writer import Writer
from handlers import activities, audience, cadence, sop, winback
from handlers.group_plans import plan as group_plan
from handlers.settings import Settings
from scriptbank.bank import Bank
from storage.sqlite import Sqlite

PLAN = """name = "自己的"
priority = 10
trigger = { event = "到店" }

[[step]]
after = "2h"
do = "task"
text = "谢谢您来看车"
say = "道谢"
"""
REASON = """[[reason]]
id = "new-colour"
title = "新颜色"
words = "{客户称呼}，新颜色到店了"
"""
ACTIVITY = (activities.SHIPPED / "invite.toml").read_text(encoding="utf-8")
ROOM = (group_plan.FOLDER / "brand.toml").read_text(encoding="utf-8")
CADENCE = """[[row]]
name = "visit.photo"
moment = "到店"
kind = "photo"
label = "合影"
due = "1d 10:00"
reason = "把合影发给客户"
stage = "到店接待"
words = ["客户离店后发什么"]
"""
CROWD = """version = 7
[[audience]]
name = "近的"
added = { within = 3 }
"""


def write(path, text):
    """Each time a second later, so that no clock is waited for."""
    at = path.stat().st_mtime + 1 if path.exists() else 1
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (at, at))
    return path


@pytest.fixture
def own(tmp_path):
    """Settings that name a file of each kind, and how to read each as the program does."""
    plan = write(tmp_path / "plans" / "own.toml", PLAN)
    reason = write(tmp_path / "reasons.toml", REASON)
    template = write(tmp_path / "templates" / "own.toml", ACTIVITY)
    room = write(tmp_path / "rooms" / "own.toml", ROOM)
    steady = write(tmp_path / "cadence-own.toml", CADENCE)
    settings = Settings(sop={"plans": str(plan.parent)}, lost={"reasons": str(reason)},
                        group_sop={"plans": str(room.parent)}, followups={"table": str(steady)},
                        activities={"templates": str(template.parent)})  # fmt: skip
    folder, file, shapes = str(plan.parent), str(reason), str(template.parent)
    yield settings, {
        "plan": (plan, PLAN, lambda: next(p.priority for p in sop.known(folder)
                                          if p.name == "自己的")),
        "reason": (reason, REASON, lambda: winback.reasons(file)[0].title),
        "room": (room, ROOM, lambda: group_plan.own(str(room.parent))[0][0].priority),
        "template": (template, ACTIVITY, lambda: sorted(activities.templates(shapes))[0]),
        "cadence": (steady, CADENCE, lambda: cadence.table(str(steady)).rows[0].label),
    }  # fmt: skip
    sop.forget()
    winback.reasons.cache_clear()
    activities.templates.cache_clear()
    group_plan.own.cache_clear()
    cadence.table.cache_clear()


CHANGES = {
    "plan": ("priority = 10", "priority = 20", 20),
    "reason": ("新颜色", "新内饰", "新内饰"),
    "room": ("priority = 35", "priority = 36", 36),
    "cadence": ("合影", "照片", "照片"),
}
BROKEN = {
    "cadence": ("1d 10:00", "tomorrow", "节奏表有错，继续用旧的：cadence-own.toml:6 due 写的"),
    "plan": ('do = "task"', 'do = "shout"', "SOP 计划有错，继续用旧的：own.toml:7 step1.do"),
    "reason": ('title = "新颜色"', "", "召回理由有错，继续用旧的：reasons.toml:1 这条理由少了"),
    "room": ('do = "card"', 'do = "shout"', "社群计划有错，继续用旧的：own.toml:"),
    "template": ("days", "dates", "活动模板有错，继续用旧的：活动模板 own.toml 少了 days"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_taken_up_and_told_once(own, kind):
    settings, files = own
    path, text, shown = files[kind]
    watch = Watch.over(settings)
    was, becomes, value = CHANGES[kind]

    write(path, text.replace(was, becomes))

    (said,) = watch.look()
    assert said.endswith("已更新")
    assert shown() == value
    assert watch.look() == []


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_never_replaces_a_good_one_and_says_what_is_wrong(own, kind):
    settings, files = own
    path, text, shown = files[kind]
    watch = Watch.over(settings)
    good = shown()
    was, becomes, told = BROKEN[kind]

    write(path, text.replace(was, becomes))

    (said,) = watch.look()
    assert said.startswith(told)
    assert shown() == good
    assert watch.look() == []
    write(path, text)
    assert watch.look()[0].endswith("已更新")


def test_no_toml_at_all_is_told_with_its_line(own):
    settings, files = own
    watch = Watch.over(settings)
    write(files["reason"][0], REASON + "\nwords = = 1\n")

    assert "reasons.toml 不是合法的 TOML" in watch.look()[0]
    write(files["reason"][0], REASON + "\nwords = = 1\n")
    assert "line 6" in watch.look()[0]


async def test_audiences_change_while_the_program_runs(tmp_path, knowledge, own):
    def opened():
        store = Sqlite(tmp_path / "s.db")
        store.migrate()
        return store

    path = write(tmp_path / "crowds.toml", CROWD)
    writer = Writer(opened, asyncio.get_running_loop())
    await writer.start()
    known = Knowledge(knowledge.lexicon, Bank(), audiences=audience.load(path),
                      watch=Watch.over(own[0]))  # fmt: skip
    quiet = await library.refresh(known, writer)
    write(path, CROWD.replace("近的", "新的"))
    taken = await library.refresh(known, writer)
    write(path, CROWD.replace("within", "whithin"))
    write(own[1]["plan"][0], PLAN.replace("10", "20"))
    told = await library.refresh(known, writer)
    again = await library.refresh(known, writer)
    await writer.close()

    assert (quiet, again) == ([], [])
    assert taken == ["人群已更新"]
    assert list(known.audiences.rules) == ["新的"]
    assert told[0].startswith("人群文件有错，继续用旧的：crowds.toml:3：“近的”的 added")
    assert told[1] == "SOP 计划已更新"


DEEP = "deep = " + "[" * 3000 + "]" * 3000 + "\n"
DOTTED = ".".join("a" * 3000) + " = 1\n"


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("nonsense", [DEEP, DOTTED], ids=["brackets", "dots"])
def test_what_is_nested_without_end_is_a_broken_file_like_any_other(own, kind, nonsense):
    settings, files = own
    path, text, shown = files[kind]
    watch = Watch.over(settings)
    good = shown()

    write(path, "# one\n" + nonsense + text)

    (said,) = watch.look()
    assert path.name in said
    assert "套得太深，最多40层" in said
    assert "line 2" in said or ":2" in said
    assert shown() == good
