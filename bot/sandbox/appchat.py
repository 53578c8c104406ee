"""Groups that the app makes among the pretend company's members: it speaks, and hears nothing."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox import messages
from bot.sandbox.media import Media
from bot.sandbox.world import ApiError, World

NAME, LEAST, MOST = 50, 2, 2000
MADE_A_DAY, PER_MINUTE = 1000, 200  # what a member gets beyond it vanishes without a word
_ID = re.compile(r"[0-9A-Za-z]{1,32}")
Block = Mapping[str, Any]


@dataclass(slots=True)
class Chat:
    chatid: str
    name: str
    owner: str
    members: list[str]
    said: deque[datetime] = field(default_factory=deque)


class AppChats:
    def __init__(
        self, world: World, now: Callable[[], datetime], media: Media,
        put: Callable[[str, str, Block, bool], object],
    ) -> None:  # fmt: skip
        self._world = world
        self._now = now
        self._media = media
        self._put = put
        self._made: deque[datetime] = deque()
        self.chats: dict[str, Chat] = {}

    def calls(self) -> dict[str, Callable[[Block, Block], dict[str, Any]]]:
        return {
            "appchat/create": self._create, "appchat/update": self._update,
            "appchat/get": self._get, "appchat/send": self._send,
        }  # fmt: skip

    def _create(self, _query: Block, body: Block) -> dict[str, Any]:
        chatid = str(body.get("chatid") or f"CHAT{len(self.chats) + 1}")
        if not _ID.fullmatch(chatid):
            raise ApiError(86001, "invalid chatid")
        if chatid in self.chats:
            raise ApiError(86215, "chatid exists")
        members = self._members(body.get("userlist"))
        owner = str(body.get("owner") or (members or [""])[0])
        if not LEAST <= len(members) <= MOST:
            raise ApiError(86006, "invalid member count")
        if owner not in members:
            raise ApiError(86207, "owner not in userlist")
        self._count()
        self.chats[chatid] = Chat(chatid, _name(body), owner, members)
        return {"chatid": chatid}

    def _members(self, given: Any) -> list[str]:
        found = [(str(one), self._world.member(str(one))) for one in given or ()]
        strangers = [name for name, member in found if member is None]
        if strangers:
            raise ApiError(86216, f"illegal member {strangers[0]}")
        return list(dict.fromkeys(member.userid for _, member in found if member))

    def _count(self) -> None:
        at = self._now()
        while self._made and at - self._made[0] >= timedelta(days=1):
            self._made.popleft()
        if len(self._made) >= MADE_A_DAY:
            raise ApiError(45009, "api freq out of limit")
        self._made.append(at)

    def _chat(self, chatid: object) -> Chat:
        found = self.chats.get(str(chatid or ""))
        if found is None:
            raise ApiError(86003, "chatid unknown")
        return found

    def _update(self, _query: Block, body: Block) -> dict[str, Any]:
        chat = self._chat(body.get("chatid"))
        gone = set(self._members(body.get("del_user_list")))
        members = [one for one in chat.members if one not in gone]
        members += [m for m in self._members(body.get("add_user_list")) if m not in members]
        owner = str(body.get("owner") or chat.owner)
        if owner not in members:
            raise ApiError(86207, "owner not in userlist")
        chat.members, chat.owner = members, owner
        chat.name = _name(body) if body.get("name") else chat.name
        return {}

    def _get(self, query: Block, _body: Block) -> dict[str, Any]:
        chat = self._chat(query.get("chatid"))
        info = {"chatid": chat.chatid, "name": chat.name, "owner": chat.owner,
                "userlist": chat.members, "chat_type": 0}  # fmt: skip
        return {"chat_info": info}

    def _send(self, _query: Block, body: Block) -> dict[str, Any]:
        chat, at = self._chat(body.get("chatid")), self._now()
        if body.get("msgtype") in ("template_card", "miniprogram_notice"):
            raise ApiError(40008, "invalid message type")  # not documented for these groups
        shown = messages.show(body, self._media, at)
        while chat.said and at - chat.said[0] >= timedelta(minutes=1):
            chat.said.popleft()
        dropped = len(chat.said) >= PER_MINUTE
        chat.said.append(at)
        self._put(chat.chatid, "appchat", shown, dropped)
        return {}


def _name(body: Block) -> str:
    name = str(body.get("name") or "")
    if len(name) > NAME:
        raise ApiError(86004, "invalid name")
    return name
