"""What everything that calls the platform has in common: a secret, and a way to keep answers."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from bot.clock import Clock
from bot.wecom.client import Client
from bot.writer import Writer
from storage import inbox, outbox
from storage.db import Db
from storage.outbox import Parcel

Act = Callable[[Parcel, dict[str, Any]], Any]


class Caller:
    """Its acts raise WeComError for what may pass; the parcel is then tried again."""

    kinds: Mapping[str, Act]

    def __init__(
        self, writer: Writer, client: Client, secret: str, clock: Clock, bell: Callable[[], None]
    ) -> None:
        """`bell` is rung when an answer lies in the inbox."""
        self._writer = writer
        self._client = client
        self._secret = secret
        self._clock = clock
        self._bell = bell
        self.kinds = self._acts()

    def _acts(self) -> Mapping[str, Act]:
        """By kind of parcel."""
        return {}

    async def send(self, parcel: Parcel) -> None:
        await self.kinds[parcel.kind](parcel, json.loads(parcel.body))

    async def _tell(self, parcel: Parcel, name: str, lane: str, body: Mapping[str, Any]) -> None:
        """Keep the answer in the inbox in the same commit that closes the question."""
        text = json.dumps(body, ensure_ascii=False)
        kept = inbox.Kept(name, name.partition(":")[0], lane, text)
        now = self._clock.now()

        def note(db: Db) -> None:
            inbox.keep(db, kept, now)
            outbox.sent(db, [parcel.id], now)

        await self._writer.do(note)
        self._bell()
