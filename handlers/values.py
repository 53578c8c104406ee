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
class Media:
    """A file of the material library to a member; `kind` is image, video or file."""

    to: str
    kind: str
    material: str  # its id, under which the upload is remembered
    title: str
    place: str  # a name in the materials folder


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


@dataclass(frozen=True, slots=True)
class KfPull:
    """Read what is new in a 微信客服 account; the token of the bell lifts the pull's limit."""

    open_kfid: str
    token: str


@dataclass(frozen=True, slots=True)
class KfText:
    """A text to a visitor of 微信客服, with a menu (id, words) to tap; `code` answers an event."""

    to: str
    open_kfid: str
    text: str
    menu: tuple[tuple[str, str], ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class KfHand:
    """Put the session into a person's hands, or into the pool when they do not serve now."""

    to: str
    open_kfid: str
    servicer: str


@dataclass(frozen=True, slots=True)
class KfInvite:
    """A card in the service chat that invites to add this advisor."""

    to: str
    open_kfid: str
    userid: str
    wording: str


@dataclass(frozen=True, slots=True)
class KfWho:
    """Read a visitor's nickname; it comes back as an Inbound of event `kf_name`."""

    to: str


Kf = KfPull | KfText | KfHand | KfInvite | KfWho
Action = Send | Card | UpdateCard | Picture | Media | Answer | LookUp | Welcome | Kf
