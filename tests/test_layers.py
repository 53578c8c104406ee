"""The arrows point one way."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "nlp": set(),
    "storage": set(),
    "scriptbank": {"nlp"},
    "handlers": {"nlp", "scriptbank", "storage"},
    "bot": {"nlp", "scriptbank", "storage", "handlers"},
}
# The shell's own libraries: nobody below it opens a socket, a thread or a clock.
SHELL_ONLY = {"aiohttp", "apscheduler", "wechatpy", "asyncio", "click", "prometheus_client"}
FILES = [f for package in MAY_IMPORT for f in sorted((ROOT / package).rglob("*.py"))]


@functools.cache
def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def barred(path: Path) -> set[str]:
    """What a file imports that its layer may not."""
    package = path.relative_to(ROOT).parts[0]
    upwards = MAY_IMPORT.keys() - MAY_IMPORT[package] - {package}
    return imports(path) & (upwards if package == "bot" else upwards | SHELL_ONLY)


def test_nothing_imports_upwards():
    assert len(FILES) > 200
    assert {str(path.relative_to(ROOT)): found for path in FILES if (found := barred(path))} == {}


def test_wechatpy_stays_in_its_corner():
    users = {p for p in FILES if "wechatpy" in imports(p)}

    rivals = ROOT / "bot" / "commands" / "peers.py"  # the bots a bench measures against
    assert {p.parent.name for p in users - {rivals}} == {"wecom"}


def test_the_wall_clock_is_read_in_one_place():
    readers = [p for p in FILES if "datetime.now(" in p.read_text(encoding="utf-8")]

    assert [p.relative_to(ROOT).as_posix() for p in readers] == ["bot/clock.py"]
