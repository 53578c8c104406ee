"""Who exists in the pretend company, and the two ways a call to it can be wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    userid: str
    name: str


@dataclass(frozen=True, slots=True)
class Customer:
    external_userid: str
    name: str
    follow: tuple[str, ...] = ()  # userids of the members who have them as contact


@dataclass(frozen=True, slots=True)
class Group:
    """A customer group; `members` holds userids and external_userids."""

    chat_id: str
    name: str
    owner: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Internal:
    """A group of staff only, where the aibot hears what mentions it."""

    chatid: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    corp_id: str
    agent_id: int
    app_secret: str
    contact_secret: str
    aibot_id: str
    members: tuple[Member, ...]
    customers: tuple[Customer, ...] = ()
    groups: tuple[Group, ...] = ()
    internal: tuple[Internal, ...] = ()
    bot_name: str = "小福"
    kf_secret: str = "sandbox-kf-secret"
    open_kfid: str = "wkSANDBOX0001"
    aibot_secret: str = "sandbox-aibot-secret"  # of its long connection

    def member(self, userid: str) -> Member | None:
        """By userid, whose case means nothing to the platform."""
        wanted = userid.lower()
        return next((m for m in self.members if m.userid.lower() == wanted), None)


class ApiError(Exception):
    """What the pretend API answers instead of 0."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class Impossible(ValueError):
    """Somebody was asked to do what the platform does not let them do; the text says why."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status
