"""What message/send accepts of each message type, and what the receiver then sees."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.sandbox import cards
from bot.sandbox.media import Media, size
from bot.sandbox.world import ApiError

TEXT_BYTES = 2048
Shown = dict[str, Any]
Block = Mapping[str, Any]


def show(body: Block, media: Media, at: datetime) -> Shown:
    """The message as it appears in the chat, or the refusal."""
    kind = body.get("msgtype")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ApiError(40008, "invalid message type")
    content = body.get(kind)
    if not isinstance(content, Mapping):
        raise ApiError(40063, f"missing {kind}")
    return {"type": kind, "text": "", **_TYPES[kind](content, media, at)}


def cut(text: str, most: int) -> str:
    """The platform cuts what is too long; half a character does not stay."""
    return text.encode()[:most].decode(errors="ignore")


def _words(content: Block, _media: Media, _at: datetime) -> Shown:
    words = content.get("content")
    if not isinstance(words, str) or not words:
        raise ApiError(44004, "empty content")
    shown = cut(words, TEXT_BYTES)
    return {"text": shown} if shown == words else {"text": shown, "cut": True}


def _medium(kind: str) -> Callable[[Block, Media, datetime], Shown]:
    def shown(content: Block, media: Media, at: datetime) -> Shown:
        stored = media.get(content.get("media_id"), at, kind)
        seen: Shown = {"name": stored.name, "media_id": stored.media_id}
        if kind != "image":
            return {"text": stored.name, kind: {**seen, "bytes": len(stored.data)}}
        width, height = size(stored.data) or (0, 0)
        return {"text": stored.name, kind: {**seen, "width": width, "height": height}}

    return shown


def _textcard(content: Block, _media: Media, _at: datetime) -> Shown:
    title = _need(content, "title", 41016)
    description = _need(content, "description", 41033)
    if "://" not in _need(content, "url", 41010):
        raise ApiError(40035, "url needs a scheme")
    _check_url(content["url"])
    seen = {
        "title": cut(title, 128),
        "description": cut(description, 512),
        "url": content["url"],
        "btntxt": str(content.get("btntxt") or "详情")[:4],
    }
    return {"text": f"{seen['title']}\n{seen['description']}", "textcard": seen}


def _articles(content: Block, media: Media, at: datetime) -> Shown:
    found = _list(content, "articles")
    if len(found) > 8:
        raise ApiError(45008, "more than 8 articles")
    for article in found:
        _need(article, "title", 41016)
        if "thumb_media_id" in article:
            media.get(article["thumb_media_id"], at, "image")
        elif not article.get("appid"):
            _check_url(_need(article, "url", 41010))
    titles = [cut(article["title"], 128) for article in found]
    return {"text": "\n".join(titles), "articles": [dict(article) for article in found]}


def _miniprogram(content: Block, _media: Media, _at: datetime) -> Shown:
    _need(content, "appid", 40063)
    title = _need(content, "title", 41016)
    if len(content.get("content_item") or ()) > 10:
        raise ApiError(40058, "content_item must hold at most 10")
    return {"text": title, "miniprogram": dict(content)}


def _card(content: Block, _media: Media, _at: datetime) -> Shown:
    cards.check(content)
    main = content.get("main_title") or {}
    return {"text": str(main.get("title") or content.get("sub_title_text") or ""), "card": content}


def _list(content: Block, name: str) -> list[Block]:
    found = content.get(name)
    if not isinstance(found, list) or not found:
        raise ApiError(40063, f"missing {name}")
    if not all(isinstance(one, Mapping) for one in found):
        raise ApiError(40058, f"{name} must hold objects")
    return found


def _need(content: Block, name: str, code: int) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(code, f"missing {name}")
    return value


def _check_url(url: str) -> None:
    if len(url.encode()) > 2048:
        raise ApiError(40039, "url too long")


_TYPES: Mapping[str, Callable[[Block, Media, datetime], Shown]] = {
    "text": _words,
    "markdown": _words,
    "image": _medium("image"),
    "voice": _medium("voice"),
    "video": _medium("video"),
    "file": _medium("file"),
    "textcard": _textcard,
    "news": _articles,
    "mpnews": _articles,
    "miniprogram_notice": _miniprogram,
    "template_card": _card,
}
