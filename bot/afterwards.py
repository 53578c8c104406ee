"""Messages that somebody has already: new faces for cards, and taking back."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.caller import Act, Caller
from bot.clock import Clock
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from bot.writer import Writer
from handlers.values import Later, UpdateCard
from storage import outbox
from storage.outbox import Parcel, Shown

SPENT, GONE = 60140, 40035  # the code was used, the message is not there any more
CODE_LIFE = timedelta(hours=72)
RECALL_LIFE = timedelta(hours=24)
# The callback's own answer comes first and costs nothing; only without it the API is called.
GRACE = timedelta(seconds=10)
CARDS = ("card", "vote", "form")


def packed(action: Later) -> tuple[str, str, dict[str, Any]]:
    """Kind, lane and body of the parcel; a message is taken back after it was sent."""
    if isinstance(action, UpdateCard):
        lane = f"card:{action.userid}"  # its grace holds up nothing else of the same member
        return "update_card", lane, {"userid": action.userid, "text": action.text,
                                     "code": action.response_code}  # fmt: skip
    body = {name: getattr(action, name) for name in ("task_id", "words", "cause", "holding")}
    return "recall", action.to, body


class Afterwards(Caller):
    """With the app's secret."""

    def __init__(
        self, writer: Writer, client: Client, secret: str, clock: Clock, agent_id: int
    ) -> None:
        super().__init__(writer, client, secret, clock, lambda: None)
        self._agent_id = agent_id

    def _acts(self) -> Mapping[str, Act]:
        return {"update_card": self._update, "recall": self._recall}

    async def _update(self, _: Parcel, given: dict[str, Any]) -> None:
        if given["code"]:
            await self._face(given["userid"], given["code"], given["text"])

    async def _face(self, userid: str, code: str, words: str) -> None:
        body = {"userids": [userid], "partyids": [], "tagids": [], "atall": 0,
                "agentid": self._agent_id, "response_code": code,
                "button": {"replace_name": words}}  # fmt: skip
        try:
            await self._client.call(self._secret, "POST", "message/update_template_card", json=body)
        except WeComError as error:
            if error.code != SPENT:  # it has its new face, from the callback's own answer
                raise

    async def _recall(self, parcel: Parcel, given: dict[str, Any]) -> None:
        """All pieces of what matches; what is too old for both ways stays."""
        now = self._clock.now()
        found = await self._writer.do(lambda db: outbox.shown(db, parcel.target, now - CODE_LIFE))
        whole = {_message(one) for one in found if _meant(one, given)}
        for one in found:
            if _message(one) in whole:
                await self._take(one, parcel.target, given["words"])

    async def _take(self, one: Shown, userid: str, words: str) -> None:
        if one.response_code and words:
            await self._face(userid, one.response_code, words)
        elif self._clock.now() - one.sent_at <= RECALL_LIFE:
            await self._back(one.msgid)
        await self._writer.do(lambda db: outbox.spend(db, one.id))

    async def _back(self, msgid: str) -> None:
        try:
            await self._client.call(self._secret, "POST", "message/recall", json={"msgid": msgid})
        except WeComError as error:
            if error.code != GONE:
                raise


def _message(one: Shown) -> str:
    """The same for all pieces of a long text."""
    return one.id.rpartition(".")[0]


def _meant(one: Shown, given: Mapping[str, Any]) -> bool:
    if given["task_id"]:
        return one.kind in CARDS and json.loads(one.body).get("task_id") == given["task_id"]
    said = json.loads(one.body).get("content", "") if one.kind == "text" else ""
    return bool(given["cause"]) and one.cause == given["cause"] and given["holding"] in said
