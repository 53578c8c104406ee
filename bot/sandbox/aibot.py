"""The aibot's side of the pretend WeCom: its chats, its streams, its late answers."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox import messages, replies
from bot.sandbox.api import Api
from bot.sandbox.callbacks import Callbacks
from bot.sandbox.longlink import LongLink
from bot.sandbox.push import Delivery
from bot.sandbox.world import ApiError, Impossible, Internal

STREAM_LIFE_S = 360.0
WELCOME_S = 5.0
LATE_ANSWER_LIFE = timedelta(hours=1)


class Aibot:
    """`number` gives the next message id; `base_url` is where late answers may be posted."""

    def __init__(
        self,
        api: Api,
        callbacks: Callbacks,
        number: Callable[[], int],
        base_url: str,
        poll_s: float,
        link: LongLink,
    ) -> None:
        self._api = api
        self._world = api.world
        self._callbacks = callbacks
        self._number = number
        self._base_url = base_url.rstrip("/")
        self._poll_s = poll_s
        self._link = link
        self._late: dict[str, tuple[str, datetime]] = {}  # code: chat, good until
        self._late_count = 0

    async def hear(self, userid: str, text: str, group: str | None) -> tuple[str, Delivery | None]:
        """Deliver what a member said; no delivery when the bot does not get to hear it."""
        chat = self._internal(userid, group) if group else None
        if chat and f"@{self._world.bot_name}" not in text:
            return "", None  # a group's talk reaches the bot only where it is mentioned
        head = self._head(userid, chat)
        words = {"msgtype": "text", "text": {"content": text}}
        if self._link.on:  # opening it has put the callback address out of use
            where = chat.chatid if chat else userid
            return str(head["msgid"]), await self._link.push(
                {**head, **words}, where, STREAM_LIFE_S
            )
        delivery = await self._push({**head, **self._late_address(userid, chat), **words})
        await self._follow(userid, chat, delivery)
        return str(head["msgid"]), delivery

    async def greet(self, userid: str) -> tuple[str, Delivery]:
        """A member opens the bot's chat for the first time that day."""
        head = self._head(userid, None)
        created = int(self._api.now().timestamp())
        event = {"msgtype": "event", "event": {"eventtype": "enter_chat"}}
        if self._link.on:
            body = {**head, "create_time": created, **event}
            return str(head["msgid"]), await self._link.push(body, userid, WELCOME_S)
        delivery = await self._push({**head, "create_time": created, **event})
        await self._follow(userid, None, delivery, welcome=True)
        return str(head["msgid"]), delivery

    async def rate(self, userid: str, verdict: int, reasons: list[int], words: str) -> Delivery:
        """A member rates the newest answer they got: 1 right, 2 wrong, 3 taken back."""
        rated = (i for i in reversed(self._api.feed.items) if i["to"] == userid and i.get("rating"))
        item = next(rated, None)
        if item is None:
            raise Impossible(f"{userid} 还没有可以评价的回答。", 404)
        told = {"id": item["rating"], "type": verdict, "content": words,
                "inaccurate_reason_list": reasons}  # fmt: skip
        event = {"msgtype": "event", "create_time": int(self._api.now().timestamp()),
                 "event": {"eventtype": "feedback_event", "feedback_event": told}}  # fmt: skip
        body = {**self._head(userid, None), **event}
        if self._link.on:
            return await self._link.tell(body)
        return await self._push(body)

    def _internal(self, userid: str, group: str) -> Internal:
        found = next((one for one in self._world.internal if one.chatid == group), None)
        if found is None:
            known = group in self._api.contacts.chats
            raise Impossible("智能机器人进不了客户群。" if known else f"没有这个内部群：{group}")
        if userid not in found.members:
            raise Impossible(f"{userid} 不在群 {group} 里。")
        return found

    def _head(self, userid: str, chat: Internal | None) -> dict[str, Any]:
        where = {"chatid": chat.chatid, "chattype": "group"} if chat else {"chattype": "single"}
        head = {"msgid": f"m-{self._number()}", "aibotid": self._world.aibot_id}
        return {**head, **where, "from": {"userid": userid}}

    async def _push(self, body: Mapping[str, Any]) -> Delivery:
        return await self._callbacks.push("aibot", json.dumps(body, ensure_ascii=False))

    async def _follow(
        self, userid: str, chat: Internal | None, delivery: Delivery, welcome: bool = False
    ) -> None:
        """Ask for the rest of a stream until it is finished, then show it."""
        reply = self._valid(delivery.reply, welcome)
        rating = replies.rating(reply)  # named in the first state, and only there
        clock = asyncio.get_running_loop().time  # streams live in real seconds
        end = clock() + STREAM_LIFE_S
        while replies.unfinished(reply) and clock() < end:
            await asyncio.sleep(self._poll_s)
            refresh = {"msgtype": "stream", "stream": {"id": reply["stream"]["id"]}}
            more = await self._push({**self._head(userid, chat), **refresh})
            reply = self._valid(more.reply, False) or reply
        if reply:
            shown = {**replies.shown(reply), "rating": rating}
            self._api.feed.put(chat.chatid if chat else userid, "aibot", shown)

    def _valid(self, plaintext: str, welcome: bool) -> dict[str, Any]:
        """The answer, if it is one; an invalid one is noted and shown to nobody."""
        if not plaintext:
            return {}
        try:
            return replies.read(plaintext, welcome)
        except ValueError as exc:
            self._callbacks.problems.append(f"aibot: {exc}")
            return {}

    def _late_address(self, userid: str, chat: Internal | None) -> dict[str, str]:
        if not self._base_url:
            return {}
        self._late_count += 1
        code = f"AR-{self._late_count}"
        to = chat.chatid if chat else userid
        self._late[code] = (to, self._api.now() + LATE_ANSWER_LIFE)
        path = f"/cgi-bin/aibot/response?response_code={code}"
        return {"response_url": self._base_url + path}

    def answer_late(self, code: str, body: Mapping[str, Any]) -> None:
        """A slow answer to the address given with a message: once, within the hour."""
        found = self._late.get(code)
        if found is None or self._api.now() >= found[1]:
            raise ApiError(60140, "invalid response_code")
        if body.get("msgtype") not in ("markdown", "template_card"):
            raise ApiError(40008, "invalid message type")
        shown = messages.show(body, self._api.media, self._api.now())
        del self._late[code]
        self._api.feed.put(found[0], "aibot", shown)
