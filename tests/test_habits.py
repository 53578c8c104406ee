"""What the layers below the shell never do, read from their source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("handlers", "nlp", "scriptbank", "storage")
FILES = [p for package in (*PACKAGES, "bot") for p in sorted((ROOT / package).rglob("*.py"))]
BELOW = [p for p in FILES if p.relative_to(ROOT).parts[0] in PACKAGES]


def name(path):
    return str(path.relative_to(ROOT))


def calls(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", BELOW, ids=name)
def test_nothing_below_the_shell_prints_sleeps_or_asks_the_clock(path):
    forbidden = {"print", "time.sleep", "sleep", "datetime.now", "datetime.utcnow", "date.today",
                 "time.time", "random.random", "random.choice"}  # fmt: skip

    assert calls(path) & forbidden == set()
    assert "Random()" not in path.read_text(encoding="utf-8")  # chance comes from outside


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_error_is_swallowed_in_silence(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]

    assert [h.lineno for h in handlers if isinstance(h.body[0], ast.Pass)] == []
    assert [h.lineno for h in handlers if h.type is None] == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_left_to_do_and_nothing_global_changes(path):
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplemented)\b", text)
    assert not re.search(r"^\s*global ", text, re.M)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_module_says_what_it_is_for(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert not tree.body or path.name == "__main__.py" or ast.get_docstring(tree)
