"""The company's own additions to the lexicon: tried on a copy, written only when that loads."""

import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.config import Config, ConfigError
from handlers.proposals import Rule, Teach
from nlp import tokens, toml
from nlp.lexicon import Lexicon

OWN = "own.toml"
GONE = "自己的词库里没有 {}，可能已经撤下了"
_TABLE = re.compile(r"^\[\[rule\]\]\n(?:(?!\[\[|#).*\n?)*", re.M)
_NUMBER = re.compile(r'^name = "own\.(\d+)"', re.M)
_HEAD = "# 公司自己加的规则，和自带的词库一起读。salesbot lexicon accept 写在这里，也可以手工改。\n"


def teach(config: Config) -> Teach:
    """What reads with further rules, without writing them."""
    folder, text = _folder(config), _text(config)

    def taught(rules: Sequence[Rule]) -> Lexicon:
        tokens.load()
        with TemporaryDirectory() as name:
            _copy(folder, Path(name))
            (Path(name) / OWN).write_text(added(text, rules), encoding="utf-8")
            return Lexicon.load(Path(name))

    return taught


def lay(config: Config, to: Path, rules: Sequence[Rule]) -> None:
    """The company's files with these rules among them, in another folder."""
    _copy(_folder(config), to)
    (to / OWN).write_text(added(_text(config), rules), encoding="utf-8")


def accept(config: Config, rules: Sequence[Rule], note: str) -> Path:
    """Write the rules into the company's own file; what does not load is not written."""
    folder = _folder(config)
    if folder is None:
        raise ConfigError(
            '还没有自己的词库：在 config.toml 的 [nlp] 里写上目录，例如 lexicon = "lexicon"'
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _turn(folder):
        teach(config)(rules)
        return _put(folder, added(_text(config), rules, note))


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Whoever reads and writes waits for the other: the page's server, or a command beside it."""
    try:
        import fcntl
    except ImportError:  # Windows: one person at one machine
        yield
        return
    with (folder / f".{OWN}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # dropped by the system, however we end
        yield


def _put(folder: Path, text: str) -> Path:
    path, fresh = folder / OWN, folder / f".{OWN}.new"
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)  # whoever reads meanwhile finds the old file or the new one
    return path


def own(config: Config) -> tuple[tuple[str, Rule], ...]:
    """The rules of the company's own file by their names; none of a file that cannot be read."""
    try:
        tables = toml.loads(_text(config)).get("rule", [])
    except tomllib.TOMLDecodeError:
        return ()
    return tuple(
        (str(t.get("name", "")), Rule(str(t.get("kind", "")), tuple(map(str, t.get("words", ()))),
                                      str(t.get("code", "")), int(t.get("polarity", 0))))
        for t in tables
    )  # fmt: skip


def withdraw(config: Config, name: str) -> None:
    """Take one rule out of the company's own file, and leave everything else as it stands."""
    folder = _folder(config)
    if folder is None or not folder.is_dir():
        raise ConfigError(GONE.format(name))
    with _turn(folder):
        _put(folder, _without(folder, _text(config), name))


def _without(folder: Path, text: str, name: str) -> str:
    """The file without that rule, which was tried to load."""
    tables = list(_TABLE.finditer(text))
    found = next((t for t in tables if f'name = "{name}"' in t[0].splitlines()), None)
    if found is None:
        raise ConfigError(GONE.format(name))
    fresh = text[: found.start()] + text[found.end() :]
    with TemporaryDirectory() as tried:
        _copy(folder, Path(tried))
        (Path(tried) / OWN).write_text(fresh, encoding="utf-8")
        Lexicon.load(Path(tried))
    return fresh


def added(text: str, rules: Sequence[Rule], note: str = "") -> str:
    """The file with these rules at its end."""
    number = max(map(int, _NUMBER.findall(text)), default=0)
    tables = [_table(rule, number + n) for n, rule in enumerate(rules, 1)]
    head = f"\n# {' '.join(note.split())}" if note else ""
    return "\n".join([(text or _HEAD).rstrip() + head, *tables]) + "\n"


def _table(rule: Rule, number: int) -> str:
    lines = ["[[rule]]", f'kind = "{rule.kind}"', f'name = "own.{number}"']
    if rule.code:
        lines.append(f'code = "{rule.code}"')
    if rule.polarity:
        lines.append(f"polarity = {rule.polarity}")
    # TOML takes JSON's strings, but for the one control character that JSON leaves as it is
    words = json.dumps(rule.words, ensure_ascii=False).replace("\x7f", "\\u007f")
    return "\n".join([*lines, f"words = {words}", ""])


def _folder(config: Config) -> Path | None:
    folder = config.settings.nlp.lexicon
    return config.path(folder) if folder else None


def _text(config: Config) -> str:
    folder = _folder(config)
    path = folder / OWN if folder else None
    return path.read_text(encoding="utf-8") if path and path.exists() else ""


def _copy(folder: Path | None, to: Path) -> None:
    for path in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
        if path.suffix in (".toml", ".json"):
            shutil.copy(path, to / path.name)
