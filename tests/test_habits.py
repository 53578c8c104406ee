"""What the layers below the shell never do, read from their source."""

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("handlers", "nlp", "scriptbank", "storage")
FILES = [p for package in (*PACKAGES, "bot") for p in sorted((ROOT / package).rglob("*.py"))]
BELOW = [p for p in FILES if p.relative_to(ROOT).parts[0] in PACKAGES]


def name(path):
    return str(path.relative_to(ROOT))


@functools.cache
def nodes(path):
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def calls(path):
    return {ast.unparse(node.func) for node in nodes(path) if isinstance(node, ast.Call)}


def broken(files, wrong):
    """What each file has wrong, by its name."""
    return {name(path): found for path in files if (found := wrong(path))}


def test_nothing_below_the_shell_prints_sleeps_or_asks_the_clock():
    forbidden = {"print", "time.sleep", "sleep", "datetime.now", "datetime.utcnow", "date.today",
                 "time.time", "random.random", "random.choice"}  # fmt: skip

    assert len(BELOW) > 100
    assert broken(BELOW, lambda path: calls(path) & forbidden) == {}
    # chance comes from outside
    assert broken(BELOW, lambda path: "Random()" in path.read_text(encoding="utf-8")) == {}


def test_no_error_is_swallowed_in_silence():
    def swallowing(path):
        handlers = [node for node in nodes(path) if isinstance(node, ast.ExceptHandler)]
        return [h.lineno for h in handlers if h.type is None or isinstance(h.body[0], ast.Pass)]

    assert len(FILES) > 200
    assert broken(FILES, swallowing) == {}


def test_nothing_is_left_to_do_and_nothing_global_changes():
    never = re.compile(r"\b(?:TODO|FIXME|XXX|NotImplemented)\b|^\s*global ", re.M)

    assert broken(FILES, lambda path: never.findall(path.read_text(encoding="utf-8"))) == {}


def test_every_module_says_what_it_is_for():
    def silent(path):
        tree = nodes(path)[0]
        return tree.body and path.name != "__main__.py" and not ast.get_docstring(tree)

    assert broken(FILES, silent) == {}
