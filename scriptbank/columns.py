"""The fields of a script as files name them, and how a cell or TOML value becomes one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from scriptbank.problems import Problem
from scriptbank.script import SCOPES, STAGES, STATUSES, STYLES, Fact, Script

TIERS = {"high": "高", "mid": "中", "low": "低"}


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is text, words, tiers, facts, day, number or flag."""

    field: str
    heading: str
    kind: str = "text"
    allowed: tuple[str, ...] = ()
    required: bool = False
    also: tuple[str, ...] = ()  # other headings operators use


COLUMNS = (
    Column("id", "编号", required=True, also=("id", "ID", "话术编号")),
    Column("title", "标题", required=True, also=("话术标题", "名称")),
    Column("stage", "阶段", allowed=STAGES, required=True, also=("销售阶段", "分类")),
    Column("scene", "场景", also=("话术场景",)),
    Column("q", "标准问", also=("问题", "客户问题", "标准问法")),
    Column("also", "其他问法", "words", also=("相似问", "相似问法", "扩展问")),
    Column("body", "话术正文", required=True, also=("话术", "正文", "内容", "话术内容", "答案")),
    Column("follow_up", "追问", also=("反问",)),
    Column("concerns", "关注点", "words"),
    Column("intents", "意图", "words"),
    Column("objection", "异议"),
    Column("tiers", "意向", "tiers", also=("意向等级",)),
    Column("style", "风格", allowed=STYLES),
    Column("models", "车型", "words"),
    Column("stores", "门店", "words"),
    Column("owner", "所有人"),
    Column("scope", "范围", allowed=SCOPES),
    Column("version", "版本", "number"),
    Column("status", "状态", allowed=STATUSES),
    Column("valid_from", "生效日期", "day", also=("开始日期",)),
    Column("valid_to", "失效日期", "day", also=("截止日期", "有效期至")),
    Column("attachments", "附件", "words"),
    Column("facts", "依据", "facts", also=("事实依据",)),
    Column("tags", "标签", "words"),
    Column("note", "顾问提示", also=("备注",)),
    Column("pinned", "置顶", "flag"),
)
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_LIST = re.compile(r"[\n;；|｜]")
_CODES = re.compile(r"[\n;；|｜、,，\s]")
_FLAGS = {"": False, "否": False, "false": False, "0": False, "是": True, "true": True, "1": True}


class Unreadable(ValueError):
    """A value that cannot be a field's value; the text is the advice."""


@dataclass(frozen=True, slots=True)
class Row:
    """The raw values of one entry by field name, and where they were read."""

    file: str
    row: int
    values: Mapping[str, object]

    def problem(self, column: str, seen: str, advice: str) -> Problem:
        return Problem(advice, self.file, self.row, column, seen, str(self.values.get("id", "")))


def script(row: Row) -> Script | tuple[Problem, ...]:
    """Read every field, so that all problems of a row are told at once."""
    read: dict[str, object] = {}
    problems: list[Problem] = []
    for column in COLUMNS:
        raw = row.values.get(column.field)
        if _blank(raw) and not column.required:
            continue
        try:
            value = _value(column, raw)
        except Unreadable as wrong:
            seen = "" if raw is None else str(raw)
            problems.append(row.problem(column.heading, seen, str(wrong)))
            continue
        if value is not None:
            read[column.field] = value
    return tuple(problems) or Script(**read)  # type: ignore[arg-type]


def _blank(raw: object) -> bool:
    return raw is None or raw == ""


def _value(column: Column, raw: object) -> object:
    """The field's value; None leaves the default of `Script`."""
    if _blank(raw):
        raise Unreadable("必填，请补上")
    match column.kind:
        case "words":
            return _words(raw, codes=column.field in ("concerns", "intents"))
        case "tiers":
            return tuple(_tier(word) for word in _words(raw, codes=True))
        case "facts":
            return tuple(_facts(raw))
        case "day":
            return _day(raw)
        case "number":
            return _number(raw)
        case "flag":
            return _flag(raw)
    return _choice(column, clean(raw))


