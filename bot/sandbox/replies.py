"""What may be answered in a callback, and how an answer looks when it is shown."""

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.sandbox import cards
from bot.sandbox.world import ApiError

STREAM_BYTES = 20_480
RATING_BYTES = 256
_KINDS = ("stream", "template_card", "stream_with_template_card")


def read(plaintext: str, welcome: bool) -> dict[str, Any]:
    """A valid answer; ValueError says what is wrong. Plain text only greets."""
    try:
        reply = json.loads(plaintext)
        _check(reply, welcome)
    except (TypeError, KeyError, AttributeError, RecursionError, ApiError) as exc:
        raise ValueError(f"invalid reply: {exc}") from None
    return dict(reply)


def _check(reply: Mapping[str, Any], welcome: bool) -> None:
    kind = reply["msgtype"]
    if kind not in (("text", "template_card") if welcome else _KINDS):
        raise ValueError(f"msgtype {kind} is not allowed here")
    if kind == "text":
        _check_content(reply["text"]["content"])
    if "stream" in kind:
        _check_stream(reply["stream"])
    if reply.get("template_card"):
        cards.check(reply["template_card"])


def _check_stream(stream: Mapping[str, Any]) -> None:
    if not stream["id"] or not isinstance(stream["finish"], bool):
        raise ValueError("stream needs id and finish")
    _check_content(stream["content"])
    if len(rating({"stream": stream}).encode()) > RATING_BYTES:
        raise ValueError("feedback.id is longer than 256 bytes")


def _check_content(content: str) -> None:
    if len(content.encode()) > STREAM_BYTES:
        raise ValueError("content is longer than 20480 bytes")


def rating(reply: Mapping[str, Any]) -> str:
    """Under which name the answer may be rated; "" when it may not."""
    stream = reply.get("stream") or {}
    return str((stream.get("feedback") or {}).get("id") or "")


def unfinished(reply: Mapping[str, Any]) -> bool:
    return "stream" in reply and not reply["stream"]["finish"]


def shown(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A stream is shown by its last text, whole."""
    card = reply.get("template_card")
    seen = {"type": reply["msgtype"], "card": card, "text": ""}
    if "stream" in reply:
        stream = reply["stream"]
        return {**seen, "type": "stream", "text": stream["content"], "finish": stream["finish"]}
    if "text" in reply:
        return {**seen, "text": reply["text"]["content"]}
    return {**seen, "text": str(((card or {}).get("main_title") or {}).get("title") or "")}


_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_CARD_LISTS = frozenset(
    {
        "action_list",
        "button_list",
        "horizontal_content_list",
        "jump_list",
        "option_list",
        "select_list",
        "vertical_content_list",
    }
)
_CARD_NUMBERS = frozenset({"desc_color", "mode", "style", "type"})


def card_update(reply: Mapping[str, Any]) -> tuple[str | None, dict[str, Any] | None]:
    """The words in place of the buttons, or the whole new card, of an app's passive reply."""
    name = (reply.get("Button") or {}).get("ReplaceName")
    card = _snake(reply.get("TemplateCard")) if "TemplateCard" in reply else None
    if card:
        cards.check(card)
    elif not name:
        raise ValueError("a card update without ReplaceName or TemplateCard")
    return name, card


def _snake(value: Any) -> Any:
    """A card in XML is spelled in PascalCase, its lists as repeated elements."""
    if isinstance(value, list):
        return [_snake(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    named = {_CAPITAL.sub("_", name).lower(): _snake(one) for name, one in value.items()}
    return {name: _card_value(name, one) for name, one in named.items()}


def _card_value(name: str, value: Any) -> Any:
    if name in _CARD_LISTS and not isinstance(value, list):
        return [value]
    return int(value) if name in _CARD_NUMBERS and str(value).isdecimal() else value
