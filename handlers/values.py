"""The values that pass between the edge and the handlers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Inbound:
    """One verified message or event; what the platform said, nothing of ours.

    `id` is the same for every delivery of the same message. `text` is kept untrimmed.
    """

    id: str
    channel: str  # app, contact, kf, archive, aibot
    kind: str  # text, image, voice, video, location, link, event, stream, ...
    sender: str  # userid, external_userid or "sys"
    sent_at: datetime
    text: str = ""
    event: str = ""  # the event's name in lower case, "" for messages
    chat: str = ""  # group the message was said in
    to: str = ""  # archive: the other side of a one-to-one chat
    fields: Mapping[str, Any] = field(default_factory=dict)  # everything else, by its own name


@dataclass(frozen=True, slots=True)
class Button:
    """A card's button; the key comes back in `template_card_event`."""

    text: str
    key: str
    style: int = 2


@dataclass(frozen=True, slots=True)
class Send:
    """A text to a member in the app chat."""

    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """A button card to a member in the app chat; `task_id` is unique within the app."""

    to: str
    task_id: str
    title: str
    buttons: tuple[Button, ...]
    desc: str = ""
    text: str = ""
    pairs: tuple[tuple[str, str], ...] = ()  # keyname, value


@dataclass(frozen=True, slots=True)
class UpdateCard:
    """Replace the buttons of the card that was just pressed with a plain text."""

    text: str
    userid: str
    response_code: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture drawn from SVG, sent to a member as an image."""

    to: str
    name: str
    svg: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the aibot says in the chat where it was asked; goes back in the callback's reply."""

    text: str


@dataclass(frozen=True, slots=True)
class LookUp:
    """Read a contact's details; they come back as an Inbound of kind `detail`."""

    external_userid: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """Greet a new contact: the one message the platform lets a program send, within 20 s."""

    external_userid: str
    code: str
    text: str


Action = Send | Card | UpdateCard | Picture | Answer | LookUp | Welcome
