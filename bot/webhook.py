"""Group robots towards the platform: queued, and what waits together is merged."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot import pictures
from bot.messages import Packed, split
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers.values import PostPicture, Robot
from storage.outbox import Parcel

LANE = "hook:"
PER_MINUTE = 18  # the platform takes 20
TEXT_BYTES, MARKDOWN_BYTES = 2048, 4096
BETWEEN = "\n\n"
KINDS = ("post", "post_picture")
NO_SUCH_HOOK = 93000


def packed(action: Robot) -> Iterator[Packed]:
    target = f"{LANE}{action.hook}"
    if isinstance(action, PostPicture):
        yield "post_picture", target, {"svg": action.svg}
        return
    for piece in split(action.text, _most(action.markdown)):
        yield "post", target, {"content": piece, "markdown": action.markdown}


def _most(markdown: bool) -> int:
    return MARKDOWN_BYTES if markdown else TEXT_BYTES


def grouped(parcels: list[Parcel]) -> list[list[Parcel]]:
    """One group a message: texts that wait together leave together, as far as they fit."""
    groups: list[list[Parcel]] = []
    for parcel in parcels:
        if groups and _joins(groups[-1], parcel):
            groups[-1].append(parcel)
        else:
            groups.append([parcel])
    return groups


def _joins(group: list[Parcel], parcel: Parcel) -> bool:
    found = [*group, parcel]
    if {one.kind for one in found} != {"post"}:
        return False
    bodies = [json.loads(one.body) for one in found]
    markdown = {bool(body["markdown"]) for body in bodies}
    return len(markdown) == 1 and len(_joined(bodies).encode()) <= _most(markdown.pop())


def _joined(bodies: list[dict[str, Any]]) -> str:
    return BETWEEN.join(body["content"] for body in bodies)


class Robots:
    """The addresses hold keys: whoever has one can post, so they are never logged.

    The platform knows no repeats here. What may have arrived is sent again: a text that stands
    in the group twice does less harm than one that is missing.
    """

    def __init__(self, client: Client, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls

    async def send(self, parcels: list[Parcel]) -> None:
        """One message of all of them; raises WeComError."""
        name = parcels[0].target.removeprefix(LANE)
        if name not in self._urls:
            raise WeComError(NO_SUCH_HOOK, f"no [[webhooks]] is named {name}", permanent=True)
        await self._client.post(self._urls[name], message(parcels))


def message(parcels: list[Parcel]) -> dict[str, Any]:
    bodies = [json.loads(parcel.body) for parcel in parcels]
    if parcels[0].kind == "post_picture":
        data = pictures.png(bodies[0]["svg"])
        image = {"base64": base64.b64encode(data).decode(),
                 "md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}  # fmt: skip
        return {"msgtype": "image", "image": image}
    kind = "markdown" if bodies[0]["markdown"] else "text"
    return {"msgtype": kind, kind: {"content": _joined(bodies)}}
