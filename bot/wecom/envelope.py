"""Callbacks between bytes and values: check, decrypt, identify, read; seal the answer. No I/O."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.wecom import cipher, elements, kinds
from bot.wecom.cipher import Channel, Refused
from handlers.values import Inbound

__all__ = [
    "Channel",
    "Kept",
    "Refused",
    "check_url",
    "identify",
    "inbound",
    "open",
    "reread",
    "seal",
    "single",
    "stream_asked",
    "stream_id",
    "stream_message",
    "stream_reply",
    "stream_text",
    "text_reply_xml",
    "unrated",
    "update_button_xml",
]

MAX_BODY = 256 * 1024  # real bodies stay under a few tens of KB
MAX_RATING = 256  # bytes of its id
MAX_STREAM = 20_480  # bytes of one streamed text
_STREAM = "s:"
_ENCRYPT_XML = re.compile(rb"<Encrypt\s*>")
_ENCRYPT_JSON = re.compile(rb'"encrypt"\s*:\s*"([^"]*)"')
_MENTION = re.compile(r"@\S+\s*")


@dataclass(frozen=True, slots=True)
class Kept:
    """What the inbox needs to know of a verified callback before anybody reads it in full.

    `lane` names the one whose messages must be handled in order. `kind` is the message type,
    or the event's name in lower case.
    """

    id: str
    channel: str
    lane: str
    body: str
    kind: str = ""
    waits: bool = False  # a person waits for a streamed answer


def check_url(channel: Channel, query: Mapping[str, str], now: datetime, window_s: int) -> str:
    """The decrypted echostr, which is the whole answer to WeCom's check of the address."""
    encrypted = _parameter(query, "echostr")
    _authenticate(channel, query, encrypted, now, window_s)
    return cipher.decrypt(channel, encrypted)


def open(
    channel: Channel, query: Mapping[str, str], body: bytes, now: datetime, window_s: int
) -> str:
    """The plaintext of a delivery; nothing is parsed before the signature holds."""
    if len(body) > MAX_BODY:
        raise Refused(413, "size")
    encrypted = _from_json(body) if channel.style == "json" else _from_xml(body)
    _authenticate(channel, query, encrypted, now, window_s)
    return cipher.decrypt(channel, encrypted)


def _authenticate(
    channel: Channel, query: Mapping[str, str], encrypted: str, now: datetime, window_s: int
) -> None:
    timestamp = _parameter(query, "timestamp")
    signature = _parameter(query, "msg_signature")
    cipher.verify(channel, signature, timestamp, _parameter(query, "nonce"), encrypted)
    if window_s and abs(now.timestamp() - _seconds(timestamp)) > window_s:
        raise Refused(403, "window")


