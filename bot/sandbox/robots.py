"""Group robots of the pretend company: one address for each internal group, no token."""

import base64
import binascii
import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.world import ApiError, World

PER_MINUTE = 20
TEXT_BYTES, MARKDOWN_BYTES = 2048, 4096
IMAGE_BYTES = 2 * 1024 * 1024
ARTICLES = 8
Block = Mapping[str, Any]


def key_of(chat: str) -> str:
    """The key in the address that a member copies out of that group."""
    return f"robot-{chat}"


class Robots:
    def __init__(
        self, world: World, now: Callable[[], datetime], put: Callable[[str, str, Block], object]
    ) -> None:
        self._now = now
        self._put = put
        self._chats = {key_of(chat.chatid): chat.chatid for chat in world.internal}
        self._posts: dict[str, deque[datetime]] = {}

    def send(self, query: Block, body: Block) -> dict[str, Any]:
        key = str(query.get("key") or "")
        if key not in self._chats:
            raise ApiError(93000, "invalid webhook url")
        shown = show(body)
        self._admit(key)
        self._put(self._chats[key], "webhook", shown)
        return {}

    def _admit(self, key: str) -> None:
        at, posts = self._now(), self._posts.setdefault(key, deque())
        while posts and at - posts[0] >= timedelta(minutes=1):
            posts.popleft()
        if len(posts) >= PER_MINUTE:
            raise ApiError(45009, "api freq out of limit")
        posts.append(at)


def show(body: Block) -> dict[str, Any]:
    """What the group sees, or the refusal."""
    kind = body.get("msgtype")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ApiError(40008, "invalid message type")
    content = body.get(kind)
    if not isinstance(content, Mapping):
        raise ApiError(40058, f"missing {kind}")
    return {"type": kind, **_TYPES[kind](content)}


def _words(most: int) -> Callable[[Block], dict[str, Any]]:
    def shown(content: Block) -> dict[str, Any]:
        words = content.get("content")
        if not isinstance(words, str) or not words:
            raise ApiError(44004, "empty content")
        if len(words.encode()) > most:
            raise ApiError(45002, "content too long")
        return {"text": words}

    return shown


def _image(content: Block) -> dict[str, Any]:
    try:
        data = base64.b64decode(str(content.get("base64") or ""), validate=True)
    except binascii.Error:
        raise ApiError(40058, "invalid base64") from None
    if not data or len(data) > IMAGE_BYTES:
        raise ApiError(40009, "invalid image size")
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != content.get("md5"):
        raise ApiError(301019, "image md5 mismatch")
    return {"text": "", "image": {"name": "image", "bytes": len(data)}}


def _news(content: Block) -> dict[str, Any]:
    found = content.get("articles")
    if not isinstance(found, list) or not 1 <= len(found) <= ARTICLES:
        raise ApiError(45008, "1 to 8 articles")
    if not all(isinstance(one, Mapping) and one.get("title") and one.get("url") for one in found):
        raise ApiError(40058, "an article needs title and url")
    return {"text": "\n".join(str(one["title"]) for one in found), "articles": found}


_TYPES: Mapping[str, Callable[[Block], dict[str, Any]]] = {
    "text": _words(TEXT_BYTES),
    "markdown": _words(MARKDOWN_BYTES),
    "markdown_v2": _words(MARKDOWN_BYTES),
    "image": _image,
    "news": _news,
}
