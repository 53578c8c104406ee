"""WeCom's XML read into plain dictionaries; lists are lists even when they hold one item.

A message is nearly always a flat list of elements with a CDATA section or one word in each; that
much is read by one pattern, which takes a tenth of the time. Whatever looks different in any way
goes to expat, driven directly: it builds the values we want in one pass without recursion, and
refuses a DTD before any entity can be declared.
"""

import re
from typing import Any
from xml.parsers import expat

from bot.wecom.cipher import Refused

MAX_DEPTH = 16
MAX_ELEMENTS = 20_000

# A container becomes the list of its children.
CONTAINERS = frozenset(
    {
        "ApprovalNodes",
        "ExtAttr",
        "Items",
        "MemChangeList",
        "NotifyNodes",
        "OptionIds",
        "PicList",
        "SelectedItems",
    }
)
# An element that may be repeated under its own name.
REPEATED = frozenset({"AuthAddOpenKfId", "AuthDelOpenKfId"})
# What a person typed; everything else is a word or a number and may be trimmed.
TYPED_BY_PEOPLE = frozenset({"Content"})
# Flat, and without what expat would refuse or write another way: control characters, returns.
# Nothing is given back once it matched, so that a long text costs no more than its length.
_CLEAN = "[^\\]\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]"
_LEAF = re.compile(
    rf"[ \t\n]*+<([A-Za-z]\w{{0,63}}+)>"
    rf"(?:<!\[CDATA\[((?:{_CLEAN}++|\](?!\]>))*+)\]\]>|([\w.@+-]*+))</\1>[ \t\n]*+",
    re.ASCII,
)
_ROOT = ("<xml>", "</xml>")
_NESTED = CONTAINERS | REPEATED


class _Element:
    __slots__ = ("children", "name", "parts")

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: list[tuple[str, Any]] = []
        self.parts: list[tuple[bool, str]] = []  # inside CDATA?, text

    def value(self) -> Any:
        if self.name in CONTAINERS:
            return [value for _, value in self.children]
        if self.children:
            return _mapping(self.children)
        return self._text()

    def _text(self) -> str:
        text = self.parts[0][1] if len(self.parts) == 1 else _words(self.parts)
        return _trimmed(self.name, text)


def _words(parts: list[tuple[bool, str]]) -> str:
    inside = "".join(text for cdata, text in parts if cdata)
    outside = "".join(text for cdata, text in parts if not cdata)
    if any(cdata for cdata, _ in parts) and not outside.strip():
        return inside  # line breaks around a CDATA section are layout, not words
    return "".join(text for _, text in parts)


def _mapping(children: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for name, value in children:
        found.setdefault(name, []).append(value)
    return {name: _one_or_many(name, values) for name, values in found.items()}


def _one_or_many(name: str, values: list[Any]) -> Any:
    """Siblings of one name make a list; a container sent in pieces is put together."""
    if name in CONTAINERS:
        return [one for value in values for one in value]
    return values if len(values) > 1 or name in REPEATED else values[0]


class _Reader:
    def __init__(self) -> None:
        self.root = _Element("")
        self.stack = [self.root]
        self.left = MAX_ELEMENTS
        self.in_cdata = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self.left -= 1
        if len(self.stack) > MAX_DEPTH or self.left < 0:
            raise Refused(400, "xml")
        self.stack.append(_Element(name))

    def end(self, name: str) -> None:
        element = self.stack.pop()
        self.stack[-1].children.append((name, element.value()))

    def text(self, data: str) -> None:
        self.stack[-1].parts.append((self.in_cdata, data))

    def start_cdata(self) -> None:
        self.in_cdata = True

    def end_cdata(self) -> None:
        self.in_cdata = False

    def refuse(self, *_: object) -> None:
        raise Refused(400, "dtd")


def read(text: str) -> dict[str, Any]:
    """The elements under `<xml>`; a leaf is text, a branch a dict, a container a list."""
    return _flat(text) or _parsed(text)


def _flat(text: str) -> dict[str, Any] | None:
    """None for what is not plainly flat, or not plain in any other way."""
    if not (text.startswith(_ROOT[0]) and text.endswith(_ROOT[1])):
        return None
    found: dict[str, Any] = {}
    at, end = len(_ROOT[0]), len(text) - len(_ROOT[1])
    while at < end:
        leaf = _LEAF.match(text, at, end)
        if leaf is None or leaf[1] in found or leaf[1] in _NESTED:
            return None
        name, inside, word = leaf.groups()
        found[name] = word if inside is None else _trimmed(name, inside)
        at = leaf.end()
    return found


def _trimmed(name: str, text: str) -> str:
    return text if name in TYPED_BY_PEOPLE else text.strip()


def _parsed(text: str) -> dict[str, Any]:
    reader = _Reader()
    try:
        _parser(reader).Parse(text.encode(), True)
    except (expat.ExpatError, ValueError):  # ValueError: a lone surrogate cannot be encoded
        raise Refused(400, "xml") from None
    name, value = reader.root.children[0]
    if name != "xml" or not isinstance(value, dict):
        raise Refused(400, "xml")
    return value


def _parser(reader: _Reader) -> expat.XMLParserType:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartCdataSectionHandler = reader.start_cdata
    parser.EndCdataSectionHandler = reader.end_cdata
    parser.StartDoctypeDeclHandler = reader.refuse
    return parser