def clean(raw: object) -> str:
    """A value as trimmed text; Excel hands over a number where somebody typed digits."""
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    if isinstance(raw, list | tuple | dict):
        raise Unreadable("应为一段文字，不是列表")
    text = str(raw)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip()


def _choice(column: Column, text: str) -> str | None:
    if column.required and not text:
        raise Unreadable("必填，请补上")
    if column.allowed and text and text not in column.allowed:
        raise Unreadable(f"应为其中之一：{'、'.join(filter(None, column.allowed))}")
    return text or None


def _words(raw: object, *, codes: bool = False) -> tuple[str, ...]:
    """A TOML list as it is, or a cell with one entry a line (；and | also part entries)."""
    if isinstance(raw, list | tuple):
        return tuple(filter(None, map(clean, raw)))
    if isinstance(raw, bool):
        raise Unreadable("应为文字，多项用换行或；分开")
    text = clean(raw)
    parts = (_CODES if codes else _LIST).split(_hide(text))
    found = tuple(filter(None, map(str.strip, parts)))
    return tuple(_show(part).strip() for part in found) if "\\" in text else found


def _tier(word: str) -> str:
    for code, name in TIERS.items():
        if word in (code, name, f"{name}意向"):
            return code
    raise Unreadable("应为 高、中、低")


def _facts(raw: object) -> Iterator[Fact]:
    if isinstance(raw, list):
        for entry in raw:
            yield _fact_table(entry)
        return
    for line in filter(str.strip, clean(raw).split("\n")):
        parts = [_show(part).strip() for part in re.split("[|｜]", _hide(line))]
        if len(parts) != 3:
            raise Unreadable("每行一条依据：内容｜来源｜日期")
        yield Fact(*parts)


def _fact_table(entry: object) -> Fact:
    if not isinstance(entry, dict) or set(entry) != {"text", "source", "date"}:
        raise Unreadable("依据应写成 { text = …, source = …, date = … }")
    return Fact(clean(entry["text"]), clean(entry["source"]), clean(entry["date"]))


def _day(raw: object) -> date:
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    found = _DAY.match(clean(raw))
    try:
        return date(*map(int, found.groups())) if found else date.fromisoformat(clean(raw))
    except ValueError:
        raise Unreadable("应为日期，例如 2026-03-31") from None


def _number(raw: object) -> int:
    try:
        return int(clean(raw))
    except ValueError:
        raise Unreadable("应为整数") from None


def _flag(raw: object) -> bool:
    word = clean(raw).lower()
    if word not in _FLAGS:
        raise Unreadable("应为 是 或 否")
    return _FLAGS[word]


def cell(column: Column, value: object) -> str:
    """A field's value as a table shows it; reading it again gives the same value."""
    if isinstance(value, bool):
        return "是" if value else ""
    if isinstance(value, tuple):
        return _lines(column, value)
    return "" if value is None else str(value)


def _lines(column: Column, values: tuple[object, ...]) -> str:
    if column.kind == "tiers":
        return "、".join(TIERS[str(value)] for value in values)
    if column.kind == "facts":
        return "\n".join(_line(value) for value in values)
    return "\n".join(_escape(str(value)) for value in values)


def _line(fact: object) -> str:
    assert isinstance(fact, Fact)
    return "｜".join(map(_escape, (fact.text, fact.source, fact.date)))


# Separators inside an entry are written with a backslash before them, otherwise a question
# such as 有A；还是B？ would come back as two. While a cell is split they sleep in a private area.
_SEPARATORS = "\\\n;；|｜、,， \t"
_ASLEEP = {char: chr(0xE100 + n) for n, char in enumerate(_SEPARATORS)}
_AWAKE = str.maketrans({asleep: char for char, asleep in _ASLEEP.items()})
_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\;；|｜"} | {"\n": "\\n"})


def _escape(text: str) -> str:
    return text.translate(_ESCAPED)


def _hide(text: str) -> str:
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda m: _ASLEEP.get(_unletter(m[1]), m[0]), text)


def _unletter(char: str) -> str:
    return "\n" if char == "n" else char


def _show(text: str) -> str:
    return text.translate(_AWAKE)
