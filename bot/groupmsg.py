"""群发 towards the platform: make a task, read back who was sent it. An advisor confirms it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from bot.clock import Clock
from bot.contacts import LANE, refusal
from bot.wecom.client import Client
from bot.wecom.errors import UNREACHABLE, WeComError
from bot.writer import Writer
from handlers.values import Mass, MassTask
from storage import inbox, outbox
from storage.db import Db
from storage.outbox import Parcel

CHANNEL = "mass"  # by which answers come back
PAGE = 1000
DOUBT = "不确定有没有建成，请到“客户联系 > 群发助手”里看一眼"


def packed(action: Mass) -> tuple[str, str, dict[str, Any]]:
    """Kind, lane and body of the parcel; no task waits for another's results."""
    if isinstance(action, MassTask):
        body = {"sender": action.sender, "customers": list(action.customers), "text": action.text}
        return "mass", f"{LANE}mass", {"task": action.task, **body}
    body = {"msgid": action.msgid, "sender": action.sender, "cursor": action.cursor}
    told = {"task": action.task, "poll": action.poll}
    return "mass_result", f"{LANE}mass:{action.task}", {**told, **body}


class Tasks:
    """Each method raises WeComError for what may pass; an answer and its parcel share a commit."""

    def __init__(
        self, writer: Writer, client: Client, secret: str, clock: Clock, bell: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._client = client
        self._secret = secret
        self._clock = clock
        self._bell = bell
        self.kinds: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "mass": self._make, "mass_result": self._results,
        }  # fmt: skip

    async def send(self, parcel: Parcel) -> None:
        given = json.loads(parcel.body)
        answer = await self._answer(parcel, given)
        await self._tell(parcel, given, answer)

    async def _answer(self, parcel: Parcel, given: dict[str, Any]) -> dict[str, Any]:
        """A task that may exist already is not made again: nobody could tell them apart."""
        if parcel.kind == "mass" and parcel.tried_at is not None:
            return {"errcode": UNREACHABLE, "errmsg": DOUBT}
        try:
            found: dict[str, Any] = await self.kinds[parcel.kind](given)
        except WeComError as error:
            if error.doubt and parcel.kind == "mass":
                return {"errcode": error.code, "errmsg": DOUBT}
            return refusal(error)
        return found

    async def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._client.call(self._secret, "POST", f"externalcontact/{path}", json=body)

    async def _make(self, given: dict[str, Any]) -> dict[str, Any]:
        body = {"chat_type": "single", "external_userid": given["customers"],
                "sender": given["sender"], "allow_select": False,
                "text": {"content": given["text"]}}  # fmt: skip
        answer = await self._call("add_msg_template", body)
        return {"msgid": answer.get("msgid", ""), "fail_list": answer.get("fail_list") or []}

    async def _results(self, given: dict[str, Any]) -> dict[str, Any]:
        body = {"msgid": given["msgid"], "userid": given["sender"], "limit": PAGE,
                "cursor": given["cursor"]}  # fmt: skip
        answer = await self._call("get_groupmsg_send_result", body)
        listed = [{name: one.get(name) for name in ("external_userid", "status", "send_time")}
                  for one in answer.get("send_list") or []]  # fmt: skip
        return {"send_list": listed, "next_cursor": answer.get("next_cursor") or ""}

    async def _tell(self, parcel: Parcel, given: dict[str, Any], answer: dict[str, Any]) -> None:
        text = json.dumps({**given, **answer}, ensure_ascii=False)
        kept = inbox.Kept(f"{CHANNEL}:{parcel.id}", CHANNEL, given["sender"], text)
        now = self._clock.now()

        def note(db: Db) -> None:
            inbox.keep(db, kept, now)
            outbox.sent(db, [parcel.id], now)

        await self._writer.do(note)
        self._bell()
