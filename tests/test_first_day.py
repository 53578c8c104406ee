"""The recordings: the day in the README to the byte, and every example file playable."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.sandbox import demo, player

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.txt"))
CAST = player.cast_of(demo.SETTINGS, demo.world())
READMES = ("README.md", "README.zh-CN.md")
RECORDING = re.compile(
    r"(?P<head><!-- first-day -->.*?^```text\n)(?P<day>.*?)(?P<tail>^```$.*?<!-- /first-day -->)",
    re.S | re.M,
)


def played(path):
    """What the command prints, in a process of its own, as a reader would run it."""
    words = [sys.executable, "-m", "bot", "sandbox", "--script", str(path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.fixture(scope="module")
def day():
    return played(ROOT / "examples" / "first-day.txt")


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_shows_the_day_as_it_is_played(day, readme):
    """Renew with SALESBOT_GOLDEN=1 pytest tests/test_first_day.py, and read what changed."""
    file = ROOT / readme
    text = file.read_text(encoding="utf-8")
    if os.environ.get("SALESBOT_GOLDEN"):
        text = RECORDING.sub(lambda m: m["head"] + day + m["tail"], text)
        file.write_text(text, encoding="utf-8")

    assert RECORDING.search(text)["day"] == day


def test_a_second_play_prints_the_same_bytes(day):
    words = ["sandbox", "--script", str(ROOT / "examples" / "first-day.txt")]
    again = CliRunner().invoke(main, words)

    assert (again.exit_code, again.stdout) == (0, day)


def test_everything_the_day_promises_is_in_it(day):
    promised = ("【3】", "采用 1/采用 2", "得分", "已记录：王女士", "签到成功", "🎯 答题",
                "为什么这样判断", "试驾", "答对了", "早上好", "[图片] 早报-0307.png", "【早报】",
                "3. ")  # fmt: skip

    assert [words for words in promised if words not in day] == []
    assert "{" not in day


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_every_example_can_be_read(path):
    steps = player.parse(path.read_text(encoding="utf-8"), CAST)

    assert steps
