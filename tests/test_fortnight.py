"""Two weeks of one customer group with fifty members, as `salesbot sandbox --play fortnight` tells
them: streaks, games, prizes, a draw, alerts, tags, and a ledger that balances to the point."""

import asyncio
import json
import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.sandbox import fortnight as two_weeks
from bot.sandbox import stage
from bot.sandbox.crowd import CHAT, Crowd
from handlers.games.found import GAMES
from handlers.groups import started
from storage import checkins, games, points
from storage import prizes as shelf
from storage.checkins import streak
from storage.sqlite import Sqlite

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden" / "fortnight.txt"


async def lived(folder):
    async with stage.open_stage(
        start=two_weeks.START, frozen=True, empty=True, folder=folder
    ) as found:
        crowd = Crowd(found, 7)
        story = two_weeks.Fortnight(found, crowd)
        lines = [line async for line in story.told()]
        record = await story._decide(story._record)
        today = found.clock.now().astimezone(two_weeks.ZONE).date()
        return SimpleNamespace(lines="\n".join(lines) + "\n", crowd=crowd, record=record,
                               problems=found.pretend.problems, today=today)  # fmt: skip


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory):
    """Lived through once; what it left in the store stays to be looked at."""
    folder = tmp_path_factory.mktemp("fortnight")
    found = asyncio.run(lived(folder))
    found.db = Sqlite(folder / "sandbox.db")
    yield found
    found.db.close()


def test_the_fortnight_reads_like_a_story(fortnight):
    """Renew with SALESBOT_GOLDEN=1 pytest tests/test_fortnight.py, and read what changed."""
    if os.environ.get("SALESBOT_GOLDEN"):
        GOLDEN.write_text(fortnight.lines, encoding="utf-8")

    assert fortnight.lines == GOLDEN.read_text(encoding="utf-8")


def test_everything_that_was_promised_happens_on_its_day(fortnight):
    days = dict(re.findall(r"^## (第\d+天|两周以后).*?\n(.*?)(?=^## |\Z)", fortnight.lines,
                           re.S | re.M))  # fmt: skip

    assert "已为1个群安排“新人两周”" in days["第1天"]
    assert "张伟点了“已发”" in days["第1天"]
    assert "🌱 新人榜" in days["第8天"]
    assert "15位新人被朋友拉进群" in days["第8天"]
    assert "⚠️ 舆情" in days["第10天"]
    assert "10分钟内3位成员抱怨智能" in days["第10天"]
    assert "种子承诺（SHA-256）" in days["第12天"]
    assert "抽奖“两周抽奖”开奖" in days["第14天"]
    assert "答题周｜青屿周末看车群：覆盖50" in days["两周以后"]
    assert "按公布的算法重算：对得上" in days["两周以后"]


def test_nothing_failed_on_the_way(fortnight):
    assert fortnight.problems == []
    assert fortnight.db.rows("select id, error from inbox where state = 'failed'") == []


def test_what_arrived_twice_counted_once(fortnight):
    assert fortnight.crowd.again > 50
    assert fortnight.crowd.odd == []


def test_the_points_balance(fortnight):
    db = fortnight.db
    kept = [one for p in fortnight.crowd.people for one in shelf.of_member(db, p.id, 99)]
    held = [one for one in kept if one.state == "待领"]

    for person in fortnight.crowd.people:
        mine = points.history(db, CHAT, person.id, 9999)
        assert points.balance(db, CHAT, person.id) == sum(row["delta"] for row in mine) >= 0
        assert points.grown(db, CHAT, person.id) == sum(
            row["delta"] for row in mine if row["delta"] > 0
        )
    for key, _, _, stock, _ in two_weeks.PRIZES:
        assert shelf.get(db, key).stock == stock - sum(one.prize == key for one in held) >= 0
    spent = -sum(r["delta"] for r in db.rows("select delta from points where reason like '兑换%'"))
    assert spent == sum(one.cost for one in held) > 0


def test_the_streaks_are_those_of_the_days(fortnight):
    for person in fortnight.crowd.people:
        days = checkins.days(fortnight.db, CHAT, person.id)
        assert set(days) == fortnight.crowd.days[person.id]
        assert streak(days, fortnight.today) <= two_weeks.DAYS


def test_no_day_gave_more_than_its_cap(fortnight):
    sql = """select member, reason, substr(at, 1, 10) as day, sum(delta) as n from points
        where delta > 0 group by member, reason, substr(at, 1, 10)"""

    assert max(row["n"] for row in fortnight.db.rows(sql)) <= 30


def test_every_game_was_played_and_the_short_ones_are_over(fortnight):
    opened = {row["game"] for row in fortnight.db.rows("select distinct game from games")}
    meant = chain(*two_weeks.ROUNDS.values(), two_weeks.MORE)

    assert opened == {started(words)[0] for words in meant}
    assert len(opened) >= 13
    assert all(GAMES[one.game].aside for one in games.live(fortnight.db, CHAT))


def test_only_questions_of_liking_became_tags_and_each_with_its_consent(fortnight):
    tagged = fortnight.db.rows(
        "select distinct customer from tags where kind = 'preference' and source = 'quiz'"
    )
    agreed = fortnight.db.rows("select distinct customer from consents where what = '偏好推荐'")

    assert len(tagged) > 20
    assert {row["customer"] for row in tagged} <= {row["customer"] for row in agreed}


def test_the_draw_is_verified_by_the_ten_lines_of_the_document(fortnight, tmp_path):
    """The very lines that stand in the document, in a process that knows nothing of ours."""
    lines = re.search(r"```python\n(.*?)```", (ROOT / "docs/draws.md").read_text("utf-8"), re.S)[1]
    (tmp_path / "check.py").write_text(lines, encoding="utf-8")
    honest, forged = tmp_path / "draw.json", tmp_path / "forged.json"
    honest.write_text(json.dumps(fortnight.record), encoding="utf-8")
    first, second = fortnight.record["results"][:2]
    swapped = [{**first, "ticket": second["ticket"]}, *fortnight.record["results"][1:]]
    forged.write_text(json.dumps({**fortnight.record, "results": swapped}), encoding="utf-8")

    def said(file):
        words = [sys.executable, "-I", "check.py", file.name]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, check=True,
                              timeout=30).stdout.decode().strip()  # fmt: skip

    assert len(fortnight.record["entries"]) >= 20
    assert said(honest) == "对得上"
    assert said(forged) == "对不上"
    assert "核对通过" in CliRunner().invoke(main, ["draw", "verify", str(honest)]).output


def test_the_draw_tells_nobody_s_name(fortnight):
    text = json.dumps(fortnight.record, ensure_ascii=False)
    rows = fortnight.db.rows("select member from draw_entries")

    assert not [row["member"] for row in rows if f'"{row["member"]}"' in text]
    assert not [person.name for person in fortnight.crowd.people if person.name in text]
