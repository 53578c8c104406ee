"""`config.toml` and the environment become one frozen value; errors name file, line and key."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, GetCoreSchemaHandler, PrivateAttr, ValidationError, field_validator
from pydantic_core import CoreSchema, core_schema
from rapidfuzz import process

from handlers.settings import Section, Settings
from nlp import toml


class ConfigError(Exception):
    """A setting is wrong or missing; the message is one sentence with place and cure."""


class Secret:
    """A value that does not print; `env:NAME` is read when it is first needed."""

    def __init__(self, raw: str = "") -> None:
        self._raw = raw

    def __repr__(self) -> str:
        return f"env:{self._raw[4:]}" if self._raw.startswith("env:") else "***"

    def __bool__(self) -> bool:
        return bool(self._raw)

    def get(self, key: str) -> str:
        """The value, or an error that says which variable is not set."""
        if not self._raw.startswith("env:"):
            return self._raw
        name = self._raw[4:]
        value = os.environ.get(name, "")
        if not value:
            raise ConfigError(f"{key} 取自环境变量 {name}，但它没有设置；请 export {name}=… 后重试")
        return value

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


class Server(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    verify_dir: str = ""
    shadow: bool = False
    timezone: str = "Asia/Shanghai"

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("不是已知的时区，例如 Asia/Shanghai") from None
        return value


class Storage(Section):
    url: str = "sqlite:///var/salesbot.db"


class App(Section):
    agent_id: int = Field(ge=0)
    secret: Secret = Secret()
    token: Secret = Secret()
    encoding_aes_key: Secret = Secret()


class Channel(Section):
    """A receiver of its own; what is left out is the app's."""

    secret: Secret = Secret()
    token: Secret = Secret()
    encoding_aes_key: Secret = Secret()


class Archive(Channel):
    sdk_path: str = ""
    private_keys: tuple[str, ...] = ()
    proxy: str = ""
    proxy_password: Secret = Secret()
    timeout_s: int = Field(default=10, ge=1, le=120)
    every_s: int = Field(default=180, ge=10)


class Aibot(Channel):
    mode: Literal["callback", "websocket"] = "callback"
    bot_id: str = ""
    name: str = ""
    ws_url: str = "wss://openws.work.weixin.qq.com"


class Wecom(Section):
    corp_id: str = ""
    api_base: str = "https://qyapi.weixin.qq.com"
    oauth_base: str = "https://open.weixin.qq.com"
    jssdk_url: str = "https://wwcdn.weixin.qq.com/node/open/js/wecom-jssdk-2.3.4.js"
    callback_window_s: int = Field(default=3600, ge=0)
    callback_ips: bool = False
    app: App | None = None
    contact: Channel | None = None
    kf: Channel | None = None
    archive: Archive | None = None
    aibot: Aibot | None = None


class Webhook(Section):
    """A group robot; its address is its key."""

    name: str
    url: Secret = Secret()
    chat: str = ""  # the aibot's id of the same group


class Config(Section):
    server: Server = Server()
    storage: Storage = Storage()
    wecom: Wecom = Wecom()
    webhooks: tuple[Webhook, ...] = ()
    settings: Settings = Settings()
    folder: Path = Path()  # relative paths in the file are relative to it
    _file: Path = PrivateAttr(default=Path())

    @property
    def file(self) -> Path:
        """What it was read from, "." when from nowhere."""
        return self._file

    def path(self, text: str) -> Path:
        return self.folder / text

    def materials(self) -> Path:
        """Where the files of the material library lie."""
        return self.path(self.settings.scriptbank.materials)

    def storage_url(self) -> str:
        """Where the store is; `env:NAME` keeps a password out of the file."""
        return Secret(self.storage.url).get("storage.url")

    def database(self) -> Path:
        """The file of an embedded store."""
        url = self.storage_url()
        kind, _, rest = url.partition(":///")
        if kind != "sqlite" or not rest:
            raise ConfigError(
                f"storage.url 是 {url.partition('://')[0]}://…，这里要 sqlite:///相对路径"
                " 或 sqlite:////绝对路径"
            )
        return self.path(rest)


DERIVED = ("timezone", "reach")  # handlers see it, and the file has it elsewhere
OWN = ("server", "storage", "wecom", "webhooks")  # the rest is what handlers see
OWN_FILES = (
    ("sop", "plans"), ("group_sop", "plans"), ("lost", "reasons"), ("activities", "templates"),
    ("followups", "table"),
)  # fmt: skip


