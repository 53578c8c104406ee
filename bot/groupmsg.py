"""群发 towards the platform: make a task, read back who was sent it. An advisor confirms it."""

import json
from collections.abc import Mapping
from typing import Any

from bot.caller import Act, Caller
from bot.contacts import LANE, refusal
from bot.wecom.errors import UNREACHABLE, WeComError
from handlers.values import Mass, MassNudge, MassTask
from storage.outbox import Parcel

CHANNEL = "mass"  # by which answers come back
PAGE = 1000
RESULT = ("external_userid", "chat_id", "status", "send_time")
DOUBT = "不确定有没有建成，请到“客户联系 > 群发助手”里看一眼"


def packed(action: Mass) -> tuple[str, str, dict[str, Any]]:
    """Kind, lane and body of the parcel; no task waits for another's results."""
    if isinstance(action, MassTask):
        own = {"sender": action.sender, "customers": list(action.customers), "text": action.text,
               "chats": list(action.chats)}  # fmt: skip
        return "mass", f"{LANE}mass", {"task": action.task, **own}
    if isinstance(action, MassNudge):
        asked = {"task": action.task, "msgid": action.msgid, "sender": action.sender,
                 "what": action.what, "by": action.by}  # fmt: skip
        return "mass_nudge", f"{LANE}mass:{action.task}", asked
    body = {"msgid": action.msgid, "sender": action.sender, "cursor": action.cursor}
    told = {"task": action.task, "poll": action.poll}
    return "mass_result", f"{LANE}mass:{action.task}", {**told, **body}


class Tasks(Caller):
    """An answer and its parcel share a commit."""

    def _acts(self) -> Mapping[str, Act]:
        return {"mass": self._make, "mass_result": self._results, "mass_nudge": self._nudge}

    async def send(self, parcel: Parcel) -> None:
        given = json.loads(parcel.body)
        told = {**given, **await self._answer(parcel, given)}
        await self._tell(parcel, f"{CHANNEL}:{parcel.id}", given["sender"], told)

    async def _answer(self, parcel: Parcel, given: dict[str, Any]) -> dict[str, Any]:
        """A task that may exist already is not made again: nobody could tell them apart."""
        if parcel.kind == "mass" and parcel.tried_at is not None:
            return {"errcode": UNREACHABLE, "errmsg": DOUBT}
        try:
            found: dict[str, Any] = await self.kinds[parcel.kind](parcel, given)
        except WeComError as error:
            if error.doubt and parcel.kind == "mass":
                return {"errcode": error.code, "errmsg": DOUBT}
            return refusal(error)
        return found

    async def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._client.call(self._secret, "POST", f"externalcontact/{path}", json=body)

    async def _make(self, _: Parcel, given: dict[str, Any]) -> dict[str, Any]:
        whom = {"chat_type": "single", "external_userid": given["customers"]}
        if given.get("chats"):  # their owner sends it
            whom = {"chat_type": "group", "chat_id_list": given["chats"]}
        body = {**whom, "sender": given["sender"], "allow_select": False,
                "text": {"content": given["text"]}}  # fmt: skip
        answer = await self._call("add_msg_template", body)
        return {"msgid": answer.get("msgid", ""), "fail_list": answer.get("fail_list") or []}

    async def _results(self, _: Parcel, given: dict[str, Any]) -> dict[str, Any]:
        body = {"msgid": given["msgid"], "userid": given["sender"], "limit": PAGE,
                "cursor": given["cursor"]}  # fmt: skip
        answer = await self._call("get_groupmsg_send_result", body)
        listed = [{name: one.get(name) for name in RESULT} for one in answer.get("send_list") or []]
        return {"send_list": listed, "next_cursor": answer.get("next_cursor") or ""}

    async def _nudge(self, _: Parcel, given: dict[str, Any]) -> dict[str, Any]:
        await self._call(f"{given['what']}_groupmsg_send", {"msgid": given["msgid"]})
        return {"errcode": 0}