def _parameter(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise Refused(400, "missing")
    return value


def _seconds(timestamp: str) -> int:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise Refused(403, "window")
    return int(timestamp)


def _from_xml(body: bytes) -> str:
    """Find Encrypt by byte search: the outer XML is not signed, so it is not parsed."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Refused(400, "dtd")
    found = _ENCRYPT_XML.search(body)
    end = body.find(b"</Encrypt", found.end()) if found else -1
    if found is None or end < 0:
        raise Refused(400, "xml")
    value = body[found.end() : end].strip()
    if value.startswith(b"<![CDATA[") and value.endswith(b"]]>"):
        value = value[9:-3].strip()
    return _ascii(value)


def _from_json(body: bytes) -> str:
    found = _ENCRYPT_JSON.search(body)
    if found is None:
        raise Refused(400, "json")
    value = found.group(1)
    if b"\\" in value:  # some writers escape "/" or "="
        value = _unescaped(value)
    return _ascii(value)


def _unescaped(value: bytes) -> bytes:
    try:
        return str(json.loads(b'"' + value + b'"')).encode("ascii")
    except ValueError:
        raise Refused(400, "json") from None


def _ascii(value: bytes) -> str:
    if not value:
        raise Refused(400, "missing")
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise Refused(400, "base64") from None


def identify(channel_name: str, plaintext: str) -> Kept:
    """Name a verified delivery, so that a repeated one is known whatever its encryption."""
    if channel_name == "aibot":
        return _identify_json(channel_name, plaintext)
    return _named(channel_name, elements.read(plaintext), plaintext)


def _named(channel_name: str, found: Mapping[str, Any], plaintext: str) -> Kept:
    kind = _xml_kind(found)
    if not kind:
        raise Refused(400, "xml")
    id = _xml_id(channel_name, found, kind, plaintext)
    return Kept(id, channel_name, _xml_lane(found), plaintext, kind)


def _xml_kind(found: Mapping[str, Any]) -> str:
    kind = _text(found, "MsgType").lower()
    if kind in ("event", ""):
        # a suite's callback has neither, only InfoType
        return (_text(found, "Event") or _text(found, "InfoType")).lower() or kind
    return kind


def _xml_id(channel_name: str, found: Mapping[str, Any], kind: str, plaintext: str) -> str:
    """MsgId tells messages apart. Events have none, and two of `sys` may share a second."""
    number = _text(found, "MsgId")
    if number and "Event" not in found and len(number) <= 64:
        return f"{channel_name}:m:{_text(found, 'AgentID') or '0'}:{number}"
    return f"{channel_name}:e:{_digest(plaintext)}"


def _digest(plaintext: str) -> str:
    return hashlib.sha256(plaintext.encode()).hexdigest()[:32]


def _xml_lane(found: Mapping[str, Any]) -> str:
    sender = _text(found, "FromUserName").lower()  # a userid's case means nothing
    if sender not in ("sys", ""):
        return sender
    about = ("ExternalUserID", "ChatId", "OpenKfId", "UserID", "AuthCorpId")
    return next((_text(found, name) for name in about if _text(found, name)), sender or "sys")


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _identify_json(channel_name: str, plaintext: str) -> Kept:
    found = _json(plaintext)
    kind = _text(found, "msgtype")
    if not kind:
        raise Refused(400, "json")
    number = _text(found, "msgid")
    id = f"{channel_name}:{number}" if number else f"{channel_name}:e:{_digest(plaintext)}"
    lane = _text(found, "chatid") or _sender(found).lower() or "sys"
    event = _json_event(found)
    return Kept(id, channel_name, lane, plaintext, event or kind, waits=kind != "event")


def _json(plaintext: str) -> dict[str, Any]:
    try:
        found = json.loads(plaintext)
    except (ValueError, RecursionError):
        raise Refused(400, "json") from None
    if not isinstance(found, dict) or ("\\u" in plaintext and not _encodable(found)):
        raise Refused(400, "json")
    return found


def _encodable(found: dict[str, Any]) -> bool:
    """JSON can spell half a surrogate pair, which no store would take."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_event(found: Mapping[str, Any]) -> str:
    return _text(_branch(found, "event"), "eventtype").lower()


def _sender(found: Mapping[str, Any]) -> str:
    return _text(_branch(found, "from"), "userid")


def _branch(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def inbound(kept: Kept, at: datetime, bot_name: str = "") -> Inbound:
    """The full reading; `at` stands in where the platform gives no time.

    A group's text begins with the mention of the bot, which is taken off: exactly
    `@bot_name` where the name is given, otherwise the first word.
    """
    if kept.channel == "aibot":
        return _inbound_json(kept, at, bot_name)
    return _inbound_xml(kept, elements.read(kept.body), at)


def reread(channel_name: str, plaintext: str, at: datetime, bot_name: str = "") -> Inbound:
    """The full reading of what was kept as it came."""
    if channel_name == "aibot":
        return inbound(_identify_json(channel_name, plaintext), at, bot_name)
    found = elements.read(plaintext)
    return _inbound_xml(_named(channel_name, found, plaintext), found, at)


def _inbound_xml(kept: Kept, found: dict[str, Any], at: datetime) -> Inbound:
    kind = _text(found, "MsgType").lower() or "event"
    return Inbound(
        id=kept.id,
        channel=kept.channel,
        kind=kind,
        sender=_text(found, "FromUserName") or "sys",
        sent_at=_happened(kind, found, kept.body, at),
        # wechatpy trims what people typed, so the words come from our own reading
        text=_text(found, "Content"),
        event=kept.kind if kind == "event" else "",
        chat=_text(found, "ChatId"),
        fields=found,
    )


def _happened(kind: str, found: Mapping[str, Any], plaintext: str, at: datetime) -> datetime:
    """A message tells it in one field; to ask wechatpy, which knows events, costs ten times."""
    if kind != "event":
        return _said_at(found.get("CreateTime"), at)
    return (kinds.sent_at(kinds.typed(plaintext)) or at).astimezone(UTC)


def _inbound_json(kept: Kept, at: datetime, bot_name: str) -> Inbound:
    found = _json(kept.body)
    chat = _text(found, "chatid")
    words = _words(found)
    return Inbound(
        id=kept.id,
        channel=kept.channel,
        kind=_text(found, "msgtype"),
        sender=_sender(found) or "sys",
        sent_at=_said_at(found.get("create_time"), at),
        text=_without_mention(words, bot_name) if chat else words,
        event=_json_event(found),
        chat=chat,
        fields=_listed(found),
    )


def _said_at(value: Any, at: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return at.astimezone(UTC)


def _words(found: Mapping[str, Any]) -> str:
    """What was said: typed, transcribed by WeCom, or the text parts of a mixed message."""
    if _text(found, "msgtype") == "mixed":
        items = _many(_branch(found, "mixed").get("msg_item"))
        parts = [_words(item) for item in items if isinstance(item, dict)]
        return "\n".join(part for part in parts if part)
    words = _text(_branch(found, "text"), "content") or _text(_branch(found, "voice"), "content")
    return words.replace("\0", "")  # PostgreSQL has no such character


def _without_mention(words: str, bot_name: str) -> str:
    start = words.lstrip()
    if bot_name and start.startswith(f"@{bot_name}"):
        return start.removeprefix(f"@{bot_name}").lstrip()
    found = _MENTION.match(start)
    return start[found.end() :] if found else words


def _listed(found: dict[str, Any]) -> dict[str, Any]:
    """The choices of a pressed card as lists, also when the platform sends a single one."""
    event = _branch(_branch(found, "event"), "template_card_event")
    selected = _branch(event, "selected_items")
    if not selected:
        return found
    items = [
        {**item, "option_ids": {"option_id": _many(_branch(item, "option_ids").get("option_id"))}}
        for item in _many(selected.get("selected_item"))
        if isinstance(item, dict)
    ]
    card = {**event, "selected_items": {"selected_item": items}}
    return {**found, "event": {**found["event"], "template_card_event": card}}


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def seal(channel: Channel, plaintext: str, nonce: str, timestamp: str) -> str:
    """The encrypted passive reply; the same arguments give the same bytes.

    The aibot wants the request's own nonce back, and its timestamp as a number.
    """
    prefix = cipher.steady_prefix(channel, nonce, plaintext)
    encrypted = cipher.encrypt(channel, plaintext, prefix)
    signature = cipher.sign(channel.token, timestamp, nonce, encrypted)
    if channel.style == "json":
        return json.dumps(
            {
                "encrypt": encrypted,
                "msgsignature": signature,
                "timestamp": _seconds(timestamp),
                "nonce": nonce,
            }
        )
    return (
        f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{signature}]]></MsgSignature>"
        f"<TimeStamp>{_seconds(timestamp)}</TimeStamp>"
        f"<Nonce><![CDATA[{kinds.cdata(nonce)}]]></Nonce></xml>"
    )


def update_button_xml(to_user: str, corp_id: str, replace_name: str, create_time: int) -> str:
    return kinds.update_button(to_user, corp_id, replace_name, create_time)


def text_reply_xml(to_user: str, corp_id: str, content: str, create_time: int) -> str:
    return kinds.text_reply(to_user, corp_id, content, create_time)


def stream_id(message_id: str) -> str:
    """The stream that answers a message; the way back is `stream_message`."""
    return _STREAM + message_id


def stream_message(stream: str) -> str | None:
    """The message a stream answers, or None for a stream that is not ours."""
    return stream.removeprefix(_STREAM) if stream.startswith(_STREAM) else None


def stream_reply(message_id: str, text: str, finish: bool = True, *, rated: bool = False) -> str:
    """The aibot's answer to a message, ready to be sealed; whoever asked may rate it."""
    return stream_text(stream_id(message_id), text, finish, message_id if rated else "")


def stream_text(stream: str, text: str, finish: bool = True, rating: str = "") -> str:
    """One state of a stream, always the whole text so far; what is over-long is cut.

    `rating` comes back with what somebody thinks of it; the platform wants it in the first state.
    """
    content = text.encode()[:MAX_STREAM].decode(errors="ignore")
    state: dict[str, Any] = {"id": stream, "finish": finish, "content": content}
    if 0 < len(rating.encode()) <= MAX_RATING:
        state["feedback"] = {"id": rating}
    return json.dumps({"msgtype": "stream", "stream": state}, ensure_ascii=False)


def single(kept: Kept) -> bool:
    """Whether a member asked alone, and no group."""
    return not _text(_json(kept.body), "chatid")


def unrated(reply: str) -> str:
    """The same for a later state, which names no rating again."""
    found = json.loads(reply)
    found.get("stream", {}).pop("feedback", None)
    return json.dumps(found, ensure_ascii=False)


def stream_asked(kept: Kept) -> str:
    """The stream id a refresh asks about."""
    return _text(_branch(_json(kept.body), "stream"), "id")
