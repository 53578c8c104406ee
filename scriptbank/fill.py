"""Putting a customer's, an advisor's and a store's values into a script's text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scriptbank.script import Script

VARIABLES = (
    "客户称呼", "客户姓", "顾问名", "门店", "门店地址", "车型", "配置", "颜色", "优惠", "优惠截止",
    "月供", "首付", "试驾时间", "群名", "群链接", "昨日话题",
    "未解决问题",
)  # fmt: skip
SALUTATION = "客户称呼"
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_VARIABLE = re.compile(r"\{\s*([^{}\[\]\n]{0,20}?)\s*\}")
_BARE = str.maketrans({"{": "｛", "}": "｝"})


@dataclass(frozen=True, slots=True)
class Filled:
    """A text ready to be sent, unless something is `missing`."""

    text: str
    used: Mapping[str, str]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes values into text and remembers which were known."""

    values: Mapping[str, str]
    used: dict[str, str] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def write(self, text: str) -> str:
        return _VARIABLE.sub(self._one, text)

    def known(self, name: str) -> bool:
        return bool(self.values.get(name, "").strip())

    def _one(self, found: re.Match[str]) -> str:
        name = found[1]
        if self.known(name):
            # A nickname may hold braces; it must not look like, or become, a variable.
            self.used[name] = self.values[name].strip().translate(_BARE)
            return self.used[name]
        if name == SALUTATION:
            return "您" if found.string[: found.start()].strip() else "您好"
        self.missing[name] = None
        return f"【{name}？】"


def fill(script: Script, values: Mapping[str, str], *, follow_up: bool = True) -> Filled:
    """The script's text with its values; optional sentences whose value is unknown are dropped.

    An unknown variable stays visible as 【车型？】 and is named in `missing`; no raw brace is
    ever left. The closing question is appended unless `follow_up` is False.
    """
    pen = _Pen(values)
    template = script.body + (script.follow_up if follow_up else "")
    text = pen.write(_optional(template, pen))
    return Filled(_tidy(text), dict(pen.used), tuple(pen.missing))


def variables(text: str) -> tuple[str, ...]:
    """The variable names a text uses, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def _optional(template: str, pen: _Pen) -> str:
    def keep(found: re.Match[str]) -> str:
        needed = [name for name in variables(found[1]) if name != SALUTATION]
        return found[1] if all(map(pen.known, needed)) else ""

    return _OPTIONAL.sub(keep, template)


def _tidy(text: str) -> str:
    """Without marks that a careless template leaves behind."""
    return text.replace("[[", "").replace("]]", "").translate(_BARE).strip()