def load(path: Path) -> Config:
    """Read and check a file; every problem of it is told at once."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(
            f"读不到配置文件 {path}（{exc.strerror}）；"
            "请用 --config 指定，或先运行 salesbot sandbox 试用"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} 不是 UTF-8 文本；请另存为 UTF-8 再试") from None
    try:
        return parse(text, path)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path} 不是正确的 TOML：{exc}") from None


def parse(text: str, path: Path) -> Config:
    data = toml.loads(text)
    own: dict[str, Any] = {name: data.pop(name) for name in OWN if name in data}
    problems = [f"{path}:{line_of(text, name)} {name} 未知配置项" for name in ("settings", "folder",
                *DERIVED) if name in data]  # fmt: skip
    problems += [*_problems(Config, own, text, path), *_problems(Settings, data, text, path)]
    if problems:
        raise ConfigError("\n".join(problems))
    head = Config.model_validate(own)
    settings = _placed(Settings.model_validate({**data, **_derived(head)}), path.parent)
    found = head.model_copy(update={"settings": settings, "folder": path.parent})
    found._file = path
    return found


def _placed(settings: Settings, folder: Path) -> Settings:
    """With the company's own files where the handlers find them, whatever the current folder."""
    sections = {part: _within(getattr(settings, part), name, folder) for part, name in OWN_FILES}
    return settings.model_copy(update=sections)


def _within(section: Section, name: str, folder: Path) -> Section:
    said = getattr(section, name)
    return section.model_copy(update={name: str(folder / said)}) if said else section


def _derived(head: Config) -> dict[str, Any]:
    """What handlers must know of the other part of the file."""
    aibot = head.wecom.aibot
    robots = {hook.chat: hook.name for hook in head.webhooks if hook.chat}
    link = aibot is not None and aibot.mode == "websocket"
    reach = {"link": link, "robots": robots, "pages": head.server.public_url.rstrip("/")}
    return {"timezone": head.server.timezone, "reach": reach}


def _problems(
    model: type[Section], data: Mapping[str, Any], text: str, path: Path
) -> Iterator[str]:
    try:
        model.model_validate(data)
    except ValidationError as exc:
        # include_input would repeat secrets
        for error in exc.errors(include_input=False, include_url=False, include_context=False):
            yield _sentence(error["loc"], error["type"], error["msg"], data, text, path)


def _sentence(
    loc: tuple[int | str, ...], kind: str, message: str, data: Any, text: str, path: Path
) -> str:
    key = ".".join(str(part) for part in loc)
    place = f"{path}:{line_of(text, key)} {key}"
    if kind == "extra_forbidden":
        near = process.extractOne(str(loc[-1]), _siblings(loc), score_cutoff=60)
        hint = f"；是不是 {near[0]}？" if near else f"；可用的有 {'、'.join(_siblings(loc)[:12])}"
        return f"{place} 未知配置项{hint}"
    if kind == "missing":
        return f"{place} 缺少，请补上"
    return f"{place} {_seen(loc, data)}{_wanted(kind, message)}"


WANTED = {
    "int_parsing": "应为整数", "int_type": "应为整数", "int_from_float": "应为整数",
    "string_type": "应为带引号的文字", "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false", "tuple_type": "应为 [ ] 括起的列表",
    "dict_type": "应为一节或 { } 括起的表", "model_type": "应为一节",
    "time_parsing": '应为时刻，例如 "08:45:00"', "time_type": '应为时刻，例如 "08:45:00"',
}  # fmt: skip
PHRASES = (("Value error, ", ""), ("Input should be greater than or equal to ", "不能小于 "),
           ("Input should be less than or equal to ", "不能大于 "), ("Input should be ", "应为 "),
           (" or ", " 或 "))  # fmt: skip


def _wanted(kind: str, message: str) -> str:
    """What is allowed, in the language of whoever edits the file."""
    if kind in WANTED:
        return WANTED[kind]
    for english, chinese in PHRASES:
        message = message.replace(english, chinese)
    return message


def _seen(loc: tuple[int | str, ...], data: Any) -> str:
    """What stands there, unless it is a secret."""
    if {"secret", "token", "encoding_aes_key", "private_keys", "proxy_password", "webhooks"} & {
        str(part) for part in loc
    }:
        return ""
    for part in loc:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return ""
    return f"现在是 {data!r}；" if isinstance(data, (str, int, float, bool)) else ""


def _siblings(loc: tuple[int | str, ...]) -> list[str]:
    """The names that are allowed where this key stands."""
    model: Any = Config if loc[0] in OWN else Settings
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        if field is None:
            return []
        model = _model(field.annotation)
        if model is None:
            return []
    names = [name for name in model.model_fields if name not in ("settings", "folder", *DERIVED)]
    return names + (list(OWN) if model is Settings else [])


def _model(annotation: Any) -> Any:
    """The section behind `Section`, `Section | None` or `tuple[Section, ...]`."""
    options = (annotation, *getattr(annotation, "__args__", ()))
    return next((o for o in options if isinstance(o, type) and issubclass(o, Section)), None)


_TABLE = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.]+)\s*=")


def line_of(text: str, key: str) -> int:
    """The line on which a key stands; its table's, or 1, when it does not."""
    counts: dict[str, int] = {}
    table, best = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.match(line):
            table = match[1]
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
            here = table
        elif match := _KEY.match(line):
            here = f"{table}.{match[1]}".strip(".")
        else:
            continue
        if here == key:
            return number
        if key.startswith(here + "."):
            best = number
    return best
