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
class Markdown:
    """Headings, bold, links, quotes and colours; shown in the WeCom client only."""

    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    title: str
    url: str
    desc: str = ""
    picture: str = ""  # its address


@dataclass(frozen=True, slots=True)
class News:
    """Up to eight articles with pictures."""

    to: str
    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class TextCard:
    """A title, some lines and a link."""

    to: str
    title: str
    text: str
    url: str
    button: str = "详情"


@dataclass(frozen=True, slots=True)
class File:
    """A text as a file, for tables that are too long to be read in a chat."""

    to: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Option:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """Options to choose from; `picked` are the ids that stand chosen when it is shown."""

    key: str
    options: tuple[Option, ...]
    title: str = ""
    picked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """A card with one question; `many` lets several options be chosen."""

    to: str
    task_id: str
    title: str
    question: Question
    submit: Button
    desc: str = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A card with up to three questions, each a list to choose one option from."""

    to: str
    task_id: str
    title: str
    questions: tuple[Question, ...]
    submit: Button
    desc: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A card to read, which leads to a page; with a picture it is shown as news."""

    to: str
    title: str
    url: str
    desc: str = ""
    text: str = ""
    emphasis: tuple[str, str] = ("", "")  # a figure and what it means; not beside a picture
    pairs: tuple[tuple[str, str], ...] = ()
    picture: str = ""  # its address


@dataclass(frozen=True, slots=True)
class Post:
    """A text into an internal group by its robot; `hook` is the robot's name in the settings."""

    hook: str
    text: str
    markdown: bool = False


@dataclass(frozen=True, slots=True)
class PostPicture:
    """A picture drawn from SVG into an internal group by its robot."""

    hook: str
    svg: str


@dataclass(frozen=True, slots=True)
class ChatText:
    """A text into an internal group that the app has made itself."""

    chat: str
    text: str


@dataclass(frozen=True, slots=True)
class ChatPicture:
    """A picture drawn from SVG into such a group."""

    chat: str
    svg: str


@dataclass(frozen=True, slots=True)
class MassTask:
    """A 群发 for an advisor's contacts, or for customer groups that they own: sent only when
    they confirm it in the client.

    What became of it comes back as an Inbound of kind `mass`, and so do the results.
    """

    task: str
    sender: str
    customers: tuple[str, ...]
    text: str
    chats: tuple[str, ...] = ()  # instead of customers


@dataclass(frozen=True, slots=True)
class MassNudge:
    """Ask the sender in the client to confirm a 群发 (remind), or take it back (cancel)."""

    task: str
    msgid: str
    sender: str
    what: str
    by: str  # who asked for it, and is told


@dataclass(frozen=True, slots=True)
class MassResult:
    """Read who has been sent a 群发, a page at a time."""

    task: str
    msgid: str
    sender: str
    poll: int
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class UpdateCard:
    """Replace the buttons of the card that was just pressed with a plain text."""

    text: str
    userid: str
    response_code: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Take back what a member was shown: a card by its `task_id`, or the text of a `cause` that
    has `holding` in it.

    A card that still can keeps its place, with `words` where its buttons were.
    """

    to: str
    task_id: str = ""
    words: str = ""
    cause: str = ""
    holding: str = ""


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
class Push:
    """What the aibot says unasked, where it has a long connection; in a group somebody must have
    spoken to it before."""

    chat: str
    text: str
    group: bool = True


@dataclass(frozen=True, slots=True)
class LookUp:
    """Read a contact's details; they come back as an Inbound of kind `detail`."""

    external_userid: str
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Read something of customer contact; it comes back as an Inbound of kind `told`.

    `call` is members, contacts, chats, chat or tags; `run` and `number` name a reconcile's step.
    """

    call: str
    body: Mapping[str, Any]
    run: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Give an advisor's contact tags of our own group, and take such tags back; by their names."""

    userid: str
    external_userid: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


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
class KfLink:
    """A page to read, as a link with a small picture of its own."""

    to: str
    open_kfid: str
    title: str
    desc: str
    url: str


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


Kf = KfPull | KfText | KfLink | KfHand | KfInvite | KfWho
Register = LookUp | Ask | Mark
Message = Markdown | News | TextCard | File | Vote | Form | Notice
Mass = MassTask | MassResult | MassNudge
Robot = Post | PostPicture
Chat = ChatText | ChatPicture
Later = UpdateCard | Recall
Action = (
    Send | Card | Message | Later | Picture | Media | Answer | Push | Register | Welcome | Kf | Mass
    | Robot | Chat
)  # fmt: skip


def picked(msg: Inbound) -> dict[str, tuple[str, ...]]:
    """What stood chosen on a card when its button was pressed, by question."""
    items = msg.fields.get("SelectedItems")
    return {
        str(item.get("QuestionKey", "")): tuple(str(one) for one in item.get("OptionIds") or ())
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, Mapping)
    }
