"""Internal groups that the app has made: texts and pictures into them, and the making."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot import pictures
from bot.caller import Act, Caller
from bot.messages import split
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers.values import Chat, ChatPicture
from storage.outbox import Parcel

LANE = "chat:"
PER_MINUTE = 20  # far below what the platform drops without a word
LEAST, MOST, NAME = 2, 2000, 50  # members, and characters
MADE = 86215  # a group with this id is there


def packed(action: Chat) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, lane and body of each parcel."""
    lane = f"{LANE}{action.chat}"
    if isinstance(action, ChatPicture):
        yield "chat_picture", lane, {"svg": action.svg}
        return
    for piece in split(action.text):
        yield "chat_text", lane, {"content": piece}


class Chats(Caller):
    """The platform knows no repeats here: what may have arrived is sent again."""

    def _acts(self) -> Mapping[str, Act]:
        return {"chat_text": self._text, "chat_picture": self._picture}

    async def _text(self, parcel: Parcel, given: dict[str, Any]) -> None:
        await self._say(parcel, "text", {"content": given["content"]})

    async def _picture(self, parcel: Parcel, given: dict[str, Any]) -> None:
        data = await asyncio.to_thread(pictures.png, given["svg"])
        media_id = await self._client.upload(self._secret, "image", "日报.png", data)
        await self._say(parcel, "image", {"media_id": media_id})

    async def _say(self, parcel: Parcel, kind: str, part: Mapping[str, Any]) -> None:
        body = {"chatid": parcel.target.removeprefix(LANE), "msgtype": kind, kind: part, "safe": 0}
        await self._client.call(self._secret, "POST", "appchat/send", json=body)


async def create(client: Client, secret: str, name: str, members: Sequence[str], hello: str) -> str:
    """A group, shown to its members by its first message; asked twice, it is made once.

    Its id follows from what was asked, and the platform tells when it has been made before.
    """
    key = json.dumps([name, *members], ensure_ascii=False)
    chat = hashlib.blake2s(key.encode(), digest_size=8).hexdigest()
    body = {"name": name, "owner": members[0], "userlist": list(members), "chatid": chat}
    try:
        await client.call(secret, "POST", "appchat/create", json=body)
    except WeComError as error:
        if error.code != MADE:
            raise
    first = {"chatid": chat, "msgtype": "text", "text": {"content": hello}, "safe": 0}
    await client.call(secret, "POST", "appchat/send", json=first)
    return chat
