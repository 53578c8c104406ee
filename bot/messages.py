"""The bodies of messages to members, cut to what the platform takes: every limit is here."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from handlers.values import (
    Card,
    File,
    Form,
    Markdown,
    Media,
    Message,
    News,
    Notice,
    Picture,
    Send,
    TextCard,
    Vote,
)

log = logging.getLogger(__name__)

TEXT_BYTES = 2048  # WeCom cuts what is longer
TITLE, DESC, URL, TASK, KEY, OPTION = 128, 512, 2048, 128, 1024, 128  # bytes
LINK_WORDS = 4  # characters
ARTICLES, PAIRS, BUTTONS, LISTS, LISTED, BOXES = 8, 6, 6, 3, 10, 20
ENDS = "。！？!?\n；;"
Block = dict[str, Any]
Packed = tuple[str, str, Block]
KINDS: Mapping[type, str] = {
    Card: "card", Picture: "picture", Media: "media", News: "news", TextCard: "textcard",
    File: "file", Vote: "vote", Form: "form", Notice: "notice",
}  # fmt: skip
UPLOADED = ("picture", "media", "file")  # these need a media id before they can go


def packed(action: Send | Card | Picture | Media | Message) -> Iterator[Packed]:
    """Kind, receiver and body of each parcel; what is long leaves in pieces."""
    if isinstance(action, Send | Markdown):
        kind = "text" if isinstance(action, Send) else "markdown"
        for piece in split(action.text):
            yield kind, action.to, {"content": piece}
        return
    body: Block = _plain(action)
    if isinstance(action, Picture):
        del body["to"]
    yield KINDS[type(action)], action.to, body


def _plain(value: Any) -> Any:
    """As JSON knows it; `asdict` copies every text as well, which costs four times as much."""
    if isinstance(value, str | int):
        return value
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    names = getattr(value, "__dataclass_fields__", None)
    return {name: _plain(getattr(value, name)) for name in names} if names else value


def split(text: str, most: int = TEXT_BYTES) -> list[str]:
    """Pieces that fit, cut at line or sentence ends, never inside a character."""
    pieces: list[str] = []
    while len(text.encode()) > most:
        head = shorter(text, most)
        cut = max(head.rfind("\n") + 1, 0)
        if cut < len(head) // 2:
            cut = max((head.rfind(end) + 1 for end in ENDS), default=0)
        if cut < len(head) // 4:
            cut = len(head)
        pieces.append(head[:cut].rstrip("\n"))
        text = text[cut:]
    return [piece for piece in (*pieces, text) if piece.strip()] or [text[:most]]


def shorter(text: str, most: int) -> str:
    """At most so many bytes, and no half character at the end."""
    return text.encode()[:most].decode(errors="ignore")


def cut(text: str, most: int, what: str) -> str:
    """The same, and a line in the log when something is lost."""
    found = shorter(text, most)
    if len(found) < len(text):
        log.warning("%s is over %d bytes and was cut", what, most)
    return found


def few(items: list[Block], most: int, what: str) -> list[Block]:
    if len(items) > most:
        log.warning("%s holds %d, and %d are left out", what, most, len(items) - most)
    return items[:most]


def part(kind: str, body: Block, media_id: str = "") -> tuple[str, Block]:
    """The msgtype and what stands under it."""
    if kind == "media":
        return body["kind"], {"media_id": media_id}
    if kind in ("picture", "file"):
        return {"picture": "image"}.get(kind, kind), {"media_id": media_id}
    if kind in CARDS:
        return "template_card", CARDS[kind](body)
    return kind, PLAIN[kind](body)


def _content(body: Block) -> Block:
    return {"content": body["content"]}


def _textcard(body: Block) -> Block:
    return {
        "title": cut(body["title"], TITLE, "textcard.title"),
        "description": cut(body["text"], DESC, "textcard.description"),
        "url": _url(body["url"]), "btntxt": body["button"][:LINK_WORDS],
    }  # fmt: skip


def _news(body: Block) -> Block:
    articles = few(body["articles"], ARTICLES, "news.articles")
    return {"articles": [_article(one) for one in articles]}


def _article(article: Block) -> Block:
    found = {
        "title": cut(article["title"], TITLE, "article.title"),
        "description": cut(article["desc"], DESC, "article.description"),
        "url": _url(article["url"]), "picurl": article["picture"],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _url(url: str) -> str:
    """Half an address leads nowhere, so a long one is an error instead of being cut."""
    if len(url.encode()) > URL:
        raise ValueError(f"a link of {len(url.encode())} bytes, {URL} is the most")
    return url


def _card(body: Block) -> Block:
    buttons = few(list(body["buttons"]), BUTTONS, "button_list")
    card: Block = {
        "card_type": "button_interaction",
        "task_id": body["task_id"],
        "main_title": {"title": body["title"], "desc": body["desc"]},
        "sub_title_text": body["text"],
        "button_list": [_button(b) for b in buttons],
    }
    return {**card, **_pairs(body)}


def _button(button: Block) -> Block:
    key = cut(button["key"], KEY, "button.key")
    return {"text": button["text"], "style": button["style"], "key": key}


def _pairs(body: Block) -> Block:
    listed = [{"keyname": name, "value": value} for name, value in body["pairs"]]
    return {"horizontal_content_list": few(listed, PAIRS, "pairs")} if listed else {}


def _asking(body: Block, kind: str) -> Block:
    submit = {"text": body["submit"]["text"], "key": cut(body["submit"]["key"], KEY, "submit.key")}
    title = {"title": body["title"], "desc": body["desc"]}
    return {"card_type": kind, "task_id": body["task_id"], "main_title": title,
            "submit_button": submit}  # fmt: skip


def _vote(body: Block) -> Block:
    question = body["question"]
    options = [
        {**option, "is_checked": option["id"] in question["picked"]}
        for option in _options(question, BOXES)
    ]
    box = {"question_key": question["key"], "option_list": options, "mode": int(body["many"])}
    return {**_asking(body, "vote_interaction"), "checkbox": box}


def _form(body: Block) -> Block:
    lists = few([_list(question) for question in body["questions"]], LISTS, "select_list")
    return {**_asking(body, "multiple_interaction"), "select_list": lists}


def _list(question: Block) -> Block:
    found = {"question_key": question["key"], "title": question["title"],
             "option_list": _options(question, LISTED)}  # fmt: skip
    return {**found, "selected_id": question["picked"][0]} if question["picked"] else found


def _options(question: Block, most: int) -> list[Block]:
    options = few(list(question["options"]), most, "option_list")
    return [{"id": cut(o["id"], OPTION, "option.id"), "text": o["text"]} for o in options]


def _notice(body: Block) -> Block:
    figure, meaning = body["emphasis"]
    card: Block = {
        "card_type": "news_notice" if body["picture"] else "text_notice",
        "main_title": {"title": body["title"], "desc": body["desc"]},
        "card_action": {"type": 1, "url": _url(body["url"])},
        **_pairs(body),
    }
    if body["picture"]:
        return {**card, "card_image": {"url": body["picture"]}}
    if figure:
        card["emphasis_content"] = {"title": figure, "desc": meaning}
    return {**card, "sub_title_text": body["text"]}


PLAIN: Mapping[str, Callable[[Block], Block]] = {
    "text": _content, "markdown": _content, "textcard": _textcard, "news": _news,
}  # fmt: skip
CARDS: Mapping[str, Callable[[Block], Block]] = {
    "card": _card, "vote": _vote, "form": _form, "notice": _notice,
}  # fmt: skip
READY = (*PLAIN, *CARDS)  # their bytes are known before the first attempt
