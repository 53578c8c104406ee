"""The message objects of the archive: what is wrong with one, and the sender's own words in it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

ACTIONS = ("send", "recall", "switch")
FIELDS = {"docmsg": "doc", "markdown": "info", "news": "info", "external_redpacket": "redpacket"}
INSIDE = {"text": "content", "revoke": "pre_msgid", "agree": "userid", "disagree": "userid"}
LONGEST_ID = 200
QUOTES = "这是一条引用/回复消息"
# between what is quoted and what is said to it
_RULE = re.compile(r"^[^\S\n]*+[-—–]{3,}+[^\S\n]*+$", re.M)


def wrong(data: Any) -> str:
    """What was seen and what is wanted; empty when it can be taken in."""
    if not isinstance(data, dict):
        return f"是{_seen(data)}，应为一个消息对象 {{…}}"
    return next(_problems(data), "")


def _problems(data: Mapping[str, Any]) -> Iterator[str]:
    if _short(data.get("msgid")) and len(data["msgid"]) > LONGEST_ID:
        yield f"msgid 有 {len(data['msgid'])} 个字符，应不超过 {LONGEST_ID}"
    yield from _text(data, "msgid")
    if data.get("action") not in ACTIONS:
        yield f"action 是{_seen(data.get('action'))}，应为 {'、'.join(ACTIONS)}"
    if data.get("action") == "switch":
        yield from _text(data, "user")
        yield from _time(data, "time")
        return
    for name in ("from", "msgtype"):
        yield from _text(data, name)
    yield from _time(data, "msgtime")
    to = data.get("tolist")
    if not isinstance(to, list) or not all(isinstance(one, str) for one in to):
        yield f'tolist 是{_seen(to)}，应为 ["账号", …]'
    if not isinstance(data.get("roomid", ""), str):
        yield f"roomid 是{_seen(data['roomid'])}，应为文字，单聊为空"
    yield from _body(data)


def _body(data: Mapping[str, Any]) -> Iterator[str]:
    kind = str(data.get("msgtype"))
    name = FIELDS.get(kind, kind)
    body = data.get(name)
    if kind in INSIDE and not isinstance(body, dict):
        yield f'{name} 是{_seen(body)}，{kind} 消息应有 {{"{INSIDE[kind]}": …}}'
    elif kind in INSIDE and isinstance(body, dict):
        yield from _text(body, INSIDE[kind], f"{name}.", empty=kind == "text")
    if not whole(data):
        yield "含有半个字符（残缺的 \\ud8xx），应为完整的 UTF-8 文字"


def whole(data: Mapping[str, Any]) -> bool:
    """JSON can spell half a surrogate pair, which no store would take."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _text(data: Mapping[str, Any], name: str, at: str = "", empty: bool = False) -> Iterator[str]:
    value = data.get(name)
    if not (isinstance(value, str) if empty else _short(value)):
        yield f"{at}{name} 是{_seen(value)}，应为{'' if empty else '非空的'}文字"


def _time(data: Mapping[str, Any], name: str) -> Iterator[str]:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**14:
        yield f"{name} 是{_seen(value)}，应为毫秒整数，例如 1775000399123"


def _seen(value: Any) -> str:
    if value is None or value == "":
        return "空的"
    plain = isinstance(value, str) and value.isprintable()
    shown = value if plain else json.dumps(value, ensure_ascii=isinstance(value, str))
    return f" {shown[:40]}{'…' if len(shown) > 40 else ''} "


# Words


def words(data: Mapping[str, Any]) -> str:
    """What the sender wrote; nothing of what they quoted, forwarded or linked to."""
    kind = data.get("msgtype")
    if kind == "text":
        return unquoted(_content(data.get("text")))
    if kind == "markdown":
        return _content(data.get("info"))
    if kind == "mixed":
        items = _dict(data.get("mixed")).get("item")
        parts = [_mixed(item) for item in items] if isinstance(items, list) else []
        return "\n".join(part for part in parts if part)
    return ""


def _mixed(item: Any) -> str:
    """An item's content is JSON again, as text."""
    if str(_dict(item).get("type", "")).lower() != "text":
        return ""
    content = item.get("content")
    if not isinstance(content, str):
        return _content(content)
    try:
        return unquoted(_content(json.loads(content)))
    except (ValueError, RecursionError):
        return unquoted(content)


def unquoted(text: str) -> str:
    """A reply carries what it replies to, which somebody else may have said."""
    if not text.lstrip().startswith(QUOTES):
        return text
    parts = _RULE.split(text)
    return parts[-1].strip() if len(parts) > 1 else ""


def _content(value: Any) -> str:
    found = _dict(value).get("content")
    return found.replace("\0", "") if isinstance(found, str) else ""


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
