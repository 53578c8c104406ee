"""What the console borrows of the shell: the settings with their source, the lexicon's own file."""

import asyncio
import functools
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel

from bot import config as configuration
from bot import teaching
from bot.config import Config, ConfigError, Secret
from handlers.console.values import Lent, Setting, Way
from handlers.console.words import Wanted
from handlers.proposals import Rule
from nlp import lint, toml
from nlp.lexicon import Lexicon

MEANINGS = ("settings.md", "../../docs/settings.md")  # as it is installed, as it is checked out
SWITCHES = {"app": "自建应用", "contact": "客户联系", "kf": "微信客服", "archive": "会话存档",
            "aibot": "智能机器人"}  # fmt: skip
NEEDED = {
    "app": "没有写 [wecom.app]", "contact": "没有写 [wecom.contact]，用自建应用的接收地址",
    "kf": "没有写 [wecom.kf]", "archive": "没有写 [wecom.archive]",
    "aibot": "没有写 [wecom.aibot]",
}  # fmt: skip
PRIVATE = ("storage.url",)  # an address that may hold a password
_ROW = re.compile(r"^\| `([\w.]+)` \|(.*?)\|(.*?)\|$")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_HEAD = re.compile(r"^## (.+)$")


@dataclass
class Setup:
    """`config` tells what the program runs with; one file is written by one at a time."""

    config: Callable[[], Config]
    on: frozenset[str] = frozenset()
    robots: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def lent(self) -> Lent:
        config = self.config()
        writable = bool(config.settings.nlp.lexicon)
        return Lent(lambda: settings(config), lambda rules: tried(config, rules),
                    lambda: teaching.own(config), writable, tuple(self._ways(config)))  # fmt: skip

    async def write(self, wanted: Wanted) -> None:
        """Change the company's own file; raises ConfigError or LexiconError, and then it stays."""
        if not (wanted.rules or wanted.without):
            return
        async with self.turn:
            await asyncio.to_thread(_write, self.config(), wanted)

    def _ways(self, config: Config) -> Iterator[Way]:
        for name, title in SWITCHES.items():
            on = name in self.on
            said = "" if on else NEEDED[name]
            yield Way(name, title, on, said)
        said = "" if self.robots else "没有写 [[webhooks]]"
        yield Way("webhook", "群机器人", self.robots, said)
        if config.server.shadow:
            yield Way("shadow", "影子模式", True, "开着：什么都不发出去")


def _write(config: Config, wanted: Wanted) -> None:
    if wanted.without:
        teaching.withdraw(config, wanted.without)
    else:
        teaching.accept(config, wanted.rules, wanted.note)


def tried(config: Config, rules: Sequence[Rule]) -> tuple[Lexicon, tuple[str, ...]]:
    """The lexicon with these rules, and what is doubtful about it that was not so before."""
    with TemporaryDirectory() as before, TemporaryDirectory() as after:
        teaching.lay(config, Path(before), ())
        teaching.lay(config, Path(after), rules)
        taught = Lexicon.load(Path(after))
        old = set(lint.warnings(Path(before)))
        return taught, tuple(w for w in lint.warnings(Path(after)) if w not in old)


# Settings


def settings(config: Config) -> tuple[tuple[Setting, ...], str]:
    """Every key as the program runs with it, and what is wrong with the file by now."""
    file, wrong = config.file, ""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    later = config
    if text:
        try:
            later = configuration.parse(text, file)
        except (ConfigError, tomllib.TOMLDecodeError) as exc:
            wrong = str(exc)
    written = set(_written(text))
    fresh = Config()
    rows = tuple(
        _setting(key, value, config, later, fresh, text, key in written)
        for key, value in _keys(config)
    )
    return rows, wrong


def _written(text: str) -> Iterator[str]:
    try:
        yield from _flat(toml.loads(text), "")
    except tomllib.TOMLDecodeError:
        return


def _flat(data: Mapping[str, Any], before: str) -> Iterator[str]:
    for key, value in data.items():
        yield before + key
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")


def _keys(config: Config) -> Iterator[tuple[str, object]]:
    for name in ("server", "storage", "wecom"):
        yield from _under(f"{name}.", getattr(config, name))
    yield "webhooks", config.webhooks
    for name in type(config.settings).model_fields:
        if name not in configuration.DERIVED:
            value = getattr(config.settings, name)
            is_part = isinstance(value, BaseModel)
            yield from _under(f"{name}.", value) if is_part else ((name, value),)


def _under(before: str, part: BaseModel) -> Iterator[tuple[str, object]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _under(f"{before}{name}.", value)
        elif value is not None:
            yield before + name, value


def _setting(
    key: str, value: object, config: Config, later: Config, fresh: Config, text: str, written: bool
) -> Setting:
    line = configuration.line_of(text, key) if written else 0
    shown, then = _shown(key, value), _shown(key, _at(later, key))
    default = _shown(key, _at(fresh, key))
    source = f"{config.file.name} 第{line}行" if written else "默认"
    if not written and shown != default:
        source = "启动时给的"
    if named := _variable(value):
        source = f"环境变量 {named}"
    if shown != then:
        source += f"；文件已改成 {then}，重启后生效"
    table, _, name = key.rpartition(".")
    group, meaning = _meanings().get(key, ("其他", ""))
    plain = not isinstance(value, Secret) and key not in PRIVATE and not _tables(value)
    paste = f"[{table}] {name} = {shown}" if plain and table else ""
    return Setting(key, group, shown, default, source, meaning, paste)


def _at(config: Config, key: str) -> object:
    found: Any = config if key.split(".")[0] in configuration.OWN else config.settings
    for part in key.split("."):
        found = getattr(found, part, None)
    return found


def _variable(value: object) -> str:
    text = repr(value) if isinstance(value, Secret) else str(value)
    return text.removeprefix("env:") if text.startswith("env:") else ""


def _tables(value: object) -> bool:
    return isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value)


def _shown(key: str, value: object) -> str:
    """As it would stand in the file; of a secret only whether there is one."""
    if isinstance(value, Secret):
        return "已设置" if value else "没有设置"
    if key in PRIVATE and "@" in str(value):
        return f"{str(value).partition('://')[0]}://…"
    if value is None:
        return "–"
    if _tables(value):
        assert isinstance(value, tuple)
        return f"{len(value)}项"
    return _toml(value)


def _toml(value: object) -> str:
    if isinstance(value, time):
        return f'"{value.isoformat()}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return f"{len(value)}项"
    return json.dumps(value, ensure_ascii=False, default=str)


@functools.cache
def _meanings() -> Mapping[str, tuple[str, str]]:
    """What each key means, by the tables of docs/settings.md, and under which heading it stands."""
    folder = Path(__file__).parent
    file = next((folder / name for name in MEANINGS if (folder / name).is_file()), None)
    found, group = {}, ""
    for line in file.read_text(encoding="utf-8").splitlines() if file else ():
        if head := _HEAD.match(line):
            group = head[1]
        elif row := _ROW.match(line):
            said = _LINK.sub(r"\1", row[3].replace("`", "").replace("**", ""))
            found[row[1]] = (group, said.strip())
            found.setdefault(row[1].partition(".")[0], (group, ""))  # a list of tables
    return found
